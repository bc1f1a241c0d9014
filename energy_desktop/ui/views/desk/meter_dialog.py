"""Adds or changes a meter: where it is, what it is, what it says, then save.

Nothing here waits: the trial read and saving run as jobs, and a mistake is told beside the entry
that it is about. A meter that does not answer may be saved all the same, since meters are often
entered before they are wired.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.link_kinds import MODBUS
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.recount import Past, PastUndecided
from energy_desktop.domain.site import Link, Meter
from energy_desktop.services.meters import MeterService
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import ViewContext
from energy_desktop.ui.views.desk.counting_question import CountingQuestion
from energy_desktop.ui.views.desk.form import Form
from energy_desktop.ui.views.desk.link_fields import LinkFields
from energy_desktop.ui.views.desk.meter_fields import MeterFields
from energy_desktop.ui.views.desk.ports import LinkPasswords
from energy_desktop.ui.views.desk.trial import TrialPanel
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import InlineNotice, button


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
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        columns = QHBoxLayout()
        columns.setSpacing(24)
        self.form = Form()
        self._make_link_fields(ports)
        self.meter = MeterFields(self.form, configuration, drivers, meter)
        self.meter.driver_changed.connect(self._on_driver)
        columns.addWidget(self.form, 5)
        columns.addLayout(self._trial_column(), 4)
        outer.addLayout(columns, 1)
        self.notice = InlineNotice("", "", tone=2)
        self.notice.hide()
        outer.addWidget(self.notice)
        outer.addLayout(self._buttons())
        if meter is not None:
            self.link.setCurrentIndex(max(0, self.link.findData(meter.link_id)))
        elif configuration.links:
            self.link.setCurrentIndex(1)
        self._on_link_chosen()
        if meter is not None:
            self.meter.choose_driver(meter.driver_id)
        self._on_driver()
        self.meter.name.setFocus()

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
        self.save_button = button("Save meter", lambda: self.save(), kind="primary")
        self.save_button.setDefault(True)
        row.addWidget(self.save_button)
        return row

    def take_hit(self, link: Link, unit_id: int, driver_id: str) -> None:
        """A unit that a scan found: its line, unit and best driver are filled in."""
        known = self.link.findData(link.link_id)
        self.link.setCurrentIndex(max(0, known))
        if known < 0:
            self.fields.show_link(link)
            self.form.show_row("kind", True)
            self._on_link()
        self.meter.unit.setValue(unit_id)
        self.meter.choose_driver(driver_id)
        if known < 0 and link.is_serial:  # it answered with these, whatever the driver says
            self.fields.set_line(link.baud_rate, link.parity, link.stop_bits)

    def tell_turned(self, driver_id: str, word_order: str) -> None:
        """A driver that reads this unit only with its words in another order: as it is it would
        store nonsense, so none is chosen and it is said how to get the right one."""
        self.notice.set_text(
            f"{driver_id} fits this unit only in the word order {word_order}, so it is not chosen.",
            f"Leave this, copy {driver_id} under Drivers, set word_order = "
            f'"{word_order}" in the copy, save it, and choose the copy here.',
        )
        self.notice.show()

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
        self.meter.follow(info)
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

    def _existing_link(self) -> Link | None:
        return self._configuration.link(self.link.currentData() or "")

    def _on_driver(self) -> None:
        info = self._drivers.get(self.meter.driver_id())
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
            self.meter.mid.setCurrentIndex(int(info.mid_marked))
            if self._existing_link() is None and self.fields.info.protocol == MODBUS:
                self.fields.set_line(info.baud_rate, info.parity, info.stop_bits)

    # -------------------------------------------------------- what was entered

    def chosen_link(self) -> Link:
        """The link as entered; an existing one keeps its id."""
        return self.fields.link(self._existing_link())

    def chosen_meter(self) -> Meter:
        return self.meter.meter(self.fields.info, self.chosen_link().link_id)

    def mistakes(self, *, for_test: bool = False) -> dict[str, str]:
        """What is missing or wrong, by field."""
        info = self.fields.info
        found = self.fields.mistakes() | self.meter.wrong_place(info, self.fields.is_serial)
        if for_test:
            return found
        return found | self.meter.mistakes(info, str(self.link.currentData() or ""))

    # -------------------------------------------------------- test and save

    def test_read(self) -> None:
        found = self.mistakes(for_test=True)
        self.form.tell(found)
        if found:
            return
        self.notice.hide()
        self.trial.begin()
        link, driver_id = self.chosen_link(), self.meter.driver_id()
        unit_id, address = self.meter.unit.value(), self.meter.address_on(self.fields.info)
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

    def save(self, past: Past | None = None) -> None:
        """past: the answer where the meter is counted in another way than before."""
        found = self.mistakes()
        self.form.tell(found)
        if found:
            return
        self.save_button.setEnabled(False)
        self._context.jobs.start(
            partial(
                self._store,
                self.chosen_meter(),
                self.chosen_link(),
                self.password.text(),
                past,
            ),
            self._on_saved,
            self._on_save_failed,
            title="Save meter",
            guard=self,
        )

    def _store(self, meter: Meter, link: Link, password: str, past: Past | None) -> str:
        """In a job: the password first, so that the link is not asked without it."""
        if password and self._passwords is not None:
            self._passwords.set(link.link_id, password)
        if past is None:
            self._meters.save(meter, link)
        else:
            self._meters.save(meter, link, past)
        return meter.meter_id

    def _on_saved(self, meter_id: str) -> None:
        self.saved.emit(meter_id)
        self.accept()

    def _on_save_failed(self, error: UserFacingError) -> None:
        self.save_button.setEnabled(True)
        if isinstance(error, PastUndecided):
            self._ask_about_the_past(error)
        else:
            self._complain(error)

    def _ask_about_the_past(self, undecided: PastUndecided) -> None:
        self.question = CountingQuestion(self, undecided.changes)
        self.question.answered.connect(lambda past: None if past is None else self.save(past))
        self.question.open()

    def _complain(self, error: UserFacingError) -> None:
        self.notice.set_text(error.what, f"{error.where}. {error.remedy}")
        self.notice.show()
