"""Short integers for the meters, quantities and layouts that every row of a series names.

Keys are given once and never changed, so they are cached for the life of the program. They are
made in a transaction of their own, before the one that uses them: a rolled back transaction must
not leave a key in the cache that the database never got.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.snapshot import Layout
from energy_desktop.storage.database import BUSY_TIMEOUT_MS, Database, Session
from energy_desktop.storage.series.codec import Scale

Keys = tuple[int, int]
"""meter_key, quantity_key"""

_UNKNOWN_RESOLUTION = 0.001  # of a quantity that the table does not list


@dataclass(frozen=True, slots=True)
class StoredQuantity:
    key: int
    name: str
    scale: Scale


class Names:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._meters: dict[str, int] = {}
        self._quantities: dict[str, StoredQuantity] = {}
        self._layouts: dict[tuple[str, tuple[str, ...]], int] = {}
        self._layout_of: dict[int, Layout] = {}

    # Looking up: never writes, None or nothing when the store has not met the name.

    def meter(self, session: Session, meter_id: str) -> int | None:
        key = self._meters.get(meter_id)
        if key is None:
            row = session.row("SELECT meter_key FROM series_meters WHERE meter_id = ?", (meter_id,))
            if row is not None:
                key = self._meters[meter_id] = int(row[0])
        return key

    def meter_ids(self, session: Session) -> dict[int, str]:
        return {
            int(key): name
            for key, name in session.rows("SELECT meter_key, meter_id FROM series_meters")
        }

    def quantity(self, session: Session, name: str) -> StoredQuantity | None:
        known = self._quantities.get(name)
        if known is None:
            row = session.row(
                "SELECT quantity_key, resolution FROM series_quantities WHERE name = ?", (name,)
            )
            if row is not None:
                known = StoredQuantity(int(row[0]), name, Scale.of_resolution(float(row[1])))
                self._quantities[name] = known
        return known

    def keys(self, session: Session, meter_id: str, quantity: str) -> Keys | None:
        """None: no reading or interval of the quantity of this meter can be there."""
        meter_key, stored = self.meter(session, meter_id), self.quantity(session, quantity)
        return None if meter_key is None or stored is None else (meter_key, stored.key)

    def quantities(self, session: Session) -> dict[int, StoredQuantity]:
        """All quantities ever stored, by key."""
        return {
            int(key): StoredQuantity(int(key), name, Scale.of_resolution(float(resolution)))
            for key, name, resolution in session.rows(
                "SELECT quantity_key, name, resolution FROM series_quantities"
            )
        }

    def layout(self, session: Session, layout_key: int) -> Layout:
        if layout_key not in self._layout_of:
            self._load_layouts(session)
        return self._layout_of[layout_key]

    def columns(self, session: Session, quantity: str) -> dict[int, int]:
        """layout_key -> position of the quantity in it, for the layouts that have it."""
        self._load_layouts(session)
        return {
            key: layout.index[quantity]
            for key, layout in tuple(self._layout_of.items())
            if quantity in layout.index
        }

    def _load_layouts(self, session: Session) -> None:
        for key, layout_id, quantities in session.rows(
            "SELECT layout_key, layout_id, quantities FROM series_layouts WHERE layout_key > ?",
            (max(self._layout_of, default=0),),
        ):
            # A partial poll's layout is called after the whole one, which was stored before it.
            whole_id, _, part = layout_id.partition("/")
            whole = self._layout_called(whole_id) if part else None
            names = tuple(quantities.split("\n"))
            self._layout_of[int(key)] = Layout(layout_id, names, whole)

    def _layout_called(self, layout_id: str) -> Layout | None:
        return next((e for e in self._layout_of.values() if e.layout_id == layout_id), None)

    # Making: in its own transaction. Never call it inside one.

    def ensure_meter(self, meter_id: str, *, busy_ms: int = BUSY_TIMEOUT_MS) -> int:
        key = self._meters.get(meter_id)
        if key is not None:
            return key
        with self._lock, self._database.writing(busy_ms=busy_ms) as session:
            session.run(
                "INSERT INTO series_meters (meter_id) VALUES (?) ON CONFLICT DO NOTHING",
                (meter_id,),
            )
            row = session.row("SELECT meter_key FROM series_meters WHERE meter_id = ?", (meter_id,))
        assert row is not None
        self._meters[meter_id] = int(row[0])
        return int(row[0])

    def ensure_quantity(self, name: str, *, busy_ms: int = BUSY_TIMEOUT_MS) -> StoredQuantity:
        known = self._quantities.get(name)
        if known is not None:
            return known
        in_table = QUANTITIES.get(name)
        resolution = in_table.resolution if in_table is not None else _UNKNOWN_RESOLUTION
        with self._lock, self._database.writing(busy_ms=busy_ms) as session:
            session.run(
                "INSERT INTO series_quantities (name, resolution) VALUES (?, ?)"
                " ON CONFLICT DO NOTHING",
                (name, float(resolution)),
            )
            made = self.quantity(session, name)
        assert made is not None
        return made

    def ensure_layout(self, layout: Layout, *, busy_ms: int = BUSY_TIMEOUT_MS) -> int:
        identity = (layout.layout_id, layout.quantities)
        key = self._layouts.get(identity)
        if key is not None:
            return key
        for name in layout.quantities:
            self.ensure_quantity(name, busy_ms=busy_ms)
        with self._lock, self._database.writing(busy_ms=busy_ms) as session:
            texts = (layout.layout_id, "\n".join(layout.quantities))
            session.run(
                "INSERT INTO series_layouts (layout_id, quantities) VALUES (?, ?)"
                " ON CONFLICT DO NOTHING",
                texts,
            )
            row = session.row(
                "SELECT layout_key FROM series_layouts WHERE layout_id = ? AND quantities = ?",
                texts,
            )
        assert row is not None
        self._layouts[identity] = int(row[0])
        return int(row[0])
