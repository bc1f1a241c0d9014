"""When a meter is due: slots that do not drift, and waits that grow.

A poll belongs to a slot of the monotonic clock, not to the end of the poll before it; a slot whose
time is over is skipped and counted, never queued, because a queue behind a slow bus only grows.
"""

from dataclasses import dataclass, field
from math import floor
from random import Random

GOLDEN = 0.6180339887498949  # its multiples modulo 1 spread any number of meters evenly


@dataclass(slots=True)
class Slots:
    """Slot k is due at origin_s + k * period_s, in seconds of the monotonic clock."""

    origin_s: float
    period_s: float
    next_slot: int = 0
    skipped: int = 0

    @property
    def due_s(self) -> float:
        return self.origin_s + self.next_slot * self.period_s

    def take(self, now_s: float) -> int:
        """Serves the slot that is running now; earlier ones that were not are skipped.

        Returns how many were. A call before the due time takes the next slot early.
        """
        running = max(self.next_slot, floor((now_s - self.origin_s) / self.period_s + 1e-9))
        missed = running - self.next_slot
        self.skipped += missed
        self.next_slot = running + 1
        return missed

    def resume(self, now_s: float) -> None:
        """Lets slots pass uncounted: nobody wanted them while a meter was being waited for."""
        self.next_slot = max(self.next_slot, floor((now_s - self.origin_s) / self.period_s) + 1)


def phase(link_number: int, meter_number: int) -> float:
    """Where in a period the meter is asked, in [0, 1): links and meters of a link lie apart."""
    return (link_number + meter_number) * GOLDEN % 1.0


@dataclass(slots=True)
class Backoff:
    """Waits from `floor_s` doubling to `ceiling_s`, each shortened by up to a quarter at random.

    The random part keeps meters that were lost together from being asked together; it is seeded
    by the meter's id, so that a run can be repeated.
    """

    seed: str
    floor_s: float = 1.0
    ceiling_s: float = 60.0
    tries: int = 0
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def next_wait_s(self) -> float:
        wait = min(self.ceiling_s, self.floor_s * 2.0 ** min(self.tries, 30))
        self.tries += 1
        return self._jittered(wait)

    def ceiling_wait_s(self) -> float:
        """The longest wait: for what asking again will not mend."""
        return self._jittered(self.ceiling_s)

    def between(self, low_s: float, high_s: float) -> float:
        return self._random.uniform(low_s, high_s)

    def reset(self) -> None:
        self.tries = 0

    def _jittered(self, wait_s: float) -> float:
        return wait_s * (1.0 - 0.25 * self._random.random())
