"""What the chart of the live page shows: curves, the silence after a loss, limits near them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from energy_desktop.ui.formatting import Scale
from energy_desktop.ui.widgets.chart_data import Limit, Line, Region


def silence(line: Line, start_s: float, end_s: float) -> Region:
    """The hatch after the last answer of a lost meter."""
    last_s = float(line.x[-1]) if line.x.size else start_s
    return Region(max(start_s, last_s), end_s, "gap", f"{line.name}: no answer")


def limit_lines(bounds: tuple[float, float], lines: Sequence[Line]) -> tuple[Limit, ...]:
    """A limit is drawn when the curve comes within 4 % of it: else it would flatten all."""
    values = np.concatenate([line.y for line in lines]) if lines else np.empty(0)
    values = values[np.isfinite(values)]
    if not values.size:
        return ()
    low, high = bounds
    drawn = []
    if values.max() > 0.96 * high:
        drawn.append(Limit(high, "+10 %"))
    if values.min() < 1.04 * low:
        drawn.append(Limit(low, "−10 %", below=True))
    return tuple(drawn)


def description(lines: Sequence[Line], scale: Scale) -> str:
    """The last value of each curve, in one sentence."""
    parts = []
    for line in lines:
        known = line.y[np.isfinite(line.y)]
        last = float(known[-1]) if known.size else math.nan
        parts.append(f"{line.name} {scale.with_unit(last)}")
    return ", ".join(parts) + "." if parts else "No curve."
