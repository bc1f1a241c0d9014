"""The period of the page: a month or a year of the site, one step earlier or later."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from energy_desktop.domain.clock import from_ms, local_midnight_ms
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.segmented import Segmented

MONTH, YEAR = "month", "year"


class PeriodChoice(QWidget):
    """`changed` after a person chose another one. The coming period cannot be chosen."""

    changed = Signal()

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        self._first = _today(formats).replace(day=1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.length = Segmented(((MONTH, "Month"), (YEAR, "Year")), name="Period")
        self.length.changed.connect(lambda _: self._tell())
        self.earlier = button("", lambda: self.step(-1), icon="chevron-left", tooltip="Earlier")
        self.text = paint.label("", "strong")
        self.later = button("", lambda: self.step(1), icon="chevron-right", tooltip="Later")
        for one in (self.length, self.earlier, self.text, self.later):
            row.addWidget(one)
        self._show()

    @property
    def bounds_ms(self) -> tuple[int, int]:
        """[start, end) in UTC epoch ms; the end may lie ahead."""
        zone = self._zone
        return local_midnight_ms(self._start, zone), local_midnight_ms(self._after, zone)

    def show_moment(self, at_ms: int, length: str = "") -> None:
        """The period that contains a moment, without telling. length: MONTH, YEAR or as it is."""
        if length:
            self.length.set_value(length)
        local = from_ms(at_ms).astimezone(self._zone).date()
        self._first = min(local, _today(self._formats)).replace(day=1)
        self._show()

    def step(self, by: int) -> None:
        """Months or years earlier (negative) or later."""
        months = by * (12 if self.length.value == YEAR else 1)
        count = self._first.year * 12 + self._first.month - 1 + months
        wanted = date(count // 12, count % 12 + 1, 1)
        newest = _today(self._formats).replace(day=1)
        if self.length.value == YEAR and wanted.year == newest.year:
            wanted = min(wanted, newest)
        if wanted <= newest and wanted.year > 1970:
            self._first = wanted
            self._tell()

    def _tell(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        start = self._start
        is_year = self.length.value == YEAR
        self.text.setText(
            str(start.year) if is_year else self._formats.month(start.year, start.month)
        )
        self.later.setEnabled(self._after <= _today(self._formats))

    @property
    def _zone(self) -> ZoneInfo:
        return self._formats.zone

    @property
    def _start(self) -> date:
        return self._first.replace(month=1) if self.length.value == YEAR else self._first

    @property
    def _after(self) -> date:
        if self.length.value == YEAR:
            return date(self._first.year + 1, 1, 1)
        month = self._first.month
        return date(self._first.year + month // 12, month % 12 + 1, 1)


def _today(formats: Formats) -> date:
    return formats.local(formats.now_ms()).date()
