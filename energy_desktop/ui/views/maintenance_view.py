"""Which machine is getting worse, since when, what does it cost; and which light burns on.

Two halves of one question, what runs that need not: a slow creep in equipment, and light that
nobody switches off. They share the page and keep their own panels.
"""

from __future__ import annotations

import getpass
from datetime import date
from typing import Protocol

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.finding import Finding, FindingState, WatchState
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.domain.snapshot import MeterStatus
from energy_desktop.domain.waste import WasteReport
from energy_desktop.services.maintenance import EquipmentReport
from energy_desktop.ui.formatting import Scale
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.maintenance_finding import FindingPanel
from energy_desktop.ui.views.maintenance_lighting import LightingBody
from energy_desktop.ui.views.maintenance_words import (
    answer,
    cusum_chart,
    energy_chart,
    excess_chart,
    excess_now_pct,
    standing,
    state_words,
    weekly_excess_pct,
)
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.marks import Legend
from energy_desktop.ui.widgets.paint import Spark
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Cell, Column, Table

_OFFERED_MONTHS = 12
_ROWS_IN_SIGHT = 4


class Equipment(Protocol):
    """What the page asks of services.maintenance."""

    def reports(
        self, progress: ProgressSink, statuses: dict[str, MeterStatus] | None = None
    ) -> tuple[EquipmentReport, ...]: ...

    def judge(
        self,
        finding: Finding,
        state: FindingState,
        who: str,
        note: str,
        at_ms: int | None = None,
    ) -> Finding: ...


class Lighting(Protocol):
    """What the page asks of services.waste."""

    def month(self, month: str) -> WasteReport: ...


class Statuses(Protocol):
    """What the page asks of services.meters: a lost meter pauses its watch."""

    def statuses(self) -> dict[str, MeterStatus]: ...


class MaintenanceView(BaseView):
    """`who` is the name offered for judgements; by default that of the system's user."""

    view_id = "maintenance"
    title = "Maintenance"
    follows_energy = True

    def __init__(
        self,
        context: ViewContext,
        equipment: Equipment,
        lighting: Lighting,
        meters: Statuses,
        who: str | None = None,
    ) -> None:
        super().__init__(context)
        self._equipment = equipment
        self._lighting = lighting
        self._meters = meters
        self._reports: tuple[EquipmentReport, ...] = ()
        self._equipment_answer = ""
        self._lighting_answer = ""
        self.part = Segmented([("equipment", "Equipment"), ("lighting", "Lighting")], name="Part")
        self.part.changed.connect(lambda _: self._show_part())
        self.light = LightingBody(self.formats)
        self.light.month_chosen.connect(lambda _: self._load_lighting())
        self.refused = InlineNotice("", tone=2)
        self.refused.hide()
        top = QHBoxLayout()
        top.addWidget(self.part)
        top.addWidget(self.light.month)
        top.addStretch(1)
        self.body.addLayout(top)
        self.body.addWidget(self.refused)
        self.parts = QStackedWidget()
        self.parts.addWidget(self._make_equipment(who if who is not None else _user_name()))
        self.parts.addWidget(self.light)
        self.body.addWidget(self.parts, 1)
        self._show_part()

    def _make_equipment(self, who: str) -> QWidget:
        formats = self.formats
        self.list_panel = Panel("Energy against own baseline")
        self.list: Table[EquipmentReport] = Table(
            [
                Column(
                    "Equipment",
                    lambda r: Cell(r.watch.meter_name, bold=True),
                    stretch=5,
                    elide_middle=True,
                ),
                Column(
                    "Excess",
                    self._excess_cell,
                    width=70,
                    number=True,
                    sort_key=lambda r: excess_now_pct(r.watch) or -1e9,
                ),
                Column(
                    "13 weeks, grey: normal",
                    self._spark_cell,
                    width=170,
                    tooltip="Mean excess of seven days; grey is the machine's own noise",
                ),
                Column("Finding", self._finding_cell, stretch=6),
            ],
            key=lambda r: r.watch.meter_id,
            name="Equipment",
        )
        self.list.chosen.connect(lambda report: self._on_chosen(report))
        self.list_panel.set_content(self.list)
        self.finding = FindingPanel(formats, who)
        self.finding.judged.connect(self._on_judged)
        self.strange_panel = Panel("Strange hours")
        self.strange: Table[Finding] = Table(
            [
                Column(
                    "When and what",
                    lambda f: Cell(_without_name(f), second="; ".join(f.causes)),
                    stretch=5,
                ),
                Column(
                    f"Cost, {formats.currency_sign}",
                    lambda f: formats.amount(f.excess_cost_units),
                    width=70,
                    number=True,
                    sort_key=lambda f: f.excess_cost_units,
                ),
            ],
            key=lambda f: f.finding_id,
            two_lines=True,
            name="Strange hours",
        )
        self.strange.opened.connect(self._open_history)
        self.strange_panel.add_header_widget(
            button("Show in History", self._open_chosen, kind="link")
        )
        self.strange_panel.set_content(self.strange)

        self.excess_panel, self.excess = self._chart("Excess over baseline, %", Scale("%", 1.0, 1))
        self.energy_panel, self.energy = self._chart("Energy a day, kWh", formats.scale("Wh"))
        self.cusum_panel, self.cusum = self._chart("CUSUM", Scale("", 1.0, 1))
        self.cusum_panel.set_subtitle("standard deviations; over the line: one false call a year")
        self._legends: list[tuple[Chart, Legend]] = []
        for panel, chart in (
            (self.excess_panel, self.excess),
            (self.energy_panel, self.energy),
            (self.cusum_panel, self.cusum),
        ):
            legend = Legend()
            panel.add_header_widget(legend)
            self._legends.append((chart, legend))

        page = QWidget()
        whole = QHBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        left, right = QVBoxLayout(), QVBoxLayout()
        for column in (left, right):
            column.setSpacing(8)
        left.addWidget(self.list_panel, 3)
        left.addWidget(self.finding, 5)
        left.addWidget(self.strange_panel, 3)
        right.addWidget(self.excess_panel, 1)
        right.addWidget(self.energy_panel, 1)
        right.addWidget(self.cusum_panel, 1)
        whole.addLayout(left, 1)
        whole.addLayout(right, 1)
        return page

    def _chart(self, title: str, scale: Scale) -> tuple[Panel, Chart]:
        panel = Panel(title)
        shown = Scale(scale.unit, scale.divisor, scale.decimals, self.formats.symbols)
        chart = Chart(self.formats, shown, name=title)
        panel.set_content(chart)
        return panel, chart

    # -------------------------------------------------------- loading

    def reload(self) -> None:
        self.refused.hide()
        months = self._months()
        self.light.show_months(months, self.light.chosen_month() or months[1])
        self._load_lighting()
        statuses = self._meters.statuses()
        self.load_long(
            lambda progress: self._equipment.reports(progress, statuses),
            self.show_reports,
            panels=(self.list_panel, self.finding, self.strange_panel),
            title="Watching the equipment",
        )

    def on_subject_changed(self, subject: Subject) -> None:
        self._follow(subject)

    def on_shown(self) -> None:
        self._follow(self.navigation.subject)

    def _follow(self, subject: Subject) -> None:
        """A finding, meter or zone that another page speaks of is chosen here."""
        for report in self._reports:
            found = (*report.watch.findings, *report.anomalies)
            if subject.item_id and subject.item_id in {f.finding_id for f in found}:
                self._choose_part("equipment")
                self.list.choose(report.watch.meter_id)
                self.strange.choose(subject.item_id)
                return
        if subject.item_id and self.light.choose_zone(subject.item_id):
            self._choose_part("lighting")
            return
        if any(r.watch.meter_id == subject.meter_id for r in self._reports):
            self.list.choose(subject.meter_id)

    def _choose_part(self, part: str) -> None:
        self.part.set_value(part)
        self._show_part()

    def _show_part(self) -> None:
        lighting = self.part.value == "lighting"
        self.parts.setCurrentIndex(int(lighting))
        self.light.month.setVisible(lighting)
        self.set_answer(self._lighting_answer if lighting else self._equipment_answer)

    def _months(self) -> tuple[str, ...]:
        now = self.formats.local(self.formats.now_ms())
        first = now.year * 12 + now.month - 1
        numbers = range(first, first - _OFFERED_MONTHS, -1)
        return tuple(f"{n // 12:04d}-{n % 12 + 1:02d}" for n in numbers)

    def _load_lighting(self) -> None:
        month = self.light.chosen_month()
        self.load(
            lambda: self._lighting.month(month),
            self.show_waste,
            panels=(
                self.light.zones_panel,
                self.light.chart_panel,
                self.light.evenings_panel,
            ),
            title="Light after hours",
        )

    # -------------------------------------------------------- showing

    def show_reports(self, reports: tuple[EquipmentReport, ...]) -> None:
        """Every watched machine; those that creep come first."""
        self._reports = reports
        if not reports:
            why = (
                "No machine is watched. Name what a meter feeds (equipment), and its baseline "
                "is learnt in three weeks."
            )
            buttons = [("Open Meters", lambda: self.navigation.go("meters"))]
            self.list_panel.show_empty(why, icon="wrench-outline", buttons=buttons)
            for panel in (self.finding, self.strange_panel):
                panel.show_empty("Nothing to show yet.")
            self._tell_answer("No machine is watched yet.")
            return
        creeping = sum(standing(r.watch) is not None for r in reports)
        watching = sum(r.watch.state is WatchState.WATCHING for r in reports)
        words = f"{watching} of {len(reports)} watched"
        if creeping:
            words += f", {creeping} creep" if creeping > 1 else ", 1 creeps"
        self.list_panel.set_subtitle(words)
        self.list.show_rows(reports)
        self.list.setMinimumHeight(self.list.content_height(min(len(reports), _ROWS_IN_SIGHT)))
        self._tell_answer(answer(reports, self.formats))
        if self.list.chosen_row() is None:
            self.list.choose(reports[0].watch.meter_id)
        chosen = self.list.chosen_row() or reports[0]
        self.show_machine(chosen)
        self._follow(self.navigation.subject)

    def _tell_answer(self, sentence: str) -> None:
        self._equipment_answer = sentence
        if self.part.value == "equipment":
            self.set_answer(sentence)

    def show_machine(self, report: EquipmentReport) -> None:
        """One machine in the panels beside and below the list."""
        watch, formats = report.watch, self.formats
        self.finding.show_report(report)
        self.strange.show_rows(
            report.anomalies,
            empty=report.anomalies_note or "No hour was unlike its own weeks.",
        )
        self.strange_panel.set_subtitle(watch.meter_name)
        self.strange_panel.setVisible(bool(report.anomalies or report.anomalies_note))
        if watch.state is WatchState.LEARNING:
            text = f"Learning: {watch.learned_days} of {watch.needed_days} days."
            for chart in (self.excess, self.energy, self.cusum):
                chart.show_message(text)
        else:
            self.excess.show_data(excess_chart(watch, formats))
            self.energy.show_data(energy_chart(watch, formats))
            if watch.state is WatchState.UNSUITABLE:
                self.cusum.show_message("No verdict is given on this machine.")
            else:
                self.cusum.show_data(cusum_chart(watch, formats))
        for chart, legend in self._legends:
            entries = [e for e in chart.legend_entries() if e.text]
            legend.show_entries(entries if chart is not self.cusum else entries[:0])

    def show_waste(self, report: WasteReport) -> None:
        """A month of evenings."""
        self._lighting_answer = self.light.show_report(report)
        if self.navigation.subject.item_id:
            self._follow(self.navigation.subject)
        if self.part.value == "lighting":
            self.set_answer(self._lighting_answer)

    # -------------------------------------------------------- cells

    def _excess_cell(self, report: EquipmentReport) -> Cell:
        excess = excess_now_pct(report.watch)
        bold = standing(report.watch) is not None
        return Cell(self.formats.percent(excess, 1, signed=True), bold=bold)

    def _spark_cell(self, report: EquipmentReport) -> Cell:
        watch = report.watch
        if watch.state in (WatchState.LEARNING, WatchState.UNSUITABLE):
            return Cell("")
        values = [v for v in weekly_excess_pct(watch).tolist() if v == v]
        token = "p2" if standing(watch) is not None else "text2"
        noise = watch.noise_pct
        spoken = f"now {self.formats.percent(values[-1], 1, signed=True)}" if values else ""
        return Cell(spark=Spark(tuple(values), -noise, noise, token), spoken=spoken)

    def _finding_cell(self, report: EquipmentReport) -> Cell:
        text = state_words(report, self.formats)
        if standing(report.watch) is not None:
            return Cell(text, bold=True, icon="trending-up", icon_token="p2")
        return Cell(text, token="text2")

    # -------------------------------------------------------- acting

    def _on_chosen(self, report: EquipmentReport | None) -> None:
        if report is not None:
            self.show_machine(report)
            self.navigation.choose(meter_id=report.watch.meter_id)

    def _on_judged(
        self, finding: Finding, state: FindingState, who: str, note: str, day: date | None
    ) -> None:
        self.refused.hide()
        at_ms = None
        if day is not None:
            # A repair of today counts from now on, one of an earlier day from its end.
            after = local_midnight_ms(date.fromordinal(day.toordinal() + 1), self.formats.zone) - 1
            at_ms = min(after, self.formats.now_ms())
        self.load(
            lambda: self._equipment.judge(finding, state, who, note, at_ms),
            lambda _: self.reload(),
            key="judge",
            on_error=self._show_refusal,
            title="Keeping the judgement",
        )

    def _show_refusal(self, error: UserFacingError) -> None:
        self.refused.set_text(error.what, error.remedy)
        self.refused.show()

    def _open_chosen(self) -> None:
        chosen = self.strange.chosen_row()
        if chosen is not None:
            self._open_history(chosen)

    def _open_history(self, finding: Finding) -> None:
        end_ms = finding.end_ms if finding.end_ms is not None else self.formats.now_ms()
        self.navigation.choose(period_ms=(finding.start_ms, end_ms))
        self.navigation.go("history", meter_id=finding.meter_id)

    def focus_filter(self) -> None:
        (self.light.zones if self.part.value == "lighting" else self.list).setFocus()


def _without_name(finding: Finding) -> str:
    """The sentence begins with the machine, which stands above the table already."""
    text = finding.sentence.removeprefix(f"{finding.meter_name}: ")
    return text[:1].upper() + text[1:]


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
