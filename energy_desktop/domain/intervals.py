"""How long a meter's intervals may be.

Intervals begin at whole steps of UTC, so that a change of summer time moves none of them. A local
day must not cut one in two, or its energy could be told for no day: the step has to fit into every
offset that the zone has.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from energy_desktop.domain.site import INTERVALS_MIN, Meter

_LOOKED_AT = tuple(
    datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=15 * i) for i in range(24 * 12)
)
"""Offsets of twelve years: what a zone did before does not matter to a meter of today."""


def fits_zone(interval_min: int, zone: ZoneInfo) -> bool:
    """Whether midnight in the zone is always a boundary of such intervals."""
    offsets = {moment.astimezone(zone).utcoffset() or timedelta() for moment in _LOOKED_AT}
    return all(not offset % timedelta(minutes=interval_min) for offset in offsets)


def interval_problem(meter: Meter, zone: ZoneInfo) -> str:
    """Why the meter cannot be booked in intervals of its length; empty: it can."""
    length = meter.interval_min
    if length not in INTERVALS_MIN:
        lengths = ", ".join(map(str, INTERVALS_MIN[:-1]))
        return f"intervals are {lengths} or {INTERVALS_MIN[-1]} min long, not {length} min."
    if not fits_zone(length, zone):
        fitting = [str(m) for m in INTERVALS_MIN if fits_zone(m, zone)]
        return (
            f"intervals of {length} min do not begin at midnight in {zone.key}; "
            f"{' or '.join(fitting)} min do."
        )
    if length != 15 and meter.poll_interval_s > 60 * length:
        return (
            f"intervals of {length} min need a reading in each, but it is read only every "
            f"{meter.poll_interval_s / 60:g} min."
        )
    return ""
