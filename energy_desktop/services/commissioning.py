"""The commissioning desk: what hangs on a line, what its registers hold, whether it is right.

Only reads. A scan is one request at a time with a pause after each, and may be stopped between
any two. Everything that asks the wire waits for it, so nothing here is for the GUI thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from energy_desktop.acquisition.inspect import (
    Nominal,
    best_reading,
    inspect,
)
from energy_desktop.acquisition.inspect import driver_line as line_of_driver
from energy_desktop.analytics.commissioning.driver_fit import rank
from energy_desktop.analytics.commissioning.meter_clock import judge_clock
from energy_desktop.analytics.commissioning.plausibility import judge
from energy_desktop.domain.bus import BusStatistics, Frame
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.commissioning import (
    DeviceIdentity,
    DriverFit,
    FaultKind,
    InspectedRegister,
    Judgement,
    Reading,
    ScanHit,
    ScanPlan,
    Verdict,
)
from energy_desktop.domain.commissioning_record import CommissioningRecord, RegisterRow
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import (
    MeterAnswerWrong,
    MeterUnreachable,
    NotFound,
    UserFacingError,
    WrongUse,
)
from energy_desktop.domain.link_kinds import MODBUS, PUSH, kind_info
from energy_desktop.domain.ports import (
    BusAccess,
    ProgressSink,
    Rings,
    no_progress,
)
from energy_desktop.domain.site import Link, Meter
from energy_desktop.domain.snapshot import MeterStatus
from energy_desktop.domain.wording import count as counted
from energy_desktop.services.commissioning_reads import (
    MeterPolls,
    MeterReading,
    MeterReads,
    Profiles,
    WholeReading,
    clock_ahead_s,
    polls_of_rings,
    probe_drivers,
    register_rows,
)
from energy_desktop.services.commissioning_scan import is_unopened, link_is_modbus, scan_lines

CHECK_POLLS = 12
"""A frozen value takes 8 polls to be called so; twelve seconds are what a person waits."""

_RING_S = 300.0
_LONGEST_READ = {1: 2000, 2: 2000, 3: 125, 4: 125}


@dataclass(frozen=True, slots=True)
class Inspection:
    """One read of a range. best_order empty: none is proved, and the sentence says why.

    best_format: the format in which it is the best, as "float32".
    """

    rows: tuple[InspectedRegister, ...]
    best_order: str
    sentence: str
    round_trip_ms: float
    best_format: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check looked at and found. polls: as the driver reads them, the newest last."""

    meter: Meter
    link: Link
    judgements: tuple[Judgement, ...]
    polls: MeterPolls
    identity: DeviceIdentity | None = None


class ReadsConfiguration(Protocol):
    """All that the desk needs of the store."""

    def load(self) -> Configuration: ...


class CommissioningService:
    """bus None: no engine runs in this program, so nothing can be asked on the wire.

    render: makes the PDF of a record. who: the person at the desk. ports: lists the
    serial ports of this computer. pause: waits so many seconds. statuses: of what is polled here.
    """

    def __init__(
        self,
        store: ReadsConfiguration,
        profiles: Profiles,
        bus: BusAccess | None,
        clock: Clock,
        render: Callable[[CommissioningRecord], bytes],
        *,
        rings: Rings | None = None,
        who: str = "",
        ports: Callable[[], tuple[str, ...]] = tuple,
        pause: Callable[[float], None] = time.sleep,
        statuses: Callable[[], Mapping[str, MeterStatus]] = dict,
    ) -> None:
        self._ports = ports
        self._store = store
        self._profiles = profiles
        self._bus = bus
        self._clock = clock
        self._render = render
        self._rings = rings
        self._who = who
        self._pause = pause
        self._statuses = statuses

    # --- what hangs there

    def serial_ports(self) -> tuple[str, ...]:
        """Of this computer, by lasting names where the system has them."""
        return self._ports()

    def warning(self, link: Link) -> str:
        """Why a scan of this line disturbs somebody; empty: nothing speaks against it."""
        shared = self._shared(link)
        if shared:
            return shared
        polled = [
            k for k in self._store.load().links if k.address == link.address and self._bus_runs(k)
        ]
        if polled:
            return f"{link.address} is polled here: its meters wait their turn during the scan."
        if link.is_serial:
            return (
                f"If another program or controller reads {link.device}, stop it first: "
                "two masters on one line spoil each other's answers."
            )
        return ""

    def scan(
        self,
        plan: ScanPlan,
        progress: ProgressSink = no_progress,
        on_hit: Callable[[ScanHit], object] | None = None,
    ) -> tuple[ScanHit, ...]:
        """Asks each unit of each link once for two registers; reads only, one request in flight.

        Whoever answers, if only with an exception, is asked who it is and which driver fits.
        progress may raise JobCancelled between two probes. A link that cannot be opened is left
        after its first failure. Raises WrongUse for a plan that is none; MeterUnreachable when no
        link at all could be opened.
        """
        bus = self._need_bus()

        def look(link: Link, unit_id: int) -> tuple[DeviceIdentity | None, tuple[DriverFit, ...]]:
            identity = self._told(link, unit_id)
            return identity, self.fits(link, unit_id, identity)

        hits = scan_lines(bus, plan, look, self._pause, progress, on_hit)
        shared = [words for link in plan.links if (words := self._shared(link))]
        found = counted(len(hits), "device")
        progress(1.0, f"{found} found" + (f". {shared[0]}" if shared else ""))
        return hits

    def identify(self, link: Link, unit_id: int) -> DeviceIdentity | None:
        """Function 43/14; None: the device answers, but does not tell."""
        return self._need_bus().identify(link, unit_id)

    def fits(
        self, link: Link, unit_id: int, identity: DeviceIdentity | None = None
    ) -> tuple[DriverFit, ...]:
        """Drivers that explain the device, best first, each with its reasons."""
        site = self._store.load().site
        probes = probe_drivers(self._need_bus(), self._profiles, link, unit_id, identity)
        return rank(probes, identity, site.nominal_voltage_v, site.nominal_frequency_hz)

    # --- what its registers hold

    def inspect(
        self, link: Link, unit_id: int, function: int, address: int, count: int
    ) -> Inspection:
        """Reads a range once. Raises WrongUse for a range that cannot be, and what the wire
        raises."""
        most = _LONGEST_READ.get(function)
        if most is None or not 1 <= count <= most or not 0 <= address <= 0x10000 - count:
            raise WrongUse(
                where=f"Function {function}, address {address}, {count} registers",
                what="This range cannot be read.",
                remedy="Functions are 1 to 4, addresses 0 to 65535, at most 125 registers at once.",
            )
        raw = self._need_bus().read_registers(link, unit_id, function, address, count)
        site = self._store.load().site
        rows = inspect(raw, Nominal(site.nominal_voltage_v, site.nominal_frequency_hz))
        if function in (1, 2):
            return Inspection(rows, "", "These are bits: they have no order.", raw.round_trip_ms)
        best = best_reading(rows)
        return Inspection(rows, best.order, best.sentence, raw.round_trip_ms, best.value_format)

    def driver_line(self, row: InspectedRegister, reading: Reading, quantity: str) -> str:
        """The line of a driver file that reads this value. Raises WrongUse for another name."""
        function = 4 if row.manual_number.startswith("3") else 3
        times = reading.reads_as.rpartition("\u00d7")[2].strip()
        scale = 1.0 / float(times) if "\u00d7" in reading.reads_as else 1.0
        try:
            return line_of_driver(row, reading, quantity, function=function, scale=scale)
        except KeyError as error:
            raise WrongUse(
                where=f"Quantity {quantity}",
                what=f"{error.args[0]}.",
                remedy="Choose one of the list.",
            ) from None

    # --- whether it is right

    def check_meter(
        self,
        meter_id: str,
        progress: ProgressSink = no_progress,
        *,
        polls: int = CHECK_POLLS,
        interval_s: float = 1.0,
    ) -> tuple[Judgement, ...]:
        """Faults first, then what is good, then what is open; a meter that is silent is DEAD.

        Uses what is being polled where that is enough, else reads by itself. Raises NotFound and
        WrongUse; what the wire says becomes a judgement.
        """
        return self.checked_meter(meter_id, progress, polls=polls, interval_s=interval_s).judgements

    def checked_meter(
        self,
        meter_id: str,
        progress: ProgressSink = no_progress,
        *,
        polls: int = CHECK_POLLS,
        interval_s: float = 1.0,
    ) -> Checked:
        """As check_meter, with what was looked at."""
        return self.check_meters((meter_id,), progress, polls=polls, interval_s=interval_s)[0]

    def check_meters(
        self,
        meter_ids: Sequence[str],
        progress: ProgressSink = no_progress,
        *,
        polls: int = CHECK_POLLS,
        interval_s: float = 1.0,
    ) -> tuple[Checked, ...]:
        """Checks several meters of the site at once, in their order: forty take hardly longer
        than one."""
        configuration = self._store.load()
        wanted = []
        for meter_id in meter_ids:
            meter = _meter(configuration, meter_id)
            link = configuration.link(meter.link_id)
            if link is None or not meter.driver_id:
                raise WrongUse(
                    where=f"Meter {meter_id}",
                    what="It is not read over a link, so there is nothing to check on the wire.",
                    remedy="Give it a driver and a link.",
                )
            wanted.append((meter, link))
        return self._check(wanted, progress, polls, interval_s, role_known=True)

    def check(
        self,
        meter: Meter,
        link: Link,
        progress: ProgressSink = no_progress,
        *,
        polls: int = CHECK_POLLS,
        interval_s: float = 1.0,
        role_known: bool = False,
    ) -> Checked:
        """Checks a meter that need not be saved. role_known: whether its role was set by a
        person; without one no direction of power is wrong by itself."""
        wanted = [(meter, link)]
        return self._check(wanted, progress, polls, interval_s, role_known=role_known)[0]

    def _check(
        self,
        wanted: Sequence[tuple[Meter, Link]],
        progress: ProgressSink,
        polls: int,
        interval_s: float,
        *,
        role_known: bool,
    ) -> tuple[Checked, ...]:
        live = [
            polls_of_rings(self._rings, self._profiles, meter, _RING_S, polls)
            for meter, _ in wanted
        ]
        readings = [self._reading(*pair, polled) for pair, polled in zip(wanted, live, strict=True)]
        failed: dict[int, Judgement] = {}
        begun_s = time.monotonic()
        for number in range(polls):
            asked = [
                i
                for i, reading in enumerate(readings)
                if reading is not None and i not in failed and (number == 0 or live[i] is None)
            ]
            if not asked:
                break
            if number:
                progress(number / polls, f"Reading {number + 1} of {polls}")
                self._pause(max(0.0, begun_s + number * interval_s - time.monotonic()))
            for i in asked:
                reading = readings[i]
                failure = None if reading is None else _poll(reading, *wanted[i])
                # One lost answer later on is no dead meter: what was read is judged.
                if failure is not None and (number == 0 or failure.fault is not FaultKind.DEAD):
                    failed[i] = failure
        progress(1.0, "Read")
        return tuple(
            self._judged(pair, readings[i], live[i], failed.get(i), role_known=role_known)
            for i, pair in enumerate(wanted)
        )

    def _reading(self, meter: Meter, link: Link, live: MeterPolls | None) -> MeterReads | None:
        """None: it is judged by what was polled, for it has no registers that could be turned."""
        profile = self._profiles.get(meter.driver_id)
        if link_is_modbus(link) and profile.registers:
            return MeterReading(self._need_bus(), self._profiles, meter, link)
        if live is not None:
            return None
        if kind_info(link).protocol == PUSH:
            raise WrongUse(
                where=meter.name or meter.meter_id,
                what="Its sensor posts by itself, and too few readings came lately.",
                remedy="Check it in the program that takes them, once some readings came.",
            )
        return WholeReading(self._need_bus(), self._profiles, meter, link)

    def _judged(
        self,
        pair: tuple[Meter, Link],
        reading: MeterReads | None,
        live: MeterPolls | None,
        failure: Judgement | None,
        *,
        role_known: bool,
    ) -> Checked:
        meter, link = pair
        if failure is not None:
            return Checked(meter, link, (failure,), MeterPolls(()))
        own = MeterPolls(()) if reading is None else reading.result()
        read = own
        if live is not None and not own.rejected:
            read = replace(live, by_order=own.by_order)
        site = self._store.load().site
        circumstances = read.circumstances(meter, site, role_known=role_known)
        judgements = judge(read.polls, circumstances, read.by_order)
        ahead_s = self._clock_ahead_s(meter, link, read, site.zone)
        if ahead_s is not None:
            clock = judge_clock(ahead_s)
            wrong = clock.verdict is Verdict.FAULT
            judgements = (clock, *judgements) if wrong else (*judgements, clock)
        return Checked(meter, link, judgements, read)

    def _clock_ahead_s(self, meter: Meter, link: Link, read: MeterPolls, zone: str) -> float | None:
        """As it was told by what was read, or seen by whoever polls it, else asked for now."""
        if read.clock_ahead_s is not None:
            return read.clock_ahead_s
        status = self._statuses().get(meter.meter_id)
        if status is not None and status.clock_ahead_s is not None:
            return status.clock_ahead_s
        if self._bus is None or not link_is_modbus(link):
            return None
        profile = self._profiles.get(meter.driver_id)
        return clock_ahead_s(self._bus, profile, meter, link, zone, self._clock)

    # --- the wire

    def frames(self, link_id: str, after: int = 0) -> tuple[Frame, ...]:
        """Since frame number `after`, as far as they are kept; none without an engine."""
        return () if self._bus is None else self._bus.frames(link_id, after)

    def bus_statistics(self) -> tuple[BusStatistics, ...]:
        return () if self._bus is None else self._bus.bus_statistics()

    # --- on paper

    def record(self, meter_id: str, progress: ProgressSink = no_progress) -> bytes:
        """The commissioning record as PDF: checks the meter and writes down what it found."""
        return self.render(self.checked_meter(meter_id, progress))

    def render(self, checked: Checked) -> bytes:
        """The record of a check that was made already, as PDF."""
        return self._render(self.record_of(checked))

    def record_of(self, checked: Checked) -> CommissioningRecord:
        """Everything that stands in the record, with the clock and the person of this desk."""
        configuration = self._store.load()
        profile = self._profiles.get(checked.meter.driver_id)
        identity = checked.identity
        rows: Sequence[RegisterRow] = ()
        if checked.polls.polls:
            rows = register_rows(profile, checked.meter, checked.polls.polls[-1].values)
            identity = identity or self._told(checked.link, checked.meter.unit_id)
        statistics = next(
            (s for s in self.bus_statistics() if s.link_id == checked.link.link_id), None
        )
        return CommissioningRecord(
            site=configuration.site,
            meter=checked.meter,
            link=checked.link,
            driver=profile.info,
            identity=identity,
            registers=tuple(rows),
            judgements=checked.judgements,
            polls=len(checked.polls.polls),
            statistics=statistics,
            made_at_ms=to_ms(self._clock()),
            made_by=self._who,
        )

    # --- inside

    def _told(self, link: Link, unit_id: int) -> DeviceIdentity | None:
        if self._bus is None or kind_info(link).protocol != MODBUS:
            return None
        try:
            return self._bus.identify(link, unit_id)
        except UserFacingError:
            return None  # many meters do not know the function, and the record is whole without

    def _shared(self, link: Link) -> str:
        """Words for a second master that was noticed where this link leads; empty: none was."""
        links = self._store.load()
        for statistics in self.bus_statistics():
            other = links.link(statistics.link_id)
            if statistics.shared and other is not None and other.address == link.address:
                return f"Another master seems to be on {link.address}: {statistics.shared}"
        return ""

    def _bus_runs(self, link: Link) -> bool:
        return any(s.link_id == link.link_id for s in self.bus_statistics())

    def _need_bus(self) -> BusAccess:
        if self._bus is None:
            raise WrongUse(
                where="Commissioning",
                what="No engine runs in this program, so nothing can be asked on the wire.",
                remedy="Use the commands `scan`, `inspect` and `check`, or open the window.",
            )
        return self._bus


def _meter(configuration: Configuration, meter_id: str) -> Meter:
    meter = configuration.meter(meter_id)
    if meter is None:
        known = ", ".join(m.meter_id for m in configuration.meters[:12]) or "none yet"
        raise NotFound(
            where=f"Meter {meter_id}",
            what="The site has no such meter.",
            remedy=f"It has: {known}.",
        )
    return meter


def _poll(reading: MeterReads, meter: Meter, link: Link) -> Judgement | None:
    """Reads once; what the wire says against it, as a judgement."""
    try:
        reading.poll()
    except MeterUnreachable as error:
        return _dead(meter, link, error)
    except MeterAnswerWrong as error:
        return _refused(error)
    return None


def _dead(meter: Meter, link: Link, error: UserFacingError) -> Judgement:
    where = f"unit {meter.unit_id} on {link.address}"
    if not kind_info(link).uses_unit:
        where = link.address
    return Judgement(
        FaultKind.DEAD,
        Verdict.FAULT,
        f"No {'connection to' if is_unopened(error) else 'answer from'} {where}",
        error.what,
        error.remedy,
    )


def _refused(error: UserFacingError) -> Judgement:
    return Judgement(
        FaultKind.NONE,
        Verdict.UNSURE,
        "It answers, but not what was asked",
        error.what,
        error.remedy,
    )
