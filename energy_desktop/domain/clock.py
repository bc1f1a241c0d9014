"""Time as a value that is handed in: nothing below app/ asks the machine for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Gives the present as an aware UTC datetime."""

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""What a person may ask for: beside the years 1 and 9999 a local day has no yesterday or tomorrow,
and some systems tell no time before 1970."""

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class ClockJump:
    """The computer's clock was set: at before_ms by its old time it went on from after_ms."""

    before_ms: int
    after_ms: int

    @property
    def by_s(self) -> float:
        """Above 0: set forward, or the computer slept."""
        return (self.after_ms - self.before_ms) / 1000


def system_clock() -> datetime:
    return datetime.now(UTC)


def to_ms(moment: datetime) -> int:
    """UTC epoch milliseconds of an aware datetime. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone, so it is no moment")
    return round(moment.timestamp() * 1000)


_FIRST_MS = to_ms(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC))
_AFTER_MS = to_ms(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC))


def from_ms(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def iso_utc(epoch_ms: int) -> str:
    """`2026-03-01T12:00:00Z`, with milliseconds only where there are some."""
    moment = from_ms(epoch_ms)
    timespec = "milliseconds" if epoch_ms % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def parse_utc(text: str) -> int:
    """Epoch milliseconds of an ISO 8601 text; without an offset it is taken as UTC.

    Raises ValueError for anything else, and outside FIRST_YEAR to LAST_YEAR.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    ms = to_ms(moment)
    if not _FIRST_MS <= ms < _AFTER_MS:
        raise ValueError(f"{text} is not between {FIRST_YEAR} and {LAST_YEAR}")
    return ms


def local_midnight_ms(day: date, zone: ZoneInfo) -> int:
    """Epoch milliseconds at which the local day begins."""
    return to_ms(datetime.combine(day, time(), zone))


def local_day_bounds_ms(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """Start and end of a local day: 23, 24 or 25 hours apart."""
    return local_midnight_ms(day, zone), local_midnight_ms(day + timedelta(days=1), zone)


def local_month_bounds_ms(year: int, month: int, zone: ZoneInfo) -> tuple[int, int]:
    first = date(year, month, 1)
    after = date(year + month // 12, month % 12 + 1, 1)
    return local_midnight_ms(first, zone), local_midnight_ms(after, zone)


def parse_month(text: str) -> tuple[int, int]:
    """`2026-03` as (2026, 3). Raises ValueError for anything else, `2026-3` too: the text itself
    is what an invoice is found by, so a month has one spelling."""
    match = _MONTH.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise ValueError(f"{text!r} is no month; write it as 2026-03")
    return int(match[1]), int(match[2])
