"""What was found on one machine, what it costs, and what people made of it.

A judgement is asked for in its place, not in a dialog: why it is no fault, who repaired it and
when. The reasons are kept, because the watch learns again from there.
"""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QDate, Qt, Signal
from PySide6.QtWidgets import QDateEdit, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from energy_desktop.domain.finding import Finding, FindingState, WatchState
from energy_desktop.services.maintenance import EquipmentReport
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.maintenance_words import latest
from energy_desktop.ui.widgets.marks import FactList, Figure, FigureRow
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import Panel, button

_YEAR_DAYS = 365
_STATE_WORDS = {
    FindingState.OPEN: "not judged yet",
    FindingState.CONFIRMED: "confirmed",
    FindingState.DISMISSED: "not a fault",
    FindingState.REPAIRED: "repaired",
}


class FindingPanel(Panel):
    """Shows a report; `judged` carries finding, state, who, note and the day of a repair."""

    judged = Signal(object, object, str, str, object)

    def __init__(self, formats: Formats, who: str) -> None:
        super().__init__("Finding")
        self._formats = formats
        self._finding: Finding | None = None
        self._asked: FindingState | None = None
        self.figures = FigureRow()
        self.sentence = label("", wrap=True)
        self.causes = label("", "strong", wrap=True)
        self.repair = label("", wrap=True)
        self.baseline = label("", "caption", wrap=True)
        self.facts = FactList()
        words = QWidget()
        column = QVBoxLayout(words)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for shown in (
            self.figures,
            self.sentence,
            self.causes,
            self.repair,
            self.facts,
            self.baseline,
        ):
            column.addWidget(shown)
        column.addStretch(1)
        # Long causes at large type scroll; the buttons below stay in sight.
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(words)
        words.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        self.body.addWidget(scroll, 1)
        self.confirm = button("Confirm", lambda: self._tell(FindingState.CONFIRMED), kind="primary")
        self.dismiss = button("Not a fault", lambda: self._ask(FindingState.DISMISSED))
        self.repaired = button("Repaired", lambda: self._ask(FindingState.REPAIRED))
        self.reopen = button("Open again", lambda: self._tell(FindingState.OPEN), kind="link")
        self._buttons = QWidget()
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for one in (self.confirm, self.dismiss, self.repaired, self.reopen):
            row.addWidget(one)
        row.addStretch(1)
        self.body.addWidget(self._buttons)
        self.form = self._make_form(who)
        self.body.addWidget(self.form)
        self.form.hide()

    def _make_form(self, who: str) -> QWidget:
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.question = label("", "strong", wrap=True)
        self.who = QLineEdit(who)
        self.who.setPlaceholderText("Who")
        self.who.setAccessibleName("Who")
        self.who.setMaximumWidth(150)
        self.day = QDateEdit()
        self.day.setCalendarPopup(True)
        self.day.setDisplayFormat("d MMM yyyy")
        self.day.setAccessibleName("Day of the repair")
        self.note = QLineEdit()
        self.note.textChanged.connect(lambda _: self._enable())
        self.who.textChanged.connect(lambda _: self._enable())
        self.send = button("", self._on_send, kind="primary")
        column.addWidget(self.question)
        fields = QHBoxLayout()
        fields.addWidget(self.who)
        fields.addWidget(self.day)
        fields.addWidget(self.note, 1)
        column.addLayout(fields)
        row = QHBoxLayout()
        row.addWidget(self.send)
        row.addWidget(button("Leave it as it is", self._close_form))
        row.addStretch(1)
        column.addLayout(row)
        return form

    # -------------------------------------------------------- showing

    def show_report(self, report: EquipmentReport) -> None:
        """The creep of a watch; without one, how well the machine can be watched."""
        watch, formats = report.watch, self._formats
        finding = latest(watch)
        if finding != self._finding:
            self._close_form()
        self._finding = finding
        self.set_title(watch.meter_name, "" if finding is None else _STATE_WORDS[finding.state])
        if finding is not None:
            energy = formats.scale("Wh", [finding.excess_wh])
            days = zip(watch.day_ms, watch.expected_wh, strict=True)
            expected = [v for at_ms, v in days if at_ms >= finding.start_ms and v == v]
            mean_wh = sum(expected) / len(expected) if expected else 0.0
            yearly_wh = mean_wh * _YEAR_DAYS * finding.change_pct / 100
            rate = finding.excess_cost_units / finding.excess_wh if finding.excess_wh else 0.0
            yearly = formats.scale("Wh", [yearly_wh])
            self.figures.show_figures(
                [
                    Figure(
                        "above its baseline",
                        formats.percent(finding.change_pct, 1, signed=True),
                        "",
                        f"since {formats.day(finding.start_ms)}",
                    ),
                    Figure(
                        "so far",
                        energy.text(finding.excess_wh),
                        energy.unit,
                        formats.money(finding.excess_cost_units),
                    ),
                    Figure(
                        "a year, if it stays so",
                        yearly.text(yearly_wh),
                        yearly.unit,
                        formats.money(round(yearly_wh * rate)),
                    ),
                ]
            )
        self.figures.setVisible(finding is not None)
        told = watch.state_sentence if finding is None else finding.sentence
        self.sentence.setText(self._formats.told(told))
        causes = "" if finding is None else "; ".join(finding.causes)
        self.causes.setText(f"Likely: {causes}." if causes else "")
        self.causes.setVisible(bool(causes))
        self.repair.setText(self._judgement(finding, report))
        self.repair.setVisible(bool(self.repair.text()))
        self.facts.show_facts(self._facts(report))
        self.baseline.setText(self._formats.told(watch.baseline_sentence))
        self._show_buttons(finding)

    def _judgement(self, finding: Finding | None, report: EquipmentReport) -> str:
        said = ""
        if finding is not None and finding.state is not FindingState.OPEN:
            when = self._formats.moment(finding.state_at_ms)
            by = f" by {finding.state_by}" if finding.state_by else ""
            said = f"{_STATE_WORDS[finding.state].capitalize()}{by}, {when}"
            said += f": {finding.note}" if finding.note else ""
            said = said.rstrip(".") + "."
        if report.watch.repair is not None:
            said = f"{said} {report.watch.repair.sentence}".strip()
        return said

    def _facts(self, report: EquipmentReport) -> list[tuple[str, str]]:
        watch, formats = report.watch, self._formats
        facts = []
        if watch.state is WatchState.LEARNING:
            facts.append(("Learnt", f"{watch.learned_days} of {watch.needed_days} days"))
        if watch.state in (WatchState.WATCHING, WatchState.PAUSED):
            facts.append(
                (
                    "Creep that would be found within 12 weeks",
                    formats.percent(watch.detectable_pct_in_12_weeks, 1),
                )
            )
        facts += [
            ("Meter class", f"±{formats.percent(watch.meter_class_pct)}"),
            (
                "The naive rule (week against week, 10 %) would have alarmed",
                f"{watch.naive_alarms} times" if watch.naive_alarms != 1 else "once",
            ),
            ("Strange hours", f"{len(report.anomalies)} listed" if report.anomalies else "none"),
        ]
        return facts

    def _show_buttons(self, finding: Finding | None) -> None:
        self._buttons.setVisible(finding is not None and self._asked is None)
        if finding is None:
            return
        settled = finding.state in (FindingState.DISMISSED, FindingState.REPAIRED)
        self.confirm.setVisible(finding.state is FindingState.OPEN)
        self.dismiss.setVisible(not settled)
        self.repaired.setVisible(not settled)
        self.reopen.setVisible(finding.state is not FindingState.OPEN)

    # -------------------------------------------------------- judging

    def _ask(self, state: FindingState) -> None:
        self._asked = state
        repaired = state is FindingState.REPAIRED
        self.question.setText(
            "Who repaired it, when, and what was done?" if repaired else "Why is it no fault?"
        )
        self.note.setPlaceholderText("What was done" if repaired else "The reason, it is kept")
        self.note.setAccessibleName(self.note.placeholderText())
        self.note.clear()
        self.day.setVisible(repaired)
        today = self._formats.local(self._formats.now_ms()).date()
        self.day.setMaximumDate(QDate(today.year, today.month, today.day))
        self.day.setDate(QDate(today.year, today.month, today.day))
        self.send.setText("Mark as repaired" if repaired else "Mark as no fault")
        self._buttons.hide()
        self.form.show()
        self._enable()
        (self.who if repaired else self.note).setFocus()

    def _enable(self) -> None:
        told = self.note.text() if self._asked is FindingState.DISMISSED else self.who.text()
        self.send.setEnabled(bool(told.strip()))

    def _on_send(self) -> None:
        if self._asked is None or self._finding is None:
            return
        day: date | None = None
        if self._asked is FindingState.REPAIRED:
            chosen = self.day.date()
            day = date(chosen.year(), chosen.month(), chosen.day())
        finding, state = self._finding, self._asked
        self._close_form()
        self.judged.emit(finding, state, self.who.text().strip(), self.note.text().strip(), day)

    def _close_form(self) -> None:
        self._asked = None
        self.form.hide()
        self._show_buttons(self._finding)

    def _tell(self, state: FindingState) -> None:
        if self._finding is not None:
            self.judged.emit(self._finding, state, self.who.text().strip(), "", None)
