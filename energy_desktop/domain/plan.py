"""What the battery and the switchable loads are to do, and what it is worth."""

from dataclasses import dataclass
from enum import Enum

from energy_desktop.domain.device import Battery


class PlanStatus(Enum):
    OPTIMAL = "optimal"
    TIME_LIMIT = "time_limit"  # the best found in the time; `gap` says how far it may be off


@dataclass(frozen=True, slots=True)
class PlanSlot:
    """Inputs of one slot: mean powers in W, prices in currency per kWh."""

    start_ms: int
    end_ms: int
    load_w: float
    pv_w: float
    import_per_kwh: float
    export_per_kwh: float


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """soc_end_min_pct None: not below the start. peak_so_far_w: the month's peak already paid."""

    battery: Battery
    slots: tuple[PlanSlot, ...]
    soc_start_pct: float
    soc_end_min_pct: float | None = None
    peak_so_far_w: float = 0.0
    peak_load_w: tuple[float, ...] = ()  # a high quantile of the load for the demand charge
    time_limit_s: float = 10.0


@dataclass(frozen=True, slots=True)
class PlanPoint:
    """One slot of the plan. soc_pct: at the end of the slot."""

    start_ms: int
    end_ms: int
    import_w: float
    export_w: float
    charge_w: float
    discharge_w: float
    soc_pct: float
    idle_reason: str = ""


@dataclass(frozen=True, slots=True)
class PlanMoney:
    """Costs over the horizon in currency; lower is better; wear and demand charge included."""

    cost: float
    without_battery: float
    rule_peak: float  # rival: discharge when the price is highest
    self_consumption: float  # rival: store the surplus, use it as soon as possible
    energy_gain: float
    demand_gain: float
    wear: float
    losses_wh: float


@dataclass(frozen=True, slots=True)
class Plan:
    battery_id: str
    made_at_ms: int
    status: PlanStatus
    points: tuple[PlanPoint, ...]
    money: PlanMoney
    solve_ms: float
    gap: float
    binaries: int  # slots in which the LP would have cheated
    cycles: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShedAction:
    """A switchable load to turn off for a while in dear hours."""

    device_id: str
    device_name: str
    start_ms: int
    end_ms: int
    energy_wh: float
    saving: float  # currency
    reason: str


@dataclass(frozen=True, slots=True)
class ShedPlan:
    actions: tuple[ShedAction, ...]
    saving: float
    naive_saving: float  # rival: everything off in the single dearest hour
    currency: str
