"""One trial read and what it gave: the telling values first, then what looks odd about them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from energy_desktop.domain.driver import TestReading
from energy_desktop.domain.quantities import quantity
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.desk.scrolling import scrolling
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.table import Column, Table

_FIRST_READINGS = (
    "power_w",
    "voltage_v",
    "voltage_l1_v",
    "current_a",
    "current_l1_a",
    "frequency_hz",
    "power_factor",
    "energy_import_wh",
)
_NOT_YET = "Reads once and changes nothing in the meter."
ValueRow = tuple[str, str]


class TrialPanel(QWidget):
    """The button, the values, the remarks. It asks nobody: `on_test` does."""

    def __init__(
        self, formats: Formats, on_test: Callable[[], object], text: str = "Test read"
    ) -> None:
        super().__init__()
        self._formats = formats
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.button = button(text, on_test, icon="play-outline")
        self.state = paint.label(_NOT_YET, wrap=True)
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addWidget(self.state, 1)
        column.addLayout(row)
        self.values: Table[ValueRow] = Table(
            [
                Column("Quantity", lambda r: r[0], stretch=2),
                Column("Value", lambda r: r[1], width=112, number=True),
            ],
            key=lambda r: r[0],
            name="Values of the test read",
        )
        column.addWidget(self.values, 3)
        self.remarks = paint.label("", wrap=True)
        area = scrolling(self.remarks)
        area.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        column.addWidget(area, 1)

    def reset(self) -> None:
        """Another driver or meter: what was read before says nothing of it."""
        self.state.setText(_NOT_YET)
        self.values.show_rows([], empty="")
        self.remarks.setText("")

    def begin(self) -> None:
        self.button.setEnabled(False)
        self.state.setText("Asking the meter.")

    def show_reading(self, reading: TestReading) -> None:
        self.button.setEnabled(True)
        self.state.setText(f"Answered in {self._formats.number(reading.round_trip_ms)} ms.")
        first = [n for n in _FIRST_READINGS if n in reading.values]
        names = [*first, *(n for n in reading.values if n not in first)]
        formats = self._formats
        rows = [(quantity(n).label, formats.quantity(n, reading.values[n])) for n in names]
        rows += [(quantity(n).label, "not available") for n in reading.missing]
        self.values.show_rows(rows, empty="The meter gave no value.")
        self.remarks.setText(
            "\n".join(words.readable(r) for r in reading.remarks) or "Nothing looks odd."
        )

    def show_failure(self) -> None:
        """No reading; why is told by whoever asked."""
        self.button.setEnabled(True)
        self.state.setText("No reading.")
        self.values.show_rows([], empty="No reading.")
        self.remarks.setText("")
