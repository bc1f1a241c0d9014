"""The one chart: a frozen `ChartData` in, a drawing out; views never touch axes or pens.

pyqtgraph gives the view box with its ranges, the scene with its mouse events and the axis items.
Its curve items are not used: one canvas item paints all marks in pixels, after own min/max
decimation, which draws 6 x 86,400 points in a fraction of the time and needs no bookkeeping of
items that must be kept, recoloured and removed.

Zoom is in time only. The y range holds still: it grows at once and shrinks after 30 s. What is
seen can also be read: `table_rows` is the whole chart as text (key T), and the description is one
sentence made from the data.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import (
    QGraphicsObject,
    QMenu,
    QSizePolicy,
    QStackedLayout,
    QStyleOptionGraphicsItem,
    QWidget,
)

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart_data import (
    ChartData,
    Floats,
    Line,
    Steps,
)
from energy_desktop.ui.widgets.chart_paint import (
    WIDE_PEN_POINTS,
    Frame,
    draw_clear_words,
    nearest,
    paint_bars,
    paint_end_label,
    paint_fan,
    paint_line,
    paint_points,
    paint_region,
    paint_steps,
    paint_words,
    right_extent,
    visible_points,
    with_room,
    x_extent,
    y_extent,
)
from energy_desktop.ui.widgets.marks import LegendEntry
from energy_desktop.ui.widgets.table import Column, Table
from energy_desktop.ui.widgets.time_axis import time_ticks

GRID_LINES = 5
SHRINK_AFTER_S = 30.0
ANTIALIAS_POINTS = 20_000  # more than this visible: no antialiasing
TABLE_ROWS = 5_000


_PERCENT = Scale("%", 1.0, 0)


class _Box(pg.ViewBox):  # type: ignore[misc]
    """Wheel zooms x around the pointer, drag selects a period, double click resets."""

    def __init__(self, chart: Chart) -> None:
        super().__init__(enableMenu=False, defaultPadding=0.0)
        self._chart = chart
        self.setMouseEnabled(x=True, y=False)
        self.disableAutoRange()

    def wheelEvent(self, event, _=None) -> None:  # type: ignore[no-untyped-def]
        at = self.mapToView(event.pos()).x()
        self._chart.zoom(0.8 ** (event.delta() / 120), at)
        event.accept()

    def mouseDragEvent(self, event, _=None) -> None:  # type: ignore[no-untyped-def]
        event.accept()
        if event.button() == Qt.MouseButton.LeftButton:
            start = self.mapToView(event.buttonDownPos()).x()
            end = self.mapToView(event.pos()).x()
            self._chart._select(min(start, end), max(start, end), event.isFinish())
        else:
            shift = self.mapToView(event.lastPos()).x() - self.mapToView(event.pos()).x()
            self._chart.pan(shift)

    def mouseClickEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.button() != Qt.MouseButton.LeftButton:
            return
        event.accept()
        if event.double():
            self._chart.reset_zoom()
        else:
            at = self.mapToView(event.pos()).x()
            self._chart.set_cursor(at, pinned=True)
            self._chart.clicked.emit(at)
            self._chart.place_clicked.emit(at, self.mapToView(event.pos()).y())


class _Axis(pg.AxisItem):  # type: ignore[misc]
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


class _Canvas(QGraphicsObject):
    """Paints all marks in the pixels of its view box."""

    def __init__(self, box: _Box, chart: Chart) -> None:
        super().__init__(box)
        self._box = box
        self._chart = chart
        self._rect = QRectF()

    def boundingRect(self) -> QRectF:
        return QRectF(self._box.rect())

    def resized(self) -> None:
        self.prepareGeometryChange()
        self.update()

    def paint(
        self, painter: QPainter, _: QStyleOptionGraphicsItem, __: QWidget | None = None
    ) -> None:
        self._chart._paint(painter, self._box.rect())


class Chart(QWidget):
    """One plot with its axes, cursor, zoom, and its table.

    `scale` turns stored values into what the axis shows. With `numeric_x` the x axis is a plain
    number and `x_scale` writes it; else x is UTC seconds shown in the site's zone.
    """

    cursor_moved = Signal(object)  # x as float, or None
    period_selected = Signal(float, float)  # UTC seconds, after a drag
    range_changed = Signal(float, float)
    place_clicked = Signal(float, float)  # x and y, in stored units
    clicked = Signal(float)  # x

    def __init__(
        self,
        formats: Formats,
        scale: Scale | None = None,
        parent: QWidget | None = None,
        *,
        name: str = "",
        numeric_x: bool = False,
        x_scale: Scale | None = None,
        readout: bool = True,
        selectable: bool = False,
        x_grid: bool = False,
    ) -> None:
        super().__init__(parent)
        self._formats = formats
        self._scale = scale or formats.scale("W")
        self._numeric_x = numeric_x
        self._x_scale = x_scale or Scale("", 1.0, 0, formats.symbols)
        self._readout = readout
        self._selectable = selectable
        self._x_grid = x_grid
        self._name = name
        self._data = ChartData()
        self._y_held: tuple[float, float] | None = None
        self._y_wide_since = 0.0
        self._home: tuple[float, float] | None = None
        self._zoomed = False
        self._cursor: float | None = None
        self._pinned = False
        self._selection: tuple[float, float] | None = None
        self._x_ticks: list[tuple[float, str]] = []
        self._y_ticks: list[tuple[float, str]] = []
        self._tokens = theme.current()
        self._right = False
        self._right_scale = _PERCENT
        self._right_range = (0.0, 100.0)
        self._message = ""
        self.frame_points = 0

        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 60)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._view = pg.GraphicsLayoutWidget()
        self._view.setBackground(None)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.setFrameShape(self._view.Shape.NoFrame)
        self._view.viewport().installEventFilter(self)
        self._view.ci.layout.setContentsMargins(0, 8, 2, 0)
        self._view.ci.layout.setSpacing(0)
        self._box = _Box(self)
        self._left_axis = _Axis("left", lambda: self._y_ticks)
        self._bottom_axis = _Axis("bottom", lambda: self._x_ticks)
        self._right_axis = _Axis("right", self._right_ticks)
        self._view.ci.addItem(self._left_axis, 0, 0)
        self._view.ci.addItem(self._box, 0, 1)
        self._view.ci.addItem(self._right_axis, 0, 2)
        self._view.ci.addItem(self._bottom_axis, 1, 1)
        self._left_axis.linkToView(self._box)
        self._bottom_axis.linkToView(self._box)
        self._right_axis.setRange(0.0, 100.0)
        self._bottom_axis.setHeight(20)
        self._right_axis.setWidth(0)
        self._axis_width = 0.0  # asked for; the layout follows later
        self._canvas = _Canvas(self._box, self)
        self._box.sigResized.connect(self._on_resized)
        self._view.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self._stack.addWidget(self._view)
        self._table: Table[tuple[str, ...]] | None = None
        self._focus_proxy = _FocusFrame(self)
        self.setAccessibleName(name)

    # -------------------------------------------------------- data

    def show_data(
        self, data: ChartData, *, scale: Scale | None = None, right_scale: Scale | None = None
    ) -> None:
        """Draws `data`. A zoom of the person is kept; the y range holds still.

        right_scale: another unit for the lines of the right axis, which is then fitted to them;
        without it the right axis is 0 to 100 %.
        """
        self._data = data
        self._message = ""
        if scale is not None and scale != self._scale:
            self._scale = scale
            self._y_held = None
        right = (
            any(line.axis == "right" for line in data.lines)
            or any(steps.axis == "right" for steps in data.steps)
            or any(limit.axis == "right" for limit in data.limits)
        )
        self._right_scale = right_scale or _PERCENT
        if right != self._right:
            self._right = right
            self._right_axis.setWidth(44 if right else 0)
        self._home = data.x_range or x_extent(data)
        if self._home is not None and not self._zoomed:
            self._set_x_range(*self._home)
        self._fit_y()
        if data.description:
            self.set_description(data.description)
        if self._table is not None and self._stack.currentWidget() is self._table:
            self._fill_table()
        self._redraw()

    @property
    def data(self) -> ChartData:
        return self._data

    def show_message(self, text: str) -> None:
        """Words in the empty plot: why there is nothing."""
        self._data = ChartData()
        self._message = text
        self.setAccessibleDescription(text)
        self._redraw()

    def set_description(self, sentence: str) -> None:
        """What the chart says, in one sentence from the data, for who cannot see it."""
        self.setAccessibleDescription(f"{sentence} Press T for the values as a table.")

    def set_title(self, name: str) -> None:
        self._name = name
        self.setAccessibleName(name)

    def legend_entries(self) -> tuple[LegendEntry, ...]:
        """For the Legend of the panel's header: a mark without a name or legend is left out."""
        data = self._data
        kinds = {"solid": "line", "dash": "dash", "dot": "dots"}
        entries = [
            LegendEntry(m.name, m.token, kinds[m.style])
            for m in _curves(data)
            if m.legend and m.name
        ]
        entries += [
            LegendEntry(b.name, b.token, "hatch" if b.hatched else "box")
            for b in data.bars
            if b.legend and b.name
        ]
        entries += [LegendEntry(f.name, f.token, "box", f.alpha) for f in data.fans if f.legend]
        entries += [LegendEntry(p.name, p.token, p.shape) for p in data.points if p.legend]
        return tuple(entries)

    # -------------------------------------------------------- ranges

    @property
    def x_range(self) -> tuple[float, float]:
        low, high = self._box.viewRange()[0]
        return float(low), float(high)

    @property
    def pixels_per_unit(self) -> tuple[float, float]:
        """How many pixels one of x and one of y take: how far two places are apart on screen."""
        (x0, x1), (y0, y1) = self._box.viewRange()
        across, up = self._box.width(), self._box.height()
        return across / ((x1 - x0) or 1.0), up / ((y1 - y0) or 1.0)

    @property
    def zoomed(self) -> bool:
        return self._zoomed

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Shows `factor` of the present window, around `at` (default: its middle)."""
        low, high = self.x_range
        centre = (low + high) / 2 if at is None else at
        low, high = centre - (centre - low) * factor, centre + (high - centre) * factor
        if high - low < (1e-6 if self._numeric_x else 2.0):
            return
        if self._home is not None and low <= self._home[0] and high >= self._home[1]:
            self.reset_zoom()
            return
        self._zoomed = True
        self._set_x_range(low, high)
        self._fit_y(at_once=True)
        self._redraw()

    def pan(self, shift: float) -> None:
        low, high = self.x_range
        self._zoomed = True
        self._set_x_range(low + shift, high + shift)
        self._redraw()

    def reset_zoom(self) -> None:
        self._zoomed = False
        if self._home is not None:
            self._set_x_range(*self._home)
        self._y_held = None
        self._fit_y()
        self._redraw()

    def refit(self) -> None:
        """Lets go of the y range that was held: what is drawn now is something else."""
        self._y_held = None
        self._fit_y(at_once=True)
        self._redraw()

    def _set_x_range(self, low: float, high: float) -> None:
        if high <= low:
            high = low + 1.0
        self._box.setXRange(low, high, padding=0)
        self.range_changed.emit(low, high)

    def _fit_right(self) -> None:
        fitted = None
        if self._right and self._right_scale is not _PERCENT:
            fitted = right_extent(self._data, self.x_range)
        self._right_range = (0.0, 100.0) if fitted is None else with_room(*fitted, zero=False)
        self._right_axis.setRange(*self._right_range)

    def _fit_y(self, *, at_once: bool = False) -> None:
        self._fit_right()
        fitted = self._data.y_range or y_extent(self._data, self.x_range)
        if fitted is None:
            return
        if self._data.y_range is None:
            fitted = with_room(*fitted, zero=self._data.y_zero)
        held, now = self._y_held, time.monotonic()
        if held is not None and not at_once and self._data.y_range is None:
            grows = fitted[0] < held[0] or fitted[1] > held[1]
            if grows:
                fitted = min(fitted[0], held[0]), max(fitted[1], held[1])
                self._y_wide_since = now
            elif (fitted[1] - fitted[0]) > 0.75 * (held[1] - held[0]):
                self._y_wide_since = now
                fitted = held
            elif now - self._y_wide_since < SHRINK_AFTER_S:
                fitted = held
            else:
                self._y_wide_since = now
        else:
            self._y_wide_since = now
        if fitted != held:
            self._y_held = fitted
            self._box.setYRange(*fitted, padding=0)

    # -------------------------------------------------------- ticks

    def _make_ticks(self) -> None:
        low, high = self._box.viewRange()[1]
        divisor = self._scale.divisor
        at_most = max(2, min(GRID_LINES, int(self._box.height() // 24)))
        shown = paint.nice_ticks(low / divisor, high / divisor, at_most)
        plain = Scale("", 1.0, paint.tick_decimals(shown), self._scale.symbols)
        self._y_ticks = [(v * divisor, plain.text(v)) for v in shown]
        width = max((paint.text_width(t, 11) for _, t in self._y_ticks), default=20) + 10
        width = max(24.0, width)
        if abs(width - self._axis_width) > 0.5:
            self._axis_width = width
            self._left_axis.setWidth(width)
        x_low, x_high = self.x_range
        room = max(1, int(self._box.width() // 76))
        if self._data.tick_texts:
            every = max(1, -(-len(self._data.tick_texts) // room))
            self._x_ticks = [t for t in self._data.tick_texts[::every] if x_low <= t[0] <= x_high]
        elif self._numeric_x:
            scale = self._x_scale
            across = paint.nice_ticks(x_low / scale.divisor, x_high / scale.divisor, min(8, room))
            rounded = replace(scale, decimals=paint.tick_decimals(across))
            self._x_ticks = [
                (v * scale.divisor, rounded.with_unit(v * scale.divisor)) for v in across
            ]
        else:
            self._x_ticks = time_ticks(x_low, x_high, min(12, room), self._formats)
        self._x_ticks = [t for t in self._x_ticks if self._fits(t)]

    def _fits(self, tick: tuple[float, str]) -> bool:
        """Whether a label at the edge would be cut by the widget's edge."""
        low, high = self.x_range
        x = (tick[0] - low) / (high - low) * self._box.width()
        half = paint.text_width(tick[1], 11) / 2
        right_room = 40.0 if self._right else 2.0
        left_end, right_end = -float(self._left_axis.width()), float(self._box.width()) + right_room
        return bool(left_end < x - half and x + half < right_end)

    def _right_ticks(self) -> list[tuple[float, str]]:
        if not self._right:
            return []
        scale = self._right_scale
        if scale is _PERCENT:
            return [(v, scale.with_unit(v)) for v in (0.0, 50.0, 100.0)]
        low, high = (v / scale.divisor for v in self._right_range)
        shown = paint.nice_ticks(low, high, max(2, min(GRID_LINES, int(self._box.height() // 24))))
        plain = replace(scale, decimals=paint.tick_decimals(shown), divisor=1.0)
        return [(v * scale.divisor, plain.text(v)) for v in shown]

    def _redraw(self) -> None:
        self._make_ticks()
        for axis in (self._left_axis, self._bottom_axis, self._right_axis):
            axis.picture = None
            axis.update()
        self._canvas.update()

    def _on_resized(self) -> None:
        self._canvas.resized()
        self._redraw()

    # -------------------------------------------------------- painting

    def _paint(self, painter: QPainter, rect: QRectF) -> None:
        (x0, x1), (y0, y1) = self._box.viewRange()
        if rect.width() < 2 or rect.height() < 2 or x1 <= x0 or y1 <= y0:
            return
        painter.save()
        try:
            self._paint_all(painter, Frame(rect, x0, x1, y0, y1, self._right_range))
        finally:
            painter.restore()  # a painter left unbalanced takes the whole process down

    def _paint_all(self, painter: QPainter, frame: Frame) -> None:
        data, rect, x0, x1 = self._data, frame.rect, frame.x0, frame.x1
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._paint_grid(painter, frame)
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
        self.frame_points = 0
        columns = max(1, int(rect.width() * painter.device().devicePixelRatioF()))
        few = visible <= WIDE_PEN_POINTS  # of all curves: six noisy wide ones cost six times
        for line in data.lines:
            self.frame_points += paint_line(painter, frame, line, columns, few=few)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for points in data.points:
            paint_points(painter, frame, points)
        self._paint_annotations(painter, frame)
        painter.setClipping(False)
        self._paint_cursor(painter, frame)
        if self._message:
            paint.draw_text(painter, rect, self._message, token="text2", align=paint.CENTER)

    def _paint_grid(self, painter: QPainter, frame: Frame) -> None:
        painter.setPen(QPen(theme.color("line", 150), 1))
        for value, _ in self._y_ticks:
            y = frame.y(value)
            painter.drawLine(QPointF(frame.rect.left(), y), QPointF(frame.rect.right(), y))
        if self._x_grid:
            for value, _ in self._x_ticks:
                x = frame.x(value)
                painter.drawLine(QPointF(x, frame.rect.top()), QPointF(x, frame.rect.bottom()))

    def _paint_annotations(self, painter: QPainter, frame: Frame) -> None:
        data, rect = self._data, frame.rect
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for limit in data.limits:
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
                data.lines,
                [QRectF(left, t, wide, 15) for left in lefts for t in tops],
                limit.text,
            )
        for moment in data.moments:
            x = frame.x(moment.x)
            if not rect.left() <= x <= rect.right():
                continue
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
                    data.lines,
                    [QRectF(left, t, wide, 15) for t in tops for left in sides],
                    moment.text,
                )
        taken: list[float] = []
        for line in data.lines:
            if line.end_label:
                paint_end_label(painter, frame, line, taken)
        for note in data.notes:
            paint_words(painter, frame, note.x, note.y, note.text, note.token)
        if self._selection is not None:
            left, right = frame.x(self._selection[0]), frame.x(self._selection[1])
            box = QRectF(left, rect.top() + 1, right - left, rect.height() - 2)
            painter.fillRect(box, theme.color("accent", 40))
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box)

    def _paint_cursor(self, painter: QPainter, frame: Frame) -> None:
        if self._cursor is None or not frame.x0 <= self._cursor <= frame.x1:
            return
        rect, x = frame.rect, frame.x(self._cursor)
        painter.setPen(QPen(theme.color("text"), 1))
        painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
        values = self.values_at(self._cursor)
        for line, value in zip(self._data.lines, self._line_values(self._cursor), strict=True):
            if value is not None:
                y = frame.y(value) if line.axis == "left" else frame.right_y(value)
                painter.setPen(QPen(theme.color("surface"), 1))
                painter.setBrush(theme.color(line.token))
                painter.drawEllipse(QPointF(x, y), 3.5, 3.5)
        rows = [(self.x_text(self._cursor), "")]
        if self._readout:
            rows += values
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

    # -------------------------------------------------------- cursor

    def x_text(self, x: float) -> str:
        """The position in words: time in the site's zone, or the number."""
        if self._data.tick_texts:
            return min(self._data.tick_texts, key=lambda t: abs(t[0] - x))[1]
        if self._numeric_x:
            return self._x_scale.with_unit(x)
        low, high = self.x_range
        at = round(x * 1000)
        time_text = self._formats.clock_time(at, seconds=high - low < 6 * 3600)
        return time_text if high - low <= 86400 else f"{self._formats.day(at)} {time_text}"

    def values_at(self, x: float) -> list[tuple[str, str]]:
        """(name, value with unit) of every mark that has a value at x."""
        texts = [
            (line.name, self._text_of(value, line.axis))
            for line, value in zip(self._data.lines, self._line_values(x), strict=True)
            if line.name
        ]
        for steps in self._data.steps:
            place = int(np.searchsorted(steps.edges, x, "right")) - 1
            inside = 0 <= place < len(steps.y)
            value = float(steps.y[place]) if inside else math.nan
            texts.append((steps.name, self._text_of(value, steps.axis)))
        for bars in self._data.bars:
            place = int(np.searchsorted(bars.x, x, "right")) - 1
            hit = place >= 0 and x <= bars.x[place] + bars.width
            texts.append((bars.name, self._value_text(float(bars.y[place]) if hit else math.nan)))
        return texts

    def _value_text(self, value: float | None) -> str:
        return self._scale.with_unit(value)

    def _text_of(self, value: float | None, axis: str) -> str:
        return self._right_scale.with_unit(value) if axis == "right" else self._value_text(value)

    def _line_values(self, x: float) -> list[float | None]:
        values: list[float | None] = []
        for line in self._data.lines:
            place = nearest(line.x, x)
            value = float(line.y[place]) if place is not None else math.nan
            values.append(value if math.isfinite(value) else None)
        return values

    @property
    def cursor_x(self) -> float | None:
        return self._cursor

    def set_cursor(self, x: float | None, *, pinned: bool = False) -> None:
        """Puts the cursor at x; a pinned one stays when the pointer leaves."""
        self._pinned = pinned and x is not None
        if x != self._cursor:
            self._cursor = x
            self.cursor_moved.emit(x)
            self._canvas.update()

    def _step_cursor(self, steps: int) -> None:
        xs: Floats = np.empty(0)
        for line in self._data.lines:
            xs = line.x if len(line.x) > len(xs) else xs
        if not len(xs):
            xs = self._data.bars[0].x if self._data.bars else np.empty(0)
        if not len(xs):
            return
        low, high = self.x_range
        if self._cursor is None:
            self.set_cursor(
                float(xs[min(len(xs) - 1, int(np.searchsorted(xs, high)))]), pinned=True
            )
            return
        # At least a pixel, so that a day at one second can be walked.
        place = int(np.searchsorted(xs, self._cursor))
        pixel = (high - low) / max(1.0, self._box.width())
        target = self._cursor + steps * pixel
        wanted = int(np.searchsorted(xs, target, "left" if steps > 0 else "right"))
        wanted = wanted - 1 if steps < 0 else max(wanted, place + 1)
        wanted = min(len(xs) - 1, max(0, wanted if steps > 0 else min(wanted, place - 1)))
        self.set_cursor(float(xs[wanted]), pinned=True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        if event.matches(QKeySequence.StandardKey.Copy):
            from PySide6.QtGui import QGuiApplication

            QGuiApplication.clipboard().setText(self.as_text())
        elif key == Qt.Key.Key_Left:
            self._step_cursor(-far)
        elif key == Qt.Key.Key_Right:
            self._step_cursor(far)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(0.7, self._cursor)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / 0.7, self._cursor)
        elif key == Qt.Key.Key_0:
            self.reset_zoom()
        elif key == Qt.Key.Key_T:
            self.toggle_table()
        elif key == Qt.Key.Key_Escape and self._cursor is not None:
            self.set_cursor(None)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Escape
            and self._cursor is not None
        ):
            event.accept()  # the cursor is the topmost thing that Esc can close
            return True
        return super().event(event)

    def _on_mouse_moved(self, position: QPointF) -> None:
        if self._pinned or self._selection is not None:
            return
        inside = self._box.sceneBoundingRect().contains(position)
        self.set_cursor(self._box.mapSceneToView(position).x() if inside else None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave and not self._pinned:
            self.set_cursor(None)
        elif event.type() == QEvent.Type.MouseButtonPress:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
        return super().eventFilter(watched, event)

    def _select(self, start: float, end: float, finished: bool) -> None:
        if not self._selectable:
            self._selection = None
            return
        self._selection = None if finished else (start, end)
        self._canvas.update()
        if finished and end > start:
            self.period_selected.emit(start, end)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction("Show as table\tT", self.toggle_table)
        menu.addAction("Whole period\t0", self.reset_zoom)
        menu.addAction("Copy values\tCtrl+C", self._copy)
        menu.exec(event.globalPos())

    def _copy(self) -> None:
        from PySide6.QtGui import QGuiApplication

        QGuiApplication.clipboard().setText(self.as_text())

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._focus_proxy.follow(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._focus_proxy.follow(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_theme_change(event) and self._tokens is not theme.current():
            self._tokens = theme.current()
            for axis in (self._left_axis, self._bottom_axis, self._right_axis):
                axis.recolour()
            self._redraw()

    def sizeHint(self) -> QSize:
        return QSize(320, 180)

    # -------------------------------------------------------- table

    def table_rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headers and rows of everything drawn in the window, as text; gaps are en dashes.

        Rows are the x of all marks; above 5,000 each n-th row stands for its neighbours.
        """
        low, high = self.x_range
        series: list[tuple[str, Floats, Floats, bool]] = []
        for line in self._data.lines:
            series.append((line.name, line.x, line.y, line.axis == "right"))
        for steps in self._data.steps:
            series.append((steps.name, steps.edges[:-1], steps.y, steps.axis == "right"))
        for fan in self._data.fans:
            series.append((f"{fan.name}, from", fan.x, fan.lower, False))
            series.append((f"{fan.name}, to", fan.x, fan.upper, False))
        for bars in self._data.bars:
            series.append((bars.name, bars.x, bars.y, False))
        for points in self._data.points:
            series.append((points.name, points.x, points.y, False))
        first = self._x_scale.header("x") if self._numeric_x else "Time"
        headers = (
            first,
            *((self._right_scale if r else self._scale).header(n) for n, _, _, r in series),
        )
        if not series:
            return headers, []
        xs = np.unique(np.concatenate([x for _, x, _, _ in series]))
        xs = xs[(xs >= low) & (xs <= high)]
        if len(xs) > TABLE_ROWS:
            xs = xs[:: -(-len(xs) // TABLE_ROWS)]
        rows = []
        for at in xs.tolist():
            cells = [self._table_x(at)]
            for _, x, y, right in series:
                place = int(np.searchsorted(x, at))
                exact = place < len(x) and x[place] == at
                value = float(y[place]) if exact else math.nan
                cells.append((self._right_scale if right else self._scale).text(value))
            rows.append(tuple(cells))
        return headers, rows

    def _table_x(self, at: float) -> str:
        if self._data.tick_texts or self._numeric_x:
            return self.x_text(at)
        return self._formats.full_moment(round(at * 1000))

    def as_text(self) -> str:
        headers, rows = self.table_rows()
        return "\n".join("\t".join(row) for row in (headers, *rows))

    @property
    def table_shown(self) -> bool:
        return self._table is not None and self._stack.currentWidget() is self._table

    def toggle_table(self) -> None:
        """Swaps the drawing and the table of its values."""
        if self.table_shown:
            self._stack.setCurrentWidget(self._view)
            self.setFocus()
            return
        self._fill_table()
        assert self._table is not None
        self._stack.setCurrentWidget(self._table)
        self._table.setFocus()

    def _fill_table(self) -> None:
        headers, rows = self.table_rows()
        if self._table is not None:
            self._stack.removeWidget(self._table)
            self._table.deleteLater()
        columns = [
            Column[tuple[str, ...]](
                title,
                _cell_at(position),
                number=position > 0,
                width=190 if position == 0 else 0,
            )
            for position, title in enumerate(headers)
        ]
        table: Table[tuple[str, ...]] = Table(
            columns, lambda row: row[0], row_height=22, name=f"{self._name}, values"
        )
        table.show_rows(rows, empty="No values in this period.")
        self._table = table
        self._stack.addWidget(table)


class _FocusFrame(QWidget):
    """The focus ring above the plot; it takes no mouse."""

    def __init__(self, chart: Chart) -> None:
        super().__init__(chart)
        self._chart = chart
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def follow(self, focused: bool) -> None:
        self.setGeometry(self._chart.rect())
        self.setVisible(focused)
        self.raise_()

    def paintEvent(self, _: QPaintEvent) -> None:
        self.setGeometry(self._chart.rect())
        paint.focus_ring(QPainter(self), QRectF(self.rect()))


def _cell_at(position: int) -> Callable[[tuple[str, ...]], str]:
    return lambda row: row[position]


def _curves(data: ChartData) -> tuple[Line | Steps, ...]:
    return (*data.lines, *data.steps)
