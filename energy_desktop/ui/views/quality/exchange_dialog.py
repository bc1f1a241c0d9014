"""Enters a meter exchange or a reset, when it happens or long after.

What the registers showed around that time stands beside the fields, with what the entries would
book, so that a digit too many is seen before it is energy. A photo of the protocol is copied into
the site folder; a note does as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.editing import RegisterEventKind
from energy_desktop.domain.errors import ConfirmationNeeded, UserFacingError, WrongUse
from energy_desktop.domain.site import Meter
from energy_desktop.services.data_quality import PHOTO_ENDINGS, DataQualityService
from energy_desktop.services.exchanges import (
    ExchangeEntry,
    ExchangeResult,
    ExchangeService,
    ReadingsAround,
)
from energy_desktop.ui.jobs import JobHandle
from energy_desktop.ui.views.base import ViewContext
from energy_desktop.ui.views.desk.choose_file import choose_files
from energy_desktop.ui.views.desk.form import Form
from energy_desktop.ui.views.quality import words
from energy_desktop.ui.views.quality.exchange_checks import Check, Told, Verdict, checks, is_wrong
from energy_desktop.ui.views.quality.moment_edit import MomentEdit
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.decimal_box import DecimalBox
from energy_desktop.ui.widgets.panel import InlineNotice, button
from energy_desktop.ui.widgets.question import Question

_KINDS = (
    (RegisterEventKind.EXCHANGE.value, "Another meter hangs there since"),
    (RegisterEventKind.RESET.value, "The same meter, its register was reset"),
)


@dataclass(frozen=True, slots=True)
class ExchangeServices:
    """What the dialog asks."""

    exchanges: ExchangeService
    quality: DataQualityService


class ExchangeDialog(QDialog):
    """`entered` tells the ExchangeResult."""

    entered = Signal(object)

    def __init__(
        self,
        parent: QWidget | None,
        context: ViewContext,
        services: ExchangeServices,
        meter: Meter,
        registers: Sequence[str],
        register: str = "",
        at_ms: int | None = None,
        *,
        choose_photo: Callable[[QWidget, Callable[[Path], object]], object] | None = None,
    ) -> None:
        """register: the one shown first; at_ms: when it probably was; None: now."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self._context = context
        self._formats = context.formats
        self._services = services
        self._meter = meter
        self._choose_photo = choose_photo or _ask_photo
        self._around: ReadingsAround | None = None
        self._asked: JobHandle | None = None
        self._photo: Path | None = None
        self.setWindowTitle(f"Meter exchange: {meter.name}")
        self.resize(640, 660)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(
            paint.label(
                "It may be entered at any time, also long after: the energy across it is booked "
                "then, and what was corrected by hand stays.",
                "answer",
                wrap=True,
            )
        )
        self.form = Form()
        self._captions = {"at": "When"}
        self._helps: dict[str, str] = {}
        self._build(registers, register)
        column.addWidget(self.form, 1)
        self.across = paint.label("", "strong", wrap=True)
        column.addWidget(self.across)
        self.wrong = InlineNotice("", "", tone=2)
        self.wrong.hide()
        column.addWidget(self.wrong)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        self.leave_button = button("Leave it as it is", self.reject)
        self.enter_button = button(
            "Enter exchange", lambda: self.enter(), icon="check", kind="primary"
        )
        buttons.addWidget(self.leave_button)
        buttons.addWidget(self.enter_button)
        column.addLayout(buttons)
        for one in (self.leave_button, self.enter_button):
            one.setAutoDefault(False)
        now_ms = self._formats.now_ms()
        self.at.set_ms(now_ms // 60_000 * 60_000 if at_ms is None else at_ms)
        self._on_kind()
        self.ask()

    def _build(self, registers: Sequence[str], register: str) -> None:
        meter = self._meter
        self.kind = QComboBox()
        for value, text in _KINDS:
            self.kind.addItem(text, value)
        self.register = QComboBox()
        for name in registers or ("energy_import_wh",):
            self.register.addItem(words.REGISTERS.get(name, name), name)
        self.register.setCurrentIndex(max(0, self.register.findData(register)))
        self.at = MomentEdit(self._formats.zone, "When", seconds=True)
        empty = f"{self._formats.number(0.0, 3)} kWh"
        self.old_end, self.new_start = _reading(empty), _reading(empty)
        self.serial = QLineEdit()
        self.serial.setMaxLength(80)
        self.serial.setPlaceholderText(f"was {meter.serial_number}" if meter.serial_number else "")
        self.ratio = DecimalBox()
        self.ratio.setDecimals(4)
        self.ratio.setRange(0.0001, 1_000_000.0)
        self.ratio.setValue(meter.ct_ratio)
        self.note = QPlainTextEdit()
        self.note.setTabChangesFocus(True)
        self.note.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.note.setFixedHeight(3 * self.fontMetrics().lineSpacing() + 14)
        photo = QWidget()
        row = QHBoxLayout(photo)
        row.setContentsMargins(0, 0, 0, 0)
        self.photo_name = paint.label("none", "label")
        self.photo_button = button("Choose photo", self._ask_for_photo, icon="camera-outline")
        self.forget_button = button("Leave it out", lambda: self.take_photo(None), kind="link")
        row.addWidget(self.photo_button)
        row.addWidget(self.photo_name, 1)
        row.addWidget(self.forget_button)
        self.forget_button.hide()
        ratio = meter.ct_ratio * meter.vt_ratio
        shown = "As its display showed it."
        if ratio != 1:
            shown = f"As its display showed it; it is multiplied by the ratio {ratio:g}."
        self.form.add("kind", "What happened", self.kind)
        self.form.add("register", "Register", self.register)
        self.form.add("at", "When", self.at)
        self._helps = {"old_end": shown, "new_start": shown}
        self.form.add("old_end", "Old end reading, kWh", self.old_end, shown)
        self.form.add("new_start", "New start reading, kWh", self.new_start, shown)
        self.form.add("serial", "New serial number", self.serial)
        self.form.add("ratio", "New CT ratio", self.ratio, "Change it only with the transformers.")
        self.form.add("note", "Note", self.note, "Who exchanged it, number of the protocol.")
        self.form.add("photo", "Photo", photo)
        self.form.show_row("register", self.register.count() > 1)
        self.kind.activated.connect(lambda _: self._on_kind())
        self.register.activated.connect(lambda _: self.ask())
        self.at.changed.connect(lambda _: self.ask())
        for field in (self.old_end, self.new_start):
            field.textChanged.connect(lambda _: self._check())
        self.ratio.valueChanged.connect(lambda _: self._check())

    def _on_kind(self) -> None:
        exchanged = self.kind.currentData() == RegisterEventKind.EXCHANGE.value
        for key in ("serial", "ratio"):
            self.form.show_row(key, exchanged)
        self._captions["old_end"] = "Old end reading, kWh" if exchanged else "Before it, kWh"
        self._captions["new_start"] = "New start reading, kWh" if exchanged else "After it, kWh"
        self.enter_button.setText("Enter exchange" if exchanged else "Enter reset")
        self._check()

    # -------------------------------------------------------- what is stored around

    def ask(self) -> None:
        """Looks up the readings around the time that is entered."""
        self._around = None
        self._check()
        if self._asked is not None and not self._asked.done:
            self._asked.drop()
        work = partial(
            self._services.exchanges.around,
            self._meter.meter_id,
            self.at.ms,
            str(self.register.currentData()),
        )
        self._asked = self._context.jobs.start(work, self.show_around, self._tell, guard=self)

    def show_around(self, around: ReadingsAround) -> None:
        self._around = around
        self._check()

    def told(self) -> Told:
        """The entries as they stand."""
        old = self._ratio_of(self._meter.ct_ratio)
        new = self._ratio_of(self.ratio.value() if self._exchanged else self._meter.ct_ratio)
        return Told(self.at.ms, self._wh(self.old_end, old), self._wh(self.new_start, new))

    @property
    def _exchanged(self) -> bool:
        return bool(self.kind.currentData() == RegisterEventKind.EXCHANGE.value)

    def _ratio_of(self, ct_ratio: float) -> Decimal:
        return Decimal(repr(ct_ratio)) * Decimal(repr(self._meter.vt_ratio))

    def checks(self) -> dict[str, Check]:
        now_ms = self._formats.now_ms()
        return checks(self._formats, self._comparable(), self._around, self._meter, now_ms)

    def _comparable(self) -> Told:
        """Readings after an exchange of the ratio are stored with the old one until it is told."""
        told = self.told()
        start = self._wh(self.new_start, self._ratio_of(self._meter.ct_ratio))
        return Told(told.at_ms, told.old_end_wh, start)

    def _check(self) -> None:
        found = self.checks()
        for key in ("at", "old_end", "new_start"):
            check = found[key]
            is_bad = check.verdict is Verdict.WRONG
            self.form.errors[key].setText(_mark(check))
            self.form.errors[key].setVisible(is_bad)
            parts = [self._helps.get(key, ""), "" if is_bad else _mark(check)]
            self.form.rename(key, self._captions[key], " ".join(p for p in parts if p))
        for key, field in (("old_end", self.old_end), ("new_start", self.new_start)):
            if field.text().strip() and self._wh(field, Decimal(1)) is None:
                example = self._formats.number(1234.5, 1)
                self.form.errors[key].setText(f"✗ It is no reading: digits such as {example} are.")
                self.form.errors[key].setVisible(True)
        self.across.setText(_mark(found["across"]))
        self.across.setVisible(bool(found["across"].text))
        told = self.told()
        complete = told.old_end_wh is not None and told.new_start_wh is not None
        self.enter_button.setEnabled(complete and not is_wrong(found))

    def _wh(self, field: QLineEdit, ratio: Decimal) -> int | None:
        """None: no reading stands there."""
        value = self._formats.read_number(field.text().replace("kWh", ""))
        return None if value is None or value < 0 else words.wh_of(str(value), ratio)

    # -------------------------------------------------------- photo

    def _ask_for_photo(self) -> None:
        self._choose_photo(self, self.take_photo)

    def take_photo(self, path: Path | None) -> None:
        """Copied when the exchange is entered, not before."""
        self._photo = path
        self.photo_name.setText("none" if path is None else path.name)
        self.forget_button.setVisible(path is not None)

    # -------------------------------------------------------- entering

    def enter(self, *, confirmed: bool = False) -> None:
        """Books it; the dialog stays open with the reason when it is refused.

        confirmed: the person stands by readings that would book far too much.
        """
        told = self.told()
        if told.old_end_wh is None or told.new_start_wh is None:
            return
        exchanged = self._exchanged
        entry = partial(
            ExchangeEntry,
            meter_id=self._meter.meter_id,
            at_ms=told.at_ms,
            old_end_wh=told.old_end_wh,
            new_start_wh=told.new_start_wh,
            register=str(self.register.currentData()),
            kind=RegisterEventKind(self.kind.currentData()),
            serial_number=(self.serial.text().strip() or None) if exchanged else None,
            ct_ratio=self._new_ratio() if exchanged else None,
            note=self.note.toPlainText().strip(),
            confirmed=confirmed,
        )
        photo, meter_id, services = self._photo, self._meter.meter_id, self._services

        def work() -> ExchangeResult:
            kept = "" if photo is None else services.quality.keep_photo(photo, meter_id)
            return services.exchanges.enter(entry(photo=kept))

        self.wrong.hide()
        self.enter_button.setEnabled(False)
        self._context.jobs.start(work, self._on_entered, self._on_refused, guard=self)

    def _on_refused(self, error: UserFacingError) -> None:
        if not isinstance(error, ConfirmationNeeded):
            self._tell(error)
        else:
            remedy = error.remedy.replace(" (--confirm)", "")
            self._tell(WrongUse(where=error.where, what=error.what, remedy=remedy))
            question = Question(
                self,
                "Are these readings right?",
                f"{error.what} {remedy}",
                do="Readings are right",
                leave="Check them",
            )
            question.answered.connect(self._on_confirmed)
            question.open()

    def _on_confirmed(self, yes: bool) -> None:
        if yes:
            self.enter(confirmed=True)

    def _new_ratio(self) -> float | None:
        changed = self.ratio.value()
        return None if changed == self._meter.ct_ratio else changed

    def _on_entered(self, result: ExchangeResult) -> None:
        self.entered.emit(result)
        self.accept()

    def _tell(self, error: UserFacingError) -> None:
        self.wrong.set_text(error.what, error.remedy)
        self.wrong.show()
        self._check()


_MARKS = {Verdict.FITS: "✓ ", Verdict.WRONG: "✗ ", Verdict.UNKNOWN: ""}


def _mark(check: Check) -> str:
    return _MARKS[check.verdict] + check.text


def _reading(placeholder: str) -> QLineEdit:
    field = QLineEdit()
    field.setPlaceholderText(placeholder)
    field.setMaxLength(24)
    return field


def _ask_photo(parent: QWidget, then: Callable[[Path], object]) -> object:
    endings = " ".join(f"*{e}" for e in PHOTO_ENDINGS)
    return choose_files(
        parent, "Photo of the exchange", [f"Photos and scans ({endings})"], lambda p: then(p[0])
    )
