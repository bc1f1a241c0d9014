"""Commands that make papers: bill, report monthly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from energy_desktop.app.commands.common import (
    FAILED,
    JsonOption,
    SiteOption,
    complain,
    guarded,
    opened,
    parse_month_option,
    say,
)
from energy_desktop.domain import wording
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.invoice import Invoice, InvoiceCorrection
from energy_desktop.domain.money import to_decimal
from energy_desktop.domain.monthly_report import MonthlyReport


def register(app: typer.Typer) -> None:
    app.command()(bill)
    reports = typer.Typer(help="Reports for a manager.", rich_markup_mode=None)
    reports.command("monthly")(report_monthly)
    app.add_typer(reports, name="report")


@guarded
def bill(
    client: Annotated[str, typer.Option("--client", metavar="ID")],
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR")],
    issue: Annotated[
        bool, typer.Option("--issue", help="Give it the next number and freeze it.")
    ] = False,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bill a client for use outside contract hours: a draft, or with --issue the invoice."""
    parse_month_option(month)
    with opened(site) as place:
        billing = place.services.billing
        invoice = billing.issue(client, month) if issue else billing.current(client, month)
        files = billing.write(invoice, out)
        wrong = billing.correction(invoice)
    document = {
        **_document(invoice, files),
        "to_be_corrected": None if wrong is None else correction_document(wrong),
    }
    say(document, as_json=as_json, text=lambda: _text(invoice, files))
    if not as_json and wrong is not None:
        complain(wrong.sentence)
    if not as_json and invoice.number is None:
        for blocker in invoice.blockers:
            complain(f"Not to be issued yet: {blocker}")
    if issue and invoice.number is None:
        raise typer.Exit(FAILED)


def correction_document(wrong: InvoiceCorrection) -> dict[str, Any]:
    """An invoice to be corrected, with the differences of energy and money."""

    def money(units: int | None) -> str | None:
        return None if units is None else f"{to_decimal(units):.2f}"

    return {
        "number": wrong.invoice.number,
        "client": wrong.invoice.client.client_id,
        "month": wrong.invoice.month,
        "currency": wrong.invoice.currency,
        "changed_intervals": wrong.changed_intervals,
        "first_utc": None if wrong.first_ms is None else iso_utc(wrong.first_ms),
        "last_end_utc": None if wrong.last_end_ms is None else iso_utc(wrong.last_end_ms),
        "inside_difference_wh": wrong.inside_difference_wh,
        "outside_difference_wh": wrong.outside_difference_wh,
        "net_difference": money(wrong.net_difference_units),
        "total_difference": money(wrong.total_difference_units),
        "unsettled": list(wrong.unsettled),
        "sentence": wrong.sentence,
    }


def _document(invoice: Invoice, files: tuple[Path, ...]) -> dict[str, Any]:
    def money(units: int) -> str:
        return f"{to_decimal(units):.2f}"

    return {
        "client": invoice.client.client_id,
        "month": invoice.month,
        "status": invoice.status.value,
        "number": invoice.number,
        "issued_at_utc": None if invoice.issued_at_ms is None else iso_utc(invoice.issued_at_ms),
        "currency": invoice.currency,
        "net": money(invoice.net_units),
        "tax_pct": str(invoice.tax_pct),
        "tax": money(invoice.tax_units),
        "total": money(invoice.total_units),
        "inside_wh": invoice.inside_wh,
        "outside_wh": invoice.outside_wh,
        "lines": [
            {
                "day": line.day.isoformat(),
                "energy_wh": line.energy_wh,
                "estimated_wh": line.estimated_wh,
                "price_per_kwh": str(line.price_per_kwh),
                "tariff_version": line.tariff_version,
                "amount": money(line.amount_units),
            }
            for line in invoice.lines
        ],
        "meters": [
            {
                "meter": m.meter_id,
                "inside_wh": m.inside_wh,
                "outside_wh": m.outside_wh,
                "register_difference_wh": m.reconciliation.register_difference_wh,
                "interval_sum_wh": m.reconciliation.interval_sum_wh,
                "discrepancy_wh": m.reconciliation.discrepancy_wh,
                "missing_intervals": m.reconciliation.missing_intervals,
                "estimated_wh": m.reconciliation.estimated_wh,
                "edited_wh": m.reconciliation.edited_wh,
                "mid_approved": m.mid_approved,
            }
            for m in invoice.meters
        ],
        "blockers": list(invoice.blockers),
        "notes": list(invoice.notes),
        "content_sha256": invoice.content_sha256,
        "files": [str(path) for path in files],
    }


def _text(invoice: Invoice, files: tuple[Path, ...]) -> str:
    name = f"Invoice {invoice.number}" if invoice.number else "Draft"
    return "\n".join(
        [
            f"{name} for {invoice.client.name}, {wording.month(invoice.month)}: "
            f"{wording.number(invoice.outside_wh / 1000, 1)} kWh outside contract hours on "
            f"{len(invoice.lines)} days, "
            f"{wording.number(to_decimal(invoice.total_units), 2)} {invoice.currency}.",
            *invoice.notes,
            *(str(path) for path in files),
        ]
    )


@guarded
def report_monthly(
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.pdf")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the energy report of a month as PDF, its figures beside it with --json."""
    parse_month_option(month)
    with opened(site) as place:
        reports = place.services.reports
        report = reports.month(month)
        reports.write_pdf(report, out)
    say(_report_document(report, out), as_json=as_json, text=lambda: _report_text(report, out))


def _report_document(report: MonthlyReport, out: Path) -> dict[str, Any]:
    def money(units: int | None) -> str | None:
        return None if units is None else f"{to_decimal(units):.2f}"

    peak = report.peak
    return {
        "month": report.month,
        "site": report.site.name,
        "period_start_utc": iso_utc(report.period_start_ms),
        "period_end_utc": iso_utc(report.period_end_ms),
        "made_at_utc": iso_utc(report.made_at_ms),
        "complete_month": report.made_at_ms >= report.period_end_ms,
        "simulated": report.simulated,
        "currency": report.site.currency,
        "import_wh": report.import_wh,
        "export_wh": report.export_wh,
        "pv_wh": report.pv_wh,
        "battery_charged_wh": report.battery_charged_wh,
        "battery_discharged_wh": report.battery_discharged_wh,
        "consumption_wh": report.consumption_wh,
        "previous_import_wh": report.previous_import_wh,
        "cost": money(report.cost_units),
        "export_revenue": money(report.export_revenue_units),
        "peak_w": None if peak is None else peak.power_w,
        "peak_at_utc": None if peak is None else iso_utc(peak.block_start_ms),
        "base_load_w": report.base_load_w,
        "data_completeness_pct": round(report.completeness_pct, 3),
        "estimated_wh": report.estimated_wh,
        "estimated_pct": round(report.estimated_pct, 3),
        "clients": [
            {
                "client": c.client_id,
                "inside_wh": c.inside_wh,
                "outside_wh": c.outside_wh,
                "net": money(c.net_units),
                "total": money(c.total_units),
                "currency": c.currency,
                "invoice": c.invoice_number,
            }
            for c in report.clients
        ],
        "findings": [f.sentence for f in report.findings],
        "recommendations": [r.sentence for r in report.recommendations],
        "notes": list(report.notes),
        "file": str(out),
    }


def _report_text(report: MonthlyReport, out: Path) -> str:
    cost = ""
    if report.cost_units is not None:
        cost = f" for {wording.money(report.cost_units)} {report.site.currency}"
    return "\n".join(
        [
            f"{wording.month(report.month)}, {report.site.name}: "
            f"{wording.kwh(report.import_wh)} kWh from the grid{cost}; data completeness "
            f"{wording.percent(report.completeness_pct)}, "
            f"{wording.percent(report.estimated_pct)} estimated.",
            *report.notes,
            str(out),
        ]
    )
