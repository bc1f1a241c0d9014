"""Why the battery rests in a slot, in words and figures that hold.

Each sentence is printed only after its own figures were compared; where none of the plain ones
holds, the duals of the programme speak, and at last the one sentence that optimality itself
guarantees. tests/unit/planning/test_reasons.py reads the figures back and checks them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from energy_desktop.analytics.planning.problem import Floats, Problem

TINY_KW = 1e-6
TINY_KWH = 1e-4
TINY_PRICE = 1e-6


@dataclass(frozen=True, slots=True)
class _Prices:
    """Per slot: what one more kWh in costs and one more kWh out brings while the battery rests."""

    take: Floats
    give: Floats


def idle_reasons(
    problem: Problem,
    charge: Floats,
    discharge: Floats,
    stored_value: Floats,
    *,
    when: Callable[[int, int], str],
    currency: str,
) -> tuple[str, ...]:
    """One text per slot, empty where the battery works.

    stored_value (n,): currency per stored kWh, from the duals. when(now, then): how to name slot
    `then` to a reader of slot `now`.
    """
    stored = problem.stored_kwh(charge, discharge)
    prices = _Prices(
        take=np.where(problem.net_kw < -TINY_KW, problem.sell, problem.buy),
        give=np.where(problem.net_kw > TINY_KW, problem.buy, problem.sell),
    )
    active = (charge > TINY_KW) | (discharge > TINY_KW)
    following = _next_active(active)
    writer = _Writer(
        problem, charge, discharge, stored, prices, stored_value, when=when, currency=currency
    )
    return tuple("" if active[t] else writer.reason(t, following[t]) for t in range(problem.slots))


def _next_active(active: np.ndarray) -> list[int | None]:
    following: list[int | None] = [None] * len(active)
    upcoming: int | None = None
    for t in range(len(active) - 1, -1, -1):
        following[t] = upcoming
        if active[t]:
            upcoming = t
    return following


class _Writer:
    def __init__(
        self,
        problem: Problem,
        charge: Floats,
        discharge: Floats,
        stored: Floats,
        prices: _Prices,
        stored_value: Floats,
        *,
        when: Callable[[int, int], str],
        currency: str,
    ) -> None:
        self._p = problem
        self._charge = charge
        self._discharge = discharge
        self._stored = stored
        self._prices = prices
        self._value = stored_value
        self._when = when
        self._currency = currency
        self._grid = problem.grid_kw(charge, discharge)
        self._peak_kw = max(problem.peak_so_far_kw, float(self._grid.max()), 0.0)

    def reason(self, t: int, following: int | None) -> str:
        p = self._p
        if p.charge_kw == 0 and p.discharge_kw == 0:
            return "It may neither charge nor discharge."
        text = None
        if following is None:
            text = self._nothing_ahead(t)
        elif self._discharge[following] > TINY_KW:
            text = self._kept_for(t, following)
        else:
            text = self._waits_for(t, following)
        return text or self._by_value(t) or f"{self._state(t)}: no move now lowers the cost."

    def _state(self, t: int) -> str:
        stored, p = self._stored[t], self._p
        share = f"{stored / p.capacity_kwh * 100:.0f} %"
        if stored >= p.ceiling_kwh - TINY_KWH:
            return f"Full ({share})"
        if stored <= p.floor_kwh + TINY_KWH:
            return f"Empty ({share})"
        return f"Holds {share}"

    def _money(self, per_kwh: float) -> str:
        unit = f"{self._currency}/MWh" if self._currency else "per MWh"
        return f"{per_kwh * 1000:.1f} {unit}"

    def _then_and_now(self, verb: str, then: float, now: float) -> str:
        """Two prices that print alike are said once."""
        if self._money(then) == self._money(now):
            return f"a kWh {verb} {self._money(then)} then as now."
        return f"a kWh {verb} {self._money(then)} then, {self._money(now)} now."

    def _effect(self, s: int) -> float:
        """What each kWh that moves in slot s costs (charging) or brings, on average, in energy."""
        p = self._p
        moved = self._charge[s] - self._discharge[s]
        before, after = float(p.net_kw[s]), float(p.net_kw[s] + moved)
        change = self._energy_cost(s, after) - self._energy_cost(s, before)
        return change / float(p.hours[s] * moved)

    def _energy_cost(self, s: int, grid_kw: float) -> float:
        p = self._p
        return float(p.hours[s] * grid_kw * (p.buy[s] if grid_kw > 0 else p.sell[s]))

    def _kept_for(self, t: int, s: int) -> str | None:
        p = self._p
        brings, now = self._effect(s), float(self._prices.give[t])
        if brings >= now - TINY_PRICE:
            return f"{self._state(t)}, kept for {self._when(t, s)}: " + self._then_and_now(
                "brings", brings, now
            )
        if p.demand > 0 and self._grid[s] >= self._peak_kw - 1e-3:
            return (
                f"{self._state(t)}, kept for {self._when(t, s)}: "
                f"there it holds the peak at {self._peak_kw:.1f} kW."
            )
        return None

    def _waits_for(self, t: int, s: int) -> str | None:
        costs, now = self._effect(s), float(self._prices.take[t])
        if costs <= now + TINY_PRICE and self._stored[t] < self._p.ceiling_kwh - TINY_KWH:
            return f"{self._state(t)}, waits for {self._when(t, s)}: " + self._then_and_now(
                "costs", costs, now
            )
        return None

    def _nothing_ahead(self, t: int) -> str | None:
        p = self._p
        take, give = float(self._prices.take[t]), float(self._prices.give[t])
        if self._stored[t] > max(p.end_kwh, p.floor_kwh) + TINY_KWH:
            if give <= p.wear + TINY_PRICE:
                return (
                    f"{self._state(t)}: a kWh brings {self._money(give)} now, "
                    f"not more than its wear of {self._money(p.wear)}."
                )
            return None
        if self._stored[t] >= p.ceiling_kwh - TINY_KWH:
            return f"{self._state(t)}, as the plan must end."
        if t == p.slots - 1:
            return f"{self._state(t)}, the least to end with: what goes in now earns nothing."
        spread = float(self._prices.give[t + 1 :].max()) - take
        burden = take * (1 / p.round_trip - 1) + p.wear
        if spread <= burden + TINY_PRICE:
            return (
                f"{self._state(t)}: the best spread ahead of {self._money(spread)} "
                f"does not pay losses and wear of {self._money(burden)}."
            )
        return None

    def _by_value(self, t: int) -> str | None:
        """The optimality conditions of the slot, checked before they are printed."""
        p, value = self._p, float(self._value[t])
        costs = float(self._prices.take[t]) / p.charge_efficiency
        brings = (float(self._prices.give[t]) - p.wear) * p.discharge_efficiency
        if costs >= value - 1e-5 and brings <= value + 1e-5:
            return (
                f"{self._state(t)}: a stored kWh is worth {self._money(value)} later; "
                f"to store one now costs {self._money(costs)}, "
                f"to use one now brings {self._money(brings)}."
            )
        return None
