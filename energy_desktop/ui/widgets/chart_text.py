"""What a chart shows, as text: the cursor's values, the legend, the whole table.

A chart that cannot be seen, copied or compared in numbers says too little; so everything drawn is
here in words, in the units of the axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets.chart_data import ChartData, Floats, Line, Steps
from energy_desktop.ui.widgets.chart_paint import nearest
from energy_desktop.ui.widgets.marks import LegendEntry

TABLE_ROWS = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class ChartText:
    """x_range: what of x is seen. With numeric_x the x axis is a plain number."""

    data: ChartData
    formats: Formats
    scale: Scale
    right_scale: Scale
    x_scale: Scale
    numeric_x: bool
    x_range: tuple[float, float]

    def x_text(self, x: float) -> str:
        """The position in words: time in the site's zone, or the number."""
        if self.data.tick_texts:
            return min(self.data.tick_texts, key=lambda t: abs(t[0] - x))[1]
        if self.numeric_x:
            return self.x_scale.with_unit(x)
        low, high = self.x_range
        at = round(x * 1000)
        time_text = self.formats.clock_time(at, seconds=high - low < 6 * 3600)
        return time_text if high - low <= 86400 else f"{self.formats.day(at)} {time_text}"

    def values_at(self, x: float) -> list[tuple[str, str]]:
        """(name, value with unit) of every mark that has a value at x."""
        texts = [
            (line.name, self._text_of(value, line.axis))
            for line, value in zip(self.data.lines, self.line_values(x), strict=True)
            if line.name
        ]
        for steps in self.data.steps:
            place = int(np.searchsorted(steps.edges, x, "right")) - 1
            inside = 0 <= place < len(steps.y)
            value = float(steps.y[place]) if inside else math.nan
            texts.append((steps.name, self._text_of(value, steps.axis)))
        for bars in self.data.bars:
            place = int(np.searchsorted(bars.x, x, "right")) - 1
            hit = place >= 0 and x <= bars.x[place] + bars.width
            texts.append((bars.name, self._value_text(float(bars.y[place]) if hit else math.nan)))
        return texts

    def line_values(self, x: float) -> list[float | None]:
        """Of each line in its order; None where it has no value."""
        values: list[float | None] = []
        for line in self.data.lines:
            place = nearest(line.x, x)
            value = float(line.y[place]) if place is not None else math.nan
            values.append(value if math.isfinite(value) else None)
        return values

    def _value_text(self, value: float | None) -> str:
        return self.scale.with_unit(value)

    def _text_of(self, value: float | None, axis: str) -> str:
        return self.right_scale.with_unit(value) if axis == "right" else self._value_text(value)

    def table_rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headers and rows of everything drawn in the window, as text; gaps are en dashes.

        Rows are the x of all marks; above 5,000 each n-th row stands for its neighbours.
        """
        low, high = self.x_range
        series: list[tuple[str, Floats, Floats, bool]] = []
        for line in self.data.lines:
            series.append((line.name, line.x, line.y, line.axis == "right"))
        for steps in self.data.steps:
            series.append((steps.name, steps.edges[:-1], steps.y, steps.axis == "right"))
        for fan in self.data.fans:
            series.append((f"{fan.name}, from", fan.x, fan.lower, False))
            series.append((f"{fan.name}, to", fan.x, fan.upper, False))
        for bars in self.data.bars:
            series.append((bars.name, bars.x, bars.y, False))
        for points in self.data.points:
            series.append((points.name, points.x, points.y, False))
        first = self.x_scale.header("x") if self.numeric_x else "Time"
        headers = (
            first,
            *((self.right_scale if r else self.scale).header(n) for n, _, _, r in series),
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
                cells.append((self.right_scale if right else self.scale).text(value))
            rows.append(tuple(cells))
        return headers, rows

    def _table_x(self, at: float) -> str:
        if self.data.tick_texts or self.numeric_x:
            return self.x_text(at)
        return self.formats.full_moment(round(at * 1000))


def legend_entries(data: ChartData) -> tuple[LegendEntry, ...]:
    """For the Legend of the panel's header: a mark without a name or legend is left out."""
    kinds = {"solid": "line", "dash": "dash", "dot": "dots"}
    entries = [
        LegendEntry(m.name, m.token, kinds[m.style]) for m in _curves(data) if m.legend and m.name
    ]
    entries += [
        LegendEntry(b.name, b.token, "hatch" if b.hatched else "box")
        for b in data.bars
        if b.legend and b.name
    ]
    entries += [LegendEntry(f.name, f.token, "box", f.alpha) for f in data.fans if f.legend]
    entries += [LegendEntry(p.name, p.token, p.shape) for p in data.points if p.legend]
    return tuple(entries)


def _curves(data: ChartData) -> tuple[Line | Steps, ...]:
    return (*data.lines, *data.steps)
