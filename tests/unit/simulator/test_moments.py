"""Local clocks, weather and noise behind the load models."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from energy_desktop.acquisition.simulator.moments import moments
from energy_desktop.acquisition.simulator.noise import normal, smooth, uniform
from energy_desktop.domain.clock import parse_utc

ZONES = ("Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata", "UTC")


def minute(text: str) -> int:
    return parse_utc(text) // 60_000


@settings(max_examples=40)
@given(
    start=st.integers(minute("2024-01-01T00:00"), minute("2029-01-01T00:00")),
    length=st.integers(1, 4000),
    zone=st.sampled_from(ZONES),
)
@example(start=minute("2026-10-24T12:00"), length=2000, zone="Europe/Berlin")
@example(start=minute("2027-03-27T12:00"), length=2000, zone="Europe/Berlin")
@example(start=minute("2026-10-03T10:00"), length=600, zone="Australia/Lord_Howe")
def test_local_time_is_that_of_the_zone(start, length, zone):
    minutes = np.arange(start, start + length, dtype=np.int64)

    at = moments(minutes, ZoneInfo(zone), "DE", seed=1)

    for place in {0, length // 3, length // 2, length - 1}:
        local = datetime.fromtimestamp(int(minutes[place]) * 60, UTC).astimezone(ZoneInfo(zone))
        assert at.clock[place] == local.hour * 60 + local.minute
        assert at.day[place] == local.toordinal()
        assert at.weekday[place] == local.weekday()


@pytest.mark.parametrize(
    ("day", "minutes"), [("2026-10-24T22:00", 1500), ("2027-03-27T23:00", 1380)]
)
def test_the_days_of_the_clock_change_have_25_and_23_hours(day, minutes):
    start = minute(day)

    at = moments(np.arange(start - 60, start + 1600), ZoneInfo("Europe/Berlin"), "DE", seed=1)

    assert int((at.day == at.day[60]).sum()) == minutes


def test_one_moment_alone_is_the_same_as_among_others():
    zone = ZoneInfo("Europe/Berlin")
    minutes = np.arange(minute("2026-10-24T12:00"), minute("2026-10-26T12:00"))
    together = moments(minutes, zone, "DE", seed=3)

    for place in (0, 777, 1801, 2879):
        alone = moments(minutes[place : place + 1], zone, "DE", seed=3)
        for name in ("clock", "day", "workday", "temperature_c", "sun", "occupancy"):
            assert getattr(alone, name)[0] == pytest.approx(getattr(together, name)[place])


def test_the_sun_shines_by_day_and_more_in_june():
    zone = ZoneInfo("Europe/Berlin")

    def day(text):
        return moments(minute(text) + np.arange(1440), zone, "DE", seed=3)

    june, december = day("2026-06-21T00:00"), day("2026-12-21T00:00")

    assert june.bright.max() == pytest.approx(1.0, abs=0.02)
    assert december.bright.max() < 0.35
    assert 10.5 * 60 < int(np.argmax(june.bright)) < 11.7 * 60  # noon at 13.4 degrees east
    assert (june.sun[:60] == 0).all()
    assert june.temperature_c.mean() > december.temperature_c.mean() + 8


def test_an_unknown_country_has_no_holidays():
    at = moments(minute("2026-12-25T09:00") + np.arange(3), ZoneInfo("UTC"), "XX", seed=1)

    assert at.workday.all()


def test_noise_is_spread_as_promised_and_belongs_to_its_name():
    index = np.arange(200_000)
    even, bell = uniform(5, "a", index), normal(5, "a", index)

    assert 0.0 <= even.min() < 0.001 < 0.999 < even.max() < 1.0
    assert even.mean() == pytest.approx(0.5, abs=0.005)
    assert bell.mean() == pytest.approx(0.0, abs=0.01)
    assert bell.std() == pytest.approx(1.0, abs=0.01)
    assert abs(np.corrcoef(even, uniform(5, "b", index))[0, 1]) < 0.01
    assert abs(np.corrcoef(even[1:], even[:-1])[0, 1]) < 0.01


@given(st.floats(-1e6, 1e6))
def test_smooth_noise_does_not_jump(position):
    here, beside = smooth(1, "x", np.array([position])), smooth(1, "x", np.array([position + 1e-4]))

    assert abs(here[0] - beside[0]) < 0.002
