"""What a file of readings is, told from its header and its first rows; nothing is ever guessed
from the values.

The London layouts are known by their columns, also the one with a row a day (hh_0 to hh_47). Any
other file needs columns whose names say what they are, or a caller who says it. A file that cannot
be understood is refused in one sentence, and the run goes on without it.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FileColumns
from energy_desktop.fleet.head import first_lines, is_packed, refused

SUFFIXES = (".csv", ".csv.gz", ".txt", ".txt.gz")
STEPS_MIN = (15, 30, 60)
UNITS = ("Wh", "kWh", "W", "kW")

_GZIP_GROWS = 8
_HOUSEHOLD = ("lclid", "household", "household_id", "meter", "meter_id", "building_id", "customer",
              "customer_id", "site_id", "id")  # fmt: skip
_TIME = ("tstp", "datetime", "start_utc", "start", "timestamp", "time", "date_time", "utc",
         "read_at_utc")  # fmt: skip
_DAY = ("day", "date", "local_day", "datum", "tag")
_TARIFF = ("stdortou", "tariff", "tariff_type")
_VALUE = {
    "energy(kwh/hh)": "kWh", "kwh/hh (per half hour)": "kWh", "kwh": "kWh", "energy_kwh": "kWh",
    "consumption_kwh": "kWh", "energy_import_kwh": "kWh", "wh": "Wh", "energy_wh": "Wh",
    "energy_import_wh": "Wh", "power_w": "W", "w": "W", "power_kw": "kW", "kw": "kW",
}  # fmt: skip
_VALUE_WITHOUT_UNIT = ("value", "consumption", "meter_reading", "usage", "energy")
_LONDON_VALUES = ("energy(kwh/hh)", "kwh/hh (per half hour)")
_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_DOTTED = re.compile(r"^(\d\d)\.(\d\d)\.(\d{4})")
_NUMBERED = re.compile(r"^([a-z]+)_?(\d{1,2})$")
_CLOCKED = re.compile(r"^(\d{1,2}):(\d\d)(?::00)?$")
_DATE_SIZE = 10
_MOST_ABOVE = 20  # lines of a title that a header is looked for below
_DAY_MIN = 1440
_WIDE_GROWS = 8  # a reading in a row a day takes an eighth of one that repeats who and when


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How the columns of a file are read. Equal layouts are read in one go.

    household None: the file is one household, named after it. dotted: 31.12.2026 00:30.
    naive_utc: stamps without offset are UTC whatever the run's clock says (London).
    of_site: written by this program for a meter of the site, so never in one go with a file of
    the folder that looks the same.

    cells: a row is a day and not a reading. The columns of its steps, each with what follows the
    day to make the stamp of its start (" 00:30"); `time` is the column of the day then, and
    `value` the first of the steps.
    """

    columns: tuple[str, ...]
    delimiter: str
    quoted: bool
    household: int | None
    time: int
    value: int
    tariff: int | None
    unit: str
    step_min: int
    stamp_end: bool
    decimal_comma: bool = False
    dotted: bool = False
    padded_time: bool = False
    naive_utc: bool = False
    cells: tuple[tuple[int, str], ...] = ()
    of_site: bool = False

    @property
    def words(self) -> str:
        """How it would be said: `a row a day, 30 min, kWh`."""
        row = "a row a day" if self.cells else "a row a reading"
        return f"{row}, {self.step_min} min, {self.unit}"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that can be read. index: its number in the run; bytes: about, once unpacked and with
    a row a reading.
    """

    index: int
    path: Path
    layout: FileLayout
    bytes: int

    @property
    def household(self) -> str:
        """The name of the household when the file is one."""
        return self.path.name.split(".")[0]


def find_files(folder: Path, *, but: Path, may_be_none: bool = False) -> tuple[Path, ...]:
    """Every file of readings in a folder and below, by name. but: what lies below that folder is
    none of them. Raises DataFileError without any.
    """
    if folder.is_file():
        return (folder,)
    if not folder.is_dir():
        raise DataFileError(
            where=str(folder), what="There is no such folder.", remedy="Check how it is written."
        )
    found = [
        p
        for p in folder.rglob("*")
        if p.name.lower().endswith(SUFFIXES) and p.is_file() and but not in p.resolve().parents
    ]
    if not found and not may_be_none:
        raise DataFileError(
            where=str(folder),
            what="No file of readings is in this folder or below.",
            remedy=f"Their names must end in {', '.join(SUFFIXES)}.",
        )
    return tuple(sorted(found))


def recognise(path: Path, asked: FileColumns) -> FileLayout:
    """The layout of one file. Raises DataFileError in words when it cannot be read as readings."""
    lines = first_lines(path)
    _refuse_lines_above_header(path, lines, asked)
    delimiter = _delimiter(lines[0])
    # A single quotation mark is a slip of one row.
    quoted = any('"' in line and line.count('"') % 2 == 0 for line in lines[:50])
    rows = [_fields(line, delimiter, quoted) for line in lines]
    columns = tuple(rows[0])
    names = [name.strip().lower() for name in columns]
    wide = None if asked.value is not None else cells_of(names)
    if wide is not None and not any(name in names for name in (*_VALUE, *_VALUE_WITHOUT_UNIT)):
        return _recognised_wide(path, asked, rows, names, wide, (delimiter, quoted))
    london = names[0] == "lclid" and any(name in _LONDON_VALUES for name in names)
    time = _column(path, names, asked.time, _TIME, "time")
    value = _column(path, names, asked.value, (*_VALUE, *_VALUE_WITHOUT_UNIT), "value")
    assert time is not None
    assert value is not None
    said = _VALUE.get(names[value])
    if said is not None and asked.unit not in (None, said):
        raise refused(
            path,
            f"column {columns[value].strip()!r} says {said} by its name, not {asked.unit}.",
            "Leave the unit out (--unit), or give the column another name.",
        )
    unit = "kWh" if london else said or asked.unit
    if unit not in UNITS:
        raise _no_unit(path, columns[value])
    body = _fitting(path, rows)
    household = _column(path, names, asked.household, _HOUSEHOLD, "")
    times = [row[time].strip() for row in body]
    padded = any(row[time] != row[time].strip() for row in body)
    dotted = _DOTTED.match(times[0]) is not None
    if all(_naive(text, dotted) is None for text in times):
        raise refused(
            path,
            f"column {columns[time].strip()!r} holds {times[0][:40]!r}, which is no known time.",
            "Write times as 2013-03-31 00:30 or 31.03.2013 00:30, or name their column "
            "(--time-column).",
        )
    step_min = asked.step_min or (30 if london else _step_min(path, body, household, times, dotted))
    if step_min not in STEPS_MIN:
        raise refused(path, f"its step is {step_min} min.", "15, 30 and 60 min can be read.")
    return FileLayout(
        columns=columns,
        delimiter=delimiter,
        quoted=quoted,
        household=household,
        time=time,
        value=value,
        tariff=_column(path, names, asked.tariff, _TARIFF, ""),
        unit=unit,
        step_min=step_min,
        stamp_end=asked.stamp_end,
        decimal_comma=delimiter != "," and any("," in row[value] for row in body),
        dotted=dotted,
        padded_time=padded,
        naive_utc=london,
    )


def _recognised_wide(
    path: Path,
    asked: FileColumns,
    rows: list[list[str]],
    names: list[str],
    wide: dict[int, int],
    written: tuple[str, bool],
) -> FileLayout:
    """wide: column -> minute of the day at which its step starts. written: delimiter, quoted."""
    london = names[0] == "lclid"
    time = _column(path, names, asked.time, _DAY, "time")
    assert time is not None
    step_min = _DAY_MIN // len(wide)
    if asked.step_min not in (None, step_min):
        raise refused(path, f"its {len(wide)} columns of a day are {step_min} min each.",
                       f"Leave its step (--step-min) out, or say {step_min}.")  # fmt: skip
    unit = "kWh" if london else asked.unit
    if unit not in UNITS:
        raise _no_unit(path, rows[0][next(iter(wide))])
    body = _fitting(path, rows)
    day = body[0][time].strip()
    if len(day) != _DATE_SIZE or _naive(day, _DOTTED.match(day) is not None) is None:
        raise refused(
            path,
            f"column {rows[0][time].strip()!r} holds {day!r}, which is no day.",
            "Write days as 2013-03-31, or name their column (--time-column).",
        )
    # London's stamps have seven decimals, which are compared faster than they are read.
    end = ":00.0000000" if london else ""
    return FileLayout(
        columns=tuple(rows[0]),
        delimiter=written[0],
        quoted=written[1],
        household=_column(path, names, asked.household, _HOUSEHOLD, ""),
        time=time,
        value=next(iter(wide)),
        tariff=_column(path, names, asked.tariff, _TARIFF, ""),
        unit=unit,
        step_min=step_min,
        stamp_end=False,
        decimal_comma=written[0] != "," and any("," in row[k] for row in body for k in wide),
        dotted=_DOTTED.match(day) is not None,
        naive_utc=london,
        cells=tuple((k, f" {at // 60:02d}:{at % 60:02d}{end}") for k, at in wide.items()),
    )


def cells_of(names: list[str]) -> dict[int, int] | None:
    """Column -> minute of the day at which its step starts; None: a row is not a day.

    hh_0 to hh_47, h1 to h24 and the like are counted through the day. Columns named by the clock
    are the starts of their steps when they begin with 00:00, else the ends.
    """
    groups: dict[str, dict[int, int]] = {}
    for k, name in enumerate(names):
        if (numbered := _NUMBERED.match(name)) is not None:
            groups.setdefault(numbered[1], {})[int(numbered[2])] = k
        elif (clocked := _CLOCKED.match(name)) is not None:
            groups.setdefault("", {})[60 * int(clocked[1]) + int(clocked[2])] = k
    for prefix, columns in groups.items():
        if _DAY_MIN // len(columns) not in STEPS_MIN or _DAY_MIN % len(columns):
            continue
        step = _DAY_MIN // len(columns)
        if not prefix:
            # The last step of a day that is named by its ends may be said as 00:00 or as 24:00.
            ends = 0 not in columns or next(iter(columns)) != 0
            starts = {((at - step) % _DAY_MIN if ends else at): k for at, k in columns.items()}
        else:
            starts = {step * (n - min(columns)): k for n, k in columns.items()}
            if min(columns) > 1:
                continue
        if sorted(starts) == list(range(0, _DAY_MIN, step)):
            return {starts[at]: at for at in sorted(starts)}
    return None


def unpacked_bytes(path: Path, layout: FileLayout) -> int:
    """About how large a file is once unpacked, and with a row a reading."""
    size = path.stat().st_size
    if is_packed(path):
        size *= _GZIP_GROWS
    return size * _WIDE_GROWS if layout.cells else size


def header_of(path: Path) -> tuple[str, ...]:
    """The columns of a file, also of one that is not understood; (): it has none."""
    try:
        header = first_lines(path)[0]
    except DataFileError:
        return ()
    reader = csv.reader([header], delimiter=_delimiter(header))
    return tuple(name.strip() for name in next(reader))


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _refuse_lines_above_header(path: Path, lines: list[str], asked: FileColumns) -> None:
    """A title is no header, so no advice about its columns would help. Raises DataFileError."""
    known = {*_TIME, *_DAY} if asked.time is None else {asked.time.strip().lower()}

    def names(line: str) -> set[str]:
        return {name.strip(' "').lower() for name in line.split(_delimiter(line))}

    columns = [line.count(_delimiter(line)) for line in lines[:_MOST_ABOVE]]
    below = any(known & names(line) and n for line, n in zip(lines[1:], columns[1:], strict=False))
    if not known & names(lines[0]) and (below or columns[0] == 0 < max(columns)):
        raise refused(
            path,
            f"a line that is no header stands on top: {lines[0].strip()[:60]!r}.",
            "Take the lines above its header away.",
        )


def _fields(line: str, delimiter: str, quoted: bool) -> list[str]:
    """By itself: a mark that is never closed would take the lines below into its field."""
    if not quoted:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter))


def _fitting(path: Path, rows: list[list[str]]) -> list[list[str]]:
    """The rows below the header that have its columns."""
    body = [row for row in rows[1:] if len(row) == len(rows[0])]
    if not body:
        raise refused(
            path, "it has a header and no row that fits it.", "Check how it was exported."
        )
    return body


def _no_unit(path: Path, column: str) -> DataFileError:
    return refused(path, f"column {column.strip()!r} does not say its unit.",
                    f"Say its unit (--unit): {', '.join(UNITS)}.")  # fmt: skip


def _column(
    path: Path, names: list[str], asked: str | None, known: tuple[str, ...], needed_as: str
) -> int | None:
    """Index of the column asked for, else of the first known name; needed_as "" may be absent."""
    if asked is not None:
        if asked.strip().lower() not in names:
            raise refused(path, f"it has no column {asked!r}.",
                           f"It has: {', '.join(names)}.")  # fmt: skip
        return names.index(asked.strip().lower())
    for name in known:
        if name in names:
            return names.index(name)
    if not needed_as:
        return None
    raise refused(path, f"no column is known as its {needed_as}; it has {', '.join(names)[:200]}.",
                   f"Name it (--{needed_as}-column).")  # fmt: skip


def _step_min(
    path: Path, body: list[list[str]], household: int | None, times: list[str], dotted: bool
) -> int:
    """The commonest distance of two neighbouring stamps of one household, in minutes."""
    parsed = [_naive(text, dotted) for text in times]
    steps: Counter[int] = Counter()
    for k in range(1, len(parsed)):
        before, after = parsed[k - 1], parsed[k]
        if before is None or after is None:
            continue
        if household is not None and body[k][household] != body[k - 1][household]:
            continue
        minutes = round((after - before).total_seconds() / 60)
        if minutes > 0:
            steps[minutes] += 1
    if not steps:
        raise refused(path, "the step of its readings cannot be seen in the first rows.",
                       "Sort it by household and time, or say its step (--step-min).")  # fmt: skip
    return steps.most_common(1)[0][0]


def _naive(text: str, dotted: bool) -> datetime | None:
    if dotted:
        text = _DOTTED.sub(r"\3-\2-\1", text)
    try:
        return datetime.fromisoformat(_OFFSET.sub("", text)[:19])
    except ValueError:
        return None
