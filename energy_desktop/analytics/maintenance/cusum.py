"""Tabular CUSUM on standardised daily residuals, with one false alarm a year.

The textbook threshold assumes a known mean, a known spread and independent days. None of the
three holds here, and each error brings false alarms:

- Days resemble their neighbours. Residuals are divided by the long-run deviation
  sigma * sqrt((1 + phi) / (1 - phi)) of an AR(1) process, under which a CUSUM of correlated days
  behaves like one of independent days.
- Mean and spread were learnt from n days. The expected false alarm rate is therefore averaged
  over what that baseline may be wrong by (Gauss-Hermite over the error of the mean, 1/sqrt(n),
  and over the log error of the deviation, 1/sqrt(2 dof)), and the threshold makes this average
  one a year. It comes out higher than the textbook's, and falls as n grows.

Average run length: Siegmund's approximation (D. Siegmund, Sequential Analysis, Springer 1985;
also in Montgomery, Introduction to Statistical Quality Control, on the tabular CUSUM):
    ARL = (exp(-2 D b) + 2 D b - 1) / (2 D^2),  D = mean - k,  b = h + 1.166.
Run lengths of a drifting mean: the CUSUM as a Markov chain (Brook and Evans, Biometrika 59, 1972).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats

REFERENCE = 0.3
"""k in standard deviations: half the lasting shift that is found fastest. Small, for creeping."""

DAYS_BETWEEN_FALSE_ALARMS = 365.0

_CALIBRATION = 0.70
"""The whole watch alarms more rarely than this threshold by itself: a CUSUM of correlated days
overshoots less, and while a false alarm stands no second one is raised. Set so that simulated
watches (42 days learnt, phi 0.2) give one a year: docs/decisions/0006-drift-and-anomalies.md."""

_STATES = 30  # of the Markov chain


def average_run_length(h: float, k: float, shift: float = 0.0, deviation: float = 1.0) -> float:
    """Mean days to an alarm of a one-sided CUSUM (Siegmund).

    h, k: threshold and reference in the deviation that was believed; shift in the same unit;
    deviation: the true one over the believed one.
    """
    drift = (shift - k) / deviation
    b = h / deviation + 1.166
    x = 2.0 * drift * b
    if abs(x) < 1e-3:
        return b * b
    if x < -600.0:
        return math.inf
    return (math.exp(-x) + x - 1.0) / (2.0 * drift * drift)


def false_alarms_per_day(h: float, k: float, learned_days: int, degrees: float) -> float:
    """Expected rate, averaged over what a baseline of `learned_days` may be wrong by."""
    nodes, weights = _hermite()
    rate = 0.0
    for mean_node, mean_weight in zip(nodes, weights, strict=True):
        for spread_node, spread_weight in zip(nodes, weights, strict=True):
            deviation = math.exp(spread_node / math.sqrt(2.0 * degrees))
            shift = mean_node / math.sqrt(learned_days) * deviation
            run = average_run_length(h, k, shift, deviation)
            rate += mean_weight * spread_weight / max(run, 1.0)
    return rate


@lru_cache(maxsize=1)
def _hermite() -> tuple[tuple[float, ...], tuple[float, ...]]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(13)
    return tuple(nodes.tolist()), tuple((weights / weights.sum()).tolist())


@lru_cache(maxsize=512)
def threshold(learned_days: int, parameters: int, k: float = REFERENCE) -> float:
    """h in long-run deviations that gives one false alarm a year.

    learned_days: days behind the baseline; parameters: how many it fitted.
    """
    degrees = max(learned_days - parameters, 3)
    wanted = 1.0 / (DAYS_BETWEEN_FALSE_ALARMS * _CALIBRATION)
    low, high = 0.5, 80.0
    for _ in range(24):
        middle = 0.5 * (low + high)
        if false_alarms_per_day(middle, k, learned_days, degrees) > wanted:
            low = middle
        else:
            high = middle
    return high


def accumulate(z: Floats, k: float = REFERENCE) -> Floats:
    """The path of the CUSUM, shape (n,): max(0, previous + z - k); days that are NaN hold it."""
    path = np.empty(len(z))
    height = 0.0
    for i, value in enumerate(z.tolist()):
        if value == value:
            height = max(0.0, height + value - k)
        path[i] = height
    return path


@lru_cache(maxsize=256)
def detectable_slope(
    learned_days: int, parameters: int, days: int = 84, power: float = 0.9, k: float = REFERENCE
) -> float:
    """The slowest creep, in long-run deviations per day, that is found within `days`.

    "Found" means with probability `power`, over the noise to come and over what the baseline's
    mean may be wrong by. The CUSUM is followed as a Markov chain on [0, h] whose transition moves
    with the growing mean, so the answer is exact up to its grid and needs no random numbers.
    """
    h = threshold(learned_days, parameters, k)
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    shifts = nodes / math.sqrt(learned_days)
    weights = weights / weights.sum()
    low, high = 0.0, 0.2
    for _ in range(12):
        middle = 0.5 * (low + high)
        if float(weights @ _probability_found(middle, shifts, h, days, k)) < power:
            low = middle
        else:
            high = middle
    return high


def _probability_found(slope: float, shifts: Floats, h: float, days: int, k: float) -> Floats:
    """Per shift of the mean, shape as `shifts`: that the CUSUM has passed h after `days`."""
    width = h / (_STATES - 0.5)  # state 0 is half as wide: the chain rests at 0
    heights = np.arange(_STATES) * width
    step = heights[None, :] + 0.5 * width - heights[:, None]
    state = np.zeros((len(shifts), 1, _STATES))
    state[:, 0, 0] = 1.0
    for day in range(1, days + 1):
        below = _normal_cdf(step[None] - (shifts[:, None, None] + slope * day - k))
        move = np.diff(below, axis=2, prepend=0.0)
        state = state @ move
    return np.asarray(1.0 - state.sum(axis=(1, 2)))


_GRID = np.linspace(-8.0, 8.0, 3201)
_CDF = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in _GRID])


def _normal_cdf(x: Floats) -> Floats:
    return np.asarray(np.interp(x, _GRID, _CDF), np.float64)


_CLEARLY = 6.0  # twice the log likelihood by which a step must beat a line


def bend(excess: Floats, deviation: float) -> int:
    """Where a change began: the index from which a rising line, or a step, fits best.

    excess (n,): residuals, NaN where no verdict, ending on the day of the alarm; deviation: that
    of a day. Every day is tried, because the last zero of the CUSUM dates a creep weeks too late:
    its first days hide in the noise. Least squares, which is maximum likelihood for normal noise.
    A line is presumed; a step is taken where it fits clearly better.
    """
    day = np.flatnonzero(np.isfinite(excess))
    value = excess[day]
    if len(day) == 0:
        return 0
    gains = {"line": (-1.0, int(day[-1])), "step": (-1.0, int(day[-1]))}
    for start in range(max(len(day) - 1, 1)):
        tail = value[start:]
        along = (day[start:] - day[start] + 1).astype(float)
        for name, shape in (("line", along), ("step", np.ones(len(tail)))):
            fit = float(shape @ tail)
            gain = fit * fit / float(shape @ shape) if fit > 0.0 else 0.0
            if gain > gains[name][0]:
                gains[name] = gain, int(day[start])
    better = gains["step"][0] - gains["line"][0] > _CLEARLY * deviation * deviation
    return gains["step" if better else "line"][1]
