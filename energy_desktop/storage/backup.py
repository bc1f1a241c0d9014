"""Backups that were opened before they count, and a restore that is never half.

A backup is taken through SQLite's own backup call beside a running writer, inside one read
transaction, so what it must contain is known: the copy is opened, checked and counted before it
gets its name. A restore checks the file first, keeps the old database aside under a name with the
time, and puts the new one in place by a single rename.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as sqlite_driver

from energy_desktop.domain.clock import Clock, from_ms, system_clock, to_ms
from energy_desktop.domain.errors import DamagedStore, StoreError
from energy_desktop.storage import lock
from energy_desktop.storage.check import find_damage
from energy_desktop.storage.database import (
    APPLICATION_ID,
    Database,
    parse_target,
    sqlite_connection,
    store_error,
)
from energy_desktop.storage.keyfile import key_file_of
from energy_desktop.storage.migrations import pending
from energy_desktop.storage.series.names import Names

RESTORED_FROM = "restored_from"  # a setting: when, and the name of the backup
_COUNTED = ("invoices", "invoice_papers", "meters", "hot", "chunks", "rollups", "intervals")


def backup(database: Database, target: Path) -> None:
    """Copies the open database to `target` while others write. Raises StoreError."""
    if database.path is None:
        raise StoreError(
            where=database.where,
            what="a server's database is not copied from here.",
            remedy="Use pg_dump on the server.",
        )
    target = target.expanduser().absolute()
    temporary = target.with_name(target.name + ".part")
    where = str(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        with closing(sqlite_connection(database.path, key=database.key, read_only=True)) as source:
            source.execute("BEGIN")
            expected = _counts(source)  # the first read fixes the moment
            with closing(_bare(temporary, database.key)) as copy:
                source.backup(copy)
                # One file, without a log beside it.
                copy.execute("PRAGMA journal_mode = DELETE").fetchall()
            source.execute("ROLLBACK")
        _keep_apart_if_damaged(temporary, target, database)
        if verified(temporary, database.key) != expected:
            raise StoreError(
                where=where,
                what="the copy does not hold what the database holds.",
                remedy="It was discarded; check the disk.",
            )
        sync(temporary)
        _carry_key(database.path, target, database.key)
        temporary.replace(target)
        sync(target.parent)
    except (sqlite_driver.Error, OSError) as error:
        raise store_error(where, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def restore(
    source: Path, target: str | Path, *, key: str | None = None, clock: Clock = system_clock
) -> Path | None:
    """Puts the backup `source` in the place of the database `target`.

    Returns where the old database is kept; None when there was none. Raises StoreError, and then
    the old one is untouched; EngineAlreadyRunning while an engine runs on it.
    """
    url = parse_target(target)
    database = Database(url, key=key)
    if database.path is None:
        raise StoreError(
            where=database.where,
            what="a server's database is not restored from here.",
            remedy="Use pg_restore on the server.",
        )
    path = database.path
    source = source.expanduser().absolute()
    now_ms = to_ms(clock())
    if source == path:
        raise StoreError(where=str(source), what="this is the database itself.", remedy="")
    path.parent.mkdir(parents=True, exist_ok=True)
    held = lock.acquire(database, "restore", now_ms)
    temporary = path.with_name(path.name + ".restoring")
    try:
        expected = prove(source, key)
        shutil.copyfile(source, temporary)
        if verified(temporary, key) != expected:
            raise StoreError(
                where=str(temporary), what="the copy is not like the backup.", remedy="Try again."
            )
        _note_origin(temporary, key, f"{now_ms} {source.name}")
        sync(temporary)
        kept = _set_aside(path, key, now_ms)
        temporary.replace(path)
        sync(path.parent)
    except (sqlite_driver.Error, OSError) as error:
        raise store_error(str(path), error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        held.release()
        database.close()
    return kept


def prove(file: Path, key: str | None) -> Sequence[int]:
    """Opens a backup, holds all of it against its checksums and gives its numbers of rows.

    Raises StoreError unless it is whole. Takes seconds per gigabyte.
    """
    _check_known(file, key)
    try:
        rows = verified(file, key)
    except sqlite_driver.Error as error:
        raise store_error(str(file), error) from error
    damage = _damage(file, key)
    if damage:
        raise StoreError(
            where=str(file),
            what=f"the backup is damaged. {damage[0]}",
            remedy="Take another backup; the present store was not touched.",
        )
    return rows


def _note_origin(restored: Path, key: str | None, text: str) -> None:
    """So that the time since the backup is not taken for one in which nothing ran."""
    with closing(_bare(restored, key)) as connection:
        connection.execute(
            "INSERT INTO settings (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (RESTORED_FROM, text),
        )


def _set_aside(path: Path, key: str | None, now_ms: int) -> Path | None:
    """Keeps the old database under another name, its log included; its own name stays until the
    new one takes it in one rename. The log of one that is gone is kept, too: the new one would
    take it for its own."""
    stamp = from_ms(now_ms).strftime("%Y%m%dT%H%M%SZ")
    aside = _free_name(path.with_name(f"{path.name}.before-restore-{stamp}"))
    there = path.exists()
    if (
        there and path.stat().st_size
    ):  # an emptied file would be made a new database by being opened
        with suppress(sqlite_driver.Error), closing(sqlite_connection(path, key=key)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    # A log that could not be folded in (the file is damaged) belongs to the old file, not the new.
    for suffix in ("-wal", "-shm"):
        log_file = Path(f"{path}{suffix}")
        if log_file.exists():
            log_file.replace(f"{aside}{suffix}")
    if not there:
        return None
    try:
        os.link(path, aside)
    except OSError:  # a file system without links
        shutil.copyfile(path, aside)
        sync(aside)
    return aside


def _keep_apart_if_damaged(made: Path, target: Path, database: Database) -> None:
    """A copy of a damaged database is as damaged: it gets another name and counts for nothing,
    so that no rule removes a sound one for it. Raises StoreError then."""
    damage = _damage(made, database.key)
    if not damage:
        return
    apart = _free_name(target.with_name(f"{target.name}.damaged"))
    made.replace(apart)
    raise DamagedStore(
        where=database.where,
        what=f"the database holds damage, and so does its copy, kept as {apart.name}. {damage[0]}",
        remedy="Restore the newest backup that was verified.",
    )


def _damage(path: Path, key: str | None) -> tuple[str, ...]:
    """What checksums say; an older schema is left to the next opening, which updates it."""
    database = Database(parse_target(path), key=key, read_only=True)
    try:
        return () if pending(database) else find_damage(database, Names(database))
    finally:
        database.close()


def _carry_key(database: Path, target: Path, key: str | None) -> None:
    """The locked key goes along: without it an encrypted copy opens nowhere else."""
    locked = key_file_of(database)
    if key is not None and locked.exists():
        shutil.copyfile(locked, key_file_of(target))
        key_file_of(target).chmod(0o600)


def _free_name(wanted: Path) -> Path:
    """A second restore within the second, or after one that was killed, overwrites nothing."""
    names = (wanted.with_name(f"{wanted.name}-{n}") for n in count(2))
    return wanted if not wanted.exists() else next(name for name in names if not name.exists())


def _check_known(source: Path, key: str | None) -> None:
    """Raises StoreError unless `source` is a database of a schema that this program knows."""
    if not source.is_file():
        raise StoreError(where=str(source), what="there is no such file.", remedy="Check the path.")
    database = Database(parse_target(source), key=key, read_only=True)
    try:
        pending(database)
    finally:
        database.close()


def verified(path: Path, key: str | None) -> Sequence[int]:
    """Opens the file, checks it whole and counts its rows. Raises StoreError when damaged."""
    with closing(_bare(path, key)) as connection:
        identity = connection.execute("PRAGMA application_id").fetchone()[0]
        findings = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        if identity != APPLICATION_ID or findings != ["ok"]:
            raise StoreError(
                where=str(path),
                what="the file is damaged or not of this program"
                + (f" ({findings[0]})." if findings != ["ok"] else "."),
                remedy="Use another backup.",
            )
        return _counts(connection)


def _counts(connection: Any) -> Sequence[int]:
    return [connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in _COUNTED]


def _bare(path: Path, key: str | None) -> Any:
    """A connection that leaves the journal mode of the file as it is."""
    connection: Any = sqlite_driver.connect(str(path), isolation_level=None)
    if key is not None:
        quoted = key.replace("'", "''")
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = '{quoted}'")
    return connection


def sync(path: Path) -> None:
    """fsync of a file or folder; folders cannot be synced on Windows."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(handle)
