"""A driver file as text: where a new line goes, what a new file begins with.

The text is the person's own, so lines are put in and nothing else is touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from energy_desktop.domain.quantities import QUANTITIES

_TABLE = "[quantities]"
_KEY = re.compile(r"\s*([A-Za-z0-9_]+)\s*=")


def new_driver(driver_id: str, name: str = "") -> str:
    """The least that a driver file needs, with what a person must fill in."""
    return (
        f'id           = "{driver_id}"\n'
        'manufacturer = "?"\n'
        f'models       = ["{name or "?"}"]\n'
        'source       = "its manual: name, edition, page"\n'
        'serial   = { baud_rate = 9600, parity = "N", stop_bits = 1 }\n'
        'defaults = { function = 4, format = "float32", word_order = "ABCD" }\n'
        "\n"
        f"{_TABLE}\n"
    )


def with_lines(text: str, lines: Iterable[str]) -> str:
    """The text with each line in its table of quantities; one for the same name is replaced."""
    rows = text.rstrip("\n").split("\n") if text.strip() else []
    if not any(row.strip() == _TABLE for row in rows):
        rows += ["", _TABLE] if rows else [_TABLE]
    for line in lines:
        _put(rows, line.strip())
    return "\n".join(rows) + "\n"


def with_defaults(text: str, function: int, value_format: str, word_order: str) -> str:
    """The text with these defaults in place of its own, before its first table."""
    line = (
        f'defaults = {{ function = {function}, format = "{value_format}", '
        f'word_order = "{word_order}" }}'
    )
    rows = text.rstrip("\n").split("\n")
    end = next((i for i, row in enumerate(rows) if row.lstrip().startswith("[")), len(rows))
    for at in range(end):
        if key_of(rows[at]) == "defaults":
            rows[at] = line
            break
    else:
        while end and not rows[end - 1].strip():
            end -= 1
        rows.insert(end, line)
    return "\n".join(rows) + "\n"


def _put(rows: list[str], line: str) -> None:
    start = next(i for i, row in enumerate(rows) if row.strip() == _TABLE) + 1
    end = next((i for i in range(start, len(rows)) if rows[i].lstrip().startswith("[")), len(rows))
    key = key_of(line)
    for at in range(start, end):
        if key and key_of(rows[at]) == key:
            rows[at] = _aligned(line, rows[at])
            return
    while end > start and not rows[end - 1].strip():
        end -= 1
    rows.insert(end, _aligned(line, rows[end - 1]) if end > start else line)


def _aligned(line: str, pattern: str) -> str:
    """The line with its equals sign below that of another one, where there is room."""
    if not key_of(pattern):
        return line
    key, _, rest = line.partition("=")
    return f"{key.rstrip():<{pattern.index('=') - 1}} ={rest}"


def key_of(line: str) -> str:
    """The name that a line gives a value to; empty: none, or a comment."""
    found = _KEY.match(line)
    return found.group(1) if found else ""


def driver_id_of(text: str) -> str:
    """The id that the text gives itself; empty: none."""
    found = re.search(r'^id\s*=\s*"([^"]*)"', text, re.MULTILINE)
    return found.group(1) if found else ""


def _address_of(line: str) -> list[int]:
    return [int(found, 0) for found in re.findall(r"\baddress\s*=\s*(0x[0-9A-Fa-f]+|\d+)", line)]


def with_id(text: str, driver_id: str) -> str:
    """The text under another id."""
    return re.sub(r'^(id\s*=\s*)"[^"]*"', rf'\g<1>"{driver_id}"', text, count=1, flags=re.MULTILINE)


_LIKELY: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("voltage phase", ("voltage_l1_l2_v", "voltage_l2_l3_v", "voltage_l3_l1_v")),
    ("voltage", ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v")),
    ("frequency", ("frequency_hz",)),
    ("power factor", ("power_factor", "power_factor_l1", "power_factor_l2", "power_factor_l3")),
    ("current", ("current_l1_a", "current_l2_a", "current_l3_a")),
    ("power", ("power_w", "power_l1_w", "power_l2_w", "power_l3_w")),
)


def likely_quantity(reads_as: str, text: str, address: int = -1) -> str:
    """What a reading most likely is: as the driver has it, else what it does not have yet.

    address: of the register. Empty: not known.

    It is proposed to a person, never put in unasked: a register that looks like a voltage may
    be of any phase.
    """
    wanted = reads_as.casefold()
    for name, row in QUANTITIES.items():
        if wanted in (name, row.label.casefold()) and wanted not in dict(_LIKELY):
            return name
    rows = text.split("\n")
    here = next((key_of(row) for row in rows if address in _address_of(row)), "")
    if here in QUANTITIES:
        return here
    taken = {key_of(row) for row in rows}
    for stem, names in _LIKELY:
        if wanted.startswith(stem):
            return next((name for name in names if name not in taken), "")
    return ""


def line_of(text: str, names: Sequence[str]) -> int:
    """Number (from 1) of the last of these lines, to show where they went; 0: none is there."""
    wanted = set(names)
    rows = enumerate(text.split("\n"), start=1)
    return max((number for number, row in rows if key_of(row) in wanted), default=0)
