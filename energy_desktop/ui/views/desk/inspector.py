"""Registers as they came, in every word order side by side.

Reads one range of any unit of the chosen bus. The order in which all readings are plausible is
lit; a click on a value makes it a line of a driver.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSizePolicy

from energy_desktop.domain.commissioning import InspectedRegister, Reading
from energy_desktop.domain.driver import RegisterView
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.link_kinds import MODBUS, kind_info
from energy_desktop.domain.register_address import wire_address
from energy_desktop.domain.site import Link, Meter
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.desk.form import whole
from energy_desktop.ui.views.desk.ports import InspectedRange
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import Panel, button, glyph
from energy_desktop.ui.widgets.table import Cell, Column, Table

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
FUNCTIONS = ((4, "04 input"), (3, "03 holding"), (2, "02 inputs"), (1, "01 coils"))
_FIRST_TYPE = "float32"
_BIT_FUNCTIONS = (1, 2)
_COUNT = 24  # registers of a first look: the main values of most maps
_FIRST_ORDER_COLUMN = 3


class Inspector(Panel):
    """Asks nobody: `read_wanted` does, and `show_range` takes what came."""

    read_wanted = Signal(int, int, int, int)  # unit, function, address, count
    line_wanted = Signal(object, object)  # InspectedRegister, Reading
    order_wanted = Signal(int, str, str)  # function, type, order: what a driver's defaults say

    def __init__(self, formats: Formats) -> None:
        super().__init__("Registers")
        self._formats = formats
        self._rows: tuple[InspectedRegister, ...] = ()
        self._proved = ("", "")  # the type and the order that all readings speak for
        self._function = 4  # of what was read
        self._type_chosen = False
        self._where = ""
        self.link: Link | None = None
        self.set_content(self._controls())
        self.table: Table[InspectedRegister] = Table(
            [
                Column("Wire", lambda r: Cell(f"0x{r.address:04X}", mono=True), width=58),
                Column("Manual", lambda r: Cell(r.manual_number, mono=True), width=68),
                Column("Raw bytes", self._raw_cell, width=98),
                *(
                    Column(order, partial(self._value_cell, order), width=78, number=True)
                    for order in ORDERS
                ),
                Column("Reads as", self._meaning_cell, stretch=1),
            ],
            key=lambda r: r.address,
            name="Registers as read",
        )
        self.table.clicked.connect(self._on_clicked)
        self.table.opened.connect(self._on_opened)
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.body.addWidget(self.table, 1)
        self.set_content(self._footer())

    def _controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self.unit = whole(0, 255, 1)
        self.function = QComboBox()
        for number, text in FUNCTIONS:
            self.function.addItem(text, number)
        self.start = QLineEdit("0x0000")
        self.start.setToolTip(
            paint.plain_tooltip("Wire address, as 70 or 0x0046, or the manual's number, as 3x0071")
        )
        self.count = whole(1, 125, _COUNT)
        self.type = QComboBox()
        self.type.addItem(_FIRST_TYPE, _FIRST_TYPE)
        self.type.currentIndexChanged.connect(lambda _: self._show_rows())
        self.type.activated.connect(lambda _: self._on_type_chosen())
        fields = (
            ("Unit", self.unit, 44),
            ("Function", self.function, 96),
            ("Start", self.start, 72),
            ("Count", self.count, 44),
            ("Type", self.type, 82),
        )
        for text, field, width in fields:
            caption = paint.label(text, "label")
            caption.setBuddy(field)
            field.setAccessibleName(text)
            field.setMinimumWidth(width)
            field.setMaximumWidth(width + 10)
            row.addWidget(caption)
            row.addWidget(field)
        self.start.returnPressed.connect(self.read)
        row.addStretch(1)
        self.read_button = button("Read", self.read, icon="refresh")
        row.addWidget(self.read_button)
        return row

    def _footer(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.bulb = glyph("lightbulb-outline", "text2")
        self.bulb.hide()
        row.addWidget(self.bulb)
        self.sentence = paint.label("", wrap=True)
        row.addWidget(self.sentence, 1)
        self.use_button = button("Use ABCD", self._on_use, kind="primary")
        self.use_button.hide()
        row.addWidget(self.use_button)
        return row

    # -------------------------------------------------------- what is asked

    def show_target(
        self, link: Link | None, meter: Meter | None, registers: Sequence[RegisterView] = ()
    ) -> None:
        """The bus and unit to read; a range that its driver begins with is proposed."""
        self.link = link
        title = "Registers" if meter is None else f"Registers of {meter.name}"
        self._where = "" if link is None else link.address
        self.set_title(title, self._where)
        self._rows, self._proved, self._type_chosen = (), ("", ""), False
        self._say("")
        if not self.show_state():
            return
        if meter is not None:
            self.unit.setValue(meter.unit_id)
            self._where += f", unit {meter.unit_id}"
            self.set_subtitle(self._where)
            self.propose(registers)
        self.table.show_rows([], empty="Nothing read yet.")

    def show_unit(self, unit_id: int) -> None:
        """A unit of the bus that is no meter of the site."""
        if self.link is not None:
            self.unit.setValue(unit_id)
            self._where = f"{self.link.address}, unit {unit_id}"
            self.set_subtitle(self._where)

    def show_state(self) -> bool:
        """Body, or why there are no registers; whether there are any."""
        link = self.link
        if link is None:
            self.show_empty("Choose a meter or a bus, or scan one: its registers stand here.")
            return False
        if kind_info(link).protocol != MODBUS:
            label = kind_info(link).label
            self.show_empty(f"{label} has no registers. What comes is under Frames and Values.")
            return False
        self.show_body()
        return True

    def propose(self, registers: Sequence[RegisterView]) -> None:
        """The first range of the driver, so that what is known is seen first."""
        if not registers:
            return
        first = min(registers, key=lambda r: (r.function != registers[0].function, r.address))
        self.function.setCurrentIndex(max(0, self.function.findData(first.function)))
        self.start.setText(f"0x{first.address:04X}")
        self.count.setValue(run_of(first, registers))
        self.choose_type(first.value_format)

    def choose_type(self, value_format: str) -> None:
        if self.type.findData(value_format) < 0:
            self.type.addItem(value_format, value_format)
        self.type.setCurrentIndex(self.type.findData(value_format))

    @property
    def readable(self) -> bool:
        return self.link is not None and kind_info(self.link).protocol == MODBUS

    def read(self) -> None:
        """Tells what is to be read; a start that is no address is said instead."""
        function = int(self.function.currentData())
        try:
            address = wire_address(self.start.text(), function)
        except ValueError as problem:
            self._say(str(problem))
            return
        if self.readable:
            self.read_wanted.emit(self.unit.value(), function, address, self.count.value())

    # -------------------------------------------------------- what came

    def show_range(self, found: InspectedRange) -> None:
        self._rows, self._proved = found.rows, (found.best_format, found.best_order)
        self._function = int(self.function.currentData())
        types = list(dict.fromkeys(r.value_format for row in found.rows for r in row.readings))
        chosen = str(self.type.currentData())
        self.type.blockSignals(True)
        self.type.clear()
        for name in types:
            self.type.addItem(name, name)
        best = found.best_format if found.best_order and not self._type_chosen else chosen
        wanted = self.type.findData(best)
        if wanted < 0:
            wanted = max(0, self.type.findData(_FIRST_TYPE))
        self.type.setCurrentIndex(wanted)
        self.type.blockSignals(False)
        self.show_body()
        took = self._formats.number(found.round_trip_ms)
        self.set_subtitle(f"{self._where}, answered in {took} ms")
        self._say(found.sentence)
        self._show_rows()

    def show_failure(self, error: UserFacingError) -> None:
        """No reading: what was asked stays to be changed."""
        self._rows, self._proved = (), ("", "")
        self.show_body()
        self.set_subtitle(self._where)
        self.table.show_rows([], empty="No reading.")
        self._say(f"{error.what[:1].upper()}{error.what[1:]} {error.remedy}")

    def _say(self, sentence: str) -> None:
        self.sentence.setText(sentence)
        self.bulb.setVisible(bool(sentence))
        self.use_button.hide()

    def _show_rows(self) -> None:
        """Rows that a value of the type begins at; what does not fit whole is not guessed."""
        wanted = str(self.type.currentData())
        step = registers_of(wanted)
        first = self._rows[0].address if self._rows else 0
        rows = [
            r
            for r in self._rows
            if (r.address - first) % step == 0
            and any(one.value_format == wanted for one in r.readings)
        ]
        self.table.show_rows([], empty="")  # the columns follow the type, not the row alone
        self.table.show_rows(rows, empty="Nothing read yet.")
        self.use_button.setVisible(bool(self._best))
        self.use_button.setText(f"Use {self._best}")

    @property
    def _best(self) -> str:
        """The order to light in the chosen type; empty: it is not proved in this one."""
        proved_type, order = self._proved
        return order if proved_type == str(self.type.currentData()) else ""

    def _on_type_chosen(self) -> None:
        self._type_chosen = True

    def _reading(self, row: InspectedRegister, order: str) -> Reading | None:
        return row.reading(str(self.type.currentData()), order)

    # -------------------------------------------------------- cells

    def _raw_cell(self, row: InspectedRegister) -> Cell:
        size = 2 * registers_of(str(self.type.currentData()))
        return Cell(row.raw[:size].hex(" ").upper(), mono=True)

    def _value_cell(self, order: str, row: InspectedRegister) -> Cell:
        reading = self._reading(row, order)
        lit = order == self._best
        if reading is None:
            return Cell("", ground="sel" if lit else "")
        return Cell(
            reading.text,
            bold=lit and bool(reading.reads_as),
            token="text" if lit or reading.reads_as else "text3",
            ground="sel" if lit else "",
        )

    def _meaning_cell(self, row: InspectedRegister) -> Cell:
        orders = (self._best,) if self._best else ORDERS
        for order in orders:
            reading = self._reading(row, order)
            if reading is None or not reading.reads_as:
                continue
            if reading.value != reading.value:
                return Cell(reading.reads_as, icon="minus", icon_token="text3", token="text2")
            return Cell(reading.reads_as, icon="check", icon_token="text2")
        return Cell("", spoken="not plausible as anything")

    # -------------------------------------------------------- making lines

    def _on_clicked(self, index: QModelIndex) -> None:
        column = index.column() - _FIRST_ORDER_COLUMN
        if 0 <= column < len(ORDERS):
            self._want_line(self.table.rows_model.rows[index.row()], ORDERS[column])

    def _on_opened(self, row: object) -> None:
        if isinstance(row, InspectedRegister):
            self._want_line(row, self._best or ORDERS[0])

    def _want_line(self, row: InspectedRegister, order: str) -> None:
        reading = self._reading(row, order)
        if reading is not None:
            self.line_wanted.emit(row, reading)

    def _on_use(self) -> None:
        self.order_wanted.emit(self._function, str(self.type.currentData()), self._best)


def registers_of(value_format: str) -> int:
    """How many registers a value takes: `float32` two, `uint16` one, a bit one."""
    bits = re.search(r"(\d+)$", value_format)
    return max(1, int(bits.group()) // 16) if bits else 1


def run_of(first: RegisterView, registers: Sequence[RegisterView]) -> int:
    """How many registers from `first` on lie without a hole, as far as a first look goes.

    Many meters refuse a read that touches a register which they do not have.
    """
    end = first.address
    for one in sorted(registers, key=lambda r: r.address):
        if one.function == first.function and first.address <= one.address <= end:
            end = max(end, one.address + registers_of(one.value_format))
    return min(_COUNT, end - first.address)
