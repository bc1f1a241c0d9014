"""How far groups, forecasts and bills are to be believed, in sentences.

A naive forecast that beats a model, or a steadier number of groups, must not be found out by
comparing figures in a table: it is said. Equal to what is shown is no better.
"""

import math

from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.fleet import Scores
from energy_desktop.domain.fleet_wording import (
    EXAMPLE_TARIFFS,
    groups_sentence,
    models_sentence,
    notes,
    steadier,
)
from tests.gui.fleet.fakes import a_summary


def scored(**mae_kwh):
    return {name: Scores(0.8, 0.1, mae, 4.0) for name, mae in mae_kwh.items()}


def test_models_that_the_best_naive_beats_are_named_with_their_errors():
    said = models_sentence(
        scored(regression=5.06, lightgbm=4.03, naive_yesterday=5.28, naive_month_mean=3.70)
    )

    assert said == (
        "Linear regression (5.06 kWh) and LightGBM (4.03 kWh) are worse than the naive forecast "
        "“as the month's mean” (3.70 kWh) by mean error: take that one."
    )


def test_a_model_that_is_beaten_alone_is_named_alone():
    said = models_sentence(scored(regression=2.49, lightgbm=2.08, naive_last_week=2.48))

    assert said.startswith("Linear regression (2.49 kWh) is worse than")
    assert "LightGBM" not in said


def test_what_is_shown_as_equal_is_no_better():
    assert "is no better than" in models_sentence(scored(lightgbm=2.081, naive_last_week=2.084))


def test_nothing_is_said_of_models_that_win_or_that_nobody_judged():
    assert models_sentence(scored(lightgbm=2.0, naive_last_week=2.5)) == ""
    assert models_sentence(scored(lightgbm=2.0)) == ""
    assert models_sentence(scored(lightgbm=math.nan, naive_last_week=2.5)) == ""
    assert models_sentence(scored(lightgbm=2.0, naive_last_week=math.nan)) == ""
    assert models_sentence({}) == ""


def test_groups_say_how_steady_they_are_and_which_number_is_steadier():
    assert groups_sentence(4, {2: 0.951, 4: 0.62}) == (
        "With half of the fleet left out, 4 groups stay 0.62 alike (1 the same); 2 groups would "
        "stay 0.95 alike."
    )
    assert groups_sentence(2, {2: 0.951, 4: 0.62}).endswith("no other number does better.")
    assert groups_sentence(4, {2: 0.9}) == (
        "How steady 4 groups are cannot be said of so few households: it takes 20."
    )
    assert groups_sentence(0, {}) == groups_sentence(1, {}) == ""


@given(
    st.dictionaries(st.integers(2, 8), st.floats(0, 1), min_size=1),
    st.integers(2, 8),
)
def test_a_number_is_steadier_only_by_what_is_shown(stability, groups):
    best = steadier(groups, stability)

    shown = {k: round(v, 2) for k, v in stability.items()}
    if best is None:
        assert groups not in shown or shown[groups] == max(shown.values())
    else:
        assert shown[best] == max(shown.values()) > shown[groups]


def test_the_notes_of_a_run_hold_all_of_it_and_none_of_a_run_without_doubt():
    doubtful = a_summary(
        scores=scored(lightgbm=2.5, naive_last_week=2.0),
        stability={2: 0.4, 3: 0.5},
        example_tariffs=True,
    )

    beaten, groups, prices = notes(doubtful)

    assert "LightGBM" in beaten
    assert "3 groups would stay" in groups
    assert prices == EXAMPLE_TARIFFS
    assert notes(a_summary(scores={}, segments=())) == ()
