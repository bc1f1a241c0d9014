"""Degree days by local day; a day that is half unknown is not mild."""

import numpy as np
import pytest

from energy_desktop.analytics.weather import degree_days


def days_of(*temperatures, hours=None):
    """Each day at one temperature all its hours long."""
    lengths = np.array(hours or [24] * len(temperatures))
    index = np.repeat(np.arange(len(temperatures)), lengths)
    return np.array(temperatures, float)[index], index, len(temperatures), lengths


def test_heating_and_cooling_are_counted_from_their_bases():
    found = degree_days(*days_of(5.0, 15.0, 20.0))

    assert found.heating.tolist() == [10.0, 0.0, 0.0]
    assert found.cooling.tolist() == [0.0, 0.0, 2.0]


def test_up_to_the_room_counts_from_the_room_on_heating_days_only():
    found = degree_days(*days_of(5.0, 14.9, 15.0), room_c=20.0)

    assert found.heating.tolist() == pytest.approx([15.0, 5.1, 0.0])


def test_days_of_a_clock_change_weigh_their_own_hours():
    found = degree_days(*days_of(3.0, 4.0, hours=[23, 25]))

    assert found.heating.tolist() == [12.0, 11.0]


def test_a_day_with_too_few_hours_is_unknown():
    hourly, index, days, hours = days_of(5.0, 5.0)
    hourly[:13] = np.nan

    found = degree_days(hourly, index, days, hours)

    assert np.isnan(found.heating[0])
    assert found.heating[1] == 10.0
