"""Groups of households whose days look alike, and who is in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit

from energy_desktop.domain import fleet_wording
from energy_desktop.domain.fleet import FleetSummary, HouseholdRow, Segment
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.views.fleet.columns import tariff_column, yearly_columns
from energy_desktop.ui.views.fleet.part import Part
from energy_desktop.ui.views.fleet.shapes import (
    HOUR_TICKS,
    HOURS,
    Examples,
    common_top,
    shape_chart,
    shape_scale,
)
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Line
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Cell, Column, Table

_EXAMPLES = 10  # thin lines of a group
_MEAN_HOUR = "1.0 is the mean hour of the household"
_OVER_SOME = "over some of its households, from small to large"
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
    """run: the summary of the whole run, of which `segments` may show one year. examples: day
    shapes of some households of each segment.
    """

    segments: tuple[Segment, ...]
    run: FleetSummary
    examples: Examples = field(default_factory=dict)


def before_use(run: FleetSummary) -> str:
    """How far the number of groups and their costs are to be believed."""
    said = [fleet_wording.groups_sentence(len(run.segments), run.stability)]
    if run.segments and run.example_tariffs:
        said.append(fleet_wording.EXAMPLE_TARIFFS)
    return " ".join(one for one in said if one)


class SegmentsPart(Part):
    """Shapes over each other, the groups as a table, and all households, searched and ordered."""

    by_tariff = by_year = True

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats) -> None:
        super().__init__(host, fleet, formats)
        self._groups: Groups | None = None
        self.shapes_panel = Panel("Day shapes", _MEAN_HOUR)
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
                    width=84,
                    number=True,
                ),
                Column(
                    "A year",
                    lambda s: formats.money_value(s.cost_per_year),
                    width=92,
                    number=True,
                    tooltip="Of a mean household under the first tariff",
                ),
            ],
            key=lambda s: s.segment,
            name="Groups of households",
        )
        self.groups.chosen.connect(self._on_group)
        self.before_use = label("", "caption", wrap=True)
        self.groups_panel.set_content(self.groups)
        self.groups_panel.set_content(self.before_use)

        self.list_panel = Panel("Households")
        self.scope = Segmented([("0", "All")], name="Group")
        self.scope.changed.connect(lambda _: self._on_scope())
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
        self.paged = self.paged_households(self.list_panel, self.table)
        above = QHBoxLayout()
        above.setSpacing(8)
        above.addWidget(self.shapes_panel, 3)
        above.addWidget(self.groups_panel, 6)
        self.body.addLayout(above, 5)
        self.body.addWidget(self.list_panel, 6)

    @property
    def front(self) -> Panel:
        return self.list_panel

    def read(self, out: Path) -> None:
        fleet, year, tariff = self.fleet, self.year, self.tariff
        self.host.load(
            lambda: Groups(
                fleet.segments(out, year=year, tariff=tariff).rows,
                fleet.summary(out),
                fleet.examples(out, each=_EXAMPLES, year=year, tariff=tariff),
            ),
            self.show_groups,
            panels=(self.shapes_panel, self.groups_panel),
            title="Fleet",
        )
        self._list()

    def show_groups(self, groups: Groups) -> None:
        segments = groups.segments
        self.groups.show_rows(segments, empty="Too few households to group.")
        self.before_use.setText(before_use(groups.run))
        self.scope.set_choices(
            [("0", "All"), *((str(s.segment), str(s.segment)) for s in segments)]
        )
        self._groups = groups
        self._draw()

    def _draw(self) -> None:
        """All groups over each other; one that is chosen over some of its households."""
        groups = self._groups
        segments = () if groups is None else groups.segments
        if groups is None or not segments:
            self.shapes_panel.show_empty("Too few households with enough days to group.")
            return
        one = next((s for s in segments if str(s.segment) == self.scope.value), None)
        self.shapes_panel.set_title("Day shapes", _MEAN_HOUR if one is None else _OVER_SOME)
        if one is not None:
            examples = groups.examples.get(one.segment, ())
            title = words.segment_titles(segments)[segments.index(one)]
            self.chart.show_data(shape_chart(one, title, examples, common_top((one,), examples)))
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
            self._on_scope()

    def _on_scope(self) -> None:
        self._draw()
        self._list()

    def _list(self) -> None:
        if self.out is None:
            return
        fleet, out, tariff, year = self.fleet, self.out, self.tariff, self.year
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
                year=year,
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
            tariff_column("Tariff"),
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
            *yearly_columns(formats),
        ],
        key=lambda r: r.household,
        name="Households",
    )
