import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pypdf import PdfReader

from energy_desktop.domain import wording
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.reports import invoice_pdf, monthly_report_pdf
from energy_desktop.reports.fonts import REGULAR, register_fonts, single_substitutions
from energy_desktop.reports.paper import BODY, fit, plain, width_of, wrap

from ..billing.builders import a_client, a_site
from .builders import FONTS, a_report, an_invoice, at, issued, site_ledgers

NASTY = '=cmd|"/C calc"!A0 <b>&Bold</b> </para>\n%PDF ÄÖß ' + "x" * 200


def pages(pdf):
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def fonts_of(pdf):
    found = {}
    for page in PdfReader(io.BytesIO(pdf)).pages:
        for entry in page["/Resources"]["/Font"].values():
            font = entry.get_object()
            descriptor = font.get("/FontDescriptor")
            found[font["/BaseFont"]] = descriptor is not None and "/FontFile2" in descriptor
    return found


@pytest.fixture(scope="module")
def invoice():
    return issued(an_invoice())


@pytest.fixture(scope="module")
def invoice_bytes(invoice):
    return invoice_pdf.render(invoice, fonts=FONTS)


@pytest.fixture(scope="module")
def report():
    return a_report()


@pytest.fixture(scope="module")
def report_bytes(report):
    return monthly_report_pdf.render(report, fonts=FONTS)


def test_equal_content_gives_equal_bytes(invoice, invoice_bytes, report, report_bytes):
    assert invoice_pdf.render(issued(an_invoice()), fonts=FONTS) == invoice_bytes
    assert monthly_report_pdf.render(a_report(), fonts=FONTS) == report_bytes


def test_another_price_gives_another_paper(invoice, invoice_bytes):
    line = replace(invoice.lines[0], price_per_kwh=Decimal("0.3821"))

    changed = replace(invoice, lines=(line, *invoice.lines[1:]))

    assert invoice_pdf.render(changed, fonts=FONTS) != invoice_bytes


def test_the_invoice_says_what_is_owed_by_whom_and_why(invoice, invoice_bytes):
    first, *rest = pages(invoice_bytes)

    for text in (
        "2026-0007",
        "Meyer Pressteile",
        "Lindenhof Immobilien GmbH",
        wording.money(invoice.net_units),
        wording.money(invoice.total_units),
        "standard v1",
        "DE02120300000000202051",
        "Data completeness: 5,944 of 5,944 intervals known (100.0 %)",
        "not marked as MID-approved",
        invoice.content_sha256,
    ):
        assert text in first
    for line in invoice.lines:
        assert wording.day(line.day) in first
    proof = " ".join(rest)
    assert "412,880.300" in proof  # the register at the start
    assert wording.number(invoice.outside_wh / 1000, 3) in proof
    assert "UTC+01:00, at the end UTC+02:00" in proof
    assert "DRAFT" not in first


def test_every_page_carries_its_number_and_the_number_of_pages(invoice_bytes, report_bytes):
    for pdf in (invoice_bytes, report_bytes):
        texts = pages(pdf)
        assert len(texts) > 1
        for number, text in enumerate(texts, 1):
            assert f"Page {number} of {len(texts)}" in text


def test_every_font_is_embedded(invoice_bytes, report_bytes):
    for pdf in (invoice_bytes, report_bytes):
        fonts = fonts_of(pdf)
        inter = {name: embedded for name, embedded in fonts.items() if "Inter" in name}
        assert inter
        assert all(inter.values())


def test_only_the_embedded_fonts_are_used(invoice_bytes):
    reader = PdfReader(io.BytesIO(invoice_bytes))
    page = reader.pages[0]
    own = {
        name
        for name, entry in page["/Resources"]["/Font"].items()
        if "Inter" in entry.get_object()["/BaseFont"]
    }
    used = set(re.findall(rb"(/\S+) [0-9.]+ Tf", page.get_contents().get_data()))

    # reportlab opens each page with its initial font, and no text is shown in it.
    assert {u.decode() for u in used} - {"/F1"} <= own


def test_a_draft_says_so_and_prints_what_speaks_against_it():
    draft = an_invoice(now_ms=at("2026-03-20T10:00"))

    texts = pages(invoice_pdf.render(draft, fonts=FONTS))

    assert all("DRAFT" in text for text in texts)
    assert "none yet: a draft" in texts[0]
    assert "not over before 1 Apr 2026 00:00 (UTC+02:00)" in texts[0]
    assert "IBAN" not in texts[0]


def test_names_are_printed_as_they_are_and_break_nothing():
    invoice = an_invoice(
        client=a_client(name=NASTY, address=(NASTY, NASTY)), site=a_site(operator=NASTY)
    )
    meters = tuple(replace(m, meter_name=NASTY, serial_number=NASTY) for m in invoice.meters)

    text = " ".join(pages(invoice_pdf.render(replace(invoice, meters=meters), fonts=FONTS)))

    assert '=cmd|"/C calc"!A0 <b>&Bold</b>' in text
    report = a_report(site=a_site(name=NASTY, operator=NASTY))
    assert "<b>" in pages(monthly_report_pdf.render(report, fonts=FONTS))[0]


def test_a_long_table_repeats_its_header_on_each_page():
    texts = pages(invoice_pdf.render(an_invoice(meters=6), fonts=FONTS))

    continued = [t for t in texts[2:] if "First to last" in t]
    assert len(continued) >= 2


def test_the_ambiguous_hour_carries_its_offset():
    invoice = an_invoice("2026-10")
    line = replace(
        invoice.lines[0],
        day=date(2026, 10, 25),
        first_start_ms=at("2026-10-25T00:00"),
        last_end_ms=at("2026-10-25T02:30"),
    )

    text = pages(invoice_pdf.render(replace(invoice, lines=(line,)), fonts=FONTS))[0]

    assert "00:00 to 02:30 CEST" in text


def test_the_report_states_its_figures_and_how_complete_they_are(report, report_bytes):
    text = " ".join(pages(report_bytes))

    for wanted in (
        wording.kwh(report.import_wh),
        wording.kwh(report.consumption_wh),
        wording.money(report.cost_units),
        wording.kw(report.peak.power_w),
        "Data completeness 100.0 %",
        "simulated data",
        "33.9 % less than in the month before",
        "Kern & <Töchter>",
        "The compressor draws 11.4 % more",
        "16 raised, 3 not acknowledged",
        "66.00 EUR a year",
        "UTC+01:00, at the end UTC+02:00",
    ):
        assert wanted in text


def test_a_report_of_a_running_month_with_gaps_says_so():
    ledgers = site_ledgers()
    ledgers[0].imported.energy_wh[100:300] = float("nan")

    report = a_report(ledgers=ledgers, now_ms=at("2026-03-20T12:00"))
    text = " ".join(pages(monthly_report_pdf.render(report, fonts=FONTS)))

    assert "The month is not over" in text
    assert "less than in the month before" not in text
    assert f"Data completeness {wording.percent(report.completeness_pct)}" in text
    assert report.completeness_pct < 100
    assert "3 days incomplete" in text


def test_a_report_of_an_almost_empty_site_is_still_a_paper():
    ledgers = site_ledgers()[:1]
    ledgers[0].imported.energy_wh[:] = float("nan")
    ledgers[0].exported.energy_wh[:] = float("nan")

    report = a_report(
        ledgers=ledgers, clients=(), waste=None, findings=(), alarms=(), recommendations=()
    )
    text = " ".join(pages(monthly_report_pdf.render(report, fonts=FONTS)))

    assert "The grid meter gave no energy in this month." in text
    assert "Nothing stands out" in text
    assert "none raised" in text


def test_digits_are_of_equal_width_and_are_still_read_as_digits(invoice_bytes):
    register_fonts(FONTS)

    assert len({width_of(digit, REGULAR, 10) for digit in "0123456789"}) == 1
    assert len({width_of(digit, "Inter-SemiBold", 10) for digit in "0123456789"}) == 1


def test_a_font_without_the_feature_has_no_substitutions():
    data = (FONTS / "Inter-Regular.ttf").read_bytes()

    assert single_substitutions(data, "tnum")
    assert single_substitutions(data, "none") == {}


def test_a_missing_font_folder_is_said_in_words(tmp_path):
    with pytest.raises(UserFacingError, match="font cannot be read"):
        register_fonts(tmp_path)


def test_text_is_wrapped_at_words_and_never_between_a_number_and_its_unit():
    register_fonts(FONTS)

    lines = wrap("the base load is 7.7 kW and that is 12 % of it " * 6, BODY, 120)

    assert all(width_of(line, BODY.font, BODY.size) <= 120 for line in lines)
    assert not any(line.startswith(("kW", "%")) for line in lines)
    assert (
        " ".join(lines).split() == ("the base load is 7.7 kW and that is 12 % of it " * 6).split()
    )


def test_a_word_wider_than_its_line_is_cut_and_a_long_cell_elided():
    register_fonts(FONTS)

    assert "".join(wrap("x" * 300, BODY, 100)) == "x" * 300
    assert fit("x" * 300, BODY, 100).endswith("…")
    assert width_of(fit("x" * 300, BODY, 100), BODY.font, BODY.size) <= 100
    assert plain("a\nb\x00c\u202ed") == "a b c d"
