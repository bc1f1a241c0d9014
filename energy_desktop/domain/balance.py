"""Energy held against energy: a main meter against those behind it, use against the weather.

Signs stay those of the site: what comes into a node (from the grid, from the sun, out of a
battery) and what leaves it (fed in, charged, used by a meter of its own) are parts of their own, so
that a roof full of panels is not taken for a consumer. What comes in and does not leave by a
counted way is the rest.

Arrays are numpy; this module does not import it: the types are for the checker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING

from energy_desktop.domain.site import Meter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

    Bools = NDArray[np.bool_]


class Cause(Enum):
    """What a rest is likely made of, by the mark that it leaves."""

    CLOSED = "closed"
    UNIT_SLIP = "unit slip"
    RESOLUTION = "resolution"
    TIME_SKEW = "time skew"
    OVERCOUNTED = "counted twice or turned round"
    LOSS = "loss"
    MISSING_METER = "missing meter"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of the main energy. rest_wh (n,): NaN where any part is unknown.

    main_wh, sub_wh: sums over the steps known to all. share: rest of main_wh; NaN where nothing
    was used. steps: how many were known. sentence: what it is likely made of, with the figures
    that say so. suspect: index of the part that the cause points at; None: none.
    """

    rest_wh: Floats
    main_wh: float
    sub_wh: float
    share: float
    steps: int
    cause: Cause
    sentence: str
    suspect: int | None = None

    @property
    def total_wh(self) -> float:
        return self.main_wh - self.sub_wh


class Way(Enum):
    """How a part takes energy to or from its node."""

    TAKEN = "taken in"  # by the main meter itself
    YIELDED = "yielded"
    DISCHARGED = "discharged"
    FED_BACK = "fed back"  # by a meter behind the node, into it
    FED_OUT = "fed out"  # by the main meter itself
    CHARGED = "charged"
    USED = "used"

    @property
    def comes_in(self) -> bool:
        return self in (Way.TAKEN, Way.YIELDED, Way.DISCHARGED, Way.FED_BACK)


@dataclass(frozen=True, slots=True, eq=False)
class BalancePart:
    """One direction of one meter of a node. energy_wh (n,): per step, never below nothing in a
    healthy ledger, NaN unknown. estimated (n,): something stood in for a measurement.

    shared_wh: of the steps that are known of all parts of the node, so that parts and rest add up;
    None: there is no such step.
    """

    meter: Meter
    way: Way
    energy_wh: Floats
    estimated: Bools
    total_wh: float | None  # None: not known in all of the period
    known_wh: float  # of the steps that are known
    known_steps: int
    estimated_wh: float
    shared_wh: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NodeBalance:
    """A main meter, what is behind it, and the rest. start_ms (n,): of each step of step_s.

    absent: meters behind it of which nothing at all is known in the period; with any, the rest
    cannot be told. candidate: a meter that stands behind none and has the course of the rest.
    """

    meter: Meter
    parts: tuple[BalancePart, ...]
    absent: tuple[Meter, ...]
    start_ms: Int64s
    step_s: int
    rest: Rest
    candidate: Meter | None = None

    @property
    def steps(self) -> int:
        return int(self.start_ms.size)

    @property
    def period_ms(self) -> tuple[int, int]:
        if not self.steps:
            return 0, 0
        return int(self.start_ms[0]), int(self.start_ms[-1]) + 1000 * self.step_s

    @property
    def common_h(self) -> tuple[float, float] | None:
        """The hours that all meters know, of which alone the energy is, and those of the period;
        None: they know all of it, or nothing in common."""
        if not 0 < self.rest.steps < self.steps:
            return None
        return self.rest.steps * self.step_s / 3600, self.steps * self.step_s / 3600

    @property
    def suspect(self) -> Meter | None:
        """The meter that the cause points at."""
        index = self.rest.suspect
        return None if index is None else self.parts[index].meter

    @property
    def closed(self) -> bool:
        return self.rest.cause in (Cause.CLOSED, Cause.RESOLUTION)

    @property
    def incoming(self) -> tuple[BalancePart, ...]:
        return tuple(p for p in self.parts if p.way.comes_in)

    @property
    def outgoing(self) -> tuple[BalancePart, ...]:
        return tuple(p for p in self.parts if not p.way.comes_in)


@dataclass(frozen=True, slots=True, eq=False)
class BalanceSlices:
    """A node by local days or months; k of them, p parts in the order of the node.

    edges_ms (k + 1,); steps, known_steps (k,): of each, and how many are known to all parts;
    parts_wh (p, k), used_wh, rest_wh (k,): over the known steps alone, so that they add up; NaN
    where no step is known.
    """

    edges_ms: Int64s
    steps: Int64s
    known_steps: Int64s
    parts_wh: Floats
    used_wh: Floats
    rest_wh: Floats


@dataclass(frozen=True, slots=True)
class BalanceBranch:
    """A node of the tree of meters: who stands behind whom, whatever is known of them."""

    meter: Meter
    depth: int
    has_behind: bool


@dataclass(frozen=True, slots=True)
class WeatherSlope:
    """Energy per kelvin day, with the 95 % interval of its estimate."""

    wh_per_kd: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EnergySignature:
    """How the energy of a day depends on its degree days: base + heating x Kd + cooling x Kd.

    heating, cooling None: no dependence can be told from chance. day_off_wh: what Saturdays and
    Sundays differ by; None: they do not. base_wh: of a day without degree days.
    cv_rmse_pct, mean_cv_rmse_pct: of this model and of the mean day, which knows no weather; both
    relative to the mean day (ASHRAE Guideline 14).
    """

    days: int
    base_wh: float
    heating: WeatherSlope | None
    cooling: WeatherSlope | None
    day_off_wh: float | None
    r2: float
    cv_rmse_pct: float
    mean_cv_rmse_pct: float

    def expected_wh(self, heating_kd: float, cooling_kd: float, *, day_off: bool = False) -> float:
        return (
            self.base_wh
            + (self.heating.wh_per_kd * heating_kd if self.heating is not None else 0.0)
            + (self.cooling.wh_per_kd * cooling_kd if self.cooling is not None else 0.0)
            + (self.day_off_wh or 0.0) * day_off
        )


@dataclass(frozen=True, slots=True)
class WeatherDay:
    """A local day of a meter beside its weather. None: not known. estimated: any part of it."""

    day: date
    start_ms: int
    energy_wh: float | None
    mean_c: float | None
    heating_kd: float | None
    cooling_kd: float | None
    day_off: bool
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class WeatherLook:
    """Energy beside temperature, by local days; the last one ends at end_ms.

    signature None: refusal says in one sentence why none is told.
    """

    meter: Meter
    source: Meter
    heating_base_c: float
    cooling_base_c: float
    days: tuple[WeatherDay, ...]
    end_ms: int
    signature: EnergySignature | None
    refusal: str
