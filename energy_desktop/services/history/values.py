"""What the history of a meter is made of, as frozen values.

Times are UTC epoch ms; arrays are numpy of the shapes given; NaN is unknown, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from energy_desktop.domain.energy import Reconciliation
from energy_desktop.domain.site import Meter

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int8s, Int64s

POWER = "power_w"


class Against(Enum):
    """What a period is held against."""

    NOTHING = "nothing"
    BEFORE = "before"  # as many local days, just before
    YEAR = "year"  # 52 weeks earlier, so that weekday meets weekday


@dataclass(frozen=True, slots=True)
class HistorySubject:
    """A meter with data. quantities: what can be drawn, power first; an imported meter's power is
    derived from its intervals. first_ms, last_ms: the extent of its data."""

    meter: Meter
    quantities: tuple[str, ...]
    first_ms: int
    last_ms: int
    imported: bool


@dataclass(frozen=True, slots=True)
class Slots:
    """Regular slots of one meter and quantity; all shapes (n,), NaN where nothing is known.

    values: the mean of a gauge; of a counter the energy of the slot (by register difference).
    quality: IntervalQuality of the energy ledger; None where no ledger stands behind the quantity.
    """

    step_s: int
    start_ms: Int64s
    values: Floats
    minimum: Floats
    maximum: Floats
    quality: Int8s | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A line to draw of [start_ms, end_ms): points with their least and most, all shapes (n,).

    A NaN stands where readings are missing, so that no line is drawn across a gap.
    stand_in_ms, stand_in (m,): what was estimated or edited, as the mean of each interval, with
    its measured neighbours at both ends and a NaN between two runs.
    """

    meter_id: str
    meter_name: str
    quantity: str
    start_ms: int
    end_ms: int
    time_ms: Int64s
    values: Floats
    minimum: Floats
    maximum: Floats
    stand_in_ms: Int64s
    stand_in: Floats


class MarkKind(Enum):
    """What is to be said of a stretch of a curve."""

    GAP = "gap"
    ESTIMATED = "estimated"
    EDITED = "edited"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class QualityMark:
    """A stretch that is not simply measured. cause: why, in words. known_wh: what the register
    says the stretch used; None: it does not. done: what was done about it; empty: nothing yet.
    edit_id: the correction, where it is one. still_open: it has not ended."""

    kind: MarkKind
    start_ms: int
    end_ms: int
    cause: str
    detail: str = ""
    known_wh: int | None = None
    done: str = ""
    edit_id: int | None = None
    still_open: bool = False


@dataclass(frozen=True, slots=True)
class DayCarpet:
    """Days by slots of the day. values (d, slots); day_slots: how many slots each day has, less
    for the day that still runs. A 23-hour day has 92 quarter hours, a 25-hour day 100.
    quality (d, slots): as of the slots; None where there is none."""

    day_start_ms: tuple[int, ...]
    values: Floats
    slot_s: int
    day_slots: tuple[int, ...]
    quality: Int8s | None = None


@dataclass(frozen=True, slots=True)
class DayAgainstLike:
    """A day beside its like weekdays before it; all shapes (n,) by the day's own slots.

    low, high: the 10th and 90th percentile of the like days; NaN with fewer than three of them.
    """

    day_start_ms: int
    start_ms: Int64s
    step_s: int
    values: Floats
    low: Floats
    high: Floats
    typical: Floats
    like_days: int
    total_wh: float | None
    typical_total_wh: float | None
    quality: Int8s | None = None
    marks: tuple[QualityMark, ...] = ()


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Each local day of the period; shapes (n,), edges_ms (n + 1,).

    totals: energy in Wh, for a quantity that is no energy the mean. missing: slots that have
    passed without a value; not_measured: slots that were estimated or edited.
    """

    edges_ms: Int64s
    totals: Floats
    missing: Int64s
    not_measured: Int64s
    is_energy: bool


@dataclass(frozen=True, slots=True)
class PeriodTotals:
    """edges_ms (n + 1,), totals (n,) and those of the period compared with (n,): energy in Wh per
    day or week; for a quantity that is no energy the mean of the period."""

    per: str  # day or week
    edges_ms: Int64s
    totals: Floats
    before: Floats
    is_energy: bool


@dataclass(frozen=True, slots=True)
class WeekPattern:
    """How a quantity lies in each hour of the week, Monday 00:00 first; shapes (168,).

    The 5th, 25th, 50th, 75th and 95th percentile of the measured slots; NaN in an hour with fewer
    than three of them. count: slots in each hour.
    """

    p05: Floats
    p25: Floats
    median: Floats
    p75: Floats
    p95: Floats
    count: Int64s


@dataclass(frozen=True, slots=True)
class BaseLoad:
    """What is always drawn: the 5th percentile of the measured slots of a period.

    slots: how many it was taken from. left_out: estimated and edited ones, which are no evidence.
    energy_wh: held for the whole period; share_pct: of the period's energy, None without one.
    """

    power_w: float
    slots: int
    left_out: int
    energy_wh: float
    share_pct: float | None


@dataclass(frozen=True, slots=True)
class PeriodFacts:
    """None: not known or without meaning for the quantity. Percentages 0 to 100."""

    energy_wh: float | None
    energy_before_wh: float | None
    mean: float | None
    highest: float | None
    highest_at_ms: int | None
    lowest: float | None
    base_load: BaseLoad | None
    load_factor_pct: float | None
    completeness_pct: float  # measured slots of those that have passed
    missing_s: int
    not_measured_s: int  # estimated or edited
    estimated_wh: int
    reconciliation: Reconciliation | None
    energy_known: bool  # the register bridges the gaps


@dataclass(frozen=True, slots=True)
class HistoryLook:
    """All that the page shows of one meter, quantity and period.

    other_ms: the period it is held against, where that is known well enough to compare.
    """

    subject: HistorySubject
    quantity: str
    start_ms: int
    end_ms: int
    against: Against
    other_ms: tuple[int, int] | None
    slots: Slots
    curve: Curve
    carpet: DayCarpet
    duration: Floats  # slot values, highest first
    duration_before: Floats
    days: DayTotals
    totals: PeriodTotals
    week: WeekPattern
    facts: PeriodFacts
    marks: tuple[QualityMark, ...]
