"""The methods that compete."""

from dataclasses import replace

import numpy as np
import pytest

from energy_desktop.analytics.forecasting.candidates import (
    MIDDLE,
    LightGbm,
    NaiveMean4,
    NaiveWeek,
    ProfileMedian,
    Ridge,
    blended,
)
from energy_desktop.analytics.forecasting.features import build_features, pairs_of
from energy_desktop.analytics.forecasting.series import make_series
from tests.unit.forecasting.loads import DAY_MS, a_series, ms

NOTHING = np.empty(0)


def tables(days: int = 70):
    """Training pairs of a made-up house, what happened, and the last day as the question."""
    series = a_series(days)
    past = build_features(series, pairs_of(np.arange(30, days - 2) * 24, 24), yearly=False)
    ask = build_features(series, pairs_of(np.array([(days - 1) * 24]), 24), yearly=False)
    return series, past, series.energy_wh[past.pairs.target], ask


def weekly_series(weeks: list[float]):
    """Hour after hour the same value for a week, another one for the next."""
    start = ms(2024, 6, 3)  # a Monday; no clock changes in UTC
    values = np.repeat(weeks, 168)
    stamps = start + np.arange(values.size) * 3_600_000
    return make_series(
        stamps, values, 60, end_ms=start + len(weeks) * 7 * DAY_MS, ahead=168, zone="UTC"
    )


def test_the_weekly_naive_repeats_last_week_and_skips_to_the_one_before_where_it_must():
    series = weekly_series([1.0, 2.0, 3.0, 4.0])
    series.energy_wh[3 * 168 + 5] = np.nan
    ask = build_features(series, pairs_of(np.array([series.n]), 24), yearly=False)

    answer = NaiveWeek().quantiles(ask, NOTHING, ask)[:, MIDDLE]

    assert answer[4] == 4.0
    assert answer[5] == 3.0


def test_the_mean_of_four_is_of_the_same_weekday_of_four_weeks():
    series = weekly_series([9.0, 1.0, 2.0, 3.0, 6.0])
    ask = build_features(series, pairs_of(np.array([series.n]), 168), yearly=False)

    answer = NaiveMean4().quantiles(ask, NOTHING, ask)[:, MIDDLE]

    np.testing.assert_allclose(answer, 3.0)


def test_the_profile_is_of_days_of_the_same_kind():
    series, _, _, ask = tables()
    answer = ProfileMedian().quantiles(ask, NOTHING, ask)[:, MIDDLE]

    # The last day of the made-up house is a Sunday: breakfast at 10, not at 7.
    assert series.calendar.weekday[ask.pairs.target[0]] == 6
    assert answer[10] > 300 > 100 > answer[7]


def test_those_that_learn_find_the_breakfast_of_a_sunday():
    _, past, happened, ask = tables()

    for method in (Ridge(), LightGbm(rounds=30)):
        answer = method.quantiles(past, happened, ask)
        assert int(np.argmax(answer[:, MIDDLE])) == 10, method.name
        assert np.all(np.diff(answer, axis=1) >= 0)


def test_the_ridge_is_not_pulled_below_what_such_days_ever_showed():
    series = a_series(70)
    quiet = series.energy_wh.copy()
    quiet[68 * 24 : 69 * 24] = 1.0  # yesterday, a Saturday, everything was shut
    shut = replace(series, energy_wh=quiet)
    past = build_features(shut, pairs_of(np.arange(30, 67) * 24, 24), yearly=False)
    ask = build_features(shut, pairs_of(np.array([69 * 24]), 24), yearly=False)

    answer = Ridge().quantiles(past, shut.energy_wh[past.pairs.target], ask)[:, MIDDLE]

    assert np.all(answer >= ask.column("kind_low"))


@pytest.mark.parametrize("value", [5300.0, 3000.0, 7.0, 0.0, 1e9])
def test_the_ridge_answers_what_was_always_the_same_with_the_same(value):
    """A standby: the spread of 70 equal roots is not 0 but what rounding leaves of it."""
    start = ms(2024, 6, 3)
    values = np.arange(24.0) * 100 + np.zeros((70, 24))
    values[:, 7] = value
    stamps = start + np.arange(values.size) * 3_600_000
    series = make_series(
        stamps, values.ravel(), 60, end_ms=start + 70 * DAY_MS, ahead=24, zone="UTC"
    )
    hours = np.arange(30, 69) * 24 + 7
    past = build_features(series, pairs_of(hours, 1), yearly=False)
    ask = build_features(series, pairs_of(np.array([69 * 24 + 7]), 1), yearly=False)

    answer = Ridge().quantiles(past, series.energy_wh[past.pairs.target], ask)

    np.testing.assert_allclose(answer, value, rtol=0.02, atol=1e-6)


def test_a_blend_goes_halfway_and_listens_only_within_the_80_percent():
    spread = np.array([[1.0, 2.0, 5.0, 8.0, 9.0]] * 3)
    point = np.repeat([[7.0], [100.0], [-100.0]], 5, axis=1)

    blend = blended(spread, point)

    np.testing.assert_allclose(blend[:, MIDDLE], [6.0, 6.5, 3.5])
    np.testing.assert_allclose(blend[:, 0] - spread[:, 0], [1.0, 1.5, -1.5])
