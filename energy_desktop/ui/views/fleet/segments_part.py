"""Groups of households whose days look alike, and who is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit

from energy_desktop.domain.fleet import HouseholdRow, Segment
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.views.fleet.part import PagedTable, Part
from energy_desktop.ui.views.fleet.shapes import HOUR_TICKS, HOURS, common_top, shape_scale
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Line
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Cell, Column, Table

ORDERS = (
    ("household", "by name"),
    ("use", "most use first"),
    ("anomalies", "most often strange first"),
    ("missing", "most missing first"),
    ("saving", "largest saving first"),
    ("loss", "largest loss first"),
)


@dataclass(frozen=True, slots=True)
class Groups:
    """stability: number of segments -> how alike they stay in half of the fleet."""

    segments: tuple[Segment, ...]
    stability: dict[int, float]


def stability_line(groups: Groups) -> str:
    """How far the number of groups is to be believed."""
    chosen = len(groups.segments)
    if not groups.stability or chosen not in groups.stability:
        return ""
    best = max(groups.stability, key=lambda n: groups.stability[n])
    text = (
        f"With half of the fleet left out, {chosen} groups stay {groups.stability[chosen]:.2f} "
        "alike (1 the same)"
    )
    if best == chosen:
        return f"{text}; no other number does better."
    return f"{text}; {best} groups would stay {groups.stability[best]:.2f} alike."


class SegmentsPart(Part):
    """Shapes over each other, the groups as a table, and all households, searched and ordered."""

    by_tariff = True

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats) -> None:
        super().__init__(host, fleet, formats)
        self.shapes_panel = Panel("Day shapes", "1.0 is the mean hour of the household")
        self.chart = Chart(formats, shape_scale(formats), name="Day shapes", numeric_x=True)
        self.shapes_panel.set_content(self.chart)
        self.groups_panel = Panel("Groups")
        self.groups: Table[Segment] = Table(
            [
                Column(
                    "Group",
                    lambda s: Cell(
                        f"{s.segment}  {words.capital(s.words)}", swatch=words.curve(s.segment)
                    ),
                    stretch=1,
                ),
                Column("Households", lambda s: formats.count(s.households), width=96, number=True),
                Column("%", lambda s: formats.number(s.share_pct), width=44, number=True),
                Column(
                    "kWh/day", lambda s: words.kwh(formats, s.kwh_per_day), width=78, number=True
                ),
                Column(
                    "At night, %",
                    lambda s: formats.number(s.night_share_pct),
                    width=92,
                    number=True,
                ),
                Column(
                    "A year",
                    lambda s: formats.money_value(s.cost_per_year),
                    width=96,
                    number=True,
                    tooltip="Of a mean household under the first tariff",
                ),
            ],
            key=lambda s: s.segment,
            name="Groups of households",
        )
        self.groups.chosen.connect(self._on_group)
        self.stability = label("", "caption", wrap=True)
        self.groups_panel.set_content(self.groups)
        self.groups_panel.set_content(self.stability)

        self.list_panel = Panel("Households")
        self.scope = Segmented([("0", "All")], name="Group")
        self.scope.changed.connect(lambda _: self._list())
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a household")
        self.search.setAccessibleName("Find a household")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(180)
        self.search.textChanged.connect(lambda _: self._list())
        self.order = QComboBox()
        self.order.setAccessibleName("Order of the households")
        for value, text in ORDERS:
            self.order.addItem(text, value)
        self.order.activated.connect(lambda _: self._list())
        for widget in (self.scope, self.search, self.order):
            self.list_panel.add_header_widget(widget)
        self.table = household_table(self)
        self.table.opened.connect(lambda row: self.opened.emit(row.household))
        self.list_panel.set_content(self.table)
        self.paged: PagedTable[HouseholdRow] = PagedTable(
            host, self.list_panel, self.table, "households"
        )
        above = QHBoxLayout()
        above.setSpacing(8)
        above.addWidget(self.shapes_panel, 4)
        above.addWidget(self.groups_panel, 7)
        self.body.addLayout(above, 5)
        self.body.addWidget(self.list_panel, 6)

    def read(self, out: Path, _: str | None) -> None:
        fleet = self.fleet
        self.host.load(
            lambda: Groups(fleet.segments(out).rows, fleet.stability(out)),
            self.show_groups,
            panels=(self.shapes_panel, self.groups_panel),
            title="Fleet",
        )
        self._list()

    def show_groups(self, groups: Groups) -> None:
        segments = groups.segments
        self.groups.show_rows(segments, empty="Too few households to group.")
        self.stability.setText(stability_line(groups))
        self.scope.set_choices(
            [("0", "All"), *((str(s.segment), str(s.segment)) for s in segments)]
        )
        if not segments:
            self.shapes_panel.show_empty("Too few households with enough days to group.")
            return
        largest = max(segments, key=lambda s: s.households)
        self.chart.show_data(
            ChartData(
                lines=tuple(
                    Line(
                        f"{s.segment}",
                        HOURS,
                        np.array(s.shape, dtype=np.float64),
                        words.curve(s.segment),
                        width=2.0,
                    )
                    for s in segments
                ),
                x_range=(0.0, 24.0),
                y_range=(0.0, common_top(segments)),
                tick_texts=HOUR_TICKS,
                description=f"Largest group: {largest.words}, "
                f"{words.households(self.formats, largest.households)}.",
            )
        )

    def focus_search(self) -> None:
        self.search.setFocus()

    def _on_group(self, segment: Segment | None) -> None:
        if segment is not None and self.scope.value != str(segment.segment):
            self.scope.set_value(str(segment.segment))
            self._list()

    def _list(self) -> None:
        if self.out is None:
            return
        fleet, out, tariff = self.fleet, self.out, self.tariff
        segment = int(self.scope.value) or None
        order, search = str(self.order.currentData()), self.search.text().strip()
        self.paged.begin(
            lambda offset, limit: fleet.households(
                out,
                offset=offset,
                limit=limit,
                order=order,
                tariff=tariff,
                segment=segment,
                search=search,
            ),
            empty="No household fits.",
        )


def household_table(part: Part) -> Table[HouseholdRow]:
    formats = part.formats

    def percent(value: float | None) -> str:
        return "–" if value is None else formats.number(value, 1)

    return Table(
        [
            Column(
                "Household",
                lambda r: Cell(r.household, swatch=words.curve(r.segment) if r.segment else "line"),
                stretch=1,
            ),
            Column("Tariff", lambda r: words.tariff_name(r.tariff), width=110),
            Column("kWh/day", lambda r: words.kwh(formats, r.kwh_per_day), width=78, number=True),
            Column("At night, %", lambda r: percent(r.night_share_pct), width=84, number=True),
            Column("At peak, %", lambda r: percent(r.peak_share_pct), width=84, number=True),
            Column(
                "Missing, %",
                lambda r: Cell(percent(r.missing_pct), token="p2" if r.missing_pct > 5 else "text"),
                width=84,
                number=True,
            ),
            Column("Days", lambda r: formats.count(r.complete_days), width=60, number=True),
            Column("Strange", lambda r: formats.count(r.anomalies), width=68, number=True),
            Column(
                "Year, first tariff",
                lambda r: formats.money_value(r.cost_a_per_year),
                width=112,
                number=True,
            ),
            Column(
                "Year, second",
                lambda r: formats.money_value(r.cost_b_per_year),
                width=100,
                number=True,
            ),
        ],
        key=lambda r: r.household,
        name="Households",
    )
