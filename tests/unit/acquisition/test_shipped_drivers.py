"""Every shipped driver is plausible in itself and says what the public register facts say."""

import math
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.decode import decode, encode
from energy_desktop.acquisition.driver_profile import LINEAR, MODBUS, Register
from energy_desktop.acquisition.planner import plan_blocks
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.domain.quantities import QUANTITIES
from tests.support.shared_data import shared_data

DRIVERS = Path(__file__).resolve().parents[3] / "drivers"
PROFILES = ProfileLibrary([DRIVERS]).all()
BY_REGISTERS = [p for p in PROFILES if p.protocol == MODBUS]
METERS = [p for p in BY_REGISTERS if p.driver_id != "virtual_battery"]

SAME = {  # our driver -> the entry of the facts
    "abb_b23": "abb-b23-b24",
    "carlo_gavazzi_em111": "carlo-gavazzi-em11x",
    "carlo_gavazzi_em24": "carlo-gavazzi-em24-rs485",
    "carlo_gavazzi_em24_e1": "carlo-gavazzi-em24-e1",
    "carlo_gavazzi_em340": "carlo-gavazzi-em3xx-em5xx",
    "dzg_dvh4013": "dzg-dvh4013",
    "eastron_sdm120": "eastron-sdm120",
    "eastron_sdm220": "eastron-sdm220",
    "eastron_sdm230": "eastron-sdm230",
    "eastron_sdm630": "eastron-sdm630",
    "eastron_sdm72d": "eastron-sdm72dm",
    "eastron_sdm72dm_v2": "eastron-sdm72dm-v2",
    "finder_7m24": "finder-7m24",
    "finder_7m38": "finder-7m38",
    "inepro_pro380": "inepro-pro380",
    "janitza_umg604": "janitza-umg604",
    "janitza_umg96": "janitza-umg96-b23",
    "orno_we504": "orno-we504",
    "orno_we514": "orno-we514-515",
    "orno_we516": "orno-we516-517",
    "schneider_iem3155": "schneider-iem3000",
    "schneider_pm5110": "schneider-pm5110",
    "siemens_pac2200": "siemens-pac2200",
    "sma_home_manager_2": "sma-home-manager-2",
    "socomec_countis": "socomec-countis-diris",
}
UNITS = {"kWh": 1000.0, "kvarh": 1000.0}


def fact_name(quantity: str) -> str:
    """power_l1_w -> active_power_l1: what the facts call it."""
    bare = re.sub(r"_(w|wh|v|a|var|varh|va|vah|hz|deg|pct)$", "", quantity)
    return re.sub(r"^power(?!_factor)", "active_power", bare)


def test_at_least_thirty_models_of_meters_are_shipped():
    assert len(METERS) >= 30


@pytest.mark.parametrize("driver_id", sorted(SAME))
def test_a_driver_says_what_the_facts_say(driver_id):
    facts = yaml.safe_load((shared_data("meter-register-facts.yaml")).read_text())
    entry = next(m for m in facts["meters"] if m["id"] == SAME[driver_id])
    known = {fact["name"]: fact for fact in entry["registers"]}
    low_word_first = entry["word_order"].startswith("LSW")
    profile = next(p for p in PROFILES if p.driver_id == driver_id)

    for register in profile.registers:
        fact = known[fact_name(register.quantity)]
        assert register.address == fact["pdu_address"], register.quantity
        assert register.count == fact["registers"], register.quantity
        assert register.value_format == fact["type"], register.quantity
        scale = fact.get("multiply_by", 1) * UNITS.get(fact["unit"], 1.0)
        assert register.scale == pytest.approx(scale), register.quantity
        assert register.word_order == ("CDAB" if low_word_first else "ABCD")
        if isinstance(entry["function_code"], int):
            assert register.function == entry["function_code"]


@pytest.mark.parametrize("profile", METERS, ids=lambda p: p.driver_id)
def test_a_driver_names_its_source_its_sign_and_its_transformers(profile):
    assert len(profile.source) > 15
    assert profile.sign_convention
    assert profile.transformers
    assert all(len(doubt) > 15 for doubt in profile.doubts)


@pytest.mark.parametrize("profile", METERS, ids=lambda p: p.driver_id)
def test_scales_and_numbers_of_values_are_plausible(profile):
    for register in profile.registers:
        row = QUANTITIES[register.quantity]
        power_of_ten = math.log10(abs(register.scale))
        assert power_of_ten == pytest.approx(round(power_of_ten)), register.quantity
        assert -5 <= power_of_ten <= (5 if row.is_counter else 3), register.quantity
        if register.value_format.endswith("16"):
            largest = 0x7FFF * abs(register.scale)
            needed = {"V": 250, "Hz": 60, "A": 60, "W": 3000, "": 1}.get(row.unit)
            assert needed is None or largest >= needed, register.quantity
        if row.is_counter:
            assert register.count >= 2, f"{register.quantity}: 16 bits are no counter"


@pytest.mark.parametrize("profile", METERS, ids=lambda p: p.driver_id)
def test_power_comes_with_every_poll_and_counters_of_slow_lines_more_rarely(profile):
    for register in profile.registers:
        counter = QUANTITIES[register.quantity].is_counter
        assert register.every == 1 or counter, register.quantity
        assert register.every in (1, 10)


@pytest.mark.parametrize("profile", BY_REGISTERS, ids=lambda p: p.driver_id)
def test_a_poll_stays_within_what_the_meter_accepts(profile):
    blocks = plan_blocks(profile)

    assert all(block.count <= profile.max_registers for block in blocks)
    assert len(blocks) <= len(profile.registers)
    assert sorted(r.quantity for b in blocks for r in b.registers) == sorted(
        profile.layout.quantities
    )


REGISTERS = [(p.driver_id, register) for p in BY_REGISTERS for register in p.registers]


@given(st.sampled_from(REGISTERS), st.integers(0, 30_000))
def test_what_is_written_into_a_register_is_read_from_it(given_register, raw):
    _, register = given_register
    value = raw * register.scale if register.coding == LINEAR else raw / 30_000

    read = decode(register, encode(register, value))

    assert read == pytest.approx(value, rel=1e-6, abs=abs(register.scale) / 2)


def test_writable_points_have_a_range_that_their_register_can_hold():
    controls = {(p.driver_id, c.name): c for p in PROFILES for c in p.controls}

    assert {
        ("keba_p30", "charging_current_a"),
        ("keba_p30", "enable"),
        ("abb_terra_ac", "charging_current_a"),
        ("victron_gx_grid", "grid_setpoint_w"),
        ("victron_gx_battery", "minimum_soc_pct"),
    } <= controls.keys()
    for control in controls.values():
        register = Register(
            "power_w", control.address, 3, control.value_format, control.word_order, control.scale
        )
        for bound in (control.low, control.high):
            assert decode(register, encode(register, bound)) == pytest.approx(bound)


def test_the_charging_station_that_answers_for_single_values_is_asked_so():
    keba = next(p for p in PROFILES if p.driver_id == "keba_p30")

    assert {block.count for block in plan_blocks(keba)} == {2}


def test_a_battery_that_charges_is_negative_though_its_wire_is_positive():
    battery = next(p for p in PROFILES if p.driver_id == "victron_gx_battery")
    power = battery.register("power_w")

    assert power is not None
    assert decode(power, [1500]) == -1500.0
