"""A field for a number with decimals, in which "," and "." both part them.

Qt takes the sign that its locale does not part with for a group and drops it: who types 1,5 on the
keypad of a German keyboard would have entered 15.
"""

from __future__ import annotations

from PySide6.QtCore import QLocale
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QWidget


class DecimalBox(QDoubleSpinBox):
    """Shows a point, whatever was typed, and never groups."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLocale(QLocale.c())
        self.setGroupSeparatorShown(False)
        self.lineEdit().setTextMargins(6, 0, 6, 0)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        typed = _pointed(text)
        if typed.count(".") > 1:
            return QValidator.State.Invalid, text, position
        state, _, _ = super().validate(typed, position)
        return state, typed, position

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(_pointed(text))


def _pointed(text: str) -> str:
    return text.replace(",", ".")
