"""An invoice as sheets: lines, totals, registers, and every interval that is billed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.invoice import Invoice
from energy_desktop.reports.tables import Column, Sheet, in_kwh, in_money, local_time


def invoice_sheets(invoice: Invoice) -> list[Sheet]:
    """Lines, totals, registers and every billed interval of an invoice."""
    zone = ZoneInfo(invoice.site.zone)
    currency = invoice.currency
    names = {m.meter_id: m.meter_name for m in invoice.meters}
    return [
        Sheet(
            "Lines",
            (
                Column("day", "date"),
                Column("first_local"),
                Column("last_local"),
                Column("energy_kwh", "kwh"),
                Column("estimated_kwh", "kwh"),
                Column("tariff"),
                Column("tariff_version", "int"),
                Column(f"price_{currency}_per_kwh", "price"),
                Column(f"amount_{currency}", "money"),
            ),
            tuple(
                (
                    line.day,
                    local_time(line.first_start_ms, zone),
                    local_time(line.last_end_ms, zone),
                    in_kwh(line.energy_wh),
                    in_kwh(line.estimated_wh),
                    line.tariff_id,
                    line.tariff_version,
                    line.price_per_kwh,
                    in_money(line.amount_units),
                )
                for line in invoice.lines
            ),
        ),
        Sheet(
            "Invoice",
            (Column("field"), Column("value")),
            (
                ("number", invoice.number or ""),
                ("status", invoice.status.value),
                ("issued_utc", iso_utc(invoice.issued_at_ms) if invoice.issued_at_ms else ""),
                ("client", invoice.client.name),
                ("month", invoice.month),
                ("period_start_utc", iso_utc(invoice.period_start_ms)),
                ("period_end_utc", iso_utc(invoice.period_end_ms)),
                (f"net_{currency}", in_money(invoice.net_units)),
                ("tax_pct", invoice.tax_pct),
                (f"tax_{currency}", in_money(invoice.tax_units)),
                (f"total_{currency}", in_money(invoice.total_units)),
                ("inside_kwh", in_kwh(invoice.inside_wh)),
                ("outside_kwh", in_kwh(invoice.outside_wh)),
                ("content_sha256", invoice.content_sha256),
                *(("blocker", sentence) for sentence in invoice.blockers),
                *(("note", sentence) for sentence in invoice.notes),
            ),
        ),
        Sheet(
            "Registers",
            (
                Column("meter"),
                Column("name"),
                Column("serial_number"),
                Column("mid_approved"),
                Column("register"),
                Column("start_read_utc"),
                Column("start_kwh", "kwh"),
                Column("end_read_utc"),
                Column("end_kwh", "kwh"),
                Column("difference_kwh", "kwh"),
                Column("inside_kwh", "kwh"),
                Column("outside_kwh", "kwh"),
                Column("missing_intervals", "int"),
            ),
            tuple(
                (
                    m.meter_id,
                    m.meter_name,
                    m.serial_number,
                    "yes" if m.mid_approved else "no",
                    held.register,
                    iso_utc(held.opening.read_at_ms) if held.opening else "",
                    in_kwh(held.opening.value_wh) if held.opening else None,
                    iso_utc(held.closing.read_at_ms) if held.closing else "",
                    in_kwh(held.closing.value_wh) if held.closing else None,
                    in_kwh(held.register_difference_wh),
                    in_kwh(m.inside_wh),
                    in_kwh(m.outside_wh),
                    held.missing_intervals,
                )
                for m in invoice.meters
                for held in (m.reconciliation,)
            ),
        ),
        Sheet(
            "Evidence",
            (
                Column("start_utc"),
                Column("start_local"),
                Column("step_s", "int"),
                Column("meter"),
                Column("name"),
                Column("energy_wh", "int"),
                Column("quality"),
            ),
            tuple(
                (
                    iso_utc(e.start_ms),
                    local_time(e.start_ms, zone),
                    e.step_s,
                    e.meter_id,
                    names.get(e.meter_id, ""),
                    e.energy_wh,
                    e.quality.name.lower(),
                )
                for e in invoice.evidence
            ),
        ),
    ]
