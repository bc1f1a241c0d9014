"""Adds or changes a meter: where it is, what it is, what it says, then save.

Nothing here waits: the trial read and saving run as jobs, and a mistake is told beside the entry
that it is about. A meter that does not answer may be saved all the same, since meters are often
entered before they are wired.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.link_kinds import MBUS, MODBUS
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.site import Link, Meter, Role
from energy_desktop.services.meters import MeterService
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import ViewContext
from energy_desktop.ui.views.desk.form import Form, number, whole
from energy_desktop.ui.views.desk.link_fields import LinkFields, drivers_for
from energy_desktop.ui.views.desk.naming import free, slug
from energy_desktop.ui.views.desk.ports import LinkPasswords
from energy_desktop.ui.views.desk.trial import TrialPanel
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import InlineNotice, button

_ROLES = (
    (Role.LOAD, "A load"),
    (Role.GRID, "The grid connection"),
    (Role.SOLAR, "PV"),
    (Role.BATTERY, "The battery"),
    (Role.OTHER, "Something else"),
)
_EQUIPMENT = (
    "lighting",
    "hvac",
    "compressor",
    "ev_charger",
    "machine",
    "kitchen",
    "server",
    "lift",
)
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")


class MeterDialog(QDialog):
    """`saved` tells the meter id once the store has it."""

    saved = Signal(str)

    def __init__(
        self,
        parent: QWidget | None,
        context: ViewContext,
        meters: MeterService,
        configuration: Configuration,
        drivers: tuple[DriverInfo, ...],
        meter: Meter | None = None,
        *,
        ports: Sequence[str] = (),
        passwords: LinkPasswords | None = None,
    ) -> None:
        """meter: the one to change; None adds one. passwords None: none can be kept here."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("Add a meter" if meter is None else f"Change {meter.name}")
        self.resize(900, 640)
        self._context = context
        self._meters = meters
        self._configuration = configuration
        self._drivers = {d.driver_id: d for d in drivers}
        self._meter = meter
        self._passwords = passwords
        self._password_explained = False
        self._id_typed = meter is not None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        columns = QHBoxLayout()
        columns.setSpacing(24)
        self.form = Form()
        self._make_link_fields(ports)
        self._make_meter_fields()
        columns.addWidget(self.form, 5)
        columns.addLayout(self._trial_column(), 4)
        outer.addLayout(columns, 1)
        self.notice = InlineNotice("", "", tone=2)
        self.notice.hide()
        outer.addWidget(self.notice)
        outer.addLayout(self._buttons())
        self._fill(meter)
        self._on_link_chosen()
        if meter is not None:
            self._choose_driver(meter.driver_id)
        self._on_driver()
        self.name.setFocus()

    # -------------------------------------------------------- fields

    def _make_link_fields(self, ports: Sequence[str]) -> None:
        self.link = QComboBox()
        self.link.addItem("A new link", "")
        for link in self._configuration.links:
            self.link.addItem(f"{link.link_id}: {link.address}", link.link_id)
        self.link.currentIndexChanged.connect(lambda _: self._on_link_chosen())
        self.form.add("link", "Link", self.link)
        self.fields = LinkFields(self.form, [k.link_id for k in self._configuration.links], ports)
        self.fields.changed.connect(self._on_link)
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.form.add("password", "Password", self.password)
        self.shared = paint.label("", "caption", wrap=True)
        self.form.add_note("shared", self.shared)

    def _make_meter_fields(self) -> None:
        self.driver = QComboBox()
        self.driver.setEditable(True)
        self.driver.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        line = self.driver.lineEdit()
        if line is not None:
            line.setPlaceholderText("Type a maker or model")
        self.driver.currentIndexChanged.connect(lambda _: self._on_driver())
        self.form.add("driver", "Model", self.driver)
        self.unit = whole(0, 255, 1)
        self.form.add("unit", "Unit id", self.unit)
        self.address = QLineEdit()
        self.form.add("address", "Which meter", self.address)
        self.name = QLineEdit()
        self.name.textEdited.connect(self._propose_id)
        self.form.add("name", "Name", self.name)
        self.meter_id = QLineEdit()
        self.meter_id.textEdited.connect(lambda _: setattr(self, "_id_typed", True))
        self.form.add("id", "Id", self.meter_id)
        self.role = QComboBox()
        for role, text in _ROLES:
            self.role.addItem(text, role.value)
        self.form.add("role", "It measures", self.role)
        self.space = QComboBox()
        self.space.addItem("no place", "")
        for space in self._configuration.spaces:
            self.space.addItem(space.name, space.space_id)
        self.form.add("space", "Place", self.space)
        self.equipment = QComboBox()
        self.equipment.setEditable(True)
        known = {m.equipment for m in self._configuration.meters if m.equipment}
        self.equipment.addItem("")
        self.equipment.addItems(sorted({*_EQUIPMENT, *known}))
        self.form.add("equipment", "It feeds", self.equipment)
        self.serial = QLineEdit()
        self.form.add("serial", "Serial number", self.serial)
        self.interval = number(0.2, 3600.0, 1.0, " s")
        self.form.add("interval", "Poll every", self.interval)
        self.ct = number(0.001, 100_000.0, 1.0, "")
        self.form.add("ct", "CT ratio", self.ct)
        self.vt = number(0.001, 100_000.0, 1.0, "")
        self.form.add("vt", "VT ratio", self.vt)
        self.invert = QComboBox()
        self.invert.addItem("as read", False)
        self.invert.addItem("turned round", True)
        self.form.add("invert", "Sign", self.invert)
        self.mid = QComboBox()
        self.mid.addItem("not marked as approved", False)
        self.mid.addItem("approved", True)
        self.form.add("mid", "MID", self.mid)

    def _trial_column(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        self.driver_text = paint.label("", wrap=True)
        self.doubts_text = paint.label("", "label", wrap=True)
        column.addWidget(self.driver_text)
        column.addWidget(self.doubts_text)
        self.trial = TrialPanel(self._context.formats, self.test_read)
        column.addWidget(self.trial, 1)
        return column

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(button("Leave without saving", self.reject))
        self.save_button = button("Save meter", self.save, kind="primary")
        self.save_button.setDefault(True)
        row.addWidget(self.save_button)
        return row

    def _fill(self, meter: Meter | None) -> None:
        if meter is None:
            if self._configuration.links:
                self.link.setCurrentIndex(1)
            return
        self.link.setCurrentIndex(max(0, self.link.findData(meter.link_id)))
        self.unit.setValue(meter.unit_id)
        self.address.setText(meter.address)
        self.name.setText(meter.name)
        self.meter_id.setText(meter.meter_id)
        self.meter_id.setReadOnly(True)
        self.role.setCurrentIndex(self.role.findData(meter.role.value))
        self.space.setCurrentIndex(max(0, self.space.findData(meter.space_id or "")))
        self.interval.setValue(meter.poll_interval_s)
        self.ct.setValue(meter.ct_ratio)
        self.vt.setValue(meter.vt_ratio)
        self.mid.setCurrentIndex(int(meter.mid_approved))
        self.invert.setCurrentIndex(int(meter.invert))
        self.equipment.setCurrentText(meter.equipment)
        self.serial.setText(meter.serial_number)

    def take_hit(self, link: Link, unit_id: int, driver_id: str) -> None:
        """A unit that a scan found: its line, unit and best driver are filled in."""
        known = self.link.findData(link.link_id)
        self.link.setCurrentIndex(max(0, known))
        if known < 0:
            self.fields.show_link(link)
            self.form.show_row("kind", True)
            self._on_link()
        self.unit.setValue(unit_id)
        self._choose_driver(driver_id)
        if (
            known < 0 and link.is_serial
        ):  # it answered with these settings, whatever the driver says
            self.fields.set_line(link.baud_rate, link.parity, link.stop_bits)

    # -------------------------------------------------------- following

    def _on_link_chosen(self) -> None:
        """Shows the settings of the link that was chosen; they may be changed for all on it."""
        existing = self._existing_link()
        self.fields.show_link(existing)
        self._on_link()
        if existing is None:
            self._on_driver()

    def _on_link(self) -> None:
        existing, info = self._existing_link(), self.fields.info
        self._offer_drivers()
        self.form.show_row("unit", info.uses_unit)
        self.form.rename("unit", "Primary address" if info.protocol == MBUS else "Unit id")
        self.form.show_row("address", info.uses_address)
        self.form.rename("address", "Which meter", info.address_help)
        self.form.rename("interval", "Expected every" if info.listens else "Poll every")
        self.form.show_row("password", info.has_password)
        if info.has_password:
            self._explain_password()
        others = [
            m
            for m in self._configuration.meters
            if existing is not None
            and m.link_id == existing.link_id
            and (self._meter is None or m.meter_id != self._meter.meter_id)
        ]
        shared = f"{len(others)} other meters share it" if len(others) > 1 else "Shared with "
        if len(others) == 1:
            shared += others[0].name
        self.shared.setText(f"{shared}: a change of the link counts for all.")
        self.form.show_row("shared", bool(others))

    def _explain_password(self) -> None:
        """Where it is kept is asked once, in a job: a key store may wait for its owner."""
        passwords = self._passwords
        self.password.setEnabled(passwords is not None)
        if passwords is None:
            self.form.rename("password", "Password", "It cannot be kept in this program.")
        elif not self._password_explained:
            self._password_explained = True
            self._context.jobs.start(
                lambda: passwords.where,
                self._show_place,
                lambda error: self._show_place(str(error)),
                title="Key store",
                guard=self,
            )

    def _show_place(self, where: str) -> None:
        self.form.rename("password", "Password", f"{where} Left empty, the one there is stays.")

    def _offer_drivers(self) -> None:
        """Only what the link can carry; the choice stays while it still fits."""
        fitting = drivers_for(self.fields.info, tuple(self._drivers.values()))
        wanted = [d.driver_id for d in fitting]
        if wanted == [self.driver.itemData(i) for i in range(self.driver.count())]:
            return
        before = self._driver_id()
        self.driver.blockSignals(True)
        self.driver.clear()
        for info in fitting:
            models = ", ".join(info.models)
            self.driver.addItem(f"{info.manufacturer} {models}".strip(), info.driver_id)
        self.driver.setCurrentIndex(-1)
        self.driver.blockSignals(False)
        completer = QCompleter(self.driver.model(), self.driver)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.driver.setCompleter(completer)
        modbus = self.fields.info.protocol == MODBUS  # a model is said there, never guessed
        only = wanted[0] if len(wanted) == 1 and not modbus else ""
        self._choose_driver(before if before in wanted else only)
        self._on_driver()

    def _choose_driver(self, driver_id: str) -> None:
        self.driver.setCurrentIndex(self.driver.findData(driver_id) if driver_id else -1)
        line = self.driver.lineEdit()
        if line is not None:
            line.setCursorPosition(0)  # of a long name the beginning is what tells

    def _existing_link(self) -> Link | None:
        return self._configuration.link(self.link.currentData() or "")

    def _on_driver(self) -> None:
        info = self._drivers.get(self._driver_id())
        if info is None:
            self.driver_text.setText("Choose the model of the meter: it says what can be read.")
            self.doubts_text.setText("")
            return
        labels = [quantity(name).label for name in info.quantities]
        more = "" if len(labels) <= 8 else f" and {len(labels) - 8} more"
        own = " Own driver of this site." if info.own else ""
        if labels:
            yields = f"Yields {len(labels)} quantities: {', '.join(labels[:8])}{more}.{own}"
        else:
            yields = f"What it yields is found out from the device itself.{own}"
        self.driver_text.setText(yields)
        doubts = words.readable("; ".join(d.rstrip(".") for d in info.doubts[:3]))
        self.doubts_text.setText(f"In doubt: {doubts}." if doubts else "Nothing in doubt.")
        if self._meter is None:
            # Only a new link takes the driver's serial settings: others may be on an old one.
            self.mid.setCurrentIndex(int(info.mid_marked))
            if self._existing_link() is None and self.fields.info.protocol == MODBUS:
                self.fields.set_line(info.baud_rate, info.parity, info.stop_bits)

    def _driver_id(self) -> str:
        """The model that the field names in full; what is half typed is none."""
        index = self.driver.currentIndex()
        if index < 0 or self.driver.currentText() != self.driver.itemText(index):
            return ""
        return str(self.driver.itemData(index))

    def _propose_id(self, name: str) -> None:
        if not self._id_typed:
            taken = {m.meter_id for m in self._configuration.meters}
            self.meter_id.setText(free(slug(name), taken) if slug(name) else "")

    # -------------------------------------------------------- what was entered

    def chosen_link(self) -> Link:
        """The link as entered; an existing one keeps its id."""
        return self.fields.link(self._existing_link())

    def chosen_meter(self) -> Meter:
        """The meter as entered, with what the dialog does not show kept."""
        base = self._meter or Meter("", "")
        info = self.fields.info
        return replace(
            base,
            meter_id=self.meter_id.text().strip(),
            name=self.name.text().strip(),
            driver_id=self._driver_id(),
            link_id=self.chosen_link().link_id,
            unit_id=self.unit.value() if info.uses_unit else base.unit_id,
            address=self._address(),
            poll_interval_s=self.interval.value(),
            role=Role(self.role.currentData()),
            space_id=self.space.currentData() or None,
            ct_ratio=self.ct.value(),
            vt_ratio=self.vt.value(),
            mid_approved=bool(self.mid.currentData()),
            invert=bool(self.invert.currentData()),
            equipment=self.equipment.currentText().strip(),
            serial_number=self.serial.text().strip(),
        )

    def _address(self) -> str:
        return self.address.text().strip() if self.fields.info.uses_address else ""

    def mistakes(self, *, for_test: bool = False) -> dict[str, str]:
        """What is missing or wrong, by field."""
        found = self.fields.mistakes()
        info = self.fields.info
        if info.uses_unit and info.protocol == MODBUS:
            if self.fields.is_serial and not 1 <= self.unit.value() <= 247:
                found["unit"] = "On a serial bus the unit id is 1 to 247."
        elif info.uses_unit and self.unit.value() > 250 and not self._address():
            found["unit"] = "A primary address is 0 to 250."
        if not self._driver_id():
            found["driver"] = "Choose a model from the list."
        if for_test:
            return found
        neighbour = self._same_place()
        if neighbour is not None and info.uses_unit and not self._address():
            found["unit"] = f"{neighbour.name} has this unit id on the same link."
        elif neighbour is not None:
            found["address"] = f"{neighbour.name} is this meter of the same link already."
        if not self.name.text().strip():
            found["name"] = "Give it a name."
        meter_id = self.meter_id.text().strip()
        if not meter_id:
            found["id"] = "Give it an id."
        elif self._meter is None and not _ID.match(meter_id):
            found["id"] = "Letters, digits and - _ . : only, a letter or digit first."
        elif self._meter is None and self._configuration.meter(meter_id) is not None:
            found["id"] = f"{meter_id} is taken by another meter."
        return found

    def _same_place(self) -> Meter | None:
        """Another meter that would be read at the same unit or address of the link."""
        link_id = self.link.currentData()
        own = "" if self._meter is None else self._meter.meter_id
        by_unit = self.fields.info.uses_unit
        here = (self._address(), self.unit.value() if by_unit and not self._address() else 0)
        for other in self._configuration.meters:
            on_link = other.link_id == link_id and other.enabled and bool(link_id)
            there = (other.address, other.unit_id if by_unit and not other.address else 0)
            if on_link and there == here and other.meter_id != own:
                return other
        return None

    # -------------------------------------------------------- test and save

    def test_read(self) -> None:
        found = self.mistakes(for_test=True)
        self.form.tell(found)
        if found:
            return
        self.notice.hide()
        self.trial.begin()
        link, driver_id = self.chosen_link(), self._driver_id()
        unit_id, address = self.unit.value(), self._address()
        self._context.jobs.start(
            lambda: self._meters.test(link, driver_id, unit_id, address),
            self.trial.show_reading,
            self.show_test_failure,
            title="Test read",
            guard=self,
        )

    def show_test_failure(self, error: UserFacingError) -> None:
        self.trial.show_failure()
        self._complain(error)

    def save(self) -> None:
        found = self.mistakes()
        self.form.tell(found)
        if found:
            return
        self.save_button.setEnabled(False)
        self._context.jobs.start(
            partial(self._store, self.chosen_meter(), self.chosen_link(), self.password.text()),
            self._on_saved,
            self._on_save_failed,
            title="Save meter",
            guard=self,
        )

    def _store(self, meter: Meter, link: Link, password: str) -> str:
        """In a job: the password first, so that the link is not asked without it."""
        if password and self._passwords is not None:
            self._passwords.set(link.link_id, password)
        self._meters.save(meter, link)
        return meter.meter_id

    def _on_saved(self, meter_id: str) -> None:
        self.saved.emit(meter_id)
        self.accept()

    def _on_save_failed(self, error: UserFacingError) -> None:
        self.save_button.setEnabled(True)
        self._complain(error)

    def _complain(self, error: UserFacingError) -> None:
        self.notice.set_text(error.what, f"{error.where}. {error.remedy}")
        self.notice.show()
