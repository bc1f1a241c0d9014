"""Light that burnt on after the cleaning round, zone by zone and evening by evening."""

from __future__ import annotations

import calendar

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.waste import EveningUse, EveningVerdict, WasteReport, ZoneWaste
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import Bars, ChartData, Limit, Region
from energy_desktop.ui.widgets.marks import Legend
from energy_desktop.ui.widgets.paint import Bar, Chip, label
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import Cell, Column, Table

FLAG_MIN = 180
_BAR_S = 0.8 * 86_400
_CHIPS = {
    EveningVerdict.EXPECTED: Chip("expected", 0, strong=False),
    EveningVerdict.LONG: Chip("long", 3),
    EveningVerdict.FLAGGED: Chip("flagged", 2),
    EveningVerdict.NO_DATA: Chip("no data", 0, strong=False),
}


class LightingBody(QWidget):
    """A month of evenings. `month_chosen` asks for another month."""

    month_chosen = Signal(str)

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        self._report: WasteReport | None = None
        energy = formats.scale("Wh")
        self.month = QComboBox()
        self.month.setAccessibleName("Month")
        self.month.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.month.activated.connect(lambda _: self.month_chosen.emit(self.chosen_month()))
        self.complete = label("", "label")
        self.zones_panel = Panel("Light after hours by zone")
        self.zones_panel.add_header_widget(self.complete)
        self.zones: Table[ZoneWaste] = Table(
            [
                Column("Zone", lambda z: Cell(z.space_name, bold=z.evenings_flagged > 0)),
                Column(
                    "Evenings over 3 h",
                    lambda z: Cell(
                        f"{z.evenings_flagged} of {z.evenings}",
                        token="p2" if z.evenings_flagged else "text",
                        bold=z.evenings_flagged > 0,
                    ),
                    width=140,
                    number=True,
                    sort_key=lambda z: z.evenings_flagged,
                ),
                Column(
                    energy.header("After hours"),
                    lambda z: energy.text(z.energy_wh),
                    width=128,
                    number=True,
                    sort_key=lambda z: z.energy_wh,
                ),
                Column(
                    energy.header("Waste"),
                    lambda z: energy.text(z.excess_wh),
                    width=100,
                    number=True,
                    sort_key=lambda z: z.excess_wh,
                ),
                Column(
                    "of it",
                    lambda z: Cell(
                        bar=Bar(z.excess_wh / z.energy_wh if z.energy_wh else 0.0),
                        spoken=formats.percent(
                            100 * z.excess_wh / z.energy_wh if z.energy_wh else 0.0
                        ),
                    ),
                    width=80,
                ),
                Column(
                    f"Cost, {formats.currency_sign}",
                    lambda z: formats.amount(z.excess_cost_units),
                    width=80,
                    number=True,
                    sort_key=lambda z: z.excess_cost_units,
                ),
                Column(
                    f"Saving a year, {formats.currency_sign}",
                    lambda z: formats.amount(z.yearly_saving_units),
                    width=124,
                    number=True,
                    sort_key=lambda z: z.yearly_saving_units,
                ),
                Column(
                    energy.header("Naive rule"),
                    lambda z: Cell(energy.text(z.naive_wh), token="text2"),
                    width=128,
                    number=True,
                    tooltip="Everything after hours counted as waste, cleaning and standby too",
                ),
            ],
            key=lambda z: z.space_id,
            name="Zones",
        )
        self.zones.chosen.connect(lambda zone: self._show_zone(zone))
        self.zones_panel.set_content(self.zones)
        self.chart_panel = Panel("Evenings", "hours lit after contract hours")
        self.chart = Chart(formats, Scale("h", 60.0, 1, formats.symbols), name="Lit after hours")
        self.legend = Legend()
        self.chart_panel.add_header_widget(self.legend)
        self.chart_panel.set_content(self.chart)
        self.evenings_panel = Panel("Longest evenings")
        self.evenings: Table[EveningUse] = Table(
            [
                Column("Evening", lambda e: formats.day(e.evening), sort_key=lambda e: e.evening),
                Column(
                    "First lit", lambda e: formats.clock_time(e.lit_from_ms), width=66, number=True
                ),
                Column(
                    "Last lit", lambda e: formats.clock_time(e.lit_until_ms), width=66, number=True
                ),
                Column(
                    "Lit",
                    lambda e: formats.duration(60 * e.lit_minutes),
                    width=70,
                    number=True,
                    sort_key=lambda e: e.lit_minutes,
                ),
                Column(
                    energy.header("Waste"),
                    lambda e: Cell(
                        ("≈ " if e.estimated else "") + energy.text(e.excess_wh),
                    ),
                    width=96,
                    number=True,
                    sort_key=lambda e: e.excess_wh,
                ),
                Column("Verdict", lambda e: Cell(chip=_CHIPS[e.verdict]), width=84),
            ],
            key=lambda e: (e.space_id, e.evening),
            name="Evenings of the zone",
        )
        self.evenings_panel.set_content(self.evenings)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.zones_panel, 5)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.chart_panel, 6)
        below.addWidget(self.evenings_panel, 5)
        column.addLayout(below, 6)

    def show_months(self, months: tuple[str, ...], chosen: str) -> None:
        """The months that can be chosen, newest first."""
        if self.month.count() != len(months):
            self.month.clear()
            for month in months:
                year, number = month.split("-")
                self.month.addItem(f"{calendar.month_name[int(number)]} {year}", month)
        self.month.setCurrentIndex(max(0, self.month.findData(chosen)))

    def chosen_month(self) -> str:
        return str(self.month.currentData() or "")

    def choose_zone(self, space_id: str) -> bool:
        """Chooses a zone that another page speaks of; False: the month has no such zone."""
        if self._report is None or all(z.space_id != space_id for z in self._report.zones):
            return False
        self.zones.choose(space_id)
        return True

    def show_report(self, report: WasteReport) -> str:
        """Shows a month; gives the sentence that answers it."""
        self._report = report
        formats = self._formats
        zones = sorted(report.zones, key=lambda z: -z.excess_wh)
        self.zones.show_rows(zones, empty="No zone with a lighting meter and a contract.")
        self.complete.setText(
            f"data completeness {formats.percent(report.data_completeness_pct, 1)}"
        )
        if not zones:
            return "No zone can be judged."
        if self.zones.chosen_row() is None:
            self.zones.choose(zones[0].space_id)
        self._show_zone(self.zones.chosen_row() or zones[0])
        flagged = sum(z.evenings_flagged for z in zones)
        waste_wh = sum(z.excess_wh for z in zones)
        saving = sum(z.yearly_saving_units for z in zones)
        if not flagged:
            return (
                "No evening burnt over 3 h; "
                f"{formats.energy(waste_wh)} more than cleaning explains."
            )
        return (
            f"{_evenings(flagged)} burnt on over 3 h: {formats.energy(waste_wh)} wasted, "
            f"{formats.money(saving)} a year at this rate."
        )

    def _show_zone(self, zone: ZoneWaste | None) -> None:
        if zone is None or self._report is None:
            return
        evenings = [e for e in self._report.evenings if e.space_id == zone.space_id]
        self.chart_panel.set_title(zone.space_name, "hours lit after contract hours, by evening")
        self.chart.show_data(self._evening_chart(zone, evenings))
        self.legend.show_entries(self.chart.legend_entries())
        self.evenings_panel.set_title("Longest evenings", zone.space_name)
        self.evenings.show_rows(
            sorted(evenings, key=lambda e: (-e.lit_minutes, e.evening)),
            empty="No evening has ended yet.",
        )

    def _evening_chart(self, zone: ZoneWaste, evenings: list[EveningUse]) -> ChartData:
        place = self._formats.zone

        def bars(name: str, token: str, verdicts: set[EveningVerdict], hatched: bool) -> Bars:
            chosen = [e for e in evenings if e.verdict in verdicts]
            left = [local_midnight_ms(e.evening, place) / 1000 for e in chosen]
            lit = [float(e.lit_minutes) for e in chosen]
            return Bars(
                name, np.array(left) + 0.1 * 86_400, np.array(lit), _BAR_S, token, hatched=hatched
            )

        blank = [
            local_midnight_ms(e.evening, place) / 1000
            for e in evenings
            if e.verdict is EveningVerdict.NO_DATA
        ]
        usual = max((e.expected_minutes for e in evenings), default=0)
        flagged = sum(e.verdict is EveningVerdict.FLAGGED for e in evenings)
        quiet = {EveningVerdict.EXPECTED, EveningVerdict.LONG}
        return ChartData(
            bars=(
                bars("up to 3 h", "load", quiet, hatched=False),
                bars("over 3 h", "out_of_contract", {EveningVerdict.FLAGGED}, hatched=True),
            ),
            regions=tuple(Region(x, x + 86_400, "gap") for x in blank),
            limits=(
                Limit(float(usual), "cleaning takes", dashed=True),
                Limit(float(FLAG_MIN), "flagged over"),
            ),
            y_zero=True,
            description=f"{zone.space_name}: {flagged} of {len(evenings)} evenings over 3 h.",
        )


def _evenings(count: int) -> str:
    return "1 evening" if count == 1 else f"{count} evenings"
