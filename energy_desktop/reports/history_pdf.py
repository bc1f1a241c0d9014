"""A picture of the past on paper: what was on the screen, drawn anew from its values.

Nothing is copied from the screen: lines stay lines at any size. Each sheet says meter, period,
zone and what was not measured. Lays out only; every figure comes with the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from reportlab.lib.colors import Color, HexColor

from energy_desktop.domain import wording
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.history_paper import (
    HistoryPaper,
    PaperCarpet,
    PaperCurve,
    PaperDuration,
)
from energy_desktop.reports import charts, paper
from energy_desktop.reports.paper import (
    BODY,
    BODY_BOLD,
    CELL,
    LEFT,
    RIGHT,
    SMALL,
    TINY,
    TITLE,
    Paper,
)

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s

_AXIS = 40.0
_COLOURS = tuple(
    HexColor(c) for c in ("#0B66A8", "#8A8A00", "#6B2A08", "#8458E8", "#BE6F6F", "#40263C")
)
_RAMP = ("#F1F3F4", "#A9C4D6", "#6E9DBD", "#3B729C", "#0C2740")
_LEVELS = 24
_MOST_CELLS = 40_000
_POINTS_ACROSS = 1_200


def render(picture: HistoryPaper, *, fonts: Path) -> bytes:
    """The PDF. Equal pictures give equal bytes. fonts: the folder with the Inter files."""
    zone = ZoneInfo(picture.zone)
    made = wording.stamp(picture.made_at_ms, zone)
    sheet = Paper(
        fonts=fonts,
        title=f"{picture.title}, {picture.period}",
        author=picture.site,
        running_head=f"{picture.title} · {picture.period}",
        footer=f"Made {made} · times in {picture.zone}",
    )
    _head(sheet, picture)
    sheet.figures([(f.caption, f.value, f.note) for f in picture.figures])
    if picture.curves:
        sheet.heading("Curves", keep=240.0)
        _curves(sheet, picture, zone, 220.0)
    if picture.carpet is not None:
        sheet.heading("Every day by time of day", f"{picture.carpet.unit}", keep=220.0)
        _carpet(sheet, picture.carpet, zone, 190.0)
    if picture.duration is not None and picture.duration.values.size:
        sheet.heading("How long which level was exceeded", keep=170.0)
        _duration(sheet, picture.duration, 130.0)
    if picture.bars is not None:
        _bars(sheet, picture)
    _quality(sheet, picture)
    return sheet.finish()


def _head(sheet: Paper, picture: HistoryPaper) -> None:
    name = paper.fit(paper.plain(picture.title), TITLE, RIGHT - LEFT - 150)
    sheet.text(LEFT, sheet.y - 13, name, TITLE)
    site = paper.fit(paper.plain(picture.site), BODY_BOLD, 140)
    sheet.right(RIGHT, sheet.y - 13, site, BODY_BOLD)
    sheet.y -= 22
    sheet.paragraph(f"{picture.period}, times in {picture.zone}. {picture.answer}", BODY)
    sheet.y -= 8


# ---------------------------------------------------------------- curves


def _curves(sheet: Paper, picture: HistoryPaper, zone: ZoneInfo, height: float) -> None:
    right = [c for c in picture.curves if c.axis == "right"]
    left = [c for c in picture.curves if c.axis == "left"]
    x0, x1 = LEFT + _AXIS, RIGHT - (_AXIS if right else 0.0)
    sheet.y -= 12
    top, base = sheet.y - 6, sheet.y - 6 - height
    low, high = _axis(sheet, left, (x0, x1), (base, top), LEFT + _AXIS - 6, grid=True)
    span = picture.start_ms, picture.end_ms
    _holes(sheet, picture, (x0, x1), (base, top))
    ticks = _time_ticks(span, zone)
    for at, text in ticks:
        x = x0 + (at - span[0]) / (span[1] - span[0]) * (x1 - x0)
        sheet.centred(min(max(x, x0 + 14), x1 - 14), base - 10, text, TINY)
    entries = []
    names: dict[str, Color] = {}
    for curve in picture.curves:
        stem = curve.name.removesuffix(", estimated")
        colour = (
            paper.TYPICAL
            if curve.typical
            else names.setdefault(
                stem, _COLOURS[len(names) % len(_COLOURS)] if len(picture.curves) > 1 else paper.INK
            )
        )
        if curve.axis == "left":
            _curve(sheet, curve, (x0, x1), (base, top), span, (low, high), colour)
        entries.append((f"{curve.name}, {curve.unit}" if curve.unit else curve.name, colour))
    if right:
        bounds = _axis(sheet, right, (x0, x1), (base, top), RIGHT, grid=False)
        for curve in right:
            colour = names[curve.name.removesuffix(", estimated")]
            _curve(sheet, curve, (x0, x1), (base, top), span, bounds, colour)
    sheet.y = base - 14
    _legend(sheet, entries, x0)


def _axis(
    sheet: Paper,
    curves: Sequence[PaperCurve],
    across: tuple[float, float],
    up: tuple[float, float],
    text_right: float,
    *,
    grid: bool,
) -> tuple[float, float]:
    """Numbers (and grid lines) of one axis; gives its lowest and highest value."""
    known = [c.values[np.isfinite(c.values)] for c in curves]
    known = [v for v in known if v.size]
    low = min((float(v.min()) for v in known), default=0.0)
    high = max((float(v.max()) for v in known), default=1.0)
    if low > 0 and low < 0.6 * high:
        low = 0.0
    step = charts.nice_step(max(high - low, 1e-9), 6)
    first = int(np.floor(low / step + 1e-9))
    last = max(first + 1, int(np.ceil(high / step - 1e-9)))
    decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2 if step >= 0.01 else 3
    for i in range(first, last + 1):
        y = up[0] + (i - first) / (last - first) * (up[1] - up[0])
        if grid:
            sheet.rule(y, x0=across[0], x1=across[1], strong=i == first)
        sheet.right(text_right, y - 2.4, wording.number(i * step, decimals), TINY)
    unit = next((c.unit for c in curves), "")
    sheet.right(text_right, up[1] + 6, unit, TINY)
    return first * step, last * step


def _curve(
    sheet: Paper,
    curve: PaperCurve,
    across: tuple[float, float],
    up: tuple[float, float],
    span: tuple[int, int],
    bounds: tuple[float, float],
    colour: Color,
) -> None:
    times, values = _thinned(curve.time_ms, curve.values)
    x = across[0] + (times - span[0]) / (span[1] - span[0]) * (across[1] - across[0])
    y = up[0] + (values - bounds[0]) / (bounds[1] - bounds[0]) * (up[1] - up[0])
    inside = (x >= across[0] - 0.1) & (x <= across[1] + 0.1)
    run: list[tuple[float, float]] = []
    for px, py, ok in zip(x.tolist(), y.tolist(), (inside & np.isfinite(y)).tolist(), strict=True):
        if ok:
            run.append((px, py))
        elif run:
            sheet.polyline(run, colour, dashed=curve.dotted)
            run = []
    sheet.polyline(run, colour, dashed=curve.dotted)


def _thinned(times: Int64s, values: Floats) -> tuple[Int64s, Floats]:
    """Least and most of each of some 1,200 columns, in the order in which they came."""
    if values.size <= 2 * _POINTS_ACROSS:
        return times, values
    size = -(-values.size // _POINTS_ACROSS)
    keep: list[int] = []
    for first in range(0, values.size, size):
        part = values[first : first + size]
        if not np.isfinite(part).any():
            keep.append(first)
            continue
        both = {first + int(np.nanargmin(part)), first + int(np.nanargmax(part))}
        gone = np.flatnonzero(~np.isfinite(part))
        keep += sorted(both | ({first + int(gone[0])} if gone.size else set()))
    return times[keep], values[keep]


def _holes(
    sheet: Paper, picture: HistoryPaper, across: tuple[float, float], up: tuple[float, float]
) -> None:
    """Gaps hatched, what was edited or estimated as a bar at the top edge."""
    span = picture.end_ms - picture.start_ms
    hatched, bars = [], []
    for mark in picture.marks:
        low = across[0] + max(0, mark.start_ms - picture.start_ms) / span * (across[1] - across[0])
        high = across[0] + min(span, mark.end_ms - picture.start_ms) / span * (
            across[1] - across[0]
        )
        wide = max(0.8, high - low)
        if mark.kind in ("gap", "quarantined"):
            hatched.append((low, up[0], wide, up[1] - up[0]))
        else:
            bars.append((low, up[1] - 3, wide, 3.0))
    sheet.hatch(hatched, paper.STRONG_LINE)
    sheet.boxes(bars, paper.LABEL)


def _time_ticks(span: tuple[int, int], zone: ZoneInfo) -> list[tuple[int, str]]:
    """Five to eight round positions: clock times within a day, days beyond."""
    start, end = span
    length = end - start
    if length <= 2 * 86_400_000:
        step = next(
            s
            for s in (1, 5, 15, 60, 300, 900, 3600, 7200, 14400, 28800)
            if length / 1000 / s <= 8 or s == 28800
        )
        first = -(-start // (step * 1000)) * step * 1000
        form = "%H:%M:%S" if step < 60 else "%H:%M"
        return [
            (at, from_ms(at).astimezone(zone).strftime(form))
            for at in range(first, end, step * 1000)
        ]
    ticks = []
    for i in range(7):
        at = start + round((i + 0.5) / 7 * length)
        local = from_ms(at).astimezone(zone)
        ticks.append((at, f"{wording.short_day(local.date())}"))
    return ticks


# ---------------------------------------------------------------- carpet and duration


def _carpet(sheet: Paper, carpet: PaperCarpet, zone: ZoneInfo, height: float) -> None:
    """Cells of one colour are one path; long periods are drawn by the hour."""
    values = carpet.values
    per_hour = max(1, 3600 // carpet.slot_s)
    if values.size > _MOST_CELLS and per_hour > 1 and values.shape[1] % per_hour == 0:
        shape = (values.shape[0], values.shape[1] // per_hour, per_hour)
        known = np.isfinite(values.reshape(shape))
        total = np.where(known, values.reshape(shape), 0.0).sum(axis=2)
        count = known.sum(axis=2)
        values = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    days, slots = values.shape
    left, base = LEFT + _AXIS, sheet.y - 12 - height
    wide, tall = (RIGHT - left) / days, height / slots
    top = carpet.top if carpet.top > 0 else 1.0
    level = np.clip(np.nan_to_num(values) / top, 0.0, 1.0) * (_LEVELS - 1)
    level = np.where(np.isfinite(values), np.rint(level), -1).astype(int)
    scaled = slots / carpet.values.shape[1]
    exists = np.arange(slots)[None, :] < np.array(carpet.day_slots)[:, None] * scaled

    def rects(which: int) -> list[tuple[float, float, float, float]]:
        found = []
        for day in range(days):
            hit = (level[day] == which) & exists[day]
            edges = np.flatnonzero(np.diff(np.concatenate(([0], hit.astype(np.int8), [0]))))
            for first, last in zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True):
                y = base + height - last * tall
                found.append((left + day * wide, y, wide + 0.05, (last - first) * tall + 0.05))
        return found

    for step in range(_LEVELS):
        sheet.boxes(rects(step), _ramp(step / (_LEVELS - 1)))
    sheet.hatch(rects(-1), paper.STRONG_LINE)
    hours = slots * (carpet.slot_s / scaled) / 3600 if scaled else 24
    for hour in (0, 6, 12, 18, 24):
        y = base + height - hour / hours * height
        if y >= base - 1:
            sheet.right(left - 6, y - 2.4, f"{hour:02d}:00", TINY)
    every = max(1, -(-days // 8))
    for day in range(0, days, every):
        local = from_ms(carpet.day_start_ms[day]).astimezone(zone).date()
        sheet.text(left + day * wide, base - 10, wording.short_day(local), TINY)
    sheet.y = base - 20
    for i in range(60):
        sheet.box(left + 14 + 2 * i, sheet.y, 2.1, 6, _ramp(i / 59))
    sheet.text(left, sheet.y, "0", TINY)
    sheet.text(left + 140, sheet.y, f"{wording.number(carpet.top)} {carpet.unit}", TINY)
    sheet.hatch([(left + 200, sheet.y, 12, 6)], paper.STRONG_LINE)
    sheet.text(left + 216, sheet.y, "no data", TINY)
    sheet.y -= 6


def _ramp(share: float) -> Color:
    stops = [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in _RAMP]
    at = np.linspace(0.0, 1.0, len(stops))
    red, green, blue = (
        float(np.interp(share, at, [stop[channel] for stop in stops])) for channel in range(3)
    )
    return Color(red, green, blue)


def _duration(sheet: Paper, duration: PaperDuration, height: float) -> None:
    x0, x1 = LEFT + _AXIS, RIGHT
    sheet.y -= 12
    top, base = sheet.y - 6, sheet.y - 6 - height
    span = (0, 1000)
    lines = []
    for name, values, typical in (
        (duration.names[1], duration.before, True),
        (duration.names[0], duration.values, False),
    ):
        if values.size:
            share = 1000 * (np.arange(values.size) + 0.5) / values.size
            lines.append(
                PaperCurve(name, duration.unit, share.astype(np.int64), values, typical=typical)
            )
    bounds = _axis(sheet, lines, (x0, x1), (base, top), x0 - 6, grid=True)
    for line in lines:
        colour = paper.TYPICAL if line.typical else paper.IMPORT
        _curve(sheet, line, (x0, x1), (base, top), span, bounds, colour)
    if duration.base is not None:
        y = base + (duration.base - bounds[0]) / (bounds[1] - bounds[0]) * height
        sheet.polyline([(x0, y), (x1, y)], paper.INK, dashed=True)
    for percent in (0, 25, 50, 75, 100):
        x = x0 + percent / 100 * (x1 - x0)
        (sheet.right if percent == 100 else sheet.centred)(x, base - 10, f"{percent} %", TINY)
    sheet.y = base - 14
    _legend(sheet, [(c.name, paper.TYPICAL if c.typical else paper.IMPORT) for c in lines], x0)
    if duration.sentence:
        sheet.paragraph(duration.sentence, SMALL)


def _bars(sheet: Paper, picture: HistoryPaper) -> None:
    bars = picture.bars
    if bars is None or not bars.values:
        return
    sheet.heading(bars.title, keep=150.0)
    every = -(-len(bars.labels) // 10)
    labels = [text if i % every == 0 else "" for i, text in enumerate(bars.labels)]
    stacks = [charts.Stack(bars.names[0], bars.values, paper.IMPORT)]
    charts.bars(sheet, labels, stacks, height=100.0, unit=bars.unit)
    if any(v is not None for v in bars.before):
        known = [v for v in bars.before if v is not None]
        total = wording.number(sum(known))
        sheet.paragraph(f"{bars.names[1].capitalize()}: {total} {bars.unit} in all.", SMALL)


def _legend(sheet: Paper, entries: Sequence[tuple[str, Color]], x0: float) -> None:
    sheet.y -= 10
    x = x0
    for text, colour in entries:
        wide = 30 + paper.width_of(text, TINY.font, TINY.size)
        if x + wide > RIGHT and x > x0:
            x = x0
            sheet.y -= 10
        sheet.polyline([(x, sheet.y + 2.6), (x + 12, sheet.y + 2.6)], colour)
        sheet.text(x + 16, sheet.y, text, TINY)
        x += wide
    sheet.y -= 4


# ---------------------------------------------------------------- quality


def _quality(sheet: Paper, picture: HistoryPaper) -> None:
    sheet.heading("How far this can be trusted")
    if picture.proof:
        sheet.paragraph(picture.proof, SMALL)
    if not picture.marks:
        sheet.paragraph("Every interval of the period was measured.", SMALL)
        return
    sheet.y -= 4
    for mark in picture.marks[-40:]:
        sheet.paragraph(mark.what + ".", CELL)
        if mark.done:
            sheet.paragraph(mark.done, TINY, x=LEFT + 12, width=RIGHT - LEFT - 12)
    if len(picture.marks) > 40:
        sheet.paragraph(f"{len(picture.marks) - 40} earlier ones are not listed.", SMALL)
