"""Heating and cooling degree days.

By the mean-temperature method HDD = max(base - mean, 0) and CDD = max(mean - base, 0) of a local
day, the mean taken over the hours of the day (ASHRAE Handbook of Fundamentals, degree-day method).
German practice (VDI 3807, Gradtagszahl) counts room minus mean on days below the heating limit:
`room_c` turns that on. A day with too few hours is unknown, not mild.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_SHARE = 0.5  # of a day's hours: below it the day is unknown


@dataclass(frozen=True, slots=True)
class DegreeDays:
    """Per local day; shapes (d,), kelvin days, NaN where the day is unknown."""

    mean_c: Floats
    heating: Floats
    cooling: Floats


def degree_days(
    hourly_c: Floats,
    day_of_hour: NDArray[np.int64],
    days: int,
    hours_of_day: NDArray[np.int64],
    *,
    heating_base_c: float = 15.0,
    cooling_base_c: float = 18.0,
    room_c: float | None = None,
) -> DegreeDays:
    """hourly_c, day_of_hour (h,): mean temperature of each hour, NaN unknown, and the index of its
    local day. hours_of_day (days,): 23, 24 or 25.

    room_c: heating degree days count up to the room, on days below the heating base.
    """
    known = ~np.isnan(hourly_c)
    count = np.bincount(day_of_hour[known], minlength=days)[:days]
    total = np.bincount(day_of_hour[known], weights=hourly_c[known], minlength=days)[:days]
    enough = count >= LEAST_SHARE * hours_of_day
    mean = np.full(days, np.nan)
    mean[enough] = total[enough] / count[enough]
    heating = np.maximum(heating_base_c - mean, 0.0)
    if room_c is not None:
        heating = np.where(mean < heating_base_c, room_c - mean, heating)
    return DegreeDays(mean, heating, np.maximum(mean - cooling_base_c, 0.0))
