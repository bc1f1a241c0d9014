"""Issued invoices that the readings no longer bear out: by how much, and what to do.

The program does not write credit notes: it says what is wrong and proves it, interval by interval,
and leaves the paper that was issued as it is. What is due then goes through the books. What to do
stands with the invoice itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain import wording
from energy_desktop.domain.invoice import InvoiceCorrection
from energy_desktop.ui.formatting import UNKNOWN, Formats
from energy_desktop.ui.views import billing_words as words
from energy_desktop.ui.widgets.panel import ElidedLabel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table


class CorrectionList(QWidget):
    """`chosen` shows the invoice; `readings_wanted` and `proof_wanted` follow the buttons."""

    chosen = Signal(object)  # InvoiceCorrection
    readings_wanted = Signal(object)
    proof_wanted = Signal(object)

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.table: Table[InvoiceCorrection] = Table(
            [
                Column("Number", partial(number_cell, formats), stretch=3),
                Column("Changed", self._changed, width=104),
                Column("Differs, kWh", partial(energy_cell, formats), width=100, number=True),
                Column("To pay", partial(money_cell, formats), width=90, number=True),
            ],
            key=lambda c: c.invoice.number,
            two_lines=True,
            name="Issued invoices that are to be corrected",
        )
        self.table.setMinimumHeight(self.table.content_height(1))
        self.table.chosen.connect(self._on_chosen)
        column.addWidget(self.table, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.hint = ElidedLabel("", "caption")
        self.readings_button = button(
            "Show readings", self._readings, icon="clipboard-check-outline"
        )
        self.proof_button = button("Save proof", self._proof, icon="file-document-outline")
        row.addWidget(self.hint, 1)
        row.addWidget(self.readings_button)
        row.addWidget(self.proof_button)
        column.addLayout(row)
        self._enable(None)

    def show_corrections(self, corrections: Sequence[InvoiceCorrection]) -> None:
        self.table.show_rows(
            corrections, empty="Every issued invoice agrees with the readings as they are now."
        )
        self._enable(self.table.chosen_row())

    def _on_chosen(self, row: InvoiceCorrection | None) -> None:
        self._enable(row)
        if row is not None:
            self.chosen.emit(row)

    def _enable(self, row: InvoiceCorrection | None) -> None:
        hint = "" if row is not None else "Choose one: what to do stands with the invoice below."
        self.hint.set_text(hint if self.table.rows_model.rows else "")
        self.readings_button.setEnabled(row is not None and row.first_ms is not None)
        self.proof_button.setEnabled(row is not None and row.total_difference_units is not None)

    def _readings(self) -> None:
        row = self.table.chosen_row()
        if row is not None:
            self.readings_wanted.emit(row)

    def _proof(self) -> None:
        row = self.table.chosen_row()
        if row is not None:
            self.proof_wanted.emit(row)

    def _changed(self, row: InvoiceCorrection) -> Cell:
        if row.total_difference_units is None:
            return Cell(UNKNOWN, "cannot be compared")
        text = wording.count(row.changed_intervals, "interval")
        return Cell(text, "not settled yet" if row.unsettled else "")


def number_cell(formats: Formats, row: InvoiceCorrection) -> Cell:
    """The number over client and month."""
    invoice = row.invoice
    month = words.month_name(formats, invoice.month)
    return Cell(invoice.number or "", f"{invoice.client.name}, {month}", bold=True)


def energy_cell(formats: Formats, row: InvoiceCorrection) -> Cell:
    """What is billed more or less, over what lies inside the contract hours."""
    outside, inside = row.outside_difference_wh, row.inside_difference_wh
    if outside is None or inside is None:
        return Cell(UNKNOWN)
    return Cell(_signed_kwh(formats, outside), f"inside {_signed_kwh(formats, inside)}")


def money_cell(formats: Formats, row: InvoiceCorrection) -> Cell:
    """What is to be paid more or less, in the currency of the invoice."""
    total = row.total_difference_units
    text = formats.money(total, row.invoice.currency)
    return Cell(f"+{text}" if total is not None and total > 0 else text, bold=True)


def _signed_kwh(formats: Formats, energy_wh: int) -> str:
    text = formats.number(energy_wh / 1000, 3)
    return f"+{text}" if energy_wh > 0 else text
