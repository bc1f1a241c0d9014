"""Who is on this line? Asks the units and addresses that a person names, one at a time.

The job puts what it finds into a queue; the window takes it out ten times a second, so that a hit
is seen while the scan goes on and no widget is touched from another thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.commissioning import ScanHit, ScanPlan
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import JobCancelled, UserFacingError
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.ui.jobs import JobHandle
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import ViewContext
from energy_desktop.ui.views.desk import scan_words
from energy_desktop.ui.views.desk.checks import Checks
from energy_desktop.ui.views.desk.form import Form, number, whole
from energy_desktop.ui.views.desk.ports import Desk
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Cell, Column, Table

_LINE, _NETWORK = "line", "network"
_RATES = (2400, 4800, 9600, 19200, 38400, 57600, 115200)
_USUAL_RATES = (9600, 19200)
_PARITIES = (("N", "none"), ("E", "even"), ("O", "odd"))
_DRAIN_MS = 100
_SECOND_MASTER = "Is anybody else on this line?"


class ScanDialog(QDialog):
    """`add_wanted` tells a hit that is to become a meter; the dialog stays open for the next.

    `inspect_wanted` tells one whose registers are to be looked at, for there is no driver for it.
    """

    add_wanted = Signal(object)
    inspect_wanted = Signal(object)

    def __init__(
        self,
        parent: QWidget | None,
        context: ViewContext,
        desk: Desk,
        configuration: Configuration,
        ports: Sequence[str] = (),
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("Scan a bus")
        self.resize(1000, 600)
        self._context = context
        self._desk = desk
        self._configuration = configuration
        self._handle: JobHandle | None = None
        self._found: deque[ScanHit] = deque()
        self._warned_of = ""
        self._hits: dict[tuple[str, int], ScanHit] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        columns = QHBoxLayout()
        columns.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self._form(ports), 1)
        self.length = paint.label("", wrap=True)
        left.addWidget(self.length)
        self.master = InlineNotice(_SECOND_MASTER, "", tone=3)
        self.master.hide()
        left.addWidget(self.master)
        columns.addLayout(left, 9)
        columns.addLayout(self._right(), 14)
        outer.addLayout(columns, 1)
        outer.addLayout(self._buttons())
        self._drain = QTimer(self)
        self._drain.setInterval(_DRAIN_MS)
        self._drain.timeout.connect(self._take_found)
        self._follow()

    # -------------------------------------------------------- building

    def _form(self, ports: Sequence[str]) -> Form:
        self.form = form = Form()
        self.where = Segmented(((_LINE, "Serial line"), (_NETWORK, "Addresses")), name="Where")
        self.where.changed.connect(lambda _: self._follow())
        form.add("where", "Where", self.where)
        self.device = QComboBox()
        self.device.setEditable(True)
        self.device.addItems(list(ports))
        line = self.device.lineEdit()
        if line is not None:
            line.setPlaceholderText("/dev/ttyUSB0 or COM4")
        self.device.setCurrentText(ports[0] if ports else "")
        form.add("device", "Serial port", self.device)
        self.rates = Checks([(str(r), r) for r in _RATES], _USUAL_RATES, per_row=3)
        form.add("rates", "Baud", self.rates)
        self.parities = Checks([(text, letter) for letter, text in _PARITIES], ("N",), per_row=3)
        form.add("parities", "Parity", self.parities)
        self.hosts = QLineEdit()
        self.hosts.setPlaceholderText("192.168.1.10-40, 192.168.1.77")
        form.add("hosts", "Addresses", self.hosts)
        self.port = whole(1, 65535, 502)
        form.add("port", "Port", self.port)
        self.kind = QComboBox()
        self.kind.addItem("Modbus TCP", LinkKind.MODBUS_TCP.value)
        self.kind.addItem("Modbus RTU over TCP", LinkKind.MODBUS_RTU_TCP.value)
        form.add("kind", "Spoken", self.kind)
        self.units = QLineEdit("1-10")
        form.add("units", "Unit ids", self.units, "As 1-20, 33.")
        self.timeout = number(0.05, 5.0, 0.3, " s")
        form.add("timeout", "Wait for each", self.timeout)
        for field in (self.hosts, self.units):
            field.textChanged.connect(lambda _: self._follow())
        for box in (self.device, self.kind):
            box.currentTextChanged.connect(lambda _: self._follow())
        for changed in (
            self.rates.changed,
            self.parities.changed,
            self.port.valueChanged,
            self.timeout.valueChanged,
        ):
            changed.connect(lambda *_: self._follow())
        if not ports and any(not k.is_serial for k in self._configuration.links):
            self.where.set_value(_NETWORK)
        return form

    def _right(self) -> QVBoxLayout:
        right = QVBoxLayout()
        right.setSpacing(8)
        self.panel = Panel("Found", "")
        self.table: Table[ScanHit] = Table(
            [
                Column("Where", lambda h: Cell(h.link.address, h.link.kind.value.replace("_", " ")),
                       stretch=4),
                Column("Unit", lambda h: str(h.unit_id), width=46, number=True),
                Column("Says", self._identity_cell, stretch=4),
                Column("Best driver", self._driver_cell, stretch=6),
                Column("ms", lambda h: self._context.formats.number(h.round_trip_ms), width=46,
                       number=True),
            ],
            key=lambda h: (h.link.address, h.unit_id),
            two_lines=True,
            name="Found",
        )  # fmt: skip
        self.table.chosen.connect(self._on_chosen)
        self.table.opened.connect(self.add_wanted)
        self.panel.set_content(self.table)
        self.reasons = paint.label("", "label", wrap=True)
        self.panel.set_content(self.reasons)
        right.addWidget(self.panel, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the scan")
        self.doing = paint.label("Not started.", "label", wrap=True)
        row.addWidget(self.bar, 1)
        row.addWidget(self.doing, 2)
        right.addLayout(row)
        return right

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.start_button = button("Start the scan", self.start, icon="radar", kind="primary")
        self.start_button.setDefault(True)
        self.stop_button = button("Stop", self.stop, icon="stop")
        self.stop_button.setEnabled(False)
        row.addWidget(self.start_button)
        row.addWidget(self.stop_button)
        row.addStretch(1)
        self.inspect_button = button("Look at its registers", self._on_inspect, icon="magnify")
        self.inspect_button.setEnabled(False)
        row.addWidget(self.inspect_button)
        self.add_button = button("Add meter", self._on_add, icon="plus")
        self.add_button.setEnabled(False)
        row.addWidget(self.add_button)
        row.addWidget(button("Close", self.reject))
        return row

    # -------------------------------------------------------- what is asked

    def _follow(self) -> None:
        serial = self.where.value == _LINE
        for key in ("device", "rates", "parities"):
            self.form.show_row(key, serial)
        for key in ("hosts", "port", "kind"):
            self.form.show_row(key, not serial)
        try:
            plan = self.plan()
        except _Wrong as wrong:
            self.length.setText(wrong.sentence)
            self.start_button.setEnabled(False)
            self.master.hide()
            return
        self._warn(plan.links[0])
        self.length.setText(scan_words.plan_text(self._context.formats, plan))
        self.start_button.setEnabled(self._handle is None)

    def _warn(self, link: Link) -> None:
        """Asks once per line whether somebody else may be on it."""
        if link.address == self._warned_of:
            return
        self._warned_of = link.address

        def show(warning: str) -> None:
            if link.address == self._warned_of:
                self.master.set_text(_SECOND_MASTER, warning)
                self.master.setVisible(bool(warning))

        def failed(error: UserFacingError) -> None:
            show(str(error))

        self._context.jobs.start(
            partial(self._desk.warning, link), show, failed, title="Look at the line", guard=self
        )

    def plan(self) -> ScanPlan:
        """What was entered. Raises _Wrong with the field and a sentence."""
        try:
            units = scan_words.parse_units(self.units.text())
        except ValueError as problem:
            raise _Wrong("units", str(problem)) from None
        return ScanPlan(self._links(), units, self.timeout.value())

    def _links(self) -> tuple[Link, ...]:
        if self.where.value == _NETWORK:
            try:
                hosts = scan_words.parse_hosts(self.hosts.text())
            except ValueError as problem:
                raise _Wrong("hosts", str(problem)) from None
            kind = LinkKind(self.kind.currentData())
            return scan_words.addresses_of(self._configuration, hosts, self.port.value(), kind)
        device = self.device.currentText().strip()
        if not device:
            raise _Wrong("device", "Enter the serial port.")
        rates = [int(str(rate)) for rate in self.rates.chosen()]
        parities = [str(letter) for letter in self.parities.chosen()]
        if not rates or not parities:
            raise _Wrong("rates", "Choose at least one baud rate and one parity.")
        return scan_words.lines_of(self._configuration, device, rates, parities)

    # -------------------------------------------------------- running

    def start(self) -> None:
        try:
            plan = self.plan()
        except _Wrong as wrong:
            self.form.tell({wrong.field: wrong.sentence})
            return
        self.form.tell({})
        self._found.clear()
        self._hits.clear()
        self.table.show_rows([], empty="Nobody answered yet.")
        self.panel.show_body()
        self.panel.set_subtitle("")
        found, desk = self._found, self._desk

        def work(progress: ProgressSink) -> tuple[ScanHit, ...]:
            return desk.scan(plan, progress, found.append)

        self._handle = self._context.jobs.start_long(
            work,
            self._on_done,
            self._on_failed,
            progress=self._on_progress,
            title="Scan a bus",
            guard=self,
        )
        self._drain.start()
        self._running(True)
        self.doing.setText("Asking.")

    def stop(self) -> None:
        """Ends after the request that is under way; what was found stays."""
        if self._handle is not None:
            self._handle.cancel()
            self.stop_button.setEnabled(False)
            self.doing.setText("Stopping.")

    def reject(self) -> None:
        if self._handle is not None:
            self._handle.drop()
            self._handle = None
        super().reject()

    def _running(self, on: bool) -> None:
        self.start_button.setEnabled(not on)
        self.stop_button.setEnabled(on)
        self.form.setEnabled(not on)

    def _on_progress(self, fraction: float, doing: str) -> None:
        self.bar.setValue(round(1000 * min(1.0, max(0.0, fraction))))
        if self._handle is not None and not self._handle.cancelled:
            self.doing.setText(doing)

    def _take_found(self) -> None:
        new = False
        while self._found:
            hit = self._found.popleft()
            self._hits[hit.link.address, hit.unit_id] = hit
            new = True
        if new:
            self.show_hits(list(self._hits.values()))

    def show_hits(self, hits: Sequence[ScanHit]) -> None:
        self.table.show_rows(hits, empty="Nobody answered.")
        self.panel.set_subtitle(words.count(len(hits), "unit"))

    def _on_done(self, hits: tuple[ScanHit, ...]) -> None:
        self._ended()
        self._hits.update({(h.link.address, h.unit_id): h for h in hits})
        self.show_hits(list(self._hits.values()))
        self.bar.setValue(1000)
        self.doing.setText(f"Done: {words.count(len(self._hits), 'unit')} found.")

    def _on_failed(self, error: UserFacingError) -> None:
        self._ended()
        if isinstance(error, JobCancelled):
            self.doing.setText(f"Stopped: {words.count(len(self._hits), 'unit')} found so far.")
            self.table.show_rows(list(self._hits.values()), empty="Nobody answered so far.")
            return
        self.doing.setText("The scan ended early.")
        self.panel.show_error(error, self.start)

    def _ended(self) -> None:
        self._drain.stop()
        self._take_found()
        self._handle = None
        self._running(False)

    # -------------------------------------------------------- hits

    def _on_add(self) -> None:
        row = self.table.chosen_row()
        if row is not None:
            self.add_wanted.emit(row)

    def _on_inspect(self) -> None:
        row = self.table.chosen_row()
        if row is not None:
            self.inspect_wanted.emit(row)
            self.reject()

    def _on_chosen(self, row: object) -> None:
        self.add_button.setEnabled(row is not None)
        self.inspect_button.setEnabled(row is not None)
        if not isinstance(row, ScanHit):
            self.reasons.setText("")
            return
        said = [f"{f.driver_id}: {'; '.join(f.reasons)}." for f in row.fits[:3]]
        self.reasons.setText("\n".join(said) or "No driver explains what it answers.")

    @staticmethod
    def _identity_cell(hit: ScanHit) -> Cell:
        one = hit.identity
        if one is None:
            return Cell(hit.answer, token="text2")
        name = " ".join(p for p in (one.vendor, one.model_name or one.product_code) if p)
        return Cell(name or hit.answer, one.revision)

    def _driver_cell(self, hit: ScanHit) -> Cell:
        if not hit.fits:
            return Cell("none fits", "look at its registers", token="text2")
        best = hit.fits[0]
        score = self._context.formats.percent(100 * best.score)
        return Cell(f"{best.driver_id}, {score}", "; ".join(best.reasons), bold=best.score >= 0.8)


class _Wrong(Exception):
    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence
