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

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import QMenu, QSizePolicy, QStackedLayout, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart_axes import (
    PERCENT,
    HeldRange,
    Tick,
    right_ticks,
    x_ticks,
    y_ticks,
)
from energy_desktop.ui.widgets.chart_data import ChartData, Floats
from energy_desktop.ui.widgets.chart_paint import Frame, right_extent, with_room, x_extent, y_extent
from energy_desktop.ui.widgets.chart_plot import Axis, Box, Canvas, FocusFrame
from energy_desktop.ui.widgets.chart_scene import Cursor, Scene, paint_cursor, paint_scene
from energy_desktop.ui.widgets.chart_text import ChartText, legend_entries
from energy_desktop.ui.widgets.marks import LegendEntry
from energy_desktop.ui.widgets.table import Column, Table

_RIGHT_AXIS = 44.0


class Chart(QWidget):
    """One plot with its axes, cursor, zoom, and its table.

    `scale` turns stored values into what the axis shows. With `numeric_x` the x axis is a plain
    number and `x_scale` writes it; else x is UTC seconds shown in the site's zone. `sides`: pixels
    that the left and right axis take at least, so that charts below each other share one time axis.
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
        sides: tuple[float, float] = (24.0, 0.0),
    ) -> None:
        super().__init__(parent)
        self._formats = formats
        self._scale = scale or formats.scale("W")
        self._numeric_x = numeric_x
        self._x_scale = x_scale or Scale("", 1.0, 0, formats.symbols)
        self._readout = readout
        self._selectable = selectable
        self._x_grid = x_grid
        self._sides = sides
        self._name = name
        self._data = ChartData()
        self._y_held = HeldRange()
        self._home: tuple[float, float] | None = None
        self._zoomed = False
        self._cursor: float | None = None
        self._pinned = False
        self._selection: tuple[float, float] | None = None
        self._x_ticks: list[Tick] = []
        self._y_ticks: list[Tick] = []
        self._tokens = theme.current()
        self._right = False
        self._right_scale = PERCENT
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
        self._box = Box(self)
        self._left_axis = Axis("left", lambda: self._y_ticks)
        self._bottom_axis = Axis("bottom", lambda: self._x_ticks)
        self._right_axis = Axis("right", self._right_ticks)
        self._view.ci.addItem(self._left_axis, 0, 0)
        self._view.ci.addItem(self._box, 0, 1)
        self._view.ci.addItem(self._right_axis, 0, 2)
        self._view.ci.addItem(self._bottom_axis, 1, 1)
        self._left_axis.linkToView(self._box)
        self._bottom_axis.linkToView(self._box)
        self._right_axis.setRange(0.0, 100.0)
        self._bottom_axis.setHeight(20)
        self._right_axis.setWidth(sides[1])
        self._axis_width = 0.0  # asked for; the layout follows later
        self._canvas = Canvas(self._box, self._paint)
        self._box.sigResized.connect(self._on_resized)
        self._view.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self._stack.addWidget(self._view)
        self._table: Table[tuple[str, ...]] | None = None
        self._focus_proxy = FocusFrame(self)
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
            self._y_held.release()
        right = (
            any(line.axis == "right" for line in data.lines)
            or any(steps.axis == "right" for steps in data.steps)
            or any(limit.axis == "right" for limit in data.limits)
        )
        self._right_scale = right_scale or PERCENT
        if right != self._right:
            self._right = right
            self._right_axis.setWidth(max(_RIGHT_AXIS if right else 0.0, self._sides[1]))
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
        return legend_entries(self._data)

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
        self._y_held.release()
        self._fit_y()
        self._redraw()

    def refit(self) -> None:
        """Lets go of the y range that was held: what is drawn now is something else."""
        self._y_held.release()
        self._fit_y(at_once=True)
        self._redraw()

    def _set_x_range(self, low: float, high: float) -> None:
        if high <= low:
            high = low + 1.0
        self._box.setXRange(low, high, padding=0)
        self.range_changed.emit(low, high)

    def _fit_right(self) -> None:
        fitted = None
        if self._right and self._right_scale is not PERCENT:
            fitted = right_extent(self._data, self.x_range)
        self._right_range = (0.0, 100.0) if fitted is None else with_room(*fitted, zero=False)
        self._right_axis.setRange(*self._right_range)

    def _fit_y(self, *, at_once: bool = False) -> None:
        self._fit_right()
        asked = self._data.y_range
        fitted = asked or y_extent(self._data, self.x_range)
        if fitted is None:
            return
        if asked is None:
            fitted = with_room(*fitted, zero=self._data.y_zero)
        shown = self._y_held.fit(fitted, at_once=at_once or asked is not None)
        if shown is not None:
            self._box.setYRange(*shown, padding=0)

    # -------------------------------------------------------- ticks

    def _make_ticks(self) -> None:
        self._y_ticks = y_ticks(self._box.viewRange()[1], self._scale, self._box.height())
        if self._data.is_empty and self._data.y_range is None and not self._data.limits:
            self._y_ticks = []  # a range that nothing was measured in would be made up
        width = max((paint.text_width(t, 11) for _, t in self._y_ticks), default=20) + 10
        width = max(self._sides[0], width)
        if abs(width - self._axis_width) > 0.5:
            self._axis_width = width
            self._left_axis.setWidth(width)
        made = x_ticks(
            self.x_range,
            self._box.width(),
            self._formats,
            named=self._data.tick_texts,
            scale=self._x_scale if self._numeric_x else None,
        )
        self._x_ticks = [tick for tick in made if self._fits(tick)]

    def _fits(self, tick: tuple[float, str]) -> bool:
        """Whether a label at the edge would be cut by the widget's edge."""
        low, high = self.x_range
        x = (tick[0] - low) / (high - low) * self._box.width()
        half = paint.text_width(tick[1], 11) / 2
        right_room = max(2.0, float(self._right_axis.width()) - 4.0)
        left_end, right_end = -float(self._left_axis.width()), float(self._box.width()) + right_room
        return bool(left_end < x - half and x + half < right_end)

    def _right_ticks(self) -> list[Tick]:
        if not self._right:
            return []
        return right_ticks(self._right_range, self._right_scale, self._box.height())

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
        scene = Scene(self._data, self._x_ticks, self._y_ticks, self._x_grid, self._selection)
        self.frame_points = paint_scene(painter, frame, scene)
        painter.setClipping(False)
        if self._cursor is not None and frame.x0 <= self._cursor <= frame.x1:
            paint_cursor(painter, frame, self._cursor_shown(self._cursor))
        if self._message:
            paint.draw_text(painter, frame.rect, self._message, token="text2", align=paint.CENTER)

    def _cursor_shown(self, x: float) -> Cursor:
        text = self._text
        rows = [(text.x_text(x), "")]
        if self._readout:
            rows += text.values_at(x)
        return Cursor(x, self._data.lines, text.line_values(x), rows)

    # -------------------------------------------------------- cursor

    @property
    def _text(self) -> ChartText:
        return ChartText(
            self._data,
            self._formats,
            self._scale,
            self._right_scale,
            self._x_scale,
            self._numeric_x,
            self.x_range,
        )

    def x_text(self, x: float) -> str:
        """The position in words: time in the site's zone, or the number."""
        return self._text.x_text(x)

    def values_at(self, x: float) -> list[tuple[str, str]]:
        """(name, value with unit) of every mark that has a value at x."""
        return self._text.values_at(x)

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
            self._copy()
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

    def select(self, start: float, end: float, finished: bool) -> None:
        """A stretch of x is being dragged, or was."""
        if not self._selectable:
            self._selection = None
            return
        self._selection = None if finished else (start, end)
        self._canvas.update()
        if finished and end > start:
            self.period_selected.emit(start, end)

    def click(self, x: float, y: float) -> None:
        """A click into the plot: the cursor stays there."""
        self.set_cursor(x, pinned=True)
        self.clicked.emit(x)
        self.place_clicked.emit(x, y)

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
        return self._text.table_rows()

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


def _cell_at(position: int) -> Callable[[tuple[str, ...]], str]:
    return lambda row: row[position]
