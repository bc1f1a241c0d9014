"""The forecast of one meter: the method that was best for it, and what it was worth.

Everything here is a function of values, so a job process can run it. What lies at or after the
origin is cut off before anything looks at it.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.forecasting.backtest import (
    MIN_TRAINING_DAYS,
    Effort,
    Walk,
    absolute_errors,
    daily_origins,
    judged,
    settle,
    walk_forward,
)
from energy_desktop.analytics.forecasting.candidates import (
    LEVELS,
    MIDDLE,
    NAIVE_NAMES,
    NAIVE_WEEK,
    standard_candidates,
)
from energy_desktop.analytics.forecasting.series import (
    MINUTE_MS,
    Bools,
    Floats,
    Ints,
    LoadSeries,
    make_series,
)
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.forecast import Backtest, CandidateScore, Forecast, ForecastPoint

STEPS_MIN = (5, 10, 15, 30, 60)
MAX_HORIZON_H = 7 * 24
MIN_DAYS = 14
MIN_DAYS_OF_LAST_28 = 7
MAX_SILENCE_DAYS = 7
HISTORY_DAYS = 730
"""Older readings are left aside: two winters are enough, and habits change."""


def forecast(
    start_ms: Ints,
    energy_wh: Floats,
    step_min: int,
    *,
    meter_id: str,
    origin_ms: int,
    horizon_h: float = 24,
    zone: str,
    country: str = "",
    seed: int = 0,
    effort: Effort | None = None,
) -> Forecast:
    """Looks `horizon_h` ahead from `origin_ms` with the method that did best before it.

    start_ms (n,): UTC epoch ms of interval starts, ascending, on one grid of step_min (5, 10, 15,
    30 or 60). energy_wh (n,): Wh per interval, NaN where missing. Intervals that end after the
    origin are ignored. The first point is the first interval of the grid that starts at or after
    the origin. zone: IANA name; country: ISO code of the public holidays, empty for none.

    The backtest is of the chosen method with intervals calibrated only on what lay before each of
    its origins; wape and mase are NaN where they would divide by zero (a load that is always 0,
    or repeats itself each week). Raises NotEnoughData with what is there and what is needed, and
    WrongUse for a step, horizon or zone that cannot be served.
    """
    began = time.perf_counter()
    effort = effort or Effort()
    _check(step_min, horizon_h, zone, meter_id)
    horizon = math.ceil(horizon_h * 60 / step_min)
    series = _series(start_ms, energy_wh, step_min, meter_id, origin_ms, horizon, zone, country)
    folds = _fold_count(series, effort)
    past = daily_origins(series, series.n, folds)
    origins = np.append(past, series.n)
    walk = walk_forward(
        series, origins, horizon, standard_candidates(seed), effort=effort, seed=seed
    )
    last = origins.size - 1
    settled = settle(walk, last, effort=effort)
    first_scored = min(effort.warm_up, last // 3)
    result = _backtest(walk, settled.method, first_scored, effort, meter_id)
    recent = judged(walk, last, effort)
    scores = absolute_errors(walk, recent)
    days = int(np.unique(walk.fold[recent]).size)
    return Forecast(
        meter_id=meter_id,
        origin_ms=origin_ms,
        step_min=step_min,
        method=settled.method,
        points=_points(series, settled.quantiles),
        backtest=result,
        candidates=tuple(
            CandidateScore(name, mae, days)
            for name, mae in sorted(scores.items(), key=lambda item: item[1])
        ),
        notes=(
            *_notes(series, walk, origin_ms, zone),
            *_choice_note(settled.method, scores),
        ),
        seconds=time.perf_counter() - began,
    )


def _check(step_min: int, horizon_h: float, zone: str, meter_id: str) -> None:
    if step_min not in STEPS_MIN:
        raise WrongUse(
            where=meter_id,
            what=f"a step of {step_min} min cannot be forecast.",
            remedy=f"Use one of {', '.join(map(str, STEPS_MIN))} min.",
        )
    if not 0 < horizon_h <= MAX_HORIZON_H:
        raise WrongUse(
            where=meter_id,
            what=f"a horizon of {horizon_h:g} h cannot be forecast.",
            remedy=f"Use more than 0 and at most {MAX_HORIZON_H} h.",
        )
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError) as error:
        raise WrongUse(
            where=meter_id,
            what=f"{zone!r} is no time zone.",
            remedy="Use an IANA name such as Europe/Berlin.",
        ) from error


def _series(
    start_ms: Ints,
    energy_wh: Floats,
    step_min: int,
    meter_id: str,
    origin_ms: int,
    horizon: int,
    zone: str,
    country: str,
) -> LoadSeries:
    step_ms = step_min * MINUTE_MS
    stamps = np.asarray(start_ms, np.int64)
    values = np.asarray(energy_wh, np.float64)
    known = np.isfinite(values) & (stamps + step_ms <= origin_ms)
    known &= stamps >= origin_ms - HISTORY_DAYS * DAY_MS
    days = int(known.sum()) * step_ms / DAY_MS
    if days == 0:
        raise NotEnoughData(
            where=meter_id,
            what=f"there are no readings before {_day_text(origin_ms, zone)}.",
            remedy=f"A forecast needs {MIN_DAYS} days of them.",
        )
    last_end = int(stamps[known][-1]) + step_ms
    if origin_ms - last_end > MAX_SILENCE_DAYS * DAY_MS:
        raise NotEnoughData(
            where=meter_id,
            what=f"the last reading is from {_day_text(last_end, zone)}, "
            f"{(origin_ms - last_end) // DAY_MS} days before the forecast would begin.",
            remedy=f"Readings of the last {MAX_SILENCE_DAYS} days are needed; "
            "check that the meter still answers.",
        )
    if days < MIN_DAYS:
        raise NotEnoughData(
            where=meter_id,
            what=f"there are readings of {days:.1f} days.",
            remedy=f"A forecast needs {MIN_DAYS} days, and {2 * MIN_TRAINING_DAYS} days "
            "before a method can learn from them.",
        )
    recent = known & (stamps >= origin_ms - 28 * DAY_MS)
    recent_days = int(recent.sum()) * step_ms / DAY_MS
    if recent_days < MIN_DAYS_OF_LAST_28:
        raise NotEnoughData(
            where=meter_id,
            what=f"of the last 28 days only {recent_days:.1f} have readings.",
            remedy=f"{MIN_DAYS_OF_LAST_28} are needed.",
        )
    used = stamps >= origin_ms - HISTORY_DAYS * DAY_MS
    first = int(stamps[known][0])
    end_ms = first + -((first - origin_ms) // step_ms) * step_ms  # first slot at or after origin
    return make_series(
        stamps[used & (stamps + step_ms <= origin_ms)],
        values[used & (stamps + step_ms <= origin_ms)],
        step_min,
        end_ms=end_ms,
        ahead=horizon,
        zone=zone,
        country=country,
    )


def _fold_count(series: LoadSeries, effort: Effort) -> int:
    """Days of the walk: as many as the effort allows while enough are left to learn from."""
    days = series.n // series.slots_per_day
    if days >= 2 * MIN_TRAINING_DAYS:
        return min(effort.folds, days - MIN_TRAINING_DAYS)
    return min(effort.folds, days - 7)


def _backtest(walk: Walk, method: str, first: int, effort: Effort, meter_id: str) -> Backtest:
    last = walk.origins.size - 1
    scored = (walk.fold >= first) & (walk.fold < last) & np.isfinite(walk.happened)
    scored &= walk.target < walk.series.n
    if not scored.any():
        raise NotEnoughData(
            where=meter_id,
            what="no reading of the last weeks can be held against a forecast.",
            remedy=f"A forecast needs {MIN_DAYS} days of readings, the last weeks among them.",
        )
    quantiles = np.full((walk.happened.size, len(LEVELS)), np.nan)
    for fold in range(first, last):
        here = slice(fold * walk.horizon, (fold + 1) * walk.horizon)
        quantiles[here] = settle(walk, fold, effort=effort, method=method).quantiles
    truth, answer = walk.happened[scored], quantiles[scored]
    errors = absolute_errors(walk, scored)
    mae, naive_mae = errors[method], errors[NAIVE_WEEK]
    in_sample = _in_sample_naive_mae(walk.series, int(walk.origins[first]))
    total = float(np.sum(np.abs(truth)))
    return Backtest(
        days=int(np.unique(walk.fold[scored]).size),
        mae_wh=mae,
        naive_week_mae_wh=naive_mae,
        wape=mae * truth.size / total if total > 0 else math.nan,
        mase=mae / in_sample if in_sample > 0 else math.nan,
        coverage80=_coverage(truth, answer[:, 1], answer[:, 3]),
        coverage95=_coverage(truth, answer[:, 0], answer[:, 4]),
    )


def _in_sample_naive_mae(series: LoadSeries, end: int) -> float:
    """MAE of the weekly naive over the readings before the backtest; 0 without any."""
    week = 7 * series.slots_per_day
    before = series.energy_wh[:end]
    if before.size <= week:
        return 0.0
    error: Floats = np.abs(before[week:] - before[:-week])
    known: Bools = np.isfinite(error)
    return float(error[known].mean()) if known.any() else 0.0


def _coverage(truth: Floats, low: Floats, high: Floats) -> float:
    return 100.0 * float(np.mean((truth >= low) & (truth <= high)))


def _points(series: LoadSeries, quantiles: Floats) -> tuple[ForecastPoint, ...]:
    return tuple(
        ForecastPoint(
            start_ms=series.time_ms(series.n + i),
            energy_wh=float(row[MIDDLE]),
            lower80_wh=float(row[1]),
            upper80_wh=float(row[3]),
            lower95_wh=float(row[0]),
            upper95_wh=float(row[4]),
        )
        for i, row in enumerate(quantiles)
    )


def _notes(series: LoadSeries, walk: Walk, origin_ms: int, zone: str) -> tuple[str, ...]:
    notes: list[str] = []
    known = np.isfinite(series.energy_wh)
    days = series.n / series.slots_per_day
    if not any(name not in NAIVE_NAMES for name in walk.methods):
        notes.append(
            f"Readings reach back {days:.0f} days; methods that learn take part from "
            f"{2 * MIN_TRAINING_DAYS} days on, so only the simple ones were compared."
        )
    elif walk.origins[0] < 365 * series.slots_per_day:
        notes.append("Less than a year was there to learn from: the season is not modelled.")
    missing = 1.0 - float(known[-28 * series.slots_per_day :].mean())
    if missing > 0.01:
        notes.append(f"{100 * missing:.0f} % of the last 28 days is missing and was left out.")
    last_end = series.time_ms(int(np.flatnonzero(known)[-1]) + 1)
    if origin_ms - last_end > DAY_MS:
        notes.append(
            f"The last reading is from {_day_text(last_end, zone)}; the days since are unknown."
        )
    recent = series.energy_wh[-28 * series.slots_per_day :]
    if float(np.nanmax(recent)) == float(np.nanmin(recent)):
        notes.append(
            f"Every reading of the last 28 days is {float(np.nanmax(recent)):g} Wh: "
            "the meter may be stuck."
        )
    return tuple(notes)


def _choice_note(method: str, scores: dict[str, float]) -> tuple[str, ...]:
    best = min(scores, key=lambda name: scores[name]) if scores else method
    if best == method:
        return ()
    return (f"{best} has the smaller error only through a few unusual days; {method} is used.",)


def _day_text(epoch_ms: int, zone: str) -> str:
    local = datetime.fromtimestamp(epoch_ms / 1000, UTC).astimezone(ZoneInfo(zone))
    return local.strftime("%Y-%m-%d %H:%M")
