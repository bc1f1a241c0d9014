"""Marks drawn the same way by widgets and by table cells: one function a mark.

Each takes a painter, a rectangle in pixels and a frozen value, and reads the theme's tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QLabel, QWidget

from energy_desktop.ui import theme

Align = Qt.AlignmentFlag

LEFT = Align.AlignLeft | Align.AlignVCenter
RIGHT = Align.AlignRight | Align.AlignVCenter
CENTER = Align.AlignHCenter | Align.AlignVCenter


def plain_tooltip(text: str) -> str:
    """A tooltip that shows `text` as it is: Qt takes `<b>` in a meter's name for markup."""
    from html import escape

    return f"<qt>{escape(text)}</qt>".replace("\n", "<br>") if text else ""


def label(text: str = "", role: str = "", *, wrap: bool = False, tooltip: str = "") -> QLabel:
    """A label of the type scale with its text taken as plain text. Roles: see theme.style_sheet."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    if wrap:
        made.setWordWrap(True)
    if tooltip:
        made.setToolTip(plain_tooltip(tooltip))
    return made


def rule() -> QWidget:
    """A horizontal line of one pixel."""
    from PySide6.QtWidgets import QFrame

    line = QFrame()
    line.setProperty("kind", "rule")
    line.setFixedHeight(1)
    return line


def draw_text(
    painter: QPainter,
    rect: QRectF,
    text: str,
    *,
    px: int = 12,
    weight: int = 400,
    token: str = "text",
    align: Align = LEFT,
    italic: bool = False,
    mono: bool = False,
    strike: bool = False,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> bool:
    """Writes one line, elided to the rectangle. Returns whether the text had to be shortened."""
    face = theme.font(px, weight, italic=italic, mono=mono)
    if strike:
        face = QFont(face)
        face.setStrikeOut(True)
    metrics = QFontMetricsF(face)
    shown = text
    if metrics.horizontalAdvance(text) > rect.width() + 0.5:
        shown = metrics.elidedText(text, elide, rect.width())
    painter.setFont(face)
    painter.setPen(theme.color(token))
    painter.drawText(rect, int(align | Qt.TextFlag.TextSingleLine), shown)
    return shown != text


def text_width(text: str, px: int = 12, weight: int = 400, *, mono: bool = False) -> float:
    """Advance of `text` in pixels in a face of the type scale."""
    return QFontMetricsF(theme.font(px, weight, mono=mono)).horizontalAdvance(text)


def focus_ring(painter: QPainter, rect: QRectF, radius: float = theme.RADIUS) -> None:
    """The 2 px ring of the widget that has the keyboard."""
    painter.setPen(QPen(theme.color("focus"), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), radius, radius)


def hatch(token: str, alpha: int = 255) -> QBrush:
    """The 45 degree hatch of gaps, out-of-contract energy and after-hours waste."""
    return QBrush(theme.color(token, alpha), Qt.BrushStyle.BDiagPattern)


# ---------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class Band:
    """A value between its usual bounds, on a scale [low, high]; all in one unit.

    value None: unknown, drawn without a marker. limit: an ink tick with no colour of its own.
    judged: whether the words beside it say that it is outside, where they know a tolerance; None:
    any value past a bound is.
    """

    value: float | None
    typical_low: float | None
    typical_high: float | None
    low: float = 0.0
    high: float = 1.0
    limit: float | None = None
    stale: bool = False
    judged: bool | None = None

    @property
    def outside(self) -> bool:
        """Whether the value is outside what is usual: only then does the marker take colour."""
        if self.judged is not None:
            return self.judged and self.value is not None
        if self.value is None or self.typical_low is None or self.typical_high is None:
            return False
        return not self.typical_low <= self.value <= self.typical_high


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark of an alarm priority 1 to 3. hollow: returned or none; the shape stays."""

    priority: int
    hollow: bool = False
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """A state in one or two words. tone 0: neutral; 1 to 3: tint of that priority."""

    text: str
    tone: int = 0
    strong: bool = True


@dataclass(frozen=True, slots=True)
class Spark:
    """A line without axes over an optional normal band; NaN leaves a gap."""

    values: tuple[float, ...]
    band_low: float | None = None
    band_high: float | None = None
    token: str = "text2"
    end_dot: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """A share of 0 to 1 as a bar that starts at zero."""

    fraction: float
    token: str = "load"


# ---------------------------------------------------------------- marks


def draw_mark(painter: QPainter, rect: QRectF, mark: Mark) -> None:
    """Square 1, triangle 2, circle 3, with the number in it: never by colour alone."""
    size = min(rect.width(), rect.height())
    box = QRectF(rect.center().x() - size / 2, rect.center().y() - size / 2, size, size).adjusted(
        1, 1, -1, -1
    )
    number = min(3, max(1, mark.priority))
    fill = theme.color(f"p{number}")
    edge = theme.color(("p1", "p2_edge", "p3_edge")[number - 1])
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if mark.faint:
        painter.setOpacity(0.55)
    painter.setPen(QPen(edge, 1.6 if mark.hollow else 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush if mark.hollow else QBrush(fill))
    text_box = QRectF(box)
    if number == 1:
        painter.drawRoundedRect(box, 3, 3)
    elif number == 2:
        wide = box.adjusted(-1.2, -1, 1.2, 0)
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(wide.center().x(), wide.top()),
                    QPointF(wide.right(), wide.bottom()),
                    QPointF(wide.left(), wide.bottom()),
                ]
            )
        )
        text_box.translate(0, size * 0.14)
    else:
        painter.drawEllipse(box)
    painter.setFont(theme.font(max(9, round(size * (0.56 if number == 2 else 0.64))), 600))
    painter.setPen(theme.color("text" if mark.hollow else f"on_p{number}"))
    painter.drawText(text_box, int(CENTER), str(number))
    painter.restore()


def band_extent(band: Band) -> tuple[float, float]:
    """The scale on which the band is drawn: wide enough for value, bounds and limit."""
    parts = [
        v
        for v in (band.low, band.high, band.value, band.typical_low, band.typical_high, band.limit)
        if v is not None and math.isfinite(v)
    ]
    low, high = min(parts), max(parts)
    return low, high if high > low else low + 1.0


def draw_band(painter: QPainter, rect: QRectF, band: Band) -> None:
    """Track, what is usual as a darker stretch, the value as a marker in ink."""
    low, high = band_extent(band)

    def across(value: float) -> float:
        return rect.left() + (value - low) / (high - low) * rect.width()

    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    height = min(8.0, rect.height())
    track = QRectF(rect.left(), rect.center().y() - height / 2, rect.width(), height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("line"))
    painter.drawRoundedRect(track, 1.5, 1.5)
    if band.typical_low is not None and band.typical_high is not None:
        left, right = across(band.typical_low), across(band.typical_high)
        painter.setBrush(theme.color("typical"))
        painter.drawRect(QRectF(left, track.top(), max(2.0, right - left), height))
    if band.limit is not None:
        x = across(band.limit)
        painter.setPen(QPen(theme.color("text"), 1.5))
        painter.drawLine(QPointF(x, track.top() - 3), QPointF(x, track.bottom() + 3))
    if band.value is not None and math.isfinite(band.value):
        x = min(max(across(band.value), rect.left() + 3), rect.right() - 3)
        ink = theme.color("p2" if band.outside else "text3" if band.stale else "text")
        painter.setPen(QPen(ink, 2))
        painter.drawLine(QPointF(x, track.top()), QPointF(x, track.bottom() + 1))
        painter.setPen(QPen(theme.color("surface"), 1))
        painter.setBrush(ink)
        top = track.top() - 3.5
        painter.drawPolygon(
            QPolygonF([QPointF(x - 4.5, top), QPointF(x + 4.5, top), QPointF(x, top + 8)])
        )
    painter.restore()


def draw_spark(painter: QPainter, rect: QRectF, spark: Spark) -> None:
    finite = [v for v in spark.values if math.isfinite(v)]
    if not finite:
        draw_text(painter, rect, "–", token="text3")
        return
    bounds = [
        *finite,
        *(b for b in (spark.band_low, spark.band_high) if b is not None and math.isfinite(b)),
    ]
    low, high = min(bounds), max(bounds)
    span = (high - low) or 1.0
    inner = rect.adjusted(1, 3, -4, -3)
    step = inner.width() / max(1, len(spark.values) - 1)

    def point(position: int, value: float) -> QPointF:
        y = (
            inner.center().y()
            if high == low
            else inner.bottom() - (value - low) / span * (inner.height())
        )
        return QPointF(inner.left() + position * step, y)

    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if spark.band_low is not None and spark.band_high is not None:
        top, bottom = point(0, spark.band_high).y(), point(0, spark.band_low).y()
        painter.fillRect(
            QRectF(inner.left(), top, inner.width(), max(2.0, bottom - top)),
            theme.color("typical", 100),
        )
    painter.setPen(QPen(theme.color(spark.token), 1.2))
    run: list[QPointF] = []
    for position, value in enumerate(spark.values):
        if math.isfinite(value):
            run.append(point(position, value))
        elif run:
            painter.drawPolyline(QPolygonF(run))
            run = []
    if run:
        painter.drawPolyline(QPolygonF(run))
        if spark.end_dot and math.isfinite(spark.values[-1]):
            painter.setBrush(theme.color(spark.token))
            painter.drawEllipse(run[-1], 2, 2)
    painter.restore()


def draw_bar(painter: QPainter, rect: QRectF, bar: Bar) -> None:
    track = QRectF(rect.left(), rect.center().y() - 4, rect.width(), 8)
    painter.fillRect(track, theme.color("inset"))
    share = min(1.0, max(0.0, bar.fraction if math.isfinite(bar.fraction) else 0.0))
    if share > 0:
        painter.fillRect(
            QRectF(track.left(), track.top(), max(1.0, share * track.width()), 8),
            theme.color(bar.token),
        )


def chip_size(chip: Chip) -> tuple[float, float]:
    face = QFontMetricsF(theme.font(11, 600 if chip.strong else 400))
    return face.horizontalAdvance(chip.text) + 12, face.height() + 3


def draw_chip(painter: QPainter, rect: QRectF, chip: Chip, align: Align = LEFT) -> bool:
    """A tinted ground with `text` on it. Returns whether the text had to be shortened."""
    width, height = chip_size(chip)
    width = min(width, rect.width())
    left = rect.right() - width if align & Align.AlignRight else rect.left()
    box = QRectF(left, rect.center().y() - height / 2, width, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(f"tint{chip.tone}" if chip.tone else "inset"))
    painter.drawRoundedRect(box, 3, 3)
    cut = draw_text(
        painter,
        box.adjusted(6, 0, -5, 0),
        chip.text,
        px=11,
        weight=600 if chip.strong else 400,
        token="text" if chip.tone else "text2",
    )
    painter.restore()
    return cut


def draw_point(
    painter: QPainter, at: QPointF, shape: str, size: float, fill: QColor, edge: QColor
) -> None:
    """A mark of `size` pixels: dot, triangle, hollow (triangle) or ring."""
    half = size / 2
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    open_shape = shape in ("ring", "hollow")
    painter.setPen(QPen(edge, 1.4 if open_shape else 0.8))
    painter.setBrush(Qt.BrushStyle.NoBrush if open_shape else QBrush(fill))
    if shape in ("triangle", "hollow"):
        corners = [
            QPointF(at.x(), at.y() - half - 1),
            QPointF(at.x() + half + 1, at.y() + half),
            QPointF(at.x() - half - 1, at.y() + half),
        ]
        painter.drawPolygon(QPolygonF(corners))
    else:
        painter.drawEllipse(at, half, half)


def nice_ticks(low: float, high: float, at_most: int = 5) -> Sequence[float]:
    """At most `at_most` round positions within [low, high], at steps of 1, 2 or 5 x 10^n."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    raw = (high - low) / at_most
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1.0, 2.0, 5.0, 10.0, 20.0):
        step = factor * power
        first = math.ceil(low / step - 1e-9)
        last = math.floor(high / step + 1e-9)
        if last - first + 1 <= at_most:
            return [i * step for i in range(first, last + 1)]
    return []


def tick_decimals(ticks: Sequence[float]) -> int:
    """Decimals that tell these ticks apart, and no more."""
    if len(ticks) < 2:
        return 0 if not ticks or float(ticks[0]).is_integer() else 2
    step = abs(ticks[1] - ticks[0])
    return next((d for d in range(9) if abs(step * 10**d - round(step * 10**d)) < 1e-6), 9)


def as_color(shade: QColor | str) -> QColor:
    return theme.color(shade) if isinstance(shade, str) else shade


def to_rectf(rect: QRect) -> QRectF:
    return QRectF(rect)
