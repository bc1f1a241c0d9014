"""What ran outside the contract, and whether it stands up.

Three things on one page, because a bill is argued about with all three: the month's calendar, the
lines with their evidence, and the sum held against the registers. Issuing is off while anything
speaks against it, and says what.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain import wording
from energy_desktop.domain.billing_calendar import BillingCalendar
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.invoice import (
    Invoice,
    InvoiceCorrection,
    InvoiceLine,
    MeterEvidence,
)
from energy_desktop.services.billing import BillingOverview, BillingService, BillingSheet
from energy_desktop.services.correction_papers import CorrectionPapers
from energy_desktop.ui.views import billing_words as words
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.billing_corrections import CorrectionList
from energy_desktop.ui.views.billing_invoice_panel import InvoicePanel
from energy_desktop.ui.views.desk.choose_file import choose_target
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.hour_calendar import HourCalendarView
from energy_desktop.ui.widgets.marks import Legend, LegendEntry
from energy_desktop.ui.widgets.paint import Chip
from energy_desktop.ui.widgets.panel import ElidedLabel, Panel
from energy_desktop.ui.widgets.question import Question
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Cell, Column, Table

INVOICES, CORRECTIONS = "invoices", "corrections"


class BillingView(BaseView):
    """Client and month above; calendar at the left; invoices, lines and reconciliation right."""

    view_id = "billing"
    title = "Billing"
    follows_energy = True

    def __init__(
        self,
        context: ViewContext,
        billing: BillingService,
        *,
        proofs: CorrectionPapers | None = None,
        ask_folder: Callable[[QWidget], str] | None = None,
        open_file: Callable[[Path], object] | None = None,
    ) -> None:
        """proofs: papers of what is wrong with issued invoices. ask_folder: where papers are saved.
        open_file: shows one in the system's own reader."""
        super().__init__(context)
        self._billing = billing
        self._proofs = proofs
        self._corrections: tuple[InvoiceCorrection, ...] = ()
        self._ask_folder = ask_folder or _choose_folder
        self._open_file = open_file or _open
        self._overview: BillingOverview | None = None
        self._sheet: BillingSheet | None = None
        self._wanted: tuple[str, str] | None = None
        self._filling = False  # a list that is filled moves its own selection

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
                Column("State", lambda i: Cell(chip=self._state(i)), width=92),
                Column(
                    "Issued",
                    lambda i: "" if i.issued_at_ms is None else formats.day(i.issued_at_ms),
                    width=92,
                ),
                Column(
                    "Total",
                    lambda i: formats.money(i.total_units, i.currency),
                    width=100,
                    number=True,
                ),
            ],
            key=lambda i: (i.client.client_id, i.month),
            two_lines=True,
            name="Invoices",
        )
        self.invoices.setMinimumHeight(self.invoices.content_height(2))
        self.invoices.chosen.connect(self._on_invoice)
        self.corrections = CorrectionList(formats)
        self.corrections.chosen.connect(self._on_correction)
        self.corrections.readings_wanted.connect(self._open_changed)
        self.corrections.proof_wanted.connect(self._ask_proof)
        self.lists = Segmented(
            ((INVOICES, "Invoices"), (CORRECTIONS, "To be corrected")), name="List"
        )
        self.lists.changed.connect(self.show_list)
        self.invoices_panel.add_header_widget(self.lists)
        self.list_pages = QStackedWidget()
        self.list_pages.addWidget(self.invoices)
        self.list_pages.addWidget(self.corrections)
        self.invoices_panel.set_content(self.list_pages)
        return self.invoices_panel

    def _draft_panel(self) -> InvoicePanel:
        self.draft_panel = InvoicePanel(self.formats)
        self.draft_panel.open_wanted.connect(self.open_pdf)
        self.draft_panel.issue_wanted.connect(self._ask_issue)
        self.draft_panel.line_opened.connect(self._open_line)
        self.draft_panel.meter_opened.connect(self._open_meter)
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
        self._load_lists()
        self._load_sheet()

    def _load_lists(self) -> None:
        month = self._wanted[1] if self._wanted else ""
        self.load(
            lambda: self._billing.overview(month), self.show_overview, panel=self.invoices_panel
        )
        # Each issued invoice is drafted again for it: apart, so that the lists need not wait.
        self.load(
            self._billing.corrections,
            self.show_corrections,
            key="corrections",
            title="Issued invoices against the readings",
            on_error=self._not_done,
        )

    def show_overview(self, overview: BillingOverview) -> None:
        """Choices, drafts and issued invoices."""
        self._overview = overview
        formats = self.formats
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
        self._show_rows(overview)
        gaps = overview.number_gaps
        self.invoices_panel.set_subtitle(
            f"{len(overview.issued)} issued, "
            + (f"numbers missing: {', '.join(gaps)}" if gaps else "no gap in numbers")
        )
        self._tell(overview)
        self._select()
        if first or self._sheet is None:
            self._load_sheet()

    def _show_rows(self, overview: BillingOverview) -> None:
        self._filling = True
        self.invoices.show_rows(
            (*overview.drafts, *reversed(overview.issued)),
            empty="Nothing was used outside a contract.",
        )
        self._filling = False

    def _state(self, invoice: Invoice) -> Chip:
        return words.status_chip(invoice, wrong=self._correction_of(invoice) is not None)

    def _tell(self, overview: BillingOverview) -> None:
        """The page's answer: what waits, and what is wrong with what was issued."""
        told = words.waiting_sentence(self.formats, overview.drafts)
        if self._corrections:
            many = wording.count(len(self._corrections), "issued invoice")
            told += f" {many} {'is' if len(self._corrections) == 1 else 'are'} to be corrected."
        self.set_answer(told)

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
            self._load_lists()

    def _on_filter(self, *, month_changed: bool) -> None:
        client, month = self.client.currentData(), self.month.currentData()
        if client and month and self._wanted != (client, month):
            self._wanted = (str(client), str(month))
            self._load_sheet()
            if month_changed:
                self._load_lists()
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
        self.contract.set_text(words.contract_text(invoice))
        number = self._overview.next_number if self._overview else ""
        self.draft_panel.show_invoice(invoice, number, self._correction_of(invoice))
        self._enable(True)

    def _correction_of(self, invoice: Invoice) -> InvoiceCorrection | None:
        if invoice.number is None:
            return None
        return next((c for c in self._corrections if c.invoice.number == invoice.number), None)

    def show_corrections(self, corrections: Sequence[InvoiceCorrection]) -> None:
        """Issued invoices that the readings no longer bear out."""
        self._corrections = tuple(corrections)
        self.corrections.show_corrections(corrections)
        many = f"To be corrected {len(corrections)}" if corrections else "To be corrected"
        self.lists.set_choices(((INVOICES, "Invoices"), (CORRECTIONS, many)))
        if self._overview is not None and self._overview.months:
            self._show_rows(self._overview)
            self._tell(self._overview)
        if self._sheet is not None:
            invoice = self._sheet.invoice
            self.draft_panel.show_correction(self._correction_of(invoice))

    def _enable(self, on: bool) -> None:
        self.save_pdf_action.setEnabled(on)
        self.save_tables_action.setEnabled(on)
        if not on:
            self.draft_panel.enable(False)

    # -------------------------------------------------------- evidence

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

    # -------------------------------------------------------- corrections

    def show_list(self, which: str) -> None:
        """Drafts and invoices, or what of the issued ones is wrong by now."""
        self.lists.set_value(which)
        self.list_pages.setCurrentIndex((INVOICES, CORRECTIONS).index(which))

    def _on_correction(self, row: InvoiceCorrection) -> None:
        self.choose(row.invoice.client.client_id, row.invoice.month)

    def _open_changed(self, row: InvoiceCorrection) -> None:
        """The readings that changed, of the billed meter that has most of them."""
        if row.first_ms is None or row.last_end_ms is None:
            return
        billed: dict[str, int] = {m.meter_id: 0 for m in row.invoice.meters}
        for one in row.invoice.evidence:
            if row.first_ms <= one.start_ms < row.last_end_ms:
                billed[one.meter_id] = billed.get(one.meter_id, 0) + 1
        self.navigation.choose(period_ms=(row.first_ms, row.last_end_ms))
        self.navigation.go("quality", meter_id=max(billed, key=lambda m: billed[m]))

    def _ask_proof(self, row: InvoiceCorrection) -> None:
        name = f"correction-{row.invoice.number}.pdf"
        choose_target(
            self,
            "Save the proof",
            name,
            "PDF (*.pdf);;CSV (*.csv);;Excel (*.xlsx)",
            partial(self.save_proof, row),
        )

    def save_proof(self, row: InvoiceCorrection, out: Path) -> None:
        """Every interval that changed, before and after, with what it comes to."""
        proofs = self._proofs
        if proofs is not None:
            self._paper(
                "proof",
                lambda: proofs.write(row, out),
                lambda paths: self.set_answer(f"Saved {', '.join(p.name for p in paths)}."),
            )

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
                ("Total", formats.money(invoice.total_units, invoice.currency)),
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


def _choose_folder(parent: QWidget) -> str:
    return QFileDialog.getExistingDirectory(parent, "Save into this folder")


def _open(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
