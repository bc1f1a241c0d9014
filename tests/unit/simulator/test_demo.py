"""The demo site as a configuration, and its prices."""

import itertools
from collections import Counter
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy_desktop.acquisition.simulator.control import CONTROL_UNIT, SWITCH_REGISTERS
from energy_desktop.acquisition.simulator.demo import demo_configuration, demo_prices
from energy_desktop.domain.alarm import Condition
from energy_desktop.domain.clock import parse_utc
from energy_desktop.domain.money import to_units
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.site import Role, SpaceKind

BERLIN = ZoneInfo("Europe/Berlin")
INSTALLED = date(2026, 11, 20)


@pytest.fixture
def demo():
    return demo_configuration("127.0.0.1", 5020, installed=INSTALLED)


def test_every_reference_of_the_demo_points_at_something(demo, library):
    spaces = {space.space_id for space in demo.spaces}
    zones = {space.space_id for space in demo.spaces if space.kind is SpaceKind.ZONE}
    meters = {meter.meter_id for meter in demo.meters}
    tariffs = {tariff.tariff_id for tariff in demo.tariffs}

    for meter in demo.meters:
        library.get(meter.driver_id)
        assert demo.link(meter.link_id) is not None
        assert meter.space_id in spaces
        assert meter.parent_id is None or meter.parent_id in meters
    for contract in demo.contracts:
        assert demo.client(contract.client_id) is not None
        assert contract.tariff_id in tariffs
        assert set(contract.space_ids) <= zones
    for owner in (*demo.devices, *demo.batteries):
        assert owner.meter_id in meters
    for rule in demo.alarm_rules:
        assert rule.meter_id == "*" or rule.meter_id in meters
        assert rule.quantity in QUANTITIES
        assert rule.response


def test_meters_of_the_demo_speak_through_twelve_drivers_on_units_of_their_own(demo):
    units = Counter(meter.unit_id for meter in demo.meters)

    assert max(units.values()) == 1
    assert CONTROL_UNIT not in units
    assert len({m.driver_id for m in demo.meters} - {"virtual_battery"}) == 12
    assert {m.role for m in demo.meters} >= {Role.GRID, Role.SOLAR, Role.BATTERY, Role.LOAD}


def test_six_lighting_zones_are_rented_by_three_clients(demo):
    lights = [m for m in demo.meters if m.equipment == "lighting"]
    rented = [space for contract in demo.contracts for space in contract.space_ids]

    assert sorted(m.space_id for m in lights) == sorted(rented)
    assert len(lights) == 6
    assert len({c.client_id for c in demo.contracts}) == 3
    assert [m.mid_approved for m in lights].count(False) == 1


def test_prices_of_the_tariffs_are_exact_and_one_changes_inside_the_history(demo):
    for tariff in demo.tariffs:
        to_units(tariff.energy_price_per_kwh)
        assert tariff.out_of_hours_price_per_kwh > tariff.energy_price_per_kwh > Decimal("0.1")
    second = next(t for t in demo.tariffs if t.version == 2)

    assert 0 < (INSTALLED - second.valid_from).days < 90


def test_a_device_is_switched_by_the_register_of_its_meters_unit(demo):
    for device in demo.devices:
        unit = demo.meter(device.meter_id).unit_id
        assert device.control_register == SWITCH_REGISTERS + unit
        assert device.control_unit_id == CONTROL_UNIT


def test_voltage_limits_are_those_of_the_standard(demo):
    limits = {
        rule.rule_id: rule.limit for rule in demo.alarm_rules if rule.quantity == "voltage_l1_v"
    }

    assert limits["voltage-l1-high-critical"] == 253.0
    assert limits["voltage-l1-high-warning"] == pytest.approx(243.8)
    assert limits["voltage-l1-low-warning"] == pytest.approx(216.2)
    assert limits["voltage-l1-low-critical"] == 207.0
    kinds = {rule.condition for rule in demo.alarm_rules}
    assert kinds == set(Condition)


def test_prices_cover_a_local_day_of_25_hours_without_gap():
    start, end = parse_utc("2026-10-24T22:00"), parse_utc("2026-10-25T23:00")

    prices = demo_prices(start, end, BERLIN)

    assert len(prices) == 100
    assert prices[0].start_ms == start
    assert prices[-1].end_ms == end
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(prices))


def test_prices_are_the_same_whatever_period_is_asked():
    day = parse_utc("2026-06-07T00:00")

    week = demo_prices(day, day + 7 * 86_400_000, BERLIN)
    later = demo_prices(day + 3 * 86_400_000, day + 4 * 86_400_000, BERLIN)

    assert week[3 * 96 : 4 * 96] == later
    assert demo_prices(day, day, BERLIN) == ()


def test_the_market_has_a_belly_at_noon_and_falls_below_zero_on_sunny_weekends():
    start = parse_utc("2026-06-01T00:00")
    prices = demo_prices(start, start + 56 * 86_400_000, BERLIN)
    sold = np.array([slot.export_per_kwh for slot in prices])
    local = [np.datetime64(slot.start_ms, "ms").astype(object) for slot in prices]
    noon = sold[[moment.hour in (10, 11, 12) for moment in local]]
    evening = sold[[moment.hour in (17, 18, 19) for moment in local]]
    below = [moment.weekday() for moment, price in zip(local, sold, strict=True) if price < 0]

    assert noon.mean() < 0.6 * evening.mean()
    assert 0.005 < len(below) / len(prices) < 0.10
    assert sum(day >= 5 for day in below) > 0.6 * len(below)
    assert all(slot.import_per_kwh > slot.export_per_kwh for slot in prices)
