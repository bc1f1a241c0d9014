"""Gathers the paper of a fleet from its results, once, so that its figures cannot disagree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from energy_desktop.domain.clock import Clock, system_clock, to_ms
from energy_desktop.domain.fleet_report import FleetReport
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.services.fleet import FleetService

RenderFleet = Callable[[FleetReport], bytes]

_MOST_STRANGE = 25  # a manager reads a page of them; all are in the program
_MOST_BILLS = 10


class FleetReportService:
    """render: the PDF of a report. made_for: the name of the site, "" without one."""

    def __init__(
        self,
        fleet: FleetService,
        render: RenderFleet,
        *,
        made_for: str = "",
        clock: Clock = system_clock,
    ) -> None:
        self._fleet = fleet
        self._render = render
        self._made_for = made_for
        self._clock = clock

    def report(self, out: Path, *, year: int | None = None) -> FleetReport:
        """The run in `out`, or one year of it, as one value. Blocks; forecasts and data quality
        are those of the run. Raises NotFound when there is no run or no such year.
        """
        fleet = self._fleet
        overview = fleet.overview(out, year=year)
        priced = "tariffs" in overview.summary.seconds
        return FleetReport(
            name=out.name if year is None else f"{out.name}, {year}",
            made_for=self._made_for,
            made_at_ms=to_ms(self._clock()),
            overview=overview,
            trends=fleet.trends(out, year=year).rows,
            strange=fleet.anomalies(out, limit=_MOST_STRANGE, year=year),
            tariffs=fleet.tariffs(out, limit=_MOST_BILLS, order="loss", year=year)
            if priced
            else None,
            stability=fleet.stability(out),
            refusals=fleet.refusals(out),
        )

    def pdf(self, out: Path, *, year: int | None = None) -> bytes:
        """The paper. Blocks: belongs into a job. Raises NotFound."""
        return self._render(self.report(out, year=year))

    def csv(self, out: Path, folder: Path, progress: ProgressSink = no_progress) -> int:
        """All results but the readings as CSV files in `folder`; gives their number.

        Raises NotFound, DataFileError (the run is not finished, or something of it is missing),
        WrongUse, StoreError (the folder does not take them), JobCancelled.
        """
        return len(self._fleet.export(out, str(folder), "csv", progress=progress).tables)
