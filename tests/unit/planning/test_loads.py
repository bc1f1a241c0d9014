"""Loads are paused where it saves money after what comes back, and never for too long."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.analytics.planning import loads
from energy_desktop.analytics.planning.loads import typical_powers
from energy_desktop.domain.device import Device, DeviceKind
from energy_desktop.domain.errors import WrongUse
from tests.unit.planning.builders import slots_of

plan_shedding = partial(loads.plan_shedding, currency="EUR")

HOUR_MS = 3_600_000


def a_device(device_id="d1", kind=DeviceKind.LIGHTING, **changes):
    values = {"name": device_id.title(), "meter_id": "m", "rated_power_w": 2000, "shed_order": 1}
    return Device(device_id=device_id, kind=kind, **{**values, **changes})


def evening(load_w=5_000.0):
    return slots_of([0.20] * 18 + [0.60] * 2 + [0.20] * 4, 0.05, load_w=load_w)


def test_light_is_off_in_the_dear_hour_and_saves_its_whole_energy():
    shed = plan_shedding([a_device()], {"d1": [2_000.0] * 24}, evening())

    (action,) = shed.actions
    assert (action.start_ms, action.end_ms) == (18 * HOUR_MS, 19 * HOUR_MS)
    assert action.energy_wh == 2_000
    assert shed.saving == pytest.approx(2 * 0.60)
    assert shed.naive_saving == pytest.approx(1.20)
    assert action.reason == (
        "A kWh costs 600 EUR/MWh in this time, 600 right after; "
        "none of the energy is taken to be used later."
    )


def test_a_car_saves_only_the_difference_to_the_hours_in_which_it_catches_up():
    car = a_device(kind=DeviceKind.EV_CHARGER, longest_off_min=120)

    shed = plan_shedding([car], {"d1": [2_000.0] * 24}, evening())

    assert (shed.actions[0].start_ms, shed.actions[0].end_ms) == (18 * HOUR_MS, 20 * HOUR_MS)
    assert shed.saving == pytest.approx(4 * (0.60 - 0.20))


def test_the_naive_hour_may_save_nothing_where_the_plan_does():
    car = a_device(kind=DeviceKind.EV_CHARGER, longest_off_min=60)

    shed = plan_shedding([car], {"d1": [2_000.0] * 24}, evening())

    assert shed.actions[0].start_ms == 19 * HOUR_MS  # the second hour is followed by cheap ones
    assert shed.saving == pytest.approx(2 * 0.40)
    assert shed.naive_saving == pytest.approx(0)


def test_a_flat_day_has_no_dear_hour_but_the_one_that_saves():
    heat = a_device(kind=DeviceKind.HVAC)
    flat = slots_of([0.3] * 24, load_w=3000.0)

    car = a_device(kind=DeviceKind.EV_CHARGER)
    assert plan_shedding([car], {"d1": [1_000.0] * 24}, flat).actions == ()
    assert len(plan_shedding([heat], {"d1": [1_000.0] * 24}, flat).actions) <= 1


def test_a_kwh_that_would_be_exported_is_worth_the_export_price():
    sunny = slots_of([0.60] + [0.20] * 3, 0.05, load_w=1_000.0, pv_w=4_000.0)

    assert plan_shedding([a_device()], {"d1": [1_000.0] * 4}, sunny).saving <= 0.05 + 1e-9


def test_a_load_without_a_shed_order_is_never_touched():
    kept = a_device(shed_order=None)

    assert plan_shedding([kept], {"d1": [2_000.0] * 24}, evening()).actions == ()


def test_within_a_budget_the_lower_order_goes_first():
    first, second = a_device("a", shed_order=1), a_device("b", shed_order=2)
    usage = {"a": [2_000.0] * 24, "b": [2_000.0] * 24}

    shed = plan_shedding([second, first], usage, evening(), budget_w=2_500.0)

    off_at_18 = [one.device_id for one in shed.actions if one.start_ms == 18 * HOUR_MS]
    assert off_at_18 == ["a"]


def test_a_pause_shorter_than_the_slot_ends_inside_it():
    short = a_device(longest_off_min=20)

    shed = plan_shedding([short], {"d1": [3_000.0] * 24}, evening())

    assert all(one.end_ms - one.start_ms == 20 * 60_000 for one in shed.actions)
    assert shed.actions[0].energy_wh == pytest.approx(1_000)


def test_a_usage_of_another_length_is_refused():
    with pytest.raises(WrongUse, match="does not fit 24 slots"):
        plan_shedding([a_device()], {"d1": [1.0]}, evening())


def test_nothing_to_switch_saves_nothing():
    assert plan_shedding([], {}, evening()).saving == 0


@settings(max_examples=80)
@given(
    prices=st.lists(st.integers(-10, 80), min_size=4, max_size=40),
    minutes=st.sampled_from([15, 30, 60]),
    longest=st.sampled_from([10, 15, 45, 60, 90]),
    kind=st.sampled_from(list(DeviceKind)),
)
def test_pauses_keep_their_length_their_rest_and_beat_the_naive_hour(
    prices, minutes, longest, kind
):
    slots = slots_of([p / 100 for p in prices], 0.0, load_w=5_000.0, minutes=minutes)
    device = a_device(kind=kind, longest_off_min=longest)

    shed = plan_shedding([device], {"d1": [1_500.0] * len(slots)}, slots)

    assert shed.saving == pytest.approx(sum(one.saving for one in shed.actions))
    assert shed.saving >= shed.naive_saving - 1e-4
    for one in shed.actions:
        assert 0 < one.end_ms - one.start_ms <= longest * 60_000
        assert one.saving > 0
        assert one.energy_wh == pytest.approx(1_500 * (one.end_ms - one.start_ms) / HOUR_MS)
    for one, after in zip(shed.actions, shed.actions[1:], strict=False):
        assert after.start_ms - one.end_ms >= one.end_ms - one.start_ms


def test_typical_power_is_the_median_of_the_same_local_hour_and_kind_of_day():
    start_ms = np.arange(14 * 24, dtype=np.int64) * HOUR_MS  # from Thursday 1 January 1970
    hour, day = (np.arange(14 * 24) + 1) % 24, (3 + (np.arange(14 * 24) + 1) // 24) % 7
    power = np.where(day >= 5, 5.0, hour * 100.0)
    power[3] = np.nan

    typical = typical_powers(start_ms, power, slots_of([0.1] * 24), zone="Europe/Berlin")

    assert list(typical[:3]) == [100.0, 200.0, 300.0]
