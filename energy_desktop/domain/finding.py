"""What maintenance finds: creeping power draw and single strange hours."""

from dataclasses import dataclass
from enum import Enum


class FindingKind(Enum):
    CREEP = "creep"
    ANOMALY = "anomaly"


class FindingState(Enum):
    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    REPAIRED = "repaired"


class WatchState(Enum):
    """How far the watch over one equipment is."""

    LEARNING = "learning"
    WATCHING = "watching"
    PAUSED = "paused"
    UNSUITABLE = "unsuitable"  # too noisy to promise anything


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement about one equipment. start_ms: when it began, not when it was found."""

    finding_id: str  # stable: equipment, kind and start day
    meter_id: str
    meter_name: str
    kind: FindingKind
    start_ms: int
    end_ms: int | None
    found_at_ms: int
    change_pct: float
    excess_wh: int
    excess_cost_units: int
    sentence: str
    causes: tuple[str, ...]
    state: FindingState = FindingState.OPEN
    state_by: str = ""
    state_at_ms: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RepairCheck:
    """Whether a repair helped: excess over baseline before and after, in percent."""

    repaired_at_ms: int
    days_after: int
    before_pct: float
    after_pct: float | None
    helped: bool | None  # None: too early to say
    sentence: str


@dataclass(frozen=True, slots=True)
class EquipmentWatch:
    """The state of the watch over one equipment; arrays as tuples, one entry per day.

    day_ms: start of the local day. excess_pct: measured against baseline, NaN where no verdict.
    cusum: accumulated standardised excess, reset at 0; threshold: alarm at this height.
    naive_*: the rival (mean of the last 7 days against the 7 before, > 10 %).
    """

    meter_id: str
    meter_name: str
    equipment: str
    state: WatchState
    state_sentence: str
    learned_days: int
    needed_days: int
    baseline_sentence: str
    noise_pct: float
    detectable_pct_in_12_weeks: float
    meter_class_pct: float
    day_ms: tuple[int, ...]
    actual_wh: tuple[float, ...]
    expected_wh: tuple[float, ...]
    excess_pct: tuple[float, ...]
    cusum: tuple[float, ...]
    threshold: float
    findings: tuple[Finding, ...]
    naive_alarms: int
    repair: RepairCheck | None = None


class AnomalyKind(Enum):
    """What makes a stretch of hours strange."""

    HIGH = "high"
    LOW = "low"
    ZERO = "zero"
    FLAT = "flat"
    NO_SETBACK = "no setback"  # ran through hours in which it otherwise goes down


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A stretch of hours unlike its own weeks. actual_wh and expected_wh: sums of the stretch."""

    kind: AnomalyKind
    start_ms: int
    end_ms: int
    actual_wh: float
    expected_wh: float
    score: float  # the largest |z| inside; 0 where the kind has none
    reason: str
