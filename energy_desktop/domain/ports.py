"""What services ask of storage and acquisition: Protocols, so that a test hands in a fake.

Every method may be called from any thread but the GUI's, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from energy_desktop.domain.alarm import Alarm
from energy_desktop.domain.bus import BusStatistics, Frame
from energy_desktop.domain.commissioning import DeviceIdentity, RawRegisters
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import PriceSlot
from energy_desktop.domain.driver import DriverInfo, RegisterView, TestReading
from energy_desktop.domain.editing import (
    Edit,
    ExchangeDoubt,
    IntervalVersion,
    LedgerGap,
    RegisterEvent,
    ThreeSeries,
)
from energy_desktop.domain.energy import (
    Buckets,
    Gap,
    Intervals,
    Reconciliation,
    RegisterReading,
    RegisterShown,
    Resolution,
    Series,
)
from energy_desktop.domain.errors import DriverFileError
from energy_desktop.domain.finding import Finding
from energy_desktop.domain.invoice import Invoice
from energy_desktop.domain.push import ApiKey, PushAnswer, PushedReading, PushOutcome
from energy_desktop.domain.recount import Recount
from energy_desktop.domain.site import Link, Meter
from energy_desktop.domain.snapshot import MeterStatus, Snapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")


class SnapshotSink(Protocol):
    """Takes readings; returns at once; never loses one silently. Callable from any thread."""

    def put(self, snapshot: Snapshot) -> None: ...


class History(Protocol):
    """Reads stored series. [start_ms, end_ms) in UTC epoch ms throughout."""

    def raw(self, meter_id: str, quantity: str, start_ms: int, end_ms: int) -> Series:
        """The finest readings kept for the period, hot and sealed."""
        ...

    def buckets(
        self, meter_id: str, quantity: str, start_ms: int, end_ms: int, resolution: Resolution
    ) -> Buckets:
        """MINUTE to DAY from rollups where they exist, computed where they do not yet."""
        ...

    def overview(
        self, meter_id: str, quantity: str, start_ms: int, end_ms: int, points: int
    ) -> Buckets:
        """At most about `points` buckets for drawing: from chunk headers, rollups or raw."""
        ...

    def extent(self, meter_id: str) -> tuple[int, int] | None:
        """First and last time of anything stored for the meter; None: nothing."""
        ...

    def quantities(self, meter_id: str) -> tuple[str, ...]:
        """Names of the quantities that have data."""
        ...

    def latest(self, meter_id: str) -> Snapshot | None: ...

    def gaps(self, meter_id: str, start_ms: int, end_ms: int) -> tuple[Gap, ...]: ...


class Ledger(Protocol):
    """The energy ledger: intervals by register difference, and what ties them to the register."""

    def intervals(
        self,
        meter_id: str,
        start_ms: int,
        end_ms: int,
        *,
        register: str = "energy_import_wh",
        step_s: int | None = None,
    ) -> Intervals:
        """Every step of the period present. step_s None: the finest step kept (900 or 1800 ...)."""
        ...

    def add_intervals(self, intervals: Intervals, shown: RegisterShown | None = None) -> int:
        """Adds imported intervals; equal ones already there are left. Returns how many were new.

        shown: what the register showed around each of them, where the file has its readings.
        """
        ...

    def reconciliation(
        self, meter_id: str, start_ms: int, end_ms: int, *, register: str = "energy_import_wh"
    ) -> Reconciliation: ...

    def register_reading(
        self, meter_id: str, at_ms: int, *, register: str = "energy_import_wh"
    ) -> RegisterReading | None:
        """The reading that is in force at `at_ms`: the last one not after it."""
        ...

    def registers(self, meter_id: str) -> tuple[str, ...]:
        """Registers of this meter that have intervals."""
        ...


class GaugeIntake(Protocol):
    """Takes readings of gauges that were not polled."""

    def add_readings(self, series: Series, *, replace: bool = False) -> None:
        """Readings at times that are there already stay, or, with `replace`, give way.

        Raises WrongUse for a counter: energy goes into the ledger.
        """
        ...


class LedgerEditing(Protocol):
    """Corrections of the ledger: new versions, never overwritten values."""

    def three(self, meter_id: str, register: str, start_ms: int, end_ms: int) -> ThreeSeries:
        """Raw, validated and estimated energy of the finest step kept, every step present."""
        ...

    def edits(self, meter_id: str, start_ms: int, end_ms: int) -> tuple[Edit, ...]:
        """Corrections whose span meets [start_ms, end_ms), oldest first."""
        ...

    def versions(
        self, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[IntervalVersion, ...]:
        """Every value that each interval had, by time and version."""
        ...

    def gaps(
        self, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[LedgerGap, ...]:
        """Runs without a believed value, with cause and what was done about them."""
        ...

    def apply_edit(
        self,
        edit: Edit,
        start_ms: NDArray[np.int64],
        energy_wh: NDArray[np.int64],
        quality: NDArray[np.int8],
    ) -> Edit:
        """Puts new values (n,) in force, in one transaction; gives the edit with its number.

        Raises WrongUse, and then nothing was changed.
        """
        ...

    def undo(self, edit_id: int, by: str, reason: str, at_ms: int) -> Edit:
        """Puts back what the edit replaced. Raises NotFound; WrongUse when it was undone before
        or a later correction stands on it."""
        ...


class RegisterEventStore(Protocol):
    """Exchanges and resets of registers; each books the energy across it."""

    def events(self, meter_id: str) -> tuple[RegisterEvent, ...]:
        """Exchanges and resets of a meter's registers, oldest first."""
        ...

    def add_event(self, event: RegisterEvent) -> RegisterEvent:
        """Keeps it and books the energy across it; what a person corrected there stays, and what is
        doubted is held back unless it is confirmed.

        Raises WrongUse when its readings do not fit those around it.
        """
        ...

    def doubt(self, event: RegisterEvent) -> ExchangeDoubt | None:
        """What is far too much of what it would book; None: nothing, as far as is read by now.

        Raises WrongUse as `add_event`.
        """
        ...

    def confirm_event(self, event_id: int) -> None:
        """Books it as it was told, because a person stands by it. Raises NotFound."""
        ...

    def remove_event(self, event_id: int) -> None:
        """As if it had never been entered. Raises NotFound."""
        ...


class Recounting(Protocol):
    """Books the past again by what a register is now known to count to."""

    def preview(self, meter_id: str, register: str, modulus_wh: int | None) -> Recount:
        """What `recount` would change; nothing is."""
        ...

    def recount(self, meter_id: str, register: str, modulus_wh: int | None) -> Recount: ...

    def lengths(
        self, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[tuple[int, int, int], ...]:
        """Stretches (start_ms, end_ms, step_s) of one length of interval, of whole intervals."""
        ...


class ConfigurationStore(Protocol):
    def load(self) -> Configuration: ...

    def replace(self, configuration: Configuration) -> None:
        """Writes the difference in one transaction, or nothing."""
        ...

    def save_meter(self, meter: Meter, link: Link | None) -> None: ...

    def remove_meter(self, meter_id: str) -> None:
        """The meter is no longer polled; its readings stay."""
        ...

    def prices(self, start_ms: int, end_ms: int) -> tuple[PriceSlot, ...]: ...

    def add_prices(self, slots: Sequence[PriceSlot]) -> int: ...

    def setting(self, name: str) -> str | None: ...

    def save_setting(self, name: str, value: str) -> None: ...


class InvoiceStore(Protocol):
    def issued(
        self, client_id: str | None = None, month: str | None = None
    ) -> tuple[Invoice, ...]: ...

    def issue(self, draft: Invoice, issued_at_ms: int) -> Invoice:
        """Gives the next number without a gap and freezes it, in one transaction.

        Idempotent: the same client and month issued before gives that invoice back when the
        content is equal, and InvoiceError when it is not.
        """
        ...

    def attach_pdf(self, number: str, pdf: bytes) -> None:
        """Keeps the paper; a second call for the same number must bring the same bytes."""
        ...

    def pdf(self, number: str) -> bytes | None: ...


class AlarmStore(Protocol):
    def open_alarms(self) -> tuple[Alarm, ...]: ...

    def journal(self, start_ms: int, end_ms: int) -> tuple[Alarm, ...]: ...

    def save(self, alarm: Alarm) -> Alarm:
        """Inserts (alarm_id 0) or updates; returns it with its id."""
        ...


class FindingStore(Protocol):
    def states(self) -> dict[str, Finding]:
        """By finding_id: only those that a person has judged."""
        ...

    def save(self, finding: Finding) -> None: ...


class ApiKeyStore(Protocol):
    def all(self) -> tuple[tuple[ApiKey, str], ...]:
        """Every key with the hash of its secret, revoked ones too, oldest first."""
        ...

    def add(self, key: ApiKey, secret_hash: str) -> None: ...

    def revoke(self, key_id: str, at_ms: int) -> None: ...

    def note_use(self, key_id: str, at_ms: int) -> None: ...


class PushAnswerStore(Protocol):
    """Answers to requests with an idempotency key."""

    def begin(self, key_id: str, idempotency_key: str, answer: PushAnswer) -> PushAnswer:
        """Notes that a request came; gives what is known of it, from an earlier try if any."""
        ...

    def finish(self, key_id: str, idempotency_key: str, status: int, body: str) -> None: ...

    def forget_before(self, at_ms: int) -> None: ...


class PushIntake(Protocol):
    """Where pushed readings become snapshots of their meters."""

    def push(
        self, readings: Sequence[PushedReading], *, timeout_s: float = 5.0
    ) -> tuple[PushOutcome, ...]:
        """One outcome per reading, in their order. Taken, but perhaps not on the disk yet."""
        ...


class BackupStore(Protocol):
    def backup(self, target: Path) -> None:
        """Hot, into a temporary beside the target, verified by opening it, then renamed."""
        ...


class Rings(Protocol):
    """The last readings in memory, for live curves. Safe to read from the GUI thread."""

    def window(
        self, meter_id: str, quantity: str, seconds: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times (s, UTC epoch) and values of the last `seconds`; copies, ascending."""
        ...

    def last(self, meter_id: str) -> Snapshot | None: ...

    def version(self) -> int:
        """Grows with every reading: a timer redraws only when it changed."""
        ...


class ReadsOnce(Protocol):
    """One reading of a meter of any kind, outside the schedule."""

    def read_once(
        self,
        link: Link,
        driver_id: str,
        unit_id: int,
        *,
        address: str = "",
        timeout_s: float = 5.0,
    ) -> TestReading:
        """Waits for one trial read. address: as Meter.address, where a unit number does not tell.

        Raises MeterUnreachable, MeterAnswerWrong, NotFound, WrongUse.
        """
        ...


class FieldControl(ReadsOnce, Protocol):
    """The pollers, as services see them. Calls return at once."""

    def statuses(self) -> dict[str, MeterStatus]: ...

    def reconfigure(self, configuration: Configuration) -> None:
        """Polls what the configuration says from now on; unchanged meters are not disturbed."""
        ...

    def try_now(self, meter_id: str) -> None:
        """Ends the back-off of a lost meter."""
        ...

    def write_register(self, link: Link, unit_id: int, address: int, value: int) -> int:
        """Writes a holding register, reads it back and returns what it then holds."""
        ...


class BusAccess(ReadsOnce, Protocol):
    """The wire itself, as the commissioning desk sees it. A link that is polled is shared."""

    def read_registers(
        self,
        link: Link,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float = 5.0,
    ) -> RawRegisters:
        """One read of function 1 to 4. Raises MeterUnreachable, MeterAnswerWrong, WrongUse."""
        ...

    def identify(
        self, link: Link, unit_id: int, *, timeout_s: float = 5.0
    ) -> DeviceIdentity | None:
        """Function 43/14; None: the device answers, but does not tell."""
        ...

    def frames(self, link_id: str, after: int = 0) -> tuple[Frame, ...]:
        """What went over the link since frame number `after`, as far as it is still kept."""
        ...

    def bus_statistics(self) -> tuple[BusStatistics, ...]: ...


class DriverCatalogue(Protocol):
    def drivers(self) -> tuple[DriverInfo, ...]: ...

    def registers(self, driver_id: str) -> tuple[RegisterView, ...]: ...

    def errors(self) -> tuple[DriverFileError, ...]:
        """What is wrong with the driver files that could not be used."""
        ...


class Compute(Protocol):
    """Runs pure functions away from the caller's interpreter; values in, values out."""

    def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Blocks until done. Raises JobCancelled, JobTimedOut, JobLost, or what the function
        raised.
        """
        ...

    def run_long(
        self,
        function: Callable[Concatenate[ProgressSink, P], R],
        progress: ProgressSink,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """As `run`, for a function that first takes a sink for its progress. `progress` is called
        in the caller's thread, and may raise JobCancelled.
        """
        ...


ProgressSink = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and what is being done. May raise JobCancelled."""


def no_progress(fraction: float, doing: str) -> None:
    """For callers that show none."""


Batch = Iterable[Snapshot]
