"""Balances in words and rows: from domain values to what the widgets show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from energy_desktop.domain import wording
from energy_desktop.domain.balance import (
    BalanceBranch,
    BalancePart,
    Cause,
    NodeBalance,
    Way,
    WeatherLook,
)
from energy_desktop.domain.site import Meter
from energy_desktop.ui.formatting import Formats, listed

_BUTTON_LETTERS = 24
_MAINS_NAMED = 3


class Kind(Enum):
    NODE = "node"
    PART = "part"
    REST = "rest"
    SILENT = "silent"  # no energy in the period
    LOOSE = "loose"  # behind no meter, and none behind it


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A line of the tree. node_id: the main meter it belongs to, empty for a loose one.

    energy_wh: of the hours known of all meters of the node; None: there is none. share: of what
    was used behind the node. missing_h: hours that are not known of this meter.
    """

    kind: Kind
    meter: Meter
    node_id: str
    depth: int
    title: str
    way: str
    energy_wh: float | None = None
    share: float | None = None
    missing_h: float = 0.0
    estimated_wh: float = 0.0
    suspect: bool = False

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.kind.value, self.node_id, self.meter.meter_id, self.way)


def tree_rows(tree: Sequence[BalanceBranch], nodes: Sequence[NodeBalance]) -> tuple[TreeRow, ...]:
    """Main meters with what comes in, what goes out and the rest; loose meters last."""
    known = {n.meter.meter_id: n for n in nodes}
    below = _children(tree)
    rows: list[TreeRow] = []
    loose: list[TreeRow] = []
    for branch in tree:
        if branch.depth == 0 and branch.has_behind:
            rows += _node_rows(branch.meter, 0, known, below, None)
        elif branch.depth == 0:
            loose.append(TreeRow(Kind.LOOSE, branch.meter, "", 0, branch.meter.name, "behind none"))
    return (*rows, *loose)


def _children(tree: Sequence[BalanceBranch]) -> dict[str, list[Meter]]:
    found: dict[str, list[Meter]] = {}
    path: list[Meter] = []
    for branch in tree:
        path = [*path[: branch.depth], branch.meter]
        if branch.depth:
            found.setdefault(path[branch.depth - 1].meter_id, []).append(branch.meter)
    return found


def _node_rows(
    meter: Meter,
    depth: int,
    known: dict[str, NodeBalance],
    below: dict[str, list[Meter]],
    part: tuple[NodeBalance, BalancePart] | None,
) -> Iterator[TreeRow]:
    """A main meter and all below it. part: what it is to the main meter above it."""
    node = known.get(meter.meter_id)
    node_id = meter.meter_id
    if node is None:
        yield TreeRow(Kind.SILENT, meter, node_id, depth, meter.name, "no energy yet")
    else:
        only = all(p.way in (Way.TAKEN, Way.USED) for p in node.parts)
        main = next(p for p in node.parts if p.way is Way.TAKEN)
        yield TreeRow(
            Kind.NODE,
            meter,
            node_id,
            depth,
            meter.name,
            "taken in" if only else "used behind",
            main.shared_wh if only else None if node.absent else node.rest.main_wh,
            None if part is None else _share(part[1], part[0]),
            _hours(node, main.known_steps) if only else 0.0,
            main.estimated_wh if only else 0.0,
            part is not None and part[0].suspect == meter,
        )
        own = [p for p in node.parts if p.meter.meter_id == meter.meter_id]
        if not only:
            yield from (_part_row(node, p, depth + 1) for p in own if p.known_wh or p is main)
    for sub in below.get(meter.meter_id, []):
        parts = [] if node is None else [p for p in node.parts if p.meter.meter_id == sub.meter_id]
        if below.get(sub.meter_id):
            first = next((p for p in parts if p.way is Way.USED), None)
            above = None if node is None or first is None else (node, first)
            yield from _node_rows(sub, depth + 1, known, below, above)
        elif node is None or not parts:
            if sub.enabled:
                yield TreeRow(Kind.SILENT, sub, node_id, depth + 1, sub.name, "no energy yet")
        else:
            yield from (_part_row(node, p, depth + 1) for p in parts)
    if node is not None:
        rest = node.rest
        untold = bool(node.absent) or not rest.steps
        yield TreeRow(
            Kind.REST,
            meter,
            node_id,
            depth + 1,
            "Rest",
            rest.cause.value,
            None if untold else rest.total_wh,
            None if untold or math.isnan(rest.share) else rest.share,
            _hours(node, rest.steps),
        )


def _part_row(node: NodeBalance, part: BalancePart, depth: int) -> TreeRow:
    return TreeRow(
        Kind.PART,
        part.meter,
        node.meter.meter_id,
        depth,
        part.meter.name,
        part.way.value,
        part.shared_wh,
        _share(part, node),
        _hours(node, part.known_steps),
        part.estimated_wh,
        node.suspect == part.meter,
    )


def _share(part: BalancePart, node: NodeBalance) -> float | None:
    """Of what was used, in the hours known of all."""
    if part.way is not Way.USED or part.shared_wh is None or not node.rest.main_wh > 0:
        return None
    return part.shared_wh / node.rest.main_wh


def _hours(node: NodeBalance, known_steps: int) -> float:
    return (node.steps - known_steps) * node.step_s / 3600


def hours_counted(nodes: Sequence[NodeBalance]) -> str:
    """In which hours the energy of the tree is: those that all meters of a main meter know."""
    partly = [
        f"of {n.meter.name} {wording.common_hours(n.common_h)}"
        for n in nodes
        if n.common_h is not None
    ]
    more = f"; and {len(partly) - _MAINS_NAMED} more" if len(partly) > _MAINS_NAMED else ""
    if partly:
        return f"Energy is counted so that it adds up: {'; '.join(partly[:_MAINS_NAMED])}{more}."
    if nodes and all(n.steps and n.rest.steps == n.steps for n in nodes):
        return "All hours are known of all meters behind one another."
    return "Energy is counted in the hours that all meters of a main meter know: so it adds up."


def short(name: str) -> str:
    """A name that a button has room for; in full it stands in the sentence above."""
    return name if len(name) <= _BUTTON_LETTERS else f"{name[: _BUTTON_LETTERS - 1].rstrip()}…"


def answer(nodes: Sequence[NodeBalance], formats: Formats) -> str:
    """The page's question in one sentence: does it add up?"""
    if not nodes:
        return "No meter stands behind another one yet, so nothing can be held against it."
    open_ones = [n for n in nodes if not n.closed]
    if not open_ones:
        many = "Each main meter agrees" if len(nodes) > 1 else f"{nodes[0].meter.name} agrees"
        return f"{many} with the meters behind it."
    worst = max(open_ones, key=lambda n: abs(n.rest.total_wh) if n.rest.steps else 0.0)
    if worst.absent or not worst.rest.steps:
        return f"{worst.meter.name}: {why(worst)}"
    share = formats.percent(100 * worst.rest.share, 1)
    energy = formats.energy(abs(worst.rest.total_wh))
    if worst.rest.total_wh < 0:
        return f"The meters behind {worst.meter.name} count {energy} more than came in."
    return f"{share} behind {worst.meter.name} is unexplained: {energy}, {_guess(worst.rest.cause)}"


def _guess(cause: Cause) -> str:
    return {
        Cause.MISSING_METER: "a circuit without a meter.",
        Cause.LOSS: "most likely losses.",
        Cause.UNIT_SLIP: "a unit slip.",
    }.get(cause, "of a cause that cannot be told yet.")


def weather_answer(look: WeatherLook, formats: Formats) -> str:
    """The signature in the few words that a title line has room for."""
    found = look.signature
    if found is None:
        return look.refusal
    base = f"{look.meter.name} uses {formats.energy(found.base_wh)} a day"
    slopes = [
        f"{formats.number(slope.wh_per_kd / 1000, 2)} kWh per {name} degree day"
        for name, slope in (("heating", found.heating), ("cooling", found.cooling))
        if slope is not None
    ]
    if not slopes:
        return f"{base}, whatever the weather."
    return f"{base} and {' and '.join(slopes)}."


def why(node: NodeBalance) -> str:
    """What the rest is, in one sentence; of meters without energy the first few are named."""
    if len(node.absent) <= _MAINS_NAMED:
        return node.rest.sentence
    names = listed([m.name for m in node.absent])
    return f"{names} have no energy in this period, so the rest cannot be told."


def remedy(node: NodeBalance) -> str:
    """What to do about the rest."""
    suspect = "a meter behind it" if node.suspect is None else node.suspect.name
    if node.absent:
        names = listed([m.name for m in node.absent])
        it = "it" if len(node.absent) == 1 else "them"
        return (
            f"Wait for readings of {names}, import them, or take {it} out from behind this meter."
        )
    if node.candidate is not None:
        return f"Put {node.candidate.name} behind {node.meter.name}, if that is where it hangs."
    return {
        Cause.CLOSED: "",
        Cause.RESOLUTION: "Nothing to do: over longer periods it cancels out.",
        Cause.UNIT_SLIP: f"Check scale and transformer ratio of {suspect} in Meters.",
        Cause.TIME_SKEW: "Check the clocks of the meters; of imported files, whether their stamps "
        "mark the start or the end of the interval.",
        Cause.OVERCOUNTED: f"Check of {suspect}: transformer ratio, direction, and whether it "
        "stands behind another one of these meters.",
        Cause.LOSS: "Nothing to do where cables are long; else compare the accuracy classes.",
        Cause.MISSING_METER: "Find the circuit without a meter, or say below the tree that its "
        f"meter stands behind {node.meter.name}.",
        Cause.OPEN: "Fill the gaps of the meters in Data quality, or choose another period.",
    }[node.rest.cause]


def formula_of_rest(node: NodeBalance) -> tuple[tuple[str, float], ...]:
    """The rest as a formula; empty where a part has no register that a formula can name (what is
    fed out or charged)."""
    if any(p.way not in (Way.TAKEN, Way.USED, Way.YIELDED, Way.DISCHARGED) for p in node.parts):
        return ()
    if node.absent or len({p.meter.meter_id for p in node.parts}) < len(node.parts):
        return ()
    return tuple((p.meter.meter_id, 1.0 if p.way.comes_in else -1.0) for p in node.parts)
