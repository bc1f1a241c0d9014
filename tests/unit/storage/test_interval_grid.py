"""How long the intervals of a register are, and what a change of it does to those booked before."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.storage.series.grid import Grid
from energy_desktop.storage.series.intervals import close_intervals
from energy_desktop.storage.series.register import RegisterRules
from tests.support.store_builders import HOUR_MS, T0

MIN_MS = 60_000
STEPS = [5, 10, 15, 30, 60]


def rules(step_min: int, **more) -> RegisterRules:
    return RegisterRules.for_meter(60.0, None, None, step_min * MIN_MS, **more)


@pytest.mark.parametrize("step_min", STEPS)
def test_a_register_is_booked_in_intervals_of_its_length(step_min):
    times = np.arange(T0, T0 + 3 * HOUR_MS + 1, MIN_MS, dtype=np.int64)
    register = 1_000 + 10 * np.arange(len(times), dtype=np.int64)

    closed = close_intervals(times, register, rules(step_min))

    assert closed.start_ms.tolist() == list(range(T0, T0 + 3 * HOUR_MS, step_min * MIN_MS))
    assert closed.energy_wh.tolist() == [10 * step_min] * (180 // step_min)
    assert set(closed.step_s.tolist()) == {step_min * 60}


def test_a_coarser_step_begins_where_both_have_a_boundary():
    grid = Grid().followed_by(60 * MIN_MS, T0 + 15 * MIN_MS)

    bounds = grid.boundaries(T0 + 15 * MIN_MS, T0 + 3 * HOUR_MS)

    assert ((bounds - T0) // MIN_MS).tolist() == [15, 30, 45, 60, 120, 180]
    assert (grid.step_at(T0 + 59 * MIN_MS), grid.step_at(T0 + HOUR_MS)) == (900_000, HOUR_MS)


def test_a_finer_step_begins_at_once():
    grid = Grid().followed_by(5 * MIN_MS, T0 + 15 * MIN_MS)

    bounds = grid.boundaries(T0, T0 + 30 * MIN_MS)

    assert ((bounds - T0) // MIN_MS).tolist() == [0, 15, 20, 25, 30]


@given(
    changes=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 30)), max_size=5),
    wh=st.lists(st.integers(0, 500), min_size=80, max_size=80),
)
def test_whatever_the_changes_of_step_every_boundary_is_kept_and_the_sum_is_the_register(
    changes, wh
):
    times = T0 + np.cumsum(np.full(80, 7 * MIN_MS, np.int64))
    register = np.cumsum(np.array(wh, np.int64))
    cuts = sorted(after for _, after in changes)
    state, grid, rows = None, Grid(), []

    for n, (begin, end) in enumerate(zip([0, *cuts], [*cuts, 80], strict=True)):
        if n:
            through = 0 if state is None else state.through_ms or 0
            grid = grid.followed_by(changes[n - 1][0] * MIN_MS, through)
        piece = RegisterRules(gap_limit_ms=900_000, grid=grid)
        closed = close_intervals(times[begin:end], register[begin:end], piece, state)
        rows += zip(
            closed.start_ms.tolist(),
            closed.step_s.tolist(),
            closed.opening_wh.tolist(),
            closed.closing_wh.tolist(),
            closed.energy_wh.tolist(),
            strict=True,
        )
        state = closed.state

    for before, after in itertools.pairwise(rows):
        assert before[0] + before[1] * 1000 == after[0]
        assert before[3] == after[2]
    assert all(start % (step * 1000) == 0 for start, step, *_ in rows)
    if rows:
        assert sum(row[4] for row in rows) == rows[-1][3] - rows[0][2]
