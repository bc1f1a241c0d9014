"""A month as days x hours: contract hours, and what ran outside them, hatched.

A day has as many cells as it has hours, 23 or 25 when the clock changes; cells are placed by the
hour that passed since midnight. Enter or a click opens the hour's readings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint

HourState = Literal["contract", "outside", "out_of_contract", "future", "no_data"]
TOTAL_WIDTH = 72.0
HEAD = 18.0


@dataclass(frozen=True, slots=True)
class HourCell:
    """One hour. energy_wh: what ran out of contract; its share of the worst hour is the depth."""

    state: HourState
    energy_wh: float = 0.0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One local day. total_wh: out of contract, None shows nothing. note: "holiday"."""

    label: str
    cells: tuple[HourCell, ...]
    total_wh: float | None = None
    note: str = ""
    bold: bool = False


@dataclass(frozen=True, slots=True)
class HourCalendar:
    days: tuple[CalendarDay, ...] = ()


class HourCalendarView(QWidget):
    """The calendar; arrows move, Enter opens."""

    cell_chosen = Signal(int, int)  # day index, hour index

    def __init__(self, formats: Formats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        self._calendar = HourCalendar()
        self._worst = 1.0
        self._label_width = 58.0
        self._at: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(420, 140)

    def show_calendar(self, calendar: HourCalendar) -> None:
        self._calendar = calendar
        hours = [c.energy_wh for d in calendar.days for c in d.cells if math.isfinite(c.energy_wh)]
        self._worst = max([*hours, 1.0])
        self._label_width = 10.0 + max(
            (paint.text_width(d.label, 12, 600) for d in calendar.days), default=48.0
        )
        total = sum(d.total_wh or 0.0 for d in calendar.days)
        guilty = sum(1 for d in calendar.days if (d.total_wh or 0.0) > 0)
        self.setAccessibleName("Contract hours and use outside them")
        self.setAccessibleDescription(
            f"{self._formats.energy(total)} out of contract on {guilty} "
            f"of {len(calendar.days)} days."
        )
        self._at = None
        self.setMinimumHeight(round(HEAD + 12 * len(calendar.days)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(760, round(HEAD + 16 * max(1, len(self._calendar.days))))

    def table_rows(self) -> list[tuple[str, str, str]]:
        """(day, hours out of contract, energy) of every day, as text."""
        scale = self._formats.scale("Wh")
        return [
            (
                day.label,
                str(sum(1 for c in day.cells if c.state == "out_of_contract")),
                scale.text(day.total_wh),
            )
            for day in self._calendar.days
        ]

    # -------------------------------------------------------- geometry

    def _hours(self) -> int:
        return max((len(d.cells) for d in self._calendar.days), default=24)

    def _cell(self, day: int, hour: int) -> QRectF:
        wide = (self.width() - self._label_width - TOTAL_WIDTH) / self._hours()
        tall = (self.height() - HEAD) / max(1, len(self._calendar.days))
        tall = min(tall, 24.0)
        return QRectF(self._label_width + hour * wide, HEAD + day * tall, wide - 1, tall - 1)

    # -------------------------------------------------------- painting

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self._calendar.days:
            paint.draw_text(
                painter,
                QRectF(self.rect()),
                "No contract in this month.",
                token="text2",
                align=paint.CENTER,
            )
            return
        for hour in range(0, self._hours() + 1, 4):
            x = self._cell(0, hour).left()
            paint.draw_text(
                painter,
                QRectF(x - 20, 0, 40, HEAD - 2),
                f"{hour:02d}",
                px=11,
                token="text2",
                align=paint.CENTER,
            )
        paint.draw_text(
            painter,
            QRectF(self.width() - TOTAL_WIDTH, 0, TOTAL_WIDTH, HEAD - 2),
            "out, kWh",
            px=11,
            token="text2",
            align=paint.RIGHT,
        )
        for index, day in enumerate(self._calendar.days):
            self._paint_day(painter, index, day)
        if self.hasFocus() and self._at is not None:
            paint.focus_ring(painter, self._cell(*self._at).adjusted(-2, -2, 2, 2), 2)

    def _paint_day(self, painter: QPainter, index: int, day: CalendarDay) -> None:
        row = self._cell(index, 0)
        paint.draw_text(
            painter,
            QRectF(0, row.top(), self._label_width - 4, row.height()),
            day.label,
            weight=600 if day.bold else 400,
        )
        for hour, cell in enumerate(day.cells):
            self._paint_cell(painter, self._cell(index, hour), cell)
        if day.note:
            wide = paint.text_width(day.note, 11) + 8
            middle = self._cell(index, self._hours() // 2).left()
            box = QRectF(middle - wide / 2, row.top(), wide, row.height())
            painter.fillRect(box, theme.color("inset"))
            paint.draw_text(painter, box, day.note, px=11, token="text2", align=paint.CENTER)
        if day.total_wh:
            paint.draw_text(
                painter,
                QRectF(self.width() - TOTAL_WIDTH, row.top(), TOTAL_WIDTH, row.height()),
                self._formats.scale("Wh").text(day.total_wh),
                weight=600,
                token="out_of_contract",
                align=paint.RIGHT,
            )

    def _paint_cell(self, painter: QPainter, rect: QRectF, cell: HourCell) -> None:
        if cell.state == "contract":
            painter.fillRect(rect, theme.color("typical", 105))
        elif cell.state == "future":
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        elif cell.state == "no_data":
            painter.fillRect(rect, paint.hatch("typical", 150))
        elif cell.state == "out_of_contract":
            depth = min(1.0, max(0.0, cell.energy_wh / self._worst))
            painter.fillRect(rect, theme.color("out_of_contract", round(90 + 165 * depth)))
            painter.fillRect(rect, paint.hatch("surface", 170))
            if cell.estimated:
                paint.draw_text(painter, rect, "≈", px=11, weight=600, align=paint.CENTER)
        else:
            painter.fillRect(rect, theme.color("inset"))

    # -------------------------------------------------------- choosing

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for index, day in enumerate(self._calendar.days):
            for hour in range(len(day.cells)):
                if self._cell(index, hour).contains(event.position()):
                    self._at = (index, hour)
                    self.update()
                    self.cell_chosen.emit(index, hour)
                    return

    def keyPressEvent(self, event: QKeyEvent) -> None:
        days = self._calendar.days
        move = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }.get(Qt.Key(event.key()))
        if move and days:
            day, hour = self._at or (0, -1 if move == (0, 1) else 0)
            day = min(len(days) - 1, max(0, day + move[0]))
            hour = min(len(days[day].cells) - 1, max(0, hour + move[1]))
            self._at = (day, hour)
            cell = days[day].cells[hour]
            self.setAccessibleName(
                f"{days[day].label}, hour {hour}: {cell.state.replace('_', ' ')} "
                f"{self._formats.energy(cell.energy_wh) if cell.energy_wh else ''}".strip()
            )
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._at is not None:
            self.cell_chosen.emit(*self._at)
        else:
            super().keyPressEvent(event)
