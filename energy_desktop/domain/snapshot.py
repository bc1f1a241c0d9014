"""One answer of one meter to one poll.

A snapshot is positional: its values stand in the order of its layout, which the driver profile
fixes. That costs a tuple per poll instead of a dictionary, and the store, rings and alarms look
positions up once per layout.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum


class Quality(IntEnum):
    """What a stored value is worth. The number is what the store keeps."""

    GOOD = 0
    PARTIAL = 1  # the answer came, some of its values were not available
    ESTIMATED = 2
    SUSPECT = 3  # outside the plausible range: kept in quarantine, in no total
    EDITED = 4
    SIMULATED = 5


@dataclass(frozen=True, slots=True)
class Layout:
    """The quantities that a driver profile yields, in the order of a snapshot's values.

    whole: of a poll that read only some of the meter's quantities, the layout of all of them.
    """

    layout_id: str
    quantities: tuple[str, ...]
    whole: Layout | None = field(default=None, repr=False, compare=False)
    index: dict[str, int] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {name: i for i, name in enumerate(self.quantities)})


@dataclass(frozen=True, slots=True)
class Rejected:
    """A value that was read but may not be believed: kept for review, never stored as good."""

    quantity: str
    value: float
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """values: one float per quantity of the layout, in its unit; NaN = not available.

    late: a reading of the past that was kept somewhere until now. It is stored at its time, and
    says nothing of what is so now: no live curve and no alarm takes it.
    """

    meter_id: str
    read_at_ms: int  # UTC epoch milliseconds, when the last byte of the answer was in
    layout: Layout
    values: tuple[float, ...]
    quality: Quality = Quality.GOOD
    rejected: tuple[Rejected, ...] = ()
    late: bool = False

    def completed(self, before: Snapshot | None) -> Snapshot:
        """In the layout of all the meter's quantities; itself unless it is of a partial poll.

        What this poll did not read stands as in `before`; NaN where that is not known.
        """
        whole = self.layout.whole
        if whole is None:
            return self
        values = list(
            before.values
            if before is not None and before.layout == whole
            else (float("nan"),) * len(whole.quantities)
        )
        for name, value in zip(self.layout.quantities, self.values, strict=True):
            values[whole.index[name]] = value
        return replace(self, layout=whole, values=tuple(values))

    def value(self, quantity: str) -> float:
        """The value of `quantity`; NaN when the layout lacks it."""
        position = self.layout.index.get(quantity)
        return float("nan") if position is None else self.values[position]


class LinkState(IntEnum):
    """What the poller knows of a meter right now."""

    WAITING = 0  # not asked yet
    GOOD = 1
    LATE = 2
    LOST = 3
    MISCONFIGURED = 4  # exceptions 1 to 3: asking again will not help, a person must
    STOPPED = 5


@dataclass(frozen=True, slots=True)
class MeterStatus:
    """Live state of one meter; replaced whole at each change, so any thread may read it.

    clock_ahead_s: by how much the meter's own clock is ahead of ours (below 0: behind), as it was
    seen last; None: it tells no time. Readings never carry the meter's time.
    """

    meter_id: str
    state: LinkState
    last_read_ms: int | None = None
    lost_since_ms: int | None = None
    next_try_ms: int | None = None
    last_error: str = ""
    remedy: str = ""
    polls: int = 0
    failures: int = 0
    skipped_slots: int = 0
    round_trip_ms: float | None = None
    clock_ahead_s: float | None = None
