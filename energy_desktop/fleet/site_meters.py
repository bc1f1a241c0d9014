"""A site's own meters as the second source of a run, kept below its results.

They are this program's own files, so what is said about the columns of the folder's files never
holds for them. They join after the folder has been read: by then it is known whether the folder
holds a household of the same name, as it does for one that was added to the site from there. Two
sources of one household would contradict each other, so the folder's is taken.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FileColumns, SiteMeters
from energy_desktop.fleet import layout
from energy_desktop.fleet.layout import FileLayout, SourceFile
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.parquet import remove
from energy_desktop.fleet.workplace import SITE, Workplace

_IN_FOLDER = "The folder has a household of this name; its readings are taken from there."
_TOO_FEW = "It has too few readings yet."


def join(place: Workplace, site: SiteMeters) -> None:
    """Copies the meters' files to the results and notes them, and which are left out and why. A
    run that goes on keeps what joined then, however the site went on.
    """
    if place.manifest.joined is not None:
        return
    twice = _also_in_folder(place, tuple(site.files))
    folder = place.out / SITE
    if folder.exists():
        remove(folder)
    folder.mkdir(parents=True)
    names, left_out = [], []
    for meter, path in site.files.items():
        why = _IN_FOLDER if meter in twice else _lack(path)
        if why:
            left_out.append((_named(meter), why))
        else:
            shutil.copyfile(path, folder / path.name)
            names.append(f"{SITE}/{path.name}")
    place.manifest.join(names, left_out)


def is_newer(out: Path, manifest: Manifest, site: SiteMeters) -> bool:
    """Whether the site has other readings now than those of it that joined the run in `out`."""
    if manifest.joined is None:
        return False
    joined = {_meter_of(path): path for name in manifest.joined if (path := out / name).exists()}
    from_folder = {_named(meter) for meter in site.files} & {
        name for name, why in manifest.facts.get("left_out", []) if why == _IN_FOLDER
    }
    return any(
        not _same_readings(path, joined[meter]) if meter in joined else not _lack(path)
        for meter, path in site.files.items()
        if _named(meter) not in from_folder
    )


def _meter_of(path: Path) -> str:
    """Whose readings a file holds: of two meters with names alike, their files' names may change
    places.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        return next(iter(next(rows, [])), "")


def _same_readings(now: Path, then: Path) -> bool:
    """Whatever their quality, which a run does not read and which stands last."""
    with now.open("rb") as a, then.open("rb") as b:
        return all(
            one.rpartition(b",")[0] == other.rpartition(b",")[0]
            for one, other in zip_longest(a, b, fillvalue=b"")
        )


def _named(meter: str) -> str:
    return f"Meter {meter} of the site"


def files(place: Workplace) -> list[SourceFile]:
    """Those that joined, numbered after the folder's."""
    names = place.manifest.joined or ()
    first = len(place.manifest.about["files"]) - len(names)
    return [_source(first + k, place.out / name) for k, name in enumerate(names)]


def _source(index: int, path: Path) -> SourceFile:
    return SourceFile(index, path, _layout(path), path.stat().st_size)


def _layout(path: Path) -> FileLayout:
    return replace(layout.recognise(path, FileColumns()), of_site=True)


def _lack(path: Path) -> str:
    """Why a meter's file cannot be read; "" when it can."""
    try:
        _layout(path)
    except DataFileError:
        return _TOO_FEW  # one reading shows no step
    return ""


def _also_in_folder(place: Workplace, meters: Sequence[str]) -> set[str]:
    readings = place.out / "readings"
    if not meters or not any(readings.rglob("*.parquet")):
        return set()
    rows = place.engine.parquet([readings], "before_the_site")
    found = rows.filter(rows.household.isin(list(meters))).select("household").distinct()
    return set(place.engine.fetch(found)["household"].to_pylist())
