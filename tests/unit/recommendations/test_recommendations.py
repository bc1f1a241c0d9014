from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.clock import parse_utc
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.finding import (
    EquipmentWatch,
    Finding,
    FindingKind,
    FindingState,
    WatchState,
)
from energy_desktop.domain.plan import Plan, PlanMoney, PlanStatus, ShedAction, ShedPlan
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.domain.waste import WasteReport, ZoneWaste
from energy_desktop.services.recommendations import (
    OutOfHours,
    PowerFactor,
    RecommendationInputs,
    recommend,
    use_facts,
)

VIEWS = {
    "overview", "live", "history", "meters", "alarms", "billing", "maintenance", "forecast",
    "reports", "settings",
}  # fmt: skip
START = parse_utc("2026-02-28T23:00:00Z")
BERLIN = "Europe/Berlin"


def a_load(days: int = 31, *, missing: int = 0) -> Intervals:
    """10 kW by day, 4 kW by night (22 to 6 local), one quarter hour of 30 kW on the 10th day."""
    n = days * 96
    start = START + np.arange(n, dtype=np.int64) * 900_000
    hour = (np.arange(n) // 4) % 24
    energy = np.where((hour >= 22) | (hour < 6), 1_000.0, 2_500.0)
    energy[min(9, days - 1) * 96 + 40] = 7_500.0
    quality = np.zeros(n, np.int8)
    energy[:missing], quality[:missing] = np.nan, IntervalQuality.MISSING
    return Intervals("grid", "energy_import_wh", 900, start, energy, quality)


def a_finding(**changes: object) -> Finding:
    finding = Finding(
        "comp:creep:2026-03-05", "comp", "Compressor 1", FindingKind.CREEP, START, None,
        START, 12.0, 90_000, 225_000, "Compressor 1 uses 12 % more.", ("clogged filter",),
    )  # fmt: skip
    return replace(finding, **changes)


def a_watch(*findings: Finding, state: WatchState = WatchState.WATCHING) -> EquipmentWatch:
    return EquipmentWatch(
        "comp", "Compressor 1", "compressor", state, "", 9, 21, "", 5.0, 6.0, 1.0,
        (START,) * 30, (100_000.0,) * 30, (100_000.0,) * 30, (0.0,) * 30, (0.0,) * 30, 7.0,
        findings, 0,
    )  # fmt: skip


def a_zone(name: str, saving: int) -> ZoneWaste:
    return ZoneWaste(name, name, ("m",), 22, 6, 90_000, 50_000, 125_000, saving, 99_000)


def everything() -> RecommendationInputs:
    return RecommendationInputs(
        zone=BERLIN,
        currency="EUR",
        use=use_facts(a_load(missing=300), BERLIN),
        waste=WasteReport(
            START, START, "EUR", (a_zone("Zone A", 15_000_000), a_zone("Zone B", 6_000_000)), (),
            100.0,
        ),
        watches=(a_watch(a_finding()),),
        plan=Plan(
            "b", START, PlanStatus.OPTIMAL, (),
            PlanMoney(10.0, 14.0, 15.0, 12.0, 3.0, 0.0, 0.5, 900.0), 5.0, 0.0, 0, 1.0,
        ),
        shed=ShedPlan(
            (ShedAction("hvac", "HVAC", START, START + 3_600_000, 4_000, 1.2, "dear"),),
            1.2, 0.9, "EUR",
        ),
        statuses=(
            MeterStatus("pv", LinkState.LOST, lost_since_ms=START,
                        last_error="no answer in 3 tries.", remedy="Check the cable."),
            MeterStatus("grid", LinkState.GOOD),
        ),
        meter_names={"pv": "Roof PV"},
        out_of_hours=OutOfHours(40_000, 100_000, 160_000, 31, "EUR"),
        power_factor=PowerFactor("grid", "Grid", 0.83),
        contract_demand_w=25_000.0,
        demand_charge_per_kw_year=100.0,
    )  # fmt: skip


def test_there_are_never_more_than_seven_and_the_dearest_comes_first():
    found = recommend(everything())

    assert len(found) == 7
    ranks = [one.rank_units for one in found]
    assert ranks == sorted(ranks, reverse=True)
    assert {one.view for one in found} <= VIEWS


def test_a_lost_meter_and_missing_data_are_not_pushed_out_by_money():
    found = recommend(everything())

    lost = next(one for one in found if one.view == "meters")
    assert lost.sentence == (
        "Bring back Roof PV, lost since 00:00 on 1 Mar: no answer in 3 tries. Check the cable."
    )
    assert lost.subject_id == "pv"
    assert any("Close the gaps" in one.sentence for one in found)


def test_each_figure_is_money_a_year_of_its_result():
    found = {one.subject_id: one for one in recommend(everything())}

    assert found["Zone A"].figure == "1,500 EUR a year"
    assert "6 of 22 evenings, 50.0 kWh" in found["Zone A"].sentence
    creep = found["comp:creep:2026-03-05"]
    assert creep.rank_units == pytest.approx(100 * 365 * 0.12 * 0.25 * 10_000)
    assert "12.0 % more than its baseline since 1 Mar. Likely: clogged filter." in creep.sentence
    battery = found["b"]
    assert battery.rank_units == pytest.approx(4.0 * 365 / 2 * 10_000)
    assert "4.00 EUR less in the next 48 h" in battery.sentence
    assert "2.00 EUR more than storing the surplus alone" in battery.sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"state": FindingState.DISMISSED},
        {"state": FindingState.REPAIRED},
        {"end_ms": START + 1},
    ],
)
def test_a_finding_that_is_settled_is_no_advice(changes):
    found = recommend(RecommendationInputs(BERLIN, "EUR", watches=(a_watch(a_finding(**changes)),)))

    assert all("looked at" not in one.sentence for one in found)


def test_a_plan_that_gains_nothing_is_no_advice():
    inputs = everything()
    assert inputs.plan is not None
    worse = replace(inputs.plan, money=replace(inputs.plan.money, cost=14.5))

    found = recommend(RecommendationInputs(BERLIN, "EUR", plan=worse))

    assert found == ()


def test_a_healthy_site_still_has_three_honest_facts():
    found = recommend(RecommendationInputs(BERLIN, "EUR", use=use_facts(a_load(), BERLIN)))

    assert len(found) == 3
    assert "4.0 kW run day and night" in found[0].sentence
    assert "Nights (22:00 to 06:00) take 17 % of the energy" in found[1].sentence
    assert "30.0 kW on 10 Mar" in found[2].sentence


def test_a_site_without_data_has_no_recommendations():
    assert recommend(RecommendationInputs(BERLIN, "EUR")) == ()


def test_a_machine_that_is_being_learnt_is_said_so():
    found = recommend(
        RecommendationInputs(BERLIN, "EUR", watches=(a_watch(state=WatchState.LEARNING),))
    )

    assert found[0].sentence == "1 machine is still being learnt: Compressor 1 9 of 21 days."


@pytest.mark.parametrize(
    ("contract_w", "charge", "start"),
    [
        (25_000.0, 100.0, "Keep under the contract"),
        (35_000.0, 100.0, "Cut the lone peak"),
        (90_000.0, 0.0, "Look at the demand contract"),
    ],
)
def test_the_peak_is_held_against_the_contract(contract_w, charge, start):
    inputs = RecommendationInputs(
        BERLIN,
        "EUR",
        use=use_facts(a_load(), BERLIN),
        contract_demand_w=contract_w,
        demand_charge_per_kw_year=charge,
    )

    assert any(one.sentence.startswith(start) for one in recommend(inputs))


def test_after_hours_use_within_the_usual_is_not_blamed():
    usual = OutOfHours(24_000, 100_000, 96_000, 31, "EUR")

    assert recommend(RecommendationInputs(BERLIN, "EUR", out_of_hours=usual)) == ()


def test_use_facts_come_from_the_load_curve():
    facts = use_facts(a_load(missing=96), BERLIN)

    assert facts is not None
    assert facts.peak_w == 30_000
    assert facts.base_w == 4_000
    assert facts.usual_peak_w == 10_000
    assert facts.measured_pct == pytest.approx(100 * 30 / 31)
    assert use_facts(a_load(1, missing=96), BERLIN) is None


@given(st.sets(st.sampled_from(["use", "waste", "watches", "plan", "shed", "statuses",
                                "out_of_hours", "power_factor"])),
       st.decimals("0.01", "2", places=4))  # fmt: skip
def test_whatever_is_at_hand_the_list_keeps_its_rules(names, price):
    full = everything()
    part = RecommendationInputs(
        BERLIN, "EUR", price_per_kwh=Decimal(price), **{name: getattr(full, name) for name in names}
    )

    found = recommend(part)

    assert len(found) <= 7
    assert len({one.sentence for one in found}) == len(found)
    assert all(one.sentence.endswith(".") and one.figure and one.view in VIEWS for one in found)
    if "use" in names:
        assert len(found) >= 3


def test_only_the_dearest_strange_stretch_that_nobody_judged_is_asked_about():
    small = a_finding(finding_id="small", kind=FindingKind.ANOMALY, excess_cost_units=100_000)
    large = replace(small, finding_id="large", excess_cost_units=400_000, sentence="Hall ran on.")
    judged = replace(large, finding_id="judged", state=FindingState.CONFIRMED)

    (found,) = recommend(RecommendationInputs(BERLIN, "EUR", anomalies=(small, large, judged)))

    assert found.subject_id == "large"
    assert found.sentence == "Ask what happened. Hall ran on."
    assert found.figure == "40.00 EUR once"


def test_a_strange_stretch_of_two_cents_is_no_advice():
    trivial = a_finding(kind=FindingKind.ANOMALY, excess_cost_units=200)

    assert recommend(RecommendationInputs(BERLIN, "EUR", anomalies=(trivial,))) == ()
