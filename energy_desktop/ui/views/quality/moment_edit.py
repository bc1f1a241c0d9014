"""A moment in the site's time, to the minute, that knows the hours a clock change skips or repeats.

A date-time field alone cannot: 02:30 on the last Sunday of October is two moments. Where the local
time happens twice, a choice of both stands beside the field; a time that never happens moves on to
the one that the clocks show then.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from PySide6.QtCore import QDate, QDateTime, QLocale, QSignalBlocker, QTime, QTimeZone, Signal
from PySide6.QtWidgets import QComboBox, QDateTimeEdit, QHBoxLayout, QWidget

from energy_desktop.domain.clock import from_ms, to_ms


class MomentEdit(QWidget):
    """`changed` tells the new moment in UTC epoch ms after a person changed it."""

    changed = Signal(object)

    def __init__(self, zone: ZoneInfo, name: str, *, seconds: bool = False) -> None:
        super().__init__()
        self._zone = zone
        self._name = name
        self._ms = 0
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.field = QDateTimeEdit()
        self.field.setLocale(QLocale.c())
        self.field.setTimeZone(QTimeZone.utc())  # clock changes are the site's, not the machine's
        self.field.setDisplayFormat("d MMM yyyy HH:mm:ss" if seconds else "d MMM yyyy HH:mm")
        self.field.setCalendarPopup(True)
        self.field.setKeyboardTracking(False)
        self.which = QComboBox()
        self.which.setAccessibleName(f"{name}: which of the two hours")
        self.which.hide()
        row.addWidget(self.field, 1)
        row.addWidget(self.which)
        self.setFocusProxy(self.field)
        self.setAccessibleName(name)
        self.field.dateTimeChanged.connect(self._on_typed)
        self.which.activated.connect(lambda _: self._on_typed())

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.field.setAccessibleName(name)

    @property
    def ms(self) -> int:
        """The moment in UTC epoch ms, exact also where the field shows only minutes."""
        return self._ms

    def set_zone(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def set_ms(self, epoch_ms: int) -> None:
        """Shows a moment without telling."""
        self._ms = epoch_ms
        self._show()

    def _show(self) -> None:
        local = from_ms(self._ms).astimezone(self._zone)
        with QSignalBlocker(self.field):
            day = QDate(local.year, local.month, local.day)
            time = QTime(local.hour, local.minute, local.second)
            self.field.setDateTime(QDateTime(day, time, QTimeZone.utc()))
        twice = _happens_twice(local)
        if twice:
            self.which.clear()
            for fold in (0, 1):
                self.which.addItem(local.replace(fold=fold).tzname() or "")
            self.which.setCurrentIndex(local.fold)
        self.which.setVisible(twice)

    def _on_typed(self) -> None:
        shown = self.field.dateTime()
        day, time = shown.date(), shown.time()
        local = datetime(
            day.year(), day.month(), day.day(), time.hour(), time.minute(), time.second(),
            tzinfo=self._zone,
        )  # fmt: skip
        if _happens_twice(local) and not self.which.isHidden():
            local = local.replace(fold=self.which.currentIndex())
        epoch_ms = to_ms(local)
        if epoch_ms != self._ms:
            self._ms = epoch_ms
            self._show()
            self.changed.emit(epoch_ms)
        else:
            self._show()  # a time that never happens is shown as the one that does


def _happens_twice(local: datetime) -> bool:
    first, second = local.replace(fold=0), local.replace(fold=1)
    if first.utcoffset() == second.utcoffset():
        return False
    # In the skipped hour the offsets differ too, but the clocks never show it.
    return from_ms(to_ms(first)).astimezone(local.tzinfo).hour == local.hour
