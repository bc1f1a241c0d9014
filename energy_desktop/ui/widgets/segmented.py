"""One of a few choices, side by side: period, quantity, state."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint


class Segmented(QWidget):
    """Choices as joined buttons; Left and Right move, the choice is told at once."""

    changed = Signal(str)  # the value

    def __init__(
        self,
        choices: Sequence[tuple[str, str]],
        parent: QWidget | None = None,
        *,
        name: str = "",
    ) -> None:
        """choices: (value, text) pairs."""
        super().__init__(parent)
        self._choices = tuple(choices)
        self._value = self._choices[0][0] if self._choices else ""
        self._name = name
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._describe()

    @property
    def value(self) -> str:
        return self._value

    def set_value(self, value: str) -> None:
        """Chooses without telling: for restoring a state."""
        if any(v == value for v, _ in self._choices):
            self._value = value
            self._describe()
            self.update()

    def set_choices(self, choices: Sequence[tuple[str, str]]) -> None:
        """New choices or texts ("Current 7"); the choice stays when it still exists."""
        self._choices = tuple(choices)
        if self._choices and all(v != self._value for v, _ in self._choices):
            self._value = self._choices[0][0]
        self._describe()
        self.updateGeometry()
        self.update()

    def _describe(self) -> None:
        text = dict(self._choices).get(self._value, "")
        self.setAccessibleName(f"{self._name}: {text}" if self._name else text)

    def _boxes(self) -> list[QRectF]:
        boxes, left = [], 0.5
        for _, text in self._choices:
            width = round(paint.text_width(text, 12, 600)) + 22
            boxes.append(QRectF(left, 0.5, width, self.height() - 1))
            left += width
        return boxes

    def sizeHint(self) -> QSize:
        width = sum(round(paint.text_width(t, 12, 600)) + 22 for _, t in self._choices)
        return QSize(width + 1, theme.CONTROL_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        boxes = self._boxes()
        if not boxes:
            return
        whole = boxes[0].united(boxes[-1])
        outline = QPainterPath()
        outline.addRoundedRect(whole, theme.RADIUS, theme.RADIUS)
        painter.fillPath(outline, theme.color("surface"))
        painter.setClipPath(outline)
        for (value, text), box in zip(self._choices, boxes, strict=True):
            if value == self._value:
                painter.fillRect(box, theme.color("sel"))
            paint.draw_text(painter, box, text, weight=600, align=paint.CENTER)
        painter.setPen(QPen(theme.color("line2"), 1))
        for box in boxes[1:]:
            painter.drawLine(box.topLeft(), box.bottomLeft())
        painter.setClipping(False)
        painter.drawPath(outline)
        if self.hasFocus():
            chosen = next(
                b for (v, _), b in zip(self._choices, boxes, strict=True) if v == self._value
            )
            paint.focus_ring(painter, chosen)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for (value, _), box in zip(self._choices, self._boxes(), strict=True):
            if box.contains(event.position()):
                self._choose(value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        values = [v for v, _ in self._choices]
        if step and values:
            self._choose(values[(values.index(self._value) + step) % len(values)])
            return
        super().keyPressEvent(event)

    def _choose(self, value: str) -> None:
        if value != self._value:
            self._value = value
            self._describe()
            self.update()
            self.changed.emit(value)
