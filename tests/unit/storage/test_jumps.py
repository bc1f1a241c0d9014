"""Exchanges that a person told, beside what else may happen to a register at the same time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.storage.series.jumps import Jump, close_over_jumps
from energy_desktop.storage.series.register import RegisterRules

MINUTE, QUARTER = 60_000, 900_000
T0 = 1_800_000_000_000 // QUARTER * QUARTER


def closed_in_calls(readings, rules, jumps, *, cuts=()):
    """Start minute, energy and quality, when readings (minute, Wh) come in several calls."""
    state, found = None, []
    for end in (*cuts, len(readings)):
        new = [r for r in readings[:end] if state is None or T0 + r[0] * MINUTE > state.last_ms]
        times = np.array([T0 + minute * MINUTE for minute, _ in new], np.int64)
        values = np.array([wh for _, wh in new], np.int64)
        for closed in close_over_jumps(times, values, rules, state, jumps):
            state = closed.state
            starts = ((closed.start_ms - T0) // MINUTE).tolist()
            found += zip(starts, closed.energy_wh.tolist(), closed.quality.tolist(), strict=True)
    return found


@pytest.mark.parametrize("first", [0, 60])
def test_an_exchange_among_stamps_that_overlap_books_up_to_its_end_reading(first):
    """What was read while the clock was set back is left out; the end reading is not."""
    before = [(m, 10_000 + 10 * m) for m in range(first)]
    overlapping = [(m, 10_000 + 10 * m + (300 if m % 2 else 0)) for m in range(first, 110)]
    after = [(m, 10 * (m - 110)) for m in range(111, 200)]
    rules = RegisterRules(limit_w=44_000.0, disorder_ms=(T0 + first * MINUTE, T0 + 115 * MINUTE))
    jumps = [Jump(T0 + 110 * MINUTE, 10_000 + 10 * 110, 0)]

    found = closed_in_calls([*before, *overlapping, *after], rules, jumps)

    assert [energy for start, energy, _ in found if start >= 60] == [150] * (
        len(found) - first // 15
    )
    assert all(quality != IntervalQuality.QUARANTINED for *_, quality in found)


def test_an_exchange_held_back_before_stamps_that_overlap_breaks_the_register_once():
    plain = [(m, 10_000 + 10 * m) for m in range(61)]
    overlapping = [(m, 10 * (m - 60) + (300 if m % 2 else 0)) for m in range(61, 90)]
    after = [(m, 10 * (m - 90)) for m in range(91, 180)]
    rules = RegisterRules(limit_w=44_000.0, disorder_ms=(T0 + 61 * MINUTE, T0 + 95 * MINUTE))
    jumps = [
        Jump(T0 + 60 * MINUTE + 30_000, 1_000_000, 0, most_w=4_000.0),
        Jump(T0 + 90 * MINUTE, 300, 0),
    ]

    found = closed_in_calls([*plain, *overlapping, *after], rules, jumps)

    held = [start for start, _, quality in found if quality == IntervalQuality.QUARANTINED]
    assert held == [60, 75]
    assert all(energy == 150 for start, energy, _ in found if start not in held)


@pytest.mark.parametrize("cuts", [(), (31,), (40,)])
def test_a_spike_at_the_very_time_of_an_exchange_gives_way_to_its_end_reading(cuts):
    readings = [(m, 10_000 + 10 * m) for m in range(30)]
    readings += [(30, 100_000), *((m, 10 * (m - 30)) for m in range(31, 90))]
    jumps = [Jump(T0 + 30 * MINUTE, 10_300, 0)]

    found = closed_in_calls(readings, RegisterRules(limit_w=44_000.0), jumps, cuts=cuts)

    assert [energy for _, energy, _ in found] == [150] * 5
    assert {quality for *_, quality in found} == {IntervalQuality.RAW}


@pytest.mark.parametrize("cuts", [(), tuple(range(46, 120, 15))])
def test_a_register_that_shows_less_than_exchanges_before_took_from_it_is_booked(cuts):
    """A used meter began high, and fell back to zero later without anybody saying why."""
    readings = [(m, 100 + 10 * m) for m in range(31)]
    readings += [(m, 50_000 + 10 * (m - 30)) for m in range(31, 50)]
    readings += [(m, 10 * (m - 50)) for m in range(50, 121)]
    jumps = [Jump(T0 + 30 * MINUTE, 400, 50_000)]

    found = closed_in_calls(readings, RegisterRules(), jumps, cuts=cuts)

    assert [energy for _, energy, _ in found] == [150, 150, 150, 0, 150, 150, 150, 150]
    held = [start for start, _, quality in found if quality == IntervalQuality.QUARANTINED]
    assert held == [45]


@given(
    registers=st.lists(st.integers(0, 200_000), min_size=2, max_size=60),
    told=st.lists(
        st.tuples(
            st.integers(0, 240),
            st.integers(0, 200_000),
            st.integers(0, 200_000),
            st.sampled_from([None, 4_000.0]),
        ),
        max_size=2,
        unique_by=lambda jump: jump[0],
    ),
    disorder=st.none() | st.tuples(st.integers(0, 240), st.integers(0, 240)),
    limit_w=st.sampled_from([None, 44_000.0]),
    cuts=st.lists(st.integers(1, 60), max_size=3),
)
def test_whatever_is_read_and_told_nothing_below_zero_is_booked(
    registers, told, disorder, limit_w, cuts
):
    readings = [(4 * k, wh) for k, wh in enumerate(registers)]
    jumps = [Jump(T0 + m * MINUTE, old, new, most) for m, old, new, most in sorted(told)]
    overlap = disorder and tuple(T0 + m * MINUTE for m in sorted(disorder))
    rules = RegisterRules(modulus_wh=200_000, limit_w=limit_w, disorder_ms=overlap)

    found = closed_in_calls(readings, rules, jumps, cuts=sorted(cuts))

    starts = [start for start, *_ in found]
    assert starts == list(range(starts[0], starts[-1] + 1, 15)) if starts else not found
    assert all(
        energy >= 0 for _, energy, quality in found if quality != IntervalQuality.QUARANTINED
    )
