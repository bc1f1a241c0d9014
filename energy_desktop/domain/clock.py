"""Time as a value that is handed in: nothing below app/ asks the machine for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Gives the present as an aware UTC datetime."""


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


def from_ms(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def iso_utc(epoch_ms: int) -> str:
    """`2026-03-01T12:00:00Z`, with milliseconds only where there are some."""
    moment = from_ms(epoch_ms)
    timespec = "milliseconds" if epoch_ms % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def parse_utc(text: str) -> int:
    """Epoch milliseconds of an ISO 8601 text; without an offset it is taken as UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return to_ms(moment)


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
    """`2026-03` as (2026, 3). Raises ValueError for anything else."""
    year, dash, month = text.partition("-")
    if not dash or len(year) != 4 or not 1 <= int(month) <= 12:
        raise ValueError(f"{text!r} is no month; write it as 2026-03")
    return int(year), int(month)
