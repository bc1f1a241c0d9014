"""The files of a folder, looked at before anything is made or goes: which can be read, and how.

A column whose name is written wrongly makes every file of a folder unreadable. That is told before
results of another run go, and once, not once for each file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FileColumns
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.fleet import estimate, layout
from energy_desktop.fleet.layout import SourceFile

_MOST_CAUSES = 3


@dataclass(frozen=True, slots=True)
class Recognised:
    """files: those that can be read, each with its number among all. broken: the others, and why.
    rows, days: about how many readings and household-days the first hold.
    """

    files: tuple[SourceFile, ...]
    broken: tuple[tuple[Path, DataFileError], ...]
    rows: int
    days: float


def recognise_all(paths: Sequence[Path], columns: FileColumns, job: str) -> Recognised:
    """A look at the head of each file, in the order given. Raises JobCancelled with the `job`."""
    files, broken = [], []
    rows, days = 0, 0.0
    for number, path in enumerate(paths):
        raise_if_cancelled(job)
        try:
            one = layout.recognise(path, columns)
            some = estimate.readings(path, one)
        except DataFileError as error:
            broken.append((path, error))
            continue
        rows += some
        days += estimate.household_days(some, one)
        files.append(SourceFile(number, path, one, layout.unpacked_bytes(path, one)))
    return Recognised(tuple(files), tuple(broken), rows, days)


def refuse_if_all_are_broken(folder: Path, found: Recognised, *, kept: bool) -> None:
    """Raises DataFileError with each cause once. kept: results are there, and stay."""
    if found.files or not found.broken:
        return
    stay = " The results that are there stay as they are." if kept else ""
    if len(found.broken) == 1:
        path, error = found.broken[0]
        raise DataFileError(where=str(path), what=error.what, remedy=error.remedy + stay)
    causes = Counter((error.what, error.remedy) for _, error in found.broken)
    first = {(error.what, error.remedy): path for path, error in reversed(found.broken)}
    commonest = causes.most_common(_MOST_CAUSES)
    said = [
        f"{_below(folder, first[cause])}{_and_others(n)}: {cause[0].rstrip('.')}"
        for cause, n in commonest
    ]
    if len(causes) > _MOST_CAUSES:
        said.append("others for other causes")
    raise DataFileError(
        where=str(folder),
        what=f"None of its {len(found.broken):,} files can be read. {'; '.join(said)}.",
        remedy=commonest[0][0][1] + stay,
    )


def _below(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder)) if folder in path.parents else path.name


def _and_others(n: int) -> str:
    if n == 1:
        return ""
    return " and 1 other" if n == 2 else f" and {n - 1:,} others"
