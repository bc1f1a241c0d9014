"""What the VIF codes of M-Bus mean (EN 13757-3, tables 10 to 15): words, unit, power of ten, key.

A row covers a run of codes, whose last bits are an exponent: 10^(n + offset) of the unit.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Vif:
    """key: how drivers name it. factor times the raw number is the value in `unit`.

    kind: "number", or how else the data are to be read: "date", "datetime", "identity", "flags".
    """

    key: str
    text: str
    unit: str
    factor: Fraction = Fraction(1)
    kind: str = "number"


_Rows = dict[int, Vif]


def _run(rows: _Rows, first: int, count: int, offset: int, key: str, text: str, unit: str) -> None:
    for n in range(count):
        rows[first + n] = Vif(key, text, unit, Fraction(10) ** (n + offset))


def _durations(rows: _Rows, first: int, key: str, text: str) -> None:
    for n, unit in enumerate(("s", "min", "h", "d")):
        rows[first + n] = Vif(key, text, unit)


def _primary() -> _Rows:
    rows: _Rows = {}
    _run(rows, 0x00, 8, -3, "energy", "Energy", "Wh")
    _run(rows, 0x08, 8, 0, "energy", "Energy", "J")
    _run(rows, 0x10, 8, -6, "volume", "Volume", "m3")
    _run(rows, 0x18, 8, -3, "mass", "Mass", "kg")
    _durations(rows, 0x20, "on_time", "On time")
    _durations(rows, 0x24, "operating_time", "Operating time")
    _run(rows, 0x28, 8, -3, "power", "Power", "W")
    _run(rows, 0x30, 8, 0, "power", "Power", "J/h")
    _run(rows, 0x38, 8, -6, "flow", "Volume flow", "m3/h")
    _run(rows, 0x40, 8, -7, "flow", "Volume flow", "m3/min")
    _run(rows, 0x48, 8, -9, "flow", "Volume flow", "m3/s")
    _run(rows, 0x50, 8, -3, "mass_flow", "Mass flow", "kg/h")
    _run(rows, 0x58, 4, -3, "flow_temperature", "Flow temperature", "°C")
    _run(rows, 0x5C, 4, -3, "return_temperature", "Return temperature", "°C")
    _run(rows, 0x60, 4, -3, "temperature_difference", "Temperature difference", "K")
    _run(rows, 0x64, 4, -3, "temperature", "External temperature", "°C")
    _run(rows, 0x68, 4, -3, "pressure", "Pressure", "bar")
    rows[0x6C] = Vif("date", "Time point (date)", "", kind="date")
    rows[0x6D] = Vif("time", "Time point (date and time)", "", kind="datetime")
    rows[0x6E] = Vif("heat_cost", "Units of a heat cost allocator", "")
    _durations(rows, 0x70, "averaging_duration", "Averaging duration")
    _durations(rows, 0x74, "actuality_duration", "Actuality duration")
    rows[0x78] = Vif("fabrication_number", "Fabrication number", "", kind="identity")
    rows[0x79] = Vif("identification", "Enhanced identification", "", kind="identity")
    rows[0x7A] = Vif("bus_address", "Bus address", "")
    rows[0x7E] = Vif("any", "Any VIF", "")
    rows[0x7F] = Vif("manufacturer", "Manufacturer specific", "")
    return rows


def _extension_fd() -> _Rows:
    rows: _Rows = {}
    _run(rows, 0x00, 4, -3, "credit", "Credit", "currency")
    _run(rows, 0x04, 4, -3, "debit", "Debit", "currency")
    named = {
        0x08: "Access number",
        0x09: "Medium",
        0x0A: "Manufacturer",
        0x0B: "Parameter set identification",
        0x0C: "Model or version",
        0x0D: "Hardware version",
        0x0E: "Firmware version",
        0x0F: "Software version",
        0x10: "Customer location",
        0x11: "Customer",
        0x16: "Password",
        0x17: "Error flags",
        0x18: "Error mask",
        0x1A: "Digital output",
        0x1B: "Digital input",
        0x1C: "Baud rate",
        0x3A: "Number without dimension",
        0x60: "Reset counter",
        0x61: "Cumulation counter",
        0x62: "Control signal",
    }
    for code, text in named.items():
        rows[code] = Vif(text.lower().replace(" ", "_"), text, "")
    _run(rows, 0x40, 16, -9, "voltage", "Voltage", "V")
    _run(rows, 0x50, 16, -12, "current", "Current", "A")
    for n, unit in enumerate(("h", "d", "months", "years")):
        rows[0x6C + n] = Vif("battery_time", "Operating time of the battery", unit)
    rows[0x74] = Vif("battery_left", "Battery life left", "d")
    return rows


def _extension_fb() -> _Rows:
    rows: _Rows = {}
    _run(rows, 0x00, 2, 5, "energy", "Energy", "Wh")
    _run(rows, 0x02, 2, 3, "reactive_energy", "Reactive energy", "varh")
    _run(rows, 0x04, 2, 3, "apparent_energy", "Apparent energy", "VAh")
    _run(rows, 0x08, 2, 8, "energy", "Energy", "J")
    _run(rows, 0x10, 2, 2, "volume", "Volume", "m3")
    _run(rows, 0x14, 4, 0, "reactive_power", "Reactive power", "var")
    _run(rows, 0x18, 2, 5, "mass", "Mass", "kg")
    _run(rows, 0x1A, 2, -1, "humidity", "Relative humidity", "%")
    _run(rows, 0x28, 2, 5, "power", "Power", "W")
    rows[0x2A] = Vif("phase_u_u", "Phase angle of voltages", "°", Fraction(1, 10))
    rows[0x2B] = Vif("phase_u_i", "Phase angle", "°", Fraction(1, 10))
    _run(rows, 0x2C, 4, -3, "frequency", "Frequency", "Hz")
    _run(rows, 0x30, 2, 8, "power", "Power", "J/h")
    _run(rows, 0x34, 4, 0, "apparent_power", "Apparent power", "VA")
    _run(rows, 0x74, 4, -3, "temperature_limit", "Temperature limit", "°C")
    _run(rows, 0x78, 8, -3, "power_count_max", "Largest counted power", "W")
    return rows


PRIMARY = _primary()
EXTENSION_FB = _extension_fb()
EXTENSION_FD = _extension_fd()

FUNCTIONS = ("instantaneous", "maximum", "minimum", "during an error")

MEDIA = {
    0x00: "other",
    0x01: "oil",
    0x02: "electricity",
    0x03: "gas",
    0x04: "heat",
    0x05: "steam",
    0x06: "warm water",
    0x07: "water",
    0x08: "heat cost allocator",
    0x09: "compressed air",
    0x0A: "cooling",
    0x0B: "cooling",
    0x0C: "heat",
    0x0D: "heat and cooling",
    0x0E: "bus or system",
    0x0F: "unknown",
    0x15: "hot water",
    0x16: "cold water",
    0x17: "warm and cold water",
    0x18: "pressure",
    0x19: "A/D converter",
    0x1A: "smoke detector",
    0x1B: "room sensor",
    0x1C: "gas detector",
    0x20: "breaker, electricity",
    0x21: "valve",
    0x25: "customer unit",
    0x28: "waste water",
    0x29: "garbage",
}

APPLICATION_ERRORS = {
    0: "an error that is not specified",
    1: "an unknown CI field",
    2: "a buffer that is too small",
    3: "too many records",
    4: "the end of its records",
    5: "more DIFE than it takes",
    6: "more VIFE than it takes",
    8: "being busy",
    9: "too many readouts",
}

UNAVAILABLE = {0x15: "no data", 0x16: "overflow", 0x17: "underflow", 0x18: "data error"}
"""VIFE codes by which a meter says that the value of a record is none."""

PHASES = {1: "l1", 2: "l2", 3: "l3", 4: "n", 5: "l1_l2", 6: "l2_l3", 7: "l3_l1"}
"""Codes after VIFE FC: where an electrical value was measured."""

QUANTITIES: dict[str, dict[str, str]] = {
    "electricity": {
        "energy": "energy_import_wh",
        "power": "power_w",
        "voltage": "voltage_v",
        "current": "current_a",
        "frequency": "frequency_hz",
        "reactive_energy": "reactive_energy_import_varh",
        "reactive_power": "reactive_power_var",
        "apparent_energy": "apparent_energy_total_vah",
        "apparent_power": "apparent_power_va",
    },
    "heat": {"energy": "heat_energy_wh", "power": "heat_power_w"},
    "cooling": {"energy": "cooling_energy_wh"},
    "heat and cooling": {"energy": "heat_energy_wh", "power": "heat_power_w"},
    "gas": {"volume": "gas_volume_m3"},
    "room sensor": {"temperature": "temperature_c", "humidity": "humidity_pct"},
}
_THERMAL = {
    "volume": "volume_m3",
    "flow": "flow_m3_h",
    "flow_temperature": "flow_temperature_c",
    "return_temperature": "return_temperature_c",
    "temperature_difference": "temperature_difference_k",
    "operating_time": "operating_time_s",
}
for _medium in ("heat", "cooling", "heat and cooling"):
    QUANTITIES[_medium].update(_THERMAL)
for _medium in ("water", "warm water", "hot water", "cold water", "waste water"):
    QUANTITIES[_medium] = {
        "volume": "volume_m3",
        "flow": "flow_m3_h",
        "operating_time": "operating_time_s",
    }

NEGATIVE = {
    "energy_import_wh": "energy_export_wh",
    "heat_energy_wh": "cooling_energy_wh",
    "reactive_energy_import_varh": "reactive_energy_export_varh",
}
"""What VIFE 3C (only negative contributions are counted) makes of a counter."""

FIXED_UNITS: dict[int, tuple[str, str, Fraction]] = {
    **{2 + n: ("energy", "Wh", Fraction(10) ** n) for n in range(9)},
    **{11 + n: ("energy", "J", Fraction(10) ** (n + 3)) for n in range(9)},
    **{20 + n: ("power", "W", Fraction(10) ** n) for n in range(9)},
    **{29 + n: ("power", "J/h", Fraction(10) ** (n + 3)) for n in range(9)},
    **{38 + n: ("volume", "m3", Fraction(10) ** (n - 6)) for n in range(9)},
    **{47 + n: ("flow", "m3/h", Fraction(10) ** (n - 6)) for n in range(9)},
    56: ("temperature", "°C", Fraction(1, 1000)),
    57: ("heat_cost", "", Fraction(1)),
}
"""Units of the fixed data structure (EN 1434-3): code to key, unit and factor."""
