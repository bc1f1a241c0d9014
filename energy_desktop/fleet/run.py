"""A run from files to results, stage by stage, taken up again where it was.

Ingest goes by files, everything after it by parts: groups of whole households, small enough that
one fits into memory. So memory does not grow with the fleet, every chunk can be done again by
itself, and a run that was killed or cancelled goes on at the chunk where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FleetOptions
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.fleet import (
    estimate,
    layout,
    memory,
    stage_judge,
    stage_learn,
    stage_read,
    stopped,
)
from energy_desktop.fleet.engine import Engine
from energy_desktop.fleet.layout import SourceFile
from energy_desktop.fleet.manifest import Manifest, run_key
from energy_desktop.fleet.options import to_document
from energy_desktop.fleet.workplace import STAGES, Workplace, clear

if TYPE_CHECKING:
    from energy_desktop.fleet.anomalies import HourRule


class FleetRun:
    """One run over the files of `folder`, its results below `out`.

    The same files with the same options into the same folder: what is done stays done. Other
    files or options: the results there are replaced.

    Raises DataFileError when there is nothing to read, or when `out` holds something else.
    """

    def __init__(
        self,
        folder: Path,
        out: Path,
        engine: Engine,
        options: FleetOptions,
        *,
        hour_rule: HourRule,
        progress: ProgressSink = no_progress,
    ) -> None:
        own = out.resolve()
        paths = tuple(p for p in layout.find_files(folder) if own not in p.resolve().parents)
        stats = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
        key = run_key(stats, options, engine.name)
        known = Manifest.read(out)
        if known is None and out.exists() and any(out.iterdir()):
            raise DataFileError(
                where=str(out),
                what="This folder holds something that is no fleet run.",
                remedy="Give an empty folder, or one that does not exist yet.",
            )
        if known is None or known.key != key:
            clear(out)
            known = Manifest.begin(out, key, _about(folder, paths, options, engine))
        self.manifest = known
        self.place = Workplace(out, engine, options, known, progress)
        self._hour_rule = hour_rule
        self._files = self._recognised(paths)

    @property
    def out(self) -> Path:
        return self.place.out

    def stage(self, name: str) -> None:
        """Does what is left of one stage. The stages before it must be done.

        Raises UserFacingError when the disk or the memory does not suffice: what is done is kept.
        """
        place = self.place
        stages: dict[str, Callable[[], None]] = {
            "ingest": lambda: stage_read.ingest(place, self._files),
            "daily": lambda: stage_read.daily(place),
            "features": lambda: stage_learn.features_of_days(place),
            "regression": lambda: stage_learn.regression(place),
            "lightgbm": lambda: stage_learn.lightgbm(place),
            "anomalies": lambda: stage_judge.anomalies_of(place, self._hour_rule),
            "segments": lambda: stage_judge.segments_of(place),
            "tariffs": lambda: stage_judge.tariffs_of(place),
        }
        try:
            stages[name]()
        except Exception as error:
            said = stopped.in_words(error, place.engine, place.out)
            if said is None:
                raise
            raise said from error

    def run(self) -> None:
        """Does what is left of all stages. Raises JobCancelled between two chunks."""
        if self.manifest.finished:
            return
        for name in STAGES:
            self.stage(name)
        peak_mb = memory.peak_mb() + self.place.engine.memory_mb()
        self.manifest.set_facts(peak_mb=max(self.manifest.facts.get("peak_mb", 0.0), peak_mb))
        self.manifest.finish()
        self.place.progress(1.0, "done")

    def _recognised(self, paths: Sequence[Path]) -> list[SourceFile]:
        """The layout of each file; one that has none is noted as broken. In the order of names."""
        found = []
        broken = []
        rows, days = 0, 0.0
        for k, path in enumerate(paths):
            try:
                one = layout.recognise(path, self.place.options.columns)
                some = estimate.readings(path, one)
            except DataFileError as error:
                broken.append([str(path), f"{error.what} {error.remedy}"])
                continue
            rows += some
            days += estimate.household_days(some, one)
            found.append(SourceFile(k, path, one, layout.unpacked_bytes(path, one)))
        if broken != self.manifest.facts.get("unknown_files"):
            self.manifest.set_facts(unknown_files=broken)
        # Of Spark nobody knows here how many machines it has.
        if self.place.engine.name != "spark" and "estimated_s" not in self.manifest.facts:
            self.manifest.set_facts(estimated_s=round(estimate.seconds(rows, days), 1))
        return found


def _about(
    folder: Path, paths: Sequence[Path], options: FleetOptions, engine: Engine
) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "files": [str(path) for path in paths],
        "engine": engine.name,
        "zone": options.zone,
        "currency": options.currency,
        "seed": options.seed,
        "tariffs": [options.tariff_a.name, options.tariff_b.name],
        "options": to_document(options),
    }
