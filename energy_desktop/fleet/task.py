"""What a run is asked: which files, how they are read, by which engine; and whether the results
that lie in its folder are its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from energy_desktop.domain.errors import ConfirmationNeeded, DataFileError
from energy_desktop.domain.fleet import FleetOptions, SiteMeters
from energy_desktop.fleet import layout
from energy_desktop.fleet.manifest import Manifest, run_key
from energy_desktop.fleet.options import to_document

State = Literal["new", "goes_on", "done", "replaces"]


_FILES = "its files"
_ASKED = {
    "engine": "its engine",
    "site": "the site that joins",
    "site_meters": "the meters of the site",
}
_OPTIONS = {
    "zone": "its zone",
    "columns": "how columns are read",
    "tariff_a": "its tariffs",
    "tariff_b": "its tariffs",
    "currency": "its currency",
    "segments": "its number of groups",
    "seed": "its seed",
}


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
        state = "A finished" if known.finished else "An unfinished"
        raise ConfirmationNeeded(
            where=str(self.out),
            what=f"{state} run of {known.about.get('folder')} is there; it differs in "
            f"{_listed(self._differences(known))}.",
            remedy="Name another folder for the results, or say that it is replaced (--replace).",
        )

    def _differences(self, known: Manifest) -> list[str]:
        """In words, what is asked otherwise than the run that is there."""
        then, now = known.about, json.loads(json.dumps(self.about))  # as a manifest reads it
        joined = len(known.joined or ())
        files_then = then["files"][: len(then["files"]) - joined]
        found = []
        if files_then != now["files"]:
            found.append(_FILES)
        found += [words for key, words in _ASKED.items() if then.get(key) != now[key]]
        options = then.get("options", {})
        found += [
            words for key, words in _OPTIONS.items() if options.get(key) != now["options"][key]
        ]
        return list(dict.fromkeys(found)) or ["files that have changed since"]

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
            "site_meters": [] if self.site is None else sorted(self.site.meters),
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


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
