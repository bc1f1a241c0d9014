"""Bills a client for use outside contract hours: draft, issue, papers, calendar.

A draft can be made as often as one likes. Issuing asks the store for the next number, freezes the
content and keeps the very bytes of the PDF, so that the paper in the archive is the paper that
was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.analytics.billing.calendar import billing_calendar
from energy_desktop.analytics.billing.draft import draft_invoice
from energy_desktop.analytics.billing.hours import billed_period
from energy_desktop.analytics.billing.split import MeterMonth
from energy_desktop.domain.billing_calendar import BillingCalendar
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import Client
from energy_desktop.domain.errors import InvoiceError, NotFound
from energy_desktop.domain.invoice import Invoice
from energy_desktop.domain.ports import ConfigurationStore, InvoiceStore, Ledger
from energy_desktop.services.registers import positive_register

RenderInvoice = Callable[[Invoice], bytes]


@dataclass(frozen=True, slots=True)
class ClientMonth:
    """One row of the list: issued when there is a paper, else what a draft would say."""

    client: Client
    month: str
    invoice: Invoice


class BillingService:
    """`render` turns an invoice into the bytes of its PDF."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        ledger: Ledger,
        invoices: InvoiceStore,
        clock: Clock,
        render: RenderInvoice,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._invoices = invoices
        self._clock = clock
        self._render = render

    def clients(self) -> tuple[Client, ...]:
        return self._configuration.load().clients

    def draft(self, client_id: str, month: str) -> Invoice:
        """What the month would cost now, with every reason not to issue it yet.

        Raises NotFound (client, contract) and WrongUse (month).
        """
        configuration = self._configuration.load()
        client = self._client(configuration, client_id)
        return draft_invoice(
            site=configuration.site,
            client=client,
            contracts=configuration.contracts,
            tariffs=configuration.tariffs,
            meters=self._meter_months(configuration, client, month),
            month=month,
            now_ms=to_ms(self._clock()),
            spaces=configuration.spaces,
        )

    def current(self, client_id: str, month: str) -> Invoice:
        """The issued invoice of the month, else a draft."""
        issued = self._invoices.issued(client_id, month)
        return issued[-1] if issued else self.draft(client_id, month)

    def issue(self, client_id: str, month: str) -> Invoice:
        """Freezes the month under the next number; issued before, that invoice is given back.

        Raises InvoiceError with the first reason not to issue.
        """
        issued = self._invoices.issued(client_id, month)
        if issued:
            return issued[-1]
        draft = self.draft(client_id, month)
        if draft.blockers:
            raise InvoiceError(
                where=f"{draft.client.name}, {month}",
                what=draft.blockers[0],
                remedy="The draft shows every reason; nothing was issued.",
            )
        invoice = self._invoices.issue(draft, to_ms(self._clock()))
        self.paper(invoice)
        return invoice

    def paper(self, invoice: Invoice) -> bytes:
        """The PDF: the kept bytes of an issued invoice, a marked draft otherwise."""
        if invoice.number is None:
            return self._render(invoice)
        kept = self._invoices.pdf(invoice.number)
        if kept is None:
            # Killed between the number and the paper: the same content gives the same bytes.
            kept = self._render(invoice)
            self._invoices.attach_pdf(invoice.number, kept)
        return kept

    def write(self, invoice: Invoice, folder: Path) -> tuple[Path, ...]:
        """PDF, and the same numbers as CSV (lines, evidence) and Excel. Whole files or none."""
        from energy_desktop.reports.files import write_bytes
        from energy_desktop.reports.invoice_tables import invoice_sheets
        from energy_desktop.reports.tables import write_csv, write_xlsx

        stem = file_stem(invoice)
        pdf = folder / f"{stem}.pdf"
        write_bytes(pdf, self.paper(invoice))
        sheets = invoice_sheets(invoice)
        written = write_csv(sheets, folder / f"{stem}.csv")
        book = folder / f"{stem}.xlsx"
        write_xlsx(sheets, book)
        return (pdf, *written, book)

    def issued(self) -> tuple[Invoice, ...]:
        return self._invoices.issued()

    def month(self, month: str) -> tuple[ClientMonth, ...]:
        """Every client with a contract in the month; those without are left out."""
        rows = []
        for client in self.clients():
            try:
                rows.append(ClientMonth(client, month, self.current(client.client_id, month)))
            except NotFound:
                continue
        return tuple(rows)

    def calendar(self, client_id: str, month: str) -> BillingCalendar:
        configuration = self._configuration.load()
        client = self._client(configuration, client_id)
        return billing_calendar(
            site=configuration.site,
            client=client,
            contracts=configuration.contracts,
            meters=self._meter_months(configuration, client, month),
            month=month,
        )

    def _client(self, configuration: Configuration, client_id: str) -> Client:
        client = configuration.client(client_id)
        if client is None:
            known = ", ".join(c.client_id for c in configuration.clients) or "none yet"
            raise NotFound(
                where=f"Client {client_id}",
                what="The site has no such client.",
                remedy=f"It has: {known}.",
            )
        return client

    def _meter_months(
        self, configuration: Configuration, client: Client, month: str
    ) -> tuple[MeterMonth, ...]:
        zone = ZoneInfo(configuration.site.zone)
        rented = {
            space_id
            for contract in configuration.contracts
            if contract.client_id == client.client_id
            for space_id in contract.space_ids
        }
        months = []
        for meter in configuration.meters:
            if meter.space_id not in rented:
                continue
            period = billed_period(
                client_id=client.client_id,
                space_id=meter.space_id,
                contracts=configuration.contracts,
                month=month,
                zone=zone,
            )
            if period is None:
                continue
            register = positive_register(self._ledger, meter.meter_id)
            months.append(
                MeterMonth(
                    meter,
                    self._ledger.intervals(meter.meter_id, *period, register=register),
                    self._ledger.reconciliation(meter.meter_id, *period, register=register),
                )
            )
        return tuple(months)


def file_stem(invoice: Invoice) -> str:
    """`2026-0007` or `draft-acme-2026-03`: letters, digits and dashes only."""
    name = invoice.number or f"draft-{invoice.client.client_id}-{invoice.month}"
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in name)
