"""Looks for damage that nothing else would show.

Plain SQLite gives back a flipped byte as if it had been written so, and its own check calls the
file sound. So beside SQLite's check of the structure, every chunk is held against its checksum
and every invoice against its hash, and the rows of energy and history against the digests of their
day or week. Takes seconds per gigabyte: for a command or a weekly job.
"""

from __future__ import annotations

from contextlib import suppress

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import InvoiceError, StoreError
from energy_desktop.storage.database import Database
from energy_desktop.storage.harm import harmed_places
from energy_desktop.storage.repositories.invoices import StoredInvoices
from energy_desktop.storage.series import codec
from energy_desktop.storage.series.names import Names
from energy_desktop.storage.series.proofs import disproved

_BATCH = 2_000


def find_damage(database: Database, names: Names) -> tuple[str, ...]:
    """A sentence per finding, the worst first; empty: nothing is wrong."""
    try:
        structure = _structure(database, names)
        if structure:
            return structure  # what hangs on a broken tree cannot be told apart from it
        return (*_chunks(database, names), *_series(database, names), *_invoices(database))
    except StoreError as error:
        return (str(error),)


def _structure(database: Database, names: Names) -> tuple[str, ...]:
    if not database.is_sqlite:
        return ()
    try:
        with database.reading() as session:
            rows = [str(row[0]) for row in session.rows("PRAGMA quick_check(5)")]
    except StoreError as error:
        rows = [error.what]
    if rows == ["ok"]:
        return ()
    meters: dict[int, str] = {}
    quantities: dict[int, str] = {}
    # Where these two are harmed themselves, the table alone is named.
    with suppress(StoreError), database.reading() as session:
        meters = names.meter_ids(session)
        quantities = {key: q.name for key, q in names.quantities(session).items()}
    places = harmed_places(database, meters, quantities)
    return tuple(places or (f"{database.where}: {row}" for row in rows))


def _chunks(database: Database, names: Names) -> list[str]:
    found: list[str] = []
    after = (0, 0, 0, -1)
    while True:
        with database.reading() as session:
            meters, quantities = names.meter_ids(session), names.quantities(session)
            rows = session.rows(
                "SELECT c.meter_key, c.quantity_key, c.tier, c.start_ms, c.timeline_key,"
                " c.checksum, c.payload, t.payload FROM chunks c"
                " LEFT JOIN timelines t ON t.timeline_key = c.timeline_key"
                " WHERE (c.meter_key, c.quantity_key, c.tier, c.start_ms) > (?, ?, ?, ?)"
                " ORDER BY c.meter_key, c.quantity_key, c.tier, c.start_ms"
                f" LIMIT {_BATCH}",
                after,
            )
        for meter_key, quantity_key, tier, start_ms, timeline_key, check, payload, times in rows:
            expected = codec.checksum(
                meter_key, quantity_key, tier, start_ms, timeline_key, payload
            )
            if expected == check and times and codec.timeline_key(times) == timeline_key:
                continue
            quantity = quantities.get(quantity_key)
            found.append(
                f"{meters.get(meter_key, meter_key)},"
                f" {quantity.name if quantity else quantity_key}, from {iso_utc(start_ms)}:"
                " the stored readings are damaged. Restore a backup from before."
            )
        if len(rows) < _BATCH:
            return found
        after = tuple(rows[-1][:4])


def _series(database: Database, names: Names) -> list[str]:
    if not database.is_sqlite:
        return []
    with database.reading() as session:
        quantities = {key: q.name for key, q in names.quantities(session).items()}
        return list(disproved(session, names.meter_ids(session), quantities))


def _invoices(database: Database) -> list[str]:
    try:
        for invoice in StoredInvoices(database).issued():
            if invoice.number is not None:
                StoredInvoices(database).pdf(invoice.number)
    except InvoiceError as error:
        return [str(error)]
    return []
