"""What a register showed at moments between its readings: a straight line, rounded once.

Every moment is rounded on its own, to whole Wh, and energy is always a difference of two of them.
So sums telescope: whatever was rounded, they equal the difference of the register exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Moments (n,) on the line. value_wh: what the register showed. before, after: indices of the
    readings around each, the same one where a reading lies on it. apart: these are further from
    each other than readings of this register are, so the moment is an estimate."""

    value_wh: Int64s
    before: Int64s
    after: Int64s
    apart: Bools


def drawn(time_ms: Int64s, register_wh: Int64s, at_ms: Int64s, gap_limit_ms: int) -> Drawn:
    """time_ms, register_wh (m,): readings, ascending. at_ms (n,): moments from the first of them to
    the last, ascending. gap_limit_ms: readings that are no further apart are neighbours."""
    after = np.searchsorted(time_ms, at_ms, side="left")
    before = np.where(time_ms[after] == at_ms, after, after - 1)
    between_ms = time_ms[after] - time_ms[before]
    fraction = (at_ms - time_ms[before]) / np.maximum(between_ms, 1)
    rise = (register_wh[after] - register_wh[before]) * fraction
    value_wh = register_wh[before] + np.rint(rise).astype(np.int64)
    return Drawn(value_wh, before, after, between_ms > gap_limit_ms)
