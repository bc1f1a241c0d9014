"""Small widgets that show one frozen value each: band, priority, chip, key figure, legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.paint import Band, Chip, Mark


class BandIndicator(QWidget):
    """Value against what is usual for this hour, and its limit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._band: Band | None = None
        self.setMinimumSize(56, 20)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_band(self, band: Band | None, description: str = "") -> None:
        """description: the same in words, for who does not see it ("52.4 kW, usual 28 to 44")."""
        self._band = band
        self.setAccessibleName(description)
        self.setToolTip(paint.plain_tooltip(description))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(72, 20)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect()).adjusted(2, 4, -2, -2)
        if self._band is None:
            painter.fillRect(
                QRectF(rect.left(), rect.center().y() - 4, rect.width(), 8), theme.color("inset")
            )
        else:
            paint.draw_band(painter, rect, self._band)


class PriorityMark(QWidget):
    """Square 1, triangle 2 or circle 3."""

    def __init__(self, priority: int = 1, size: int = 20, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mark = Mark(priority)
        self.setFixedSize(size, size)
        self.setAccessibleName(f"Priority {priority}")

    def show_mark(self, mark: Mark) -> None:
        self._mark = mark
        state = ", returned" if mark.hollow else ""
        self.setAccessibleName(f"Priority {mark.priority}{state}")
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        paint.draw_mark(QPainter(self), QRectF(self.rect()), self._mark)


class StateChip(QWidget):
    """A state in one or two words on its tint; empty text hides it."""

    def __init__(self, chip: Chip | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chip = chip or Chip("")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_chip(self._chip)

    def show_chip(self, chip: Chip | None) -> None:
        self._chip = chip or Chip("")
        self.setVisible(bool(self._chip.text))
        self.setAccessibleName(self._chip.text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width, height = paint.chip_size(self._chip)
        return QSize(round(width + 0.5), round(height + 0.5))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:
        paint.draw_chip(QPainter(self), QRectF(self.rect()), self._chip)


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure: caption above, number with unit, note below.

    stale: greyed and in italics; say in `note` when it was read. estimated: marked with ≈.
    """

    caption: str
    number: str
    unit: str = ""
    note: str = ""
    stale: bool = False
    estimated: bool = False
    token: str = "text"


class KeyFigure(QWidget):
    """One number that answers something, with what it is held against."""

    def __init__(self, figure: Figure | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._figure = figure or Figure("", "–")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.show_figure(self._figure)

    def show_figure(self, figure: Figure) -> None:
        self._figure = figure
        spoken = f"{figure.caption}: {figure.number} {figure.unit}. {figure.note}"
        self.setAccessibleName(("estimated " if figure.estimated else "") + spoken.strip())
        self.setToolTip(paint.plain_tooltip(spoken.strip()))
        self.updateGeometry()
        self.update()

    def _number(self) -> str:
        figure = self._figure
        return f"≈ {figure.number}" if figure.estimated else figure.number

    def sizeHint(self) -> QSize:
        figure = self._figure
        number = paint.text_width(self._number(), 24, 600)
        unit = paint.text_width(figure.unit, 12) + 5 if figure.unit else 0
        width = max(
            number + unit,
            paint.text_width(figure.caption, 12),
            paint.text_width(figure.note, 11),
        )
        return QSize(round(width + 2), 66 if figure.note else 50)

    def minimumSizeHint(self) -> QSize:
        figure = self._figure
        number = paint.text_width(self._number(), 24, 600)
        unit = paint.text_width(figure.unit, 12) + 5 if figure.unit else 0
        return QSize(round(number + unit + 2), self.sizeHint().height())

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        figure = self._figure
        width = float(self.width())
        paint.draw_text(painter, QRectF(0, 0, width, 17), figure.caption, token="text2")
        token = "text3" if figure.stale else figure.token
        number = self._number()
        paint.draw_text(
            painter,
            QRectF(0, 17, width, 30),
            number,
            px=24,
            weight=400 if figure.stale else 600,
            italic=figure.stale,
            token=token,
        )
        if figure.unit:
            left = paint.text_width(number, 24, 600) + 5
            paint.draw_text(
                painter,
                QRectF(left, 22, max(0.0, width - left), 22),
                figure.unit,
                token="text2",
                elide=Qt.TextElideMode.ElideNone,
            )
        if figure.note:
            paint.draw_text(painter, QRectF(0, 48, width, 16), figure.note, px=11, token="text2")


class FigureRow(QWidget):
    """Key figures side by side with hair lines between them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(12)
        self._figures: list[KeyFigure] = []

    def show_figures(self, figures: Sequence[Figure]) -> None:
        # What is added to a visible row is shown piece by piece, and each time the window is laid
        # out anew: a tenth of a second for six figures.
        grows = self.isVisible() and len(self._figures) < len(figures)
        if grows:
            self.hide()
        while len(self._figures) < len(figures):
            if self._figures:
                self._layout.addWidget(_VerticalRule())
            made = KeyFigure()
            self._figures.append(made)
            self._layout.addWidget(made, 1, Qt.AlignmentFlag.AlignTop)
        for position, made in enumerate(self._figures):
            made.setVisible(position < len(figures))
            if position < len(figures):
                made.show_figure(figures[position])
        if grows:
            self.show()


class _VerticalRule(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(1)

    def paintEvent(self, _: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color("line"))


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """kind: line, dash, dots, box, hatch, or the shape of a point: dot, triangle, hollow, ring."""

    text: str
    token: str
    kind: str = "line"
    alpha: int = 255


class Legend(QWidget):
    """What the marks of a chart mean; stands at the right of a panel's title."""

    def __init__(self, entries: Sequence[LegendEntry] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[LegendEntry, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.show_entries(entries)

    def show_entries(self, entries: Sequence[LegendEntry]) -> None:
        if tuple(entries) != self._entries:
            self._entries = tuple(entries)
            self.setAccessibleName("Legend: " + ", ".join(e.text for e in entries))
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        width = sum(paint.text_width(e.text, 11) + 40 for e in self._entries)
        return QSize(round(max(0, width - 14)), 18)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        x = 0.0
        middle = self.height() / 2
        for entry in self._entries:
            ink = theme.color(entry.token)
            swatch = QRectF(x, middle - 4.5, 14, 9)
            if entry.kind == "box":
                painter.fillRect(swatch, theme.color(entry.token, max(60, entry.alpha)))
            elif entry.kind in ("dot", "triangle", "hollow", "ring"):
                paint.draw_point(painter, swatch.center(), entry.kind, 7.0, ink, ink)
            elif entry.kind == "hatch":
                painter.setPen(QPen(ink, 1))
                painter.setBrush(paint.hatch(entry.token))
                painter.drawRect(swatch.adjusted(0.5, 0.5, -0.5, -0.5))
            else:
                style = {
                    "dash": Qt.PenStyle.DashLine,
                    "dots": Qt.PenStyle.DotLine,
                }.get(entry.kind, Qt.PenStyle.SolidLine)
                painter.setPen(QPen(ink, 2, style))
                painter.drawLine(QPointF(x - 2, middle), QPointF(x + 16, middle))
            wide = paint.text_width(entry.text, 11)
            paint.draw_text(
                painter,
                QRectF(x + 21, 0, wide + 1, self.height()),
                entry.text,
                px=11,
                token="text2",
            )
            x += wide + 40


class FactList(QWidget):
    """Names at the left, values right-aligned at the right: register, sum, difference."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(3)
        self._shown: tuple[tuple[str, str, bool], ...] = ()

    def show_facts(self, facts: Sequence[tuple[str, str] | tuple[str, str, bool]]) -> None:
        """Each fact: name, value, and optionally whether it is set in bold."""
        wanted = tuple((f[0], f[1], f[2] if len(f) == 3 else False) for f in facts)
        if wanted == self._shown:
            return
        self._shown = wanted
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for name, value, bold in wanted:
            row = QWidget()
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(8)
            left = paint.label(name, "strong" if bold else "label")
            right = QLabel(value)
            right.setTextFormat(Qt.TextFormat.PlainText)
            right.setProperty("role", "strong" if bold else "")
            right.setAlignment(paint.RIGHT)
            line.addWidget(left, 1)
            line.addWidget(right)
            row.setAccessibleName(f"{name}: {value}")
            self._rows.addWidget(row)
