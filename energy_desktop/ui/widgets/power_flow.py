"""Power now as a flow: sources left, the bus bar, consumers right; widths are kW.

What is not sub-metered is a consumer like any other, so that the widths add up openly. A node
whose meter is lost has no ribbon: unknown is not zero, and an old width would look like a present
one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import UNKNOWN, Formats
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.paint import Band

BAR = 8.0
BUS = 14.0
GAP = 6.0
SOURCE_WIDTH = 136.0
SINK_TEXT = 128.0
SOURCE_SLOT, SINK_SLOT = 62.0, 38.0  # the height that the words of a node take


@dataclass(frozen=True, slots=True)
class FlowNode:
    """A source or consumer. power_w None: unknown now. detail: the second line, in words.

    typical_w: what is usual now, drawn as a band up to scale_max_w; the mark takes colour when
    `outside`. decimals: digits of the power in kW, as many as its detail compares it with. Sources
    carry a token and an icon of their energy kind; consumers are grey.
    """

    node_id: str
    name: str
    power_w: float | None
    detail: str = ""
    token: str = "load"
    icon: str = ""
    typical_w: tuple[float, float] | None = None
    scale_max_w: float = 0.0
    stale: bool = False
    outside: bool = False
    decimals: int = 1


@dataclass(frozen=True, slots=True)
class PowerFlow:
    """All sources and consumers of a moment. A battery that charges is a consumer."""

    sources: tuple[FlowNode, ...] = ()
    sinks: tuple[FlowNode, ...] = ()
    total_w: float | None = None


class PowerFlowView(QWidget):
    """Click or Enter on a node opens its subject; Up and Down walk through the nodes."""

    node_chosen = Signal(str)

    def __init__(self, formats: Formats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        self._flow = PowerFlow()
        self._boxes: list[tuple[str, QRectF]] = []
        self._focused = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(420, 180)
        self.setAccessibleName("Power now")

    def show_flow(self, flow: PowerFlow) -> None:
        if flow == self._flow:
            return
        self._flow = flow
        nodes = (*flow.sources, *flow.sinks)
        self._focused = min(self._focused, max(0, len(nodes) - 1))
        self.setAccessibleDescription(
            ". ".join(
                f"{n.name} {self._formats.power(n.power_w)}" + (f", {n.detail}" if n.detail else "")
                for n in nodes
            )
        )
        self.setMinimumHeight(max(180, 44 * max(len(flow.sinks), 1)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(540, 290)

    # -------------------------------------------------------- painting

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._boxes = []
        flow = self._flow
        if not flow.sources and not flow.sinks:
            paint.draw_text(
                painter,
                QRectF(self.rect()),
                "No meter measures power yet.",
                token="text2",
                align=paint.CENTER,
            )
            return
        unit = self._pixels_per_watt()
        sources_w = sum(_ribbon(n) for n in flow.sources)
        sinks_w = sum(_ribbon(n) for n in flow.sinks)
        width, height = float(self.width()), float(self.height())
        band_width = 66.0 if width > 480 else 0.0
        sink_text = min(220.0, max(SINK_TEXT, width * 0.29))
        sink_bar = width - sink_text - 62 - band_width - 14
        source_bar = SOURCE_WIDTH + 4
        bus_left = source_bar + (sink_bar - source_bar) * 0.5
        bus_tall = max(max(sources_w, sinks_w) * unit, 4.0)
        bus_top = (height - bus_tall) / 2
        painter.fillRect(QRectF(bus_left, bus_top, BUS, bus_tall), theme.color("load"))
        self._paint_side(painter, flow.sources, unit, source_bar, bus_left, bus_top, is_source=True)
        self._paint_side(
            painter, flow.sinks, unit, sink_bar, bus_left + BUS, bus_top, is_source=False
        )
        if self.hasFocus() and self._boxes:
            paint.focus_ring(painter, self._boxes[min(self._focused, len(self._boxes) - 1)][1])

    def _pixels_per_watt(self) -> float:
        """The scale at which the thicker side fills three fifths of the height, or less where
        that would leave a node without the height of its two lines."""
        totals = [sum(_ribbon(n) for n in side) for side in (self._flow.sources, self._flow.sinks)]
        most = max(*totals, 1.0)
        rows = max(len(self._flow.sinks), len(self._flow.sources), 1)
        room = self.height() - GAP * (rows - 1) - 8
        unit = max(0.0, room * 0.62 / most)
        sides = ((self._flow.sources, SOURCE_SLOT), (self._flow.sinks, SINK_SLOT))
        for side, least in sides:
            if len(side) * least < self.height():
                unit = min(unit, _fitting(sorted(map(_ribbon, side)), least, self.height()))
        return unit

    def _paint_side(
        self,
        painter: QPainter,
        nodes: tuple[FlowNode, ...],
        unit: float,
        bar_x: float,
        bus_x: float,
        bus_top: float,
        *,
        is_source: bool,
    ) -> None:
        if not nodes:
            return
        height = float(self.height())
        least = SOURCE_SLOT if is_source else SINK_SLOT
        heights = [max(_ribbon(n) * unit, 2.0) for n in nodes]
        slots = [max(h + GAP, least) for h in heights]
        spare = max(0.0, height - sum(slots)) / len(nodes)
        shrink = min(1.0, height / sum(slots)) if spare == 0 else 1.0
        top, at_bus = 0.0, bus_top
        for node, tall, slot in zip(nodes, heights, slots, strict=True):
            room = (slot + spare) * shrink
            middle = top + room / 2
            bar = QRectF(
                bar_x - (BAR if is_source else 0), middle - tall / 2, BAR if is_source else 4, tall
            )
            real = _ribbon(node) * unit
            if real > 0:
                inner = bar.right() if is_source else bar.left()
                self._paint_ribbon(
                    painter, node, inner, bar.top(), tall, bus_x, at_bus, real, is_source=is_source
                )
                painter.fillRect(bar, theme.color(node.token))
                at_bus += real
            box = (
                QRectF(0, top, bar_x, room)
                if is_source
                else QRectF(bar_x, top, self.width() - bar_x, room)
            )
            self._boxes.append((node.node_id, box.adjusted(0, 1, 0, -1)))
            if is_source:
                self._paint_source(painter, node, middle)
            else:
                self._paint_sink(painter, node, bar_x + 10, middle)
            top += room

    @staticmethod
    def _paint_ribbon(
        painter: QPainter,
        node: FlowNode,
        x: float,
        y: float,
        tall: float,
        bus_x: float,
        bus_y: float,
        bus_tall: float,
        *,
        is_source: bool,
    ) -> None:
        half = (x + bus_x) / 2
        path = QPainterPath(QPointF(x, y))
        path.cubicTo(QPointF(half, y), QPointF(half, bus_y), QPointF(bus_x, bus_y))
        path.lineTo(QPointF(bus_x, bus_y + bus_tall))
        path.cubicTo(QPointF(half, bus_y + bus_tall), QPointF(half, y + tall), QPointF(x, y + tall))
        path.closeSubpath()
        alpha = 105 if is_source else (70 if theme.current().is_dark else 45)
        painter.fillPath(path, theme.color(node.token, alpha))

    def _paint_source(self, painter: QPainter, node: FlowNode, middle: float) -> None:
        if node.icon:
            theme.draw_icon(painter, QRectF(0, middle - 30, 17, 17), node.icon, node.token)
        left, wide = 24.0, SOURCE_WIDTH - 40
        paint.draw_text(painter, QRectF(left, middle - 29, wide, 17), node.name, token="text2")
        paint.draw_text(
            painter,
            QRectF(left, middle - 13, wide + 12, 24),
            self._formats.power(node.power_w),
            px=18,
            weight=400 if node.stale else 600,
            token="text3" if node.stale else "text",
            italic=node.stale,
        )
        paint.draw_text(
            painter, QRectF(left, middle + 11, wide + 12, 16), node.detail, px=11, token="text2"
        )

    def _paint_sink(self, painter: QPainter, node: FlowNode, left: float, middle: float) -> None:
        width = float(self.width())
        band_width = 58.0 if width > 480 else 0.0
        number_right = width - band_width - 8
        number_left = number_right - 56
        text_width = number_left - left - 4
        if node.detail:
            paint.draw_text(
                painter, QRectF(left, middle - 16, text_width, 17), node.name, weight=600
            )
            paint.draw_text(
                painter,
                QRectF(left, middle + 1, text_width, 15),
                node.detail,
                px=11,
                token="text2",
            )
        else:
            paint.draw_text(
                painter, QRectF(left, middle - 9, text_width, 18), node.name, weight=600
            )
        scale = replace(self._formats.scale("W"), decimals=node.decimals)
        known = node.power_w is not None and math.isfinite(node.power_w)
        paint.draw_text(
            painter,
            QRectF(number_left, middle - 10, 56, 20),
            scale.text(node.power_w) if known else UNKNOWN,
            px=13,
            weight=400 if node.stale else 600,
            italic=node.stale,
            token="text3" if node.stale or not known else "text",
            align=paint.RIGHT,
        )
        if band_width and node.typical_w is not None:
            low, high = node.typical_w
            paint.draw_band(
                painter,
                QRectF(width - band_width, middle - 9, band_width - 2, 18),
                Band(
                    node.power_w,
                    low,
                    high,
                    0.0,
                    max(node.scale_max_w, high),
                    stale=node.stale,
                    judged=node.outside,
                ),
            )

    # -------------------------------------------------------- choosing

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for position, (node_id, box) in enumerate(self._boxes):
            if box.contains(event.position()):
                self._focused = position
                self.update()
                self.node_chosen.emit(node_id)
                return

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Left: -1,
        }.get(Qt.Key(event.key()), 0)
        nodes = (*self._flow.sources, *self._flow.sinks)
        if step and nodes:
            self._focused = (self._focused + step) % len(nodes)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and nodes:
            self.node_chosen.emit(nodes[self._focused].node_id)
        else:
            super().keyPressEvent(event)


def _fitting(powers_w: list[float], least: float, height: float) -> float:
    """The most pixels per watt at which all slots fit: each `least` high, or its ribbon and GAP.

    powers_w ascending, with room for the words of all of them. Without power any scale fits.
    """
    for place in range(len(powers_w)):
        # From here on the ribbons are higher than words; before, words are higher than ribbons.
        thick = powers_w[place:]
        if thick[0] > 0:
            unit = (height - place * least - GAP * len(thick)) / sum(thick)
            if thick[0] * unit + GAP >= least:
                return unit
    return math.inf


def _ribbon(node: FlowNode) -> float:
    """Watts that the ribbon stands for; nothing for an unknown or stale value."""
    if node.power_w is None or not math.isfinite(node.power_w):
        return 0.0
    return abs(node.power_w)
