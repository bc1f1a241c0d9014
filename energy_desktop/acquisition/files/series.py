"""What a file of readings yields for one meter, and how rows become it.

Nothing is dropped silently: a row is stored, counted as an exact duplicate, or rejected with its
line number and a reason. Where two rows give one time different values, the first is kept and
the later ones are rejected; which of them is right, the file cannot say.

Rows wait on disk, not in memory: a file of ten million rows takes no more of it than one meter's.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from energy_desktop.acquisition.files.text import Limits, place
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.energy import RegisterShown
from energy_desktop.domain.errors import DataFileError

Int64s = NDArray[np.int64]
Int8s = NDArray[np.int8]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_WH = 2**53  # whole Wh are exact in a float up to here
IMPORT, EXPORT = "energy_import_wh", "energy_export_wh"

_IN_MEMORY_BYTES = 32 << 20
_MOST_MISSING = 500_000
_MOST_ALIKE = 100_000
_DAY_MS = 86_400_000
_ROW = np.dtype([("line", "<i4"), ("time", "<i8"), ("value", "<f8"), ("own", "?")])


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
    quality (n,): IntervalQuality where the file tells it; None: all as measured.
    lines (n,): where each value stands; None: the file has no lines.
    shown: what the register showed around each step; None: the file has no readings of a counter.
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
    register: str = IMPORT
    quality: Int8s | None = None
    lines: Int64s | None = None
    shown: RegisterShown | None = None


@dataclass(frozen=True, slots=True)
class ParsedReadings:
    """Readings of a gauge of one meter.

    time_ms (n,): UTC epoch ms, ascending, no time twice. values (n,): in the quantity's unit.
    step_s: the commonest distance; 0: fewer than two. rows_read = n + duplicates + len(rejected).
    gaps: readings missing between the first and the last, at that distance. lines (n,): where each
    stands.
    """

    meter_id: str
    quantity: str
    step_s: int
    time_ms: Int64s
    values: Floats
    rows_read: int
    duplicates: int
    rejected: tuple[RejectedLine, ...]
    gaps: int
    first_ms: int | None
    last_ms: int | None
    notes: tuple[str, ...] = ()
    lines: Int64s | None = None


Parsed = ParsedSeries | ParsedReadings


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one meter in file order: shapes (n,). value: NaN where it cannot be used. own:
    time_ms is UTC already, since the stamp carried its offset; None: nowhere."""

    line: Int64s
    time_ms: Int64s
    value: Floats
    own: Bools | None = None


class Collector:
    """Gathers the rows of a file by meter, block by block, and holds them on disk.

    To be closed; also a context manager.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        self._parts: dict[str, list[tuple[int, int]]] = {}  # offset and number of rows
        self._rejected: dict[str, list[RejectedLine]] = defaultdict(list)
        self._rejects = 0
        self._missing = 0
        self.rows_read: dict[str, int] = defaultdict(int)

    def __enter__(self) -> Collector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._spool.close()

    def __del__(self) -> None:
        self._spool.close()  # a job that was dropped leaves nothing behind

    def add(self, meter_id: str, rows: Rows) -> None:
        parts = self._parts.setdefault(meter_id, [])
        if not len(rows.line):
            return
        packed = np.empty(len(rows.line), _ROW)
        packed["line"], packed["time"], packed["value"] = rows.line, rows.time_ms, rows.value
        packed["own"] = False if rows.own is None else rows.own
        parts.append((self._spool.seek(0, 2), len(packed)))
        self._spool.write(packed.tobytes())

    def reject(self, meter_id: str, line: int, reason: str, *, missing: bool = False) -> None:
        """missing: the logger itself says that it has no value, of which there may be many."""
        self._parts.setdefault(meter_id, [])
        self._rejected[meter_id].append(RejectedLine(line, reason))
        if missing:
            self._missing += 1
        else:
            self._rejects += 1
        if self._rejects > self._limits.rejects or self._missing > _MOST_MISSING:
            most = self._limits.rejects if self._rejects > self._limits.rejects else _MOST_MISSING
            worst = min(entry for entries in self._rejected.values() for entry in entries)
            raise DataFileError(
                where=place(self._path, worst.line),
                what=f"more than {most:,} lines cannot be used, the first of them: {worst.reason}.",
                remedy="Check the columns, the unit and the format of the file.",
            )

    def meters(self) -> tuple[str, ...]:
        return tuple(self._parts)

    def rows(self, meter_id: str) -> Rows:
        parts = self._parts[meter_id]
        whole = np.empty(sum(count for _, count in parts), _ROW)
        at = 0
        for offset, count in parts:
            self._spool.seek(offset)
            data = self._spool.read(count * _ROW.itemsize)
            whole[at : at + count] = np.frombuffer(data, _ROW)
            at += count
        return Rows(
            line=whole["line"].astype(np.int64),
            time_ms=np.ascontiguousarray(whole["time"]),
            value=np.ascontiguousarray(whole["value"]),
            own=np.ascontiguousarray(whole["own"]),
        )

    def rejected(self, meter_id: str) -> tuple[RejectedLine, ...]:
        return tuple(sorted(self._rejected[meter_id]))


class Staged:
    """A file that was read: its meters, and each one's series when it is asked for.

    To be closed; also a context manager.
    """

    def __init__(
        self,
        meters: tuple[str, ...],
        make: Callable[[str], Parsed],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.meters = meters
        self._make = make
        self._close = close

    def series(self, meter_id: str) -> Parsed:
        """Raises DataFileError when its rows make no series."""
        return self._make(meter_id)

    def all(self) -> tuple[Parsed, ...]:
        return tuple(self._make(meter_id) for meter_id in self.meters)

    def close(self) -> None:
        self._close()

    def __enter__(self) -> Staged:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def without_repeats(rows: Rows) -> tuple[Rows, int, list[RejectedLine]]:
    """Ascending rows with each time once, the number of exact repeats, and the contradictions."""
    line, time_ms, value = rows.line, rows.time_ms, rows.value
    if bool(np.any(time_ms[1:] <= time_ms[:-1])):
        order = np.argsort(time_ms, kind="stable")
        line, time_ms, value = line[order], time_ms[order], value[order]
    else:
        return Rows(line, time_ms, value), 0, []
    first = np.ones(len(time_ms), dtype=np.bool_)
    first[1:] = time_ms[1:] != time_ms[:-1]
    kept = np.maximum.accumulate(np.where(first, np.arange(len(time_ms)), 0))
    equal = value == value[kept] if len(value) else first
    contradicting = np.flatnonzero(~first & ~equal)
    refuse_many(line[contradicting], "they give a time that stands there already other values")
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


def refuse_many(line: Int64s, what: str) -> None:
    """Raises DataFileError when that many rows (n,) of one meter have the same fault."""
    if len(line) > _MOST_ALIKE:
        raise DataFileError(
            where=f"line {int(line.min())}",
            what=f"{len(line):,} lines from here on cannot be used: {what}.",
            remedy="Check the columns, the zone and the format of the file.",
        )


def whole_wh(start_ms: Int64s, energy_wh: Floats) -> Floats:
    """Whole Wh (n,) whose sum over each UTC day is that of the values, to half a Wh.

    Rounding each value by itself would make 3 Wh a minute of a load of 200 W, 10 % too little for
    ever; what rounding leaves over goes to the next value of the day instead.
    """
    rounded = np.rint(energy_wh)
    if not len(energy_wh) or bool(np.all(np.abs(energy_wh - rounded) < 0.01)):
        return rounded
    day = start_ms // _DAY_MS
    first = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    running = np.cumsum(energy_wh)
    before = np.repeat(running[first] - energy_wh[first], np.diff(first, append=len(day)))
    level = np.rint(np.round(running - before, 4))
    whole = np.diff(level, prepend=0.0)
    whole[first] = level[first]
    return np.asarray(whole)


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
    register: str = IMPORT,
    quality: Int8s | None = None,
    lines: Int64s | None = None,
    shown: RegisterShown | None = None,
) -> ParsedSeries:
    """Rounds to whole Wh and counts the gaps. start_ms ascending, each time once."""
    whole = whole_wh(start_ms, energy_wh)
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
        rounded=int(np.count_nonzero(np.abs(energy_wh - np.rint(energy_wh)) > 1e-6)),
        notes=notes,
        register=register,
        quality=quality,
        lines=lines,
        shown=shown,
    )
