"""What a run is asked: which files, how they are read, by which engine; and whether the results
that lie in its folder are its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from energy_desktop.domain.errors import ConfirmationNeeded, DataFileError
from energy_desktop.domain.fleet import FleetOptions, SiteMeters
from energy_desktop.fleet import layout
from energy_desktop.fleet.manifest import Manifest, run_key
from energy_desktop.fleet.options import to_document

State = Literal["new", "goes_on", "done", "replaces"]


@dataclass(frozen=True, slots=True)
class RunTask:
    """folder, out, paths: absolute, so that another spelling of them asks the same."""

    folder: Path
    out: Path
    paths: tuple[Path, ...]
    options: FleetOptions
    engine: str
    site: SiteMeters | None
    key: str

    def state(self, known: Manifest | None) -> State:
        """What asking it means for the results that are there: see FleetPlan.state."""
        if known is None:
            return "new"
        if known.key != self.key:
            return "replaces"
        return "done" if known.finished else "goes_on"

    def refuse_to_replace(self, known: Manifest) -> None:
        """Raises ConfirmationNeeded: results are taken away by nobody's slip of the pen."""
        made_from = str(known.about.get("folder", "other files"))
        state = "finished" if known.finished else "unfinished"
        raise ConfirmationNeeded(
            where=str(self.out),
            what=f"A {state} run is there, made from {made_from} with other files or options.",
            remedy="Name another folder for the results, or say that it is replaced (--replace).",
        )

    @property
    def about(self) -> dict[str, Any]:
        """For the manifest."""
        options = self.options
        return {
            "folder": str(self.folder),
            "files": [str(path) for path in self.paths],
            "engine": self.engine,
            "zone": options.zone,
            "currency": options.currency,
            "seed": options.seed,
            "tariffs": [options.tariff_a.name, options.tariff_b.name],
            "options": to_document(options),
            "site": None if self.site is None else self.site.name,
        }


def run_task(
    folder: Path,
    out: Path,
    options: FleetOptions,
    engine: str,
    site: SiteMeters | None = None,
) -> RunTask:
    """Looks which files there are. With a site the folder may have none.

    Raises DataFileError when there is nothing to read.
    """
    folder, out = folder.resolve(), out.resolve()
    if out in (folder, *folder.parents):
        raise DataFileError(
            where=str(folder),
            what="The readings lie in the folder that the results are to go into.",
            remedy="Name a folder for the results that does not hold them.",
        )
    paths = layout.find_files(folder, but=out, may_be_none=site is not None)
    stats = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
    key = run_key(stats, options, engine, site)
    return RunTask(folder, out, paths, options, engine, site, key)
