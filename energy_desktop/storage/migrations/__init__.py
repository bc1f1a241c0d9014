"""Brings a database to the schema of this program, step by step.

Steps are alembic operations, and the version stands where alembic keeps it; but the steps are
imported, not scanned from a folder, because a frozen program has none. All pending steps run in
one transaction: a kill in the middle leaves the old schema. A database of a newer program is
refused in words, never half read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, inspect

from energy_desktop.domain.errors import StoreError
from energy_desktop.storage.database import APPLICATION_ID, Database
from energy_desktop.storage.migrations.versions import STEPS, Step

log = logging.getLogger("energy_desktop.storage")


def current_revision(database: Database) -> str | None:
    """The schema's revision; None: an empty database. Raises StoreError for a foreign one."""
    with database.reading() as session:
        return _revision_of(database, session.connection)


def _revision_of(database: Database, connection: Connection) -> str | None:
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        revision: str | None = connection.exec_driver_sql(
            "SELECT version_num FROM alembic_version"
        ).scalar()
        if revision is not None and "hot" in tables:
            return revision
    if tables and database.is_sqlite:
        raise StoreError(
            where=database.where,
            what="this is a database, but not one of this program.",
            remedy="Check the path.",
        )
    return None


def pending(database: Database, steps: Sequence[Step] = STEPS) -> tuple[Step, ...]:
    """Steps that are still to be taken. Raises StoreError when the database is newer than them."""
    revision = current_revision(database)
    if revision is None:
        return tuple(steps)
    known = [step.revision for step in steps]
    if revision not in known:
        raise StoreError(
            where=database.where,
            what=f"its schema ({revision}) is newer than this program (which knows {known[-1]}).",
            remedy="Use the newer program, or restore the backup made before the update.",
        )
    return tuple(steps[known.index(revision) + 1 :])


def migrate(
    database: Database,
    *,
    steps: Sequence[Step] = STEPS,
    before: Callable[[str], None] | None = None,
) -> None:
    """Takes the pending steps. `before(revision)` runs first when there is something to lose:
    it makes the verified backup, and what it raises stops the migration."""
    to_take = pending(database, steps)
    if not to_take:
        return
    revision = current_revision(database)
    if revision is not None and before is not None:
        before(revision)
    # Imported when there is something to do: the window must not wait for alembic.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    with database.writing(busy_ms=30_000) as session:
        connection = session.connection
        # Another process may have been faster while the lock was waited for.
        if _revision_of(database, connection) != revision:
            return
        operations = Operations(MigrationContext.configure(connection))
        for step in to_take:
            step.upgrade(operations)
        if revision is None:
            connection.exec_driver_sql(
                "CREATE TABLE IF NOT EXISTS alembic_version"
                " (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
            )
            if database.is_sqlite:
                connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql("DELETE FROM alembic_version")
        connection.exec_driver_sql(
            f"INSERT INTO alembic_version (version_num) VALUES ('{to_take[-1].revision}')"
        )
    log.info("%s: schema is now %s", database.where, to_take[-1].revision)
