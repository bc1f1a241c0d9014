"""A signature finds the slope that is there, and none where there is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.analytics.balance import TooFewDays, fit_signature

DAYS = 120


def weather(seed=1, days=DAYS):
    """Heating and cooling degree days of a spring, and its weekends."""
    rng = np.random.default_rng(seed)
    mean = np.linspace(-2.0, 26.0, days) + rng.normal(0.0, 2.0, days)
    day_off = np.arange(days) % 7 >= 5
    return np.maximum(15.0 - mean, 0.0), np.maximum(mean - 18.0, 0.0), day_off


def test_base_and_slopes_are_those_of_the_building():
    heating, cooling, off = weather()
    noise = np.random.default_rng(2).normal(0.0, 500.0, DAYS)
    energy = 40_000 + 2_500 * heating + 900 * cooling - 12_000 * off + noise

    found = fit_signature(energy, heating, cooling, off)

    assert found.base_wh == pytest.approx(40_000, rel=0.02)
    assert found.heating.wh_per_kd == pytest.approx(2_500, rel=0.02)
    assert found.heating.low < 2_500 < found.heating.high
    assert found.cooling.wh_per_kd == pytest.approx(900, rel=0.05)
    assert found.day_off_wh == pytest.approx(-12_000, rel=0.05)
    assert found.r2 > 0.99
    assert found.cv_rmse_pct < 0.1 * found.mean_cv_rmse_pct


def test_what_does_not_depend_on_the_weather_gets_no_slope():
    heating, cooling, off = weather()
    energy = 40_000 + np.random.default_rng(3).normal(0.0, 4_000.0, DAYS)

    found = fit_signature(energy, heating, cooling, off)

    assert found.heating is None
    assert found.cooling is None
    assert found.base_wh == pytest.approx(energy.mean())
    assert found.cv_rmse_pct == pytest.approx(found.mean_cv_rmse_pct)


def test_energy_that_falls_in_the_cold_is_no_heating():
    heating, _, off = weather()
    yield_wh = 90_000 - 3_000 * heating

    found = fit_signature(yield_wh, heating, np.zeros(DAYS), off)

    assert found.heating is None
    assert found.cooling is None


def test_a_summer_tells_nothing_of_heating():
    _, cooling, off = weather()

    found = fit_signature(20_000 + 700 * cooling, np.zeros(DAYS), cooling, off)

    assert found.heating is None
    assert found.cooling.wh_per_kd == pytest.approx(700)


def test_two_weeks_are_the_least():
    heating, cooling, off = weather()
    with pytest.raises(TooFewDays):
        fit_signature(np.full(13, 1.0), heating[:13], cooling[:13], off[:13])

    found = fit_signature(np.full(14, 9_000.0), heating[:14], cooling[:14], off[:14])

    assert (found.days, found.base_wh, found.heating) == (14, 9_000.0, None)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.floats(1_000, 1e6), st.floats(0.02, 1.0), st.floats(0.0, 0.05))
def test_a_clear_slope_is_found_whatever_its_size(seed, base, share, noise):
    heating, _, off = weather(seed)
    slope = share * base
    energy = base + slope * heating
    energy = energy * (1 + np.random.default_rng(seed).normal(0.0, noise, DAYS) * 0.1)

    found = fit_signature(energy, heating, np.zeros(DAYS), off)

    assert found.heating is not None
    assert found.heating.wh_per_kd == pytest.approx(slope, rel=0.1)
    assert found.expected_wh(10.0, 0.0) == pytest.approx(base + 10 * slope, rel=0.05)
