"""One dot for each meter, grouped by its bus: grey is normal, shape and colour say what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolTip, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint

DotState = Literal["good", "late", "lost", "frozen", "waiting"]
CELL = 13.0
PER_ROW = 4


@dataclass(frozen=True, slots=True)
class Dot:
    """A meter. text: what is the matter, for the tooltip ("lost 15 min")."""

    meter_id: str
    name: str
    state: DotState = "good"
    text: str = ""


@dataclass(frozen=True, slots=True)
class DotGroup:
    name: str
    dots: tuple[Dot, ...]


class MeterDots(QWidget):
    """Groups side by side, in the shape that takes the least height; arrows move, Enter opens the
    meter. It grows downwards with its dots: put it into a `DotsArea` where hundreds are possible.
    """

    meter_chosen = Signal(str)
    reached = Signal(QRectF)  # the box of the dot that the arrows came to

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups: tuple[DotGroup, ...] = ()
        self._boxes: list[tuple[Dot, QRectF]] = []
        self._at: list[QPointF] = []  # top left of each group
        self._per_row = PER_ROW
        self._focused = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_groups(self, groups: tuple[DotGroup, ...]) -> None:
        if groups == self._groups:
            return
        self._groups = groups
        dots = [d for g in groups for d in g.dots]
        bad = [f"{d.name} {d.text or d.state}" for d in dots if d.state != "good"]
        self.setAccessibleName(f"{len(dots) - len(bad)} of {len(dots)} meters answering")
        self.setAccessibleDescription(", ".join(bad))
        self.setMinimumHeight(round(self._lay_out()) + 2)
        self.updateGeometry()
        self.update()

    def _group_width(self, group: DotGroup, per_row: int) -> float:
        columns = min(per_row, max(PER_ROW, len(group.dots)))
        return max(columns * CELL, paint.text_width(group.name, 11)) + 10

    def _corners(self, per_row: int) -> tuple[list[QPointF], float]:
        """Where each group begins with so many dots in a row, and the height of all."""
        room = max(self.width(), 100)
        corners = []
        left = top = tallest = 0.0
        for group in self._groups:
            wide = self._group_width(group, per_row)
            if left and left + wide > room:
                left, top, tallest = 0.0, top + tallest + 8, 0.0
            corners.append(QPointF(left, top))
            rows = -(-max(1, len(group.dots)) // per_row)
            tallest = max(tallest, 18 + rows * CELL)
            left += wide
        return corners, top + tallest

    def _lay_out(self) -> float:
        """Boxes of all dots for the present width; returns the height needed."""
        most = max(PER_ROW, int((max(self.width(), 100) - 10) // CELL))
        longest = max((len(g.dots) for g in self._groups), default=0)
        shapes = range(PER_ROW, max(PER_ROW, min(most, longest)) + 1)
        self._per_row = min(shapes, key=lambda n: self._corners(n)[1])
        self._at, height = self._corners(self._per_row)
        self._boxes = []
        for group, corner in zip(self._groups, self._at, strict=True):
            for place, dot in enumerate(group.dots):
                row, column = divmod(place, self._per_row)
                self._boxes.append(
                    (
                        dot,
                        QRectF(corner.x() + column * CELL, corner.y() + 18 + row * CELL, 11, 11),
                    )
                )
        return height

    def sizeHint(self) -> QSize:
        return QSize(280, round(self._lay_out()) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, round(self._lay_out()) + 2)

    def resizeEvent(self, _: QResizeEvent) -> None:
        self.setMinimumHeight(round(self._lay_out()) + 2)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        for group, corner in zip(self._groups, self._at, strict=True):
            paint.draw_text(
                painter,
                QRectF(corner, QSizeF(self._group_width(group, self._per_row) - 4, 15)),
                group.name,
                px=11,
                token="text2",
            )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for dot, box in self._boxes:
            _paint_dot(painter, box, dot.state)
        if self.hasFocus() and self._boxes:
            box = self._boxes[min(self._focused, len(self._boxes) - 1)][1]
            paint.focus_ring(painter, box.adjusted(-3, -3, 3, 3), 3)

    def _dot_at(self, point: QPointF) -> Dot | None:
        return next((d for d, b in self._boxes if b.adjusted(-1, -1, 1, 1).contains(point)), None)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            dot = self._dot_at(QPointF(event.pos()))
            if dot is not None:
                QToolTip.showText(
                    event.globalPos(),
                    paint.plain_tooltip(f"{dot.name}: {dot.text or dot.state}"),
                    self,
                )
            return True
        return bool(super().event(event))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        dot = self._dot_at(event.position())
        if dot is not None:
            self.meter_chosen.emit(dot.meter_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: self._per_row,
            Qt.Key.Key_Up: -self._per_row,
        }.get(Qt.Key(event.key()), 0)
        if step and self._boxes:
            self._focused = (self._focused + step) % len(self._boxes)
            dot, box = self._boxes[self._focused]
            self.setAccessibleName(f"{dot.name}: {dot.text or dot.state}")
            self.update()
            self.reached.emit(box)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._boxes:
            self.meter_chosen.emit(self._boxes[self._focused][0].meter_id)
        else:
            super().keyPressEvent(event)


class DotsArea(QScrollArea):
    """The dots in the height that there is: all where they fit, else some rows and a bar."""

    def __init__(self, dots: MeterDots) -> None:
        super().__init__()
        self._dots = dots
        self.setWidget(dots)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.viewport().setAutoFillBackground(False)
        dots.setAutoFillBackground(False)
        dots.reached.connect(self._show_box)

    def _show_box(self, box: QRectF) -> None:
        middle = box.center().toPoint()
        self.ensureVisible(middle.x(), middle.y(), 20, 30)

    def sizeHint(self) -> QSize:
        return self._dots.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Two rows with their bus, or all there is where that is less."""
        return QSize(120, min(self._dots.sizeHint().height(), round(18 + 2 * CELL) + 2))


def _paint_dot(painter: QPainter, box: QRectF, state: DotState) -> None:
    if state == "lost":
        painter.setPen(QPen(theme.color("p2_edge"), 1))
        painter.setBrush(theme.color("p2"))
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(box.center().x(), box.top() - 0.5),
                    QPointF(box.right() + 0.5, box.bottom()),
                    QPointF(box.left() - 0.5, box.bottom()),
                ]
            )
        )
    elif state in ("late", "frozen"):
        painter.setPen(QPen(theme.color("p3_edge"), 1))
        painter.setBrush(theme.color("p3"))
        painter.drawEllipse(box.adjusted(0.5, 0.5, -0.5, -0.5))
    else:
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush if state == "waiting" else theme.color("line"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
