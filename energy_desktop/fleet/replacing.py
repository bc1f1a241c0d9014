"""A run that takes the place of another: what is there stays until the new one has found readings.

Its files are read beside the old results. A slip of a column, files without a reading that can be
used, a full disk or a change of mind then cost nothing. Killed at any moment, the manifest in the
folder of the results says whose results lie there and how far they have come.
"""

from __future__ import annotations

from pathlib import Path

from energy_desktop.domain.errors import DataFileError
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.parquet import remove
from energy_desktop.fleet.task import RunTask
from energy_desktop.fleet.workplace import SITE, clear

NEXT = ".next-run"
"""Below the results: the run that is to take their place, until it has read its files."""

_READ = (SITE, "readings", "dropped")
"""What reading files makes."""


def begun_beside(task: RunTask) -> Manifest:
    """The run that is to take the place, where it was when it was stopped."""
    beside = task.out / NEXT
    try:
        known = Manifest.read(beside)
    except DataFileError:  # spoilt: reading some files again is all it costs
        known = None
    if known is not None and known.key == task.key:
        return known
    drop_beside(task.out)
    return Manifest.begin(beside, task.key, task.about)


def take_place(out: Path, read: Manifest) -> Manifest:
    """The old results go, and the run that has read its files goes on in their folder."""
    manifest = read.moved_to(out, arriving=True)
    settle(out, manifest)
    return manifest


def settle(out: Path, manifest: Manifest) -> None:
    """What is left to do of taking the place, also after a kill in the middle of it."""
    if manifest.has_stale_results:
        clear(out)
        manifest.set_facts(stale_results=False)
    if manifest.facts.get("arriving"):
        # Said twice, so that the state before does not clear away what arrives now.
        manifest.set_facts(stale_results=False)
        for name in _READ:
            if (out / NEXT / name).exists():
                (out / NEXT / name).rename(out / name)
        manifest.set_facts(arriving=False)
    drop_beside(out)


def drop_beside(out: Path) -> None:
    if (out / NEXT).exists():
        remove(out / NEXT)
