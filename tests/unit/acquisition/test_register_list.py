"""A maker's list becomes registers row by row; what does not is listed with its reason."""

from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.acquisition import register_tables
from energy_desktop.acquisition.register_list import read_list
from energy_desktop.domain.errors import DataFileError

PLAIN = """\
Address,Name,Type,Scale,Unit
0x0000,Voltage L1,float32,1,V
12,Active power total,int32,0.1,kW
72,Imported energy,uint32,,kWh
"""


def a_csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


def a_book(tmp_path: Path, rows: list[list[object]], name: str = "list.xlsx") -> Path:
    book = openpyxl.Workbook()
    notes = book.active
    notes.append(["Revision 3"])
    sheet = book.create_sheet("Registers")
    for row in rows:
        sheet.append(row)
    path = tmp_path / name
    book.save(path)
    return path


def test_a_plain_list_gives_its_registers(tmp_path):
    listing = read_list(a_csv(tmp_path, PLAIN))

    assert listing.refused == ()
    assert [(r.address, r.quantity, r.value_format, r.scale) for r in listing.usable] == [
        (0, "voltage_l1_v", "float32", 1.0),
        (12, "power_w", "int32", 100.0),
        (72, "energy_import_wh", "uint32", 1000.0),
    ]


def test_german_headings_semicolons_and_decimal_commas_are_understood(tmp_path):
    text = (
        "Herstellerliste;;;;\n"
        "Register-Adresse;Bezeichnung;Datentyp;Faktor;Einheit\n"
        "19000;Spannung L1-N;FLOAT;;V\n"
        "19026;Wirkleistung gesamt;INT32;0,1;W\n"
        "19068;Wirkarbeit Bezug;UINT32;1/10;kWh\n"
    )

    listing = read_list(a_csv(tmp_path, text, "cp1252"))

    assert listing.refused == ()
    assert [(r.number, r.quantity, r.scale) for r in listing.usable] == [
        (3, "voltage_l1_v", 1.0), (4, "power_w", 0.1), (5, "energy_import_wh", 100.0),
    ]  # fmt: skip


def test_french_headings_are_understood(tmp_path):
    text = (
        "Adresse\tDésignation\tFormat\tUnité\tÉchelle\n"
        "100\tTension L1\tuint16\tV\t0,1\n"
        "102\tÉnergie active soutirée\tuint32\tkWh\t1\n"
    )

    listing = read_list(a_csv(tmp_path, text))

    assert [r.quantity for r in listing.usable] == ["voltage_l1_v", "energy_import_wh"]


def test_numbers_of_manuals_become_wire_addresses_and_functions_and_it_is_said(tmp_path):
    text = (
        "Register;Name;Type;Unit\n30001;Voltage L1;float;V\n30013;Active power;float;W\n"
        "40073;Import energy;float;kWh\n"
    )

    listing = read_list(a_csv(tmp_path, text))

    assert listing.numbering == "manual"
    assert [(r.address, r.function) for r in listing.rows] == [(0, 4), (12, 4), (72, 3)]
    assert "30001, is asked for as 0 with function 4" in listing.decisions[0]


def test_six_digit_numbers_are_numbers_of_manuals_too(tmp_path):
    text = "Register;Name;Type;Unit\n300013;Active power;float;W\n465536;Voltage;uint16;V\n"

    rows = read_list(a_csv(tmp_path, text)).rows

    assert [(r.address, r.function) for r in rows] == [(12, 4), (65535, 3)]


def test_a_person_who_knows_the_numbering_is_believed(tmp_path):
    text = "Register;Name;Type;Unit\n1;Voltage L1;float;V\n13;Active power;float;W\n"

    wire = read_list(a_csv(tmp_path, text))
    counted = read_list(a_csv(tmp_path, text), numbering="one")

    assert [r.address for r in wire.rows] == [1, 13]
    assert "0-based" in wire.decisions[0]
    assert [r.address for r in counted.rows] == [0, 12]


@pytest.mark.parametrize(
    ("cell", "address"),
    [("0x000C", 12), ("000Ch", 12), ("12", 12), ("12-13", 12), ("12 / 0x0C", 12), ("0C..0D", None)],
)
def test_addresses_are_read_in_each_way_they_are_written(tmp_path, cell, address):
    text = f"Address;Name;Type;Unit\n{cell};Voltage L1;float;V\n"

    (row,) = read_list(a_csv(tmp_path, text)).rows

    assert row.address == address


def test_a_column_of_hexadecimal_addresses_is_recognised(tmp_path):
    text = "Addr;Name;Type;Unit\n0010;Voltage L1;float;V\n001A;Voltage L2;float;V\n"

    listing = read_list(a_csv(tmp_path, text))

    assert [r.address for r in listing.rows] == [0x10, 0x1A]
    assert "The addresses are read as hexadecimal." in listing.decisions


def test_every_row_is_a_register_or_has_its_reason(tmp_path):
    text = (
        "Address,Name,Type,Scale,Unit,Length\n"
        "0,Voltage L1,float32,1,V,2\n"
        "2,Voltage L1,float32,1,V,2\n"
        "1,Voltage L2,float32,1,V,2\n"
        "20,Serial number,string,,,8\n"
        "x,Voltage L3,float32,1,V,2\n"
        "30,Current L1,float32,ten,A,2\n"
        "32,Current L2,int16,1,A,2\n"
        "34,Current L3,,1,A,2\n"
        "70000,Frequency,uint16,1,Hz,1\n"
        "40,Frequency,uint16,=A1*2,Hz,1\n"
    )

    listing = read_list(a_csv(tmp_path, text))

    reasons = {row.number: row.error for row in listing.refused}
    assert [row.number for row in listing.usable] == [2]
    assert len(listing.rows) == 10
    assert "is read from line 2 already" in reasons[3]
    assert "overlap those of line 2" in reasons[4]
    assert "the type 'string' is no number" in reasons[5]
    assert "the address 'x' is no number" in reasons[6]
    assert "the scale 'ten' is no number" in reasons[7]
    assert "takes 1 registers, but the list says 2" in reasons[8]
    assert "it has no type" in reasons[9]
    assert "outside 0 to 65535" in reasons[10]
    assert "formulas are not evaluated" in reasons[11]


def test_an_excel_list_is_found_on_whichever_sheet_it_stands(tmp_path):
    path = a_book(
        tmp_path,
        [
            ["Modbus map"],
            [],
            ["Register", "Description", "Data type", "Factor", "Unit"],
            [30001, "Voltage L1", "UINT16", 0.1, "V"],
            [30002.0, "Frequency", "UINT16", "0.01", "Hz"],
        ],
    )

    listing = read_list(path)

    assert [(r.number, r.address, r.function, r.scale) for r in listing.usable] == [
        (4, 0, 4, 0.1), (5, 1, 4, 0.01),
    ]  # fmt: skip


def test_a_formula_of_a_workbook_is_never_evaluated(tmp_path):
    rows: list[list[object]] = [
        ["Address", "Name", "Type", "Unit"],
        ['=HYPERLINK("http://x","1")', "Voltage L1", "float32", "V"],
        ["=1+1", "Voltage L2", "float32", "V"],
    ]

    listing = read_list(a_book(tmp_path, rows))

    assert listing.usable == ()
    assert all("formula" in row.error for row in listing.refused)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7", "it is a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "old Excel file"),
        (b"PK\x03\x04rubbish", "no Excel file"),
        (b"only;some;text\n1;2;3\n", "no row has headings"),
        (b"a\0b\0c", "neither text nor an Excel file"),
        (b"Address,Name\n", "nothing below the headings"),
    ],
)
def test_what_is_no_list_is_refused_in_words(tmp_path, data, reason):
    path = tmp_path / "list.csv"
    path.write_bytes(data)

    with pytest.raises(DataFileError) as caught:
        read_list(path)

    assert reason in caught.value.what
    assert caught.value.remedy


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    many = "Address,Name\n" + "1,Voltage\n" * 50
    monkeypatch.setattr(register_tables, "MAX_ROWS", 20)
    with pytest.raises(DataFileError, match="more than 20 rows"):
        read_list(a_csv(tmp_path, many))

    monkeypatch.setattr(register_tables, "MAX_BYTES", 100)
    with pytest.raises(DataFileError, match="a list of registers is smaller"):
        read_list(a_csv(tmp_path, many))


def test_a_workbook_that_unpacks_to_too_much_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(register_tables, "MAX_UNPACKED_BYTES", 1000)

    with pytest.raises(DataFileError, match="it unpacks to"):
        read_list(a_book(tmp_path, [["Address", "Name"], [1, "Voltage"]]))


@settings(max_examples=60)
@given(st.lists(st.lists(st.text(max_size=12), min_size=5, max_size=5), max_size=8))
def test_whatever_stands_in_the_cells_each_row_is_accounted_for(tmp_path_factory, rows):
    import csv

    path = tmp_path_factory.mktemp("any") / "list.csv"
    clean = [[cell.replace("\0", "") for cell in row] for row in rows]
    with path.open("w", newline="", encoding="utf-8", errors="ignore") as file:
        out = csv.writer(file)
        out.writerow(["Address", "Name", "Type", "Scale", "Unit"])
        out.writerow(["0", "Voltage L1", "float32", "1", "V"])
        out.writerows(clean)

    listing = read_list(path)

    assert all(bool(row.error) is not bool(row.quantity) for row in listing.rows)
    assert {row.quantity for row in listing.usable} >= {"voltage_l1_v"}
