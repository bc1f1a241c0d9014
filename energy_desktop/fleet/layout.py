"""What a file of readings is, told from its header and its first rows; nothing is ever guessed
from the values.

The London layouts are known by their columns. Any other file needs columns whose names say what
they are, or a caller who says it. A file that cannot be understood is refused in one sentence,
and the run goes on without it.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FileColumns

SUFFIXES = (".csv", ".csv.gz", ".txt", ".txt.gz")
STEPS_MIN = (15, 30, 60)
UNITS = ("Wh", "kWh", "W", "kW")

_HEAD_BYTES = 65_536
_GZIP_GROWS = 8
_HOUSEHOLD = ("lclid", "household", "household_id", "meter", "meter_id", "building_id", "customer",
              "customer_id", "site_id", "id")  # fmt: skip
_TIME = ("tstp", "datetime", "start_utc", "start", "timestamp", "time", "date_time", "utc",
         "read_at_utc")  # fmt: skip
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


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How the columns of a file are read. Equal layouts are read in one go.

    household None: the file is one household, named after it. dotted: 31.12.2026 00:30.
    naive_utc: stamps without offset are UTC whatever the run's clock says (London).
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


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that can be read. index: its number in the run; bytes: about, once unpacked."""

    index: int
    path: Path
    layout: FileLayout
    bytes: int

    @property
    def household(self) -> str:
        """The name of the household when the file is one."""
        return self.path.name.split(".")[0]


def find_files(folder: Path) -> tuple[Path, ...]:
    """Every file of readings in a folder and below, by name. Raises DataFileError without any."""
    if folder.is_file():
        return (folder,)
    if not folder.is_dir():
        raise DataFileError(
            where=str(folder), what="There is no such folder.", remedy="Check how it is written."
        )
    found = [p for p in folder.rglob("*") if p.name.lower().endswith(SUFFIXES) and p.is_file()]
    if not found:
        raise DataFileError(
            where=str(folder),
            what="No file of readings is in this folder or below.",
            remedy=f"Their names must end in {', '.join(SUFFIXES)}.",
        )
    return tuple(sorted(found))


def recognise(path: Path, asked: FileColumns) -> FileLayout:
    """The layout of one file. Raises DataFileError in words when it cannot be read as readings."""
    lines = _first_lines(path)
    header = lines[0]
    delimiter = max(",;\t", key=header.count)
    quoted = '"' in header or any('"' in line for line in lines[1:50])
    rows = list(csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else
                           csv.QUOTE_NONE))  # fmt: skip
    columns = tuple(rows[0])
    names = [name.strip().lower() for name in columns]
    london = names[0] == "lclid" and any(name in _LONDON_VALUES for name in names)
    time = _column(path, names, asked.time, _TIME, "time")
    value = _column(path, names, asked.value, (*_VALUE, *_VALUE_WITHOUT_UNIT), "value")
    assert time is not None
    assert value is not None
    unit = asked.unit or _VALUE.get(names[value])
    if london:
        unit = "kWh"
    if unit not in UNITS:
        raise _refused(path, f"column {columns[value].strip()!r} does not say its unit.",
                       f"Say it with --unit, one of {', '.join(UNITS)}.")  # fmt: skip
    body = [row for row in rows[1:] if len(row) == len(columns)]
    if not body:
        raise _refused(
            path, "it has a header and no row that fits it.", "Check how it was exported."
        )
    household = _column(path, names, asked.household, _HOUSEHOLD, "")
    times = [row[time].strip() for row in body]
    padded = any(row[time] != row[time].strip() for row in body)
    dotted = _DOTTED.match(times[0]) is not None
    step_min = asked.step_min or (30 if london else _step_min(path, body, household, times, dotted))
    if step_min not in STEPS_MIN:
        raise _refused(path, f"its step is {step_min} min.", "15, 30 and 60 min can be read.")
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


def unpacked_bytes(path: Path) -> int:
    """About how large a file is once unpacked."""
    size = path.stat().st_size
    return size * _GZIP_GROWS if path.name.lower().endswith(".gz") else size


def _first_lines(path: Path) -> list[str]:
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path) as packed:
                head = packed.read(_HEAD_BYTES)
        else:
            with path.open("rb") as plain:
                head = plain.read(_HEAD_BYTES)
        whole = len(head) < _HEAD_BYTES
        text = head.decode("utf-8-sig", errors="strict" if whole else "ignore")
    except (OSError, EOFError, zlib.error) as error:
        raise _refused(path, f"it cannot be unpacked or read ({error}).", "Fetch it again.") from (
            error
        )
    except UnicodeDecodeError as error:
        raise _refused(path, "it is not UTF-8 text.", "Export it as UTF-8.") from error
    if "\0" in text:
        raise _refused(path, "it is not text.", "Give the CSV, not the program's own file.")
    lines = text.splitlines()
    if not whole and len(lines) > 1:
        lines.pop()  # cut in the middle
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise _refused(path, "it is empty.", "Export it again.")
    return lines


def _column(
    path: Path, names: list[str], asked: str | None, known: tuple[str, ...], needed_as: str
) -> int | None:
    """Index of the column asked for, else of the first known name; needed_as "" may be absent."""
    if asked is not None:
        if asked.strip().lower() not in names:
            raise _refused(path, f"it has no column {asked!r}.",
                           f"It has: {', '.join(names)}.")  # fmt: skip
        return names.index(asked.strip().lower())
    for name in known:
        if name in names:
            return names.index(name)
    if not needed_as:
        return None
    raise _refused(path, f"no column is known as its {needed_as}; it has {', '.join(names)[:200]}.",
                   f"Name it with --{needed_as}-column.")  # fmt: skip


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
        raise _refused(path, "the step of its readings cannot be seen in the first rows.",
                       "Sort it by household and time, or say it with --step-min.")  # fmt: skip
    return steps.most_common(1)[0][0]


def _naive(text: str, dotted: bool) -> datetime | None:
    if dotted:
        text = _DOTTED.sub(r"\3-\2-\1", text)
    try:
        return datetime.fromisoformat(_OFFSET.sub("", text)[:19])
    except ValueError:
        return None


def _refused(path: Path, what: str, remedy: str) -> DataFileError:
    return DataFileError(where=path.name, what=what, remedy=remedy)
