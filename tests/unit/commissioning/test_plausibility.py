"""Frozen values, units, sums, voltages and word order: named when wrong, silent when odd."""

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.analytics.commissioning.observation import Circumstances, Poll
from energy_desktop.analytics.commissioning.plausibility import judge
from energy_desktop.domain.commissioning import FaultKind, Verdict
from energy_desktop.domain.site import Role
from tests.unit.commissioning.installations import accused, polls_of

STEPS = {"voltage": 0.1, "current": 0.01, "power_factor": 0.001, "power": 1.0, "reactive": 1.0}


def as_shown(polls):
    """The values in the steps of a common meter, so that many of them stand still for a while."""
    found = []
    for poll in polls:
        values = {}
        for name, value in poll.values.items():
            step = next((s for stem, s in STEPS.items() if name.startswith(stem)), 0.01)
            values[name] = round(value / step) * step
        found.append(Poll(poll.at_s, values))
    return found


def changed(polls, **values):
    return [Poll(p.at_s, {**p.values, **values}) for p in polls]


def kinds(polls, role=Role.LOAD, **circumstances):
    return [kind for kind, _ in accused(polls, role, **circumstances)]


def verdict_of(judgements, kind):
    return next(j.verdict for j in judgements if j.fault is kind)


@settings(max_examples=80)
@given(
    amps=st.tuples(*[st.floats(0.0, 300.0)] * 3),
    angles=st.tuples(*[st.floats(-80.0, 80.0)] * 3),
    noise=st.floats(0.0, 0.2),
    coarse=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_a_healthy_load_is_never_accused_of_anything(amps, angles, noise, coarse, seed):
    polls = polls_of(amps, angles, noise=noise, seed=seed, polls=15)

    assert kinds(as_shown(polls) if coarse else polls) == []


@pytest.mark.parametrize(
    "name",
    [
        "current_l1_a",
        "current_l3_a",
        "power_l2_w",
        "voltage_l1_v",
        "voltage_l3_v",
        "power_w",
    ],
)
def test_a_value_that_stands_still_while_its_neighbours_move_is_frozen_and_nothing_else(name):
    polls = polls_of(freeze=name, noise=0.08)

    assert kinds(polls) == [FaultKind.FROZEN]


def test_fewer_than_eight_polls_call_nothing_frozen():
    assert kinds(polls_of(freeze="current_l1_a", noise=0.08, polls=7)) == []


def test_an_idle_machine_stands_still_honestly():
    assert kinds(as_shown(polls_of((0.0, 0.0, 0.0)))) == []


def test_one_old_answer_repeated_by_a_gateway_is_frozen_as_a_whole():
    first = polls_of()[0]
    judgements = judge([Poll(float(s), first.values) for s in range(12)], Circumstances())

    assert [j.title for j in judgements if j.verdict is Verdict.FAULT] == [
        "Nothing changed in 12 polls over 11 s"
    ]


@pytest.mark.parametrize("scale", [1000.0, 0.001])
def test_a_counter_in_kwh_taken_for_wh_is_a_unit_slip(scale):
    polls = polls_of(counter_scale=scale, polls=30, every_s=5.0)

    assert kinds(polls) == [FaultKind.UNIT_SLIP]


def test_a_coarse_counter_that_moved_twice_is_waited_for():
    polls = polls_of(polls=30, every_s=5.0)
    coarse = [
        Poll(p.at_s, {**p.values, "energy_import_wh": p.values["energy_import_wh"] // 1000 * 1000})
        for p in polls
    ]
    judgements = judge(coarse, Circumstances(role=Role.LOAD))

    assert verdict_of(judgements, FaultKind.UNIT_SLIP) is Verdict.UNSURE


def test_a_counter_that_stands_while_two_kilowatt_hours_flow_is_frozen():
    polls = polls_of(polls=100, every_s=10.0, freeze="energy_import_wh")

    assert kinds(polls) == [FaultKind.FROZEN]


@pytest.mark.parametrize("scale", [1000.0, 0.001])
def test_powers_in_kw_taken_for_w_are_a_unit_slip(scale):
    polls = polls_of(power_scale=scale, without=("energy",))

    assert set(kinds(polls)) == {FaultKind.UNIT_SLIP}


def test_a_total_in_kw_beside_phases_in_w_is_a_unit_slip():
    polls = [
        Poll(p.at_s, {**p.values, "power_w": p.values["power_w"] / 1000.0})
        for p in polls_of(without=("energy",))
    ]

    assert kinds(polls) == [FaultKind.UNIT_SLIP]


def test_a_total_that_is_not_the_sum_of_its_phases_is_named():
    polls = [
        Poll(p.at_s, {**p.values, "power_w": p.values["power_w"] * 1.3})
        for p in polls_of(without=("energy",))
    ]

    assert kinds(polls) == [FaultKind.PHASE_SUM]


def test_a_current_without_its_transformer_ratio_breaks_the_balance():
    polls = [
        Poll(p.at_s, {**p.values, "current_l2_a": p.values["current_l2_a"] / 5.0})
        for p in polls_of()
    ]

    assert accused(polls) == [(FaultKind.POWER_BALANCE, ("L2",))]


def test_harmonics_leave_less_power_than_the_fundamental_promises_and_are_no_fault():
    polls = [
        Poll(
            p.at_s, {n: v * (0.85 if n.startswith("power_l") else 1.0) for n, v in p.values.items()}
        )
        for p in polls_of(without=("energy", "power_w"))
    ]

    assert kinds(polls) == []


def test_a_meter_without_voltage_is_not_accused_of_its_frequency():
    names = {f"voltage_{p}_v": 0.0 for p in ("l1", "l2", "l3")}
    polls = changed(polls_of((0.0, 0.0, 0.0), polls=3), frequency_hz=0.0, **names)

    assert kinds(polls) == []


@pytest.mark.parametrize(
    ("volts", "kind"),
    [(2300.0, FaultKind.UNIT_SLIP), (0.23, FaultKind.UNIT_SLIP), (180.0, FaultKind.VOLTAGE)],
)
def test_voltages_far_from_nominal_are_a_scale_or_a_fault(volts, kind):
    names = {f"voltage_{p}_v": volts for p in ("l1", "l2", "l3")}
    polls = changed(polls_of(polls=3, without=("current", "power", "energy")), **names)

    assert kinds(polls) == [kind]


def test_current_without_voltage_is_a_blown_fuse():
    polls = changed(polls_of(polls=3), voltage_l2_v=0.4)

    assert (FaultKind.VOLTAGE, ("L2",)) in accused(polls)


def test_a_three_phase_meter_on_one_phase_is_no_fault():
    polls = polls_of((12.0, 0.0, 0.0), polls=12)
    single = changed(polls, voltage_l2_v=0.0, voltage_l3_v=0.0)

    assert kinds(single) == []


def test_voltages_behind_a_voltage_transformer_are_left_open():
    volts = {f"voltage_{p}_v": 11_600.0 for p in ("l1", "l2", "l3")}
    polls = changed(polls_of(polls=3, without=("current", "power", "energy")), **volts)

    judgements = judge(polls, Circumstances(vt_ratio=100.0))

    assert verdict_of(judgements, FaultKind.VOLTAGE) is Verdict.UNSURE


@pytest.mark.parametrize(
    ("hertz", "kind"), [(60.0, FaultKind.FREQUENCY), (5000.0, FaultKind.UNIT_SLIP)]
)
def test_a_frequency_outside_49_to_51_is_named(hertz, kind):
    assert kinds(changed(polls_of(polls=3), frequency_hz=hertz)) == [kind]


def test_a_power_factor_above_one_is_named_once():
    names = {f"power_factor_{p}": 950.0 for p in ("l1", "l2", "l3")}

    assert kinds(changed(polls_of(polls=3), **names)) == [FaultKind.POWER_FACTOR]


def test_two_voltage_taps_on_one_phase_are_named():
    lines = {"voltage_l1_l2_v": 1.2, "voltage_l2_l3_v": 399.0, "voltage_l3_l1_v": 398.5}

    assert accused(changed(polls_of(polls=3), **lines)) == [(FaultKind.WRONG_PHASE, ("L1", "L2"))]


def swapped(value):
    high, low = struct.unpack(">2H", struct.pack(">f", value))
    return struct.unpack(">f", struct.pack(">2H", low, high))[0]


def test_a_wrong_word_order_is_named_alone_and_the_rest_is_judged_in_the_right_one():
    right = polls_of(polls=6)
    wrong = [Poll(p.at_s, {n: swapped(v) for n, v in p.values.items()}) for p in right]

    judgements = judge(wrong, Circumstances(role=Role.LOAD), {"CDAB": right})

    assert [j.fault for j in judgements if j.verdict is Verdict.FAULT] == [FaultKind.WORD_ORDER]
    assert "CDAB" in judgements[0].title
    assert verdict_of(judgements, FaultKind.VOLTAGE) is Verdict.GOOD


def test_plausible_values_are_never_called_a_word_order():
    right = polls_of(polls=6)

    assert kinds(right) == []
    assert not [
        j
        for j in judge(right, Circumstances(role=Role.LOAD), {"CDAB": right})
        if j.verdict is Verdict.FAULT
    ]


def test_a_meter_that_measures_nothing_is_open():
    judgements = judge([Poll(0.0, {})], Circumstances())

    assert [j.verdict for j in judgements] == [Verdict.UNSURE]


def test_the_sense_of_rotation_is_left_open_in_words():
    judgements = judge(polls_of(polls=3), Circumstances(role=Role.LOAD))

    assert verdict_of(judgements, FaultKind.PHASE_ROTATION) is Verdict.UNSURE


WORDS = st.integers(0, 2**32 - 1).map(lambda bits: struct.unpack(">f", bits.to_bytes(4, "big"))[0])
NAMES = tuple(polls_of()[0].values)


@st.composite
def whatever_registers_hold(draw):
    """Some of the values of each poll are as they should be, the others any 32 bits at all."""
    found = []
    for poll in polls_of(polls=draw(st.integers(1, 12)), seed=draw(st.integers(0, 99))):
        strange = draw(st.dictionaries(st.sampled_from(NAMES), WORDS, max_size=len(NAMES)))
        strange = {name: value for name, value in strange.items() if math.isfinite(value)}
        found.append(Poll(poll.at_s, {**poll.values, **strange}))
    return found


@settings(max_examples=60)
@given(whatever_registers_hold(), whatever_registers_hold(), st.sampled_from(Role))
def test_whatever_registers_hold_is_judged_in_words(polls, turned, role):
    found = judge(polls, Circumstances(role=role), {"CDAB": turned})

    assert found
    told = [f"{j.title} {j.detail} {j.remedy}" for j in found]
    assert not [words for words in told if len(words) > 400 or " nan" in words or " inf" in words]
