"""A document on paper says what the value says, and the same value gives the same paper."""

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from energy_desktop.domain.document import (
    Document,
    DocumentBars,
    DocumentColumn,
    DocumentFigure,
    DocumentSection,
    DocumentStack,
)
from energy_desktop.reports import document_pdf

FONTS = Path(__file__).resolve().parents[3] / "resources" / "fonts"

A_DOCUMENT = Document(
    "Energy balance",
    "Werk <b>Süd</b>",
    "Europe/Berlin",
    1_774_738_800_000,  # 29 March 2026, a day of 23 hours
    1_774_821_600_000,
    1_774_900_000_000,
    "1 of 2 main meters add up.",
    (DocumentFigure("Rest", "12.5 kWh", "4 % of use"),),
    (
        DocumentSection(
            "Main",
            ("A circuit has no meter.",),
            DocumentBars(
                ("29 Mar",),
                "kWh",
                (
                    DocumentStack("metered", (120.0,), "load"),
                    DocumentStack("unexplained rest", (None,), "typical"),
                ),
                (True,),
            ),
            "parts",
            (
                DocumentColumn("Main meter", weight=0),
                DocumentColumn("Begins", "date", 2),
                DocumentColumn("Meter", weight=2),
                DocumentColumn("kWh", "kwh"),
                DocumentColumn("Hours", "hours"),
                DocumentColumn("Exact", "exact_kwh"),
            ),
            (
                ("Main", date(2026, 3, 29), "=HYPERLINK(1)", Decimal("1234.56"), 23.0, None),
                ("Main", date(2026, 3, 30), "Hall", None, 0.25, Decimal("0.255")),
            ),
            frozenset({1}),
        ),
    ),
)


def words_of(document):
    pypdf = pytest.importorskip("pypdf")
    pages = pypdf.PdfReader(io.BytesIO(document_pdf.render(document, fonts=FONTS))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_the_paper_says_what_the_document_says():
    said = words_of(A_DOCUMENT)

    for text in (
        "Energy balance", "Werk <b>Süd</b>", "1 of 2 main meters add up.", "12.5 kWh",
        "A circuit has no meter.", "Sun 29 Mar 2026", "=HYPERLINK(1)", "1,234.6", "23", "0.25",
        "0.255", "unexplained rest", "times in Europe/Berlin",
    ):  # fmt: skip
        assert text in said, text
    assert "Main meter" not in said  # a column for tables only
    assert "simulated" not in said


def test_a_demo_says_so_on_its_paper():
    assert words_of(replace(A_DOCUMENT, simulated=True)).count("simulated data") == 2


def test_equal_documents_are_equal_papers():
    once = document_pdf.render(A_DOCUMENT, fonts=FONTS)

    assert once == document_pdf.render(A_DOCUMENT, fonts=FONTS)
    assert once != document_pdf.render(replace(A_DOCUMENT, answer="2 of 2."), fonts=FONTS)


def test_many_rows_break_over_pages_with_their_head():
    section = A_DOCUMENT.sections[0]
    long = replace(section, rows=section.rows * 80, bars=None)
    said = words_of(replace(A_DOCUMENT, sections=(long,)))

    assert said.count("Begins") >= 3
    assert said.count("Sun 29 Mar 2026") == 80
