"""Profiles follow the clock on the wall, also on days of 23 and 25 hours."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy_desktop.analytics.vee.shapes import like_day, like_weeks, straight_line
from energy_desktop.domain.clock import from_ms, local_day_bounds_ms, to_ms
from energy_desktop.domain.energy import DAY_MS

BERLIN = ZoneInfo("Europe/Berlin")
QUARTER = 900_000


def by_wall_clock(start_ms, days):
    """A grid whose energy is 100 x the hour on the wall, so that a shifted hour shows."""
    starts = start_ms + np.arange(days * 96, dtype=np.int64) * QUARTER
    return np.array([100.0 * from_ms(int(s)).astimezone(BERLIN).hour for s in starts])


def day(year, month, number):
    start, end = local_day_bounds_ms(date(year, month, number), BERLIN)
    return np.arange(start, end, QUARTER, dtype=np.int64)


@pytest.mark.parametrize(
    ("target", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 4, 12), 24)]
)
def test_a_copied_day_keeps_the_hours_of_the_wall_clock(target, hours):
    starts = day(*target)
    first = int(starts[0]) - 10 * DAY_MS
    grid = by_wall_clock(first, 20)

    copied = like_day(starts, -7, first, QUARTER, grid, BERLIN)

    assert len(starts) == hours * 4
    expected = [100.0 * from_ms(int(s)).astimezone(BERLIN).hour for s in starts]
    assert copied.tolist() == expected


def test_the_hour_that_a_copied_spring_day_skipped_is_the_one_its_clock_showed_instead():
    starts = day(2026, 4, 5)  # the source, a week before, has no hour from 2 to 3
    first = int(starts[0]) - 10 * DAY_MS
    grid = by_wall_clock(first, 20)

    copied = like_day(starts, -7, first, QUARTER, grid, BERLIN)

    assert copied[8:12].tolist() == [300.0] * 4
    assert np.isfinite(copied).all()


def test_the_same_weekday_and_time_of_three_weeks_is_averaged_across_the_clock_change():
    starts = day(2026, 4, 8)
    first = int(starts[0]) - 30 * DAY_MS
    grid = by_wall_clock(first, 30)
    weeks = (first + np.arange(len(grid)) * QUARTER) // (7 * DAY_MS)
    uneven = grid + 10.0 * (weeks % 3)

    shape = like_weeks(starts, first, QUARTER, uneven, BERLIN)

    hours = np.array([from_ms(int(s)).astimezone(BERLIN).hour for s in starts])
    assert np.allclose(shape, 100.0 * hours + 10.0)  # the mean of 0, 10 and 20


def test_weeks_of_which_too_little_was_measured_give_no_shape():
    starts = day(2026, 4, 8)
    first = int(starts[0]) - 30 * DAY_MS
    grid = by_wall_clock(first, 30)
    grid[np.arange(len(grid)) % 96 >= 48] = np.nan

    assert like_weeks(starts, first, QUARTER, grid, BERLIN) is None


def test_one_measured_week_is_enough_and_single_holes_lie_on_the_line():
    starts = day(2026, 6, 10)
    first = int(starts[0]) - 22 * DAY_MS
    grid = np.full(22 * 96, np.nan)
    week = 22 * 96 - 7 * 96
    grid[week : week + 96] = np.arange(96.0)
    grid[week + 10] = np.nan

    shape = like_weeks(starts, first, QUARTER, grid, BERLIN)

    assert shape.tolist() == list(map(float, range(96)))


def test_a_line_joins_its_neighbours_and_one_of_them_alone_is_level():
    assert straight_line(3, 100.0, 500.0).tolist() == [200.0, 300.0, 400.0]
    assert straight_line(2, None, 80.0).tolist() == [80.0, 80.0]
    assert straight_line(2, None, None) is None


def test_a_zone_whose_clocks_move_half_an_hour_stays_on_the_grid():
    zone = ZoneInfo("Australia/Lord_Howe")
    start = to_ms(datetime(2026, 10, 4, 13, 0, tzinfo=UTC))
    first = start - 10 * DAY_MS
    starts = start + np.arange(24, dtype=np.int64) * 3_600_000

    copied = like_day(starts, -7, first, 3_600_000, np.arange(400.0), zone)

    assert np.isfinite(copied).all()
