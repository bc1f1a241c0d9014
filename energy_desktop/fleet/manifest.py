"""What a run has done so far, in one small file that is replaced whole.

A run writes a chunk, then says so here. Killed at any moment, the next run finds the chunks that
are said to be done, throws away what was being written, and goes on. The file is written beside
and renamed, so it is always one of two states, never half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FleetOptions

NAME = "fleet.json"
FORMAT = 1


class Manifest:
    """The state of a run in `folder`. Every change is on disk when the method returns."""

    def __init__(self, folder: Path, state: dict[str, Any]) -> None:
        self._folder = folder
        self._state = state

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """None: no run was ever begun here. Raises DataFileError when the file is not ours."""
        path = folder / NAME
        if not path.exists():
            return None
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            version = state["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataFileError(
                where=str(path),
                what=f"it cannot be read ({error}).",
                remedy="Run again into an empty folder.",
            ) from error
        if version != FORMAT:
            raise DataFileError(
                where=str(path),
                what=f"it has format {version}, this program knows format {FORMAT}.",
                remedy="Use the newer version of the program, or run again into an empty folder.",
            )
        return cls(folder, state)

    @classmethod
    def begin(cls, folder: Path, key: str, about: dict[str, Any]) -> Manifest:
        manifest = cls(
            folder,
            {"format": FORMAT, "key": key, "about": about, "done": {}, "seconds": {}, "facts": {}},
        )
        manifest._save()
        return manifest

    @property
    def key(self) -> str:
        return str(self._state["key"])

    @property
    def about(self) -> dict[str, Any]:
        """What the run was asked: see run.about()."""
        about: dict[str, Any] = self._state["about"]
        return about

    @property
    def seconds(self) -> dict[str, float]:
        """By stage, over all the times it was taken up again."""
        return dict(self._state["seconds"])

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self._state["facts"]
        return facts

    @property
    def finished(self) -> bool:
        return bool(self._state.get("finished"))

    def done(self, stage: str) -> dict[str, Any]:
        """Chunk name -> what was noted about it; numbered ones in the order of their numbers."""
        chunks: dict[str, Any] = self._state["done"].get(stage, {})
        return dict(sorted(chunks.items(), key=lambda chunk: (len(chunk[0]), chunk[0])))

    def is_done(self, stage: str, chunk: str) -> bool:
        return chunk in self.done(stage)

    def note(self, stage: str, chunk: str, about: Any, seconds: float) -> None:
        """A chunk is done. `about` is kept with it and must be JSON."""
        self._state["done"].setdefault(stage, {})[chunk] = about
        self.add_seconds(stage, seconds)

    def add_seconds(self, stage: str, seconds: float) -> None:
        self._state["seconds"][stage] = self._state["seconds"].get(stage, 0.0) + seconds
        self._save()

    def set_facts(self, **facts: Any) -> None:
        self._state["facts"].update(facts)
        self._save()

    def finish(self) -> None:
        self._state["finished"] = True
        self._save()

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self._folder / (NAME + ".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump(self._state, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._folder / NAME)


def run_key(files: list[tuple[str, int, int]], options: FleetOptions, engine: str) -> str:
    """Equal exactly when the same files (name, bytes, changed at) are asked the same."""
    text = json.dumps([files, asdict(options), engine], sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize() + 0, "f")
    raise TypeError(f"{type(value).__name__} has no plain form")
