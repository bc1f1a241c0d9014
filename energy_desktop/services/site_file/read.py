"""From TOML text to a `Configuration`, every mistake with its line.

tomllib forgets where a value stood, so the line of an entry is found again by counting its
`[[table]]` headers. All mistakes are gathered before anything is said: who commissions forty
meters wants one list, not forty rounds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from energy_desktop.domain.alarm import AlarmRule, Condition, Priority
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import (
    Client,
    ContractVersion,
    Span,
    TariffVersion,
    WeeklyHours,
)
from energy_desktop.domain.device import Battery, Device, DeviceKind
from energy_desktop.domain.errors import SiteFileError
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
from energy_desktop.services.site_file.keys import as_in_file

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$")
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")


@dataclass(slots=True)
class Problems:
    """Mistakes with their lines, in the order of the file."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, what: str) -> None:
        self.found.append((line, what))

    def raise_if_any(self, name: str) -> None:
        if not self.found:
            return
        ordered = sorted(self.found)
        line, first = ordered[0]
        more = "".join(f"\n  line {at}: {what}" for at, what in ordered[1:])
        count = "1 mistake" if len(ordered) == 1 else f"{len(ordered)} mistakes"
        raise SiteFileError(
            where=f"{name}, line {line}",
            what=first,
            remedy=f"Nothing was changed; mend {count} and apply it again.{more}",
        )


class Entry:
    """One table of the file; hands out typed fields and remembers what was not asked for."""

    def __init__(
        self,
        table: str,
        values: dict[str, Any],
        text: str,
        index: int,
        problems: Problems,
        known: dict[str, Any] | None = None,
    ) -> None:
        """known: what is stored of this entry; a key that the file leaves out keeps it."""
        self._table = table
        self._values = values
        self._known = known or {}
        self._text = text
        self._index = index
        self._problems = problems
        self._asked: set[str] = set()

    def line(self, key: str | None = None) -> int:
        return line_of(self._text, self._table, self._index, key)

    def problem(self, key: str | None, what: str) -> None:
        self._problems.add(self.line(key), what)

    def _take(self, key: str, default: Any) -> Any:
        self._asked.add(key)
        if key in self._values:
            return self._values[key]
        if key in self._known:
            return self._known[key]
        if default is ...:
            self.problem(None, f"[{self._table}] lacks `{key}`.")
            return None
        return default

    def gives(self, key: str) -> bool:
        """Whether the file says anything under this key."""
        return key in self._values

    def knows(self, key: str) -> bool:
        """Whether what is stored of the entry says anything under this key."""
        return bool(self._known.get(key))

    def text(self, key: str, default: Any = ...) -> str:
        value = self._take(key, default)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problem(key, f"`{key}` is {value!r}; write it as text in quotes.")
            return ""
        if "\0" in value or len(value) > 400:
            self.problem(key, f"`{key}` has a NUL or more than 400 characters.")
            return ""
        return value

    def identity(self, key: str = "id") -> str:
        value = self.text(key)
        if value and not _ID.match(value):
            self.problem(
                key,
                f"`{key}` is {value!r}; use letters, digits, and _ . : - (64 at most).",
            )
        return value

    def number(
        self, key: str, default: Any = ..., *, low: float = float("-inf"), high: float = 1e15
    ) -> float:
        value = self._take(key, default)
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(key, f"`{key}` is {value!r}; write a number.")
            return 0.0
        if not low <= value <= high:
            self.problem(key, f"`{key}` is {value}; it must lie in {low:g} to {high:g}.")
        return float(value)

    def maybe_number(self, key: str, *, low: float = 0.0, high: float = 1e15) -> float | None:
        self._asked.add(key)
        if key in self._values:
            return self.number(key, low=low, high=high)
        stored: float | None = self._known.get(key)
        return stored

    def integer(self, key: str, default: Any = ..., *, low: int = 0, high: int = 10**15) -> int:
        value = self.number(key, default, low=low, high=high)
        if value != int(value):
            self.problem(key, f"`{key}` is {value}; write a whole number.")
        return int(value)

    def maybe_integer(self, key: str, *, low: int = 0, high: int = 10**15) -> int | None:
        self._asked.add(key)
        if key in self._values:
            return self.integer(key, low=low, high=high)
        stored: int | None = self._known.get(key)
        return stored

    def flag(self, key: str, default: bool) -> bool:
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.problem(key, f"`{key}` is {value!r}; write true or false.")
            return default
        return value

    def choice(self, key: str, kind: type[E], default: Any = ...) -> E:
        value = self._take(key, default)
        if isinstance(value, kind):
            return value
        for member in kind:
            if member.value == value:
                return member
        if value is not None:
            options = ", ".join(str(member.value) for member in kind)
            self.problem(key, f"`{key}` is {value!r}; it is one of {options}.")
        return next(iter(kind))

    def money(self, key: str, default: Any = ..., *, decimals: int = 4) -> Decimal:
        value = self._take(key, default)
        if value is None:
            return Decimal(0)
        if isinstance(value, Decimal):
            return value
        try:
            if not isinstance(value, str | int):
                raise InvalidOperation
            amount = Decimal(value)
        except InvalidOperation:
            self.problem(key, f'`{key}` is {value!r}; write it in quotes, as "0.3150".')
            return Decimal(0)
        exponent = amount.as_tuple().exponent
        if not isinstance(exponent, int) or -exponent > decimals:
            self.problem(key, f"`{key}` is {value}; it may have {decimals} decimals at most.")
            return Decimal(0)
        return amount

    def day(self, key: str, default: Any = ...) -> date:
        value = self._take(key, default)
        if isinstance(value, date) and not hasattr(value, "hour"):
            return value
        if value is not None:
            self.problem(key, f"`{key}` is {value!r}; write a date as 2026-01-31 without quotes.")
        return date(1970, 1, 1)

    def maybe_day(self, key: str) -> date | None:
        self._asked.add(key)
        if key in self._values:
            return self.day(key)
        stored: date | None = self._known.get(key)
        return stored

    def texts(self, key: str, default: Any = ()) -> tuple[str, ...]:
        value = self._take(key, default)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            self.problem(key, f"`{key}` is {value!r}; write a list of texts.")
            return ()
        return tuple(value)

    def value(self, key: str) -> Any:
        """As it stands in the file or the store; None where it is in neither."""
        self._asked.add(key)
        return self._values.get(key, self._known.get(key))

    def table(self, key: str) -> dict[str, Any]:
        value = self._take(key, ...)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.problem(key, f"`{key}` is {value!r}; write a table {{ ... }}.")
        return {}

    def finish(self) -> None:
        """A key that nobody asked for is a typing error, and would silently do nothing."""
        from difflib import get_close_matches

        for key in self._values:
            if key not in self._asked:
                near = get_close_matches(key, self._asked, n=1)
                hint = f" Is `{near[0]}` meant?" if near else ""
                self.problem(key, f"[{self._table}] knows no `{key}`.{hint}")


def line_of(text: str, table: str, index: int, key: str | None) -> int:
    """Line (from 1) of `key` in the index-th table called `table`, or of the table's header."""
    header = re.compile(rf"^\s*\[\[?\s*{re.escape(table)}\s*\]\]?\s*(#.*)?$")
    any_header = re.compile(r"^\s*\[")
    key_at = re.compile(rf"^\s*\"?{re.escape(key)}\"?\s*[=.]") if key else None
    seen = -1
    header_line = 1
    for number, line in enumerate(text.splitlines(), start=1):
        if header.match(line):
            seen += 1
            if seen == index:
                header_line = number
            continue
        if seen == index:
            if any_header.match(line):
                break
            if key_at is not None and key_at.match(line):
                return number
    return header_line


def read_site_file(path: Path, current: Configuration | None = None) -> tuple[Configuration, str]:
    """The file as a configuration, and its text. Raises SiteFileError; nothing else."""
    try:
        text = path.read_text(encoding="utf-8")
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
    return parse(text, path.name, current), text


def parse(text: str, name: str, current: Configuration | None = None) -> Configuration:
    """Reads the text of a site file; references between entries are the business of `check`.

    current: what is stored. An entry that is there already keeps every key that the file leaves
    out, so that a file which renames a meter does not take its driver away.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        at = f", line {found.group(1)}" if found else ""
        raise SiteFileError(
            where=f"{name}{at}",
            what=f"This is no TOML: {error}.",
            remedy="Nothing was changed; mend the line and apply the file again.",
        ) from error

    problems = Problems()
    known = {"site", *_READERS}
    for table in document:
        if table not in known:
            problems.add(
                line_of(text, table, 0, None),
                f"A site file knows no [{table}]; it knows {', '.join(sorted(known))}.",
            )
    site = Site(name="", zone="UTC")
    if "site" in document:
        stored = as_in_file("site", current.site) if current and current.site.name else None
        entry = Entry("site", document["site"], text, 0, problems, stored)
        site = _site(entry)
        entry.finish()

    read: dict[str, tuple[Any, ...]] = {}
    for table, make in _READERS.items():
        there = _stored_entries(current, table)
        read[table] = tuple(_entries(document, table, text, problems, make, there))
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
        return values.get("id"), values.get("version", 1)
    return values.get("id")


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
) -> Iterator[T]:
    rows = document.get(table, [])
    if not isinstance(rows, list):
        problems.add(line_of(text, table, 0, None), f"Write each entry as [[{table}]].")
        return
    for index, values in enumerate(rows):
        entry = Entry(table, values, text, index, problems, there.get(_identity(table, values)))
        try:
            made = make(entry)
        except ValueError as error:
            entry.problem(None, f"{str(error).rstrip('.')}.")
            continue
        entry.finish()
        yield made


def _site(entry: Entry) -> Site:
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
    )


def _range(name: str) -> dict[str, float]:
    """As the settings page has it: a fact has one range, wherever it is entered."""
    bounds = {"low": SITE[name].at_least, "high": SITE[name].at_most}
    return {key: bound for key, bound in bounds.items() if bound is not None}


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
        currency=entry.text("currency", "EUR"),
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
    for text in [written] if isinstance(written, str) else written:
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


_READERS: dict[str, Callable[[Entry], Any]] = {
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


def minute_text(minute: int) -> str:
    """`480` as `08:00`; 1440 is `24:00`."""
    if minute == 1440:
        return "24:00"
    return time(minute // 60, minute % 60).isoformat(timespec="minutes")
