"""Makes a fleet run in this process: nothing of another one is touched before it is sure that the
folder of results is this one's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from energy_desktop.analytics.anomaly.profile import find_anomalies
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.fleet import FleetOptions, FleetSummary, SiteMeters
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.fleet import site_meters
from energy_desktop.fleet.claim import claimed, refuse_unless_ours
from energy_desktop.fleet.engine import Engine
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.results import FleetResults
from energy_desktop.fleet.run import FleetRun
from energy_desktop.fleet.task import run_task


def make(
    folder: Path,
    out: Path,
    options: FleetOptions,
    *,
    engine: Literal["duckdb", "spark"],
    master: str | None,
    threads: int | None,
    site: SiteMeters | None,
    replace_results: bool,
    progress: ProgressSink,
) -> FleetSummary:
    """Does what is left of the run, and gives it. One that is done needs no engine, and no folder
    that can be written. Raises as FleetService.run.
    """
    if master is not None and engine != "spark":
        raise WrongUse(
            where=f"--master {master}",
            what="Only Spark has a master.",
            remedy="Say --engine spark too.",
        )
    task = run_task(folder, out, options, engine, site)
    refuse_unless_ours(task.out)
    known = Manifest.read(task.out)
    state = task.state(known)
    if known is not None and state == "replaces" and not replace_results:
        task.refuse_to_replace(known)
    if known is not None and state == "done" and not replace_results:
        return _answer(known, task.out, site)
    with (
        claimed(task.out) as scratch,
        _engine(scratch, engine, master, threads, task.paths) as made,
    ):
        run = FleetRun(
            folder,
            task.out,
            made,
            options,
            hour_rule=find_anomalies,
            site=site,
            replace=replace_results,
            progress=progress,
        )
        run.run()
        return _answer(run.manifest, task.out, site)


def _answer(manifest: Manifest, out: Path, site: SiteMeters | None) -> FleetSummary:
    newer = site is not None and site_meters.is_newer(out, manifest, site)
    return replace(FleetResults(out).summary(), site_is_newer=newer)


@contextmanager
def _engine(
    scratch: Path,
    name: Literal["duckdb", "spark"],
    master: str | None,
    threads: int | None,
    files: Sequence[Path],
) -> Iterator[Engine]:
    """files: what is to be read, as every machine that computes must see it."""
    if name == "spark":
        from energy_desktop.fleet.spark import LOCAL, SparkEngine

        with closing(SparkEngine(scratch, master=master or LOCAL)) as spark:
            spark.refuse_unshared(files)
            yield spark
    else:
        from energy_desktop.fleet.engine import DuckDbEngine

        with closing(DuckDbEngine(scratch, threads=threads)) as duckdb:
            yield duckdb
