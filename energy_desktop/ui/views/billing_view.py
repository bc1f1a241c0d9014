"""What ran outside the contract, and whether it stands up.

Three things on one page, because a bill is argued about with all three: the month's calendar, the
lines with their evidence, and the sum held against the registers. Issuing is off while anything
speaks against it, and says what.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain import wording
from energy_desktop.domain.billing_calendar import BillingCalendar
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.invoice import Invoice, InvoiceLine, MeterEvidence
from energy_desktop.services.billing import BillingOverview, BillingService, BillingSheet
from energy_desktop.ui.views import billing_words as words
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.hour_calendar import HourCalendarView
from energy_desktop.ui.widgets.marks import FactList, Legend, LegendEntry
from energy_desktop.ui.widgets.panel import ElidedLabel, Panel, button
from energy_desktop.ui.widgets.question import Question
from energy_desktop.ui.widgets.table import Cell, Column, Table

_EVIDENCE_COLUMN = 4


class BillingView(BaseView):
    """Client and month above; calendar at the left; invoices, lines and reconciliation right."""

    view_id = "billing"
    title = "Billing"

    def __init__(
        self,
        context: ViewContext,
        billing: BillingService,
        *,
        ask_folder: Callable[[QWidget], str] | None = None,
        open_file: Callable[[Path], object] | None = None,
    ) -> None:
        """ask_folder: where papers are saved. open_file: shows one in the system's own reader."""
        super().__init__(context)
        self._billing = billing
        self._ask_folder = ask_folder or _choose_folder
        self._open_file = open_file or _open
        self._overview: BillingOverview | None = None
        self._sheet: BillingSheet | None = None
        self._wanted: tuple[str, str] | None = None
        self._filling = False  # a list that is filled moves its own selection
        self._evidence: dict[int, int] = {}

        self.body.addLayout(self._filter_row())
        columns = QHBoxLayout()
        columns.setSpacing(8)
        columns.addWidget(self._calendar_panel(), 9)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self._invoices_panel(), 2)
        right.addWidget(self._draft_panel(), 5)
        columns.addLayout(right, 11)
        self.body.addLayout(columns, 1)
        self.save_pdf_action = self.add_page_action("Save PDF", "file-pdf-box", self.print_pdf)
        self.save_tables_action = self.add_page_action(
            "Save CSV and Excel", "file-table-outline", self.export
        )
        self._enable(False)

    # -------------------------------------------------------- building

    def _filter_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.client = QComboBox()
        self.client.setAccessibleName("Client")
        self.month = QComboBox()
        self.month.setAccessibleName("Month")
        for box in (self.client, self.month):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.client.activated.connect(lambda _: self._on_filter(month_changed=False))
        self.month.activated.connect(lambda _: self._on_filter(month_changed=True))
        self.contract = ElidedLabel("", "label")
        self.outside = paint.label("", "label")
        row.addWidget(self.client)
        row.addWidget(self.month)
        row.addWidget(self.contract, 1)
        row.addWidget(self.outside)
        return row

    def _calendar_panel(self) -> Panel:
        self.calendar_panel = Panel("Contract hours and use outside them")
        self.calendar_panel.add_header_widget(
            Legend(
                (
                    LegendEntry("contract hours", "typical", "box", 105),
                    LegendEntry("out of contract", "out_of_contract", "hatch"),
                )
            )
        )
        self.calendar = HourCalendarView(self.formats)
        self.calendar.cell_chosen.connect(self._open_hour)
        self.calendar_panel.body.addWidget(self.calendar, 1)
        self.rival = paint.label("", "caption", wrap=True)
        self.calendar_panel.body.addWidget(self.rival)
        return self.calendar_panel

    def _invoices_panel(self) -> Panel:
        formats = self.formats
        self.invoices_panel = Panel("Invoices")
        self.invoices: Table[Invoice] = Table(
            [
                Column(
                    "Number",
                    lambda i: Cell(
                        i.number or "No number yet",
                        f"{i.client.name}, {words.month_name(formats, i.month)}",
                        bold=i.number is None,
                    ),
                    stretch=3,
                ),
                Column("State", lambda i: Cell(chip=words.status_chip(i)), width=92),
                Column(
                    "Issued",
                    lambda i: "" if i.issued_at_ms is None else formats.day(i.issued_at_ms),
                    width=92,
                ),
                Column("Total", lambda i: formats.money(i.total_units), width=100, number=True),
            ],
            key=lambda i: (i.client.client_id, i.month),
            two_lines=True,
            name="Invoices",
        )
        self.invoices.setMinimumHeight(self.invoices.content_height(2))
        self.invoices.chosen.connect(self._on_invoice)
        self.invoices_panel.set_content(self.invoices)
        return self.invoices_panel

    def _draft_panel(self) -> Panel:
        formats = self.formats
        sign = formats.currency_sign
        scale = formats.scale("Wh")
        self.draft_panel = Panel("Invoice")
        self.preview_button = button("Open PDF", self.open_pdf, icon="file-pdf-box")
        self.issue_button = button(
            "Issue invoice", self._ask_issue, icon="lock-outline", kind="primary"
        )
        self.draft_panel.add_header_widget(self.preview_button)
        self.draft_panel.add_header_widget(self.issue_button)
        self.blockers = paint.label("", wrap=True)
        self.blockers.setVisible(False)
        self.draft_panel.body.addWidget(self.blockers)
        self.lines: Table[InvoiceLine] = Table(
            [
                Column(
                    "Line",
                    lambda line: Cell(
                        formats.day(line.day),
                        icon="approximately-equal" if line.estimated_wh else "",
                    ),
                    width=110,
                ),
                Column(
                    "kWh",
                    lambda line: formats.number(line.energy_wh / 1000, 3),
                    width=74,
                    number=True,
                ),
                Column(
                    f"{sign} per kWh",
                    lambda line: formats.unit_price(line.price_per_kwh),
                    width=84,
                    number=True,
                ),
                Column(sign, lambda line: formats.amount(line.amount_units), width=70, number=True),
                Column(
                    "Evidence",
                    lambda line: Cell(self._evidence_of(line), token="accent"),
                ),
            ],
            key=lambda line: (line.day, line.tariff_id, line.tariff_version),
            name="Invoice lines",
        )
        self.lines.setMinimumHeight(self.lines.content_height(2))
        self.lines.opened.connect(self._open_line)
        self.lines.clicked.connect(self._on_line_clicked)
        self.draft_panel.body.addWidget(self.lines, 1)
        self.totals = FactList()
        totals_row = QHBoxLayout()
        self.remarks = paint.label("", "caption", wrap=True)
        self.remarks.setAlignment(Qt.AlignmentFlag.AlignTop)
        totals_row.addWidget(self.remarks, 1)
        totals_row.addWidget(self.totals)
        self.totals.setMinimumWidth(190)
        self.draft_panel.body.addLayout(totals_row)
        self.reconciliation_title = paint.label("", "title", wrap=True)
        self.draft_panel.body.addWidget(self.reconciliation_title)
        self.meters: Table[MeterEvidence] = Table(
            [
                Column("Meter", lambda m: Cell(m.meter_name), stretch=3),
                Column(
                    "Register",
                    lambda m: _register(scale.text, m, closing=False),
                    width=82,
                    number=True,
                ),
                Column(
                    "to", lambda m: _register(scale.text, m, closing=True), width=82, number=True
                ),
                Column(
                    "Difference",
                    lambda m: Cell(scale.text(m.reconciliation.register_difference_wh), bold=True),
                    width=86,
                    number=True,
                ),
                Column("Inside", lambda m: scale.text(m.inside_wh), width=68, number=True),
                Column("Outside", lambda m: scale.text(m.outside_wh), width=70, number=True),
                Column("Off by", lambda m: words.off_by(formats, m), width=54, number=True),
            ],
            key=lambda m: m.meter_id,
            name="Reconciliation per meter, kWh",
        )
        self.meters.opened.connect(self._open_meter)
        self.draft_panel.body.addWidget(self.meters)
        return self.draft_panel

    # -------------------------------------------------------- loading

    def on_subject_changed(self, subject: Subject) -> None:
        self._follow(subject)

    def on_shown(self) -> None:
        self._follow(self.navigation.subject)

    def _follow(self, subject: Subject) -> None:
        """The search names a client, a link of another page an invoice number."""
        overview = self._overview
        if overview is None or not subject.item_id:
            return
        issued = next((i for i in overview.issued if i.number == subject.item_id), None)
        if issued is not None:
            self.choose(issued.client.client_id, issued.month)
        elif any(c.client_id == subject.item_id for c in overview.clients):
            self.choose(subject.item_id, self._wanted[1] if self._wanted else "")

    def reload(self) -> None:
        month = self._wanted[1] if self._wanted else ""
        self.load(
            lambda: self._billing.overview(month), self.show_overview, panel=self.invoices_panel
        )

    def show_overview(self, overview: BillingOverview) -> None:
        """Choices, drafts and issued invoices."""
        self._overview = overview
        formats = self.formats
        waiting = sum(not d.blockers for d in overview.drafts)
        if not overview.clients:
            self._show_none("No client yet: a client, a contract and a tariff make a bill.")
            self.set_answer("No client yet.")
            return
        if not overview.months:
            self._show_none("No contract yet, so nothing is outside one.")
            self.set_answer("No contract yet.")
            return
        subject = self.navigation.subject.item_id
        first = self._wanted is None
        if self._wanted is None:
            month = overview.drafts[0].month if overview.drafts else ""
            month = month or overview.months[min(1, len(overview.months) - 1)]
            known = {c.client_id for c in overview.clients}
            drafted = [d.client.client_id for d in overview.drafts]
            client = subject if subject in known else (drafted or sorted(known))[0]
            self._wanted = (client, month)
        self._fill(self.client, [(c.name, c.client_id) for c in overview.clients])
        self._fill(self.month, [(words.month_name(formats, m), m) for m in overview.months])
        rows = (*overview.drafts, *reversed(overview.issued))
        self._filling = True
        self.invoices.show_rows(rows, empty="Nothing was used outside a contract.")
        self._filling = False
        gaps = overview.number_gaps
        self.invoices_panel.set_subtitle(
            f"{len(overview.issued)} issued, "
            + (f"numbers missing: {', '.join(gaps)}" if gaps else "no gap in numbers")
        )
        if not waiting and overview.drafts:
            self.set_answer(
                f"{len(overview.drafts)} drafts of "
                f"{words.month_name(formats, overview.drafts[0].month)}; "
                "none can be issued yet."
            )
        elif not waiting:
            self.set_answer("No draft waits.")
        else:
            self.set_answer(
                f"{waiting} draft{'' if waiting == 1 else 's'} "
                f"wait{'s' if waiting == 1 else ''} for you."
            )
        self._select()
        if first or self._sheet is None:
            self._load_sheet()

    def _show_none(self, why: str) -> None:
        buttons = [("Open Settings", lambda: self.navigation.go("settings"))]
        for panel in (self.calendar_panel, self.draft_panel):
            panel.show_empty(why)
        self.invoices_panel.show_empty(why, buttons=buttons)
        self._enable(False)

    @staticmethod
    def _fill(box: QComboBox, entries: list[tuple[str, str]]) -> None:
        if [(box.itemText(i), box.itemData(i)) for i in range(box.count())] != entries:
            box.clear()
            for text, value in entries:
                box.addItem(text, value)

    def _select(self) -> None:
        if self._wanted is None:
            return
        client, month = self._wanted
        self.client.setCurrentIndex(self.client.findData(client))
        self.month.setCurrentIndex(self.month.findData(month))
        self._filling = True
        if not self.invoices.choose((client, month)):
            self.invoices.clearSelection()
        self._filling = False

    def choose(self, client_id: str, month: str) -> None:
        """Shows that client's month."""
        if not client_id or not month or self._wanted == (client_id, month):
            return
        other_month = self._wanted is None or self._wanted[1] != month
        self._wanted = (client_id, month)
        self._select()
        self._load_sheet()
        if other_month:
            self.reload()

    def _on_filter(self, *, month_changed: bool) -> None:
        client, month = self.client.currentData(), self.month.currentData()
        if client and month and self._wanted != (client, month):
            self._wanted = (str(client), str(month))
            self._load_sheet()
            if month_changed:
                self.reload()
            else:
                self._select()

    def _on_invoice(self, row: object) -> None:
        if self._filling:
            return
        if isinstance(row, Invoice) and self._wanted != (row.client.client_id, row.month):
            self._wanted = (row.client.client_id, row.month)
            self._select()
            self._load_sheet()

    def _load_sheet(self) -> None:
        if self._wanted is None:
            return
        client, month = self._wanted
        self._enable(False)
        self.load(
            lambda: self._billing.sheet(client, month),
            self.show_sheet,
            panels=(self.draft_panel, self.calendar_panel),
            key="sheet",
        )

    # -------------------------------------------------------- showing

    def show_sheet(self, sheet: BillingSheet) -> None:
        """The month of one client: calendar and invoice."""
        self._sheet = sheet
        invoice = sheet.invoice
        self._wanted = (invoice.client.client_id, invoice.month)
        self._show_calendar(sheet.calendar)
        self._show_invoice(invoice)
        self._select()

    def _show_calendar(self, calendar: BillingCalendar) -> None:
        formats = self.formats
        self.calendar_panel.set_title(words.month_name(formats, calendar.month))
        self.calendar.show_calendar(words.hour_calendar(formats, calendar, formats.now_ms()))
        pale = formats.percent(100 * words.STANDBY_SHARE)
        self.rival.setText(
            f"Hours under {pale} of the worst one stay pale; they are billed all the same. "
            + words.rival_sentence(formats, calendar)
        )
        self.outside.setText(f"{formats.energy(calendar.outside_wh)} out of contract")

    def _show_invoice(self, invoice: Invoice) -> None:
        formats = self.formats
        issued = invoice.number is not None
        self.contract.set_text(words.contract_text(invoice))
        name = f"Invoice {invoice.number}" if issued else "Draft invoice"
        if issued:
            more = f"Locked since {formats.moment(invoice.issued_at_ms)}."
        else:
            number = self._overview.next_number if self._overview else ""
            more = f"Takes {number} when issued." if number else ""
        self.draft_panel.set_title(name, more)
        self.blockers.setText("Not to be issued yet: " + " ".join(invoice.blockers))
        self.blockers.setVisible(bool(invoice.blockers) and not issued)
        self._evidence = _evidence_counts(invoice)
        self.lines.show_rows(invoice.lines, empty="Nothing was used outside contract hours.")
        self.totals.show_facts(
            [
                ("Net", formats.amount(invoice.net_units)),
                (
                    f"Tax {formats.percent(float(invoice.tax_pct))}",
                    formats.amount(invoice.tax_units),
                ),
                (f"Total, {formats.currency_sign}", formats.amount(invoice.total_units), True),
            ]
        )
        tariff = words.tariff_text(formats, invoice)
        self.remarks.setText(
            " ".join((*invoice.notes, f"{tariff[:1].upper()}{tariff[1:]}." if tariff else ""))
        )
        self.reconciliation_title.setText(words.reconciliation_sentence(formats, invoice))
        self.meters.show_rows(invoice.meters, empty="No meter measures what the client rents.")
        count = max(1, len(invoice.meters))
        self.meters.setMinimumHeight(self.meters.content_height(min(2, count)))
        self.meters.setMaximumHeight(self.meters.content_height(min(4, count)))
        self._enable(True)
        self.issue_button.setVisible(not issued)
        self.issue_button.setEnabled(not issued and not invoice.blockers)
        reason = invoice.blockers[0] if invoice.blockers else ""
        self.issue_button.setToolTip(paint.plain_tooltip(reason))
        self.issue_button.setAccessibleDescription(reason)

    def _enable(self, on: bool) -> None:
        self.save_pdf_action.setEnabled(on)
        self.save_tables_action.setEnabled(on)
        self.preview_button.setEnabled(on)
        if not on:
            self.issue_button.setEnabled(False)

    def _evidence_of(self, line: InvoiceLine) -> str:
        invoice = None if self._sheet is None else self._sheet.invoice
        step_s = invoice.evidence[0].step_s if invoice and invoice.evidence else 900
        count = self._evidence.get(line.day.toordinal(), 0)
        return words.evidence_text(self.formats, count, step_s, line.estimated_wh)

    # -------------------------------------------------------- evidence

    def _on_line_clicked(self, index: QModelIndex) -> None:
        if index.column() == _EVIDENCE_COLUMN:
            row = self.lines.chosen_row()
            if row is not None:
                self._open_line(row)

    def _open_line(self, line: object) -> None:
        """The readings of that day, of the meter that used most of it."""
        if isinstance(line, InvoiceLine):
            self._go(line.first_start_ms, line.last_end_ms)

    def _open_hour(self, day: int, hour: int) -> None:
        if self._sheet is not None:
            start = self._sheet.calendar.days[day].start_ms + hour * 3_600_000
            self._go(start, start + 3_600_000)

    def _open_meter(self, meter: object) -> None:
        if isinstance(meter, MeterEvidence) and self._sheet is not None:
            invoice = self._sheet.invoice
            self.navigation.choose(period_ms=(invoice.period_start_ms, invoice.period_end_ms))
            self.navigation.go("history", meter_id=meter.meter_id)

    def _go(self, start_ms: int, end_ms: int) -> None:
        if self._sheet is None:
            return
        used: dict[str, int] = {m.meter_id: 0 for m in self._sheet.invoice.meters}
        for one in self._sheet.invoice.evidence:
            if start_ms <= one.start_ms < end_ms:
                used[one.meter_id] = used.get(one.meter_id, 0) + one.energy_wh
        if used:
            self.navigation.choose(period_ms=(start_ms, end_ms))
            self.navigation.go("history", meter_id=max(used, key=lambda m: used[m]))

    # -------------------------------------------------------- papers

    def open_pdf(self) -> None:
        """Opens the paper, of a draft marked as such, in the system's own reader."""
        invoice = self._invoice()
        if invoice is not None:
            self._paper(
                "open",
                lambda: self._billing.write_pdf(invoice, Path(tempfile.mkdtemp(prefix="bill-"))),
                self._open_file,
            )

    def print_pdf(self) -> None:
        """Ctrl P: the PDF into a folder of choice."""
        invoice = self._invoice()
        folder = self._ask_folder(self) if invoice is not None else ""
        if invoice is not None and folder:
            self._paper(
                "pdf",
                lambda: self._billing.write_pdf(invoice, Path(folder)),
                lambda path: self.set_answer(f"Saved {path.name} in {folder}."),
            )

    def export(self) -> None:
        """Ctrl E: the same numbers as CSV and Excel into a folder of choice."""
        invoice = self._invoice()
        folder = self._ask_folder(self) if invoice is not None else ""
        if invoice is not None and folder:
            self._paper(
                "tables",
                lambda: self._billing.write_tables(invoice, Path(folder)),
                lambda paths: self.set_answer(f"Saved {len(paths)} files in {folder}."),
            )

    def _invoice(self) -> Invoice | None:
        return None if self._sheet is None else self._sheet.invoice

    def _paper(self, key: str, work: Callable[[], object], done: Callable[..., object]) -> None:
        self.load(work, done, key=key, title="Papers", on_error=self._not_done)

    def _not_done(self, error: UserFacingError) -> None:
        self.set_answer(f"{error.where}: {error.what} {error.remedy}".strip())

    # -------------------------------------------------------- issuing

    def _ask_issue(self) -> None:
        invoice = self._invoice()
        if invoice is None or invoice.number is not None or invoice.blockers:
            return
        formats = self.formats
        number = self._overview.next_number if self._overview else "the next one"
        self.question = Question(
            self,
            f"Issue the invoice for {invoice.client.name}?",
            "Its number and content can never change afterwards.",
            do="Issue invoice",
            leave="Keep as draft",
            facts=[
                ("Month", wording.month(invoice.month)),
                ("Out of contract", formats.energy(invoice.outside_wh)),
                ("Total", formats.money(invoice.total_units)),
                ("Number", number),
            ],
        )
        self.question.answered.connect(lambda yes: self._issue(invoice) if yes else None)
        self.question.open()

    def _issue(self, draft: Invoice) -> None:
        client, month = draft.client.client_id, draft.month
        self._enable(False)
        self.load(
            lambda: self._billing.issue(client, month),
            self._issued,
            panel=self.draft_panel,
            key="issue",
            title=f"Invoice for {draft.client.name}",
            on_error=self._not_issued,
        )

    def _issued(self, invoice: Invoice) -> None:
        if self._sheet is not None:
            self.show_sheet(BillingSheet(invoice, self._sheet.calendar))
        self.reload()

    def _not_issued(self, error: UserFacingError) -> None:
        self._not_done(error)
        self._load_sheet()


def _evidence_counts(invoice: Invoice) -> dict[int, int]:
    """Billed intervals by local day (ordinal)."""
    bounds = [
        (line.first_start_ms, line.last_end_ms, line.day.toordinal()) for line in invoice.lines
    ]
    counts: dict[int, int] = {}
    at = 0
    for one in sorted(invoice.evidence, key=lambda e: e.start_ms):
        while at + 1 < len(bounds) and one.start_ms >= bounds[at + 1][0]:
            at += 1
        if bounds and bounds[at][0] <= one.start_ms < bounds[at][1]:
            counts[bounds[at][2]] = counts.get(bounds[at][2], 0) + 1
    return counts


def _register(text: Callable[[float | None], str], meter: MeterEvidence, *, closing: bool) -> str:
    held = meter.reconciliation
    reading = held.closing if closing else held.opening
    return text(None if reading is None else reading.value_wh)


def _choose_folder(parent: QWidget) -> str:
    return QFileDialog.getExistingDirectory(parent, "Save into this folder")


def _open(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
