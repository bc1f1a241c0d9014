"""Local days of a site as edges in UTC: 23, 24 or 25 hours apart.

Every service that counts days asks here, so that none of them assumes 24 hours. A date that the
clocks of a zone left out is no day.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import from_ms, local_midnight_ms

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Int64s


def day_edges(start_ms: int, end_ms: int, zone: ZoneInfo) -> Int64s:
    """Midnights (n + 1,) of the n local days that begin in [start_ms, end_ms): the last one ends
    at the last edge, which may lie after end_ms. Empty when no day begins there."""
    day = from_ms(start_ms).astimezone(zone).date()
    if local_midnight_ms(day, zone) < start_ms:
        day += timedelta(days=1)
    edges: list[int] = []
    while (midnight := local_midnight_ms(day, zone)) < end_ms:
        if not edges or midnight > edges[-1]:  # Samoa went from 29 to 31 December 2011
            edges.append(midnight)
        day += timedelta(days=1)
    if edges:
        edges.append(midnight)
    return np.array(edges, dtype=np.int64)


def days_touched(start_ms: int, end_ms: int, zone: ZoneInfo) -> Int64s:
    """Midnights (n + 1,) of the n local days that have a part in [start_ms, end_ms)."""
    first = local_midnight_ms(from_ms(start_ms).astimezone(zone).date(), zone)
    return day_edges(first, max(end_ms, start_ms + 1), zone)
