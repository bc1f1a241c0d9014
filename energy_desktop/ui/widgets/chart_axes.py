"""Where a chart's axes say something, and how far its y axis reaches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.time_axis import time_ticks

Tick = tuple[float, str]
"""Where it stands, in stored units, and what it says."""

Range = tuple[float, float]

GRID_LINES = 5
SHRINK_AFTER_S = 30.0
PERCENT = Scale("%", 1.0, 0)


class HeldRange:
    """A y range that holds still: it grows at once and shrinks after 30 s."""

    def __init__(self) -> None:
        self._held: Range | None = None
        self._wide_since_s = 0.0

    def release(self) -> None:
        """What is drawn now is something else."""
        self._held = None

    def fit(self, fitted: Range, *, at_once: bool = False) -> Range | None:
        """The range to show, where `fitted` is what the data wants; None: as it is.

        at_once: it is taken as it is, without holding.
        """
        held, now_s = self._held, time.monotonic()
        if held is not None and not at_once:
            grows = fitted[0] < held[0] or fitted[1] > held[1]
            if grows:
                fitted = min(fitted[0], held[0]), max(fitted[1], held[1])
                self._wide_since_s = now_s
            elif (fitted[1] - fitted[0]) > 0.75 * (held[1] - held[0]):
                self._wide_since_s = now_s
                fitted = held
            elif now_s - self._wide_since_s < SHRINK_AFTER_S:
                fitted = held
            else:
                self._wide_since_s = now_s
        else:
            self._wide_since_s = now_s
        if fitted == held:
            return None
        self._held = fitted
        return fitted


def y_ticks(shown: Range, scale: Scale, height_px: float) -> list[Tick]:
    """At most five, fewer in a low plot; with as many decimals as they need."""
    low, high = (v / scale.divisor for v in shown)
    values = paint.nice_ticks(low, high, max(2, min(GRID_LINES, int(height_px // 24))))
    plain = replace(scale, decimals=paint.tick_decimals(values), divisor=1.0)
    return [(v * scale.divisor, plain.text(v)) for v in values]


def right_ticks(shown: Range, scale: Scale, height_px: float) -> list[Tick]:
    if scale is PERCENT:
        return [(v, scale.with_unit(v)) for v in (0.0, 50.0, 100.0)]
    return y_ticks(shown, scale, height_px)


def x_ticks(
    shown: Range,
    width_px: float,
    formats: Formats,
    *,
    named: Sequence[Tick] = (),
    scale: Scale | None = None,
) -> list[Tick]:
    """Times; or the named places, thinned out; or plain numbers where there is a scale."""
    low, high = shown
    room = max(1, int(width_px // 76))
    if named:
        every = max(1, -(-len(named) // room))
        return [t for t in named[::every] if low <= t[0] <= high]
    if scale is None:
        return time_ticks(low, high, min(12, room), formats)
    across = paint.nice_ticks(low / scale.divisor, high / scale.divisor, min(8, room))
    rounded = replace(scale, decimals=paint.tick_decimals(across))
    return [(v * scale.divisor, rounded.with_unit(v * scale.divisor)) for v in across]
