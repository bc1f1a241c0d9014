"""A meter's own clock, held against the one of this computer.

Readings carry our time and never the meter's: a clock that is an hour off would put energy into
other hours. But a meter that keeps load profiles, or counts by tariff, does it by its own clock, so
that a person should know when it is wrong.

Clocks without a time zone are taken to show the site's local time, which is what fitters set them
to; where the hour is ambiguous, the reading that makes them less wrong counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import to_ms

WRONG_S = 60.0
RIGHT_S = 45.0  # below WRONG_S, so that a clock at the limit is not told of again and again
ASK_EVERY_S = 600.0

REGISTERS_OF_CLOCK: Mapping[str, int] = {
    "unix32": 2,  # seconds since 1970 UTC
    "sunspec32": 2,  # seconds since 2000 UTC
    "datetime4": 4,  # IEC 60870-5-4 in four words, as Schneider's meters have it
    "fields6": 6,  # year, month, day, hour, minute, second
}
_SINCE = {
    "unix32": datetime(1970, 1, 1, tzinfo=UTC),
    "sunspec32": datetime(2000, 1, 1, tzinfo=UTC),
}
_UNSET = (0, 0xFFFF_FFFF, 0x8000_0000)


@dataclass(frozen=True, slots=True)
class ClockRegister:
    """Where a Modbus meter tells its time. value_format: of REGISTERS_OF_CLOCK."""

    address: int
    function: int = 3
    value_format: str = "unix32"
    word_order: str = "ABCD"

    @property
    def count(self) -> int:
        return REGISTERS_OF_CLOCK[self.value_format]


def shown_ms(raw: bytes, clock: ClockRegister, zone: ZoneInfo | None, now_ms: int) -> int | None:
    """What the registers say, as UTC epoch ms. None: not set, or no date at all, or a local time
    in a zone that is not known (None)."""
    words = [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]
    if len(words) != clock.count:
        return None
    since = _SINCE.get(clock.value_format)
    if since is not None:
        high, low = words if clock.word_order == "ABCD" else reversed(words)
        seconds = high << 16 | low
        return None if seconds in _UNSET else to_ms(since + timedelta(seconds=seconds))
    if clock.value_format == "datetime4":
        second, milli = divmod(words[3], 1000)
        year, month, day = 2000 + (words[0] & 0x7F), words[1] >> 8 & 0x0F, words[1] & 0x1F
        hour, minute = words[2] >> 8 & 0x1F, words[2] & 0x3F
    else:
        year, month, day, hour, minute, second = words
        year, milli = year + 2000 if year < 100 else year, 0
    try:
        wall = datetime(year, month, day, hour, minute, second, 1000 * milli)  # noqa: DTZ001
    except ValueError:
        return None
    return local_ms(wall, zone, now_ms)


def local_ms(wall: datetime, zone: ZoneInfo | None, now_ms: int) -> int | None:
    """UTC epoch ms of a clock on the wall; None: nobody knows where the wall stands."""
    if zone is None:
        return None
    both = (to_ms(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    return min(both, key=lambda ms: abs(ms - now_ms))
