"""Days as a calendar: weeks across, weekdays down, the energy of each day as colour.

A carpet shows hours; a calendar shows that every second Sunday is not like the others. Where a
cell has room it says the day and its energy in figures; the chosen day is framed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.carpet import ramp
from energy_desktop.ui.widgets.day_picture import DayPicture

LEFT = 36.0
TOP = 20.0
_FIGURES_WIDE, _FIGURES_TALL = 46.0, 30.0
_NUMBER_WIDE, _NUMBER_TALL = 18.0, 15.0


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A local day. total in the stored unit, None: nothing known. incomplete: some is missing;
    estimated: some of it was not measured."""

    start_ms: int
    total: float | None
    incomplete: bool = False
    estimated: bool = False


class DayCalendarView(DayPicture):
    """Arrow keys and a click choose a day."""

    def __init__(self, formats: Formats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        self._scale = formats.scale("Wh")
        self._entries: tuple[CalendarEntry, ...] = ()
        self._places: tuple[tuple[int, int], ...] = ()  # week, weekday
        self._top = 1.0
        self.setAccessibleName("Calendar of days")

    def show_days(
        self, entries: tuple[CalendarEntry, ...], *, scale: Scale, description: str = ""
    ) -> None:
        """entries: days in a row."""
        self._entries, self._scale, self._chosen = entries, scale, None
        known = [abs(e.total) for e in entries if e.total is not None]
        self._top = max(known, default=1.0) or 1.0
        places: list[tuple[int, int]] = []
        week = 0
        for entry in entries:
            weekday = self._formats.local(entry.start_ms).weekday()
            if places and weekday == 0:
                week += 1
            places.append((week, weekday))
        self._places = tuple(places)
        self.setAccessibleDescription(description)
        self.update()

    # -------------------------------------------------------- geometry

    def _cell(self) -> tuple[float, float]:
        weeks = 1 + max((w for w, _ in self._places), default=0)
        wide = min(200.0, (self.width() - LEFT - 2) / weeks)
        return wide, (self.height() - TOP - 2) / 7

    def _box(self, index: int) -> QRectF:
        wide, tall = self._cell()
        week, weekday = self._places[index]
        gap = 2.0 if wide > 12 else 1.0 if wide > 4 else 0.0
        return QRectF(LEFT + week * wide, TOP + weekday * tall, wide - gap, tall - min(gap, 2.0))

    # -------------------------------------------------------- painting

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self._entries:
            self._paint_nothing(painter)
            return
        wide, tall = self._cell()
        for weekday, name in enumerate(self._formats.symbols.days):
            box = QRectF(0, TOP + weekday * tall, LEFT - 6, tall)
            paint.draw_text(painter, box, name, px=11, token="text3", align=paint.RIGHT)
        self._paint_months(painter, wide)
        for index, entry in enumerate(self._entries):
            self._paint_day(painter, self._box(index), entry, wide, tall)
        if self._chosen is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("text"), 2))
            painter.drawRect(self._box(self._chosen).adjusted(-1, -1, 1, 1))
        if self.hasFocus():
            paint.focus_ring(painter, QRectF(self.rect()))

    def _paint_months(self, painter: QPainter, wide: float) -> None:
        """The name of each month above the week in which it begins."""
        free = 0.0
        for index, entry in enumerate(self._entries):
            local = self._formats.local(entry.start_ms)
            if index and local.day != 1:
                continue
            x = LEFT + self._places[index][0] * wide
            text = self._formats.symbols.months[local.month - 1]
            text = f"{text} {local.year}" if index == 0 or local.month == 1 else text
            room = paint.text_width(text, 11, 600) + 8
            if x >= free and x + room < self.width() + 8:
                paint.draw_text(
                    painter, QRectF(x, 2, room, 15), text, px=11, weight=600, token="text2"
                )
                free = x + room

    def _paint_day(
        self, painter: QPainter, box: QRectF, entry: CalendarEntry, wide: float, tall: float
    ) -> None:
        ground = theme.color("surface")
        if entry.total is None:
            painter.fillRect(box, paint.hatch("typical", 170))
        else:
            red, green, blue = ramp(np.array([min(1.0, abs(entry.total) / self._top)]))[0]
            ground = QColor(int(red), int(green), int(blue))
            painter.fillRect(box, ground)
            if entry.incomplete:
                foot = QRectF(box.left(), box.bottom() - 5, box.width(), 5)
                painter.fillRect(foot, theme.color("surface"))
                painter.fillRect(foot, paint.hatch("text2"))
        if wide < _NUMBER_WIDE or tall < _NUMBER_TALL:
            return
        ink = _ink_on(ground)
        day = str(self._formats.local(entry.start_ms).day)
        painter.setPen(ink)
        painter.setFont(theme.font(11))
        painter.drawText(box.adjusted(4, 1, -2, 0), Qt.AlignmentFlag.AlignTop, day)
        if wide < _FIGURES_WIDE or tall < _FIGURES_TALL:
            return
        text = self._scale.text(entry.total)
        painter.setFont(theme.font(11, 600))
        painter.drawText(
            box.adjusted(2, 0, -4, -5 if entry.incomplete else -1),
            Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight,
            f"≈ {text}" if entry.estimated else text,
        )

    # -------------------------------------------------------- choosing

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for index in range(len(self._entries)):
            if self._box(index).contains(event.position()):
                self._choose(index)
                return

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Left: -7,
            Qt.Key.Key_Right: 7,
        }.get(Qt.Key(event.key()), 0)
        if step and self._entries:
            at = (len(self._entries) if self._chosen is None else self._chosen) + step
            self._choose(min(len(self._entries) - 1, max(0, at)))
        else:
            super().keyPressEvent(event)


def _ink_on(ground: QColor) -> QColor:
    """Black or white, whichever reads better on a colour of the ramp."""
    shine = 0.299 * ground.red() + 0.587 * ground.green() + 0.114 * ground.blue()
    return QColor("#14181C") if shine > 128 else QColor("#FFFFFF")
