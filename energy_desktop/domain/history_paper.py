"""A picture of the past as it goes to paper: values and words, ready to be laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s


@dataclass(frozen=True, slots=True)
class PaperCurve:
    """time_ms (n,) UTC epoch ms ascending; values (n,) in the unit named, NaN where unknown.

    axis right: of the second unit. dotted: not measured.
    """

    name: str
    unit: str
    time_ms: Int64s
    values: Floats
    axis: str = "left"
    dotted: bool = False
    typical: bool = False  # of a period compared with: drawn pale


@dataclass(frozen=True, slots=True)
class PaperFigure:
    caption: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class PaperMark:
    """A stretch that is not simply measured. kind: gap, estimated, edited or quarantined."""

    kind: str
    start_ms: int
    end_ms: int
    what: str
    done: str


@dataclass(frozen=True, slots=True)
class PaperCarpet:
    """values (days, slots) in unit, NaN unknown; day_start_ms (days,); top: of the colours."""

    unit: str
    day_start_ms: tuple[int, ...]
    values: Floats
    day_slots: tuple[int, ...]
    slot_s: int
    top: float


@dataclass(frozen=True, slots=True)
class PaperBars:
    """labels (n,), values (n,) and those compared with (n,) or empty, in unit."""

    title: str
    unit: str
    labels: tuple[str, ...]
    values: tuple[float | None, ...]
    before: tuple[float | None, ...]
    names: tuple[str, str]


@dataclass(frozen=True, slots=True)
class PaperDuration:
    """Falling values (n,) in unit over shares of the time; before (m,) may be empty."""

    unit: str
    values: Floats
    before: Floats
    names: tuple[str, str]
    base: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class HistoryPaper:
    """[start_ms, end_ms) UTC epoch ms. What is None was not on the screen."""

    site: str
    title: str
    answer: str
    period: str
    zone: str
    start_ms: int
    end_ms: int
    made_at_ms: int
    figures: tuple[PaperFigure, ...]
    curves: tuple[PaperCurve, ...]
    marks: tuple[PaperMark, ...]
    carpet: PaperCarpet | None = None
    duration: PaperDuration | None = None
    bars: PaperBars | None = None
    proof: str = ""
