"""What a result's columns are called and typed outside of this program.

Inside, energies are whole mWh and times are counted days and minutes, since those add up and
compare exactly. Nobody else reads them so (`mwh` reads as MWh): what leaves has the names and units
of the field, dates as dates, moments as moments, and no value where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from energy_desktop.domain.money import UNITS

NUL_SIGN = "\u2400"
"""Stands for the character NUL where a target cannot hold it."""


class Kind(Enum):
    """What a column holds; the value is its type in PostgreSQL."""

    TEXT = "text"
    BOOLEAN = "boolean"
    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    MONEY = "numeric(18,4)"
    FLOAT = "double precision"
    DAY = "date"
    MOMENT = "timestamp with time zone"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it leaves. sql: its value in DuckDB; days and moments are texts of ISO 8601."""

    name: str
    sql: str
    kind: Kind


_DAY = "strftime(DATE '1970-01-01' + {}::INTEGER, '%Y-%m-%d')"
_SECOND = "strftime(make_timestamp({} * 1000000), '%Y-%m-%dT%H:%M:%SZ')"
_MILLI = "{} / 1e3"
_AMOUNT = f"CAST({{}} / {UNITS}e0 AS DECIMAL(18, 4))"
_OUTSIDE = {
    "mwh": ("energy_wh", _MILLI, Kind.FLOAT),
    "peak_mwh": ("peak_energy_wh", _MILLI, Kind.FLOAT),
    "off_mwh": ("off_peak_energy_wh", _MILLI, Kind.FLOAT),
    "top_mw": ("max_power_w", _MILLI, Kind.FLOAT),
    "local_day": ("day", _DAY, Kind.DAY),
    "first_day": ("first_day", _DAY, Kind.DAY),
    "last_day": ("last_day", _DAY, Kind.DAY),
    "t_min": ("start_utc", _SECOND.format("60 * {}"), Kind.MOMENT),
    "start_ms": ("start_utc", _SECOND.format("{} // 1000"), Kind.MOMENT),
    "end_ms": ("end_utc", _SECOND.format("{} // 1000"), Kind.MOMENT),
    "actual": ("actual_kwh", "{}", Kind.FLOAT),
    "forecast": ("forecast_kwh", "{}", Kind.FLOAT),
    "bill_a_units": ("bill_a", _AMOUNT, Kind.MONEY),
    "bill_b_units": ("bill_b", _AMOUNT, Kind.MONEY),
}
"""Column of a result -> its name, value and kind outside; the others keep their name."""
_FILES = ("file", "other")
_KINDS = {
    "VARCHAR": Kind.TEXT, "BOOLEAN": Kind.BOOLEAN, "SMALLINT": Kind.SMALLINT,
    "INTEGER": Kind.INTEGER, "BIGINT": Kind.BIGINT, "HUGEINT": Kind.NUMERIC,
    "FLOAT": Kind.FLOAT, "DOUBLE": Kind.FLOAT,
}  # fmt: skip

KEYS: Mapping[str, tuple[str, ...]] = {
    "households": ("household",),
    "days": ("household", "day"),
    "week": ("household", "slot"),
    "regression": ("household", "day"),
    "lightgbm": ("household", "day"),
    "trends": ("day",),
    "clean": ("household", "start_utc"),
}
"""Columns that tell the rows of a table apart."""

INDEXES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "days": (("day",),),
    "regression": (("day",),),
    "lightgbm": (("day",),),
    "clean": (("start_utc",),),
    "anomalies": (("household", "start_utc"),),
    "hybrid": (("household", "start_utc"),),
    "dropped": (("file",), ("household",)),
}
"""What a table is looked for by, beside its key."""

SORTED = ("dropped",)
"""Tables whose rows have no order of their own: they leave in the order of their columns."""

_FORECASTS = (
    ("household", "VARCHAR"), ("local_day", "INTEGER"), ("actual", "DOUBLE"),
    ("forecast", "DOUBLE"), ("judged", "BOOLEAN"),
)  # fmt: skip
EMPTY: Mapping[str, tuple[tuple[str, str], ...]] = {
    "regression": _FORECASTS,
    "lightgbm": _FORECASTS,
    "hybrid": (
        ("household", "VARCHAR"), ("kind", "VARCHAR"), ("start_ms", "BIGINT"),
        ("end_ms", "BIGINT"), ("actual_kwh", "DOUBLE"), ("expected_kwh", "DOUBLE"),
        ("score", "DOUBLE"), ("reason", "VARCHAR"),
    ),
    "dropped": (
        ("file", "BIGINT"), ("household", "VARCHAR"), ("time", "VARCHAR"), ("value", "VARCHAR"),
        ("reason", "VARCHAR"), ("line", "BIGINT"), ("text", "VARCHAR"), ("other", "BIGINT"),
    ),
}  # fmt: skip
"""Columns, as they are stored, of the results that a run may rightly not have: a table without rows
takes the place of one of before, and who reads it finds its columns.
"""


def columns(
    described: Sequence[tuple[str, str]],
    files: Sequence[str],
    currency: str,
    segment_words: Mapping[int, str],
) -> tuple[Column, ...]:
    """described: name and DuckDB type of each column. files: of the run, by index. Bills are
    followed by the currency they are in, a segment by its words.
    """
    found = []
    listed = "[" + ", ".join(text(file) for file in files) + "]"
    for name, stored in described:
        quoted = f'"{name}"'
        if name in _OUTSIDE:
            outside, sql, kind = _OUTSIDE[name]
            found.append(Column(outside, _known(sql.format(quoted), kind), kind))
        elif name in _FILES:
            found.append(Column(name, f"{listed}[{quoted} + 1]", Kind.TEXT))
        else:
            kind = _KINDS[stored]
            found.append(Column(name, _known(quoted, kind), kind))
        if name == "bill_b_units":
            found.append(Column("currency", text(currency), Kind.TEXT))
        if name == "segment":
            found.append(Column("segment_words", _in_words(quoted, segment_words), Kind.TEXT))
    return tuple(found)


def _in_words(sql: str, words: Mapping[int, str]) -> str:
    """No words for a household that is in no segment."""
    cases = "".join(f" WHEN {number} THEN {text(said)}" for number, said in words.items())
    return f"CASE {sql}{cases} END" if cases else "CAST(NULL AS VARCHAR)"


def _known(sql: str, kind: Kind) -> str:
    """No value instead of NaN: it is no number in JSON, and none that adds up anywhere else."""
    return f"CASE WHEN isfinite({sql}) THEN {sql} END" if kind is Kind.FLOAT else sql


def as_it_is(column: Column) -> str:
    """The value for JSON lines."""
    return column.sql


def inert(column: Column) -> str:
    """The value for CSV: a text that a spreadsheet would run begins with an apostrophe; a plain
    number stays one.
    """
    if column.kind is not Kind.TEXT:
        return column.sql
    runs = f"regexp_matches({column.sql}, '^[=+\\-@\\t\\r]')"
    number = f"regexp_full_match({column.sql}, '[+-]?[0-9]+([.][0-9]+)?')"
    return f"CASE WHEN {runs} AND NOT {number} THEN '''' || {column.sql} ELSE {column.sql} END"


def without_nul(column: Column) -> str:
    """The value for PostgreSQL, whose texts cannot hold NUL."""
    if column.kind is not Kind.TEXT:
        return column.sql
    return f"replace({column.sql}, chr(0), '{NUL_SIGN}')"


def text(said: str) -> str:
    """A text for SQL."""
    return "'" + said.replace("'", "''") + "'"
