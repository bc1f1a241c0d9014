"""The rivals of the plan, played honestly: same losses, limits, wear, demand charge and end.

Each rival is a rule that looks at one slot at a time. It must end where the plan must end, so it
is played twice and the cheaper run counts: once free to use the whole battery and charged back
as late as possible, once never below the required end. Both are trajectories that the LP may
choose too, hence the plan never costs more than a rival.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from energy_desktop.analytics.planning.problem import Floats, Problem, cost_of

Wish = Callable[[int], float]
"""The power a rule asks of the battery in a slot, in kW; above zero charges."""

Trajectory = tuple[Floats, Floats]
DAY_HOURS = 24.0


def idle(problem: Problem) -> Trajectory:
    """Nothing but what the required end forces: the house without a battery when it is met."""
    return _play(problem, lambda _: 0.0, problem.floor_kwh)


def without_battery(problem: Problem) -> Trajectory:
    """The house as if the battery were not there; its end is nobody's concern."""
    return np.zeros(problem.slots), np.zeros(problem.slots)


def self_consumption(problem: Problem) -> Trajectory:
    """Store every surplus, use it as soon as there is a load: what most batteries do."""
    return _better(problem, lambda t: -float(problem.net_kw[t]))


def discharge_at_peak_price(problem: Problem) -> Trajectory:
    """Each day: fill at full power in the cheapest slots, sell at full power in the dearest."""
    wish = np.zeros(problem.slots)
    usable = problem.ceiling_kwh - problem.floor_kwh
    begins = np.cumsum(problem.hours) - problem.hours
    for day in range(int(begins[-1] // DAY_HOURS) + 1):
        slots = np.flatnonzero(begins // DAY_HOURS == day)
        if problem.discharge_kw > 0:
            needed_h = usable * problem.discharge_efficiency / problem.discharge_kw
            dear = slots[np.argsort(-problem.buy[slots], kind="stable")]
            for t in _until(problem, dear, needed_h):
                wish[t] = -problem.discharge_kw
        if problem.charge_kw > 0:
            needed_h = usable / problem.charge_efficiency / problem.charge_kw
            cheap = slots[np.argsort(problem.buy[slots], kind="stable")]
            for t in _until(problem, cheap[wish[cheap] == 0], needed_h):
                wish[t] = problem.charge_kw
    return _better(problem, lambda t: float(wish[t]))


def _until(problem: Problem, slots: np.ndarray, hours: float) -> list[int]:
    """The first slots of the list that make up the hours."""
    taken, total = [], 0.0
    for t in slots:
        if total >= hours - 1e-9:
            break
        taken.append(int(t))
        total += float(problem.hours[t])
    return taken


def _better(problem: Problem, wish: Wish) -> Trajectory:
    runs = (
        _play(problem, wish, problem.floor_kwh),
        _play(problem, wish, max(problem.floor_kwh, min(problem.end_kwh, problem.start_kwh))),
    )
    return min(runs, key=lambda run: cost_of(problem, *run).total)


def _play(problem: Problem, wish: Wish, floor_kwh: float) -> Trajectory:
    """Runs a rule slot by slot inside the limits of power and energy."""
    charge, discharge = np.zeros(problem.slots), np.zeros(problem.slots)
    least = np.maximum(problem.least_stored_kwh(), floor_kwh)
    stored = problem.start_kwh
    for t in range(problem.slots):
        charge[t], discharge[t] = step(problem, t, stored, wish(t), float(least[t]))
        stored += problem.flow_kwh(t, charge[t], discharge[t])
    return charge, discharge


def step(
    problem: Problem, t: int, stored_kwh: float, power_kw: float, least_kwh: float
) -> tuple[float, float]:
    """What a wished power (above zero charges) comes to in slot t: charge and discharge in kW.

    least_kwh: what must be in store after the slot.
    """
    hours = float(problem.hours[t])
    after = stored_kwh + problem.flow_kwh(t, max(power_kw, 0.0), max(-power_kw, 0.0))
    flow = min(max(after, least_kwh), problem.ceiling_kwh) - stored_kwh
    if flow > 0:
        return min(flow / problem.charge_efficiency / hours, problem.charge_kw), 0.0
    return 0.0, min(-flow * problem.discharge_efficiency / hours, problem.discharge_kw)
