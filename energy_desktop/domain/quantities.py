"""The one table of measured quantities.

Driver profiles, columns of the store, plots, alarms, reports and commands use these names and
no others, so that a unit is spelt once. Everything is stored and passed in the unit that the
name ends with (W, Wh, V, A, Hz, %); scaling to kW or MWh happens where a number is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How a quantity behaves over time."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A row of the table.

    resolution: the step at which the store keeps it (integers of this size), in its unit.
    low, high: the plausible range; a reading outside is quarantined, never stored as good.
    Gauges aggregate as mean, minimum and maximum; counters as first and last.
    """

    name: str
    label: str
    unit: str
    kind: Kind
    resolution: float
    low: float
    high: float

    @property
    def is_counter(self) -> bool:
        return self.kind is Kind.COUNTER


def _gauge(
    name: str, label: str, unit: str, resolution: float, low: float, high: float
) -> Quantity:
    return Quantity(name, label, unit, Kind.GAUGE, resolution, low, high)


def _counter(name: str, label: str, unit: str, resolution: float = 1.0) -> Quantity:
    # 1e14 Wh: a 10-digit counter in units of 10 kWh; nothing smaller may refuse an honest meter.
    return Quantity(name, label, unit, Kind.COUNTER, resolution, 0.0, 1e14)


def _per_phase(make: Quantity, phases: tuple[str, ...] = ("l1", "l2", "l3")) -> Iterator[Quantity]:
    stem, unit_suffix = make.name.rsplit("_", 1)
    for phase in phases:
        yield Quantity(
            f"{stem}_{phase}_{unit_suffix}",
            f"{make.label} {phase.upper()}",
            make.unit,
            make.kind,
            make.resolution,
            make.low,
            make.high,
        )


def _per_tariff(make: Quantity) -> Iterator[Quantity]:
    """Registers of a meter that counts by tariff; their sum is the register without tariff."""
    stem, unit_suffix = make.name.rsplit("_", 1)
    for tariff in (1, 2, 3, 4):
        yield Quantity(
            f"{stem}_t{tariff}_{unit_suffix}",
            f"{make.label} tariff {tariff}",
            make.unit,
            make.kind,
            make.resolution,
            make.low,
            make.high,
        )


def _build() -> dict[str, Quantity]:
    power = _gauge("power_w", "Active power", "W", 0.1, -1e9, 1e9)
    reactive = _gauge("reactive_power_var", "Reactive power", "var", 0.1, -1e9, 1e9)
    apparent = _gauge("apparent_power_va", "Apparent power", "VA", 0.1, -1e9, 1e9)
    voltage = _gauge("voltage_v", "Voltage", "V", 0.01, 0.0, 1e6)
    current = _gauge("current_a", "Current", "A", 0.001, -1e6, 1e6)
    thd_voltage = _gauge("thd_voltage_pct", "Voltage THD", "%", 0.01, 0.0, 500.0)
    thd_current = _gauge("thd_current_pct", "Current THD", "%", 0.01, 0.0, 1000.0)
    energy_import = _counter("energy_import_wh", "Energy import", "Wh")
    energy_export = _counter("energy_export_wh", "Energy export", "Wh")
    energy_total = _counter("energy_total_wh", "Energy total", "Wh")
    reactive_import = _counter("reactive_energy_import_varh", "Reactive energy import", "varh")
    reactive_export = _counter("reactive_energy_export_varh", "Reactive energy export", "varh")
    reactive_total = _counter("reactive_energy_total_varh", "Reactive energy total", "varh")
    apparent_energy = _counter("apparent_energy_total_vah", "Apparent energy", "VAh")
    factor = Quantity("power_factor", "Power factor", "", Kind.GAUGE, 0.0001, -1.0, 1.0)

    rows: list[Quantity] = [
        power,
        *_per_phase(power),
        reactive,
        *_per_phase(reactive),
        apparent,
        *_per_phase(apparent),
        factor,
        *(
            Quantity(
                f"power_factor_{p}", f"Power factor {p.upper()}", "", Kind.GAUGE, 0.0001, -1, 1
            )
            for p in ("l1", "l2", "l3")
        ),
        _gauge("frequency_hz", "Frequency", "Hz", 0.001, 0.0, 500.0),
        _gauge("phase_angle_deg", "Phase angle", "°", 0.01, -360.0, 360.0),
        voltage,
        *_per_phase(voltage),
        *_per_phase(voltage, ("l1_l2", "l2_l3", "l3_l1")),
        _gauge("voltage_ll_v", "Voltage phase to phase", "V", 0.01, 0.0, 1e6),
        current,
        *_per_phase(current, ("l1", "l2", "l3", "n")),
        thd_voltage,
        *_per_phase(thd_voltage),
        thd_current,
        *_per_phase(thd_current),
        energy_import,
        *_per_phase(energy_import),
        energy_export,
        *_per_phase(energy_export),
        energy_total,
        *_per_phase(energy_total),
        reactive_import,
        *_per_phase(reactive_import),
        reactive_export,
        *_per_phase(reactive_export),
        reactive_total,
        *_per_phase(reactive_total),
        apparent_energy,
        *_per_tariff(energy_import),
        *_per_tariff(energy_export),
        _gauge("demand_w", "Demand", "W", 0.1, -1e9, 1e9),
        _gauge("demand_max_w", "Maximum demand", "W", 0.1, -1e9, 1e9),
        _gauge("soc_pct", "State of charge", "%", 0.01, 0.0, 100.0),
        _gauge("temperature_c", "Temperature", "°C", 0.01, -90.0, 1000.0),
        _gauge("running", "Running", "", 1.0, 0.0, 1.0),
        _gauge("load_pct", "Load", "%", 0.01, 0.0, 1000.0),
        _gauge("power_dc_w", "DC power", "W", 0.1, -1e9, 1e9),
        _gauge("voltage_dc_v", "DC voltage", "V", 0.01, -1e5, 1e5),
        _gauge("current_dc_a", "DC current", "A", 0.001, -1e6, 1e6),
        _gauge("humidity_pct", "Humidity", "%", 0.01, 0.0, 100.0),
        _gauge("irradiance_w_m2", "Irradiance", "W/m²", 0.1, -20.0, 2000.0),
        _counter("heat_energy_wh", "Heat energy", "Wh"),
        _counter("cooling_energy_wh", "Cooling energy", "Wh"),
        _gauge("heat_power_w", "Heat power", "W", 0.1, -1e9, 1e9),
        _counter("volume_m3", "Volume", "m³", 0.0001),
        _gauge("flow_m3_h", "Flow", "m³/h", 0.0001, -1e6, 1e6),
        _gauge("flow_temperature_c", "Flow temperature", "°C", 0.01, -90.0, 1000.0),
        _gauge("return_temperature_c", "Return temperature", "°C", 0.01, -90.0, 1000.0),
        _gauge("temperature_difference_k", "Temperature difference", "K", 0.01, -500.0, 500.0),
        _counter("gas_volume_m3", "Gas volume", "m³", 0.001),
        _counter("operating_time_s", "Operating time", "s"),
    ]
    return {row.name: row for row in rows}


QUANTITIES: dict[str, Quantity] = _build()


def quantity(name: str) -> Quantity:
    """The row called `name`. Raises KeyError with the nearest names when there is none."""
    try:
        return QUANTITIES[name]
    except KeyError:
        from difflib import get_close_matches

        near = ", ".join(get_close_matches(name, QUANTITIES, n=3)) or "see domain/quantities.py"
        raise KeyError(f"no quantity is called {name!r}; near it: {near}") from None
