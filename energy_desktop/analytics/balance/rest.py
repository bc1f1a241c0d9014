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

from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.balance import Cause, Rest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_STEPS = 24
SMALL_SHARE = 0.005  # of the main meter: below it the balance closes
LOSS_SHARE = 0.06  # what cables and transformers of a building take at most
SLIP = 1000.0


def explain(
    main_wh: Floats,
    subs_wh: Floats,
    *,
    resolution_wh: float = 1.0,
    names: tuple[str, ...] = (),
    sources_wh: Floats | None = None,
    step: str = "step",
) -> Rest:
    """main_wh (n,), subs_wh (k, n): energy per step, NaN where unknown.

    main_wh is what was used behind the node: taken in and yielded, less what was fed out.
    resolution_wh: the coarsest step of the counters concerned. sources_wh (s, n): yields that
    main_wh contains; one of them may be turned round, too. names, suspect: of the subs, then of
    the sources. step: what a step is called.
    """
    rest = main_wh - subs_wh.sum(axis=0)
    known = ~np.isnan(rest)
    steps = int(known.sum())
    main, subs = main_wh[known], subs_wh[:, known]
    main_sum, sub_sum = float(main.sum()), float(subs.sum())
    share = (main_sum - sub_sum) / main_sum if main_sum > 0 else float("nan")

    def made(cause: Cause, sentence: str, suspect: int | None = None) -> Rest:
        return Rest(rest, main_sum, sub_sum, share, steps, cause, sentence, suspect)

    if steps < LEAST_STEPS:
        return made(
            Cause.OPEN, f"Only {steps} {step}s are known of all meters: too few to say anything."
        )
    if main_sum <= 0 and sub_sum <= 0:
        return made(Cause.OPEN, f"Nothing was used in the {step}s that are known of all meters.")
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
    if main_sum > 0 and abs(share) <= SMALL_SHARE:
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
                f"The sums agree; the rest of {_energy(spread)} a {step} is the resolution of the "
                f"counters ({_energy(resolution_wh)}).",
            )
        return made(Cause.CLOSED, f"The sums agree within {abs(share) * 100:.1f} %.")
    if not len(subs):
        return made(Cause.MISSING_METER, "No consumer behind this meter has a meter of its own.")
    if main_sum < sub_sum:
        sources = np.empty((0, steps)) if sources_wh is None else sources_wh[:, known]
        more = (
            f"{-share * 100:.1f} % more" if main_sum > 0 else f"{_energy(sub_sum - main_sum)} more"
        )
        judged = f"The sub-meters count {more} than came in: one is counted twice, turned round or "
        index, like = _likest(-rest[known], np.vstack([subs, np.abs(sources)]))
        return made(
            Cause.OVERCOUNTED,
            f"{judged}has a wrong transformer ratio. {_name(names, index)} is most like the "
            f"excess (r = {like:.2f})."
            if like > 0
            else f"{judged}has a wrong transformer ratio.",
            index if like > 0 else None,
        )
    like_load, like_square = _likeness(rest[known], main), _likeness(rest[known], main**2)
    if share <= LOSS_SHARE and max(like_load, like_square) > 0.6:
        return made(
            Cause.LOSS,
            f"The rest is {share * 100:.1f} % of what was used and grows with the load "
            f"(r = {max(like_load, like_square):.2f}): losses of cables and transformers, or the "
            "accuracy classes of the meters.",
        )
    base = float(np.quantile(rest[known], 0.05))
    steady = f", {_energy(base)} a {step} of it at all times" if base > 0 else ""
    return made(
        Cause.MISSING_METER,
        f"{share * 100:.1f} % of what was used is behind no sub-meter{steady}: a circuit has no "
        "meter, or its meter is not below this one.",
    )


def like_rest(rest_wh: Floats, energy_wh: Floats) -> float:
    """How much a meter that stands elsewhere looks like the rest: their correlation, 0 where it
    has too few steps in common, or more energy than the rest, or less than half of it."""
    known = ~np.isnan(rest_wh + energy_wh)
    if int(known.sum()) < LEAST_STEPS:
        return 0.0
    rest, energy = rest_wh[known], energy_wh[known]
    if not 0.5 * rest.sum() <= energy.sum() <= 1.1 * rest.sum():
        return 0.0
    return _likeness(rest, energy)


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


def _likest(excess: Floats, parts: Floats) -> tuple[int, float]:
    """The part that has the shape of the excess, and how alike they are."""
    alike = [_likeness(excess, part) for part in parts]
    index = int(np.argmax(alike)) if alike else 0
    return index, alike[index] if alike else 0.0


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


def _energy(energy_wh: float) -> str:
    return f"{energy_wh:.0f} Wh" if abs(energy_wh) < 1_000 else f"{energy_wh / 1_000:.1f} kWh"


def _name(names: tuple[str, ...], index: int) -> str:
    return names[index] if index < len(names) else f"Sub-meter {index + 1}"
