"""A look at the data as it goes to paper or into a table: figures, sentences, tables, bars.

One value for PDF, CSV and Excel, so that the three cannot say different things. Numbers stay
numbers until they are laid out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Cell = str | int | float | Decimal | date | None
"""None: unknown, which is an empty cell and a dash on paper, never a zero."""


@dataclass(frozen=True, slots=True)
class DocumentColumn:
    """kind: text, int, kwh, exact_kwh, money, price, pct, celsius, kd, hours or date.
    weight: share of the width on paper; 0: in tables only, where no heading stands above."""

    title: str
    kind: str = "text"
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class DocumentStack:
    """One part of each bar. token: its colour by the window's names."""

    name: str
    values: tuple[float | None, ...]
    token: str


@dataclass(frozen=True, slots=True)
class DocumentBars:
    """labels (n,), stacks of n values in unit; incomplete (n,): more is missing than is drawn."""

    labels: tuple[str, ...]
    unit: str
    stacks: tuple[DocumentStack, ...]
    incomplete: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentSection:
    """A heading with sentences, bars and a table; each may be empty. emphasised: rows in bold, by
    number.

    sheet: name of the table in a workbook, empty: not there. Sections of one sheet have the same
    columns and are put under each other.
    """

    heading: str
    sentences: tuple[str, ...] = ()
    bars: DocumentBars | None = None
    sheet: str = ""
    columns: tuple[DocumentColumn, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    emphasised: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class DocumentFigure:
    caption: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """[start_ms, end_ms) UTC epoch ms of what it is about. answer: what it comes to, in words."""

    title: str
    site: str
    zone: str
    start_ms: int
    end_ms: int
    made_at_ms: int
    answer: str
    figures: tuple[DocumentFigure, ...] = ()
    sections: tuple[DocumentSection, ...] = ()
    simulated: bool = False
