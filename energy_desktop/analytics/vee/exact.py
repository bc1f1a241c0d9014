"""Known energy over intervals, in whole Wh that add up.

A gap's energy is known to the Wh, its profile is not. Rounding each interval alone would lose that
sum, so the running sum is rounded instead: every partial sum is right to half a Wh, the whole one
exactly, and nothing is negative that was not.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s


def apportion(total_wh: int, shape: Floats) -> Int64s:
    """`total_wh` along `shape` (n,), n > 0: whole Wh (n,) whose sum is exactly the total.

    Only the proportions of the shape count. What is negative or unknown in it counts as 0; a shape
    of nothing but zeros is taken as even. All results have the sign of the total.
    """
    weight = np.maximum(np.nan_to_num(shape, nan=0.0, posinf=0.0, neginf=0.0), 0.0)
    highest = float(weight.max())
    # Divided by its highest first: a sum of tiny or huge weights must not vanish or overflow.
    weight = weight / highest if highest > 0.0 else np.ones_like(weight)
    running = np.cumsum(weight)
    reached = np.rint(running / running[-1] * total_wh).astype(np.int64)
    reached[-1] = total_wh
    parts: Int64s = np.diff(reached, prepend=np.int64(0))
    return parts


def whole(energy_wh: Floats) -> Int64s:
    """Energies (n,) >= 0 as whole Wh: the sum is the rounded sum."""
    if not len(energy_wh):
        return np.empty(0, np.int64)
    return apportion(round(float(np.sum(energy_wh))), energy_wh)


def scaled(energy_wh: Int64s, factor: Decimal) -> Int64s:
    """Energies (n,) times a factor >= 0: the sum is the sum times the factor, rounded once."""
    if not len(energy_wh):
        return np.empty(0, np.int64)
    total = (Decimal(int(energy_wh.sum())) * factor).quantize(Decimal(1), ROUND_HALF_UP)
    return apportion(int(total), energy_wh.astype(np.float64))
