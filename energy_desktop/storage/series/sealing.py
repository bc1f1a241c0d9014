"""Turns hot hours into sealed chunks, in slices short enough never to make a commit late.

An hour is sealed meter by meter, each in a transaction that also reads back what it wrote; only
when every meter of the hour is sealed are the hot rows deleted, as ranges of time, because
deleting one meter's rows out of all others' would rewrite every page of the hour once per meter.
A reading that comes late into an hour that is being sealed sends its meter back to the queue; one
that comes later still is sealed again with what is there. Dying anywhere in between loses
nothing: equal times count once, and the hour is simply sealed again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.energy import HOUR_MS, QUARTER_HOUR_MS
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.series import chunks, hot, points, reading, rollups
from energy_desktop.storage.series.chunks import Tier, TimelineCache
from energy_desktop.storage.series.names import Names, StoredQuantity
from energy_desktop.storage.series.rollups import DAY_S, HOUR_S, QUARTER_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]
    UInt8s = NDArray[np.uint8]
    Column = tuple[StoredQuantity, Int64s, Floats, UInt8s]

GRACE_MS = 120_000  # an hour is sealed so long after its end: for slow meters and clock jitter
_DELETE_MS = 300_000  # of hot time in one transaction


class Sealer:
    """Belongs to the writer thread, as does every method."""

    def __init__(
        self,
        database: Database,
        names: Names,
        cache: TimelineCache,
        zone: Callable[[], ZoneInfo],
    ) -> None:
        self._database = database
        self._names = names
        self._cache = cache
        self._zone = zone
        self._hour_ms: int | None = None
        self._to_seal: list[int] = []
        self._deleted_to_ms = 0
        self._nothing_before_ms = 0  # no hot reading is older: saves a query a second

    def arrived(self, reading_keys: Sequence[int]) -> None:
        """Told the ascending keys of every commit: some may be late, in the hour being sealed."""
        oldest_ms = reading_keys[0] >> hot.METER_BITS
        self._nothing_before_ms = min(self._nothing_before_ms, oldest_ms)
        if self._hour_ms is None or oldest_ms >= self._hour_ms + HOUR_MS:
            return
        late = {key & hot.METER_MASK for key in reading_keys}
        self._to_seal.extend(late.difference(self._to_seal))
        self._deleted_to_ms = self._hour_ms

    def step(self, now_ms: int) -> bool:
        """Does one slice. False: there is nothing to do at `now_ms`."""
        if self._hour_ms is None and not self._choose_hour(now_ms):
            return False
        assert self._hour_ms is not None
        if self._to_seal:
            meter_key = self._to_seal.pop()
            try:
                with self._database.writing() as session:
                    self._seal(session, meter_key, self._hour_ms)
            except BaseException:
                self._to_seal.append(meter_key)
                raise
            return True
        end_ms = min(self._deleted_to_ms + _DELETE_MS, self._hour_ms + HOUR_MS)
        with self._database.writing() as session:
            hot.delete_before(session, self._deleted_to_ms, end_ms)
        self._deleted_to_ms = end_ms
        if end_ms == self._hour_ms + HOUR_MS:
            self._hour_ms = None
        return True

    def _choose_hour(self, now_ms: int) -> bool:
        if self._nothing_before_ms + HOUR_MS + GRACE_MS > now_ms:
            return False
        with self._database.reading() as session:
            oldest = hot.oldest_ms(session)
            if oldest is None:
                self._nothing_before_ms = now_ms
                return False
            hour_ms = oldest - oldest % HOUR_MS
            self._nothing_before_ms = hour_ms
            if hour_ms + HOUR_MS + GRACE_MS > now_ms:
                return False
            self._to_seal = hot.meters_between(session, hour_ms, hour_ms + HOUR_MS)
        self._hour_ms = self._deleted_to_ms = hour_ms
        return True

    def _seal(self, session: Session, meter_key: int, hour_ms: int) -> None:
        end_ms = hour_ms + HOUR_MS
        columns = self._columns(session, meter_key, hour_ms, end_ms)
        groups: dict[bytes, list[Column]] = {}
        for column in columns:
            groups.setdefault(column[1].tobytes() + column[3].tobytes(), []).append(column)
        for alike in groups.values():
            _, times, _, quality = alike[0]
            chunks.write(
                session,
                self._cache,
                meter_key,
                Tier.RAW,
                hour_ms,
                times,
                quality,
                [(quantity, values) for quantity, _, values, _ in alike],
            )
        zone = self._zone()
        for quantity, times, values, _ in columns:
            exact = quantity.scale.round(values)
            minutes = chunks.load(
                session, self._cache, meter_key, quantity, Tier.MINUTE, hour_ms, end_ms
            )
            whole = points.yielding(points.joined(minutes, hour_ms, end_ms), (times, exact))
            self._roll_up(session, meter_key, quantity, *whole, zone)

    def _columns(self, session: Session, meter_key: int, hour_ms: int, end_ms: int) -> list[Column]:
        """Per quantity its hot readings of the hour, joined with what is sealed already."""
        known = {q.name: q for q in self._names.quantities(session).values()}
        found: dict[str, list[tuple[Int64s, Floats, UInt8s]]] = {}
        for block in hot.of_meter(session, meter_key, hour_ms, end_ms):
            layout = self._names.layout(session, block.layout_key)
            for name, position in layout.index.items():
                found.setdefault(name, []).append(
                    (block.time_ms, block.values[:, position], block.quality)
                )
        columns: list[Column] = []
        for name, pieces in found.items():
            quantity = known[name]
            for chunk in chunks.load(
                session, self._cache, meter_key, quantity, Tier.RAW, hour_ms, end_ms
            ):
                none = np.zeros(len(chunk.time_ms), np.uint8)
                quality = none if chunk.quality is None else chunk.quality
                pieces.insert(0, (chunk.time_ms, chunk.values, quality))
            if len(pieces) == 1:
                columns.append((quantity, *pieces[0]))
                continue
            times, first = np.unique(np.concatenate([p[0] for p in pieces]), return_index=True)
            values = np.concatenate([p[1] for p in pieces])[first]
            columns.append((quantity, times, values, np.concatenate([p[2] for p in pieces])[first]))
        return columns

    def _roll_up(
        self,
        session: Session,
        meter_key: int,
        quantity: StoredQuantity,
        times: Int64s,
        values: Floats,
        zone: ZoneInfo,
    ) -> None:
        """Quarter hours and the hour of these readings, and the local days they lie in."""
        quarters = rollups.summarise(rollups.floor_to(times, QUARTER_HOUR_MS), values)
        rollups.save(session, meter_key, quantity.key, QUARTER_S, quarters)
        hours = rollups.combine([quarters], rollups.floor_to(quarters.start_ms, HOUR_MS))
        rollups.save(session, meter_key, quantity.key, HOUR_S, hours)
        edges = rollups.day_edges(int(times[0]), int(times[-1]), zone)
        refresh_days(session, self._names, self._cache, meter_key, quantity, edges, zone)


def refresh_days(
    session: Session,
    names: Names,
    cache: TimelineCache,
    meter_key: int,
    quantity: StoredQuantity,
    edges: Int64s,
    zone: ZoneInfo,
) -> None:
    """Writes the day rows between `edges` (starts of local days) from the finer rows."""
    start_ms, end_ms = int(edges[0]), int(edges[-1])
    if rollups.hour_aligned(edges):
        finer = rollups.load(session, meter_key, quantity.key, HOUR_S, start_ms, end_ms)
    else:
        finer = reading.summary(
            session, names, cache, meter_key, quantity, start_ms, end_ms, QUARTER_S, zone
        )
    if len(finer):
        day = edges[np.searchsorted(edges, finer.start_ms, side="right") - 1]
        rollups.save(session, meter_key, quantity.key, DAY_S, rollups.combine([finer], day))
