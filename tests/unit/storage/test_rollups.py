"""Summaries of fixed steps, and of days that have 23 or 25 hours."""

from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.clock import parse_utc
from energy_desktop.storage.series import rollups

HOUR_MS = 3_600_000


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.floats(-1e6, 1e6) | st.just(float("nan"))),
        min_size=1,
        max_size=200,
    ),
    st.integers(0, 200),
)
def test_combining_parts_gives_what_the_whole_gives(readings, cut):
    bucket = np.sort(np.array([b for b, _ in readings], np.int64))
    values = np.array([v for _, v in readings])
    cut = min(cut, len(values))

    whole = rollups.summarise(bucket, values)
    parts = rollups.combine(
        [
            rollups.summarise(bucket[:cut], values[:cut]),
            rollups.summarise(bucket[cut:], values[cut:]),
        ]
    )

    assert parts.start_ms.tolist() == whole.start_ms.tolist()
    assert parts.n.tolist() == whole.n.tolist()
    assert np.allclose(parts.mean, whole.mean)
    for name in ("minimum", "maximum", "first", "last"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()


def test_unknown_values_count_for_nothing():
    found = rollups.summarise(np.array([0, 0, 1]), np.array([np.nan, 4.0, np.nan]))

    assert found.start_ms.tolist() == [0]
    assert (found.n[0], found.mean[0], found.first[0]) == (1, 4.0, 4.0)


def test_local_days_have_23_and_25_hours_when_the_clock_changes():
    berlin = ZoneInfo("Europe/Berlin")
    start = parse_utc("2026-03-28T23:00:00Z")
    spring = rollups.day_edges(start, start, berlin)
    start = parse_utc("2026-10-24T22:00:00Z")
    autumn = rollups.day_edges(start, start, berlin)

    assert (spring[1] - spring[0]) == 23 * HOUR_MS
    assert (autumn[1] - autumn[0]) == 25 * HOUR_MS


def test_a_time_belongs_to_the_local_day_it_lies_in():
    zone = ZoneInfo("Asia/Kolkata")
    times = np.array([parse_utc("2026-05-01T18:29:59Z"), parse_utc("2026-05-01T18:30:00Z")])

    days = rollups.local_days(times, zone)

    assert days[1] == times[1]
    assert days[0] == times[1] - 24 * HOUR_MS
    assert not rollups.hour_aligned(days)
