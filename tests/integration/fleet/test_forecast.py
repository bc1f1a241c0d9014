"""Forty features that have not seen the day, and what the two models are worth."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from energy_desktop.fleet import features, forecast, summary
from energy_desktop.fleet.workplace import stored
from tests.support.fleet_files import a_fleet, a_run, cleaned, duckdb_engine
from tests.support.shared_data import shared_data

TARGET_DAY = 15_755  # some day in the middle of a_fleet()


@pytest.fixture
def engine(tmp_path):
    with duckdb_engine(tmp_path / "scratch") as one:
        yield one


@pytest.fixture
def days(tmp_path, engine):
    run = cleaned(a_run(a_fleet(tmp_path / "in"), tmp_path / "out", engine))
    return pq.read_table(run.out / "days" / "part-0000.parquet")


def _features(days, engine, tmp_path):
    path = tmp_path / "days.parquet"
    pq.write_table(days, path)
    return engine.fetch(features.features(engine.parquet([path]), "UTC", engine))


def _changed(days, from_day):
    """Other readings on `from_day` and after it, everything before untouched."""
    later = np.asarray(days["local_day"]) >= from_day
    columns = {}
    for name in days.column_names:
        column = days[name]
        if name in ("mwh", "top_mw", "peak_mwh", "off_mwh"):
            values = np.asarray(column).copy()
            values[later] = values[later] * 3 + 17_000_000
            column = pa.array(values)
        elif name == "complete":
            values = np.asarray(column).copy()
            values[later] = ~values[later]
            column = pa.array(values)
        columns[name] = column
    return pa.table(columns)


def _leaks(before, after, until_day):
    """Features up to and including `until_day` that changed with what came from then on."""
    upto = [np.asarray(t["local_day"]) <= until_day for t in (before, after)]
    return [
        name
        for name in features.NAMES
        if not np.array_equal(
            np.asarray(before[name])[upto[0]], np.asarray(after[name])[upto[1]], equal_nan=True
        )
    ]


def test_there_are_forty_features(days, engine, tmp_path):
    table = _features(days, engine, tmp_path)

    assert len(features.NAMES) == len(set(features.NAMES)) == 40
    assert table.column_names == ["household", "local_day", "target", *features.NAMES]


def test_no_feature_sees_the_day_it_is_for(days, engine, tmp_path):
    before = _features(days, engine, tmp_path)

    after = _features(_changed(days, TARGET_DAY), engine, tmp_path)

    assert before.num_rows > 100
    assert _leaks(before, after, TARGET_DAY) == []
    assert _leaks(before, after, TARGET_DAY + 1) != []  # the change is one that can be seen


@pytest.mark.parametrize("leak", ["same day mean", "centred week"])
def test_a_feature_that_does_see_it_would_be_named(days, engine, tmp_path, monkeypatch, leak):
    honest = features._last

    def leaky(aggregate, span):
        import ibis

        reach = (span, 0) if leak == "same day mean" else (span, -1)
        window = ibis.window(
            group_by="household", order_by="local_day", preceding=reach[0], following=-reach[1]
        )
        return aggregate.over(window) if span == features.WEEK else honest(aggregate, span)

    monkeypatch.setattr(features, "_last", leaky)
    before = _features(days, engine, tmp_path)

    after = _features(_changed(days, TARGET_DAY), engine, tmp_path)

    assert {"mean_7", "std_7"} <= set(_leaks(before, after, TARGET_DAY))


def test_lags_are_calendar_days_and_a_missing_day_is_not_skipped_over(days, engine, tmp_path):
    first = days.filter(pa.compute.equal(days["household"], days["household"][0]))
    holed = first.filter(pa.compute.not_equal(first["local_day"], TARGET_DAY - 2))

    table = _features(holed, engine, tmp_path).to_pandas().set_index("local_day")

    kwh = first.to_pandas().set_index("local_day")["mwh"] / 1e6
    row = table.loc[TARGET_DAY]
    assert row["lag_1"] == pytest.approx(kwh[TARGET_DAY - 1], abs=1e-3)
    assert row["lag_3"] == pytest.approx(kwh[TARGET_DAY - 3], abs=1e-3)
    assert row["lag_2"] == row["mean_7"]  # unknown: the week stands in
    assert row["known_7"] == 6
    week = [kwh[TARGET_DAY - d] for d in (1, 3, 4, 5, 6, 7)]
    assert row["mean_7"] == pytest.approx(np.mean(week), abs=1e-3)
    assert row["std_7"] == pytest.approx(np.std(week, ddof=1), abs=1e-3)


def test_a_household_whose_days_are_equal_has_no_r2_of_its_own():
    judge = forecast.Judge()
    household = np.repeat([0, 1], 30)
    actual = np.concatenate([np.full(30, 7.3), 7.3 + 0.1 * np.arange(30)])
    judge.see(household, actual, actual + 0.05)

    assert -0.1 < judge.scores().r2_within_median <= 1.0


def test_the_day_after_the_last_one_is_forecast(days, engine, tmp_path):
    table = _features(days, engine, tmp_path)

    last = int(pa.compute.max(days["local_day"]).as_py())
    to_come = table.filter(pa.compute.equal(table["local_day"], last + 1))
    assert to_come.num_rows == 6
    assert to_come["target"].null_count == 6


def test_the_regression_of_sums_is_the_regression_of_rows(days, engine, tmp_path):
    table = _features(days, engine, tmp_path)
    path = tmp_path / "features.parquet"
    pq.write_table(table, path)
    parts = forecast.FeatureParts([path])
    cut = forecast.split_day(parts.known_days())

    model = forecast.fit_linear(parts, cut)

    part = forecast.read_part(path)
    train = (part.day < cut) & np.isfinite(part.target)
    with_one = np.column_stack([np.ones(train.sum()), part.x[train]])
    reference = with_one @ np.linalg.lstsq(with_one, part.target[train], rcond=1e-10)[0]
    assert model.predict(part.x[train]) == pytest.approx(np.maximum(reference, 0), abs=1e-3)


def test_fifty_london_households_give_their_two_r2_and_their_counts_of_strange_stretches(
    tmp_path, engine, capsys
):
    folder = shared_data("london-halfhourly")
    (tmp_path / "in").mkdir()
    for file in folder.glob("MAC??????.csv.gz"):
        (tmp_path / "in" / file.name).symlink_to(file)
    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    for stage in ("features", "regression", "lightgbm", "anomalies"):
        run.stage(stage)

    scores = run.manifest.done("regression")["all"]["scores"]
    scores |= run.manifest.done("lightgbm")["all"]["scores"]
    for name, one in scores.items():
        print(name, {key: round(value, 3) for key, value in one.items()})
    linear, boosted = scores["regression"], scores["lightgbm"]
    assert linear["r2_pooled"] == pytest.approx(0.815, abs=0.01)
    assert linear["r2_within_median"] == pytest.approx(0.06, abs=0.03)
    assert boosted["r2_pooled"] == pytest.approx(0.83, abs=0.02)
    assert boosted["r2_within_median"] == pytest.approx(0.17, abs=0.05)
    naive = min(scores[name]["mae_kwh"] for name in forecast.NAIVES)
    assert boosted["mae_kwh"] < 0.9 * naive
    assert _pooled_r2_with_the_days_own_mean(run) > 0.9987
    said = stored([run.out / "lightgbm"]).to_pandas()
    judged = said[said.judged]
    assert abs(judged.actual - judged.forecast).mean() == pytest.approx(boosted["mae_kwh"])
    methods = summary.summary(run.manifest).anomaly_methods
    print(methods)
    profile = {"found": 1441, "households": 49, "judged": 49, "too_short": 1}
    reference = {"kmeans": 242, "residual": 333, "both": 49, "either": 526, "days": 16_916}
    assert methods["profile"] == profile
    assert methods["kmeans_residual"] == pytest.approx(reference, abs=2)  # floats of the machine


def _pooled_r2_with_the_days_own_mean(run):
    """The same regression when it is told the mean half hour of the very day it forecasts."""
    part = forecast.read_part(run.out / "features" / "part-0000.parquet")
    cut = run.manifest.done("regression")["all"]["cut"]
    days = stored([run.out / "days"]).to_pandas().set_index(["household", "local_day"])
    asked = list(zip(np.array(part.names)[part.household], part.day, strict=True))
    mean_kwh = np.round(days.reindex(asked).mwh.to_numpy() / 48e6, 2)
    train = (part.day < cut) & np.isfinite(part.target)
    test = (part.day >= cut) & np.isfinite(part.target)
    told = np.column_stack([np.ones(len(part.day)), part.x, mean_kwh])
    weights = np.linalg.lstsq(told[train], part.target[train], rcond=1e-12)[0]
    error = part.target[test] - told[test] @ weights
    return 1 - (error**2).sum() / ((part.target[test] - part.target[test].mean()) ** 2).sum()
