"""The battery's question as numbers, and the one price list that plan and rivals are held to.

A trajectory is fully told by what the battery charges and discharges in each slot: import and
export follow from the balance of the slot, and the state of charge from the losses. So the plan
and every rival are priced by the same `cost_of`, and none can import and export at once.

Decided here, and said to the user in the plan's notes where it matters:

- The grid meter nets within a slot: import - export = load - pv + charge - discharge.
- Solar power is never curtailed. What is neither used nor stored is exported, even at a price
  below zero.
- Energy left above the required end is worth nothing to the plan and nothing to a rival.
- The demand charge is paid on max(peak so far, highest mean import of a slot). Where a high
  quantile of the load is given, the peak is taken from it, for plan and rivals alike.

Inside this package powers are kW and energies kWh: an LP in W and Wh is badly scaled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import PlanInfeasible, WrongUse
from energy_desktop.domain.plan import PlanRequest

Floats = NDArray[np.float64]

MS_PER_HOUR = 3_600_000.0
SOC_TOLERANCE_PCT = 1.0  # a battery's own reading of its charge is no better than this
ROUND_KWH = 1e-9


@dataclass(frozen=True, slots=True)
class Problem:
    """Arrays have shape (n,), one entry a slot. kW, kWh, hours, currency per kWh."""

    hours: Floats
    net_kw: Floats  # load - pv
    peak_net_kw: Floats | None  # the same with a high quantile of the load
    buy: Floats
    sell: Floats
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    capacity_kwh: float
    floor_kwh: float
    ceiling_kwh: float
    start_kwh: float
    end_kwh: float
    wear: float
    demand: float  # currency per kW of the peak
    peak_so_far_kw: float

    @property
    def slots(self) -> int:
        return len(self.hours)

    @property
    def round_trip(self) -> float:
        return self.charge_efficiency * self.discharge_efficiency

    def stored_kwh(self, charge: Floats, discharge: Floats) -> Floats:
        """Energy in the battery at the end of each slot, shape (n,)."""
        flow = self.hours * (
            charge * self.charge_efficiency - discharge / self.discharge_efficiency
        )
        stored: Floats = self.start_kwh + np.cumsum(flow)
        return stored

    def flow_kwh(self, t: int, charge_kw: float, discharge_kw: float) -> float:
        """What the store gains in one slot."""
        gained = charge_kw * self.charge_efficiency - discharge_kw / self.discharge_efficiency
        return float(self.hours[t]) * gained

    def grid_kw(self, charge: Floats, discharge: Floats) -> Floats:
        """Mean power at the grid connection, shape (n,); above zero imports."""
        return self.net_kw + charge - discharge

    def least_stored_kwh(self) -> Floats:
        """The least that must be stored after each slot so that the end can still be reached."""
        ahead = np.append(np.cumsum(self.hours[::-1])[::-1][1:], 0.0)
        reachable = self.end_kwh - ahead * self.charge_kw * self.charge_efficiency
        return np.maximum(self.floor_kwh, reachable)


@dataclass(frozen=True, slots=True)
class Costs:
    """Parts of a trajectory's cost, in currency."""

    energy: float
    wear: float
    demand: float

    @property
    def total(self) -> float:
        return self.energy + self.wear + self.demand


def cost_of(problem: Problem, charge: Floats, discharge: Floats) -> Costs:
    """Prices a trajectory; charge and discharge in kW, shape (n,)."""
    grid = problem.grid_kw(charge, discharge)
    price = np.where(grid > 0, problem.buy, problem.sell)
    peak = max(problem.peak_so_far_kw, float(np.max(grid)), 0.0)
    if problem.peak_net_kw is not None:
        peak = max(peak, float(np.max(problem.peak_net_kw + charge - discharge)))
    return Costs(
        energy=float(np.sum(problem.hours * price * grid)),
        wear=float(np.sum(problem.hours * discharge)) * problem.wear,
        demand=peak * problem.demand,
    )


def problem_of(request: PlanRequest) -> Problem:
    """Checks a request and turns it into arrays.

    Raises WrongUse for values that are none (not finite, negative limits, gaps between slots),
    PlanInfeasible when no plan can obey the limits.
    """
    battery = request.battery
    where = f"Battery {battery.name or battery.battery_id}"
    _check_slots(request)
    for name, value in (
        ("capacity", battery.capacity_wh),
        ("charging power", battery.charge_w),
        ("discharging power", battery.discharge_w),
        ("wear", battery.wear_per_kwh),
        ("demand charge", battery.demand_charge_per_kw),
        ("peak so far", request.peak_so_far_w),
    ):
        if not math.isfinite(value) or value < 0:
            raise WrongUse(
                where=where, what=f"its {name} is {value:g}.", remedy="Give a number from 0 up."
            )
    if battery.capacity_wh == 0:
        raise WrongUse(where=where, what="its capacity is 0.", remedy="Give its usable energy.")
    for name, value in (
        ("charge efficiency", battery.charge_efficiency),
        ("discharge efficiency", battery.discharge_efficiency),
    ):
        if not 0 < value <= 1:
            raise WrongUse(
                where=where,
                what=f"its {name} is {value:g}.",
                remedy="Give a share above 0 and at most 1, such as 0.95.",
            )
    if not 0 <= battery.soc_min_pct <= battery.soc_max_pct <= 100:
        raise WrongUse(
            where=where,
            what=f"its charge may go from {battery.soc_min_pct:g} to {battery.soc_max_pct:g} %.",
            remedy="Give limits with 0 <= lowest <= highest <= 100.",
        )
    start_pct = _start_pct(request, where)
    end_pct = start_pct if request.soc_end_min_pct is None else request.soc_end_min_pct
    _check_end(request, start_pct, end_pct, where)

    slots = request.slots
    net = np.array([(slot.load_w - slot.pv_w) / 1000 for slot in slots])
    peak_net = None
    if request.peak_load_w:
        peak_net = np.array(request.peak_load_w) / 1000 - np.array([s.pv_w for s in slots]) / 1000
    kwh_per_pct = battery.capacity_wh / 100_000
    return Problem(
        hours=np.array([(slot.end_ms - slot.start_ms) / MS_PER_HOUR for slot in slots]),
        net_kw=net,
        peak_net_kw=peak_net,
        buy=np.array([slot.import_per_kwh for slot in slots]),
        sell=np.array([slot.export_per_kwh for slot in slots]),
        charge_kw=battery.charge_w / 1000,
        discharge_kw=battery.discharge_w / 1000,
        charge_efficiency=battery.charge_efficiency,
        discharge_efficiency=battery.discharge_efficiency,
        capacity_kwh=battery.capacity_wh / 1000,
        floor_kwh=battery.soc_min_pct * kwh_per_pct,
        ceiling_kwh=battery.soc_max_pct * kwh_per_pct,
        start_kwh=start_pct * kwh_per_pct,
        end_kwh=max(end_pct, battery.soc_min_pct) * kwh_per_pct,
        wear=battery.wear_per_kwh,
        demand=battery.demand_charge_per_kw,
        peak_so_far_kw=request.peak_so_far_w / 1000,
    )


def _check_slots(request: PlanRequest) -> None:
    slots = request.slots
    if not slots:
        raise WrongUse(
            where="Plan", what="there is no slot to plan.", remedy="Give prices for the time ahead."
        )
    if request.peak_load_w and len(request.peak_load_w) != len(slots):
        raise WrongUse(
            where="Plan",
            what=f"{len(request.peak_load_w)} peak loads for {len(slots)} slots.",
            remedy="Give one for every slot, or none.",
        )
    if not all(map(math.isfinite, request.peak_load_w)):
        raise WrongUse(
            where="Plan", what="a peak load is no number.", remedy="Give W for every slot."
        )
    previous_end = slots[0].start_ms
    for slot in slots:
        if slot.start_ms != previous_end or slot.end_ms <= slot.start_ms:
            raise WrongUse(
                where=f"Plan, slot {iso_utc(slot.start_ms)}",
                what=f"it does not follow the slot before, which ends {iso_utc(previous_end)}.",
                remedy="Give slots that follow each other without gap or overlap.",
            )
        previous_end = slot.end_ms
        values = (slot.load_w, slot.pv_w, slot.import_per_kwh, slot.export_per_kwh)
        if not all(map(math.isfinite, values)):
            raise WrongUse(
                where=f"Plan, slot {iso_utc(slot.start_ms)}",
                what="a load, a solar power or a price is not known.",
                remedy="Fill it, or plan up to the slot before.",
            )


def _start_pct(request: PlanRequest, where: str) -> float:
    """The charge at the start; a reading just outside the limits counts as on them."""
    battery, start = request.battery, request.soc_start_pct
    if not math.isfinite(start):
        raise WrongUse(where=where, what="its charge now is not known.", remedy="Read it first.")
    if start < battery.soc_min_pct - SOC_TOLERANCE_PCT:
        raise PlanInfeasible(
            where=where,
            what=f"it starts at {start:g} %, below its lowest limit of {battery.soc_min_pct:g} %.",
            remedy=f"Lower the limit to {start:g} %, or charge it first.",
        )
    if start > battery.soc_max_pct + SOC_TOLERANCE_PCT:
        raise PlanInfeasible(
            where=where,
            what=f"it starts at {start:g} %, above its highest limit of {battery.soc_max_pct:g} %.",
            remedy=f"Raise the limit to {start:g} %, or discharge it first.",
        )
    return min(max(start, battery.soc_min_pct), battery.soc_max_pct)


def _check_end(request: PlanRequest, start_pct: float, end_pct: float, where: str) -> None:
    """The end is the only limit that can block: nothing bounds the grid connection."""
    battery = request.battery
    if not math.isfinite(end_pct) or not 0 <= end_pct <= 100:
        raise WrongUse(
            where=where,
            what=f"it is to end at {end_pct:g} %.",
            remedy="Give a share of its capacity from 0 to 100 %.",
        )
    if end_pct > battery.soc_max_pct + ROUND_KWH:
        raise PlanInfeasible(
            where=where,
            what=f"it is to end at {end_pct:g} % or more, but its highest limit is "
            f"{battery.soc_max_pct:g} %.",
            remedy=f"Ask for an end of at most {battery.soc_max_pct:g} %.",
        )
    hours = (request.slots[-1].end_ms - request.slots[0].start_ms) / MS_PER_HOUR
    gain_pct = hours * battery.charge_w * battery.charge_efficiency / battery.capacity_wh * 100
    reachable = start_pct + gain_pct
    if end_pct > reachable + ROUND_KWH:
        needed_w = (end_pct - start_pct) / gain_pct * battery.charge_w if gain_pct else math.inf
        reachable_said = math.floor(reachable * 10 + ROUND_KWH) / 10
        power = (
            f", or allow {math.ceil(needed_w):,} W of charging"
            if math.isfinite(needed_w)
            else ", or allow it to charge"
        )
        raise PlanInfeasible(
            where=where,
            what=f"it is to end at {end_pct:g} % or more, but {battery.charge_w:g} W for "
            f"{hours:g} h lift it from {start_pct:g} to {reachable_said:.1f} % only.",
            remedy=f"Ask for an end of at most {reachable_said:.1f} %{power}.",
        )
