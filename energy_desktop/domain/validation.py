"""What is held against energy before it is believed, and what came of it.

A failed rule changes nothing by itself: the value stays, a person (or an estimate that a person
asked for) makes another version of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING

from energy_desktop.domain.energy import Reconciliation

if TYPE_CHECKING:
    from energy_desktop.domain.editing import ThreeSeries


class ValidationRule(Enum):
    """Named as on the screen; tested in this order, and the first one that fails is told."""

    GAP = "gap"
    LOW_LIMIT = "low limit"  # less than nothing
    HIGH_LIMIT = "high limit"  # more than the connection carries
    PEAK = "historical peak"
    SPIKE = "spike"
    FROZEN = "frozen value"
    SUM = "sum check"  # intervals against the register


@dataclass(frozen=True, slots=True)
class RuleFailure:
    """Intervals in a row that fail one rule, said in a sentence. energy_wh: their sum as booked;
    None: not all of it is known."""

    rule: ValidationRule
    start_ms: int
    end_ms: int
    intervals: int
    energy_wh: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class DayCheck:
    """A local day: the sum of its intervals against the difference of the register."""

    day: date
    start_ms: int
    end_ms: int
    reconciliation: Reconciliation

    @property
    def holds(self) -> bool:
        """True where there is no register to hold the sum against."""
        return not self.reconciliation.discrepancy_wh


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """Whether measured energy is enough for a claim. Estimated and edited intervals count as not
    measured. problems: a sentence each; none: enough.

    days: local days of the period. good_days: with at least half of their hours measured.
    unique_pct: distinct values among those measured on a day, the median over days.
    """

    days: int
    good_days: int
    measured_pct: float
    unique_pct: float
    problems: tuple[str, ...]

    @property
    def enough(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """A meter's register over a period. series.rules names the rule that each interval failed."""

    series: ThreeSeries
    failures: tuple[RuleFailure, ...]
    days: tuple[DayCheck, ...]
    sufficiency: Sufficiency
