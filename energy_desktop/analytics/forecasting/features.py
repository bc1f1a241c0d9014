"""What a model may see of the past, for pairs of an origin and a target after it.

One rule makes the table honest: a value is read through `Past`, which answers NaN for whatever is
not before the pair's own origin. Training rows are such pairs too, each with its own origin, so a
model learns from exactly what it will be given. (With the mean of the target's own day among the
features R2 is 0.999, and worth nothing.)

Lags are counted in local days at the same clock time, beginning with the newest one known at the
origin: for midnight origins and 24 h these are yesterday, the day before and so on; for the sixth
day of a week ahead they begin six days back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy_desktop.analytics.forecasting.series import Floats, Ints, LoadSeries

Matrix = NDArray[np.float32]

DAILY_LAGS = 28
WEEKLY_LAGS = 4


@dataclass(frozen=True, slots=True)
class Pairs:
    """Origins and targets as grid indices, shapes (n,): target >= origin, values < origin known."""

    origin: Ints
    target: Ints

    def __len__(self) -> int:
        return int(self.origin.size)

    def part(self, which: NDArray[np.bool_] | Ints | slice) -> Pairs:
        return Pairs(self.origin[which], self.target[which])


def pairs_of(origins: Ints, horizon: int) -> Pairs:
    """Every origin with each of the `horizon` slots from it on, origin by origin."""
    target = origins[:, None] + np.arange(horizon)[None, :]
    return Pairs(np.repeat(origins, horizon), target.ravel())


class Past:
    """The values of a series as each pair's origin knows them."""

    def __init__(self, series: LoadSeries, pairs: Pairs) -> None:
        self._series = series
        self._pairs = pairs
        known = np.isfinite(series.energy_wh)
        self._sum = np.concatenate(([0.0], np.cumsum(np.where(known, series.energy_wh, 0.0))))
        self._count = np.concatenate(([0], np.cumsum(known)))

    def at(self, index: Ints) -> Floats:
        """Values at `index` (n,), NaN where that is not before the pair's origin."""
        seen = (index >= 0) & (index < self._pairs.origin)
        values: Floats = np.where(seen, self._series.energy_wh[np.where(seen, index, 0)], np.nan)
        return values

    def mean_before(self, slots: int, shift: int = 0) -> Floats:
        """Mean of the `slots` values that end `shift` slots before the origin."""
        end = np.maximum(self._pairs.origin - shift, 0)
        begin = np.maximum(end - slots, 0)
        count = self._count[end] - self._count[begin]
        total = self._sum[end] - self._sum[begin]
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of pairs: x (n, len(names)), NaN = unknown. weekly (n, WEEKLY_LAGS): Wh."""

    pairs: Pairs
    slots_per_day: int
    names: tuple[str, ...]
    x: Matrix
    weekly: Matrix

    def column(self, name: str) -> Matrix:
        column: Matrix = self.x[:, self.names.index(name)]
        return column

    def part(self, which: NDArray[np.bool_] | Ints | slice) -> FeatureTable:
        return FeatureTable(
            self.pairs.part(which),
            self.slots_per_day,
            self.names,
            self.x[which],
            self.weekly[which],
        )

    def joined(self, other: FeatureTable) -> FeatureTable:
        """Both, this one first."""
        return FeatureTable(
            Pairs(
                np.concatenate([self.pairs.origin, other.pairs.origin]),
                np.concatenate([self.pairs.target, other.pairs.target]),
            ),
            self.slots_per_day,
            self.names,
            np.concatenate([self.x, other.x]),
            np.concatenate([self.weekly, other.weekly]),
        )


def newest_lag_days(series: LoadSeries, pairs: Pairs) -> Ints:
    """How many local days back the newest value at the target's clock time lies, at least 1."""
    calendar = series.calendar
    days = calendar.day[pairs.target] - calendar.day[pairs.origin]
    later = calendar.slot[pairs.target] >= calendar.slot[pairs.origin]
    newest: Ints = np.maximum(days + later, 1)
    return newest


def build_features(series: LoadSeries, pairs: Pairs, *, yearly: bool) -> FeatureTable:
    """The table for `pairs`. `yearly`: season terms, for a history of a year or more."""
    calendar, past = series.calendar, Past(series, pairs)
    target, origin = pairs.target, pairs.origin
    per_day = series.slots_per_day
    per_hour = max(per_day // 24, 1)
    newest = newest_lag_days(series, pairs)

    daily = np.empty((len(pairs), DAILY_LAGS), np.float32)
    same_kind = np.empty((len(pairs), DAILY_LAGS), np.bool_)
    for j in range(DAILY_LAGS):
        index = series.same_clock(target, newest + j)
        daily[:, j] = past.at(index)
        same_kind[:, j] = calendar.kind[np.maximum(index, 0)] == calendar.kind[target]
    whole_weeks = -(-newest // 7) * 7
    weekly = np.empty((len(pairs), WEEKLY_LAGS), np.float32)
    around = np.empty((len(pairs), 2 * WEEKLY_LAGS), np.float32)
    for j in range(WEEKLY_LAGS):
        index = series.same_clock(target, whole_weeks + 7 * j)
        weekly[:, j] = past.at(index)
        around[:, 2 * j] = past.at(np.where(index > 0, index - 1, -1))
        around[:, 2 * j + 1] = past.at(np.where(index >= 0, index + 1, -1))
    yesterday = series.same_clock(target, newest)
    span = max(per_hour, 1)
    near = np.stack(
        [past.at(np.where(yesterday >= 0, yesterday + k, -1)) for k in range(-span, span + 1)],
        axis=1,
    )
    day_mean = past.mean_before(per_day)
    columns: dict[str, Floats | Ints | Matrix] = {
        "slot": calendar.slot[target],
        "weekday": calendar.weekday[target],
        "kind": calendar.kind[target],
        "holiday": calendar.holiday[target].astype(np.int64),
        "lead": target - origin,
        **{f"day_{j + 1}": daily[:, j] for j in (0, 1, 2, 6)},
        **{f"week_{j + 1}": weekly[:, j] for j in range(WEEKLY_LAGS)},
        "near_mean": _mean(near),
        "near_max": _extreme(near, np.fmax),
        "mean_7": _mean(daily[:, :7]),
        "median_7": _median(daily[:, :7]),
        "mean_28": _mean(daily),
        "median_28": _median(daily),
        "spread_28": _spread(daily),
        "kind_mean": _mean(np.where(same_kind, daily, np.nan)),
        "kind_median": _median(np.where(same_kind, daily, np.nan)),
        "kind_low": _extreme(np.where(same_kind, daily, np.nan), np.fmin),
        "kind_high": _extreme(np.where(same_kind, daily, np.nan), np.fmax),
        "week_mean": _mean(weekly),
        "week_around": _mean(np.concatenate([weekly, around], axis=1)),
        "last_hour": past.mean_before(per_hour),
        "last_3h": past.mean_before(3 * per_hour),
        "last_3h_usual": _mean(
            np.stack([past.mean_before(3 * per_hour, k * per_day) for k in range(1, 8)], axis=1)
        ),
        "last_day": day_mean,
        "day_before": past.mean_before(per_day, per_day),
        "last_week": past.mean_before(7 * per_day),
        "last_month": past.mean_before(28 * per_day),
    }
    if yearly:
        turn = 2 * np.pi * (calendar.day[target] % 365.2425) / 365.2425
        columns |= {"year_sin": np.sin(turn), "year_cos": np.cos(turn)}
    x = np.stack([np.asarray(c, np.float32) for c in columns.values()], axis=1)
    return FeatureTable(pairs, per_day, tuple(columns), x, weekly)


def _mean(values: Matrix | Floats) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _spread(values: Matrix) -> Floats:
    centre = _mean(values)
    return np.sqrt(_mean((values - centre[:, None]) ** 2))


def _median(values: Matrix | Floats) -> Floats:
    """nanmedian along rows; numpy's own warns and is slow where NaN are many."""
    ordered = np.sort(values, axis=1)  # NaN go last
    count = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(ordered))
    low = ordered[rows, np.maximum((count - 1) // 2, 0)]
    high = ordered[rows, np.minimum(count // 2, values.shape[1] - 1)]
    return np.where(count > 0, (low + high) / 2, np.nan)


def _extreme(values: Matrix | Floats, pick: np.ufunc) -> Floats:
    found: Floats = pick.reduce(values, axis=1)
    return found
