"""The first look at a fleet: groups as shapes, all households as dots, what is out of line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout

from energy_desktop.domain.fleet import FleetAnomaly, FleetOverview, HouseholdRow, Page
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet.part import PagedTable, Part
from energy_desktop.ui.views.fleet.ranking import ranking
from energy_desktop.ui.views.fleet.scatter import ScatterPanel
from energy_desktop.ui.views.fleet.seen_line import Marked, SeenLine, Who
from energy_desktop.ui.views.fleet.shapes import SegmentCards
from energy_desktop.ui.widgets.panel import Panel, button

MARKED = 25  # more triangles than this say nothing, and so does more than a tenth of the dots
LEAST_MARKED = 5
_EXAMPLES = 10  # thin lines a segment


@dataclass(frozen=True, slots=True)
class Dots:
    """All households, for the scatter."""

    rows: tuple[HouseholdRow, ...]


class OverviewPart(Part):
    """Segments, scatter, ranking."""

    by_tariff = by_year = True

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats, who: Who) -> None:
        super().__init__(host, fleet, formats)
        self._marked = MARKED
        self._examples_of: tuple[Path, int | None, str | None] | None = None
        self.cards = SegmentCards(self.formats)
        self.scatter = ScatterPanel(self.formats)
        self.ranking_panel = Panel("Out of line, strongest first")
        self.table = ranking(self.formats)
        self.ranking_panel.set_content(self.table)
        self.seen = SeenLine(host, fleet, formats, self.table, who, whole=True)
        self.seen.marked.connect(self._on_marked)
        self.ranking_panel.set_content(self.seen)
        self.export_button = button("Export", host.export, icon="download", kind="link")
        self.ranking_panel.add_header_widget(self.export_button)
        self.paged: PagedTable[FleetAnomaly] = PagedTable(
            host, self.ranking_panel, self.table, "households"
        )
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.scatter, 10)
        below.addWidget(self.ranking_panel, 15)
        self.body.addWidget(self.cards, 4)
        self.body.addLayout(below, 9)
        self.cards.hide()
        self.cards.prepare()
        self.table.chosen.connect(self._ring)
        self.table.opened.connect(lambda row: self.opened.emit(row.household))
        self.scatter.chosen.connect(self._choose_in_ranking)
        self.scatter.opened.connect(self.opened)

    def show_overview(self, overview: FleetOverview) -> None:
        """The segments; given by the page, which reads the overview for its title line anyway."""
        if overview.segments != self.cards.segments:
            self._examples_of = None
            self.cards.show_segments(overview.segments)

    @property
    def front(self) -> Panel:
        return self.ranking_panel

    def read(self, out: Path) -> None:
        fleet, tariff, year = self.fleet, self.tariff, self.year
        self.seen.out = out
        self.paged.begin(
            lambda offset, limit: fleet.anomalies(
                out, offset=offset, limit=limit, tariff=tariff, year=year
            ),
            empty="Nothing is out of line.",
            on_first=self._mark,
        )
        self.host.load(
            lambda: Dots(fleet.households(out, limit=None, tariff=tariff, year=year).rows),
            self.show_dots,
            panel=self.scatter,
            title="Fleet",
        )
        if self._examples_of == (out, year, tariff):
            return
        self._examples_of = (out, year, tariff)
        self.host.load(
            lambda: fleet.examples(out, each=_EXAMPLES, year=year, tariff=tariff),
            self.cards.show_examples,
            key="fleet examples",
            on_error=lambda _: None,  # the shapes stand without them; the parts say what failed
            title="Fleet",
        )

    def show_dots(self, dots: Dots) -> None:
        self._marked = min(MARKED, max(LEAST_MARKED, len(dots.rows) // 10))
        self.scatter.show_households(dots.rows, self._strongest())

    def show_ranking(self, page: Page[FleetAnomaly]) -> None:
        """The beginning of the ranking."""
        self.paged.show_first(page, empty="Nothing is out of line.")
        self._mark(page)

    def _mark(self, _: Page[FleetAnomaly]) -> None:
        self.scatter.mark(self._strongest())

    def _strongest(self) -> tuple[str, ...]:
        return tuple(row.household for row in self.paged.rows[: self._marked])

    def _ring(self, row: FleetAnomaly | None) -> None:
        if row is not None:
            self.scatter.choose(row.household)

    def _on_marked(self, marked: Marked) -> None:
        self.paged.replace(marked.on)
        self.marked.emit()

    def _choose_in_ranking(self, household: str) -> None:
        for row in self.paged.rows:
            if row.household == household:
                self.table.choose((row.household, row.kind, row.start_ms))
                return
        self.table.clearSelection()
