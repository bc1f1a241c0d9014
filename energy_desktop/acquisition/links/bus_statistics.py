"""What the traffic of a link adds up to: errors by unit and kind, times of answers, how busy it is.

Counted in slices of five minutes, so that "in the last hour" costs neither a list of every answer
nor a pass over one; times of answers fall into classes 6 % wide, which is finer than the eye. What
kept the line busy is summed by the second. A thousand meters a second pay for each line here.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from energy_desktop.domain.bus import BusError, BusStatistics, ErrorCount, UnitStatistics

SLICE_S = 300.0
SLICES = 12
BUSY_SPAN_S = 60
_BUSY_SECONDS = 64  # a power of two above the span
_CLASS_WIDTH = math.log(1.06)


@dataclass(slots=True)
class _Slice:
    """One unit in five minutes."""

    number: int
    requests: int = 0
    failures: int = 0
    errors: dict[tuple[BusError, int | None], int] = field(default_factory=dict)
    classes: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Unit:
    slices: deque[_Slice] = field(default_factory=lambda: deque(maxlen=SLICES))
    errors: dict[tuple[BusError, int | None], int] = field(default_factory=dict)

    def slice(self, number: int) -> _Slice:
        if not self.slices or self.slices[-1].number != number:
            self.slices.append(_Slice(number))
        return self.slices[-1]


class BusCounters:
    """Counts of one link. Counted by the link's thread, read from any."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._units: dict[int, _Unit] = {}
        self._running: dict[int, _Slice] = {}  # the slice of now of each unit
        self._running_until_s = 0.0
        self._busy = [0.0] * _BUSY_SECONDS  # seconds of line time, by the second they ended in
        self._busy_second = 0
        self._began_s: float | None = None
        self._lock = Lock()

    def answered(self, unit_id: int, round_trip_s: float, busy_s: float = 0.0) -> None:
        """A request of this unit brought its answer. busy_s: as `busy`, in the same breath."""
        now_s = self._clock_s()
        with self._lock:
            part = self._running.get(unit_id) if now_s < self._running_until_s else None
            if part is None:
                part = self._part(unit_id, now_s)
            part.requests += 1
            place = int(math.log(max(round_trip_s * 1000, 0.01)) / _CLASS_WIDTH)
            part.classes[place] = part.classes.get(place, 0) + 1
            if busy_s:
                self._add_busy(now_s, busy_s)

    def failed(self, unit_id: int, error: BusError, code: int | None = None) -> None:
        """A request of this unit brought none. code: of an exception answer."""
        now_s = self._clock_s()
        with self._lock:
            part = self._part(unit_id, now_s)
            part.requests += 1
            part.failures += 1
            self._count(unit_id, part, error, code)

    def noticed(self, unit_id: int, error: BusError) -> None:
        """An error that is nobody's request: noise between frames, an answer to someone else."""
        now_s = self._clock_s()
        with self._lock:
            self._count(unit_id, self._part(unit_id, now_s), error, None)

    def busy(self, seconds: float) -> None:
        """The line was taken for so long up to now, by a request or by the rest after it."""
        now_s = self._clock_s()
        with self._lock:
            self._add_busy(now_s, seconds)

    def statistics(self, link_id: str, needed_pct: float | None, shared: str = "") -> BusStatistics:
        """As of now."""
        now_s = self._clock_s()
        first = int(now_s // SLICE_S) - SLICES + 1
        with self._lock:
            busy_pct = self._busy_pct(now_s)
            units: list[UnitStatistics] = []
            errors: list[ErrorCount] = []
            for unit_id, unit in sorted(self._units.items()):
                recent = [part for part in unit.slices if part.number >= first]
                units.append(
                    UnitStatistics(
                        unit_id,
                        sum(part.requests for part in recent),
                        sum(part.failures for part in recent),
                        _percentile_ms(recent, 0.95),
                    )
                )
                errors += [
                    ErrorCount(
                        unit_id,
                        error,
                        times,
                        sum(part.errors.get((error, code), 0) for part in recent),
                        code,
                    )
                    for (error, code), times in unit.errors.items()
                ]
        return BusStatistics(link_id, busy_pct, needed_pct, tuple(units), tuple(errors), shared)

    def _part(self, unit_id: int, now_s: float) -> _Slice:
        number = int(now_s // SLICE_S)
        if now_s >= self._running_until_s:
            self._running.clear()
            self._running_until_s = (number + 1) * SLICE_S
        unit = self._units.get(unit_id)
        if unit is None:
            unit = self._units[unit_id] = _Unit()
        part = self._running[unit_id] = unit.slice(number)
        return part

    def _count(self, unit_id: int, part: _Slice, error: BusError, code: int | None) -> None:
        key = (error, code)
        part.errors[key] = part.errors.get(key, 0) + 1
        total = self._units[unit_id].errors
        total[key] = total.get(key, 0) + 1

    def _add_busy(self, now_s: float, seconds: float) -> None:
        second = int(now_s)
        if second != self._busy_second:
            self._turn_to(second)
        if self._began_s is None:
            self._began_s = now_s - seconds
        self._busy[second % _BUSY_SECONDS] += seconds

    def _turn_to(self, second: int) -> None:
        """Empties the places of the seconds that came since the last one."""
        for passed in range(max(self._busy_second + 1, second - _BUSY_SECONDS + 1), second + 1):
            self._busy[passed % _BUSY_SECONDS] = 0.0
        self._busy_second = second

    def _busy_pct(self, now_s: float) -> float | None:
        if self._began_s is None:
            return None
        second = int(now_s)
        self._turn_to(second)
        seconds = range(second - BUSY_SPAN_S + 1, second + 1)
        busy_s = sum(self._busy[passed % _BUSY_SECONDS] for passed in seconds)
        span_s = min(BUSY_SPAN_S - 1 + now_s - second, now_s - self._began_s)
        return min(100.0, 100.0 * busy_s / max(span_s, 1e-3))


def _percentile_ms(parts: list[_Slice], share: float) -> float | None:
    """The upper edge of the class in which the share is reached; None without an answer."""
    classes: dict[int, int] = {}
    for part in parts:
        for place, times in part.classes.items():
            classes[place] = classes.get(place, 0) + times
    wanted = share * sum(classes.values())
    passed = 0
    for place in sorted(classes):
        passed += classes[place]
        if passed >= wanted:
            return math.exp((place + 1) * _CLASS_WIDTH)
    return None
