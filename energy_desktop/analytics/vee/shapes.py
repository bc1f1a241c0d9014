"""Profiles for energy whose sum is known and whose course is not.

Days are compared by the clock on the wall: a machine starts at seven, not at an hour of UTC. A
repeated hour of autumn is filled twice from the one hour of the other day; an hour that the other
day skipped in spring is taken from the hour that its clock showed instead.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import from_ms, to_ms

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s

WEEKS = 3
_LEAST_KNOWN = 0.8  # of a gap's intervals must have a like one


def straight_line(count: int, before: float | None, after: float | None) -> Floats | None:
    """Energies (count,) on the line from the interval before to the one after; one of them
    alone gives a level. None: neither is known."""
    left = after if before is None else before
    right = before if after is None else after
    if left is None or right is None:
        return None
    return np.linspace(left, right, count + 2)[1:-1]


def moved_days(start_ms: Int64s, days: int, zone: ZoneInfo) -> Int64s:
    """The moments (n,) at which clocks on the wall show the same, so many local days later."""
    step = timedelta(days=days)
    moved = np.empty_like(start_ms)
    for i, start in enumerate(start_ms.tolist()):
        local = from_ms(start).astimezone(zone)
        # An hour that is skipped there is read with the offset before the change: PEP 495.
        moved[i] = to_ms((local.replace(tzinfo=None) + step).replace(tzinfo=zone, fold=local.fold))
    return moved


def looked_up(at_ms: Int64s, first_ms: int, step_ms: int, energy_wh: Floats) -> Floats:
    """Energy (n,) of the interval that each moment lies in, of a gapless grid from first_ms;
    NaN outside of it."""
    position = (at_ms - first_ms) // step_ms
    inside = (position >= 0) & (position < len(energy_wh))
    found = np.full(len(at_ms), np.nan)
    found[inside] = energy_wh[position[inside]]
    return found


def like_weeks(
    start_ms: Int64s, first_ms: int, step_ms: int, measured_wh: Floats, zone: ZoneInfo
) -> Floats | None:
    """Mean (n,) of the same weekday and time of the 3 weeks before each interval.

    measured_wh: a gapless grid from first_ms, NaN where nothing was measured. An interval without
    any like one lies on the line between those that have. None: too few have.
    """
    weeks = np.array(
        [
            looked_up(moved_days(start_ms, -7 * week, zone), first_ms, step_ms, measured_wh)
            for week in range(1, WEEKS + 1)
        ]
    )
    known = np.isfinite(weeks)
    count = known.sum(axis=0)
    if np.count_nonzero(count) < max(1.0, _LEAST_KNOWN * len(start_ms)):
        return None
    there = count > 0
    mean = np.where(known, weeks, 0.0).sum(axis=0) / np.maximum(count, 1)
    filled: Floats = np.interp(start_ms, start_ms[there], mean[there])
    return filled


def like_day(
    start_ms: Int64s, days_off: int, first_ms: int, step_ms: int, energy_wh: Floats, zone: ZoneInfo
) -> Floats:
    """Energies (n,) of the same times `days_off` local days away (negative: before); NaN where
    they are not known."""
    return looked_up(moved_days(start_ms, days_off, zone), first_ms, step_ms, energy_wh)
