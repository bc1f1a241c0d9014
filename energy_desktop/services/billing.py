"""Bills a client for use outside contract hours: draft, issue, papers, calendar.

A draft can be made as often as one likes. Issuing asks the store for the next number, freezes the
content and keeps the very bytes of the PDF, so that the paper in the archive is the paper that
was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.analytics.billing.calendar import billing_calendar
from energy_desktop.analytics.billing.corrections import correction, untold
from energy_desktop.analytics.billing.draft import draft_invoice
from energy_desktop.analytics.billing.hours import billed_period, governing, month_days
from energy_desktop.analytics.billing.naive import naive_out_of_hours
from energy_desktop.analytics.billing.split import MeterMonth
from energy_desktop.domain.billing_calendar import BillingCalendar
from energy_desktop.domain.clock import Clock, from_ms, local_month_bounds_ms, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import Client
from energy_desktop.domain.energy import Resolution
from energy_desktop.domain.errors import InvoiceError, NotFound
from energy_desktop.domain.invoice import Invoice, InvoiceCorrection
from energy_desktop.domain.ports import ConfigurationStore, History, InvoiceStore, Ledger
from energy_desktop.services.registers import positive_register

RenderInvoice = Callable[[Invoice], bytes]


@dataclass(frozen=True, slots=True)
class ClientMonth:
    """One row of the list: issued when there is a paper, else what a draft would say."""

    client: Client
    month: str
    invoice: Invoice


@dataclass(frozen=True, slots=True)
class BillingOverview:
    """What can be billed, and what was.

    months: with stored readings, the newest first. number_gaps: numbers that are missing between
    the first and the last of a year; there should never be any.
    """

    clients: tuple[Client, ...]
    months: tuple[str, ...]
    drafts: tuple[Invoice, ...]
    issued: tuple[Invoice, ...]
    next_number: str
    number_gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BillingSheet:
    """A client's month as the screen shows it; the invoice is the issued one or a draft."""

    invoice: Invoice
    calendar: BillingCalendar


_MONTHS_OFFERED = 24


class BillingService:
    """`render` turns an invoice into the bytes of its PDF.

    history None: the naive rival (power samples, integrated) is not computed.
    """

    def __init__(
        self,
        configuration: ConfigurationStore,
        ledger: Ledger,
        invoices: InvoiceStore,
        clock: Clock,
        render: RenderInvoice,
        history: History | None = None,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._invoices = invoices
        self._clock = clock
        self._render = render
        self._history = history

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
            self.paper(issued[-1])
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
        return (self.write_pdf(invoice, folder), *self.write_tables(invoice, folder))

    def write_pdf(self, invoice: Invoice, folder: Path) -> Path:
        """The paper alone."""
        from energy_desktop.reports.files import write_bytes

        pdf = folder / f"{file_stem(invoice)}.pdf"
        write_bytes(pdf, self.paper(invoice))
        return pdf

    def write_tables(self, invoice: Invoice, folder: Path) -> tuple[Path, ...]:
        """The paper's numbers as CSV files and as one Excel book."""
        from energy_desktop.reports.invoice_tables import invoice_sheets
        from energy_desktop.reports.tables import write_csv, write_xlsx

        sheets = invoice_sheets(invoice)
        book = folder / f"{file_stem(invoice)}.xlsx"
        written = write_csv(sheets, folder / f"{file_stem(invoice)}.csv")
        write_xlsx(sheets, book)
        return (*written, book)

    def issued(self) -> tuple[Invoice, ...]:
        return self._invoices.issued()

    def corrections(self) -> tuple[InvoiceCorrection, ...]:
        """Issued invoices that are to be corrected: readings changed since, the paper did not.

        Each is drafted again under its own contract and tariff, so that only readings count.
        """
        configuration = self._configuration.load()
        found = (self.correction(invoice, configuration) for invoice in self._invoices.issued())
        return tuple(one for one in found if one is not None)

    def correction(
        self, issued: Invoice, configuration: Configuration | None = None
    ) -> InvoiceCorrection | None:
        """What is wrong with one issued invoice by now; None: nothing, or it is a draft."""
        if issued.number is None:
            return None
        now = self._drafted_again(issued, configuration or self._configuration.load())
        return correction(issued, now) if isinstance(now, Invoice) else untold(issued, now)

    def redraft(self, issued: Invoice) -> Invoice | None:
        """The same month under the same contract and tariff with the readings of now; None where
        its meters no longer measure what the client rented."""
        now = self._drafted_again(issued, self._configuration.load())
        return now if isinstance(now, Invoice) else None

    def _drafted_again(
        self, issued: Invoice, configuration: Configuration
    ) -> Invoice | tuple[str, ...]:
        """A draft, or the ids of the billed meters that cannot be asked."""
        then = replace(configuration, contracts=issued.contract_versions)
        billed = {m.meter_id for m in issued.meters}
        meters = [
            data
            for data in self._meter_months(then, issued.client, issued.month)
            if data.meter.meter_id in billed
        ]
        if gone := sorted(billed - {data.meter.meter_id for data in meters}):
            return tuple(gone)
        return draft_invoice(
            site=issued.site,
            client=issued.client,
            contracts=issued.contract_versions,
            tariffs=issued.tariff_versions,
            meters=meters,
            month=issued.month,
            now_ms=to_ms(self._clock()),
            spaces=configuration.spaces,
            holidays=dict.fromkeys(issued.holidays, "holiday"),
        )

    def overview(self, month: str = "") -> BillingOverview:
        """The lists of the screen. month: whose drafts are wanted; empty: the newest complete."""
        configuration = self._configuration.load()
        now_ms = to_ms(self._clock())
        zone = ZoneInfo(configuration.site.zone)
        months = self._months(configuration, zone, now_ms)
        issued = self._invoices.issued()
        chosen = month or (months[1] if len(months) > 1 else months[0] if months else "")
        rows = self.month(chosen) if chosen else ()
        return BillingOverview(
            clients=configuration.clients,
            months=months,
            drafts=tuple(row.invoice for row in rows if row.invoice.number is None),
            issued=issued,
            next_number=_next_number(issued, from_ms(now_ms).astimezone(zone).year),
            number_gaps=number_gaps(issued),
        )

    def sheet(self, client_id: str, month: str) -> BillingSheet:
        """Raises NotFound (client, contract) and WrongUse (month)."""
        return BillingSheet(self.current(client_id, month), self.calendar(client_id, month))

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
        meters = self._meter_months(configuration, client, month)
        return billing_calendar(
            site=configuration.site,
            client=client,
            contracts=configuration.contracts,
            meters=meters,
            month=month,
            naive_outside_wh=self._naive_outside_wh(configuration, client, meters, month),
        )

    def _naive_outside_wh(
        self,
        configuration: Configuration,
        client: Client,
        meters: tuple[MeterMonth, ...],
        month: str,
    ) -> int | None:
        """The rival over the same meters; None where one of them has no power samples."""
        if self._history is None or not meters:
            return None
        zone = ZoneInfo(configuration.site.zone)
        first = month_days(month)[0]
        bounds = local_month_bounds_ms(first.year, first.month, zone)
        end_ms = min(bounds[1], to_ms(self._clock()))
        total = 0
        for data in meters:
            versions = [
                v
                for day in month_days(month)
                for v in governing(
                    day, client.client_id, data.meter.space_id, configuration.contracts
                )
            ]
            minutes = self._history.buckets(
                data.meter.meter_id, "power_w", bounds[0], end_ms, Resolution.MINUTE
            )
            known = minutes.n > 0
            if not versions or not known.any():
                return None
            total += naive_out_of_hours(
                minutes.start_ms[known], minutes.mean[known], hours=versions[0].hours, zone=zone
            )
        return total

    def _months(self, configuration: Configuration, zone: ZoneInfo, now_ms: int) -> tuple[str, ...]:
        """Months from the first contract (or, where known, the first reading) until now."""
        if not configuration.contracts:
            return ()
        now = from_ms(now_ms).astimezone(zone)
        begin = min(c.valid_from for c in configuration.contracts)
        first = (begin.year, begin.month)
        if self._history is not None:
            rented = {s for c in configuration.contracts for s in c.space_ids}
            extents = [
                self._history.extent(m.meter_id)
                for m in configuration.meters
                if m.space_id in rented
            ]
            starts = [e[0] for e in extents if e is not None]
            # Imported intervals stand in the ledger alone: then nothing bounds the past.
            if starts and len(starts) == len(extents):
                read = from_ms(min(starts)).astimezone(zone)
                first = max(first, (read.year, read.month))
        months: list[str] = []
        year, number = now.year, now.month
        while (year, number) >= first and len(months) < _MONTHS_OFFERED:
            months.append(f"{year:04d}-{number:02d}")
            year, number = (year, number - 1) if number > 1 else (year - 1, 12)
        return tuple(months)

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


def number_gaps(issued: tuple[Invoice, ...]) -> tuple[str, ...]:
    """Numbers missing between 1 and the last of each year: `("2026-0003",)`."""
    by_year: dict[int, set[int]] = {}
    for invoice in issued:
        year, _, sequence = (invoice.number or "").partition("-")
        if year.isdigit() and sequence.isdigit():
            by_year.setdefault(int(year), set()).add(int(sequence))
    return tuple(
        f"{year}-{number:04d}"
        for year, there in sorted(by_year.items())
        for number in range(1, max(there))
        if number not in there
    )


def _next_number(issued: tuple[Invoice, ...], year: int) -> str:
    """What the store would give now; only for showing, the store decides."""
    last = max(
        (int(i.number[5:]) for i in issued if i.number and i.number.startswith(f"{year}-")),
        default=0,
    )
    return f"{year}-{last + 1:04d}"


def file_stem(invoice: Invoice) -> str:
    """`2026-0007` or `draft-acme-2026-03`: letters, digits and dashes only."""
    name = invoice.number or f"draft-{invoice.client.client_id}-{invoice.month}"
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in name)
