"""The ground of the bars around a page, with a hair line at one edge."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from energy_desktop.ui import theme


class Ground(QWidget):
    """A bar with its own ground and a hair line at one edge."""

    def __init__(self, token: str, edge: Qt.Edge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._token, self._edge = token, edge

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(self._token))
        painter.setPen(QPen(theme.color("line"), 1))
        rect = self.rect()
        if self._edge == Qt.Edge.BottomEdge:
            painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        elif self._edge == Qt.Edge.TopEdge:
            painter.drawLine(rect.topLeft(), rect.topRight())
        else:
            painter.drawLine(rect.topRight(), rect.bottomRight())
