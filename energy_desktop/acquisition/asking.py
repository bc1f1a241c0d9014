"""Questions outside the schedule: one register, who a device is, a trial of a meter not yet saved.

They go over the connection that polls the same device, because a serial port has one owner and a
bus one master; without one, over a connection of their own that is closed after the answer. What
went over that wire stays readable for a while under the link's id, as it does for a polled link.

A meter that is not asked for registers (it speaks by itself, or in telegrams) is tried as a guest:
it is put on its link like any meter, and its first reading goes to whoever waits for the trial
instead of the store.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count as counting

from energy_desktop.acquisition.link_task import LinkTask, MeterOnLink, Outlets
from energy_desktop.acquisition.links import connect_to, make_task
from energy_desktop.acquisition.links.checked import (
    MOST_BITS,
    MOST_REGISTERS,
    CheckedConnection,
    ReadRequest,
)
from energy_desktop.acquisition.links.failure import seconds_text
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.poller import LinkPoller
from energy_desktop.acquisition.profiles import DriverProfile
from energy_desktop.acquisition.reading import Correction
from energy_desktop.acquisition.schedule import Slots
from energy_desktop.acquisition.tracking import MeterTrack
from energy_desktop.acquisition.trial import trial_reading, value_remarks
from energy_desktop.domain.commissioning import DeviceIdentity, RawRegisters
from energy_desktop.domain.driver import TestReading
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.errors import MeterUnreachable, WrongUse
from energy_desktop.domain.link_kinds import MODBUS, kind_info
from energy_desktop.domain.ports import SnapshotSink
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus, Snapshot

SPARE_LOGS = 16  # of links that are not polled
TELEGRAM_PATIENCE_S = 15.0
"""A meter that speaks by itself may do so each 10 s, and 300 baud take their time."""
GUEST_PERIOD_S = 5.0
_GUEST = "\0guest"  # no meter of a site is called so


class Guests:
    """Meters on trial: what they say goes to whoever waits. Belongs to the loop's thread, but for
    `take`, which any thread may call."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Snapshot]] = {}
        self._numbers = counting(1)

    def __contains__(self, meter_id: object) -> bool:
        return meter_id in self._waiting

    def enter(self) -> tuple[str, "asyncio.Future[Snapshot]"]:
        """A name for a meter on trial, and its first reading to come."""
        meter_id = f"{_GUEST}{next(self._numbers)}"
        future: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._waiting[meter_id] = future
        return meter_id, future

    def leave(self, meter_id: str) -> None:
        self._waiting.pop(meter_id, None)

    def take(self, snapshot: Snapshot) -> bool:
        """Whether the reading is a guest's."""
        future = self._waiting.get(snapshot.meter_id) if self._waiting else None
        if future is None:
            return False
        future.get_loop().call_soon_threadsafe(_settle, future, snapshot)
        return True

    def outlets(self, outlets: Outlets) -> Outlets:
        """The same outlets with guests kept out of them."""

        def on_event(status: MeterStatus) -> None:
            if status.meter_id not in self:
                outlets.on_event(status)

        def on_gap(gap: Gap) -> None:
            if gap.meter_id not in self:
                outlets.on_gap(gap)

        return replace(outlets, sink=_Door(self, outlets.sink), on_event=on_event, on_gap=on_gap)


class _Door:
    """A sink that sends guests elsewhere."""

    def __init__(self, guests: Guests, sink: SnapshotSink) -> None:
        self._guests = guests
        self._sink = sink

    def put(self, snapshot: Snapshot) -> None:
        if not self._guests.take(snapshot):
            self._sink.put(snapshot)


class Asking:
    """Answers questions in the field's loop. running: the task of a link that leads to the same
    device, if there is one. outlets: those of the field, guests kept out."""

    def __init__(
        self, running: Callable[[Link], LinkTask | None], outlets: Outlets, guests: Guests
    ) -> None:
        self._running = running
        self._outlets = outlets
        self._guests = guests
        self._spare_logs: OrderedDict[str, tuple[LinkKind, FrameLog]] = OrderedDict()

    def log_of(self, link_id: str) -> FrameLog | None:
        """Of a link that was asked without being polled."""
        spare = self._spare_logs.get(link_id)
        return None if spare is None else spare[1]

    async def registers(
        self, link: Link, unit_id: int, function: int, address: int, count: int
    ) -> RawRegisters:
        """Raises RequestFailed, and WrongUse for what cannot be asked."""
        where = where_of(link, unit_id)
        most = MOST_BITS if function in (1, 2) else MOST_REGISTERS
        if function not in (1, 2, 3, 4) or not 0 <= unit_id <= 255:
            raise WrongUse(
                where=where,
                what=f"function {function} of unit {unit_id} is no read.",
                remedy="Functions 1 to 4 read, units are 0 to 255.",
            )
        if not (address >= 0 and 1 <= count <= most and address + count <= 0x10000):
            raise WrongUse(
                where=where,
                what=f"{count} from {address} cannot be asked for.",
                remedy=f"A read is of 1 to {most}, and addresses end at 65535.",
            )
        request = ReadRequest(unit_id, function, address, count)
        loop = asyncio.get_running_loop()
        async with self._connection(link) as connection:
            started_s = loop.time()
            payload = await connection.read(request)
            round_trip_ms = (loop.time() - started_s) * 1000
        words = (
            tuple(payload[i // 8] >> i % 8 & 1 for i in range(count))
            if request.is_bits
            else tuple(int.from_bytes(payload[i : i + 2], "big") for i in range(0, len(payload), 2))
        )
        return RawRegisters(unit_id, function, address, words, round_trip_ms)

    async def identify(self, link: Link, unit_id: int) -> DeviceIdentity | None:
        """Raises RequestFailed."""
        async with self._connection(link) as connection:
            objects = await connection.identify(unit_id)
        if objects is None:
            return None
        texts = {number: _text(value) for number, value in sorted(objects.items())}
        return DeviceIdentity(
            vendor=texts.get(0, ""),
            product_code=texts.get(1, ""),
            revision=texts.get(2, ""),
            product_name=texts.get(4, ""),
            model_name=texts.get(5, ""),
            objects=tuple(texts.items()),
        )

    async def write(self, link: Link, unit_id: int, address: int, value: int) -> int:
        """Raises RequestFailed."""
        async with self._connection(link) as connection:
            return await connection.write(unit_id, address, value)

    async def trial(
        self,
        link: Link,
        profile: DriverProfile,
        unit_id: int,
        address: str,
        nominal: tuple[float, float],
        patience_s: float,
    ) -> TestReading:
        """One reading of a meter and what strikes about it. nominal: V and Hz of the site.

        Raises RequestFailed or MeterUnreachable, and WrongUse for a driver of another protocol.
        """
        if kind_info(link).protocol == MODBUS:
            async with self._connection(link) as connection:
                return await trial_reading(connection, profile, unit_id, nominal, address)
        return await self._guest(link, profile, unit_id, address, nominal, patience_s)

    async def _guest(
        self,
        link: Link,
        profile: DriverProfile,
        unit_id: int,
        address: str,
        nominal: tuple[float, float],
        patience_s: float,
    ) -> TestReading:
        loop = asyncio.get_running_loop()
        where = where_of(link, unit_id)
        meter_id, first = self._guests.enter()
        meter = Meter(
            meter_id,
            profile.models[0] if profile.models else profile.driver_id,
            profile.driver_id,
            link.link_id,
            unit_id,
            GUEST_PERIOD_S,
            address=address,
        )
        running = self._running(link)
        work = running or make_task(link, self._outlets)
        task = None if running else asyncio.create_task(work.run(), name=f"trial {link.link_id}")
        started_s = loop.time()
        try:
            track = MeterTrack(meter, where, Slots(started_s, GUEST_PERIOD_S))
            work.put(MeterOnLink(track, profile, Correction()))
            async with asyncio.timeout(patience_s):
                snapshot = await first
        except TimeoutError:
            status = self._outlets.statuses.get(meter_id)
            raise nothing_heard(where, status, patience_s) from None
        finally:
            work.remove(meter_id)
            if task is not None:
                work.end()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            self._guests.leave(meter_id)
            self._outlets.statuses.pop(meter_id, None)
        named = dict(zip(snapshot.layout.quantities, snapshot.values, strict=True))
        values = {name: value for name, value in named.items() if math.isfinite(value)}
        return TestReading(
            values=values,
            missing=tuple(name for name in named if name not in values),
            round_trip_ms=(loop.time() - started_s) * 1000,
            remarks=tuple(value_remarks(values, snapshot.rejected, nominal)),
            rejected=snapshot.rejected,
            clock_ahead_s=track.clock_ahead_s,
        )

    @asynccontextmanager
    async def _connection(self, link: Link) -> AsyncIterator[CheckedConnection]:
        running = self._running(link)
        if isinstance(running, LinkPoller):
            yield running.connection
            return
        connection = connect_to(link)
        kind, log = self._spare_logs.pop(link.link_id, (link.kind, connection.log))
        if kind is link.kind:
            connection.log = log
        self._spare_logs[link.link_id] = (link.kind, connection.log)
        if len(self._spare_logs) > SPARE_LOGS:
            self._spare_logs.popitem(last=False)
        try:
            yield connection
        finally:
            await connection.close()


def where_of(link: Link, unit_id: int) -> str:
    """What is asked, in words."""
    return f"{link.address}, unit {unit_id}" if kind_info(link).uses_unit else link.address


def nothing_heard(where: str, status: MeterStatus | None, patience_s: float) -> MeterUnreachable:
    """Why, as far as it is known; else what to look at."""
    if status is not None and status.last_error and status.state is not LinkState.GOOD:
        return MeterUnreachable(where=where, what=status.last_error, remedy=status.remedy)
    return MeterUnreachable(
        where=where,
        what=f"nothing of this meter was heard in {seconds_text(patience_s)} s.",
        remedy="Check its address, the settings of the connection, and that it speaks at all.",
    )


def _settle(future: "asyncio.Future[Snapshot]", snapshot: Snapshot) -> None:
    if not future.done():
        future.set_result(snapshot)


def _text(value: bytes) -> str:
    """As a device writes it: ASCII, sometimes UTF-8, often padded."""
    return value.decode("utf-8", "replace").strip("\0 \t\r\n")
