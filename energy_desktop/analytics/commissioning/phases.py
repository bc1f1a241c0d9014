"""Which way and beside which voltage each current flows, in words.

The angles are taken from active and reactive power, or where a meter tells no reactive power from
P against U I without its sign; wiring.py finds what explains them. Measurable is a phase that
carries 0.2 A (times the transformer ratio) and keeps its direction; below that, or where two kinds
of fault explain the same angles about as well, the answer is open and says what would settle it.

A phase is only accused when it contradicts something: on a load a phase that delivers, elsewhere
phases that run against each other at angles no load or generator has.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from energy_desktop.analytics.commissioning.observation import (
    THREE_PHASES,
    Observation,
    label,
    listed,
    named,
    watts,
)
from energy_desktop.analytics.commissioning.wiring import Explanation, PhaseAngle, Wiring, explain
from energy_desktop.domain.commissioning import FaultKind, Judgement, Verdict
from energy_desktop.domain.site import Role
from energy_desktop.domain.wording import number

_STEADY = 0.9  # share of polls in which a phase keeps its direction
_REACTIVE = 0.12  # |cos phi| under which the sign of P is the error of the transformer
_SIGNED = 0.03  # reactive power below zero by this part of S: the meter tells the sign
_SIGN_LIKELY = 0.95  # reactive power is there and nowhere negative: most meters tell its sign


@dataclass(frozen=True, slots=True)
class _Phase:
    """name: "l1", or "" of the only one. active, reactive: means in W and var."""

    name: str
    active: float
    angle_deg: float
    apparent: float
    sign_known: float
    steady: bool

    @property
    def factor(self) -> float:
        return math.cos(math.radians(self.angle_deg))


def directions(seen: Observation) -> Iterator[Judgement]:
    """Reversed transformers and wrong phases, or that all is as it should be."""
    measured = _measured(seen)
    if not measured:
        yield from _nothing_to_see(seen)
        return
    if restless := [p for p in measured if not p.steady and abs(p.factor) >= _REACTIVE]:
        yield Judgement(
            FaultKind.REVERSED_CT,
            Verdict.UNSURE,
            f"The power of {listed([p.name for p in restless])} changes its direction",
            "now it draws, now it delivers: this is no wiring fault by itself",
            "Look again while the machine runs steadily.",
            tuple(p.name.upper() for p in restless if p.name),
        )
        return
    yield from _judged(seen, measured)


def _measured(seen: Observation) -> list[_Phase]:
    found = []
    for name in seen.phases:
        power, current = named("power", name, "w"), named("current", name, "a")
        if not seen.is_loaded(name):
            continue
        rows = [
            (p, abs(u * i))
            for p, u, i in seen.together(power, named("voltage", name, "v"), current)
            if u * i != 0.0
        ] or [
            (p, math.hypot(p, q))
            for p, q in seen.together(power, named("reactive_power", name, "var"))
        ]
        if not rows:
            continue
        active, apparent = fmean(p for p, _ in rows), fmean(s for _, s in rows)
        if apparent == 0.0:
            continue
        same = sum(math.copysign(1.0, p) == math.copysign(1.0, active) for p, _ in rows)
        reactive = seen.middle(named("reactive_power", name, "var"))
        if reactive is None:
            cosine = max(-1.0, min(1.0, active / apparent))
            angle = math.degrees(math.acos(cosine))
        else:
            angle = math.degrees(math.atan2(reactive, active))
        found.append(
            _Phase(
                name,
                active,
                angle,
                apparent,
                0.5 if reactive is None else _SIGN_LIKELY,
                same >= _STEADY * len(rows),
            )
        )
    signed = any(math.sin(math.radians(p.angle_deg)) < -_SIGNED for p in found)
    return [replace(p, sign_known=1.0) if signed else p for p in found]


def _judged(seen: Observation, measured: Sequence[_Phase]) -> Iterator[Judgement]:
    role = seen.circumstances.role
    generator = role is Role.SOLAR
    strict = role in (Role.LOAD, Role.SOLAR)
    if all(abs(p.factor) < _REACTIVE for p in measured):
        yield Judgement(
            FaultKind.REVERSED_CT,
            Verdict.UNSURE,
            "Hardly any active power flows",
            "the current is almost purely reactive; its direction cannot be judged",
            "Look again under load.",
        )
        return
    ways = (1,) if role is Role.LOAD else (1, -1)
    found = explain(
        [_angle(p) for p in measured],
        phases=len(seen.phases),
        directions=ways,
        may_mix=not strict,
        generator=generator,
    )
    names = [p.name for p in measured]
    agrees = _agrees(measured, ways)
    if found is None:
        yield _open(measured, "no way of connecting the transformers explains these angles")
    elif agrees and (found.best.kind == "right" or not found.is_clear):
        yield _good(seen, measured)
    elif agrees:
        yield _odd_but_possible(measured, found)
    elif found.best.kind == "right" or not found.is_clear:
        yield _open(measured, _both_ways(found, names, strict=strict))
    else:
        yield from _accused(seen, measured, found)


def _angle(phase: _Phase) -> PhaseAngle:
    index = THREE_PHASES.index(phase.name) if phase.name else 0
    return PhaseAngle(index, phase.angle_deg, phase.sign_known)


def _agrees(measured: Sequence[_Phase], ways: Sequence[int]) -> bool:
    """All phases flow one way, and the circuit may flow that way. A phase at a right angle (a
    motor at idle, a filter) does not count against it."""
    sides = {math.copysign(1.0, p.factor) for p in measured if abs(p.factor) >= _REACTIVE}
    return len(sides) == 1 and sides.pop() in ways


def _good(seen: Observation, measured: Sequence[_Phase]) -> Judgement:
    delivers = sum(p.active for p in measured) < 0
    way = "delivers" if delivers else "draws"
    names = [p.name for p in measured]
    together = {1: way, 2: f"both {way[:-1]}"}.get(len(names), f"all {way[:-1]}")
    title = f"{listed(names)} {together}"
    idle = [p for p in seen.phases if not seen.is_loaded(p)]
    rest = f"; {listed(idle)} not loaded" if idle and idle != [""] else ""
    remedy = ""
    if delivers and seen.circumstances.role is Role.SOLAR:
        remedy = "Switch on Invert for this meter: what is produced is counted as positive here."
    return Judgement(
        FaultKind.REVERSED_CT,
        Verdict.GOOD,
        title[0].upper() + title[1:],
        f"no transformer reversed or on another phase: {_shown(measured)}{rest}",
        remedy,
    )


def _odd_but_possible(measured: Sequence[_Phase], found: Explanation) -> Judgement:
    return Judgement(
        FaultKind.WRONG_PHASE if found.best.moved else FaultKind.REVERSED_CT,
        Verdict.UNSURE,
        f"Unusual angles: {_shown(measured)}",
        f"possible for this load; otherwise {_words(found.best, [p.name for p in measured])}",
        "Switch on something resistive, as a heater, on each phase and look again.",
    )


def _open(measured: Sequence[_Phase], why: str) -> Judgement:
    against = tuple(p.name.upper() for p in measured if p.factor < 0 and p.name)
    return Judgement(
        FaultKind.REVERSED_CT,
        Verdict.UNSURE,
        f"Directions cannot be told: {_shown(measured)}",
        why,
        "Load all phases with something resistive, as heaters, and look again; "
        "and say what the meter measures.",
        against,
    )


def _both_ways(found: Explanation, names: Sequence[str], *, strict: bool) -> str:
    """What explains it about as well as what else."""
    options = [found.best, *([found.second] if found.second is not None else [])]
    words = [_words(w, names) for w in options if w.kind != "right"]
    if not strict:
        words.append("generation on some phases only")
    return " or ".join(dict.fromkeys(words))


def _accused(
    seen: Observation, measured: Sequence[_Phase], found: Explanation
) -> Iterator[Judgement]:
    best, by_index = found.best, {_angle(p).phase: p for p in measured}
    if best.reversed:
        turned = [by_index[i] for i in sorted(best.reversed)]
        yield _reversed(seen, turned, whole=len(turned) == len(measured))
    if best.moved:
        moved = [by_index[i] for i in sorted(best.moved)]
        yield _moved(moved, [p for p in measured if p not in moved], found, measured)


def _reversed(seen: Observation, turned: Sequence[_Phase], *, whole: bool) -> Judgement:
    names = [p.name for p in turned]
    values = ", ".join(watts(p.active) for p in turned)
    single = names == [""]
    if whole and seen.circumstances.role is Role.LOAD:
        title = f"It reads {values} on a load" if single else f"{listed(names)} read {values}"
        detail = "the transformer is reversed"
        if not single:
            detail = (
                "all transformers are reversed; only a load of cos φ 0.5 or less with each of them "
                "one phase along would look alike"
            )
        remedy = (
            "Swap k and l (S1 and S2), or the way the line passes through; if it does feed, "
            "give the meter the role of a source."
        )
    else:
        verb = "reads" if len(names) == 1 else "read"
        title = f"{listed(names)} {verb} {values}"
        detail = f"CT on {listed(names)} reversed: swap k and l; the angle is turned by 180°"
        remedy = (
            "Swap k and l (S1 and S2) of that transformer, or turn it round on its conductor; if "
            "something feeds on that phase, give the meter the role of a grid connection."
        )
    phases = tuple(p.name.upper() for p in turned if p.name)
    return Judgement(FaultKind.REVERSED_CT, Verdict.FAULT, title, detail, remedy, phases)


def _moved(
    moved: Sequence[_Phase],
    others: Sequence[_Phase],
    found: Explanation,
    measured: Sequence[_Phase],
) -> Judgement:
    names = [p.name for p in moved]
    factors = " and ".join(number(p.factor, 2) for p in moved)
    beside = f", {listed([p.name for p in others])} {_factors(others)}" if others else ""
    place = dict(zip((_angle(p).phase for p in measured), found.best.conductor, strict=True))
    swap = ", ".join(
        f"{label(THREE_PHASES[i])} measures the current of {label(THREE_PHASES[place[i]])}"
        for i in sorted(found.best.moved)
    )
    exact = "" if len(names) == 2 or not names[0] else "; which way round, a look at them tells"
    return Judgement(
        FaultKind.WRONG_PHASE,
        Verdict.FAULT,
        f"Power factor {factors} on {listed(names)}{beside}",
        f"current and voltage of different phases, 120° apart: {swap}{exact}",
        f"Exchange the transformers of {listed(names)}, or their voltage taps; not k and l.",
        tuple(n.upper() for n in names if n),
    )


def _nothing_to_see(seen: Observation) -> Iterator[Judgement]:
    currents = [seen.middle(named("current", p, "a")) for p in seen.phases]
    if all(c is None for c in currents):
        total = seen.middle("power_w")
        if total is not None and total < 0 and seen.circumstances.role is Role.LOAD:
            yield Judgement(
                FaultKind.REVERSED_CT,
                Verdict.UNSURE,
                f"Total {watts(total)} on a load",
                "the meter tells no phases: reversed transformers or a wrong phase",
                "Look at the phases on its display.",
            )
        return
    largest = max((abs(c) for c in currents if c is not None), default=0.0)
    yield Judgement(
        FaultKind.REVERSED_CT,
        Verdict.UNSURE,
        f"No load: at most {number(largest, 2)} A",
        f"below {number(seen.circumstances.min_current_a, 1)} A no direction can be judged",
        "Look again under load.",
    )


def _words(wiring: Wiring, names: Sequence[str]) -> str:
    def name(index: int) -> str:
        return THREE_PHASES[index] if names != [""] else ""

    parts = []
    if wiring.reversed:
        parts.append(f"CT on {listed([name(i) for i in sorted(wiring.reversed)])} reversed")
    if wiring.moved:
        moved = listed([name(i) for i in sorted(wiring.moved)])
        parts.append(f"current and voltage of different phases on {moved}")
    return " and ".join(parts) or "all as it should be"


def _factors(measured: Sequence[_Phase]) -> str:
    return ", ".join(number(p.factor, 2) for p in measured)


def _shown(measured: Sequence[_Phase]) -> str:
    return f"cos φ {_factors(measured)}"
