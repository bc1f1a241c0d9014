"""Everything inside the axes, in the order in which it is painted; then the cursor above it.

Marks are painted in pixels after min/max decimation (chart_paint.py): 6 x 86,400 points in a
fraction of what curve items take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart_axes import Tick
from energy_desktop.ui.widgets.chart_data import ChartData, Limit, Line, Moment
from energy_desktop.ui.widgets.chart_paint import (
    WIDE_PEN_POINTS,
    Frame,
    draw_clear_words,
    paint_bars,
    paint_end_label,
    paint_fan,
    paint_line,
    paint_points,
    paint_region,
    paint_steps,
    paint_words,
    visible_points,
)

ANTIALIAS_POINTS = 20_000  # more than this visible: no antialiasing


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """x_grid: vertical lines at the x ticks, too. selection: of x, while it is dragged."""

    data: ChartData
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    x_grid: bool
    selection: tuple[float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Cursor:
    """rows: (name, value), the first says where it stands. values: of the lines in their order."""

    x: float
    lines: Sequence[Line]
    values: Sequence[float | None]
    rows: Sequence[tuple[str, str]]


def paint_scene(painter: QPainter, frame: Frame, scene: Scene) -> int:
    """Leaves the painter clipped to the plot. Returns how many points the lines took."""
    data, rect, x0, x1 = scene.data, frame.rect, frame.x0, frame.x1
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    _paint_grid(painter, frame, scene)
    painter.setClipRect(rect)
    for region in data.regions:
        paint_region(painter, frame, region.start, region.end, region.kind, region.text)
    visible = sum(visible_points(line.x, x0, x1) for line in data.lines)
    smooth = visible <= ANTIALIAS_POINTS
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
    for fan in data.fans:
        paint_fan(painter, frame, fan)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for bars in data.bars:
        paint_bars(painter, frame, bars)
    for steps in data.steps:
        paint_steps(painter, frame, steps)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
    points_drawn = 0
    columns = max(1, int(rect.width() * painter.device().devicePixelRatioF()))
    few = visible <= WIDE_PEN_POINTS  # of all curves: six noisy wide ones cost six times
    for line in data.lines:
        points_drawn += paint_line(painter, frame, line, columns, few=few)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    for points in data.points:
        paint_points(painter, frame, points)
    _paint_annotations(painter, frame, scene)
    return points_drawn


def _paint_grid(painter: QPainter, frame: Frame, scene: Scene) -> None:
    painter.setPen(QPen(theme.color("line", 150), 1))
    for value, _ in scene.y_ticks:
        y = frame.y(value)
        painter.drawLine(QPointF(frame.rect.left(), y), QPointF(frame.rect.right(), y))
    if scene.x_grid:
        for value, _ in scene.x_ticks:
            x = frame.x(value)
            painter.drawLine(QPointF(x, frame.rect.top()), QPointF(x, frame.rect.bottom()))


def _paint_annotations(painter: QPainter, frame: Frame, scene: Scene) -> None:
    data = scene.data
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for limit in data.limits:
        _paint_limit(painter, frame, limit, data.lines)
    for moment in data.moments:
        _paint_moment(painter, frame, moment, data.lines)
    taken: list[float] = []
    for line in data.lines:
        if line.end_label:
            paint_end_label(painter, frame, line, taken)
    for note in data.notes:
        paint_words(painter, frame, note.x, note.y, note.text, note.token)
    if scene.selection is not None:
        _paint_selection(painter, frame, scene.selection)


def _paint_limit(painter: QPainter, frame: Frame, limit: Limit, lines: Sequence[Line]) -> None:
    rect = frame.rect
    y = frame.y(limit.y) if limit.axis == "left" else frame.right_y(limit.y)
    style = Qt.PenStyle.DashLine if limit.dashed else Qt.PenStyle.SolidLine
    painter.setPen(QPen(theme.color("text"), 1, style))
    painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
    below = limit.below or y - 17 < rect.top()
    tops = (y + 2, y - 17) if below else (y - 17, y + 2)
    wide = paint.text_width(limit.text, 11, 600) + 2
    lefts = (rect.right() - wide - 6, rect.left() + 6)
    draw_clear_words(
        painter,
        frame,
        lines,
        [QRectF(left, t, wide, 15) for left in lefts for t in tops],
        limit.text,
    )


def _paint_moment(painter: QPainter, frame: Frame, moment: Moment, lines: Sequence[Line]) -> None:
    rect = frame.rect
    x = frame.x(moment.x)
    if not rect.left() <= x <= rect.right():
        return
    style = Qt.PenStyle.DashLine if moment.dashed else Qt.PenStyle.SolidLine
    painter.setPen(QPen(theme.color(moment.token), 1, style))
    painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
    if moment.text:
        wide = paint.text_width(moment.text, 11, 600) + 2
        sides = [x - wide - 6, x + 6] if x - wide - 6 > rect.left() else [x + 6]
        tops = (rect.top() + 2, rect.bottom() - 17)
        draw_clear_words(
            painter,
            frame,
            lines,
            [QRectF(left, t, wide, 15) for t in tops for left in sides],
            moment.text,
        )


def _paint_selection(painter: QPainter, frame: Frame, selection: tuple[float, float]) -> None:
    rect = frame.rect
    left, right = frame.x(selection[0]), frame.x(selection[1])
    box = QRectF(left, rect.top() + 1, right - left, rect.height() - 2)
    painter.fillRect(box, theme.color("accent", 40))
    painter.setPen(QPen(theme.color("accent"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box)


def paint_cursor(painter: QPainter, frame: Frame, cursor: Cursor) -> None:
    """A line, a dot on each curve, and a box with the values beside it."""
    rect, x = frame.rect, frame.x(cursor.x)
    painter.setPen(QPen(theme.color("text"), 1))
    painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
    for line, value in zip(cursor.lines, cursor.values, strict=True):
        if value is not None:
            y = frame.y(value) if line.axis == "left" else frame.right_y(value)
            painter.setPen(QPen(theme.color("surface"), 1))
            painter.setBrush(theme.color(line.token))
            painter.drawEllipse(QPointF(x, y), 3.5, 3.5)
    rows = cursor.rows
    left_width = max(paint.text_width(a, 11, 600) for a, _ in rows)
    right_width = max(paint.text_width(b, 11, 600) for _, b in rows)
    wide = left_width + (right_width + 12 if right_width else 0) + 14
    tall = 16.0 * len(rows) + 6
    left = x + 8 if x + 8 + wide < rect.right() else x - 8 - wide
    box = QRectF(max(rect.left(), left), rect.top() + 2, wide, tall)
    painter.setPen(QPen(theme.color("line"), 1))
    painter.setBrush(theme.color("surface", 235))
    painter.drawRoundedRect(box, 3, 3)
    for position, (name, text) in enumerate(rows):
        top = box.top() + 3 + 16 * position
        paint.draw_text(
            painter,
            QRectF(box.left() + 7, top, left_width + 1, 16),
            name,
            px=11,
            weight=600 if position == 0 else 400,
        )
        paint.draw_text(
            painter,
            QRectF(box.right() - 7 - right_width - 1, top, right_width + 1, 16),
            text,
            px=11,
            weight=600,
            align=paint.RIGHT,
        )
