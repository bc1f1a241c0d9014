"""Which columns a table has, by the names in its header and what the caller says of them.

What neither tells is asked for in the error, never guessed: the unit, the zone of stamps without an
offset, or which of several columns is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from energy_desktop.acquisition.files.gauges import (
    ENERGY,
    gauge_of,
    is_gauge_name,
    quantity_of_name,
    wanted_quantity,
)
from energy_desktop.acquisition.files.layout import (
    UNITS,
    W_PER,
    WH_PER,
    CsvLayout,
    Decimal,
    Unit,
)
from energy_desktop.acquisition.files.series import IMPORT
from energy_desktop.acquisition.files.steps import Meaning
from energy_desktop.acquisition.files.text import place
from energy_desktop.domain.errors import DataFileError

_UNIT_IN_NAME = re.compile(r"(?:^|[^a-z])(wh|kwh|mwh|w|kw|mw)(?![a-z])", re.IGNORECASE)
_TIME_NAMES = (
    *("time_utc", "start_utc", "timestamp_utc", "utc", "time", "timestamp", "datetime"),
    *("date_time", "start", "start_time", "zeitstempel", "zeit", "measured_on", "date", "dt"),
)
_UTC_NAME = re.compile(r"(^|[^a-z])(utc|gmt)([^a-z]|$)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*$")
_PLAINLY_COMMA = re.compile(r"\s*[+-]?\d{1,3}(\.\d{3})+,\d+\s*$")
_PLAINLY_POINT = re.compile(r"\s*[+-]?\d{1,3}(,\d{3})+\.\d+\s*$")
_REGISTER_NAME = re.compile(
    r"(?<![^\W\d_])(registers?|readings?|totals?|counters?|meter|z(?:ä|ae)hlerst(?:a|ä|ae)nde?"
    r"|stand)(?![^\W\d_])",
    re.IGNORECASE,
)
_MOST_LISTED = 20
_CAMEL = re.compile(r"(?<=[a-zä])(?=[A-ZÄ])")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns are, by position, and what they mean."""

    time: int
    clock: int | None
    values: tuple[int, ...]
    meter: int | None
    names: tuple[str, ...]
    meaning: Meaning


def column_names(header: str, delimiter: str, layout: CsvLayout) -> tuple[str, ...]:
    """Names as the header has them, or column 1, column 2, ... where it has none."""
    if not layout.header_line:
        return tuple(f"column {k + 1}" for k in range(len(header.split(delimiter))))
    names = [name.strip().strip('"').strip() for name in header.split(delimiter)]
    return tuple(name or f"column {k + 1}" for k, name in enumerate(names))


def stem(path: Path) -> str:
    """What a meter is called whose file does not name it."""
    name = path.name.removesuffix(".gz")
    for ending in (".csv", ".txt", ".xlsx", ".xml"):
        name = name.removesuffix(ending)
    return name or path.name


def find_columns(path: Path, names: Sequence[str], layout: CsvLayout) -> Columns:
    """Raises DataFileError that asks for what neither header nor layout tells."""
    time = _named(path, names, layout.time_column) if layout.time_column else _time(path, names)
    clock = _named(path, names, layout.clock_column) if layout.clock_column else None
    meter = _named(path, names, layout.meter_column) if layout.meter_column else None
    if meter is None:
        meter = next(
            (k for k, name in enumerate(names) if name.lower() in ("meter", "meter_id")), None
        )
    if layout.value_columns:
        values = tuple(_named(path, names, one) for one in layout.value_columns)
    elif layout.value_column:
        values = (_named(path, names, layout.value_column),)
    else:
        values = (_value(path, names, {time, meter, clock}, layout.quantity),)
    gauge = gauge_of(path, [names[value] for value in values], layout)
    unit: Unit = "Wh"
    if gauge is None:
        unit = _energy_unit(path, names[values[0]], layout)
    register = wanted_quantity(layout.quantity) if layout.quantity else IMPORT
    zone_name = layout.zone or ("UTC" if _UTC_NAME.search(names[time]) else None)
    try:
        zone = ZoneInfo(zone_name) if zone_name else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise DataFileError(
            where=path.name,
            what=f"{zone_name!r} is no time zone.",
            remedy="Give an IANA name such as Europe/Berlin.",
        ) from error
    named_register = any(
        _REGISTER_NAME.search(_CAMEL.sub("_", names[value])) is not None for value in values
    )
    if gauge is not None and layout.values == "register":
        raise DataFileError(
            where=place(path, 1),
            what=f"{gauge.quantity.label.lower()} is no counter.",
            remedy="Leave out that the values are readings of a counter.",
        )
    meaning = Meaning(unit, zone, named_register, gauge, register)
    return Columns(time, clock, values, meter, tuple(names), meaning)


def _energy_unit(path: Path, name: str, layout: CsvLayout) -> Unit:
    if layout.unit is None:
        unit = unit_of(name)
        if unit is None:
            raise DataFileError(
                where=place(path, 1),
                what=f"the column {name!r} does not say its unit.",
                remedy="Name it such as energy_kwh or power_w, or say the unit.",
            )
        return unit
    for known in UNITS.values():
        if layout.unit == known and known in (*WH_PER, *W_PER):
            return known
    raise DataFileError(
        where=place(path, 1),
        what=f"{layout.unit} is no unit of energy or power.",
        remedy=f"If the column {name!r} is no energy, say its quantity, such as temperature_c.",
    )


def _named(path: Path, names: Sequence[str], wanted: str) -> int:
    for k, name in enumerate(names):
        if name.lower() == wanted.strip().lower():
            return k
    raise DataFileError(
        where=place(path, 1),
        what=f"there is no column {wanted!r}.",
        remedy=f"The columns are: {_listed(names)}.",
    )


def _listed(names: Sequence[str]) -> str:
    """Names for a sentence: a file of one endless line has thousands of them, and long ones."""
    shown = [" ".join(name.split())[:40] for name in names[:_MOST_LISTED]]
    more = [f"and {len(names) - _MOST_LISTED} more"] if len(names) > _MOST_LISTED else []
    return ", ".join([*shown, *more])


def _time(path: Path, names: Sequence[str]) -> int:
    lower = [name.lower() for name in names]
    for candidate in _TIME_NAMES:
        if candidate in lower:
            return lower.index(candidate)
    likely = [k for k, name in enumerate(lower) if "time" in name or "stamp" in name]
    if len(likely) == 1:
        return likely[0]
    raise DataFileError(
        where=place(path, 1),
        what="no column is plainly the time.",
        remedy=f"Name one of these columns: {_listed(names)}.",
    )


def _value(path: Path, names: Sequence[str], taken: set[int | None], quantity: str | None) -> int:
    """The column that holds what is asked for; nothing asked: energy before anything else."""
    free = [k for k in range(len(names)) if k not in taken]
    asked = wanted_quantity(quantity) if quantity else None
    called = [k for k in free if quantity_of_name(names[k]) == asked]
    with_unit = [k for k in free if unit_of(names[k]) is not None and not is_gauge_name(names[k])]
    gauges = [k for k in free if is_gauge_name(names[k])]
    choices = [called, with_unit, free] if asked in ENERGY else (
        [with_unit, [] if with_unit else gauges, free] if asked is None else [called, free]
    )  # fmt: skip
    for choice in choices:
        if len(choice) == 1:
            return choice[0]
    raise DataFileError(
        where=place(path, 1),
        what="several columns could be the value." if free else "there is no value column.",
        remedy=f"Name one of these columns: {_listed(names)}.",
    )


def unit_of(name: str) -> Unit | None:
    """The unit in the name of a column."""
    found = _UNIT_IN_NAME.findall(name)
    return UNITS[found[-1].lower()] if found else None


def sniff_decimal(fields: Sequence[Sequence[str]], columns: Columns, delimiter: str) -> Decimal:
    """How the values of the first rows are written."""
    if delimiter == ",":
        return "."
    texts = [row[k] for row in fields for k in columns.values if len(row) > k]
    if any(_PLAINLY_POINT.match(text) for text in texts):
        return "."
    if any(_PLAINLY_COMMA.match(text) for text in texts):
        return ","
    with_comma = sum(1 for text in texts if _DECIMAL_COMMA.match(text))
    with_dot = sum(1 for text in texts if "." in text)
    return "," if with_comma > with_dot else "."
