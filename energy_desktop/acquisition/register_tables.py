"""The tables in a CSV or Excel file that comes from anywhere, as texts; bounded in every way."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from energy_desktop.domain.errors import DataFileError

MAX_BYTES = 5_000_000
MAX_UNPACKED_BYTES = 60_000_000
MAX_ROWS = 5_000
MAX_COLUMNS = 60
_LONGEST_CELL = 300

Table = list[list[str]]


def tables(path: Path) -> Iterator[Table]:
    """The one table of a CSV file, each sheet of a workbook. Raises DataFileError."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise refused(path, f"it is {size / 1e6:.1f} MB; a list of registers is smaller.")
        data = path.read_bytes()
    except OSError as error:
        raise refused(path, f"it cannot be read: {error.strerror or error}.") from error
    if data[:2] == b"PK":
        yield from _sheets(path, data)
    elif data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise refused(path, "it is an old Excel file (.xls).", "Save it as .xlsx or as CSV.")
    elif data[:4] == b"%PDF":
        raise refused(path, "it is a PDF.", "Copy its table into Excel or a CSV file first.")
    else:
        yield _csv_table(path, data)


def _csv_table(path: Path, data: bytes) -> Table:
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refused(path, "it is neither text nor an Excel file.")
    for encoding in ("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise refused(path, "its characters cannot be read.", "Save it as UTF-8.")
    sample = text[:20_000]
    delimiter = max(";\t,|", key=lambda c: (sample.count(c), c == ";"))
    table: Table = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            _bounded(path, len(table), len(row))
            table.append([cell.strip()[:_LONGEST_CELL] for cell in row])
    except csv.Error as error:
        raise refused(path, f"row {len(table) + 1} is no CSV: {error}.") from error
    return table


def _sheets(path: Path, data: bytes) -> Iterator[Table]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise refused(path, "it is no Excel file.") from error
    if unpacked > MAX_UNPACKED_BYTES:
        raise refused(
            path, f"it unpacks to {unpacked / 1e6:.0f} MB; a list of registers is smaller."
        )
    import openpyxl

    try:
        # data_only=False: a formula stays the text that it is, and its row says so.
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False)
        for sheet in book.worksheets:
            table: Table = []
            for row in sheet.iter_rows(values_only=True):
                _bounded(path, len(table), len(row))
                table.append([_cell(value) for value in row])
            yield table
        book.close()
    except DataFileError:
        raise
    except Exception as error:
        # A workbook from anywhere: openpyxl raises whatever its XML makes it stumble over.
        raise refused(path, f"it is no Excel file that can be read: {error}.") from error


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()[:_LONGEST_CELL]


def _bounded(path: Path, rows: int, columns: int) -> None:
    if rows >= MAX_ROWS or columns > MAX_COLUMNS:
        raise refused(
            path,
            f"it has more than {MAX_ROWS} rows or {MAX_COLUMNS} columns.",
            "Keep the part with the registers that are wanted.",
        )


def refused(path: Path, what: str, remedy: str = "Check the file.") -> DataFileError:
    return DataFileError(where=path.name, what=what, remedy=remedy)
