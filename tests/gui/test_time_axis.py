"""Ticks stand at round local times, also on the days with 23 and 25 hours."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets.time_axis import time_ticks

BERLIN = Formats("Europe/Berlin", clock=lambda: datetime(2025, 10, 14, tzinfo=UTC))


def at(*parts):
    return datetime(*parts, tzinfo=UTC).timestamp()


def test_a_day_of_25_hours_has_its_hour_twice():
    ticks = time_ticks(at(2025, 10, 25, 22), at(2025, 10, 26, 23), 26, BERLIN)

    texts = [text for _, text in ticks]
    assert texts[0] == "Sun 26 Oct"
    assert "02:00 CEST" in texts and "02:00 CET" in texts
    assert len(ticks) == 26


def test_a_day_of_23_hours_leaves_out_the_hour_that_did_not_happen():
    ticks = time_ticks(at(2025, 3, 29, 23), at(2025, 3, 30, 22), 26, BERLIN)

    texts = [text for _, text in ticks]
    assert "02:00" not in texts
    assert len(ticks) == 24


def test_midnights_of_a_fortnight_follow_the_clock_change():
    ticks = time_ticks(at(2025, 10, 20), at(2025, 11, 2), 20, BERLIN)

    assert all(BERLIN.local(round(t * 1000)).hour == 0 for t, _ in ticks)


def test_an_inverted_window_is_put_in_order():
    forward = time_ticks(0.0, 86_400.0, 8, BERLIN)
    assert time_ticks(86_400.0, 0.0, 8, BERLIN) == forward


@settings(max_examples=80)
@given(
    st.floats(1.0e9, 2.0e9),
    st.floats(1.0, 3.0e8),
    st.integers(1, 12),
    st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "UTC", "America/St_Johns"]),
)
def test_ticks_are_few_ascending_and_inside(start, span, at_most, zone):
    ticks = time_ticks(start, start + span, at_most, Formats(zone))

    times = [t for t, _ in ticks]
    assert len(times) <= at_most
    assert times == sorted(set(times))
    assert all(start <= t <= start + span for t in times)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns"])
def test_zones_off_the_whole_hour_have_round_ticks_too(zone):
    formats = Formats(zone)
    for span in (1200.0, 20_000.0):
        ticks = time_ticks(1.76e9, 1.76e9 + span, 8, formats)
        assert ticks
        assert all(formats.local(round(t * 1000)).second == 0 for t, _ in ticks)
        assert all(formats.local(round(t * 1000)).minute % 5 == 0 for t, _ in ticks)
