"""Which intervals should not be believed as they stand, and by which rule.

A rule that cries wolf is switched off, so each asks for more than an odd look: a spike must also be
higher than the meter ever was, and a value counts as frozen only where its resolution makes the
same number again and again improbable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.validation import ValidationRule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

    Bools = NDArray[np.bool_]

PEAK_TIMES = 1.5  # of the highest energy of the past
SPIKE_TIMES = 2.8  # of the day's third highest: California's VEE rules ask (1st - 3rd) / 3rd > 1.8
FROZEN_HOURS = 6
_LEAST_OF_DAY = 8  # known intervals, to say what is usual on it
FROZEN_LEAST_STEPS = 20  # of the meter's resolution: 5,037 Wh does not come 24 times by chance
REGISTER_STANDS_HOURS = 2


def failed_rules(
    start_ms: Int64s,
    raw_wh: Floats,
    step_s: int,
    day_start_ms: Int64s,
    *,
    limit_w: float | None = None,
    past_peak_wh: float | None = None,
    power_w: Floats | None = None,
) -> tuple[str, ...]:
    """Name of the first rule that each interval (n,) fails; empty: none.

    raw_wh: as measured and booked, NaN where nothing was. day_start_ms: ascending midnights of the
    site that cover the period. past_peak_wh: the highest measured energy of an interval before the
    period; None: too short a past. power_w (n,): mean power that the meter itself told, NaN
    unknown.
    """
    known = np.isfinite(raw_wh)
    energy = np.where(known, raw_wh, 0.0)
    day = np.searchsorted(day_start_ms, start_ms, side="right")
    found: list[tuple[ValidationRule, Bools]] = [
        (ValidationRule.GAP, ~known),
        (ValidationRule.LOW_LIMIT, known & (energy < 0)),
    ]
    if limit_w is not None:
        most = limit_w * step_s / 3600
        found.append((ValidationRule.HIGH_LIMIT, known & (energy > most)))
    if past_peak_wh is not None:
        found.append((ValidationRule.PEAK, known & (energy > PEAK_TIMES * past_peak_wh)))
    found.append((ValidationRule.SPIKE, _spikes(energy, known, day, past_peak_wh)))
    found.append((ValidationRule.FROZEN, _frozen(energy, known, step_s)))
    if power_w is not None:
        found.append((ValidationRule.FROZEN, _register_stands(energy, known, power_w, step_s)))
    names = np.full(len(start_ms), "", dtype=object)
    for rule, fails in reversed(found):
        names[fails] = rule.value
    return tuple(names.tolist())


def _spikes(energy: Floats, known: Bools, day: Int64s, past_peak_wh: float | None) -> Bools:
    """The one interval of a day that towers over it, above what the meter is used to: its highest
    of the past, else far above what it reaches on other days. A kettle boils every day."""
    spikes = np.zeros(len(energy), np.bool_)
    tops: list[float] = []
    towers: list[int] = []
    for number in np.unique(day[known]).tolist():
        here = np.flatnonzero(known & (day == number))
        if len(here) < _LEAST_OF_DAY:
            continue
        third, _, top = here[np.argsort(energy[here])[-3:]].tolist()
        tops.append(float(energy[top]))
        if energy[third] > 0 and energy[top] > SPIKE_TIMES * energy[third]:
            towers.append(top)
    used_to = past_peak_wh
    if used_to is None:
        used_to = PEAK_TIMES * sorted(tops)[-3:][0] if len(tops) > 1 else 0.0
    for top in towers:
        spikes[top] = energy[top] > used_to
    return spikes


def _frozen(energy: Floats, known: Bools, step_s: int) -> Bools:
    """Runs of one value, not 0, for hours, where the meter counts in far finer steps."""
    whole = np.rint(energy[known]).astype(np.int64)
    resolution = int(np.gcd.reduce(whole)) if len(whole) else 0
    if resolution <= 0 or not (whole != whole[0]).any():
        # With a single value there is no telling how finely it counts.
        resolution = 1
    same = known[1:] & known[:-1] & (energy[1:] == energy[:-1])
    same &= energy[1:] >= FROZEN_LEAST_STEPS * resolution
    return _long_runs(same, FROZEN_HOURS * 3600 // step_s)


def _register_stands(energy: Floats, known: Bools, power_w: Floats, step_s: int) -> Bools:
    """The register stood while the meter told power: an hour of that power would have been seen."""
    expected = np.nan_to_num(power_w, nan=0.0) * step_s / 3600
    counted = energy[known & (energy > 0)]
    resolution = float(counted.min()) if len(counted) else 1.0
    stands = known & (energy == 0) & (expected > resolution)
    return _long_runs(stands[1:] & stands[:-1], REGISTER_STANDS_HOURS * 3600 // step_s)


def _long_runs(same: Bools, least: int) -> Bools:
    """same (n - 1,): whether each interval goes on as the one before. Members (n,) of runs of at
    least so many intervals."""
    edges = np.flatnonzero(~same) + 1
    bounds = np.concatenate(([0], edges, [len(same) + 1]))
    length = np.diff(bounds)
    return np.repeat(length >= max(least, 2), length)


def runs_of(names: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """Neighbours that fail the same rule: (rule, first, one past the last)."""
    found: list[tuple[str, int, int]] = []
    for i, name in enumerate(names):
        if not name:
            continue
        if found and found[-1][0] == name and found[-1][2] == i:
            found[-1] = (name, found[-1][1], i + 1)
        else:
            found.append((name, i, i + 1))
    return found
