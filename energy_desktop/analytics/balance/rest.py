"""The unexplained rest between a main meter and those behind it, and what it is likely made of.

rest = main - sum of the sub-meters, per step. Each cause leaves a mark of its own:

- a sub-meter in other units (Wh for kWh) makes the sums differ by a factor of a thousand;
- counters of coarse resolution make a rest that jumps by that step and sums to nothing;
- clocks that disagree make a rest that follows the change of the load and sums to nothing;
- a meter counted twice, or turned round, makes a rest below nothing;
- losses of cables and transformers make a small rest that grows with the load;
- what has no meter makes a rest that has a profile of its own.

They are tried in that order, and what fits none is said to be open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_STEPS = 24
SMALL_SHARE = 0.005  # of the main meter: below it the balance closes
LOSS_SHARE = 0.06  # what cables and transformers of a building take at most
SLIP = 1000.0


class Cause(Enum):
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
    """rest_wh (n,): NaN where any part is unknown. share: of the main energy, over known steps.

    steps: how many were known. sentence: what it is likely made of, with the figures that say so.
    suspect: index of the sub-meter that the cause points at; None: none.
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


def explain(
    main_wh: Floats, subs_wh: Floats, *, resolution_wh: float = 1.0, names: tuple[str, ...] = ()
) -> Rest:
    """main_wh (n,), subs_wh (k, n): energy per step, NaN where unknown.

    resolution_wh: the coarsest step of the counters concerned.
    """
    rest = main_wh - subs_wh.sum(axis=0)
    known = ~np.isnan(rest)
    steps = int(known.sum())
    main, subs = main_wh[known], subs_wh[:, known]
    main_sum, sub_sum = float(main.sum()), float(subs.sum())
    share = (main_sum - sub_sum) / main_sum if main_sum > 0 else float("nan")

    def made(cause: Cause, sentence: str, suspect: int | None = None) -> Rest:
        return Rest(rest, main_sum, sub_sum, share, steps, cause, sentence, suspect)

    if steps < LEAST_STEPS or main_sum <= 0:
        return made(
            Cause.OPEN, f"Only {steps} steps are known of all meters: too few to say anything."
        )
    slip = _unit_slip(main_sum, subs)
    if slip is not None:
        index, factor = slip
        times = "a thousandth" if factor > 1 else "a thousand times"
        return made(
            Cause.UNIT_SLIP,
            f"{_name(names, index)} counts {times} of what would fit: a unit slip (Wh for kWh).",
            index,
        )
    spread = float(np.abs(rest[known]).mean())
    if abs(share) <= SMALL_SHARE:
        skew = _skew(main, rest[known])
        if spread > 2 * resolution_wh and skew > 0.5:
            return made(
                Cause.TIME_SKEW,
                f"The sums agree, but the rest follows the change of the load (r = {skew:.2f}): "
                "the clocks or intervals of the meters are not aligned.",
            )
        if 0 < spread <= 2 * resolution_wh * np.sqrt(len(subs) + 1):
            return made(
                Cause.RESOLUTION,
                f"The sums agree; the rest of {spread:.0f} Wh a step is the resolution of the "
                f"counters ({resolution_wh:g} Wh).",
            )
        return made(Cause.CLOSED, f"The sums agree within {abs(share) * 100:.1f} %.")
    if share < 0:
        index = int(np.argmax([_likeness(-rest[known], sub) for sub in subs]))
        return made(
            Cause.OVERCOUNTED,
            f"The sub-meters count {-share * 100:.1f} % more than the main meter: one is counted "
            f"twice, turned round or has a wrong transformer ratio. {_name(names, index)} is most "
            "like the excess.",
            index,
        )
    like_load, like_square = _likeness(rest[known], main), _likeness(rest[known], main**2)
    if share <= LOSS_SHARE and max(like_load, like_square) > 0.6:
        return made(
            Cause.LOSS,
            f"The rest is {share * 100:.1f} % of the main meter and grows with the load "
            f"(r = {max(like_load, like_square):.2f}): losses of cables and transformers, or the "
            "accuracy classes of the meters.",
        )
    base = float(np.quantile(rest[known], 0.05))
    steady = f", {base:.0f} Wh a step of it at all times" if base > 0 else ""
    return made(
        Cause.MISSING_METER,
        f"{share * 100:.1f} % of the main meter is behind no sub-meter{steady}: a circuit has no "
        "meter, or its meter is not below this one.",
    )


def _unit_slip(main_sum: float, subs: Floats) -> tuple[int, float] | None:
    """The one sub-meter that, times or by a thousand, would close the balance."""
    sums = subs.sum(axis=1)
    rest = main_sum - float(sums.sum())
    for index, energy in enumerate(sums.tolist()):
        for factor in (SLIP, 1 / SLIP):
            closed = abs(rest + energy - energy * factor) <= 0.1 * main_sum
            # What counts a thousandfold counts more than the main meter; a meter that is merely
            # counted twice does not.
            matters = (
                abs(rest) > 0.1 * main_sum and (energy > 2 * main_sum or factor > 1) and energy
            )
            if closed and matters:
                return index, factor
    return None


def _skew(main: Floats, rest: Floats) -> float:
    """How much the rest looks like the change of the load from step to step."""
    change = np.diff(main)
    return max(abs(_correlation(rest[1:], change)), abs(_correlation(rest[:-1], change)))


def _likeness(one: Floats, other: Floats) -> float:
    return max(_correlation(one, other), 0.0)


def _correlation(one: Floats, other: Floats) -> float:
    if one.std() < 1e-9 or other.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _name(names: tuple[str, ...], index: int) -> str:
    return names[index] if index < len(names) else f"Sub-meter {index + 1}"
