"""Reads links whose meters speak by themselves: waits, and notices who falls silent.

How often a meter sends is its own affair (1 s to 10 s), so its rhythm is learnt: it is late after
one and a half of its rhythm or of its poll interval, whichever is longer, and lost after two and a
half. Of a meter that sends more often than it is to be read, one telegram per interval is taken.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed, seconds_text
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.schedule import Backoff
from energy_desktop.acquisition.telegram_link import TelegramLink, TelegramMeter, refused
from energy_desktop.acquisition.telegrams.matching import receivers
from energy_desktop.acquisition.telegrams.telegram import Telegram, TelegramRefused
from energy_desktop.acquisition.tracking import LOST_AFTER_FAILURES, log
from energy_desktop.domain.bus import BusError
from energy_desktop.domain.site import Link

LATE_AFTER, LOST_AFTER = 1.5, 2.5  # times the rhythm
FIRST_PATIENCE_S = 12.0  # DSMR 4 sends every 10 s; before a rhythm is known nobody is lost sooner
SLOWEST_RHYTHM_S = 120.0
REOPEN_CEILING_S = 5.0  # opening a port costs nothing, and a pulled adapter may come back any time
_UNIT = 0


class Source(Protocol):
    """Where telegrams come from; one connection at a time."""

    @property
    def log(self) -> FrameLog: ...

    @property
    def counters(self) -> BusCounters: ...

    async def open(self) -> None:
        """Raises RequestFailed (NO_CONNECTION)."""
        ...

    async def hear(self) -> list[Telegram | TelegramRefused]:
        """Waits for the next. Raises RequestFailed when the connection is gone."""
        ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class _Rhythm:
    """When a meter was heard, and when it must be heard again. Seconds of the monotonic clock."""

    since_s: float
    gaps_s: deque[float] = field(default_factory=lambda: deque(maxlen=5))
    judged: int = 0  # how often its silence was noted
    origin_s: float | None = None
    last_slot: int = -1

    def heard(self, now_s: float) -> None:
        gap_s = now_s - self.since_s
        if self.origin_s is not None and (not self.judged or gap_s <= FIRST_PATIENCE_S):
            self.gaps_s.append(min(gap_s, SLOWEST_RHYTHM_S))
        self.since_s = now_s
        self.judged = 0

    def is_due(self, now_s: float, period_s: float) -> bool:
        """Whether this telegram is the one of its interval; takes it if it is."""
        if self.origin_s is None:
            self.origin_s = now_s
        slot = round((now_s - self.origin_s) / period_s)
        if slot <= self.last_slot:
            return False
        self.last_slot = slot
        return True

    def expected_s(self, period_s: float) -> float:
        return max(period_s, *self.gaps_s) if self.gaps_s else period_s

    def check_s(self, period_s: float, first_patience_s: float) -> float | None:
        """When its silence is to be judged next; None: it has been."""
        if not self.gaps_s:
            return (
                None if self.judged else self.since_s + max(LOST_AFTER * period_s, first_patience_s)
            )
        if self.judged >= 2:
            return None
        return self.since_s + (LOST_AFTER if self.judged else LATE_AFTER) * self.expected_s(
            period_s
        )


class LinkListener(TelegramLink):
    """Implements LinkTask. first_patience_s: how long an unknown meter may be silent."""

    def __init__(
        self,
        link: Link,
        outlets: Outlets,
        source: Source,
        *,
        first_patience_s: float = FIRST_PATIENCE_S,
    ) -> None:
        super().__init__(link, outlets, source.log, source.counters)
        self._source = source
        self._first_patience_s = first_patience_s
        self._rhythms: dict[str, _Rhythm] = {}
        self._backoff = Backoff(link.address, ceiling_s=REOPEN_CEILING_S)
        self._refusal: TelegramRefused | None = None
        self._strangers = ""

    def put(self, meter: MeterOnLink) -> None:
        now_s = self._loop.time()
        self._rhythms[meter.meter_id] = _Rhythm(now_s)
        meter.track.begin(now_s, self._outlets.now_ms())
        super().put(meter)

    def remove(self, meter_id: str) -> MeterOnLink | None:
        self._rhythms.pop(meter_id, None)
        return super().remove(meter_id)

    def try_now(self, meter_id: str) -> bool:
        """A meter that speaks by itself cannot be asked; a port that is gone is tried at once."""
        if meter_id not in self._meters:
            return False
        self._backoff.reset()
        self.wake()
        return True

    async def run(self) -> None:
        """Until `end` or cancelled."""
        try:
            while not self._ending:
                try:
                    await self._source.open()
                    self._backoff.reset()
                    await self._listen()
                except RequestFailed as failure:
                    await self._lost_connection(failure)
                except Exception:  # noqa: BLE001
                    # The outer edge of the link: a bug met at one telegram must not end the rest.
                    log.exception("%s: listening failed by a fault of ours.", self._link.address)
                    await self._lost_connection(_our_fault())
        finally:
            await self._source.close()

    async def _lost_connection(self, failure: RequestFailed) -> None:
        await self._source.close()
        retry_s = self._loop.time() + self._backoff.next_wait_s()
        self._frames.noticed(failure.error, None, failure.what)
        self._counters.noticed(_UNIT, failure.error)
        for meter in list(self._meters.values()):
            self._fail(meter, failure, retry_s)
        if not self._ending:
            await self._pause(retry_s - self._loop.time())

    async def _listen(self) -> None:
        """Until the connection is gone (RequestFailed) or this is to end."""
        for rhythm in self._rhythms.values():
            rhythm.since_s = self._loop.time()
            rhythm.judged = 0
        hearing = asyncio.ensure_future(self._source.hear())
        try:
            while not self._ending:
                await self._pause(self._judge_silence(), hearing)
                if hearing.done():
                    for outcome in hearing.result():
                        self._heard(outcome)
                    hearing = asyncio.ensure_future(self._source.hear())
        finally:
            hearing.cancel()
            with suppress(asyncio.CancelledError, RequestFailed):
                await hearing

    def _heard(self, outcome: Telegram | TelegramRefused) -> None:
        if isinstance(outcome, TelegramRefused):
            if not outcome.fragment:
                self._refusal = outcome
                self._counters.noticed(_UNIT, outcome.error)
            return
        self._refusal = None
        self._counters.answered(_UNIT, 0.0)
        addresses = [(meter.meter_id, meter.address) for meter in self._meters.values()]
        meter_ids = receivers(outcome, addresses)
        if not meter_ids:
            self._strangers = outcome.identity
        now_s = self._loop.time()
        for meter_id in meter_ids:
            meter, rhythm = self._meters[meter_id], self._rhythms[meter_id]
            rhythm.heard(now_s)
            if not rhythm.is_due(now_s, meter.track.slots.period_s):
                continue
            try:
                self._take(meter, outcome, None, late=False)
            except RequestFailed as failure:
                self._fail(meter, failure)

    def _judge_silence(self) -> float | None:
        """Marks who has been silent for too long; gives the seconds until it is to look again."""
        now_s = self._loop.time()
        waits: list[float] = []
        for meter_id, rhythm in self._rhythms.items():
            meter = self._meters[meter_id]
            period_s = meter.track.slots.period_s
            while True:
                check_s = rhythm.check_s(period_s, self._first_patience_s)
                if check_s is None or check_s > now_s:
                    break
                self._silent(meter, rhythm, now_s)
            if check_s is not None:
                waits.append(check_s - now_s)
        return max(0.01, min(waits)) if waits else None

    def _silent(self, meter: TelegramMeter, rhythm: _Rhythm, now_s: float) -> None:
        rhythm.judged += 1
        if not rhythm.gaps_s or rhythm.judged > 1:
            meter.track.failures_in_row = max(
                meter.track.failures_in_row, LOST_AFTER_FAILURES - 1
            )  # judged by time, not by tries
        self._counters.failed(_UNIT, BusError.TIMEOUT)
        failure = self._why_silent(meter, seconds_text(round(now_s - rhythm.since_s, 1)))
        self._frames.noticed(failure.error, None, failure.what)
        self._fail(meter, failure, now_s)

    def _why_silent(self, meter: TelegramMeter, seconds: str) -> RequestFailed:
        if self._refusal is not None:
            return refused(self._refusal)
        if self._strangers and meter.address:
            return RequestFailed(
                FailureKind.NO_ANSWER,
                f"no telegram of {meter.address} for {seconds} s, but those of {self._strangers}.",
                "Check the address of the meter.",
                BusError.WRONG_UNIT,
            )
        return RequestFailed(
            FailureKind.NO_ANSWER,
            f"no telegram came for {seconds} s.",
            "Check the cable or the seat of the optical head, the baud rate, and whether the meter "
            "sends by itself.",
        )


def _our_fault() -> RequestFailed:
    return RequestFailed(
        FailureKind.DEVICE_FAULT,
        "this program failed to read it.",
        "Send the log to the makers of this program.",
    )
