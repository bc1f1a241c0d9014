"""The data lines that P1 and IEC 62056-21 share: `code(value*unit)`, one or more to a line."""

import re
from collections.abc import Iterator
from fractions import Fraction

from energy_desktop.acquisition.telegrams import obis
from energy_desktop.acquisition.telegrams.telegram import Entry

MAX_LINES = 2000
_SET = re.compile(r"(?P<code>[^()\s]{0,24})(?P<groups>(?:\([^()]{0,2048}\)){1,64})")
_GROUP = re.compile(r"\(([^()]*)\)")
_NUMBER = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,12})?")


def read_lines(block: str) -> tuple[list[obis.Reading], list[str]]:
    """Every data set of the block in order, and the lines that are none."""
    readings: list[obis.Reading] = []
    strange: list[str] = []
    for line in block.splitlines()[:MAX_LINES]:
        text = line.strip()
        if not text:
            continue
        at = 0
        while match := _SET.match(text, at):
            readings += _readings(match["code"], _GROUP.findall(match["groups"]))
            at = match.end()
        if at < len(text):
            strange.append(text[at : at + 60])
    return readings, strange


def number_of(text: str) -> Fraction | None:
    """The exact number in `text`; None: it is none."""
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def _readings(code: str, groups: list[str]) -> Iterator[obis.Reading]:
    """One reading a set; the value is in the last group, a time may stand before it."""
    parsed = obis.parse(code)
    sent = "".join(f"({group})" for group in groups)
    if parsed is None:
        yield obis.Reading(_NOWHERE, None, Entry(code, code, None, "", sent))
        return
    value, _, unit = groups[-1].partition("*")
    plain = len(groups) == 1 or (len(groups) == 2 and bool(unit))
    number = number_of(value.strip()) if plain else None
    yield obis.Reading(
        parsed,
        number,
        Entry(
            code,
            parsed.key,
            None if number is None else float(number),
            unit.strip() if number is not None else "",
            sent,
        ),
    )


_NOWHERE = obis.Obis(0, 0, -1, -1, 0, 0)
