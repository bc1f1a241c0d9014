"""Reversed current transformer or wrong phase: which wiring explains the angles that a meter shows.

A transformer turned round adds 180 degrees to the angle between voltage and current of its phase.
A transformer on another phase adds 120 or 240. Neither number alone decides: 180 degrees is also
a motor of cos phi 0.5 on the wrong phase. So every way of connecting the transformers is tried
(which conductor each one sits on, which are turned round), the angles that the loads would then
have are worked out, and the way that makes the loads ordinary wins, if it is clearly ahead of
every other kind of fault. Otherwise the answer is that it cannot be told, and what would tell it.

Ordinary: the phases of one circuit lie near each other, resistive or inductive rather than
capacitive (the weights below). What a load may honestly do is never a fault by itself: where all
phases flow the way their role says, the answer is good or open, whatever their power factors.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations, product

ODDS_TO_ACCUSE = 20.0
"""How many times likelier a wiring must be than all wirings of another kind together."""

_MAX_ANGLE_DEG = 89.0
_STEP_DEG = 3
_SPREAD_DEG = 10.0  # between the phases of a balanced circuit
_BALANCED = 0.65  # how often the phases of a circuit have about the same angle
_CHANCE_OF_REVERSED = {0: 1.0, 1: 1 / 50, 2: 1 / 1500, 3: 1 / 100}
_CHANCE_OF_MOVED = {0: 1.0, 2: 1 / 50, 3: 1 / 250}  # by how many transformers sit elsewhere
_CHANCE_MOVED_SINGLE = 1 / 1500  # one phase mostly means that no other is there
_CHANCE_OF_BOTH = 1 / 3  # besides the two chances: faults of two kinds in one cabinet


@dataclass(frozen=True, slots=True)
class PhaseAngle:
    """What a meter shows of one loaded phase.

    phase: 0 to 2. angle_deg: of apparent power, 0 = draws at power factor 1, > 0 inductive, beyond
    90 either way = delivers. sign_known: how sure it is that the sign of the angle, which tells
    inductive from capacitive, is as shown: 1 sure, 0.5 the meter does not tell.
    """

    phase: int
    angle_deg: float
    sign_known: float


@dataclass(frozen=True, slots=True)
class Wiring:
    """A way to connect. conductor: on which conductor the transformer of each loaded phase sits,
    in the order of the angles given. reversed: indices of phases whose transformer is turned."""

    conductor: tuple[int, ...]
    reversed: frozenset[int]
    moved: frozenset[int]

    @property
    def kind(self) -> str:
        if self.moved:
            return "both" if self.reversed else "moved"
        return "reversed" if self.reversed else "right"


@dataclass(frozen=True, slots=True)
class Explanation:
    """best: the likeliest wiring; odds: against every other kind together; angles_deg: of the
    loads under it; second: the likeliest wiring of another kind."""

    best: Wiring
    odds: float
    angles_deg: tuple[float, ...]
    second: Wiring | None

    @property
    def is_clear(self) -> bool:
        return self.odds >= ODDS_TO_ACCUSE


def explain(
    angles: Sequence[PhaseAngle],
    *,
    phases: int,
    directions: Sequence[int],
    may_mix: bool,
    generator: bool = False,
) -> Explanation | None:
    """The wiring that explains the angles best; None: there are none, or nothing explains them.

    phases: of the meter, 1 or 3. directions: +1 where the circuit may draw, -1 where it may
    deliver. may_mix: its phases may flow in different directions at once, as at a grid
    connection with single-phase generation behind it. generator: what hangs there is an inverter
    whichever way it counts, so its power factor is near 1.
    """
    if not angles:
        return None
    weights: dict[Wiring, float] = {}
    loads: dict[Wiring, tuple[float, ...]] = {}
    for wiring, chance in _wirings(tuple(a.phase for a in angles), phases):
        if len(wiring.reversed) == len(angles) and -1 in directions:
            continue  # the same as delivering
        best = 0.0
        for shown, share in _signed(angles):
            load = _load_angles(angles, shown, wiring)
            weight = share * _likelihood(
                load,
                directions,
                mixed=may_mix and wiring.kind == "right",
                generator=generator,
            )
            if weight > best or wiring not in loads:
                best, loads[wiring] = weight, load
            weights[wiring] = weights.get(wiring, 0.0) + chance * weight
    ranked = sorted((w for w in weights if weights[w] > 0.0), key=weights.__getitem__, reverse=True)
    if not ranked:
        return None
    first = ranked[0]
    others = [w for w in ranked if _differs(w, first)]
    against = sum(weights[w] for w in others)
    odds = weights[first] / against if against > 0.0 else math.inf
    return Explanation(first, odds, loads[first], others[0] if others else None)


def _differs(one: Wiring, other: Wiring) -> bool:
    return (one.reversed, one.moved) != (other.reversed, other.moved)


@cache
def _wirings(loaded: tuple[int, ...], phases: int) -> tuple[tuple[Wiring, float], ...]:
    """Every way to connect, each with its chance before anything is measured."""
    found: dict[Wiring, float] = {}
    for conductor, moved_chance in _places(loaded, phases):
        moved = frozenset(p for p, c in zip(loaded, conductor, strict=True) if p != c)
        for count in range(len(loaded) + 1):
            chance = moved_chance * _CHANCE_OF_REVERSED[count]
            if count == len(loaded) < phases and count:
                chance = moved_chance * _CHANCE_OF_REVERSED[1]
            if count and moved:
                chance *= _CHANCE_OF_BOTH
            for turned in combinations(loaded, count):
                wiring = Wiring(conductor, frozenset(turned), moved)
                found[wiring] = max(chance, found.get(wiring, 0.0))
    return tuple(found.items())


def _places(loaded: tuple[int, ...], phases: int) -> Iterator[tuple[tuple[int, ...], float]]:
    if phases == 1:
        yield (loaded[0],), 1.0
        for other in (1, 2):
            yield ((loaded[0] + other) % 3,), _CHANCE_MOVED_SINGLE
        return
    for order in permutations(range(3)):
        moved = sum(order[i] != i for i in range(3))
        yield tuple(order[p] for p in loaded), _CHANCE_OF_MOVED[moved]


def _signed(angles: Sequence[PhaseAngle]) -> Iterator[tuple[tuple[float, ...], float]]:
    """The angles with every sign that the meter leaves open, each with its share.

    A meter either tells the sign of all phases or of none; what it leaves open is open apart.
    """
    shown = tuple(a.angle_deg for a in angles)
    sure = min(a.sign_known for a in angles)
    if sure >= 1.0:
        yield shown, 1.0
        return
    told = 2.0 * sure - 1.0
    yield shown, told
    share = (1.0 - told) / 2 ** len(angles)
    for signs in product((1.0, -1.0), repeat=len(angles)):
        yield tuple(s * abs(a) for s, a in zip(signs, shown, strict=True)), share


def _load_angles(
    angles: Sequence[PhaseAngle], shown: Sequence[float], wiring: Wiring
) -> tuple[float, ...]:
    """Angles of the loads, by the transformer that measures them.

    Voltage of phase p stands at -120 p degrees. With the current of conductor c beside it, the
    shown angle is that of the load plus 120 (c - p); turned round, plus 180.
    """
    found = []
    for entry, angle, conductor in zip(angles, shown, wiring.conductor, strict=True):
        shift = 120.0 * (conductor - entry.phase) + 180.0 * (entry.phase in wiring.reversed)
        found.append(_wrapped(angle - shift))
    return tuple(found)


def _likelihood(
    load: Sequence[float], directions: Sequence[int], *, mixed: bool, generator: bool
) -> float:
    """How ordinary these loads are, all phases in one direction; per degree each.

    mixed: besides, each phase in a direction of its own, and a whole that mostly cancels (solar
    covers the active power of a house, not its reactive), at whatever angle that leaves.
    """
    weight = 0.0
    for direction in directions:
        turned = [_wrapped(a - (0.0 if direction > 0 else 180.0)) for a in load]
        if all(abs(a) <= _MAX_ANGLE_DEG for a in turned):
            fed = generator or direction < 0
            weight += (_fed(turned) if fed else _ordinary(turned)) / len(directions)
    if mixed:
        apart = 1.0
        for angle in load:
            draws = _single(angle) if abs(angle) <= _MAX_ANGLE_DEG else 0.0
            apart *= 0.6 * draws + 0.25 * _normal(_wrapped(angle - 180.0), 15.0) + 0.15 / 360.0
        centre = _mean_direction(load)
        together = math.prod(_normal(_wrapped(a - centre), 25.0) for a in load) / 360.0
        weight = 0.6 * weight + 0.2 * apart + 0.2 * together
    return weight


def _ordinary(load: Sequence[float]) -> float:
    apart = math.prod(_single(a) for a in load)
    if len(load) == 1:
        return apart
    common = sum(
        _common(centre) * math.prod(_normal(a - centre, _SPREAD_DEG) for a in load)
        for centre in range(-87, 90, _STEP_DEG)
    )
    return _BALANCED * common * _STEP_DEG + (1.0 - _BALANCED) * apart


def _fed(load: Sequence[float]) -> float:
    """Of an inverter or generator: the same on every phase, within what a grid code lets it set."""
    centre = sum(load) / len(load)
    return _normal(centre, 14.0) * math.prod(_normal(a - centre, _SPREAD_DEG) for a in load)


def _common(angle: float) -> float:
    """Of a whole circuit: heaters and electronics at 0, motors about 25 inductive, the odd rest."""
    return 0.48 * _normal(angle, 8.0) + 0.48 * _normal(angle - 25.0, 20.0) + 0.04 / 180.0


def _single(angle: float) -> float:
    """Of one phase by itself."""
    return 0.45 * _normal(angle, 10.0) + 0.50 * _normal(angle - 20.0, 25.0) + 0.05 / 180.0


def _normal(distance: float, deviation: float) -> float:
    return math.exp(-0.5 * (distance / deviation) ** 2) / (deviation * math.sqrt(2.0 * math.pi))


def _mean_direction(angles: Sequence[float]) -> float:
    sine = sum(math.sin(math.radians(a)) for a in angles)
    cosine = sum(math.cos(math.radians(a)) for a in angles)
    return math.degrees(math.atan2(sine, cosine))


def _wrapped(angle: float) -> float:
    """Into (-180, 180]."""
    return 180.0 - (180.0 - angle) % 360.0
