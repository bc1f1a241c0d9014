"""Tables of consecutive slots from a file: strict, because a plan is only as good as its inputs.

Unlike readings of a meter, a price or a forecast that is missing cannot be left out: any row that
is not understood ends the reading, with its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from energy_desktop.acquisition.files.columns import NO_TIME, Floats, Int64s, naive_ms, numbers
from energy_desktop.acquisition.files.text import (
    Limits,
    place,
    read_blocks,
    read_header,
    sniff_delimiter,
    split_fields,
)
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import DataFileError

STEPS_MIN = (15, 30, 60)
_LIMITS = Limits(text_bytes=64 << 20, rows=1_000_000)


@dataclass(frozen=True, slots=True)
class SlotTable:
    """start_ms, end_ms (n,): slots that follow each other. columns: (n,) each, by name."""

    start_ms: Int64s
    end_ms: Int64s
    columns: dict[str, Floats]


def read_slot_table(path: Path, required: str, optional: Sequence[str] = ()) -> SlotTable:
    """Reads `start_utc` and the named columns; other columns are left alone.

    A slot ends where the next begins; the last is as long as the one before. Raises
    DataFileError with file and line for a time or value that is none, a time twice or out of
    order, or a step other than 15, 30 and 60 min.
    """
    header = read_header(path, _LIMITS)
    delimiter = sniff_delimiter(header)
    names = [name.strip().strip('"').lower() for name in header.split(delimiter)]
    for name in ("start_utc", required):
        if name not in names:
            raise DataFileError(
                where=place(path, 1),
                what=f"there is no column {name}.",
                remedy=f"The columns must be start_utc,{','.join((required, *optional))}.",
            )
    wanted = [required, *(name for name in optional if name in names)]
    lines: list[int] = []
    times_said: list[str] = []
    said: dict[str, list[str]] = {name: [] for name in wanted}
    for block in read_blocks(path, _LIMITS):
        for line, row in zip(block.numbers, split_fields(path, block, delimiter), strict=True):
            if len(row) != len(names):
                raise DataFileError(
                    where=place(path, line),
                    what=f"{len(row)} fields, the header has {len(names)}.",
                    remedy="Give every column in every row.",
                )
            lines.append(line)
            times_said.append(row[names.index("start_utc")])
            for name in wanted:
                said[name].append(row[names.index(name)])
    if len(lines) < 2:
        raise DataFileError(
            where=path.name,
            what=f"it has {len(lines)} rows; the step needs two.",
            remedy="Give at least two slots.",
        )
    columns = {name: _values(path, lines, name, texts) for name, texts in said.items()}
    start_ms = _times(path, lines, times_said)
    end_ms = np.append(start_ms[1:], 2 * start_ms[-1] - start_ms[-2])
    return SlotTable(start_ms, end_ms, columns)


def _values(path: Path, lines: list[int], name: str, texts: list[str]) -> Floats:
    values = numbers(texts)
    for k in np.flatnonzero(np.isnan(values)).tolist():
        raise DataFileError(
            where=place(path, lines[k]),
            what=f"{name} is {texts[k].strip()[:40]!r}, which is no number.",
            remedy="Give a finite number with a decimal point.",
        )
    return values


def _times(path: Path, lines: list[int], texts: list[str]) -> Int64s:
    times, _ = naive_ms(texts)
    for k in np.flatnonzero(times == NO_TIME).tolist():
        raise DataFileError(
            where=place(path, lines[k]),
            what=f"start_utc is {texts[k].strip()[:40]!r}, which is no time.",
            remedy="Write it as 2026-03-01T12:00:00Z.",
        )
    steps = np.diff(times)
    allowed = np.isin(steps, [minutes * 60_000 for minutes in STEPS_MIN])
    for k in np.flatnonzero(~allowed).tolist():
        here, before = iso_utc(int(times[k + 1])), iso_utc(int(times[k]))
        if steps[k] == 0:
            what = f"{here} stands here a second time."
            remedy = "Give each slot once."
        elif steps[k] < 0:
            what = f"{here} is before {before} in the line above."
            remedy = "Sort the rows by time."
        else:
            what = f"{here} is {steps[k] / 60_000:g} min after {before}."
            remedy = "Give slots of 15, 30 or 60 min without a gap."
        raise DataFileError(where=place(path, lines[k + 1]), what=what, remedy=remedy)
    return times
