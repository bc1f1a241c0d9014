"""Columns as a file: CSV, Excel or Parquet. It appears under its name only when it is complete.

A column whose name ends in `_utc` holds UTC epoch ms and is written as a moment. NaN is an empty
cell: unknown is not zero.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import WrongUse

EXCEL_ROWS = 1_048_575
ABOUT_SHEET = "about"

Column = tuple[str, "np.ndarray[Any, Any]"]
Writer = Callable[[Path, Sequence[Column], Mapping[str, str], str], None]


def writer_of(out: Path) -> Writer:
    """The writer for the file's ending. Raises WrongUse for one that cannot be written."""
    writers: dict[str, Writer] = {".csv": _csv, ".xlsx": _xlsx, ".parquet": _parquet}
    try:
        return writers[out.suffix.lower()]
    except KeyError:
        raise WrongUse(
            where=f"--out {out.name}",
            what="This file type cannot be written.",
            remedy="End the name in .csv, .xlsx or .parquet.",
        ) from None


def write_table(
    out: Path,
    columns: Sequence[Column],
    *,
    about: Mapping[str, str] | None = None,
    sheet: str = "readings",
) -> None:
    """Columns, all of one length, in their order. about: facts of the whole table; an Excel file
    has them on a sheet of their own, a Parquet file in its schema. Raises WrongUse."""
    writer = writer_of(out)
    put_in_place(out, lambda partial: writer(partial, columns, about or {}, sheet))


def put_in_place(out: Path, fill: Callable[[Path], None]) -> None:
    """Lets `fill` write a file beside `out`, then gives it its name. Raises WrongUse."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            fill(partial)
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise WrongUse(
            where=f"--out {out}",
            what=f"The file cannot be written: {error.strerror or error}.",
            remedy="Name a file in a folder that you may write to.",
        ) from error


def _rows(columns: Sequence[Column]) -> Iterator[list[Any]]:
    values = [
        [None if v is None else iso_utc(v) for v in column.tolist()]
        if name.endswith("_utc")
        else column.tolist()
        for name, column in columns
    ]
    for row in zip(*values, strict=True):
        yield [_cell(value) for value in row]


def _cell(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else value


def _csv(path: Path, columns: Sequence[Column], _: Mapping[str, str], __: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        _write_csv(file, columns)
        file.flush()
        os.fsync(file.fileno())


def _write_csv(file: IO[str], columns: Sequence[Column]) -> None:
    out = csv.writer(file)
    out.writerow([name for name, _ in columns])
    out.writerows(_rows(columns))


def _xlsx(path: Path, columns: Sequence[Column], about: Mapping[str, str], sheet_name: str) -> None:
    rows = columns[0][1].size if columns else 0
    if rows > EXCEL_ROWS:
        raise WrongUse(
            where=path.name.strip("."),
            what=f"{rows:,} rows do not fit on an Excel sheet ({EXCEL_ROWS:,}).",
            remedy="Choose .parquet or .csv, or a coarser resolution.",
        )
    import xlsxwriter

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    try:
        with xlsxwriter.Workbook(str(path), options) as book:
            sheet = book.add_worksheet(sheet_name)
            sheet.write_row(0, 0, [name for name, _ in columns])
            for number, row in enumerate(_rows(columns), start=1):
                sheet.write_row(number, 0, row)
            if about:
                facts = book.add_worksheet(ABOUT_SHEET)
                for number, fact in enumerate(about.items()):
                    facts.write_row(number, 0, fact)
    except xlsxwriter.exceptions.FileCreateError as error:
        raise OSError(str(error)) from error


def _parquet(path: Path, columns: Sequence[Column], about: Mapping[str, str], _: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stamp = pa.timestamp("ms", tz="UTC")
    table = pa.table(
        {
            name: pa.array(v, type=stamp)
            if name.endswith("_utc")
            else pa.array(v, from_pandas=True)
            for name, v in columns
        }
    )
    if about:
        table = table.replace_schema_metadata(dict(about.items()))
    pq.write_table(table, path)
