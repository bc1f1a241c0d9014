"""The head of a page: title, the sentence that answers it, at most two actions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QWidget

from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import ElidedLabel, button


class PageHeader(QWidget):
    """Title, the sentence that answers it, at most two actions."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(48)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 8, 12, 8)
        self._row.setSpacing(8)
        self._title = paint.label("", "page")
        self._answer = ElidedLabel("", "answer")
        self._row.addWidget(self._title)
        self._row.addSpacing(5)
        self._row.addWidget(self._answer, 1)
        self._buttons: list[QWidget] = []

    def show_title(self, title: str, answer: str) -> None:
        self._title.setText(title)
        self._answer.set_text(answer)

    def show_actions(self, actions: Sequence[QAction]) -> None:
        for made in self._buttons:
            self._row.removeWidget(made)
            made.hide()
            made.deleteLater()
        self._buttons = []
        for action in actions:
            made = button(action.text())
            made.setIcon(action.icon())
            made.setEnabled(action.isEnabled())
            keys = action.shortcut().toString()
            made.setToolTip(paint.plain_tooltip(f"{action.text()}  {keys}".strip()))
            made.clicked.connect(partial(_trigger, action))
            action.enabledChanged.connect(made.setEnabled)
            self._row.addWidget(made)
            self._buttons.append(made)


def _trigger(action: QAction, _: bool = False) -> None:
    action.trigger()
