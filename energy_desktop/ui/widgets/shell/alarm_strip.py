"""The strip under the top bar while an alarm of priority 1 waits for a person."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout

from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.shell import AlarmSummary
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import PriorityMark
from energy_desktop.ui.widgets.paint import Mark
from energy_desktop.ui.widgets.panel import ElidedLabel, button

STRIP_HEIGHT = 38
_SEEN = "Acknowledge that you have seen it."
_WHAT_LEAST = 320  # what is the matter stands whole before what to do about it


class AlarmStrip(QFrame):
    """Only while a priority 1 is not acknowledged: what, since when, what to do."""

    acknowledged = Signal(int)
    opened = Signal(int)

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        self._alarm_id = 0
        self.setProperty("kind", "strip1")
        self.setFixedHeight(STRIP_HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 12, 1)
        row.setSpacing(10)
        self._mark = PriorityMark(1, 20)
        row.addWidget(self._mark)
        self._what = ElidedLabel("", "strong", least=_WHAT_LEAST)
        self._since = paint.label("")
        self._response = ElidedLabel("")
        row.addWidget(self._what)
        row.addWidget(self._since)
        row.addWidget(self._response)
        row.addStretch(1)
        self._waiting = paint.label("", "label")
        row.addWidget(self._waiting)
        self.acknowledge_button = button(
            "Acknowledge", lambda: self.acknowledged.emit(self._alarm_id)
        )
        row.addWidget(self.acknowledge_button)
        row.addWidget(button("Open", lambda: self.opened.emit(self._alarm_id), kind="link"))
        self.hide()

    def show_summary(self, summary: AlarmSummary, *, on_alarm_page: bool) -> None:
        urgent = summary.urgent
        self.setVisible(urgent is not None and not on_alarm_page)
        if urgent is None:
            return
        self._alarm_id = urgent.alarm_id
        self._what.set_text(urgent.what)
        since, returned = self._formats.moment(urgent.since_ms), urgent.returned_ms
        self._mark.show_mark(Mark(1, hollow=returned is not None))
        if returned is None:
            state, response = "active", urgent.response
            self._since.setText(f"since {since}")
        else:  # what to do about it would be wrong now
            state, response = "returned", _SEEN
            self._since.setText(f"from {since}, back to normal {self._formats.moment(returned)}")
        self._response.set_text(f"·  {response}" if response else "")
        self._waiting.setText(
            f"1 of {summary.unacknowledged} not acknowledged" if summary.unacknowledged else ""
        )
        self.setAccessibleName(f"Priority 1, {state}, not acknowledged: {urgent.what}. {response}")
