"""Time-partitioned tables on a PostgreSQL server that has TimescaleDB.

The extension is not part of Debian's PostgreSQL, and whoever runs the server decides: where it was
created in the database (`CREATE EXTENSION timescaledb`), the tables that grow with time become
hypertables when the engine opens the store, with what is in them. Where it was not, or where it
refuses, they stay plain tables with the same content: nothing else in the program knows of it.

Sealed chunks stay plain: they are thinned out by quantity, not by time. Of `hot`, whose rows live
for an hour or two, partitions that are empty are dropped at each start.
"""

from __future__ import annotations

import logging

from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.errors import StoreError
from energy_desktop.storage.database import Database
from energy_desktop.storage.series.hot import METER_BITS

log = logging.getLogger("energy_desktop.storage")

HYPERTABLES = (
    # (table, column of time, width of a partition); the column is part of each table's key
    ("hot", "reading_key", DAY_MS << METER_BITS),
    ("rollups", "start_ms", 30 * DAY_MS),
    ("intervals", "start_ms", 365 * DAY_MS),
    ("interval_versions", "start_ms", 365 * DAY_MS),
)

_IS_CREATED = "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
_EXISTING = (
    "SELECT hypertable_name FROM timescaledb_information.hypertables"
    " WHERE hypertable_schema = current_schema()"
)
_CREATE = (
    "SELECT create_hypertable(CAST(? AS regclass), CAST(? AS name),"
    " chunk_time_interval => CAST(? AS bigint), migrate_data => TRUE, if_not_exists => TRUE,"
    " create_default_indexes => FALSE)"
)
_DROP_EMPTY = (
    "SELECT drop_chunks('hot', older_than => oldest) FROM"
    " (SELECT MIN(reading_key) AS oldest FROM hot) AS o WHERE oldest IS NOT NULL"
)


def partition(database: Database) -> tuple[str, ...]:
    """Makes hypertables where they can be had; gives the names of those that are there then.

    Never raises for a server that refuses: it is told in the log, and the table stays plain.
    """
    if database.is_sqlite:
        return ()
    with database.reading() as session:
        created = session.row(_IS_CREATED)
        if created is None:
            return ()
        there = {str(row[0]) for row in session.rows(_EXISTING)}
    for table, column, width in HYPERTABLES:
        if table in there:
            continue
        try:
            with database.writing() as session:
                session.rows(_CREATE, (table, column, width))
        except StoreError as error:
            log.warning("TimescaleDB %s left %s a plain table: %s", created[0], table, error)
        else:
            log.info("TimescaleDB %s keeps %s in partitions of time", created[0], table)
            there.add(table)
    if "hot" in there:
        _drop_empty(database)
    return tuple(table for table, _, _ in HYPERTABLES if table in there)


def _drop_empty(database: Database) -> None:
    try:
        with database.writing() as session:
            session.rows(_DROP_EMPTY)
    except StoreError as error:
        log.warning("Empty partitions of hot were not dropped: %s", error)
