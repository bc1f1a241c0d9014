"""Vector charts of the reports: own bars and lines, because they are a few path operators.

Each takes values with None for unknown, and draws unknown as hatch, never as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from energy_desktop.domain import wording
from energy_desktop.reports import paper
from energy_desktop.reports.paper import LEFT, RIGHT, TINY, Paper

_AXIS = 40.0


def nice_step(highest: float, ticks: int = 4) -> float:
    """1, 2 or 5 times a power of ten, so that about `ticks` steps reach `highest`."""
    if highest <= 0:
        return 1.0
    raw = highest / ticks
    power = 10.0 ** len(str(int(raw))) / 10 if raw >= 1 else 1.0
    while raw < power:
        power /= 10
    return next(power * m for m in (1, 2, 5, 10) if power * m >= raw)


@dataclass(frozen=True, slots=True)
class Stack:
    """One part of each bar; values in the unit of the axis, None unknown."""

    label: str
    values: Sequence[float | None]
    color: Any
    hatched: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    label: str
    values: Sequence[float | None]
    color: Any
    dashed: bool = False


def bars(
    sheet: Paper,
    labels: Sequence[str],
    stacks: Sequence[Stack],
    *,
    height: float,
    unit: str,
    incomplete: Sequence[bool] = (),
) -> None:
    """Stacked bars over the full width; incomplete bars get a hatched foot."""
    totals = [
        sum(v for stack in stacks if (v := stack.values[i]) is not None and v > 0)
        for i in range(len(labels))
    ]
    top = _axis(sheet, max(totals, default=0.0), height, unit)
    base, slot = sheet.y - height, (RIGHT - LEFT - _AXIS) / max(1, len(labels))
    width = slot * 0.72
    heights = [0.0] * len(labels)
    for stack in stacks:
        rects = []
        for i, value in enumerate(stack.values):
            if value is not None and value > 0:
                tall = value / top * height
                x = LEFT + _AXIS + i * slot + (slot - width) / 2
                rects.append((x, base + heights[i], width, tall))
                heights[i] += tall
        sheet.boxes(rects, stack.color)
        if stack.hatched:
            sheet.hatch(rects, paper.OUTSIDE)
    unknown = [
        (LEFT + _AXIS + i * slot + (slot - width) / 2, base, width, 7.0)
        for i, bad in enumerate(incomplete)
        if bad
    ]
    sheet.hatch(unknown, paper.STRONG_LINE)
    for i, label in enumerate(labels):
        sheet.centred(LEFT + _AXIS + (i + 0.5) * slot, base - 10, label, TINY)
    sheet.y = base - 14
    _legend(sheet, [(s.label, s.color, s.hatched, False) for s in stacks])


def curves(
    sheet: Paper,
    lines: Sequence[Curve],
    *,
    height: float,
    unit: str,
    band: tuple[Sequence[float | None], Sequence[float | None]] | None = None,
    band_label: str = "",
) -> None:
    """Lines over the clock of a day, in equal steps; a band of the usual behind them."""
    series = [line.values for line in lines] + (list(band) if band else [])
    highest = max((v for values in series for v in values if v is not None), default=0.0)
    top = _axis(sheet, highest, height, unit)
    base, left = sheet.y - height, LEFT + _AXIS

    def place(values: Sequence[float | None]) -> list[list[tuple[float, float]]]:
        step = (RIGHT - left) / max(1, len(values))
        runs: list[list[tuple[float, float]]] = [[]]
        for i, value in enumerate(values):
            if value is None:
                runs.append([])
            else:
                runs[-1].append((left + (i + 0.5) * step, base + max(0.0, value) / top * height))
        return [run for run in runs if run]

    if band is not None:
        low, high = place(band[0]), place(band[1])
        for under, over in zip(low, high, strict=False):
            path = sheet.canvas.beginPath()
            path.moveTo(*under[0])
            for point in (*under[1:], *reversed(over)):
                path.lineTo(*point)
            path.close()
            sheet.canvas.setFillColor(paper.GROUND)
            sheet.canvas.drawPath(path, stroke=0, fill=1)
    for line in lines:
        for run in place(line.values):
            sheet.polyline(run, line.color, dashed=line.dashed)
    for hour in range(0, 25, 4):
        x = left + hour / 24 * (RIGHT - left)
        (sheet.right if hour == 24 else sheet.centred)(x, base - 10, f"{hour:02d}:00", TINY)
    sheet.y = base - 14
    entries = [(line.label, line.color, False, True) for line in lines]
    if band is not None:
        entries.append((band_label, paper.GROUND, False, False))
    _legend(sheet, entries)


def split_rows(
    sheet: Paper, rows: Sequence[tuple[str, float, float]], labels: tuple[str, str]
) -> None:
    """A bar a row on one scale: (name, ordinary part, part outside the contract)."""
    longest = max((a + b for _, a, b in rows), default=0.0)
    if longest <= 0:
        return
    left, height = LEFT + 130.0, 9.0
    scale = (RIGHT - left) / longest
    sheet.need(len(rows) * 15 + 24)
    sheet.y -= 6
    ordinary, outside = [], []
    for name, inside_part, outside_part in rows:
        sheet.y -= 15
        style = paper.SMALL
        sheet.text(LEFT + 4, sheet.y + 2, paper.fit(paper.plain(name), style, 120), style)
        ordinary.append((left, sheet.y, inside_part * scale, height))
        outside.append((left + inside_part * scale, sheet.y, outside_part * scale, height))
    sheet.boxes(ordinary, paper.GROUND)
    sheet.boxes(outside, paper.OUTSIDE_TINTS[1])
    sheet.hatch(outside, paper.OUTSIDE)
    sheet.y -= 4
    _legend(
        sheet,
        [
            (labels[0], paper.GROUND, False, False),
            (labels[1], paper.OUTSIDE_TINTS[1], True, False),
        ],
        left,
    )


def _axis(sheet: Paper, highest: float, height: float, unit: str) -> float:
    """Grid lines and their numbers; moves the cursor below the unit and gives the axis' top."""
    step = nice_step(highest)
    count = max(1, -int(-highest // step))
    top = step * count
    sheet.y -= 12
    sheet.right(LEFT + _AXIS - 6, sheet.y, unit, TINY)
    sheet.y -= 8
    decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2
    for i in range(count + 1):
        y = sheet.y - height + i / count * height
        sheet.rule(y, x0=LEFT + _AXIS, strong=i == 0)
        sheet.right(LEFT + _AXIS - 6, y - 2.4, wording.number(i * step, decimals), TINY)
    return top


def _legend(
    sheet: Paper, entries: Sequence[tuple[str, Any, bool, bool]], x: float = LEFT + _AXIS
) -> None:
    sheet.y -= 10
    for label, color, hatched, line in entries:
        if line:
            sheet.polyline([(x, sheet.y + 2.6), (x + 12, sheet.y + 2.6)], color)
        else:
            sheet.boxes([(x, sheet.y, 12, 6)], color)
            if hatched:
                sheet.hatch([(x, sheet.y, 12, 6)], paper.OUTSIDE)
        sheet.text(x + 16, sheet.y, label, TINY)
        x += 30 + paper.width_of(label, TINY.font, TINY.size)
    sheet.y -= 4
