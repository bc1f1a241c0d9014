"""Polls the meters of one connection or serial bus, one after another.

One task per link, not per meter: RS-485 is half duplex, and a gateway serves one request at a time,
so two requests at once only spoil each other. The meter that has been due longest goes first, which
shares a link that is too slow evenly.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.links.checked import CheckedConnection, ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.meter_clock import ASK_EVERY_S, ClockRegister, shown_ms
from energy_desktop.acquisition.profiles import DriverProfile
from energy_desktop.acquisition.reading import DeviceChanged, Reader, ReadPart
from energy_desktop.acquisition.reopening import Reopening
from energy_desktop.acquisition.sunspec import needs_contact, resolve
from energy_desktop.acquisition.tracking import log
from energy_desktop.domain.bus import BusStatistics
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.site import Link
from energy_desktop.domain.snapshot import LinkState, Snapshot

CONNECTION_CEILING_S = 60.0
PORT_CEILING_S = 5.0
"""A port that is gone costs nothing to try, and a technician waits for the adapter to come back."""
REQUEST_BYTES = 5  # of a read, from its function code on
MOST_TURNS = 60  # of a plan whose slow registers take turns: enough for its mean


@dataclass(slots=True)
class PolledMeter(MeterOnLink):
    """A meter with all that a poll needs.

    reader None: what is to be read is known only after a contact (SunSpec).
    turn: polls that succeeded; a poll that failed is asked again whole.
    """

    reader: Reader | None = None
    turn: int = 0
    clock: ClockRegister | None = None
    clock_due_s: float = 0.0
    requests: dict[ReadPart, tuple[ReadRequest, ...]] = field(default_factory=dict)

    def know(self, profile: DriverProfile) -> Reader:
        """Reads by `profile` from now on, beginning with a whole poll."""
        interval_s = self.track.meter.poll_interval_s
        self.reader = Reader(profile, self.correction, poll_interval_s=interval_s)
        self.turn = 0
        self.clock, self.clock_due_s = profile.clock, 0.0
        self.requests.clear()
        return self.reader

    def requests_of(self, part: ReadPart) -> tuple[ReadRequest, ...]:
        """Made once for each part: they are sent again and again."""
        found = self.requests.get(part)
        if found is None:
            found = self.requests[part] = requests_for(part, self.track.meter.unit_id)
        return found


def requests_for(reader: Reader | ReadPart, unit_id: int) -> tuple[ReadRequest, ...]:
    return tuple(ReadRequest(unit_id, b.function, b.address, b.count) for b in reader.blocks)


class LinkPoller:
    """The LinkTask of the Modbus kinds."""

    def __init__(self, link: Link, connection: CheckedConnection, outlets: Outlets) -> None:
        self.connection = connection
        self._link = link
        self._outlets = outlets
        self._meters: dict[str, PolledMeter] = {}
        self._loop = asyncio.get_running_loop()
        self._wake: asyncio.Future[None] | None = None
        self._ending = False
        ceiling_s = PORT_CEILING_S if link.is_serial else CONNECTION_CEILING_S
        self._reopening = Reopening(connection.address, ceiling_s)

    @property
    def meters(self) -> Mapping[str, MeterOnLink]:
        return self._meters

    @property
    def log(self) -> FrameLog:
        return self.connection.log

    def statistics(self) -> BusStatistics:
        connection = self.connection
        return connection.counters.statistics(
            self._link.link_id, self._needed_pct(), connection.suspicion
        )

    def _needed_pct(self) -> float | None:
        """Share of the time that the poll plan takes; None: no plan is known yet."""
        plans = [
            (polled.reader, polled.track.slots.period_s)
            for polled in tuple(self._meters.values())
            if polled.reader is not None
        ]
        if not plans:
            return None
        return 100.0 * sum(self._needed_s(reader) / period_s for reader, period_s in plans)

    def _needed_s(self, reader: Reader) -> float:
        """Seconds that a poll takes in the mean: on the wire, in silence, and the meter's own."""
        turns = min(reader.cycle, MOST_TURNS)
        blocks = [block for turn in range(turns) for block in reader.part(turn).blocks]
        wire_s = sum(
            self.connection.wire_s(REQUEST_BYTES, 2 * block.count) + self.connection.think_s
            for block in blocks
        )
        return wire_s / turns

    def put(self, meter: MeterOnLink) -> None:
        """Polls this meter from now on, in place of one of the same id."""
        polled = PolledMeter(meter.track, meter.profile, meter.correction)
        if not needs_contact(meter.profile):
            polled.know(meter.profile)
        self._meters[polled.meter_id] = polled
        self._publish(polled, None)
        self.wake()

    def remove(self, meter_id: str) -> None:
        """Stops polling a meter; a gap that is open is reported up to now."""
        polled = self._meters.pop(meter_id, None)
        if polled is not None:
            self._report(polled.track.open_gap(self._outlets.now_ms()))
            self.wake()

    def try_now(self, meter_id: str) -> bool:
        polled = self._meters.get(meter_id)
        if polled is None:
            return False
        self._reopening.at_once()
        polled.track.try_now(self._loop.time())
        self.wake()
        return True

    def wake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def end(self) -> None:
        """Makes `run` return after the request that is under way, if its task is not cancelled.

        Cancelling alone is not enough: asyncio.wait_for of Python 3.11 swallows a cancellation
        that meets an answer.
        """
        self._ending = True
        self.wake()

    async def run(self) -> None:
        """Until `end` or cancelled."""
        try:
            while not self._ending:
                polled = min(
                    self._meters.values(), key=lambda polled: polled.track.due_s, default=None
                )
                if polled is None:
                    await self._pause(None)
                elif polled.track.due_s > self._loop.time():
                    await self._pause(polled.track.due_s)
                else:
                    await self._poll(polled)
        finally:
            await self.connection.close()

    async def _pause(self, until_s: float | None) -> None:
        self._wake = wake = self._loop.create_future()
        timer = None if until_s is None else self._loop.call_at(until_s, self.wake)
        try:
            await wake
        finally:
            self._wake = None
            if timer is not None:
                timer.cancel()

    async def _poll(self, polled: PolledMeter) -> None:
        track = polled.track
        state = track.status.state
        skipped = track.begin(self._loop.time(), self._outlets.now_ms())
        try:
            await self._read(polled, skipped)
        except RequestFailed as failure:
            self._failed(polled, failure)
        except Exception:  # noqa: BLE001
            # The outer edge of the poll: a bug met at one meter must not end its neighbours.
            log.exception("%s: polling failed by a fault of this program.", track.where)
            self._failed(polled, _our_fault())
        self._publish(polled, state)

    async def _read(self, polled: PolledMeter, skipped: int) -> None:
        started_s = self._loop.time()
        self._reopening.check(started_s)
        reader = polled.reader or await self._contact(polled)
        part = reader.part(polled.turn)
        patience_s = self._patience_s(polled)
        answers = [
            await self.connection.read(request, patience_s) for request in polled.requests_of(part)
        ]
        finished_s = self._loop.time()
        now_ms = self._outlets.now_ms()
        self._reopening.connected()
        if not self._is_current(polled):
            return  # replaced while the answer was on its way
        try:
            decoded = part.decode(answers)
        except DeviceChanged:
            polled.reader = None  # the next poll finds out what is there now
            raise _another_device() from None
        polled.turn += 1
        snapshot = Snapshot(
            polled.track.meter.meter_id,
            now_ms,
            part.layout,
            decoded.values,
            decoded.quality,
            decoded.rejected,
        )
        self._outlets.sink.put(snapshot)
        round_trip_ms = (finished_s - started_s) * 1000
        self._report(polled.track.answered(finished_s, now_ms, round_trip_ms, skipped))
        if polled.clock is not None and polled.clock_due_s <= finished_s:
            await self._look_at_clock(polled, polled.clock)

    async def _look_at_clock(self, polled: PolledMeter, clock: ClockRegister) -> None:
        """Between two polls, and never at their cost: what fails here is no failure of the meter,
        whose next poll tells whether it is there."""
        polled.clock_due_s = self._loop.time() + ASK_EVERY_S
        unit_id = polled.track.meter.unit_id
        request = ReadRequest(unit_id, clock.function, clock.address, clock.count)
        try:
            raw = await self.connection.read(request, self._patience_s(polled))
        except RequestFailed as failure:
            if failure.kind is FailureKind.REFUSED:
                polled.clock = None
                log.info("%s: it does not tell its time: %s", polled.track.where, failure.what)
            return
        now_ms = self._outlets.now_ms()
        told_ms = shown_ms(raw, clock, self._outlets.zone(), now_ms)
        if told_ms is not None and self._is_current(polled):
            polled.track.clock_showed(told_ms, now_ms)

    def _patience_s(self, polled: PolledMeter) -> float | None:
        """A meter that has been lost for some time may not keep its neighbours waiting; a person
        who asks for it (`try_now`) does not mind."""
        track = polled.track
        if len(self._meters) == 1 or not track.is_lost or track.backoff.tries == 0:
            return None
        probe_s = self.connection.probe_s(track.meter.unit_id)
        return probe_s if probe_s < self.connection.timeout_s else None

    async def _contact(self, polled: PolledMeter) -> Reader:
        """What the device says of itself. Raises RequestFailed."""
        meter = polled.track.meter
        profile = await resolve(polled.profile, self.connection, meter.unit_id, meter.address)
        return polled.know(profile)

    def _failed(self, polled: PolledMeter, failure: RequestFailed) -> None:
        now_s = self._loop.time()
        retry_s = self._reopening.failed(failure, now_s)
        if self._is_current(polled):
            polled.track.failed(failure, now_s, self._outlets.now_ms(), retry_s)

    def _is_current(self, polled: PolledMeter) -> bool:
        return self._meters.get(polled.track.meter.meter_id) is polled

    def _publish(self, polled: PolledMeter, before: LinkState | None) -> None:
        status = polled.track.status
        if self._is_current(polled):
            self._outlets.statuses[status.meter_id] = status
            if status.state is not before:
                self._outlets.on_event(status)

    def _report(self, gap: Gap | None) -> None:
        if gap is not None:
            self._outlets.on_gap(gap)


def _another_device() -> RequestFailed:
    return RequestFailed(
        FailureKind.DEVICE_FAULT,
        "the registers are not those of the device that was found here.",
        "Nothing, if the device was exchanged or updated: it is looked at anew.",
    )


def _our_fault() -> RequestFailed:
    return RequestFailed(
        FailureKind.DEVICE_FAULT,
        "this program failed to read it.",
        "Send the log to the makers of this program.",
    )
