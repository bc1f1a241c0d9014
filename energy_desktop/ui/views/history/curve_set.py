"""The curves that are drawn, as values: coarse over the whole period, finer where it was looked at.

A zoom shows the coarse curve at once and the finer readings when they have come, so a picture is
never empty and never waits. A colour stays with its meter and quantity for as long as it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from energy_desktop.domain.quantities import quantity
from energy_desktop.services.history import Curve, QualityMark
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.views.history.drawing import from_zero, regions
from energy_desktop.ui.widgets.chart_data import ChartData, Fan, Floats, Line
from energy_desktop.ui.widgets.chart_paint import nearest

MOST_CURVES = 6
Key = tuple[str, str]
"""Meter id, quantity."""


@dataclass(frozen=True, slots=True)
class CurveRow:
    """A curve in figures; least, mean and most of the window that is seen."""

    key: Key
    token: str
    meter_name: str
    quantity: str
    at_cursor: float | None
    least: float | None
    mean: float | None
    most: float | None
    quality: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawing with the scales of its axes; right None: one unit."""

    data: ChartData
    left: Scale
    right: Scale | None


@dataclass(slots=True)
class CurveSet:
    """Which curves, and what is known of them."""

    keys: list[Key] = field(default_factory=list)
    whole: dict[Key, Curve] = field(default_factory=dict)
    fine: dict[Key, Curve] = field(default_factory=dict)
    marks: dict[Key, tuple[QualityMark, ...]] = field(default_factory=dict)
    other: Curve | None = None  # of the period compared with, for a picture of one curve
    other_name: str = ""
    _tokens: dict[Key, str] = field(default_factory=dict)

    def lead(self, key: Key) -> None:
        """The first curve is that of the page; the others stay."""
        self.keys = [key, *(k for k in self.keys[1:] if k != key)]
        if any(not self.fits(k) for k in self.keys[1:]):
            # The page's own quantity changed: curves that no axis is left for are dropped.
            kept = [key]
            for one in self.keys[1:]:
                if len({unit_of(k) for k in (*kept, one)}) <= 2:
                    kept.append(one)
            self.keys = kept
        self._forget_absent()

    def fits(self, key: Key) -> bool:
        """Whether an axis is left for its unit: a picture has two."""
        return len({unit_of(k) for k in (*self.keys, key)}) <= 2

    def add(self, key: Key) -> None:
        if key not in self.keys:
            self.keys.append(key)

    def remove(self, key: Key) -> None:
        """The first one is the page's own and stays."""
        if key in self.keys[1:]:
            self.keys.remove(key)
        self._forget_absent()

    def new_period(self) -> None:
        """What was read belongs to another time."""
        self.fine.clear()
        self.whole.clear()
        self.marks.clear()
        self.other = None

    def _forget_absent(self) -> None:
        for kept in (self.whole, self.fine, self.marks, self._tokens):
            for key in [k for k in kept if k not in self.keys]:
                del kept[key]

    def token(self, key: Key) -> str:
        """The colour of a curve; alone it is ink."""
        if key not in self._tokens:
            taken = set(self._tokens.values())
            free = (f"curve{n}" for n in range(1, MOST_CURVES + 1))
            self._tokens[key] = next(t for t in free if t not in taken)
        return self._tokens[key]

    # -------------------------------------------------------- drawing

    def drawn(self, formats: Formats, home: tuple[float, float], description: str) -> Drawn:
        """All curves within `home` (UTC seconds)."""
        units = list(dict.fromkeys(unit_of(k) for k in self.keys))
        right_unit = units[1] if len(units) > 1 else None
        several = len(self.keys) > 1
        lines: list[Line] = []
        fans: list[Fan] = []
        tops: dict[str, list[float]] = {u: [] for u in units}
        for key in self.keys:
            curve = self.whole.get(key)
            if curve is None:
                continue
            x, y, low, high = stitched(curve, self.fine.get(key))
            unit = unit_of(key)
            tops[unit].append(_largest(high, y))
            right = unit == right_unit
            token = self.token(key) if several else "text"
            name = self.name_of(curve)
            axis = "right" if right else "left"
            lines.append(
                Line(name, x, y, token, axis="right" if right else "left"),
            )
            stand_in = self.fine.get(key, curve)
            if stand_in.stand_in.size:
                lines.append(
                    Line(
                        f"{name}, estimated" if several else "estimated",
                        stand_in.stand_in_ms / 1000,
                        stand_in.stand_in,
                        token if several else "estimated",
                        "dot",
                        axis="right" if axis == "right" else "left",
                        legend=not several,
                    )
                )
            if not several and y.size and np.nanmax(high - low, initial=0.0) > 0:
                fans.append(Fan("least to most", x, low, high))
        if not several and self.other is not None and self.keys[0] in self.whole:
            shift = (home[0] * 1000 - self.other.start_ms) / 1000
            x = self.other.time_ms / 1000 + shift
            lines.insert(0, Line(self.other_name, x, self.other.values, "typical", "dash"))
        left = formats.scale(units[0], tops[units[0]]) if units else formats.scale("W")
        data = ChartData(
            lines=tuple(lines),
            fans=tuple(fans),
            regions=regions(self.marks.get(self.keys[0], ())) if self.keys else (),
            x_range=home,
            y_zero=any(from_zero(k[1]) for k in self.keys if unit_of(k) == units[0]),
            description=description,
        )
        return Drawn(
            data, left, formats.scale(right_unit, tops[right_unit]) if right_unit else None
        )

    def name_of(self, curve: Curve) -> str:
        """The meter; with its quantity where the picture has several."""
        if len({k[1] for k in self.keys}) > 1:
            return f"{curve.meter_name}, {quantity(curve.quantity).label.lower()}"
        return curve.meter_name

    def rows(
        self, window: tuple[float, float], cursor: float | None, quality: Mapping[Key, str]
    ) -> tuple[CurveRow, ...]:
        """Each curve in figures within `window` (UTC seconds)."""
        made = []
        for key in self.keys:
            curve = self.whole.get(key)
            if curve is None:
                continue
            x, y, low, high = stitched(curve, self.fine.get(key))
            first, last = np.searchsorted(x, window)
            made.append(
                CurveRow(
                    key,
                    self.token(key) if len(self.keys) > 1 else "text",
                    curve.meter_name,
                    key[1],
                    _value_at(x, y, cursor),
                    _reduced(np.nanmin, low[first:last]),
                    _reduced(np.nanmean, y[first:last]),
                    _reduced(np.nanmax, high[first:last]),
                    quality.get(key, ""),
                )
            )
        return tuple(made)


def unit_of(key: Key) -> str:
    return quantity(key[1]).unit


def stitched(whole: Curve, fine: Curve | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Times (n,) in UTC seconds, values, least and most: the finer readings in their window, the
    coarse ones around it."""
    if fine is None:
        return whole.time_ms / 1000, whole.values, whole.minimum, whole.maximum
    before = int(np.searchsorted(whole.time_ms, fine.start_ms))
    after = int(np.searchsorted(whole.time_ms, fine.end_ms))

    def joined(coarse: NDArray[np.float64], detail: NDArray[np.float64]) -> Floats:
        return np.concatenate((coarse[:before], detail, coarse[after:]))

    return (
        joined(whole.time_ms / 1000, fine.time_ms / 1000),
        joined(whole.values, fine.values),
        joined(whole.minimum, fine.minimum),
        joined(whole.maximum, fine.maximum),
    )


def _value_at(x: Floats, y: Floats, cursor: float | None) -> float | None:
    """The value of the nearest point; None where nothing is known there."""
    if cursor is None or not x.size or not x[0] <= cursor <= x[-1]:
        return None
    place = nearest(x, cursor)
    value = float(y[place]) if place is not None else float("nan")
    return value if np.isfinite(value) else None


def _reduced(how: Callable[[Floats], float], values: Floats) -> float | None:
    return float(how(values)) if np.isfinite(values).any() else None


def _largest(high: Floats, y: Floats) -> float:
    both = np.abs(np.concatenate((high, y)))
    known = both[np.isfinite(both)]
    return float(known.max()) if known.size else 0.0
