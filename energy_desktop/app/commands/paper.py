"""Commands that make papers: bill, report."""

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
from energy_desktop.domain.invoice import Invoice
from energy_desktop.domain.money import to_decimal


def register(app: typer.Typer) -> None:
    app.command()(bill)


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
    say(_document(invoice, files), as_json=as_json, text=lambda: _text(invoice, files))
    if not as_json and invoice.number is None:
        for blocker in invoice.blockers:
            complain(f"Not to be issued yet: {blocker}")
    if issue and invoice.number is None:
        raise typer.Exit(FAILED)


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
