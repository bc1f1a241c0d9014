"""Measures what a day of this site takes on the disk, tier by tier.

The newest whole day of each tier is added up from the rows themselves, because how well values
compress depends on what they are of. A row's head costs as much as a few minutes of values, so it
counts too.
"""

from __future__ import annotations

from energy_desktop.domain.energy import DAY_MS, HOUR_MS
from energy_desktop.domain.keeping import DailyRoom
from energy_desktop.storage.database import Session
from energy_desktop.storage.series.chunks import TIER_MS, Tier

_CHUNK_HEAD_BYTES = 150  # fifteen columns, the key twice: in the table and in its index
_ROLLUP_BYTES = 75.0
_ROLLUPS_A_DAY = 96 + 24 + 1
_ENOUGH_HOURS = 6  # of sealed readings, before a day is reckoned from them


def daily_room(session: Session) -> DailyRoom | None:
    """None: too little is sealed to tell."""
    raw = _of_tier(session, Tier.RAW)
    if raw is None:
        return None
    minute = _of_tier(session, Tier.MINUTE)
    row = session.row(
        "SELECT COUNT(*) FROM (SELECT DISTINCT meter_key, quantity_key FROM chunks"
        " WHERE tier = ? AND start_ms = (SELECT MAX(start_ms) FROM chunks WHERE tier = ?)) AS s",
        (int(Tier.RAW), int(Tier.RAW)),
    )
    series = int(row[0]) if row else 0
    # No day was thinned out yet: it will be a chunk for each quantity instead of 24, or less.
    minute_bytes = raw / 24 if minute is None else minute
    return DailyRoom(raw, minute_bytes, series * _ROLLUPS_A_DAY * _ROLLUP_BYTES, measured=True)


def _of_tier(session: Session, tier: Tier) -> float | None:
    """Bytes of a day, from the newest one that is stored."""
    newest = session.row("SELECT MAX(start_ms) FROM chunks WHERE tier = ?", (int(tier),))
    if newest is None or newest[0] is None:
        return None
    end_ms = int(newest[0]) + TIER_MS[tier]
    row = session.row(
        "SELECT SUM(LENGTH(payload)), COUNT(*), COUNT(DISTINCT start_ms) FROM chunks"
        " WHERE tier = ? AND start_ms >= ? AND start_ms < ?",
        (int(tier), end_ms - DAY_MS, end_ms),
    )
    if row is None or row[0] is None:
        return None
    total = int(row[0]) + _CHUNK_HEAD_BYTES * int(row[1])
    if tier is Tier.MINUTE:
        return float(total)
    if int(row[2]) < _ENOUGH_HOURS:
        return None
    return total * (DAY_MS / HOUR_MS) / int(row[2])
