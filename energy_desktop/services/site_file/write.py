"""From a `Configuration` to the text of a site file, so that what was set up in the window can be
kept in a repository, carried to another machine and applied there.

What equals its default is left out: the file then reads as a person would have written it. Market
prices are a series, not a part of the site, and are not written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from itertools import chain
from typing import Any

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.link_kinds import MODBUS, kind_info
from energy_desktop.domain.site import Link
from energy_desktop.services.site_file.keys import KEYS
from energy_desktop.services.site_file.tables import WEEKDAYS, minute_text

_HEAD = "# A site of energy_desktop. Apply it with: energy-desktop apply FILE\n"
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}

_NETWORK_ONLY = {"host", "port"}
_SERIAL_ONLY = {"device", "baud_rate", "parity", "stop_bits"}


def site_file_text(configuration: Configuration) -> str:
    """TOML that `parse` reads back to an equal configuration, its prices left out.

    Holds for every configuration that a site file can say: ids, lengths and ranges as `parse`
    checks them. The parts of a link that its kind does not use are not written.
    """
    parts = [_HEAD, _table("[site]", _entries(configuration.site, {}, _no_skip))]
    tables: dict[str, tuple[Any, ...]] = {
        "spaces": configuration.spaces,
        "links": configuration.links,
        "meters": configuration.meters,
        "virtual_meters": configuration.virtual_meters,
        "clients": configuration.clients,
        "tariffs": configuration.tariffs,
        "contracts": configuration.contracts,
        "devices": configuration.devices,
        "batteries": configuration.batteries,
        "alarms": configuration.alarm_rules,
    }
    for name, rows in tables.items():
        for row in rows:
            skip = _unused_of(row) if isinstance(row, Link) else _no_skip
            entries = _entries(row, KEYS[name], skip)
            if isinstance(row, Link):
                entries = chain(entries, ((key, _text(value)) for key, value in row.options))
            parts.append(_table(f"[[{name}]]", entries))
    return "\n".join(parts)


def _table(header: str, lines: Iterator[tuple[str, str]]) -> str:
    return header + "\n" + "".join(f"{key} = {value}\n" for key, value in lines)


def _no_skip(_: str) -> bool:
    return False


def _unused_of(link: Link) -> Callable[[str], bool]:
    """The parts that its kind does not use, and the options, which stand as keys of their own."""
    info = kind_info(link)
    unused = {"options"}
    if link.is_serial or not info.network:
        unused |= _NETWORK_ONLY
    if not link.is_serial:
        unused |= _SERIAL_ONLY
    if info.protocol != MODBUS:
        unused.add("guard_s")
    return lambda name: name in unused


def _entries(
    row: Any, keys: dict[str, str], skip: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    # Defaults of the domain that a file must still say: those of a link differ from kind to kind.
    needed = ("host", "port", "device", "baud_rate", "parity", "response")
    for field in fields(row):
        value = getattr(row, field.name)
        if skip(field.name) or value is None:
            continue
        if field.default is not MISSING and value == field.default and field.name not in needed:
            continue
        yield keys.get(field.name, field.name), _value(value)


def _key(text: str) -> str:
    return text if _BARE_KEY.fullmatch(text) else _text(text)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, IntEnum):
        return str(int(value))
    if isinstance(value, Enum):
        return _text(str(value.value))
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Decimal):
        return _text(format(value, "f"))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return "{ " + ", ".join(f"{_key(k)} = {factor:g}" for k, factor in value) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(_text(str(item)) for item in value) + "]"
    if isinstance(value, WeeklyHours):
        return _hours(value)
    return _text(str(value))


def _text(text: str) -> str:
    """A TOML basic string on one line."""
    escaped = _ESCAPED.sub(lambda m: _SHORT.get(m[0]) or f"\\u{ord(m[0]):04X}", text)
    return f'"{escaped}"'


def _hours(hours: WeeklyHours) -> str:
    """Monday to Friday in one word where they are alike; a day that is not written has none."""

    def spans(day: int) -> str:
        written = (f'"{minute_text(a)}-{minute_text(b)}"' for a, b in hours.days[day])
        return f"[{', '.join(written)}]"

    alike = len(set(hours.days[:5])) == 1
    said = [f"weekdays = {spans(0)}"] if alike and hours.days[0] else []
    for day in range(5 if alike else 0, 7):
        if hours.days[day]:
            said.append(f"{WEEKDAYS[day]} = {spans(day)}")
    if not hours.on_holidays:
        said.append("holidays = false")
    return "{ " + ", ".join(said) + " }" if said else "{}"
