"""For any true consumption and any mix of dips, spikes, rollovers, exchanges, gaps and restarts:
what is booked equals the truth, and what cannot be known is quarantined, never invented."""

import os
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.storage.series.jumps import Jump, close_over_jumps
from energy_desktop.storage.series.register import RegisterRules

EXAMPLES = int(os.environ.get("ENERGY_DESKTOP_EXAMPLES", "0"))  # a release asks for 2,000
MINUTE = 60_000
QUARTER = 900_000
T0 = 1_800_000_000_000 // QUARTER * QUARTER
LIMIT_W = 60_000.0
MODULUS = 10_000_000
RULES = RegisterRules(modulus_wh=MODULUS, limit_w=LIMIT_W, gap_limit_ms=120_000)


@dataclass(frozen=True)
class Story:
    """What truly flowed, and what was seen of it."""

    truth_wh: list[int]  # odometer at each minute
    readings: list[tuple[int, int]]  # minute, register as it was read
    good: set[int]  # minutes whose reading is honest
    jumps: tuple[Jump, ...]  # exchanges that somebody entered
    cuts: list[int]  # where the program was restarted


@st.composite
def stories(draw):
    minutes = draw(st.integers(45, 240))
    used = draw(st.lists(st.integers(0, 900), min_size=minutes, max_size=minutes))
    truth = np.concatenate(([0], np.cumsum(used))).tolist()
    base = draw(st.integers(0, 1_000_000) | st.integers(MODULUS - 50_000, MODULUS - 1))
    exchanges = sorted(draw(st.sets(st.integers(10, minutes - 10), max_size=2)))
    exchanges = [m for i, m in enumerate(exchanges) if i == 0 or m - exchanges[i - 1] > 20]
    told = [draw(st.booleans()) for _ in exchanges]
    starts = [draw(st.integers(0, 5_000)) for _ in exchanges]

    register, jumps, shown = base, [], {}
    for minute in range(minutes + 1):
        if minute:
            register = (register + used[minute - 1]) % MODULUS
        shown[minute] = register
        if minute in exchanges:
            at = exchanges.index(minute)
            # An exchange that nobody tells shows only when the register falls far.
            if not told[at] and 500_000 < register < MODULUS // 2:
                starts[at] = register // 2
            else:
                jumps.append(Jump(T0 + minute * MINUTE, register, starts[at]))
            register = starts[at]

    missing, bad = set(), {}
    for first, length in draw(
        st.lists(st.tuples(st.integers(0, minutes), st.integers(1, 70)), max_size=3)
    ):
        missing |= set(range(first, first + length))
    for first, length, lie in draw(
        st.lists(
            st.tuples(st.integers(1, minutes), st.integers(1, 2), st.integers(1, 90_000)),
            max_size=3,
        )
    ):
        for minute in range(first, min(first + length, minutes)):
            # What no one can tell from the truth is no lie: it is below it, or beyond the fuse.
            up = shown[minute] + max(lie, 20_000)
            bad[minute] = max(shown[minute] - lie, 0) if lie % 2 or up >= MODULUS else up
    readings = [(m, bad.get(m, shown[m])) for m in range(minutes + 1) if m not in missing]
    good = {m for m in range(minutes + 1) if m not in missing and bad.get(m, shown[m]) == shown[m]}
    cuts = sorted(draw(st.sets(st.integers(1, max(len(readings) - 1, 1)), max_size=4)))
    return Story(truth, readings, good, tuple(jumps), cuts)


def booked(story):
    """Intervals by start minute: energy, or None where quarantined; and their quality."""
    found, state, pending = {}, None, []
    edges = [0, *story.cuts, len(story.readings)]
    for begin, end in pairwise(edges):
        part = [*pending, *story.readings[begin:end]]
        times = np.array([T0 + m * MINUTE for m, _ in part], np.int64)
        values = np.array([v for _, v in part], np.int64)
        for closed in close_over_jumps(times, values, RULES, state, story.jumps):
            state = closed.state
            for start, energy, quality in zip(
                closed.start_ms.tolist(),
                closed.energy_wh.tolist(),
                closed.quality.tolist(),
                strict=True,
            ):
                assert (start - T0) // MINUTE not in found
                known = quality != IntervalQuality.QUARANTINED
                found[(start - T0) // MINUTE] = (energy if known else None, quality)
        # What was read but not yet decided is brought again, as the store does.
        pending = [p for p in part if state is not None and T0 + p[0] * MINUTE > state.last_ms]
        if state is None:
            pending = part
    return found


@pytest.mark.timeout(120 + EXAMPLES)
@settings(max_examples=max(300, EXAMPLES))
@given(stories())
def test_booked_energy_is_the_truth_or_it_is_quarantined(story):
    found = booked(story)

    last = max(found, default=0)
    for start, (energy, quality) in found.items():
        assert energy is None or energy >= 0, start
        if energy is None or quality != IntervalQuality.RAW:
            continue
        if start in story.good and start + 15 in story.good:
            true = story.truth_wh[start + 15] - story.truth_wh[start]
            assert energy == true, (start, story)
    run_start = None
    for start in range(0, last + 30, 15):
        entry = found.get(start)
        if entry is None or entry[0] is None:
            run_start = None
            continue
        if run_start is None and start in story.good:
            run_start = start
        if run_start is not None and start + 15 in story.good:
            total = sum(found[m][0] for m in range(run_start, start + 15, 15))
            assert total == story.truth_wh[start + 15] - story.truth_wh[run_start]


@pytest.mark.timeout(120 + EXAMPLES)
@settings(max_examples=max(100, EXAMPLES))
@given(stories())
def test_restarts_change_nothing(story):
    whole = Story(story.truth_wh, story.readings, story.good, story.jumps, [])

    assert booked(story) == booked(whole)
