"""Is the site normal, what does it cost, is a peak coming, what ran last night, what to do?

The live part is asked once a second from memory. What reads history runs in jobs: the day each
minute, the advice (forecast, plan, watches) once an hour. A click opens the subject in its screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from energy_desktop.domain.alarm import Alarm
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.overview import (
    REST,
    Advice,
    DayCost,
    DayLoad,
    DayOverview,
    DemandNow,
    NightWaste,
    PowerNow,
)
from energy_desktop.domain.recommendation import Recommendation
from energy_desktop.domain.waste import EveningUse
from energy_desktop.services.overview import OverviewService
from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.views import overview_words as words
from energy_desktop.ui.views.advice_list import AdviceList
from energy_desktop.ui.views.base import BaseView, ViewContext
from energy_desktop.ui.views.first_run import FirstRun
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Fan, Line, Moment, Region
from energy_desktop.ui.widgets.demand_gauge import DemandGauge
from energy_desktop.ui.widgets.marks import BandIndicator, FactList, Legend, StateChip
from energy_desktop.ui.widgets.meter_dots import DotsArea, MeterDots
from energy_desktop.ui.widgets.paint import Band, Chip, Mark
from energy_desktop.ui.widgets.panel import ElidedLabel, Panel
from energy_desktop.ui.widgets.power_flow import PowerFlowView
from energy_desktop.ui.widgets.table import ROW_ROLE, Cell, Column, Table

_DAY_EVERY_S = 60
_ADVICE_EVERY_S = 3600
_POWER_HEIGHT = 318
_FEWEST_DAYS_WORDS = "Three weeks of readings are needed to say what is usual."


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm with its age in words, so that the row is repainted when the words change."""

    alarm: Alarm
    age: str


class OverviewView(BaseView):
    """Panels on a grid; without any meter the first steps instead."""

    view_id = "overview"
    title = "Overview"
    follows_energy = True

    def __init__(
        self,
        context: ViewContext,
        overview: OverviewService,
        configuration: Callable[[], Configuration],
        alarms: Callable[[], tuple[Alarm, ...]],
        feed: LiveFeed | None = None,
        *,
        try_demo: Callable[[], object] | None = None,
    ) -> None:
        """configuration and alarms: those in memory, cheap to ask in the GUI thread."""
        super().__init__(context)
        self._overview = overview
        self._configuration = configuration
        self._alarms = alarms
        self._feed = feed
        self._day: DayOverview | None = None
        self._advice: Advice | None = None
        self._day_asked_ms = 0
        self._advice_asked_ms = 0
        go = self.navigation.go
        self.first_run = FirstRun(
            add_meter=lambda: go("meters"),
            import_readings=lambda: go("meters"),
            settings=lambda: go("settings"),
            try_demo=try_demo,
        )
        has_meters = bool(configuration().meters)
        self.body.addWidget(self.first_run)
        self.first_run.setVisible(not has_meters)
        self.panels = QWidget()
        self.body.addWidget(self.panels, 1)
        self._build_power()
        self._build_demand()
        self._build_cost()
        self._build_waste()
        self._build_load()
        self._build_advice()
        self._build_alarms()
        self._build_meters()
        self._lay_out()
        self.panels.setVisible(has_meters)

    # -------------------------------------------------------- building

    def _build_power(self) -> None:
        self.power_panel = Panel("Power now")
        self._total_caption = paint.label("Site load", "label")
        self._total = paint.label("–", "step")
        self.power_panel.add_header_widget(self._total_caption)
        self.power_panel.add_header_widget(self._total)
        self.flow = PowerFlowView(self.formats)
        self.flow.node_chosen.connect(self._open_node)
        self.power_panel.set_content(self.flow)
        # Six consumers of two lines each, and the title: a row cut in half would say nothing.
        self.power_panel.setMinimumHeight(_POWER_HEIGHT)

    def _build_demand(self) -> None:
        self.demand_panel = Panel("Quarter-hour demand")
        self._left_chip = StateChip()
        self.demand_panel.add_header_widget(self._left_chip)
        self.gauge = DemandGauge(self.formats)
        self.demand_panel.body.setSpacing(4)
        self.demand_panel.body.addWidget(self.gauge, 1)
        self._demand_words = ElidedLabel("", "label")
        self.demand_panel.set_content(self._demand_words)

    def _build_cost(self) -> None:
        self.cost_panel = Panel("Cost today")
        self.cost_panel.body.setSpacing(4)
        line = QHBoxLayout()
        self._cost_total = paint.label("–", "figure")
        self._cost_typical = paint.label("", "caption")
        self._cost_typical.setAlignment(paint.RIGHT)
        line.addWidget(self._cost_total)
        line.addWidget(self._cost_typical, 1)
        self.cost_panel.set_content(line)
        self._cost_band = BandIndicator()
        self.cost_panel.set_content(self._cost_band)
        self._cost_facts = FactList()
        self.cost_panel.set_content(self._cost_facts)
        self.cost_panel.body.addStretch(1)

    def _build_waste(self) -> None:
        self.waste_panel = Panel("After-hours waste")
        self._waste_total = paint.label("", "strong")
        self.waste_panel.add_header_widget(self._waste_total)
        f = self.formats
        self.waste_table: Table[EveningUse] = Table(
            [
                Column("Where", lambda e: Cell(e.space_name, self._lit_until(e)), stretch=1),
                Column("kWh", lambda e: f.scale("Wh").text(e.excess_wh), width=46, number=True),
                Column(
                    f.currency_sign, lambda e: f.amount(e.excess_cost_units), width=46, number=True
                ),
            ],
            key=lambda e: e.space_id,
            two_lines=True,
            name="After-hours waste by place",
        )
        self.waste_table.opened.connect(
            lambda e: self.navigation.go("history", meter_id=e.meter_id)
        )
        self.waste_table.horizontalHeader().hide()
        self.waste_panel.set_content(self.waste_table)

    def _build_load(self) -> None:
        self.load_panel = Panel("Site load today, kW")
        self.legend = Legend()
        self.load_panel.add_header_widget(self.legend)
        self.chart = Chart(self.formats, self.formats.scale("W"), name="Site load today")
        self.load_panel.set_content(self.chart)

    def _build_advice(self) -> None:
        self.advice_panel = Panel("What to do")
        self.advice_list = AdviceList(self.formats)
        self.advice_list.opened.connect(self._open_advice)
        self.advice_panel.set_content(self.advice_list)

    def _build_alarms(self) -> None:
        self.alarms_panel = Panel("Alarms")
        self._alarm_count = ElidedLabel("", "label")
        self.alarms_panel.add_header_widget(self._alarm_count)
        self.alarm_table: Table[AlarmRow] = Table(
            [
                Column("Alarm", self._alarm_cell, stretch=1),
                Column("Since", lambda r: r.age, width=62, number=True),
            ],
            key=lambda r: (r.alarm.rule.rule_id, r.alarm.meter_id),
            two_lines=True,
            name="Alarms",
        )
        self.alarm_table.horizontalHeader().hide()
        self.alarm_table.opened.connect(
            lambda r: self.navigation.go("alarms", item_id=str(r.alarm.alarm_id))
        )
        self.alarm_table.clicked.connect(lambda i: self.alarm_table.opened.emit(_row_at(i)))
        self.waste_table.clicked.connect(lambda i: self.waste_table.opened.emit(_row_at(i)))
        self.alarms_panel.set_content(self.alarm_table)

    def _build_meters(self) -> None:
        self.meters_panel = Panel("Meters")
        self._meter_count = ElidedLabel("", "label")
        self.meters_panel.add_header_widget(self._meter_count)
        self.dots = MeterDots()
        self.dots.meter_chosen.connect(lambda m: self.navigation.go("live", meter_id=m))
        self.meters_panel.body.setSpacing(4)
        self.meters_panel.set_content(DotsArea(self.dots))
        self._meter_words = ElidedLabel("", "label")
        self.meters_panel.set_content(self._meter_words)
        # No higher than its dots; with hundreds of them it shares the column with the alarms.
        self.meters_panel.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def _lay_out(self) -> None:
        right_top, right_bottom = QVBoxLayout(), QVBoxLayout()
        for column in (right_top, right_bottom):
            column.setSpacing(8)
        right_top.addWidget(self.cost_panel)
        right_top.addWidget(self.waste_panel, 1)
        right_bottom.addWidget(self.alarms_panel, 1)
        right_bottom.addWidget(self.meters_panel, 1)
        # Twelfths of the width: power 6, demand 3, cost 3; below load 5, advice 4, alarms 3.
        upper, lower = QHBoxLayout(), QHBoxLayout()
        upper.addWidget(self.power_panel, 6)
        upper.addWidget(self.demand_panel, 3)
        upper.addLayout(right_top, 3)
        lower.addWidget(self.load_panel, 5)
        lower.addWidget(self.advice_panel, 4)
        lower.addLayout(right_bottom, 3)
        rows = QVBoxLayout(self.panels)
        rows.setContentsMargins(0, 0, 0, 0)
        for layout in (upper, lower, rows):
            layout.setSpacing(8)
        rows.addLayout(upper, 11)
        rows.addLayout(lower, 9)

    # -------------------------------------------------------- life

    def on_first_shown(self) -> None:
        self.show_live()

    def on_shown(self) -> None:
        if self._feed is not None:
            self._feed.heartbeat.connect(self._tick)
        self._tick()

    def on_hidden(self) -> None:
        if self._feed is not None:
            self._feed.heartbeat.disconnect(self._tick)

    def reload(self) -> None:
        """F5: the day and the advice at once."""
        self._day_asked_ms = self._advice_asked_ms = 0
        self._tick()

    def _tick(self) -> None:
        configuration = self._configuration()
        empty = not configuration.meters
        self.first_run.setVisible(empty)
        self.panels.setVisible(not empty)
        if empty:
            self.set_answer("No meters yet.")
            return
        self.show_live()
        now_ms = self.formats.now_ms()
        if now_ms - self._day_asked_ms >= 1000 * _DAY_EVERY_S:
            self._day_asked_ms = now_ms
            self.load(
                self._overview.today,
                self.show_day,
                panels=(self.load_panel, self.cost_panel, self.waste_panel),
                title="Today",
            )
        if now_ms - self._advice_asked_ms >= 1000 * _ADVICE_EVERY_S:
            self._advice_asked_ms = now_ms
            self.load_long(
                self._overview.advice, self.show_advice, panel=self.advice_panel, title="What to do"
            )

    # -------------------------------------------------------- showing

    def show_live(self) -> None:
        """Everything that is in memory: power, demand, alarms, meters."""
        configuration = self._configuration()
        if not configuration.meters:
            return
        alarms = self._alarms()
        power = self._overview.power_now(configuration)
        demand = self._overview.demand_now(configuration)
        self.show_power(power, demand)
        self.show_alarms(alarms)
        groups = words.dots_of(configuration, self._overview.statuses(), alarms, self.formats)
        self.dots.show_groups(groups)
        every = [d for g in groups for d in g.dots]
        answering = sum(d.state in ("good", "late", "frozen") for d in every)
        self._meter_count.set_text(f"{answering} of {len(every)} answering")
        completeness = None if self._day is None else self._day.completeness_pct
        self._meter_words.set_text(words.dots_sentence(groups, completeness, self.formats))

    def show_power(self, power: PowerNow, demand: DemandNow | None) -> None:
        self.flow.show_flow(words.flow_of(power, self.formats))
        self._total.setText(self.formats.power(power.load_w))
        if demand is None:
            self.gauge.show_demand(None, empty="No meter measures the grid import.")
            self._demand_words.set_text("")
            self._left_chip.show_chip(None)
        else:
            shown = words.demand_of(demand)
            self.gauge.show_demand(shown, empty=words.demand_empty(demand, self.formats))
            left = f"{self.gauge.left_text()} left"
            self._demand_words.set_text(words.demand_sentence(demand, self.formats))
            self._left_chip.show_chip(None if shown is None else Chip(left, strong=False))
        self.set_answer(words.answer_of(power, demand, self.formats))

    def show_alarms(self, alarms: tuple[Alarm, ...]) -> None:
        waiting = sum(a.needs_acknowledgement for a in alarms)
        self._alarm_count.set_text(
            f"{len(alarms)} current, {waiting} not acknowledged" if alarms else ""
        )
        now_ms = self.formats.now_ms()
        rows = tuple(
            AlarmRow(a, self.formats.duration((now_ms - a.raised_at_ms) / 1000)) for a in alarms
        )
        self.alarm_table.show_rows(rows, empty="No alarms.")

    def show_day(self, day: DayOverview) -> None:
        self._day = day
        self.show_cost(day.cost)
        self.show_waste(day.waste)
        self._show_load(day.load)
        self.show_live()

    def show_cost(self, cost: DayCost) -> None:
        f = self.formats
        self._cost_total.setText(f.money(cost.total_units))
        low, high = cost.typical_low_units, cost.typical_high_units
        if low is None or high is None:
            self._cost_typical.setText("usual not known yet")
            self._cost_band.hide()
        else:
            self._cost_typical.setText(f"typical by now:\n{f.amount(low)} to {f.amount(high)}")
            self._cost_band.show()
            self._cost_band.show_band(
                Band(cost.total_units, low, high, min(0, low), max(high, cost.total_units) * 1.25),
                f"{f.money(cost.total_units)}, typical by now {f.money(low)} to {f.money(high)}",
            )
        facts: list[tuple[str, str]] = [
            (f"Import {f.energy(cost.import_wh)}", f.money(cost.import_units)),
        ]
        if cost.export_wh > 0:
            facts.append((f"Export {f.energy(cost.export_wh)}", f.money(-cost.export_units)))
        if cost.battery_saved_units is not None:
            facts.append(("Battery saved", f.money(-cost.battery_saved_units)))
        if cost.out_of_contract_wh is not None:
            facts.append(
                (
                    f"Out of contract {f.energy(cost.out_of_contract_wh)}",
                    f.money(cost.out_of_contract_units, cost.out_of_contract_currency),
                )
            )
        if cost.missing:
            plural = "" if cost.missing == 1 else "s"
            facts.append(("Not known", f"{cost.missing} quarter hour{plural}"))
        self._cost_facts.show_facts(facts)

    def show_waste(self, waste: NightWaste) -> None:
        f = self.formats
        if waste.evening_ms is None:
            self._waste_total.setText("")
            self.waste_panel.set_title("After-hours waste")
            self.waste_panel.show_empty(waste.why_none, icon="lightbulb-night-outline")
            return
        self.waste_panel.show_body()
        self.waste_panel.set_title(f"After hours, {f.day(waste.evening_ms)}")
        self._waste_total.setText(f.money(waste.excess_units))
        self.waste_table.show_rows(
            tuple(e for e in waste.places if e.excess_wh > 0),
            empty="No light was left on after cleaning.",
        )

    def show_advice(self, advice: Advice) -> None:
        self._advice = advice
        if advice.recommendations:
            self.advice_list.show_advice(advice.recommendations)
            self.advice_panel.set_subtitle(f"{len(advice.recommendations)}, the dearest first")
        else:
            self.advice_panel.show_empty("Nothing to say yet. " + _FEWEST_DAYS_WORDS)
        if self._day is not None:
            self._show_load(self._day.load)

    def _show_load(self, load: DayLoad) -> None:
        advice = self._advice
        now_ms = self.formats.now_ms()
        x = load.start_ms / 1000.0 + 450.0
        lines = [Line("today", x, load.load_w, "text")]
        if advice is not None and advice.forecast_start_ms:
            at = np.array(advice.forecast_start_ms, dtype=np.int64)
            ahead = np.array(advice.forecast_w)
            mine = (at >= load.day_start_ms) & (at < load.day_end_ms)
            if mine.any():
                lines.append(
                    Line("forecast", at[mine] / 1000.0 + 450.0, ahead[mine], "forecast", "dash")
                )
        weekday = self.formats.local(load.day_start_ms).strftime("%A")
        fans: tuple[Fan, ...] = ()
        if np.isfinite(load.usual_high_w).any():
            fans = (
                Fan(f"8 of 10 {weekday}s", x, load.usual_low_w, load.usual_high_w, "typical", 90),
            )
        self.chart.show_data(
            ChartData(
                lines=tuple(lines),
                fans=fans,
                regions=tuple(Region(a / 1000, b / 1000, "shade") for a, b in load.closed),
                moments=(Moment(now_ms / 1000),),
                x_range=(load.day_start_ms / 1000, load.day_end_ms / 1000),
                y_zero=True,
                description=self._load_sentence(load),
            )
        )
        self.legend.show_entries(self.chart.legend_entries())

    def _load_sentence(self, load: DayLoad) -> str:
        known = np.isfinite(load.load_w)
        if not known.any():
            return "No quarter hour of today is complete yet."
        last = int(np.flatnonzero(known)[-1])
        sentence = f"The last full quarter hour was {self.formats.power(float(load.load_w[last]))}"
        low, high = float(load.usual_low_w[last]), float(load.usual_high_w[last])
        if np.isfinite(low):
            sentence += f", usual {self.formats.power(low)} to {self.formats.power(high)}"
        return sentence + "."

    # -------------------------------------------------------- cells

    def _lit_until(self, evening: EveningUse) -> str:
        if evening.lit_until_ms is None:
            return ""
        late = evening.lit_minutes - evening.expected_minutes
        return (
            f"until {self.formats.clock_time(evening.lit_until_ms)}, "
            f"{self.formats.duration(60 * max(0, late))} late"
        )

    @staticmethod
    def _alarm_cell(row: AlarmRow) -> Cell:
        alarm = row.alarm
        return Cell(
            alarm.rule.name,
            alarm.meter_name,
            bold=alarm.needs_acknowledgement,
            mark=Mark(int(alarm.rule.priority), hollow=not alarm.is_active),
            spoken=f"Priority {int(alarm.rule.priority)}, {alarm.state.value}, "
            f"{alarm.meter_name}: {alarm.rule.name}",
        )

    # -------------------------------------------------------- opening

    def _open_node(self, node_id: str) -> None:
        if node_id == REST:
            self.navigation.go("live", meter_id=self._grid_id())
            return
        power = self._overview.power_now(self._configuration())
        part = next((p for p in (*power.sources, *power.sinks) if p.part_id == node_id), None)
        if part is not None and part.meter_ids:
            self.navigation.go("live", meter_id=part.meter_ids[0], item_id=",".join(part.meter_ids))

    def _grid_id(self) -> str:
        meters = self._configuration().meters
        return next((m.meter_id for m in meters if m.role.value == "grid"), "")

    def _open_advice(self, advice: Recommendation) -> None:
        known = self._configuration().meter(advice.subject_id) is not None
        self.navigation.go(
            advice.view,
            meter_id=advice.subject_id if known else None,
            item_id=advice.subject_id or None,
        )


def _row_at(index: QModelIndex) -> object:
    return index.data(ROW_ROLE)
