"""Whether enough was measured to claim a saving or to learn a baseline.

The figures are those of the field: about a year, most days of it, at least half of each day's
hours, and values that move. What was estimated or edited was not measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain import wording
from energy_desktop.domain.energy import HOUR_MS, IntervalQuality
from energy_desktop.domain.validation import Sufficiency

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Int64s, Intervals

YEAR_DAYS = (329, 366)
LEAST_GOOD_DAYS_PCT = 90.0
LEAST_HOURS_OF_DAY = 0.5
LEAST_UNIQUE_PCT = 10.0


def sufficiency(ledger: Intervals, edges_ms: Int64s) -> Sufficiency:
    """edges_ms (d + 1,): midnights of the period's local days, 23, 24 or 25 hours apart."""
    days = max(len(edges_ms) - 1, 0)
    measured = np.isfinite(ledger.energy_wh) & (ledger.quality <= IntervalQuality.VALIDATED)
    good_days = 0
    if days:
        inside = measured & (ledger.start_ms >= edges_ms[0]) & (ledger.start_ms < edges_ms[-1])
        at = np.searchsorted(edges_ms, ledger.start_ms[inside], side="right") - 1
        hours = np.bincount(at, minlength=days) * ledger.step_s * 1000 / HOUR_MS
        good = hours >= LEAST_HOURS_OF_DAY * np.diff(edges_ms) / HOUR_MS
        good_days = int(np.count_nonzero(good))
    measured_pct = 100.0 * np.count_nonzero(measured) / len(measured) if len(measured) else 0.0
    unique_pct = _unique_pct(ledger, measured, edges_ms)
    return Sufficiency(
        days, good_days, float(measured_pct), unique_pct, _problems(days, good_days, unique_pct)
    )


def _unique_pct(ledger: Intervals, measured: NDArray[np.bool_], edges_ms: Int64s) -> float:
    """Distinct values of a day, the median over days: a year has more intervals than a small
    meter has values."""
    day = np.searchsorted(edges_ms, ledger.start_ms[measured], side="right")
    values = ledger.energy_wh[measured]
    shares = [
        100.0 * len(np.unique(values[day == number])) / np.count_nonzero(day == number)
        for number in np.unique(day)
    ]
    return float(np.median(shares)) if shares else 0.0


def _problems(days: int, good_days: int, unique_pct: float) -> tuple[str, ...]:
    problems = []
    if not YEAR_DAYS[0] <= days <= YEAR_DAYS[1]:
        problems.append(
            f"{wording.count(days, 'day')} chosen; a claim needs {YEAR_DAYS[0]} to {YEAR_DAYS[1]}."
        )
    good_pct = 100.0 * good_days / days if days else 0.0
    if good_pct < LEAST_GOOD_DAYS_PCT:
        problems.append(
            f"{good_days:,} of {days:,} days have half of their hours measured "
            f"({wording.percent(good_pct)}); {wording.percent(LEAST_GOOD_DAYS_PCT, 0)} are needed."
        )
    if good_days and unique_pct < LEAST_UNIQUE_PCT:
        problems.append(
            f"Only {wording.percent(unique_pct)} of a day's measured values are distinct: "
            "a stuck meter, or one that counts in coarse steps?"
        )
    return tuple(problems)
