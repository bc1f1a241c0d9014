"""Which strange stretches somebody has looked at.

Kept in the folder of the results and apart from them: a run that is made again with more data
finds the same stretches again, and what was looked at stays looked at.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from energy_desktop.domain.errors import DataFileError, StoreError
from energy_desktop.domain.fleet import SeenMark

NAME = "seen.json"
FORMAT = 1

Stretch = tuple[str, str, int]
"""Household, kind, start_ms: what tells one strange stretch from all others."""


class SeenMarks:
    """The marks of the run in `out`. Every change is on disk when the method returns."""

    def __init__(self, out: Path) -> None:
        self._path = out / NAME

    def read(self) -> dict[Stretch, SeenMark]:
        """Raises DataFileError when the file is not ours."""
        if not self._path.exists():
            return {}
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
            if said["format"] != FORMAT:
                raise ValueError(f"format {said['format']}, known is {FORMAT}")
            return {
                (one["household"], one["kind"], int(one["start_ms"])): SeenMark(
                    int(one["at_ms"]), str(one["who"])
                )
                for one in said["marks"]
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataFileError(
                where=str(self._path),
                what=f"it cannot be read ({error}).",
                remedy="Take it away; only the marks of what was seen are lost.",
            ) from error

    def put(self, stretches: Iterable[Stretch], mark: SeenMark) -> int:
        """Marks them; one that was marked keeps its first mark. Returns how many are new.

        Raises StoreError when the folder cannot be written.
        """
        marks = self.read()
        fresh = {one: mark for one in stretches if one not in marks}
        if fresh:
            self._save({**marks, **fresh})
        return len(fresh)

    def take(self, stretches: Iterable[Stretch]) -> int:
        """Takes marks away. Returns how many there were. Raises as `put`."""
        marks = self.read()
        gone = [one for one in stretches if marks.pop(one, None) is not None]
        if gone:
            self._save(marks)
        return len(gone)

    def _save(self, marks: dict[Stretch, SeenMark]) -> None:
        document = {
            "format": FORMAT,
            "marks": [
                {
                    "household": household,
                    "kind": kind,
                    "start_ms": start_ms,
                    "at_ms": mark.at_ms,
                    "who": mark.who,
                }
                for (household, kind, start_ms), mark in sorted(marks.items())
            ],
        }
        beside = self._path.with_name(NAME + ".new")
        try:
            with beside.open("w", encoding="utf-8") as file:
                json.dump(document, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise StoreError(
                where=str(self._path),
                what=f"The mark cannot be kept: {error.strerror or error}.",
                remedy="Copy the results to a folder that can be written.",
            ) from error
