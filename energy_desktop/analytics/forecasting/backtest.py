"""Walk-forward: stand at past origins, forecast, look what came, and only then step on.

The final forecast is simply the last step of the walk, so what the backtest scores is what the
product does. Learned methods are fitted anew every two weeks of the walk and once more for the
last origin, each time from pairs whose targets lie before the origin of the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from energy_desktop.analytics.forecasting.candidates import (
    BLEND,
    LEVELS,
    LIGHTGBM,
    MIDDLE,
    NAIVE_WEEK,
    RIDGE,
    Candidate,
    blended,
)
from energy_desktop.analytics.forecasting.conformal import correction
from energy_desktop.analytics.forecasting.features import FeatureTable, build_features, pairs_of
from energy_desktop.analytics.forecasting.series import Bools, Floats, Ints, LoadSeries

MIN_TRAINING_DAYS = 28
DAY_CAP = 2.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work a forecast may cost. The defaults: about 6 s for a year of half hours.

    folds: past origins walked through; the first warm_up of them only calibrate, unscored.
    refit_days: days of the walk that share a fit. max_rows: training pairs of a fit.
    judged_days, calibrated_days: how far back the choice and the calibration look.
    """

    folds: int = 84
    warm_up: int = 28
    refit_days: int = 14
    max_rows: int = 20_000
    judged_days: int = 56
    calibrated_days: int = 56


@dataclass(frozen=True, slots=True)
class Walk:
    """What each method answered at each origin; pairs lie origin by origin, `horizon` each.

    origins (k,): grid indices. happened (k horizon,): Wh, NaN where unknown or still to come.
    scale (k horizon,): the usual spread at that time, > 0. answers: method -> (k horizon, 5).
    fold (k horizon,): index of the pair's origin. target (k horizon,): grid index.
    """

    series: LoadSeries
    horizon: int
    origins: Ints
    fold: Ints
    target: Ints
    happened: Floats
    scale: Floats
    answers: dict[str, Floats]

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(self.answers)


@dataclass(frozen=True, slots=True)
class Settled:
    """The product's answer at one origin. quantiles (horizon, 5): calibrated, ascending."""

    method: str
    quantiles: Floats


def daily_origins(series: LoadSeries, last: int, days: int) -> Ints:
    """The same local time as `last` on up to `days` days before it, ascending; without `last`."""
    back = np.arange(days, 0, -1)
    found = series.same_clock(np.full(days, last), back)
    return found[found >= 0]


def walk_forward(
    series: LoadSeries,
    origins: Ints,
    horizon: int,
    candidates: Sequence[Candidate],
    *,
    effort: Effort,
    seed: int = 0,
) -> Walk:
    """Answers of every candidate at every origin (ascending grid indices, the last may be n).

    A candidate that learns takes part when there are MIN_TRAINING_DAYS before the first origin.
    """
    per_day = series.slots_per_day
    rng = np.random.default_rng(seed)
    older = daily_origins(series, int(origins[0]), int(origins[0]) // per_day + 1)
    # The first days have no past to speak of; pairs without a lag teach only the calendar.
    older = older[older >= min(14 * per_day, int(origins[0]) // 3)]
    past_pairs = pairs_of(older, horizon)
    if len(past_pairs) > effort.max_rows:
        keep = np.sort(rng.choice(len(past_pairs), effort.max_rows, replace=False))
        past_pairs = past_pairs.part(keep)
    yearly = int(origins[0]) >= 365 * per_day
    past = build_features(series, past_pairs, yearly=yearly)
    asked = build_features(series, pairs_of(origins, horizon), yearly=yearly)
    happened = _outcome(series, asked.pairs.target)
    walk = Walk(
        series,
        horizon,
        origins,
        np.repeat(np.arange(origins.size), horizon),
        asked.pairs.target,
        happened,
        _scale(asked),
        {},
    )
    learning = int(origins[0]) >= MIN_TRAINING_DAYS * per_day
    for candidate in candidates:
        if not candidate.learns:
            walk.answers[candidate.name] = candidate.quantiles(past, happened[:0], asked)
        elif learning:
            walk.answers[candidate.name] = np.empty((len(asked.pairs), len(LEVELS)))
    learners = [c for c in candidates if c.name in walk.answers and c.learns]
    past_happened = _outcome(series, past.pairs.target)
    for begin, end in _blocks(origins.size, effort.refit_days) if learners else ():
        cut = int(origins[begin])
        before = (walk.fold < begin) & (asked.pairs.target < cut) & np.isfinite(happened)
        early = (past.pairs.target < cut) & np.isfinite(past_happened)
        train = past.part(early).joined(asked.part(before))
        outcome = np.concatenate([past_happened[early], happened[before]])
        if outcome.size > effort.max_rows:
            keep = np.sort(rng.choice(outcome.size, effort.max_rows, replace=False))
            train, outcome = train.part(keep), outcome[keep]
        which = slice(begin * horizon, end * horizon)
        for learner in learners:
            walk.answers[learner.name][which] = learner.quantiles(train, outcome, asked.part(which))
    if LIGHTGBM in walk.answers and RIDGE in walk.answers:
        walk.answers[BLEND] = blended(walk.answers[LIGHTGBM], walk.answers[RIDGE])
    return walk


def settle(walk: Walk, fold: int, *, effort: Effort, method: str | None = None) -> Settled:
    """Choice and intervals at one origin, from outcomes before it and nothing else.

    method: forces one instead of choosing.
    """
    chosen = method or choose(walk, fold, effort=effort)
    seen = _seen(walk, fold, effort.calibrated_days)
    answers = walk.answers[chosen]
    fix = correction(answers[seen], walk.happened[seen], walk.scale[seen])
    here = slice(fold * walk.horizon, (fold + 1) * walk.horizon)
    return Settled(chosen, fix.apply(answers[here], walk.scale[here], floor=floor_of(walk, fold)))


def choose(walk: Walk, fold: int, *, effort: Effort) -> str:
    """The method with the least error in the judged days before the fold's origin.

    The mean of daily MAEs, where a day counts at most `DAY_CAP` times a usual day of the weekly
    naive: a shut-down nobody could foresee says nothing about the methods, yet uncapped one such
    Sunday chose for the next eight weeks (an office: 1.18 of the naive, capped 0.99).
    """
    which = judged(walk, fold, effort)
    if not which.any():
        return NAIVE_WEEK
    _, day, count = np.unique(walk.fold[which], return_inverse=True, return_counts=True)
    truth = walk.happened[which]
    daily = {
        name: np.bincount(day, np.abs(answer[which, MIDDLE] - truth)) / count
        for name, answer in walk.answers.items()
    }
    usual = float(np.median(daily[NAIVE_WEEK])) if NAIVE_WEEK in daily else 0.0
    cap = DAY_CAP * usual if usual > 0 else np.inf
    score = {name: float(np.minimum(error, cap).mean()) for name, error in daily.items()}
    return min(score, key=lambda name: score[name])


def absolute_errors(walk: Walk, which: Bools) -> dict[str, float]:
    """MAE by method over the same pairs; empty without any."""
    if not which.any():
        return {}
    truth = walk.happened[which]
    return {
        name: float(np.mean(np.abs(answer[which, MIDDLE] - truth)))
        for name, answer in walk.answers.items()
    }


def judged(walk: Walk, fold: int, effort: Effort) -> Bools:
    """Pairs that the choice at `fold` looks at."""
    return _seen(walk, fold, effort.judged_days)


def floor_of(walk: Walk, fold: int) -> float | None:
    """0 when nothing before the fold's origin was ever negative; None: no floor."""
    past = walk.series.energy_wh[: int(walk.origins[fold])]
    return 0.0 if float(np.nanmin(past)) >= 0.0 else None


def _seen(walk: Walk, fold: int, days: int) -> Bools:
    """Pairs of earlier origins whose outcome was known at this one."""
    recent = (walk.fold < fold) & (walk.fold >= fold - days)
    seen: Bools = recent & (walk.target < walk.origins[fold]) & np.isfinite(walk.happened)
    return seen


def _blocks(count: int, days: int) -> list[tuple[int, int]]:
    """The last origin alone, before it blocks of `days`, counted from the end."""
    edges = [*range(count - 1, 0, -days), 0][::-1]
    return [*pairwise(edges), (count - 1, count)]


def _outcome(series: LoadSeries, target: Ints) -> Floats:
    return np.where(target < series.n, series.energy_wh[np.minimum(target, series.n - 1)], np.nan)


def _scale(table: FeatureTable) -> Floats:
    """Spread of the last 28 days at the same time, at least 5 % of the month's mean load."""
    spread = np.nan_to_num(table.column("spread_28").astype(np.float64))
    usual = np.nan_to_num(np.abs(table.column("last_month").astype(np.float64)))
    return np.maximum(spread, 0.05 * usual) + 1e-6
