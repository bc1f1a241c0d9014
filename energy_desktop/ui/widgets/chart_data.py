"""What a chart shows, as frozen values.

Times are UTC epoch seconds, ascending; y is in the stored unit (W, Wh, V ...), and the chart's
Scale turns it into what is written at the axis. Colours are token names (`text`, `grid_import`,
`curve1` ...), so a chart recolours with the theme. Arrays are float64 of shape (n,), NaN where
there is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LineStyle = Literal["solid", "dash", "dot"]
PointShape = Literal["dot", "triangle", "hollow", "ring"]
HatchKind = Literal["gap", "shade", "out_of_contract", "estimated", "edited", "quarantined"]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A curve. end_label: its name is written at its last point. axis right: 0 to 100 %, or
    what the chart's right scale says."""

    name: str
    x: Floats
    y: Floats
    token: str = "text"
    style: LineStyle = "solid"
    end_label: bool = False
    axis: Literal["left", "right"] = "left"
    width: float = 1.0
    legend: bool = True
    points: PointShape | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A value that holds from edge to edge: prices, setpoints. edges (n + 1,), y (n,)."""

    name: str
    edges: Floats
    y: Floats
    token: str = "price"
    style: LineStyle = "solid"
    fill: bool = False
    axis: Literal["left", "right"] = "left"
    legend: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Fan:
    """A band between two curves: quantiles of a forecast, what is usual."""

    name: str
    x: Floats
    lower: Floats
    upper: Floats
    token: str = "typical"
    alpha: int = 90
    legend: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars from zero. x (n,) left edges, width in units of x; hatched: out of contract, waste."""

    name: str
    x: Floats
    y: Floats
    width: float
    token: str = "load"
    alpha: int = 255
    hatched: bool = False
    legend: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Single marks."""

    name: str
    x: Floats
    y: Floats
    token: str = "text"
    shape: PointShape = "dot"
    size: float = 5.0
    alpha: int = 255
    legend: bool = True


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of x: a gap (hatched), a shade (closed hours), out of contract (hatched); what was
    estimated or edited (a bar at the top edge), quarantined (a hollow triangle there)."""

    start: float
    end: float
    kind: HatchKind = "gap"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """A level with its name: an ink line, never red. below: the name stands under the line."""

    y: float
    text: str
    dashed: bool = False
    below: bool = False
    axis: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Moment:
    """A vertical line: now, a change, an event."""

    x: float
    text: str = ""
    token: str = "text3"
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Words at a point of the chart."""

    x: float
    y: float
    text: str
    token: str = "text2"


@dataclass(frozen=True, slots=True, eq=False)
class ChartData:
    """All of a chart. x_range and y_range None: fitted. description: one sentence from the data.

    y_zero: zero belongs to the range (bars, powers). tick_texts: for an x axis of categories.
    """

    lines: tuple[Line, ...] = ()
    steps: tuple[Steps, ...] = ()
    fans: tuple[Fan, ...] = ()
    bars: tuple[Bars, ...] = ()
    points: tuple[Points, ...] = ()
    regions: tuple[Region, ...] = ()
    limits: tuple[Limit, ...] = ()
    moments: tuple[Moment, ...] = ()
    notes: tuple[Note, ...] = ()
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    y_zero: bool = False
    tick_texts: tuple[tuple[float, str], ...] = ()
    description: str = ""

    @property
    def is_empty(self) -> bool:
        """No finite value at all."""
        arrays = (
            *(line.y for line in self.lines),
            *(step.y for step in self.steps),
            *(fan.upper for fan in self.fans),
            *(bar.y for bar in self.bars),
            *(point.y for point in self.points),
        )
        return not any(bool(np.isfinite(a).any()) for a in arrays)
