"""How the energy of a day depends on the weather.

Least squares of daily energy on heating and cooling degree days (the energy signature of a
building). A term stays only where its 95 % interval excludes nothing at all: a slope that chance
explains as well is no slope, and a negative one is no heating. Saturdays and Sundays get a base of
their own where they differ, because an office that is empty on warm weekends would otherwise look
as if it were heated by weekdays.

Beside it stands the mean day, which knows no weather: a fit that does not beat it says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.balance import EnergySignature, WeatherSlope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

LEAST_DAYS = 14
LEAST_DEGREE_DAYS = 5  # days on which a base is passed at all, before a slope is told
_LEAST_SPREAD_KD = 1.0
# Student's t for 95 %, two-sided, by degrees of freedom (Abramowitz and Stegun, table 26.10).
_T95 = ((5, 2.571), (10, 2.228), (20, 2.086), (30, 2.042), (60, 2.000), (120, 1.980))


class TooFewDays(ValueError):
    """Less than LEAST_DAYS whole days are known."""


@dataclass(frozen=True, slots=True)
class _Fit:
    weights: Floats
    errors: Floats  # standard error of each weight
    residual: Floats
    freedom: int


def fit_signature(
    energy_wh: Floats, heating_kd: Floats, cooling_kd: Floats, day_off: Bools
) -> EnergySignature:
    """All (d,): days of which everything is known. Raises TooFewDays."""
    days = len(energy_wh)
    if days < LEAST_DAYS:
        raise TooFewDays(days)
    offered = {
        "heating": (heating_kd, _varies(heating_kd)),
        "cooling": (cooling_kd, _varies(cooling_kd)),
        "day off": (day_off.astype(np.float64), 2 <= int(day_off.sum()) <= days - 2),
    }
    names = [name for name, (_, usable) in offered.items() if usable]
    while True:
        fit = _least_squares(energy_wh, [offered[name][0] for name in names])
        t = _t95(fit.freedom)
        weak = {
            name: abs(fit.weights[i + 1]) / max(fit.errors[i + 1], 1e-12)
            for i, name in enumerate(names)
            if abs(fit.weights[i + 1]) <= t * fit.errors[i + 1]
            or (name != "day off" and fit.weights[i + 1] < 0)
        }
        if not weak:
            break
        names.remove(min(weak, key=lambda name: weak[name]))

    def slope(name: str) -> WeatherSlope | None:
        if name not in names:
            return None
        i = names.index(name) + 1
        value, half = float(fit.weights[i]), t * float(fit.errors[i])
        return WeatherSlope(value, value - half, value + half)

    mean = float(energy_wh.mean())
    spread = energy_wh - mean
    total = float(spread @ spread)
    unexplained = float(fit.residual @ fit.residual)
    off = names.index("day off") + 1 if "day off" in names else None
    return EnergySignature(
        days=days,
        base_wh=float(fit.weights[0]),
        heating=slope("heating"),
        cooling=slope("cooling"),
        day_off_wh=None if off is None else float(fit.weights[off]),
        r2=max(1.0 - unexplained / total, 0.0) if total > 0 else 0.0,
        cv_rmse_pct=_cv_rmse_pct(unexplained, fit.freedom, mean),
        mean_cv_rmse_pct=_cv_rmse_pct(total, days - 1, mean),
    )


def _varies(degree_days: Floats) -> bool:
    return (
        int(np.count_nonzero(degree_days > 0)) >= LEAST_DEGREE_DAYS
        and float(np.std(degree_days)) >= _LEAST_SPREAD_KD
    )


def _least_squares(energy_wh: Floats, columns: list[Floats]) -> _Fit:
    x = np.column_stack([np.ones(len(energy_wh)), *columns])
    inverse = np.linalg.pinv(x.T @ x)
    weights = inverse @ x.T @ energy_wh
    residual = energy_wh - x @ weights
    freedom = len(energy_wh) - x.shape[1]
    variance = float(residual @ residual) / freedom
    return _Fit(weights, np.sqrt(np.maximum(np.diag(inverse) * variance, 0.0)), residual, freedom)


def _cv_rmse_pct(squares: float, freedom: int, mean: float) -> float:
    """sqrt(squares / freedom) of the mean; NaN where the mean is nothing."""
    return 100.0 * float(np.sqrt(squares / freedom)) / mean if mean > 0 else float("nan")


def _t95(freedom: int) -> float:
    """Linear in 1 / freedom between the table's rows; 1.960 for very many."""
    rows = [(1.0 / n, t) for n, t in _T95]
    at = [0.0, *(x for x, _ in reversed(rows))]
    values = [1.960, *(t for _, t in reversed(rows))]
    return float(np.interp(1.0 / max(freedom, 5), at, values))
