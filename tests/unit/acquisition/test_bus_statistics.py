"""What a bus's traffic adds up to, by hand-reckoned cases and a clock that is set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.domain.bus import BusError


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_nothing_asked_yet_is_unknown_and_not_zero():
    statistics = BusCounters(Clock()).statistics("bus", None)

    assert statistics.busy_pct is None
    assert statistics.units == statistics.errors == ()


def test_failures_are_counted_by_unit_kind_and_exception_code():
    counters = BusCounters(Clock())
    counters.failed(1, BusError.TIMEOUT)
    counters.failed(1, BusError.TIMEOUT)
    counters.failed(1, BusError.EXCEPTION, 2)
    counters.failed(1, BusError.EXCEPTION, 4)
    counters.answered(1, 0.05)
    counters.answered(2, 0.05)

    statistics = counters.statistics("bus", 12.5, "why")

    assert {(e.unit_id, e.error, e.code): e.times for e in statistics.errors} == {
        (1, BusError.TIMEOUT, None): 2,
        (1, BusError.EXCEPTION, 2): 1,
        (1, BusError.EXCEPTION, 4): 1,
    }
    one, two = statistics.units
    assert (one.requests, one.failures, one.failed_pct) == (5, 4, 80.0)
    assert (two.requests, two.failures) == (1, 0)
    assert (statistics.needed_pct, statistics.shared) == (12.5, "why")


def test_the_last_hour_forgets_what_the_program_remembers():
    clock = Clock()
    counters = BusCounters(clock)
    counters.failed(1, BusError.CHECKSUM)
    clock.now_s += 3_700
    counters.failed(1, BusError.CHECKSUM)

    (error,) = counters.statistics("bus", None).errors

    assert (error.times, error.times_last_hour) == (2, 1)
    assert counters.statistics("bus", None).units[0].requests == 1


def test_a_bus_is_as_busy_as_its_last_minute():
    clock = Clock()
    counters = BusCounters(clock)
    for _ in range(120):
        clock.now_s += 1.0
        counters.busy(0.25)

    quarter = counters.statistics("bus", None).busy_pct
    clock.now_s += 30.0
    eighth = counters.statistics("bus", None).busy_pct

    assert quarter == pytest.approx(25.0, rel=0.03)
    assert eighth == pytest.approx(12.5, rel=0.05)


@given(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=200))
def test_95_of_100_answers_were_no_slower_than_said(times_s):
    counters = BusCounters(Clock())
    for one in times_s:
        counters.answered(1, one)

    p95_ms = counters.statistics("bus", None).units[0].p95_ms

    assert p95_ms is not None
    within = sum(1 for one in times_s if one * 1000 <= p95_ms * 1.000001)
    assert within >= 0.95 * len(times_s)
    assert p95_ms <= max(times_s) * 1000 * 1.07
