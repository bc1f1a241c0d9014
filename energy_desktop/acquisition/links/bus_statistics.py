"""What the traffic of a link adds up to: errors by unit and kind, times of answers, how busy it is.

Counted in slices of five minutes, so that "in the last hour" costs neither a list of every answer
nor a pass over one; times of answers fall into classes 6 % wide, which is finer than the eye.
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
BUSY_SPAN_S = 60.0
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
        self._busy: deque[tuple[float, float]] = deque()  # when a request ended, seconds it took
        self._busy_s = 0.0
        self._began_s: float | None = None
        self._lock = Lock()

    def answered(self, unit_id: int, round_trip_s: float) -> None:
        """A request of this unit brought its answer."""
        with self._lock:
            part = self._part(unit_id)
            part.requests += 1
            place = int(math.log(max(round_trip_s * 1000, 0.01)) / _CLASS_WIDTH)
            part.classes[place] = part.classes.get(place, 0) + 1

    def failed(self, unit_id: int, error: BusError, code: int | None = None) -> None:
        """A request of this unit brought none. code: of an exception answer."""
        with self._lock:
            part = self._part(unit_id)
            part.requests += 1
            part.failures += 1
            self._count(unit_id, part, error, code)

    def noticed(self, unit_id: int, error: BusError) -> None:
        """An error that is nobody's request: noise between frames, an answer to someone else."""
        with self._lock:
            self._count(unit_id, self._part(unit_id), error, None)

    def busy(self, seconds: float) -> None:
        """The line was taken for so long up to now, by a request or by the rest after it."""
        now_s = self._clock_s()
        with self._lock:
            if self._began_s is None:
                self._began_s = now_s - seconds
            self._busy.append((now_s, seconds))
            self._busy_s += seconds
            self._forget(now_s)

    def statistics(self, link_id: str, needed_pct: float | None, shared: str = "") -> BusStatistics:
        """As of now."""
        now_s = self._clock_s()
        first = int(now_s // SLICE_S) - SLICES + 1
        with self._lock:
            self._forget(now_s)
            busy_pct = None
            if self._began_s is not None:
                span_s = min(BUSY_SPAN_S, max(now_s - self._began_s, 1e-3))
                busy_pct = min(100.0, 100.0 * self._busy_s / span_s)
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

    def _part(self, unit_id: int) -> _Slice:
        unit = self._units.get(unit_id)
        if unit is None:
            unit = self._units[unit_id] = _Unit()
        return unit.slice(int(self._clock_s() // SLICE_S))

    def _count(self, unit_id: int, part: _Slice, error: BusError, code: int | None) -> None:
        key = (error, code)
        part.errors[key] = part.errors.get(key, 0) + 1
        total = self._units[unit_id].errors
        total[key] = total.get(key, 0) + 1

    def _forget(self, now_s: float) -> None:
        while self._busy and self._busy[0][0] < now_s - BUSY_SPAN_S:
            self._busy_s -= self._busy.popleft()[1]


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
