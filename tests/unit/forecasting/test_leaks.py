"""No feature, method, choice or interval may know what its origin does not."""

import numpy as np
import pytest

from energy_desktop.analytics.forecasting.backtest import Effort, settle, walk_forward
from energy_desktop.analytics.forecasting.candidates import standard_candidates
from energy_desktop.analytics.forecasting.features import Past, build_features, pairs_of
from energy_desktop.analytics.forecasting.forecast import forecast
from energy_desktop.analytics.forecasting.series import LoadSeries, make_series
from tests.unit.forecasting.loads import DAY_MS, a_load, a_series, ms, origins_that_know_the_future

SMALL = Effort(folds=12, warm_up=4, refit_days=6, judged_days=8, calibrated_days=8)


def features_at(horizon: int):
    def answer(series: LoadSeries, origin: int) -> np.ndarray:
        return build_features(series, pairs_of(np.array([origin]), horizon), yearly=True).x

    return answer


@pytest.mark.parametrize("horizon", [24, 30, 7 * 24])
@pytest.mark.parametrize("hour", [0, 2, 13, 23])
def test_no_feature_sees_anything_at_or_after_its_origin(horizon, hour):
    # 2024-03-31 loses an hour in Berlin: the origins lie around it.
    series = a_series(100, ahead=horizon)
    origins = [day * 24 + hour for day in range(86, 94)]

    assert origins_that_know_the_future(series, origins, features_at(horizon)) == []


@pytest.mark.parametrize("hour", [0, 1, 2, 12])
def test_no_feature_sees_the_repeated_hour_of_autumn_from_before_it(hour):
    start = ms(2024, 9, 1, zone="Europe/Berlin")
    stamps, energy = a_load(start, 70)
    series = make_series(
        stamps, energy, 60, end_ms=start + 70 * DAY_MS, ahead=48, zone="Europe/Berlin"
    )
    origins = [day * 24 + hour for day in range(52, 60)]  # 2024-10-27 is day 56

    assert origins_that_know_the_future(series, origins, features_at(48)) == []


def test_the_detector_catches_a_feature_that_sees_the_target_day():
    def mean_of_the_target_day(series: LoadSeries, origin: int) -> np.ndarray:
        return np.array([series.energy_wh[origin : origin + 24].mean()])

    series = a_series()

    assert origins_that_know_the_future(series, [1000, 1200], mean_of_the_target_day) == [
        1000,
        1200,
    ]


def test_the_detector_catches_a_smoothing_that_reaches_over_the_origin():
    def centred_mean_of_yesterday(series: LoadSeries, origin: int) -> np.ndarray:
        smooth = np.convolve(series.energy_wh, np.ones(3) / 3, mode="same")
        return smooth[origin - 24 : origin]

    assert origins_that_know_the_future(a_series(), [1000], centred_mean_of_yesterday) == [1000]


def test_the_detector_catches_features_whose_guard_was_taken_away(monkeypatch):
    def unguarded(self, index):
        inside = np.clip(index, 0, self._series.n - 1)
        return self._series.energy_wh[inside]

    monkeypatch.setattr(Past, "at", unguarded)

    assert origins_that_know_the_future(a_series(), [1000, 1200], features_at(24)) == [1000, 1200]


def test_no_method_choice_or_interval_sees_anything_after_the_origin_of_its_fold():
    origins = np.arange(40, 52) * 24

    def settled_at(series: LoadSeries, origin: int) -> np.ndarray:
        walk = walk_forward(series, origins, 24, standard_candidates(0), effort=SMALL)
        fold = int(np.flatnonzero(origins == origin)[0])
        here = slice(fold * 24, (fold + 1) * 24)
        answers = [walk.answers[name][here] for name in sorted(walk.answers)]
        return np.concatenate([*answers, settle(walk, fold, effort=SMALL).quantiles])

    series = a_series(52)

    assert origins_that_know_the_future(series, [int(o) for o in origins[5::3]], settled_at) == []


def test_the_detector_catches_a_fit_on_outcomes_of_the_future():
    origins = np.arange(40, 52) * 24

    class KnowsAll:
        name = "knows_all"
        learns = False

        def __init__(self, series):
            self.series = series

        def quantiles(self, train, happened, ask):
            level = np.mean(self.series.energy_wh)
            return np.full((len(ask.pairs), 5), level)

    def answer(series: LoadSeries, origin: int) -> np.ndarray:
        walk = walk_forward(series, origins, 24, [KnowsAll(series)], effort=SMALL)
        return walk.answers["knows_all"][walk.target == origin]

    assert origins_that_know_the_future(a_series(52), [45 * 24], answer) == [45 * 24]


@pytest.mark.parametrize("minute", [17])
def test_a_forecast_is_the_same_whatever_comes_after_its_origin(minute):
    start = ms(2024, 1, 1, zone="Europe/Berlin")
    stamps, energy = a_load(start, 80)
    origin = start + 70 * DAY_MS + minute * 60_000
    ended = stamps + 3_600_000 <= origin
    disturbed = np.where(ended, energy, 1e6 - energy)

    def ask(stamps, energy):
        return forecast(
            stamps,
            energy,
            60,
            meter_id="m",
            origin_ms=origin,
            zone="Europe/Berlin",
            country="DE",
            effort=SMALL,
        )

    told, retold = ask(stamps, energy), ask(stamps, disturbed)
    cut = ask(stamps[ended], energy[ended])

    assert told.points == retold.points == cut.points
    assert told.backtest == retold.backtest == cut.backtest
    assert told.candidates == retold.candidates == cut.candidates
