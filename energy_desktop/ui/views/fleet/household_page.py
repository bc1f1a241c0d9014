"""One household of the fleet: how it uses energy, what was strange, what it would pay.

A household can become a meter of the site; from then on it is billed and forecast like any other.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.fleet import FleetAnomaly, HouseholdView
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.views.fleet.ranking import state
from energy_desktop.ui.views.fleet.seen_line import Marked, SeenLine, Who
from energy_desktop.ui.views.fleet.trends_part import day_lines
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Line, Region
from energy_desktop.ui.widgets.marks import FactList, Legend
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HALF_HOURS = 48
_WH_PER_KWH = 1000.0
_MOST_SHADES = 60  # more stretches than that would hide the curve


class HouseholdPage(QWidget):
    """host: whose job runner and navigation it uses. `left`: back to the fleet."""

    left = Signal()
    answered = Signal(str)
    marked = Signal()

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats, who: Who) -> None:
        super().__init__()
        self._host = host
        self._fleet = fleet
        self._formats = formats
        self._out: Path | None = None
        self.household = ""
        self.back = button("Back to the fleet", self.left.emit, icon="arrow-left")
        self.name = label("", "step")
        self.add = button("Add to the site", self._add, icon="plus")
        self.add.setToolTip("It becomes a meter of the site, billed and forecast like any other")
        top = QHBoxLayout()
        top.addWidget(self.back)
        top.addWidget(self.name)
        top.addStretch(1)
        top.addWidget(self.add)
        self.notice = InlineNotice("", tone=0)
        self.notice.hide()
        self.added = InlineNotice(
            "",
            tone=0,
            buttons=[
                ("Open History", lambda: self._go("history")),
                ("Open Forecast", lambda: self._go("forecast")),
                ("Open Billing", lambda: self._go("billing")),
            ],
        )
        self.added.hide()

        self.days_panel = Panel("Use of each day, kWh")
        self.days = Chart(formats, formats.scale("Wh"), name="Use of each day")
        self.legend = Legend()
        self.days_panel.add_header_widget(self.legend)
        self.days_panel.set_content(self.days)
        self.week_panel = Panel("Its usual week")
        self.week = Chart(
            formats, formats.scale("W"), name="Its usual week", numeric_x=True, x_grid=True
        )
        self.week_panel.set_content(self.week)
        self.facts_panel = Panel("Household")
        self.facts = FactList()
        self.facts_panel.set_content(self.facts)
        self.facts_panel.body.addStretch(1)
        self.strange_panel = Panel("Out of line")
        self.table: Table[FleetAnomaly] = Table(
            [
                Column(
                    "When and reason",
                    lambda a: Cell(words.span(formats, a), a.reason, bold=a.state == "new"),
                    stretch=1,
                ),
                Column("Was, kWh", lambda a: words.kwh(formats, a.actual_kwh), width=84,
                       number=True),
                Column("Usual, kWh", lambda a: words.kwh(formats, a.expected_kwh), width=92,
                       number=True),
                Column("Score", lambda a: formats.number(a.score, 1), width=56, number=True),
                Column("State", lambda a: Cell(chip=state(a)), width=70),
            ],
            key=lambda a: (a.kind, a.start_ms),
            two_lines=True,
            name="Strange stretches of the household",
        )  # fmt: skip
        self.table.opened.connect(self._zoom_to)
        self.seen = SeenLine(host, fleet, formats, self.table, who, named=False)
        self.seen.marked.connect(self._on_marked)
        self.strange_panel.set_content(self.table)
        self.strange_panel.set_content(self.seen)

        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.notice)
        column.addWidget(self.added)
        above, below = QHBoxLayout(), QHBoxLayout()
        for line in (above, below):
            line.setSpacing(8)
        above.addWidget(self.days_panel, 8)
        above.addWidget(self.facts_panel, 4)
        below.addWidget(self.week_panel, 5)
        below.addWidget(self.strange_panel, 7)
        column.addLayout(above, 1)
        column.addLayout(below, 1)

    def open(self, out: Path, household: str) -> None:
        """Reads and shows a household of the run in `out`."""
        self._out, self.household = out, household
        self.seen.out = out
        self.seen.show_row(None)
        self.name.setText(household)
        self.notice.hide()
        self.added.hide()
        self.answered.emit("")
        self._host.load(
            lambda: self._fleet.household(out, household),
            self.show_household,
            panels=(self.days_panel, self.facts_panel, self.week_panel, self.strange_panel),
            title=f"Household {household}",
        )

    def show_household(self, view: HouseholdView) -> None:
        self.household = view.row.household
        self.name.setText(view.row.household)
        self.answered.emit(words.household_answer(self._formats, view))
        self.facts.show_facts(self._facts(view))
        self.table.show_rows(view.anomalies, empty="Nothing out of line was found.")
        self.strange_panel.set_subtitle(f"{len(view.anomalies)} found" if view.anomalies else "")
        self._show_days(view)
        self._show_week(view)

    def _facts(self, view: HouseholdView) -> list[tuple[str, str]]:
        formats, row = self._formats, view.row
        first = formats.day(row.first_day, weekday=False, year=True)
        last = formats.day(row.last_day, weekday=False, year=True)
        facts = [
            ("Tariff", words.tariff_name(row.tariff)),
            ("Group", words.capital(view.segment_words) or "too little data"),
            ("Data", f"{first} to {last}"),
            ("Days that count", f"{formats.count(row.complete_days)}"),
            ("Missing", formats.percent(row.missing_pct, 1)),
            ("Use a day", f"{words.kwh(formats, row.kwh_per_day)} kWh"),
            ("Of it at night", formats.percent(row.night_share_pct)),
            ("Of it at peak", formats.percent(row.peak_share_pct)),
            ("Bill under the first tariff", formats.money(view.bill_a_units)),
            ("Bill under the second", formats.money(view.bill_b_units)),
            ("A year, first and second", f"{formats.money_value(row.cost_a_per_year)}, "
             f"{formats.money_value(row.cost_b_per_year)}"),
            *([("Prices", "round examples of the program")] if view.example_tariffs else []),
        ]  # fmt: skip
        ahead = view.forecast
        if ahead is not None:
            day = formats.day(ahead.day, year=True)
            facts.append((f"Expected on {day}", f"{words.kwh(formats, ahead.kwh)} kWh"))
            if ahead.mae_kwh is not None:
                facts.append(
                    (
                        "Usually off by",
                        f"{words.kwh(formats, ahead.mae_kwh)} kWh, over {ahead.judged_days} days",
                    )
                )
        return facts

    def _show_days(self, view: HouseholdView) -> None:
        zone = self._formats.zone
        if not view.day:
            self.days_panel.show_empty("No day of this household has enough readings to count.")
            return
        known = {day: v for day, v in zip(view.day, view.kwh, strict=True) if v is not None}
        first = view.day[0].toordinal()
        every = [view.day[0].fromordinal(first + i)
                 for i in range(view.day[-1].toordinal() - first + 1)]  # fmt: skip
        x = np.array([local_midnight_ms(day, zone) / 1000 for day in every])
        y = np.array([_WH_PER_KWH * known.get(day, math.nan) for day in every])
        strongest = sorted(view.anomalies, key=lambda a: -a.score)[:_MOST_SHADES]
        shades = tuple(
            Region(a.start_ms / 1000, max(a.end_ms, a.start_ms + 86_400_000) / 1000, "shade")
            for a in strongest
        )
        top = int(np.nanargmax(y)) if np.isfinite(y).any() else 0
        sentence = (
            f"Most on {self._formats.day(every[top], year=True)}: "
            f"{self._formats.energy(float(y[top]))}."
        )
        self.days.show_data(
            ChartData(
                lines=day_lines(x, y),
                regions=shades,
                y_zero=True,
                description=sentence,
            )
        )
        self.days_panel.set_subtitle("shaded: out of line" if shades else "")
        self.legend.show_entries(self.days.legend_entries())

    def _show_week(self, view: HouseholdView) -> None:
        y = np.array([math.nan if v is None else 1000.0 * v for v in view.week_kw])
        if not np.isfinite(y).any():
            self.week_panel.show_empty("Its week is not known yet.")
            return
        x = np.arange(len(y), dtype=np.float64) + 0.5
        if not np.isfinite(y[1::2]).any():  # read by the hour: each value stands for two halves
            x, y = x[::2] + 0.5, y[::2]
        scale = self._formats.scale("W", y.tolist())
        at = int(np.nanargmax(y))
        slot = int(x[at] - 0.5)  # of the half hours of the week
        self.week.show_data(
            ChartData(
                lines=(Line("mean", x, y, "load"),),
                x_range=(0.0, float(len(view.week_kw))),
                y_zero=True,
                tick_texts=tuple(
                    ((i + 0.5) * _HALF_HOURS, name) for i, name in enumerate(_WEEKDAYS)
                ),
                description=(
                    f"Most on {_WEEKDAYS[slot // _HALF_HOURS]} at "
                    f"{slot % _HALF_HOURS // 2:02d}:{30 * (slot % 2):02d}: "
                    f"{self._formats.power(float(y[at]))}."
                ),
            ),
            scale=scale,
        )
        self.week_panel.set_subtitle(f"mean power by half hour, {scale.unit}")

    def _on_marked(self, marked: Marked) -> None:
        self.table.show_rows([marked.on(row) for row in self.table.rows_model.rows])
        self.marked.emit()

    def _zoom_to(self, anomaly: FleetAnomaly) -> None:
        self.days.set_cursor(anomaly.start_ms / 1000, pinned=True)

    def _go(self, page: str) -> None:
        self._host.navigation.go(page, meter_id=self.household)

    def _add(self) -> None:
        out, household = self._out, self.household
        if out is None:
            return
        self.add.setEnabled(False)
        self._host.load(
            lambda: self._fleet.add_to_site(out, household),
            self.show_added,
            key="add to site",
            title=f"Add {household}",
            on_error=self._failed,
        )

    def show_added(self, meter_id: str) -> None:
        self.add.setEnabled(True)
        self.added.set_text(
            f"{meter_id} is a meter of the site now.",
            "It is billed and forecast like any other; adding it again adds what is new.",
        )
        self.added.show()

    def _failed(self, error: UserFacingError) -> None:
        self.add.setEnabled(True)
        self.notice.set_text(f"{error.what} {error.remedy}", error.where)
        self.notice.show()
