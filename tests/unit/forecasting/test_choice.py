"""Which method answers, and over which days it was judged."""

from dataclasses import replace

import numpy as np
import pytest

from energy_desktop.analytics.forecasting.backtest import Effort, Walk, choose, settle
from energy_desktop.analytics.forecasting.candidates import LIGHTGBM, NAIVE_WEEK
from tests.unit.forecasting.loads import a_series

HOURS = 24


def a_walk(errors: dict[str, list[float]]) -> Walk:
    """A walk over as many days as each list is long, off by that much in every hour of a day."""
    days = len(next(iter(errors.values())))
    origins = np.arange(40, 40 + days) * HOURS
    target = (origins[:, None] + np.arange(HOURS)).ravel()
    truth = np.full(days * HOURS, 100.0)
    answers = {
        name: np.repeat((100.0 + np.repeat(off, HOURS))[:, None], 5, axis=1)
        for name, off in errors.items()
    }
    fold = np.repeat(np.arange(days), HOURS)
    return Walk(
        a_series(40 + days), HOURS, origins, fold, target, truth, np.ones(truth.size), answers
    )


def test_the_method_with_the_least_error_answers():
    walk = a_walk({NAIVE_WEEK: [10.0] * 20, LIGHTGBM: [8.0] * 20})

    assert choose(walk, 19, effort=Effort()) == LIGHTGBM


def test_the_naive_answers_where_nothing_beats_it():
    walk = a_walk({NAIVE_WEEK: [10.0] * 20, LIGHTGBM: [11.0] * 20})

    assert choose(walk, 19, effort=Effort()) == NAIVE_WEEK


def test_days_outside_the_judged_ones_do_not_count():
    walk = a_walk({NAIVE_WEEK: [1.0] * 10 + [10.0] * 10, LIGHTGBM: [9.0] * 20})

    assert choose(walk, 19, effort=Effort(judged_days=9)) == LIGHTGBM
    assert choose(walk, 19, effort=Effort(judged_days=19)) == NAIVE_WEEK


def test_one_freak_day_does_not_choose_for_all_others():
    walk = a_walk({NAIVE_WEEK: [10.0] * 20, LIGHTGBM: [8.0] * 5 + [500.0] + [8.0] * 14})

    assert choose(walk, 19, effort=Effort()) == LIGHTGBM


def test_before_any_outcome_the_weekly_naive_answers():
    walk = a_walk({NAIVE_WEEK: [10.0] * 3, LIGHTGBM: [1.0] * 3})

    assert settle(walk, 0, effort=Effort()).method == NAIVE_WEEK


@pytest.mark.parametrize("missing", [range(5), range(18)])
def test_unknown_outcomes_are_not_judged(missing):
    walk = a_walk({NAIVE_WEEK: [0.0] * 18 + [10.0] * 2, LIGHTGBM: [5.0] * 20})
    happened = walk.happened.copy()
    for day in missing:
        happened[day * HOURS : (day + 1) * HOURS] = np.nan

    chosen = choose(replace(walk, happened=happened), 19, effort=Effort())

    assert chosen == (LIGHTGBM if len(missing) == 18 else NAIVE_WEEK)
