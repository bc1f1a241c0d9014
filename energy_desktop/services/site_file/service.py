"""Applies a site file: merged with what is there, checked as a whole, stored in one transaction.

An entry is found again by its id. What the file does not name stays as it is, so that a meter
added in the window does not vanish when an older file is applied again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.ports import ConfigurationStore, DriverCatalogue
from energy_desktop.domain.recount import Past
from energy_desktop.services.counting import CountingService
from energy_desktop.services.site_file.check import check
from energy_desktop.services.site_file.entry import Problems, line_of
from energy_desktop.services.site_file.read import read_site_file

_TABLES: dict[str, tuple[str, Callable[[Any], object]]] = {
    "spaces": ("spaces", lambda s: s.space_id),
    "links": ("links", lambda k: k.link_id),
    "meters": ("meters", lambda m: m.meter_id),
    "virtual_meters": ("virtual_meters", lambda v: v.virtual_id),
    "clients": ("clients", lambda c: c.client_id),
    "tariffs": ("tariffs", lambda t: (t.tariff_id, t.version)),
    "contracts": ("contracts", lambda k: (k.contract_id, k.version)),
    "devices": ("devices", lambda d: d.device_id),
    "batteries": ("batteries", lambda b: b.battery_id),
    "alarms": ("alarm_rules", lambda r: r.rule_id),
}


@dataclass(frozen=True, slots=True)
class AppliedChanges:
    """How many entries of each table were new, changed and already so."""

    added: dict[str, int]
    changed: dict[str, int]
    unchanged: dict[str, int]

    @property
    def nothing_new(self) -> bool:
        return not any(self.added.values()) and not any(self.changed.values())


class SiteFileService:
    """Brings a site file into the store."""

    def __init__(
        self,
        store: ConfigurationStore,
        catalogue: DriverCatalogue,
        on_applied: Callable[[Configuration], None] | None = None,
        counting: CountingService | None = None,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._on_applied = on_applied
        self._counting = counting

    def apply(self, path: Path, past: Past | None = None) -> AppliedChanges:
        """Raises SiteFileError with every mistake and its line, and PastUndecided where the file
        counts a meter in another way and `past` does not say what becomes of the energy that is
        booked; the store is then untouched."""
        current = self._store.load()
        from_file, text = read_site_file(path, current)
        merged, changes = merge(current, from_file)
        known = {d.driver_id: d.protocol for d in self._catalogue.drivers()}
        problems = Problems()
        for table, index, sentence in check(merged, known):
            problems.add(_line(text, merged, from_file, table, index), sentence)
        problems.raise_if_any(path.name)

        def store() -> None:
            self._store.replace(merged)
            if self._on_applied is not None:
                self._on_applied(merged)

        counted = () if self._counting is None else self._counting.changes(current, merged)
        if self._counting is not None and counted:
            if past is None:
                self._counting.need_answer(counted)
            self._counting.carry_out(counted, past or Past.KEEP, store)
        elif not changes.nothing_new:
            store()
        return changes


def merge(current: Configuration, from_file: Configuration) -> tuple[Configuration, AppliedChanges]:
    """The file laid over what is there."""
    added: dict[str, int] = {}
    changed: dict[str, int] = {}
    unchanged: dict[str, int] = {}
    merged: dict[str, Any] = {}
    for table, (attribute, key) in _TABLES.items():
        there: Sequence[Any] = getattr(current, attribute)
        new: Sequence[Any] = getattr(from_file, attribute)
        before = {key(row): row for row in there}
        added[table] = sum(key(row) not in before for row in new)
        changed[table] = sum(key(row) in before and before[key(row)] != row for row in new)
        unchanged[table] = len(new) - added[table] - changed[table]
        in_file = {key(row) for row in new}
        kept = [row for row in there if key(row) not in in_file]
        merged[attribute] = (*kept, *new)
    has_site = bool(from_file.site.name)
    site = from_file.site if has_site else current.site
    added["site"] = 0
    changed["site"] = int(has_site and site != current.site)
    unchanged["site"] = int(has_site and site == current.site)
    return replace(current, site=site, **merged), AppliedChanges(added, changed, unchanged)


def _line(
    text: str, merged: Configuration, from_file: Configuration, table: str, index: int
) -> int:
    """Line of the index-th merged entry; entries of the file stand last, in its order."""
    if table == "site":
        return line_of(text, "site", 0, None)
    attribute = _TABLES[table][0]
    offset = len(getattr(merged, attribute)) - len(getattr(from_file, attribute))
    return line_of(text, table, index - offset, None) if index >= offset else 1
