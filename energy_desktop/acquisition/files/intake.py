"""Takes the rows of a table, checks each value and puts it to its meter.

Rows come in bulk, as columns of numbers, or as fields where something was irregular; both end in
the same place, and every row that cannot be used gets its reason there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from energy_desktop.acquisition.files.bulk import BulkRows
from energy_desktop.acquisition.files.columns import (
    NO_TIME,
    Bools,
    Floats,
    Int64s,
    naive_ms,
    numbers,
)
from energy_desktop.acquisition.files.gauges import Gauge
from energy_desktop.acquisition.files.headers import Columns
from energy_desktop.acquisition.files.layout import MISSING_TEXTS, CsvLayout, Decimal
from energy_desktop.acquisition.files.series import MOST_WH, Collector, Rows, Staged
from energy_desktop.acquisition.files.steps import series_of
from energy_desktop.acquisition.files.text import place
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import DataFileError

_WHOLE_NUMBER = re.compile(r"(\d+)\.0+$")
_LAST_MS = 7_258_118_400_000  # the year 2200


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
            with np.errstate(invalid="ignore", over="ignore"):  # 1e308: infinite is too much, too
                value = raw if gauge is None else np.round(raw * gauge.factor + gauge.offset, 6)
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
