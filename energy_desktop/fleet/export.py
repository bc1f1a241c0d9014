"""Results for other programs: CSV, JSON lines that a document store imports, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from energy_desktop.domain.errors import StoreError, WrongUse
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.fleet.export_columns import Column, as_it_is, columns, inert, text
from energy_desktop.fleet.parquet import connected

if TYPE_CHECKING:
    from energy_desktop.fleet.results import FleetResults

READINGS = "clean"
"""Left out unless asked for by name: it is as large as the data themselves."""

_SERVERS = ("postgresql://", "postgres://", "postgresql+psycopg://")


@dataclass(frozen=True, slots=True)
class Exported:
    """A table that was brought out; target: the file, or the table of the database.

    note: what of it could not be written as it is, in a sentence; "" when all was.
    """

    table: str
    target: str
    rows: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A result on its way out. stored: its files, for messages; source: for the FROM of a query."""

    name: str
    stored: Path
    source: str
    columns: tuple[Column, ...]

    def select(self, value: Callable[[Column], str]) -> str:
        told = ", ".join(f'{value(column)} AS "{column.name}"' for column in self.columns)
        return f"SELECT {told} FROM {self.source}"

    def unreadable(self, error: duckdb.Error) -> StoreError:
        return StoreError(
            where=str(self.stored),
            what=f"This result cannot be read ({_first_line(error)}).",
            remedy="Run again into an empty folder.",
        )


def export(
    results: FleetResults,
    target: str,
    export_format: str,
    *,
    tables: tuple[str, ...] = (),
    progress: ProgressSink = no_progress,
) -> tuple[Exported, ...]:
    """See FleetService.export."""
    if export_format != "postgresql" and target.startswith(_SERVERS):
        raise WrongUse(
            where="The target of the export",
            what=f"This is the address of a database, and {export_format} goes into a folder.",
            remedy="Say --format postgresql, or name a folder.",
        )
    there = results.run.exported()
    for name in tables:
        if name not in there:
            raise WrongUse(
                where=f"--table {name}",
                what="The run has no such result.",
                remedy=f"It has: {', '.join(sorted(there))}.",
            )
    wanted = dict.fromkeys(tables or (name for name in there if name != READINGS))
    leaving = [_leaving(results, name, there[name]) for name in wanted]
    if export_format == "postgresql":
        from energy_desktop.fleet.export_postgresql import to_postgresql

        done = to_postgresql(leaving, target, progress)
    else:
        write = {"csv": _to_csv, "jsonl": _to_json_lines}[export_format]
        found = []
        for k, one in enumerate(leaving):
            raise_if_cancelled("Fleet export")
            progress(k / len(leaving), f"writing {one.name}")
            found.append(write(one, target))
        done = tuple(found)
    progress(1.0, "written")
    return done


def _leaving(results: FleetResults, name: str, stored: Path) -> Leaving:
    about = results.run.manifest.about
    source = results.run.table(stored.name)
    leaving = Leaving(name, stored, source, ())
    try:
        described = results.run.rows(f"DESCRIBE SELECT * FROM {source}")
    except duckdb.Error as error:
        raise leaving.unreadable(error) from error
    told = columns([(row[0], row[1]) for row in described], about["files"], str(about["currency"]))
    return Leaving(name, stored, source, told)


def _to_csv(leaving: Leaving, target: str) -> Exported:
    return _to_file(leaving, target, "csv", leaving.select(inert), "HEADER")


def _to_json_lines(leaving: Leaving, target: str) -> Exported:
    """One JSON object a line, as `mongoimport` and the bulk loaders of document stores take."""
    return _to_file(leaving, target, "jsonl", leaving.select(as_it_is), "FORMAT json")


def _to_file(leaving: Leaving, target: str, suffix: str, query: str, how: str) -> Exported:
    """A file of before stays until the new one is whole."""
    file = Path(target) / f"{leaving.name}.{suffix}"
    partial = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.touch()  # a folder that takes nothing says so in the system's words
            with connected({"threads": 2}) as connection:
                row = connection.execute(
                    f"COPY ({query}) TO {text(str(partial))} ({how})"
                ).fetchone()
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    except duckdb.Error as error:
        if str(leaving.stored) in str(error):
            raise leaving.unreadable(error) from error
        raise _not_written(file, _first_line(error)) from error
    except OSError as error:
        raise _not_written(file, error.strerror or str(error)) from error
    return Exported(leaving.name, str(file), 0 if row is None else int(row[0]))


def _not_written(file: Path, why: str) -> StoreError:
    return StoreError(
        where=str(file),
        what=f"It cannot be written ({why}).",
        remedy="Make room there, or name another folder.",
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
