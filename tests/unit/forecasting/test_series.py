"""The grid and its local calendar."""

import numpy as np
import pytest

from energy_desktop.analytics.forecasting.series import (
    REST_DAY,
    SATURDAY,
    WORKDAY,
    local_calendar,
    make_series,
)
from tests.unit.forecasting.loads import DAY_MS, MINUTE_MS, a_series, ms


@pytest.mark.parametrize(
    ("day", "halves"), [((2024, 3, 31), 46), ((2024, 10, 27), 50), ((2024, 6, 1), 48)]
)
def test_a_local_day_has_as_many_half_hours_as_its_clocks_say(day, halves):
    start = ms(*day, zone="Europe/Berlin")

    calendar = local_calendar(start, 60, 30, "Europe/Berlin", "")

    assert int((calendar.day == calendar.day[0]).sum()) == halves


def test_the_same_clock_on_another_day_follows_the_change_of_the_clocks():
    series = a_series(100)
    seven = ms(2024, 3, 31, 7, zone="Europe/Berlin")
    index = np.array([(seven - series.start_ms) // series.step_ms])

    before = series.same_clock(index, 1)

    assert series.time_ms(int(before[0])) == ms(2024, 3, 30, 7, zone="Europe/Berlin")
    assert seven - series.time_ms(int(before[0])) == 23 * 3_600_000


def test_a_local_time_that_was_skipped_has_no_index():
    series = a_series(100)
    half_past_two = ms(2024, 4, 1, 2, zone="Europe/Berlin")
    index = np.array([(half_past_two - series.start_ms) // series.step_ms])

    assert series.same_clock(index, 1)[0] == -1


def test_zones_that_change_by_half_an_hour_are_served():
    zone = "Australia/Lord_Howe"

    calendar = local_calendar(ms(2024, 4, 7, zone=zone), 110, 15, zone, "")

    assert int((calendar.day == calendar.day[0]).sum()) == 98


def test_days_are_of_three_kinds_and_holidays_rest():
    week = local_calendar(ms(2024, 12, 23, zone="Europe/Berlin"), 168, 60, "Europe/Berlin", "DE")

    # 23 Monday, 24 Tuesday, 25 and 26 holidays, 27 Friday, 28 Saturday, 29 Sunday.
    assert week.kind[::24].tolist() == [
        WORKDAY, WORKDAY, REST_DAY, REST_DAY, WORKDAY, SATURDAY, REST_DAY,
    ]  # fmt: skip
    assert week.holiday[::24].tolist() == [False, False, True, True, False, False, False]


def test_a_country_without_known_holidays_has_none():
    calendar = local_calendar(ms(2024, 12, 25), 24, 60, "UTC", "ZZ")

    assert not calendar.holiday.any()


def test_absent_intervals_are_unknown_and_those_after_the_end_are_not_there():
    stamps = np.array([0, 1, 2, 5, 6, 7], np.int64) * 30 * MINUTE_MS
    energy = np.array([1.0, np.nan, 3.0, 6.0, 7.0, 8.0])

    series = make_series(stamps, energy, 30, end_ms=7 * 30 * MINUTE_MS, ahead=2, zone="UTC")

    np.testing.assert_array_equal(series.energy_wh, [1, np.nan, 3, np.nan, np.nan, 6, 7])
    assert series.ahead == 2


def test_stamps_off_the_grid_are_refused():
    stamps = np.array([0, 30, 61], np.int64) * MINUTE_MS

    with pytest.raises(ValueError, match="grid of 30 min"):
        make_series(stamps, np.ones(3), 30, end_ms=DAY_MS, ahead=0, zone="UTC")
