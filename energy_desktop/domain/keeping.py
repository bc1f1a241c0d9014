"""How much room readings take on the disk, for a choice of how long they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Measured on sealed chunks of meters that answer with 20 values (bench/store_bench.py).
_BYTES_A_READING = 15.5
_BYTES_A_MINUTE = 30.0
_LASTING_BYTES_A_DAY = 20 * 121 * 75.0  # 96 quarter hours, 24 hours and a day of each value
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class DailyRoom:
    """Bytes that one day of the site takes: as readings, as minutes, and what stays for ever.

    measured: from what is stored; else reckoned from the meters and how often they are polled.
    """

    raw_bytes: float
    minute_bytes: float
    lasting_bytes: float
    measured: bool

    def needed(self, raw_days: int, minute_days: int) -> float:
        """Bytes once both times are full; what stays for ever is not in it."""
        return self.raw_bytes * raw_days + self.minute_bytes * max(minute_days - raw_days, 0)


def reckoned(poll_intervals_s: Iterable[float]) -> DailyRoom:
    """Before a day is stored: a meter each, of 20 values."""
    meters = [interval for interval in poll_intervals_s if interval > 0]
    readings = sum(_DAY_S / interval for interval in meters)
    minutes = sum(min(_DAY_S / interval, 1440.0) for interval in meters)
    return DailyRoom(
        readings * _BYTES_A_READING,
        minutes * _BYTES_A_MINUTE,
        len(meters) * _LASTING_BYTES_A_DAY,
        measured=False,
    )
