"""A first look at a file from outside: what it seems to be, for a person to correct.

Every guess carries its reason in words, and what neither the file nor its header tells is named
as open instead of guessed: the unit, the zone of the clock, the order of day and month.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

from energy_desktop.acquisition.files.columns import NO_TIME, naive_ms
from energy_desktop.acquisition.files.gauges import (
    is_gauge_name,
    quantity_of_name,
    unit_of_gauge,
    units_of,
)
from energy_desktop.acquisition.files.green_button import is_green_button
from energy_desktop.acquisition.files.headers import (
    Columns,
    column_names,
    find_columns,
    sniff_decimal,
    stem,
    unit_of,
)
from energy_desktop.acquisition.files.intake import Intake
from energy_desktop.acquisition.files.known import recognise
from energy_desktop.acquisition.files.layout import CsvLayout, Unit
from energy_desktop.acquisition.files.lcl import is_lcl
from energy_desktop.acquisition.files.series import IMPORT, Collector, Parsed, ParsedReadings
from energy_desktop.acquisition.files.text import (
    DELIMITERS,
    Block,
    Limits,
    read_blocks,
    read_header,
    split_fields,
)
from energy_desktop.acquisition.files.time_formats import CLOCK, is_time, sniff_time_format
from energy_desktop.acquisition.files.workbook import header_names, is_workbook, workbook_head
from energy_desktop.domain.errors import DataFileError

Kind = Literal["table", "workbook", "green button", "london"]

SAMPLE_ROWS = 200
_HEAD_LINES = 60
_METER_NAMES = re.compile(
    r"^(meter|meter_?id|building(_?id)?|z(ä|ae)hler(nummer|punkt)?|mpan|nmi|serial|lclid|device)$",
    re.IGNORECASE,
)
_END_NAME = re.compile(r"(?<![a-z])(end|ending|to|until|bis|ende)(?![a-z])", re.IGNORECASE)
_USED = re.compile(r"demand|load|usage|consum|energy|verbrauch|lastgang|leistung", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[+-]?[\d.,]+(e[+-]?\d+)?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One row as it stands; line as an editor (or the sheet) counts it."""

    line: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What a sample row was read as, in the unit of its quantity; start_ms None: it was not, and
    `problem` says why. end_ms = start_ms: a reading of a moment."""

    line: int
    meter_id: str
    start_ms: int | None
    end_ms: int | None
    value: float | None
    problem: str = ""
    quantity: str = IMPORT


@dataclass(frozen=True, slots=True)
class FileLook:
    """What a file seems to be. title: the published layout it was recognised as, or empty.

    reasons: why a setting of the layout was guessed so, by its name. unsaid: names of settings
    that the file does not tell.
    """

    path: Path
    kind: Kind
    title: str
    layout: CsvLayout
    columns: tuple[str, ...] = ()
    rows: tuple[SampleRow, ...] = ()
    sheets: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()


def look(path: Path, layout: CsvLayout | None = None) -> FileLook:
    """What a file seems to be; with a layout, its sheet, header line and delimiter are taken.

    Raises DataFileError for what is no file of readings at all.
    """
    if not path.is_file():
        raise DataFileError(
            where=str(path), what="there is no such file.", remedy="Check its name and folder."
        )
    beginning = beginning_of(path)
    if is_workbook(beginning):
        sheets, cells = workbook_head(path, None if layout is None else layout.sheet)
        rows = [SampleRow(k, tuple(row)) for k, row in enumerate(cells, 1) if any(row)]
        return _table(path, "workbook", rows, layout, ";", sheets)
    if is_green_button(beginning):
        return FileLook(path, "green button", "Green Button (ESPI)", CsvLayout())
    if layout is None and is_lcl(read_header(path)):
        return _london(path)
    block = next(read_blocks(path, after_line=0), Block([], []))
    numbers, lines = block.numbers[:2000], block.lines[:2000]
    delimiter = layout.delimiter if layout and layout.delimiter else _delimiter(lines)
    fields = split_fields(path, Block(numbers, lines), delimiter)
    rows = [SampleRow(n, tuple(row)) for n, row in zip(numbers, fields, strict=True)]
    return _table(path, "table", rows, layout, delimiter, ())


def beginning_of(path: Path) -> bytes:
    """The first bytes of what a file holds, unpacked when it is gzip."""
    import gzip
    import zlib

    try:
        with path.open("rb") as file:
            beginning = file.read(512)
        if beginning[:2] != b"\x1f\x8b":
            return beginning
        with gzip.open(path, "rb") as packed:
            return packed.read(512)
    except (OSError, zlib.error, EOFError):
        return b""  # whoever reads it on says what is wrong with it


def _london(path: Path) -> FileLook:
    block = next(read_blocks(path, after_line=0))
    rows = tuple(
        SampleRow(number, tuple(line.split(",")))
        for number, line in zip(block.numbers[: SAMPLE_ROWS + 1], block.lines, strict=False)
    )
    return FileLook(
        path,
        "london",
        "London households, half-hourly",
        CsvLayout(),
        columns=tuple(name.strip() for name in rows[0].fields),
        rows=rows[1:],
        reasons={"stamp": "not documented; taken as the start"},
    )


def _delimiter(lines: Sequence[str]) -> str:
    """The delimiter that splits most lines alike, into more than one field."""

    def regularity(delimiter: str) -> tuple[int, int, int]:
        counts = Counter(line.count(delimiter) for line in lines[:_HEAD_LINES])
        counts.pop(0, None)
        if not counts:
            return 0, 0, 0
        fields, times = max(counts.items(), key=lambda item: (item[1], item[0]))
        return times, fields, -DELIMITERS.index(delimiter)

    return max(DELIMITERS, key=regularity)


def _table(
    path: Path,
    kind: Kind,
    rows: Sequence[SampleRow],
    given: CsvLayout | None,
    delimiter: str,
    sheets: tuple[str, ...],
) -> FileLook:
    header_line = _header_line(rows) if given is None else given.header_line
    above = next((row for row in rows if row.line == header_line), None)
    data = [row for row in rows if row.line > header_line]
    if not data:
        raise DataFileError(
            where=path.name, what="there is no row under the header.", remedy="Check the export."
        )
    if above is None:
        names = tuple(f"column {k + 1}" for k in range(len(data[0].fields)))
    elif kind == "workbook":
        names = header_names(list(above.fields))
    else:
        names = column_names(delimiter.join(above.fields), delimiter, CsvLayout())
    if len(names) < 2:
        raise DataFileError(
            where=path.name,
            what="its rows have no two columns.",
            remedy="Choose a table with a column of times and one of values.",
        )
    data = [
        SampleRow(row.line, (*row.fields, *([""] * (len(names) - len(row.fields))))[: len(names)])
        if kind == "workbook"
        else row
        for row in data
    ]
    start = CsvLayout(
        delimiter=None if kind == "workbook" else delimiter,
        header_line=header_line,
        sheet=None if given is None else given.sheet,
    )
    known = recognise(names)
    reasons: dict[str, str] = {}
    unsaid: tuple[str, ...] = ()
    if known is not None:
        layout = replace(
            known.layout,
            delimiter=start.delimiter,
            header_line=header_line,
            sheet=start.sheet,
        )
        if layout.time_format is None:
            layout = replace(layout, time_format=_format_of(names, data, layout))
        unsaid = () if layout.zone else ("zone",)
        reasons = {"title": f"its header is that of {known.title}"}
        if not layout.summer_time:
            reasons["summer_time"] = "this data set ignores summer time"
    else:
        layout, reasons, unsaid = _guessed(path, names, data, start)
    return FileLook(
        path,
        kind,
        "" if known is None else known.title,
        layout,
        names,
        tuple(data[:SAMPLE_ROWS]),
        sheets,
        reasons,
        unsaid,
    )


def _header_line(rows: Sequence[SampleRow]) -> int:
    """The line above the first one with a time in it; 0: the first has one already."""
    before = None
    for row in rows[:_HEAD_LINES]:
        if any(is_time(text) for text in row.fields) and any(
            _NUMBER.match(text) for text in row.fields
        ):
            return 0 if before is None else before.line
        if len([text for text in row.fields if text.strip()]) > 1:
            before = row
    return rows[0].line if rows else 1


def _format_of(names: Sequence[str], data: Sequence[SampleRow], layout: CsvLayout) -> str | None:
    lower = [name.lower() for name in names]
    at = lower.index((layout.time_column or "").lower())
    found = sniff_time_format([row.fields[at] for row in data if len(row.fields) > at])
    return None if found is None else found.time_format


def _guessed(
    path: Path, names: tuple[str, ...], data: Sequence[SampleRow], start: CsvLayout
) -> tuple[CsvLayout, dict[str, str], tuple[str, ...]]:
    reasons: dict[str, str] = {}
    unsaid: list[str] = []
    whole = [row.fields for row in data if len(row.fields) == len(names)]

    def texts(k: int) -> list[str]:
        return [row[k] for row in whole]

    def mostly(k: int, test: object) -> bool:
        said = [text for text in texts(k)[:100] if text.strip()]
        return bool(said) and sum(bool(test(text)) for text in said) * 10 >= len(said) * 9  # type: ignore[operator]

    times = [k for k in range(len(names)) if mostly(k, is_time)]
    if not times:
        unsaid.append("time_column")
        return start, reasons, tuple(unsaid)
    time = times[0]
    ends = [k for k in times if _END_NAME.search(names[k])]
    if len(times) > 1 and ends and ends[0] == time:
        time = next(k for k in times if k != ends[0])
    layout = replace(start, time_column=names[time])
    reasons["time_column"] = f"{texts(time)[0].strip()[:30]!r} is a time"
    written = sniff_time_format(texts(time))
    clock = None
    if written is not None and written.date_only:
        clock = next((k for k in range(len(names)) if k != time and mostly(k, CLOCK.match)), None)
    if clock is not None:
        layout = replace(layout, clock_column=names[clock])
        joined = [f"{day.strip()} {o.strip()}" for day, o in zip(texts(time), texts(clock),
                                                               strict=True)]  # fmt: skip
        written = sniff_time_format(joined)
    if written is None:
        unsaid.append("time_format")
    else:
        layout = replace(layout, time_format=written.time_format)
        if written.doubtful:
            unsaid.append("time_format")
            reasons["time_format"] = "day and month could be the other way round"
    taken = {*times, clock}
    meter = next((k for k in range(len(names)) if k not in taken and _METER_NAMES.match(names[k])),
                 None)  # fmt: skip
    if meter is not None:
        layout = replace(layout, meter_column=names[meter])
        reasons["meter_column"] = "called so"
        taken.add(meter)
    numeric = [k for k in range(len(names)) if k not in taken and mostly(k, _NUMBER.match)]
    gauges = [k for k in numeric if is_gauge_name(names[k])]
    others = [k for k in numeric if k not in gauges]
    energy = [k for k in others if unit_of(names[k]) in ("Wh", "kWh", "MWh")]
    power = [k for k in others if unit_of(names[k]) in ("W", "kW", "MW")]
    used = [k for k in others if _USED.search(names[k])]
    choices = energy or power or used or gauges or numeric
    if not choices:
        unsaid.append("value_column")
        return layout, reasons, tuple(unsaid)
    value = choices[0]
    layout = replace(layout, value_column=names[value])
    if len(choices) > 1:
        unsaid.append("value_column")
        reasons["value_column"] = f"the first of {len(choices)} that could be it"
    unit: str | None = unit_of(names[value])
    measured = quantity_of_name(names[value])
    if measured is not None and value in gauges:
        unit = unit_of_gauge(names[value], measured)
        reasons["quantity"] = f"the column is called {names[value]!r}"
    if unit is None:
        unsaid.append("unit")
    else:
        layout = replace(layout, unit=cast("Unit", unit))
        reasons["unit"] = f"it stands in {names[value]!r}"
    readable = unit or next(iter(units_of(measured if value in gauges else None)), None)
    place = find_columns(path, names, replace(layout, unit=cast("Unit | None", readable)))
    layout = replace(layout, decimal=sniff_decimal(whole, place, start.delimiter or ";"))
    return _clocks(layout, texts(time), texts(clock) if clock is not None else None, place, reasons,
                   unsaid)  # fmt: skip


def _clocks(
    layout: CsvLayout,
    days: Sequence[str],
    clocks: Sequence[str] | None,
    columns: Columns,
    reasons: dict[str, str],
    unsaid: list[str],
) -> tuple[CsvLayout, dict[str, str], tuple[str, ...]]:
    said = list(days) if clocks is None else [
        f"{day.strip()} {clock.strip()}" for day, clock in zip(days, clocks, strict=True)
    ]  # fmt: skip
    times, own = naive_ms(said, layout.time_format)
    known = times != NO_TIME
    if known.any() and own[known].all():
        layout = replace(layout, zone="UTC")
        reasons["zone"] = "each stamp carries its offset"
    elif columns.meaning.zone is not None:
        layout = replace(layout, zone=str(columns.meaning.zone))
        reasons["zone"] = "the header says so"
    else:
        unsaid.append("zone")
    name = columns.names[columns.time]
    seen = times[known]
    if _END_NAME.search(name):
        layout = replace(layout, stamp="end")
        reasons["stamp"] = f"the column is called {name!r}"
    elif len(seen) > 2 and seen[0] < seen[1] and seen[0] % 86_400_000 == seen[1] - seen[0]:
        layout = replace(layout, stamp="end")
        reasons["stamp"] = f"the first stamp of the day is {said[0].strip()[-8:].strip()}"
    day = 86_400_000
    midnight = [k for k in range(1, len(seen)) if seen[k] % day == 0]
    if midnight and all(seen[k] < seen[k - 1] for k in midnight):
        layout = replace(layout, stamp="end", midnight_ends=True)
        reasons["midnight_ends"] = "00:00 stands after 23:xx of the same date"
    return layout, reasons, tuple(unsaid)


def read_sample(found: FileLook, layout: CsvLayout) -> tuple[ReadRow, ...]:
    """What the sample rows are read as under a layout. Raises DataFileError that says what is
    still to be told."""
    columns = find_columns(found.path, found.columns, layout)
    fields = [row.fields for row in found.rows]
    decimal = layout.decimal or sniff_decimal(fields, columns, layout.delimiter or ";")
    with Collector(found.path, Limits(rejects=SAMPLE_ROWS * 20)) as collector:
        intake = Intake(found.path, columns, layout, decimal, collector, stem(found.path))
        intake.take([row.line for row in found.rows], fields)
        read: list[ReadRow] = []
        for series in intake.staged().all():
            read += _rows_read(series)
            read += [
                ReadRow(line, series.meter_id, None, None, None, reason)
                for line, reason in series.rejected
            ]
    return tuple(sorted(read, key=lambda row: row.line))


def _rows_read(series: Parsed) -> list[ReadRow]:
    assert series.lines is not None, "a table has lines"
    if isinstance(series, ParsedReadings):
        times, values, lasts_ms, quantity = series.time_ms, series.values, 0, series.quantity
    else:
        times, values, quantity = series.start_ms, series.energy_wh, series.register
        lasts_ms = series.step_s * 1000
    return [
        ReadRow(line, series.meter_id, start, start + lasts_ms, value, quantity=quantity)
        for line, start, value in zip(
            series.lines.tolist(), times.tolist(), values.tolist(), strict=True
        )
    ]
