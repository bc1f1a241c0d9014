"""Adds or changes a meter: where it is, what it is, what it says, then save.

Nothing here waits: the trial read and saving run as jobs, and a mistake is told beside the entry
that it is about. A meter that does not answer may be saved all the same, since meters are often
entered before they are wired.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo, TestReading
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.site import Link, LinkKind, Meter, Role
from energy_desktop.services.meters import MeterService
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import ViewContext
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import InlineNotice, button
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Column, Table

_ROLES = (
    (Role.LOAD, "A load"),
    (Role.GRID, "The grid connection"),
    (Role.SOLAR, "PV"),
    (Role.BATTERY, "The battery"),
    (Role.OTHER, "Something else"),
)
_BAUD_RATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
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
_FIRST_READINGS = (
    "power_w",
    "voltage_v",
    "voltage_l1_v",
    "current_a",
    "current_l1_a",
    "frequency_hz",
    "power_factor",
    "energy_import_wh",
)
ValueRow = tuple[str, str]


class MeterDialog(QDialog):
    """`saved` tells the meter id once the store has it."""

    saved = Signal(str)

    def __init__(
        self,
        parent: QWidget,
        context: ViewContext,
        meters: MeterService,
        configuration: Configuration,
        drivers: tuple[DriverInfo, ...],
        meter: Meter | None = None,
    ) -> None:
        """meter: the one to change; None adds one."""
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
        self._id_typed = meter is not None
        self._errors: dict[str, QLabel] = {}
        self._holders: dict[str, QWidget] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        columns = QHBoxLayout()
        columns.setSpacing(24)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        holder = QWidget()
        self._form = QFormLayout(holder)
        self._form.setVerticalSpacing(6)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(holder)
        self._scroll = scroll
        self._make_link_fields()
        self._make_meter_fields()
        columns.addWidget(scroll, 5)
        columns.addLayout(self._trial_column(), 4)
        outer.addLayout(columns, 1)
        self.notice = InlineNotice("", "", tone=2)
        self.notice.hide()
        outer.addWidget(self.notice)
        outer.addLayout(self._buttons())
        self._fill(meter)
        self._on_link_chosen()
        self._on_driver()
        self.name.setFocus()

    # -------------------------------------------------------- fields

    def _row(self, key: str, text: str, field: QWidget) -> None:
        caption = paint.label(text, "label")
        if isinstance(field, QComboBox):  # a long model name must not widen the form
            field.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            field.setMinimumContentsLength(16)
        caption.setBuddy(field)
        field.setAccessibleName(text)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(field)
        wrong = paint.label("", "strong", wrap=True)
        wrong.hide()
        column.addWidget(wrong)
        self._form.addRow(caption, holder)
        self._holders[key] = holder
        self._errors[key] = wrong

    def _make_link_fields(self) -> None:
        self.link = QComboBox()
        self.link.addItem("A new link", "")
        for link in self._configuration.links:
            self.link.addItem(f"{link.link_id}: {link.address}", link.link_id)
        self.link.currentIndexChanged.connect(lambda _: self._on_link_chosen())
        self._row("link", "Link", self.link)
        self.kind = Segmented(
            (("modbus_tcp", "Modbus TCP"), ("modbus_rtu", "Modbus RTU")), name="Kind of link"
        )
        self.kind.changed.connect(lambda _: self._on_link())
        self._row("kind", "Kind", self.kind)
        self.host = QLineEdit()
        self.host.setPlaceholderText("192.168.1.20 or a name")
        self._row("host", "Address", self.host)
        self.port = _whole(1, 65535, 502)
        self._row("port", "Port", self.port)
        self.device = QLineEdit()
        self.device.setPlaceholderText("/dev/ttyUSB0 or COM4")
        self._row("device", "Serial port", self.device)
        self.baud = QComboBox()
        for rate in _BAUD_RATES:
            self.baud.addItem(str(rate), rate)
        self._row("baud", "Baud", self.baud)
        self.parity = QComboBox()
        for letter, word in (("N", "none"), ("E", "even"), ("O", "odd")):
            self.parity.addItem(word, letter)
        self._row("parity", "Parity", self.parity)
        self.stop_bits = QComboBox()
        for bits in (1, 2):
            self.stop_bits.addItem(str(bits), bits)
        self._row("stop_bits", "Stop bits", self.stop_bits)
        self.timeout = _number(0.1, 30.0, 1.0, " s")
        self._row("timeout", "Timeout", self.timeout)
        self.shared = paint.label("", "caption", wrap=True)
        self._form.addRow("", self.shared)

    def _make_meter_fields(self) -> None:
        self.driver = QComboBox()
        self.driver.setEditable(True)
        self.driver.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        for info in self._drivers.values():
            models = ", ".join(info.models)
            self.driver.addItem(f"{info.manufacturer} {models}", info.driver_id)
        self.driver.setCurrentIndex(-1)
        self.driver.setMinimumContentsLength(12)
        line = self.driver.lineEdit()
        if line is not None:
            line.setPlaceholderText("Type a maker or model")
        completer = QCompleter(self.driver.model(), self.driver)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.driver.setCompleter(completer)
        self.driver.currentIndexChanged.connect(lambda _: self._on_driver())
        self._row("driver", "Model", self.driver)
        self.unit = _whole(1, 255, 1)
        self._row("unit", "Unit id", self.unit)
        self.name = QLineEdit()
        self.name.textEdited.connect(self._propose_id)
        self._row("name", "Name", self.name)
        self.meter_id = QLineEdit()
        self.meter_id.textEdited.connect(lambda _: setattr(self, "_id_typed", True))
        self._row("id", "Id", self.meter_id)
        self.role = QComboBox()
        for role, text in _ROLES:
            self.role.addItem(text, role.value)
        self._row("role", "It measures", self.role)
        self.space = QComboBox()
        self.space.addItem("no place", "")
        for space in self._configuration.spaces:
            self.space.addItem(space.name, space.space_id)
        self._row("space", "Place", self.space)
        self.equipment = QComboBox()
        self.equipment.setEditable(True)
        known = {m.equipment for m in self._configuration.meters if m.equipment}
        self.equipment.addItem("")
        self.equipment.addItems(sorted({*_EQUIPMENT, *known}))
        self._row("equipment", "It feeds", self.equipment)
        self.serial = QLineEdit()
        self._row("serial", "Serial number", self.serial)
        self.interval = _number(0.2, 3600.0, 1.0, " s")
        self._row("interval", "Poll every", self.interval)
        self.ct = _number(0.001, 100_000.0, 1.0, "")
        self._row("ct", "CT ratio", self.ct)
        self.vt = _number(0.001, 100_000.0, 1.0, "")
        self._row("vt", "VT ratio", self.vt)
        self.invert = QComboBox()
        self.invert.addItem("as read", False)
        self.invert.addItem("turned round", True)
        self._row("invert", "Sign", self.invert)
        self.mid = QComboBox()
        self.mid.addItem("not marked as approved", False)
        self.mid.addItem("approved", True)
        self._row("mid", "MID", self.mid)

    def _trial_column(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        self.driver_text = paint.label("", wrap=True)
        self.doubts_text = paint.label("", "label", wrap=True)
        column.addWidget(self.driver_text)
        column.addWidget(self.doubts_text)
        self.test_button = button("Test read", self.test_read, icon="play-outline")
        self.test_text = paint.label("Reads once and changes nothing in the meter.", wrap=True)
        row = QHBoxLayout()
        row.addWidget(self.test_button)
        row.addWidget(self.test_text, 1)
        column.addLayout(row)
        self.values: Table[ValueRow] = Table(
            [
                Column("Quantity", lambda r: r[0], stretch=2),
                Column("Value", lambda r: r[1], number=True),
            ],
            key=lambda r: r[0],
            name="Values of the test read",
        )
        column.addWidget(self.values, 1)
        self.remarks = paint.label("", wrap=True)
        column.addWidget(self.remarks)
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
        links = self._configuration.links
        if meter is None:
            if links:
                self.link.setCurrentIndex(1)
            return
        self.link.setCurrentIndex(max(0, self.link.findData(meter.link_id)))
        self.driver.setCurrentIndex(self.driver.findData(meter.driver_id))
        self.unit.setValue(meter.unit_id)
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

    # -------------------------------------------------------- following

    def _on_link_chosen(self) -> None:
        """Shows the settings of the link that was chosen; they may be changed for all on it."""
        existing = self._existing_link()
        if existing is None:  # a new link begins empty, not as a copy of the one before
            self.host.clear()
            self.port.setValue(502)
            self.device.clear()
            self.timeout.setValue(1.0)
            self._on_driver()
        else:
            self.kind.set_value(existing.kind.value)
            self.host.setText(existing.host)
            self.port.setValue(existing.port)
            self.device.setText(existing.device)
            self.baud.setCurrentIndex(max(0, self.baud.findData(existing.baud_rate)))
            self.parity.setCurrentIndex(max(0, self.parity.findData(existing.parity)))
            self.stop_bits.setCurrentIndex(max(0, self.stop_bits.findData(existing.stop_bits)))
            self.timeout.setValue(existing.timeout_s)
        self._on_link()

    def _on_link(self) -> None:
        existing = self._existing_link()
        serial = self.kind.value == LinkKind.MODBUS_RTU.value
        self._form.setRowVisible(self._holders["kind"], existing is None)
        for key in ("host", "port"):
            self._form.setRowVisible(self._holders[key], not serial)
        for key in ("device", "baud", "parity", "stop_bits"):
            self._form.setRowVisible(self._holders[key], serial)
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
        self._form.setRowVisible(self.shared, bool(others))

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
        self.driver_text.setText(
            f"Yields {len(labels)} quantities: {', '.join(labels[:8])}{more}.{own}"
        )
        doubts = words.readable("; ".join(d.rstrip(".") for d in info.doubts[:3]))
        self.doubts_text.setText(f"In doubt: {doubts}." if doubts else "Nothing in doubt.")
        if self._meter is None:
            # Only a new link takes the driver's serial settings: others may be on an old one.
            self.mid.setCurrentIndex(int(info.mid_marked))
            if self._existing_link() is None:
                self.baud.setCurrentIndex(max(0, self.baud.findData(info.baud_rate)))
                self.parity.setCurrentIndex(max(0, self.parity.findData(info.parity)))
                self.stop_bits.setCurrentIndex(max(0, self.stop_bits.findData(info.stop_bits)))

    def _driver_id(self) -> str:
        """The model that the field names in full; what is half typed is none."""
        index = self.driver.currentIndex()
        if index < 0 or self.driver.currentText() != self.driver.itemText(index):
            return ""
        return str(self.driver.itemData(index))

    def _propose_id(self, name: str) -> None:
        if not self._id_typed:
            taken = {m.meter_id for m in self._configuration.meters}
            self.meter_id.setText(_free(slug(name), taken) if slug(name) else "")

    # -------------------------------------------------------- what was entered

    def chosen_link(self) -> Link:
        """The link as entered; an existing one keeps its id."""
        existing = self._existing_link()
        if self.kind.value == LinkKind.MODBUS_TCP.value:
            host, port = self.host.text().strip(), self.port.value()
            base = existing or Link(self._free_link_id(f"{host}-{port}"), LinkKind.MODBUS_TCP)
            return replace(base, host=host, port=port, timeout_s=self.timeout.value())
        device = self.device.text().strip()
        base = existing or Link(self._free_link_id(device), LinkKind.MODBUS_RTU)
        return replace(
            base,
            device=device,
            baud_rate=int(self.baud.currentData()),
            parity=str(self.parity.currentData()),
            stop_bits=int(self.stop_bits.currentData()),
            timeout_s=self.timeout.value(),
        )

    def _free_link_id(self, wanted: str) -> str:
        return _free(slug(wanted) or "link", {k.link_id for k in self._configuration.links})

    def chosen_meter(self) -> Meter:
        """The meter as entered, with what the dialog does not show kept."""
        base = self._meter or Meter("", "")
        return replace(
            base,
            meter_id=self.meter_id.text().strip(),
            name=self.name.text().strip(),
            driver_id=self._driver_id(),
            link_id=self.chosen_link().link_id,
            unit_id=self.unit.value(),
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

    def mistakes(self, *, for_test: bool = False) -> dict[str, str]:
        """What is missing or wrong, by field."""
        found: dict[str, str] = {}
        tcp = self.kind.value == LinkKind.MODBUS_TCP.value
        if tcp and not self.host.text().strip():
            found["host"] = "Enter the address of the meter or gateway."
        if not tcp and not self.device.text().strip():
            found["device"] = "Enter the serial port."
        if not tcp and self.unit.value() > 247:
            found["unit"] = "On a serial bus the unit id is 1 to 247."
        if not self._driver_id():
            found["driver"] = "Choose a model from the list."
        if for_test:
            return found
        neighbour = self._same_unit()
        if neighbour is not None:
            found["unit"] = f"{neighbour.name} has this unit id on the same link."
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

    def _same_unit(self) -> Meter | None:
        link_id = self.link.currentData()
        own = "" if self._meter is None else self._meter.meter_id
        for other in self._configuration.meters:
            on_link = other.link_id == link_id and other.enabled and bool(link_id)
            if on_link and other.unit_id == self.unit.value() and other.meter_id != own:
                return other
        return None

    def _show_mistakes(self, found: dict[str, str]) -> None:
        for key, label in self._errors.items():
            label.setText(found.get(key, ""))
            label.setVisible(key in found)
        first = next((k for k in self._holders if k in found), None)
        if first is not None:
            self._scroll.ensureWidgetVisible(self._holders[first])

    # -------------------------------------------------------- test and save

    def test_read(self) -> None:
        found = self.mistakes(for_test=True)
        self._show_mistakes(found)
        if found:
            return
        self.test_button.setEnabled(False)
        self.notice.hide()
        self.test_text.setText("Asking the meter.")
        link, driver_id = self.chosen_link(), self._driver_id()
        self._context.jobs.start(
            partial(self._meters.test, link, driver_id, self.unit.value()),
            self.show_test,
            self.show_test_failure,
            title="Test read",
            guard=self,
        )

    def show_test(self, reading: TestReading) -> None:
        """The values as read, the telling ones first, with what looks odd about them."""
        self.test_button.setEnabled(True)
        took = self._context.formats.number(reading.round_trip_ms)
        self.test_text.setText(f"Answered in {took} ms.")
        first = [n for n in _FIRST_READINGS if n in reading.values]
        names = [*first, *(n for n in reading.values if n not in first)]
        formats = self._context.formats
        rows = [(quantity(n).label, formats.quantity(n, reading.values[n])) for n in names]
        rows += [(quantity(n).label, "not available") for n in reading.missing]
        self.values.show_rows(rows, empty="The meter gave no value.")
        self.remarks.setText(
            "\n".join(words.readable(r) for r in reading.remarks) or "Nothing looks odd."
        )

    def show_test_failure(self, error: UserFacingError) -> None:
        self.test_button.setEnabled(True)
        self.test_text.setText("No reading.")
        self.values.show_rows([], empty="No reading.")
        self.remarks.setText("")
        self._complain(error)

    def save(self) -> None:
        found = self.mistakes()
        self._show_mistakes(found)
        if found:
            return
        self.save_button.setEnabled(False)
        meter, link = self.chosen_meter(), self.chosen_link()
        self._context.jobs.start(
            partial(self._meters.save, meter, link),
            lambda _: self._on_saved(meter.meter_id),
            self._on_save_failed,
            title="Save meter",
            guard=self,
        )

    def _on_saved(self, meter_id: str) -> None:
        self.saved.emit(meter_id)
        self.accept()

    def _on_save_failed(self, error: UserFacingError) -> None:
        self.save_button.setEnabled(True)
        self._complain(error)

    def _complain(self, error: UserFacingError) -> None:
        self.notice.set_text(error.what, f"{error.where}. {error.remedy}")
        self.notice.show()


def _whole(low: int, high: int, value: int) -> QSpinBox:
    box = QSpinBox()
    _plain(box)
    box.setRange(low, high)
    box.setValue(value)
    return box


def _number(low: float, high: float, value: float, suffix: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    _plain(box)
    box.setDecimals(3)
    box.setRange(low, high)
    box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    box.setValue(value)
    box.setSuffix(suffix)
    return box


def _plain(box: QSpinBox | QDoubleSpinBox) -> None:
    box.setLocale(QLocale.c())
    box.lineEdit().setTextMargins(6, 0, 6, 0)


def slug(name: str) -> str:
    """An id made of a name: `Kühlung 2. OG` becomes `kuhlung-2-og`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60]


def _free(stem: str, taken: set[str]) -> str:
    number, name = 2, stem
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
