"""Results as tables of a PostgreSQL database: all of them, or none."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
from psycopg import sql

from energy_desktop.domain import wording
from energy_desktop.domain.errors import StoreError
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.fleet import inventory
from energy_desktop.fleet.export import ExportDone, Exported, Leaving, of_before
from energy_desktop.fleet.export_columns import INDEXES, KEYS, NUL_SIGN, Kind, without_nul
from energy_desktop.fleet.parquet import connected

if TYPE_CHECKING:
    from energy_desktop.domain.ports import ProgressSink

_BATCH = 10_000
_WAIT = "30s"
_MAY_NOT = "Let this user make tables there (GRANT USAGE, CREATE ON SCHEMA), or name another one."
_REMEDIES = (
    ("42501", _MAY_NOT),
    ("3F000", _MAY_NOT),
    ("2BP01", "Drop the views that stand on these tables, export, and make them again."),
    ("55P03", "End the session that holds these tables, then export again."),
    ("53", "Make room on the server, then export again."),
    ("22021", "Export into a database whose encoding is UTF8."),
    ("22P05", "Export into a database whose encoding is UTF8."),
)
"""By the beginning of the SQLSTATE that the server says."""


def to_postgresql(
    tables: Sequence[Leaving], url: str, check: Callable[[], None], progress: ProgressSink
) -> ExportDone:
    """Tables fleet_NAME with keys and indexes, made anew in one transaction.

    They are filled under other names, so that readers of the old ones wait for the change of names
    alone. Raises StoreError, JobCancelled, and what `check` raises when all of them are filled:
    nothing is changed then.
    """
    url = url.replace("postgresql+psycopg://", "postgresql://", 1)
    mark = secrets.token_hex(4)
    done = []
    try:
        with (
            connected({"threads": 2}) as source,
            psycopg.connect(url, client_encoding="UTF8") as server,
            server.cursor() as cursor,
        ):
            for k, one in enumerate(tables):
                raise_if_cancelled("Fleet export")
                progress(k / len(tables), f"writing {one.name}")
                try:
                    done.append(_filled(one, f"fleet_{one.name}_{mark}", source, cursor))
                except duckdb.Error as error:
                    raise one.unreadable(error) from error
            check()
            progress(0.99, "making keys and indexes")
            cursor.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_WAIT)))
            for one in tables:
                _put_in_place(one, f"fleet_{one.name}_{mark}", cursor)
            others = _others(tables, cursor)
    except psycopg.Error as error:
        raise _refused(error) from error
    return ExportDone(tuple(done), of_before(others))


def _filled(
    leaving: Leaving,
    table: str,
    source: duckdb.DuckDBPyConnection,
    cursor: psycopg.Cursor[Any],
) -> Exported:
    defined = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.kind.value))
        for column in leaving.columns
    )
    cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(table), defined))
    rows = 0
    with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
        for row in _rows(source, leaving.select(without_nul)):
            copy.write_row(row)
            rows += 1
    note = leaving.why_none or _nul_note(leaving, source)
    return Exported(leaving.name, f"fleet_{leaving.name}", rows, note)


def _put_in_place(leaving: Leaving, filled: str, cursor: psycopg.Cursor[Any]) -> None:
    table = sql.Identifier(f"fleet_{leaving.name}")
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
    cursor.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(filled), table))
    if leaving.name in KEYS:
        key = _named(KEYS[leaving.name])
        cursor.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(table, key))
    for of in INDEXES.get(leaving.name, ()):
        cursor.execute(sql.SQL("CREATE INDEX ON {} ({})").format(table, _named(of)))


def _others(tables: Sequence[Leaving], cursor: psycopg.Cursor[Any]) -> list[str]:
    """Tables of results that are there and were not written now."""
    written = {one.name for one in tables}
    names = [f"fleet_{name}" for name in inventory.EXPORTED if name not in written]
    cursor.execute("SELECT n FROM unnest(%s::text[]) n WHERE to_regclass(n) IS NOT NULL", [names])
    return [str(row[0]) for row in cursor.fetchall()]


def _named(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _nul_note(leaving: Leaving, source: duckdb.DuckDBPyConnection) -> str:
    held = [f"contains({c.sql}, chr(0))" for c in leaving.columns if c.kind is Kind.TEXT]
    if not held:
        return ""
    query = f"SELECT count(*) FROM {leaving.source} WHERE {' OR '.join(held)}"
    row = source.execute(query).fetchone()
    if row is None or not row[0]:
        return ""
    return (
        f"{wording.count(int(row[0]), 'row')} with the character NUL in a text, which PostgreSQL "
        f"cannot hold: {NUL_SIGN} stands in its place."
    )


def _rows(source: duckdb.DuckDBPyConnection, query: str) -> Iterator[tuple[Any, ...]]:
    cursor = source.execute(query)
    while rows := cursor.fetchmany(_BATCH):
        raise_if_cancelled("Fleet export")
        yield from rows


def _refused(error: psycopg.Error) -> StoreError:
    said = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
    state = error.sqlstate or ""
    remedy = next(
        (remedy for begins, remedy in _REMEDIES if state.startswith(begins)),
        "Mend that, then export again."
        if state
        else "Check the address, the user and the password, and that the server runs.",
    )
    return StoreError(
        where="PostgreSQL", what=f"No table was written or changed there: {said}.", remedy=remedy
    )
