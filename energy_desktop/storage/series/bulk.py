"""Writes history straight as sealed chunks, rollups and intervals: a quarter year in seconds.

Used for the demo site and for imports of readings. Everything that can be is computed over the
whole array at once (differences, summaries); per chunk remain the compression and the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.energy import HOUR_MS, QUARTER_HOUR_MS
from energy_desktop.domain.snapshot import Quality
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.series import chunks, codec, points, rollups
from energy_desktop.storage.series.bookkeeping import Bookkeeper
from energy_desktop.storage.series.chunks import TIER_MS, Tier, Timeline, TimelineCache
from energy_desktop.storage.series.names import Names, StoredQuantity
from energy_desktop.storage.series.register import REGISTERS
from energy_desktop.storage.series.rollups import DAY_S, HOUR_S, QUARTER_S
from energy_desktop.storage.series.sealing import refresh_days

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]

_MINUTE_TIER_FROM_MS = 20_000  # spacing from which a day is one chunk


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where a time array is cut into chunks: the same for all quantities of a meter."""

    time_ms: Int64s
    quality: Quality
    tier: Tier
    starts: Int64s  # index of each chunk's first reading
    chunk_ms: list[int]
    timelines: list[Timeline]


class BulkLoader:
    """Give the pieces of a register in the order of time: the ledger only goes forward."""

    def __init__(
        self,
        database: Database,
        names: Names,
        cache: TimelineCache,
        keeper: Bookkeeper,
        zone: Callable[[], ZoneInfo],
    ) -> None:
        self._database = database
        self._names = names
        self._cache = cache
        self._keeper = keeper
        self._zone = zone
        self._grid: _Grid | None = None
        self._stored_timelines: set[int] = set()

    def add_sealed(
        self,
        meter_id: str,
        quantity: str,
        time_ms: Int64s,
        values: Floats,
        quality: Quality = Quality.GOOD,
        *,
        replace: bool = False,
    ) -> None:
        """Stores readings of one quantity, in one transaction.

        time_ms (n,): strictly ascending UTC epoch ms; values (n,) in the quantity's unit, NaN =
        not available; `quality` holds for all of them. Readings that are there already at the
        same time stay as they are, or, with `replace`, give way. Raises ValueError for arrays that
        do not fit together.
        """
        time_ms = np.ascontiguousarray(time_ms, np.int64)
        values = np.ascontiguousarray(values, np.float64)
        if time_ms.shape != values.shape or time_ms.ndim != 1:
            raise ValueError(f"times {time_ms.shape} and values {values.shape} do not fit together")
        if not len(time_ms):
            return
        if len(time_ms) > 1 and int(np.diff(time_ms).min()) <= 0:
            raise ValueError("times must be strictly ascending")
        meter_key = self._names.ensure_meter(meter_id)
        stored = self._names.ensure_quantity(quantity)
        zone = self._zone()
        tier = _tier_of(time_ms)
        with self._database.writing(busy_ms=30_000, durable=False) as session:
            time_ms, values = self._with_existing(
                session, meter_key, stored, tier, (time_ms, values), replace=replace
            )
            grid = self._grid_of(time_ms, quality, tier)
            exact = self._write_chunks(session, meter_key, stored, grid, values)
            self._write_rollups(session, meter_key, stored, grid, exact, zone)
            if quantity in REGISTERS:
                self._keeper.book(session, meter_id, quantity, time_ms, exact)

    def finish(self) -> None:
        """Brings everything safely to the disk, and the log to its shortest."""
        self._grid = None
        self._stored_timelines.clear()
        self._database.checkpoint()

    def _with_existing(
        self,
        session: Session,
        meter_key: int,
        quantity: StoredQuantity,
        tier: Tier,
        new: tuple[Int64s, Floats],
        *,
        replace: bool,
    ) -> tuple[Int64s, Floats]:
        """The new readings with those of the chunks that they touch."""
        there = points.joined(
            chunks.load(
                session,
                self._cache,
                meter_key,
                quantity,
                tier,
                int(new[0][0]),
                int(new[0][-1]) + 1,
            ),
            0,
            1 << 62,
        )
        return points.without_doubles(*((new, there) if replace else (there, new)))

    def _grid_of(self, time_ms: Int64s, quality: Quality, tier: Tier) -> _Grid:
        grid = self._grid
        if (
            grid is not None
            and grid.quality == quality
            and grid.tier is tier
            and np.array_equal(grid.time_ms, time_ms)
        ):
            return grid
        chunk_of = rollups.floor_to(time_ms, TIER_MS[tier])
        starts = np.concatenate(([0], np.flatnonzero(np.diff(chunk_of)) + 1))
        ends = np.append(starts[1:], len(time_ms))
        chunk_ms = chunk_of[starts].tolist()
        timelines = []
        for start, end, begin_ms in zip(starts.tolist(), ends.tolist(), chunk_ms, strict=True):
            qualities = np.full(end - start, quality, np.uint8) if quality else None
            timelines.append(Timeline.of(begin_ms, time_ms[start:end], qualities))
        self._grid = _Grid(time_ms, quality, tier, starts, chunk_ms, timelines)
        return self._grid

    def _write_chunks(
        self,
        session: Session,
        meter_key: int,
        quantity: StoredQuantity,
        grid: _Grid,
        values: Floats,
    ) -> Floats:
        """Returns the values as they will read."""
        integers, known = quantity.scale.to_integers(values)
        exact = quantity.scale.to_values(integers, known)
        coded = codec.zigzag_differences(integers)
        coded[grid.starts] = 0  # a chunk's first value stands in its head
        largest = np.maximum.reduceat(coded, grid.starts).tolist()
        firsts = integers[grid.starts].tolist()
        starts = grid.starts.tolist()
        ends = [*starts[1:], len(values)]
        tier = int(grid.tier)
        heads = _heads(exact, known, grid.starts)
        rows = []
        for i, timeline in enumerate(grid.timelines):
            start, end = starts[i], ends[i]
            payload = codec.encode_coded(
                firsts[i],
                coded[start:end],
                None if known is None else known[start:end],
                largest[i],
            )
            begin_ms = grid.chunk_ms[i]
            check = codec.checksum(meter_key, quantity.key, tier, begin_ms, timeline.key, payload)
            rows.append(
                (
                    meter_key,
                    quantity.key,
                    tier,
                    begin_ms,
                    timeline.key,
                    timeline.first_ms,
                    timeline.last_ms,
                    *heads[i],
                    timeline.quality_counts,
                    check,
                    payload,
                )
            )
        fresh = {t.key: t for t in grid.timelines if t.key not in self._stored_timelines}
        chunks.store_timelines(session, fresh.values())
        session.many(chunks.INSERT_CHUNK, rows)
        self._stored_timelines.update(fresh)
        return exact

    def _write_rollups(
        self,
        session: Session,
        meter_key: int,
        quantity: StoredQuantity,
        grid: _Grid,
        exact: Floats,
        zone: ZoneInfo,
    ) -> None:
        time_ms = grid.time_ms
        if grid.tier is Tier.RAW:
            quarters = rollups.summarise(rollups.floor_to(time_ms, QUARTER_HOUR_MS), exact)
            rollups.save(session, meter_key, quantity.key, QUARTER_S, quarters)
        hours = rollups.summarise(rollups.floor_to(time_ms, HOUR_MS), exact)
        rollups.save(session, meter_key, quantity.key, HOUR_S, hours)
        # The hours at the ends, and those with chunks of the other tier, have more readings.
        shared = {int(time_ms[0]) // HOUR_MS * HOUR_MS, int(time_ms[-1]) // HOUR_MS * HOUR_MS}
        beside = self._beside(session, meter_key, quantity, grid, hours.start_ms)
        for hour_ms in sorted(shared | beside):
            self._refresh_hour(session, meter_key, quantity, hour_ms, grid.tier)
        edges = rollups.day_edges(int(time_ms[0]), int(time_ms[-1]), zone)
        days = rollups.summarise(rollups.local_days(time_ms, zone), exact)
        rollups.save(session, meter_key, quantity.key, DAY_S, days)
        again = {tuple(edges[:2].tolist()), tuple(edges[-2:].tolist())}
        if beside:
            again = {tuple(edges.tolist())}
        for ends in again:
            refresh_days(
                session,
                self._names,
                self._cache,
                meter_key,
                quantity,
                np.array(ends, np.int64),
                zone,
            )

    def _beside(
        self,
        session: Session,
        meter_key: int,
        quantity: StoredQuantity,
        grid: _Grid,
        hours: Int64s,
    ) -> set[int]:
        """Which of these hours (n,) have readings in chunks of the other tier, too."""
        other = Tier.RAW if grid.tier is Tier.MINUTE else Tier.MINUTE
        if not len(hours):
            return set()
        rows = session.rows(
            "SELECT first_ms, last_ms FROM chunks WHERE meter_key = ? AND quantity_key = ?"
            " AND tier = ? AND start_ms > ? AND start_ms <= ?",
            (meter_key, quantity.key, int(other), int(hours[0]) - TIER_MS[other], int(hours[-1])),
        )
        found: set[int] = set()
        for first_ms, last_ms in rows:
            inside = (hours + HOUR_MS > first_ms) & (hours <= last_ms)
            found.update(hours[inside].tolist())
        return found

    def _refresh_hour(
        self,
        session: Session,
        meter_key: int,
        quantity: StoredQuantity,
        hour_ms: int,
        tier: Tier,
    ) -> None:
        whole = points.sealed(session, self._cache, meter_key, quantity, hour_ms, hour_ms + HOUR_MS)
        times, values = whole
        if tier is Tier.RAW:
            quarters = rollups.summarise(rollups.floor_to(times, QUARTER_HOUR_MS), values)
            rollups.save(session, meter_key, quantity.key, QUARTER_S, quarters)
        hour = rollups.summarise(rollups.floor_to(times, HOUR_MS), values)
        rollups.save(session, meter_key, quantity.key, HOUR_S, hour)


def _tier_of(time_ms: Int64s) -> Tier:
    if len(time_ms) < 2:
        return Tier.MINUTE
    return Tier.MINUTE if float(np.median(np.diff(time_ms))) >= _MINUTE_TIER_FROM_MS else Tier.RAW


def _heads(exact: Floats, known: NDArray[np.bool_] | None, starts: Int64s) -> list[tuple[Any, ...]]:
    """n, first, last, minimum, maximum, mean of each chunk."""
    ends = np.append(starts[1:], len(exact))
    if known is None:
        counts = ends - starts
        return list(
            zip(
                counts.tolist(),
                exact[starts].tolist(),
                exact[ends - 1].tolist(),
                np.minimum.reduceat(exact, starts).tolist(),
                np.maximum.reduceat(exact, starts).tolist(),
                (np.add.reduceat(exact, starts) / counts).tolist(),
                strict=True,
            )
        )
    heads: list[tuple[Any, ...]] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        there = exact[start:end][known[start:end]]
        if len(there):
            n, first, last = len(there), float(there[0]), float(there[-1])
            low, high, mean = float(there.min()), float(there.max()), float(there.mean())
            heads.append((n, first, last, low, high, mean))
        else:
            heads.append((0, None, None, None, None, None))
    return heads
