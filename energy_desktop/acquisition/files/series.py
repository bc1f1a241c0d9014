"""What a file of readings yields for one meter, and how rows become it.

Nothing is dropped silently: a row is stored, counted as an exact duplicate, or rejected with its
line number and a reason. Where two rows give one time different values, the first is kept and
the later ones are rejected; which of them is right, the file cannot say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from energy_desktop.acquisition.files.text import Limits, place
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import DataFileError

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_WH = 2**53  # whole Wh are exact in a float up to here


class RejectedLine(NamedTuple):
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedSeries:
    """Energy per fixed step of one meter.

    start_ms (n,): UTC epoch ms of the start of each step, ascending, no time twice.
    energy_wh (n,): whole Wh. rows_read = n + duplicates + len(rejected), save for register
    readings, where a pair of rows makes one step.
    gaps: steps missing between the first and the last. rounded: values that had a part of a Wh.
    first_ms, last_ms: start of the first and last step; None when nothing is usable.
    """

    meter_id: str
    step_s: int
    start_ms: Int64s
    energy_wh: Floats
    rows_read: int
    duplicates: int
    rejected: tuple[RejectedLine, ...]
    gaps: int
    first_ms: int | None
    last_ms: int | None
    rounded: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """Usable rows of one meter in file order: shapes (n,)."""

    line: Int64s
    time_ms: Int64s
    value: Floats


class Collector:
    """Gathers the rows of a file by meter, block by block."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._parts: dict[str, list[Rows]] = {}
        self._rejected: dict[str, list[RejectedLine]] = defaultdict(list)
        self._rejects = 0
        self._stamps: dict[str, list[Int64s]] = defaultdict(list)
        self.rows_read: dict[str, int] = defaultdict(int)

    def add(self, meter_id: str, rows: Rows) -> None:
        self._parts.setdefault(meter_id, []).append(rows)

    def saw(self, meter_id: str, time_ms: Int64s) -> None:
        """Times of rows, whether or not their values can be used."""
        self._stamps[meter_id].append(time_ms)

    def stamps(self, meter_id: str) -> Int64s:
        """All times seen of a meter, shape (n,): ascending, each once."""
        return np.unique(np.concatenate([np.empty(0, np.int64), *self._stamps[meter_id]]))

    def reject(self, meter_id: str, line: int, reason: str) -> None:
        self._parts.setdefault(meter_id, [])
        self._rejected[meter_id].append(RejectedLine(line, reason))
        self._rejects += 1
        if self._rejects > self._limits.rejects:
            worst = min(entry for entries in self._rejected.values() for entry in entries)
            raise DataFileError(
                where=place(self._path, worst.line),
                what=f"more than {self._limits.rejects:,} lines cannot be used, "
                f"the first of them: {worst.reason}.",
                remedy="Check the columns, the unit and the format of the file.",
            )

    def meters(self) -> tuple[str, ...]:
        return tuple(self._parts)

    def rows(self, meter_id: str) -> Rows:
        parts = self._parts[meter_id]
        return Rows(
            line=np.concatenate([np.empty(0, np.int64), *(part.line for part in parts)]),
            time_ms=np.concatenate([np.empty(0, np.int64), *(part.time_ms for part in parts)]),
            value=np.concatenate([np.empty(0), *(part.value for part in parts)]),
        )

    def rejected(self, meter_id: str) -> tuple[RejectedLine, ...]:
        return tuple(sorted(self._rejected[meter_id]))


def without_repeats(rows: Rows) -> tuple[Rows, int, list[RejectedLine]]:
    """Ascending rows with each time once, the number of exact repeats, and the contradictions."""
    order = np.argsort(rows.time_ms, kind="stable")
    line, time_ms, value = rows.line[order], rows.time_ms[order], rows.value[order]
    first = np.ones(len(time_ms), dtype=np.bool_)
    first[1:] = time_ms[1:] != time_ms[:-1]
    kept = np.maximum.accumulate(np.where(first, np.arange(len(time_ms)), 0))
    equal = value == value[kept] if len(value) else first
    contradicting = np.flatnonzero(~first & ~equal)
    conflicts = [
        RejectedLine(
            int(line[k]),
            f"{iso_utc(int(time_ms[k]))} has {value[k]:g} here and {value[kept[k]]:g} "
            f"in line {int(line[kept[k]])}; the first is kept",
        )
        for k in contradicting.tolist()
    ]
    duplicates = int(np.count_nonzero(~first & equal))
    return Rows(line[first], time_ms[first], value[first]), duplicates, conflicts


def finished(
    meter_id: str,
    step_s: int,
    start_ms: Int64s,
    energy_wh: Floats,
    *,
    rows_read: int,
    duplicates: int,
    rejected: Iterable[RejectedLine],
    notes: tuple[str, ...] = (),
) -> ParsedSeries:
    """Rounds to whole Wh and counts the gaps. start_ms ascending, each time once."""
    whole = np.rint(energy_wh)
    empty = len(start_ms) == 0
    return ParsedSeries(
        meter_id=meter_id,
        step_s=step_s,
        start_ms=start_ms,
        energy_wh=whole,
        rows_read=rows_read,
        duplicates=duplicates,
        rejected=tuple(sorted(rejected)),
        gaps=0 if empty else int((start_ms[-1] - start_ms[0]) // (step_s * 1000)) + 1 - len(whole),
        first_ms=None if empty else int(start_ms[0]),
        last_ms=None if empty else int(start_ms[-1]),
        rounded=int(np.count_nonzero(np.abs(energy_wh - whole) > 1e-6)),
        notes=notes,
    )
