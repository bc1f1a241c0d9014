"""Runs a fleet of thousands of households, and gives its results page by page.

A run is a folder of Parquet that needs no site: it can be made on one machine, looked at on
another, and taken up again where it was. Between fleet and site readings go both ways: a site's
own meters join a run as a second source, and a household of the fleet can become a meter of the
site, which is then billed and forecast like any other.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from energy_desktop.domain.clock import Clock, system_clock, to_ms
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.fleet import (
    DataQuality,
    DroppedRow,
    FleetAnomaly,
    FleetOptions,
    FleetOverview,
    FleetPlan,
    FleetSummary,
    HouseholdForecast,
    HouseholdRow,
    HouseholdView,
    Page,
    RunAsked,
    SeenMark,
    Segment,
    SiteMeters,
    TariffSummary,
    TrendDay,
)
from energy_desktop.domain.ports import ConfigurationStore, Ledger, ProgressSink, no_progress
from energy_desktop.services.fleet_apart import FleetProcesses, look_apart, work_apart
from energy_desktop.services.fleet_opened import OpenedResults

if TYPE_CHECKING:
    from energy_desktop.fleet.export import ExportDone
    from energy_desktop.fleet.results import FleetResults

EngineName = Literal["duckdb", "spark"]
Method = Literal["profile", "kmeans_residual"]
ExportFormat = Literal["csv", "jsonl", "postgresql"]


class FleetService:
    """configuration, ledger, runs None: without a site; what needs one is refused in words.

    runs: the folder below which a site keeps its fleet runs. processes: where runs are made and
    results read; None: in the process of the caller.
    """

    def __init__(
        self,
        configuration: ConfigurationStore | None = None,
        ledger: Ledger | None = None,
        runs: Path | None = None,
        *,
        clock: Clock = system_clock,
        processes: FleetProcesses | None = None,
    ) -> None:
        self.processes = processes
        self._configuration = configuration
        self._ledger = ledger
        self._runs = runs
        self._clock = clock
        self._opened = None if runs is None else OpenedResults(runs)

    # Running ---------------------------------------------------------------------------------

    def run(
        self,
        folder: Path,
        out: Path,
        options: FleetOptions | None = None,
        *,
        engine: EngineName = "duckdb",
        master: str | None = None,
        threads: int | None = None,
        with_site: bool = False,
        replace: bool = False,
        progress: ProgressSink = no_progress,
    ) -> FleetSummary:
        """Does what is left to do for the files of `folder`, the results below `out`.

        Blocks: belongs into a job. Takes up a run that was killed or cancelled where it was.
        with_site: the site's own meters join, with the readings they have when the run begins.
        replace: results of other files or options that are there are replaced, and a finished run
        is made anew. What is replaced goes once all files are read and some have readings.

        Raises DataFileError, NotEnoughData, JobCancelled; ConfirmationNeeded when another run is
        there and `replace` is not said; FleetBusy when another process works there; StoreError
        when it cannot be written; UserFacingError when the disk or the memory does not suffice or
        Java for Spark is missing; with_site: WrongUse without a site, NotFound when no meter of
        it has energy.
        """
        with self._site_meters() if with_site else nullcontext() as site:
            return self._run(
                folder,
                out,
                options,
                engine=engine,
                master=master,
                threads=threads,
                site=site,
                replace=replace,
                progress=progress,
            )

    @work_apart
    def _run(
        self,
        folder: Path,
        out: Path,
        options: FleetOptions | None,
        *,
        engine: EngineName,
        master: str | None,
        threads: int | None,
        site: SiteMeters | None,
        replace: bool,
        progress: ProgressSink,
    ) -> FleetSummary:
        from energy_desktop.services.fleet_run import make

        return make(
            folder,
            out,
            options or FleetOptions(),
            engine=engine,
            master=master,
            threads=threads,
            site=site,
            replace_results=replace,
            progress=progress,
        )

    def plan(
        self,
        folder: Path,
        out: Path,
        options: FleetOptions | None = None,
        *,
        engine: EngineName = "duckdb",
        master: str | None = None,
        with_site: bool = False,
    ) -> FleetPlan:
        """What `run` would read and need, from a look at the head of each file; the readings of
        the site's own meters are not counted.

        Blocks: a few ms a file. Raises DataFileError when there is nothing to read, WrongUse
        without a site.
        """
        site = None
        if with_site:
            if self._configuration is None:
                raise _no_site()
            from energy_desktop.services.fleet_site import asked

            site = asked(self._configuration)
        return self._plan(folder, out, options, engine=engine, master=master, site=site)

    @look_apart
    def _plan(
        self,
        folder: Path,
        out: Path,
        options: FleetOptions | None,
        *,
        engine: EngineName,
        master: str | None,
        site: SiteMeters | None,
    ) -> FleetPlan:
        from energy_desktop.fleet import survey

        return survey.plan(folder, out, options or FleetOptions(), engine, master, site)

    def runs(self) -> tuple[Path, ...]:
        """Results elsewhere that were opened, the last one first; then the runs that the site
        keeps, newest first.
        """
        if self._runs is None or self._opened is None:
            return ()
        kept = [path.parent for path in self._runs.glob("*/fleet.json")]
        kept.sort(key=lambda p: (p / "fleet.json").stat().st_mtime, reverse=True)
        return (*self._opened.there(), *kept)

    def keeps(self, out: Path) -> bool:
        """Whether the run lies in the site's own folder."""
        return self._runs is not None and out.absolute().parent == self._runs.absolute()

    def remember(self, out: Path) -> None:
        """Results that lie elsewhere are among `runs` from now on. Without a site nothing is kept.

        Raises NotFound when there is no run, StoreError when the site's folder cannot be written.
        """
        self.summary(out)
        if self._opened is not None and not self.keeps(out):
            self._opened.add(out)

    def forget(self, out: Path) -> None:
        """They are not among `runs` any more; the results themselves stay where they are."""
        if self._opened is not None:
            self._opened.take(out)

    def new_run(self, name: str) -> Path:
        """A folder for a run of the site. Raises WrongUse without a site."""
        if self._runs is None:
            raise _no_site()
        return self._runs / name

    # Looking ---------------------------------------------------------------------------------

    # Every question takes a year: what is counted then is that local year alone. Asked for the
    # first time, the year is counted first, which takes its time: see make_year.

    @look_apart
    def summary(self, out: Path) -> FleetSummary:
        return _results(out).summary()

    @look_apart
    def was_asked(self, out: Path) -> RunAsked | None:
        """What a run was asked, for asking the same again; None: an older program made it."""
        return _results(out).asked()

    @work_apart
    def make_year(self, out: Path, year: int, progress: ProgressSink = no_progress) -> None:
        """Counts one year of a run, so that every question about it is answered at once.

        Blocks: belongs into a job. Raises NotFound for a year without data, JobCancelled,
        StoreError when the folder of the results cannot be written.
        """
        from energy_desktop.fleet import years
        from energy_desktop.fleet.stored_run import StoredRun

        years.make(StoredRun(out), year, progress)

    @look_apart
    def overview(
        self, out: Path, *, year: int | None = None, tariff: str | None = None
    ) -> FleetOverview:
        """tariff: of the households on it alone. Raises NotFound."""
        return self._look(out, year).overview(tariff)

    @look_apart
    def trends(
        self, out: Path, *, offset: int = 0, limit: int | None = None, year: int | None = None
    ) -> Page[TrendDay]:
        return self._look(out, year).trends(offset=offset, limit=limit)

    @look_apart
    def segments(
        self,
        out: Path,
        *,
        offset: int = 0,
        limit: int | None = None,
        tariff: str | None = None,
        year: int | None = None,
    ) -> Page[Segment]:
        found = self._look(out, year).segments(tariff)
        until = None if limit is None else offset + limit
        return Page(found[offset:until], len(found), offset)

    @look_apart
    def examples(
        self, out: Path, *, each: int = 10, tariff: str | None = None, year: int | None = None
    ) -> dict[int, tuple[tuple[float, ...], ...]]:
        """Segment -> day shapes (24,) of up to `each` of its households, from small to large."""
        return self._look(out, year).examples(each, tariff)

    @look_apart
    def stability(self, out: Path) -> dict[int, float]:
        """Number of segments -> how much the same they stay when half of the fleet is left out."""
        return _results(out).stability()

    @look_apart
    def refusals(self, out: Path) -> tuple[str, ...]:
        """Why a stage has no answer, in sentences."""
        return _results(out).refusals()

    @look_apart
    def households(
        self,
        out: Path,
        *,
        offset: int = 0,
        limit: int | None = 100,
        order: str = "household",
        tariff: str | None = None,
        segment: int | None = None,
        search: str = "",
        year: int | None = None,
    ) -> Page[HouseholdRow]:
        """order: household, use, anomalies, missing, saving or loss. limit None: all of them."""
        return self._look(out, year).households(
            offset=offset, limit=limit, order=order, tariff=tariff, segment=segment, search=search
        )

    @look_apart
    def forecasts(
        self, out: Path, *, offset: int = 0, limit: int | None = 100
    ) -> Page[HouseholdForecast]:
        return _results(out).forecasts(offset=offset, limit=limit)

    @look_apart
    def anomalies(
        self,
        out: Path,
        *,
        method: Method = "profile",
        offset: int = 0,
        limit: int | None = 100,
        tariff: str | None = None,
        strongest_only: bool = True,
        unseen_only: bool = False,
        year: int | None = None,
    ) -> Page[FleetAnomaly]:
        """Strongest first; strongest_only: one for each household."""
        return self._look(out, year).strange.page(
            method=method,
            offset=offset,
            limit=limit,
            tariff=tariff,
            strongest_only=strongest_only,
            unseen_only=unseen_only,
        )

    @look_apart
    def tariffs(
        self,
        out: Path,
        *,
        offset: int = 0,
        limit: int | None = 100,
        order: Literal["saving", "loss"] = "saving",
        tariff: str | None = None,
        year: int | None = None,
    ) -> TariffSummary:
        return self._look(out, year).tariffs(offset=offset, limit=limit, order=order, tariff=tariff)

    @look_apart
    def quality(self, out: Path, *, offset: int = 0, limit: int | None = 100) -> DataQuality:
        return _results(out).quality(offset=offset, limit=limit)

    @look_apart
    def dropped(
        self, out: Path, *, offset: int = 0, limit: int | None = 100, reason: str | None = None
    ) -> Page[DroppedRow]:
        """The rows that are not used, one by one."""
        return _results(out).dropped(offset=offset, limit=limit, reason=reason)

    @look_apart
    def household(self, out: Path, household: str) -> HouseholdView:
        """Raises NotFound."""
        return _results(out).household(household)

    def _look(self, out: Path, year: int | None) -> FleetResults:
        if year is not None:
            self.make_year(out, year)
        return _results(out, year)

    # What was looked at ----------------------------------------------------------------------

    def mark_seen(
        self, out: Path, household: str, *, who: str, stretch: tuple[str, int] | None = None
    ) -> SeenMark:
        """Somebody has looked at a strange stretch (kind, start_ms), or at all of a household.

        Kept in the folder of the results; a run made again finds it there.
        Raises NotFound, StoreError when the folder cannot be written.
        """
        mark = SeenMark(to_ms(self._clock()), who)
        self._keep_mark(out, household, stretch, mark)
        return mark

    def unmark_seen(
        self, out: Path, household: str, *, stretch: tuple[str, int] | None = None
    ) -> None:
        """Takes the marks away again. Raises as `mark_seen`."""
        self._keep_mark(out, household, stretch, None)

    @look_apart
    def _keep_mark(
        self, out: Path, household: str, stretch: tuple[str, int] | None, mark: SeenMark | None
    ) -> None:
        from energy_desktop.fleet.seen import SeenMarks

        stretches = _stretches(out, household, stretch)
        if mark is None:
            SeenMarks(out).take(stretches)
        else:
            SeenMarks(out).put(stretches, mark)

    # Bringing out and in ---------------------------------------------------------------------

    @work_apart
    def export(
        self,
        out: Path,
        target: str,
        export_format: ExportFormat,
        *,
        tables: tuple[str, ...] = (),
        progress: ProgressSink = no_progress,
    ) -> ExportDone:
        """target: a folder, or the URL of a PostgreSQL database. tables (): all but the readings.
        All of them are written, or none.

        Raises WrongUse for a table that there is never and for a target that the format does not
        go into, DataFileError when the run is not finished or a part of a result is missing,
        StoreError when a result cannot be read or the target does not take it.
        """
        from energy_desktop.fleet import export

        return export.export(_results(out), target, export_format, tables=tables, progress=progress)

    def _site_meters(self) -> AbstractContextManager[SiteMeters]:
        """The site's own meters with their readings as files, until the block ends."""
        if self._configuration is None or self._ledger is None:
            raise _no_site()
        from energy_desktop.services.fleet_site import meters_as_files

        return meters_as_files(self._configuration, self._ledger)

    def in_site_currency(self, options: FleetOptions) -> FleetOptions:
        """For a run of the site's own meters, whose tariffs name no currency. Raises WrongUse
        without a site.
        """
        if self._configuration is None:
            raise _no_site()
        return replace(options, currency=self._configuration.load().site.currency)

    def add_to_site(self, out: Path, household: str) -> str:
        """Makes a household a meter of the site, with its readings; returns the meter's id.

        It is then billed and forecast like any other. Adding it again adds what is new.
        Raises NotFound, WrongUse (no site, or a polled meter has that name).
        """
        if self._configuration is None or self._ledger is None:
            raise _no_site()
        from energy_desktop.services.fleet_site import add_meter

        start_ms, energy_wh, step_s = self._readings(out, household)
        add_meter(self._configuration, self._ledger, household, start_ms, energy_wh, step_s)
        return household

    @look_apart
    def _readings(self, out: Path, household: str) -> tuple[list[int], list[float], int]:
        return _results(out).readings(household)


def with_tariffs(options: FleetOptions, path: Path) -> FleetOptions:
    """The options with both tariffs read from a TOML file. Raises DataFileError."""
    from energy_desktop.services.fleet_tariffs import read_tariffs

    a, b, currency = read_tariffs(path)
    return replace(options, tariff_a=a, tariff_b=b, currency=currency or options.currency)


def _results(out: Path, year: int | None = None) -> FleetResults:
    from energy_desktop.fleet.results import FleetResults

    return FleetResults(out, year)


def _stretches(
    out: Path, household: str, stretch: tuple[str, int] | None
) -> tuple[tuple[str, str, int], ...]:
    found = _results(out).strange.of_household(household)
    if not found:
        raise NotFound(
            where=f"Household {household}",
            what="Nothing strange was found in it, so there is nothing to mark.",
            remedy="`energy-desktop fleet show OUT --anomalies` lists those with something.",
        )
    if stretch is None:
        return found
    if (household, *stretch) not in found:
        raise NotFound(
            where=f"Household {household}",
            what="The fleet has no such strange stretch.",
            remedy="Read the list again: the run may have been made anew.",
        )
    return ((household, *stretch),)


def _no_site() -> WrongUse:
    return WrongUse(
        where="Fleet",
        what="This needs a site, and none is open.",
        remedy="Name its folder with --site.",
    )
