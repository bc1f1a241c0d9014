"""What the meters of the virtual site show, and that it hangs together."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.acquisition.simulator.demo import open_demo_site
from energy_desktop.acquisition.simulator.live import COMMAND_LASTS_S, OFF, ON, TIMETABLE
from energy_desktop.acquisition.simulator.site import SCENARIOS, VirtualSite
from energy_desktop.domain.clock import parse_utc
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.site import Role
from tests.unit.simulator.conftest import NOW_MS

DAY_S = 86_400


def shown(site: VirtualSite, meter_id: str, at_ms: int, quantity: str) -> float:
    return float(site.reading(meter_id, at_ms).value(quantity)[0])


def seconds_of(site: VirtualSite, meter_id: str, first_s: int, n: int):
    """By timetable, each second; independent of the live path."""
    day = first_s // DAY_S
    pages = site.pages(day, (first_s + n) // DAY_S - day + 1)
    seconds = np.arange(first_s, first_s + n)
    return site.recorded(meter_id, pages, seconds, site.mains(seconds))


def test_same_seed_and_day_of_installation_give_the_same_readings():
    one, other = (open_demo_site(None, "h", 1, NOW_MS) for _ in range(2))

    for meter_id in one.meter_ids:
        for quantity in ("power_w", "energy_import_wh", "voltage_l2_v"):
            later = NOW_MS + 3_600_000
            assert shown(one, meter_id, later, quantity) == shown(other, meter_id, later, quantity)


def test_another_seed_gives_another_site():
    one, other = (open_demo_site(None, "h", 1, NOW_MS, seed=seed) for seed in (1, 2))

    assert shown(one, "sockets", NOW_MS, "power_w") != shown(other, "sockets", NOW_MS, "power_w")


def test_registers_are_the_same_however_the_days_were_reached(untouched_site):
    fresh = open_demo_site(None, "h", 1, NOW_MS)
    day = NOW_MS // 86_400_000
    jumped = fresh.pages(day, 1)
    walked = open_demo_site(None, "h", 1, NOW_MS)
    for step in range(walked.first_ms // 86_400_000, day):
        walked.pages(step, 1)

    np.testing.assert_allclose(jumped.in_wh, walked.pages(day, 1).in_wh, rtol=0, atol=1e-5)
    np.testing.assert_allclose(jumped.soc_wh, walked.pages(day, 1).soc_wh, rtol=0, atol=1e-5)


@settings(max_examples=25)
@given(
    start=st.integers(NOW_MS // 1000 - 20 * DAY_S, NOW_MS // 1000),
    length=st.integers(1, 4000),
)
def test_a_register_is_the_integral_of_its_power(untouched_site, start, length):
    for meter_id in ("grid", "pv", "battery", "compressor", "light-1-east"):
        seconds = seconds_of(untouched_site, meter_id, start, length + 1)
        power = seconds.power_w[:-1]

        taken = np.maximum(power, 0).sum() / 3600
        given_back = np.maximum(-power, 0).sum() / 3600

        assert seconds.in_wh[-1] - seconds.in_wh[0] == pytest.approx(taken, abs=1e-5)
        assert seconds.out_wh[-1] - seconds.out_wh[0] == pytest.approx(given_back, abs=1e-5)
        reactive = seconds.reactive_var[:-1].sum() / 3600
        assert seconds.var_h[-1] - seconds.var_h[0] == pytest.approx(reactive, abs=1e-5)


@settings(max_examples=20)
@given(start=st.integers(NOW_MS // 1000 - 60 * DAY_S, NOW_MS // 1000))
def test_no_register_ever_falls(untouched_site, start):
    for meter_id in untouched_site.meter_ids:
        seconds = seconds_of(untouched_site, meter_id, start, 150)
        for register in (seconds.in_wh, seconds.out_wh, seconds.var_h):
            last_bits = 2 * np.spacing(register.max())
            assert np.diff(register).min() >= -last_bits


def test_sub_meters_and_a_small_rest_make_the_grid_connection(untouched_site):
    site = untouched_site
    start = NOW_MS // 1000 - 7000
    loads = sum(
        seconds_of(site, m.meter_id, start, 7000).power_w
        for m in site.configuration.meters
        if m.role is Role.LOAD
    )
    sources = sum(seconds_of(site, m, start, 7000).power_w for m in ("grid", "pv", "battery"))

    rest = sources - loads

    assert rest.min() > 300
    assert rest.max() < 4000


def test_quantities_of_a_circuit_agree_with_each_other(untouched_site):
    for meter_id in untouched_site.meter_ids:
        reading = untouched_site.reading(meter_id, NOW_MS)
        phases = ("l1", "l2", "l3")

        def of(name, reading=reading):
            return float(reading.value(name)[0])

        assert sum(of(f"power_{p}_w") for p in phases) == pytest.approx(of("power_w"))
        assert sum(of(f"energy_import_{p}_wh") for p in phases) == pytest.approx(
            of("energy_import_wh")
        )
        assert of("apparent_power_va") ** 2 == pytest.approx(
            of("power_w") ** 2 + of("reactive_power_var") ** 2
        )
        assert abs(of("power_factor")) <= 1.0
        assert of("voltage_l1_v") * of("current_l1_a") == pytest.approx(
            of("apparent_power_l1_va"), rel=1e-9
        )
        assert 3**0.5 * 220 < of("voltage_l1_l2_v") < 3**0.5 * 240


def test_each_zone_is_cleaned_for_about_an_hour_and_some_nights_the_light_burns_on(untouched_site):
    site = untouched_site
    first = NOW_MS // 86_400_000 - 80
    pages = site.pages(first, 80)
    lit_minutes = []
    per_zone_long = {}
    for meter in site.configuration.meters:
        if meter.equipment != "lighting":
            continue
        power = pages.power_w[site.meter_ids.index(meter.meter_id) - 1]
        rated = next(d.rated_power_w for d in site.configuration.devices if d.name == meter.name)
        # Contract hours end at 20:00 in Berlin: 18:00 UTC until 25 October 2026, then 19:00.
        for day in range(80):
            summer = (first + day) * 1440 < parse_utc("2026-10-25T01:00") // 60_000
            evening = day * 1440 + (18 if summer else 19) * 60
            lit = int((power[evening : evening + 600] > 0.3 * rated).sum())
            lit_minutes.append(lit)
            per_zone_long[meter.meter_id] = per_zone_long.get(meter.meter_id, 0) + (lit > 180)
    usual = [m for m in lit_minutes if 0 < m <= 60]

    assert len(usual) > 0.75 * sum(m > 0 for m in lit_minutes)
    assert min(usual) >= 26
    assert 5 <= sum(per_zone_long.values()) <= 60
    assert max(per_zone_long.values()) >= 4


def test_people_keep_wall_clock_hours_when_the_clocks_change(untouched_site):
    def first_light(day: str) -> int:
        start = parse_utc(day) // 1000
        power = seconds_of(untouched_site, "light-2-east", start, DAY_S).power_w[::60]
        return int(np.argmax(power > 600))

    # Friday before and Monday after 2026-10-25: an hour apart in UTC, the same on the wall.
    apart = first_light("2026-10-26T00:00") - first_light("2026-10-23T00:00")

    assert 30 <= apart <= 90


def test_public_holidays_are_quiet():
    site = open_demo_site(None, "h", 1, parse_utc("2027-01-10T12:00"))
    christmas = seconds_of(site, "sockets", parse_utc("2026-12-25T10:00") // 1000, 3600)
    day_before_eve = seconds_of(site, "sockets", parse_utc("2026-12-23T10:00") // 1000, 3600)

    assert christmas.power_w.mean() < 0.25 * day_before_eve.power_w.mean()


def test_the_compressor_creeps_by_one_percent_a_week_for_six_weeks(untouched_site):
    book = untouched_site._book
    compressor = next(c.load for c in book.circuits if c.name == "compressor")
    minutes = np.array([NOW_MS // 60_000 - days * 1440 for days in (60, 43, 21, 0)])

    factor = compressor.creep(minutes)

    assert factor == pytest.approx([1.0, 1.0, 1.03, 1.06], abs=1e-3)


def test_the_battery_stays_within_its_limits_and_its_charge_is_what_went_in(untouched_site):
    site = untouched_site
    battery = site.configuration.batteries[0]
    first = NOW_MS // 86_400_000 - 60
    pages = site.pages(first, 60)
    power = pages.power_w[site._rows["battery"]]

    assert power.max() <= battery.discharge_w
    assert power.min() >= -battery.charge_w
    assert pages.soc_wh.min() >= 0.10 * battery.capacity_wh - 1e-6
    assert pages.soc_wh.max() <= 0.95 * battery.capacity_wh + 1e-6
    charged = np.maximum(-power, 0).sum() / 60 * battery.charge_efficiency
    discharged = np.maximum(power, 0).sum() / 60 / battery.discharge_efficiency
    assert pages.soc_wh[-1] - pages.soc_wh[0] == pytest.approx(charged - discharged, abs=1.0)
    assert charged > 100_000


def test_switching_off_ends_the_power_and_the_register_stands_still(site):
    before = shown(site, "hvac", NOW_MS, "power_w")
    site.switch("hvac", OFF, NOW_MS)

    register = shown(site, "hvac", NOW_MS, "energy_import_wh")
    later = NOW_MS + 600_000

    assert before > 500
    assert shown(site, "hvac", later, "power_w") == 0.0
    assert shown(site, "hvac", later, "energy_import_wh") == pytest.approx(register, abs=1e-6)
    site.switch("hvac", TIMETABLE, later)
    assert shown(site, "hvac", later + 60_000, "energy_import_wh") > register + 5


def test_what_a_switched_load_does_not_draw_the_grid_does_not_bring(site):
    other = open_demo_site(None, "h", 1, NOW_MS)
    night = parse_utc("2026-11-20T22:00")  # no sun, the battery is empty: grid follows load
    site.switch("light-1-east", ON, night)
    later = night + 1_800_000

    extra = shown(site, "light-1-east", later, "energy_import_wh") - shown(
        other, "light-1-east", later, "energy_import_wh"
    )
    at_grid = shown(site, "grid", later, "energy_import_wh") - shown(
        other, "grid", later, "energy_import_wh"
    )

    assert extra > 500
    assert at_grid == pytest.approx(extra, abs=1.0)


def test_registers_of_a_switched_site_integrate_the_switched_power(site):
    start = NOW_MS // 1000
    site.switch("light-print-hall", ON, NOW_MS)
    site.switch("ev-charger", OFF, NOW_MS)
    site.set_battery_power(-9_000.0, NOW_MS)
    meters = ("grid", "battery", "light-print-hall", "ev-charger")
    rows = []
    for second in range(start, start + 130):
        rows.append(
            [
                [float(r.power_w[0]), float(r.in_wh[0]), float(r.out_wh[0])]
                for r in (site.reading(m, second * 1000) for m in meters)
            ]
        )
    power, taken, back = np.moveaxis(np.array(rows), 2, 0)

    np.testing.assert_allclose(
        taken[-1] - taken[0], np.maximum(power[:-1], 0).sum(axis=0) / 3600, atol=1e-6
    )
    np.testing.assert_allclose(
        back[-1] - back[0], np.maximum(-power[:-1], 0).sum(axis=0) / 3600, atol=1e-6
    )


def test_the_battery_follows_a_setpoint_until_it_is_full(site):
    site.set_battery_power(-20_000.0, NOW_MS)
    charge = shown(site, "battery", NOW_MS + 1000, "soc_pct")

    assert shown(site, "battery", NOW_MS + 2000, "power_w") == -20_000.0
    assert shown(site, "battery", NOW_MS + 600_000, "soc_pct") > charge + 4.0
    full = NOW_MS + 4 * 3_600_000
    assert shown(site, "battery", full, "power_w") == pytest.approx(0.0, abs=1.0)
    assert shown(site, "battery", full, "soc_pct") == pytest.approx(95.0, abs=0.01)


def test_a_command_expires_and_the_site_joins_its_timetable_again(site):
    other = open_demo_site(None, "h", 1, NOW_MS)
    site.switch("hvac", OFF, NOW_MS)
    later = NOW_MS + (COMMAND_LASTS_S + 26 * 3600) * 1000

    assert shown(site, "hvac", later, "power_w") == shown(other, "hvac", later, "power_w") > 0
    assert not site._live.deviates
    for quantity in ("energy_import_wh", "energy_export_wh"):
        lost_energy = shown(other, "grid", later, quantity) - shown(site, "grid", later, quantity)
        assert abs(lost_energy) < 200_000


def test_a_restart_goes_on_where_the_registers_were(site, tmp_path):
    file = tmp_path / "simulator.json"
    first = open_demo_site(file, "h", 1, NOW_MS)
    first.switch("light-1-west", ON, NOW_MS)
    first.switch("ev-charger", OFF, NOW_MS)
    later = NOW_MS + 900_000
    expected = {m: shown(first, m, later, "energy_import_wh") for m in first.meter_ids}
    saved = json.loads(json.dumps(first.state()))

    second = open_demo_site(file, "h", 1, later)
    second.restore(saved)

    assert second.anchor_ms == first.anchor_ms
    for meter_id, register in expected.items():
        assert shown(second, meter_id, later, "energy_import_wh") == pytest.approx(register)
    for meter_id, register in expected.items():
        assert shown(second, meter_id, later + 86_400_000 * 5, "energy_import_wh") >= register


def test_a_crash_after_a_command_loses_no_energy(tmp_path):
    file = tmp_path / "simulator.json"
    site = open_demo_site(file, "h", 1, NOW_MS)
    site.switch("light-1-west", ON, NOW_MS)
    at_the_command = json.loads(json.dumps(site.state()))
    for second in range(0, 4000, 7):
        site.reading("grid", NOW_MS + second * 1000)
    later = NOW_MS + 3_999_000

    again = open_demo_site(file, "h", 1, later)
    again.restore(at_the_command)

    for meter_id in site.meter_ids:
        assert shown(again, meter_id, later, "energy_import_wh") == pytest.approx(
            shown(site, meter_id, later, "energy_import_wh"), abs=0.5
        )


def test_a_damaged_state_file_is_named(tmp_path):
    file = tmp_path / "simulator.json"
    file.write_text("{")

    with pytest.raises(WrongUse, match=r"simulator\.json"):
        open_demo_site(file, "h", 1, NOW_MS)


@pytest.mark.parametrize(
    ("mode", "low", "high"),
    [
        ("normal", 0.975, 1.03),
        ("high_warning", 1.062, 1.099),
        ("high_critical", 1.105, 1.15),
        ("low_warning", 0.903, 0.938),
        ("low_critical", 0.85, 0.895),
        ("fluctuating", 0.945, 1.055),
    ],
)
def test_voltage_modes_lie_between_their_limits(site, mode, low, high):
    site.set_voltage_mode(mode)

    volts = [shown(site, "grid", NOW_MS + s * 97_000, "voltage_l1_v") / 230 for s in range(300)]

    assert low <= min(volts)
    assert max(volts) <= high


def test_only_the_fluctuating_voltage_swings_within_a_minute(site):
    def swing(minute: int) -> float:
        start = NOW_MS + minute * 60_000
        volts = [shown(site, "grid", start + s * 1000, "voltage_l1_v") for s in range(60)]
        return max(volts) - min(volts)

    calm = max(swing(minute) for minute in range(10))
    site.set_voltage_mode("fluctuating")

    assert calm < 6.0
    assert min(swing(minute) for minute in range(10, 20)) > 12.5


def test_scenarios_are_known_by_name(site):
    for name in SCENARIOS:
        site.apply_scenario(name)
        assert site.is_lost("hvac") is (name == "lost_meter")
    site.apply_scenario("normal")
    assert not site.is_lost("hvac")
    with pytest.raises(WrongUse, match="no scenario"):
        site.apply_scenario("flood")


def test_the_site_starts_quickly_even_a_year_later(site):
    import time

    begin = time.process_time()
    shown(site, "grid", NOW_MS + 365 * 86_400_000, "energy_import_wh")

    assert time.process_time() - begin < 6.0


def test_the_days_of_the_compressor_scatter_by_five_percent_and_it_rests_on_sundays(site):
    load = next(c.load for c in site._book.circuits if c.name == "compressor")
    first = NOW_MS // 86_400_000 - 110
    pages = site.pages(first, 110)
    days = pages.power_w[site._rows["compressor"]].reshape(110, 1440)
    steady = days / load.creep(np.arange(pages.start, pages.end)).reshape(110, 1440)
    weekday = (np.arange(first, first + 110) + 3) % 7
    energy = steady.sum(axis=1)
    usual = energy[weekday < 5]

    assert 0.03 < usual.std() / usual.mean() < 0.07
    assert energy[weekday == 6].max() < 0.2 * usual.mean()
