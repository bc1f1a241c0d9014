"""Thins a curve to what its pixels can show, without losing a peak.

A day at one second has 86,400 points on some 1,000 pixels. Each pixel column keeps its lowest and
its highest value in the order in which they came, which looks the same as all points and is drawn
many times faster. A gap stays a gap: a column without a finite value gives NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FEWEST_TO_TELL = 4
_GAP_STEPS = 3.0


def decimate(x: Floats, y: Floats, low: float, high: float, columns: int) -> tuple[Floats, Floats]:
    """Points to draw within [low, high] for a plot `columns` pixels wide.

    x (n,) ascending, y (n,) with NaN for gaps; the result has at most 2 * columns + 4 points,
    the neighbours just outside the window included so that lines run to its edges.
    """
    first = max(0, int(np.searchsorted(x, low, "left")) - 1)
    last = min(len(x), int(np.searchsorted(x, high, "right")) + 1)
    x, y = x[first:last], y[first:last]
    if len(x) <= 2 * columns or columns < 1:
        return x, y
    starts = _column_starts(x, low, high, columns)
    lowest = np.fmin.reduceat(y, starts)
    highest = np.fmax.reduceat(y, starts)
    # Which of the two came first decides the slope between neighbours; the end points of the
    # column tell it well enough and cost nothing.
    ends = np.append(starts[1:], len(y)) - 1
    falling = y[starts] > y[ends]
    out_x = np.repeat(x[starts], 2)
    out_x[1::2] = x[ends]
    out_y = np.empty(2 * len(starts))
    out_y[0::2] = np.where(falling, highest, lowest)
    out_y[1::2] = np.where(falling, lowest, highest)
    return out_x, out_y


def _column_starts(x: Floats, low: float, high: float, columns: int) -> NDArray[np.intp]:
    """First index of each pixel column that has points; ascending, starting with 0."""
    edges = low + (high - low) / columns * np.arange(1, columns)
    starts = np.searchsorted(x, edges, "left")
    starts = starts[(starts > 0) & (starts < len(x))]
    if len(starts):
        starts = starts[np.append(True, starts[1:] != starts[:-1])]
    return np.concatenate((np.zeros(1, dtype=np.intp), starts.astype(np.intp)))


def break_at_gaps(x: Floats, y: Floats, longest_step_s: float) -> tuple[Floats, Floats]:
    """Puts a NaN where two readings are further apart than `longest_step_s`: never join a gap."""
    if len(x) < 2:
        return x, y
    after = np.flatnonzero(np.diff(x) > longest_step_s) + 1
    if not len(after):
        return x, y
    return np.insert(x, after, x[after - 1]), np.insert(y, after, np.nan)


def gap_steps(x: Floats) -> NDArray[np.intp]:
    """Indices after the gaps of a curve whose period is not known: steps of more than three times
    the usual one. x (n,) ascending; empty where there are too few points to tell."""
    if len(x) < _FEWEST_TO_TELL:
        return np.empty(0, dtype=np.intp)
    steps = np.diff(x)
    return np.flatnonzero(steps > _GAP_STEPS * np.median(steps)) + 1
