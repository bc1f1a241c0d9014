"""A model over frozen rows: `show_rows` compares by key and tells Qt only of what changed.

So neither selection nor scroll position moves while live values come in. Rows never sort
themselves under the cursor: after a click on a header new rows are appended, the others keep
their place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.table.cells import CELL_ROLE, ELIDE_ROLE, Cell, Index

Row = TypeVar("Row")
ROW_ROLE = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True)  # no slots: on 3.11 Column[Row](...) could not be written then
class Column(Generic[Row]):
    """A column: header, how a row becomes a cell, and how it sorts.

    width: pixels; 0 shares what is left. number: right-aligned with its header. A unit stands in
    the title. sort_key None: not sortable. elide_middle: for names and addresses, of which hundreds
    may begin alike. least: pixels of a sharing column. spare: left out where the table has no room
    for all columns, because the same is told elsewhere; the copied text keeps it.
    """

    title: str
    cell: Callable[[Row], Cell | str]
    width: int = 0
    number: bool = False
    sort_key: Callable[[Row], Any] | None = None
    elide_middle: bool = False
    stretch: int = 1
    least: int = 80
    spare: bool = False
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
        if role == ELIDE_ROLE:
            middle = self.columns[index.column()].elide_middle
            return Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
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

    def retitle(self, section: int, title: str) -> None:
        """Another title of a column, as its unit follows what is shown."""
        if self.columns[section].title == title:
            return
        column = replace(self.columns[section], title=title)
        self.columns = (*self.columns[:section], column, *self.columns[section + 1 :])
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, section, section)

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
