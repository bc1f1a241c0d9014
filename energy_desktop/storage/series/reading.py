"""History as services ask for it: from the cursor straight into numpy.

Each call reads inside one transaction of its own connection: it sees one moment of the database,
and the writer is never waited for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.energy import (
    DAY_MS,
    HOUR_MS,
    QUARTER_HOUR_MS,
    Buckets,
    Gap,
    GapCause,
    Resolution,
    Series,
)
from energy_desktop.domain.snapshot import Quality, Snapshot
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.series import chunks, hot, points, rollups
from energy_desktop.storage.series.chunks import Tier, TimelineCache
from energy_desktop.storage.series.names import Names, StoredQuantity
from energy_desktop.storage.series.rollups import DAY_S, HOUR_S, QUARTER_S, Summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]

_MINUTE_MS = 60_000
_SLOWEST_MS = 120_000  # twice what a slow register waits at most
_WHOLE_WITHIN_MS = 3_600_000  # before a partial reading; whole polls are far more frequent
_STEP_S = {Resolution.QUARTER: QUARTER_S, Resolution.HOUR: HOUR_S, Resolution.DAY: DAY_S}


class StoredHistory:
    """Implements domain.ports.History. `zone()` is asked at each call: it may be changed."""

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

    def raw(self, meter_id: str, quantity: str, start_ms: int, end_ms: int) -> Series:
        with self._database.reading() as session:
            keys = self._keys(session, meter_id, quantity)
            if keys is None:
                return Series(meter_id, quantity, np.empty(0, np.int64), np.empty(0))
            times, values = self._points(session, *keys, start_ms, end_ms)
        return Series(meter_id, quantity, times, values)

    def buckets(
        self, meter_id: str, quantity: str, start_ms: int, end_ms: int, resolution: Resolution
    ) -> Buckets:
        """Buckets that begin in [start_ms, end_ms), only those with a value. RAW: n is 1."""
        zone = self._zone()
        if resolution is Resolution.DAY and start_ms < end_ms:
            edges = rollups.day_edges(start_ms, end_ms - 1, zone)
            start_ms = int(edges[np.searchsorted(edges, start_ms, side="left")])
            end_ms = int(edges[np.searchsorted(edges, end_ms, side="left")])
        with self._database.reading() as session:
            keys = self._keys(session, meter_id, quantity)
            if keys is None or start_ms >= end_ms:
                summary = rollups.combine([])
            elif resolution in (Resolution.RAW, Resolution.MINUTE):
                step_ms = _MINUTE_MS if resolution is Resolution.MINUTE else 1
                first_ms = -(-start_ms // step_ms) * step_ms
                last_ms = -(-end_ms // step_ms) * step_ms
                times, values = self._points(session, *keys, first_ms, last_ms)
                summary = rollups.summarise(rollups.floor_to(times, step_ms), values)
            else:
                step_s = _STEP_S[resolution]
                if resolution is not Resolution.DAY:
                    step_ms = step_s * 1000
                    start_ms = -(-start_ms // step_ms) * step_ms
                    end_ms = -(-end_ms // step_ms) * step_ms
                summary = self._summary(session, *keys, start_ms, end_ms, step_s, zone)
        return _as_buckets(meter_id, quantity, summary, resolution, zone)

    def overview(
        self, meter_id: str, quantity: str, start_ms: int, end_ms: int, points: int
    ) -> Buckets:
        """At most about `points` buckets of equal width that keep minimum and maximum.

        Long spans are read from rollups: half an hour's zoom takes a chunk, a year header rows.
        """
        width_ms = max((end_ms - start_ms) / max(points, 1), 1)
        with self._database.reading() as session:
            keys = self._keys(session, meter_id, quantity)
            if keys is None or start_ms >= end_ms:
                return _as_buckets(
                    meter_id, quantity, rollups.combine([]), Resolution.RAW, self._zone()
                )
            if width_ms >= QUARTER_HOUR_MS:
                step_s = HOUR_S if width_ms >= HOUR_MS else QUARTER_S
                fine = self._summary(session, *keys, start_ms, end_ms, step_s, self._zone())
            else:
                times, values = self._points(session, *keys, start_ms, end_ms)
                fine = rollups.summarise(times, values)
        if len(fine) <= points:
            step_ms = HOUR_MS if width_ms >= HOUR_MS else QUARTER_HOUR_MS
            plain = step_ms if width_ms >= QUARTER_HOUR_MS else 0
            return _buckets(meter_id, quantity, fine, fine.start_ms + plain)
        slot = ((fine.start_ms - start_ms) / width_ms).astype(np.int64)
        edges = (start_ms + slot * width_ms).astype(np.int64)
        merged = rollups.combine([fine], edges)
        return _buckets(meter_id, quantity, merged, merged.start_ms + math.ceil(width_ms))

    def extent(self, meter_id: str) -> tuple[int, int] | None:
        with self._database.reading() as session:
            key = self._names.meter(session, meter_id)
            if key is None:
                return None
            found: list[tuple[int, int]] = []
            for quantity_key in self._quantity_keys(session, key):
                sealed = session.row(
                    "SELECT MIN(first_ms), MAX(last_ms) FROM chunks"
                    " WHERE meter_key = ? AND quantity_key = ? AND tier IN (1, 2)",
                    (key, quantity_key),
                )
                summed = session.row(
                    "SELECT MIN(start_ms), MAX(start_ms) FROM rollups"
                    " WHERE meter_key = ? AND quantity_key = ? AND step_s = ?",
                    (key, quantity_key, HOUR_S),
                )
                spans = [(int(r[0]), int(r[1])) for r in (sealed, summed) if r and r[0] is not None]
                if len(spans) == 2 and spans[1][0] + HOUR_MS > spans[0][0]:
                    spans.pop()  # the hours are those of the readings; else only they are left
                if spans:
                    found += spans
                    break  # a meter's quantities come together
            newest = hot.last_row(session, key)
            if newest is not None:
                first = hot.first_ms(session, key) if not found else newest[0]
                found.append((first if first is not None else newest[0], newest[0]))
            row = session.row(
                "SELECT MIN(start_ms), MAX(start_ms + step_s * 1000) FROM intervals"
                " WHERE meter_key = ?",
                (key,),
            )
            if row is not None and row[0] is not None:
                found.append((int(row[0]), int(row[1])))
        if not found:
            return None
        return min(first for first, _ in found), max(last for _, last in found)

    def quantities(self, meter_id: str) -> tuple[str, ...]:
        with self._database.reading() as session:
            key = self._names.meter(session, meter_id)
            if key is None:
                return ()
            known = self._names.quantities(session)
            found = [known[k].name for k in self._quantity_keys(session, key)]
            newest = hot.last_row(session, key)
            if newest is not None:
                layout = self._names.layout(session, newest[1])
                found.extend((layout.whole or layout).quantities)
            for (register_key,) in session.rows(
                "SELECT DISTINCT register_key FROM ledger_state WHERE meter_key = ?", (key,)
            ):
                found.append(known[int(register_key)].name)
        return tuple(dict.fromkeys(found))

    def latest(self, meter_id: str) -> Snapshot | None:
        """The newest reading; from sealed chunks when none is hot (then without its layout id).

        What a partial poll did not read stands as in the last whole one.
        """
        with self._database.reading() as session:
            key = self._names.meter(session, meter_id)
            if key is None:
                return None
            newest = hot.last_row(session, key)
            if newest is not None:
                at_ms, layout_key, quality, packed = newest
                layout = self._names.layout(session, layout_key)
                found = Snapshot(meter_id, at_ms, layout, _unpacked(packed), Quality(quality))
                if layout.whole is None:
                    return found
                from_ms = at_ms - _WHOLE_WITHIN_MS
                row = hot.last_under(session, key, layout.whole.layout_id, from_ms, at_ms)
                if row is None:
                    return found.completed(None)
                return found.completed(Snapshot(meter_id, row[0], layout.whole, _unpacked(row[1])))
            return self._latest_sealed(session, meter_id, key)

    def _latest_sealed(self, session: Session, meter_id: str, key: int) -> Snapshot | None:
        from energy_desktop.domain.snapshot import Layout

        known = self._names.quantities(session)
        rows = []
        for quantity_key in self._quantity_keys(session, key):
            row = session.row(
                "SELECT last_ms, last FROM chunks WHERE meter_key = ? AND quantity_key = ?"
                " AND tier = (SELECT tier FROM chunks WHERE meter_key = ? AND quantity_key = ?"
                " ORDER BY last_ms DESC LIMIT 1) ORDER BY start_ms DESC LIMIT 1",
                (key, quantity_key, key, quantity_key),
            )
            if row is not None:
                rows.append((known[quantity_key].name, int(row[0]), row[1]))
        if not rows:
            return None
        at_ms = max(row[1] for row in rows)
        # What was read more rarely is a little older; what is much older is no longer measured.
        last = [row for row in rows if at_ms - row[1] <= _SLOWEST_MS]
        return Snapshot(
            meter_id,
            at_ms,
            Layout("", tuple(row[0] for row in last)),
            tuple(math.nan if row[2] is None else float(row[2]) for row in last),
        )

    def gaps(self, meter_id: str, start_ms: int, end_ms: int) -> tuple[Gap, ...]:
        with self._database.reading() as session:
            rows = session.rows(
                "SELECT start_ms, end_ms, cause, detail FROM gaps WHERE meter_id = ?"
                " AND start_ms < ? AND (end_ms IS NULL OR end_ms > ?) ORDER BY start_ms",
                (meter_id, end_ms, start_ms),
            )
        return tuple(
            Gap(meter_id, start, end, GapCause(cause), detail) for start, end, cause, detail in rows
        )

    # --- inside a transaction -------------------------------------------------------------------

    def _keys(
        self, session: Session, meter_id: str, quantity: str
    ) -> tuple[int, StoredQuantity] | None:
        meter_key = self._names.meter(session, meter_id)
        stored = self._names.quantity(session, quantity)
        return None if meter_key is None or stored is None else (meter_key, stored)

    def _quantity_keys(self, session: Session, meter_key: int) -> list[int]:
        """Quantities of the meter that are sealed, or of which only summaries are kept still: one
        index seek each."""
        return [
            key
            for key in self._names.quantities(session)
            if any(
                session.row(
                    f"SELECT 1 FROM {table} WHERE meter_key = ? AND quantity_key = ? LIMIT 1",
                    (meter_key, key),
                )
                for table in ("chunks", "rollups")
            )
        ]

    def _points(
        self,
        session: Session,
        meter_key: int,
        quantity: StoredQuantity,
        start_ms: int,
        end_ms: int,
    ) -> tuple[Int64s, Floats]:
        return points.read(session, self._names, self._cache, meter_key, quantity, start_ms, end_ms)

    def _summary(
        self,
        session: Session,
        meter_key: int,
        quantity: StoredQuantity,
        start_ms: int,
        end_ms: int,
        step_s: int,
        zone: ZoneInfo,
    ) -> Summary:
        return summary(
            session,
            self._names,
            self._cache,
            meter_key,
            quantity,
            start_ms,
            end_ms,
            step_s,
            zone,
        )


def summary(
    session: Session,
    names: Names,
    cache: TimelineCache,
    meter_key: int,
    quantity: StoredQuantity,
    start_ms: int,
    end_ms: int,
    step_s: int,
    zone: ZoneInfo,
) -> Summary:
    """Rollup rows of [start_ms, end_ms), completed from what has no rows yet.

    That is the hot tail, and for quarter hours the minute days, whose rows are written only when
    the minutes themselves are given up.
    """

    def bucket(times: Int64s) -> Int64s:
        if step_s == DAY_S:
            return rollups.local_days(times, zone)
        return rollups.floor_to(times, step_s * 1000)

    kept = rollups.load(session, meter_key, quantity.key, step_s, start_ms, end_ms)
    parts = [kept]
    if step_s == QUARTER_S:
        covered = np.unique(kept.start_ms // HOUR_MS)
        parts.insert(
            0, _from_minutes(session, cache, meter_key, quantity, start_ms, end_ms, covered)
        )
    times, values = hot.of_quantity(session, names, meter_key, quantity.name, start_ms, end_ms)
    if len(times):
        # What is sealed already has its rows; its hot readings only wait for deletion.
        sealed = session.rows(
            "SELECT start_ms, last_ms FROM chunks WHERE meter_key = ? AND quantity_key = ?"
            " AND tier = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms",
            (meter_key, quantity.key, int(Tier.RAW), int(times[0]) - HOUR_MS + 1, end_ms),
        )
        if sealed:
            table = np.array(sealed, np.int64)
            last = np.searchsorted(table[:, 0], times, side="right") - 1
            unsealed = (last < 0) | (times > table[np.maximum(last, 0), 1])
            times, values = times[unsealed], values[unsealed]
        values = quantity.scale.round(values)
        parts.append(rollups.summarise(bucket(times), values))
    return rollups.combine(parts)


def _unpacked(packed: bytes) -> tuple[float, ...]:
    return tuple(np.frombuffer(packed, "<f8").tolist())


def _from_minutes(
    session: Session,
    cache: TimelineCache,
    meter_key: int,
    quantity: StoredQuantity,
    start_ms: int,
    end_ms: int,
    covered_hours: Int64s,
) -> Summary:
    """Quarter hours of the minute days, except in hours that have rows."""
    spans = session.rows(
        "SELECT MIN(first_ms), MAX(last_ms) FROM chunks WHERE meter_key = ? AND quantity_key = ?"
        " AND tier = ? AND start_ms > ? AND start_ms < ?",
        (meter_key, quantity.key, int(Tier.MINUTE), start_ms - DAY_MS, end_ms),
    )
    first, last = spans[0]
    if first is None:
        return rollups.combine([])
    low = max(start_ms, first) // HOUR_MS
    high = min(end_ms - 1, last) // HOUR_MS
    if np.isin(np.arange(low, high + 1), covered_hours).all():
        return rollups.combine([])
    times, values = points.joined(
        chunks.load(session, cache, meter_key, quantity, Tier.MINUTE, start_ms, end_ms),
        start_ms,
        end_ms,
    )
    open_hours = ~np.isin(times // HOUR_MS, covered_hours)
    return rollups.summarise(
        rollups.floor_to(times[open_hours], QUARTER_HOUR_MS), values[open_hours]
    )


def _as_buckets(
    meter_id: str, quantity: str, found: Summary, resolution: Resolution, zone: ZoneInfo
) -> Buckets:
    if resolution is Resolution.DAY and len(found):
        edges = rollups.day_edges(int(found.start_ms[0]), int(found.start_ms[-1]), zone)
        end_ms = edges[np.searchsorted(edges, found.start_ms, side="right")]
    else:
        step_ms = {
            Resolution.RAW: 0,
            Resolution.MINUTE: _MINUTE_MS,
            Resolution.QUARTER: QUARTER_HOUR_MS,
            Resolution.HOUR: HOUR_MS,
            Resolution.DAY: DAY_MS,
        }[resolution]
        end_ms = found.start_ms + step_ms
    return _buckets(meter_id, quantity, found, end_ms)


def _buckets(meter_id: str, quantity: str, found: Summary, end_ms: Int64s) -> Buckets:
    return Buckets(
        meter_id,
        quantity,
        found.start_ms,
        end_ms,
        found.n,
        found.mean,
        found.minimum,
        found.maximum,
        found.first,
        found.last,
    )
