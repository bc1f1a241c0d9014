"""Meters whose counting was put right: what changes, and what becomes of the past."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from energy_desktop.domain.errors import WrongUse


class Past(Enum):
    """What becomes of the energy that was booked before the counting was put right."""

    KEEP = "keep"  # the new way of counting holds from now on
    RECALCULATE = "recalculate"


@dataclass(frozen=True, slots=True)
class Recount:
    """Intervals that get another energy or quality, and by how much the booked energy grows."""

    intervals: int = 0
    energy_wh: int = 0


@dataclass(frozen=True, slots=True)
class CountingChange:
    """A meter that was read already is to be counted in another way.

    factor: new readings over old ones for the same energy; 1: as before. modulus_before_wh,
    modulus_wh: what its register counts to, in new readings; None: not known. sentence: what
    changes. keep, recalculate: what either answer does, in words. is_booked: whether there is any
    past to decide about.
    """

    meter_id: str
    name: str
    factor: float
    modulus_before_wh: int | None
    modulus_wh: int | None
    sentence: str
    keep: str
    recalculate: str
    is_booked: bool = True


def begins_at(last_wh: int, factor: float) -> int:
    """Where a register goes on, in Wh, that counts with another factor from last_wh on: not above
    its first new reading, or it would seem to fall. What was rounded to a whole Wh may have been
    half a Wh less."""
    return max(math.floor((last_wh - 0.5) * factor), 0)


def starts_at(start_wh: int, factor: float, first_wh: int | None) -> int:
    """The start of a register, in Wh, in the readings of another factor. first_wh: the first of
    those; None: there is none yet.

    What a person read was rounded before it is multiplied here, so it may come out above the first
    reading although nothing fell: then the register began with that reading.
    """
    start = round(start_wh * factor)
    if first_wh is not None and begins_at(start_wh, factor) <= first_wh < start:
        return first_wh
    return start


class PastUndecided(WrongUse):
    """Nothing was changed: somebody has to say what becomes of the past."""

    def __init__(
        self, *, where: str, what: str, remedy: str, changes: tuple[CountingChange, ...] = ()
    ) -> None:
        super().__init__(where=where, what=what, remedy=remedy)
        self.changes = changes
