"""The parts of a plot: the box with its gestures, the axes, the canvas, the focus ring.

pyqtgraph's classes are subclassed here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGraphicsObject, QStyleOptionGraphicsItem, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint


class Gestures(Protocol):
    """What a box tells of the mouse; x and y in stored units."""

    def zoom(self, factor: float, at: float | None = None) -> None: ...

    def pan(self, shift: float) -> None: ...

    def reset_zoom(self) -> None: ...

    def select(self, start: float, end: float, finished: bool) -> None: ...

    def click(self, x: float, y: float) -> None: ...


class Box(pg.ViewBox):  # type: ignore[misc]
    """Wheel zooms x around the pointer, drag selects a period, double click resets."""

    def __init__(self, gestures: Gestures) -> None:
        super().__init__(enableMenu=False, defaultPadding=0.0)
        self._gestures = gestures
        self.setMouseEnabled(x=True, y=False)
        self.disableAutoRange()

    def wheelEvent(self, event: Any, _: object = None) -> None:
        at = self.mapToView(event.pos()).x()
        self._gestures.zoom(0.8 ** (event.delta() / 120), at)
        event.accept()

    def mouseDragEvent(self, event: Any, _: object = None) -> None:
        event.accept()
        if event.button() == Qt.MouseButton.LeftButton:
            start = self.mapToView(event.buttonDownPos()).x()
            end = self.mapToView(event.pos()).x()
            self._gestures.select(min(start, end), max(start, end), event.isFinish())
        else:
            shift = self.mapToView(event.lastPos()).x() - self.mapToView(event.pos()).x()
            self._gestures.pan(shift)

    def mouseClickEvent(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        event.accept()
        if event.double():
            self._gestures.reset_zoom()
        else:
            at = self.mapToView(event.pos())
            self._gestures.click(at.x(), at.y())


class Axis(pg.AxisItem):  # type: ignore[misc]
    """Text of the ticks that the chart chose; colours from the theme."""

    def __init__(self, side: str, ticks: Callable[[], Sequence[tuple[float, str]]]) -> None:
        super().__init__(side, showValues=True)
        self._ticks = ticks
        self.setStyle(tickLength=0, tickTextOffset=5, autoExpandTextSpace=False)
        self.setStyle(autoReduceTextSpace=False, hideOverlappingLabels=False)
        self.recolour()

    def recolour(self) -> None:
        self.setStyle(tickFont=theme.font(11))
        self.setTextPen(theme.color("text3"))
        bottom = self.orientation == "bottom"
        self.setPen(QPen(theme.color("line2"), 1) if bottom else QPen(Qt.PenStyle.NoPen))
        self.setTickPen(QPen(Qt.PenStyle.NoPen))  # a tick of no length is still a dot

    def tickValues(self, *_: float) -> list[tuple[float, list[float]]]:
        return [(1.0, [value for value, _ in self._ticks()])]

    def tickStrings(self, values: list[float], *_: float) -> list[str]:
        texts = dict(self._ticks())
        return [texts.get(v, "") for v in values]


class Canvas(QGraphicsObject):
    """Paints all marks in the pixels of its view box."""

    def __init__(self, box: Box, draw: Callable[[QPainter, QRectF], None]) -> None:
        super().__init__(box)
        self._box = box
        self._draw = draw
        self._rect = QRectF()

    def boundingRect(self) -> QRectF:
        return QRectF(self._box.rect())

    def resized(self) -> None:
        self.prepareGeometryChange()
        self.update()

    def paint(
        self, painter: QPainter, _: QStyleOptionGraphicsItem, __: QWidget | None = None
    ) -> None:
        self._draw(painter, self._box.rect())


class FocusFrame(QWidget):
    """The focus ring above a plot; it takes no mouse."""

    def __init__(self, plot: QWidget) -> None:
        super().__init__(plot)
        self._plot = plot
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def follow(self, focused: bool) -> None:
        self.setGeometry(self._plot.rect())
        self.setVisible(focused)
        self.raise_()

    def paintEvent(self, _: QPaintEvent) -> None:
        self.setGeometry(self._plot.rect())
        paint.focus_ring(QPainter(self), QRectF(self.rect()))
