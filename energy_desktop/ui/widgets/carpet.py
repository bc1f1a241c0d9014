"""Day x time of day as colour: a quarter, a year at a glance.

The picture is an image of one pixel a value, scaled without smoothing. Values without data stay
transparent over a hatch. Slots are placed by the time that passed since local midnight; a 23-hour
day ends earlier than its neighbours, a 25-hour day later, and nothing is stretched to hide it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.day_picture import DayPicture

LEFT = 42.0
TOP = 22.0
BOTTOM = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Carpet:
    """day_start_ms (d,): local midnights in UTC epoch ms. values (d, slots) in the stored unit.

    day_slots (d,): how many slots each day really has; values beyond are ignored. NaN within: no
    data, hatched. level_max: the top of the colour scale, fixed per meter; None: the 99th
    percentile of what is there. not_measured (d, slots): estimated or edited values, dotted.
    """

    day_start_ms: tuple[int, ...]
    values: NDArray[np.float64]
    slot_s: int
    day_slots: tuple[int, ...]
    level_max: float | None = None
    not_measured: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        days = len(self.day_start_ms)
        if self.values.ndim != 2 or self.values.shape[0] != days or len(self.day_slots) != days:
            raise ValueError("a carpet has one row of values and one slot count for each day")


class CarpetView(DayPicture):
    """Left, Right choose a day; a drag selects a period; the colour scale stands above."""

    period_selected = Signal(object, object)  # start_ms, end_ms: too large for Qt's int

    def __init__(
        self, formats: Formats, scale: Scale | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._formats = formats
        self._scale = scale or formats.scale("W")
        self._carpet: Carpet | None = None
        self._image: QImage | None = None
        self._image_key: tuple[int, str] | None = None
        self._top_level = 1.0
        self._drag: tuple[QPointF, QPointF] | None = None

    def show_carpet(
        self, carpet: Carpet | None, *, scale: Scale | None = None, description: str = ""
    ) -> None:
        self._carpet = carpet if carpet is not None and len(carpet.day_start_ms) else None
        self._scale = scale or self._scale
        self._image_key = None
        self._chosen = None
        self._top_level = 1.0
        if self._carpet is not None:
            finite = self._carpet.values[np.isfinite(self._carpet.values)]
            level = self._carpet.level_max
            if level is None and len(finite):
                level = float(np.percentile(finite, 99))
            self._top_level = level if level is not None and level > 0 else 1.0
        self.setAccessibleName("Day by time of day")
        self.setAccessibleDescription(description)
        self.update()

    def table_rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headers and rows: each day with its mean, least, most and missing slots."""
        headers = (
            "Day",
            self._scale.header("Mean"),
            self._scale.header("Least"),
            self._scale.header("Most"),
            "Missing",
        )
        rows: list[tuple[str, ...]] = []
        if self._carpet is None:
            return headers, rows
        for start, line, slots in zip(
            self._carpet.day_start_ms, self._carpet.values, self._carpet.day_slots, strict=True
        ):
            part = line[:slots]
            finite = part[np.isfinite(part)]
            numbers = (
                (float(finite.mean()), float(finite.min()), float(finite.max()))
                if len(finite)
                else (None, None, None)
            )
            rows.append(
                (
                    self._formats.day(start, year=True),
                    *(self._scale.text(n) for n in numbers),
                    str(slots - len(finite)),
                )
            )
        return headers, rows

    # -------------------------------------------------------- geometry

    def _plot(self) -> QRectF:
        return QRectF(LEFT, TOP, self.width() - LEFT - 4, self.height() - TOP - BOTTOM)

    def _slots(self) -> int:
        return max(self._carpet.day_slots) if self._carpet is not None else 96

    def _day_at(self, x: float) -> int | None:
        if self._carpet is None:
            return None
        rect = self._plot()
        share = (x - rect.left()) / rect.width()
        return min(
            len(self._carpet.day_start_ms) - 1, max(0, int(share * len(self._carpet.values)))
        )

    # -------------------------------------------------------- painting

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        carpet = self._carpet
        if carpet is None:
            self._paint_nothing(painter)
            return
        rect = self._plot()
        self._paint_key(painter)
        wide = rect.width() / len(carpet.day_start_ms)
        tall = rect.height() / self._slots()
        hatch = paint.hatch("typical", 170)
        for day, slots in enumerate(carpet.day_slots):
            for first, last in _missing(carpet.values[day, :slots]):
                painter.fillRect(
                    QRectF(
                        rect.left() + day * wide,
                        rect.top() + first * tall,
                        wide,
                        (last - first) * tall,
                    ),
                    hatch,
                )
        painter.drawImage(rect, self._picture(carpet))
        if carpet.not_measured is not None:
            self._paint_not_measured(painter, rect, carpet)
        self._paint_axes(painter, rect, carpet)
        if self._chosen is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("text"), 2))
            painter.drawRect(
                QRectF(rect.left() + self._chosen * wide, rect.top(), wide, rect.height())
            )
        if self._drag is not None:
            box = QRectF(self._drag[0], self._drag[1]).normalized() & rect
            painter.fillRect(box, theme.color("accent", 50))
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRect(box)
        if self.hasFocus():
            paint.focus_ring(painter, QRectF(self.rect()))

    def _paint_not_measured(self, painter: QPainter, rect: QRectF, carpet: Carpet) -> None:
        """Dots over what was estimated or edited, in ink that shows on any colour beneath."""
        assert carpet.not_measured is not None
        wide = rect.width() / len(carpet.day_start_ms)
        tall = rect.height() / self._slots()
        light = QBrush(theme.color("surface", 200), Qt.BrushStyle.Dense6Pattern)
        dark = QBrush(theme.color("text", 200), Qt.BrushStyle.Dense6Pattern)
        for day in np.flatnonzero(carpet.not_measured.any(axis=1)).tolist():
            for first, last in _runs(carpet.not_measured[day]):
                level = float(np.nanmean(carpet.values[day, first:last])) / self._top_level
                painter.fillRect(
                    QRectF(
                        rect.left() + day * wide,
                        rect.top() + first * tall,
                        max(2.0, wide),
                        max(2.0, (last - first) * tall),
                    ),
                    # The ramp runs from the ground to ink, in both themes.
                    light if level > 0.5 else dark,
                )

    def _picture(self, carpet: Carpet) -> QImage:
        key = (id(carpet), theme.current().name)
        if self._image is None or self._image_key != key:
            self._image = _image(carpet, self._slots(), self._top_level)
            self._image_key = key
        return self._image

    def _paint_key(self, painter: QPainter) -> None:
        right = float(self.width()) - 4
        top_text = self._scale.with_unit(self._top_level)
        wide = paint.text_width(top_text, 11) + 4
        paint.draw_text(painter, QRectF(right - wide, 0, wide, 14), top_text, px=11, token="text2")
        strip = QRectF(right - wide - 126, 2, 120, 9)
        for i in range(60):
            red, green, blue = ramp(np.array([i / 59.0]))[0]
            painter.fillRect(
                QRectF(strip.left() + 2 * i, strip.top(), 2, strip.height()),
                theme.color(f"#{red:02x}{green:02x}{blue:02x}"),
            )
        paint.draw_text(
            painter,
            QRectF(strip.left() - 14, 0, 10, 14),
            "0",
            px=11,
            token="text2",
            align=paint.RIGHT,
        )
        box = QRectF(strip.left() - 90, 2.5, 14, 9)
        painter.fillRect(box, paint.hatch("text2"))
        painter.setPen(QPen(theme.color("text2"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        paint.draw_text(
            painter, QRectF(box.right() + 5, 0, 50, 14), "no data", px=11, token="text2"
        )
        carpet = self._carpet
        if carpet is None or carpet.not_measured is None or not carpet.not_measured.any():
            return
        box.translate(-92, 0)
        painter.fillRect(box, QBrush(theme.color("text"), Qt.BrushStyle.Dense6Pattern))
        painter.drawRect(box)
        paint.draw_text(
            painter, QRectF(box.right() + 5, 0, 60, 14), "estimated", px=11, token="text2"
        )

    def _paint_axes(self, painter: QPainter, rect: QRectF, carpet: Carpet) -> None:
        hours = self._slots() * carpet.slot_s / 3600
        for hour in (0, 6, 12, 18, 24):
            y = rect.top() + hour / hours * rect.height()
            if y > rect.bottom() + 1:
                continue
            paint.draw_text(
                painter,
                QRectF(0, y - 8, LEFT - 6, 16),
                f"{hour:02d}:00",
                px=11,
                token="text3",
                align=paint.RIGHT,
            )
        days = len(carpet.day_start_ms)
        every = max(1, -(-days // max(1, int(rect.width() // 90))))
        every = 7 * -(-every // 7) if every > 3 else every
        for day in range(every // 2 if every > 1 else 0, days, every):
            x = rect.left() + (day + 0.5) * rect.width() / days
            paint.draw_text(
                painter,
                QRectF(x - 45, rect.bottom() + 3, 90, 16),
                self._formats.day(carpet.day_start_ms[day], weekday=False),
                px=11,
                token="text3",
                align=paint.CENTER,
            )

    # -------------------------------------------------------- choosing

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag = (event.position(), event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            self._drag = (self._drag[0], event.position())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag, self._drag = self._drag, None
        self.update()
        carpet = self._carpet
        if drag is None or carpet is None:
            return
        first, last = self._day_at(drag[0].x()), self._day_at(event.position().x())
        assert first is not None and last is not None
        moved = (event.position() - drag[0]).manhattanLength() > 8
        if not moved:
            self._choose(first)
            return
        first, last = min(first, last), max(first, last)
        end = carpet.day_start_ms[last] + carpet.day_slots[last] * carpet.slot_s * 1000
        self.period_selected.emit(carpet.day_start_ms[first], end)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_PageUp: -7,
            Qt.Key.Key_PageDown: 7,
        }.get(Qt.Key(event.key()), 0)
        if step and self._carpet is not None:
            days = len(self._carpet.day_start_ms)
            start = days if self._chosen is None and step < 0 else -1
            at = (self._chosen if self._chosen is not None else start) + step
            self._choose(min(days - 1, max(0, at)))
        else:
            super().keyPressEvent(event)


def _missing(line: NDArray[np.float64]) -> list[tuple[int, int]]:
    """[first, last) of the stretches without data."""
    gone = ~np.isfinite(line)
    return _runs(gone) if gone.any() else []


def _runs(line: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[first, last) of the stretches that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], line.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[0::2], edges[1::2], strict=True)]


def ramp(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    """RGB of shares 0 to 1 along the theme's carpet colours; shape (..., 3)."""
    stops = np.array(
        [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in theme.current().carpet], dtype=float
    )
    at = np.linspace(0.0, 1.0, len(stops))
    return np.stack(
        [np.interp(share, at, stops[:, channel]) for channel in range(3)], axis=-1
    ).astype(np.uint8)


def _image(carpet: Carpet, slots: int, top: float) -> QImage:
    """RGBA, one pixel a value, days across and time down; no data is transparent."""
    values = carpet.values[:, :slots].T
    rgba = np.zeros((*values.shape, 4), dtype=np.uint8)
    share = np.clip(np.nan_to_num(values, nan=0.0) / top, 0.0, 1.0)
    rgba[..., :3] = ramp(share)
    exists = np.arange(slots)[:, None] < np.array(carpet.day_slots)[None, :]
    rgba[..., 3] = np.where(np.isfinite(values) & exists, 255, 0)
    rgba = np.ascontiguousarray(rgba)
    height, width = values.shape
    # copy(): QImage does not own numpy's memory.
    return QImage(rgba.tobytes(), width, height, width * 4, QImage.Format.Format_RGBA8888).copy()
