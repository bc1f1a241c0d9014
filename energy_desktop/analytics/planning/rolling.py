"""The plan as it is lived: solved again every hour on what was known, carried out on what came.

Replaying the past this way says what the plan is worth; a plan priced on its own forecast says
only what it hoped for. What is known at an origin is bounded here, not left to the caller's care:
the forecast function gets the powers before the origin and nothing else, and prices are the real
ones up to where the market had published them and yesterday's beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from time import perf_counter
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
from energy_desktop.analytics.planning.solver import Solution, solve
from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.device import Battery
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.plan import PlanRequest, PlanSlot

PowerForecast = Callable[[Floats, int, int], Floats]
"""(past, steps, steps_per_day) -> (steps,): mean powers ahead from those before, in W."""

TINY_KW = 1e-6
TINY_PRICE = 1e-5  # currency per kWh
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Replay:
    """Costs in currency over the replayed time, all with the same start and least end.

    share: of the saving that perfect foresight would have made, the part that was made;
    None where perfect foresight saves nothing. The rivals' shares are measured alike.
    """

    cost: float
    without_battery: float
    perfect_foresight: float
    rule_peak: float
    self_consumption: float
    solves: int
    median_solve_ms: float
    slowest_solve_ms: float
    soc_pct: tuple[float, ...]  # at the end of each slot

    def share_of(self, cost: float) -> float | None:
        best = self.without_battery - self.perfect_foresight
        return (self.without_battery - cost) / best if best > 1e-9 else None

    @property
    def share(self) -> float | None:
        return self.share_of(self.cost)


def same_time_yesterday(past: Floats, steps: int, steps_per_day: int) -> Floats:
    """The naive forecast: the last whole day, repeated."""
    return np.resize(past[-steps_per_day:], steps)


def same_time_last_week(past: Floats, steps: int, steps_per_day: int) -> Floats:
    """The weekly naive forecast; the daily one while there is no week yet."""
    week = 7 * steps_per_day
    return np.resize(past[-week:] if len(past) >= week else past[-steps_per_day:], steps)


def mean_of_week(past: Floats, steps: int, steps_per_day: int) -> Floats:
    """The mean of the last seven days at the same time: steadier than any one day."""
    days = min(7, len(past) // steps_per_day)
    profile = past[len(past) - days * steps_per_day :].reshape(days, steps_per_day).mean(axis=0)
    return np.resize(profile, steps)


def day_ahead_market(zone: str, published: time = time(13)) -> Callable[[int], int]:
    """Up to which moment prices are known: the end of today, from `published` on of tomorrow."""
    local = ZoneInfo(zone)

    def known_until_ms(at_ms: int) -> int:
        now = datetime.fromtimestamp(at_ms / 1000, local)
        days = 2 if now.time() >= published else 1
        return local_midnight_ms(now.date() + timedelta(days=days), local)

    return known_until_ms


def replay(
    battery: Battery,
    slots: tuple[PlanSlot, ...],
    *,
    first: int,
    load_forecast: PowerForecast = mean_of_week,
    pv_forecast: PowerForecast = mean_of_week,
    peak_load_forecast: PowerForecast | None = None,
    prices_known_until_ms: Callable[[int], int],
    soc_start_pct: float = 50.0,
    horizon_h: float = 48.0,
    resolve_h: float = 1.0,
) -> Replay:
    """Lives through slots[first:], solving again every `resolve_h`.

    slots: what really came, of equal length; those before `first` (a day at least) are the past
    that forecasts may see. The battery must end where it started, in every figure compared.
    peak_load_forecast: a high quantile of the load, for the demand charge; the peak that the
    replay has reached is handed on from solve to solve.

    Raises NotEnoughData when there is no day of past, WrongUse for slots of unequal length.
    """
    step_ms = slots[0].end_ms - slots[0].start_ms if slots else 0
    if any(slot.end_ms - slot.start_ms != step_ms for slot in slots):
        raise WrongUse(
            where="Replay", what="the slots differ in length.", remedy="Give equal slots."
        )
    steps_per_day = DAY_MS // step_ms if step_ms else 0
    if not steps_per_day or not steps_per_day <= first < len(slots):
        raise NotEnoughData(
            where="Replay",
            what="a day of past and some slots after it are needed.",
            remedy="Start later, or give more.",
        )
    lived = _Life(
        battery=battery,
        slots=slots,
        steps_per_day=steps_per_day,
        load=np.array([slot.load_w for slot in slots]),
        pv=np.array([slot.pv_w for slot in slots]),
        load_forecast=load_forecast,
        pv_forecast=pv_forecast,
        peak_load_forecast=peak_load_forecast,
        known_until_ms=prices_known_until_ms,
        end_pct=soc_start_pct,
        horizon=round(horizon_h * MS_PER_HOUR / step_ms),
    )
    every = max(1, round(resolve_h * MS_PER_HOUR / step_ms))
    truth = problem_of(PlanRequest(battery, slots[first:], soc_start_pct))
    charge, discharge = np.zeros(truth.slots), np.zeros(truth.slots)
    least = truth.least_stored_kwh()
    stored, seconds = truth.start_kwh, []
    for origin in range(first, len(slots), every):
        begun = perf_counter()
        peak_kw = float(truth.grid_kw(charge, discharge)[: origin - first].max(initial=0.0))
        hoped, plan = lived.plan_at(origin, stored / truth.capacity_kwh * 100, peak_kw)
        seconds.append(perf_counter() - begun)
        for k in range(min(every, len(slots) - origin)):
            t = origin - first + k
            power = _follow(
                charge_kw=float(plan.charge[k]),
                discharge_kw=float(plan.discharge[k]),
                stored_value=float(plan.stored_value[k]),
                hoped_net_kw=float(hoped.net_kw[k]),
                net_kw=float(truth.net_kw[t]),
                buy=float(truth.buy[t]),
                sell=float(truth.sell[t]),
                problem=truth,
            )
            charge[t], discharge[t] = baselines.step(truth, t, stored, power, float(least[t]))
            stored += truth.flow_kwh(t, charge[t], discharge[t])
    best = solve(truth, time_limit_s=60.0)
    return Replay(
        cost=cost_of(truth, charge, discharge).total,
        without_battery=cost_of(truth, *baselines.without_battery(truth)).total,
        perfect_foresight=cost_of(truth, best.charge, best.discharge).total,
        rule_peak=cost_of(truth, *baselines.discharge_at_peak_price(truth)).total,
        self_consumption=cost_of(truth, *baselines.self_consumption(truth)).total,
        solves=len(seconds),
        median_solve_ms=float(np.median(seconds)) * 1000,
        slowest_solve_ms=max(seconds) * 1000,
        soc_pct=tuple((truth.stored_kwh(charge, discharge) / truth.capacity_kwh * 100).tolist()),
    )


@dataclass(frozen=True, slots=True)
class _Life:
    """What happened, and what of it could be known at a moment."""

    battery: Battery
    slots: tuple[PlanSlot, ...]
    steps_per_day: int
    load: Floats
    pv: Floats
    load_forecast: PowerForecast
    pv_forecast: PowerForecast
    peak_load_forecast: PowerForecast | None
    known_until_ms: Callable[[int], int]
    end_pct: float
    horizon: int

    def plan_at(self, origin: int, soc_pct: float, peak_kw: float) -> tuple[Problem, Solution]:
        """The plan made before slot `origin`, and the problem it was made for."""
        steps = min(self.horizon, len(self.slots) - origin)
        load = self.load_forecast(self.load[:origin], steps, self.steps_per_day)
        pv = self.pv_forecast(self.pv[:origin], steps, self.steps_per_day)
        known_until_ms = self.known_until_ms(self.slots[origin].start_ms)
        ahead: list[PlanSlot] = []
        for k in range(steps):
            real = self.slots[origin + k]
            priced = real
            while priced.start_ms >= known_until_ms:  # not published yet: the day before
                priced = self._day_before(priced)
            ahead.append(
                replace(
                    real,
                    load_w=float(load[k]),
                    pv_w=float(pv[k]),
                    import_per_kwh=priced.import_per_kwh,
                    export_per_kwh=priced.export_per_kwh,
                )
            )
        quantile: tuple[float, ...] = ()
        if self.peak_load_forecast is not None:
            high = self.peak_load_forecast(self.load[:origin], steps, self.steps_per_day)
            quantile = tuple(high.tolist())
        last = origin + steps == len(self.slots)
        hoped = problem_of(
            PlanRequest(
                battery=self.battery,
                slots=tuple(ahead),
                soc_start_pct=min(max(soc_pct, 0.0), 100.0),
                soc_end_min_pct=self.end_pct if last else self.battery.soc_min_pct,
                peak_so_far_w=peak_kw * 1000,
                peak_load_w=quantile,
            )
        )
        return hoped, solve(hoped, time_limit_s=2.0)

    def _day_before(self, slot: PlanSlot) -> PlanSlot:
        index = (slot.start_ms - self.slots[0].start_ms) // (slot.end_ms - slot.start_ms)
        return self.slots[index - self.steps_per_day]


def _follow(
    *,
    charge_kw: float,
    discharge_kw: float,
    stored_value: float,
    hoped_net_kw: float,
    net_kw: float,
    buy: float,
    sell: float,
    problem: Problem,
) -> float:
    """The battery's power in a slot whose load is not the one that was planned for, kW.

    What the plan knows of the future is what a stored kWh is worth in it (stored_value, its dual).
    So the real load is served where that pays more than keeping the kWh, and the real surplus is
    kept where that pays more than exporting it, whatever the plan hoped for this slot. Trade with
    the grid stays as planned. Where both are worth the same the plan's meaning decides: one that
    balances the house to zero follows the real load, one that only stores surplus never buys.
    """
    hoped_grid = hoped_net_kw + charge_kw - discharge_kw
    buys = charge_kw > TINY_KW and hoped_grid > TINY_KW
    sells = discharge_kw > TINY_KW and hoped_grid < -TINY_KW
    if buys:
        return max(charge_kw, min(-net_kw, problem.charge_kw))
    if sells:
        return -max(discharge_kw, min(net_kw, problem.discharge_kw))
    if net_kw > 0:
        worth = (buy - problem.wear) * problem.discharge_efficiency - stored_value
        as_planned = problem.discharge_kw if abs(hoped_grid) <= TINY_KW else discharge_kw
        most = _by_worth(worth, as_planned, problem.discharge_kw)
        return -min(net_kw, most)
    worth = stored_value * problem.charge_efficiency - sell
    as_planned = problem.charge_kw if abs(hoped_grid) <= TINY_KW else charge_kw
    return min(-net_kw, _by_worth(worth, as_planned, problem.charge_kw))


def _by_worth(worth: float, as_planned: float, most: float) -> float:
    if abs(worth) <= TINY_PRICE:
        return as_planned
    return most if worth > 0 else 0.0
