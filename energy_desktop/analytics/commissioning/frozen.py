"""Values that stand still while what they hang together with moves.

The same bits in every poll prove nothing by themselves: a power factor of 1, a frequency in steps
of 0.1 Hz and an idle machine stand still honestly. So a value is only called frozen when physics
ties it to another one that moved by many of its own steps: a current to the power of its phase, a
voltage to the other voltages, a total to its parts.
"""

import math
from collections.abc import Iterator, Sequence

from energy_desktop.analytics.commissioning.observation import Observation, label, named
from energy_desktop.domain.commissioning import FaultKind, Judgement, Verdict
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.wording import number

MIN_POLLS = 8
_MOVED = 0.05  # relative range of the neighbour that would have moved the value
_STEPS = 20  # and at least so many of the value's own steps
_ACTIVE = 0.5  # cos phi above which the active power tells the current
_WHOLE_POLLS = 10
_WHOLE_S = 9.0
_FINE = 2e-4  # a step this small, relative to the value, always shows the noise of the mains


def frozen(seen: Observation) -> tuple[tuple[Judgement, ...], frozenset[str]]:
    """What stands still, in words, and the names of those quantities."""
    whole = _whole(seen)
    if whole is not None:
        return (whole,), frozenset()
    found = list(_single(seen))
    judgements = tuple(_judgement(seen, name, why) for name, why in found)
    return judgements, frozenset(name for name, _ in found)


def _whole(seen: Observation) -> Judgement | None:
    """A gateway that repeats an old answer, or a meter that no longer measures."""
    polls = seen.polls
    if len(polls) < _WHOLE_POLLS or polls[-1].at_s - polls[0].at_s < _WHOLE_S:
        return None
    gauges = [n for n in seen.names if n in QUANTITIES and not QUANTITIES[n].is_counter]
    values = [seen.series(name) for name in gauges]
    if not all(_still(v) for v in values):
        return None
    moving = [v[0] for v in values if v and v[0] != 0.0 and abs(v[0]) != 1.0]
    if len(moving) < 5:
        return None
    span = f"{len(polls)} polls over {number(polls[-1].at_s - polls[0].at_s, 0)} s"
    if sum(_step([v]) / abs(v) < _FINE for v in moving) < 3:
        return Judgement(
            FaultKind.FROZEN,
            Verdict.UNSURE,
            f"Nothing changed in {span}",
            "the values are too coarse to say that they stand still",
            "Look again for longer, or change the load.",
        )
    return Judgement(
        FaultKind.FROZEN,
        Verdict.FAULT,
        f"Nothing changed in {span}",
        "voltages never stand still to the last digit: this is one old answer, repeated",
        "Restart the gateway or the meter; see whether its display moves.",
    )


def _single(seen: Observation) -> Iterator[tuple[str, str]]:
    for phase in seen.phases:
        voltage, current = named("voltage", phase, "v"), named("current", phase, "a")
        power, factor = named("power", phase, "w"), named("power_factor", phase, "")
        if _stands_beside(seen, current, _apparent(seen, phase)):
            yield current, f"the power of {label(phase)} moved meanwhile"
        elif _stands_beside(
            seen,
            power,
            seen.together(voltage, current, factor) or seen.together(voltage, current),
        ):
            yield power, f"the current of {label(phase)} moved meanwhile"
        elif _factor_stands(seen, factor, seen.together(voltage, current, power)):
            yield factor, f"power by voltage and current of {label(phase)} moved meanwhile"
    voltages = [named("voltage", phase, "v") for phase in seen.phases]
    for name in voltages:
        others = [seen.series(other) for other in voltages if other != name]
        if others and _voltage_stands(seen.series(name), others):
            yield name, "the other voltages moved meanwhile"
    if len(seen.phases) == 3:
        parts = seen.together(*(named("power", phase, "w") for phase in seen.phases))
        if _stands_beside(seen, "power_w", [(sum(row),) for row in parts]):
            yield "power_w", "its phases moved meanwhile"


def _apparent(seen: Observation, phase: str) -> list[tuple[float, ...]]:
    """What the current of a phase is proportional to. The active power alone is not: at a low
    power factor it follows the angle, while the current stands still honestly."""
    power = named("power", phase, "w")
    rows = seen.together(power, named("reactive_power", phase, "var"))
    if rows:
        return [(math.hypot(p, q),) for p, q in rows]
    names = [named(stem, phase, unit) for stem, unit in (("voltage", "v"), ("current", "a"))]
    shown = seen.together(power, *names)
    if not shown or any(abs(p) < _ACTIVE * abs(u * i) for p, u, i in shown):
        return []
    with_factor = seen.together(power, named("power_factor", phase, ""))
    return [(p / f,) for p, f in with_factor if f != 0.0] or [(p,) for p, *_ in shown]


def _stands_beside(seen: Observation, name: str, beside: Sequence[tuple[float, ...]]) -> bool:
    """beside: what the value is proportional to, as factors, poll by poll."""
    values = seen.series(name)
    if not _stood(values) or len(beside) < MIN_POLLS:
        return False
    tied = [abs(math.prod(row)) for row in beside]
    centre = sorted(tied)[len(tied) // 2]
    if centre == 0.0 or len(set(tied)) < len(tied) / 3:
        return False
    moved = (max(tied) - min(tied)) / centre
    return moved >= max(_MOVED, _STEPS * _step(values) / abs(values[0]))


def _factor_stands(seen: Observation, name: str, beside: Sequence[tuple[float, ...]]) -> bool:
    values = seen.series(name)
    if not _stood(values) or abs(values[0]) >= 0.995 or len(beside) < MIN_POLLS:
        return False
    shown = [abs(p / (u * i)) for u, i, p in beside if u * i != 0.0]
    if len(shown) < MIN_POLLS or len(set(shown)) < len(shown) / 3:
        return False
    return max(shown) - min(shown) >= max(_MOVED, _STEPS * _step(values))


def _voltage_stands(values: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
    if not _stood(values) or any(len(o) < MIN_POLLS for o in others):
        return False
    step = _step([value for series in (values, *others) for value in series])
    return all(
        max(o) - min(o) >= _STEPS * step and len(set(o)) >= max(4, len(o) / 2) for o in others
    )


def _stood(values: Sequence[float]) -> bool:
    return len(values) >= MIN_POLLS and _still(values) and values[0] != 0.0


def _still(values: Sequence[float]) -> bool:
    return all(value == values[0] for value in values)


def _step(values: Sequence[float]) -> float:
    """The coarsest decimal step that all values are multiples of, at least 1e-4."""
    for step in (10.0, 1.0, 0.1, 0.01, 0.001):
        if all(abs(v - round(v / step) * step) <= 2e-7 * abs(v) + 1e-9 for v in values):
            return step
    return 1e-4


def _judgement(seen: Observation, name: str, why: str) -> Judgement:
    row = QUANTITIES[name]
    value = f"{number(seen.series(name)[0], 2)} {row.unit}".rstrip()
    phases = tuple(p.upper() for p in seen.phases if p and f"_{p}" in name)
    return Judgement(
        FaultKind.FROZEN,
        Verdict.FAULT,
        f"{row.label} stands at {value}",
        f"the same in {len(seen.series(name))} polls; {why}",
        "Check the register in the driver file, then restart the meter or the gateway.",
        phases,
    )
