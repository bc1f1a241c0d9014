"""The meters at the left: tree with values, ticked ones in the colour of their curve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit

from energy_desktop.services.live import LiveMeter, LiveRow, LiveSpace
from energy_desktop.ui.formatting import Scale
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import ROW_ROLE, Cell, Column, Table

_WIDTH = 236
_WIDE, _WIDE_FROM = 272, 1160  # pixels of the tree, and of the page


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A row of the tree as it is painted: equal rows are not painted again."""

    key: str
    name: str
    depth: int
    is_space: bool
    text: str
    state: str
    token: str


class MeterTree(Panel):
    """Tells by `toggled` which meter was ticked or unticked, by its id."""

    toggled = Signal(str)

    def __init__(self, most_curves: int) -> None:
        super().__init__("Meters")
        self._rows: tuple[LiveRow, ...] = ()
        self._scale: Scale | None = None
        self._tokens: Mapping[str, str] = {}
        self._unit = paint.label("kW", "label")
        self.add_header_widget(self._unit)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter")
        self.filter.setAccessibleName("Filter meters")
        self.filter.textChanged.connect(lambda _: self._show())
        self.set_content(self.filter)
        self.table: Table[TreeRow] = Table(
            [
                Column("Meter", _name_cell, stretch=1, elide_middle=True),
                Column("Now", _value_cell, width=64, number=True),
            ],
            key=lambda row: row.key,
            row_height=24,
            name="Meters with live values",
        )
        self.table.horizontalHeader().hide()
        self.table.clicked.connect(lambda index: self._toggle(index.data(ROW_ROLE)))
        self.set_content(self.table)
        self.set_content(paint.label(f"Tick up to {most_curves}. Space pauses.", "caption"))
        self.fit(_WIDTH)

    def fit(self, page_width: int) -> None:
        """Wider where the page has room: names of meters are long."""
        self.setFixedWidth(_WIDE if page_width >= _WIDE_FROM else _WIDTH)

    def focus_filter(self) -> None:
        self.filter.setFocus()
        self.filter.selectAll()

    def toggle_chosen(self) -> None:
        self._toggle(self.table.chosen_row())

    def _toggle(self, row: TreeRow | None) -> None:
        if row is not None and not row.is_space:
            self.toggled.emit(row.key)

    def show_rows(self, rows: Iterable[LiveRow], scale: Scale, tokens: Mapping[str, str]) -> None:
        """Values in `scale`; tokens: colour of the curve by meter id, of the ticked ones."""
        self._rows, self._scale, self._tokens = tuple(rows), scale, tokens
        self._unit.setText(scale.unit)
        self._show()

    def _show(self) -> None:
        wanted = self.filter.text().strip().lower()
        rows = []
        pending: list[LiveSpace] = []
        for row in self._rows:
            if isinstance(row, LiveSpace):
                pending = [s for s in pending if s.depth < row.depth] + [row]
                if not wanted:
                    rows.append(_space_row(row))
            elif not wanted or _matches(row, wanted):
                if wanted:
                    for space in pending:
                        rows.append(_space_row(space))
                    pending = []
                rows.append(self._meter_row(row))
        self.table.show_rows(rows, empty=_NONE_NAMED if wanted else _NONE_YET)

    def _meter_row(self, row: LiveMeter) -> TreeRow:
        value = "" if self._scale is None else self._scale.text(row.value)
        text = {"lost": "lost", "off": "off", "waiting": "–"}.get(row.state, value)
        token = self._tokens.get(row.meter.meter_id, "")
        return TreeRow(row.meter.meter_id, row.meter.name, row.depth, False, text, row.state, token)


_NONE_NAMED = "No meter of this name."
_NONE_YET = "No meters yet: add the first one in Meters."


def _matches(row: LiveMeter, wanted: str) -> bool:
    whole = f"{row.meter.name} {row.meter.meter_id} {row.meter.equipment}".lower()
    return all(word in whole for word in wanted.split())


def _space_row(space: LiveSpace) -> TreeRow:
    return TreeRow(f"space:{space.space_id}", space.name, space.depth, True, "", "", "")


def _name_cell(row: TreeRow) -> Cell:
    indent = 10 * row.depth
    if row.is_space:
        return Cell(row.name, bold=True, indent=indent)
    if row.state == "lost":
        return Cell(row.name, icon="lan-disconnect", icon_token="p2", indent=indent)
    ticked = "shown" if row.token else "not shown"
    return Cell(
        row.name,
        swatch=row.token,
        box=not row.token,
        indent=indent,
        spoken=f"{row.name}, {ticked}",
    )


def _value_cell(row: TreeRow) -> Cell:
    lost = row.state == "lost"
    known = row.state in ("good", "late")
    return Cell(row.text, bold=lost, token="text" if lost or known else "text3")
