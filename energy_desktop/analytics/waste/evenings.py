"""Cuts the time outside contract hours into evenings.

The evening of a local day begins with the end of its contract hours and ends with the start of the
next day's. A day without contract hours begins and ends its evening at noon, so that a weekend is
two evenings of its own instead of a sixty-hour Friday. The evenings tile all such time, and none
of it is counted twice; a lunch break between two spans of one day is no evening.

Where the next day has contract hours, its morning begins at 04:00: light that is switched on from
then on was switched on by whoever opens, not left on by whoever cleaned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.billing.hours import (
    MINUTE_MS,
    MINUTES_OF_DAY,
    Holidays,
    contract_state,
    day_of,
    governing,
    wall_minutes,
)
from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.contract import ContractVersion

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NOON = 720
_MORNING = 240


@dataclass(frozen=True, slots=True)
class Evening:
    """[start_ms, end_ms) outside contract hours; cleaning: the day had contract hours at all.

    morning_ms: from here on light is switched on for the next opening; end_ms where none follows.
    """

    day: date
    start_ms: int
    end_ms: int
    morning_ms: int
    cleaning: bool


@dataclass(frozen=True, slots=True)
class ZoneTime:
    """The minutes of a period for one space: from start_ms on, in_contract (n,)."""

    start_ms: int
    in_contract: NDArray[np.bool_]
    evenings: tuple[Evening, ...]


def zone_time(
    *,
    space_id: str,
    contracts: Sequence[ContractVersion],
    start_ms: int,
    end_ms: int,
    zone: ZoneInfo,
    holidays: Holidays,
) -> ZoneTime:
    """Evenings of the local days that begin in [start_ms, end_ms); minutes until the last ends."""
    first, last = (
        day_of(m)
        for m in wall_minutes(np.array([start_ms, end_ms - 1], dtype=np.int64), zone).tolist()
    )
    days = _days_and_next(first, last, zone)
    midnights = [local_midnight_ms(d, zone) for d in [*days, days[-1] + timedelta(days=1)]]
    clients = {v.client_id for v in contracts}
    by_day = {
        day: next(
            (v for c in sorted(clients) for v in governing(day, c, space_id, contracts)), None
        )
        for day in days
    }
    minutes = np.arange(midnights[0], midnights[-1], MINUTE_MS, dtype=np.int64)
    state = contract_state(minutes, 60, by_day=by_day, zone=zone, holidays=holidays)
    noon = state.wall_minute % MINUTES_OF_DAY == _NOON
    morning = state.wall_minute % MINUTES_OF_DAY >= _MORNING
    edges = ((np.array(midnights) - midnights[0]) // MINUTE_MS).tolist()

    evenings = []
    for i, day in enumerate(days[:-1]):
        today, tomorrow = slice(edges[i], edges[i + 1]), slice(edges[i + 1], edges[i + 2])
        used = np.flatnonzero(state.inside[today])
        begin = edges[i] + int(used[-1] + 1 if len(used) else np.flatnonzero(noon[today])[0])
        used_next = np.flatnonzero(state.inside[tomorrow])
        end = edges[i + 1] + int(
            used_next[0] if len(used_next) else np.flatnonzero(noon[tomorrow])[0]
        )
        begin_ms = midnights[0] + begin * MINUTE_MS
        if begin < end and start_ms <= begin_ms < end_ms:
            wakes = end
            if len(used_next):
                wakes = min(end, edges[i + 1] + int(np.flatnonzero(morning[tomorrow])[0]))
            evenings.append(
                Evening(
                    day,
                    begin_ms,
                    midnights[0] + end * MINUTE_MS,
                    midnights[0] + wakes * MINUTE_MS,
                    cleaning=bool(len(used)),
                )
            )
    return ZoneTime(midnights[0], state.inside, tuple(evenings))


def _days_and_next(first: date, last: date, zone: ZoneInfo) -> list[date]:
    """The days from first to last and the one after. Dates that the zone's clocks left out, as
    Samoa's 30 December 2011, have no noon and no evening."""
    days = [
        day
        for day in (first + timedelta(days=i) for i in range((last - first).days + 3))
        if local_midnight_ms(day, zone) < local_midnight_ms(day + timedelta(days=1), zone)
    ]
    return days[: sum(day <= last for day in days) + 1]
