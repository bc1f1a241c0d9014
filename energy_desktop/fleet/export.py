"""Results for other programs: CSV, JSON lines that a document store imports, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from energy_desktop.domain.errors import StoreError, WrongUse
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.fleet.engine import connected, parquet_files

if TYPE_CHECKING:
    from energy_desktop.fleet.results import FleetResults

READINGS = "clean"
"""Left out unless asked for by name: it is as large as the data themselves."""

_BATCH = 10_000
_DAY = "strftime(DATE '1970-01-01' + {}::INTEGER, '%Y-%m-%d')"
_TIME = "strftime(make_timestamp({} * 1000000), '%Y-%m-%dT%H:%M:%SZ')"
_AS_TEXT = {
    **{name: _DAY.format(name) for name in ("local_day", "first_day", "last_day")},
    "t_min": _TIME.format("60 * t_min"),
    "start_ms": _TIME.format("start_ms // 1000"),
    "end_ms": _TIME.format("end_ms // 1000"),
}
_FILES = ("file", "other")
_TYPES = {
    "VARCHAR": "text", "BIGINT": "bigint", "INTEGER": "integer", "SMALLINT": "smallint",
    "DOUBLE": "double precision", "BOOLEAN": "boolean", "HUGEINT": "numeric",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """A table that was brought out; target: the file, or the table of the database."""

    table: str
    target: str
    rows: int


def export(
    results: FleetResults,
    target: str,
    export_format: str,
    *,
    tables: tuple[str, ...] = (),
    progress: ProgressSink = no_progress,
) -> tuple[Exported, ...]:
    """See FleetService.export."""
    there = results.run.exported()
    for name in tables:
        if name not in there:
            raise WrongUse(
                where=f"--table {name}",
                what="The run has no such result.",
                remedy=f"It has: {', '.join(sorted(there))}.",
            )
    wanted = tables or tuple(name for name in there if name != READINGS)
    names = results.run.manifest.about["files"]
    write: Callable[[str, str, str], Exported] = {
        "csv": _to_csv,
        "jsonl": _to_json_lines,
        "postgresql": _to_postgresql,
    }[export_format]
    done = []
    for k, name in enumerate(wanted):
        raise_if_cancelled("Fleet export")
        progress(k / len(wanted), f"writing {name}")
        done.append(write(name, _select(there[name], names), target))
    progress(1.0, "written")
    return tuple(done)


def _to_csv(name: str, query: str, target: str) -> Exported:
    file = _file(target, name, "csv")
    with _connected() as connection:
        rows = _copy(connection, f"COPY ({query}) TO {_text(str(file))} (HEADER)", file)
    return Exported(name, str(file), rows)


def _to_json_lines(name: str, query: str, target: str) -> Exported:
    """One JSON object a line, as `mongoimport` and the bulk loaders of document stores take."""
    file = _file(target, name, "jsonl")
    with _connected() as connection:
        rows = _copy(connection, f"COPY ({query}) TO {_text(str(file))} (FORMAT json)", file)
    return Exported(name, str(file), rows)


def _to_postgresql(name: str, query: str, target: str) -> Exported:
    """A table fleet_NAME, made anew in one transaction."""
    import psycopg
    from psycopg import sql

    url = target.replace("postgresql+psycopg://", "postgresql://")
    table = sql.Identifier(f"fleet_{name}")
    try:
        with _connected() as source, psycopg.connect(url) as server, server.cursor() as cursor:
            described = source.execute(f"DESCRIBE {query}").fetchall()
            columns = sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(row[0]), sql.SQL(_TYPES[row[1]]))
                for row in described
            )
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
            cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(table, columns))
            rows = 0
            with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
                for row in _rows(source, query):
                    copy.write_row(row)
                    rows += 1
    except psycopg.Error as error:
        raise StoreError(
            where="PostgreSQL",
            what=f"The table fleet_{name} was not written: {str(error).splitlines()[0]}.",
            remedy="Check the address, and that the user may make tables there.",
        ) from error
    return Exported(name, f"fleet_{name}", rows)


def _rows(source: duckdb.DuckDBPyConnection, query: str) -> Iterator[tuple[Any, ...]]:
    cursor = source.execute(query)
    while rows := cursor.fetchmany(_BATCH):
        raise_if_cancelled("Fleet export")
        yield from rows


def _file(target: str, name: str, suffix: str) -> Path:
    folder = Path(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            where=target, what=f"The folder cannot be made ({error}).", remedy="Name another one."
        ) from error
    return folder / f"{name}.{suffix}"


def _copy(connection: duckdb.DuckDBPyConnection, statement: str, file: Path) -> int:
    try:
        row = connection.execute(statement).fetchone()
    except duckdb.IOException as error:
        raise StoreError(
            where=str(file), what=f"It cannot be written ({error}).", remedy="Name another folder."
        ) from error
    return 0 if row is None else int(row[0])


def _connected() -> duckdb.DuckDBPyConnection:
    return connected({"threads": 2})


def _select(path: Path, files: Sequence[str]) -> str:
    """Days and minutes are told as dates and times, and files by their names: nobody else counts
    them as we do.
    """
    listed = ", ".join(_text(str(file)) for file in parquet_files([path]))
    table = f"read_parquet([{listed}], hive_partitioning = false)"
    with _connected() as connection:
        names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()]
    told = {name: f"[{', '.join(map(_text, files))}][{name} + 1]" for name in _FILES} | _AS_TEXT
    replaced = [f"{told[name]} AS {name}" for name in names if name in told]
    instead = f"REPLACE ({', '.join(replaced)})" if replaced else ""
    return f"SELECT * {instead} FROM {table}"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
