"""The simulator's switches: mains voltage and lost meters, with what to expect of each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.site import Meter
from energy_desktop.ui.views.loads_words import VOLTAGE_WORDS
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.segmented import Segmented

_UNKNOWN = ("", "As it is")


class SimulationPanel(Panel):
    """Tells what is wanted; the page asks the simulator and shows what it read back."""

    voltage_wanted = Signal(str)
    lost_wanted = Signal(str, bool)  # meter id, lost

    def __init__(self, modes: Sequence[str]) -> None:
        super().__init__("Simulator", "this site is simulated; nothing real is switched")
        self._choices = [(mode, VOLTAGE_WORDS.get(mode, (mode, ""))[0]) for mode in modes]
        # The register can only be written and read back, so the first level is not known.
        self.voltage = Segmented([_UNKNOWN, *self._choices], name="Mains voltage")
        self.voltage.changed.connect(self._on_voltage)
        self.meter = QComboBox()
        self.meter.setAccessibleName("Meter to lose")
        self.meter.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.lose_button = button("Lose meter", lambda: self._want_lost(lost=True))
        self.back_button = button("Bring it back", lambda: self._want_lost(lost=False))
        self.told = paint.label("", "label", wrap=True)
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for parts in (
            (paint.label("Mains voltage", "label"), self.voltage),
            (paint.label("Meter", "label"), self.meter, self.lose_button, self.back_button),
        ):
            row = QHBoxLayout()
            row.setSpacing(8)
            for part in parts:
                row.addWidget(part)
            if self.meter in parts:
                row.addWidget(self.told, 1)
            else:
                row.addStretch(1)
            column.addLayout(row)
        self.set_content(box)

    def show_meters(self, meters: Sequence[Meter]) -> None:
        kept = self.meter.currentData()
        self.meter.clear()
        for meter in meters:
            self.meter.addItem(meter.name, meter.meter_id)
        self.meter.setCurrentIndex(max(0, self.meter.findData(kept)))
        for part in (self.lose_button, self.back_button):
            part.setEnabled(bool(meters))

    def show_voltage(self, mode: str) -> None:
        """What the simulator reads back."""
        self.voltage.set_choices(self._choices)
        self.voltage.set_value(mode)
        name, expected = VOLTAGE_WORDS.get(mode, (mode, "no alarm that is known here."))
        self._tell(f"Reads back: {name.lower()}. Expect {expected}")

    def show_lost(self, name: str, lost: bool) -> None:
        if lost:
            self._tell(f"{name} answers no more. Expect its alarm after its silence limit.")
        else:
            self._tell(f"{name} answers again. Expect values at the next try, or press Try now.")

    def show_voltage_failure(self, error: UserFacingError) -> None:
        """The level is not known any more: the write may have been done or not."""
        self.voltage.set_choices([_UNKNOWN, *self._choices])
        self.voltage.set_value("")
        self.show_failure(error)

    def show_failure(self, error: UserFacingError) -> None:
        self._tell(f"{error.where}: {error.what} {error.remedy}")

    def _tell(self, text: str) -> None:
        self.told.setText(text)
        self.told.setAccessibleName(text)

    def _on_voltage(self, mode: str) -> None:
        if mode:
            self.voltage_wanted.emit(mode)

    def _want_lost(self, *, lost: bool) -> None:
        meter_id = self.meter.currentData()
        if meter_id:
            self.lost_wanted.emit(meter_id, lost)
