"""The quarter hour that is running: mean so far, where it will end, what would be a new peak.

It is painted without pyqtgraph: the axis is fixed, and the overview should not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import UNKNOWN, Formats
from energy_desktop.ui.widgets import paint


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand block in progress. Powers in W; None: not known.

    trace: (epoch ms, running mean in W) since the block began, ascending. sentence: what it means,
    for example "Up to 289 kW until 14:45 sets no new peak."
    """

    block_start_ms: int
    block_end_ms: int
    now_ms: int
    mean_so_far_w: float | None
    projected_w: float | None
    trace: tuple[tuple[int, float], ...] = ()
    peak_w: float | None = None
    contract_w: float | None = None
    sentence: str = ""

    @property
    def seconds_left(self) -> float:
        return max(0.0, (self.block_end_ms - self.now_ms) / 1000)


class DemandGauge(QWidget):
    """Two key figures, the block's curve with its projection, and the sentence."""

    def __init__(self, formats: Formats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        self._demand: Demand | None = None
        self._empty = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(230, 200)

    def show_demand(self, demand: Demand | None, *, empty: str = "") -> None:
        """empty: sentences for before the first full block ("From 14:45: ...")."""
        self._demand, self._empty = demand, empty
        self.setAccessibleName("Quarter-hour demand")
        if demand is None:
            self.setAccessibleDescription(empty)
        else:
            power = self._formats.power
            self.setAccessibleDescription(
                f"Mean so far {power(demand.mean_so_far_w)}, projected "
                f"{power(demand.projected_w)}, {self.left_text()} left. {demand.sentence}"
            )
        self.update()

    def left_text(self) -> str:
        """Minutes and seconds left in the block, for the panel's chip."""
        if self._demand is None:
            return UNKNOWN
        left = round(self._demand.seconds_left)
        return f"{left // 60}:{left % 60:02d}"

    def sizeHint(self) -> QSize:
        return QSize(280, 260)

    # -------------------------------------------------------- painting

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        demand = self._demand
        if demand is None:
            painter.setFont(theme.font(12))
            painter.setPen(theme.color("text2"))
            wrap = paint.CENTER | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()), int(wrap), self._empty)
            return
        end = self._formats.clock_time(demand.block_end_ms)
        width = float(self.width())
        half = width * 0.45
        powers = (demand.projected_w, demand.mean_so_far_w)
        scale = self._formats.scale("W", powers)
        self._figure(
            painter, 0.0, half - 10, f"projected at {end}", scale.text(powers[0]), scale.unit
        )
        painter.fillRect(QRectF(half - 2, 4, 1, 42), theme.color("line"))
        self._figure(
            painter, half + 10, width - half - 10, "mean so far", scale.text(powers[1]), scale.unit
        )
        foot = 22.0 if demand.sentence else 0.0
        self._plot(painter, QRectF(34, 58, width - 40, self.height() - 58 - 20 - foot), demand)
        if demand.sentence:
            paint.draw_text(
                painter, QRectF(0, self.height() - 19, width, 18), demand.sentence, token="text2"
            )

    @staticmethod
    def _figure(
        painter: QPainter, left: float, width: float, caption: str, number: str, unit: str
    ) -> None:
        paint.draw_text(painter, QRectF(left, 0, width, 17), caption, token="text2")
        paint.draw_text(painter, QRectF(left, 17, width, 30), number, px=24, weight=600)
        wide = paint.text_width(number, 24, 600) + 6
        paint.draw_text(
            painter, QRectF(left + wide, 22, max(0.0, width - wide), 22), unit, token="text2"
        )

    def _plot(self, painter: QPainter, rect: QRectF, demand: Demand) -> None:
        levels = [v for _, v in demand.trace]
        levels += [
            v
            for v in (
                demand.mean_so_far_w,
                demand.projected_w,
                demand.peak_w,
                demand.contract_w,
            )
            if v is not None
        ]
        if not levels or rect.height() < 30:
            return
        low, high = min(levels), max(levels)
        span = (high - low) or abs(high) or 1.0
        low, high = low - span * 0.12, high + span * 0.18

        def across(ms: float) -> float:
            total = max(1, demand.block_end_ms - demand.block_start_ms)
            return rect.left() + (ms - demand.block_start_ms) / total * rect.width()

        def up(value: float) -> float:
            return rect.bottom() - (value - low) / (high - low) * rect.height()

        past = QRectF(rect.left(), rect.top(), across(demand.now_ms) - rect.left(), rect.height())
        painter.fillRect(past, theme.color("typical", 40))
        kilo = 1000.0
        for tick in paint.nice_ticks(low / kilo, high / kilo, 4):
            y = up(tick * kilo)
            painter.setPen(QPen(theme.color("line", 150), 1))
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
            paint.draw_text(
                painter,
                QRectF(0, y - 8, rect.left() - 6, 16),
                self._formats.number(tick, 0 if abs(tick) >= 10 or tick == 0 else 1),
                px=11,
                token="text3",
                align=paint.RIGHT,
            )
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        step = (demand.block_end_ms - demand.block_start_ms) / 3
        for third in (1, 2):
            ms = round(demand.block_start_ms + third * step)
            paint.draw_text(
                painter,
                QRectF(across(ms) - 30, rect.bottom() + 2, 60, 16),
                self._formats.clock_time(ms),
                px=11,
                token="text3",
                align=paint.CENTER,
            )
        self._limit(painter, rect, up, demand.contract_w, "contract", dashed=False, above=True)
        near = (
            demand.contract_w is not None
            and demand.peak_w is not None
            and abs(up(demand.contract_w) - up(demand.peak_w)) < 18
        )
        self._limit(
            painter, rect, up, demand.peak_w, "peak this month", dashed=True, above=not near
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("grid_import"), 2))
        if len(demand.trace) > 1:
            painter.drawPolyline(QPolygonF([QPointF(across(m), up(v)) for m, v in demand.trace]))
        if demand.projected_w is not None and demand.mean_so_far_w is not None:
            pen = QPen(theme.color("grid_import"), 2, Qt.PenStyle.DashLine)
            pen.setDashPattern([3.0, 2.0])
            painter.setPen(pen)
            end = QPointF(rect.right() - 1, up(demand.projected_w))
            painter.drawLine(QPointF(across(demand.now_ms), up(demand.mean_so_far_w)), end)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("grid_import"))
            painter.drawEllipse(end, 3.5, 3.5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(theme.color("text3"), 1))
        painter.drawLine(
            QPointF(across(demand.now_ms), rect.top()),
            QPointF(across(demand.now_ms), rect.bottom()),
        )

    def _limit(
        self,
        painter: QPainter,
        rect: QRectF,
        up: Callable[[float], float],
        value: float | None,
        name: str,
        *,
        dashed: bool,
        above: bool,
    ) -> None:
        if value is None:
            return
        y = up(value)
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        painter.setPen(QPen(theme.color("text"), 1 if dashed else 2, style))
        painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
        text = f"{name} {self._formats.number(value / 1000, 0 if value >= 10_000 else 1)}"
        wide = paint.text_width(text, 11, 600) + 4
        paint.draw_text(
            painter,
            QRectF(rect.right() - wide, y - 17 if above else y + 3, wide, 15),
            text,
            px=11,
            weight=600,
        )
