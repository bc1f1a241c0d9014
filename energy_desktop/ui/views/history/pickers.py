"""The row above the pictures: which meter, which quantity, which time.

Periods are whole local days that end with the newest data; a period dragged somewhere is taken as
it is and shown as "Custom".
"""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QDate, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDateEdit, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.quantities import quantity
from energy_desktop.services.history import HistorySubject
from energy_desktop.services.local_days import days_touched
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.elided_chooser import ElidedChooser
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.segmented import Segmented

SPANS = (
    ("1", "Day"),
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "Year"),
    ("all", "All"),
    ("0", "Custom"),
)
DAY_MS = 86_400_000
_USUAL_DAYS = 30
_METER_WIDE = 320


class Pickers(QWidget):
    """`changed`: a person chose another meter, quantity or period."""

    changed = Signal()
    day_wanted = Signal()  # the period was set to one day

    def __init__(self, formats: Formats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        self._subjects: tuple[HistorySubject, ...] = ()
        self.period: tuple[int, int] | None = None
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.meter = ElidedChooser("Meter", wide=_METER_WIDE)
        self.quantity = QComboBox()
        self.quantity.setAccessibleName("Quantity")
        self.quantity.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        # In a narrow window the name of the meter gives way: Qt would cut both of them unmarked.
        self.quantity.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        row.addWidget(self.meter)
        row.addWidget(self.quantity)
        self.meter.activated.connect(lambda _: self._on_meter())
        self.quantity.activated.connect(lambda _: self.changed.emit())
        self.span = Segmented(SPANS, name="Period")
        self.span.set_value(str(_USUAL_DAYS))
        self.span.changed.connect(self._on_span)
        row.addWidget(self.span)
        self.earlier = self._arrow("chevron-left", "Earlier", -1)
        self.later = self._arrow("chevron-right", "Later", 1)
        self.text = paint.label("", "strong")
        row.addWidget(self.earlier)
        row.addWidget(self.text)
        self.first_day, self.last_day = QDateEdit(), QDateEdit()
        for edit, name in ((self.first_day, "First day"), (self.last_day, "Last day")):
            edit.setAccessibleName(name)
            edit.setCalendarPopup(True)
            edit.setDisplayFormat("d MMM yyyy")
            edit.setKeyboardTracking(False)
            edit.dateChanged.connect(lambda _: self._on_dates())
            edit.hide()
            row.addWidget(edit)
        row.addWidget(self.later)
        row.addStretch(1)

    def _arrow(self, icon: str, name: str, direction: int) -> QPushButton:
        return button("", lambda: self.step(direction), icon=icon, tooltip=name)

    # -------------------------------------------------------- what is chosen

    @property
    def subject(self) -> HistorySubject | None:
        chosen = self.meter.currentData()
        return next((s for s in self._subjects if s.meter.meter_id == chosen), None)

    @property
    def quantity_name(self) -> str | None:
        name: str | None = self.quantity.currentData()
        return name

    def show_subjects(self, subjects: tuple[HistorySubject, ...], wanted: str) -> None:
        """Fills the boxes; the meter chosen before stays where it still exists."""
        wanted = wanted or self.meter.currentData() or ""
        self._subjects = subjects
        self.meter.clear()
        for one in subjects:
            self.meter.addItem(one.meter.name, one.meter.meter_id)
        for box in (self.meter, self.quantity, self.span, self.earlier, self.later):
            box.setEnabled(bool(subjects))
        self.meter.setCurrentIndex(max(0, self.meter.findData(wanted)) if subjects else -1)
        self._fill_quantities()

    def choose_meter(self, meter_id: str) -> None:
        """Without telling; an unknown meter changes nothing."""
        index = self.meter.findData(meter_id)
        if index >= 0 and index != self.meter.currentIndex():
            self.meter.setCurrentIndex(index)
            self._fill_quantities()

    def add_at_end(self, widget: QWidget) -> None:
        """A widget at the right end of the row."""
        self._row.addWidget(widget)

    def focus(self) -> None:
        self.meter.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _fill_quantities(self) -> None:
        subject, before = self.subject, self.quantity.currentData()
        self.quantity.clear()
        for name in () if subject is None else subject.quantities:
            self.quantity.addItem(quantity(name).label, name)
        self.quantity.setCurrentIndex(max(0, self.quantity.findData(before)))

    def _on_meter(self) -> None:
        self._fill_quantities()
        subject = self.subject
        if subject is not None and self.period is not None:
            outside = self.period[0] >= subject.last_ms or self.period[1] <= subject.first_ms
            if outside or self.span.value == "all":
                self.take_span(self.span.value)
        self.changed.emit()

    # -------------------------------------------------------- time

    def take_period(self, start_ms: int, end_ms: int) -> None:
        """Shows a period without telling."""
        self.period = (start_ms, end_ms)
        days = round((end_ms - start_ms) / DAY_MS)
        if self.span.value != "all" or self.period != self._all():
            known = {value for value, _ in SPANS if value != "0"}
            self.span.set_value(str(days) if str(days) in known and self._whole_days() else "0")
        self.text.setText(self._formats.period(start_ms, end_ms))
        self._show_dates(False)
        for edit, at in ((self.first_day, start_ms), (self.last_day, end_ms - 1)):
            local = self._formats.local(at)
            edit.blockSignals(True)
            edit.setDate(QDate(local.year, local.month, local.day))
            edit.blockSignals(False)

    def _whole_days(self) -> bool:
        assert self.period is not None
        return all(self._formats.local(at).strftime("%H%M%S") == "000000" for at in self.period)

    def take_span(self, value: str) -> None:
        """Whole local days that end with the newest data of the meter, without telling."""
        everything = self._all()
        if value == "all" and everything is not None:
            self.span.set_value(value)
            self.take_period(*everything)
            return
        days = int(value) if value.isdigit() and value != "0" else _USUAL_DAYS
        subject, now = self.subject, self._formats.now_ms()
        last = now if subject is None else min(now, subject.last_ms - 1)
        zone = self._formats.zone
        end = int(days_touched(last, last + 1, zone)[-1])
        noon = end - DAY_MS // 2 - (days - 1) * DAY_MS
        self.take_period(int(days_touched(noon, noon + 1, zone)[0]), end)

    def _all(self) -> tuple[int, int] | None:
        subject = self.subject
        if subject is None:
            return None
        edges = days_touched(subject.first_ms, max(subject.last_ms, 1), self._formats.zone)
        return int(edges[0]), int(edges[-1])

    def _on_span(self, value: str) -> None:
        if value == "0":
            self._show_dates(True)
            return
        self.take_span(value)
        if value == "1":
            self.day_wanted.emit()
        self.changed.emit()

    def step(self, direction: int) -> None:
        """The period before or after, of as many local days."""
        if self.period is None:
            return
        start, end = self.period
        if end - start < DAY_MS - 2 * 3_600_000:  # a part of a day
            shift = direction * (end - start)
            self.take_period(start + shift, end + shift)
            self.changed.emit()
            return
        days = round((end - start) / DAY_MS) or 1
        zone = self._formats.zone
        middle = start + direction * days * DAY_MS + DAY_MS // 2
        first = int(days_touched(middle, middle + 1, zone)[0])
        edges = days_touched(first, first + days * DAY_MS - DAY_MS // 2, zone)
        self.take_period(first, int(edges[-1]))
        self.changed.emit()

    def _show_dates(self, editing: bool) -> None:
        self.text.setVisible(not editing)
        self.first_day.setVisible(editing)
        self.last_day.setVisible(editing)

    def _on_dates(self) -> None:
        first, last = sorted(_date_of(e) for e in (self.first_day, self.last_day))
        zone = self._formats.zone
        noon = local_midnight_ms(last, zone) + DAY_MS // 2
        self.period = (
            local_midnight_ms(first, zone),
            int(days_touched(noon, noon + 1, zone)[-1]),
        )
        self.text.setText(self._formats.period(*self.period))
        self.changed.emit()


def _date_of(edit: QDateEdit) -> date:
    chosen = edit.date()
    return date(chosen.year(), chosen.month(), chosen.day())
