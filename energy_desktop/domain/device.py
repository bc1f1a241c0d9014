"""What can be switched and what stores."""

from dataclasses import dataclass
from enum import Enum


class DeviceKind(Enum):
    LIGHTING = "lighting"
    HVAC = "hvac"
    EV_CHARGER = "ev_charger"
    COMPRESSOR = "compressor"
    APPLIANCE = "appliance"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Device:
    """A load that may be switched. shed_order: 1 goes first; None: never shed."""

    device_id: str
    name: str
    kind: DeviceKind
    meter_id: str
    rated_power_w: float
    shed_order: int | None = None
    longest_off_min: int = 60  # how long it may stay off before someone notices
    control_register: int | None = None  # holding register on the meter's link: 1 on, 0 off
    control_unit_id: int | None = None


@dataclass(frozen=True, slots=True)
class Battery:
    """One-way efficiencies at the AC side; powers in W, capacity in Wh, wear per kWh discharged."""

    battery_id: str
    name: str
    meter_id: str
    capacity_wh: float
    charge_w: float
    discharge_w: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    soc_min_pct: float = 10.0
    soc_max_pct: float = 100.0
    wear_per_kwh: float = 0.0
    demand_charge_per_kw: float = 0.0
