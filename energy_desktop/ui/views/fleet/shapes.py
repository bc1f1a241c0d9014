"""Segments as day shapes: the mean of the group over thin lines of some of its households."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QWidget

from energy_desktop.domain.fleet import Segment
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Floats, Line
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import ElidedLabel, Panel

HOURS: Floats = np.arange(24, dtype=np.float64) + 0.5
HOUR_TICKS = ((6.0, "06"), (12.0, "12"), (18.0, "18"))
_LEAST_TOP = 2.0
_USUAL = 4

Examples = dict[int, tuple[tuple[float, ...], ...]]
"""By segment, day shapes (24,) of some of its households."""


def shape_scale(formats: Formats) -> Scale:
    return Scale("", 1.0, 1, formats.symbols)


def shape_chart(
    segment: Segment, title: str, examples: Sequence[tuple[float, ...]], top: float
) -> ChartData:
    """top: of the y axis. It holds the group and its households: see common_top."""
    shape = np.array(segment.shape, dtype=np.float64)
    thin = tuple(
        Line("", HOURS, np.array(one, dtype=np.float64), "typical", legend=False)
        for one in examples
    )
    peak = int(np.argmax(shape))
    return ChartData(
        lines=(*thin, Line("the group", HOURS, shape, words.curve(segment.segment), width=2.0)),
        x_range=(0.0, 24.0),
        y_range=(0.0, top),
        tick_texts=HOUR_TICKS,
        description=(
            f"{title}: most from {peak:02d} to {peak + 1:02d} o'clock, "
            f"{shape[peak]:.1f} times the mean hour."
        ),
    )


def common_top(segments: Sequence[Segment], examples: Sequence[tuple[float, ...]] = ()) -> float:
    """The top of an axis that holds all of them, and households of theirs."""
    highest = max((max(s.shape) for s in segments), default=0.0)
    of_households = max((max(one) for one in examples), default=0.0)
    return max(_LEAST_TOP, 1.15 * highest, 1.05 * of_households)


class SegmentCard(Panel):
    """One segment: name, number of households, shape, share and use."""

    def __init__(self, formats: Formats) -> None:
        super().__init__(" ")
        self._formats = formats
        self.segment: Segment | None = None
        self._number = label("", "strong")
        self.add_header_widget(self._number)
        self.chart = Chart(
            formats, shape_scale(formats), name="Day shape", numeric_x=True, readout=False
        )
        self.chart.setMinimumHeight(104)
        self.line = ElidedLabel("", "label")
        self.body.setSpacing(4)
        self.body.addWidget(self.chart, 1)
        self.body.addWidget(self.line)

    def show_segment(
        self, segment: Segment, title: str, examples: Sequence[tuple[float, ...]]
    ) -> None:
        self.segment = segment
        self.set_title(title)
        self._number.setText(self._formats.count(segment.households))
        self.line.set_text(words.segment_line(self._formats, segment))
        self.chart.set_title(f"Day shape: {title}")
        self.chart.show_data(
            shape_chart(segment, title, examples, common_top((segment,), examples))
        )


class SegmentCards(QWidget):
    """All segments side by side."""

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        self.cards: list[SegmentCard] = []
        self.segments: tuple[Segment, ...] = ()
        self._shown = False
        self._preparing = QTimer(self)
        self._preparing.timeout.connect(self._prepare_one)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)

    def prepare(self) -> None:
        """Builds empty cards until some are shown, one in each turn of the loop: together they
        would be felt.
        """
        self._preparing.start(0)

    def _prepare_one(self) -> None:
        if self._shown or len(self.cards) >= _USUAL:
            self._preparing.stop()
        else:
            self._add()

    def _add(self) -> None:
        card = SegmentCard(self._formats)
        self.cards.append(card)
        self._row.addWidget(card, 1)

    def show_segments(
        self,
        segments: tuple[Segment, ...],
        examples: Examples | None = None,
    ) -> None:
        self._shown = True
        while len(self.cards) > len(segments):
            gone = self.cards.pop()
            self._row.removeWidget(gone)
            gone.deleteLater()
        while len(self.cards) < len(segments):
            self._add()
        self.segments = segments
        titles = words.segment_titles(segments)
        for card, segment, title in zip(self.cards, segments, titles, strict=True):
            card.show_segment(segment, title, (examples or {}).get(segment.segment, ()))
        self.setVisible(bool(segments))

    def show_examples(self, examples: Examples) -> None:
        self.show_segments(self.segments, examples)
