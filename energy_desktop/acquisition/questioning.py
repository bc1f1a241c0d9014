"""Reads links whose meters send telegrams when they are asked, one after another.

The rules are those of the Modbus poller: the meter that has been due longest goes first, a silent
one is asked ever more rarely, and a port that is gone is tried for all of them at once.
"""

import asyncio
from typing import Protocol

from energy_desktop.acquisition.link_task import Outlets
from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.reopening import Reopening
from energy_desktop.acquisition.telegram_link import TelegramLink, TelegramMeter, refused
from energy_desktop.acquisition.telegrams.telegram import Telegram, TelegramRefused
from energy_desktop.acquisition.tracking import log
from energy_desktop.domain.site import Link

REOPEN_CEILING_S = 5.0
MOST_UNANSWERED = 3  # then the connection is made anew: the other side may be gone without a word


class Questioner(Protocol):
    """Asks one meter at a time; opens its connection when it needs one."""

    @property
    def log(self) -> FrameLog: ...

    @property
    def counters(self) -> BusCounters: ...

    async def ask(self, unit_id: int, address: str) -> Telegram:
        """Raises RequestFailed or TelegramRefused."""
        ...

    async def close(self) -> None: ...


class LinkAsker(TelegramLink):
    """Implements LinkTask."""

    def __init__(self, link: Link, outlets: Outlets, questioner: Questioner) -> None:
        super().__init__(link, outlets, questioner.log, questioner.counters)
        self._questioner = questioner
        self._lock = asyncio.Lock()
        self._reopening = Reopening(link.address, REOPEN_CEILING_S)
        self._unanswered = 0

    def try_now(self, meter_id: str) -> bool:
        meter = self._meters.get(meter_id)
        if meter is None:
            return False
        self._reopening.at_once()
        meter.track.try_now(self._loop.time())
        self.wake()
        return True

    async def ask(self, unit_id: int, address: str) -> Telegram:
        """One question, also of a meter that is not polled. Raises RequestFailed."""
        async with self._lock:
            started_s = self._loop.time()
            try:
                telegram = await self._questioner.ask(unit_id, address)
            except TelegramRefused as refusal:
                failure = refused(refusal)
                self._note(unit_id, failure, started_s)
                raise failure from None
            except RequestFailed as failure:
                self._note(unit_id, failure, started_s)
                await self._doubt(failure)
                raise
            self._unanswered = 0
            took_s = self._loop.time() - started_s
            self._counters.answered(unit_id, took_s)
            self._counters.busy(took_s)
            return telegram

    async def run(self) -> None:
        """Until `end` or cancelled."""
        try:
            while not self._ending:
                meter = min(self._meters.values(), key=lambda m: m.track.due_s, default=None)
                now_s = self._loop.time()
                if meter is None:
                    await self._pause(None)
                elif meter.track.due_s > now_s:
                    await self._pause(meter.track.due_s - now_s)
                else:
                    await self._poll(meter)
        finally:
            await self._questioner.close()

    async def _poll(self, meter: TelegramMeter) -> None:
        track = meter.track
        started_s = self._loop.time()
        skipped = track.begin(started_s, self._outlets.now_ms())
        try:
            self._reopening.check(started_s)
            telegram = await self.ask(track.meter.unit_id, meter.address)
            self._reopening.connected()
            took_s = self._loop.time() - started_s
            # A readout at 300 baud takes longer than any interval: that is its way, not lateness.
            late = skipped > 0 and took_s < track.slots.period_s
            self._take(meter, telegram, took_s * 1000, late=late)
        except RequestFailed as failure:
            self._failed(meter, failure)
        except Exception:  # noqa: BLE001
            # The outer edge of the poll: a bug met at one meter must not end its neighbours.
            log.exception("%s: polling failed by a fault of this program.", track.where)
            self._failed(
                meter,
                RequestFailed(
                    FailureKind.DEVICE_FAULT,
                    "this program failed to read it.",
                    "Send the log to the makers of this program.",
                ),
            )

    def _failed(self, meter: TelegramMeter, failure: RequestFailed) -> None:
        self._fail(meter, failure, self._reopening.failed(failure, self._loop.time()))

    async def _doubt(self, failure: RequestFailed) -> None:
        if failure.kind is FailureKind.NO_ANSWER:
            self._unanswered += 1
            if self._unanswered >= MOST_UNANSWERED:
                self._unanswered = 0
                await self._questioner.close()

    def _note(self, unit_id: int, failure: RequestFailed, started_s: float) -> None:
        self._frames.noticed(failure.error, unit_id, failure.what)
        self._counters.failed(unit_id, failure.error, failure.code)
        self._counters.busy(self._loop.time() - started_s)
