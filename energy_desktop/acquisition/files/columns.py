"""Columns of text to numbers and times: in bulk where all is well, one by one where it is not.

A year of half hours is one bulk call per column. Only a column that bulk parsing refuses is
walked value by value, so that the reasons name the right ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_TIME = int(np.iinfo(np.int64).min)
_DAY_MS = 86_400_000
_ISO_LENGTH = len("2013-01-01 00:00:00")
_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_SWAPPED = str.maketrans(",.", ".,")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})")
_END_OF_DAY = re.compile(r"(.*[ T])24:00(:00(?:\.0+)?)?$")
_DOTTED = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})(?:[ T](\d\d?):(\d\d)(?::(\d\d)(\.\d+)?)?)?$")


def numbers(texts: Sequence[str], *, decimal: str = ".") -> Floats:
    """Values, shape (n,); NaN where the text is no finite number.

    Groups of thousands are read where they cannot be anything else: `1.234,25` and `1.234.567`
    with a decimal comma, `1,234.25` and `1,234,567` with a decimal point. A lone `1.234` where
    the comma is decimal stays unread.
    """
    if decimal == ",":
        texts = [text.translate(_SWAPPED) for text in texts]
    try:
        values = np.array(list(map(float, texts)), dtype=np.float64)
    except ValueError:
        values = np.array([_number(text) for text in texts], dtype=np.float64)
    if any("_" in text for text in texts):  # float() takes 1_000, a meter never writes it
        values[["_" in text for text in texts]] = np.nan
    values[~np.isfinite(values)] = np.nan
    return values


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "") if _GROUPED.fullmatch(text.strip()) else text)
    except ValueError:
        return math.nan


def naive_ms(texts: Sequence[str], time_format: str | None = None) -> tuple[Int64s, Bools]:
    """Clock readings as epoch ms without a zone, and which of them carried their own offset.

    With an offset the value is UTC already. NO_TIME where the text is no time. Reads ISO 8601
    and `31.12.2026 23:45`; anything else only by a strptime format. 24:00 ends its day.
    """
    stripped = [text.strip() for text in texts]
    if time_format is None:
        bulk = _iso_bulk(stripped)
        if bulk is not None:
            return bulk, np.zeros(len(stripped), dtype=np.bool_)
    times = np.full(len(stripped), NO_TIME, dtype=np.int64)
    own_offset = np.zeros(len(stripped), dtype=np.bool_)
    for k, text in enumerate(stripped):
        moment = _moment(text, time_format)
        if moment is not None:
            own_offset[k] = moment.tzinfo is not None
            aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            times[k] = _ms(aware)
    return times, own_offset


def _iso_bulk(texts: list[str]) -> Int64s | None:
    """`2013-01-01 00:00:00`, with or without a fraction of zeros; None when any is otherwise."""
    if any(len(text) < _ISO_LENGTH for text in texts):
        return None
    tails = {text[_ISO_LENGTH:] for text in texts}
    if any(tail.strip("0") not in ("", ".") or (tail and tail[0] != ".") for tail in tails):
        return None
    try:
        stamps = np.array([text[:_ISO_LENGTH] for text in texts], dtype="datetime64[s]")
    except ValueError:
        return None
    if np.isnat(stamps).any():
        return None
    return stamps.astype("datetime64[ms]").astype(np.int64)


def _moment(text: str, time_format: str | None) -> datetime | None:
    end_of_day = _END_OF_DAY.match(text)
    if end_of_day:  # 31.12. 24:00 is the midnight after that day
        head, seconds = end_of_day.groups()
        before = _moment(f"{head}00:00{seconds or ''}", time_format)
        try:
            return None if before is None else before + timedelta(days=1)
        except OverflowError:  # 9999-12-31 24:00
            return None
    try:
        if time_format is not None:
            return datetime.strptime(text, time_format)  # noqa: DTZ007 (its zone comes later)
        dotted = _DOTTED.match(text)
        if dotted:
            day, month, year, hour, minute, second, _ = dotted.groups()
            return datetime(  # noqa: DTZ001 (its zone comes later)
                int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
            )
        if not text[:4].isdigit() or text[4:5] != "-":
            return None  # fromisoformat also takes 20130101 and 2013W01: never meant here
        # The London files write seven digits of a second; Python reads them up to the sixth.
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None


def _ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def to_utc_ms(times: Int64s, zone: tzinfo, *, summer_time: bool = True) -> tuple[Int64s, Bools]:
    """UTC epoch ms of clock readings in a zone, and which of them no clock of the zone shows.

    times: naive epoch ms in file order, none of them NO_TIME. In the hour that the clock shows
    twice, the earlier occurrence of a reading is summer time and the later one is winter time; a
    file whose last time is before its first runs backwards. summer_time False: the clock stands
    on standard time all year, so nothing is skipped or shown twice.
    """
    if not len(times):
        return times, np.zeros(0, dtype=np.bool_)
    if times[0] > times[-1]:
        backwards, absent = to_utc_ms(times[::-1], zone, summer_time=summer_time)
        return backwards[::-1], absent[::-1]
    day = times // _DAY_MS
    offset = np.empty(len(times), dtype=np.int64)
    later = np.empty(len(times), dtype=np.int64)
    # Runs of one day each: a file in the order of time is walked day by day, not row by row.
    first = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    for begin, end in zip(first.tolist(), [*first[1:].tolist(), len(times)], strict=True):
        constant = _offset_of_day(zone, int(day[begin]), summer_time)
        if constant is not None:
            offset[begin:end] = later[begin:end] = constant
            continue
        for k in range(begin, end):
            reading = _naive(int(times[k]))
            offset[k] = _offset_ms(reading.replace(tzinfo=zone, fold=0))
            later[k] = _offset_ms(reading.replace(tzinfo=zone, fold=1))
    absent = offset < later
    seen: set[int] = set()
    for k in np.flatnonzero(offset > later).tolist():
        reading_ms = int(times[k])
        if reading_ms in seen:
            offset[k] = later[k]
        seen.add(reading_ms)
    return times - offset, absent


@lru_cache(maxsize=100_000)
def _offset_of_day(zone: tzinfo, day: int, summer_time: bool) -> int | None:
    """The offset (ms) all through a clock's day; None: it changes in it."""
    if not summer_time:
        year = _naive(day * _DAY_MS).year
        return min(_offset_ms(datetime(year, month, 1, 12, tzinfo=zone)) for month in (1, 7))
    offsets = {
        _offset_ms(_naive((day + more) * _DAY_MS).replace(tzinfo=zone, fold=fold))
        for more in (0, 1)
        for fold in (0, 1)
    }
    return offsets.pop() if len(offsets) == 1 else None


def _naive(clock_ms: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(milliseconds=clock_ms)  # noqa: DTZ001


def _offset_ms(moment: datetime) -> int:
    offset = moment.utcoffset()
    if offset is None:  # a tzinfo of ours always has one
        raise ValueError(f"{moment} has no offset")
    return offset // timedelta(milliseconds=1)
