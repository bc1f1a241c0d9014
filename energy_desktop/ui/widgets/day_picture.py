"""What the pictures of days have in common: a day may be chosen; whoever draws it, frames it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from energy_desktop.ui.widgets import paint


class DayPicture(QWidget):
    """Days are counted from 0."""

    day_chosen = Signal(int)  # by the person

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen: int | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(260, 120)

    def sizeHint(self) -> QSize:
        return QSize(640, 240)

    def choose_day(self, index: int | None) -> None:
        """Frames a day without telling."""
        self._chosen = index
        self.update()

    @property
    def chosen_day(self) -> int | None:
        return self._chosen

    def _choose(self, index: int) -> None:
        if index != self._chosen:
            self._chosen = index
            self.update()
            self.day_chosen.emit(index)

    def _paint_nothing(self, painter: QPainter) -> None:
        paint.draw_text(
            painter,
            QRectF(self.rect()),
            "No readings in this period.",
            token="text2",
            align=paint.CENTER,
        )
