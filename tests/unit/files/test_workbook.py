"""Readings in Excel workbooks, as people keep them."""

from dataclasses import replace
from datetime import datetime, timedelta

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_workbook_with_a_byte_that_flipped_is_read_or_refused_in_words(tmp_path, place, byte):
    """The decompressor of a damaged part has errors of its own kind."""
    path = a_book(tmp_path, [["Zeit", "Bezug kWh"], *quarters(*range(200))])
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(content)

    try:
        (series,) = parse_file(path, "excel", layout=CsvLayout(zone="UTC"))
    except DataFileError as error:
        assert error.remedy
    else:
        assert len(series.energy_wh) <= 200


def test_the_last_day_of_excel_is_no_time_of_a_reading_and_no_error(tmp_path):
    last = datetime(9999, 12, 31, 23, 59, 59, 999000)  # noqa: DTZ001 - a cell has no zone
    path = a_book(tmp_path, [["Zeit", "Bezug kWh"], *quarters(1, 2), [last, 3]])

    (series,) = parse_file(path, layout=CsvLayout(zone="UTC"))

    assert series.energy_wh.tolist() == [1000, 2000]
    assert [r.line for r in series.rejected] == [4]
