"""Buses and meters at the left of the desk, with what can be done about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QHBoxLayout, QMenu

from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.desk.bus_rows import BusRow
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table


@dataclass(frozen=True, slots=True)
class BusActions:
    """What the buttons below the list do; `imports` are the entries of the Import menu."""

    scan: Callable[[], object]
    add: Callable[[], object]
    imports: tuple[tuple[str, Callable[[], object]], ...]


class BusPanel(Panel):
    """`meter_chosen` tells a meter id, `bus_chosen` a link id, `opened` a meter by Enter."""

    meter_chosen = Signal(str)
    bus_chosen = Signal(str)
    opened = Signal(str)

    def __init__(self, actions: BusActions) -> None:
        super().__init__("Buses and meters")
        self.table: Table[BusRow] = Table(
            [
                Column("Bus, meter", self._name_cell, stretch=9, elide_middle=True, least=140),
                Column("Unit", self._unit_cell, width=42, number=True),
                Column("Model", self._model_cell, stretch=5, spare=True),
                Column(
                    "p95 ms",
                    lambda r: self._plain(r, r.p95),
                    width=64,
                    number=True,
                    tooltip="19 of 20 answers of the last hour came at least this fast",
                ),
                Column(
                    "Err. %",
                    self._error_cell,
                    width=54,
                    number=True,
                    tooltip="Requests of the last hour without an answer; a refusal is one",
                ),
            ],
            key=lambda r: r.key,
            name="Buses and meters",
        )
        self.table.chosen.connect(self._on_chosen)
        self.table.opened.connect(self._on_opened)
        self.set_content(self.table)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.scan_button = button("Scan a bus", actions.scan, icon="radar")
        self.add_button = button("Add meter", actions.add, icon="plus")
        self.import_button = button("Import", icon="file-import-outline")
        self.import_menu = QMenu(self)
        for text, then in actions.imports:
            self.import_menu.addAction(text).triggered.connect(lambda _=False, then=then: then())
        self.import_button.setMenu(self.import_menu)
        for one in (self.scan_button, self.add_button, self.import_button):
            row.addWidget(one)
        row.addStretch(1)
        self.set_content(row)

    def open_import_menu(self) -> None:
        """Where the button itself is not seen: in a site without meters."""
        self.import_menu.popup(QCursor.pos())

    def show_buses(self, rows: Sequence[BusRow]) -> None:
        """The rows as `bus_rows` makes them; a bus takes the columns that it has no use for."""
        before = [r.key for r in self.table.rows_model.rows]
        self.table.show_rows(rows)
        if before != [r.key for r in rows]:
            self._span()
        meters = sum(r.listing is not None for r in rows)
        buses = sum(r.listing is None and bool(r.link_id) for r in rows)
        self.set_subtitle(f"{words.count(meters, 'meter')}, {words.count(buses, 'bus')}; last hour")

    def _span(self) -> None:
        self.table.clearSpans()
        for position, row in enumerate(self.table.rows_model.rows):
            if row.listing is None:
                self.table.setSpan(position, 0, 1, 2)
                self.table.setSpan(position, 2, 1, 2)

    def _on_chosen(self, row: object) -> None:
        if isinstance(row, BusRow) and row.listing is not None:
            self.meter_chosen.emit(row.key)
        elif isinstance(row, BusRow) and row.link_id:
            self.bus_chosen.emit(row.link_id)

    def _on_opened(self, row: object) -> None:
        if isinstance(row, BusRow) and row.listing is not None:
            self.opened.emit(row.key)

    # -------------------------------------------------------- cells

    @staticmethod
    def _name_cell(row: BusRow) -> Cell:
        if row.listing is None:
            icon = "alert-outline" if row.doubtful else ""
            return Cell(
                row.title,
                bold=True,
                ground="inset",
                icon=icon,
                icon_token="p2",
                spoken=row.spoken,
            )
        state = row.listing.status.state
        icon, token = words.ICONS[state]
        if not row.listing.meter.driver_id:
            icon, token = "file-import-outline", "text3"
        return Cell(
            row.title,
            bold=state in words.LOST,
            icon=icon,
            icon_token=token,
            spoken=row.spoken,
        )

    @staticmethod
    def _plain(row: BusRow, text: str) -> Cell:
        return Cell(text, ground="inset" if row.listing is None else "")

    def _unit_cell(self, row: BusRow) -> Cell:
        return self._plain(row, row.unit)

    @staticmethod
    def _model_cell(row: BusRow) -> Cell:
        if row.listing is None:
            return Cell(
                row.load, token="text2", bold=row.doubtful, ground="inset", spoken=row.spoken
            )
        return Cell(row.model, token="text2")

    def _error_cell(self, row: BusRow) -> Cell:
        ground = "inset" if row.listing is None else ""
        heavy = row.doubtful and row.listing is not None
        return Cell(row.errors, bold=heavy, ground=ground)
