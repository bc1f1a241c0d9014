"""What a machine used when it was well: learnt once, then frozen, and normalised.

A model that keeps learning follows a creep and finds it at chance level, so the baseline sees
the first good days and nothing after. It is normalised, because a machine that ran longer, on
another weekday or in another season is not a worse machine: running hours, a smooth week (two
harmonics) and heating and cooling degrees enter where they lower the leave-one-out error, and
only there.

Fitted by ridge regression on energy relative to its median, weighted by 1/expected^2: noise of a
machine is a share of what it uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

LEAST_DAYS = 21
LEARNING_DAYS = 42

_HEATING_BELOW_C = 15.0
_COOLING_ABOVE_C = 18.0
_NOISE_FLOOR = 0.003  # nothing real is steadier than its meter's resolution
_OUTLIER = 4.0
_RIDGE = 0.05
_LEAST_GAIN = 0.97  # a feature group must lower the error by 3 % to be worth its parameters
_PRIOR_CORRELATION = 0.2
_PRIOR_DAYS = 30.0
_LEAST_SPREAD_H = 0.25
_LEAST_SPREAD_C = 1.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a day was like; shapes (n,). None: not known, so not normalised by it."""

    weekday: Int64s
    running_hours: Floats | None = None
    temperature_c: Floats | None = None

    def at(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> Conditions:
        return Conditions(
            self.weekday[index],
            None if self.running_hours is None else self.running_hours[index],
            None if self.temperature_c is None else self.temperature_c[index],
        )


@dataclass(frozen=True, slots=True)
class Baseline:
    """The frozen model of one machine.

    noise: relative deviation of a day; correlation: of one day with the next;
    long_run: noise of a sum of days, per square root day, relative.
    """

    learned_days: int
    parameters: int
    median_wh: float
    noise: float
    correlation: float
    uses: tuple[str, ...]
    _columns: tuple[str, ...]
    _centre: Floats
    _scale: Floats
    _weights: Floats
    _covariance: Floats

    @property
    def long_run(self) -> float:
        return self.noise * float(np.sqrt((1 + self.correlation) / (1 - self.correlation)))

    def expected(self, conditions: Conditions) -> tuple[Floats, Floats]:
        """Expected energy in Wh and the leverage of each day, shapes (n,).

        Leverage is the variance of the expectation over that of a day: above 1 the day is so
        unlike the learnt ones that nothing can be said of it.
        """
        x = (_matrix(self._columns, conditions) - self._centre) / self._scale
        relative = x @ self._weights
        leverage = np.einsum("ij,jk,ik->i", x, self._covariance, x)
        return relative * self.median_wh, leverage


_GROUPS = {
    "running hours": ("hours",),
    "weekday": ("week_sin", "week_cos", "week2_sin", "week2_cos"),
    "temperature": ("heating", "cooling"),
}


def _matrix(columns: tuple[str, ...], of: Conditions) -> Floats:
    angle: Floats = of.weekday.astype(np.float64) * (2.0 * np.pi / 7.0)
    made = [_column(name, angle, of) for name in columns]
    return np.column_stack([np.ones(len(of.weekday)), *made])


def _column(name: str, angle: Floats, of: Conditions) -> Floats:
    match name:
        case "hours":
            assert of.running_hours is not None
            return of.running_hours / 24.0
        case "heating":
            assert of.temperature_c is not None
            return np.maximum(_HEATING_BELOW_C - of.temperature_c, 0.0) / 10.0
        case "cooling":
            assert of.temperature_c is not None
            return np.maximum(of.temperature_c - _COOLING_ABOVE_C, 0.0) / 10.0
        case "week_sin":
            return np.asarray(np.sin(angle))
        case "week_cos":
            return np.asarray(np.cos(angle))
        case "week2_sin":
            return np.asarray(np.sin(2.0 * angle))
        case _:
            return np.asarray(np.cos(2.0 * angle))


def _offered(of: Conditions) -> list[str]:
    """Groups that vary at all in these days, so that they could explain something."""
    offered = ["weekday"]
    if of.running_hours is not None and np.std(of.running_hours) > _LEAST_SPREAD_H:
        offered.insert(0, "running hours")
    if of.temperature_c is not None and np.std(of.temperature_c) > _LEAST_SPREAD_C:
        offered.append("temperature")
    return offered


@dataclass(frozen=True, slots=True)
class _Fit:
    columns: tuple[str, ...]
    centre: Floats
    scale: Floats
    weights: Floats
    covariance: Floats
    parameters: float
    press: float  # leave-one-out squared error, relative
    residual: Floats  # relative to the expectation


def _fit(columns: tuple[str, ...], of: Conditions, relative: Floats) -> _Fit | None:
    x = _matrix(columns, of)
    centre = x.mean(axis=0)
    centre[0] = 0.0
    scale = np.maximum(x.std(axis=0), 1e-6)
    scale[0] = 1.0
    x = (x - centre) / scale
    penalty = np.full(x.shape[1], _RIDGE)
    penalty[0] = 0.0
    expected = np.full(len(relative), max(float(np.median(relative)), 1e-9))
    for _ in range(3):
        weight = 1.0 / np.square(expected)
        weight /= weight.mean()
        gram = (x * weight[:, None]).T @ x + np.diag(penalty)
        inverse = np.linalg.inv(gram)
        coefficients = inverse @ ((x * weight[:, None]).T @ relative)
        expected = np.maximum(x @ coefficients, 0.05)
    hat = np.einsum("ij,jk,ik->i", x, inverse, x) * weight
    if np.any(hat > 0.95):
        return None
    residual = relative / expected - 1.0
    press = float(np.mean(np.square(residual / (1.0 - hat))))
    return _Fit(columns, centre, scale, coefficients, inverse, float(hat.sum()), press, residual)


def learn(of: Conditions, energy_wh: Floats) -> Baseline | None:
    """The baseline of these days, shapes (n,), all usable; None when no energy was used.

    Single strange days are left out of it (beyond four robust deviations).
    """
    median = float(np.median(energy_wh))
    if not median > 0.0:
        return None
    relative = energy_wh / median
    best = _choose(of, relative)
    robust = 1.4826 * float(np.median(np.abs(best.residual - np.median(best.residual))))
    kept = np.abs(best.residual) <= _OUTLIER * max(robust, _NOISE_FLOOR)
    if kept.sum() >= LEAST_DAYS - 2 and not kept.all():
        of, relative = of.at(kept), relative[kept]
        best = _choose(of, relative)
    days = len(relative)
    spread = float(np.sqrt(np.square(best.residual).sum() / max(days - best.parameters, 3.0)))
    correlation = _correlation(best.residual)
    uses = tuple(name for name, columns in _GROUPS.items() if columns[0] in best.columns)
    return Baseline(
        learned_days=days,
        parameters=round(best.parameters),
        median_wh=median,
        noise=max(spread, _NOISE_FLOOR),
        correlation=correlation,
        uses=uses,
        _columns=best.columns,
        _centre=best.centre,
        _scale=best.scale,
        _weights=best.weights,
        _covariance=best.covariance,
    )


def _choose(of: Conditions, relative: Floats) -> _Fit:
    """The smallest set of feature groups whose leave-one-out error is not beaten clearly."""
    best = _fit((), of, relative)
    assert best is not None  # a lone mean has a leverage of 1/n
    offered = _offered(of)
    for taken in sorted(product((False, True), repeat=len(offered)), key=sum):
        groups = [name for name, take in zip(offered, taken, strict=True) if take]
        if not groups:
            continue
        columns = tuple(column for name in groups for column in _GROUPS[name])
        fit = _fit(columns, of, relative)
        if fit is not None and fit.press < best.press * _LEAST_GAIN**2:
            best = fit
    return best


def _correlation(residual: Floats) -> float:
    """Of one day with the next, drawn towards 0.2: a month of days says little about it.

    The estimate from n days is low by about (1 + 3 phi) / n (Marriott and Pope, Biometrika 1954).
    """
    days = len(residual)
    power = float(residual @ residual)
    raw = float(residual[1:] @ residual[:-1]) / power if power > 0.0 else 0.0
    raw += (1.0 + 3.0 * raw) / days
    drawn = (days * raw + _PRIOR_DAYS * _PRIOR_CORRELATION) / (days + _PRIOR_DAYS)
    return float(np.clip(drawn, 0.0, 0.7))
