"""The fields of a connection, of whatever kind: they follow domain/link_kinds.py.

A new kind in that table is in every dialog at once. Options are kept only where they differ from
their default, as the site file keeps them, so that a link written by either is the same link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QWidget,
)

from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.link_kinds import LINK_KINDS, MODBUS, LinkKindInfo, LinkOption
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.ui.views.desk.form import Form, number, whole
from energy_desktop.ui.views.desk.naming import free, slug
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.segmented import Segmented

BAUD_RATES = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
PARITIES = (("N", "none"), ("E", "even"), ("O", "odd"))
_CABLE, _NETWORK = "cable", "network"
_EMPTY = Link("", LinkKind.MODBUS_TCP)


def drivers_for(info: LinkKindInfo, drivers: Sequence[DriverInfo]) -> list[DriverInfo]:
    """The drivers whose protocol the link carries; SunSpec is a map of Modbus registers."""
    spoken = (MODBUS, "sunspec") if info.protocol == MODBUS else (info.protocol,)
    return [d for d in drivers if d.protocol in spoken]


class FileField(QWidget):
    """A path that is typed or chosen."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.path = QLineEdit()
        self.path.setAccessibleName(title)
        self.setFocusProxy(self.path)
        row.addWidget(self.path, 1)
        row.addWidget(button("Choose", self._choose, tooltip=f"Choose: {title}"))

    def _choose(self) -> None:
        self.dialog = QFileDialog(self, self._title)
        self.dialog.setNameFilters(["Certificates and keys (*.pem *.crt *.cer *.key)", "All (*)"])
        self.dialog.fileSelected.connect(self.path.setText)
        self.dialog.open()


class LinkFields(QObject):
    """Adds its rows to a form; `changed` when the kind or the way there changed."""

    changed = Signal()

    def __init__(self, form: Form, link_ids: Sequence[str], ports: Sequence[str] = ()) -> None:
        """link_ids: taken already. ports: serial ports of this computer, offered to choose."""
        super().__init__(form)
        self._form = form
        self._taken = set(link_ids)
        self.kind = QComboBox()
        for info in LINK_KINDS.values():
            self.kind.addItem(info.label, info.kind.value)
        form.add("kind", "Kind", self.kind)
        self.way = Segmented(((_NETWORK, "Network"), (_CABLE, "Serial port")), name="Reached by")
        form.add("way", "Reached by", self.way)
        self.host = QLineEdit()
        self.host.setPlaceholderText("192.168.1.20 or a name")
        form.add("host", "Address", self.host)
        self.port = whole(1, 65535, 502)
        form.add("port", "Port", self.port)
        self.device = QComboBox()
        self.device.setEditable(True)
        self.device.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.device.addItems(list(ports))
        self.device.setCurrentText(ports[0] if ports else "")
        line = self.device.lineEdit()
        if line is not None:
            line.setPlaceholderText("/dev/ttyUSB0 or COM4")
        form.add("device", "Serial port", self.device)
        self.baud = QComboBox()
        for rate in BAUD_RATES:
            self.baud.addItem(str(rate), rate)
        form.add("baud", "Baud", self.baud)
        self.parity = QComboBox()
        for letter, word in PARITIES:
            self.parity.addItem(word, letter)
        form.add("parity", "Parity", self.parity)
        self.stop_bits = QComboBox()
        for bits in (1, 2):
            self.stop_bits.addItem(str(bits), bits)
        form.add("stop_bits", "Stop bits", self.stop_bits)
        self.options: dict[str, QWidget] = {}
        for option in _all_options():
            field = self.options[option.name] = _option_field(option)
            form.add(option.name, option.label, field, option.help)
        self.timeout = number(0.05, 30.0, 1.0, " s")
        form.add("timeout", "Timeout", self.timeout)
        self.kind.currentIndexChanged.connect(lambda _: self._on_kind())
        self.way.changed.connect(lambda _: self._on_way())
        self._on_kind()

    # -------------------------------------------------------- what is shown

    @property
    def info(self) -> LinkKindInfo:
        return LINK_KINDS[LinkKind(self.kind.currentData())]

    @property
    def is_serial(self) -> bool:
        info = self.info
        return info.serial and (not info.network or self.way.value == _CABLE)

    def set_kind(self, kind: LinkKind) -> None:
        self.kind.setCurrentIndex(self.kind.findData(kind.value))

    def show_link(self, link: Link | None) -> None:
        """The settings of a link; None: a new one begins empty, not as a copy of another."""
        shown = link or _EMPTY
        if link is not None:
            self.set_kind(link.kind)
            self.way.set_value(_CABLE if link.is_serial else _NETWORK)
        self.host.setText(shown.host)
        self.device.setCurrentText(shown.device)
        self.timeout.setValue(shown.timeout_s)
        if link is None:
            self._take_defaults()
        else:
            self.port.setValue(link.port)
            self.set_line(link.baud_rate, link.parity, link.stop_bits)
            for option in self.info.options:
                _set_text(self.options[option.name], link.option(option.name, option.default))
        self._show_rows(is_new=link is None)

    def set_line(self, baud_rate: int, parity: str, stop_bits: int) -> None:
        if self.baud.findData(baud_rate) < 0:  # a rate from a site file that nobody else uses
            self.baud.addItem(str(baud_rate), baud_rate)
        self.baud.setCurrentIndex(self.baud.findData(baud_rate))
        self.parity.setCurrentIndex(max(0, self.parity.findData(parity)))
        self.stop_bits.setCurrentIndex(max(0, self.stop_bits.findData(stop_bits)))

    def _on_kind(self) -> None:
        self.way.set_value(_CABLE if self.info.serial else _NETWORK)
        self._take_defaults()
        self._show_rows(is_new=True)
        self.changed.emit()

    def _on_way(self) -> None:
        self._show_rows(is_new=True)
        self.changed.emit()

    def _take_defaults(self) -> None:
        info = self.info
        self.port.setValue(info.default_port or 502)
        self.set_line(info.default_baud_rate, info.default_parity, 1)
        for option in info.options:
            _set_text(self.options[option.name], option.default)

    def _show_rows(self, *, is_new: bool) -> None:
        info = self.info
        self._form.show_row("kind", is_new)
        self._form.show_row("way", info.serial and info.network)
        for key in ("host", "port"):
            self._form.show_row(key, info.network and not self.is_serial)
        for key in ("device", "baud", "parity", "stop_bits"):
            self._form.show_row(key, self.is_serial)
        for name in self.options:
            bits_of_network = name == "data_bits" and not self.is_serial
            self._form.show_row(name, name in info.option_names and not bits_of_network)
        self._form.show_row("timeout", info.kind is not LinkKind.HTTP_PUSH)

    # -------------------------------------------------------- what was entered

    def link(self, existing: Link | None = None) -> Link:
        """The link as entered; an existing one keeps its id and what is not shown."""
        info = self.info
        serial, host = self.is_serial, self.host.text().strip()
        network = info.network and not serial
        device = self.device.currentText().strip()
        base = existing
        if base is None:
            stem = device if serial else f"{host}-{self.port.value()}"
            if not serial and not network:
                stem = info.kind.value
            base = Link(free(slug(stem) or "link", self._taken), info.kind)
        return replace(
            base,
            host=host if network else "",
            port=self.port.value() if network else base.port,
            device=device if serial else "",
            baud_rate=int(self.baud.currentData()) if serial else base.baud_rate,
            parity=str(self.parity.currentData()) if serial else base.parity,
            stop_bits=int(self.stop_bits.currentData()) if serial else base.stop_bits,
            timeout_s=self.timeout.value(),
            options=self._options(),
        )

    def _options(self) -> tuple[tuple[str, str], ...]:
        given = ((o.name, _text(self.options[o.name]), o.default) for o in self.info.options)
        return tuple(sorted((name, value) for name, value, usual in given if value != usual))

    def mistakes(self) -> dict[str, str]:
        if self.is_serial:
            empty = not self.device.currentText().strip()
            return {"device": "Enter the serial port."} if empty else {}
        if self.info.network and not self.host.text().strip():
            return {"host": "Enter the address of the meter, gateway or broker."}
        return {}


def _all_options() -> list[LinkOption]:
    """Each option once; what kinds share they share the field of.

    The kind with the most options sets the order, so that it reads as in its own row.
    """
    found: dict[str, LinkOption] = {}
    for info in sorted(LINK_KINDS.values(), key=lambda i: -len(i.options)):
        for option in info.options:
            found.setdefault(option.name, option)
    return list(found.values())


def _option_field(option: LinkOption) -> QWidget:
    if option.is_file:
        return FileField(option.label)
    if option.choices:
        box = QComboBox()
        for choice in option.choices:
            box.addItem(choice, choice)
        return box
    return QLineEdit()


def _text(field: QWidget) -> str:
    if isinstance(field, QComboBox):
        return str(field.currentData())
    if isinstance(field, FileField):
        return field.path.text().strip()
    assert isinstance(field, QLineEdit)
    return field.text().strip()


def _set_text(field: QWidget, value: str) -> None:
    if isinstance(field, QComboBox):
        field.setCurrentIndex(max(0, field.findData(value)))
    elif isinstance(field, FileField):
        field.path.setText(value)
    elif isinstance(field, QLineEdit):
        field.setText(value)
