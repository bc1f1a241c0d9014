"""Sealed chunks in the database: writing them, verifying them, reading them back.

Two tiers. RAW: an hour of readings as they came. MINUTE: a UTC day of about one value a minute,
because an hour of sixty values would be more head than body.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.energy import DAY_MS, HOUR_MS
from energy_desktop.domain.errors import StoreError
from energy_desktop.storage.database import Session
from energy_desktop.storage.series import codec
from energy_desktop.storage.series.codec import DamagedChunk
from energy_desktop.storage.series.names import StoredQuantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]
    UInt8s = NDArray[np.uint8]


class Tier(IntEnum):
    RAW = 1
    MINUTE = 2


TIER_MS = {Tier.RAW: HOUR_MS, Tier.MINUTE: DAY_MS}

INSERT_CHUNK = (
    "INSERT INTO chunks (meter_key, quantity_key, tier, start_ms, timeline_key, first_ms, last_ms,"
    " n, first, last, minimum, maximum, mean, quality_counts, checksum, payload)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (meter_key, quantity_key, tier, start_ms) DO UPDATE SET"
    " timeline_key = excluded.timeline_key, first_ms = excluded.first_ms,"
    " last_ms = excluded.last_ms, n = excluded.n, first = excluded.first, last = excluded.last,"
    " minimum = excluded.minimum, maximum = excluded.maximum, mean = excluded.mean,"
    " quality_counts = excluded.quality_counts, checksum = excluded.checksum,"
    " payload = excluded.payload"
)
INSERT_TIMELINE = (
    "INSERT INTO timelines (timeline_key, payload) VALUES (?, ?) ON CONFLICT DO NOTHING"
)
_SELECT = (
    "SELECT c.start_ms, c.timeline_key, c.checksum, c.payload, t.payload FROM chunks c"
    " JOIN timelines t ON t.timeline_key = c.timeline_key"
    " WHERE c.meter_key = ? AND c.quantity_key = ? AND c.tier = ?"
    " AND c.start_ms >= ? AND c.start_ms < ? ORDER BY c.start_ms"
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A decoded chunk; shapes (n,). quality None: all GOOD."""

    start_ms: int
    time_ms: Int64s
    values: Floats
    quality: UInt8s | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Encoded times and qualities of a chunk, shared by its quantities."""

    key: int
    payload: bytes
    first_ms: int
    last_ms: int
    quality_counts: str

    @classmethod
    def of(cls, start_ms: int, time_ms: Int64s, quality: UInt8s | None) -> Timeline:
        """time_ms (n >= 1,): strictly ascending, inside the chunk that begins at start_ms."""
        payload = codec.encode_timeline(time_ms - start_ms, quality)
        return cls(
            codec.timeline_key(payload),
            payload,
            int(time_ms[0]),
            int(time_ms[-1]),
            quality_counts(len(time_ms), quality),
        )


def quality_counts(n: int, quality: UInt8s | None) -> str:
    """`0:3590,1:10`: how many readings of each quality."""
    if quality is None or not quality.any():
        return f"0:{n}"
    counts = np.bincount(quality)
    return ",".join(f"{q}:{c}" for q, c in enumerate(counts.tolist()) if c)


def chunk_row(
    meter_key: int,
    quantity_key: int,
    tier: Tier,
    start_ms: int,
    timeline: Timeline,
    payload: bytes,
    values: Floats,
) -> tuple[Any, ...]:
    """The row for INSERT_CHUNK. `values` (n,): as decoded, NaN = not available."""
    known = values[~np.isnan(values)] if np.isnan(values).any() else values
    head: tuple[Any, ...] = (
        (
            len(known),
            float(known[0]),
            float(known[-1]),
            float(known.min()),
            float(known.max()),
            float(known.mean()),
        )
        if len(known)
        else (0, None, None, None, None, None)
    )
    check = codec.checksum(meter_key, quantity_key, tier, start_ms, timeline.key, payload)
    return (
        meter_key,
        quantity_key,
        int(tier),
        start_ms,
        timeline.key,
        timeline.first_ms,
        timeline.last_ms,
        *head,
        timeline.quality_counts,
        check,
        payload,
    )


def store_timelines(session: Session, timelines: Iterable[Timeline]) -> None:
    session.many(INSERT_TIMELINE, [(t.key, t.payload) for t in timelines])


class TimelineCache:
    """Decoded timelines by key: a regular grid is the same for every hour of every meter."""

    def __init__(self, size: int = 512) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._known: OrderedDict[int, tuple[Int64s, UInt8s | None]] = OrderedDict()

    def decode(self, key: int, payload: bytes) -> tuple[Int64s, UInt8s | None]:
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                return found
        if codec.timeline_key(payload) != key:
            raise DamagedChunk("its times are not what was written")
        decoded = codec.decode_timeline(payload)
        for array in decoded:
            if array is not None:
                array.flags.writeable = False
        with self._lock:
            self._known[key] = decoded
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return decoded


def load(
    session: Session,
    cache: TimelineCache,
    meter_key: int,
    quantity: StoredQuantity,
    tier: Tier,
    start_ms: int,
    end_ms: int,
) -> list[Chunk]:
    """Chunks that touch [start_ms, end_ms), whole. Raises StoreError naming a damaged one."""
    step = TIER_MS[tier]
    rows = session.rows(
        _SELECT, (meter_key, quantity.key, int(tier), start_ms - start_ms % step, end_ms)
    )
    return [_decode(session, cache, meter_key, quantity, tier, row) for row in rows]


def _decode(
    session: Session,
    cache: TimelineCache,
    meter_key: int,
    quantity: StoredQuantity,
    tier: Tier,
    row: Sequence[Any],
) -> Chunk:
    start_ms, timeline_key, check, payload, times = row
    try:
        expected = codec.checksum(meter_key, quantity.key, tier, start_ms, timeline_key, payload)
        if expected != check:
            raise DamagedChunk("its checksum does not fit")
        offsets, quality = cache.decode(timeline_key, times)
        integers, known = codec.decode_values(payload)
        if len(integers) != len(offsets):
            raise DamagedChunk("values and times differ in number")
    except DamagedChunk as damage:
        found = session.row("SELECT meter_id FROM series_meters WHERE meter_key = ?", (meter_key,))
        meter_id = found[0] if found else f"meter {meter_key}"
        span = "hour" if tier is Tier.RAW else "day"
        raise StoreError(
            where=f"{meter_id}, {quantity.name}, {span} of {iso_utc(start_ms)}",
            what=f"the stored readings are damaged ({damage}).",
            remedy="Restore a backup from before; other hours are not affected.",
        ) from damage
    return Chunk(start_ms, start_ms + offsets, quantity.scale.to_values(integers, known), quality)


def write(
    session: Session,
    cache: TimelineCache,
    meter_key: int,
    tier: Tier,
    start_ms: int,
    time_ms: Int64s,
    quality: UInt8s | None,
    columns: Sequence[tuple[StoredQuantity, Floats]],
) -> None:
    """Writes one chunk per column, all on one timeline, and verifies each by reading it back.

    Raises StoreError when what comes back is not what went in; the transaction must then end.
    """
    timeline = Timeline.of(start_ms, time_ms, quality)
    store_timelines(session, [timeline])
    encoded = []
    for quantity, values in columns:
        integers, known = quantity.scale.to_integers(values)
        payload = codec.encode_values(integers, known)
        exact = quantity.scale.to_values(integers, known)
        encoded.append((quantity, exact, payload))
    session.many(
        INSERT_CHUNK,
        [
            chunk_row(meter_key, quantity.key, tier, start_ms, timeline, payload, exact)
            for quantity, exact, payload in encoded
        ],
    )
    for quantity, exact, _ in encoded:
        back = load(session, cache, meter_key, quantity, tier, start_ms, start_ms + 1)
        good = (
            len(back) == 1
            and np.array_equal(back[0].time_ms, time_ms)
            and np.array_equal(back[0].values, exact, equal_nan=True)
        )
        if not good:
            raise StoreError(
                where=f"meter {meter_key}, {quantity.name}, {iso_utc(start_ms)}",
                what="sealed readings did not read back as they were written.",
                remedy="They stay unsealed; check the disk.",
            )
