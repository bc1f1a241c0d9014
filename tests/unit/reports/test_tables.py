import csv
import os
import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal

import openpyxl
import pytest

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.reports.files import write_atomically, write_bytes
from energy_desktop.reports.invoice_tables import invoice_sheets
from energy_desktop.reports.monthly_tables import monthly_sheets
from energy_desktop.reports.tables import Column, Sheet, csv_text, write_csv, write_xlsx

from .builders import a_report, an_invoice, issued


@pytest.fixture(scope="module")
def invoice():
    return issued(an_invoice())


def read_csv(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_the_csv_of_an_invoice_adds_up_to_the_invoice(invoice, tmp_path):
    files = write_csv(invoice_sheets(invoice), tmp_path / "2026-0007.csv")

    lines = read_csv(files[0])
    evidence = read_csv(tmp_path / "2026-0007-evidence.csv")
    assert sum(Decimal(r["amount_EUR"]) for r in lines) == Decimal(invoice.net_units) / 10_000
    assert sum(Decimal(r["energy_kwh"]) for r in lines) * 1000 == invoice.outside_wh
    assert sum(int(r["energy_wh"]) for r in evidence) == invoice.outside_wh
    assert len(evidence) == len(invoice.evidence)
    assert evidence[0]["start_utc"].endswith("Z")
    assert "estimated" in {r["quality"] for r in evidence} | {"estimated"}


def test_excel_holds_the_same_numbers(invoice, tmp_path):
    path = tmp_path / "invoice.xlsx"
    write_xlsx(invoice_sheets(invoice), path)

    book = openpyxl.load_workbook(path)
    rows = list(book["Lines"].values)
    assert rows[0][-1] == "amount_EUR"
    assert [round(r[-1] * 10_000) for r in rows[1:]] == [x.amount_units for x in invoice.lines]
    assert [r[0].date() for r in rows[1:]] == [x.day for x in invoice.lines]
    fields = dict(list(book["Invoice"].values)[1:])
    assert round(fields["total_EUR"] * 10_000) == invoice.total_units
    assert fields["content_sha256"] == invoice.content_sha256
    assert sum(r[5] for r in list(book["Evidence"].values)[1:]) == invoice.outside_wh
    registers = list(book["Registers"].values)
    assert round(registers[1][6] * 1000) == invoice.meters[0].reconciliation.opening.value_wh


def test_csv_and_excel_of_the_report_are_the_same_figures(tmp_path):
    report = a_report()
    sheets = monthly_sheets(report)
    write_csv(sheets, tmp_path / "m.csv")
    write_xlsx(sheets, tmp_path / "m.xlsx")

    book = openpyxl.load_workbook(tmp_path / "m.xlsx")
    assert book.sheetnames == [s.name for s in sheets]
    in_excel = {row[0]: row[1] for row in list(book["Summary"].values)[1:]}
    in_csv = {row["figure"]: row["value"] for row in read_csv(tmp_path / "m.csv")}
    assert float(in_csv["grid_import"]) == in_excel["grid_import"] == report.import_wh / 1000
    assert float(in_csv["import_cost"]) == in_excel["import_cost"] == report.cost_units / 10_000
    assert float(in_csv["data_completeness"]) == in_excel["data_completeness"] == 100.0
    days = read_csv(tmp_path / "m-days.csv")
    assert sum(Decimal(d["consumption_kwh"]) for d in days) == pytest.approx(
        Decimal(report.consumption_wh) / 1000, abs=Decimal("0.031")
    )
    assert len(list(book["Usual day"].values)) == 97


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("name", HOSTILE)
def test_text_that_looks_like_a_formula_stays_text(name, tmp_path):
    sheet = Sheet("Names", (Column("name"), Column("value", "int")), ((name, -1),))

    write_xlsx([sheet], tmp_path / "n.xlsx")
    cell = openpyxl.load_workbook(tmp_path / "n.xlsx")["Names"]["A2"]
    text = csv_text(sheet)

    assert cell.data_type == "s"
    assert cell.value.replace("_x000D_", "\r") == name  # Excel's escape of a carriage return
    read_back = list(csv.reader(text.splitlines(keepends=True)))[1:]
    assert "'" + name in text.replace('""', '"')
    assert read_back[-1][-1] == "-1"  # a number is no text: it keeps its sign


def test_unknown_is_an_empty_cell(tmp_path):
    sheet = Sheet("S", (Column("a", "kwh"), Column("b", "date")), ((None, date(2026, 3, 1)),))

    write_xlsx([sheet], tmp_path / "s.xlsx")

    assert csv_text(sheet).splitlines()[1] == ",2026-03-01"
    assert openpyxl.load_workbook(tmp_path / "s.xlsx")["S"]["A2"].value is None


def test_equal_sheets_give_equal_workbooks(invoice, tmp_path):
    write_xlsx(invoice_sheets(invoice), tmp_path / "a.xlsx")
    write_xlsx(invoice_sheets(replace(invoice)), tmp_path / "b.xlsx")

    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_write_that_fails_leaves_the_old_file_and_no_debris(tmp_path):
    target = tmp_path / "report.csv"
    write_bytes(target, b"old")

    def fill(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserFacingError, match="No space left"):
        write_atomically(target, fill)

    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link_to_the_new_file(tmp_path):
    (tmp_path / "there").mkdir()
    kept, link = tmp_path / "there" / "report.csv", tmp_path / "report.csv"
    kept.write_bytes(b"old")
    link.symlink_to(kept)

    write_bytes(link, b"new")

    assert link.is_symlink()
    assert kept.read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    pipe, told = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: told.append(pipe.read_bytes()), daemon=True)
    reader.start()

    write_bytes(pipe, b"all of it")
    reader.join(10)

    assert told == [b"all of it"]
    assert pipe.is_fifo()


def test_a_folder_that_is_a_file_is_said_in_words(tmp_path):
    (tmp_path / "file").write_text("x")

    with pytest.raises(UserFacingError, match="cannot be written"):
        write_bytes(tmp_path / "file" / "report.csv", b"x")
