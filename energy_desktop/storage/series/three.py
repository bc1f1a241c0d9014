"""Raw, validated and estimated energy of a register, told from the versions of its intervals.

What was measured may become known later than what stood in for it, so neither the first version
nor the last one is the raw value: it is the last one that the meter or a file gave.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_desktop.domain.editing import ThreeSeries
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.storage.database import Session
from energy_desktop.storage.series import steps, versions
from energy_desktop.storage.series.names import Keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Int8s = NDArray[np.int8]
    Floats = NDArray[np.float64]

_BELIEVED = (IntervalQuality.RAW, IntervalQuality.VALIDATED)


@dataclass(frozen=True, slots=True)
class Three:
    """Every step of a period; shapes (n,), NaN where there is none. Filled by `take` and `add`."""

    step_s: int
    starts: Int64s
    raw: Floats
    validated: Floats
    estimated: Floats
    quality: Int8s

    @classmethod
    def empty(cls, step_s: int, start_ms: int, end_ms: int) -> Three:
        """The whole steps inside [start_ms, end_ms), nothing of them known."""
        step_ms = step_s * 1000
        first = -(-start_ms // step_ms)
        count = max(end_ms // step_ms - first, 0)
        starts = (first + np.arange(count, dtype=np.int64)) * step_ms
        raw, validated, estimated = (np.full(count, np.nan) for _ in range(3))
        quality = np.full(count, IntervalQuality.MISSING, np.int8)
        return cls(step_s, starts, raw, validated, estimated, quality)

    def take(self, now: Sequence[Any], former: Sequence[Any], files: Collection[int]) -> None:
        """Rows in force and rows that they replaced: start_ms, version, energy_wh, quality,
        method, edit_id. files: the edits that brought what the meter itself had kept."""
        # What was measured may become known later, by an exchange, by a reading that came late, or
        # by a file with what the meter itself had kept.
        booked: dict[int, Any] = {}
        for row in sorted([*former, *now], key=lambda r: r[1]):
            if row[5] is None or row[5] in files or row[0] not in booked:
                booked[row[0]] = row
        for row in now:
            i = (row[0] - int(self.starts[0])) // (self.step_s * 1000) if len(self.starts) else -1
            if not 0 <= i < len(self.starts):
                continue
            self.quality[i] = row[3]
            origin = booked[row[0]]
            first_hand = origin[5] is None or origin[5] in files
            if first_hand and origin[3] in _BELIEVED and origin[2] is not None:
                self.raw[i] = origin[2]
            if row[2] is not None:
                (self.validated if row[3] in _BELIEVED else self.estimated)[i] = row[2]

    def add(self, finer: Three) -> None:
        """Sums of a series whose step divides this one's and that begins and ends with it: a sum
        is as good as the worst in it, and stands in for a measurement if any part does."""
        shape = (len(self.starts), self.step_s // finer.step_s)
        quality = finer.quality.reshape(shape).max(axis=1) if shape[0] else finer.quality
        use = quality < self.quality
        measured = np.isfinite(finer.validated).reshape(shape).all(axis=1)
        energy = np.where(np.isnan(finer.validated), finer.estimated, finer.validated)
        total = energy.reshape(shape).sum(axis=1)
        self.raw[use] = finer.raw.reshape(shape).sum(axis=1)[use]
        self.validated[use] = np.where(measured, total, np.nan)[use]
        self.estimated[use] = np.where(measured, np.nan, total)[use]
        self.quality[use] = quality[use]


def told(
    session: Session, keys: Keys | None, meter_id: str, register: str, start_ms: int, end_ms: int
) -> ThreeSeries:
    """What the register gave, what of it is believed, and what stands in for the rest, over the
    whole steps of [start_ms, end_ms) that all lengths of interval in it fit into."""
    runs = steps.runs(session, keys, steps.kept(session, keys), start_ms, end_ms)
    step_s = steps.common(runs) or 900
    made = Three.empty(step_s, start_ms, end_ms)
    count = len(made.starts)
    first_ms = int(made.starts[0]) if count else 0
    files = versions.from_files(session, meter_id, register)
    for run in runs:
        assert keys is not None, "where there are runs there is a register"
        of = (*keys, run.step_s)
        own = Three.empty(run.step_s, first_ms, first_ms + count * step_s * 1000)
        own.take(
            versions.in_force(session, of, run.start_ms, run.end_ms),
            versions.former(session, of, run.start_ms, run.end_ms),
            files,
        )
        made.add(own)
    return ThreeSeries(
        meter_id,
        register,
        step_s,
        made.starts,
        made.raw,
        made.validated,
        made.estimated,
        made.quality,
        ("",) * count,
    )
