"""Several of a few choices, as boxes in a grid."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QWidget


class Checks(QWidget):
    """`changed` after each tick; `chosen` gives the values in their order."""

    changed = Signal()

    def __init__(
        self,
        choices: Sequence[tuple[str, object]],
        chosen: Sequence[object],
        *,
        per_row: int,
    ) -> None:
        super().__init__()
        self._boxes: list[tuple[QCheckBox, object]] = []
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        for position, (text, value) in enumerate(choices):
            box = QCheckBox(text)
            box.setChecked(value in chosen)
            box.toggled.connect(lambda _: self.changed.emit())
            self._boxes.append((box, value))
            grid.addWidget(box, position // per_row, position % per_row)
        grid.setColumnStretch(per_row, 1)

    def chosen(self) -> list[object]:
        return [value for box, value in self._boxes if box.isChecked()]

    def choose(self, values: Sequence[object]) -> None:
        for box, value in self._boxes:
            box.setChecked(value in values)
