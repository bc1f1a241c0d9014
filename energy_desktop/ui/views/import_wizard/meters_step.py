"""Which meter each series of the files belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.site import Meter
from energy_desktop.services.importing import FileSeries
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint

_LEAVE_OUT = "Leave out"
_ROWS_SHOWN = 200


class MetersStep(QScrollArea):
    """A row a series: what the file holds, and a choice of meters; a new name makes a meter."""

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        self._boxes: dict[tuple[Path, str], QComboBox] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_series(self, series: Sequence[FileSeries], meters: Sequence[Meter]) -> None:
        self._boxes = {}
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 8, 0)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        for k, title in enumerate(("In the file", "What it holds", "Meter")):
            grid.addWidget(paint.label(title, "label"), 0, k)
        for row, one in enumerate(series[:_ROWS_SHOWN], start=1):
            grid.addWidget(paint.label(f"{one.key}\n{one.path.name}", "", wrap=True), row, 0)
            grid.addWidget(paint.label(self._holds(one), "caption", wrap=True), row, 1)
            if one.refused:
                continue
            box = self._box(one, meters)
            grid.addWidget(box, row, 2)
            self._boxes[one.path, one.key] = box
        grid.setColumnStretch(0, 3)
        grid.setColumnStretch(1, 4)
        grid.setColumnStretch(2, 4)
        column.addLayout(grid)
        if len(series) > _ROWS_SHOWN:
            more = len(series) - _ROWS_SHOWN
            column.addWidget(paint.label(f"{more} more series keep the names of the file."))
        column.addStretch(1)
        self.setWidget(holder)

    def targets(self) -> Mapping[tuple[Path, str], str]:
        """The meter of each series that is shown; empty: left out."""
        return {key: _meter_of(box) for key, box in self._boxes.items()}

    def choose(self, key: tuple[Path, str], meter_id: str) -> None:
        self._boxes[key].setEditText(meter_id)

    def _box(self, one: FileSeries, meters: Sequence[Meter]) -> QComboBox:
        box = QComboBox()
        box.setEditable(True)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(20)
        box.setAccessibleName(f"Meter of {one.key}")
        known = {meter.meter_id: meter for meter in meters}
        if one.meter_id not in known:
            box.addItem(f"{one.meter_id} (new)", one.meter_id)
        for meter in meters:
            name = meter.meter_id if meter.name == meter.meter_id else (
                f"{meter.name} ({meter.meter_id})"
            )  # fmt: skip
            box.addItem(name, meter.meter_id)
        box.addItem(_LEAVE_OUT, "")
        box.setCurrentIndex(box.findData(one.meter_id))
        return box

    def _holds(self, one: FileSeries) -> str:
        if one.refused:
            return one.refused
        if one.first_ms is None or one.last_ms is None:
            return f"{self._formats.count(one.rows_read)} rows, none of which can be used"
        first = self._formats.day(one.first_ms, weekday=False, year=True)
        last = self._formats.day(one.last_ms, weekday=False, year=True)
        every = self._formats.duration(one.step_s)
        if not one.is_energy:
            row = quantity(one.quantity)
            low, high = (self._formats.quantity(row.name, value) for value in (one.low, one.high))
            return (
                f"{self._formats.count(one.intervals)} readings of {row.label.lower()} every "
                f"{every}, {first} to {last}, {low} to {high}"
            )
        kind = ", sent back to the grid" if one.quantity == "energy_export_wh" else ""
        return (
            f"{self._formats.count(one.intervals)} intervals of {every}, {first} to {last}, "
            f"{self._formats.energy(one.total_wh)}{kind}"
        )


def _meter_of(box: QComboBox) -> str:
    text = box.currentText().strip()
    index = box.findText(text)
    return str(box.itemData(index)) if index >= 0 else text
