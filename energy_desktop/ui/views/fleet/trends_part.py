"""How the use of a whole fleet went, day by day and month by month."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QHBoxLayout

from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.fleet import Page, TrendDay
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.views.fleet.part import Part
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Floats, Line
from energy_desktop.ui.widgets.marks import Legend
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import Column, Table

_FEW = 0.1  # a day with fewer than this share of the most households is no mean of the fleet
_WEEK = 7
_WH_PER_KWH = 1000.0


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the fleet. per_household: kWh of a household on a mean day."""

    year: int
    month: int
    days: int
    households: int
    kwh: float
    per_household: float
    peak_share_pct: float


def months(days: Sequence[TrendDay]) -> tuple[Month, ...]:
    """households: the most that counted on one day."""
    grouped: dict[tuple[int, int], list[TrendDay]] = {}
    for one in days:
        grouped.setdefault((one.day.year, one.day.month), []).append(one)
    found = []
    for (year, month), of in sorted(grouped.items()):
        kwh = sum(day.kwh for day in of)
        household_days = sum(day.households for day in of)
        known = sum(day.peak_kwh + day.off_kwh for day in of)
        found.append(
            Month(
                year,
                month,
                len(of),
                max(day.households for day in of),
                kwh,
                kwh / household_days if household_days else float("nan"),
                100 * sum(day.peak_kwh for day in of) / known if known else float("nan"),
            )
        )
    return tuple(found)


def weekly_mean(values: Floats) -> Floats:
    """(n,) centred mean of seven days; NaN where fewer than seven are known."""
    out = np.full(len(values), np.nan)
    if len(values) >= _WEEK:
        means = np.convolve(values, np.ones(_WEEK) / _WEEK, mode="valid")
        out[_WEEK // 2 : _WEEK // 2 + len(means)] = means
    return out


def day_lines(x: Floats, energy_wh: Floats) -> tuple[Line, Line]:
    """Each day thin, and the mean of seven days over it. x, energy_wh (n,)."""
    return (
        Line("a day", x, energy_wh, "typical"),
        Line("mean of 7 days", x, weekly_mean(energy_wh), "grid_import", width=2.0),
    )


class TrendsPart(Part):
    """A curve of the mean household, how many households it rests on, and the months."""

    by_year = True

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats) -> None:
        super().__init__(host, fleet, formats)
        self.use_panel = Panel("kWh a day", "mean household of those whose day counts")
        self.use = Chart(formats, formats.scale("Wh"), name="Use of a household on a day")
        self.legend = Legend()
        self.use_panel.add_header_widget(self.legend)
        self.use_panel.set_content(self.use)
        self.count_panel = Panel("Households whose day counts")
        self.count = Chart(
            formats, formats.scale("number"), name="Households whose day counts", readout=True
        )
        self.count_panel.set_content(self.count)
        self.months_panel = Panel("Months", "a household a day")
        self.table: Table[Month] = Table(
            [
                Column("Month", lambda m: f"{calendar.month_abbr[m.month]} {m.year}", width=90),
                Column("Days", lambda m: formats.count(m.days), width=52, number=True),
                Column("Households", lambda m: formats.count(m.households), width=100, number=True),
                Column(
                    "kWh/day",
                    lambda m: words.kwh(formats, m.per_household),
                    width=78,
                    number=True,
                    sort_key=lambda m: m.per_household,
                ),
                Column(
                    "At peak, %",
                    lambda m: (
                        formats.number(m.peak_share_pct, 1)
                        if np.isfinite(m.peak_share_pct)
                        else "–"
                    ),
                    number=True,
                ),
            ],
            key=lambda m: (m.year, m.month),
            name="Months of the fleet",
        )
        self.months_panel.set_content(self.table)
        whole = QHBoxLayout()
        whole.setSpacing(8)
        left = Part.column((self.use_panel, 3), (self.count_panel, 2))
        whole.addLayout(left, 8)
        whole.addWidget(self.months_panel, 5)
        self.body.addLayout(whole, 1)

    @property
    def front(self) -> Panel:
        return self.use_panel

    def read(self, out: Path) -> None:
        fleet, year = self.fleet, self.year
        self.host.load(
            lambda: fleet.trends(out, year=year),
            self.show_trends,
            panels=(self.use_panel, self.count_panel, self.months_panel),
            title="Fleet",
        )

    def show_trends(self, page: Page[TrendDay]) -> None:
        days = page.rows
        self.table.show_rows(months(days), empty="No day counts yet.")
        if not days:
            for panel in (self.use_panel, self.count_panel):
                panel.show_empty("No day of this fleet has enough readings to count.")
            return
        x = np.array([self._seconds(one.day) for one in days])
        most = max(one.households for one in days)
        enough = np.array([one.households >= _FEW * most for one in days])
        mean = np.array([_WH_PER_KWH * one.kwh_per_household for one in days])
        mean = np.where(enough, mean, np.nan)
        counts = np.array([float(one.households) for one in days])
        top = int(np.nanargmax(mean))
        sentence = (
            f"Most on {self.formats.day(days[top].day, year=True)}: "
            f"{self.formats.energy(float(mean[top]))} a household."
        )
        self.use.show_data(
            ChartData(
                lines=day_lines(x, mean),
                y_zero=True,
                description=sentence,
            )
        )
        self.use_panel.set_subtitle(sentence)
        self.legend.show_entries(self.use.legend_entries())
        self.count.show_data(
            ChartData(
                lines=(Line("households", x, counts, "load"),),
                y_zero=True,
                description=f"At most {words.households(self.formats, most)} on one day.",
            )
        )
        self.count_panel.set_subtitle(f"at most {self.formats.count(most)}")

    def _seconds(self, day: date) -> float:
        return local_midnight_ms(day, self.formats.zone) / 1000
