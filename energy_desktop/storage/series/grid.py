"""Where the intervals of a register begin and end.

How long an interval is may change in the life of a register. The grid says from when on which step
holds, so that what was booked before keeps the length that it had, and no interval is cut or booked
twice (docs/decisions/0016).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import QUARTER_HOUR_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the intervals of a register begin and end.

    parts: (from_ms, step_ms), ascending, the first from 0; UTC epoch ms. Each part begins on a
    boundary of the one before it, so no interval is cut.
    """

    parts: tuple[tuple[int, int], ...] = ((0, QUARTER_HOUR_MS),)

    @property
    def step_ms(self) -> int:
        """The step that holds now."""
        return self.parts[-1][1]

    @property
    def steps_s(self) -> tuple[int, ...]:
        """Every step that held at some time, in s."""
        return tuple(sorted({step // 1000 for _, step in self.parts}))

    def step_at(self, at_ms: int) -> int:
        """Length (ms) of the interval in which `at_ms` lies."""
        return next(step for begin, step in reversed(self.parts) if begin <= max(at_ms, 0))

    def floor(self, at_ms: int) -> int:
        """The last boundary not after `at_ms`."""
        step = self.step_at(at_ms)
        return at_ms // step * step

    def boundaries(self, first_ms: int, last_ms: int) -> Int64s:
        """Every boundary in [first_ms, last_ms], ascending; shape (n,)."""
        ends = [begin for begin, _ in self.parts[1:]] + [last_ms + 1]
        pieces = []
        for (begin, step), end in zip(self.parts, ends, strict=True):
            first = -(-max(first_ms, begin) // step) * step
            pieces.append(np.arange(first, min(end, last_ms + 1), step, dtype=np.int64))
        return np.concatenate(pieces)

    def followed_by(self, step_ms: int, through_ms: int) -> Grid:
        """With another step from the first boundary not before `through_ms` that suits both."""
        both = lcm(self.step_ms, step_ms)
        begin = -(-max(through_ms, self.parts[-1][0]) // both) * both
        kept = tuple(part for part in self.parts if part[0] < begin)
        return Grid((*kept, (begin, step_ms)))


QUARTER_HOURS = Grid()
