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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from energy_desktop.acquisition.files.bulk import BulkPlan, BulkRows, read_bulk
from energy_desktop.acquisition.files.columns import (
    NO_TIME,
    Bools,
    Floats,
    Int64s,
    naive_ms,
    numbers,
)
from energy_desktop.acquisition.files.gauges import (
    ENERGY,
    Gauge,
    gauge_of,
    is_gauge_name,
    quantity_of_name,
    wanted_quantity,
)
from energy_desktop.acquisition.files.layout import (
    AS_THE_HEADER_SAYS,
    MISSING_TEXTS,
    UNITS,
    W_PER,
    WH_PER,
    CsvLayout,
    Decimal,
    Unit,
)
from energy_desktop.acquisition.files.series import (
    IMPORT,
    MOST_WH,
    Collector,
    Parsed,
    Rows,
    Staged,
)
from energy_desktop.acquisition.files.steps import Meaning, series_of
from energy_desktop.acquisition.files.text import (
    DEFAULT_LIMITS,
    Block,
    Decoder,
    Limits,
    Watch,
    check_rows,
    place,
    read_blocks,
    read_pieces,
    sniff_delimiter,
    split_fields,
    unwatched,
)
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import DataFileError

__all__ = ["AS_THE_HEADER_SAYS", "CsvLayout", "parse_csv", "stage_csv"]

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
_CAMEL = re.compile(r"(?<=[a-zä])(?=[A-ZÄ])")
_WHOLE_NUMBER = re.compile(r"(\d+)\.0+$")
_LAST_MS = 7_258_118_400_000  # the year 2200


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns are, by position, and what they mean."""

    time: int
    clock: int | None
    values: tuple[int, ...]
    meter: int | None
    names: tuple[str, ...]
    meaning: Meaning


def parse_csv(
    path: Path,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    *,
    meter_id: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Parsed, ...]:
    """One series a meter. Without a meter column it is `meter_id`, or else the file's name.

    Raises DataFileError for a file that cannot be read as a whole; single rows that cannot are
    in `rejected`.
    """
    with stage_csv(path, layout, meter_id=meter_id, limits=limits) as staged:
        return staged.all()


def stage_csv(
    path: Path,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    *,
    meter_id: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    watch: Watch = unwatched,
) -> Staged:
    """As `parse_csv`, the series made one by one when asked for."""
    header, first = table_head(path, layout, limits)
    delimiter = layout.delimiter or sniff_delimiter(header)
    names = column_names(header, delimiter, layout)
    columns = find_columns(path, names, layout)
    named = meter_id or stem(path)
    collector = Collector(path, limits)
    try:
        decimal = layout.decimal or sniff_decimal(first, columns, delimiter)
        intake = Intake(path, columns, layout, decimal, collector, named)
        plan = BulkPlan(
            len(columns.names),
            columns.time,
            columns.clock,
            columns.values,
            columns.meter,
            delimiter,
            decimal,
            layout.time_format,
        )
        decoder, rows = Decoder(), 0
        for piece in read_pieces(path, limits, after_line=layout.header_line, watch=watch):
            bulk = read_bulk(piece, plan)
            if bulk is not None:
                rows += piece.line_count
                intake.take_bulk(piece.first_line, bulk)
            else:
                block = decoder.block(piece)
                rows += len(block.lines)
                intake.take(block.numbers, split_fields(path, block, delimiter))
            check_rows(path, limits, rows, piece.first_line + piece.line_count - 1)
        return intake.staged()
    except BaseException:
        collector.close()
        raise


def table_head(
    path: Path, layout: CsvLayout, limits: Limits = DEFAULT_LIMITS
) -> tuple[str, list[list[str]]]:
    """The line with the names, and fields of the rows after it (the first block of them)."""
    blocks: Iterator[Block] = read_blocks(path, limits, after_line=max(layout.header_line - 1, 0))
    for block in blocks:
        if layout.header_line and block.numbers[0] != layout.header_line:
            break
        delimiter = layout.delimiter or sniff_delimiter(block.lines[0])
        rows = split_fields(path, Block(block.numbers[:2000], block.lines[:2000]), delimiter)
        return block.lines[0], rows[1:] if layout.header_line else rows
    raise DataFileError(
        where=place(path, max(layout.header_line, 1)),
        what="there is no header line.",
        remedy="The first line must name the columns.",
    )


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
        remedy=f"Name one of these columns: {', '.join(names)}.",
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


class Intake:
    """Takes rows of a table, in bulk or as fields, and puts them to their meters."""

    def __init__(
        self,
        path: Path,
        columns: Columns,
        layout: CsvLayout,
        decimal: Decimal,
        collector: Collector,
        named: str,
    ) -> None:
        self._path = path
        self._columns = columns
        self._layout = layout
        self._decimal = decimal
        self._collector = collector
        self._named = named
        self._last_meter = named

    def staged(self) -> Staged:
        """Raises DataFileError when no row came."""
        if not self._collector.meters():
            raise DataFileError(
                where=self._path.name,
                what="there is no row under the header.",
                remedy="Check the export.",
            )
        return Staged(
            self._collector.meters(),
            lambda one: series_of(
                self._path, self._collector, one, self._columns.meaning, self._layout
            ),
            self._collector.close,
        )

    def take_bulk(self, first_line: int, bulk: BulkRows) -> None:
        """Rows that follow each other from `first_line` on, as `read_bulk` gave them."""
        line = np.arange(first_line, first_line + len(bulk.time_ms), dtype=np.int64)
        time_ms = np.where((bulk.time_ms >= 0) & (bulk.time_ms < _LAST_MS), bulk.time_ms, NO_TIME)
        own = np.full(len(line), bulk.own_offset)
        names = tuple(self._meter_name(name) for name in bulk.meters)
        self._put(line, time_ms, own, bulk.values, bulk.meter_code, names, None)

    def take(self, lines: Sequence[int], fields: Sequence[Sequence[str]]) -> None:
        """Rows as fields, each with its line."""
        columns, count = self._columns, len(self._columns.names)
        if any(len(row) != count for row in fields):
            for number, row in zip(lines, fields, strict=True):
                if len(row) != count:
                    self._collector.rows_read[self._named] += 1
                    said = f"{len(row)} fields, the header has {count}"
                    self._collector.reject(self._named, number, said)
            kept = [k for k, row in enumerate(fields) if len(row) == count]
            fields, lines = [fields[k] for k in kept], [lines[k] for k in kept]
        if columns.meter is not None:
            lines, fields = self._of_known_meters(lines, fields, columns.meter)
        if not fields:
            return
        times_said = [row[columns.time] for row in fields]
        if columns.clock is not None:
            times_said = [
                f"{day.strip()} {row[columns.clock].strip()}"
                for day, row in zip(times_said, fields, strict=True)
            ]
        time_ms, own = naive_ms(times_said, self._layout.time_format)
        time_ms = np.where((time_ms >= 0) & (time_ms < _LAST_MS), time_ms, NO_TIME)
        values = tuple(
            numbers([row[k] for row in fields], decimal=self._decimal) for k in columns.values
        )
        code: NDArray[np.int32] | None = None
        names: tuple[str, ...] = ()
        if columns.meter is not None:
            named = [self._meter_name(row[columns.meter]) for row in fields]
            self._last_meter = named[-1]
            names = tuple(dict.fromkeys(named))
            position = {name: k for k, name in enumerate(names)}
            code = np.array([position[name] for name in named], np.int32)
        line = np.array(lines, dtype=np.int64)
        self._put(line, time_ms, own, values, code, names, (times_said, fields))

    def _of_known_meters(
        self, lines: Sequence[int], fields: Sequence[Sequence[str]], meter: int
    ) -> tuple[Sequence[int], Sequence[Sequence[str]]]:
        """Without the rows that name no meter: on the account of the meter before them."""
        if all(row[meter].strip() for row in fields):
            return lines, fields
        kept = []
        for k, row in enumerate(fields):
            if row[meter].strip():
                kept.append(k)
                self._last_meter = self._meter_name(row[meter])
                continue
            missing = all(row[v].strip().lower() in MISSING_TEXTS for v in self._columns.values)
            said = "the value is missing" if missing else "it names no meter"
            self._collector.rows_read[self._last_meter] += 1
            self._collector.reject(self._last_meter, lines[k], said, missing=missing)
        return [lines[k] for k in kept], [fields[k] for k in kept]

    def _meter_name(self, text: str) -> str:
        """`685.0` is a number that a table program wrote; the meter is 685."""
        name = text.strip()
        whole = _WHOLE_NUMBER.match(name)
        return whole.group(1) if whole else name or self._named

    def _put(
        self,
        line: Int64s,
        time_ms: Int64s,
        own: Bools,
        values: tuple[Floats, ...],
        code: NDArray[np.int32] | None,
        names: tuple[str, ...],
        said: tuple[list[str], Sequence[Sequence[str]]] | None,
    ) -> None:
        known = time_ms != NO_TIME
        if self._columns.meaning.zone is None and bool(np.any(known & ~own)):
            k = int(np.flatnonzero(known & ~own)[0])
            text = repr(said[0][k].strip()) if said else repr(iso_utc(int(time_ms[k]))[:-1])
            raise DataFileError(
                where=place(self._path, int(line[k])),
                what=f"{text} has no offset, and the file does not say its zone.",
                remedy="Say the zone, such as UTC or Europe/Berlin.",
            )
        gauge = self._columns.meaning.gauge
        low, high = (0.0, float(MOST_WH)) if gauge is None else (
            gauge.quantity.low, gauge.quantity.high
        )  # fmt: skip
        for column, raw in zip(self._columns.values, values, strict=True):
            value = raw if gauge is None else np.round(raw * gauge.factor + gauge.offset, 6)
            with np.errstate(invalid="ignore"):
                good = known & (value >= low) & (value <= high)
            meters = names
            if len(self._columns.values) > 1:
                name = self._columns.names[column]
                meters = tuple(f"{one} {name}" for one in names) if names else (name,)
            elif not names:
                meters = (self._named,)
            for k in np.flatnonzero(~good).tolist():
                meter = meters[0 if code is None else int(code[k])]
                text = "" if said is None else said[1][k][column].strip()
                missing = text.lower() in MISSING_TEXTS and bool(np.isnan(value[k]))
                missing |= gauge is not None and gauge.stands_for_nothing(float(raw[k]))
                time_said = "" if said is None else said[0][k]
                reason = _reason(time_said, text, bool(known[k]), missing, value[k], gauge)
                self._collector.reject(meter, int(line[k]), reason, missing=missing and known[k])
            usable = np.where(good, value, np.nan)
            for meter, mine in _by_meter(code, meters, len(line)):
                self._collector.rows_read[meter] += len(line[mine])
                shown = mine if known.all() else np.arange(len(line))[mine][known[mine]]
                self._collector.add(
                    meter, Rows(line[shown], time_ms[shown], usable[shown], own[shown])
                )


def _by_meter(
    code: NDArray[np.int32] | None, meters: tuple[str, ...], count: int
) -> Iterator[tuple[str, slice | Int64s]]:
    """Which of `count` rows are each meter's, in file order."""
    if code is None:
        yield meters[0], slice(None)
        return
    order = np.argsort(code, kind="stable")
    found, first = np.unique(code[order], return_index=True)
    ends = [*first[1:].tolist(), count]
    for one, begin, end in zip(found.tolist(), first.tolist(), ends, strict=True):
        mine = order[begin:end]
        whole = int(mine[-1]) - int(mine[0]) + 1 == end - begin
        yield meters[one], slice(int(mine[0]), int(mine[-1]) + 1) if whole else mine


def _reason(
    time_said: str,
    value_said: str,
    known: bool,
    missing: bool,
    value: float,
    gauge: Gauge | None,
) -> str:
    reasons = []
    if missing:
        reasons.append("the value is missing")
    elif np.isnan(value):
        reasons.append(f"{value_said[:40]!r} is no number")
    elif gauge is not None:
        row = gauge.quantity
        if not row.low <= value <= row.high:
            reasons.append(
                f"{value:g} {row.unit} is no {row.label.lower()} between {row.low:g} and "
                f"{row.high:g} {row.unit}"
            )
    elif value < 0:
        reasons.append(f"{value:g} is below zero")
    elif value > MOST_WH:
        reasons.append(f"{value:g} is more than any meter counts")
    if not known:
        reasons.append(f"{time_said.strip()[:40]!r} is no time")
    return "; ".join(reasons)
