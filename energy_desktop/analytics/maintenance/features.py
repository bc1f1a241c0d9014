"""From minute means to days: what a machine used, and for how long it ran.

Energy comes from the ledger (register differences) where there is one, because integrated power
only gives the shape; running time can come from nothing but power. A meter that is read each
quarter of an hour has exact energy, and running time that is sampled: what that adds is noise,
which the baseline measures with all other noise, and running time that explains nothing is left
out of it. A day counts only when nearly
all of it was measured and none of its energy was estimated, since a baseline that learns from
filled gaps learns the filler.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import from_ms, local_midnight_ms
from energy_desktop.domain.energy import HOUR_MS, Buckets, IntervalQuality, Intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

LEAST_COMPLETE = 0.95
"""Share of a day that must have been measured for the day to count."""

RUNNING_SHARE_OF_PEAK = 0.2
"""A machine counts as running above this share of its usual top power."""

SLOWEST_S = 900.0
"""A meter that is read more rarely says too little of how long a machine ran."""

_LATE = 1.5  # times its interval that a reading may come after the one before
_FIRST_DAYS = 28  # the running threshold is taken from these and then frozen, like the baseline


@dataclass(frozen=True, slots=True)
class DailyFeatures:
    """One entry per local day, ascending; all shapes (n,).

    energy_wh: NaN where unknown. running_hours: measured time above `threshold_w`.
    usable: fit to learn from and to judge (nearly complete, nothing estimated).
    """

    day_ms: Int64s
    energy_wh: Floats
    running_hours: Floats
    usable: NDArray[np.bool_]
    threshold_w: float


def local_days_ms(start_ms: int, end_ms: int, zone: ZoneInfo) -> Int64s:
    """Midnights of the local days touched by [start_ms, end_ms), plus the one that closes them."""
    if end_ms <= start_ms:
        return np.empty(0, np.int64)
    day: date = datetime.fromtimestamp(start_ms / 1000, zone).date()
    edges = [local_midnight_ms(day, zone)]
    while edges[-1] < end_ms:
        day += timedelta(days=1)
        edges.append(local_midnight_ms(day, zone))
    return np.array(edges, np.int64)


def daily_features(
    power: Buckets,
    zone: str,
    *,
    ledger: Intervals | None = None,
    threshold_w: float | None = None,
    read_every_s: float = 60.0,
) -> DailyFeatures:
    """Days of one equipment out of buckets of `power_w` (1 to 15 min).

    read_every_s: how often the meter is read. Each reading stands for the time to the next one as
    far as that comes when it is due, so that a reading that failed is missing all the same.
    ledger: the meter's intervals over the same time; without it energy is mean power times time.
    threshold_w: power above which the machine counts as running; None: a fifth of the power that
    its busiest 5 % of the first four weeks reached.
    """
    place = ZoneInfo(zone)
    if len(power.start_ms) == 0:
        none = np.empty(0)
        return DailyFeatures(
            np.empty(0, np.int64), none, none.copy(), np.empty(0, bool), threshold_w or 0.0
        )
    edges = local_days_ms(int(power.start_ms[0]), int(power.end_ms[-1]), place)
    days = len(edges) - 1
    length_h = np.diff(edges) / HOUR_MS

    magnitude = np.abs(power.mean)
    known = np.isfinite(magnitude)
    if threshold_w is None:
        early = known & (power.start_ms < edges[min(days, _FIRST_DAYS)])
        top = float(np.percentile(magnitude[early], 95)) if early.any() else 0.0
        threshold_w = RUNNING_SHARE_OF_PEAK * top

    hours = _stood_for_h(power, known, 1000.0 * read_every_s)
    place_of = np.clip(np.searchsorted(edges, power.start_ms, side="right") - 1, 0, days - 1)
    covered = np.bincount(place_of[known], hours[known], days)
    running = known & (magnitude > threshold_w)
    running_hours = np.bincount(place_of[running], hours[running], days).astype(np.float64)
    energy: Floats = np.bincount(place_of[known], (magnitude * hours)[known], days).astype(
        np.float64
    )
    complete = covered / length_h >= LEAST_COMPLETE
    energy[covered == 0.0] = np.nan

    if ledger is not None:
        # Read once an interval, its boundaries lie between readings and count as estimates. The sum
        # of a day is the register's all the same where `complete` says that it was read all day.
        slow = _LATE * read_every_s > ledger.step_s
        worst = IntervalQuality.ESTIMATED if slow else IntervalQuality.VALIDATED
        energy, trusted = _ledger_days(ledger, edges, worst)
        complete &= trusted
    return DailyFeatures(edges[:-1], energy, running_hours, complete, threshold_w)


def _stood_for_h(power: Buckets, known: NDArray[np.bool_], every_ms: float) -> Floats:
    """The time in h that each bucket speaks for, shape (n,); of those not known it is its own."""
    length_ms = (power.end_ms - power.start_ms).astype(np.float64)
    stood_ms = length_ms.copy()
    starts, own = power.start_ms[known], length_ms[known]
    if len(starts):
        to_next = np.append(np.diff(starts), np.inf)
        # Buckets begin at whole minutes: readings each 70 s leave every seventh of them empty.
        due = np.maximum(_LATE * every_ms, own * np.ceil(every_ms / own))
        stood_ms[known] = np.where(to_next <= due, to_next, np.maximum(own, every_ms))
    return stood_ms / HOUR_MS


def _ledger_days(
    ledger: Intervals, edges: Int64s, worst: IntervalQuality
) -> tuple[Floats, NDArray[np.bool_]]:
    """Energy per day out of the ledger, and whether all of it is `worst` or better."""
    days = len(edges) - 1
    inside = (ledger.start_ms >= edges[0]) & (ledger.start_ms < edges[-1])
    at = np.searchsorted(edges, ledger.start_ms[inside], side="right") - 1
    energy, quality = ledger.energy_wh[inside], ledger.quality[inside]
    good = np.isfinite(energy) & (quality <= worst)
    per_day = np.bincount(at[good], energy[good], days).astype(np.float64)
    expected = np.diff(edges) / (1000 * ledger.step_s)
    trusted = np.bincount(at[good], minlength=days) >= LEAST_COMPLETE * expected
    # A bad interval inside, even a short one, keeps the day out: its share is known, its place not.
    trusted &= np.bincount(at[~good], minlength=days) == 0
    per_day[np.bincount(at[good], minlength=days) == 0] = np.nan
    return per_day, trusted


def weekday_of(day_ms: Int64s, zone: str) -> Int64s:
    """Weekday of each local day, 0 is Monday; shape (n,)."""
    place = ZoneInfo(zone)
    return np.array([from_ms(int(day)).astimezone(place).weekday() for day in day_ms], np.int64)
