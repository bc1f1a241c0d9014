"""Ctrl K: everything by its name. The window adds pages and actions, the shell the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QVBoxLayout, QWidget

from energy_desktop.ui.shell import SearchHit
from energy_desktop.ui.widgets.table import Cell, Column, Table

MOST_HITS = 50


class SearchPalette(QDialog):
    """A field over a list. Typing narrows, Down and Up choose, Enter opens, Esc closes."""

    def __init__(
        self, search: Callable[[str], Sequence[SearchHit]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._search = search
        self.setWindowTitle("Find")
        self.setModal(True)
        self.resize(560, 420)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find a meter, alarm, invoice, setting or action")
        self.field.setAccessibleName("Find")
        self.field.textChanged.connect(self._narrow)
        self.field.installEventFilter(self)
        self.field.returnPressed.connect(self._open_chosen)
        column.addWidget(self.field)
        self.hits: Table[tuple[int, SearchHit]] = Table(
            [
                Column("Name", lambda row: Cell(row[1].title, icon=row[1].icon), stretch=3),
                Column("What it is", lambda row: Cell(row[1].detail, token="text2"), stretch=2),
            ],
            key=lambda row: (row[0], row[1].title, row[1].detail),
            name="Found",
        )
        self.hits.opened.connect(lambda row: self._open(row[1]))
        column.addWidget(self.hits, 1)
        self._narrow("")

    def _narrow(self, text: str) -> None:
        found = list(self._search(text.strip()))[:MOST_HITS]
        self.hits.show_rows(list(enumerate(found)), empty=f"Nothing is called “{text}”.")
        if found:
            self.hits.selectRow(0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if step:
                rows = self.hits.rows_model.rowCount()
                row = self.hits.currentIndex().row() + step
                if 0 <= row < rows:
                    self.hits.selectRow(row)
                return True
        return super().eventFilter(watched, event)

    def _open_chosen(self) -> None:
        row = self.hits.chosen_row()
        if row is not None:
            self._open(row[1])

    def _open(self, hit: SearchHit) -> None:
        self.accept()
        hit.open()


def matches(text: str, *fields: str) -> bool:
    """Whether every word of `text` occurs in one of the fields, whatever its case."""
    whole = " ".join(fields).casefold()
    return all(word in whole for word in text.casefold().split())
