"""From TOML text to a `Configuration`, every mistake with its line.

All mistakes are gathered before anything is said: who commissions forty meters wants one list,
not forty rounds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import SiteFileError
from energy_desktop.domain.site import Site
from energy_desktop.domain.toml_text import parse_toml
from energy_desktop.services.site_file.entry import Entry, Problems, line_of
from energy_desktop.services.site_file.keys import as_in_file
from energy_desktop.services.site_file.tables import READERS, read_site

T = TypeVar("T")
_LONGEST = 20_000_000


def read_site_file(path: Path, current: Configuration | None = None) -> tuple[Configuration, str]:
    """The file as a configuration, and its text. Raises SiteFileError; nothing else."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except FileNotFoundError:
        raise SiteFileError(
            where=str(path), what="There is no such file.", remedy="Check its name and folder."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SiteFileError(
            where=str(path),
            what=f"It cannot be read: {error}.",
            remedy="Save it as UTF-8 text and check its permissions.",
        ) from error
    if len(text) > _LONGEST:
        raise SiteFileError(
            where=str(path),
            what=f"It is longer than {_LONGEST:,} characters.",
            remedy="A site file of a thousand meters has a hundredth of that: name the right file.",
        )
    return parse(text, path.name, current), text


def parse(text: str, name: str, current: Configuration | None = None) -> Configuration:
    """Reads the text of a site file; references between entries are the business of `check`.

    current: what is stored. An entry that is there already keeps every key that the file leaves
    out, so that a file which renames a meter does not take its driver away.
    """
    try:
        document = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        at = f", line {found.group(1)}" if found else ""
        raise SiteFileError(
            where=f"{name}{at}",
            what=f"This is no TOML: {error}.",
            remedy="Nothing was changed; mend the line and apply the file again.",
        ) from error

    problems = Problems()
    known = {"site", *READERS}
    for table in document:
        if table not in known:
            problems.add(
                line_of(text, table, 0, None),
                f"A site file knows no [{table}]; it knows {', '.join(sorted(known))}.",
            )
    site = Site(name="", zone="UTC")
    if isinstance(document.get("site", {}), list):
        problems.add(line_of(text, "site", 0, None), "There is one site: write it as [site].")
    elif "site" in document:
        stored = as_in_file("site", current.site) if current and current.site.name else None
        entry = Entry("site", document["site"], text, 0, problems, stored)
        site = read_site(entry)
        entry.finish()

    # Without [site] the file belongs to the site that is stored.
    currency = (site if "site" in document or current is None else current.site).currency
    read: dict[str, tuple[Any, ...]] = {}
    for table, make in READERS.items():
        there = _stored_entries(current, table)
        read[table] = tuple(_entries(document, table, text, problems, make, there, currency))
    problems.raise_if_any(name)
    return Configuration(
        site=site,
        spaces=read["spaces"],
        links=read["links"],
        meters=read["meters"],
        virtual_meters=read["virtual_meters"],
        clients=read["clients"],
        tariffs=read["tariffs"],
        contracts=read["contracts"],
        devices=read["devices"],
        batteries=read["batteries"],
        alarm_rules=read["alarms"],
    )


_VERSIONED = ("tariffs", "contracts")


def _identity(table: str, values: dict[str, Any]) -> object:
    """By what an entry is found again: its id, and its version where it has versions."""
    if table in _VERSIONED:
        return str(values.get("id")), str(values.get("version", 1))
    return str(values.get("id"))


def _stored_entries(current: Configuration | None, table: str) -> dict[object, dict[str, Any]]:
    if current is None:
        return {}
    attribute = "alarm_rules" if table == "alarms" else table
    rows = [as_in_file(table, row) for row in getattr(current, attribute)]
    return {_identity(table, row): row for row in rows}


def _entries(
    document: dict[str, Any],
    table: str,
    text: str,
    problems: Problems,
    make: Callable[[Entry], T],
    there: dict[object, dict[str, Any]],
    currency: str,
) -> Iterator[T]:
    rows = document.get(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        problems.add(line_of(text, table, 0, None), f"Write each entry as [[{table}]].")
        return
    for index, values in enumerate(rows):
        known = there.get(_identity(table, values))
        entry = Entry(table, values, text, index, problems, known, currency)
        try:
            made = make(entry)
        except ValueError as error:
            entry.problem(None, f"{str(error).rstrip('.')}.")
            continue
        entry.finish()
        yield made
