"""Who stands behind whom, with what each of them counted, and the place of the chosen meter."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout

from energy_desktop.domain.balance import BalanceBranch, NodeBalance
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.balance import words
from energy_desktop.ui.views.balance.words import Kind, TreeRow
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import Cell, Column, Table

_NOBODY = ""
_INDENT_PX = 14


class TreePanel(Panel):
    """`node_chosen` tells the main meter of the chosen line, `meter_opened` a meter to be looked
    at, `place_wanted` a meter and whom it is to stand behind (None: nobody)."""

    node_chosen = Signal(str)
    meter_opened = Signal(str)
    place_wanted = Signal(str, object)

    def __init__(self, formats: Formats) -> None:
        super().__init__("Main meters and what is behind them")
        self._formats = formats
        self._tree: tuple[BalanceBranch, ...] = ()
        self.table: Table[TreeRow] = Table(
            [
                Column("Meter", self._name, stretch=1, elide_middle=True),
                Column("", lambda r: Cell(r.way, token="text2"), width=96),
                Column("kWh", self._energy, width=84, number=True),
                Column("% of use", self._share, width=76, number=True),
                Column("Gaps, h", self._missing, width=66, number=True),
            ],
            key=lambda r: r.key,
            name="Main meters, the meters behind them and the unexplained rest",
        )
        self.table.setMinimumHeight(self.table.content_height(4))
        self.table.chosen.connect(self._on_chosen)
        self.table.opened.connect(lambda row: self.meter_opened.emit(row.meter.meter_id))
        self.set_content(self.table)
        self.hours_counted = paint.label(words.hours_counted(()), "caption", wrap=True)
        self.set_content(self.hours_counted)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.place_label = paint.label("Stands behind", "label")
        self.above = QComboBox()
        self.above.setAccessibleName("The meter that the chosen one stands behind")
        self.above.activated.connect(self._on_above)
        row.addWidget(self.place_label)
        row.addWidget(self.above, 1)
        self.set_content(row)
        self._enable(None)

    def show_rows(self, tree: Sequence[BalanceBranch], nodes: Sequence[NodeBalance]) -> None:
        """Keeps the chosen line where it still is."""
        self._tree = tuple(tree)
        self.table.show_rows(words.tree_rows(tree, nodes))
        self.hours_counted.setText(words.hours_counted(nodes))
        self._enable(self.table.chosen_row())

    def choose_node(self, meter_id: str) -> bool:
        """The line of a main meter; False: there is none."""
        for row in self.table.rows_model.rows:
            if row.node_id == meter_id and row.kind in (Kind.NODE, Kind.SILENT):
                return self.table.choose(row.key)
        return False

    def _on_chosen(self, row: TreeRow | None) -> None:
        self._enable(row)
        if row is not None and row.node_id:
            self.node_chosen.emit(row.node_id)

    def _enable(self, row: TreeRow | None) -> None:
        """Whom the chosen meter stands behind, and whom it could."""
        meter = None if row is None or row.kind is Kind.REST else row.meter
        self.above.clear()
        self.above.setEnabled(meter is not None)
        name = "The chosen meter" if meter is None else meter.name
        self.place_label.setText(f"{name} stands behind")
        if meter is None:
            return
        self.above.addItem("no meter", _NOBODY)
        for branch in self._tree:
            if branch.meter.meter_id != meter.meter_id:
                self.above.addItem(branch.meter.name, branch.meter.meter_id)
        self.above.setCurrentIndex(max(0, self.above.findData(meter.parent_id or _NOBODY)))

    def _on_above(self, _: int) -> None:
        row = self.table.chosen_row()
        wanted = str(self.above.currentData() or _NOBODY)
        if row is not None and wanted != (row.meter.parent_id or _NOBODY):
            self.place_wanted.emit(row.meter.meter_id, wanted or None)

    def _name(self, row: TreeRow) -> Cell:
        bold = row.kind in (Kind.NODE, Kind.REST)
        icon = "alert-outline" if row.suspect else ""
        token = "text2" if row.kind in (Kind.SILENT, Kind.LOOSE) else "text"
        spoken = f"{row.title}, the likely cause of the rest" if row.suspect else ""
        return Cell(
            row.title,
            bold=bold,
            indent=_INDENT_PX * row.depth,
            icon=icon,
            icon_token="p2",
            token=token,
            spoken=spoken,
        )

    def _energy(self, row: TreeRow) -> Cell:
        asked = row.kind is not Kind.LOOSE
        text = self._formats.scale("Wh").text(row.energy_wh) if asked else ""
        return Cell(
            text,
            bold=row.kind in (Kind.NODE, Kind.REST),
            icon="approximately-equal" if row.estimated_wh else "",
        )

    def _share(self, row: TreeRow) -> Cell:
        share = None if row.share is None else 100 * row.share
        text = "" if share is None else self._formats.number(share, 1)
        return Cell(text, bold=row.kind is Kind.REST)

    def _missing(self, row: TreeRow) -> str:
        return self._formats.number(row.missing_h, 0) if row.missing_h else ""
