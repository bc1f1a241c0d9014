"""What a run is asked for in the window, and the job that does it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from energy_desktop.domain.fleet import FileColumns, FleetOptions, FleetPlan, FleetSummary
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.services.fleet import EngineName, FleetService, with_tariffs


@dataclass(frozen=True, slots=True)
class RunRequest:
    """like: the options of the run that is made again; its tariffs hold unless `tariffs`, a TOML
    file, brings others. A new run with the site's meters is in the site's currency. master: of
    Spark, None: all cores of this machine. replace: results of other files or options that are
    there are replaced, and a finished run is made anew.
    """

    folder: Path
    out: Path
    zone: str
    with_site: bool = False
    tariffs: Path | None = None
    columns: FileColumns = field(default_factory=FileColumns)
    segments: int = 4
    engine: EngineName = "duckdb"
    master: str | None = None
    like: FleetOptions | None = None
    replace: bool = False

    def options(self, fleet: FleetService) -> FleetOptions:
        """Raises DataFileError for a tariff file that cannot be read."""
        usual = FleetOptions()
        options = replace(
            self.like or (fleet.in_site_currency(usual) if self.with_site else usual),
            zone=self.zone,
            columns=self.columns,
            segments=self.segments,
        )
        return options if self.tariffs is None else with_tariffs(options, self.tariffs)


def run(fleet: FleetService, request: RunRequest, progress: ProgressSink) -> FleetSummary:
    """For a job. Raises what services.fleet raises."""
    return fleet.run(
        request.folder,
        request.out,
        request.options(fleet),
        engine=request.engine,
        master=request.master,
        with_site=request.with_site,
        replace=request.replace,
        progress=progress,
    )


def plan(fleet: FleetService, request: RunRequest) -> FleetPlan:
    """For a job. Raises what services.fleet raises."""
    return fleet.plan(
        request.folder,
        request.out,
        request.options(fleet),
        engine=request.engine,
        master=request.master,
        with_site=request.with_site,
    )
