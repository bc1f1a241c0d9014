"""Real meters: better than last week, honest about the rest. The full figures: `make bench`."""

import numpy as np
import pytest

from bench.forecast_series import household, steel_works
from energy_desktop.analytics.forecasting.backtest import Effort
from energy_desktop.analytics.forecasting.forecast import forecast
from energy_desktop.domain.errors import NotEnoughData
from tests.support.shared_data import shared_data
from tests.unit.forecasting.loads import ms

SMALL = Effort(folds=42, warm_up=14, refit_days=42, max_rows=8000)


def london(name: str):
    return household(shared_data("london-halfhourly") / f"{name}.csv.gz")


def forecast_of(load, origin_ms: int, **more):
    return forecast(
        load.start_ms,
        load.energy_wh,
        load.step_min,
        meter_id=load.name,
        origin_ms=origin_ms,
        zone=load.zone,
        country=load.country,
        effort=SMALL,
        **more,
    )


def test_a_household_is_forecast_better_than_by_last_week_with_honest_intervals():
    result = forecast_of(london("MAC000002"), ms(2013, 12, 1))

    assert result.backtest.mae_wh < 0.8 * result.backtest.naive_week_mae_wh
    assert result.backtest.coverage80 == pytest.approx(80, abs=4)
    assert result.backtest.coverage95 == pytest.approx(95, abs=2.5)
    assert len(result.points) == 48


def test_a_household_of_mostly_zeros_has_a_forecast_and_none_below_zero():
    result = forecast_of(london("MAC000004"), ms(2013, 12, 1))

    assert min(p.lower95_wh for p in result.points) == 0.0
    assert result.backtest.mae_wh < result.backtest.naive_week_mae_wh


def test_a_household_that_left_is_refused_by_its_last_reading():
    with pytest.raises(NotEnoughData, match="the last reading is from 2013-01-16"):
        forecast_of(london("MAC000016"), ms(2013, 3, 1))


def test_a_household_of_fifteen_days_is_served_by_the_simple_methods():
    result = forecast_of(london("MAC000016"), ms(2013, 1, 16))

    assert "only the simple ones" in result.notes[0]


def test_the_steel_works_stamps_mark_the_end_and_their_midnight_the_day_before():
    load = steel_works(shared_data("industry-15min-steel") / "steel_2018_01_08.csv.gz")

    assert load.start_ms.size == 23_328
    assert load.start_ms[0] == ms(2018, 1, 1, zone="Asia/Seoul")
    assert set(np.diff(load.start_ms).tolist()) == {900_000}
