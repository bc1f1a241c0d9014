"""Tables in Excel workbooks (.xlsx), read row by row and never as a whole.

A workbook is a zip of XML, and both can be bombs: what it unpacks to is known from its directory
before anything is unpacked (and no part unpacks to more than it says), and no part may declare
entities. Cells become text as a CSV would have it, so that one reader serves both.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from energy_desktop.acquisition.files.headers import find_columns, sniff_decimal, stem
from energy_desktop.acquisition.files.intake import Intake
from energy_desktop.acquisition.files.layout import CsvLayout, Decimal
from energy_desktop.acquisition.files.safe_xml import XmlWalk
from energy_desktop.acquisition.files.series import Collector, Staged
from energy_desktop.acquisition.files.text import (
    DEFAULT_LIMITS,
    Limits,
    Watch,
    check_rows,
    unwatched,
)
from energy_desktop.domain.errors import DataFileError

_MOST_BYTES = 1 << 30
_MOST_SHARED = 128 << 20  # openpyxl holds these texts in memory
_MOST_RATIO = 200
_RATIO_COUNTS_FROM = 16 << 20
_MOST_PARTS = 2000
_MOST_COLUMNS = 500
_BLOCK_ROWS = 20_000
_HEAD_ROWS = 60
_LAST_OF_EXCEL = datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 - a cell has no zone


def is_workbook(beginning: bytes) -> bool:
    """Whether the first bytes of a file are those of a zip, as a workbook is one."""
    return beginning.startswith(b"PK\x03\x04")


def stage_workbook(
    path: Path,
    layout: CsvLayout,
    *,
    meter_id: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    watch: Watch = unwatched,
) -> Staged:
    """As `stage_csv`. header_line and the lines in reasons are rows of the sheet."""
    named = meter_id or stem(path)
    collector = Collector(path, limits)
    try:
        with _Sheet(path, layout.sheet) as sheet:
            names: tuple[str, ...] = ()
            intake: Intake | None = None
            numbers: list[int] = []
            rows: list[list[str]] = []
            read = 0
            for number, cells in sheet.rows(layout.decimal or "."):
                if layout.header_line and number == layout.header_line:
                    names = header_names(cells)
                if number <= layout.header_line or not any(cells):
                    continue
                if not names:
                    names = tuple(f"column {k + 1}" for k in range(len(cells)))
                numbers.append(number)
                rows.append([*cells, *([""] * (len(names) - len(cells)))][: len(names)])
                if len(rows) == _BLOCK_ROWS:
                    intake = intake or _intake(path, names, layout, rows, collector, named)
                    intake.take(numbers, rows)
                    read += len(rows)
                    check_rows(path, limits, read, number)
                    watch(min(read / max(sheet.row_count, 1), 1.0))
                    numbers, rows = [], []
            if intake is None:
                intake = _intake(path, names, layout, rows, collector, named)
            intake.take(numbers, rows)
            return intake.staged()
    except BaseException:
        collector.close()
        raise


def workbook_head(path: Path, sheet: str | None) -> tuple[tuple[str, ...], list[list[str]]]:
    """Names of the sheets, and the first rows of the chosen one, for a person to look at."""
    with _Sheet(path, sheet) as chosen:
        rows = []
        for number, cells in chosen.rows("."):
            rows.append(cells)
            if number >= _HEAD_ROWS + 200:
                break
        return chosen.names, rows


def header_names(cells: list[str]) -> tuple[str, ...]:
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return tuple(cell.strip() or f"column {k + 1}" for k, cell in enumerate(cells))


def _intake(
    path: Path,
    names: tuple[str, ...],
    layout: CsvLayout,
    first: list[list[str]],
    collector: Collector,
    named: str,
) -> Intake:
    if not names:
        raise DataFileError(
            where=path.name,
            what=f"there is no header in row {layout.header_line}.",
            remedy="Say in which row the names of the columns stand.",
        )
    columns = find_columns(path, names, layout)
    decimal = layout.decimal or sniff_decimal(first[:2000], columns, ";")
    return Intake(path, columns, layout, decimal, collector, named)


class _Sheet:
    """One sheet of a workbook that was found harmless."""

    def __init__(self, path: Path, name: str | None) -> None:
        self._path = path
        _check(path)
        import openpyxl

        try:
            self._book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except Exception as error:  # openpyxl raises whatever its parts raise
            raise _damaged(path) from error
        self.names = tuple(self._book.sheetnames)
        if name is not None and name not in self.names:
            self._book.close()
            raise DataFileError(
                where=path.name,
                what=f"there is no sheet {name!r}.",
                remedy=f"The sheets are: {', '.join(self.names)}.",
            )
        self._sheet: Any = self._book[name] if name else self._first()
        if not hasattr(self._sheet, "iter_rows"):
            self._book.close()
            raise DataFileError(
                where=path.name,
                what=f"the sheet {name!r} is a chart.",
                remedy="Name the sheet with the readings.",
            )
        self.row_count = int(self._sheet.max_row or 0)

    def _first(self) -> Any:
        for name in self.names:
            sheet = self._book[name]
            if hasattr(sheet, "iter_rows") and (sheet.max_column or 2) >= 2:
                return sheet
        self._book.close()
        raise DataFileError(
            where=self._path.name, what="no sheet holds a table.", remedy="Check the workbook."
        )

    def rows(self, decimal: Decimal) -> Iterator[tuple[int, list[str]]]:
        """Row number (from 1) and the cells as text."""
        try:
            for number, row in enumerate(
                self._sheet.iter_rows(values_only=True, max_col=_MOST_COLUMNS), start=1
            ):
                yield number, [_text(value, decimal) for value in row]
        except DataFileError:
            raise
        except Exception as error:  # as above, and only now are the cells unpacked
            raise _damaged(self._path) from error

    def __enter__(self) -> _Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()


def _text(value: Any, decimal: Decimal) -> str:
    """A cell as a CSV would have it: ISO times to the second, numbers in full."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        # Excel counts days in floats: 00:15 comes as 00:14:59.999.
        moment = min(value, _LAST_OF_EXCEL) + timedelta(milliseconds=500)
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return f"{value.isoformat()} 00:00:00"
    if isinstance(value, time):
        return value.strftime("%H:%M:%S")
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        text = repr(value)
        return text if decimal == "." else text.replace(".", ",")
    return str(value)


def _check(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
            size = sum(part.file_size for part in parts)
            shared = sum(p.file_size for p in parts if p.filename.endswith("sharedStrings.xml"))
            ratio = size > _RATIO_COUNTS_FROM and size > _MOST_RATIO * path.stat().st_size
            if len(parts) > _MOST_PARTS or size > _MOST_BYTES or shared > _MOST_SHARED or ratio:
                raise DataFileError(
                    where=path.name,
                    what=f"it would unpack to {size / 2**20:,.0f} MiB in {len(parts):,} parts; "
                    "a workbook of readings does not do that.",
                    remedy="Export the readings as CSV.",
                )
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with packed.open(part) as file:
                        _refuse_doctype(path, file)
    except DataFileError:
        raise
    except Exception as error:  # zipfile raises whatever its decompressors raise
        raise _damaged(path) from error


class _Begun(Exception):
    """The root element was reached."""


def _refuse_doctype(path: Path, file: Any) -> None:
    """A document type stands before the first element or nowhere."""

    def begun(*_: object) -> None:
        raise _Begun

    try:
        XmlWalk(path, begun, begun).walk(file, most_bytes=_MOST_BYTES)
    except _Begun:
        return


def _damaged(path: Path) -> DataFileError:
    return DataFileError(
        where=path.name,
        what="it is no Excel workbook (.xlsx), or it is damaged.",
        remedy="Save it again as .xlsx or CSV.",
    )
