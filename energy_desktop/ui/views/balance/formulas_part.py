"""Virtual meters: the list at the left, the chosen or a new one at the right.

Deleting is taken back from the notice; nothing asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.site import VIRTUAL, Meter, VirtualMeter
from energy_desktop.services.virtual_meters import VirtualMeterService
from energy_desktop.ui.views.balance.formula_editor import FormulaEditor, by_names
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk.notices import Notices
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_NEW = ""


class FormulasPart(QWidget):
    """The list and the editor."""

    def __init__(self, view: BaseView, service: VirtualMeterService, notices: Notices) -> None:
        super().__init__()
        self._view = view
        self._service = service
        self._notices = notices
        self._chosen = _NEW
        self._when_read: Callable[[], object] = lambda: None
        self.meters: tuple[VirtualMeter, ...] = ()
        self._names: dict[str, str] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.list_panel = Panel("Virtual meters")
        self.new_button = button("New", self.begin_new, icon="plus")
        self.history_button = button("Open in History", self._open_history, icon="calendar-clock")
        self.list_panel.add_header_widget(self.history_button)
        self.list_panel.add_header_widget(self.new_button)
        self.table: Table[VirtualMeter] = Table(
            [
                Column(
                    "Name",
                    lambda v: Cell(v.name, by_names(v.terms, self._names), bold=True),
                    stretch=1,
                ),
                Column("Id", lambda v: Cell(v.virtual_id, token="text2"), width=130),
            ],
            key=lambda v: v.virtual_id,
            two_lines=True,
            name="Virtual meters",
        )
        self.table.setMinimumHeight(self.table.content_height(3))
        self.table.chosen.connect(self._on_chosen)
        self.table.opened.connect(lambda _: self._open_history())
        self.list_panel.set_content(self.table)
        column = QVBoxLayout()
        self.editor = FormulaEditor(view.formats)
        self.editor.save_wanted.connect(self.save)
        self.editor.delete_wanted.connect(self.delete)
        self.editor.preview_wanted.connect(self._preview)
        column.addWidget(self.editor)
        row.addWidget(self.list_panel, 10)
        row.addLayout(column, 13)

    def read(self, *, then: Callable[[], object] = lambda: None) -> None:
        """Reads the site; what is being edited stays."""
        self._when_read = then
        service = self._service
        self._view.load(
            lambda: (service.meters(), service.listing()),
            lambda found: self.show_site(*found),
            panel=self.list_panel,
            key="virtual",
            title="Virtual meters",
        )

    def show_site(self, meters: Sequence[Meter], listing: Sequence[VirtualMeter]) -> None:
        """The list, and the chosen one in the editor."""
        self.meters = tuple(listing)
        self._names = {m.meter_id: m.name for m in meters}
        self.table.show_rows(listing, empty="None yet. Type a formula at the right.")
        self.editor.show_site(meters, listing)
        found = next((v for v in listing if v.virtual_id == self._chosen), None)
        if found is not None:
            self.table.choose(found.virtual_id)
            self.editor.edit(found)
        elif self._chosen != _NEW:  # it was removed elsewhere
            self.begin_new()
        self._enable()
        self._when_read()

    def begin(self, name: str, terms: Sequence[tuple[str, float]], note: str = "") -> None:
        """A new one with a proposal in it."""
        self._chosen = _NEW
        self.table.clearSelection()
        self.editor.begin(name, terms, note)
        self._enable()

    def begin_new(self) -> None:
        self._chosen = _NEW
        self.table.clearSelection()
        self.editor.edit(None)
        self.editor.name.setFocus()
        self._enable()

    def _enable(self) -> None:
        self.history_button.setEnabled(self._chosen != _NEW)

    def _on_chosen(self, row: VirtualMeter | None) -> None:
        if row is not None and row.virtual_id != self._chosen:
            self._chosen = row.virtual_id
            self.editor.edit(row)
            self._enable()

    def _open_history(self) -> None:
        if self._chosen != _NEW:
            self._view.navigation.go("history", meter_id=VIRTUAL + self._chosen)

    def _preview(self, virtual: VirtualMeter) -> None:
        self._view.load(
            partial(self._service.preview, virtual),
            self.editor.show_preview,
            key="preview",
            on_error=lambda error: self.editor.show_no_preview(
                f"{error.where}: {error.what} {error.remedy}"
            ),
        )

    # -------------------------------------------------------- doing

    def save(self, virtual: VirtualMeter, new: bool) -> None:
        """Keeps it; every list of meters has it from now on."""
        self._view.load(
            partial(self._service.save, virtual, new=new),
            lambda _: self._on_saved(virtual),
            key="save",
            on_error=self._notices.tell,
        )

    def _on_saved(self, virtual: VirtualMeter) -> None:
        self._chosen = virtual.virtual_id
        self._notices.say(
            f"{virtual.name} is saved.",
            f"It is asked for as {virtual.meter_id}, in History, exports and forecasts as well.",
            0,
        )
        self.read(then=self._when_read)

    def delete(self, virtual_id: str) -> None:
        """Removes it; the notice puts it back."""
        self._view.load(
            partial(self._service.remove, virtual_id),
            self._on_deleted,
            key="save",
            on_error=self._on_failed,
        )

    def _on_failed(self, error: UserFacingError) -> None:
        self._notices.tell(error)
        self.read(then=self._when_read)

    def _on_deleted(self, virtual: VirtualMeter) -> None:
        self._chosen = _NEW
        self.editor.edit(None)
        self._notices.say(
            f"{virtual.name} is deleted.",
            "The meters that it was made of stay, with all of their readings.",
            0,
            (("Put it back", lambda: self.save(virtual, True)),),
        )
        self.read(then=self._when_read)
