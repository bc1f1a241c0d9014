"""Reversed transformers against wrong phases: the right one, only that one, or an open answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.analytics.commissioning.observation import Circumstances, Poll
from energy_desktop.analytics.commissioning.plausibility import judge
from energy_desktop.domain.commissioning import FaultKind, Verdict
from energy_desktop.domain.site import Role
from tests.unit.commissioning.installations import SWAPS, accused, polls_of

A_SEED = st.integers(0, 10_000)
A_LOAD = st.tuples(*[st.floats(0.5, 400.0)] * 3)
ANY_ANGLE = st.tuples(*[st.floats(-80.0, 80.0)] * 3)


def spread_about(low, high, apart):
    """Three angles near each other: a circuit whose common angle lies between low and high."""
    offsets = st.tuples(*[st.floats(-apart, apart)] * 3)
    return st.builds(
        lambda centre, offset: tuple(centre + o for o in offset), st.floats(low, high), offsets
    )


@settings(max_examples=80)
@given(amps=A_LOAD, angles=ANY_ANGLE, seed=A_SEED, noise=st.floats(0.005, 0.1))
def test_a_load_of_any_power_factor_is_never_accused(amps, angles, seed, noise):
    polls = polls_of(amps, angles, seed=seed, noise=noise, polls=4)

    assert accused(polls, Role.LOAD) == []


@settings(max_examples=60)
@given(amps=A_LOAD, angles=spread_about(140.0, 220.0, 15.0), seed=A_SEED)
@pytest.mark.parametrize("role", [Role.SOLAR, Role.GRID, Role.BATTERY, Role.OTHER, None])
def test_what_feeds_on_all_phases_is_never_accused_where_it_may_feed(role, amps, angles, seed):
    polls = polls_of(amps, angles, seed=seed, polls=4)

    assert accused(polls, role) == []


@settings(max_examples=80)
@given(
    amps=A_LOAD,
    draws=st.tuples(*[st.floats(-35.0, 55.0)] * 3),
    feeds=st.tuples(*[st.floats(165.0, 195.0)] * 3),
    which=st.tuples(*[st.booleans()] * 3),
    seed=A_SEED,
)
def test_generation_on_some_phases_of_a_grid_connection_is_never_accused(
    amps, draws, feeds, which, seed
):
    angles = tuple(f if w else d for d, f, w in zip(draws, feeds, which, strict=True))
    polls = polls_of(amps, angles, seed=seed, polls=4)

    assert accused(polls, Role.GRID) == []


@settings(max_examples=70)
@given(amps=A_LOAD, angles=spread_about(-20.0, 50.0, 8.0), phase=st.integers(0, 2), seed=A_SEED)
def test_one_reversed_transformer_on_a_load_is_named_with_its_phase(amps, angles, phase, seed):
    polls = polls_of(amps, angles, reversed_=(phase,), seed=seed, polls=4)

    assert accused(polls) == [(FaultKind.REVERSED_CT, (f"L{phase + 1}",))]


@settings(max_examples=70)
@given(
    amps=A_LOAD,
    angles=spread_about(-12.0, 30.0, 6.0),
    pair=st.sampled_from(sorted(SWAPS)),
    seed=A_SEED,
)
def test_two_exchanged_transformers_on_a_load_are_a_wrong_phase_and_no_reversed_one(
    amps, angles, pair, seed
):
    polls = polls_of(amps, angles, conductor=SWAPS[pair], seed=seed, polls=4)

    assert accused(polls) == [(FaultKind.WRONG_PHASE, pair)]


@settings(max_examples=60)
@given(amps=A_LOAD, angles=spread_about(6.0, 22.0, 5.0), seed=A_SEED)
def test_all_transformers_reversed_on_a_load_are_named(amps, angles, seed):
    polls = polls_of(amps, angles, reversed_=(0, 1, 2), seed=seed, polls=4)

    assert accused(polls) == [(FaultKind.REVERSED_CT, ("L1", "L2", "L3"))]


@settings(max_examples=60)
@given(amps=A_LOAD, angle=st.floats(0.0, 8.0), seed=A_SEED)
def test_every_transformer_one_phase_along_is_a_wrong_phase(amps, angle, seed):
    polls = polls_of(amps, (angle,) * 3, conductor=(1, 2, 0), seed=seed, polls=4)

    assert accused(polls) == [(FaultKind.WRONG_PHASE, ("L1", "L2", "L3"))]


@settings(max_examples=60)
@given(amps=A_LOAD, angles=spread_about(-6.0, 6.0, 3.0), phase=st.integers(0, 2), seed=A_SEED)
def test_a_reversed_transformer_of_an_inverter_is_named(amps, angles, phase, seed):
    polls = polls_of(amps, angles, reversed_=(phase,), seed=seed, polls=4)

    assert accused(polls, Role.SOLAR) == [(FaultKind.REVERSED_CT, (f"L{phase + 1}",))]


@settings(max_examples=80)
@given(
    amps=A_LOAD,
    angles=spread_about(-20.0, 45.0, 12.0),
    wiring=st.one_of(
        st.tuples(st.just("reversed"), st.integers(0, 2)),
        st.tuples(st.just("moved"), st.sampled_from(sorted(SWAPS))),
    ),
    signed=st.booleans(),
    seed=A_SEED,
)
def test_the_two_faults_are_never_confused_even_where_the_answer_may_be_open(
    amps, angles, wiring, signed, seed
):
    kind, where = wiring
    fault = {"reversed_": (where,)} if kind == "reversed" else {"conductor": SWAPS[where]}
    without = () if signed else ("reactive_power",)
    polls = polls_of(amps, angles, **fault, seed=seed, polls=4, without=without)

    wanted = FaultKind.REVERSED_CT if kind == "reversed" else FaultKind.WRONG_PHASE
    assert {found for found, _ in accused(polls)} <= {wanted}


@settings(max_examples=40)
@given(angles=spread_about(0.0, 30.0, 6.0), phase=st.integers(0, 2), seed=A_SEED)
def test_a_meter_that_tells_no_reactive_power_is_judged_by_power_and_current(angles, phase, seed):
    polls = polls_of(angles=angles, reversed_=(phase,), seed=seed, without=("reactive_power",))

    assert accused(polls) == [(FaultKind.REVERSED_CT, (f"L{phase + 1}",))]


@pytest.mark.parametrize("fault", [{"reversed_": (0,)}, {"conductor": (1, 0, 2)}])
def test_below_0_2_ampere_the_answer_is_open(fault):
    polls = polls_of((0.15, 0.12, 0.18), **fault)

    judgements = judge(polls, Circumstances(role=Role.LOAD))

    assert accused(polls) == []
    told = next(j for j in judgements if j.fault is FaultKind.REVERSED_CT)
    assert told.verdict is Verdict.UNSURE
    assert "0.2 A" in told.detail


def test_the_threshold_grows_with_the_transformer_ratio():
    polls = polls_of((5.0, 5.0, 5.0), reversed_=(0,))

    assert accused(polls, ct_ratio=1.0) == [(FaultKind.REVERSED_CT, ("L1",))]
    assert accused(polls, ct_ratio=40.0) == []


def test_a_single_loaded_phase_that_draws_is_good_and_one_that_delivers_is_open():
    draws = judge(polls_of((12.0, 0.0, 0.0)), Circumstances(role=Role.LOAD))
    delivers = judge(polls_of((12.0, 0.0, 0.0), reversed_=(0,)), Circumstances(role=Role.LOAD))

    verdict = {j.fault: j.verdict for j in draws}
    assert verdict[FaultKind.REVERSED_CT] is Verdict.GOOD
    assert not any(
        j.verdict is Verdict.FAULT and j.fault is FaultKind.WRONG_PHASE for j in delivers
    )


def test_a_reversed_transformer_at_a_grid_connection_may_be_generation_and_stays_open():
    judgements = judge(polls_of(reversed_=(1,)), Circumstances(role=Role.GRID))

    told = next(j for j in judgements if j.fault is FaultKind.REVERSED_CT)
    assert told.verdict is Verdict.UNSURE
    assert "CT on L2 reversed" in told.detail
    assert "generation" in told.detail


def test_a_wrong_phase_is_named_where_nobody_said_what_the_meter_measures():
    polls = polls_of(angles=(5.0, 8.0, 3.0), conductor=(2, 1, 0))

    assert accused(polls, None) == [(FaultKind.WRONG_PHASE, ("L1", "L3"))]


def test_a_lift_that_brakes_is_no_reversed_transformer():
    up = polls_of(polls=6)
    down = polls_of(angles=(170.0, 172.0, 168.0), polls=6, seed=2)

    assert accused([*up, *down]) == []


def test_a_transformer_that_was_turned_just_now_is_judged_as_it_is_now():
    wrong, right = polls_of(reversed_=(1,), polls=60), polls_of(polls=12, seed=2)

    assert accused([*wrong, *right]) == []


def test_a_wrong_phase_whose_angle_falls_on_ninety_degrees_is_still_named():
    polls = polls_of(angles=(30.0, 30.0, 30.0), conductor=(1, 0, 2))

    assert accused(polls) == [(FaultKind.WRONG_PHASE, ("L1", "L2"))]


def test_a_motor_of_power_factor_one_half_on_all_phases_is_good():
    judgements = judge(polls_of(angles=(60.0, 59.0, 61.0)), Circumstances(role=Role.LOAD))

    told = next(j for j in judgements if j.fault is FaultKind.REVERSED_CT)
    assert told.verdict is Verdict.GOOD


def test_the_sentence_says_which_transformers_to_exchange_and_which_to_turn():
    turned = judge(polls_of(reversed_=(1,)), Circumstances(role=Role.LOAD))[0]
    moved = judge(polls_of(conductor=(1, 0, 2)), Circumstances(role=Role.LOAD))[0]

    assert turned.title.startswith("L2 reads \u2212")
    assert "swap k and l" in turned.detail
    assert "L1 measures the current of L2" in moved.detail
    assert moved.remedy.startswith("Exchange the transformers of L1 and L2")


@pytest.mark.parametrize("reactive", [True, False])
@pytest.mark.parametrize("angle", [-10.0, 0.0, 20.0, 35.0])
def test_a_single_phase_meter_that_delivers_on_a_load_is_reversed(angle, reactive):
    polls = as_single_phase(polls_of(angles=(angle,) * 3, reversed_=(0, 1, 2)), reactive)

    assert accused(polls) == [(FaultKind.REVERSED_CT, ())]
    assert accused(polls, None) == []


def test_a_single_phase_meter_beside_the_wrong_voltage_is_not_called_reversed():
    polls = as_single_phase(polls_of(angles=(0.0,) * 3, conductor=(1, 2, 0)), True)

    assert FaultKind.REVERSED_CT not in {kind for kind, _ in accused(polls)}


def as_single_phase(polls, reactive):
    """Only L1, by the names of a meter that has one phase."""
    names = {
        "voltage_v": "voltage_l1_v",
        "current_a": "current_l1_a",
        "power_w": "power_l1_w",
        "power_factor": "power_factor_l1",
    }
    if reactive:
        names["reactive_power_var"] = "reactive_power_l1_var"
    return [Poll(p.at_s, {n: p.values[of] for n, of in names.items()}) for p in polls]
