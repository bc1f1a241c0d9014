"""What all links of telegrams share: meters, states, and how a telegram becomes a reading."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.meter_clock import local_ms
from energy_desktop.acquisition.telegrams.reading import TelegramReader
from energy_desktop.acquisition.telegrams.telegram import Telegram, TelegramRefused
from energy_desktop.acquisition.tracking import log
from energy_desktop.domain.bus import BusStatistics
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.site import Link
from energy_desktop.domain.snapshot import LinkState


@dataclass(slots=True)
class TelegramMeter(MeterOnLink):
    """A meter with what makes snapshots of its telegrams."""

    reader: TelegramReader | None = None
    identity: str = ""  # of its last telegram

    @property
    def address(self) -> str:
        return self.track.meter.address


def refused(refusal: TelegramRefused) -> RequestFailed:
    """The refusal of a telegram as the failure of the request that it answers."""
    return RequestFailed(
        FailureKind.WRONG_ANSWER,
        f"the telegram was refused: {refusal.what}",
        refusal.remedy,
        refusal.error,
    )


class TelegramLink:
    """The part of LinkTask that does not depend on who speaks first."""

    def __init__(
        self, link: Link, outlets: Outlets, frames: FrameLog, counters: BusCounters
    ) -> None:
        self._link = link
        self._outlets = outlets
        self._frames = frames
        self._counters = counters
        self._meters: dict[str, TelegramMeter] = {}
        self._loop = asyncio.get_running_loop()
        self._wake: asyncio.Future[None] = self._loop.create_future()
        self._ending = False

    @property
    def meters(self) -> Mapping[str, MeterOnLink]:
        return self._meters

    @property
    def log(self) -> FrameLog:
        return self._frames

    def put(self, meter: MeterOnLink) -> None:
        """Reads this meter from now on, in place of one of the same id."""
        reader = TelegramReader(meter.profile, meter.correction)
        known = TelegramMeter(meter.track, meter.profile, meter.correction, reader)
        self._meters[meter.meter_id] = known
        self._publish(known, None)
        self.wake()

    def remove(self, meter_id: str) -> MeterOnLink | None:
        """Stops reading a meter; a gap that is open is reported up to now."""
        meter = self._meters.pop(meter_id, None)
        if meter is not None:
            self._report(meter.track.open_gap(self._outlets.now_ms()))
            self.wake()
        return meter

    def wake(self) -> None:
        if not self._wake.done():
            self._wake.set_result(None)

    def end(self) -> None:
        self._ending = True
        self.wake()

    def statistics(self) -> BusStatistics:
        return self._counters.statistics(self._link.link_id, None)

    async def _pause(self, seconds: float | None, *others: "asyncio.Future[Any]") -> None:
        """Until woken, until one of the others is done, or for so long."""
        await asyncio.wait(
            {self._wake, *others}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if self._wake.done():
            self._wake = self._loop.create_future()

    def _is_current(self, meter: TelegramMeter) -> bool:
        return self._meters.get(meter.meter_id) is meter

    def _take(
        self, meter: TelegramMeter, telegram: Telegram, round_trip_ms: float | None, *, late: bool
    ) -> None:
        """Makes the meter's reading of its telegram. Raises RequestFailed if it holds none."""
        if not self._is_current(meter) or meter.reader is None:
            return  # replaced while the telegram was on its way
        now_ms = self._outlets.now_ms()
        snapshot = meter.reader.snapshot(meter.meter_id, now_ms, telegram)
        if snapshot is None:
            raise RequestFailed(
                FailureKind.REFUSED,
                "its telegrams hold none of the values that the driver names.",
                "Choose a driver for this meter; `decode` shows what a telegram holds.",
            )
        if meter.identity and telegram.identity != meter.identity:
            log.warning(
                "%s: another meter sends now: %s, before it was %s.",
                meter.track.where,
                telegram.identity,
                meter.identity,
            )
        meter.identity = telegram.identity
        shown_ms = telegram.time_ms
        if shown_ms is None and telegram.wall_time is not None:
            shown_ms = local_ms(telegram.wall_time, self._outlets.zone(), now_ms)
        if shown_ms is not None:
            meter.track.clock_showed(shown_ms, now_ms)
        before = meter.track.status.state
        self._outlets.sink.put(snapshot)
        gap = meter.track.answered(
            self._loop.time(), now_ms, round_trip_ms or 0.0, 1 if late else 0
        )
        if round_trip_ms is None:
            meter.track.status = replace(meter.track.status, round_trip_ms=None)
        self._report(gap)
        self._publish(meter, before)

    def _fail(
        self, meter: TelegramMeter, failure: RequestFailed, retry_s: float | None = None
    ) -> None:
        if not self._is_current(meter):
            return
        before = meter.track.status.state
        meter.track.failed(failure, self._loop.time(), self._outlets.now_ms(), retry_s)
        self._publish(meter, before)

    def _publish(self, meter: TelegramMeter, before: LinkState | None) -> None:
        status = meter.track.status
        if self._is_current(meter):
            self._outlets.statuses[status.meter_id] = status
            if status.state is not before:
                self._outlets.on_event(status)

    def _report(self, gap: Gap | None) -> None:
        if gap is not None:
            self._outlets.on_gap(gap)
