"""What each table of a site file becomes: its keys, their ranges and their defaults."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time
from decimal import Decimal
from typing import Any

from energy_desktop.domain.alarm import AlarmRule, Condition, Priority
from energy_desktop.domain.contract import Client, ContractVersion, Span, TariffVersion, WeeklyHours
from energy_desktop.domain.device import Battery, Device, DeviceKind
from energy_desktop.domain.link_kinds import LINK_KINDS, MODBUS, LinkKindInfo
from energy_desktop.domain.settings import SITE
from energy_desktop.domain.site import (
    Link,
    LinkKind,
    Meter,
    Role,
    Site,
    Space,
    SpaceKind,
    VirtualMeter,
)
from energy_desktop.services.site_file.entry import Entry

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$")


def read_site(entry: Entry) -> Site:
    return Site(
        name=entry.text("name"),
        zone=entry.text("zone"),
        currency=entry.text("currency", "EUR"),
        country=entry.text("country", "DE"),
        subdivision=entry.text("subdivision", ""),
        nominal_voltage_v=entry.number("nominal_voltage_v", 230.0, **_range("nominal_voltage_v")),
        nominal_frequency_hz=entry.number(
            "nominal_frequency_hz", 50.0, **_range("nominal_frequency_hz")
        ),
        contract_demand_w=entry.maybe_number("contract_demand_w"),
        operator=entry.text("operator", ""),
        operator_address=entry.texts("operator_address"),
        tax_id=entry.text("tax_id", ""),
        bank_iban=entry.text("bank_iban", ""),
        price_import_per_kwh=entry.money("price_import_per_kwh", Decimal("0.25")),
        price_export_per_kwh=entry.money("price_export_per_kwh", Decimal("0.08")),
        raw_days=entry.integer("raw_days", 31, **_whole_range("raw_days")),
        minute_days=entry.integer("minute_days", 730, **_whole_range("minute_days")),
    )


def _range(name: str) -> dict[str, float]:
    """As the settings page has it: a fact has one range, wherever it is entered."""
    bounds = {"low": SITE[name].at_least, "high": SITE[name].at_most}
    return {key: bound for key, bound in bounds.items() if bound is not None}


def _whole_range(name: str) -> dict[str, int]:
    return {key: int(bound) for key, bound in _range(name).items()}


def _space(entry: Entry) -> Space:
    return Space(
        space_id=entry.identity(),
        name=entry.text("name"),
        kind=entry.choice("kind", SpaceKind),
        parent_id=entry.text("parent", "") or None,
        area_m2=entry.maybe_number("area_m2"),
    )


def _link(entry: Entry) -> Link:
    kind = entry.choice("kind", LinkKind)
    info = LINK_KINDS.get(kind) or LINK_KINDS[LinkKind.MODBUS_TCP]
    by_port = entry.gives("device") or (entry.knows("device") and not entry.gives("host"))
    serial = info.serial and (by_port or not info.network)
    network = info.network and not serial
    return Link(
        link_id=entry.identity(),
        kind=kind,
        host=entry.text("host") if network else "",
        port=entry.integer("port", info.default_port, low=1, high=65535) if network else 502,
        device=entry.text("device") if serial else "",
        baud_rate=_baud_rate(entry, info) if serial else 9600,
        parity=_parity(entry, info.default_parity) if serial else "N",
        stop_bits=entry.integer("stop_bits", 1, low=1, high=2) if serial else 1,
        timeout_s=entry.number("timeout_s", 1.0, low=0.05, high=30),
        guard_s=entry.number("guard_s", 0.3, low=0.0, high=10) if info.protocol == MODBUS else 0.3,
        options=_link_options(entry, info),
    )


def _baud_rate(entry: Entry, info: LinkKindInfo) -> int:
    return entry.integer("baud_rate", info.default_baud_rate, low=300, high=921_600)


def _link_options(entry: Entry, info: LinkKindInfo) -> tuple[tuple[str, str], ...]:
    """Only what differs from its default, in the order of the names."""
    given = []
    for option in info.options:
        value = entry.text(option.name, option.default)
        if option.choices and value not in option.choices:
            choices = ", ".join(option.choices)
            entry.problem(option.name, f"`{option.name}` is {value!r}; it is one of {choices}.")
        elif value != option.default:
            given.append((option.name, value))
    return tuple(sorted(given))


def _parity(entry: Entry, default: str) -> str:
    parity = entry.text("parity", default)
    if parity not in ("N", "E", "O"):
        entry.problem("parity", f"`parity` is {parity!r}; it is N, E or O.")
    return parity


def _meter(entry: Entry) -> Meter:
    return Meter(
        meter_id=entry.identity(),
        name=entry.text("name"),
        driver_id=entry.text("driver", ""),
        link_id=entry.text("link", ""),
        unit_id=entry.integer("unit", 1, low=0, high=255),
        poll_interval_s=entry.number("poll_interval_s", 1.0, low=0.2, high=3600),
        role=entry.choice("role", Role, Role.LOAD),
        space_id=entry.text("space", "") or None,
        parent_id=entry.text("parent", "") or None,
        equipment=entry.text("equipment", ""),
        serial_number=entry.text("serial_number", ""),
        ct_ratio=entry.number("ct_ratio", 1.0, low=1e-6, high=1e6),
        vt_ratio=entry.number("vt_ratio", 1.0, low=1e-6, high=1e6),
        invert=entry.flag("invert", False),
        mid_approved=entry.flag("mid_approved", False),
        counter_modulus_wh=entry.maybe_integer("counter_modulus_wh", low=1),
        connection_limit_w=entry.maybe_number("connection_limit_w", low=1),
        enabled=entry.flag("enabled", True),
        address=entry.text("address", ""),
        interval_min=entry.integer("interval_min", 15, low=1, high=60),
    )


def _virtual_meter(entry: Entry) -> VirtualMeter:
    return VirtualMeter(
        virtual_id=entry.identity(),
        name=entry.text("name"),
        terms=_terms(entry),
        role=entry.choice("role", Role, Role.OTHER),
        note=entry.text("note", ""),
    )


def _terms(entry: Entry) -> tuple[tuple[str, float], ...]:
    """`terms = { main = 1, hall = -1 }`: factor by meter id."""
    given = entry.value("terms")
    if not isinstance(given, dict) or not given:
        entry.problem("terms", "Write `terms` as { main = 1, hall = -1 }: a factor by meter id.")
        return ()
    terms = []
    for meter_id, factor in given.items():
        number = isinstance(factor, int | float) and not isinstance(factor, bool)
        if not number or not 0 < abs(factor) <= 1e6:
            entry.problem(
                "terms", f"the factor of {meter_id} is {factor!r}; write a number, not 0."
            )
            continue
        terms.append((str(meter_id), float(factor)))
    return tuple(terms)


def _client(entry: Entry) -> Client:
    return Client(
        client_id=entry.identity(),
        name=entry.text("name"),
        address=entry.texts("address"),
        email=entry.text("email", ""),
        tax_id=entry.text("tax_id", ""),
    )


def _tariff(entry: Entry) -> TariffVersion:
    return TariffVersion(
        tariff_id=entry.identity(),
        version=entry.integer("version", 1, low=1, high=10_000),
        valid_from=entry.day("valid_from"),
        energy_price_per_kwh=entry.money("energy_price_per_kwh"),
        out_of_hours_price_per_kwh=entry.money("out_of_hours_price_per_kwh"),
        currency=entry.text("currency", entry.currency),
        tax_pct=entry.money("tax_pct", Decimal(0), decimals=2),
        note=entry.text("note", ""),
    )


def _contract(entry: Entry) -> ContractVersion:
    return ContractVersion(
        contract_id=entry.identity(),
        version=entry.integer("version", 1, low=1, high=10_000),
        client_id=entry.text("client"),
        valid_from=entry.day("valid_from"),
        valid_to=entry.maybe_day("valid_to"),
        hours=_hours(entry),
        tariff_id=entry.text("tariff"),
        space_ids=entry.texts("spaces", ...),
    )


def _hours(entry: Entry) -> WeeklyHours:
    """`hours = { mon = ["08:00-20:00"], ..., weekdays = ["08:00-20:00"], holidays = false }`."""
    written = entry.value("hours")
    if isinstance(written, WeeklyHours):
        return written
    table = dict(entry.table("hours"))
    on_holidays = table.pop("holidays", True)
    weekdays = _spans(entry, table.pop("weekdays", []))
    days = []
    for number, name in enumerate(WEEKDAYS):
        spans = _spans(entry, table.pop(name)) if name in table else None
        days.append(spans if spans is not None else (weekdays if number < 5 else ()))
    for key in table:
        entry.problem("hours", f"hours know no `{key}`; they know weekdays, mon to sun, holidays.")
    if not isinstance(on_holidays, bool):
        entry.problem("hours", "`holidays` is true (as on other days) or false (all outside).")
        on_holidays = True
    return WeeklyHours(tuple(days), on_holidays)


def _spans(entry: Entry, written: Any) -> tuple[Span, ...]:
    spans: list[Span] = []
    for text in written if isinstance(written, list) else [written]:
        match = _SPAN.match(str(text))
        if match is None:
            entry.problem("hours", f'hours say {text!r}; write them as "08:00-20:00".')
            continue
        h1, m1, h2, m2 = (int(part) for part in match.groups())
        spans.append((h1 * 60 + m1, h2 * 60 + m2))
    return tuple(spans)


def _device(entry: Entry) -> Device:
    return Device(
        device_id=entry.identity(),
        name=entry.text("name"),
        kind=entry.choice("kind", DeviceKind, DeviceKind.OTHER),
        meter_id=entry.text("meter"),
        rated_power_w=entry.number("rated_power_w", low=0),
        shed_order=entry.maybe_integer("shed_order", low=1),
        longest_off_min=entry.integer("longest_off_min", 60, low=1, high=1440),
        control_register=entry.maybe_integer("control_register", high=65535),
        control_unit_id=entry.maybe_integer("control_unit", low=1, high=247),
    )


def _battery(entry: Entry) -> Battery:
    return Battery(
        battery_id=entry.identity(),
        name=entry.text("name"),
        meter_id=entry.text("meter"),
        capacity_wh=entry.number("capacity_wh", low=1),
        charge_w=entry.number("charge_w", low=0),
        discharge_w=entry.number("discharge_w", low=0),
        charge_efficiency=entry.number("charge_efficiency", 0.95, low=0.01, high=1),
        discharge_efficiency=entry.number("discharge_efficiency", 0.95, low=0.01, high=1),
        soc_min_pct=entry.number("soc_min_pct", 10.0, low=0, high=100),
        soc_max_pct=entry.number("soc_max_pct", 100.0, low=0, high=100),
        wear_per_kwh=entry.number("wear_per_kwh", 0.0, low=0),
        demand_charge_per_kw=entry.number("demand_charge_per_kw", 0.0, low=0),
    )


def _alarm(entry: Entry) -> AlarmRule:
    priority = entry.integer("priority", 2, low=1, high=3)
    return AlarmRule(
        rule_id=entry.identity(),
        name=entry.text("name"),
        meter_id=entry.text("meter", "*"),
        quantity=entry.text("quantity", "power_w"),
        condition=entry.choice("condition", Condition),
        limit=entry.number("limit"),
        deadband=entry.number("deadband", 0.0, low=0),
        on_delay_s=entry.number("on_delay_s", 0.0, low=0),
        off_delay_s=entry.number("off_delay_s", 0.0, low=0),
        priority=Priority(min(max(priority, 1), 3)),
        response=entry.text("response"),
        consequence=entry.text("consequence", ""),
        enabled=entry.flag("enabled", True),
    )


READERS: dict[str, Callable[[Entry], Any]] = {
    "spaces": _space,
    "links": _link,
    "meters": _meter,
    "virtual_meters": _virtual_meter,
    "clients": _client,
    "tariffs": _tariff,
    "contracts": _contract,
    "devices": _device,
    "batteries": _battery,
    "alarms": _alarm,
}
"""Each makes one entry of its table; ValueError becomes a mistake of the entry."""


def minute_text(minute: int) -> str:
    """`480` as `08:00`; 1440 is `24:00`."""
    if minute == 1440:
        return "24:00"
    return time(minute // 60, minute % 60).isoformat(timespec="minutes")
