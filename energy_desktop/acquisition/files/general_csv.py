"""Readings in any CSV that names its time and its value column.

What the header tells is taken from it (`start_utc,energy_wh` needs no word more); what neither
the file nor the caller tells is asked for in the error, never guessed: the unit, the zone of
stamps without an offset, or which of several columns is meant. Two things are seen in the values:
a decimal comma, and a column that never falls, which is a counter's register and no consumption:
at once where its name says so too, otherwise only when it is long. Where
name and values leave it open, a note says how they were read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from energy_desktop.acquisition.files.columns import (
    NO_TIME,
    Bools,
    Floats,
    Int64s,
    naive_ms,
    numbers,
    to_utc_ms,
)
from energy_desktop.acquisition.files.series import (
    MOST_WH,
    Collector,
    ParsedSeries,
    RejectedLine,
    Rows,
    finished,
    without_repeats,
)
from energy_desktop.acquisition.files.text import (
    DEFAULT_LIMITS,
    Block,
    Limits,
    place,
    read_blocks,
    read_header,
    sniff_delimiter,
    split_fields,
)
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import DataFileError

Unit = Literal["Wh", "kWh", "MWh", "W", "kW"]
Values = Literal["auto", "per_step", "register"]

_WH_PER = {"Wh": 1.0, "kWh": 1000.0, "MWh": 1e6}
_W_PER = {"W": 1.0, "kW": 1000.0}
_UNIT_IN_NAME = re.compile(r"(?:^|[^a-z])(wh|kwh|mwh|w|kw)(?![a-z])", re.IGNORECASE)
_UNITS: dict[str, Unit] = {"wh": "Wh", "kwh": "kWh", "mwh": "MWh", "w": "W", "kw": "kW"}
_TIME_NAMES = (
    *("time_utc", "start_utc", "timestamp_utc", "utc", "time", "timestamp", "datetime"),
    *("date_time", "start", "start_time", "zeitstempel", "zeit", "measured_on", "date"),
)
_UTC_NAME = re.compile(r"(^|[^a-z])(utc|gmt)([^a-z]|$)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*$")
_PLAINLY_COMMA = re.compile(r"\s*[+-]?\d{1,3}(\.\d{3})+,\d+\s*$")
_PLAINLY_POINT = re.compile(r"\s*[+-]?\d{1,3}(,\d{3})+\.\d+\s*$")
_REGISTER_ROWS = 48  # so many values in a row that never fall are no consumption
_REGISTER_NAME = re.compile(
    r"(?<![^\W\d_])(registers?|readings?|totals?|counters?|meter|z(?:ä|ae)hlerst(?:a|ä|ae)nde?"
    r"|stand)(?![^\W\d_])",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-zä])(?=[A-ZÄ])")
_FEWEST_TO_DOUBT = 3


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """How to read the columns; None or "auto": from the header and the values.

    zone: IANA name of the clock of stamps without an offset. time_format: a strptime format,
    for stamps other than ISO 8601 and 31.12.2026 23:45. stamp: what a stamp marks. values:
    energy or mean power per step, or readings of a counter. step_s: None takes the commonest.
    """

    time_column: str | None = None
    value_column: str | None = None
    meter_column: str | None = None
    unit: Unit | None = None
    zone: str | None = None
    stamp: Literal["start", "end"] = "start"
    time_format: str | None = None
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    values: Values = "auto"
    step_s: int | None = None


AS_THE_HEADER_SAYS = CsvLayout()


@dataclass(frozen=True, slots=True)
class _Columns:
    time: int
    value: int
    meter: int | None
    count: int
    unit: Unit
    zone: ZoneInfo | None
    named_register: bool


def parse_csv(
    path: Path,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    *,
    meter_id: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[ParsedSeries, ...]:
    """One series a meter. Without a meter column it is `meter_id`, or else the file's name.

    Raises DataFileError for a file that cannot be read as a whole; single rows that cannot are
    in `rejected`.
    """
    header = read_header(path, limits)
    delimiter = layout.delimiter or sniff_delimiter(header)
    columns = _columns(path, header, delimiter, layout)
    collector = Collector(path, limits)
    named = meter_id or _stem(path)
    decimal = layout.decimal
    for block in read_blocks(path, limits):
        fields = split_fields(path, block, delimiter)
        if decimal is None:
            decimal = _sniff_decimal(fields, columns, delimiter)
        _collect(path, block, fields, columns, layout, decimal, collector, named)
    if not collector.meters():
        raise DataFileError(
            where=path.name, what="there is no row under the header.", remedy="Check the export."
        )
    return tuple(_series(path, collector, one, columns, layout) for one in collector.meters())


def _stem(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    return name.removesuffix(".csv").removesuffix(".txt") or name


def _columns(path: Path, header: str, delimiter: str, layout: CsvLayout) -> _Columns:
    names = [name.strip().strip('"') for name in header.split(delimiter)]
    time = _named(path, names, layout.time_column) if layout.time_column else _time(path, names)
    meter = _named(path, names, layout.meter_column) if layout.meter_column else None
    if meter is None:
        meter = next(
            (k for k, name in enumerate(names) if name.lower() in ("meter", "meter_id")), None
        )
    value = (
        _named(path, names, layout.value_column)
        if layout.value_column
        else _value(path, names, {time, meter})
    )
    unit = layout.unit or _unit_of(names[value])
    if unit is None:
        raise DataFileError(
            where=place(path, 1),
            what=f"the column {names[value]!r} does not say its unit.",
            remedy="Name it such as energy_kwh or power_w, or say the unit.",
        )
    zone_name = layout.zone or ("UTC" if _UTC_NAME.search(names[time]) else None)
    try:
        zone = ZoneInfo(zone_name) if zone_name else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise DataFileError(
            where=path.name,
            what=f"{zone_name!r} is no time zone.",
            remedy="Give an IANA name such as Europe/Berlin.",
        ) from error
    named_register = _REGISTER_NAME.search(_CAMEL.sub("_", names[value])) is not None
    return _Columns(time, value, meter, len(names), unit, zone, named_register)


def _named(path: Path, names: Sequence[str], wanted: str) -> int:
    for k, name in enumerate(names):
        if name.lower() == wanted.strip().lower():
            return k
    raise DataFileError(
        where=place(path, 1),
        what=f"there is no column {wanted!r}.",
        remedy=f"The columns are: {', '.join(names)}.",
    )


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
        remedy=f"Name one of these columns: {', '.join(names)}.",
    )


def _value(path: Path, names: Sequence[str], taken: set[int | None]) -> int:
    free = [k for k in range(len(names)) if k not in taken]
    with_unit = [k for k in free if _unit_of(names[k]) is not None]
    if len(with_unit) == 1:
        return with_unit[0]
    if len(free) == 1:
        return free[0]
    raise DataFileError(
        where=place(path, 1),
        what="several columns could be the value." if free else "there is no value column.",
        remedy=f"Name one of these columns: {', '.join(names)}.",
    )


def _unit_of(name: str) -> Unit | None:
    found = _UNIT_IN_NAME.findall(name)
    return _UNITS[found[-1].lower()] if found else None


def _sniff_decimal(fields: list[list[str]], columns: _Columns, delimiter: str) -> Literal[".", ","]:
    if delimiter == ",":
        return "."
    texts = [row[columns.value] for row in fields if len(row) > columns.value]
    if any(_PLAINLY_POINT.match(text) for text in texts):
        return "."
    if any(_PLAINLY_COMMA.match(text) for text in texts):
        return ","
    with_comma = sum(1 for text in texts if _DECIMAL_COMMA.match(text))
    with_dot = sum(1 for text in texts if "." in text)
    return "," if with_comma > with_dot else "."


def _collect(
    path: Path,
    block: Block,
    fields: list[list[str]],
    columns: _Columns,
    layout: CsvLayout,
    decimal: Literal[".", ","],
    collector: Collector,
    named: str,
) -> None:
    lines = block.numbers
    if any(len(row) != columns.count for row in fields):
        for number, row in zip(lines, fields, strict=True):
            if len(row) != columns.count:
                collector.rows_read[named] += 1
                said = f"{len(row)} fields, the header has {columns.count}"
                collector.reject(named, number, said)
        kept = [k for k, row in enumerate(fields) if len(row) == columns.count]
        fields, lines = [fields[k] for k in kept], [lines[k] for k in kept]
    if not fields:
        return
    meters = (
        [named] * len(fields)
        if columns.meter is None
        else [row[columns.meter].strip() or named for row in fields]
    )
    times_said = [row[columns.time] for row in fields]
    values_said = [row[columns.value] for row in fields]
    line = np.array(lines, dtype=np.int64)
    value = numbers(values_said, decimal=decimal)
    time_ms, own_offset = naive_ms(times_said, layout.time_format)
    known = time_ms != NO_TIME
    if columns.zone is None and bool(np.any(known & ~own_offset)):
        k = int(np.flatnonzero(known & ~own_offset)[0])
        raise DataFileError(
            where=place(path, lines[k]),
            what=f"{times_said[k].strip()!r} has no offset, and the file does not say its zone.",
            remedy="Say the zone, such as UTC or Europe/Berlin.",
        )
    names = np.array(meters)
    absent = np.zeros(len(fields), dtype=np.bool_)
    if columns.zone is not None:
        for one in dict.fromkeys(meters):
            mine = np.flatnonzero((names == one) & known & ~own_offset)
            time_ms[mine], absent[mine] = to_utc_ms(time_ms[mine], columns.zone)
    with np.errstate(invalid="ignore"):
        good: Bools = known & ~absent & (value >= 0) & (value <= MOST_WH)
    for k in np.flatnonzero(~good).tolist():
        reason = _reason(times_said[k], values_said[k], bool(known[k]), bool(absent[k]), value[k])
        collector.reject(meters[k], lines[k], reason)
    for one in dict.fromkeys(meters):
        mine_too = names == one
        collector.rows_read[one] += int(np.count_nonzero(mine_too))
        collector.saw(one, time_ms[mine_too & known & ~absent])
        mine_too &= good
        collector.add(one, Rows(line[mine_too], time_ms[mine_too], value[mine_too]))


def _reason(time_said: str, value_said: str, known: bool, absent: bool, value: float) -> str:
    reasons = []
    if not value_said.strip():
        reasons.append("the value is missing")
    elif np.isnan(value):
        reasons.append(f"{value_said.strip()[:40]!r} is no number")
    elif value < 0:
        reasons.append(f"{value:g} is below zero")
    elif value > MOST_WH:
        reasons.append(f"{value:g} is more than any meter counts")
    if not known:
        reasons.append(f"{time_said.strip()[:40]!r} is no time")
    elif absent:
        reasons.append(f"{time_said.strip()[:40]!r} is skipped by the clock of that zone")
    return "; ".join(reasons)


def _series(
    path: Path, collector: Collector, meter_id: str, columns: _Columns, layout: CsvLayout
) -> ParsedSeries:
    rows, duplicates, conflicts = without_repeats(collector.rows(meter_id))
    rejected = [*collector.rejected(meter_id), *conflicts]
    rows_read = collector.rows_read[meter_id]
    stamps = collector.stamps(meter_id)
    step_s = layout.step_s or _step_s(path, meter_id, stamps, len(rejected))
    rows, off_grid = _on_grid(rows, step_s, stamps)
    rejected += off_grid
    is_register, notes = _register_or_not(rows.value, columns, layout)
    if is_register:
        if columns.unit not in _WH_PER:
            raise DataFileError(
                where=place(path, 1),
                what=f"readings of a counter cannot be in {columns.unit}.",
                remedy="Say their unit in Wh or kWh.",
            )
        start_ms, energy, fallen = _differences(rows, step_s, columns.unit)
        return finished(
            meter_id,
            step_s,
            start_ms,
            energy,
            rows_read=rows_read,
            duplicates=duplicates,
            rejected=[*rejected, *fallen],
            notes=notes,
        )
    factor = _WH_PER.get(columns.unit) or _W_PER[columns.unit] * step_s / 3600
    return finished(
        meter_id,
        step_s,
        rows.time_ms - (step_s * 1000 if layout.stamp == "end" else 0),
        np.round(rows.value * factor, 6),
        rows_read=rows_read,
        duplicates=duplicates,
        rejected=rejected,
        notes=notes,
    )


def _register_or_not(
    value: Floats, columns: _Columns, layout: CsvLayout
) -> tuple[bool, tuple[str, ...]]:
    """Whether values (n,) are readings of a counter, and what a person should know of the choice.

    Consumption read as a register is noticed at once; a register read as consumption books the
    life of the meter on every step. So a name that says register decides where nothing falls.
    """
    if layout.values != "auto" or columns.unit not in _WH_PER:
        return layout.values == "register", ()
    rises = len(value) > 1 and bool(np.all(np.diff(value) >= 0))
    if rises and (columns.named_register or _rises_long(value)):
        said = "and are called so" if columns.named_register else "over many rows"
        return True, (
            f"The values never fall {said}: they were read as a counter, and their differences "
            "stored.",
        )
    if columns.named_register and len(value) > 1:
        return False, (
            "The column is called like a counter, but its values fall: they were read as the "
            "energy of each step. If they are readings of a counter, say so.",
        )
    if rises and len(value) >= _FEWEST_TO_DOUBT and bool(np.any(np.diff(value) > 0)):
        return False, (
            f"The {len(value)} values never fall: they were read as the energy of each step. "
            "If they are readings of a counter, say so.",
        )
    return False, ()


def _step_s(path: Path, meter_id: str, time_ms: Int64s, rejects: int) -> int:
    """The commonest distance of neighbouring stamps, those of unusable values too."""
    if len(time_ms) < 2:
        raise DataFileError(
            where=f"{path.name}, meter {meter_id}",
            what=f"{len(time_ms)} usable rows do not tell the step"
            + (f" ({rejects} cannot be used)." if rejects else "."),
            remedy="Say the step in seconds.",
        )
    distances, counts = np.unique(np.diff(time_ms), return_counts=True)
    step_ms, times = int(distances[counts.argmax()]), int(counts.max())
    if step_ms % 1000 or step_ms > 86_400_000 or times * 2 < len(time_ms) - 1:
        raise DataFileError(
            where=f"{path.name}, meter {meter_id}",
            what="the times have no even step of whole seconds up to a day.",
            remedy="Say the step in seconds, or export even steps.",
        )
    return step_ms // 1000


def _on_grid(rows: Rows, step_s: int, stamps: Int64s) -> tuple[Rows, list[RejectedLine]]:
    """Keeps the rows on the commonest phase of the step among all stamps (n,)."""
    if len(rows.time_ms) == 0:
        return rows, []
    phase = rows.time_ms % (step_s * 1000)
    phases, counts = np.unique(stamps % (step_s * 1000), return_counts=True)
    on = phase == phases[counts.argmax()]
    off = [
        RejectedLine(
            int(rows.line[k]), f"{iso_utc(int(rows.time_ms[k]))} is off the {step_s} s grid"
        )
        for k in np.flatnonzero(~on).tolist()
    ]
    return Rows(rows.line[on], rows.time_ms[on], rows.value[on]), off


def _rises_long(value: Floats) -> bool:
    """Values (n,) that never fall go on rising for longer than any consumption does."""
    change = np.diff(value)
    return len(value) >= _REGISTER_ROWS and int(np.count_nonzero(change)) * 5 > len(change)


def _differences(rows: Rows, step_s: int, unit: Unit) -> tuple[Int64s, Floats, list[RejectedLine]]:
    """Energy from one reading to the next; none across a gap or where the register falls."""
    change = np.round(np.diff(rows.value) * _WH_PER[unit], 6)
    neighbours = np.diff(rows.time_ms) == step_s * 1000
    fallen = [
        RejectedLine(
            int(rows.line[k + 1]),
            f"the register falls from {rows.value[k]:g} to {rows.value[k + 1]:g} {unit}",
        )
        for k in np.flatnonzero(neighbours & (change < 0)).tolist()
    ]
    good = neighbours & (change >= 0)
    return rows.time_ms[:-1][good], change[good], fallen
