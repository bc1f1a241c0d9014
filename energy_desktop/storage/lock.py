"""One engine per database.

For SQLite the lock is the operating system's own, on a file beside the database: it ends with the
process that holds it, however that ends, so a killed engine leaves nothing to clean up. The file
also says who the owner is, for the sentence that a second one reads. For PostgreSQL it is an
advisory lock, which ends with its connection.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection

from energy_desktop.domain.errors import EngineAlreadyRunning
from energy_desktop.domain.file_lock import try_lock, unlock
from energy_desktop.storage.database import Database

_ADVISORY = 0x454E4459


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds the engine lock."""

    name: str
    host: str
    pid: int
    since_ms: int


class EngineLock(Protocol):
    owner: Owner
    previous: Owner | None  # an owner that died without letting go

    def release(self) -> None: ...


def acquire(database: Database, name: str, now_ms: int) -> EngineLock:
    """Takes the lock or raises EngineAlreadyRunning with the owner's name, host and pid."""
    owner = Owner(name, socket.gethostname(), os.getpid(), now_ms)
    if database.path is not None:
        return FileLock(lock_path(database.path), owner, database.where)
    return AdvisoryLock(database, owner)


def lock_path(database_path: Path) -> Path:
    return database_path.with_name(database_path.name + ".engine")


def holder(database_path: Path) -> Owner | None:
    """The owner of a running engine on this file; None: nobody."""
    path = lock_path(database_path)
    if not path.exists():
        return None
    with path.open("r+b") as file:
        if _try_lock(file):
            unlock(file)
            return None
        return _read(file)


class FileLock:
    def __init__(self, path: Path, owner: Owner, where: str) -> None:
        path.touch(exist_ok=True)
        self._file = path.open("r+b")
        self.owner = owner
        if not _try_lock(self._file):
            other = _read(self._file)
            self._file.close()
            raise _refused(where, other)
        self.previous = _read(self._file)
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(asdict(owner)).encode())
        self._file.flush()

    def release(self) -> None:
        # Emptied, not deleted: deleting would let two processes lock two files of one name.
        if self._file.closed:
            return
        self._file.seek(0)
        self._file.truncate()
        self._file.flush()
        unlock(self._file)
        self._file.close()


class AdvisoryLock:
    """PostgreSQL: held by a connection of its own; the owner is told by application_name."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self.owner = owner
        self.previous: Owner | None = None
        connection: Connection = database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        )
        self._connection = connection
        label = f"{owner.name}@{owner.host}:{owner.pid}"[:60]
        connection.exec_driver_sql("SELECT set_config('application_name', %s, false)", (label,))
        taken = connection.exec_driver_sql(
            "SELECT pg_try_advisory_lock(%s)", (_ADVISORY,)
        ).scalar_one()
        if not taken:
            other = connection.exec_driver_sql(
                "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE l.locktype = 'advisory' AND l.objid = %s AND l.granted",
                (_ADVISORY,),
            ).scalar()
            connection.close()
            raise EngineAlreadyRunning(
                where=database.where,
                what=f"the engine of {other or 'another program'} is running on it.",
                remedy="Use that one, or end it first.",
            )

    def release(self) -> None:
        if not self._connection.closed:
            with suppress(Exception):
                self._connection.exec_driver_sql("SELECT pg_advisoryunlock(%s)", (_ADVISORY,))
            self._connection.close()


def _refused(where: str, other: Owner | None) -> EngineAlreadyRunning:
    who = f"{other.name} (process {other.pid} on {other.host})" if other else "another program"
    return EngineAlreadyRunning(
        where=where,
        what=f"{who} is already reading meters into it.",
        remedy="Use that one, or end it first.",
    )


def _read(file: Any) -> Owner | None:
    file.seek(0)
    try:
        return Owner(**json.loads(file.read(4096)))
    except (ValueError, TypeError):
        return None


def _try_lock(file: Any) -> bool:
    try:
        return try_lock(file)
    except OSError:
        return False
