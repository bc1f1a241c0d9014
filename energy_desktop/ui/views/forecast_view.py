"""Will demand hold, what will the battery do and earn, and was it right before?

Load, price and charge level share one time axis with a now line: past at its left, what is
expected at its right. Any other meter can be looked ahead as well; the plan is the site's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.device import Battery
from energy_desktop.domain.energy import DAY_MS, HOUR_MS, Intervals
from energy_desktop.domain.errors import NotEnoughData, UserFacingError
from energy_desktop.domain.forecast import Forecast
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.services.meters import MeterListing
from energy_desktop.services.planning import BatteryOutlook
from energy_desktop.ui.formatting import Scale
from energy_desktop.ui.views import forecast_words as words
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.marks import FactList, Figure, FigureRow, Legend
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import Cell, Column, Table

SITE = ""  # the first choice of the list: the load of the whole site
_REPLAN_MS = HOUR_MS
_SIDES = (44.0, 44.0)  # one time axis for load, price and plan: "1,000" and "100 %" have room


class Planning(Protocol):
    """What the page asks of services.planning."""

    def batteries(self) -> tuple[Battery, ...]: ...

    def outlook(
        self, battery_id: str, at_ms: int | None = None, progress: ProgressSink = ...
    ) -> BatteryOutlook: ...


class Forecasting(Protocol):
    """What the page asks of services.forecasting."""

    def forecast(
        self,
        meter_id: str,
        *,
        at_ms: int | None = None,
        horizon_h: int = 24,
        register: str | None = None,
    ) -> Forecast: ...

    def known(self, meter_id: str, origin_ms: int, register: str | None = None) -> Intervals: ...


class MeterList(Protocol):
    def listing(self) -> tuple[MeterListing, ...]: ...


@dataclass(frozen=True, slots=True)
class MeterOutlook:
    """One meter's forecast with its last day before."""

    name: str
    forecast: Forecast
    past: Intervals


class ForecastView(BaseView):
    """contract_w: the demand that the site has contracted; None: no limit is drawn."""

    view_id = "forecast"
    title = "Forecast & battery"
    follows_energy = True

    def __init__(
        self,
        context: ViewContext,
        planning: Planning,
        forecasting: Forecasting,
        meters: MeterList,
        contract_w: float | None = None,
    ) -> None:
        super().__init__(context)
        self._planning = planning
        self._forecasting = forecasting
        self._meters = meters
        self._contract_w = contract_w
        self._outlook: BatteryOutlook | None = None
        self._build()
        self.add_page_action("Replan now", "refresh", self.reload)
        # The plan is solved again each hour, while someone looks.
        self._hourly = QTimer(self)
        self._hourly.setInterval(_REPLAN_MS)
        self._hourly.timeout.connect(self.reload)

    # -------------------------------------------------------- building

    def _build(self) -> None:
        columns = QHBoxLayout()
        columns.setSpacing(8)
        left, right = QVBoxLayout(), QVBoxLayout()
        left.setSpacing(8)
        right.setSpacing(8)
        columns.addLayout(left, 7)
        columns.addLayout(right, 3)
        self.body.addLayout(columns, 1)

        self.choice = QComboBox()
        self.choice.setAccessibleName("What is looked ahead")
        self.choice.addItem("Site load", SITE)
        self.choice.activated.connect(self._on_chosen)
        self.load_panel = Panel("Load, kW")
        self.load_chart = Chart(
            self.formats, self.formats.scale("W"), name="Load ahead", sides=_SIDES
        )
        self.load_legend = Legend()
        self.load_panel.add_header_widget(self.load_legend)
        self.load_panel.add_header_widget(self.choice)
        self.load_panel.set_content(self.load_chart)
        left.addWidget(self.load_panel, 4)

        self.price_panel = Panel("Price per kWh")
        self.price_chart = Chart(
            self.formats,
            Scale(f"{self.formats.currency} per kWh", 1.0, 2, self.formats.symbols),
            name="Price",
            readout=False,
            sides=_SIDES,
        )
        self.price_legend = Legend()
        self.price_panel.add_header_widget(self.price_legend)
        self.price_panel.set_content(self.price_chart)
        left.addWidget(self.price_panel, 3)

        self.plan_panel = Panel("Battery plan, kW, and charge level, %")
        self.plan_chart = Chart(
            self.formats, self.formats.scale("W"), name="Battery plan", sides=_SIDES
        )
        self.plan_legend = Legend()
        self.plan_panel.add_header_widget(self.plan_legend)
        planned = QWidget()
        plan_column = QVBoxLayout(planned)
        plan_column.setContentsMargins(0, 0, 0, 0)
        plan_column.setSpacing(4)
        self.notes = label("", "caption", wrap=True)
        plan_column.addWidget(self.plan_chart, 1)
        plan_column.addWidget(self.notes)
        self.plan_panel.set_content(planned)
        left.addWidget(self.plan_panel, 5)

        self.money_panel = Panel("Plan for 48 h")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.figures = FigureRow()
        self.facts = FactList()
        column.addWidget(self.figures)
        column.addWidget(self.facts)
        column.addStretch(1)
        self.money_panel.set_content(inside)
        right.addWidget(self.money_panel, 0)

        self.idle_panel = Panel("Why it rests")
        self.idle_table: Table[words.IdleStretch] = Table(
            [
                Column(
                    "When",
                    lambda s: Cell(
                        self.formats.clock_time(s.start_ms),
                        f"to {self.formats.clock_time(s.end_ms)}",
                    ),
                    width=76,
                ),
                Column("Reason", lambda s: Cell(*_two_lines(s.reason))),
            ],
            key=lambda s: s.start_ms,
            two_lines=True,
            name="Idle hours and their reasons",
        )
        self.idle_table.chosen.connect(self._on_idle_chosen)
        self.idle_panel.set_content(self.idle_table)
        right.addWidget(self.idle_panel, 1)

        self.score_panel = Panel("How good was it?")
        self.score_table: Table[words.ScoreRow] = Table(
            [
                Column("Walk-forward", lambda r: r.name, stretch=3),
                Column("Ours", lambda r: Cell(r.ours, bold=True), width=78, number=True),
                Column("Week ago", lambda r: r.naive, width=78, number=True),
            ],
            key=lambda r: r.name,
            name="Error and coverage in the past",
            selectable=False,
        )
        self.method = label("", "caption", wrap=True)
        scored = QWidget()
        rows = QVBoxLayout(scored)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(6)
        rows.addWidget(self.score_table, 1)
        rows.addWidget(self.method)
        self.score_panel.set_content(scored)
        right.addWidget(self.score_panel, 1)

    # -------------------------------------------------------- asking

    def on_shown(self) -> None:
        self._hourly.start()

    def on_hidden(self) -> None:
        self._hourly.stop()

    def reload(self) -> None:
        self.load(self._meters.listing, self.show_meters, key="meters")
        self.load_long(
            self._ask_outlook,
            self.show_outlook,
            panels=self._planned_panels(),
            title="Forecast and battery plan",
            on_error=self._show_none,
        )
        if self.choice.currentData() != SITE:
            self._on_chosen()

    def _planned_panels(self) -> tuple[Panel, ...]:
        return (
            self.load_panel, self.price_panel, self.plan_panel, self.money_panel,
            self.idle_panel, self.score_panel,
        )  # fmt: skip

    def _show_none(self, error: UserFacingError) -> None:
        """A site without a battery is no fault: it is said once with its remedy, without alarm."""
        self.set_answer(error.what)
        if not isinstance(error, NotEnoughData):
            for panel in self._planned_panels():
                panel.show_error(error, self.reload)
            return
        first, *others = self._planned_panels()
        first.show_empty(f"{error.what} {error.remedy}", icon="battery-medium")
        for panel in others:
            panel.show_empty(error.what, icon="")

    def _ask_outlook(self, progress: ProgressSink) -> BatteryOutlook:
        batteries = self._planning.batteries()
        if not batteries:
            raise NotEnoughData(
                where="Battery plan",
                what="The site has no battery yet.",
                remedy="Describe it in the site file; a forecast of any meter is in the list.",
            )
        return self._planning.outlook(batteries[0].battery_id, None, progress)

    def _on_chosen(self) -> None:
        meter_id = str(self.choice.currentData())
        if meter_id == SITE:
            if self._outlook is not None:
                self._show_site_load(self._outlook)
            return
        name = self.choice.currentText()

        def ask() -> MeterOutlook:
            made = self._forecasting.forecast(meter_id, horizon_h=48)
            return MeterOutlook(name, made, self._forecasting.known(meter_id, made.origin_ms))

        self.load(
            ask,
            self.show_meter,
            panels=(self.load_panel, self.score_panel),
            title=f"Forecast of {name}",
        )

    def on_subject_changed(self, subject: Subject) -> None:
        row = self.choice.findData(subject.meter_id) if subject.meter_id else -1
        if row > 0 and row != self.choice.currentIndex() and self.is_shown:
            self.choice.setCurrentIndex(row)
            self._on_chosen()

    # -------------------------------------------------------- showing

    def show_meters(self, listing: tuple[MeterListing, ...]) -> None:
        chosen = self.choice.currentData()
        self.choice.clear()
        self.choice.addItem("Site load", SITE)
        for row in listing:
            if row.last_ms is not None:
                self.choice.addItem(row.meter.name, row.meter.meter_id)
        self.choice.setCurrentIndex(max(0, self.choice.findData(chosen)))

    def show_outlook(self, outlook: BatteryOutlook) -> None:
        """The plan and what it rests on; a test calls it with a value alone."""
        self._outlook = outlook
        x_range = _axis(outlook)
        self.set_answer(words.answer(outlook, self._contract_w, self.formats))
        if self.choice.currentData() == SITE:
            self._show_site_load(outlook)
        self.price_chart.show_data(words.price_chart(outlook, self.formats, x_range))
        self.price_legend.show_entries(self.price_chart.legend_entries())
        self.price_panel.set_title(
            f"Price, {self.formats.currency} per kWh", "import, quarter hours"
        )
        self.plan_chart.show_data(words.plan_chart(outlook, self.formats, x_range))
        self.plan_legend.show_entries(self.plan_chart.legend_entries())
        plan = outlook.plan
        gain = plan.money.without_battery - plan.money.cost
        self.money_panel.set_title(
            "Plan for 48 h",
            f"{outlook.battery.name}, made {self.formats.clock_time(plan.made_at_ms)} "
            f"in {self.formats.number(plan.solve_ms)} ms",
        )
        self.figures.show_figures(
            [
                Figure("earned in 48 h", self.formats.money_value(gain)),
                Figure("planned", self.formats.number(plan.cycles, 2), "cycles"),
                Figure("level now", self.formats.number(outlook.soc_start_pct), "%",
                       estimated=outlook.soc_reckoned),
            ]
        )  # fmt: skip
        self.facts.show_facts(words.money_facts(plan, self.formats))
        self.facts.setMinimumHeight(self.facts.sizeHint().height())
        self.notes.setText(" ".join(outlook.notes))
        self.idle_table.show_rows(words.idle_stretches(plan), empty="It never rests in this plan.")

    def _show_site_load(self, outlook: BatteryOutlook) -> None:
        past = outlook.measured
        self.load_panel.set_title(
            "Site load, kW", f"48 h from {self.formats.clock_time(outlook.load.origin_ms)}"
        )
        self.load_chart.show_data(
            words.fan_chart(
                outlook.load,
                past.start_ms / 1000,
                past.load_wh * 4,
                self.formats,
                self._contract_w,
                _axis(outlook),
            )
        )
        self._show_scores(outlook.load)

    def show_meter(self, outlook: MeterOutlook) -> None:
        """The forecast of one meter in place of the site's load."""
        past, made = outlook.past, outlook.forecast
        recent = past.start_ms >= made.origin_ms - DAY_MS
        self.load_panel.set_title(
            f"{outlook.name}, kW", f"from {self.formats.clock_time(made.origin_ms)}"
        )
        self.load_chart.show_data(
            words.fan_chart(
                made,
                past.start_ms[recent] / 1000,
                past.energy_wh[recent] * (3600 / past.step_s),
                self.formats,
                x_range=(
                    (made.origin_ms - DAY_MS) / 1000,
                    made.points[-1].start_ms / 1000 + 60 * made.step_min,
                ),
            )
        )
        self._show_scores(made)

    def _show_scores(self, forecast: Forecast) -> None:
        self.load_legend.show_entries(self.load_chart.legend_entries())
        self.score_panel.set_title(
            "How good was it?", f"last {forecast.backtest.days} days, each a day ahead"
        )
        self.score_table.show_rows(words.score_rows(forecast, self.formats))
        tried = len(forecast.candidates)
        self.method.setText(
            f"By {words.method_words(forecast.method)}, chosen among {tried}. "
            + " ".join(forecast.notes)
        )

    def _on_idle_chosen(self, stretch: words.IdleStretch | None) -> None:
        if stretch is not None:
            for chart in (self.load_chart, self.price_chart, self.plan_chart):
                chart.set_cursor(stretch.start_ms / 1000, pinned=True)


def _axis(outlook: BatteryOutlook) -> tuple[float, float]:
    start_s = outlook.plan.points[0].start_ms / 1000 - 12 * 3600
    return start_s, outlook.plan.points[-1].end_ms / 1000


def _two_lines(reason: str) -> tuple[str, str]:
    """`Full (95 %), kept for ...: a kWh brings ...` as a head and what follows the colon."""
    head, _, rest = reason.partition(": ")
    return head, rest.strip()
