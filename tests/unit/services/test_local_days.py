"""Local days are those that the clocks of the zone had: none for a date that they left out."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from energy_desktop.domain.clock import from_ms, to_ms
from energy_desktop.services.local_days import day_edges, days_touched


def utc(*parts):
    return to_ms(datetime(*parts, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "start", "end", "days"),
    [
        ("Pacific/Apia", (2011, 12, 29, 10), (2012, 1, 1, 10), ["29", "31", "01"]),
        ("Pacific/Apia", (2011, 12, 29, 10), (2011, 12, 30, 10), ["29"]),
        ("Pacific/Kwajalein", (1993, 8, 20, 12), (1993, 8, 22, 12), ["20", "22"]),
        ("Australia/Lord_Howe", (2025, 4, 4, 13), (2025, 4, 6, 13, 30), ["05", "06"]),
    ],
)
def test_a_date_that_the_clocks_left_out_is_no_day(zone, start, end, days):
    place = ZoneInfo(zone)

    edges = day_edges(utc(*start), utc(*end), place).tolist()

    assert [f"{from_ms(edge).astimezone(place):%d}" for edge in edges[:-1]] == days
    assert edges == sorted(set(edges))
    assert edges[-1] >= utc(*end)
    assert days_touched(utc(*start), utc(*end), place).tolist() == edges
