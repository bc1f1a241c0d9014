"""The fields of a meter itself: what it is called, what it measures, how it is told apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.intervals import interval_problem
from energy_desktop.domain.link_kinds import MBUS, MODBUS, LinkKindInfo
from energy_desktop.domain.site import INTERVALS_MIN, Meter, Role
from energy_desktop.ui.views.desk.form import Form, number, whole
from energy_desktop.ui.views.desk.link_fields import drivers_for
from energy_desktop.ui.views.desk.naming import free, slug

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


class MeterFields(QObject):
    """Adds its rows to a form; `driver_changed` when another model was chosen."""

    driver_changed = Signal()

    def __init__(
        self,
        form: Form,
        configuration: Configuration,
        drivers: Sequence[DriverInfo],
        meter: Meter | None,
    ) -> None:
        """meter: the one to change; None adds one."""
        super().__init__(form)
        self._form = form
        self._configuration = configuration
        self._drivers = tuple(drivers)
        self._meter = meter
        self._id_typed = meter is not None
        self.driver = QComboBox()
        self.driver.setEditable(True)
        self.driver.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        line = self.driver.lineEdit()
        if line is not None:
            line.setPlaceholderText("Type a maker or model")
        self.driver.currentIndexChanged.connect(lambda _: self.driver_changed.emit())
        form.add("driver", "Model", self.driver)
        self.unit = whole(0, 255, 1)
        form.add("unit", "Unit id", self.unit)
        self.address = QLineEdit()
        form.add("address", "Which meter", self.address)
        self.name = QLineEdit()
        self.name.textEdited.connect(self._propose_id)
        form.add("name", "Name", self.name)
        self.meter_id = QLineEdit()
        self.meter_id.textEdited.connect(lambda _: setattr(self, "_id_typed", True))
        form.add("id", "Id", self.meter_id)
        self.role = QComboBox()
        for role, text in _ROLES:
            self.role.addItem(text, role.value)
        form.add("role", "It measures", self.role)
        self.space = QComboBox()
        self.space.addItem("no place", "")
        for space in configuration.spaces:
            self.space.addItem(space.name, space.space_id)
        form.add("space", "Place", self.space)
        self.equipment = QComboBox()
        self.equipment.setEditable(True)
        known = {m.equipment for m in configuration.meters if m.equipment}
        self.equipment.addItem("")
        self.equipment.addItems(sorted({*_EQUIPMENT, *known}))
        form.add("equipment", "It feeds", self.equipment)
        self.serial = QLineEdit()
        form.add("serial", "Serial number", self.serial)
        self.interval = number(0.2, 3600.0, 1.0, " s")
        form.add("interval", "Poll every", self.interval)
        self.booked = QComboBox()
        for minutes in INTERVALS_MIN:
            self.booked.addItem(f"{minutes} min", minutes)
        self.booked.setCurrentIndex(INTERVALS_MIN.index(15))
        form.add("booked", "Booked in", self.booked)
        self.ct = number(0.001, 100_000.0, 1.0, "")
        form.add("ct", "CT ratio", self.ct)
        self.vt = number(0.001, 100_000.0, 1.0, "")
        form.add("vt", "VT ratio", self.vt)
        self.modulus = QLineEdit()
        self.modulus.setPlaceholderText("as the driver says")
        form.add("modulus", "Counts to, kWh", self.modulus)
        self.invert = QComboBox()
        self.invert.addItem("as read", False)
        self.invert.addItem("turned round", True)
        form.add("invert", "Sign", self.invert)
        self.mid = QComboBox()
        self.mid.addItem("not marked as approved", False)
        self.mid.addItem("approved", True)
        form.add("mid", "MID", self.mid)
        if meter is not None:
            self._fill(meter)

    def _fill(self, meter: Meter) -> None:
        self.unit.setValue(meter.unit_id)
        self.address.setText(meter.address)
        self.name.setText(meter.name)
        self.meter_id.setText(meter.meter_id)
        self.meter_id.setReadOnly(True)
        self.role.setCurrentIndex(self.role.findData(meter.role.value))
        self.space.setCurrentIndex(max(0, self.space.findData(meter.space_id or "")))
        self.interval.setValue(meter.poll_interval_s)
        self.booked.setCurrentIndex(self.booked.findData(meter.interval_min))
        self.ct.setValue(meter.ct_ratio)
        self.vt.setValue(meter.vt_ratio)
        if meter.counter_modulus_wh is not None:
            self.modulus.setText(f"{Decimal(meter.counter_modulus_wh) / 1000:f}")
        self.mid.setCurrentIndex(int(meter.mid_approved))
        self.invert.setCurrentIndex(int(meter.invert))
        self.equipment.setCurrentText(meter.equipment)
        self.serial.setText(meter.serial_number)

    # -------------------------------------------------------- following

    def follow(self, info: LinkKindInfo) -> None:
        """What a meter on such a link has: a unit, an address, a driver that fits."""
        self._form.show_row("unit", info.uses_unit)
        self._form.rename("unit", "Primary address" if info.protocol == MBUS else "Unit id")
        self._form.show_row("address", info.uses_address)
        self._form.rename("address", "Which meter", info.address_help)
        self._form.rename("interval", "Expected every" if info.listens else "Poll every")
        self._offer_drivers(info)

    def _offer_drivers(self, info: LinkKindInfo) -> None:
        """Only what the link can carry; the choice stays while it still fits."""
        fitting = drivers_for(info, self._drivers)
        wanted = [d.driver_id for d in fitting]
        if wanted == [self.driver.itemData(i) for i in range(self.driver.count())]:
            return
        before = self.driver_id()
        self.driver.blockSignals(True)
        self.driver.clear()
        for one in fitting:
            models = ", ".join(one.models)
            self.driver.addItem(f"{one.manufacturer} {models}".strip(), one.driver_id)
        self.driver.setCurrentIndex(-1)
        self.driver.blockSignals(False)
        completer = QCompleter(self.driver.model(), self.driver)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.driver.setCompleter(completer)
        modbus = info.protocol == MODBUS  # a model is said there, never guessed
        only = wanted[0] if len(wanted) == 1 and not modbus else ""
        self.choose_driver(before if before in wanted else only)
        self.driver_changed.emit()

    def choose_driver(self, driver_id: str) -> None:
        self.driver.setCurrentIndex(self.driver.findData(driver_id) if driver_id else -1)
        line = self.driver.lineEdit()
        if line is not None:
            line.setCursorPosition(0)  # of a long name the beginning is what tells

    def driver_id(self) -> str:
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

    def meter(self, info: LinkKindInfo, link_id: str) -> Meter:
        """The meter as entered, with what the form does not show kept."""
        base = self._meter or Meter("", "")
        return replace(
            base,
            meter_id=self.meter_id.text().strip(),
            name=self.name.text().strip(),
            driver_id=self.driver_id(),
            link_id=link_id,
            unit_id=self.unit.value() if info.uses_unit else base.unit_id,
            address=self.address_on(info),
            poll_interval_s=self.interval.value(),
            interval_min=int(self.booked.currentData()),
            role=Role(self.role.currentData()),
            space_id=self.space.currentData() or None,
            ct_ratio=self.ct.value(),
            vt_ratio=self.vt.value(),
            counter_modulus_wh=self._modulus_wh(),
            mid_approved=bool(self.mid.currentData()),
            invert=bool(self.invert.currentData()),
            equipment=self.equipment.currentText().strip(),
            serial_number=self.serial.text().strip(),
        )

    def address_on(self, info: LinkKindInfo) -> str:
        return self.address.text().strip() if info.uses_address else ""

    # -------------------------------------------------------- what is wrong

    def wrong_place(self, info: LinkKindInfo, is_serial: bool) -> dict[str, str]:
        """Why it cannot even be tried, by field."""
        found: dict[str, str] = {}
        if info.uses_unit and info.protocol == MODBUS:
            if is_serial and not 1 <= self.unit.value() <= 247:
                found["unit"] = "On a serial bus the unit id is 1 to 247."
        elif info.uses_unit and self.unit.value() > 250 and not self.address_on(info):
            found["unit"] = "A primary address is 0 to 250."
        if not self.driver_id():
            found["driver"] = "Choose a model from the list."
        return found

    def mistakes(self, info: LinkKindInfo, link_id: str) -> dict[str, str]:
        """Why it cannot be saved, by field. link_id: of the link that was chosen, if one was."""
        found: dict[str, str] = {}
        neighbour = self._same_place(info, link_id)
        if neighbour is not None and info.uses_unit and not self.address_on(info):
            found["unit"] = f"{neighbour.name} has this unit id on the same link."
        elif neighbour is not None:
            found["address"] = f"{neighbour.name} is this meter of the same link already."
        if not self.name.text().strip():
            found["name"] = "Give it a name."
        try:
            self._modulus_wh()
        except ValueError:
            found["modulus"] = "Write the reading at which it begins again, as 1000000; or nothing."
        wrong = self._wrong_length()
        if wrong:
            found["booked"] = wrong
        meter_id = self.meter_id.text().strip()
        if not meter_id:
            found["id"] = "Give it an id."
        elif self._meter is None and not _ID.match(meter_id):
            found["id"] = "Letters, digits and - _ . : only, a letter or digit first."
        elif self._meter is None and self._configuration.meter(meter_id) is not None:
            found["id"] = f"{meter_id} is taken by another meter."
        return found

    def _modulus_wh(self) -> int | None:
        """What its register counts to; None: as the driver says. Raises ValueError."""
        text = self.modulus.text().strip().replace(",", ".")
        if not text:
            return None
        try:
            wh = Decimal(text) * 1000
        except InvalidOperation:
            raise ValueError(text) from None
        if not wh.is_finite() or wh < 1 or wh != wh.to_integral_value():
            raise ValueError(text)
        return int(wh)

    def _wrong_length(self) -> str:
        """Why the meter cannot be booked in such intervals; empty: it can."""
        length, poll_s = int(self.booked.currentData()), self.interval.value()
        wrong = interval_problem(
            Meter("", "", poll_interval_s=poll_s, interval_min=length),
            ZoneInfo(self._configuration.site.zone),
        )
        return wrong[:1].upper() + wrong[1:]

    def _same_place(self, info: LinkKindInfo, link_id: str) -> Meter | None:
        """Another meter that would be read at the same unit or address of the link."""
        own = "" if self._meter is None else self._meter.meter_id
        address = self.address_on(info)
        here = (address, self.unit.value() if info.uses_unit and not address else 0)
        for other in self._configuration.meters:
            on_link = other.link_id == link_id and other.enabled and bool(link_id)
            unit = other.unit_id if info.uses_unit and not other.address else 0
            if on_link and (other.address, unit) == here and other.meter_id != own:
                return other
        return None
