"""What to do, as rows of a figure, its whole sentence and the way to its proof.

Sentences wrap instead of being cut: what is said here is acted on. More rows than fit scroll.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from energy_desktop.domain.recommendation import Recommendation
from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import ElidedLabel, glyph

PLACES = {
    "overview": "Overview",
    "live": "Live",
    "alarms": "Alarms",
    "history": "History",
    "billing": "Billing",
    "maintenance": "Maintenance",
    "forecast": "Forecast & battery",
    "loads": "Loads",
    "meters": "Meters",
    "reports": "Reports",
    "settings": "Settings",
}


class _Row(QWidget):
    opened = Signal(object)

    def __init__(self, advice: Recommendation, formats: Formats) -> None:
        super().__init__()
        self.advice = advice
        figure, told = formats.told(advice.figure), formats.told(advice.sentence)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 5, 6, 6)
        column.setSpacing(1)
        top = QHBoxLayout()
        top.setSpacing(6)
        # In a narrow window the figure gives way, not the arrow: the sentence says it, too.
        top.addWidget(ElidedLabel(figure, "strong", least=80))
        top.addStretch(1)
        top.addWidget(paint.label(PLACES.get(advice.view, advice.view), "caption"))
        top.addWidget(glyph("chevron-right", "text3", 14))
        column.addLayout(top)
        sentence = paint.label(told, "label", wrap=True)
        sentence.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.MinimumExpanding)
        column.addWidget(sentence)
        self.setAccessibleName(f"{told} {figure}")
        self.setAccessibleDescription(f"Opens {PLACES.get(advice.view, advice.view)}")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(
            event.position().toPoint()
        ):
            self.opened.emit(self.advice)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit(self.advice)
        elif event.key() == Qt.Key.Key_Down:
            self.focusNextChild()
        elif event.key() == Qt.Key.Key_Up:
            self.focusPreviousChild()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.color("line"))
        if self.hasFocus():
            paint.focus_ring(painter, QRectF(self.rect()))


class AdviceList(QScrollArea):
    """`opened` carries the Recommendation that was clicked or entered."""

    opened = Signal(object)

    def __init__(self, formats: Formats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        self.setAccessibleName("What to do")
        self._shown: tuple[Recommendation, ...] = ()
        self.rows: list[_Row] = []

    def show_advice(self, advice: Sequence[Recommendation]) -> None:
        """Rows in the order given; equal ones are left alone."""
        if tuple(advice) == self._shown:
            return
        self._shown = tuple(advice)
        inner = QWidget()
        inner.setAutoFillBackground(False)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(0)
        self.rows = []
        for one in advice:
            row = _Row(one, self._formats)
            row.opened.connect(self.opened)
            column.addWidget(row)
            self.rows.append(row)
        column.addStretch(1)
        self.setWidget(inner)
