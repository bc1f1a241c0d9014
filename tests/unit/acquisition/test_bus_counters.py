"""What a bus is counted as: errors by unit and kind, times of answers, how busy the line was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.links.bus_statistics import BUSY_SPAN_S, SLICE_S, BusCounters
from energy_desktop.domain.bus import BusError

HOUR_S = 3_600.0


class Time:
    def __init__(self) -> None:
        self.now_s = 10_000.25

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def counters(time):
    return BusCounters(time)


def unit_of(counters: BusCounters, unit_id: int = 1):
    (unit,) = (u for u in counters.statistics("bus", None).units if u.unit_id == unit_id)
    return unit


def test_requests_and_failures_are_those_of_the_last_hour(counters, time):
    for _ in range(12):
        counters.answered(1, 0.05)
        counters.failed(1, BusError.TIMEOUT)
        time.now_s += SLICE_S
    assert (unit_of(counters).requests, unit_of(counters).failures) == (22, 11)

    time.now_s += HOUR_S
    counters.answered(1, 0.05)

    assert (unit_of(counters).requests, unit_of(counters).failures) == (1, 0)


def test_errors_are_told_apart_by_unit_kind_and_code_and_the_total_stays(counters, time):
    counters.failed(1, BusError.EXCEPTION, 2)
    counters.failed(1, BusError.EXCEPTION, 2)
    counters.failed(1, BusError.EXCEPTION, 4)
    counters.failed(2, BusError.CHECKSUM)
    time.now_s += 2 * HOUR_S
    counters.noticed(2, BusError.CHECKSUM)

    errors = counters.statistics("bus", None).errors

    assert {(e.unit_id, e.error, e.code): (e.times, e.times_last_hour) for e in errors} == {
        (1, BusError.EXCEPTION, 2): (2, 0),
        (1, BusError.EXCEPTION, 4): (1, 0),
        (2, BusError.CHECKSUM, None): (2, 1),
    }


@given(st.lists(st.floats(0.001, 20.0), min_size=1, max_size=200))
def test_the_95th_percentile_is_met_within_a_class(times_s):
    counters = BusCounters(Time())
    for took_s in times_s:
        counters.answered(1, took_s)

    exact_ms = sorted(times_s)[-(-95 * len(times_s) // 100) - 1] * 1000

    assert unit_of(counters).p95_ms == pytest.approx(exact_ms, rel=0.0601)


def test_a_line_that_is_taken_half_of_the_time_is_busy_by_half(counters, time):
    assert counters.statistics("bus", None).busy_pct is None
    for _ in range(1_000):
        time.now_s += 0.2
        counters.answered(1, 0.08, busy_s=0.1)

    assert counters.statistics("bus", None).busy_pct == pytest.approx(50.0, abs=1.0)


def test_what_is_longer_ago_than_a_minute_no_longer_counts(counters, time):
    for _ in range(600):
        time.now_s += 0.1
        counters.busy(0.1)
    assert counters.statistics("bus", None).busy_pct == pytest.approx(100.0, abs=1.0)

    time.now_s += BUSY_SPAN_S / 2
    half = counters.statistics("bus", None).busy_pct
    time.now_s += BUSY_SPAN_S / 2 + 1

    assert half == pytest.approx(50.0, abs=2.0)
    assert counters.statistics("bus", None).busy_pct == 0.0


def test_a_young_bus_is_judged_by_the_time_since_it_began(counters, time):
    for _ in range(10):
        time.now_s += 0.5
        counters.busy(0.1)

    assert counters.statistics("bus", None).busy_pct == pytest.approx(20.0, abs=2.0)
