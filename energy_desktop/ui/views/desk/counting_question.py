"""Asks what becomes of the past when a meter is to be counted in another way.

Three ways out, each a verb that says what it does; leaving has the focus, because the other two
change what bills stand on, one at once and one from now on.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.recount import CountingChange, Past
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import button


class CountingQuestion(QDialog):
    """`answered` carries a Past, or None for leaving everything as it is (also Esc)."""

    answered = Signal(object)

    def __init__(self, parent: QWidget, changes: Sequence[CountingChange]) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("Recalculate the past?")
        self.setMinimumWidth(520)
        self._answer: Past | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(
            paint.label("Recalculate the past, or count so from now on?", "step", wrap=True)
        )
        for change in changes:
            column.addWidget(paint.label(change.sentence, "strong", wrap=True))
            column.addWidget(paint.label(f"Recalculate: {change.recalculate}", "answer", wrap=True))
            column.addWidget(paint.label(f"From now on: {change.keep}", "answer", wrap=True))
        row = QHBoxLayout()
        row.addStretch(1)
        self.leave_button = button("Leave unchanged", self.reject)
        self.recalculate_button = button(
            "Recalculate the past", lambda: self._decide(Past.RECALCULATE)
        )
        self.keep_button = button("Count so from now on", lambda: self._decide(Past.KEEP))
        for one in (self.leave_button, self.recalculate_button, self.keep_button):
            one.setAutoDefault(False)
            row.addWidget(one)
        column.addLayout(row)
        self.leave_button.setDefault(True)
        self.leave_button.setFocus()
        self.finished.connect(lambda _: self.answered.emit(self._answer))

    def _decide(self, past: Past) -> None:
        self._answer = past
        self.accept()
