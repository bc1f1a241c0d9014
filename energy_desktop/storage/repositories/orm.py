"""ORM sessions on the transactions of `Database`, so that every failure speaks in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session as OrmSession

from energy_desktop.storage.database import Database


@contextmanager
def reading(database: Database) -> Iterator[OrmSession]:
    with (
        database.reading() as session,
        OrmSession(session.connection, autoflush=False, expire_on_commit=False) as orm,
    ):
        yield orm


@contextmanager
def writing(database: Database) -> Iterator[OrmSession]:
    """Committed when the block ends well; deferred references are checked then."""
    with database.writing() as session, OrmSession(session.connection, autoflush=False) as orm:
        yield orm
        orm.flush()
