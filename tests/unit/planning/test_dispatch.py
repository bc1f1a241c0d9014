"""What every battery plan must obey, whatever the prices."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings

from energy_desktop.analytics.planning.dispatch import plan
from energy_desktop.analytics.planning.problem import problem_of
from energy_desktop.analytics.planning.solver import battery_cheats, grid_cheats
from energy_desktop.domain.errors import PlanInfeasible, WrongUse
from energy_desktop.domain.plan import PlanSlot, PlanStatus
from tests.support.shared_data import shared_data
from tests.unit.planning.builders import a_battery, a_request, requests, slots_of
from tests.unit.planning.day_ahead import local_prices

HOUR_MS = 3_600_000


def replayed_soc_pct(request, made):
    """The state of charge recomputed from the plan's own powers and the losses."""
    battery, soc = request.battery, request.soc_start_pct
    for point in made.points:
        hours = (point.end_ms - point.start_ms) / HOUR_MS
        flow_wh = hours * (
            point.charge_w * battery.charge_efficiency
            - point.discharge_w / battery.discharge_efficiency
        )
        soc += flow_wh / battery.capacity_wh * 100
        yield soc


def recomputed_cost(request, made):
    energy = wear = 0.0
    peak_w = request.peak_so_far_w
    quantile = request.peak_load_w or [slot.load_w for slot in request.slots]
    for slot, point, high_w in zip(request.slots, made.points, quantile, strict=True):
        hours = (slot.end_ms - slot.start_ms) / HOUR_MS
        energy += hours / 1000 * point.import_w * slot.import_per_kwh
        energy -= hours / 1000 * point.export_w * slot.export_per_kwh
        wear += hours / 1000 * point.discharge_w * request.battery.wear_per_kwh
        peak_w = max(peak_w, point.import_w)
        peak_w = max(peak_w, high_w - slot.pv_w + point.charge_w - point.discharge_w)
    return energy + wear + peak_w / 1000 * request.battery.demand_charge_per_kw


@settings(max_examples=120)
@given(requests())
def test_every_plan_keeps_the_balance_the_limits_and_its_own_price(request_):
    battery = request_.battery

    made = plan(request_, made_at_ms=0)

    for slot, point in zip(request_.slots, made.points, strict=True):
        left = point.import_w - point.export_w
        right = slot.load_w - slot.pv_w + point.charge_w - point.discharge_w
        assert left == pytest.approx(right, abs=1e-3)
        assert min(point.import_w, point.export_w) == 0
        assert min(point.charge_w, point.discharge_w) == 0
        assert 0 <= point.charge_w <= battery.charge_w + 1e-6
        assert 0 <= point.discharge_w <= battery.discharge_w + 1e-6
        assert battery.soc_min_pct - 1e-6 <= point.soc_pct <= battery.soc_max_pct + 1e-6
    socs = list(replayed_soc_pct(request_, made))
    assert socs == pytest.approx([point.soc_pct for point in made.points], abs=1e-3)
    end = request_.soc_end_min_pct
    assert socs[-1] >= (request_.soc_start_pct if end is None else end) - 1e-3
    assert made.money.cost == pytest.approx(recomputed_cost(request_, made), abs=1e-6)


@settings(max_examples=120)
@given(requests())
def test_no_rival_is_cheaper_than_the_plan(request_):
    money = plan(request_, made_at_ms=0).money

    assert money.cost <= money.without_battery + 1e-4
    assert money.cost <= money.rule_peak + 1e-4
    assert money.cost <= money.self_consumption + 1e-4
    gained = money.energy_gain + money.demand_gain - money.wear
    assert money.without_battery - money.cost == pytest.approx(gained, abs=1e-9)


@settings(max_examples=40)
@given(requests(least=1, most=3))
def test_the_plan_is_the_cheapest_of_all_directions(request_):
    made = plan(request_, made_at_ms=0)

    assert made.status is PlanStatus.OPTIMAL
    assert made.money.cost == pytest.approx(cheapest_of_all_directions(request_), abs=2e-4)


def cheapest_of_all_directions(request_):
    """Tries every import/export and charge/discharge choice: one small LP for each, by scipy."""
    from scipy.optimize import linprog

    p = problem_of(request_)
    n = p.slots
    net_peak = p.net_kw if p.peak_net_kw is None else p.peak_net_kw
    cost = np.concatenate(
        (np.zeros(n), p.hours * p.wear, p.hours * p.buy, -p.hours * p.sell, [p.demand])
    )
    eye, zero, column = np.eye(n), np.zeros((n, n)), np.ones((n, 1))
    balance = np.hstack((-eye, eye, eye, -eye, 0 * column))
    lower = np.tril(np.ones((n, n))) * p.hours
    stored = np.hstack(
        (lower * p.charge_efficiency, -lower / p.discharge_efficiency, zero, zero, 0 * column)
    )
    peak_import = np.hstack((zero, zero, eye, zero, -column))
    peak_high = np.hstack((eye, -eye, zero, zero, -column))
    floor = np.full(n, p.floor_kwh)
    floor[-1] = max(p.floor_kwh, p.end_kwh)
    above = np.vstack((stored, -stored, peak_import, peak_high))
    limit = np.concatenate(
        (np.full(n, p.ceiling_kwh) - p.start_kwh, p.start_kwh - floor, np.zeros(n), -net_peak)
    )
    best = np.inf
    for directions in itertools.product(((1, 0), (0, 1)), repeat=2 * n):
        battery, grid = directions[:n], directions[n:]
        bounds = (
            [(0, p.charge_kw * on) for on, _ in battery]
            + [(0, p.discharge_kw * off) for _, off in battery]
            + [(0, None if on else 0) for on, _ in grid]
            + [(0, None if off else 0) for _, off in grid]
            + [(p.peak_so_far_kw, None)]
        )
        found = linprog(cost, above, limit, balance, p.net_kw, bounds, method="highs")
        if found.status == 0:
            best = min(best, found.fun)
    return best


@pytest.mark.parametrize("month", [0, 1])
def test_a_month_of_real_prices_gives_the_published_profit(month):
    reference = json.loads(
        (shared_data("prices-day-ahead") / "arbitrage_optimum.json").read_text()
    )["results"][month]
    # The file repeats or drops an hour at the DST steps and keeps 24 rows a day, so its stamps are
    # no moments; neither month holds a step, and the reference counts plain hours.
    prices = local_prices(reference["zone"], reference["first"], reference["end_exclusive"])
    slots = [PlanSlot(k * HOUR_MS, (k + 1) * HOUR_MS, 0, 0, p, p) for k, p in enumerate(prices)]

    whole = plan(a_request(slots, time_limit_s=60), made_at_ms=0)
    days = [plan(a_request(slots[k : k + 24]), made_at_ms=0) for k in range(0, len(slots), 24)]

    assert len(slots) == reference["steps"]
    assert whole.status is PlanStatus.OPTIMAL
    assert whole.binaries == reference["neg_hours"]
    assert -whole.money.cost == pytest.approx(reference["profit_eur_whole_month"], abs=1e-3)
    by_day = -sum(day.money.cost for day in days)
    assert by_day == pytest.approx(reference["profit_eur_day_by_day"], abs=1e-3)


def test_an_export_price_below_zero_alone_makes_the_lp_cheat():
    # Full, sun, no load: charging and discharging at once would burn what costs to export.
    slots = slots_of([0.30], [-0.10], pv_w=4_000.0)
    request_ = a_request(slots, soc_start_pct=90.0, soc_end_min_pct=90.0)

    made = plan(request_, made_at_ms=0)

    assert list(battery_cheats(problem_of(request_))) == [True]
    assert made.binaries == 1
    assert made.points[0].charge_w == made.points[0].discharge_w == 0
    assert made.points[0].export_w == pytest.approx(4_000.0)
    assert "not curtailed" in " ".join(made.notes)


def test_wear_that_outweighs_a_price_below_zero_needs_no_binary():
    slots = slots_of([0.30], [-0.01], pv_w=4_000.0)
    worn = a_battery(wear_per_kwh=0.05)

    assert not battery_cheats(problem_of(a_request(slots, battery=worn))).any()
    assert battery_cheats(problem_of(a_request(slots))).all()


def test_ordinary_prices_need_no_binary():
    problem = problem_of(a_request(slots_of([0.3, 0.2], [0.1, 0.0], load_w=1000.0)))

    assert not grid_cheats(problem).any()
    assert not battery_cheats(problem).any()


def test_an_export_price_above_the_import_price_is_not_milked():
    slots = slots_of([0.10] * 4, [0.20] * 4, load_w=2_000.0)

    made = plan(a_request(slots), made_at_ms=0)

    assert all(min(p.import_w, p.export_w) == 0 for p in made.points)
    assert made.money.cost <= made.money.without_battery


def test_when_time_is_out_the_best_found_is_given_with_its_gap():
    rng = np.random.default_rng(7)
    imports = list(rng.uniform(0.05, 0.15, 192))
    slots = slots_of(
        imports,
        [p + 0.1 for p in imports],
        load_w=list(rng.uniform(0, 4000, 192)),
        pv_w=list(rng.uniform(0, 4000, 192)),
        minutes=15,
    )

    made = plan(a_request(slots, time_limit_s=0.05), made_at_ms=0)

    assert made.status is PlanStatus.TIME_LIMIT
    assert made.gap > 0
    assert "best plan found" in made.notes[-1]
    assert made.money.cost <= min(made.money.rule_peak, made.money.self_consumption) + 1e-6


def test_the_peak_already_paid_is_free_to_use_again():
    slots = slots_of([0.05, 0.05, 0.40, 0.40], [0.0] * 4, load_w=1_000.0)
    battery = a_battery(demand_charge_per_kw=5.0)

    fresh = plan(a_request(slots, battery=battery), made_at_ms=0)
    paid = plan(a_request(slots, battery=battery, peak_so_far_w=6_000.0), made_at_ms=0)

    assert max(p.import_w for p in fresh.points) <= 1_000.0 + 1e-3
    assert max(p.import_w for p in paid.points) > 1_500.0
    assert paid.money.demand_gain == 0


def test_a_quantile_of_the_load_keeps_power_back_for_the_peak():
    slots = slots_of([0.20] * 4, [0.0] * 4, load_w=1_000.0)
    battery = a_battery(demand_charge_per_kw=20.0)
    high = (1_000.0, 4_000.0, 1_000.0, 1_000.0)

    made = plan(
        a_request(slots, battery=battery, peak_load_w=high, soc_end_min_pct=10.0), made_at_ms=0
    )

    assert made.points[1].discharge_w > made.points[0].discharge_w + 1_000
    assert "quantile" in " ".join(made.notes)


def test_an_end_above_the_highest_limit_is_refused_by_name():
    with pytest.raises(PlanInfeasible, match=r"end at 95 % .* highest limit is 90 %.*at most 90 %"):
        plan(a_request(slots_of([0.1] * 4), soc_end_min_pct=95.0), made_at_ms=0)


def test_an_end_out_of_reach_names_the_smallest_change_that_helps():
    slots = slots_of([0.1] * 2)
    weak = a_battery(charge_w=1_000.0)

    with pytest.raises(PlanInfeasible) as refused:
        plan(a_request(slots, battery=weak, soc_end_min_pct=80.0), made_at_ms=0)

    assert "from 50 to 69.0 % only" in refused.value.what
    assert "at most 69.0 %, or allow 1,579 W" in refused.value.remedy
    plan(a_request(slots, battery=weak, soc_end_min_pct=69.0), made_at_ms=0)
    plan(a_request(slots, battery=a_battery(charge_w=1_579.0), soc_end_min_pct=80.0), made_at_ms=0)


def test_a_start_outside_the_limits_is_refused_but_a_point_is_forgiven():
    slots = slots_of([0.1] * 4)

    with pytest.raises(PlanInfeasible, match="starts at 5 %, below its lowest limit of 10 %"):
        plan(a_request(slots, soc_start_pct=5.0), made_at_ms=0)
    with pytest.raises(PlanInfeasible, match="above its highest limit"):
        plan(a_request(slots, soc_start_pct=99.0), made_at_ms=0)
    assert "counts as 10.0 %" in plan(a_request(slots, soc_start_pct=9.5), made_at_ms=0).notes[1]


def test_slots_with_a_hole_or_an_unknown_price_are_refused():
    slots = slots_of([0.1] * 4)
    with pytest.raises(WrongUse, match="does not follow the slot before"):
        plan(a_request([slots[0], slots[2]]), made_at_ms=0)
    with pytest.raises(WrongUse, match="not known"):
        plan(a_request(slots_of([0.1, float("nan")])), made_at_ms=0)
    with pytest.raises(WrongUse, match="no slot"):
        plan(a_request([]), made_at_ms=0)


@pytest.mark.parametrize(
    "change",
    [
        {"capacity_wh": 0.0},
        {"charge_efficiency": 0.0},
        {"discharge_efficiency": 1.2},
        {"soc_min_pct": 95.0},
        {"charge_w": -1.0},
    ],
)
def test_a_battery_that_cannot_be_meant_is_refused(change):
    with pytest.raises(WrongUse, match="Cellar"):
        plan(a_request(slots_of([0.1] * 4), battery=a_battery(**change)), made_at_ms=0)


def test_equal_prices_move_nothing():
    made = plan(a_request(slots_of([0.2] * 24, [0.2] * 24, load_w=500.0)), made_at_ms=0)

    assert made.cycles == 0
    assert all(point.idle_reason for point in made.points)
    assert made.money.losses_wh == 0
