"""Energy by register difference: sums meet the register, and nothing doubtful is booked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.energy import QUARTER_HOUR_MS, IntervalQuality
from energy_desktop.storage.series.intervals import close_intervals
from energy_desktop.storage.series.register import RegisterRules

T0 = 1_800_000_000_000 // QUARTER_HOUR_MS * QUARTER_HOUR_MS
RAW, ESTIMATED, QUARANTINED = (
    IntervalQuality.RAW,
    IntervalQuality.ESTIMATED,
    IntervalQuality.QUARANTINED,
)


def minutes(*, count, start=1_000, per_minute=10):
    times = T0 + np.arange(count, dtype=np.int64) * 60_000
    return times, start + np.arange(count, dtype=np.int64) * per_minute


def close(times, values, *, state=None, final=False, **rules):
    rules.setdefault("gap_limit_ms", 120_000)
    return close_intervals(
        np.asarray(times, np.int64),
        np.asarray(values, np.int64),
        RegisterRules(**rules),
        state,
        final=final,
    )


registers = st.lists(
    st.tuples(st.integers(500, 4_000_000), st.integers(0, 5_000)), min_size=2, max_size=120
)


@given(registers, st.integers(0, 10**9), st.integers(0, QUARTER_HOUR_MS))
def test_the_sum_is_the_register_difference_to_the_watt_hour(steps, start, phase):
    times = T0 + phase + np.cumsum([ms for ms, _ in steps])
    values = start + np.cumsum([wh for _, wh in steps])

    closed = close(times, values)

    assert (closed.energy_wh >= 0).all()
    if len(closed.start_ms):
        difference = closed.closing_wh[-1] - closed.opening_wh[0]
        assert closed.energy_wh.sum() == difference
        assert values[0] <= closed.opening_wh[0] <= closed.closing_wh[-1] <= values[-1]
        assert (np.diff(closed.start_ms) == QUARTER_HOUR_MS).all()


@given(registers, st.data())
def test_it_does_not_matter_in_how_many_pieces_the_readings_come(steps, data):
    times = T0 + np.cumsum([ms for ms, _ in steps])
    values = np.cumsum([wh for _, wh in steps])
    cut = data.draw(st.integers(1, len(times) - 1))

    whole = close(times, values)
    first = close(times[:cut], values[:cut])
    later = times > first.state.last_ms
    second = close(times[later], values[later], state=first.state)

    assert np.array_equal(np.concatenate((first.start_ms, second.start_ms)), whole.start_ms)
    assert np.array_equal(np.concatenate((first.energy_wh, second.energy_wh)), whole.energy_wh)
    assert np.array_equal(np.concatenate((first.quality, second.quality)), whole.quality)
    assert second.state == whole.state


def test_a_quarter_hour_closes_with_the_first_reading_after_its_end():
    times, values = minutes(count=15)

    assert len(close(times, values).start_ms) == 0
    closed = close(*minutes(count=16))
    assert closed.start_ms.tolist() == [T0]
    assert closed.energy_wh.tolist() == [150]


def test_the_part_quarter_before_the_first_reading_is_not_invented():
    times, values = minutes(count=60)

    closed = close(times[5:], values[5:])

    assert closed.start_ms[0] == T0 + QUARTER_HOUR_MS


def test_a_gap_is_spread_in_a_straight_line_and_flagged():
    times, values = minutes(count=240)
    there = (times < T0 + 20 * 60_000) | (times >= T0 + 100 * 60_000)

    closed = close(times[there], values[there])

    assert closed.energy_wh.sum() == closed.closing_wh[-1] - closed.opening_wh[0]
    assert closed.energy_wh.tolist() == [150] * len(closed.energy_wh)
    assert closed.quality.tolist()[:8] == [RAW] + [ESTIMATED] * 6 + [RAW]


def test_a_dip_that_recovers_is_left_out_and_reported():
    times, values = minutes(count=60)
    values[20] = 3

    closed = close(times, values)

    assert closed.energy_wh.tolist() == [150] * 3
    assert closed.quality.tolist() == [RAW] * 3
    assert [(i.at_ms, i.value_wh) for i in closed.incidents] == [(int(times[20]), 3)]


def test_a_dip_at_the_end_waits_until_it_can_be_told_from_a_reset():
    times, values = minutes(count=20)
    values[17:] = [5, 6, 7]

    closed = close(times, values)

    assert closed.state.last_ms == times[16]
    assert closed.incidents == ()


@pytest.mark.parametrize("limit_w", [None, 10_000.0])
def test_a_rollover_is_solved(limit_w):
    times, values = minutes(count=60, start=999_800)

    closed = close(times, values % 1_000_000, modulus_wh=1_000_000, limit_w=limit_w)

    assert closed.energy_wh.tolist() == [150] * 3
    assert closed.quality.tolist() == [RAW] * 3
    assert closed.state.offset_wh == 1_000_000
    assert closed.incidents == ()


@pytest.mark.parametrize(
    ("bad", "limit_w"),
    [
        ([499_801], None),
        ([499_801], 10_000.0),
        ([0, 600_000], None),
        ([0, 600_000], 10_000.0),
        ([2_000_000], 10_000.0),  # without a limit a rise is not doubted
    ],
)
def test_a_bad_value_just_before_a_rollover_is_left_out(limit_w, bad):
    times, values = minutes(count=60, start=999_800)
    values %= 1_000_000
    first = int(np.flatnonzero(values < 100)[0])
    values[first - len(bad) : first] = bad

    closed = close(times, values, modulus_wh=1_000_000, limit_w=limit_w)

    assert closed.energy_wh.tolist() == [150] * 3
    assert closed.quality.tolist() == [RAW] * 3
    assert closed.state.offset_wh == 1_000_000


@pytest.mark.parametrize("limit_w", [None, 10_000.0])
def test_a_single_zero_after_an_exchange_is_no_rollover(limit_w):
    times, values = minutes(count=60, start=999_600)
    values[20:] -= 500_000
    values[22] = 0

    closed = close(times, values, modulus_wh=1_000_000, limit_w=limit_w)

    assert closed.energy_wh.tolist() == [150, 0, 150]
    assert closed.quality.tolist() == [RAW, QUARANTINED, RAW]
    assert closed.state.offset_wh == 0


def test_a_reset_quarantines_its_quarter_and_books_nothing():
    times, values = minutes(count=60)
    values[20:] = np.arange(40) * 10

    closed = close(times, values)

    assert closed.quality.tolist() == [RAW, QUARANTINED, RAW]
    assert closed.energy_wh.tolist() == [150, 0, 150]
    assert closed.segment.tolist() == [0, 1, 1]
    assert "reset or exchange" in closed.incidents[0].reason


def test_the_first_reading_of_a_new_meter_is_never_consumption():
    times, values = minutes(count=60)
    values[20:] = 5_000_000 + np.arange(40) * 10

    closed = close(times, values, limit_w=20_000.0)

    assert closed.energy_wh.tolist() == [150, 0, 150]
    assert closed.quality[1] == QUARANTINED
    assert "more than the connection can carry" in closed.incidents[0].reason


@pytest.mark.parametrize("limit_w", [None, 20_000.0])
def test_a_spike_that_comes_back_is_left_out(limit_w):
    times, values = minutes(count=60)
    values[20] = 10**9

    closed = close(times, values, limit_w=limit_w)

    assert closed.energy_wh.tolist() == [150] * 3
    assert [i.value_wh for i in closed.incidents] == [10**9]


def test_a_quarter_above_the_connection_is_kept_but_not_booked():
    times, values = minutes(count=60, per_minute=100)

    closed = close(times, values, limit_w=4_000.0)

    assert (closed.quality == QUARANTINED).all()
    assert (closed.closing_wh - closed.opening_wh == 1_500).all()
    assert closed.energy_wh.sum() == 0


@given(
    st.lists(st.integers(0, 2**32), min_size=2, max_size=80),
    st.sampled_from([None, 10**6, 2**32]),
    st.sampled_from([None, 50_000.0]),
)
def test_no_register_however_mad_books_negative_or_impossible_energy(values, modulus, limit_w):
    times = T0 + np.arange(len(values)) * 240_000

    closed = close(times, values, modulus_wh=modulus, limit_w=limit_w, final=True)

    booked = closed.quality != QUARANTINED
    assert (closed.energy_wh[booked] >= 0).all()
    if limit_w is not None:
        assert (closed.energy_wh[booked] <= limit_w / 4).all()


def test_readings_twice_as_far_apart_as_polls_are_no_gap():
    assert RegisterRules.for_meter(1.0, None, None).gap_limit_ms == 120_000
    assert RegisterRules.for_meter(300.0, None, None).gap_limit_ms == 600_000
    assert RegisterRules.for_meter(3_600.0, None, None).gap_limit_ms == QUARTER_HOUR_MS
