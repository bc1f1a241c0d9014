"""The rival of the bill: power samples, integrated.

Most energy displays book this. It drifts from the register where power changes between samples,
it invents energy across gaps, and a meter whose clock offset is fixed puts the evenings after a
clock change into the wrong hour. It is computed to be shown beside the bill, never to be billed.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.billing.hours import (
    MINUTE_MS,
    MINUTES_OF_DAY,
    wall_minutes,
    week_table,
)
from energy_desktop.domain.contract import WeeklyHours

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s


def naive_out_of_hours(
    time_ms: Int64s, power_w: Floats, *, hours: WeeklyHours, zone: ZoneInfo
) -> int:
    """Wh outside the hours when each sample holds until the next one.

    time_ms, power_w: (n,), ascending. The offset of the first sample is used for all of them, as
    programs do that ask the clock once; holidays and gaps are unknown to it.
    """
    if len(time_ms) < 2:
        return 0
    offset_min = int(wall_minutes(time_ms[:1], zone)[0] - time_ms[0] // MINUTE_MS)
    minutes = time_ms // MINUTE_MS + offset_min
    # 1970-01-01 was a Thursday, weekday 3.
    weekday = (minutes // MINUTES_OF_DAY + date(1970, 1, 1).weekday()) % 7
    inside = week_table(hours)[weekday, minutes % MINUTES_OF_DAY]
    held_ms = np.diff(time_ms)
    power = np.nan_to_num(power_w[:-1], nan=0.0)
    joule_ms = float((power * held_ms)[~inside[:-1]].sum())
    return round(joule_ms / 3_600_000)
