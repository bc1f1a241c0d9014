"""The stages that look ahead: features, the regression, LightGBM."""

from __future__ import annotations

import math
from typing import Any

from energy_desktop.domain.fleet import Scores
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.fleet import features, forecast
from energy_desktop.fleet.workplace import Workplace, if_enough, write


def features_of_days(place: Workplace) -> None:
    def look_back(here: Workplace, chunk: str) -> Any:
        k = int(chunk)
        engine = here.engine
        days = engine.parquet([here.part("days", k)], "days")
        table = engine.asked(features.features, days, here.options.zone, engine)
        engine.write(table, here.part("features", k))
        return {}

    place.side_by_side("features", [str(k) for k in place.filled()], look_back)


def regression(place: Workplace) -> None:
    """Predicts every day, since the anomalies of the reference are residuals."""

    def fit(_chunk: str) -> Any:
        parts = forecast.FeatureParts(place.parts_of("features"))
        cut = forecast.split_day(parts.known_days())
        model = forecast.fit_linear(parts, cut)
        scores = _predict(place, "regression", parts, model, cut, whole=True, naives=True)
        return {
            "cut": cut,
            "scores": scores,
            "intercept": model.intercept,
            "weights": dict(zip(features.NAMES, model.weights.tolist(), strict=True)),
        }

    place.chunks("regression", ["all"], if_enough(fit))


def lightgbm(place: Workplace) -> None:
    """Predicts the days after the split and the one to come."""

    def fit(_chunk: str) -> Any:
        parts = forecast.FeatureParts(place.parts_of("features"))
        counts = parts.known_days()
        cut = forecast.split_day(counts)
        model = forecast.fit_boosted(parts, counts, cut, seed=place.options.seed)
        model.save(place.out / "lightgbm.txt")
        return {"cut": cut, "scores": _predict(place, "lightgbm", parts, model, cut)}

    place.chunks("lightgbm", ["all"], if_enough(fit))


def _predict(
    place: Workplace,
    name: str,
    parts: forecast.FeatureParts,
    model: forecast.Linear | forecast.Boosted,
    cut: int,
    *,
    whole: bool = False,
    naives: bool = False,
) -> dict[str, Any]:
    judges = {name: forecast.Judge()}
    if naives:
        judges |= {naive: forecast.Judge() for naive in forecast.NAIVES}
    for path, part in parts:
        raise_if_cancelled("Fleet run")
        table = forecast.predict_part(part, model, cut, judges[name], only_after_cut=not whole)
        write(table, place.out / name / path.name)
        if naives:
            forecast.judge_naives(part, cut, judges)
    return {one: _document(judge.scores()) for one, judge in judges.items()}


def _document(scores: Scores) -> dict[str, float | None]:
    values = {
        "r2_pooled": scores.r2_pooled,
        "r2_within_median": scores.r2_within_median,
        "mae_kwh": scores.mae_kwh,
        "rmse_kwh": scores.rmse_kwh,
    }
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
