"""The table under the chart: a row for each curve, with its state in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from energy_desktop.services.live import LiveMeter
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets.chart_data import Floats
from energy_desktop.ui.widgets.paint import Band
from energy_desktop.ui.widgets.table import Cell, Column, Table

_LIMITS_COLUMN = 6


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One line of the table under the chart; values in the stored unit, NaN unknown."""

    meter_id: str
    name: str
    token: str
    at_cursor: float
    now: float
    low: float
    high: float
    mean: float
    quality: str
    trouble: bool
    limits: tuple[float, float] | None


class CurveTable(Table[CurveRow]):
    """Values in the scale that was last set with `set_scale`."""

    def __init__(self, formats: Formats) -> None:
        self._formats = formats
        self._scale = formats.scale("W")
        super().__init__(
            [
                Column(
                    "Curve",
                    lambda r: Cell(r.name, swatch=r.token),
                    stretch=2,
                    elide_middle=True,
                    least=140,
                ),
                Column("At cursor", lambda r: self._number(r.at_cursor), width=78, number=True),
                Column("Now", self._now_cell, width=72, number=True),
                Column("Min", lambda r: self._number(r.low), width=72, number=True),
                Column("Max", lambda r: self._number(r.high), width=72, number=True),
                Column("Mean", lambda r: self._number(r.mean), width=72, number=True),
                Column("Limits", self.limit_cell, width=90),
                Column("Quality", _quality_cell, stretch=3),
            ],
            key=lambda row: row.meter_id,
            row_height=25,
            name="Values of the curves",
        )
        self.horizontalHeader().setStretchLastSection(True)

    def set_scale(self, scale: Scale, *, limits: bool) -> None:
        """limits: whether the quantity has any that are worth a column."""
        self._scale = scale
        self.show_column(_LIMITS_COLUMN, limits)

    def row(
        self,
        meter: LiveMeter,
        token: str,
        points: tuple[Floats, Floats],
        start_s: float,
        cursor: float | None,
        limits: tuple[float, float] | None,
    ) -> CurveRow:
        """points: times (UTC s) and values; those before start_s are not counted."""
        x, y = points
        known = y[np.isfinite(y) & (x >= start_s)]
        quality, trouble = _state_words(meter, points, self._formats, self._scale)
        return CurveRow(
            meter.meter.meter_id,
            meter.meter.name,
            token,
            _value_at(x, y, cursor),
            meter.value,
            float(known.min()) if known.size else math.nan,
            float(known.max()) if known.size else math.nan,
            float(known.mean()) if known.size else math.nan,
            quality,
            trouble,
            limits,
        )

    def show_curves(self, rows: Sequence[CurveRow]) -> None:
        self.show_rows(_comparable(rows), empty="No curve is ticked.")

    # -------------------------------------------------------- cells

    def _number(self, value: float) -> str:
        return self._scale.text(value)

    def _now_cell(self, row: CurveRow) -> Cell:
        return Cell(self._scale.text(row.now), bold=True)

    def limit_cell(self, row: CurveRow) -> Cell:
        if row.limits is None:
            return Cell("")
        low, high = row.limits
        value = row.now if math.isfinite(row.now) else None
        middle = (low + high) / 2
        words = f"{self._scale.text(low)} to {self._scale.text(high)} allowed"
        return Cell(
            band=Band(value, low, high, low - 0.04 * middle, high + 0.04 * middle), spoken=words
        )


def _quality_cell(row: CurveRow) -> Cell:
    if row.trouble:
        return Cell(row.quality, icon="lan-disconnect", icon_token="p2", bold=True)
    return Cell(row.quality, token="text2")


def _state_words(
    row: LiveMeter, points: tuple[Floats, Floats], f: Formats, scale: Scale
) -> tuple[str, bool]:
    """State of a curve in words; trouble: with the mark of a lost meter."""
    x, y = points
    if row.state == "off":
        return "not polled", False
    if row.state == "lost":
        known = np.flatnonzero(np.isfinite(y))
        last = ""
        if known.size:
            moment = f.clock_time(round(float(x[known[-1]]) * 1000), seconds=True)
            last = f", last {scale.with_unit(float(y[known[-1]]))} at {moment}"
        age = "" if row.age_ms is None else f" {f.exact_duration(row.age_ms / 1000)}"
        return f"lost{age}{last}", True
    if row.state == "waiting":
        return "waiting for the first answer", False
    if not row.quantity:
        return "the meter does not measure this", False
    if row.state == "late" and row.age_ms is not None:
        return f"{f.duration(row.age_ms / 1000)} late", False
    gaps = int((np.diff(np.isnan(y).astype(np.int8)) == 1).sum())
    words = f"{gaps} {'gap' if gaps == 1 else 'gaps'}" if gaps else "good"
    return (f"{words}, simulated" if row.simulated else words), False


def _value_at(x: Floats, y: Floats, at: float | None) -> float:
    """The reading nearest to `at`, NaN in a gap."""
    if at is None or not x.size:
        return math.nan
    place = int(np.searchsorted(x, at))
    around = [i for i in (place - 1, place) if 0 <= i < x.size]
    best = min(around, key=lambda i: abs(float(x[i]) - at))
    return float(y[best])


def _comparable(rows: Sequence[CurveRow]) -> list[CurveRow]:
    """One NaN object for all: a NaN equals itself only by identity, in a frozen value too."""

    def same(value: float) -> float:
        return math.nan if math.isnan(value) else value

    return [
        replace(
            r,
            at_cursor=same(r.at_cursor),
            now=same(r.now),
            low=same(r.low),
            high=same(r.high),
            mean=same(r.mean),
        )
        for r in rows
    ]
