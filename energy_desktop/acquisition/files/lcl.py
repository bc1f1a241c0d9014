"""The half-hourly layouts of the Low Carbon London trial.

Four editions are about: `LCLid,tstp,energy(kWh/hh)`; the datastore's
`LCLid,DateTime,KWH/hh (per half hour) `; the original six columns with Acorn; the same without.
Their traits are read as they are: exact repeats around midnight, the text `Null`, stamps off the
half-hour grid, blanks around values, CRLF, gzip, several households in a file.

The stamps are UTC: both days of a clock change have 48 rows. Whether a stamp marks the start or
the end of its half hour is not documented; it is taken as the start unless the caller says
otherwise. (Whole days are missing from 00:30 to 00:00 and files begin at 00:30, which speaks
for the end; but a convention is changed by the one who knows, not by a guess.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from energy_desktop.acquisition.files.bulk import BulkPlan, BulkRows, read_bulk
from energy_desktop.acquisition.files.columns import NO_TIME, naive_ms, numbers
from energy_desktop.acquisition.files.series import (
    MOST_WH,
    Collector,
    Parsed,
    ParsedSeries,
    Rows,
    Staged,
    finished,
    without_repeats,
)
from energy_desktop.acquisition.files.text import (
    DEFAULT_LIMITS,
    Block,
    Decoder,
    Limits,
    Piece,
    Watch,
    check_rows,
    place,
    read_header,
    read_pieces,
    unwatched,
)
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import DataFileError

STEP_S = 1800
_STEP_MS = STEP_S * 1000
_TIME_NAMES = ("tstp", "datetime")
_VALUE_NAMES = ("energy(kwh/hh)", "kwh/hh (per half hour)")
_Columns = tuple[int, int, int, int]  # household, time, value, number of columns


def is_lcl(header: str) -> bool:
    """Whether a header line is one of the London layouts."""
    return _columns(header) is not None


def parse_lcl(
    path: Path,
    *,
    stamp: Literal["start", "end"] = "start",
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Parsed, ...]:
    """One series a household, in the order of the file. Raises DataFileError."""
    with stage_lcl(path, stamp=stamp, limits=limits) as staged:
        return staged.all()


def stage_lcl(
    path: Path,
    *,
    stamp: Literal["start", "end"] = "start",
    limits: Limits = DEFAULT_LIMITS,
    watch: Watch = unwatched,
) -> Staged:
    """As `parse_lcl`, the series made one by one when asked for."""
    columns = _columns(read_header(path, limits))
    if columns is None:
        raise DataFileError(
            where=place(path, 1),
            what="this is none of the London half-hourly layouts.",
            remedy="The columns must be LCLid, tstp or DateTime, and the energy in kWh/hh.",
        )
    collector = Collector(path, limits)
    try:
        household, time, value, count = columns
        plan = BulkPlan(count, time, None, (value,), household, ",", ".", None)
        decoder, rows = Decoder(), 0
        for piece in read_pieces(path, limits, watch=watch):
            rows += piece.line_count
            check_rows(path, limits, rows, piece.first_line + piece.line_count - 1)
            bulk = read_bulk(piece, plan)
            if bulk is None or not _collect_bulk(piece, bulk, collector):
                block = decoder.block(piece)
                if block.lines:
                    _collect(block, columns, collector)
    except BaseException:
        collector.close()
        raise
    shift_ms = _STEP_MS if stamp == "end" else 0
    return Staged(
        collector.meters(),
        lambda household: _series(collector, household, shift_ms),
        collector.close,
    )


def _columns(header: str) -> _Columns | None:
    names = [name.strip().lower() for name in header.split(",")]
    time = next((k for k, name in enumerate(names) if name in _TIME_NAMES), None)
    value = next((k for k, name in enumerate(names) if name in _VALUE_NAMES), None)
    if names[0] != "lclid" or time is None or value is None:
        return None
    return 0, time, value, len(names)


def _collect_bulk(piece: Piece, bulk: BulkRows, collector: Collector) -> bool:
    """Takes a piece in which every row can be used; False: one cannot, and nothing was taken."""
    kwh, code = bulk.values[0], bulk.meter_code
    with np.errstate(invalid="ignore"):
        good = (bulk.time_ms % _STEP_MS == 0) & (kwh >= 0) & (kwh <= MOST_WH / 1000)
    if bulk.own_offset or code is None or not good.all():
        return False
    line = np.arange(piece.first_line, piece.first_line + piece.line_count, dtype=np.int64)
    wh = np.round(kwh * 1000, 6)
    for k, household in enumerate(bulk.meters):
        mine = slice(None) if len(bulk.meters) == 1 else np.flatnonzero(code == k)
        rows = Rows(line[mine], bulk.time_ms[mine], wh[mine])
        collector.rows_read[household.strip()] += len(rows.line)
        collector.add(household.strip(), rows)
    return True


def _collect(block: Block, columns: _Columns, collector: Collector) -> None:
    household_column, time_column, value_column, count = columns
    fields = [line.split(",") for line in block.lines]
    lines = block.numbers
    if any(len(row) != count or not row[0].strip() for row in fields):
        fields, lines = _whole_rows(fields, lines, count, collector)
    if not fields:
        return
    households = [row[household_column].strip() for row in fields]
    values_said = [row[value_column] for row in fields]
    times_said = [row[time_column] for row in fields]
    line = np.array(lines, dtype=np.int64)
    time_ms, own_offset = naive_ms(times_said)
    kwh = numbers(values_said)
    with np.errstate(invalid="ignore"):
        good = (
            (time_ms != NO_TIME)
            & ~own_offset
            & (time_ms % _STEP_MS == 0)
            & (kwh >= 0)
            & (kwh <= MOST_WH / 1000)
        )
    for k in np.flatnonzero(~good).tolist():
        collector.reject(
            households[k],
            lines[k],
            _reason(times_said[k], values_said[k], int(time_ms[k]), float(kwh[k]), own_offset[k]),
        )
    wh = np.round(np.where(good, kwh, 0.0) * 1000, 6)  # 0.219 * 1000 is 219.00000000000003
    names = np.array(households)
    for household in dict.fromkeys(households):
        mine = names == household
        collector.rows_read[household] += int(np.count_nonzero(mine))
        mine &= good
        collector.add(household, Rows(line[mine], time_ms[mine], wh[mine]))


def _whole_rows(
    fields: list[list[str]], lines: list[int], count: int, collector: Collector
) -> tuple[list[list[str]], list[int]]:
    """Rejects rows with other columns or no household, on the account of the household before."""
    whole = [k for k, row in enumerate(fields) if len(row) == count and row[0].strip()]
    known = collector.meters()
    household = known[-1] if known else (fields[whole[0]][0].strip() if whole else "")
    sound = set(whole)
    for k, row in enumerate(fields):
        if k in sound:
            household = row[0].strip()
            continue
        said = "no household" if len(row) == count else f"{len(row)} fields, the header has {count}"
        collector.rows_read[household] += 1
        collector.reject(household, lines[k], said)
    return [fields[k] for k in whole], [lines[k] for k in whole]


def _reason(time_said: str, value_said: str, time_ms: int, kwh: float, own_offset: bool) -> str:
    reasons = []
    if not value_said.strip():
        reasons.append("the value is missing")
    elif np.isnan(kwh):
        reasons.append(f"{value_said.strip()[:40]!r} is no number")
    elif kwh < 0:
        reasons.append(f"{kwh:g} kWh is below zero")
    elif kwh > MOST_WH / 1000:
        reasons.append(f"{kwh:g} kWh is more than any meter counts")
    if time_ms == NO_TIME:
        reasons.append(f"{time_said.strip()[:40]!r} is no time")
    elif own_offset:
        reasons.append(f"{time_said.strip()[:40]!r} has an offset, which this layout never has")
    elif time_ms % _STEP_MS:
        reasons.append(f"{iso_utc(time_ms)} is off the half-hour grid")
    return "; ".join(reasons)


def _series(collector: Collector, household: str, shift_ms: int) -> ParsedSeries:
    rows, duplicates, conflicts = without_repeats(collector.rows(household))
    return finished(
        household,
        STEP_S,
        rows.time_ms - shift_ms,
        rows.value,
        rows_read=collector.rows_read[household],
        duplicates=duplicates,
        rejected=[*collector.rejected(household), *conflicts],
        lines=rows.line,
    )
