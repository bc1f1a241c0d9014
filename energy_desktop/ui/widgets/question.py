"""A question before something that cannot be undone.

The buttons repeat the question as verbs ("Issue invoice", "Keep as draft"), the safe one has the
focus, and the dialog is not modal to the event loop: it tells the answer and is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import button


class Question(QDialog):
    """`answered` carries True for the deed, False for leaving things as they are (also Esc)."""

    answered = Signal(bool)

    def __init__(
        self,
        parent: QWidget,
        question: str,
        consequence: str,
        *,
        do: str,
        leave: str,
        facts: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle(question)
        self.setMinimumWidth(420)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(paint.label(question, "step", wrap=True))
        if facts:
            column.addLayout(_listed(facts))
        column.addWidget(paint.label(consequence, "answer", wrap=True))
        row = QHBoxLayout()
        row.addStretch(1)
        self.leave_button = button(leave, self.reject)
        self.do_button = button(do, self.accept, kind="primary")
        row.addWidget(self.leave_button)
        row.addWidget(self.do_button)
        column.addLayout(row)
        self.do_button.setAutoDefault(False)
        self.leave_button.setDefault(True)
        self.leave_button.setFocus()
        self.finished.connect(
            lambda result: self.answered.emit(result == QDialog.DialogCode.Accepted)
        )


def _listed(facts: Sequence[tuple[str, str]]) -> QGridLayout:
    """What it is about, as one reads it: names, then words from the left that wrap."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(4)
    grid.setColumnStretch(1, 1)
    for row, (name, value) in enumerate(facts):
        told = paint.label(value, wrap=True)
        told.setAccessibleName(f"{name}: {value}")
        grid.addWidget(paint.label(name, "label"), row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(told, row, 1)
    return grid
