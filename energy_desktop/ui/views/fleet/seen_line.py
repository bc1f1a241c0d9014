"""The whole reason of the chosen stretch, and whether somebody has looked at it.

In a table the reason may be cut. A list of households marks all of a household at once, a list of
stretches the one that is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QWidget

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.fleet import FleetAnomaly, SeenMark
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.table import Table

Who = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Marked:
    """What was marked, or unmarked when `mark` is None. stretch None: all of the household."""

    household: str
    stretch: tuple[str, int] | None
    mark: SeenMark | None

    def on(self, row: FleetAnomaly) -> FleetAnomaly:
        """The row as it is now."""
        mine = row.household == self.household
        if not mine or self.stretch not in (None, (row.kind, row.start_ms)):
            return row
        return replace(row, seen=self.mark)


class SeenLine(QWidget):
    """Stands below `table`. whole: a mark is for all stretches of the household.

    `marked` carries a Marked, once it is kept.
    """

    marked = Signal(object)

    def __init__(
        self,
        host: BaseView,
        fleet: FleetService,
        formats: Formats,
        table: Table[FleetAnomaly],
        who: Who,
        *,
        whole: bool = False,
        named: bool = True,
    ) -> None:
        """named: the reason begins with the household."""
        super().__init__()
        self._host = host
        self._fleet = fleet
        self._formats = formats
        self._who = who
        self.whole = whole
        self._named = named
        self.out: Path | None = None
        self.row: FleetAnomaly | None = None
        self.reason = label("", "caption", wrap=True)
        self.button = button("Mark as seen", self.toggle)
        self.button.setToolTip("S, while the list has the focus")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.reason, 1)
        line.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()
        table.chosen.connect(self.show_row)
        key = QShortcut(QKeySequence(Qt.Key.Key_S), table)
        key.setContext(Qt.ShortcutContext.WidgetShortcut)
        key.activated.connect(self.toggle)

    def show_row(self, row: FleetAnomaly | None) -> None:
        self.row = row
        self.setVisible(row is not None)
        if row is None:
            return
        text = f"{row.household}: {row.reason}" if self._named else row.reason
        if row.seen is not None:
            by = f" by {row.seen.who}" if row.seen.who else ""
            text += f" Seen{by}, {self._formats.moment(row.seen.at_ms)}."
        self.reason.setText(text)
        self.button.setText("Mark as seen" if row.seen is None else "Mark as not seen")

    def toggle(self) -> None:
        """Marks what is chosen, or takes its mark away."""
        row, out = self.row, self.out
        if row is None or out is None or not self.button.isEnabled():
            return
        fleet, who, seen = self._fleet, self._who(), row.seen is not None
        stretch = None if self.whole else (row.kind, row.start_ms)

        def work() -> Marked:
            if seen:
                fleet.unmark_seen(out, row.household, stretch=stretch)
                return Marked(row.household, stretch, None)
            mark = fleet.mark_seen(out, row.household, who=who, stretch=stretch)
            return Marked(row.household, stretch, mark)

        self.button.setEnabled(False)
        self._host.load(work, self._done, key=self, title="Mark as seen", on_error=self._failed)

    def _done(self, marked: Marked) -> None:
        self.button.setEnabled(True)
        if self.row is not None:
            self.show_row(marked.on(self.row))
        self.marked.emit(marked)

    def _failed(self, error: UserFacingError) -> None:
        self.button.setEnabled(True)
        self.reason.setText(f"{error.what} {error.remedy}")
