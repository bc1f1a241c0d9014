"""Encrypts a database, takes the encryption off, or gives it another key.

The whole content is copied into a new file under the new key, the copy is opened, checked and
counted, and one rename puts it in place: a kill at any moment leaves the old file or the new one.
No engine may run meanwhile.
"""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as sqlite_driver

from energy_desktop.domain.clock import Clock, system_clock, to_ms
from energy_desktop.domain.errors import StoreError
from energy_desktop.storage import lock
from energy_desktop.storage.backup import sync, verified
from energy_desktop.storage.database import (
    Database,
    parse_target,
    sqlite_connection,
    store_error,
)

_PLAIN_HEADER = b"SQLite format 3\0"


def is_encrypted(path: Path) -> bool:
    """By its first bytes: an encrypted file looks like noise. False when there is none."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_PLAIN_HEADER))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(
            where=str(path),
            what=f"the file cannot be opened ({error.strerror or error}).",
            remedy="Check that this user may read it.",
        ) from error
    return bool(head) and head != _PLAIN_HEADER


def opens(path: Path, key: str) -> bool:
    """Whether this is the key of the database `path`."""
    try:
        with closing(sqlite_connection(path, key=key, read_only=True)) as connection:
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite_driver.Error:
        return False
    return True


def change_key(
    path: Path, old_key: str | None, new_key: str | None, *, clock: Clock = system_clock
) -> None:
    """Copies the database `path` to another key (None: without one) and puts the copy in place.

    Raises StoreError, EngineAlreadyRunning; then the database is as it was.
    """
    database = Database(parse_target(path), key=old_key)
    held = lock.acquire(database, "encryption", to_ms(clock()))
    copy = path.with_name(f"{path.name}.rekeyed")
    try:
        _fold_log(path, old_key)
        expected = verified(path, old_key)
        copy.unlink(missing_ok=True)
        _export(path, old_key, copy, new_key)
        if verified(copy, new_key) != expected:
            raise StoreError(
                where=str(copy),
                what="the copy does not hold what the database holds.",
                remedy="It was discarded; check the disk.",
            )
        sync(copy)
        for suffix in ("-wal", "-shm"):  # empty after folding, and of the old key
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        copy.replace(path)
        sync(path.parent)
    except (sqlite_driver.Error, OSError) as error:
        raise store_error(str(path), error) from error
    finally:
        with suppress(OSError):
            copy.unlink(missing_ok=True)
        held.release()
        database.close()


def _fold_log(path: Path, key: str | None) -> None:
    with closing(sqlite_connection(path, key=key)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StoreError(
            where=str(path),
            what="another program has the database open.",
            remedy="Close it and try again.",
        )


def _export(path: Path, old_key: str | None, copy: Path, new_key: str | None) -> None:
    with closing(sqlite_connection(path, key=old_key)) as connection:
        application_id = _value(connection, "PRAGMA application_id")
        version = _value(connection, "PRAGMA user_version")
        connection.execute("ATTACH DATABASE ? AS other KEY ?", (str(copy), new_key or ""))
        connection.execute("SELECT sqlcipher_export('other')").fetchall()
        connection.execute(f"PRAGMA other.application_id = {application_id}")
        connection.execute(f"PRAGMA other.user_version = {version}")
        connection.execute("DETACH DATABASE other")


def _value(connection: Any, question: str) -> int:
    return int(connection.execute(question).fetchone()[0])
