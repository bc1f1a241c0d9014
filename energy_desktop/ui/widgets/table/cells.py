"""What a cell of a table shows, and how it is painted: no cell is a widget."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
)

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.paint import Band, Bar, Chip, Mark, Spark

Index = QModelIndex | QPersistentModelIndex
CELL_ROLE = Qt.ItemDataRole.UserRole + 1
ELIDE_ROLE = Qt.ItemDataRole.UserRole + 3  # where the texts of the column are shortened


@dataclass(frozen=True, slots=True)
class Cell:
    """What one cell shows. Marks stand left of the text; spark, band, bar and chip replace it.

    icon: a glyph name, in colour icon_token. swatch: a small square in the colour of a curve.
    spoken: the accessible and copied text where the painted one says too little.
    """

    text: str = ""
    second: str = ""
    bold: bool = False
    italic: bool = False
    strike: bool = False
    mono: bool = False
    token: str = "text"
    icon: str = ""
    icon_token: str = "text2"
    swatch: str = ""
    box: bool = False  # an open square in the place of a swatch: nothing is drawn of it yet
    mark: Mark | None = None
    chip: Chip | None = None
    spark: Spark | None = None
    band: Band | None = None
    bar: Bar | None = None
    spoken: str = ""
    indent: int = 0
    ground: str = ""  # token of a tint behind the cell

    @property
    def plain(self) -> str:
        """The cell in words."""
        if self.spoken:
            return self.spoken
        parts = [
            f"Priority {self.mark.priority}" if self.mark is not None else "",
            self.text,
            self.chip.text if self.chip is not None else "",
            self.second,
        ]
        return ", ".join(p for p in parts if p)


class CellDelegate(QStyledItemDelegate):
    """Paints a Cell. Two lines when the cell has a second one."""

    def __init__(self, row_height: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.row_height = row_height

    def sizeHint(self, _: QStyleOptionViewItem, index: Index) -> QSize:
        cell = index.data(CELL_ROLE)
        width = 24.0
        if isinstance(cell, Cell):
            width += paint.text_width(cell.text, 12, 600 if cell.bold else 400)
            width += 22 if cell.mark is not None or cell.icon else 0
        return QSize(round(width), self.row_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = index.data(CELL_ROLE)
        rect = QRectF(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(rect, theme.color("sel"))
            if index.column() == 0:
                painter.fillRect(
                    QRectF(rect.left(), rect.top(), 3, rect.height()), theme.color("accent")
                )
        elif isinstance(cell, Cell) and cell.ground:
            painter.fillRect(rect, theme.color(cell.ground))
        painter.fillRect(
            QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), theme.color("line")
        )
        if isinstance(cell, Cell):
            number = bool(int(index.data(Qt.ItemDataRole.TextAlignmentRole)) & 2)
            elide = index.data(ELIDE_ROLE) or Qt.TextElideMode.ElideRight
            draw_cell(painter, rect.adjusted(8, 0, -8, -1), cell, number=number, elide=elide)
        painter.restore()

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        cell = index.data(CELL_ROLE)
        if event.type() != QEvent.Type.ToolTip or not isinstance(cell, Cell):
            return super().helpEvent(event, view, option, index)
        room = option.rect.width() - 16
        widest = max(paint.text_width(cell.text, 12, 600), paint.text_width(cell.second, 11))
        if widest > room - cell.indent or cell.spark is not None or cell.band is not None:
            QToolTip.showText(event.globalPos(), paint.plain_tooltip(cell.plain), view)
        else:
            QToolTip.hideText()
        return True


def draw_cell(
    painter: QPainter,
    rect: QRectF,
    cell: Cell,
    *,
    number: bool = False,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> None:
    """Paints a cell's content into `rect`."""
    align = paint.RIGHT if number else paint.LEFT
    if cell.indent:
        rect = rect.adjusted(cell.indent, 0, 0, 0)
    if cell.mark is not None:
        paint.draw_mark(painter, QRectF(rect.left() - 2, rect.top(), 20, rect.height()), cell.mark)
        rect = rect.adjusted(24, 0, 0, 0)
    if cell.swatch:
        painter.fillRect(
            QRectF(rect.left(), rect.center().y() - 5, 10, 10), theme.color(cell.swatch)
        )
        rect = rect.adjusted(18, 0, 0, 0)
    elif cell.box:
        painter.setPen(theme.color("line2"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(rect.left() + 0.5, rect.center().y() - 4.5, 9, 9))
        rect = rect.adjusted(18, 0, 0, 0)
    if cell.icon:
        theme.draw_icon(
            painter,
            QRectF(rect.left(), rect.center().y() - 8, 16, 16),
            cell.icon,
            cell.icon_token,
        )
        rect = rect.adjusted(22, 0, 0, 0)
    if cell.spark is not None:
        paint.draw_spark(painter, rect, cell.spark)
        return
    if cell.band is not None:
        paint.draw_band(painter, rect.adjusted(0, 4, 0, 0), cell.band)
        return
    if cell.bar is not None:
        paint.draw_bar(painter, rect, cell.bar)
        return
    if cell.chip is not None:
        paint.draw_chip(painter, rect, cell.chip, align)
        return
    weight = 600 if cell.bold else 400
    if not cell.second:
        paint.draw_text(
            painter,
            rect,
            cell.text,
            px=11 if cell.mono else 12,
            weight=weight,
            token=cell.token,
            align=align,
            italic=cell.italic,
            mono=cell.mono,
            strike=cell.strike,
            elide=elide,
        )
        return
    middle = rect.center().y()
    paint.draw_text(
        painter,
        QRectF(rect.left(), middle - 17, rect.width(), 17),
        cell.text,
        weight=weight,
        token=cell.token,
        align=align,
        italic=cell.italic,
        strike=cell.strike,
        elide=elide,
    )
    paint.draw_text(
        painter,
        QRectF(rect.left(), middle, rect.width(), 16),
        cell.second,
        px=11,
        token="text2",
        align=align,
        elide=elide,
    )
