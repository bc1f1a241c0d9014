"""The battery plan: what to do in each slot ahead, what it is worth, and why it rests.

The arithmetic is in problem.py (what counts as cost), solver.py (the least-cost trajectory) and
baselines.py (the rivals). Here they become a `Plan`.
"""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.planning import baselines
from energy_desktop.analytics.planning.problem import (
    MS_PER_HOUR,
    Floats,
    Problem,
    cost_of,
    problem_of,
)
from energy_desktop.analytics.planning.reasons import idle_reasons
from energy_desktop.analytics.planning.solver import Solution, solve
from energy_desktop.domain.plan import Plan, PlanMoney, PlanPoint, PlanRequest, PlanStatus


def plan(request: PlanRequest, *, made_at_ms: int, zone: str = "UTC", currency: str = "") -> Plan:
    """The cheapest use of a battery over the slots of the request.

    zone and currency (empty: not known) only word the reasons and notes. Deterministic but for
    `solve_ms`.

    Raises PlanInfeasible naming the limit that blocks and the smallest change that helps;
    WrongUse for slots or battery data that cannot be meant.
    """
    started = time.perf_counter()
    problem = problem_of(request)
    rule = baselines.discharge_at_peak_price(problem)
    self_consumption = baselines.self_consumption(problem)
    solution = solve(
        problem,
        time_limit_s=request.time_limit_s,
        known=(rule, self_consumption, baselines.idle(problem)),
    )
    solve_ms = (time.perf_counter() - started) * 1000
    return Plan(
        battery_id=request.battery.battery_id,
        made_at_ms=made_at_ms,
        status=PlanStatus.OPTIMAL if solution.optimal else PlanStatus.TIME_LIMIT,
        points=_points(request, problem, solution, zone, currency),
        money=_money(problem, solution, rule, self_consumption),
        solve_ms=solve_ms,
        gap=solution.gap,
        binaries=solution.binaries,
        cycles=_discharged_kwh(problem, solution.discharge)
        / problem.discharge_efficiency
        / problem.capacity_kwh,
        notes=_notes(request, problem, solution, currency),
    )


def _points(
    request: PlanRequest, problem: Problem, solution: Solution, zone: str, currency: str
) -> tuple[PlanPoint, ...]:
    charge, discharge = solution.charge, solution.discharge
    grid = problem.grid_kw(charge, discharge)
    stored = np.clip(problem.stored_kwh(charge, discharge), problem.floor_kwh, problem.ceiling_kwh)
    starts = [
        datetime.fromtimestamp(slot.start_ms / 1000, ZoneInfo(zone)) for slot in request.slots
    ]

    def when(now: int, then: int) -> str:
        same_day = starts[now].date() == starts[then].date()
        return starts[then].strftime("%H:%M" if same_day else "%a %H:%M")

    reasons = idle_reasons(
        problem, charge, discharge, solution.stored_value, when=when, currency=currency
    )
    return tuple(
        PlanPoint(
            start_ms=slot.start_ms,
            end_ms=slot.end_ms,
            import_w=max(0.0, float(grid[t])) * 1000,
            export_w=max(0.0, -float(grid[t])) * 1000,
            charge_w=float(charge[t]) * 1000,
            discharge_w=float(discharge[t]) * 1000,
            soc_pct=float(stored[t]) / problem.capacity_kwh * 100,
            idle_reason=reasons[t],
        )
        for t, slot in enumerate(request.slots)
    )


def _discharged_kwh(problem: Problem, discharge: Floats) -> float:
    return float(np.sum(problem.hours * discharge))


def _money(
    problem: Problem,
    solution: Solution,
    rule: baselines.Trajectory,
    self_consumption: baselines.Trajectory,
) -> PlanMoney:
    charge, discharge = solution.charge, solution.discharge
    cost = cost_of(problem, charge, discharge)
    without = cost_of(problem, *baselines.without_battery(problem))
    gone_in = float(np.sum(problem.hours * (charge - discharge)))
    kept = float(problem.stored_kwh(charge, discharge)[-1]) - problem.start_kwh
    return PlanMoney(
        cost=cost.total,
        without_battery=without.total,
        rule_peak=cost_of(problem, *rule).total,
        self_consumption=cost_of(problem, *self_consumption).total,
        energy_gain=without.energy - cost.energy,
        demand_gain=without.demand - cost.demand,
        wear=cost.wear,
        losses_wh=max(0.0, gone_in - kept) * 1000,
    )


def _sum(amount: float, currency: str) -> str:
    return f"{amount:.2f} {currency}".rstrip()


def _notes(
    request: PlanRequest, problem: Problem, solution: Solution, currency: str
) -> tuple[str, ...]:
    end_pct = problem.end_kwh / problem.capacity_kwh * 100
    notes = [
        f"The battery ends at {end_pct:.1f} % or more; energy above that counts for nothing, "
        "in the plan and in what it is compared with."
    ]
    start_pct = problem.start_kwh / problem.capacity_kwh * 100
    if abs(start_pct - request.soc_start_pct) > 1e-9:
        notes.append(f"A charge of {request.soc_start_pct:.1f} % counts as {start_pct:.1f} %.")
    grid = problem.grid_kw(solution.charge, solution.discharge)
    paid_to_export = (grid < 0) & (problem.sell < 0)
    if np.any(paid_to_export):
        exported = -float(np.sum((problem.hours * grid)[paid_to_export]))
        paid = float(np.sum((problem.hours * grid * problem.sell)[paid_to_export]))
        notes.append(
            f"{exported:.1f} kWh go out at a price below zero and cost {_sum(paid, currency)}: "
            "solar power is not curtailed by this plan."
        )
    if request.peak_load_w:
        notes.append("The demand charge is taken on a high quantile of the load, not on its mean.")
    if not solution.optimal:
        notes.append(
            f"The best plan found in {request.time_limit_s:g} s: "
            f"at most {solution.gap * 100:.1f} % from the cheapest."
        )
    longest_h = max(slot.end_ms - slot.start_ms for slot in request.slots) / MS_PER_HOUR
    if problem.demand > 0 and longest_h > 0.5:
        notes.append(
            f"Slots of {longest_h:g} h hide the peak of a shorter block: the demand charge may "
            "be higher than shown."
        )
    return tuple(notes)
