"""Tables: a model over frozen rows, a delegate that paints cells, a view that copies.

No cell widgets. `show_rows` compares by key and tells Qt only of the rows that changed, so neither
selection nor scroll position moves while live values come in. Rows never sort themselves under the
cursor: after a click on a header new rows are appended, the others keep their place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolTip,
    QWidget,
)

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.paint import Band, Bar, Chip, Mark, Spark

Row = TypeVar("Row")
Index = QModelIndex | QPersistentModelIndex

CELL_ROLE = Qt.ItemDataRole.UserRole + 1
ROW_ROLE = Qt.ItemDataRole.UserRole + 2


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


@dataclass(frozen=True)  # no slots: on 3.11 Column[Row](...) could not be written then
class Column(Generic[Row]):
    """A column: header, how a row becomes a cell, and how it sorts.

    width: pixels; 0 shares what is left. number: right-aligned with its header. A unit stands in
    the title. sort_key None: not sortable.
    """

    title: str
    cell: Callable[[Row], Cell | str]
    width: int = 0
    number: bool = False
    sort_key: Callable[[Row], Any] | None = None
    elide_middle: bool = False
    stretch: int = 1
    tooltip: str = ""


class TableModel(QAbstractTableModel, Generic[Row]):
    """Rows by key. `show_rows` tells Qt the least that changed."""

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self._key = key
        self._rows: list[Row] = []
        self._keys: list[Hashable] = []
        self._cells: list[list[Cell | None]] = []
        self._sorted: tuple[int, Qt.SortOrder] | None = None

    # -------------------------------------------------------- what Qt asks

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def cell(self, row: int, column: int) -> Cell:
        cached = self._cells[row][column]
        if cached is None:
            made = self.columns[column].cell(self._rows[row])
            cached = Cell(made) if isinstance(made, str) else made
            self._cells[row][column] = cached
        return cached

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role == CELL_ROLE:
            return self.cell(index.row(), index.column())
        if role == ROW_ROLE:
            return self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.cell(index.row(), index.column()).plain
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(paint.RIGHT if self.columns[index.column()].number else paint.LEFT)
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(paint.RIGHT if column.number else paint.LEFT)
        if role == Qt.ItemDataRole.ToolTipRole and column.tooltip:
            return paint.plain_tooltip(column.tooltip)
        return None

    # -------------------------------------------------------- rows

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(self._rows)

    def row_of(self, key: Hashable) -> int:
        """Position of the row with this key; -1: none."""
        return self._keys.index(key) if key in self._keys else -1

    def key_at(self, row: int) -> Hashable:
        return self._keys[row]

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Shows these rows; what is equal to before is left alone."""
        keys = [self._key(row) for row in rows]
        if self._sorted is not None:
            rows, keys = self._kept_order(rows, keys)
        if keys == self._keys:
            self._replace_changed(rows)
            return
        if not self._rows or not set(keys) & set(self._keys):
            self.beginResetModel()
            self._take(rows, keys)
            self.endResetModel()
            return
        wanted = set(keys)
        for position in range(len(self._keys) - 1, -1, -1):
            if self._keys[position] not in wanted:
                self.beginRemoveRows(QModelIndex(), position, position)
                del self._rows[position], self._keys[position], self._cells[position]
                self.endRemoveRows()
        known = set(self._keys)
        for position, (row, key) in enumerate(zip(rows, keys, strict=True)):
            if key not in known:
                at = min(position, len(self._keys))
                self.beginInsertRows(QModelIndex(), at, at)
                self._rows.insert(at, row)
                self._keys.insert(at, key)
                self._cells.insert(at, [None] * len(self.columns))
                self.endInsertRows()
        if keys != self._keys:
            self._reorder(keys)
        self._replace_changed(rows)

    def _kept_order(
        self, rows: Sequence[Row], keys: Sequence[Hashable]
    ) -> tuple[list[Row], list[Hashable]]:
        place = {key: i for i, key in enumerate(self._keys)}
        order = sorted(range(len(rows)), key=lambda i: place.get(keys[i], len(place) + i))
        return [rows[i] for i in order], [keys[i] for i in order]

    def _take(self, rows: Sequence[Row], keys: Sequence[Hashable]) -> None:
        self._rows, self._keys = list(rows), list(keys)
        self._cells = [[None] * len(self.columns) for _ in rows]
        if self._sorted is not None:
            self._sort_now(*self._sorted)

    def _replace_changed(self, rows: Sequence[Row]) -> None:
        first = last = -1
        for position, row in enumerate(rows):
            if row != self._rows[position]:
                self._rows[position] = row
                self._cells[position] = [None] * len(self.columns)
                if first < 0:
                    first = last = position
                elif position == last + 1:
                    last = position
                else:
                    self._tell_changed(first, last)
                    first = last = position
        if first >= 0:
            self._tell_changed(first, last)

    def _tell_changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(self.columns) - 1))

    def _reorder(self, keys: Sequence[Hashable]) -> None:
        self.layoutAboutToBeChanged.emit()
        place = {key: i for i, key in enumerate(self._keys)}
        order = [place[key] for key in keys]
        moved = {old: new for new, old in enumerate(order)}
        before = self.persistentIndexList()
        self._rows = [self._rows[i] for i in order]
        self._cells = [self._cells[i] for i in order]
        self._keys = list(keys)
        after = [self.index(moved[i.row()], i.column()) for i in before]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if not 0 <= column < len(self.columns) or self.columns[column].sort_key is None:
            return
        self._sorted = (column, order)
        self._reorder(self._sorted_keys(column, order))

    def _sorted_keys(self, column: int, order: Qt.SortOrder) -> list[Hashable]:
        sort_key = self.columns[column].sort_key
        assert sort_key is not None

        def unknown(row: Row) -> bool:
            value = sort_key(row)
            return value is None or (isinstance(value, float) and math.isnan(value))

        known = [i for i, row in enumerate(self._rows) if not unknown(row)]
        known.sort(
            key=lambda i: sort_key(self._rows[i]), reverse=order == Qt.SortOrder.DescendingOrder
        )
        rest = [i for i, row in enumerate(self._rows) if unknown(row)]
        return [self._keys[i] for i in (*known, *rest)]

    def _sort_now(self, column: int, order: Qt.SortOrder) -> None:
        keys = self._sorted_keys(column, order)
        place = {key: i for i, key in enumerate(self._keys)}
        self._rows = [self._rows[place[key]] for key in keys]
        self._keys = keys


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
            draw_cell(painter, rect.adjusted(8, 0, -8, -1), cell, number=number)
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


def draw_cell(painter: QPainter, rect: QRectF, cell: Cell, *, number: bool = False) -> None:
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
    )
    paint.draw_text(
        painter,
        QRectF(rect.left(), middle, rect.width(), 16),
        cell.second,
        px=11,
        token="text2",
        align=align,
    )


class Table(QTableView, Generic[Row]):
    """A table of frozen rows.

    `chosen` follows the selection (a row or None); `opened` is Enter or a double click.
    """

    chosen = Signal(object)
    opened = Signal(object)

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        parent: QWidget | None = None,
        *,
        two_lines: bool = False,
        row_height: int = 0,
        selectable: bool = True,
        name: str = "",
    ) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._empty = ""
        height = row_height or (theme.ROW_HEIGHT_TWO_LINES if two_lines else theme.ROW_HEIGHT)
        self.rows_model: TableModel[Row] = TableModel(columns, key, self)
        self.setModel(self.rows_model)
        self.setItemDelegate(CellDelegate(height, self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(self.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(
            QAbstractItemView.SelectionMode.SingleSelection
            if selectable
            else QAbstractItemView.SelectionMode.NoSelection
        )
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(name)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(height)
        self.verticalHeader().setMinimumSectionSize(height)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(any(c.sort_key is not None for c in columns))
        header.setMinimumSectionSize(24)
        header.setFixedHeight(theme.HEADER_HEIGHT)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        header.sectionClicked.connect(self._on_header_clicked)
        self._order: tuple[int, Qt.SortOrder] | None = None
        self.selectionModel().currentRowChanged.connect(self._on_current)
        self.activated.connect(self._on_activated)
        self._fit_columns()

    # -------------------------------------------------------- rows

    def show_rows(self, rows: Sequence[Row], *, empty: str = "") -> None:
        """Shows these rows; `empty` is the sentence for when there is none."""
        self._empty = empty
        had = bool(self.rows_model.rowCount())
        self.rows_model.show_rows(rows)
        if had != bool(rows):
            self._fit_columns()
        self.viewport().update()

    def chosen_row(self) -> Row | None:
        index = self.currentIndex()
        if not index.isValid() or not self.selectionModel().isRowSelected(
            index.row(), QModelIndex()
        ):
            return None
        row: Row = index.data(ROW_ROLE)
        return row

    def choose(self, key: Hashable) -> bool:
        """Selects the row with this key. Returns whether there is one."""
        row = self.rows_model.row_of(key)
        if row < 0:
            return False
        self.selectRow(row)
        self.scrollTo(self.rows_model.index(row, 0))
        return True

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        self.chosen.emit(current.data(ROW_ROLE) if current.isValid() else None)

    def _on_activated(self, index: QModelIndex) -> None:
        self.opened.emit(index.data(ROW_ROLE))

    def _on_header_clicked(self, section: int) -> None:
        if self._columns[section].sort_key is None:
            return
        order = Qt.SortOrder.AscendingOrder
        if self._order == (section, Qt.SortOrder.AscendingOrder):
            order = Qt.SortOrder.DescendingOrder
        self._order = (section, order)
        self.horizontalHeader().setSortIndicatorShown(True)
        self.horizontalHeader().setSortIndicator(section, order)
        self.rows_model.sort(section, order)

    # -------------------------------------------------------- keyboard and copy

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.as_text())
            event.accept()
            return
        super().keyPressEvent(event)

    def as_text(self) -> str:
        """The selected rows, or all, with headers, tab-separated: what Ctrl+C copies."""
        chosen = sorted({i.row() for i in self.selectionModel().selectedRows()})
        rows = chosen or range(self.rows_model.rowCount())
        lines = ["\t".join(c.title for c in self._columns)]
        for row in rows:
            lines.append(
                "\t".join(
                    self.rows_model.cell(row, column).plain.replace("\t", " ")
                    for column in range(len(self._columns))
                )
            )
        return "\n".join(lines)

    # -------------------------------------------------------- looks

    def content_height(self, rows: int) -> int:
        """Height that shows the header and so many rows without scrolling."""
        return theme.HEADER_HEIGHT + rows * self.verticalHeader().defaultSectionSize() + 2

    def _fit_columns(self) -> None:
        available = self.viewport().width()
        least = [
            max(c.width or 80, round(paint.text_width(c.title, 11)) + 18) for c in self._columns
        ]
        sharing = [i for i, c in enumerate(self._columns) if not c.width]
        widths = list(least)
        while sharing:
            left = available - sum(w for i, w in enumerate(least) if i not in sharing)
            shares = max(1, sum(self._columns[i].stretch for i in sharing))
            for i in sharing:
                widths[i] = left * self._columns[i].stretch // shares
            # Who would get less than its least takes that, and the others share what is left.
            short = [i for i in sharing if widths[i] < least[i]]
            for i in short:
                widths[i] = least[i]
            if not short:
                break
            sharing = [i for i in sharing if i not in short]
        for position, width in enumerate(widths):
            self.setColumnWidth(position, width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        if self._empty and not self.rows_model.rowCount():
            paint.draw_text(
                painter,
                QRectF(8, 8, self.viewport().width() - 16, 24),
                self._empty,
                token="text2",
            )
        if self.hasFocus() and self.rows_model.rowCount():
            paint.focus_ring(painter, QRectF(self.viewport().rect()), 2)
