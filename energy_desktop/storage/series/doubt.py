"""Whether the readings of an exchange may be believed as they were written down.

A digit too many in a protocol looks like energy: the old register seems to have run on, or the new
one to have run before it was read. No rule of the register sees it, so what would be booked on
each side of the exchange is held against what the meter ever used. Pure arithmetic, no disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.editing import ExchangeDoubt
from energy_desktop.domain.energy import QUARTER_HOUR_MS
from energy_desktop.storage.series.register import energy_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]

TIMES = 3.0  # of the highest interval seen
LEAST_WH = 1_000  # in a quarter of an hour: protocols are often written in whole kWh
LOOK_AROUND = 6  # readings on each side: one bad reading beside the exchange says nothing of it


def believable_w(highest_w: float | None) -> float:
    """Mean power on a side of an exchange up to which its reading is believed as it is.

    highest_w: of the meter's measured intervals; None: none was measured yet.
    """
    return max(TIMES * (highest_w or 0.0), LEAST_WH * 3_600_000 / QUARTER_HOUR_MS)


def doubt_of(
    at_ms: int,
    old_end_wh: int,
    new_start_wh: int,
    time_ms: Int64s,
    register_wh: Int64s,
    most_w: float,
) -> ExchangeDoubt | None:
    """The side of the exchange on which far too much would be booked; None: both are believed.

    time_ms, register_wh (n,): stored readings around it, one at the very time is the old one's.
    """
    split = int(np.searchsorted(time_ms, at_ms, side="right"))
    begin = max(split - LOOK_AROUND, 0)
    old, new = register_wh[begin:split], register_wh[split : split + LOOK_AROUND]
    # Registers rise: the highest of the old one and the lowest of the new one are its nearest.
    below = np.flatnonzero(old <= old_end_wh)
    above = np.flatnonzero(new >= new_start_wh)
    if len(below):
        i = begin + int(below[np.argmax(old[below])])
        found = _judged(old_end_wh - int(register_wh[i]), at_ms - int(time_ms[i]), most_w)
        if found is not None:
            return ExchangeDoubt("old end", *found, most_w)
    if len(above):
        i = split + int(above[np.argmin(new[above])])
        found = _judged(int(register_wh[i]) - new_start_wh, int(time_ms[i]) - at_ms, most_w)
        if found is not None:
            return ExchangeDoubt("new start", *found, most_w)
    return None


def _judged(energy_wh: int, duration_ms: int, most_w: float) -> tuple[int, int] | None:
    too_much = energy_wh > float(energy_at(most_w, duration_ms))
    return (energy_wh, duration_ms) if too_much else None
