"""What a column measures: energy, or a gauge such as the temperature outside.

The two are kept apart from the first row on, because a mistaken one cannot be seen later: 12 read
as 12 Wh is a plausible night, and as 12 °C a plausible day. So a column that names degrees is
never energy, whatever unit is said for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from energy_desktop.acquisition.files.layout import UNITS, CsvLayout
from energy_desktop.acquisition.files.text import place
from energy_desktop.domain.errors import DataFileError, WrongUse
from energy_desktop.domain.quantities import QUANTITIES, Quantity

TEMPERATURE = "temperature_c"
ENERGY = ("energy_import_wh", "energy_export_wh", "energy_total_wh")
"""What the ledger keeps by interval; all else that is imported is a gauge."""

GAUGES = tuple(name for name, row in QUANTITIES.items() if not row.is_counter and name != "running")
"""What can be imported as readings, in the order of the table of quantities."""

_UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "°C": {"C": (1.0, 0.0), "F": (5 / 9, -160 / 9), "K": (1.0, -273.15)},
    "W": {"W": (1.0, 0.0), "kW": (1e3, 0.0), "MW": (1e6, 0.0)},
    "var": {"var": (1.0, 0.0), "kvar": (1e3, 0.0)},
    "VA": {"VA": (1.0, 0.0), "kVA": (1e3, 0.0)},
    "V": {"V": (1.0, 0.0), "kV": (1e3, 0.0)},
    "A": {"A": (1.0, 0.0)},
    "Hz": {"Hz": (1.0, 0.0)},
    "%": {"%": (1.0, 0.0)},
    "W/m²": {"W/m2": (1.0, 0.0)},
}
"""By the unit of a quantity: factor and offset of the units that files have."""

_CAMEL = re.compile(r"(?<=[a-zä])(?=[A-ZÄ])")
_DEGREES = re.compile(
    r"temperatur|celsius|fahrenheit|°\s*[cfk]|(?<![a-z])(temp|tout|t_out|deg_?[cf])(?![a-z])"
)
_NO_DEGREES = re.compile(r"diff|delta|spread|degree.?day|heizgrad|gradtag")
_HUMIDITY = re.compile(r"humidity|feuchte(?!temperatur)|(?<![a-z])rh(?![a-z])")
_IRRADIANCE = re.compile(r"irradi|global.?strahlung|w\s*/\s*m")
_FAHRENHEIT = re.compile(r"fahrenheit|°\s*f|[\[(]f[\])]|(?<![a-z])deg_?f$|[_ ]f$")
_KELVIN = re.compile(r"kelvin|°\s*k|[\[(]k[\])]|[_ ]k$")
_CELSIUS = re.compile(r"celsius|°\s*c|[\[(]c[\])]|(?<![a-z])deg_?c$|[_ ]c$")
_ABSENT = frozenset((99.0, 999.0, 9999.0, 99999.0, 99.9, 999.9, 9999.9, 32767.0, 32768.0))


@dataclass(frozen=True, slots=True)
class Gauge:
    """A quantity, and how the file's values become it: value * factor + offset."""

    quantity: Quantity
    factor: float = 1.0
    offset: float = 0.0

    def stands_for_nothing(self, value: float) -> bool:
        """Whether a value out of range is what loggers and weather services write for none."""
        return abs(value) in _ABSENT


def quantity_of_name(name: str) -> str | None:
    """The quantity that the name of a column (or of an option) says; None: none that is known."""
    plain = _CAMEL.sub("_", name.strip()).lower()
    exact = re.sub(r"[\s\-]+", "_", plain)
    if exact in QUANTITIES:
        return exact
    if _IRRADIANCE.search(plain):
        return "irradiance_w_m2"
    if _HUMIDITY.search(plain) and not re.search(r"abs|g\s*/", plain):
        return "humidity_pct"
    return TEMPERATURE if _DEGREES.search(plain) and not _NO_DEGREES.search(plain) else None


def is_gauge_name(name: str) -> bool:
    """Whether a column is called like something that is measured, and is no energy or power."""
    found = quantity_of_name(name)
    return found is not None and not QUANTITIES[found].is_counter and found != "power_w"


def wanted_quantity(text: str) -> str:
    """The quantity that a person asked for. Raises WrongUse with the nearest names."""
    found = quantity_of_name(text)
    if found is None or found not in (*ENERGY, *GAUGES):
        known = [*ENERGY, *GAUGES]
        near = get_close_matches(text, known, n=3) or [ENERGY[0], TEMPERATURE, "humidity_pct"]
        counts = found is not None and QUANTITIES[found].is_counter
        raise WrongUse(
            where=f"quantity {text}",
            what="it is a counter, and of counters only energy is imported."
            if counts
            else "nothing is called so.",
            remedy=f"Such as: {', '.join(near)}.",
        )
    return found


def gauge_of(path: Path, names: Sequence[str], layout: CsvLayout) -> Gauge | None:
    """What the value columns of these names bring; None: energy.

    Raises DataFileError where unit and column contradict each other, or the unit is not told.
    """
    asked = wanted_quantity(layout.quantity) if layout.quantity else None
    named = {quantity_of_name(name) if is_gauge_name(name) else None for name in names}
    if asked is None and len(named) > 1:
        raise DataFileError(
            where=place(path, 1),
            what=f"the columns {', '.join(names)} measure different things.",
            remedy="Import them one after another.",
        )
    found = asked or next(iter(named), None)
    degrees = next((name for name in names if quantity_of_name(name) == TEMPERATURE), None)
    if found is None or found in ENERGY:
        if found is not None and degrees is not None:
            raise DataFileError(
                where=place(path, 1),
                what=f"the column {degrees!r} names degrees, which are no energy.",
                remedy="Choose the column that holds the energy, or leave the quantity out.",
            )
        return None
    row = QUANTITIES[found]
    units = _UNITS.get(row.unit, {})
    if layout.unit is not None and layout.unit not in units:
        raise DataFileError(
            where=place(path, 1),
            what=f"the column {names[0]!r} "
            + ("names degrees" if degrees is not None else f"holds {row.label.lower()}")
            + f", and {layout.unit} is no unit of that.",
            remedy=f"Say {_either(units)}, or choose another column."
            if units
            else "Leave the unit out, or choose another column.",
        )
    unit = layout.unit or _unit_of(names[0], row, asked is not None)
    if unit is None:
        raise DataFileError(
            where=place(path, 1),
            what=f"the column {names[0]!r} does not say its unit.",
            remedy=f"Name it {found}, or say {_either(units)}.",
        )
    return Gauge(row, *units.get(unit, (1.0, 0.0)))


def units_of(quantity: str | None) -> tuple[str, ...]:
    """The units in which a file may have it; none named: energy, as such or as mean power."""
    if not quantity or quantity in ENERGY:
        return ("kWh", "Wh", "MWh", "kW", "W", "MW")
    return tuple(_UNITS.get(QUANTITIES[quantity].unit, ()))


def unit_of_gauge(name: str, quantity: str) -> str | None:
    """The unit that the name of a column says, or the one that the quantity itself has."""
    return _unit_of(name, QUANTITIES[quantity], asked=False)


def _unit_of(name: str, row: Quantity, asked: bool) -> str | None:
    """asked: the person named the quantity, whose own unit holds unless the column says another."""
    plain = _CAMEL.sub("_", name.strip()).lower()
    if row.unit == "°C":
        for unit, written in (("F", _FAHRENHEIT), ("K", _KELVIN), ("C", _CELSIUS)):
            if written.search(plain):
                return unit
        return "C" if asked else None
    if row.unit == "W":
        found = [UNITS[text] for text in re.findall(r"(?<![a-z])(mw|kw|w)(?![a-z])", plain)]
        if found:
            return found[-1]
    if row.unit == "%" and re.search(r"%|pct|percent|prozent", plain):
        return "%"
    exact = re.sub(r"[\s\-]+", "_", plain) == row.name
    return next(iter(_UNITS.get(row.unit, {row.unit: ()}))) if asked or exact else None


def _either(units: Sequence[str] | dict[str, tuple[float, float]]) -> str:
    every = list(units)
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} or {every[-1]}"
