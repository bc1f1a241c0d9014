"""Names what a harmed page belongs to: the table, and within a series the meter and the hour.

SQLite says "malformed" and stops at the first page that it cannot make sense of. So each table is
checked by itself, and one that cannot be read to its end is read again in the order of its key,
meter by meter: what was read last tells where the harm begins.

An encrypted connection that met a harmed page reads nothing any more, not even what is whole: after
each failure there is a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlcipher3.dbapi2 as sqlite_driver

from energy_desktop.domain.clock import iso_utc
from energy_desktop.storage.database import Database, sqlite_connection

_MEANING = {
    "chunks": "sealed readings",
    "hot": "the readings of the last hours",
    "timelines": "the times of sealed readings",
    "rollups": "quarter hours, hours and days of history",
    "intervals": "energy by interval",
    "interval_versions": "energy as it was before corrections",
    "ledger_state": "how far energy is booked",
    "invoice_papers": "PDFs of invoices",
}
_SERIES = {"chunks": "quantity_key", "rollups": "quantity_key", "intervals": "register_key"}
_RESTORE = "Restore a backup from before."


def harmed_places(
    database: Database, meters: Mapping[int, str], quantities: Mapping[int, str]
) -> list[str]:
    """A sentence per harmed table, or per meter and quantity of a series. SQLite only.

    meters, quantities: names by key, as far as they can be read.
    """
    reader = _Reader(database)
    try:
        tables = [
            str(row[0])
            for row in reader.rows(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rootpage"
            )
        ]
        found: list[str] = []
        for table in tables:
            if reader.sound(table):
                continue
            spots = _in_series(reader, table, meters, quantities) if table in _SERIES else []
            found.extend(spots or [f"{_words(table)}: a page is damaged. {_RESTORE}"])
    finally:
        reader.close()
    return found


def _words(table: str) -> str:
    meaning = _MEANING.get(table)
    return f"table {table} ({meaning})" if meaning else f"table {table}"


def _in_series(
    reader: _Reader, table: str, meters: Mapping[int, str], quantities: Mapping[int, str]
) -> list[str]:
    """Which meter and quantity cannot be read, and from which moment on."""
    second = _SERIES[table]
    found = []
    for meter_key, meter_id in meters.items():
        for quantity_key, quantity in quantities.items():
            last_ms, whole = reader.through(
                f"SELECT start_ms, * FROM {table} WHERE meter_key = ? AND {second} = ?",
                (meter_key, quantity_key),
            )
            if not whole:
                begins = "from its first on" if last_ms is None else f"after {iso_utc(last_ms)}"
                found.append(
                    f"{_words(table)}, {meter_id}, {quantity}, {begins}: a page is damaged. "
                    + _RESTORE
                )
    return found


class _Reader:
    """Reads what can be read, on a connection that is made anew after each failure."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    def rows(self, sql: str, parameters: Sequence[int] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows up to the first that cannot be read; stops there without a word."""
        try:
            if self._connection is None:
                assert self._database.path is not None
                self._connection = sqlite_connection(
                    self._database.path, key=self._database.key, read_only=True
                )
            yield from self._connection.execute(sql, parameters)
        except sqlite_driver.Error:
            self.close()

    def sound(self, table: str) -> bool:
        """Whether the table and its indexes hold together."""
        if [row[0] for row in self.rows(f"PRAGMA quick_check('{table}')")] == ["ok"]:
            return True
        self.close()  # the check lists harm without raising for it
        return False

    def through(self, sql: str, parameters: Sequence[int]) -> tuple[int | None, bool]:
        """The first column of the last row that could be read, and whether all could be."""
        last: int | None = None
        for row in self.rows(sql, parameters):
            last = int(row[0])
        return last, self._connection is not None

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
