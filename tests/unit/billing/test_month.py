from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from energy_desktop.analytics.billing.month import MeterLedger, build_monthly_report
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.site import Role

from .builders import ZONE, a_meter, a_site, intervals, reconciliation
from .test_draft import LATER_MS, at


def a_ledger(meter_id, role, imported=0.0, exported=None, *, month="2026-03", step_s=900, **meter):
    """Energies in Wh per step."""
    values = intervals(month, imported, meter_id=meter_id, step_s=step_s)
    other = None
    if exported is not None:
        other = intervals(month, exported, meter_id=meter_id, step_s=step_s)
    return MeterLedger(a_meter(meter_id, role=role, **meter), values, reconciliation(values), other)


def a_report(*ledgers, **changes):
    values = {
        "site": a_site(),
        "month": "2026-03",
        "now_ms": LATER_MS,
        "ledgers": ledgers,
        "holidays": {},
    }
    return build_monthly_report(**(values | changes))


STEPS = 31 * 96 - 4


def test_consumption_is_the_balance_of_the_flows():
    report = a_report(
        a_ledger("grid", Role.GRID, 100.0, 30.0),
        a_ledger("pv", Role.SOLAR, 80.0),
        a_ledger("battery", Role.BATTERY, 20.0, 25.0),
    )

    assert report.consumption_wh == (100 - 30 + 80 + 20 - 25) * STEPS
    assert report.self_consumption_pct == pytest.approx(100 * (1 - 30 / 80))
    assert report.self_sufficiency_pct == pytest.approx(100 * (1 - 100 / 145))
    assert (report.battery_discharged_wh, report.battery_charged_wh) == (20 * STEPS, 25 * STEPS)
    assert report.cost_units == 100 * STEPS * 10_000 // 1000 // 4  # 0.25 per kWh, a whole cent
    assert sum(d.consumption_wh for d in report.days) == report.consumption_wh


def test_what_is_not_measured_is_none_and_not_zero():
    report = a_report(a_ledger("grid", Role.GRID, 100.0))

    assert report.pv_wh is None
    assert report.export_wh is None
    assert report.battery_charged_wh is None
    assert report.self_consumption_pct is None
    assert report.consumption_wh == 100 * STEPS


def test_an_interval_with_an_unknown_term_is_in_no_total():
    grid = a_ledger("grid", Role.GRID, 100.0)
    pv = a_ledger("pv", Role.SOLAR, 50.0)
    pv.imported.energy_wh[:96] = np.nan
    pv.imported.quality[96:192] = IntervalQuality.QUARANTINED

    report = a_report(grid, pv)

    assert report.import_wh == 100 * STEPS
    assert report.consumption_wh == 150 * (STEPS - 192)
    assert [d.complete for d in report.days[:3]] == [False, False, True]
    assert report.days[0].consumption_wh is None
    assert report.completeness_pct == pytest.approx(100 * (1 - 192 / (2 * STEPS)))


def test_the_peak_is_the_highest_quarter_hour_from_the_grid():
    grid = a_ledger("grid", Role.GRID, 100.0)
    grid.imported.energy_wh[np.searchsorted(grid.imported.start_ms, at("2026-03-11T13:45"))] = 9_000

    report = a_report(grid, site=a_site(contract_demand_w=50_000.0))

    assert report.peak.power_w == 36_000
    assert report.peak.block_start_ms == at("2026-03-11T13:45")
    assert (report.peak.block_min, report.peak.contract_w) == (15, 50_000.0)
    assert report.base_load_w == 400.0


def test_a_usual_day_keeps_free_days_apart_and_follows_the_clock_on_the_wall():
    grid = a_ledger("grid", Role.GRID, 0.0)
    from datetime import datetime

    wall = [datetime.fromtimestamp(t / 1000, ZONE) for t in grid.imported.start_ms.tolist()]
    busy = [t.hour == 9 and t.weekday() < 5 and t.day != 4 for t in wall]
    grid.imported.energy_wh[:] = np.where(busy, 1_000.0, 100.0)

    profile = a_report(grid, holidays={date(2026, 3, 4): "a holiday"}).profile

    assert profile.step_min == 15
    assert profile.workday_w[36:40] == (4_000.0,) * 4  # 09:00 before and after the clock change
    assert profile.workday_w[35] == profile.workday_w[40] == 400.0
    assert profile.free_day_w[36] == 400.0
    assert profile.workday_low_w[36] == profile.workday_high_w[36] == 4_000.0


def test_steps_that_mix_are_added_up_to_the_coarsest():
    report = a_report(
        a_ledger("grid", Role.GRID, 100.0), a_ledger("pv", Role.SOLAR, 60.0, step_s=1800)
    )

    assert report.consumption_wh == 100 * STEPS + 60 * STEPS // 2
    assert report.peak.block_min == 30


def test_steps_that_do_not_divide_each_other_meet_where_both_end():
    report = a_report(
        a_ledger("grid", Role.GRID, 100.0, step_s=600),
        a_ledger("pv", Role.SOLAR, 60.0, step_s=900),
    )

    assert report.consumption_wh == 100 * STEPS * 3 // 2 + 60 * STEPS
    assert report.peak.block_min == 30


def test_loads_below_another_load_are_not_counted_twice():
    report = a_report(
        a_ledger("grid", Role.GRID, 100.0),
        a_ledger("floor", Role.LOAD, 60.0, parent_id="grid"),
        a_ledger("room", Role.LOAD, 20.0, parent_id="floor"),
    )

    assert report.submetered_wh == 60 * STEPS


def test_a_running_month_is_complete_up_to_now():
    grid = a_ledger("grid", Role.GRID, 100.0)
    now_ms = at("2026-03-11T12:00")
    grid.imported.energy_wh[grid.imported.start_ms >= now_ms] = np.nan

    report = a_report(grid, now_ms=now_ms)

    assert report.completeness_pct == 100.0
    assert report.import_wh == 100 * (10 * 96 + 48)
    assert [d.day.day for d in report.days] == list(range(1, 12))
    assert all(d.complete for d in report.days)


def test_the_estimated_share_is_that_of_the_grid_import():
    grid = a_ledger("grid", Role.GRID, 100.0)
    grid.imported.quality[:297] = IntervalQuality.ESTIMATED

    report = a_report(grid)

    assert report.estimated_wh == 29_700
    assert report.estimated_pct == pytest.approx(100 * 297 / STEPS)


@pytest.mark.parametrize(("month", "day", "steps"), [("2026-03", 29, 92), ("2026-10", 25, 100)])
def test_a_day_with_a_clock_change_has_its_real_energy(month, day, steps):
    report = a_report(a_ledger("grid", Role.GRID, 10.0, month=month), month=month)

    assert report.days[day - 1].import_wh == steps * 10


def test_a_site_without_a_grid_meter_is_refused():
    with pytest.raises(WrongUse, match="role grid"):
        a_report(a_ledger("pv", Role.SOLAR, 10.0))


def test_a_month_that_has_not_begun_has_no_figures_and_no_error():
    report = a_report(a_ledger("grid", Role.GRID, 10.0), now_ms=at("2026-02-20"))

    assert report.import_wh is None
    assert report.days == ()
    assert report.peak is None


def test_an_unknown_country_has_no_holidays_and_still_a_report():
    report = a_report(
        a_ledger("grid", Role.GRID, 10.0), site=replace(a_site(), country="XX"), holidays=None
    )

    assert report.profile is not None
