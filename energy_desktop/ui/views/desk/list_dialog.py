"""A register list from a CSV or Excel file becomes a driver: what was understood is seen first."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.register_list import (
    MANUAL,
    ONE_BASED,
    WIRE,
    ListedRegister,
    RegisterList,
)
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import ViewContext
from energy_desktop.ui.views.desk.choose_file import choose_files
from energy_desktop.ui.views.desk.ports import Drivers
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_NUMBERINGS = (
    ("", "as they look"),
    (WIRE, "wire addresses"),
    (ONE_BASED, "counted from 1"),
    (MANUAL, "manual's 3xxxx, 4xxxx"),
)


class ListDialog(QDialog):
    """`made` tells the text of the new driver."""

    made = Signal(str)

    def __init__(
        self, parent: QWidget | None, context: ViewContext, drivers: Drivers, driver_id: str
    ) -> None:
        """driver_id: proposed for the new driver."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("A driver from a register list")
        self.resize(980, 560)
        self._context = context
        self._drivers = drivers
        self._listing: RegisterList | None = None
        self._path: Path | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        self.answer = paint.label("Choose the register list of the meter.", "step", wrap=True)
        column.addWidget(self.answer)
        self.panel = Panel()
        self.table: Table[ListedRegister] = Table(
            [
                Column("Line", lambda r: str(r.number), width=46, number=True),
                Column("In the list", lambda r: r.name, stretch=5),
                Column("Becomes", self._quantity_cell, stretch=4),
                Column("Wire", self._address_cell, width=64),
                Column("Fn", self._function_cell, width=36),
                Column("Type", lambda r: r.value_format, width=74),
                Column("Scale", self._scale_cell, width=60, number=True),
                Column("Can be used", self._verdict_cell, stretch=6),
            ],
            key=lambda r: r.number,
            name="Registers of the list",
        )
        self.panel.set_content(self.table)
        self.decisions = paint.label("", "label", wrap=True)
        self.panel.set_content(self.decisions)
        self.panel.show_empty(
            "CSV or Excel with a header: address, name, type, scale, unit. Lines that are not "
            "understood are shown and left out.",
            icon="table-large",
            buttons=[("Choose a file", self.choose)],
        )
        column.addWidget(self.panel, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        caption = paint.label("Driver id", "label")
        self.driver_id = QLineEdit(driver_id)
        self.driver_id.setAccessibleName("Driver id")
        caption.setBuddy(self.driver_id)
        row.addWidget(caption)
        row.addWidget(self.driver_id)
        row.addWidget(paint.label("Numbers", "label"))
        self.numbering = QComboBox()
        self.numbering.setAccessibleName("What the numbers of the list mean")
        for value, text in _NUMBERINGS:
            self.numbering.addItem(text, value)
        self.numbering.activated.connect(lambda _: self._read_again())
        row.addWidget(self.numbering)
        row.addWidget(paint.label("Function", "label"))
        self.function = QComboBox()
        self.function.setAccessibleName("Function of the rows that name none")
        for number, text in ((3, "03 holding"), (4, "04 input")):
            self.function.addItem(text, number)
        row.addWidget(self.function)
        row.addStretch(1)
        row.addWidget(button("Leave it", self.reject))
        self.make_button = button("Make the driver", self.make, kind="primary")
        self.make_button.setEnabled(False)
        row.addWidget(self.make_button)
        column.addLayout(row)

    def choose(self) -> None:
        choose_files(
            self,
            "A register list",
            ["Register lists (*.csv *.xlsx *.txt)", "All files (*)"],
            lambda paths: self.read(paths[0]),
        )

    def read(self, path: Path) -> None:
        self._listing, self._path = None, path
        self.make_button.setEnabled(False)
        self.answer.setText(f"Reading {path.name}.")
        self._context.jobs.start(
            partial(self._drivers.read_list, path, numbering=str(self.numbering.currentData())),
            self.show_list,
            self._on_failed,
            title=f"Read {path.name}",
            guard=self,
        )

    def _read_again(self) -> None:
        if self._path is not None:
            self.read(self._path)

    def show_list(self, listing: RegisterList) -> None:
        """Lines that cannot be used first; the others make the driver."""
        self._listing = listing
        self.panel.show_body()
        wrong, good = listing.refused, listing.usable
        self.table.show_rows([*wrong, *good], empty="The file has no line.")
        self.decisions.setText(" ".join(listing.decisions))
        said = f"{words.count(len(good), 'register')} of {listing.source} understood"
        if wrong:
            said += f"; {words.count(len(wrong), 'line')} left out"
        self.answer.setText(f"{said}.")
        self.make_button.setEnabled(bool(good))

    def make(self) -> None:
        listing = self._listing
        if listing is not None:
            driver_id, function = self.driver_id.text().strip(), int(self.function.currentData())
            self._context.jobs.start(
                partial(self._drivers.from_list, listing, driver_id, function),
                self._on_made,
                self._on_failed,
                title="Make the driver",
                guard=self,
            )

    def _on_made(self, text: str) -> None:
        self.accept()
        self.made.emit(text)

    def _on_failed(self, error: UserFacingError) -> None:
        self.answer.setText("No driver was made.")
        self.panel.show_error(error, self.choose)

    @staticmethod
    def _address_cell(row: ListedRegister) -> Cell:
        return Cell("–" if row.address is None else f"0x{row.address:04X}", mono=True)

    @staticmethod
    def _function_cell(row: ListedRegister) -> Cell:
        return Cell("" if row.function is None else f"{row.function:02d}")

    @staticmethod
    def _scale_cell(row: ListedRegister) -> Cell:
        return Cell(f"{row.scale:g}" if not row.error else "")

    @staticmethod
    def _quantity_cell(row: ListedRegister) -> Cell:
        known = QUANTITIES.get(row.quantity)
        return Cell("–", token="text3") if known is None else Cell(known.label)

    @staticmethod
    def _verdict_cell(row: ListedRegister) -> Cell:
        if not row.error:
            return Cell(row.remark or "yes", icon="check")
        return Cell(row.error, bold=True, icon="alert-outline", icon_token="p2")
