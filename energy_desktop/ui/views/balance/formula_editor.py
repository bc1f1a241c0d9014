"""One formula: typed, checked with each letter, and drawn for the last whole day."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLineEdit

from energy_desktop.domain.site import Meter, Role, VirtualMeter
from energy_desktop.services.formulas import Formula, formula_text, parse_formula
from energy_desktop.services.virtual_meters import TermPreview, VirtualPreview
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.balance import drawing
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_WAIT_MS = 350  # after the last letter, before the day is drawn
_NOT_ID = re.compile(r"[^a-z0-9]+")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")


def id_of(name: str) -> str:
    """An id made of a name: `The rest!` becomes `the-rest`."""
    return _NOT_ID.sub("-", name.casefold()).strip("-")[:40]


class FormulaEditor(Panel):
    """One virtual meter. `saved` and `deleted` carry the wish; the page does it."""

    save_wanted = Signal(object, bool)  # the VirtualMeter, whether it is new
    delete_wanted = Signal(str)  # its id
    preview_wanted = Signal(object)  # the VirtualMeter as typed

    def __init__(self, formats: Formats) -> None:
        super().__init__("New virtual meter")
        self._formats = formats
        self._meters: tuple[Meter, ...] = ()
        self._taken: tuple[VirtualMeter, ...] = ()
        self._old: VirtualMeter | None = None
        self._id_typed = False
        self._formula = Formula(())
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(_WAIT_MS)
        self._wait.timeout.connect(self._ask_preview)
        self.set_content(self._fields())
        self.check = paint.label("", wrap=True)
        self.set_content(self.check)
        self.set_content(self._buttons())
        self.preview_title = paint.label("", "strong", wrap=True)
        self.set_content(self.preview_title)
        self.chart = Chart(formats, formats.scale("Wh"), name="The last whole day")
        self.body.addWidget(self.chart, 3)
        self.terms: Table[TermPreview] = Table(
            [
                Column("Meter", lambda t: Cell(t.meter.name), stretch=1),
                Column("Factor", lambda t: _factor(t.factor), width=76, number=True),
                Column(
                    "kWh", lambda t: formats.scale("Wh").text(t.energy_wh), width=96, number=True
                ),
                Column("Adds, kWh", self._adds, width=96, number=True),
                Column("Missing", lambda t: str(t.missing or ""), width=76, number=True),
            ],
            key=lambda t: t.meter.meter_id,
            name="The terms of the formula over the last whole day",
        )
        self.terms.setMinimumHeight(self.terms.content_height(2))
        self.body.addWidget(self.terms, 2)

    def _fields(self) -> QFormLayout:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        self.name = QLineEdit()
        self.name.setAccessibleName("Name")
        self.name.textChanged.connect(self._on_name)
        self.identity = QLineEdit()
        self.identity.setAccessibleName("Id")
        self.identity.textEdited.connect(self._on_identity)
        self.formula = QLineEdit()
        self.formula.setAccessibleName("Formula")
        self.formula.setPlaceholderText("main - 0.5 * hall")
        self.formula.textChanged.connect(lambda _: self._on_changed())
        self.insert = QComboBox()
        self.insert.setAccessibleName("Insert a meter into the formula")
        self.insert.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.insert.setMinimumContentsLength(18)
        self.insert.activated.connect(self._on_insert)
        self.note = QLineEdit()
        self.note.setAccessibleName("Note")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.formula, 1)
        row.addWidget(self.insert)
        form.addRow("Name", self.name)
        form.addRow("Id", self.identity)
        form.addRow("Formula", row)
        form.addRow("Note", self.note)
        return form

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.save_button = button("Save", self._save, icon="content-save-outline", kind="primary")
        self.delete_button = button("Delete", self._delete, icon="delete-outline")
        self.discard_button = button("Discard changes", self.discard, icon="undo")
        for one in (self.save_button, self.delete_button, self.discard_button):
            row.addWidget(one)
        row.addStretch(1)
        return row

    # -------------------------------------------------------- what is edited

    def show_site(self, meters: Sequence[Meter], taken: Sequence[VirtualMeter]) -> None:
        """What formulas can be made of, and which ids and names are given."""
        self._meters, self._taken = tuple(meters), tuple(taken)
        self.insert.clear()
        self.insert.addItem("Insert a meter")
        for meter in meters:
            self.insert.addItem(meter.name, meter.meter_id)
        self._on_changed()

    def edit(self, virtual: VirtualMeter | None) -> None:
        """An existing one, or None: a new one."""
        self._old = virtual
        self._id_typed = virtual is not None
        self.name.setText("" if virtual is None else virtual.name)
        self.identity.setText("" if virtual is None else virtual.virtual_id)
        self.identity.setReadOnly(virtual is not None)
        self.formula.setText("" if virtual is None else formula_text(virtual.terms))
        self.note.setText("" if virtual is None else virtual.note)
        self.set_title("New virtual meter" if virtual is None else virtual.name)
        self.delete_button.setVisible(virtual is not None)
        self._on_changed()

    def begin(self, name: str, terms: Sequence[tuple[str, float]], note: str = "") -> None:
        """A new one with a proposal in it."""
        self.edit(None)
        self.name.setText(name)
        self.formula.setText(formula_text(terms))
        self.note.setText(note)

    def discard(self) -> None:
        """As it was saved; of a new one nothing is left."""
        self.edit(self._old)

    @property
    def typed(self) -> VirtualMeter | None:
        """None while something keeps it from being one."""
        if self._problem():
            return None
        old = self._old
        return VirtualMeter(
            self.identity.text().strip(),
            self.name.text().strip(),
            self._formula.terms,
            role=Role.OTHER if old is None else old.role,
            note=self.note.text().strip(),
        )

    def _problem(self) -> str:
        """The first thing that keeps it from being saved, in words."""
        name, identity = self.name.text().strip(), self.identity.text().strip()
        if self._formula.problem is not None:
            return self._formula.problem.sentence
        if not name:
            return "Give it a name."
        others = [v for v in self._taken if self._old is None or v is not self._old]
        others = [v for v in others if self._old is None or v.virtual_id != self._old.virtual_id]
        if any(v.name.casefold() == name.casefold() for v in others):
            return f"Another one is called {name} already."
        if not _ID.fullmatch(identity):
            return "Give it an id of small letters, digits and dashes."
        if any(v.virtual_id == identity for v in others):
            return f"The id {identity} is taken."
        return ""

    def _on_name(self, name: str) -> None:
        if not self._id_typed:
            self.identity.setText(id_of(name))
        self._on_changed()

    def _on_identity(self, text: str) -> None:
        self._id_typed = bool(text)
        self._on_changed()

    def _on_insert(self, index: int) -> None:
        meter_id = self.insert.itemData(index)
        self.insert.setCurrentIndex(0)
        if not meter_id:
            return
        before = self.formula.text()[: self.formula.cursorPosition()].rstrip()
        after = self.formula.text()[self.formula.cursorPosition() :].lstrip()
        sign = "" if not before or before[-1] in "+-\u2212*\u00d7" else " +"
        text = f"{before}{sign} {meter_id}".strip()
        self.formula.setText(f"{text} {after}".rstrip())
        self.formula.setCursorPosition(len(text))
        self.formula.setFocus()

    def _on_changed(self) -> None:
        self._formula = parse_formula(self.formula.text(), self._meters, self._taken)
        problem = self._problem()
        begun = bool(self.formula.text().strip() or self.name.text().strip())
        found = self._formula.problem
        if found is not None and begun and found.end > found.start:
            problem = f"{problem} (character {found.start + 1})"
        names = {m.meter_id: m.name for m in self._meters}
        if problem:
            self.check.setText(problem if begun else "Type a formula over meters of the site.")
        else:
            self.check.setText(f"= {by_names(self._formula.terms, names)}")
        changed = self._is_changed()
        self.save_button.setEnabled(not problem and changed)
        self.save_button.setToolTip(paint.plain_tooltip(problem))
        self.discard_button.setEnabled(changed and begun)
        if found is None and self._formula.terms:
            self._wait.start()
        else:
            self._wait.stop()
            self.show_no_preview("")

    def _is_changed(self) -> bool:
        old = self._old
        if old is None:
            return bool(self.formula.text().strip() or self.name.text().strip())
        return (self.name.text().strip(), self._formula.terms, self.note.text().strip()) != (
            old.name,
            old.terms,
            old.note,
        )

    # -------------------------------------------------------- the last day

    def rest(self) -> None:
        """The page is hidden: nothing is drawn that nobody sees."""
        self._wait.stop()

    def wake(self) -> None:
        """The page is seen again: what was typed last is drawn."""
        if self._formula.problem is None and self._formula.terms:
            self._wait.start()

    def _ask_preview(self) -> None:
        terms = self._formula.terms
        if self._formula.problem is None and terms:
            name = self.name.text().strip() or "New virtual meter"
            self.preview_wanted.emit(VirtualMeter("preview", name, terms))

    def show_preview(self, preview: VirtualPreview) -> None:
        """What the formula would have counted on the last whole day."""
        formats = self._formats
        day = formats.day(preview.start_ms)
        if preview.energy_wh is None:
            many = "interval is" if preview.missing == 1 else "intervals are"
            said = f"{day}: {preview.missing} {many} not known of all meters, so there is no sum."
        else:
            said = f"{day}: {formats.scale('Wh').with_unit(preview.energy_wh)}."
        if preview.negative:
            many = "interval is" if preview.negative == 1 else "intervals are"
            said += f" {preview.negative} {many} below zero."
        data, scale = drawing.preview(preview, formats)
        drawn = f"Drawn: {scale.unit} in each {preview.intervals.step_s // 60} min."
        self.preview_title.setText(said if data.is_empty else f"{said} {drawn}")
        self.terms.show_rows(preview.terms)
        if data.is_empty:
            self.chart.show_message("Nothing is known of that day.")
        else:
            self.chart.show_data(data, scale=scale)
            self.chart.reset_zoom()

    def show_no_preview(self, why: str) -> None:
        self.preview_title.setText(why)
        self.terms.show_rows(())
        self.chart.show_message(why or "The last whole day is drawn here.")

    def _adds(self, term: TermPreview) -> str:
        energy = None if term.energy_wh is None else term.factor * term.energy_wh
        return self._formats.scale("Wh").text(energy)

    def _save(self) -> None:
        virtual = self.typed
        if virtual is not None:
            self.save_wanted.emit(virtual, self._old is None)

    def _delete(self) -> None:
        if self._old is not None:
            self.delete_wanted.emit(self._old.virtual_id)


def _factor(factor: float) -> str:
    return f"{factor:g}".replace("-", "\u2212")


def by_names(terms: Sequence[tuple[str, float]], names: dict[str, str]) -> str:
    return formula_text((names.get(m, m), f) for m, f in terms)
