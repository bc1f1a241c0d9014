"""What depends on the readings and is held against something: sums and issued invoices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain import wording
from energy_desktop.domain.invoice import InvoiceCorrection
from energy_desktop.services.data_quality import SumCheck
from energy_desktop.ui.formatting import UNKNOWN, Formats
from energy_desktop.ui.views.billing_corrections import energy_cell, money_cell, number_cell
from energy_desktop.ui.views.quality import words
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.table import Cell, Column, Table


class SumsTable(QWidget):
    """Every month and day of the period: sum of intervals, register, difference."""

    chosen = Signal(object)  # a SumCheck

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.table: Table[SumCheck] = Table(
            [
                Column(
                    "Day or month",
                    lambda c: Cell(words.sum_title(formats, c), bold=c.whole_month),
                    width=150,
                    sort_key=lambda c: (c.start_ms, not c.whole_month),
                ),
                Column("Intervals, kWh", self._sum, width=112, number=True),
                Column("Register, kWh", self._register, width=104, number=True),
                Column("Estimated, kWh", self._estimated, width=116, number=True),
                Column("Edited, kWh", self._edited, width=92, number=True),
                Column("Sum against register", self._state, stretch=1, sort_key=self._off),
            ],
            key=lambda c: (c.start_ms, c.whole_month),
            name="Sum of intervals against the register, per day and month",
        )
        self.table.setMinimumHeight(self.table.content_height(3))
        self.table.chosen.connect(self._on_chosen)
        column.addWidget(self.table)

    def show_sums(self, months: Sequence[SumCheck], days: Sequence[SumCheck]) -> None:
        rows = sorted((*months, *days), key=lambda c: (c.start_ms, not c.whole_month))
        self.table.show_rows(rows, empty="No day of this period has begun.")

    def _on_chosen(self, check: SumCheck | None) -> None:
        if check is not None:
            self.chosen.emit(check)

    def _sum(self, check: SumCheck) -> Cell:
        proof = check.reconciliation
        nothing = not proof.interval_sum_wh and proof.register_difference_wh is None
        if nothing and proof.missing_intervals:
            return Cell(UNKNOWN)
        return Cell(words.kwh(self._formats, proof.interval_sum_wh), bold=check.whole_month)

    def _register(self, check: SumCheck) -> str:
        return words.kwh(self._formats, check.reconciliation.register_difference_wh)

    def _estimated(self, check: SumCheck) -> str:
        estimated = check.reconciliation.estimated_wh
        return words.kwh(self._formats, estimated) if estimated else ""

    def _edited(self, check: SumCheck) -> str:
        edited = check.reconciliation.edited_wh
        return words.kwh(self._formats, edited) if edited else ""

    def _state(self, check: SumCheck) -> Cell:
        text, look = words.sum_state(self._formats, check)
        return Cell(text, icon="alert-outline" if look else "", icon_token="p2", bold=look)

    @staticmethod
    def _off(check: SumCheck) -> int:
        proof = check.reconciliation
        return -abs(proof.discrepancy_wh or 0) - proof.missing_intervals


class CorrectableInvoices(QWidget):
    """Issued invoices that the ledger no longer bears out. `opened` tells one of them."""

    opened = Signal(object)  # an InvoiceCorrection

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.table: Table[InvoiceCorrection] = Table(
            [
                Column("Invoice", partial(number_cell, formats), stretch=2),
                Column("Issued total", self._issued, width=110, number=True),
                Column("Difference, kWh", partial(energy_cell, formats), width=120, number=True),
                Column("To pay", partial(money_cell, formats), width=110, number=True),
                Column("What changed", self._what, stretch=3),
            ],
            key=lambda c: c.invoice.number,
            two_lines=True,
            name="Issued invoices that are to be corrected",
        )
        self.table.setMinimumHeight(self.table.content_height(2))
        self.table.opened.connect(self.opened)
        self.table.chosen.connect(self._on_chosen)
        column.addWidget(self.table, 1)
        row = QHBoxLayout()
        self.note = paint.label("", "caption", wrap=True)
        row.addWidget(self.note, 1)
        self.open_button = button("Open in Billing", self._open, icon="receipt-text-outline")
        row.addWidget(self.open_button)
        column.addLayout(row)
        self._enable()

    def show_corrections(self, corrections: Sequence[InvoiceCorrection]) -> None:
        self.table.show_rows(
            corrections, empty="Every issued invoice agrees with the readings as they are now."
        )
        self.note.setText(
            "An issued invoice never changes. Billing says what to do, and proves it."
            if corrections
            else ""
        )
        self._enable()

    def _on_chosen(self, row: InvoiceCorrection | None) -> None:
        """The line in full, because the column is too narrow for a sentence."""
        if row is not None:
            self.note.setText(" ".join((row.sentence, *row.unsettled)))
        self._enable(chosen=row is not None)

    def _enable(self, *, chosen: bool = False) -> None:
        self.open_button.setVisible(bool(self.table.rows_model.rows))
        self.open_button.setEnabled(chosen or self.table.chosen_row() is not None)

    def _open(self) -> None:
        row = self.table.chosen_row()
        if row is not None:
            self.opened.emit(row)

    def _issued(self, row: InvoiceCorrection) -> str:
        return self._formats.money(row.invoice.total_units, row.invoice.currency)

    @staticmethod
    def _what(row: InvoiceCorrection) -> Cell:
        second = wording.count(row.changed_intervals, "billed interval") + " changed"
        return Cell(row.sentence, "; ".join((second, *row.unsettled)))
