"""Which few of thousands of households need me: the Fleet page.

A run is a folder of results. One is chosen or made; seven parts look at it, and each household has
a page of its own. How much was read, how fast, and what is missing stand above all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from energy_desktop.domain.errors import StoreError, UserFacingError
from energy_desktop.domain.fleet import FleetOverview, RunAsked
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.services.fleet import FleetService
from energy_desktop.services.fleet_report import FleetReportService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobHandle
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.fleet import remedies, words
from energy_desktop.ui.views.fleet.anomalies_part import AnomaliesPart
from energy_desktop.ui.views.fleet.filters import Filters, tariffs_offered
from energy_desktop.ui.views.fleet.forecasts_part import ForecastsPart
from energy_desktop.ui.views.fleet.household_page import HouseholdPage
from energy_desktop.ui.views.fleet.overview_part import OverviewPart
from energy_desktop.ui.views.fleet.papers import FleetPapers
from energy_desktop.ui.views.fleet.part import Part
from energy_desktop.ui.views.fleet.quality_part import QualityPart
from energy_desktop.ui.views.fleet.run_chooser import RunChooser
from energy_desktop.ui.views.fleet.run_panel import AskFolder, RunPanel, ask_for_folder
from energy_desktop.ui.views.fleet.seen_line import Who
from energy_desktop.ui.views.fleet.segments_part import SegmentsPart
from energy_desktop.ui.views.fleet.tariffs_part import TariffsPart
from energy_desktop.ui.views.fleet.trends_part import TrendsPart
from energy_desktop.ui.widgets.panel import ElidedLabel, InlineNotice, Panel
from energy_desktop.ui.widgets.segmented import Segmented

R = TypeVar("R")

PARTS = (
    ("overview", "Overview"),
    ("trends", "Trends"),
    ("segments", "Segments"),
    ("forecasts", "Forecasts"),
    ("anomalies", "Anomalies"),
    ("tariffs", "Tariffs"),
    ("quality", "Data quality"),
)
_NO_RUN = (
    "No fleet was run yet. Take a folder of meter readings, one file or thousands: it is read, "
    "cleaned, grouped, forecast and priced, and who is out of line stands first."
)


@dataclass(frozen=True, slots=True)
class Runs:
    """What can be looked at. overview: of the chosen one, None when there is no run at all.

    unkept: why a folder that was opened is not remembered.
    """

    known: tuple[Path, ...]
    chosen: Path | None
    overview: FleetOverview | None
    unkept: StoreError | None = None


class FleetView(BaseView):
    """ask_folder: where a folder comes from. who: the name of the person who sits here."""

    view_id = "fleet"
    title = "Fleet"

    def __init__(
        self,
        context: ViewContext,
        fleet: FleetService,
        papers: FleetReportService,
        ask_folder: AskFolder | None = None,
        who: Who = str,
    ) -> None:
        super().__init__(context)
        self._fleet = fleet
        self._ask_folder = ask_folder or ask_for_folder
        self._papers = FleetPapers(self, papers, self._ask_folder, self._say)
        self.out: Path | None = None
        self._opened: list[Path] = []  # results elsewhere; without a site nobody else knows them
        self._overview: FleetOverview | None = None
        own = context.formats
        # The run has a clock and a currency of its own.
        self.run_formats = Formats(own.zone_name, currency=own.currency, clock=own.clock)
        self.run_formats.symbols = own.symbols
        self._who = who
        self._built: dict[str, Part] = {}
        self.empty = Panel()
        self.notice = InlineNotice("", tone=0)
        self.notice.hide()
        self.body.addWidget(self.notice)

        self.chooser = RunChooser()
        self.chooser.chosen.connect(self._on_chosen)
        self.chooser.others_wanted.connect(self.choose_results)
        self.chooser.take_out_wanted.connect(self.forget_results)
        self.filters = Filters()
        self.filters.wanted.connect(self.look_at)
        self.part = Segmented(PARTS, name="Part")
        self.part.changed.connect(lambda _: self._on_part())
        self.facts = ElidedLabel("", "label")
        above = QHBoxLayout()
        above.setSpacing(8)
        above.addWidget(self.chooser)
        above.addWidget(self.filters)
        above.addStretch(1)
        above.addWidget(self.facts)
        self.pages = QStackedWidget()
        self._part("overview")
        self.fleet_page = QWidget()
        column = QVBoxLayout(self.fleet_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(above)
        line = QHBoxLayout()
        line.addWidget(self.part)
        line.addStretch(1)
        column.addLayout(line)
        column.addWidget(self.pages, 1)
        self.stack = QStackedWidget()
        for page in (self.empty, self.fleet_page):
            self.stack.addWidget(page)
        self.body.addWidget(self.stack, 1)
        self._run_action = self.add_page_action("Run", "play", self.show_run)
        self.add_page_action("Report", "file-pdf-box", self.print_pdf)

    def load_long(
        self,
        work: Callable[[ProgressSink], R],
        show: Callable[[R], object],
        *,
        panel: Panel | None = None,
        panels: tuple[Panel, ...] = (),
        title: str = "",
        on_error: Callable[[UserFacingError], object] | None = None,
        key: object = None,
    ) -> JobHandle:
        """As everywhere; what went wrong is told in the words of the window."""
        told = remedies.told_in_window(work)
        return super().load_long(
            told, show, panel=panel, panels=panels, title=title, on_error=on_error, key=key
        )

    # -------------------------------------------------------- which run

    def reload(self) -> None:
        fleet, opened, wanted = self._fleet, tuple(self._opened), self.out
        year, tariff = self.year, self.tariff

        def work() -> Runs:
            unkept = None
            if wanted is not None and wanted in opened:
                try:
                    fleet.remember(wanted)
                except StoreError as error:
                    unkept = error
            known = tuple(dict.fromkeys((*opened, *fleet.runs())))
            chosen = wanted if wanted in known else next(iter(known), None)
            if chosen is None:
                return Runs(known, None, None)
            overview = fleet.overview(chosen)
            of_year = year if year in overview.years else None
            on_tariff = tariff if tariff in tariffs_offered(overview) else None
            if of_year is not None or on_tariff is not None:
                overview = fleet.overview(chosen, year=of_year, tariff=on_tariff)
            return Runs(known, chosen, overview, unkept)

        self.load(work, self.show_runs, panel=self.empty, title="Fleet", on_error=self._failed)

    def show_runs(self, runs: Runs) -> None:
        """Puts a run on the page, or says how to begin."""
        if runs.chosen is None or runs.overview is None:
            self.out = self._overview = None
            self.empty.show_empty(
                _NO_RUN,
                icon="dots-grid",
                buttons=[("Run a fleet", self.show_run), ("Open results", self.choose_results)],
            )
            self.stack.setCurrentWidget(self.empty)
            self.set_answer("There is no fleet yet.")
            return
        changed = runs.chosen != self.out
        self.out, self._overview = runs.chosen, runs.overview
        summary = runs.overview.summary
        self.run_formats.retarget(summary.zone, summary.currency)
        self.run_formats.symbols = self.formats.symbols
        self.chooser.show_runs(
            [
                (
                    one,
                    words.run_name(
                        one, summary.households if one == runs.chosen else None, self.formats
                    ),
                )
                for one in runs.known
            ],
            runs.chosen,
            kept=self._fleet.keeps(runs.chosen),
        )
        if self._run_action.text() != "Run again":
            self._run_action.setText("Run again")
            self.actions_changed.emit()
        if runs.unkept is not None:
            self._tell(runs.unkept)
        self._show_counts(runs.overview)
        if changed or not self._shows_household():
            self.show_fleet()
        self._choose_parts()

    def _on_chosen(self, out: Path) -> None:
        self.notice.hide()
        self._take(out)
        self.reload()

    def _take(self, out: Path) -> None:
        """Another run is looked at whole."""
        if out != self.out:
            self.filters.year = self.filters.tariff = None
        self.out = out

    def forget_results(self) -> None:
        """Takes the run that is looked at out of the list; its results stay where they are."""
        out, fleet = self.out, self._fleet
        if out is None:
            return
        self._opened = [one for one in self._opened if one != out]
        self.out = self.filters.year = self.filters.tariff = None
        self.load(
            lambda: fleet.forget(out), lambda _: self.reload(), key="forget", on_error=self._tell
        )

    def choose_results(self) -> None:
        """Results that lie elsewhere: of another machine, of the command line."""
        self._ask_folder(self, "Results of a fleet run", self.open_results)

    def open_results(self, out: Path) -> None:
        """Shows the run in `out`."""
        if out not in self._opened and out not in self.chooser.runs():
            self._opened.insert(0, out)
        self._take(out)
        self.notice.hide()
        self.stack.setCurrentWidget(self.fleet_page if self._overview else self.empty)
        self.reload()

    def _failed(self, error: UserFacingError) -> None:
        """A folder that holds no run does not take the run that is looked at away."""
        self._opened = [one for one in self._opened if one != self.out]
        self.out = None
        self.notice.set_text(f"{error.what} {error.remedy}", error.where)
        self.notice.show()
        if self._overview is None:
            self.empty.show_empty(
                _NO_RUN,
                icon="dots-grid",
                buttons=[("Run a fleet", self.show_run), ("Open results", self.choose_results)],
            )
            return
        self.out = next(iter(self.chooser.runs()), None)

    # -------------------------------------------------------- which part of it

    @property
    def year(self) -> int | None:
        """The year that is looked at alone; None: the whole run."""
        return self.filters.year

    @property
    def tariff(self) -> str | None:
        """The tariff whose households are looked at alone; None: all of them."""
        return self.filters.tariff

    def look_at(self, year: int | None, tariff: str | None) -> None:
        """Looks at one year alone, or at the households of one tariff, or at both; None: at all.
        The first time a year is looked at it is counted first.
        """
        self.notice.hide()
        out, fleet = self.out, self._fleet
        if out is None:
            return

        def work(progress: ProgressSink) -> FleetOverview:
            if year is not None:
                fleet.make_year(out, year, progress)
            return fleet.overview(out, year=year, tariff=tariff)

        self.load_long(
            work,
            self.show_overview,
            panel=self._part(self.part.value).front,
            key="fleet part",
            title="Fleet" if year is None else f"Fleet {year}",
            on_error=self._not_looked_at,
        )

    def show_overview(self, overview: FleetOverview) -> None:
        """The run, or what was chosen of it, on every part."""
        self._show_counts(overview)
        self.set_answer(words.answer(self.formats, overview))
        self._choose_parts()

    def _not_looked_at(self, error: UserFacingError) -> None:
        self.filters.show_chosen()
        self._tell(error)

    def _show_counts(self, overview: FleetOverview) -> None:
        self._overview = overview
        self.filters.show_overview(overview)
        self.facts.set_text(words.facts_line(self.formats, overview))
        self.overview.show_overview(overview)

    def _on_marked(self, by: Part | None) -> None:
        """Somebody has looked at something: it is counted again, and shown by the other parts."""
        out, fleet, year, tariff = self.out, self._fleet, self.year, self.tariff
        for part in self._built.values():
            if part is not by:
                part.forget()
        if out is not None:
            self.load(
                lambda: fleet.overview(out, year=year, tariff=tariff),
                self._recount,
                key="fleet marked",
                on_error=self._tell,
            )

    def _recount(self, overview: FleetOverview) -> None:
        self._overview = overview
        if self.stack.currentWidget() is self.fleet_page:
            self.set_answer(words.answer(self.formats, overview))

    # -------------------------------------------------------- parts and pages

    # A part or page is built when it is first looked at: together they take a fifth of a second.

    @cached_property
    def household(self) -> HouseholdPage:
        made = HouseholdPage(self, self._fleet, self.run_formats, self._who)
        made.left.connect(self.show_fleet)
        made.answered.connect(self.set_answer)
        made.marked.connect(lambda: self._on_marked(None))
        self.stack.addWidget(made)
        return made

    def _shows_household(self) -> bool:
        return isinstance(self.stack.currentWidget(), HouseholdPage)

    @cached_property
    def run_panel(self) -> RunPanel:
        made = RunPanel(self, self._fleet, self._ask_folder)
        made.finished.connect(self.open_results)
        made.noted.connect(lambda text: self._say(text, ""))
        made.left.connect(self.show_fleet)
        self.stack.addWidget(made)
        return made

    @cached_property
    def overview(self) -> OverviewPart:
        return OverviewPart(self, self._fleet, self.run_formats, self._who)

    @cached_property
    def trends(self) -> TrendsPart:
        return TrendsPart(self, self._fleet, self.run_formats)

    @cached_property
    def segments(self) -> SegmentsPart:
        return SegmentsPart(self, self._fleet, self.run_formats)

    @cached_property
    def forecasts(self) -> ForecastsPart:
        return ForecastsPart(self, self._fleet, self.run_formats)

    @cached_property
    def anomalies(self) -> AnomaliesPart:
        return AnomaliesPart(self, self._fleet, self.run_formats, self._who)

    @cached_property
    def tariffs(self) -> TariffsPart:
        return TariffsPart(self, self._fleet, self.run_formats)

    @cached_property
    def quality(self) -> QualityPart:
        return QualityPart(self, self._fleet, self.run_formats)

    def _part(self, name: str) -> Part:
        if name not in self._built:
            part: Part = getattr(self, name)
            part.opened.connect(self.open_household)
            part.marked.connect(partial(self._on_marked, part))
            self.pages.addWidget(part)
            if self.out is not None:
                part.choose(self.out, self.tariff, self.year)
            self._built[name] = part
        return self._built[name]

    def _choose_parts(self) -> None:
        if self.out is None:
            return
        for part in self._built.values():
            part.choose(self.out, self.tariff, self.year)
        self._look()

    def _on_part(self) -> None:
        self.notice.hide()
        self._look()

    def _look(self) -> None:
        part = self._part(self.part.value)
        self.pages.setCurrentWidget(part)
        if self._overview is not None:
            self.filters.offer(
                by_year=part.by_year, by_tariff=part.by_tariff, overview=self._overview
            )
        part.look()

    def show_part(self, name: str) -> None:
        self.part.set_value(name)
        self._look()

    def show_fleet(self) -> None:
        """Back to the parts, or to how to begin."""
        if self._overview is None:
            self.stack.setCurrentWidget(self.empty)
            return
        self.stack.setCurrentWidget(self.fleet_page)
        self.set_answer(words.answer(self.formats, self._overview))
        self._part(self.part.value).look()

    def show_run(self) -> None:
        """The form of a run; with a run on the page, that one again as it was asked."""
        self.notice.hide()
        self.run_panel.begin_anew()
        self._show_form()
        out, fleet = self.out, self._fleet
        if out is None:
            return

        def take(asked: RunAsked | None) -> None:
            if asked is not None:
                self.run_panel.take_run(out, asked)

        self.load(lambda: fleet.was_asked(out), take, key="asked", on_error=self.run_panel.tell)

    def _show_form(self) -> None:
        self.stack.setCurrentWidget(self.run_panel)
        self.set_answer("Which files, and where do the results go?")
        self.run_panel.folder.setFocus()

    def open_household(self, household: str) -> None:
        """A household's own page."""
        if self.out is None or not household:
            return
        self.notice.hide()
        self.stack.setCurrentWidget(self.household)
        self.household.open(self.out, household)

    def on_subject_changed(self, subject: Subject) -> None:
        """A household that was named elsewhere."""
        if subject.item_id.startswith("household:"):
            self.open_household(subject.item_id.removeprefix("household:"))

    def focus_filter(self) -> None:
        self.show_fleet()
        self.show_part("segments")
        self.segments.focus_search()

    # -------------------------------------------------------- papers

    def print_pdf(self) -> None:
        """The fleet on paper, for managers."""
        self._papers.ask_pdf(self.out, self.year)

    def save_pdf(self, target: Path) -> None:
        if self.out is not None:
            self._papers.save_pdf(self.out, self.year, target)

    def export(self) -> None:
        self._papers.ask_csv(self.out, self.overview.ranking_panel)

    def _say(self, what: str, where: str) -> None:
        self.notice.set_text(what, where)
        self.notice.show()

    def _tell(self, error: UserFacingError) -> None:
        self._say(f"{error.what} {error.remedy}", error.where)
