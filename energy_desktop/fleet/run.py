"""A run from files to results, stage by stage, taken up again where it was.

Ingest goes by files, everything after it by parts: groups of whole households, small enough that
one fits into memory. So memory does not grow with the fleet, every chunk can be done again by
itself, and a run that was killed or cancelled goes on at the chunk where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import TYPE_CHECKING

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FleetOptions, SiteMeters
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.fleet import (
    claim,
    estimate,
    replacing,
    site_meters,
    stage_judge,
    stage_learn,
    stage_read,
    stopped,
)
from energy_desktop.fleet.engine import Engine
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.recognised import (
    Recognised,
    recognise_all,
    refuse_if_all_are_broken,
)
from energy_desktop.fleet.task import RunTask, State, run_task
from energy_desktop.fleet.workplace import STAGES, Workplace

if TYPE_CHECKING:
    from energy_desktop.fleet.anomalies import HourRule

_STAY = "Check how its columns are read. The results that are there stay as they are."


class FleetRun:
    """One run over the files of `folder`, its results below `out`.

    The same files with the same options into the same folder: what is done stays done. site: its
    meters join; a run that goes on keeps the readings that joined when it began. replace: results
    of other files or options are replaced, and a finished run is made anew, once all files are read
    and have readings; till then the old results stay.

    Raises DataFileError when there is nothing that can be read, or when `out` holds something else;
    ConfirmationNeeded when it holds another run and `replace` is not said.
    """

    def __init__(
        self,
        folder: Path,
        out: Path,
        engine: Engine,
        options: FleetOptions,
        *,
        hour_rule: HourRule,
        site: SiteMeters | None = None,
        replace: bool = False,
        progress: ProgressSink = no_progress,
    ) -> None:
        task = run_task(folder, out, options, engine.name, site)
        with _in_words(engine, task.out):
            known = _allowed(task, replace=replace)
            # Before anything of another run goes.
            found = recognise_all(task.paths, options.columns, "Fleet run")
            refuse_if_all_are_broken(task.folder, found, kept=_is_there(known))
            beside = known is not None and _replaces(task.state(known), replace=replace)
            self.manifest = replacing.begun_beside(task) if beside else _begun(task, known)
            self._files = found.files
            self._note_files(found, engine)
        self.out = task.out
        place = task.out / replacing.NEXT if beside else task.out
        self.place = Workplace(place, engine, options, self.manifest, progress)
        self._hour_rule = hour_rule
        self._site = site

    def stage(self, name: str) -> None:
        """Does what is left of one stage. The stages before it must be done.

        Raises UserFacingError when the disk or the memory does not suffice: what is done is kept.
        """
        place = self.place
        stages: dict[str, Callable[[], None]] = {
            "ingest": self._ingest,
            "daily": lambda: stage_read.daily(place),
            "features": lambda: stage_learn.features_of_days(place),
            "regression": lambda: stage_learn.regression(place),
            "lightgbm": lambda: stage_learn.lightgbm(place),
            "anomalies": lambda: stage_judge.anomalies_of(place, self._hour_rule),
            "segments": lambda: stage_judge.segments_of(place),
            "tariffs": lambda: stage_judge.tariffs_of(place),
        }
        with _in_words(place.engine, self.out):
            stages[name]()

    def run(self) -> None:
        """Does what is left of all stages. Raises as `stage`; JobCancelled between chunks."""
        if self.manifest.finished:
            return
        for name in STAGES:
            self.stage(name)
        peak_mb = self.place.engine.memory_mb()
        with _in_words(self.place.engine, self.out):
            self.manifest.set_facts(peak_mb=max(self.manifest.facts.get("peak_mb", 0.0), peak_mb))
            self.manifest.finish()
        self.place.progress(1.0, "done")

    def _ingest(self) -> None:
        """The folder's files; then the site's, without the households that the folder has."""
        place, files = self.place, self._files
        joining = [] if self._site is None else list(self._site.files.values())
        stage_read.divide(
            place, sum(f.bytes for f in files) + sum(path.stat().st_size for path in joining)
        )
        stage_read.ingest(place, files)
        if self._site is not None:
            site_meters.join(place, self._site)
            stage_read.ingest(place, [*files, *site_meters.files(place)])
        if place.out == self.out:
            stage_read.refuse_without_readings(place)
            return
        try:
            stage_read.refuse_without_readings(place)
        except DataFileError as error:
            replacing.drop_beside(self.out)
            raise DataFileError(where=error.where, what=error.what, remedy=_STAY) from error
        self.manifest = replacing.take_place(self.out, self.manifest)
        self.place = replace_fields(place, out=self.out, manifest=self.manifest)

    def _note_files(self, found: Recognised, engine: Engine) -> None:
        """Those that cannot be read, and about how long the others take."""
        broken = [[str(path), f"{error.what} {error.remedy}"] for path, error in found.broken]
        if broken != self.manifest.facts.get("unknown_files"):
            self.manifest.set_facts(unknown_files=broken)
        # Of Spark nobody knows here how many machines it has.
        if engine.name != "spark" and "estimated_s" not in self.manifest.facts:
            estimated_s = round(estimate.seconds(found.rows, found.days), 1)
            self.manifest.set_facts(estimated_s=estimated_s)


def _allowed(task: RunTask, *, replace: bool) -> Manifest | None:
    """The run that is there. Raises when it may not be touched."""
    claim.refuse_unless_ours(task.out)
    known = Manifest.read(task.out)
    if known is not None and task.state(known) == "replaces" and not replace:
        task.refuse_to_replace(known)
    return known


def _is_there(known: Manifest | None) -> bool:
    """Whether a run has left results."""
    return known is not None and known.finished


def _replaces(state: State, *, replace: bool) -> bool:
    return state == "replaces" or (state == "done" and replace)


def _begun(task: RunTask, known: Manifest | None) -> Manifest:
    """The manifest of the run, old or new, and no results of another one beside it."""
    manifest = known or Manifest.begin(task.out, task.key, task.about)
    replacing.settle(task.out, manifest)
    return manifest


@contextmanager
def _in_words(engine: Engine, out: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        said = stopped.in_words(error, engine, out)
        if said is None:
            raise
        raise said from error
