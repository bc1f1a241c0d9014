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
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.parquet import connected, read_parquet
from energy_desktop.fleet.workplace import RESULTS

if TYPE_CHECKING:
    import pyarrow as pa

_EXPORTED = (
    "households", "days", "week", "anomalies", "hybrid", "lightgbm", "regression", "trends",
    "dropped", "clean",
)  # fmt: skip


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

    def exported(self) -> dict[str, Path]:
        """The results that can be exported, by name."""
        found = {}
        for name in RESULTS:
            path = self.out / name
            if name.endswith(".parquet") or path.is_dir():
                short = name.removesuffix(".parquet")
                if short in _EXPORTED and path.exists() and any(_files_in(path)):
                    found[short] = path
        return found

    def has(self, name: str) -> bool:
        return any(_files_in(self.out / name))

    def table(self, name: str) -> str:
        """A result for the FROM of a query. Raises DataFileError when it is not there."""
        if not self.has(name):
            if self.manifest.no_readings:
                raise DataFileError(where=str(self.out), what=NO_READINGS, remedy=LOOK_AT_QUALITY)
            unfinished = not self.manifest.finished
            raise DataFileError(
                where=str(self.out),
                what=f"There is no {name.removesuffix('.parquet')!r} among these results"
                + (", because the run is not finished." if unfinished else ": it was taken away."),
                remedy="Give the command of the run again: it goes on where it stopped."
                if unfinished
                else "Run it again with --replace.",
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
