"""The wall clock of a site decides which hour a slot belongs to."""

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.clock import from_ms, local_midnight_ms
from energy_desktop.services.history import Against, Slots
from energy_desktop.services.history.patterns import (
    day_totals,
    earlier,
    wall_seconds,
    week_pattern,
    weekdays,
    weeks_of,
)
from energy_desktop.services.local_days import days_touched

BERLIN = ZoneInfo("Europe/Berlin")
HOWE = ZoneInfo("Australia/Lord_Howe")  # its clock changes by half an hour
QUARTER = 900_000


def quarter_hours(first, days, values=None):
    start = local_midnight_ms(first, BERLIN)
    starts = np.arange(start, start + days * 86_400_000, QUARTER, dtype=np.int64)
    row = np.ones(starts.size) if values is None else values(starts)
    return Slots(900, starts, row, row, row)


@given(st.integers(0, 3000), st.sampled_from([BERLIN, HOWE, ZoneInfo("UTC")]))
def test_wall_seconds_are_what_the_wall_clock_shows(day, zone):
    first = 1_600_000_000_000 // QUARTER * QUARTER + day * 86_400_000
    times = np.arange(first, first + 3 * 86_400_000, QUARTER, dtype=np.int64)

    wall = wall_seconds(times, zone)

    for at, seconds in list(zip(times.tolist(), wall.tolist(), strict=True))[::7]:
        local = from_ms(at).astimezone(zone)
        shown = local.hour * 3600 + local.minute * 60
        assert seconds % 86_400 == shown
        assert weekdays(np.array([seconds]))[0] == local.weekday()


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 120))
def test_the_period_before_ends_where_the_period_begins(day, days):
    start = local_midnight_ms(day, BERLIN)
    end = int(days_touched(start, start + days * 86_400_000 - 43_200_000, BERLIN)[-1])

    other = earlier(start, end, BERLIN, Against.BEFORE)
    year = earlier(start, end, BERLIN, Against.YEAR)

    assert other[1] == start
    assert days_touched(*other, BERLIN).size == days_touched(start, end, BERLIN).size
    assert from_ms(year[0]).astimezone(BERLIN).weekday() == day.weekday()
    assert from_ms(year[0]).astimezone(BERLIN).hour == 0


def test_a_day_of_23_hours_is_held_against_the_whole_day_before():
    start, end = (local_midnight_ms(date(2026, 3, day), BERLIN) for day in (29, 30))

    before = earlier(start, end, BERLIN, Against.BEFORE)

    assert before == (local_midnight_ms(date(2026, 3, 28), BERLIN), start)


def test_a_part_of_a_day_is_held_against_the_stretch_just_before():
    start = local_midnight_ms(date(2026, 3, 29), BERLIN)

    before = earlier(start, start + 6 * QUARTER, BERLIN, Against.BEFORE)

    assert before == (start - 6 * QUARTER, start)


def test_each_hour_of_the_week_has_its_own_box():
    def by_hour(starts):
        wall = wall_seconds(starts, BERLIN)
        return (weekdays(wall) * 24 + wall % 86_400 // 3600).astype(float)

    pattern = week_pattern(quarter_hours(date(2026, 3, 2), 35, by_hour), BERLIN)

    assert pattern.median.tolist() == list(range(168))
    assert pattern.p05.tolist() == pattern.p95.tolist()
    # The hour that was skipped on 29 March counts once less; nothing slid into its neighbour.
    assert pattern.count[6 * 24 + 2] == 16
    assert set(np.delete(pattern.count, 6 * 24 + 2)) <= {20, 24}


def test_an_hour_with_too_little_is_no_box():
    pattern = week_pattern(quarter_hours(date(2026, 3, 2), 1), BERLIN)

    assert np.isfinite(pattern.median[:24]).all()
    assert np.isnan(pattern.median[24:]).all()


def test_days_become_weeks_beyond_five_weeks_and_lose_nothing():
    slots = quarter_hours(date(2026, 3, 2), 60)
    edges = days_touched(int(slots.start_ms[0]), int(slots.start_ms[-1]) + 1, BERLIN)

    days = day_totals(slots, edges, "energy_import_wh", int(edges[-1]), is_energy=True)
    weeks = weeks_of(days, np.empty(0))

    assert weeks.per == "week"
    assert weeks.totals.size == -(-days.totals.size // 7)
    assert weeks.totals.sum() == pytest.approx(slots.values.sum())
    assert np.isnan(weeks.before).all()


def test_mean_power_of_a_day_of_the_clock_change_is_energy_by_its_length():
    slots = quarter_hours(date(2026, 3, 29), 1)
    edges = days_touched(int(slots.start_ms[0]), int(slots.start_ms[0]) + 1, BERLIN)
    inside = slots.start_ms < edges[-1]
    row = np.full(int(inside.sum()), 1000.0)
    short = Slots(900, slots.start_ms[inside], row, row, row)

    days = day_totals(short, edges, "power_w", int(edges[-1]), is_energy=True)

    assert days.totals.tolist() == [23_000.0]
    assert days.missing.tolist() == [0]
