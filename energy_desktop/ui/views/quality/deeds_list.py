"""What was done to the energy of a meter: corrections and exchanges, who, when, why; and Undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from energy_desktop.domain.editing import Edit, EditMethod, RegisterEvent
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.quality import words
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.paint import Chip
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.table import Cell, Column, Table


@dataclass(frozen=True, slots=True)
class Deed:
    """One row: a correction or an exchange."""

    edit: Edit | None
    event: RegisterEvent | None

    @property
    def key(self) -> str:
        if self.edit is not None:
            return f"edit {self.edit.edit_id}"
        assert self.event is not None
        return f"event {self.event.event_id}"

    @property
    def at_ms(self) -> int:
        """When it was done, not when it applies to."""
        if self.edit is not None:
            return self.edit.at_ms
        assert self.event is not None
        return self.event.entered_at_ms

    @property
    def span(self) -> tuple[int, int]:
        if self.edit is not None:
            return self.edit.start_ms, self.edit.end_ms
        assert self.event is not None
        return self.event.at_ms, self.event.at_ms

    @property
    def can_be_undone(self) -> bool:
        if self.edit is None:
            return True
        return self.edit.undone_by is None and self.edit.method is not EditMethod.UNDO


class DeedList(QWidget):
    """`chosen` tells a Deed; `undo_wanted` an edit id and the reason; `removal_wanted` and
    `confirmation_wanted` an event; `photo_wanted` the name of a kept photo."""

    chosen = Signal(object)
    undo_wanted = Signal(int, str)
    removal_wanted = Signal(object)
    confirmation_wanted = Signal(object)
    photo_wanted = Signal(str)

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        self._held: frozenset[int] = frozenset()
        self._deed: Deed | None = None  # told by the table before it counts as selected
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.table: Table[Deed] = Table(
            [
                Column("When and who", self._when, width=124, sort_key=lambda d: d.at_ms),
                Column("What, of which span", self._what, stretch=4),
                Column("Before to after, kWh", self._effect, width=156, number=True),
                Column("Why", self._why, stretch=3),
                Column("State", self._state, width=84),
            ],
            key=lambda d: d.key,
            two_lines=True,
            name="Corrections and exchanges",
        )
        self.table.setMinimumHeight(self.table.content_height(2))
        self.table.chosen.connect(self._on_chosen)
        column.addWidget(self.table, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.told = paint.label("", "label")
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("Why the correction was wrong")
        self.reason.setAccessibleName("Reason for undoing")
        self.reason.setMaxLength(500)
        self.reason.textChanged.connect(lambda _: self._enable())
        self.reason.returnPressed.connect(self._undo)
        self.undo_button = button("Undo", self._undo, icon="undo-variant")
        self.remove_button = button("Remove exchange", self._remove, icon="undo-variant")
        self.confirm_button = button("Readings are right", self._confirm, icon="check")
        self.photo_button = button("Open photo", self._open_photo, kind="link")
        row.addWidget(self.told)
        row.addWidget(self.reason, 1)
        for one in (
            self.photo_button, self.confirm_button, self.remove_button, self.undo_button,
        ):  # fmt: skip
            row.addWidget(one)
        column.addLayout(row)
        self._enable()

    def show_deeds(
        self,
        edits: Sequence[Edit],
        events: Sequence[RegisterEvent],
        held: frozenset[int] = frozenset(),
    ) -> None:
        """Newest first. held: ids of the events whose energy is held back."""
        self._held = held
        deeds = [*(Deed(e, None) for e in edits), *(Deed(None, e) for e in events)]
        deeds.sort(key=lambda d: d.at_ms, reverse=True)
        self.table.show_rows(deeds, empty="Nothing was corrected in this period.")
        key = None if self._deed is None else self._deed.key
        self._deed = next((d for d in deeds if d.key == key), None)
        self._enable()

    @property
    def deed(self) -> Deed | None:
        return self._deed

    def focus_undo(self) -> None:
        self.reason.setFocus()

    def done(self) -> None:
        self.reason.clear()

    def _on_chosen(self, deed: Deed | None) -> None:
        self._deed = deed
        self._enable()
        if deed is not None:
            self.chosen.emit(deed)

    def _enable(self) -> None:
        deed = self.deed
        is_edit = deed is not None and deed.edit is not None
        can = deed is not None and deed.can_be_undone
        self.reason.setVisible(is_edit and can)
        self.undo_button.setVisible(is_edit and can)
        self.undo_button.setEnabled(bool(self.reason.text().strip()))
        event = None if deed is None else deed.event
        is_held = event is not None and event.event_id in self._held
        self.remove_button.setVisible(event is not None)
        self.confirm_button.setVisible(is_held)
        self.photo_button.setVisible(event is not None and bool(event.photo))
        if deed is None:
            text = "Choose a line to see its span, and to undo it." if self._rows else ""
        elif is_held:
            text = "Its readings would book far more than the meter ever used: nothing is booked."
        elif is_edit and not can:
            text = "It cannot be undone again; correct the span anew."
        else:
            text = ""
        self.told.setText(text)
        self.told.setVisible(bool(text))

    @property
    def _rows(self) -> tuple[Deed, ...]:
        return self.table.rows_model.rows

    def _undo(self) -> None:
        deed, reason = self.deed, self.reason.text().strip()
        if deed is not None and deed.edit is not None and deed.can_be_undone and reason:
            self.undo_wanted.emit(deed.edit.edit_id, reason)

    def _remove(self) -> None:
        deed = self.deed
        if deed is not None and deed.event is not None:
            self.removal_wanted.emit(deed.event)

    def _confirm(self) -> None:
        deed = self.deed
        if deed is not None and deed.event is not None:
            self.confirmation_wanted.emit(deed.event)

    def _open_photo(self) -> None:
        deed = self.deed
        if deed is not None and deed.event is not None and deed.event.photo:
            self.photo_wanted.emit(deed.event.photo)

    # -------------------------------------------------------- cells

    def _when(self, deed: Deed) -> Cell:
        who = deed.edit.by if deed.edit is not None else deed.event.by if deed.event else ""
        return Cell(self._formats.moment(deed.at_ms), who)

    def _what(self, deed: Deed) -> Cell:
        if deed.edit is not None:
            told = deed.edit.parameters or words.METHODS[deed.edit.method]
            title = words.METHODS[deed.edit.method]
            second = words.span(self._formats, *deed.span)
            if told.casefold() != title.casefold():
                second = f"{second}: {told}"
            strike = deed.edit.undone_by is not None
            return Cell(title, second, icon="pencil-outline", strike=strike)
        assert deed.event is not None
        at = self._formats.full_moment(deed.event.at_ms)
        return Cell(words.event_title(deed.event), at, icon="meter-electric-outline")

    def _effect(self, deed: Deed) -> Cell:
        if deed.edit is not None:
            return Cell(
                words.edit_effect(self._formats, deed.edit),
                f"{self._formats.count(deed.edit.intervals)} intervals",
            )
        assert deed.event is not None
        event = deed.event
        if event.old_end_wh is None or event.new_start_wh is None:
            return Cell("")
        readings = (
            f"{words.kwh(self._formats, event.old_end_wh)}, "
            f"{words.kwh(self._formats, event.new_start_wh)}"
        )
        return Cell(readings, "old end, new start")

    def _why(self, deed: Deed) -> Cell:
        if deed.edit is not None:
            return Cell(deed.edit.reason)
        assert deed.event is not None
        more = [deed.event.note, f"photo {deed.event.photo}" if deed.event.photo else ""]
        serial = f"serial {deed.event.new_serial}" if deed.event.new_serial else ""
        return Cell("; ".join(m for m in more if m) or serial, serial if any(more) else "")

    def _state(self, deed: Deed) -> Cell:
        if deed.edit is None:
            assert deed.event is not None
            if deed.event.event_id in self._held:
                return Cell(chip=Chip("Held back", tone=2))
            return Cell(chip=Chip("In force"))
        if deed.edit.method is EditMethod.UNDO:
            return Cell(chip=Chip("Undoing"))
        if deed.edit.undone_by is not None:
            return Cell(chip=Chip("Undone"))
        return Cell(chip=Chip("In force"))
