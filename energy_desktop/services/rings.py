"""The last readings in memory, for live curves.

A ring of doubled buffers: each row is written twice, half a buffer apart, so that the newest n
rows are always one contiguous slice. One writer (the field thread), any number of readers: they
take the head once and stay a few rows away from the row that is being overwritten.

A poll may read only some quantities of a meter. It makes a row of the meter's whole layout, in
which a mask tells what was read: a curve of a slow counter has no holes between its readings, and
its last value stays known.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from energy_desktop.domain.snapshot import Layout, Snapshot

_SLACK_ROWS = 16
_MEMORY_BYTES = 64_000_000


class _Ring:
    __slots__ = ("capacity", "head", "layout", "read", "rows", "times", "written")

    def __init__(self, layout: Layout, capacity: int) -> None:
        self.layout = layout
        self.capacity = capacity
        self.times = np.zeros(2 * capacity)
        self.rows = np.full((2 * capacity, len(layout.quantities)), np.nan)
        self.read: NDArray[np.bool_] | None = None  # None: every row holds every column
        self.head = 0  # where the next row goes, in [0, capacity)
        self.written = 0

    def append(self, time_s: float, values: tuple[float, ...]) -> None:
        at, twin = self.head, self.head + self.capacity
        self.times[at] = self.times[twin] = time_s
        self.rows[at] = self.rows[twin] = values
        if self.read is not None:
            self.read[at] = self.read[twin] = True
        self._advance(at)

    def append_part(self, time_s: float, part: Layout, values: tuple[float, ...]) -> None:
        """A row of a poll that read only the quantities of `part`."""
        if self.read is None:
            self.read = np.ones(self.rows.shape, np.bool_)
        columns = [self.layout.index[name] for name in part.quantities]
        for at in (self.head, self.head + self.capacity):
            self.times[at] = time_s
            self.rows[at, columns] = values
            self.read[at] = False
            self.read[at, columns] = True
        self._advance(self.head)

    def _advance(self, at: int) -> None:
        self.written += 1
        self.head = (at + 1) % self.capacity

    def newest(self, column: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        head, written = self.head, self.written
        count = min(written, self.capacity - _SLACK_ROWS)
        stop = head + self.capacity
        times = self.times[stop - count : stop].copy()
        values = self.rows[stop - count : stop, column].copy()
        if self.read is None:
            return times, values
        held = self.read[stop - count : stop, column].copy()
        return times[held], values[held]


class LiveRings:
    """Implements domain.ports.Rings. `put` belongs to one thread; the rest to any."""

    def __init__(self, meters_expected: int = 100, seconds: int = 3600) -> None:
        per_row = 2 * 8 * 24  # doubled, float64, about 24 columns
        affordable = _MEMORY_BYTES // (max(1, meters_expected) * per_row)
        self._capacity = int(min(seconds, max(300, affordable))) + _SLACK_ROWS
        self._rings: dict[str, _Ring] = {}
        self._last: dict[str, Snapshot] = {}
        self._version = 0

    def put(self, snapshot: Snapshot) -> None:
        layout = snapshot.layout.whole or snapshot.layout
        ring = self._rings.get(snapshot.meter_id)
        if ring is None or ring.layout != layout:
            ring = _Ring(layout, self._capacity)
            self._rings[snapshot.meter_id] = ring
        if snapshot.layout.whole is None:
            ring.append(snapshot.read_at_ms / 1000, snapshot.values)
        else:
            ring.append_part(snapshot.read_at_ms / 1000, snapshot.layout, snapshot.values)
        self._last[snapshot.meter_id] = snapshot.completed(self._last.get(snapshot.meter_id))
        self._version += 1

    def window(
        self, meter_id: str, quantity: str, seconds: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        ring = self._rings.get(meter_id)
        column = None if ring is None else ring.layout.index.get(quantity)
        if ring is None or column is None:
            return np.empty(0), np.empty(0)
        times, values = ring.newest(column)
        if times.size == 0:
            return times, values
        start = int(np.searchsorted(times, times[-1] - seconds))
        return times[start:], values[start:]

    def last(self, meter_id: str) -> Snapshot | None:
        """The newest reading; what its poll did not read stands as it was read last."""
        return self._last.get(meter_id)

    def version(self) -> int:
        return self._version

    def fill(self, snapshots: list[Snapshot]) -> None:
        """Rows from the store before polling starts, so that curves do not begin empty."""
        for snapshot in snapshots:
            self.put(snapshot)


class Intake:
    """Hands one reading to everyone who needs it, in the field thread; none of them may wait.

    store takes every reading, the others those of the present only (Snapshot.late).
    """

    def __init__(
        self, store: Callable[[Snapshot], None], *live: Callable[[Snapshot], None]
    ) -> None:
        self._store = store
        self._live = live

    def put(self, snapshot: Snapshot) -> None:
        self._store(snapshot)
        if snapshot.late:
            return
        for sink in self._live:
            sink(snapshot)
