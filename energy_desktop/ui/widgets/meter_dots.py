"""One dot for each meter, grouped by its bus: grey is normal, shape and colour say what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
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
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

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
    """Groups side by side; arrows move, Enter opens the meter."""

    meter_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups: tuple[DotGroup, ...] = ()
        self._boxes: list[tuple[Dot, QRectF]] = []
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
        self._lay_out()
        self.updateGeometry()
        self.update()

    def _per_row(self) -> int:
        """At least four; more where few groups leave the width."""
        share = max(self.width(), 100) / max(1, len(self._groups)) - 10
        return max(PER_ROW, int(share // CELL))

    def _group_width(self, group: DotGroup) -> float:
        columns = min(self._per_row(), max(PER_ROW, len(group.dots)))
        return max(columns * CELL, paint.text_width(group.name, 11)) + 10

    def _lay_out(self) -> float:
        """Boxes of all dots for the present width; returns the height needed."""
        self._boxes = []
        left = top = tallest = 0.0
        per_row = self._per_row()
        for group in self._groups:
            wide = self._group_width(group)
            if left and left + wide > max(self.width(), 100):
                left, top, tallest = 0.0, top + tallest + 8, 0.0
            for place, dot in enumerate(group.dots):
                row, column = divmod(place, per_row)
                self._boxes.append(
                    (dot, QRectF(left + column * CELL, top + 18 + row * CELL, 11, 11))
                )
            rows = -(-max(1, len(group.dots)) // per_row)
            tallest = max(tallest, 18 + rows * CELL)
            left += wide
        return top + tallest

    def sizeHint(self) -> QSize:
        return QSize(280, round(self._lay_out()) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, round(self._lay_out()) + 2)

    def resizeEvent(self, _: QResizeEvent) -> None:
        self.setMinimumHeight(round(self._lay_out()) + 2)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        self._lay_out()
        place = 0
        for group in self._groups:
            if group.dots:
                first = self._boxes[place][1]
                paint.draw_text(
                    painter,
                    QRectF(first.left(), first.top() - 18, self._group_width(group) - 4, 15),
                    group.name,
                    px=11,
                    token="text2",
                )
            place += len(group.dots)
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
            Qt.Key.Key_Down: self._per_row(),
            Qt.Key.Key_Up: -self._per_row(),
        }.get(Qt.Key(event.key()), 0)
        if step and self._boxes:
            self._focused = (self._focused + step) % len(self._boxes)
            dot = self._boxes[self._focused][0]
            self.setAccessibleName(f"{dot.name}: {dot.text or dot.state}")
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._boxes:
            self.meter_chosen.emit(self._boxes[self._focused][0].meter_id)
        else:
            super().keyPressEvent(event)


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
