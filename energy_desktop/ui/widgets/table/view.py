"""The table on screen: selection, copying, and columns that share the width."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic

from PySide6.QtCore import QModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.table.cells import CellDelegate
from energy_desktop.ui.widgets.table.model import ROW_ROLE, Column, Row, TableModel


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
        self.setAccessibleDescription("" if rows else empty)
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
            max(c.width or c.least, round(paint.text_width(c.title, 11)) + 18)
            for c in self._columns
        ]
        for position in reversed(range(len(least))):
            if self._columns[position].spare:
                self.setColumnHidden(position, sum(least) > available)
            if self.isColumnHidden(position):  # also one that the page does not show
                least[position] = 0
        sharing = [
            i for i, c in enumerate(self._columns) if not c.width and not self.isColumnHidden(i)
        ]
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
            if not self.isColumnHidden(position):
                self.setColumnWidth(position, width)

    def show_column(self, position: int, on: bool) -> None:
        """A column that only some of what is shown has; the others share its room without it."""
        if self.isColumnHidden(position) == on:
            self.setColumnHidden(position, not on)
            self._fit_columns()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        if self._empty and not self.rows_model.rowCount():
            room = QRectF(self.viewport().rect()).adjusted(8, 8, -8, 0)
            painter.setFont(theme.font(12))
            painter.setPen(theme.color("text2"))
            painter.drawText(room, int(Qt.TextFlag.TextWordWrap), self._empty)
        if self.hasFocus() and self.rows_model.rowCount():
            paint.focus_ring(painter, QRectF(self.viewport().rect()), 2)
