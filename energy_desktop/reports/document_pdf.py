"""A document on paper: head, figures, then its sections. Lays out only."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from energy_desktop.domain import wording
from energy_desktop.domain.document import Cell, Document, DocumentBars, DocumentSection
from energy_desktop.reports import charts, paper
from energy_desktop.reports.paper import (
    BODY,
    BODY_BOLD,
    LEFT,
    RIGHT,
    SMALL,
    TITLE,
    Paper,
)

_DECIMALS = {"int": 0, "exact_kwh": 3, "money": 2, "price": 4}  # of the others: one
_COLOURS: dict[str, Any] = {
    "grid_import": paper.IMPORT,
    "grid_export": paper.EXPORT,
    "solar": paper.SOLAR,
    "battery": paper.BATTERY,
    "load": paper.LABEL,
    "typical": paper.TYPICAL,
}
_MOST_LABELS = 12


def render(document: Document, *, fonts: Path) -> bytes:
    """The PDF. Equal documents give equal bytes. fonts: the folder with the Inter files."""
    zone = ZoneInfo(document.zone)
    period = _period(document, zone)
    simulated = " · simulated data" if document.simulated else ""
    sheet = Paper(
        fonts=fonts,
        title=f"{document.title}, {period}",
        author=document.site,
        running_head=f"{document.title} · {period}",
        footer=f"Made {wording.stamp(document.made_at_ms, zone)} · times in {document.zone}"
        + simulated,
    )
    name = paper.fit(paper.plain(document.title), TITLE, RIGHT - LEFT - 190)
    sheet.text(LEFT, sheet.y - 13, name, TITLE)
    sheet.right(
        RIGHT, sheet.y - 13, paper.fit(paper.plain(document.site), BODY_BOLD, 180), BODY_BOLD
    )
    if document.simulated:
        sheet.right(RIGHT, sheet.y - 25, "simulated data", SMALL)
    sheet.y -= 22
    sheet.paragraph(f"{period}, times in {document.zone}.", SMALL)
    sheet.paragraph(document.answer, BODY)
    sheet.y -= 8
    sheet.figures([(f.caption, f.value, f.note) for f in document.figures])
    for section in document.sections:
        _section(sheet, section)
    return sheet.finish()


def _period(document: Document, zone: ZoneInfo) -> str:
    start = wording.stamp(document.start_ms, zone)
    return f"{start} to {wording.stamp(document.end_ms, zone)}"


def _section(sheet: Paper, section: DocumentSection) -> None:
    sheet.heading(section.heading, keep=170.0 if section.bars is not None else 60.0)
    for sentence in section.sentences:
        sheet.paragraph(sentence, SMALL)
    if section.bars is not None and section.bars.labels:
        _bars(sheet, section.bars)
    if section.rows:
        sheet.y -= 4
        _table(sheet, section)


def _bars(sheet: Paper, bars: DocumentBars) -> None:
    every = -(-len(bars.labels) // _MOST_LABELS)
    labels = [text if i % every == 0 else "" for i, text in enumerate(bars.labels)]
    stacks = [charts.Stack(s.name, s.values, _COLOURS[s.token]) for s in bars.stacks]
    charts.bars(sheet, labels, stacks, height=110.0, unit=bars.unit, incomplete=bars.incomplete)


def _table(sheet: Paper, section: DocumentSection) -> None:
    whole = sum(c.weight for c in section.columns)
    columns = [
        paper.Column(
            c.title, (RIGHT - LEFT) * c.weight / whole, right=c.kind not in ("text", "date")
        )
        for c in section.columns
        if c.weight
    ]
    rows = [
        paper.Row(
            tuple(
                _text(cell, column.kind)
                for cell, column in zip(row, section.columns, strict=True)
                if column.weight
            ),
            bold=number in section.emphasised,
        )
        for number, row in enumerate(section.rows)
    ]
    sheet.table(columns, rows)


def _text(cell: Cell, kind: str) -> str:
    if isinstance(cell, date):
        return wording.day(cell)
    if isinstance(cell, str):
        return cell
    if kind == "hours" and cell is not None:
        return wording.number(cell, 0 if cell == int(cell) else 2)
    return wording.number(cell, _DECIMALS.get(kind, 1))
