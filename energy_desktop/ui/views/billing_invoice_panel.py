"""One invoice: lines with their evidence, totals, and the sum held against the registers."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout

from energy_desktop.domain.invoice import Invoice, InvoiceCorrection, InvoiceLine, MeterEvidence
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views import billing_words as words
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import FactList
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_PRICE, _AMOUNT, _EVIDENCE_COLUMN = 2, 3, 4


class InvoicePanel(Panel):
    """`line_opened` and `meter_opened` tell what a person wants the readings of; `open_wanted` and
    `issue_wanted` follow the buttons."""

    line_opened = Signal(object)  # InvoiceLine
    meter_opened = Signal(object)  # MeterEvidence
    open_wanted = Signal()
    issue_wanted = Signal()

    def __init__(self, formats: Formats) -> None:
        super().__init__("Invoice")
        self._formats = formats
        self._invoice: Invoice | None = None
        self._evidence: dict[int, int] = {}
        self.preview_button = button("Open PDF", self.open_wanted.emit, icon="file-pdf-box")
        self.issue_button = button(
            "Issue invoice", self.issue_wanted.emit, icon="lock-outline", kind="primary"
        )
        self.add_header_widget(self.preview_button)
        self.add_header_widget(self.issue_button)
        self.blockers = paint.label("", wrap=True)
        self.blockers.setVisible(False)
        self.body.addWidget(self.blockers)
        self.lines = self._lines_table()
        self.body.addWidget(self.lines, 1)
        self.totals = FactList()
        totals_row = QHBoxLayout()
        self.remarks = paint.label("", "caption", wrap=True)
        self.remarks.setAlignment(Qt.AlignmentFlag.AlignTop)
        totals_row.addWidget(self.remarks, 1)
        totals_row.addWidget(self.totals)
        self.totals.setMinimumWidth(190)
        self.body.addLayout(totals_row)
        self.reconciliation_title = paint.label("", "title", wrap=True)
        self.body.addWidget(self.reconciliation_title)
        self.meters = self._meters_table()
        self.body.addWidget(self.meters)

    def _lines_table(self) -> Table[InvoiceLine]:
        formats = self._formats
        table: Table[InvoiceLine] = Table(
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
                    "Price per kWh",  # in the invoice's own currency, once one is shown
                    lambda line: formats.unit_price(line.price_per_kwh),
                    width=84,
                    number=True,
                ),
                Column(
                    "Amount", lambda line: formats.amount(line.amount_units), width=70, number=True
                ),
                Column("Evidence", lambda line: Cell(self._evidence_of(line), token="accent")),
            ],
            key=lambda line: (line.day, line.tariff_id, line.tariff_version),
            name="Invoice lines",
        )
        table.setMinimumHeight(table.content_height(2))
        table.opened.connect(self.line_opened)
        table.clicked.connect(self._on_line_clicked)
        return table

    def _meters_table(self) -> Table[MeterEvidence]:
        formats = self._formats
        scale = formats.scale("Wh")
        table: Table[MeterEvidence] = Table(
            [
                Column("Meter", lambda m: Cell(m.meter_name), stretch=3, elide_middle=True),
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
        table.opened.connect(self.meter_opened)
        return table

    # -------------------------------------------------------- showing

    def show_invoice(
        self, invoice: Invoice, next_number: str, correction: InvoiceCorrection | None = None
    ) -> None:
        """next_number: what a draft would get. correction: what is wrong with an issued one."""
        formats = self._formats
        self._invoice = invoice
        issued = invoice.number is not None
        name = f"Invoice {invoice.number}" if issued else "Draft invoice"
        if issued:
            more = f"Locked since {formats.moment(invoice.issued_at_ms)}."
        else:
            more = f"Takes {next_number} when issued." if next_number else ""
        self.set_title(name, more)
        self._evidence = _evidence_counts(invoice)
        sign = formats.sign_of(invoice.currency)
        self.lines.rows_model.retitle(_PRICE, f"{sign} per kWh")
        self.lines.rows_model.retitle(_AMOUNT, sign)
        self.lines.show_rows(invoice.lines, empty="Nothing was used outside contract hours.")
        self.totals.show_facts(
            [
                ("Net", formats.amount(invoice.net_units)),
                (
                    f"Tax {formats.percent(float(invoice.tax_pct))}",
                    formats.amount(invoice.tax_units),
                ),
                (f"Total, {sign}", formats.amount(invoice.total_units), True),
            ]
        )
        tariff = words.tariff_text(formats, invoice)
        more = f"{tariff[:1].upper()}{tariff[1:]}." if tariff else ""
        self.remarks.setText(words.remarks_text(invoice.notes, more))
        self.reconciliation_title.setText(words.reconciliation_sentence(formats, invoice))
        self.meters.show_rows(invoice.meters, empty="No meter measures what the client rents.")
        count = max(1, len(invoice.meters))
        self.meters.setMinimumHeight(self.meters.content_height(min(2, count)))
        self.meters.setMaximumHeight(self.meters.content_height(min(4, count)))
        self.enable(True)
        self.issue_button.setVisible(not issued)
        self.issue_button.setEnabled(not issued and not invoice.blockers)
        reason = invoice.blockers[0] if invoice.blockers else ""
        self.issue_button.setToolTip(paint.plain_tooltip(reason))
        self.issue_button.setAccessibleDescription(reason)
        self.show_correction(correction)

    def show_correction(self, correction: InvoiceCorrection | None) -> None:
        """What speaks against the shown invoice: of a draft, its reasons; of an issued one, what
        the readings say by now."""
        invoice = self._invoice
        if invoice is None:
            return
        if invoice.number is not None:
            text = "" if correction is None else words.correction_text(self._formats, correction)
        else:
            text = words.blocked_text(invoice.blockers)
        self.blockers.setText(text)
        self.blockers.setVisible(bool(text))

    def enable(self, on: bool) -> None:
        self.preview_button.setEnabled(on)
        if not on:
            self.issue_button.setEnabled(False)

    def _evidence_of(self, line: InvoiceLine) -> str:
        invoice = self._invoice
        step_s = invoice.evidence[0].step_s if invoice and invoice.evidence else 900
        count = self._evidence.get(line.day.toordinal(), 0)
        return words.evidence_text(self._formats, count, step_s, line.estimated_wh)

    def _on_line_clicked(self, index: QModelIndex) -> None:
        if index.column() == _EVIDENCE_COLUMN:
            row = self.lines.chosen_row()
            if row is not None:
                self.line_opened.emit(row)


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
