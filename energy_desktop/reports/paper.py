"""A4 pages: a cursor, text, tables that break over pages, and the numbers of the pages.

Drawn straight on a reportlab canvas. Its Paragraph parses its text as XML and its Table measures
every cell twice; a name is only ever drawn as the characters it has, and a page costs little more
than its text. `invariant=1` leaves out times and random ids: equal content gives equal bytes.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from energy_desktop.reports.fonts import BOLD, REGULAR, register_fonts

WIDTH, HEIGHT = 595.28, 841.89
LEFT, RIGHT = 48.0, WIDTH - 48.0
TOP, BOTTOM = HEIGHT - 48.0, 58.0

INK = HexColor("#1A2026")
LABEL = HexColor("#46515C")
CAPTION = HexColor("#55606B")
LINE = HexColor("#CBD1D7")
STRONG_LINE = HexColor("#76818B")
WELL = HexColor("#EDF0F2")
TYPICAL = HexColor("#8A96A1")
GROUND = HexColor("#D9DDE1")
WATERMARK = HexColor("#E4E7EA")
OUTSIDE = HexColor("#B5287A")
OUTSIDE_TINTS = (HexColor("#F0CFE1"), HexColor("#DD94BD"), HexColor("#B5287A"))
IMPORT = HexColor("#0B66A8")
EXPORT = HexColor("#3A8FC7")
SOLAR = HexColor("#AD7400")
BATTERY = HexColor("#0B8F6C")
WARN = HexColor("#A34C00")
WARN_TINT = HexColor("#FBE9D9")


@dataclass(frozen=True, slots=True)
class Style:
    font: str
    size: float
    color: Any

    @property
    def leading(self) -> float:
        return round(self.size * 1.4, 1)


TITLE = Style(BOLD, 18, INK)
HEADING = Style(BOLD, 11.5, INK)
KEY_FIGURE = Style(BOLD, 15, INK)
BODY = Style(REGULAR, 9, INK)
BODY_BOLD = Style(BOLD, 9, INK)
SMALL = Style(REGULAR, 8, LABEL)
SMALL_BOLD = Style(BOLD, 8, INK)
TINY = Style(REGULAR, 7, CAPTION)
CELL = Style(REGULAR, 8, INK)
CELL_BOLD = Style(BOLD, 8, INK)
HEAD = Style(BOLD, 7.5, LABEL)


@dataclass(frozen=True, slots=True)
class Column:
    """width in points; right: numbers."""

    title: str
    width: float
    right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    cells: tuple[str, ...]
    bold: bool = False
    color: Any = None
    rule_above: bool = False


_NUMBER_AND_UNIT = re.compile(r"(?<=[0-9]) (?=(?:kWh|Wh|kW|W|min|h|EUR)\b|%)")
"""The space that no line may be broken at."""


def plain(text: str) -> str:
    """One line: every control character and line break becomes a space."""
    if text.isprintable():
        return text
    return " ".join("".join(" " if unicodedata.category(c)[0] == "C" else c for c in text).split())


@lru_cache(maxsize=8192)
def width_of(text: str, font: str, size: float) -> float:
    return float(stringWidth(text, font, size))


def fit(text: str, style: Style, width: float) -> str:
    """The text, elided at its end where it is wider than `width` points."""
    if width_of(text, style.font, style.size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(text[:middle].rstrip() + "…", style.font, style.size) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def wrap(text: str, style: Style, width: float) -> list[str]:
    """Lines no wider than `width`; a word that is wider alone is cut."""
    lines: list[str] = []
    line = ""
    glued = _NUMBER_AND_UNIT.sub("\u00a0", plain(text))
    for word in glued.split(" "):
        candidate = f"{line} {word}" if line else word
        if width_of(candidate, style.font, style.size) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        while width_of(word, style.font, style.size) > width and len(word) > 1:
            cut = len(word) - 1
            while cut > 1 and width_of(word[:cut], style.font, style.size) > width:
                cut -= 1
            lines.append(word[:cut])
            word = word[cut:]
        line = word
    return [each.replace("\u00a0", " ") for each in (*lines, line)]


class _NumberedCanvas(Canvas):
    """Keeps finished pages open until their number is known."""

    def __init__(self, file: io.BytesIO, finish_page: Callable[[int, int], None]) -> None:
        super().__init__(file, pagesize=(WIDTH, HEIGHT), invariant=1)
        self._finish_page = finish_page
        self._held: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._held.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]

    def save(self) -> None:
        held = self._held
        for number, page in enumerate(held, 1):
            self.__dict__.update(page)
            self._finish_page(number, len(held))
            super().showPage()
        super().save()


class Paper:
    """One document in the making. `y` is the cursor, in points from the foot of the page."""

    def __init__(
        self,
        *,
        fonts: Path,
        title: str,
        author: str,
        footer: str,
        running_head: str,
        watermark: str = "",
    ) -> None:
        register_fonts(fonts)
        self._file = io.BytesIO()
        self.canvas = _NumberedCanvas(self._file, self._finish_page)
        self.canvas.setTitle(plain(title))
        self.canvas.setAuthor(plain(author))
        self.canvas.setCreator("energy_desktop")
        self._footer = footer
        self._running_head = running_head
        self._watermark = watermark
        self._pages = 0
        self.y = TOP
        self._begin_page()

    def finish(self) -> bytes:
        self.canvas.showPage()
        self.canvas.save()
        return self._file.getvalue()

    # --- pages

    def new_page(self) -> None:
        self.canvas.showPage()
        self._begin_page()

    def need(self, height: float) -> bool:
        """Starts a new page unless `height` points are left. True: it did."""
        if self.y - height >= BOTTOM:
            return False
        self.new_page()
        return True

    def _begin_page(self) -> None:
        self._pages += 1
        self.y = TOP
        if self._watermark:
            self.canvas.saveState()
            self.canvas.translate(WIDTH / 2, HEIGHT / 2)
            self.canvas.rotate(52)
            self.canvas.setFillColor(WATERMARK)
            self.canvas.setFont(BOLD, 130)
            self.canvas.drawCentredString(0, -45, self._watermark)
            self.canvas.restoreState()
        if self._pages > 1:
            self.text(LEFT, self.y - 8, self._running_head, SMALL)
            self.rule(self.y - 15)
            self.y -= 32

    def _finish_page(self, number: int, total: int) -> None:
        self.rule(BOTTOM - 12)
        self.text(LEFT, BOTTOM - 24, fit(plain(self._footer), TINY, RIGHT - LEFT - 90), TINY)
        self.right(RIGHT, BOTTOM - 24, f"Page {number} of {total}", TINY)

    # --- marks

    def text(self, x: float, y: float, text: str, style: Style = BODY) -> None:
        canvas = self.canvas
        canvas.setFillColor(style.color)
        canvas.setFont(style.font, style.size)
        canvas.drawString(x, y, plain(text))

    def right(self, x: float, y: float, text: str, style: Style = BODY) -> None:
        self.text(x - width_of(text, style.font, style.size), y, text, style)

    def centred(self, x: float, y: float, text: str, style: Style = BODY) -> None:
        self.text(x - width_of(text, style.font, style.size) / 2, y, text, style)

    def rule(self, y: float, *, x0: float = LEFT, x1: float = RIGHT, strong: bool = False) -> None:
        self.canvas.setStrokeColor(STRONG_LINE if strong else LINE)
        self.canvas.setLineWidth(0.8 if strong else 0.5)
        self.canvas.line(x0, y, x1, y)

    def box(self, x: float, y: float, width: float, height: float, color: Any) -> None:
        self.canvas.setFillColor(color)
        self.canvas.rect(x, y, width, height, stroke=0, fill=1)

    def boxes(self, rects: Sequence[tuple[float, float, float, float]], color: Any) -> None:
        """Many rectangles (x, y, width, height) as one path."""
        if not rects:
            return
        path = self.canvas.beginPath()
        for rect in rects:
            path.rect(*rect)
        self.canvas.setFillColor(color)
        self.canvas.drawPath(path, stroke=0, fill=1)

    def hatch(
        self, rects: Sequence[tuple[float, float, float, float]], color: Any, spacing: float = 3.2
    ) -> None:
        """45 degree lines inside the rectangles: one clip and one path, however many there are."""
        if not rects:
            return
        canvas = self.canvas
        canvas.saveState()
        clip = canvas.beginPath()
        for rect in rects:
            clip.rect(*rect)
        canvas.clipPath(clip, stroke=0, fill=0)
        x0, x1 = min(r[0] for r in rects), max(r[0] + r[2] for r in rects)
        y0, y1 = min(r[1] for r in rects), max(r[1] + r[3] for r in rects)
        lines = canvas.beginPath()
        height = y1 - y0
        x = x0 - height
        while x < x1:
            lines.moveTo(x, y0)
            lines.lineTo(x + height, y1)
            x += spacing
        canvas.setStrokeColor(color)
        canvas.setLineWidth(0.6)
        canvas.drawPath(lines, stroke=1, fill=0)
        canvas.restoreState()

    def polyline(
        self, points: Sequence[tuple[float, float]], color: Any, *, dashed: bool = False
    ) -> None:
        if len(points) < 2:
            return
        path = self.canvas.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(1.1)
        self.canvas.setDash([3, 2] if dashed else [])
        self.canvas.drawPath(path, stroke=1, fill=0)
        self.canvas.setDash([])

    # --- blocks

    def heading(self, text: str, answer: str = "", *, keep: float = 60.0) -> None:
        """A heading with its answer in one line; at least `keep` points stay with it."""
        self.need(keep + 28)
        self.y -= 20
        self.text(LEFT, self.y, text, HEADING)
        if answer:
            x = LEFT + width_of(text, HEADING.font, HEADING.size) + 8
            self.text(x, self.y, fit(plain(answer), SMALL, RIGHT - x), SMALL)
        self.y -= 8

    def paragraph(
        self, text: str, style: Style = BODY, *, x: float = LEFT, width: float = RIGHT - LEFT
    ) -> None:
        for line in wrap(text, style, width):
            self.need(style.leading)
            self.y -= style.leading
            self.text(x, self.y, line, style)

    def bullets(self, sentences: Sequence[str], style: Style = BODY) -> None:
        for sentence in sentences:
            lines = wrap(sentence, style, RIGHT - LEFT - 12)
            self.need(style.leading * len(lines))
            for i, line in enumerate(lines):
                self.y -= style.leading
                if i == 0:
                    self.text(LEFT, self.y, "•", style)
                self.text(LEFT + 12, self.y, line, style)
            self.y -= 2

    def key_figures(self, figures: Sequence[tuple[str, str, str]]) -> None:
        """Label, figure and what is said below it, in boxes side by side, all of one size."""
        gap = 8.0
        width = (RIGHT - LEFT - (len(figures) - 1) * gap) / len(figures)
        widest = max(width_of(value, KEY_FIGURE.font, KEY_FIGURE.size) for _, value, _ in figures)
        size = KEY_FIGURE.size * min(1.0, (width - 14) / widest)
        style = Style(KEY_FIGURE.font, size, KEY_FIGURE.color)
        y = self.y - 58
        for i, (label, value, below) in enumerate(figures):
            x = LEFT + i * (width + gap)
            self.box(x, y, width, 54, WELL)
            self.text(x + 8, y + 40, label, SMALL)
            self.text(x + 8, y + 21, value, style)
            self.text(x + 8, y + 8, fit(below, TINY, width - 12), TINY)
        self.y = y - 4

    def figures(self, figures: Sequence[tuple[str, str, str]]) -> None:
        """Label, figure and note in a line without boxes; nothing where there is none."""
        if not figures:
            return
        slot = (RIGHT - LEFT) / len(figures)
        # A number is never cut: where one is too wide, all of them are smaller.
        widest = max(width_of(value, BOLD, KEY_FIGURE.size) for _, value, _ in figures)
        size = min(KEY_FIGURE.size, KEY_FIGURE.size * (slot - 8) / widest) if widest else 1.0
        style = Style(BOLD, size, INK)
        for i, (label, value, note) in enumerate(figures):
            x = LEFT + i * slot
            self.text(x, self.y - 10, fit(label, SMALL, slot - 6), SMALL)
            self.text(x, self.y - 26, value, style)
            self.text(x, self.y - 37, fit(note, TINY, slot - 6), TINY)
        self.y -= 44

    def pairs(
        self,
        rows: Sequence[tuple[str, str]],
        *,
        x: float,
        y: float,
        label_width: float,
        width: float,
    ) -> float:
        """Labels and values in two columns; gives the y below the last."""
        for label, value in rows:
            y -= 13
            self.text(x, y, label, SMALL)
            self.text(x + label_width, y, fit(plain(value), CELL, width - label_width), CELL)
        return y

    def table(
        self, columns: Sequence[Column], rows: Sequence[Row], *, row_height: float = 14.0
    ) -> None:
        """Draws the rows; where a page ends the header is repeated on the next.

        Words are elided to their column, numbers never are.
        """
        edges = [LEFT]
        for column in columns:
            edges.append(edges[-1] + column.width)
        self.need(2 * row_height + 10)
        self._table_head(columns, edges, row_height)
        canvas = self.canvas
        for row in rows:
            if self.need(row_height):
                self._table_head(columns, edges, row_height)
            self.y -= row_height
            style = CELL_BOLD if row.bold else CELL
            if row.color is not None:
                style = Style(style.font, style.size, row.color)
            if row.rule_above:
                self.rule(self.y + row_height, x1=edges[-1], strong=True)
            canvas.setFillColor(style.color)
            canvas.setFont(style.font, style.size)
            baseline = self.y + (row_height - 0.72 * style.size) / 2
            for i, cell in enumerate(row.cells):
                if not cell:
                    continue
                if columns[i].right:
                    x = edges[i + 1] - 4 - width_of(cell, style.font, style.size)
                    canvas.drawString(x, baseline, cell)
                else:
                    cell = fit(plain(cell), style, columns[i].width - 8)
                    canvas.drawString(edges[i] + 4, baseline, cell)
            self.rule(self.y, x1=edges[-1])
        self.y -= 4

    def _table_head(
        self, columns: Sequence[Column], edges: Sequence[float], row_height: float
    ) -> None:
        self.y -= row_height + 2
        for i, column in enumerate(columns):
            if column.right:
                self.right(edges[i + 1] - 4, self.y + 5, column.title, HEAD)
            else:
                self.text(edges[i] + 4, self.y + 5, column.title, HEAD)
        self.rule(self.y, x1=edges[-1], strong=True)
