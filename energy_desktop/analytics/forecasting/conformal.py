"""Intervals that hold what they say, from errors that were made before the origin.

Conformalised quantile regression (Romano, Patterson, Candes 2019): the quantiles of a model are
moved outward or inward by the quantile of how far past outcomes lay outside them. Raw quantiles
covered 72 and 90 % where 80 and 95 were meant. Each side has its own correction, since a load is
bounded below and has a long tail above, and corrections are in units of the usual spread at that
time of day, so that a quiet night is not given the width of an evening.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_desktop.analytics.forecasting.candidates import LEVELS, MIDDLE
from energy_desktop.analytics.forecasting.series import Floats

COVERAGES = (0.95, 0.80)
"""Of the pairs of LEVELS from the outside in."""


@dataclass(frozen=True, slots=True)
class Correction:
    """How far each of LEVELS is moved outward, in units of the scale; 0 for the middle."""

    outward: tuple[float, ...]

    def apply(self, quantiles: Floats, scale: Floats, *, floor: float | None) -> Floats:
        """Corrected quantiles (n, 5): ascending, the middle in place, none below the floor."""
        side = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
        moved = quantiles + scale[:, None] * (side * np.array(self.outward))[None, :]
        if floor is not None:
            moved = np.maximum(moved, floor)
        low = np.minimum.accumulate(moved[:, MIDDLE::-1], axis=1)[:, ::-1]
        high = np.maximum.accumulate(moved[:, MIDDLE:], axis=1)
        return np.concatenate([low[:, :MIDDLE], high], axis=1)


def correction(quantiles: Floats, happened: Floats, scale: Floats) -> Correction:
    """What past answers (n, 5), outcomes (n,) and scales (n,), all finite, ask for.

    Each side misses half of what may be missed, with the (n + 1) / n of a finite sample.
    """
    outward = [0.0] * len(LEVELS)
    for i, coverage in enumerate(COVERAGES):
        j = len(LEVELS) - 1 - i
        outward[i] = _upper_quantile((quantiles[:, i] - happened) / scale, coverage)
        outward[j] = _upper_quantile((happened - quantiles[:, j]) / scale, coverage)
    return Correction(tuple(outward))


def _upper_quantile(scores: Floats, coverage: float) -> float:
    n = scores.size
    if n == 0:
        return 0.0
    rank = min(int(np.ceil((n + 1) * (1 + coverage) / 2)), n)
    return float(np.partition(scores, rank - 1)[rank - 1])
