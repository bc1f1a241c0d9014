"""Slots do not drift, late ones are counted and not queued, waits grow to a ceiling."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.schedule import Backoff, Slots, phase


def test_slots_follow_the_clock_and_not_the_poll_before():
    slots = Slots(origin_s=100.0, period_s=1.0)
    due = []
    for _ in range(1000):
        due.append(slots.due_s)
        slots.take(slots.due_s + 0.37)

    assert due == [100.0 + k for k in range(1000)]
    assert slots.skipped == 0


def test_a_late_poll_serves_the_running_slot_and_counts_those_that_passed():
    slots = Slots(0.0, 1.0)
    slots.take(0.0)

    assert slots.take(4.2) == 3  # slots 1, 2 and 3 passed, 4 is served
    assert slots.due_s == 5.0
    assert slots.skipped == 3


def test_slots_that_pass_while_a_meter_is_waited_for_are_not_counted():
    slots = Slots(0.0, 1.0)
    slots.take(0.0)

    slots.resume(30.5)

    assert (slots.due_s, slots.skipped) == (31.0, 0)


@given(st.floats(0.2, 3600), st.lists(st.floats(0, 50), min_size=1, max_size=40))
def test_every_slot_is_either_served_or_skipped_and_the_next_is_never_overdue(period_s, delays):
    slots = Slots(10.0, period_s)
    now = 10.0
    for delay in delays:
        now = max(now, slots.due_s) + delay
        slots.take(now)
        now += 1e-6
        assert slots.due_s > now - 2e-6 - period_s * 1e-6

    assert slots.next_slot == len(delays) + slots.skipped


def test_meters_of_a_link_and_links_are_spread_over_the_period():
    for pairs in ([(0, m) for m in range(20)], [(k, 0) for k in range(20)]):
        phases = sorted(phase(*pair) for pair in pairs)
        gaps = [b - a for a, b in pairwise(phases)]
        assert min(gaps) > 0.02 and max(gaps) < 0.1


def test_waits_double_from_one_second_to_a_minute_with_a_random_part():
    backoff = Backoff("meter 1")

    waits = [backoff.next_wait_s() for _ in range(10)]

    for wait, full in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60], strict=True):
        assert 0.75 * full <= wait <= full
    assert len(set(waits[6:])) == 4


def test_the_random_part_is_the_same_in_the_next_run_and_another_for_another_meter():
    assert Backoff("a").next_wait_s() == Backoff("a").next_wait_s()
    assert Backoff("a").next_wait_s() != Backoff("b").next_wait_s()


def test_a_reset_begins_again_at_one_second():
    backoff = Backoff("a")
    for _ in range(8):
        backoff.next_wait_s()

    backoff.reset()

    assert backoff.next_wait_s() <= 1.0
    assert 45.0 <= backoff.ceiling_wait_s() <= 60.0
    assert backoff.between(0.1, 0.5) == pytest.approx(0.3, abs=0.2)
