"""When light was on, read from the power of its meter.

Nobody tells the program how much a zone's lamps draw, so each zone is its own measure: the floor
is what it draws when it draws least (emergency signs, drivers on standby), the level what it draws
in contract hours. A quarter of the way up counts as lit, because cleaners rarely light every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats

    Bools = NDArray[np.bool_]

_FLOOR_PERCENTILE = 2
_LEVEL_PERCENTILE = 90  # of contract hours: rooms that are used an hour a day still show it
_LIT_SHARE = 0.25
_LEAST_SPREAD_W = 10.0
_LEAST_SPREAD_SHARE = 0.3  # of the level: less is daylight control or a drifting driver
_LEAST_KNOWN_MINUTES = 6 * 60


@dataclass(frozen=True, slots=True)
class LitThreshold:
    """floor_w: standby of the zone. threshold_w: above it light is on."""

    floor_w: float
    threshold_w: float


def lit_threshold(
    power_w: Floats, in_contract: Bools, rated_w: float | None
) -> LitThreshold | None:
    """power_w (n,) per minute, NaN unknown; in_contract (n,).

    rated_w: what the zone's lamps draw when all are on, where known; it decides for a zone that
    was never seen both dark and lit. None: nothing can be said (too little data, or a constant
    draw that may be lamps that are always on or something else).
    """
    known = np.isfinite(power_w)
    if np.count_nonzero(known) < _LEAST_KNOWN_MINUTES:
        return None
    floor = max(0.0, float(np.percentile(power_w[known], _FLOOR_PERCENTILE)))
    used = known & in_contract
    sample = power_w[used] if used.any() else power_w[known]
    level = float(np.percentile(sample, _LEVEL_PERCENTILE))
    spread = level - floor
    if spread >= max(_LEAST_SPREAD_W, _LEAST_SPREAD_SHARE * level):
        return LitThreshold(floor, floor + _LIT_SHARE * spread)
    if rated_w is not None:
        always_on = level > _LIT_SHARE * rated_w
        return LitThreshold(0.0 if always_on else floor, _LIT_SHARE * rated_w)
    if level < _LEAST_SPREAD_W:
        return LitThreshold(floor, floor + _LEAST_SPREAD_W)
    return None


def lit_minutes(power_w: Floats, threshold: LitThreshold) -> Bools:
    """(n,): light on; unknown minutes are not lit, and a single minute alone is a glitch."""
    above = np.nan_to_num(power_w, nan=0.0) > threshold.threshold_w
    beside = np.zeros_like(above)
    beside[1:] |= above[:-1]
    beside[:-1] |= above[1:]
    return above & beside
