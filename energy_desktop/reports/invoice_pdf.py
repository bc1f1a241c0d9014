"""The supplementary invoice on paper: page one says what is owed, the rest proves it.

Lays out; computes no total. Billed energy is written to the Wh (three decimals of a kWh), so that
a reader with a calculator comes to the same amount.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain import wording
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.invoice import Invoice, InvoiceStatus
from energy_desktop.reports import paper
from energy_desktop.reports.invoice_evidence import draw_evidence
from energy_desktop.reports.paper import (
    BODY,
    BODY_BOLD,
    LEFT,
    RIGHT,
    SMALL,
    SMALL_BOLD,
    TITLE,
    Column,
    Paper,
    Row,
)


def render(invoice: Invoice, *, fonts: Path) -> bytes:
    """The PDF. Equal invoices give equal bytes. fonts: the folder with the Inter files.

    A draft carries a watermark, and its blockers are printed.
    """
    draft = invoice.status is InvoiceStatus.DRAFT
    name = invoice.number or "draft"
    sheet = Paper(
        fonts=fonts,
        title=f"Supplementary invoice {name}",
        author=invoice.site.operator or invoice.site.name,
        running_head=f"Supplementary invoice {name} · {invoice.client.name} · "
        f"{wording.month(invoice.month)}",
        footer=f"Content SHA-256 {invoice.content_sha256}",
        watermark="DRAFT" if draft else "",
    )
    _letter_head(sheet, invoice)
    _lines(sheet, invoice)
    _totals(sheet, invoice)
    _remarks(sheet, invoice)
    draw_evidence(sheet, invoice)
    return sheet.finish()


def _letter_head(sheet: Paper, invoice: Invoice) -> None:
    site, client = invoice.site, invoice.client
    zone = ZoneInfo(site.zone)
    sheet.text(
        LEFT,
        sheet.y - 10,
        paper.fit(paper.plain(site.operator or site.name), BODY_BOLD, 300),
        BODY_BOLD,
    )
    y = sheet.y - 10
    for line in (*site.operator_address, f"Tax id {site.tax_id}" if site.tax_id else ""):
        if line:
            y -= 11.5
            sheet.text(LEFT, y, paper.fit(paper.plain(line), SMALL, 300), SMALL)
    sheet.right(RIGHT, sheet.y - 13, "Supplementary invoice", TITLE)
    sheet.right(RIGHT, sheet.y - 28, "Energy used outside contract hours", SMALL)

    top = min(y - 30, sheet.y - 84)
    sheet.text(LEFT, top, paper.fit(paper.plain(client.name), BODY_BOLD, 230), BODY_BOLD)
    y = top
    for line in client.address:
        y -= 13
        sheet.text(LEFT, y, paper.fit(paper.plain(line), BODY, 230), BODY)
    if client.tax_id:
        y -= 13
        sheet.text(LEFT, y, paper.fit(paper.plain(f"Tax id {client.tax_id}"), SMALL, 230), SMALL)

    issued = (
        wording.day(from_ms(invoice.issued_at_ms).astimezone(zone).date())
        if invoice.issued_at_ms is not None
        else "not issued"
    )
    start, end = invoice.period_start_ms, invoice.period_end_ms
    last_day = from_ms(end).astimezone(zone).date() - timedelta(days=1)
    first_day = from_ms(start).astimezone(zone).date()
    below = sheet.pairs(
        [
            ("Number", invoice.number or "none yet: a draft"),
            ("Date", issued),
            ("Month", wording.month(invoice.month)),
            (
                "Period",
                f"{wording.short_day(first_day)} to {wording.short_day(last_day)} {last_day.year}",
            ),
            (
                "Contract",
                ", ".join(f"{c.contract_id} v{c.version}" for c in invoice.contract_versions),
            ),
            (
                "Tariff",
                ", ".join(f"{t.tariff_id} v{t.version}" for t in invoice.tariff_versions) or "none",
            ),
        ],
        x=330,
        y=top + 13,
        label_width=62,
        width=RIGHT - 330,
    )
    sheet.y = min(y, below) - 26
    sheet.paragraph(
        f"Outside the contract hours of {wording.month(invoice.month)} "
        f"{wording.kwh(invoice.outside_wh)} kWh were used: "
        f"{wording.money(invoice.total_units)} {invoice.currency} including tax.",
        BODY_BOLD,
    )
    for version in invoice.contract_versions:
        sheet.paragraph(
            f"Contract hours, {version.contract_id} v{version.version}: "
            f"{wording.hours_text(version.hours)}.",
            SMALL,
        )
    sheet.y -= 6


def _lines(sheet: Paper, invoice: Invoice) -> None:
    zone = ZoneInfo(invoice.site.zone)
    columns = (
        Column("Day", 92),
        Column("First to last", 92),
        Column("Energy, kWh", 70, right=True),
        Column("estimated, kWh", 72, right=True),
        Column("Tariff", 66),
        Column(f"{invoice.currency} per kWh", 54, right=True),
        Column(invoice.currency, 53, right=True),
    )
    rows = [
        Row(
            (
                wording.day(line.day),
                wording.clock_span(line.first_start_ms, line.last_end_ms, line.day, zone),
                wording.exact_kwh(line.energy_wh),
                wording.exact_kwh(line.estimated_wh) if line.estimated_wh else "",
                f"{line.tariff_id} v{line.tariff_version}",
                wording.unit_price(line.price_per_kwh),
                wording.money(line.amount_units),
            )
        )
        for line in invoice.lines
    ]
    if rows:
        sheet.table(columns, rows, row_height=13.2)
    else:
        sheet.paragraph("Nothing was used outside contract hours.", BODY)


def _totals(sheet: Paper, invoice: Invoice) -> None:
    sheet.need(70)
    for label, units, style in (
        ("Net", invoice.net_units, BODY),
        (f"Tax {wording.percent(invoice.tax_pct, 2)}", invoice.tax_units, BODY),
        (f"Total {invoice.currency}", invoice.total_units, BODY_BOLD),
    ):
        sheet.y -= 14
        if style is BODY_BOLD:
            sheet.rule(sheet.y + 11.5, x0=RIGHT - 190, strong=True)
            sheet.y -= 2
        sheet.right(RIGHT - 84, sheet.y, label, style)
        sheet.right(RIGHT - 4, sheet.y, wording.money(units), style)
    if invoice.site.bank_iban and invoice.status is InvoiceStatus.ISSUED:
        sheet.text(LEFT, sheet.y + 2, f"Payable to IBAN {invoice.site.bank_iban}", SMALL)
        sheet.text(LEFT, sheet.y - 9, f"Reference {invoice.number}", SMALL)
    sheet.y -= 14


def _remarks(sheet: Paper, invoice: Invoice) -> None:
    if invoice.blockers:
        sheet.heading("This draft cannot be issued yet")
        sheet.bullets(invoice.blockers, SMALL_BOLD)
    sheet.heading("Notes", keep=30)
    sheet.bullets(invoice.notes, SMALL)
