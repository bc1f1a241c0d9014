"""Readings of one quantity, wherever they lie: sealed hours, minute days and the hot table.

The tiers may overlap for a moment (an hour is sealed before its hot rows are deleted) or for
good (minute history up to the hour in which polling each second began). Equal times count once,
and a minute value gives way where the same minute has finer ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import HOUR_MS
from energy_desktop.storage.database import Session
from energy_desktop.storage.series import chunks, hot
from energy_desktop.storage.series.chunks import Chunk, Tier, TimelineCache
from energy_desktop.storage.series.names import Names, StoredQuantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]

MINUTE_MS = 60_000
FAR_MS = 1 << 42  # behind every stamp


def read(
    session: Session,
    names: Names,
    cache: TimelineCache,
    meter_key: int,
    quantity: StoredQuantity,
    start_ms: int,
    end_ms: int,
) -> tuple[Int64s, Floats]:
    """Times (n,), strictly ascending, and values (n,) in [start_ms, end_ms); NaN = not available.

    Hot values are rounded to the quantity's resolution, so that sealing changes nothing.
    """
    raw = _tier(session, cache, meter_key, quantity, Tier.RAW, start_ms, end_ms)
    newest_times, newest = hot.of_quantity(
        session, names, meter_key, quantity.name, start_ms, end_ms
    )
    fine = without_doubles(raw, (newest_times, quantity.scale.round(newest)))
    return yielding(_tier(session, cache, meter_key, quantity, Tier.MINUTE, start_ms, end_ms), fine)


def last(
    session: Session,
    names: Names,
    cache: TimelineCache,
    meter_key: int,
    quantity: StoredQuantity,
    at_ms: int,
) -> tuple[int, float] | None:
    """Time and value of the last reading not after `at_ms` that is available."""
    reach_ms = HOUR_MS
    while reach_ms < FAR_MS:  # ever further back, since a meter may have been silent
        times, values = read(
            session, names, cache, meter_key, quantity, max(at_ms - reach_ms, 0), at_ms + 1
        )
        known = np.flatnonzero(~np.isnan(values))
        if len(known):
            return int(times[known[-1]]), float(values[known[-1]])
        if reach_ms >= at_ms:
            break
        reach_ms *= 24
    return None


def sealed(
    session: Session,
    cache: TimelineCache,
    meter_key: int,
    quantity: StoredQuantity,
    start_ms: int,
    end_ms: int,
) -> tuple[Int64s, Floats]:
    """As `read`, without what is hot."""
    return yielding(
        _tier(session, cache, meter_key, quantity, Tier.MINUTE, start_ms, end_ms),
        _tier(session, cache, meter_key, quantity, Tier.RAW, start_ms, end_ms),
    )


def _tier(
    session: Session,
    cache: TimelineCache,
    meter_key: int,
    quantity: StoredQuantity,
    tier: Tier,
    start_ms: int,
    end_ms: int,
) -> tuple[Int64s, Floats]:
    found = chunks.load(session, cache, meter_key, quantity, tier, start_ms, end_ms)
    return joined(found, start_ms, end_ms)


def joined(found: list[Chunk], start_ms: int, end_ms: int) -> tuple[Int64s, Floats]:
    """Chunks in order as one series, cut to [start_ms, end_ms)."""
    if not found:
        return np.empty(0, np.int64), np.empty(0)
    times = np.concatenate([chunk.time_ms for chunk in found])
    values = np.concatenate([chunk.values for chunk in found])
    if times[0] >= start_ms and times[-1] < end_ms:
        return times, values
    low, high = np.searchsorted(times, (start_ms, end_ms))
    return times[low:high], values[low:high]


def without_doubles(
    first: tuple[Int64s, Floats], second: tuple[Int64s, Floats]
) -> tuple[Int64s, Floats]:
    """Both, ascending; at equal times the first one's value counts."""
    if not len(second[0]):
        return first
    if not len(first[0]):
        return second
    times = np.concatenate((first[0], second[0]))
    values = np.concatenate((first[1], second[1]))
    if first[0][-1] < second[0][0]:
        return times, values
    times, index = np.unique(times, return_index=True)  # of equal ones the index of the first
    return times, values[index]


def yielding(coarse: tuple[Int64s, Floats], fine: tuple[Int64s, Floats]) -> tuple[Int64s, Floats]:
    """Both, ascending; a coarse value gives way where its minute has a fine one."""
    if not len(fine[0]) or not len(coarse[0]):
        return coarse if len(coarse[0]) else fine
    if coarse[0][-1] // MINUTE_MS < fine[0][0] // MINUTE_MS:
        return np.concatenate((coarse[0], fine[0])), np.concatenate((coarse[1], fine[1]))
    covered = np.isin(coarse[0] // MINUTE_MS, np.unique(fine[0] // MINUTE_MS))
    times = np.concatenate((coarse[0][~covered], fine[0]))
    values = np.concatenate((coarse[1][~covered], fine[1]))
    order = np.argsort(times, kind="stable")
    return times[order], values[order]
