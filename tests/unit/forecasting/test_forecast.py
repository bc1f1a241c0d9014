"""A forecast for any meter, step, origin and horizon, or a sentence why not."""

import pickle
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy_desktop.analytics.forecasting.backtest import Effort
from energy_desktop.analytics.forecasting.candidates import BLEND, LIGHTGBM, NAIVE_NAMES, RIDGE
from energy_desktop.analytics.forecasting.forecast import forecast
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.forecast import Forecast
from tests.unit.forecasting.loads import DAY_MS, MINUTE_MS, a_load, ms

ZONE = "Europe/Berlin"
START = ms(2024, 1, 8, zone=ZONE)
SMALL = Effort(folds=15, warm_up=5, refit_days=10, max_rows=4000)


def ask(stamps, energy, step_min=60, *, day=70, **more) -> Forecast:
    given = {"meter_id": "m1", "origin_ms": START + day * DAY_MS, "zone": ZONE, "effort": SMALL}
    return forecast(stamps, energy, step_min, **(given | more))


def assert_sound(result: Forecast, *, floor: float | None = 0.0) -> None:
    for p in result.points:
        order = [p.lower95_wh, p.lower80_wh, p.energy_wh, p.upper80_wh, p.upper95_wh]
        assert order == sorted(order)
        assert np.all(np.isfinite(order))
        assert floor is None or order[0] >= floor


@pytest.mark.parametrize("step_min", [5, 10, 15, 30, 60])
@pytest.mark.parametrize(("horizon_h", "late_min"), [(24, 0), (36, 7 * 60)])
def test_every_step_and_origin_is_served(step_min, horizon_h, late_min):
    stamps, energy = a_load(START, 60, step_min=step_min)
    origin = START + 58 * DAY_MS + late_min * MINUTE_MS
    few = Effort(folds=4, warm_up=1, refit_days=4, max_rows=1000)

    result = ask(stamps, energy, step_min, origin_ms=origin, horizon_h=horizon_h, effort=few)

    assert [p.start_ms for p in result.points] == [
        origin + i * step_min * MINUTE_MS for i in range(horizon_h * 60 // step_min)
    ]
    assert_sound(result)
    assert result.step_min == step_min
    assert 0 < result.backtest.mae_wh < 2 * result.backtest.naive_week_mae_wh


def test_a_week_ahead_knows_its_days():
    stamps, energy = a_load(START, 70, noise=0.02)

    result = ask(stamps, energy, horizon_h=168)

    # Day 70 after a Monday is a Monday; breakfast is at 07:00, at the weekend at 10:00.
    assert len(result.points) == 168
    peaks = [int(np.argmax([p.energy_wh for p in result.points[d * 24 : d * 24 + 24]]))
             for d in range(6)]  # fmt: skip
    assert peaks == [7, 7, 7, 7, 7, 10]


@pytest.mark.parametrize("day", [(2024, 3, 31), (2024, 10, 27)])
def test_breakfast_stays_at_its_local_hour_on_the_day_the_clocks_change(day):
    origin = ms(*day, zone=ZONE)
    start = origin - 70 * DAY_MS
    stamps, energy = a_load(start, 70, noise=0.02)

    result = ask(stamps, energy, origin_ms=origin)

    first = result.points[int(np.argmax([p.energy_wh for p in result.points]))]
    local = datetime.fromtimestamp(first.start_ms / 1000, UTC).astimezone(ZoneInfo(ZONE))
    assert (local.day, local.hour) == (day[2], 10)  # a Sunday


def test_an_origin_inside_an_interval_begins_with_the_next_one():
    stamps, energy = a_load(START, 70)
    origin = START + 69 * DAY_MS + 90 * MINUTE_MS

    result = ask(stamps, energy, origin_ms=origin)

    assert result.points[0].start_ms == START + 69 * DAY_MS + 120 * MINUTE_MS
    assert result.origin_ms == origin


def test_all_methods_compete_and_are_told_with_their_errors():
    result = ask(*a_load(START, 70))

    names = [score.method for score in result.candidates]
    assert set(names) == {*NAIVE_NAMES, RIDGE, LIGHTGBM, BLEND}
    assert result.method in names
    assert [s.mae_wh for s in result.candidates] == sorted(s.mae_wh for s in result.candidates)


def test_the_same_question_has_the_same_answer():
    stamps, energy = a_load(START, 70)

    one, two = ask(stamps, energy), ask(stamps, energy)

    assert (one.points, one.backtest, one.candidates) == (two.points, two.backtest, two.candidates)


def test_the_question_and_the_answer_can_travel_between_processes():
    result = ask(*a_load(START, 70))

    assert pickle.loads(pickle.dumps(result)) == result
    assert pickle.loads(pickle.dumps(forecast)) is forecast


def test_gaps_are_left_out_and_told():
    stamps, energy = a_load(START, 70)
    energy[60 * 24 : 63 * 24] = np.nan
    keep = np.ones(stamps.size, bool)
    keep[1000:1010] = False

    result = ask(stamps[keep], energy[keep])

    assert_sound(result)
    assert any("is missing" in note for note in result.notes)


def test_a_load_of_nothing_is_forecast_as_nothing():
    stamps, _ = a_load(START, 70)

    result = ask(stamps, np.zeros(stamps.size))

    assert {p.energy_wh for p in result.points} == {0.0}
    assert result.backtest.mae_wh == 0.0
    assert np.isnan(result.backtest.wape)
    assert np.isnan(result.backtest.mase)
    assert any("may be stuck" in note for note in result.notes)


def test_a_load_that_is_mostly_nothing_keeps_its_intervals_above_zero():
    stamps, energy = a_load(START, 70)
    energy = np.where(np.random.default_rng(3).random(energy.size) < 0.8, 0.0, energy)

    assert_sound(ask(stamps, energy))


def test_a_constant_load_stays_what_it_is():
    stamps, _ = a_load(START, 70)

    result = ask(stamps, np.full(stamps.size, 120.0))

    np.testing.assert_allclose([p.energy_wh for p in result.points], 120.0, rtol=1e-6)
    assert_sound(result)


def test_a_series_that_was_negative_may_be_forecast_below_zero():
    stamps, energy = a_load(START, 70)

    result = ask(stamps, energy - 300.0)

    assert_sound(result, floor=None)
    assert min(p.lower95_wh for p in result.points) < 0


def test_a_short_history_is_served_by_simple_methods_and_says_so():
    stamps, energy = a_load(START, 70)
    recent = stamps >= START + 50 * DAY_MS

    result = ask(stamps[recent], energy[recent])

    assert {score.method for score in result.candidates} == set(NAIVE_NAMES)
    assert "20 days" in result.notes[0]
    assert result.backtest.days > 0
    assert_sound(result)


def test_two_weeks_are_the_least():
    stamps, energy = a_load(START, 70)
    thirteen = stamps >= START + 57 * DAY_MS
    fourteen = stamps >= START + 56 * DAY_MS

    assert_sound(ask(stamps[fourteen], energy[fourteen]))
    with pytest.raises(NotEnoughData, match=r"readings of 13\.0 days.*needs 14 days"):
        ask(stamps[thirteen], energy[thirteen])


def test_a_meter_that_stopped_is_told_by_its_last_reading():
    stamps, energy = a_load(START, 70)

    with pytest.raises(NotEnoughData, match=r"the last reading is from 2024-03-18 00:00, 30 days"):
        ask(stamps, energy, day=100)


def test_a_few_silent_days_are_bridged_and_told():
    stamps, energy = a_load(START, 70)

    result = ask(stamps, energy, day=73)

    assert_sound(result)
    assert any("The last reading is from 2024-03-18" in note for note in result.notes)


def test_nothing_before_the_origin_is_not_enough():
    stamps, energy = a_load(START, 70)

    with pytest.raises(NotEnoughData, match="no readings before"):
        ask(stamps, energy, day=0)


def test_old_readings_do_not_make_up_for_an_empty_month():
    stamps, energy = a_load(START, 70)
    energy[40 * 24 : 67 * 24] = np.nan

    with pytest.raises(NotEnoughData, match=r"of the last 28 days only 3\.0"):
        ask(stamps, energy)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"step_min": 7}, "a step of 7 min"),
        ({"horizon_h": 0}, "a horizon of 0 h"),
        ({"horizon_h": 169}, "a horizon of 169 h"),
        ({"zone": "Mars/Olympus"}, "no time zone"),
    ],
)
def test_what_cannot_be_served_is_wrong_use(change, says):
    stamps, energy = a_load(START, 20)

    with pytest.raises(WrongUse, match=says):
        ask(stamps, energy, **change)
