"""Whether a configuration holds together: what refers to what, and what follows what.

Run over the merged whole (what the store has, overlaid with the file), so that a file may name a
link or a client that was applied before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.intervals import interval_problem
from energy_desktop.domain.link_kinds import kind_info
from energy_desktop.domain.site import Meter, SpaceKind
from energy_desktop.services.formulas import made_of_others

Problem = tuple[str, int, str]
"""(table of the site file, index of the entry in the configuration, sentence)."""


def check(configuration: Configuration, drivers: Collection[str]) -> list[Problem]:
    """Every mistake found; an empty list: the configuration may be stored.

    drivers: the ids that there are; as a mapping, each with its protocol, which then must fit
    the link.
    """
    return [
        *_site(configuration),
        *_identities(configuration),
        *_spaces(configuration),
        *_meters(configuration, drivers),
        *_virtual_meters(configuration),
        *_contracts(configuration),
        *_devices(configuration),
        *_alarms(configuration),
    ]


def _zone(c: Configuration) -> ZoneInfo | None:
    try:
        return ZoneInfo(c.site.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _site(c: Configuration) -> Iterator[Problem]:
    if _zone(c) is None:
        yield "site", 0, f"`zone` {c.site.zone!r} is no IANA time zone, as Europe/Berlin is."
    if not c.site.name.strip():
        yield "site", 0, "`name` of the site is empty."


def _identities(c: Configuration) -> Iterator[Problem]:
    tables: dict[str, Iterable[object]] = {
        "spaces": [s.space_id for s in c.spaces],
        "links": [k.link_id for k in c.links],
        "meters": [m.meter_id for m in c.meters],
        "virtual_meters": [v.virtual_id for v in c.virtual_meters],
        "clients": [k.client_id for k in c.clients],
        "tariffs": [(t.tariff_id, t.version) for t in c.tariffs],
        "contracts": [(k.contract_id, k.version) for k in c.contracts],
        "devices": [d.device_id for d in c.devices],
        "batteries": [b.battery_id for b in c.batteries],
        "alarms": [r.rule_id for r in c.alarm_rules],
    }
    for table, keys in tables.items():
        listed = list(keys)
        for key, count in Counter(listed).items():
            if count > 1:
                at = len(listed) - 1 - listed[::-1].index(key)
                yield table, at, f"{key!r} stands {count} times in [{table}]."


def _spaces(c: Configuration) -> Iterator[Problem]:
    parents = {s.space_id: s.parent_id for s in c.spaces}
    for index, space in enumerate(c.spaces):
        if space.parent_id is not None and space.parent_id not in parents:
            yield (
                "spaces",
                index,
                f"{space.space_id} lies in {space.parent_id!r}, which is unknown.",
            )
            continue
        seen = {space.space_id}
        above = space.parent_id
        while above is not None:
            if above in seen:
                yield "spaces", index, f"{space.space_id} lies inside itself."
                break
            seen.add(above)
            above = parents.get(above)


def _meters(c: Configuration, drivers: Collection[str]) -> Iterator[Problem]:
    links = {k.link_id for k in c.links}
    spaces = {s.space_id for s in c.spaces}
    meters = {m.meter_id for m in c.meters}
    parents = {m.meter_id: m.parent_id for m in c.meters}
    zone = _zone(c)
    for index, meter in enumerate(c.meters):
        who = f"Meter {meter.meter_id}"
        if zone is not None and (wrong := interval_problem(meter, zone)):
            yield "meters", index, f"{who}: {wrong}"
        if bool(meter.driver_id) != bool(meter.link_id):
            yield "meters", index, f"{who} needs both a driver and a link, or neither (imported)."
        if meter.driver_id and meter.driver_id not in drivers:
            yield "meters", index, f"{who}: there is no driver {meter.driver_id!r}."
        elif isinstance(drivers, Mapping) and (link := c.link(meter.link_id)) is not None:
            protocol = drivers.get(meter.driver_id, "")
            if protocol and not kind_info(link).takes(protocol):
                yield (
                    "meters",
                    index,
                    f"{who}: the driver {meter.driver_id} speaks {protocol}, which the link "
                    f"{link.link_id} ({kind_info(link).label}) does not carry.",
                )
        if meter.link_id and meter.link_id not in links:
            yield "meters", index, f"{who}: there is no link {meter.link_id!r}."
        if meter.space_id is not None and meter.space_id not in spaces:
            yield "meters", index, f"{who}: there is no space {meter.space_id!r}."
        if meter.parent_id is not None and meter.parent_id not in meters:
            yield "meters", index, f"{who}: there is no meter {meter.parent_id!r} upstream."
        if _is_behind_itself(meter, parents):
            yield "meters", index, f"{who} is behind itself: follow `parent` from meter to meter."
    by_unit = {k.link_id: kind_info(k).uses_unit for k in c.links}
    by_address = {k.link_id: kind_info(k).uses_address for k in c.links}

    def place(meter: Meter) -> tuple[str, str]:
        """What must differ between two meters of a link."""
        if by_unit.get(meter.link_id, True) and not meter.address:
            return meter.link_id, f"unit {meter.unit_id}"
        if not by_address.get(meter.link_id, True):  # a part of the unit: SunSpec
            return meter.link_id, f"unit {meter.unit_id}, {meter.address}"
        return meter.link_id, f"address {meter.address or '(any)'}"

    on_wire: dict[tuple[str, str], list[str]] = {}
    for meter in c.meters:
        if meter.link_id and meter.enabled:
            on_wire.setdefault(place(meter), []).append(meter.meter_id)
    for index, meter in enumerate(c.meters):
        others = [m for m in on_wire.get(place(meter), ()) if m != meter.meter_id]
        if meter.link_id and meter.enabled and others:
            link_id, where = place(meter)
            too = ", ".join(others)
            yield (
                "meters",
                index,
                f"Meter {meter.meter_id}: {where} on {link_id} is used twice, by {too} too.",
            )


def _is_behind_itself(meter: Meter, parents: Mapping[str, str | None]) -> bool:
    seen: set[str] = set()
    above = meter.parent_id
    while above is not None and above != meter.meter_id and above not in seen:
        seen.add(above)
        above = parents.get(above)
    return above == meter.meter_id


def _virtual_meters(c: Configuration) -> Iterator[Problem]:
    meters = {m.meter_id for m in c.meters}
    for index, virtual in enumerate(c.virtual_meters):
        who = f"Virtual meter {virtual.virtual_id}"
        if not virtual.terms:
            yield "virtual_meters", index, f"{who} has no terms."
        for meter_id, _ in virtual.terms:
            computed = c.virtual_meter(meter_id)
            if computed is not None:
                yield "virtual_meters", index, f"{who}: {made_of_others(computed)}"
            elif meter_id not in meters:
                yield "virtual_meters", index, f"{who}: there is no meter {meter_id!r}."


def _contracts(c: Configuration) -> Iterator[Problem]:
    clients = {k.client_id for k in c.clients}
    zones = {s.space_id for s in c.spaces if s.kind is SpaceKind.ZONE}
    first_price: dict[str, date] = {}
    for tariff in c.tariffs:
        known = first_price.get(tariff.tariff_id, tariff.valid_from)
        first_price[tariff.tariff_id] = min(known, tariff.valid_from)
    for index, contract in enumerate(c.contracts):
        who = f"Contract {contract.contract_id} version {contract.version}"
        if contract.client_id not in clients:
            yield "contracts", index, f"{who}: there is no client {contract.client_id!r}."
        if contract.tariff_id not in first_price:
            yield "contracts", index, f"{who}: there is no tariff {contract.tariff_id!r}."
        elif first_price[contract.tariff_id] > contract.valid_from:
            yield (
                "contracts",
                index,
                f"{who} begins {contract.valid_from}, before the first price of "
                f"{contract.tariff_id} on {first_price[contract.tariff_id]}.",
            )
        if contract.valid_to is not None and contract.valid_to <= contract.valid_from:
            yield "contracts", index, f"{who} ends before it begins."
        for space_id in contract.space_ids:
            if space_id not in zones:
                yield "contracts", index, f"{who}: {space_id!r} is no zone of the site."
    yield from _versions(c)
    yield from _rented_twice(c)


def _versions(c: Configuration) -> Iterator[Problem]:
    order = {(k.contract_id, k.version): i for i, k in enumerate(c.contracts)}
    ordered = sorted(c.contracts, key=lambda k: (k.contract_id, k.version))
    for contract_id, versions in groupby(ordered, key=lambda k: k.contract_id):
        for before, after in pairwise(versions):
            at = order[contract_id, after.version]
            if after.valid_from <= before.valid_from:
                yield "contracts", at, f"Contract {contract_id}: a later version begins earlier."
            elif before.valid_to is not None and before.valid_to != after.valid_from:
                yield (
                    "contracts",
                    at,
                    f"Contract {contract_id}: version {before.version} ends {before.valid_to}, "
                    f"version {after.version} begins {after.valid_from}; they must meet.",
                )


def _rented_twice(c: Configuration) -> Iterator[Problem]:
    latest: dict[str, int] = {}
    for k in c.contracts:
        latest[k.contract_id] = max(latest.get(k.contract_id, 0), k.version)
    tenant: dict[str, str] = {}
    for index, contract in enumerate(c.contracts):
        if contract.version != latest[contract.contract_id] or contract.valid_to is not None:
            continue
        for space_id in contract.space_ids:
            other = tenant.setdefault(space_id, contract.contract_id)
            if other != contract.contract_id:
                yield (
                    "contracts",
                    index,
                    f"Zone {space_id} is rented under {other} and {contract.contract_id} at once.",
                )


def _devices(c: Configuration) -> Iterator[Problem]:
    meters = {m.meter_id for m in c.meters}
    for index, device in enumerate(c.devices):
        if device.meter_id not in meters:
            yield "devices", index, f"Device {device.device_id}: no meter {device.meter_id!r}."
    for index, battery in enumerate(c.batteries):
        if battery.meter_id not in meters:
            yield (
                "batteries",
                index,
                f"Battery {battery.battery_id}: no meter {battery.meter_id!r}.",
            )
        if battery.soc_min_pct >= battery.soc_max_pct:
            yield "batteries", index, f"Battery {battery.battery_id}: soc_min is not under soc_max."


def _alarms(c: Configuration) -> Iterator[Problem]:
    meters = {m.meter_id for m in c.meters}
    for index, rule in enumerate(c.alarm_rules):
        if rule.meter_id != "*" and rule.meter_id not in meters:
            yield "alarms", index, f"Alarm {rule.rule_id}: there is no meter {rule.meter_id!r}."
        if not rule.response.strip():
            yield "alarms", index, f"Alarm {rule.rule_id} has no response: what is one to do?"
