"""Readings in Excel workbooks, as people keep them."""

from dataclasses import replace
from datetime import datetime, timedelta

import openpyxl
import pytest

from energy_desktop.acquisition.files.guess import look
from energy_desktop.acquisition.files.layout import CsvLayout
from energy_desktop.acquisition.files.reading import parse_file
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import DataFileError


def a_book(tmp_path, rows, sheet="Lastgang", above=()):
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in [*above, *rows]:
        book.active.append(row)
    path = tmp_path / "profile.xlsx"
    book.save(path)
    return path


def quarters(*values):
    first = datetime(2026, 10, 25, 1, 0)  # noqa: DTZ001 - a cell has no zone
    return [[first + timedelta(minutes=15 * k), value] for k, value in enumerate(values)]


def test_cells_that_are_times_and_numbers_are_read_as_they_are(tmp_path):
    path = a_book(tmp_path, [["Zeit", "Bezug kWh"], *quarters(1.5, 2, 0.25)])

    (series,) = parse_file(path, layout=CsvLayout(zone="Europe/Berlin"))

    assert series.energy_wh.tolist() == [1500, 2000, 250]
    assert iso_utc(series.first_ms) == "2026-10-24T23:00:00Z"
    assert series.lines.tolist() == [2, 3, 4]


def test_a_look_finds_the_table_below_what_stands_above_it(tmp_path):
    path = a_book(
        tmp_path,
        [["Zeit", "Bezug kWh", None], *quarters(1.5, None, "x", 2, 3)],
        above=[["Kunde", "Lindenhof"], []],
    )
    found = look(path)

    (series,) = parse_file(path, layout=replace(found.layout, zone="UTC"))

    assert (found.kind, found.sheets, found.layout.header_line) == ("workbook", ("Lastgang",), 3)
    assert found.columns == ("Zeit", "Bezug kWh")
    assert series.energy_wh.tolist() == [1500, 2000, 3000]
    assert [(r.line, r.reason) for r in series.rejected] == [
        (5, "the value is missing"),
        (6, "'x' is no number"),
    ]


def test_a_sheet_that_is_not_there_is_said(tmp_path):
    path = a_book(tmp_path, [["Zeit", "kWh"], *quarters(1, 2)])

    with pytest.raises(DataFileError, match=r"no sheet 'May'.*Lastgang"):
        parse_file(path, layout=CsvLayout(sheet="May"))
