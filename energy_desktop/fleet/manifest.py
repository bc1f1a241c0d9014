"""What a run has done so far, in one small file that is replaced whole.

A run writes a chunk, then says so here. Killed at any moment, the next run finds the chunks that
are said to be done, throws away what was being written, and goes on. The file is written beside
and renamed, so it is always one of two states, never half of one. The state before stays beside it:
where a disk has spoilt the file, one chunk is done again and not all of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FleetOptions, SiteMeters

_LOG = logging.getLogger("energy_desktop.fleet")

NAME = "fleet.json"
OLD_NAME = "fleet.json.old"
FORMAT = 1
_PARTS = {"key": str, "about": dict, "done": dict, "seconds": dict, "facts": dict}


class Manifest:
    """The state of a run in `folder`. Every change is on disk when the method returns."""

    def __init__(self, folder: Path, state: dict[str, Any], kept: str | None = None) -> None:
        """kept: the text that says this state and is on disk."""
        self._folder = folder
        self._state = state
        self._kept = kept

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """None: no run was ever begun here. Raises DataFileError when the file is not ours, or
        cannot be read and neither can the one before.
        """
        spoilt: DataFileError | None = None
        for name in (NAME, OLD_NAME):
            path = folder / name
            try:
                text = path.read_text(encoding="utf-8")
                state = _checked(path, json.loads(text))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, ValueError) as error:
                spoilt = spoilt or DataFileError(
                    where=str(path),
                    what=f"it cannot be read ({error}).",
                    remedy="Run again into an empty folder.",
                )
                continue
            if spoilt is not None:
                _LOG.warning("%s What was noted before its last chunk is taken.", spoilt)
            return cls(folder, state, text)
        if spoilt is not None:
            raise spoilt
        return None

    @classmethod
    def begin(cls, folder: Path, key: str, about: dict[str, Any]) -> Manifest:
        """Takes the place of the run that is there; its results are stale from now on."""
        (folder / OLD_NAME).unlink(missing_ok=True)
        manifest = cls(
            folder,
            {"format": FORMAT, "key": key, "about": about, "done": {}, "seconds": {},
             "facts": {"stale_results": True}},
        )  # fmt: skip
        manifest._save()
        return manifest

    def moved_to(self, folder: Path, **facts: Any) -> Manifest:
        """The same state in another folder, where it takes the place of the run that is there; the
        results of that one are stale from now on.
        """
        names = self.joined or ()
        files = self.about["files"][: len(self.about["files"]) - len(names)]
        about = {**self.about, "files": files + [str(folder / name) for name in names]}
        (folder / OLD_NAME).unlink(missing_ok=True)
        moved = Manifest(folder, {**self._state, "about": about, "facts": dict(self.facts)})
        moved.set_facts(stale_results=True, **facts)
        return moved

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
    def has_stale_results(self) -> bool:
        """Results of the run before may lie in the folder."""
        return bool(self.facts.get("stale_results"))

    @property
    def no_readings(self) -> bool:
        """Its files were read and none of their readings can be used: going on changes nothing."""
        return bool(self.facts.get("no_readings"))

    @property
    def finished(self) -> bool:
        return bool(self._state.get("finished"))

    @property
    def joined(self) -> tuple[str, ...] | None:
        """Names of the files of the site's own meters below the results; None: none joined yet."""
        names = self._state.get("joined")
        return None if names is None else tuple(names)

    def join(self, names: Sequence[str], left_out: Sequence[Sequence[str]]) -> None:
        """The files of the site's own meters, numbered after those of the folder. left_out: what
        of them is not read, and why.
        """
        self.about["files"] += [str(self._folder / name) for name in names]
        self._state["joined"] = list(names)
        self.set_facts(left_out=[list(one) for one in left_out])

    def done(self, stage: str) -> dict[str, Any]:
        """Chunk name -> what was noted about it; numbered ones in the order of their numbers."""
        chunks: dict[str, Any] = self._state["done"].get(stage, {})
        return dict(sorted(chunks.items(), key=lambda chunk: (len(chunk[0]), chunk[0])))

    def is_done(self, stage: str, chunk: str) -> bool:
        return chunk in self.done(stage)

    def note(
        self, stage: str, chunk: str, about: Any, seconds: float, peak_mb: float = 0.0
    ) -> None:
        """A chunk is done. `about` is kept with it and must be JSON. peak_mb: the most memory held
        so far; of several processes that worked on the run, the largest counts.
        """
        self._state["done"].setdefault(stage, {})[chunk] = about
        self._state["seconds"][stage] = self._state["seconds"].get(stage, 0.0) + seconds
        if peak_mb > self.facts.get("peak_mb", 0.0):
            self.facts["peak_mb"] = peak_mb
        self._save()

    def set_facts(self, **facts: Any) -> None:
        self._state["facts"].update(facts)
        self._save()

    def finish(self) -> None:
        self._state["finished"] = True
        self._save()

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._kept is not None:
            _put(self._folder / OLD_NAME, self._kept)
        self._kept = json.dumps(self._state, ensure_ascii=False)
        _put(self._folder / NAME, self._kept, surely=True)


def run_key(
    files: list[tuple[str, int, int]],
    options: FleetOptions,
    engine: str,
    site: SiteMeters | None = None,
) -> str:
    """Equal exactly when the same files (name, bytes, changed at) are asked the same. Of a site
    its name and its meters count: energies come every quarter of an hour.
    """
    asked: list[Any] = [files, asdict(options), engine]
    if site is not None:
        asked.append([site.name, sorted(site.meters)])
    text = json.dumps(asked, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _checked(path: Path, state: Any) -> dict[str, Any]:
    """Raises ValueError for something that is no state, DataFileError for a newer one."""
    if not isinstance(state, dict) or "format" not in state:
        raise ValueError("it is no state of a run")
    if state["format"] != FORMAT:
        raise DataFileError(
            where=str(path),
            what=f"it has format {state['format']}, this program knows format {FORMAT}.",
            remedy="Use the newer version of the program, or run again into an empty folder.",
        )
    lacking = [name for name, kind in _PARTS.items() if not isinstance(state.get(name), kind)]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}")
    return state


def _put(path: Path, text: str, *, surely: bool = False) -> None:
    """surely: also when the power fails in the next second."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        if surely:
            file.flush()
            os.fsync(file.fileno())
    beside.replace(path)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize() + 0, "f")
    raise TypeError(f"{type(value).__name__} has no plain form")
