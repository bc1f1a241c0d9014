"""Reads the formula of a virtual meter as a person types it: `main - 0.5 * hall + press`.

Ids of meters contain dashes and names contain spaces, so nothing is cut at them: at each place the
longest id or name that fits is taken. What is wrong is told with its place, while it is typed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from energy_desktop.domain.site import VIRTUAL, Meter, VirtualMeter

_MINUS = "-\u2212\u2013"
_TIMES = "*\u00d7\u00b7"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|[.,]\d+")
_WORD = re.compile(r"[^\s+*\u00d7\u00b7\u2212\u2013]+")


@dataclass(frozen=True, slots=True)
class FormulaProblem:
    """What keeps a formula from being one. start, end: the characters that it is about."""

    start: int
    end: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Formula:
    """terms: meter id and factor, as far as they could be read. problem None: it is complete."""

    terms: tuple[tuple[str, float], ...]
    problem: FormulaProblem | None = None


class _Stop(Exception):
    def __init__(self, start: int, end: int, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = FormulaProblem(start, end, sentence)


def parse_formula(
    text: str, meters: Iterable[Meter], virtual: Iterable[VirtualMeter] = ()
) -> Formula:
    """Terms with sign and factor, each meter by its id or name, in quotation marks or without.

    virtual: meters that are made of others; one in a formula is told by what it is made of.
    """
    known = tuple(meters)
    made = tuple(virtual)
    terms: list[tuple[str, float]] = []
    at = _skip(text, 0)
    if at == len(text):
        return Formula((), FormulaProblem(0, len(text), "Name a meter, as in: main - hall."))
    try:
        while at < len(text):
            sign, at = _sign(text, at, needed=bool(terms))
            begin = at
            factor, at = _factor(text, at, known)
            meter, after = _meter(text, at, known, made)
            factor *= sign
            if any(meter.meter_id == there for there, _ in terms):
                raise _Stop(begin, after, f"{meter.name} is there twice: make one term of it.")
            if factor == 0:
                raise _Stop(begin, after, "A factor of 0 leaves the meter out.")
            terms.append((meter.meter_id, factor))
            at = _skip(text, after)
    except _Stop as stop:
        return Formula(tuple(terms), stop.problem)
    return Formula(tuple(terms))


def formula_text(terms: Iterable[tuple[str, float]]) -> str:
    """A formula that `parse_formula` reads back as these terms."""
    parts = []
    for number, (meter_id, factor) in enumerate(terms):
        sign = "\u2212 " if factor < 0 else "+ " if number else ""
        size = "" if abs(factor) == 1 else f"{abs(factor):.12g} \u00d7 "
        parts.append(f"{sign}{size}{meter_id}")
    return " ".join(parts)


def made_of_others(virtual: VirtualMeter) -> str:
    """Why a virtual meter is no term: what it is made of can be changed, and may come to be made
    of the one that it is a term of."""
    return (
        f"{virtual.name} ({virtual.meter_id}) is a virtual meter itself: write the meters that it "
        f"is made of, {virtual.formula}."
    )


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _sign(text: str, at: int, *, needed: bool) -> tuple[float, int]:
    if text[at] == "+" or text[at] in _MINUS:
        after = _skip(text, at + 1)
        if after == len(text):
            raise _Stop(at, after, f"A meter is missing behind {text[at]}.")
        return (1.0 if text[at] == "+" else -1.0), after
    if needed:
        raise _Stop(at, len(text), f"A + or \u2212 is missing before {text[at:].strip()!s}.")
    return 1.0, at


def _factor(text: str, at: int, known: tuple[Meter, ...]) -> tuple[float, int]:
    """The factor in front of a meter; 1 where a meter stands there at once."""
    if _longest(text, at, known) is not None:
        return 1.0, at
    found = _NUMBER.match(text, at)
    if found is None:
        return 1.0, at
    value = float(found.group().replace(",", "."))
    if not math.isfinite(value):
        raise _Stop(at, found.end(), "This factor is too large.")
    after = _skip(text, found.end())
    if after < len(text) and (text[after] in _TIMES or text[after : after + 2].lower() == "x "):
        after = _skip(text, after + 1)
    if after == len(text):
        raise _Stop(at, after, f"A meter is missing behind {found.group()}.")
    return value, after


def _meter(
    text: str, at: int, known: tuple[Meter, ...], made: tuple[VirtualMeter, ...]
) -> tuple[Meter, int]:
    found = _longest(text, at, known)
    if found is not None:
        return found
    computed = _longest(text, at, tuple(v.as_meter() for v in made))
    if computed is not None:
        itself = next(v for v in made if v.meter_id == computed[0].meter_id)
        raise _Stop(at, computed[1], made_of_others(itself))
    word = _WORD.match(text, at)
    end = word.end() if word else min(at + 1, len(text))
    said = text[at:end].strip('"\u201c\u201d')
    if said.startswith(VIRTUAL):
        raise _Stop(
            at, end, f"{said} is a virtual meter itself: write the meters that it is made of."
        )
    names = {n.casefold(): m.meter_id for m in known for n in (m.name, m.meter_id)}
    close = get_close_matches(said.casefold(), names, n=1, cutoff=0.6)
    hint = f" Do you mean {names[close[0]]}?" if close else ""
    raise _Stop(at, end, f"There is no meter {said or text[at:end]}.{hint}")


def _longest(text: str, at: int, known: tuple[Meter, ...]) -> tuple[Meter, int] | None:
    """The meter with the longest id or name that stands here as a whole; an id goes before a
    name of the same length."""
    quoted = at < len(text) and text[at] in '"\u201c'
    begin = at + 1 if quoted else at
    best: tuple[Meter, int] | None = None
    for by_id in (True, False):
        for meter in known:
            name = meter.meter_id if by_id else meter.name
            end = begin + len(name)
            if not name or text[begin:end].casefold() != name.casefold():
                continue
            if quoted:
                if end >= len(text) or text[end] not in '"\u201d':
                    continue
                end += 1
            elif end < len(text) and (text[end].isalnum() or text[end] in "_.:"):
                continue
            if best is None or end > best[1]:
                best = meter, end
    return best
