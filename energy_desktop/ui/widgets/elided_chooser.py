"""A chooser for names of any length: Qt's own cuts them in the midst of a letter."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from energy_desktop.ui.widgets import paint

_FEWEST_LETTERS = 7


class ElidedChooser(QComboBox):
    """What is chosen, elided in the middle; whole in the tooltip and in the list.

    It would like the width of its longest entry up to `wide` pixels, and gives way to some letters.
    """

    def __init__(self, name: str, parent: QWidget | None = None, *, wide: int = 0) -> None:
        super().__init__(parent)
        self._wide = wide
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        spare = max(0, self.minimumContentsLength() - _FEWEST_LETTERS)
        hint.setWidth(hint.width() - spare * self.fontMetrics().horizontalAdvance("X"))
        return hint

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        metrics = self.fontMetrics()
        frame = hint.width() - self.minimumContentsLength() * metrics.horizontalAdvance("X")
        longest = max(
            (metrics.horizontalAdvance(self.itemText(i)) for i in range(self.count())), default=0
        )
        hint.setWidth(max(hint.width(), min(frame + longest + 4, self._wide)))
        return hint

    def shown_text(self) -> str:
        """What of the choice has room."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        return self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideMiddle, room.width() - 2
        )

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            whole = self.currentText()
            self.setToolTip(paint.plain_tooltip(whole) if self.shown_text() != whole else "")
        return super().event(event)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = self.shown_text()
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
