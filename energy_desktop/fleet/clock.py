"""Local days as small tables to join with, because engines disagree about time zones.

Minutes since 1970 are plain integers here. A row a day says what the local clock is ahead of UTC
before and after a change of clock; so DuckDB and Spark do the same arithmetic, and neither is
asked what it knows about summer time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

FIRST_YEAR, LAST_YEAR = 1995, 2060
DAY_MIN = 1440
_HALF_HOUR_MIN = 30
_EPOCH = date(1970, 1, 1)
NEVER = 2**31 - 1  # a minute that no reading has


def is_utc(zone: str) -> bool:
    return zone.upper() in ("UTC", "ETC/UTC", "GMT", "ETC/GMT")


@lru_cache(maxsize=8)
def edge_min(zone: str) -> int:
    """Every half hour of the local clock begins at a multiple of so many minutes of UTC."""
    if is_utc(zone):
        return _HALF_HOUR_MIN
    quarters = np.any(utc_days(zone)["after_min"].to_numpy() % _HALF_HOUR_MIN)
    return _HALF_HOUR_MIN // 2 if quarters else _HALF_HOUR_MIN


def stamps(t_min: Ints, zone: str) -> pa.Array:
    """Minutes of UTC, shape (n,), on the local clock: `2013-03-31 02:30+01:00`."""
    days = utc_days(zone)
    day = t_min // DAY_MIN - days["utc_day"][0].as_py()
    before, switch, after = (
        days[name].to_numpy()[day] for name in ("before_min", "switch_min", "after_min")
    )
    ahead = np.where(t_min < switch, before, after)
    local = pa.array(60 * (t_min + ahead)).cast(pa.timestamp("s"))
    different, place = np.unique(ahead, return_inverse=True)
    offsets = pa.array([_offset(int(minutes)) for minutes in different], pa.string())
    return pc.binary_join_element_wise(
        pc.strftime(local, "%Y-%m-%d %H:%M"), offsets.take(pa.array(place)), ""
    )


def _offset(minutes: int) -> str:
    """As an offset is written: `+01:00`."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def day_number(value: date) -> int:
    return (value - _EPOCH).days


def day_of(number: int) -> date:
    return _EPOCH + timedelta(days=number)


def start_of_day_ms(number: int, zone: str) -> int:
    """UTC epoch ms at which a local day begins."""
    moment = datetime.combine(day_of(number), datetime.min.time(), ZoneInfo(zone))
    return round(moment.timestamp()) * 1000


KNOWN_S = (
    86_400 * (day_number(date(FIRST_YEAR, 1, 2))),
    86_400 * (day_number(date(LAST_YEAR, 12, 31))) - 1,
)
"""First and last second of UTC whose local day is in the tables below, in every zone."""


@lru_cache(maxsize=8)
def utc_days(zone: str) -> pa.Table:
    """By UTC day: day, before_min, switch_min, after_min.

    Local minute = UTC minute + (before_min while it is below switch_min, else after_min).
    """
    return _table(_changes(zone), ("utc_day", "before_min", "switch_min", "after_min"))


@lru_cache(maxsize=8)
def local_days(zone: str) -> pa.Table:
    """By local day: local_day, before_min, from_min, until_min, after_min, twice.

    A local minute below from_min is UTC + before_min, one from until_min on UTC + after_min.
    In between lies the hour that does not exist (twice 0) or happens twice (twice 1).
    """
    rows: dict[int, tuple[int, ...]] = {}
    for utc_day, before, switch, after in _changes(zone):
        if before == after:
            rows.setdefault(utc_day, (utc_day, before, NEVER, NEVER, after, 0))
            continue
        low, high = sorted((switch + before, switch + after))
        day = low // DAY_MIN
        rows[day] = (day, before, low, high, after, int(after < before))
        if day != utc_day:  # the change lies in another local day
            offset = before if day > utc_day else after
            rows[utc_day] = (utc_day, offset, NEVER, NEVER, offset, 0)
    names = ("local_day", "before_min", "from_min", "until_min", "after_min", "twice")
    return _table(sorted(rows.values()), names)


@lru_cache(maxsize=8)
def calendar(zone: str) -> pa.Table:
    """By local day: local_day, minutes (1,380, 1,440 or 1,500), weekday (0 is Monday), month,
    and the season as two waves: sin_1, cos_1, sin_2, cos_2 of the year.

    The waves are made here and not by the engines, whose sines differ in the last bit.
    """
    place = ZoneInfo(zone)
    first, last = day_number(date(FIRST_YEAR, 1, 1)), day_number(date(LAST_YEAR, 12, 31))
    number = np.arange(first, last + 1, dtype=np.int64)
    if is_utc(zone):
        minutes = np.full(number.size, DAY_MIN, np.int64)
    else:
        edges = [
            round(datetime.combine(day_of(int(n)), datetime.min.time(), place).timestamp()) // 60
            for n in range(first, last + 2)
        ]
        minutes = np.asarray(np.diff(np.array(edges, np.int64)), np.int64)
    turn = 2.0 * np.pi * (number % 365.2425) / 365.2425
    months = number.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return pa.table(
        {
            "local_day": number,
            "minutes": minutes,
            "weekday": (number + 3) % 7,  # 1970-01-01 was a Thursday
            "month": months,
            "sin_1": np.sin(turn),
            "cos_1": np.cos(turn),
            "sin_2": np.sin(2 * turn),
            "cos_2": np.cos(2 * turn),
        }
    )


def _changes(zone: str) -> list[tuple[int, int, int, int]]:
    """(UTC day, offset at its start, UTC minute of the change, offset at its end) of each day."""
    place = ZoneInfo(zone)

    def offset(minute: int) -> int:
        delta = datetime.fromtimestamp(60 * minute, UTC).astimezone(place).utcoffset()
        return 0 if delta is None else round(delta.total_seconds()) // 60

    rows = []
    first, last = day_number(date(FIRST_YEAR, 1, 1)), day_number(date(LAST_YEAR, 12, 31))
    before = offset(first * DAY_MIN)
    for day in range(first, last + 1):
        after = offset((day + 1) * DAY_MIN)
        switch = NEVER
        if after != before:
            low, high = day * DAY_MIN, (day + 1) * DAY_MIN
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            switch = high
        rows.append((day, before, switch, after))
        before = after
    return rows


def _table(rows: Sequence[tuple[int, ...]], names: tuple[str, ...]) -> pa.Table:
    columns = np.array(rows, np.int64).T
    return pa.table({name: columns[k] for k, name in enumerate(names)})
