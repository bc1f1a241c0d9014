"""How each mark of a chart is painted: data to pixels, and one function a mark.

Everything is in the pixels of the plot area. Polylines are built from arrays in one call; a curve
is thinned to its pixel columns before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pyqtgraph import functions
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart_data import Bars, ChartData, Fan, Floats, Line, Points, Steps
from energy_desktop.ui.widgets.decimate import decimate

WIDE_PEN_POINTS = 4_000  # fewer than this drawn: 1.5 px costs nothing
_PEN_STYLES = {
    "solid": Qt.PenStyle.SolidLine,
    "dash": Qt.PenStyle.DashLine,
    "dot": Qt.PenStyle.DotLine,
}


class Frame:
    """Maps data to pixels of the plot area."""

    __slots__ = ("rect", "right", "sx", "sy", "x0", "x1", "y0", "y1")

    def __init__(
        self,
        rect: QRectF,
        x0: float,
        x1: float,
        y0: float,
        y1: float,
        right: tuple[float, float] = (0.0, 100.0),
    ) -> None:
        self.rect = rect
        self.right = right
        self.x0, self.x1, self.y0, self.y1 = x0, x1, y0, y1
        self.sx = rect.width() / (x1 - x0)
        self.sy = rect.height() / (y1 - y0)

    def x(self, value: float) -> float:
        return self.rect.left() + (value - self.x0) * self.sx

    def y(self, value: float) -> float:
        return self.rect.bottom() - (value - self.y0) * self.sy

    def right_y(self, value: float) -> float:
        low, high = self.right
        return self.rect.bottom() - (value - low) / (high - low) * self.rect.height()

    def xs(self, values: Floats) -> Floats:
        return self.rect.left() + (values - self.x0) * self.sx

    def ys(self, values: Floats, axis: str = "left") -> Floats:
        if axis == "right":
            low, high = self.right
            return self.rect.bottom() - (values - low) / (high - low) * self.rect.height()
        return self.rect.bottom() - (values - self.y0) * self.sy


def draw_clear_words(
    painter: QPainter, frame: Frame, lines: Sequence[Line], places: Sequence[QRectF], text: str
) -> None:
    """Writes into the first of these places inside the plot that no line runs through.

    Where every place is crossed, into the first, on a ground that keeps the words legible.
    """
    chosen = None
    for place in places:
        inside = frame.rect.contains(place)
        if inside and not any(_runs_through(frame, line, place) for line in lines):
            chosen = place
            break
    if chosen is None:
        chosen = places[0]
        painter.fillRect(chosen, theme.color("surface", 225))
    paint.draw_text(painter, chosen, text, px=11, weight=600)


def _runs_through(frame: Frame, line: Line, place: QRectF) -> bool:
    if not len(line.x):
        return False
    low = frame.x0 + (place.left() - frame.rect.left()) / frame.sx
    high = frame.x0 + (place.right() - frame.rect.left()) / frame.sx
    first, last = np.searchsorted(line.x, (low, high))
    # The points between, and the line as it enters, crosses and leaves.
    at = np.linspace(low, high, 12)
    crossing = np.interp(at, line.x, line.y, left=np.nan, right=np.nan)
    y = frame.ys(np.concatenate((line.y[first:last], crossing)), line.axis)
    return bool(np.any((y > place.top() - 1) & (y < place.bottom() + 1)))


def nearest(x: Floats, at: float) -> int | None:
    if not len(x):
        return None
    place = int(np.searchsorted(x, at))
    if place == 0:
        return 0
    if place >= len(x):
        return len(x) - 1
    return place if x[place] - at < at - x[place - 1] else place - 1


def visible_points(x: Floats, low: float, high: float) -> int:
    return int(np.searchsorted(x, high, "right") - np.searchsorted(x, low, "left"))


def x_extent(data: ChartData) -> tuple[float, float] | None:
    lows, highs = [], []
    for x in (*(m.x for m in data.lines), *(m.x for m in data.fans), *(m.x for m in data.points)):
        if len(x):
            lows.append(float(np.min(x)))
            highs.append(float(np.max(x)))
    for steps in data.steps:
        if len(steps.edges):
            lows.append(float(steps.edges[0]))
            highs.append(float(steps.edges[-1]))
    for bars in data.bars:
        if len(bars.x):
            lows.append(float(bars.x[0]))
            highs.append(float(bars.x[-1]) + bars.width)
    return (min(lows), max(highs)) if lows else None


def right_extent(data: ChartData, window: tuple[float, float]) -> tuple[float, float] | None:
    """Least and most of the lines of the right axis within the window."""
    parts = [_within(line, window) for line in data.lines if line.axis == "right"]
    known = [part[np.isfinite(part)] for part in parts]
    known = [part for part in known if part.size]
    if not known:
        return None
    return min(float(p.min()) for p in known), max(float(p.max()) for p in known)


def _within(line: Line, window: tuple[float, float]) -> Floats:
    # Readings are ascending in time; a curve over numbers need not be.
    first = int(np.searchsorted(line.x, window[0], "left"))
    last = int(np.searchsorted(line.x, window[1], "right"))
    return line.y[max(0, first - 1) : last + 1]


def y_extent(data: ChartData, window: tuple[float, float]) -> tuple[float, float] | None:
    parts: list[Floats] = [_within(line, window) for line in data.lines if line.axis == "left"]
    for steps in data.steps:
        if steps.axis == "left":
            parts.append(steps.y)
    for fan in data.fans:
        parts += [fan.lower, fan.upper]
    parts += [m.y for m in data.bars]
    parts += [m.y for m in data.points]
    lows, highs = [], []
    for part in parts:
        if not len(part):
            continue
        bottom, top = float(np.fmin.reduce(part)), float(np.fmax.reduce(part))
        if math.isfinite(bottom) and math.isfinite(top):
            lows.append(bottom)
            highs.append(top)
    for limit in data.limits:
        if limit.axis == "left":
            lows.append(limit.y)
            highs.append(limit.y)
    if data.bars or any(s.fill for s in data.steps):
        lows.append(0.0)
        highs.append(0.0)
    return (min(lows), max(highs)) if lows else None


def with_room(low: float, high: float, *, zero: bool) -> tuple[float, float]:
    """A twelfth of room, except at a zero that belongs to the range; never an empty range."""
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    span = high - low
    if span <= 0:
        span = abs(high) * 0.1 or 1.0
        low, high = low - span, high + span
    room = span / 12
    return (low if low == 0.0 else low - room), (high if high == 0.0 else high + room)


# ---------------------------------------------------------------- marks


def _pen(token: str, style: str, width: float) -> QPen:
    pen = QPen(theme.color(token), width, _PEN_STYLES[style])
    if style == "dash":
        pen.setDashPattern([5.0, 3.0])
    elif style == "dot":
        pen.setDashPattern([1.0, 2.5])
    pen.setCosmetic(True)
    return pen


def _finite_runs(y: Floats) -> list[tuple[int, int]]:
    """[start, end) of the stretches without NaN."""
    finite = np.isfinite(y)
    if finite.all():
        return [(0, len(y))] if len(y) else []
    edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[0::2], edges[1::2], strict=True)]


def paint_line(
    painter: QPainter, frame: Frame, line: Line, columns: int, *, few: bool = True
) -> int:
    """Gives how many points were drawn. few: of all curves together, so that a wide pen is free."""
    x, y = decimate(line.x, line.y, frame.x0, frame.x1, columns)
    if not len(x):
        return 0
    few = (
        few
        and len(x) <= WIDE_PEN_POINTS
        and painter.testRenderHint(QPainter.RenderHint.Antialiasing)
    )
    painter.setPen(_pen(line.token, line.style, max(line.width, 1.5) if few else 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    px, py = frame.xs(x), frame.ys(y, line.axis)
    for start, end in _finite_runs(py):
        if end - start == 1:
            painter.drawPoint(QPointF(px[start], py[start]))
        else:
            painter.drawPolyline(functions.arrayToQPolygonF(px[start:end], py[start:end]))
    if line.points is not None:
        marks = Points("", line.x, line.y, line.token, line.points)
        paint_points(painter, frame, marks)
    return len(x)


def paint_fan(painter: QPainter, frame: Frame, fan: Fan) -> None:
    if not len(fan.x):
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(fan.token, fan.alpha))
    both = fan.lower + fan.upper
    for start, end in _finite_runs(both):
        x = frame.xs(fan.x[start:end])
        around = np.concatenate((x, x[::-1]))
        edge = np.concatenate(
            (frame.ys(fan.upper[start:end]), frame.ys(fan.lower[start:end])[::-1])
        )
        painter.drawPolygon(functions.arrayToQPolygonF(around, edge))


def paint_bars(painter: QPainter, frame: Frame, bars: Bars) -> None:
    base = frame.y(0.0)
    shade = theme.color(bars.token, bars.alpha)
    wide = max(1.0, bars.width * frame.sx)
    gap = 2.0 if wide > 8 else 1.0 if wide > 3 else 0.0
    for x, y in zip(frame.xs(bars.x).tolist(), frame.ys(bars.y).tolist(), strict=True):
        if not math.isfinite(y) or x > frame.rect.right() or x + wide < frame.rect.left():
            continue
        top, tall = min(base, y), abs(base - y)
        box = QRectF(x + gap / 2, top, wide - gap, tall)
        if bars.hatched:
            painter.fillRect(box, theme.color(bars.token, 70))
            painter.fillRect(box, QBrush(shade, Qt.BrushStyle.BDiagPattern))
            painter.setPen(QPen(shade, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        else:
            painter.fillRect(box, shade)
    if frame.y0 < 0 < frame.y1:
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.drawLine(QPointF(frame.rect.left(), base), QPointF(frame.rect.right(), base))


def paint_steps(painter: QPainter, frame: Frame, steps: Steps) -> None:
    if not len(steps.y):
        return
    ys = frame.ys(steps.y, steps.axis)
    for start, end in _finite_runs(ys):
        edges = frame.xs(steps.edges[start : end + 1])
        x = np.repeat(edges, 2)[1:-1]
        y = np.repeat(ys[start:end], 2)
        if steps.fill:
            base = frame.y(0.0)
            around = np.concatenate(([x[0]], x, [x[-1]]))
            edge = np.concatenate(([base], y, [base]))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(steps.token, 28))
            painter.drawPolygon(functions.arrayToQPolygonF(around, edge))
        painter.setPen(_pen(steps.token, steps.style, 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(functions.arrayToQPolygonF(x, y))


def paint_points(painter: QPainter, frame: Frame, points: Points) -> None:
    shade = theme.color(points.token, points.alpha)
    edge = theme.color("p2_edge", points.alpha) if points.token == "p2" else shade
    xs, ys = frame.xs(points.x), frame.ys(points.y)
    inside = np.isfinite(ys) & (xs >= frame.rect.left() - 4) & (xs <= frame.rect.right() + 4)
    xs, ys = xs[inside], ys[inside]
    if points.shape == "dot" and len(xs) > 300:
        # A fat round point is one call for all of them; 5,000 ellipses are 5,000.
        pen = QPen(shade, points.size)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPoints(functions.arrayToQPolygonF(xs, ys))
        return
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        paint.draw_point(painter, QPointF(x, y), points.shape, points.size, shade, edge)


def paint_region(
    painter: QPainter, frame: Frame, start: float, end: float, kind: str, text: str
) -> None:
    left = max(frame.rect.left(), frame.x(start))
    right = min(frame.rect.right(), frame.x(end))
    if right <= left:
        return
    box = QRectF(left, frame.rect.top(), max(1.0, right - left), frame.rect.height())
    if kind in ("estimated", "edited", "quarantined"):
        _paint_edge_mark(painter, box, kind)
        return
    if kind == "shade":
        painter.fillRect(box, theme.color("typical", 40))
    elif kind == "out_of_contract":
        painter.fillRect(box, paint.hatch("out_of_contract", 150))
    else:
        painter.fillRect(box, paint.hatch("typical", 170))
    if text and box.width() > paint.text_width(text, 11) + 12:
        wide = paint.text_width(text, 11, 600) + 8
        words = QRectF(box.center().x() - wide / 2, box.center().y() - 9, wide, 18)
        if kind != "shade":
            painter.fillRect(words, theme.color("surface", 220))
        paint.draw_text(painter, words, text, px=11, weight=600, token="text2", align=paint.CENTER)


def _paint_edge_mark(painter: QPainter, box: QRectF, kind: str) -> None:
    """What is said of a stretch at the top edge of the plot, where no curve is hidden by it."""
    if kind == "quarantined":
        painter.fillRect(box, paint.hatch("typical", 110))
        shade = theme.color("text2")
        painter.save()
        paint.draw_point(
            painter,
            QPointF(box.center().x(), box.top() + 8),
            "triangle",
            8.0,
            theme.color("surface"),
            shade,
        )
        painter.restore()
        return
    token = "estimated" if kind == "estimated" else "text2"
    bar = QRectF(box.left(), box.top(), max(3.0, box.width()), 4.0)
    if kind == "estimated":
        painter.fillRect(bar, QBrush(theme.color(token), Qt.BrushStyle.Dense4Pattern))
        return
    painter.fillRect(bar, theme.color(token))
    theme.draw_icon(painter, QRectF(box.left() - 1, box.top() + 6, 14, 14), "pencil", token)


def paint_end_label(painter: QPainter, frame: Frame, line: Line, taken: list[float]) -> None:
    inside = np.flatnonzero(np.isfinite(line.y) & (line.x >= frame.x0) & (line.x <= frame.x1))
    if not len(inside) or not line.name:
        return
    last = int(inside[-1])
    x = frame.x(float(line.x[last]))
    y = frame.y(float(line.y[last])) if line.axis == "left" else frame.right_y(float(line.y[last]))
    wide = paint.text_width(line.name, 11, 600) + 8
    left = x + 4 if x + 4 + wide < frame.rect.right() else frame.rect.right() - wide - 2
    top = min(max(frame.rect.top(), y - 18), frame.rect.bottom() - 16)
    while any(abs(top - other) < 15 for other in taken) and top < frame.rect.bottom() - 30:
        top += 15
    taken.append(top)
    box = QRectF(left, top, wide, 15)
    painter.fillRect(box, theme.color("surface", 200))
    paint.draw_text(
        painter, box.adjusted(3, 0, 0, 0), line.name, px=11, weight=600, token=line.token
    )


def paint_words(painter: QPainter, frame: Frame, x: float, y: float, text: str, token: str) -> None:
    lines = text.split("\n")
    wide = max(paint.text_width(part, 11, 600) for part in lines) + 4
    left = min(max(frame.x(x) + 4, frame.rect.left()), frame.rect.right() - wide)
    top = min(max(frame.y(y) - 15.0 * len(lines), frame.rect.top()), frame.rect.bottom() - 15)
    for position, part in enumerate(lines):
        paint.draw_text(
            painter,
            QRectF(left, top + 14 * position, wide, 15),
            part,
            px=11,
            weight=600,
            token=token,
        )
