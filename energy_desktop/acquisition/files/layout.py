"""How the columns of a table of readings are to be read: what a person can correct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["Wh", "kWh", "MWh", "W", "kW", "MW"]
GaugeUnit = Literal["C", "F", "K", "V", "kV", "A", "Hz", "%", "W/m2", "var", "kvar", "VA", "kVA"]
Values = Literal["auto", "per_step", "register"]
Decimal = Literal[".", ","]

WH_PER: dict[str, float] = {"Wh": 1.0, "kWh": 1000.0, "MWh": 1e6}
W_PER: dict[str, float] = {"W": 1.0, "kW": 1000.0, "MW": 1e6}
UNITS: dict[str, Unit] = {
    "wh": "Wh",
    "kwh": "kWh",
    "mwh": "MWh",
    "w": "W",
    "kw": "kW",
    "mw": "MW",
}
MISSING_TEXTS = frozenset(
    ("", "?", "-", "--", "null", "nan", "na", "n/a", "#n/a", "none", "missing", "fehlt", "bad")
)
"""What loggers write where they have no value; in small letters."""


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """How to read the columns; None or "auto": from the header and the values.

    clock_column: the time of day where it stands apart from the date. value_columns: several
    columns, each a meter of its own, called as the column; then value_column is left None.
    zone: IANA name of the clock of stamps without an offset. summer_time: whether that clock
    follows it; False: standard time all year, as many loggers do. time_format: a strptime format,
    for stamps other than ISO 8601 and 31.12.2026 23:45. stamp: what a stamp marks.
    midnight_ends: the stamp 00:00 carries the date of the day that ends there. values: energy or
    mean power per step, or readings of a counter. step_s: None takes the commonest. header_line:
    the line of the column names, 0: there are none, and the columns are called column 1, 2, ...
    sheet: of a workbook; None: the first that has a table. quantity: what the values measure, by
    its name (temperature_c, energy_export_wh) or as people call it; None: what the column says.
    """

    time_column: str | None = None
    value_column: str | None = None
    meter_column: str | None = None
    unit: Unit | GaugeUnit | None = None
    zone: str | None = None
    stamp: Literal["start", "end"] = "start"
    time_format: str | None = None
    delimiter: str | None = None
    decimal: Decimal | None = None
    values: Values = "auto"
    step_s: int | None = None
    clock_column: str | None = None
    value_columns: tuple[str, ...] = ()
    summer_time: bool = True
    midnight_ends: bool = False
    header_line: int = 1
    sheet: str | None = None
    quantity: str | None = None


AS_THE_HEADER_SAYS = CsvLayout()
