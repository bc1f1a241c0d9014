"""Series and the energy ledger.

Arrays are numpy, but this module does not import it: domain stays importable without anything
installed, and the types are for the checker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Int8s = NDArray[np.int8]

QUARTER_HOUR_MS = 900_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class Resolution(Enum):
    """Steps that history can be asked for. Days are local days of the site."""

    RAW = "raw"
    MINUTE = "1min"
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one quantity: shapes (n,), times ascending UTC epoch ms, NaN = not available."""

    meter_id: str
    quantity: str
    time_ms: Int64s
    values: Floats


@dataclass(frozen=True, slots=True)
class Buckets:
    """A series aggregated to fixed steps; all shapes (n,). Empty buckets are absent or n = 0, NaN.

    Counters: first and last are register readings, mean/min/max are theirs too.
    """

    meter_id: str
    quantity: str
    start_ms: Int64s
    end_ms: Int64s
    n: Int64s
    mean: Floats
    minimum: Floats
    maximum: Floats
    first: Floats
    last: Floats


class IntervalQuality(IntEnum):
    """Order matters: a sum is as good as the worst interval in it."""

    RAW = 0
    VALIDATED = 1
    ESTIMATED = 2
    EDITED = 3
    QUARANTINED = 4
    MISSING = 5


@dataclass(frozen=True, slots=True)
class Intervals:
    """The ledger of one meter and register: energy per fixed step, by register difference.

    start_ms (n,): UTC epoch ms of each interval's start; step_s is constant within the value.
    energy_wh (n,): NaN where missing or quarantined: unknown is not zero.
    quality (n,): IntervalQuality.
    Every step of the asked period is present, so gaps are visible.
    """

    meter_id: str
    register: str  # energy_import_wh, energy_export_wh or energy_total_wh
    step_s: int
    start_ms: Int64s
    energy_wh: Floats
    quality: Int8s


@dataclass(frozen=True, slots=True)
class RegisterShown:
    """What the register itself showed at the start and the end of each interval; shapes (n,).

    opening_wh, closing_wh: whole Wh. segment: grows where the register does not go on from where
    it stood, because it fell or rose beyond belief.
    """

    opening_wh: Int64s
    closing_wh: Int64s
    segment: Int64s

    def at(self, chosen: slice | NDArray[np.bool_] | Int64s) -> RegisterShown:
        """Of those intervals only."""
        return RegisterShown(self.opening_wh[chosen], self.closing_wh[chosen], self.segment[chosen])


@dataclass(frozen=True, slots=True)
class RegisterReading:
    """A reading of a meter's own counter."""

    meter_id: str
    register: str
    read_at_ms: int
    value_wh: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Sum of intervals held against the difference of the register, for one meter and period.

    estimated_wh, edited_wh: what of the sum the program spread or estimated, and what a person
    entered or changed. unregistered_wh: what of it lies in times that the register did not see,
    before its first reading or between a reset and the next: there is nothing to hold it against.
    correction_wh: how much more than the register a person's corrections say; below 0: less.
    """

    meter_id: str
    register: str
    opening: RegisterReading | None
    closing: RegisterReading | None
    register_difference_wh: int | None
    interval_sum_wh: int
    estimated_wh: int
    missing_intervals: int
    resets: int = 0  # exchanges or resets inside, each booked up to its end reading
    edited_wh: int = field(default=0, metadata={"since": "0.2"})
    unregistered_wh: int = field(default=0, metadata={"since": "0.2"})
    correction_wh: int = field(default=0, metadata={"since": "0.2"})

    @property
    def discrepancy_wh(self) -> int | None:
        """None: the meter has no register to hold the sum against (imported intervals)."""
        if self.register_difference_wh is None:
            return None
        return self.interval_sum_wh - self.unregistered_wh - self.register_difference_wh

    @property
    def unexplained_wh(self) -> int | None:
        """What is left of the discrepancy when the corrections are accounted for; None as above."""
        found = self.discrepancy_wh
        return None if found is None else found - self.correction_wh


class GapCause(Enum):
    COMMUNICATION = "communication"
    POWER = "power"
    NOT_RUNNING = "program not running"
    QUARANTINED = "quarantined"
    UNKNOWN = "unknown"  # a file does not say why it has no value


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without readings."""

    meter_id: str
    start_ms: int
    end_ms: int | None  # None: still open
    cause: GapCause
    detail: str = ""
