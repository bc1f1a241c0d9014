"""One alarm at the right of the list: what to do, what it looked like, and what one may do to it.

The response stands first, because an alarm is a request to act. The commands stand at the bottom,
so that they keep their place whatever is above them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.alarm import Alarm
from energy_desktop.services.alarms import AlarmPast
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views import alarm_words as words
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Limit, Line, Moment, Region
from energy_desktop.ui.widgets.decimate import gap_steps
from energy_desktop.ui.widgets.marks import Legend, PriorityMark
from energy_desktop.ui.widgets.panel import Panel, button

SHELVE_ENDS = (
    ("for 1 h", 3_600_000),
    ("for 4 h", 4 * 3_600_000),
    ("for 8 h", 8 * 3_600_000),
    ("for 24 h", 24 * 3_600_000),
    ("for 7 days", 7 * 86_400_000 - 60_000),
)
"""The desk takes a week at most; a minute less, so that the click itself does not exceed it."""


FACTS = (
    "Value",
    "Since",
    "If ignored",
    "Delays",
    "Last time",
    "Acknowledged",
    "Shelved",
)


class AlarmDetail(QWidget):
    """Shows one alarm. The page carries the commands out."""

    acknowledge = Signal(str, str)  # who, note
    shelve = Signal(int, str, str)  # how long in ms, who, reason
    unshelve = Signal(str)  # who
    readings_wanted = Signal()

    def __init__(self, formats: Formats, who: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        self._alarm: Alarm | None = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self.panel = Panel("Alarm")
        whole.addWidget(self.panel)
        self._mark = PriorityMark(3)
        self.panel.add_header_widget(self._mark)
        body = self.panel.body

        todo = QFrame()
        todo.setProperty("kind", "inset")
        inside = QVBoxLayout(todo)
        inside.setContentsMargins(10, 8, 10, 8)
        inside.setSpacing(2)
        inside.addWidget(paint.label("What to do", "title"))
        self._response = paint.label("", wrap=True)
        inside.addWidget(self._response)
        body.addWidget(todo)

        head = QHBoxLayout()
        self._curve_title = paint.label("", "label")
        self._legend = Legend()
        head.addWidget(self._curve_title, 1)
        head.addWidget(self._legend)
        body.addLayout(head)
        self.chart = Chart(formats, name="Around the moment", readout=False)
        self.chart.setMinimumHeight(120)
        body.addWidget(self.chart, 1)

        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(12)
        self._facts.setVerticalSpacing(3)
        self._facts.setColumnStretch(1, 1)
        self._fact_labels: dict[str, tuple[QLabel, QLabel]] = {}
        for name in FACTS:
            self._fact(name, "")
        body.addLayout(self._facts)

        self._message = paint.label("", "label", wrap=True)
        self._message.setVisible(False)
        body.addWidget(self._message)
        body.addWidget(self._commands(who))

    def _commands(self, who: str) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setSpacing(8)
        self.who = QLineEdit(who)
        self.who.setCursorPosition(0)
        self.who.setPlaceholderText("Your name")
        self.who.setAccessibleName("Your name")
        self.note = QLineEdit()
        self.note.setPlaceholderText("Note (optional)")
        self.note.setAccessibleName("Note")
        self.acknowledge_button = button(
            "Acknowledge",
            self.ask_acknowledge,
            icon="check",
            kind="primary",
            tooltip="Seen, and someone cares (A)",
        )
        self.end = QComboBox()
        for text, length_ms in SHELVE_ENDS:
            self.end.addItem(text, length_ms)
        self.end.setCurrentIndex(2)
        self.end.setAccessibleName("Shelve how long")
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("Reason for shelving")
        self.reason.setAccessibleName("Reason for shelving")
        self.reason.returnPressed.connect(self.ask_shelve)
        self.note.returnPressed.connect(self.ask_acknowledge)
        self.shelve_button = button(
            "Shelve",
            self.ask_shelve,
            icon="timer-sand-empty",
            tooltip="Set aside until an end, with a reason (S)",
        )
        self.unshelve_button = button("Take back", self._ask_unshelve)
        grid.addWidget(self.who, 0, 0)
        grid.addWidget(self.note, 0, 1)
        grid.addWidget(self.end, 1, 0)
        grid.addWidget(self.reason, 1, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.acknowledge_button, 1)
        buttons.addWidget(self.shelve_button, 1)
        buttons.addWidget(self.unshelve_button, 1)
        grid.addLayout(buttons, 2, 0, 1, 2)
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 3)
        return box

    # -------------------------------------------------------- showing

    @property
    def alarm(self) -> Alarm | None:
        return self._alarm

    def show_nothing(self, why: str) -> None:
        self._alarm = None
        self.panel.set_title("Alarm", "")
        self._mark.setVisible(False)
        self.panel.show_empty(why, icon="bell-outline")

    def show_alarm(self, alarm: Alarm, now_ms: int) -> None:
        """Everything that the desk knows; the curve comes with `show_past`."""
        formats, rule = self._formats, alarm.rule
        other = self._alarm is None or (self._alarm.rule.rule_id, self._alarm.meter_id) != (
            rule.rule_id,
            alarm.meter_id,
        )
        self._alarm = alarm
        self.panel.show_body()
        self.panel.set_title(f"{alarm.meter_name}: {rule.name}", "")
        self._mark.setVisible(True)
        self._mark.show_mark(words.mark_of(alarm))
        self._response.setText(rule.response or "No response is written for this rule yet.")
        if other:
            self.note.clear()
            self.reason.clear()
            self.tell("")
            self.chart.show_message("")
            self._legend.show_entries(())
            self._curve_title.setText("")
            self._fact("Last time", "")
        self._fact("Value", words.against_limit(formats, alarm))
        self._fact(
            "Since",
            f"{words.when_text(formats, alarm)} "
            f"({formats.duration(words.lasted_s(alarm, now_ms))})",
        )
        self._fact("If ignored", rule.consequence)
        self._fact("Delays", words.delays_text(formats, rule))
        acknowledged = words.acknowledged_text(formats, alarm)
        note = f": {alarm.acknowledge_note}" if alarm.acknowledge_note else ""
        self._fact("Acknowledged", f"{acknowledged}{note}" if acknowledged else "")
        shelved = alarm.shelved_until_ms
        self._fact(
            "Shelved",
            ""
            if shelved is None
            else f"until {formats.moment(shelved)} by {alarm.shelved_by}: {alarm.shelve_reason}",
        )
        self.acknowledge_button.setEnabled(alarm.needs_acknowledgement)
        standing = alarm.is_active or alarm.needs_acknowledgement
        for widget in (self.shelve_button, self.end, self.reason):
            widget.setEnabled(standing and shelved is None)
        self.shelve_button.setVisible(shelved is None)
        self.unshelve_button.setVisible(standing and shelved is not None)

    def show_past(self, past: AlarmPast) -> None:
        """The curve around the moment and how often it went off before."""
        alarm = self._alarm
        if alarm is None:
            return
        formats, rule = self._formats, alarm.rule
        if past.last_before_ms is None:
            self._fact("Last time", "never in the last 30 days")
        else:
            times = "once" if past.earlier == 1 else f"{past.earlier} times"
            self._fact(
                "Last time", f"{formats.moment(past.last_before_ms)}, {times} in the last 30 days"
            )
        if not past.curves:
            self.chart.show_message("No readings are stored around that moment.")
            return
        from energy_desktop.domain.quantities import quantity

        first = past.curves[0]
        values = [float(v) for c in past.curves for v in c.mean if v == v]
        timed = words.is_timed(rule)
        bounds = values if timed else [*values, rule.limit]
        scale = formats.quantity_scale(first.quantity, bounds)
        label = quantity(first.quantity).label
        header = scale.header(label if len(past.curves) == 1 else "Phases")
        self._curve_title.setText(
            f"{header}; went off at {formats.clock_time(alarm.raised_at_ms, seconds=True)}"
        )
        lines, gaps = [], []
        for i, c in enumerate(past.curves):
            x = (c.start_ms + c.end_ms) / 2000.0
            after = gap_steps(x)
            gaps.append([(float(x[k - 1]), float(x[k])) for k in after])
            lines.append(
                Line(
                    quantity(c.quantity).label,
                    np.insert(x, after, x[after - 1]),
                    np.insert(c.mean, after, np.nan),
                    token=f"curve{i + 1}" if len(past.curves) > 1 else "text",
                    legend=len(past.curves) > 1,
                )
            )
        limits: tuple[Limit, ...] = ()
        low, high = min(bounds, default=0.0), max(bounds, default=0.0)
        # A flat line is drawn flat, not as noise in digits that nobody reads.
        room = max((high - low) * 0.12, 2 * scale.divisor / 10**scale.decimals)
        y_range = (low - room, high + room)
        if not timed and rule.condition.value in ("high", "low"):
            limits = (Limit(rule.limit, f"limit {scale.with_unit(rule.limit)}", dashed=True),)
        # Where nothing was read yet there is nothing to show of it.
        first_ms = min(int(c.start_ms[0]) for c in past.curves)
        start_ms = max(past.start_ms, min(first_ms, alarm.raised_at_ms) - 30_000)
        moments = [Moment(alarm.raised_at_ms / 1000)]
        if alarm.returned_at_ms is not None and alarm.returned_at_ms <= past.end_ms:
            moments.append(Moment(alarm.returned_at_ms / 1000, dashed=True))
        self.chart.show_data(
            ChartData(
                lines=tuple(lines),
                regions=tuple(Region(a, b, "gap") for a, b in gaps[0]),
                limits=limits,
                moments=tuple(moments),
                x_range=(start_ms / 1000, past.end_ms / 1000),
                y_range=y_range,
                description=(
                    f"{label} of {alarm.meter_name} from {formats.moment(start_ms)} to "
                    f"{formats.moment(past.end_ms)}; it went off at "
                    f"{formats.moment(alarm.raised_at_ms)}: "
                    f"{words.against_limit(formats, alarm)}."
                ),
            ),
            scale=scale,
        )
        self._legend.show_entries(self.chart.legend_entries())

    def tell(self, sentence: str) -> None:
        """Why a command was not carried out; empty hides it."""
        self._message.setText(sentence)
        self._message.setVisible(bool(sentence))

    def _fact(self, name: str, value: str) -> None:
        """A row of the facts; an empty value hides it."""
        if name not in self._fact_labels:
            left = paint.label(name, "label")
            right = paint.label("", wrap=True)
            row = self._facts.rowCount()
            self._facts.addWidget(left, row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(right, row, 1)
            self._fact_labels[name] = (left, right)
        left, right = self._fact_labels[name]
        right.setText(value)
        right.setAccessibleName(f"{name}: {value}")
        left.setVisible(bool(value))
        right.setVisible(bool(value))

    # -------------------------------------------------------- commands

    def ask_acknowledge(self) -> None:
        if self._alarm is None or not self._alarm.needs_acknowledgement:
            return
        self._with_name(lambda who: self.acknowledge.emit(who, self.note.text().strip()))

    def ask_shelve(self) -> None:
        """S: shelves, or first asks for the reason."""
        if self._alarm is None or not self.shelve_button.isEnabled():
            return
        reason = self.reason.text().strip()
        if not reason:
            self.tell("A shelf needs a reason.")
            self.reason.setFocus()
            return
        length_ms = int(self.end.currentData())
        self._with_name(lambda who: self.shelve.emit(length_ms, who, reason))

    def _ask_unshelve(self) -> None:
        self._with_name(self.unshelve.emit)

    def _with_name(self, act: Callable[[str], object]) -> None:
        who = self.who.text().strip()
        if not who:
            self.tell("Say who you are: the journal keeps the name.")
            self.who.setFocus()
            return
        self.tell("")
        act(who)
