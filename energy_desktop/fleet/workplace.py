"""Where a run works: its folder, its engine, what is done, and how a stage goes chunk by chunk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.fleet import FleetOptions
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.parquet import read_all, remove

if TYPE_CHECKING:
    from energy_desktop.fleet.engine import Engine

STAGES = {
    "ingest": 0.30,
    "daily": 0.20,
    "features": 0.05,
    "regression": 0.05,
    "lightgbm": 0.12,
    "anomalies": 0.20,
    "segments": 0.04,
    "tariffs": 0.04,
}
"""In this order; the share of the whole each one takes, for the progress shown."""

SITE = "site"
"""Copies of the files of a site's own meters that joined the run."""

RESULTS = (
    SITE, "readings", "clean", "meters", "days", "week", "features", "dropped", "regression",
    "lightgbm", "lightgbm.txt", "anomalies", "hybrid", "households.parquet", "trends.parquet",
    "years",
)  # fmt: skip
"""Files and folders that a run makes in its folder."""

_DOING = {
    "ingest": "reading files",
    "daily": "cleaning and adding up days",
    "features": "looking back from each day",
    "regression": "fitting the regression",
    "lightgbm": "training LightGBM",
    "anomalies": "looking for what is strange",
    "segments": "grouping households",
    "tariffs": "pricing",
}


@dataclass(frozen=True, slots=True)
class Workplace:
    """What every stage is given."""

    out: Path
    engine: Engine
    options: FleetOptions
    manifest: Manifest
    progress: ProgressSink

    @property
    def parts(self) -> list[int]:
        return list(range(int(self.manifest.facts["parts"])))

    def part(self, result: str, k: int) -> Path:
        return self.out / result / f"part-{k:04d}.parquet"

    def parts_of(self, result: str) -> list[Path]:
        """The parts of a result that have anything in them."""
        return [path for k in self.parts if (path := self.part(result, k)).exists()]

    def filled(self) -> list[int]:
        """Parts with households in them."""
        return sorted(
            int(chunk)
            for chunk, about in self.manifest.done("daily").items()
            if about["households"]
        )

    def chunks(self, stage: str, chunks: Sequence[str], work: Callable[[str], Any]) -> None:
        """Does the chunks that are not done; each is noted as soon as it is."""
        for k, chunk in enumerate(chunks):
            if self.manifest.is_done(stage, chunk):
                continue
            self.tell(stage, k, len(chunks))
            began = time.perf_counter()
            about = work(chunk)
            self.note(stage, chunk, about, time.perf_counter() - began)

    def side_by_side(
        self, stage: str, chunks: Sequence[str], work: Callable[[Workplace, str], Any]
    ) -> None:
        """As `chunks`, with as many at a time as the engine has twins. `work` is given the place
        to work at, with an engine of its own.
        """
        left = [chunk for chunk in chunks if not self.manifest.is_done(stage, chunk)]
        engines = self.engine.twins()
        free: SimpleQueue[Engine] = SimpleQueue()
        for engine in engines:
            free.put(engine)

        def one(chunk: str) -> Any:
            engine = free.get()
            try:
                return work(replace(self, engine=engine), chunk)
            finally:
                free.put(engine)

        done = len(chunks) - len(left)
        if left:
            self.tell(stage, done, len(chunks))
        began = time.perf_counter()
        with ThreadPoolExecutor(len(engines)) as pool:
            running = {pool.submit(one, chunk): chunk for chunk in left}
            try:
                for future in as_completed(running):
                    about, now = future.result(), time.perf_counter()
                    self.note(stage, running[future], about, now - began)
                    began, done = now, done + 1
                    if done < len(chunks):
                        self.tell(stage, done, len(chunks))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def note(self, stage: str, chunk: str, about: Any, seconds: float) -> None:
        """A chunk is done, by a process that held so much memory."""
        self.manifest.note(stage, chunk, about, seconds, self.engine.memory_mb())

    def tell(self, stage: str, done: int, of: int) -> None:
        """Shows how far it is. Raises JobCancelled when nobody waits any more."""
        raise_if_cancelled("Fleet run")
        names = list(STAGES)
        before = sum(STAGES[name] for name in names[: names.index(stage)])
        words = _DOING[stage] + (f", {done + 1} of {of}" if of > 1 else "")
        self.progress(before + STAGES[stage] * done / max(of, 1), words)


def if_enough(work: Callable[[str], Any]) -> Callable[[str], Any]:
    """A fleet too young for a stage is no failure: the stage says why it has no answer."""

    def attempt(chunk: str) -> Any:
        try:
            return work(chunk)
        except NotEnoughData as error:
            return {"refused": str(error)}

    return attempt


def write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    remove(path)
    pq.write_table(table, path, compression="zstd")


def stored(paths: Sequence[Path]) -> pa.Table:
    """Several parts of a result as one table."""
    return read_all(paths)


def clear(out: Path) -> None:
    """Takes away the results of another run; only what runs write."""
    for name in RESULTS:
        if (out / name).exists():
            remove(out / name)
