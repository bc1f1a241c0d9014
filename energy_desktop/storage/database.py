"""Opens the database: SQLite through the sqlcipher3 driver, or PostgreSQL by URL, one code.

The driver is sqlcipher3 because the system's SQLite may be one whose WAL can be corrupted by a
reader beside a writer; without a key it writes an ordinary SQLite file. The key's place is here:
PRAGMA key must be the very first statement on a connection.

synchronous=FULL: a commit is on the disk when it returns, so that "acknowledged" also holds
through a power cut. At one commit a second that is one fsync a second.

Series go through a plain cursor (`Session.rows`, `Session.many`): a Row object per reading costs
twenty times the read itself. SQL is written with `?` and in the subset that both engines speak.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as sqlite_driver
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from energy_desktop.domain.errors import DamagedStore, StoreError

APPLICATION_ID = 0x454E4459  # "ENDY": tells our file from any other SQLite file
BUSY_TIMEOUT_MS = 5_000

# A server that vanished must be noticed while the queue still fits into memory.
_SERVER_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

_FAILURES = (
    # (fragment of the driver's message, what happened, what to do)
    (
        "file is not a database",
        "this is no database of this program, or its key is another one.",
        "Check the path and the key, or restore a backup.",
    ),
    (
        "hmac check failed",
        "the file is damaged, or its key is another one.",
        "Check the key, or restore a backup.",
    ),
    (
        "malformed",
        "a page of the file is damaged.",
        "Restore the newest backup; the damaged file is kept aside.",
    ),
    (
        "database is locked",
        "another program is writing to it and does not let go.",
        "Close the other program; readings wait in memory until then.",
    ),
    (
        "database or disk is full",
        "the disk is full.",
        "Make room; writing goes on by itself as soon as there is space.",
    ),
    (
        "readonly database",
        "the file or its folder may not be written to.",
        "Give this user the right to write there.",
    ),
    (
        "unable to open database file",
        "the file cannot be opened.",
        "Check that the folder exists and that this user may read and write it.",
    ),
    (
        "disk i/o error",
        "the disk reports an error.",
        "Check the disk; restore a backup if the file does not open any more.",
    ),
    (
        "no such table",
        "a table is missing, so the file is not complete.",
        "Restore the newest backup.",
    ),
    (
        "connection",
        "the database server does not answer.",
        "Check that it runs and that the address, user and password are right.",
    ),
)

_OF_DAMAGE = ("file is not a database", "hmac check failed", "malformed", "no such table")


def store_error(where: str, error: BaseException) -> StoreError:
    """The failure of a driver as a sentence, DamagedStore where a backup would help.

    `where` names the file or server.
    """
    text = str(getattr(error, "orig", None) or error)
    for fragment, what, remedy in _FAILURES:
        if fragment in text.lower():
            kind = DamagedStore if fragment in _OF_DAMAGE else StoreError
            return kind(where=where, what=what, remedy=remedy)
    first_line = text.splitlines()[0] if text else type(error).__name__
    return StoreError(
        where=where, what=f"the database answered: {first_line}.", remedy="The log has the details."
    )


class Session:
    """A connection inside one transaction, for SQL with `?`."""

    __slots__ = ("_connection", "_cursor", "_postgres")

    def __init__(self, cursor: Any, *, postgres: bool, connection: Connection | None) -> None:
        self._cursor = cursor
        self._postgres = postgres
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's view of the same transaction, for the ORM."""
        assert self._connection is not None, "a direct session has none"
        return self._connection

    def _sql(self, sql: str) -> str:
        return _percent_style(sql) if self._postgres else sql

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self._cursor.execute(self._sql(sql), parameters)
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        self._cursor.execute(self._sql(sql), parameters)
        found: tuple[Any, ...] | None = self._cursor.fetchone()
        return found

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Executes and returns the number of rows touched."""
        self._cursor.execute(self._sql(sql), parameters)
        return int(self._cursor.rowcount)

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """executemany; returns the number of rows touched."""
        self._cursor.executemany(self._sql(sql), rows)
        return int(self._cursor.rowcount)

    def close(self) -> None:
        self._cursor.close()


@lru_cache(maxsize=512)
def _percent_style(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class Database:
    """The engine and its transactions. Safe to share between threads."""

    def __init__(self, url: URL, *, key: str | None = None, read_only: bool = False) -> None:
        self.url = url
        self.key = key
        self.read_only = read_only
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.path = Path(url.database or "") if self.is_sqlite else None
        self.where = str(self.path) if self.path else url.render_as_string(hide_password=True)
        self.engine = (
            self._sqlite_engine()
            if self.is_sqlite
            else create_engine(url, pool_pre_ping=True, connect_args=_SERVER_OPTIONS)
        )

    def _sqlite_engine(self) -> Engine:
        engine = create_engine(
            self.url, module=sqlite_driver, poolclass=QueuePool, pool_size=4, max_overflow=32
        )

        @event.listens_for(engine, "do_connect")
        def connect(_dialect: Any, _record: Any, _arguments: Any, _options: Any) -> Any:
            assert self.path is not None
            return sqlite_connection(self.path, key=self.key, read_only=self.read_only)

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # The driver is in autocommit: what it would begin by itself it begins too late.
            how = connection.get_execution_options().get("begin", "BEGIN")
            connection.exec_driver_sql(how)

        return engine

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view: nothing that is committed meanwhile is seen."""
        options = {"begin": "BEGIN"} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._transaction(options) as session:
            yield session

    @contextmanager
    def writing(self, *, busy_ms: int = BUSY_TIMEOUT_MS, durable: bool = True) -> Iterator[Session]:
        """A write transaction: committed when the block ends well, else undone.

        Raises StoreError; `busy_ms` is how long another writer is waited for (SQLite). Not
        `durable`: a power cut may undo it (not a kill), for what can be made again.
        """
        if self.read_only:
            raise StoreError(
                where=self.where, what="it is opened for reading only.", remedy="Open it to write."
            )
        options: dict[str, Any] = {}
        if self.is_sqlite:
            options = {"begin": "BEGIN IMMEDIATE", "busy_ms": busy_ms, "durable": durable}
        with self._transaction(options) as session:
            yield session

    @contextmanager
    def _transaction(self, options: dict[str, Any]) -> Iterator[Session]:
        try:
            with self.engine.connect() as plain:
                connection = plain.execution_options(**options)
                busy_ms = options.get("busy_ms")
                if busy_ms is not None:
                    driver: Any = connection.connection
                    driver.set_busy_timeout(busy_ms / 1000)
                    how = "FULL" if options["durable"] else "NORMAL"
                    connection.connection.cursor().execute(f"PRAGMA synchronous = {how}")
                with connection.begin():
                    session = Session(
                        connection.connection.cursor(),
                        postgres=not self.is_sqlite,
                        connection=connection,
                    )
                    try:
                        yield session
                    finally:
                        session.close()
        except Exception as error:
            self._in_words(error)
            raise

    def _in_words(self, error: Exception) -> None:
        """Raises StoreError for a failure of the driver; returns for any other."""
        if isinstance(error, IntegrityError):
            raise StoreError(
                where=self.where,
                what=f"entries do not fit together ({error.orig}).",
                remedy="Nothing was changed.",
            ) from error
        if isinstance(error, SQLAlchemyError) or _is_driver_error(error):
            raise store_error(self.where, error) from error

    def checkpoint(self) -> None:
        """Folds the log into the file (SQLite), as far as readers allow."""
        if not self.is_sqlite:
            return
        with self.engine.connect() as connection:
            cursor: Any = connection.connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            cursor.fetchall()
            cursor.close()

    def size_bytes(self) -> int:
        """Bytes of the database: the file with its log, or what the server says."""
        if self.path is not None:
            files = (self.path, Path(f"{self.path}-wal"))
            return sum(f.stat().st_size for f in files if f.exists())
        with self.reading() as session:
            row = session.row("SELECT pg_database_size(current_database())")
        return int(row[0]) if row else 0

    def disk_bytes(self) -> tuple[int, int] | None:
        """Room left where the file lies, and all of that disk; None for a server."""
        if self.path is None:
            return None
        usage = shutil.disk_usage(self.path.parent)
        return usage.free, usage.total

    def close(self) -> None:
        self.engine.dispose()


class DirectWriter:
    """A connection that only the writer thread uses, without SQLAlchemy in between.

    At a commit a second for a hundred readings, making the transaction through the pool and its
    events costs more than the readings. The connection is opened when first needed and again
    after any failure.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    @contextmanager
    def writing(self, *, busy_ms: int = BUSY_TIMEOUT_MS) -> Iterator[Session]:
        """As Database.writing, durable."""
        database = self._database
        try:
            connection = self._connection
            if connection is None:
                fairy = database.engine.raw_connection()
                connection = self._connection = fairy.driver_connection
                fairy.detach()
            cursor = connection.cursor()
            if database.is_sqlite:
                connection.set_busy_timeout(busy_ms / 1000)
                cursor.execute("BEGIN IMMEDIATE")
            try:
                yield Session(cursor, postgres=not database.is_sqlite, connection=None)
                connection.commit()
            finally:
                cursor.close()
        except Exception as error:
            self.close()
            database._in_words(error)
            raise

    def close(self) -> None:
        """Undoes what is open. Another thread may call it once the writer's has ended."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()


def _is_driver_error(error: Exception) -> bool:
    return type(error).__module__.startswith(("psycopg", "sqlcipher3"))


def sqlite_connection(path: Path, *, key: str | None = None, read_only: bool = False) -> Any:
    """An sqlcipher3 connection in autocommit with this program's settings. Key first."""
    # A path with ? or # in it is still a path: as_uri quotes it.
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection: Any = sqlite_driver.connect(
        uri, uri=True, check_same_thread=False, isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )  # fmt: skip
    try:
        if key is not None:
            quoted = key.replace("'", "''")
            # A wrong key is said once, by us, and not by the library on stderr as well.
            connection.execute("PRAGMA cipher_log_level = NONE")
            connection.execute(f"PRAGMA key = '{quoted}'")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -16000")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
    except UnicodeDecodeError as error:  # the library quotes the damaged schema, which is no text
        connection.close()
        raise sqlite_driver.DatabaseError("database disk image is malformed") from error
    except BaseException:
        connection.close()
        raise
    return connection


def parse_target(url_or_path: str | os.PathLike[str]) -> URL:
    """A path, or a URL of SQLAlchemy (`postgresql://...`, `sqlite:///...`)."""
    text = os.fspath(url_or_path)
    if "://" in text:
        url = make_url(text)
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise StoreError(
                where=url.render_as_string(hide_password=True),
                what=f"{url.get_backend_name()} is not known here.",
                remedy="Name a file, or a URL that begins with postgresql://.",
            )
        return url
    return URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
