"""Fixed-step summaries: count, mean, minimum, maximum, first and last.

Kept as plain rows that any SQLite tool can read. 15 min and 1 h are steps of UTC, which every
zone's clock shares; a day is the local day of the site, 23 to 25 hours long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import from_ms, local_midnight_ms
from energy_desktop.domain.energy import HOUR_MS, QUARTER_HOUR_MS
from energy_desktop.storage.database import Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]

QUARTER_S, HOUR_S, DAY_S = 900, 3_600, 86_400

_COLUMNS = "start_ms, n, mean, minimum, maximum, first, last"
_UPSERT = (
    "INSERT INTO rollups (meter_key, quantity_key, step_s, start_ms, n, mean, minimum, maximum,"
    " first, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (meter_key, quantity_key, step_s, start_ms) DO UPDATE SET n = excluded.n,"
    " mean = excluded.mean, minimum = excluded.minimum, maximum = excluded.maximum,"
    " first = excluded.first, last = excluded.last"
)


@dataclass(frozen=True, slots=True)
class Summary:
    """Non-empty buckets, ascending by start; all shapes (m,)."""

    start_ms: Int64s
    n: Int64s
    mean: Floats
    minimum: Floats
    maximum: Floats
    first: Floats
    last: Floats

    def __len__(self) -> int:
        return len(self.start_ms)

    def where(self, chosen: NDArray[np.bool_]) -> Summary:
        return Summary(
            self.start_ms[chosen],
            self.n[chosen],
            self.mean[chosen],
            self.minimum[chosen],
            self.maximum[chosen],
            self.first[chosen],
            self.last[chosen],
        )


def _empty() -> Summary:
    none = np.empty(0)
    return Summary(np.empty(0, np.int64), np.empty(0, np.int64), none, none, none, none, none)


def summarise(bucket_ms: Int64s, values: Floats) -> Summary:
    """Readings (n,) whose buckets ascend; NaN counts as no reading."""
    missing = np.isnan(values)
    if missing.any():
        bucket_ms, values = bucket_ms[~missing], values[~missing]
    if not len(values):
        return _empty()
    starts = np.concatenate(([0], np.flatnonzero(np.diff(bucket_ms)) + 1))
    ends = np.append(starts[1:], len(values)) - 1
    n = ends - starts + 1
    return Summary(
        start_ms=bucket_ms[starts],
        n=n,
        mean=np.add.reduceat(values, starts) / n,
        minimum=np.minimum.reduceat(values, starts),
        maximum=np.maximum.reduceat(values, starts),
        first=values[starts],
        last=values[ends],
    )


def combine(parts: Sequence[Summary], bucket_ms: Int64s | None = None) -> Summary:
    """One summary of several, equal buckets merged.

    Where buckets are equal, parts must be given in the order of time. `bucket_ms` (m,): coarser
    buckets of the concatenated rows, ascending.
    """
    parts = [part for part in parts if len(part)]
    if not parts:
        return _empty()
    start = np.concatenate([p.start_ms for p in parts])
    key = start if bucket_ms is None else bucket_ms
    order = np.lexsort((start, key)) if len(parts) > 1 else np.arange(len(start))
    key = key[order]
    n = np.concatenate([p.n for p in parts])[order]
    total = np.concatenate([p.mean for p in parts])[order] * n
    starts = np.concatenate(([0], np.flatnonzero(np.diff(key)) + 1))
    ends = np.append(starts[1:], len(key)) - 1
    count = np.add.reduceat(n, starts)
    return Summary(
        start_ms=key[starts],
        n=count,
        mean=np.add.reduceat(total, starts) / count,
        minimum=np.minimum.reduceat(np.concatenate([p.minimum for p in parts])[order], starts),
        maximum=np.maximum.reduceat(np.concatenate([p.maximum for p in parts])[order], starts),
        first=np.concatenate([p.first for p in parts])[order][starts],
        last=np.concatenate([p.last for p in parts])[order][ends],
    )


def floor_to(time_ms: Int64s, step_ms: int) -> Int64s:
    return time_ms - time_ms % step_ms


def local_days(time_ms: Int64s, zone: ZoneInfo) -> Int64s:
    """The start (UTC ms) of the local day that each time (n,) lies in; times ascend."""
    if not len(time_ms):
        return time_ms
    edges = day_edges(int(time_ms[0]), int(time_ms[-1]), zone)
    return edges[np.searchsorted(edges, time_ms, side="right") - 1]


def day_edges(first_ms: int, last_ms: int, zone: ZoneInfo) -> Int64s:
    """Starts of the local days that [first_ms, last_ms] touches, and of the one after."""
    day = from_ms(first_ms).astimezone(zone).date()
    after = from_ms(last_ms).astimezone(zone).date() + timedelta(days=1)
    count = (after - day).days + 1
    return np.array(
        [local_midnight_ms(day + timedelta(days=i), zone) for i in range(count)], np.int64
    )


def hour_aligned(edges: Int64s) -> bool:
    """Whether local days begin at full hours of UTC: not so in India or Nepal."""
    return bool((edges % HOUR_MS == 0).all())


def save(
    session: Session, meter_key: int, quantity_key: int, step_s: int, summary: Summary
) -> None:
    if not len(summary):
        return
    m = len(summary)
    session.many(
        _UPSERT,
        zip(
            [meter_key] * m,
            [quantity_key] * m,
            [step_s] * m,
            summary.start_ms.tolist(),
            summary.n.tolist(),
            summary.mean.tolist(),
            summary.minimum.tolist(),
            summary.maximum.tolist(),
            summary.first.tolist(),
            summary.last.tolist(),
            strict=True,
        ),
    )


def load(
    session: Session, meter_key: int, quantity_key: int, step_s: int, start_ms: int, end_ms: int
) -> Summary:
    rows = session.rows(
        f"SELECT {_COLUMNS} FROM rollups WHERE meter_key = ? AND quantity_key = ? AND step_s = ?"
        " AND start_ms >= ? AND start_ms < ? ORDER BY start_ms",
        (meter_key, quantity_key, step_s, start_ms, end_ms),
    )
    if not rows:
        return _empty()
    # One conversion of all rows: exact, since a float64 holds every epoch millisecond.
    table = np.array(rows, np.float64)
    return Summary(
        start_ms=table[:, 0].astype(np.int64),
        n=table[:, 1].astype(np.int64),
        mean=table[:, 2],
        minimum=table[:, 3],
        maximum=table[:, 4],
        first=table[:, 5],
        last=table[:, 6],
    )


STEP_MS = {QUARTER_S: QUARTER_HOUR_MS, HOUR_S: HOUR_MS}
