"""The folder of a run: its manifest, its tables, and SQL over them.

The results are Parquet whichever engine made them, so they are read with DuckDB here, also those
of a cluster: a page of a table of thousands of households is a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_desktop.domain.errors import DataFileError, NotFound
from energy_desktop.domain.fleet_wording import LOOK_AT_QUALITY, NO_READINGS
from energy_desktop.fleet import inventory
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.parquet import connected, read_parquet

if TYPE_CHECKING:
    import pyarrow as pa

_GO_ON = (
    "Wait while it is at work; else begin it again with the same files and options: it goes on "
    "where it stopped."
)
_MOST_NAMED = 5
MAKE_ANEW = "Make the run anew in place of these results (--replace), or into an empty folder."


class StoredRun:
    """The results in `out`. Raises NotFound when no run was ever begun there."""

    def __init__(self, out: Path) -> None:
        manifest = Manifest.read(out)
        if manifest is None:
            raise NotFound(
                where=str(out),
                what="There is no fleet run in this folder.",
                remedy="Make one with `energy-desktop fleet run FOLDER --out FOLDER`.",
            )
        self.out = out
        self.manifest = manifest

    def refuse_unfinished(self) -> None:
        """Raises DataFileError: what is there is part of an answer, and does not say of which."""
        if self.manifest.no_readings:
            raise DataFileError(where=str(self.out), what=NO_READINGS, remedy=LOOK_AT_QUALITY)
        if not self.manifest.finished:
            raise DataFileError(
                where=str(self.out), what="This run is not finished.", remedy=_GO_ON
            )

    def refuse_changed(self) -> None:
        """Raises DataFileError when another run has begun or ended here since these were opened."""
        now = Manifest.read(self.out)
        if now is None or _state(now) != _state(self.manifest):
            raise DataFileError(
                where=str(self.out),
                what="The results were replaced while they were read.",
                remedy="Do it again when their run is finished.",
            )

    def refuse_incomplete(self, names: Sequence[str]) -> None:
        """Raises DataFileError that names what is missing of these results of a finished run."""
        missing = [
            part
            for name in names
            for part in inventory.parts_of(self.manifest, name)
            if not self.has(part)
        ]
        if missing:
            told = ", ".join(missing[:_MOST_NAMED])
            more = len(missing) - _MOST_NAMED
            raise DataFileError(
                where=str(self.out),
                what=f"Missing among these results: {told}"
                + (f" and {more:,} more." if more > 0 else "."),
                remedy=MAKE_ANEW,
            )

    def has_none(self, name: str) -> bool:
        """Whether the run rightly has nothing of a result: it was not lost, nor is to come."""
        return self.manifest.finished and not inventory.parts_of(self.manifest, name)

    def has(self, name: str) -> bool:
        return any(_files_in(self.out / name))

    def table(self, name: str) -> str:
        """A result for the FROM of a query. Raises DataFileError when it is not there."""
        if not self.has(name):
            if self.manifest.no_readings:
                self.refuse_unfinished()
            unfinished = not self.manifest.finished
            raise DataFileError(
                where=str(self.out),
                what=f"There is no {name.removesuffix('.parquet')!r} among these results"
                + (", because the run is not finished." if unfinished else ": it was taken away."),
                remedy=_GO_ON if unfinished else MAKE_ANEW,
            )
        return read_parquet([self.out / name])

    def columns(self, name: str) -> tuple[str, ...]:
        return tuple(row[0] for row in self.rows(f"DESCRIBE SELECT * FROM {self.table(name)}"))

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        return self.rows(sql, values)[0]

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with connected({"threads": 2}) as connection:
            return connection.execute(sql, list(values)).fetchall()

    def arrow(self, sql: str, values: Sequence[Any] = ()) -> pa.Table:
        with connected({"threads": 2}) as connection:
            return connection.sql(sql, params=list(values)).to_arrow_table()


def _state(manifest: Manifest) -> tuple[str, bool, dict[str, float]]:
    """No two runs take equally long in every stage."""
    return manifest.key, manifest.finished, manifest.seconds


def where(*conditions: tuple[str, Any]) -> tuple[str, list[Any]]:
    """The conditions that have a value, and the values."""
    given = [(text, value) for text, value in conditions if value is not None]
    if not given:
        return "", []
    return "WHERE " + " AND ".join(text for text, _ in given), [value for _, value in given]


def limited(limit: int | None, offset: int) -> str:
    """The page of a query; limit None: all of it."""
    until = "" if limit is None else f"LIMIT {int(limit)} "
    return f"{until}OFFSET {int(offset)}"


def no_household(household: str) -> NotFound:
    return NotFound(
        where=f"Household {household}",
        what="The fleet has no such household.",
        remedy="`energy-desktop fleet show OUT --households` lists them.",
    )


def _files_in(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [p for p in path.rglob("*.parquet") if p.is_file()] if path.is_dir() else []
