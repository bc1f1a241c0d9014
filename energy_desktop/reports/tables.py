"""The numbers of the papers as CSV and Excel, for whoever wants to calculate further.

A document is a list of sheets, a sheet a header and rows, and both writers take the same sheets:
the two files cannot differ. Cells are whole numbers, Decimal, float, text, dates or None (unknown:
an empty cell, never a zero).

Names come from meters, tenants and files, and a spreadsheet runs what begins like a formula: in
CSV such text gets an apostrophe in front, in Excel it is written as text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.money import to_decimal
from energy_desktop.reports.files import write_atomically, write_bytes

Cell = str | int | float | Decimal | date | None
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_FORMATS = {
    "kwh": "#,##0.000",
    "money": "#,##0.00",
    "price": "0.0000",
    "pct": "0.0",
    "kw": "#,##0.0",
}


@dataclass(frozen=True, slots=True)
class Column:
    """kind: text, int, kwh, kw, money, price, pct or date; it decides how Excel shows numbers."""

    title: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def write_csv(sheets: Sequence[Sheet], path: Path) -> list[Path]:
    """One file a sheet: `path` for the first, `path` with the sheet's name for the others.

    UTF-8 with a byte order mark (Excel reads it rightly), comma, CRLF, decimal point, times in UTC
    and local beside it. Atomic per file. Raises UserFacingError when the folder cannot be written.
    """
    written = []
    for i, sheet in enumerate(sheets):
        name = sheet.name.lower().replace(" ", "-")
        target = path if i == 0 else path.with_name(f"{path.stem}-{name}{path.suffix}")
        write_bytes(target, csv_text(sheet).encode("utf-8-sig"))
        written.append(target)
    return written


def csv_text(sheet: Sheet) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([_csv_cell(column.title) for column in sheet.columns])
    writer.writerows([[_csv_cell(cell) for cell in row] for row in sheet.rows])
    return buffer.getvalue()


def _csv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return repr(cell)


def write_xlsx(sheets: Sequence[Sheet], path: Path) -> None:
    """All sheets in one workbook; equal sheets give equal bytes. Atomic. Raises UserFacingError."""

    def fill(temporary: Path) -> None:
        _fill_workbook(sheets, temporary)

    write_atomically(path, fill)


def _fill_workbook(sheets: Sequence[Sheet], path: Path) -> None:
    import xlsxwriter

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - a constant
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        formats = {kind: book.add_format({"num_format": f}) for kind, f in _FORMATS.items()}
        formats["date"] = book.add_format({"num_format": "yyyy-mm-dd"})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name[:31])
            page.freeze_panes(1, 0)
            for i in range(len(sheet.columns)):
                page.set_column(i, i, _column_width(sheet, i))
            for i, column in enumerate(sheet.columns):
                page.write_string(0, i, column.title, head)
            for r, row in enumerate(sheet.rows, 1):
                for c, cell in enumerate(row):
                    shown_as = formats.get(sheet.columns[c].kind)
                    if isinstance(cell, str):
                        page.write_string(r, c, cell)
                    elif isinstance(cell, date):
                        page.write_datetime(r, c, datetime.combine(cell, time()), formats["date"])
                    elif cell is not None:
                        page.write_number(r, c, cell, shown_as)


def _column_width(sheet: Sheet, index: int) -> float:
    cells = [str(row[index] or "") for row in sheet.rows[:50]]
    return min(
        60.0, max(len(sheet.columns[index].title) * 0.6, 10.0, *(len(c) + 2.0 for c in cells))
    )


def in_kwh(energy_wh: int | None) -> Decimal | None:
    return None if energy_wh is None else Decimal(energy_wh) / 1000


def in_money(units: int | None) -> Decimal | None:
    return None if units is None else to_decimal(units)


def in_kw(power_w: float | None) -> float | None:
    return None if power_w is None else round(power_w / 1000, 6)


def local_time(epoch_ms: int, zone: ZoneInfo) -> str:
    return from_ms(epoch_ms).astimezone(zone).isoformat(timespec="minutes")
