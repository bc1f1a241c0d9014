"""Corrects a span: which, how, what would come of it, why, and only then Apply.

A preview is of the entries as they stood; any change of them takes it back, so that nothing is
applied that was not seen.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from PySide6.QtCore import QDate, QLocale, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateEdit,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain import wording
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.editing import Edit, EditMethod, EditParameters, EditPreview, Shape
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.services.data_quality import QualityLook
from energy_desktop.services.editing import EditingService
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk.form import Form
from energy_desktop.ui.views.quality import words
from energy_desktop.ui.views.quality.moment_edit import MomentEdit
from energy_desktop.ui.views.quality.preview import PreviewPanel
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.decimal_box import DecimalBox
from energy_desktop.ui.widgets.panel import button

ESTIMATE = "estimate"
_METHODS = (
    (ESTIMATE, "Estimate the open gaps"),
    (EditMethod.LIKE_DAYS.value, "Like the same weekdays before"),
    (EditMethod.LINE.value, "Straight line between the neighbours"),
    (EditMethod.COPY_DAY.value, "Copy a like day"),
    (EditMethod.SPREAD.value, "Spread a known total"),
    (EditMethod.SET.value, "Set each interval"),
    (EditMethod.SCALE.value, "Scale"),
)
_HELP = {
    ESTIMATE: "Up to an hour a straight line, longer as the same weekdays of the 3 weeks before; "
    "the sum meets the register where it knows the gap.",
    EditMethod.LIKE_DAYS.value: "As the same weekday and time of the 3 weeks before.",
    EditMethod.LINE.value: "From the interval before to the one after.",
    EditMethod.COPY_DAY.value: "Hour by hour from another day of this meter.",
    EditMethod.SPREAD.value: "A total that you know, over the intervals of the span.",
    EditMethod.SET.value: "The same energy in each interval.",
    EditMethod.SCALE.value: "Each interval that has a value, times a factor.",
}
_SHAPES = (
    (Shape.LIKE_DAYS.value, "as the same weekdays before"),
    (Shape.EVEN.value, "evenly"),
    (Shape.DAY.value, "as on a day"),
)
_KEEPS_TOTAL = (EditMethod.LIKE_DAYS, EditMethod.LINE, EditMethod.COPY_DAY)
_BY_REGISTER, _TYPED = "register", "typed"


class CorrectionPanel(QWidget):
    """`span_changed` tells (start_ms, end_ms), `previewed` an EditPreview or None, `applied` the
    Edit that was made."""

    span_changed = Signal(object, object)
    previewed = Signal(object)
    applied = Signal(object)

    def __init__(self, page: BaseView, editing: EditingService) -> None:
        super().__init__()
        self._page = page
        self._formats = page.formats
        self._editing = editing
        self._look: QualityLook | None = None
        self._preview: EditPreview | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self._entries(), 1)
        self.preview_panel = PreviewPanel(page.formats)
        row.addWidget(self.preview_panel, 1)
        column.addLayout(row, 1)
        column.addLayout(self._last_row())
        self._on_method()
        self._enable()

    def _last_row(self) -> QHBoxLayout:
        """Why, and the buttons, under the entries and what they would do."""
        row = QHBoxLayout()
        row.setSpacing(8)
        self.reason = QLineEdit()
        self.reason.setAccessibleName("Reason")
        self.reason.setPlaceholderText("Why: the next reader of the bill will ask")
        self.reason.setMaxLength(500)
        self.reason.textChanged.connect(lambda _: self._enable())
        self.reason.returnPressed.connect(self._on_return)
        self.preview_button = button("Preview", self.preview, icon="eye-outline")
        self.apply_button = button("Apply", self.apply, icon="check", kind="primary")
        self.drop_button = button("Drop preview", self.drop, kind="link")
        caption = paint.label("Reason", "label")
        caption.setBuddy(self.reason)
        row.addWidget(caption)
        row.addWidget(self.reason, 1)
        for one in (self.drop_button, self.preview_button, self.apply_button):
            row.addWidget(one)
        return row

    def _entries(self) -> QWidget:
        zone = self._formats.zone
        self.form = Form()
        self.start = MomentEdit(zone, "From")
        self.end = MomentEdit(zone, "To")
        self.method = QComboBox()
        for value, text in _METHODS:
            self.method.addItem(text, value)
        self.value = _number(" kWh", 3, 1_000_000)
        self.factor = _number("", 6, 1_000_000)
        self.factor.setValue(1.0)
        self.whose = QComboBox()
        self.whose.addItem("what the register says", _BY_REGISTER)
        self.whose.addItem("a total that I know", _TYPED)
        self.total = _number(" kWh", 3, 1_000_000_000)
        self.shape = QComboBox()
        for value, text in _SHAPES:
            self.shape.addItem(text, value)
        self.day = QDateEdit()
        self.day.setLocale(QLocale.c())
        self.day.setCalendarPopup(True)
        self.day.setDisplayFormat("ddd d MMM yyyy")
        self.keep = QCheckBox("Scale it to what the register says")
        self.keep.setChecked(True)
        rows: tuple[tuple[str, str, QWidget], ...] = (
            ("start", "From", self.start),
            ("end", "To", self.end),
            ("method", "Method", self.method),
            ("value", "Each interval", self.value),
            ("factor", "Factor", self.factor),
            ("whose", "Total", self.whose),
            ("total", "Known total", self.total),
            ("shape", "Spread", self.shape),
            ("day", "As on", self.day),
            ("keep", "", self.keep),
        )
        for key, text, field in rows:
            self.form.add(key, text, field)
        self.keep.setAccessibleName(self.keep.text())
        for moment in (self.start, self.end):
            moment.changed.connect(lambda _: self._on_span())
        self.method.activated.connect(lambda _: self._on_method())
        for box in (self.whose, self.shape):
            box.activated.connect(lambda _: self._on_method())
        for spin in (self.value, self.factor, self.total):
            spin.valueChanged.connect(lambda _: self.drop())
        self.day.dateChanged.connect(lambda _: self.drop())
        self.keep.toggled.connect(lambda _: self.drop())
        return self.form

    # -------------------------------------------------------- what is shown

    def show_look(self, look: QualityLook) -> None:
        """The register that is corrected now; a preview of before is gone."""
        before, self._look = self._look, look
        same = before is not None and before.meter == look.meter
        if not same or self._preview is not None:
            self.drop()  # else what was just done stays readable
        self._enable()

    @property
    def span(self) -> tuple[int, int]:
        return self.start.ms, self.end.ms

    def set_span(self, start_ms: int, end_ms: int) -> None:
        """Chosen in the chart or in the list of gaps."""
        if (start_ms, end_ms) == self.span:
            return
        self.start.set_ms(start_ms)
        self.end.set_ms(end_ms)
        self._suggest_day()
        self.drop()

    def choose_method(self, method: str) -> None:
        """One of ESTIMATE and the values of EditMethod."""
        self.method.setCurrentIndex(self.method.findData(method))
        self._on_method()

    def set_zone(self, zone: ZoneInfo) -> None:
        for moment in (self.start, self.end):
            moment.set_zone(zone)

    def drop(self) -> None:
        """Takes the preview back."""
        self.form.tell({})
        if self._preview is not None:
            self._preview = None
            self.previewed.emit(None)
        self.preview_panel.show_nothing(self._hint())
        self._enable()

    def _hint(self) -> str:
        if self._look is None:
            return "Choose a meter."
        return _HELP[str(self.method.currentData())]

    def _on_span(self) -> None:
        self._suggest_day()
        self.drop()
        self.span_changed.emit(self.start.ms, self.end.ms)

    def _suggest_day(self) -> None:
        """The same weekday of the week before the span."""
        local = from_ms(self.start.ms).astimezone(self._formats.zone).date()
        self.day.setDate(QDate(local.year, local.month, local.day).addDays(-7))

    def _on_method(self) -> None:
        method = str(self.method.currentData())
        spread = method == EditMethod.SPREAD.value
        copies = method == EditMethod.COPY_DAY.value
        along_day = spread and self.shape.currentData() == Shape.DAY.value
        shown = {
            "value": method == EditMethod.SET.value,
            "factor": method == EditMethod.SCALE.value,
            "whose": spread,
            "total": spread and self.whose.currentData() == _TYPED,
            "shape": spread,
            "day": copies or along_day,
            "keep": method in {m.value for m in _KEEPS_TOTAL},
        }
        for key, on in shown.items():
            self.form.show_row(key, on)
        self.drop()

    def _enable(self) -> None:
        there = self._look is not None and self.start.ms < self.end.ms
        self.preview_button.setEnabled(there)
        self.apply_button.setEnabled(self._preview is not None and bool(self.reason.text().strip()))
        self.drop_button.setVisible(self._preview is not None)

    def _on_return(self) -> None:
        if self.apply_button.isEnabled():
            self.apply()
        elif self.preview_button.isEnabled() and self._preview is None:
            self.preview()

    # -------------------------------------------------------- asking and doing

    def parameters(self) -> EditParameters:
        """What the chosen method is given."""
        method = str(self.method.currentData())
        typed = self.whose.currentData() == _TYPED
        day = self.day.date()
        spreads = method == EditMethod.SPREAD.value
        return EditParameters(
            value_wh=words.wh_of(self.value.cleanText()),
            factor=Decimal(self.factor.cleanText()),
            total_wh=words.wh_of(self.total.cleanText()) if spreads and typed else None,
            shape=Shape(self.shape.currentData()),
            source_day=day.toPython(),  # type: ignore[arg-type]
            keep_total=self.keep.isChecked(),
        )

    def preview(self) -> None:
        """Asks what the correction would do; nothing is changed."""
        look = self._look
        if look is None:
            return
        method, parameters = str(self.method.currentData()), self.parameters()
        meter_id, register = look.meter.meter_id, look.register
        start_ms, end_ms = self.span
        work = partial(self._editing.estimate_gaps, meter_id, start_ms, end_ms, register)
        if method != ESTIMATE:
            work = partial(
                self._editing.preview,
                meter_id, register, start_ms, end_ms, EditMethod(method), parameters,
            )  # fmt: skip
        self.preview_panel.show_nothing("Computing the preview.")
        self._page.load(work, self.show_preview, key="preview", on_error=self._tell)

    def show_preview(self, preview: EditPreview) -> None:
        """Public: shows a preview that was made elsewhere, too."""
        self._preview = preview
        self.preview_panel.show_preview(preview)
        self.previewed.emit(preview)
        self._enable()
        if not self.reason.text().strip():
            self.reason.setFocus()

    def apply(self) -> None:
        """Puts the previewed values in force."""
        preview = self._preview
        if preview is None:
            return
        self.apply_button.setEnabled(False)
        work = partial(self._editing.apply, preview, self.reason.text())
        self._page.load(work, self._on_applied, key="apply", on_error=self._tell)

    def _on_applied(self, edit: Edit) -> None:
        self.reason.clear()
        self.drop()
        self.preview_panel.show_nothing(
            f"Correction {edit.edit_id}: {wording.count(edit.intervals, 'interval')} are now "
            f"{words.with_kwh(self._formats, edit.after_wh)} together. "
            "It can be undone in the list of corrections."
        )
        self.applied.emit(edit)

    def _tell(self, error: UserFacingError) -> None:
        self.preview_panel.show_error(error)
        self._enable()


def _number(suffix: str, decimals: int, most: float) -> DecimalBox:
    box = DecimalBox()
    box.setDecimals(decimals)
    box.setRange(0.0, most)
    box.setStepType(DecimalBox.StepType.AdaptiveDecimalStepType)
    box.setSuffix(suffix)
    return box
