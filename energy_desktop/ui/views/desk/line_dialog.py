"""A reading that was clicked: which quantity is it?"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QDialog, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.commissioning import InspectedRegister, Reading
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import FactList
from energy_desktop.ui.widgets.panel import button


class LineDialog(QDialog):
    """`chosen` tells the name of the quantity that the reading is."""

    chosen = Signal(str)

    def __init__(
        self, parent: QWidget, row: InspectedRegister, reading: Reading, quantity: str
    ) -> None:
        """quantity: what it looks like; empty: not known."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("Make a driver line")
        self.setMinimumWidth(440)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(paint.label("What does this register hold?", "step"))
        facts = FactList()
        facts.show_facts(
            [
                ("Register", f"0x{row.address:04X}, {row.manual_number} in the manual"),
                ("Read as", f"{reading.value_format} {reading.word_order}"),
                ("Value", reading.text),
            ]
        )
        column.addWidget(facts)
        self.quantity = QComboBox()
        self.quantity.setEditable(True)
        self.quantity.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.quantity.setAccessibleName("Quantity")
        for name, known in QUANTITIES.items():
            unit = f", {known.unit}" if known.unit else ""
            self.quantity.addItem(f"{known.label}{unit}", name)
        self.quantity.setCurrentIndex(self.quantity.findData(quantity) if quantity else -1)
        completer = QCompleter(self.quantity.model(), self.quantity)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.quantity.setCompleter(completer)
        line = self.quantity.lineEdit()
        if line is not None:
            line.setPlaceholderText("Type what it is: voltage, power, energy")
        column.addWidget(self.quantity)
        column.addWidget(
            paint.label(
                "The value must come in the unit that stands beside the name: a meter that counts "
                "kWh needs scale = 1000 in the line.",
                "label",
                wrap=True,
            )
        )
        row_of_buttons = QHBoxLayout()
        row_of_buttons.addStretch(1)
        row_of_buttons.addWidget(button("Leave it", self.reject))
        self.add_button = button("Add the line", self._on_add, kind="primary")
        self.add_button.setDefault(True)
        row_of_buttons.addWidget(self.add_button)
        column.addLayout(row_of_buttons)
        self.quantity.editTextChanged.connect(lambda _: self._follow())
        self._follow()

    def _name(self) -> str:
        at = self.quantity.findText(self.quantity.currentText(), Qt.MatchFlag.MatchFixedString)
        return str(self.quantity.itemData(at)) if at >= 0 else ""

    def _follow(self) -> None:
        self.add_button.setEnabled(bool(self._name()))

    def _on_add(self) -> None:
        name = self._name()
        if name:
            self.accept()
            self.chosen.emit(name)
