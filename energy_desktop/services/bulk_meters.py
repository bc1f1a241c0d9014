"""A list of meters in one go: forty rows of a spreadsheet instead of forty dialogs.

Every row is read and every mistake is told with its row, before anything is stored; then all of it
is, in one transaction, or nothing. A meter that the site has already keeps what its row leaves out,
so that a list of names alone renames and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from energy_desktop.acquisition.register_tables import Table, tables
from energy_desktop.domain.commissioning import BulkPlan, BulkRow
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import DataFileError, UserFacingError, WrongUse
from energy_desktop.domain.link_kinds import LINK_KINDS
from energy_desktop.domain.ports import ConfigurationStore, DriverCatalogue
from energy_desktop.domain.recount import Past
from energy_desktop.domain.site import Link, LinkKind, Meter, Role
from energy_desktop.services.counting import CountingService
from energy_desktop.services.site_file.check import check

T = TypeVar("T")

MAX_METERS = 2_000

TEMPLATE_COLUMNS = (
    "id",
    "name",
    "driver",
    "host",
    "port",
    "device",
    "baud_rate",
    "parity",
    "unit",
    "interval_s",
    "role",
    "space",
    "ct_ratio",
    "serial_number",
)
_TEMPLATE_ROWS = (
    "# press-4;Press 4;eastron_sdm630;10.20.4.30;502;;;;12;1;load;;1;",
    "# mill-1;Mill 1;eastron_sdm630;;;COM4;9600;N;3;1;load;;1;",
)

_ALIASES = {
    "id": ("id", "meter_id", "meter"),
    "name": ("name", "label", "description", "bezeichnung"),
    "driver": ("driver", "driver_id", "model", "type", "treiber"),
    "link": ("link", "link_id", "bus"),
    "kind": ("kind", "protocol", "link_kind"),
    "host": ("host", "ip", "ip_address", "gateway"),
    "port": ("port", "tcp_port"),
    "device": ("device", "serial_port", "com", "com_port"),
    "baud_rate": ("baud_rate", "baud", "baudrate"),
    "parity": ("parity",),
    "stop_bits": ("stop_bits", "stopbits"),
    "unit": ("unit", "unit_id", "slave", "slave_id", "modbus_id", "modbus_address"),
    "interval_s": ("interval_s", "interval", "poll_interval_s", "poll_interval"),
    "role": ("role",),
    "space": ("space", "space_id", "zone", "room"),
    "parent": ("parent", "parent_id", "upstream"),
    "equipment": ("equipment", "feeds"),
    "serial_number": ("serial_number", "serial", "serial_no", "sn"),
    "ct_ratio": ("ct_ratio", "ct"),
    "vt_ratio": ("vt_ratio", "vt"),
    "invert": ("invert", "inverted"),
    "mid_approved": ("mid_approved", "mid"),
    "address": ("address", "server_id", "secondary_address"),
    "enabled": ("enabled", "active"),
    "interval_min": ("interval_min", "booking_interval_min", "booked_every_min"),
}
_COLUMN_OF = {alias: column for column, names in _ALIASES.items() for alias in names}
_YES = frozenset({"yes", "y", "true", "1", "x", "on", "ja"})
_NO = frozenset({"no", "n", "false", "0", "off", "nein"})
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")


class BulkMeterService:
    """on_changed: who follows a changed configuration."""

    def __init__(
        self,
        store: ConfigurationStore,
        catalogue: DriverCatalogue,
        on_changed: Callable[[Configuration], None] | None = None,
        counting: CountingService | None = None,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._on_changed = on_changed
        self._counting = counting

    def read(self, path: Path) -> BulkPlan:
        """Reads a CSV or Excel file and checks it against the site; stores nothing.

        Raises DataFileError for a file that is no such list at all; a row's own mistake is in the
        row.
        """
        columns, rows = _listed(path)
        current = self._store.load()
        made = _Rows(path.name, current)
        read = [made.row(number, dict(zip(columns, cells, strict=False))) for number, cells in rows]
        return BulkPlan(path.name, self._checked(path.name, read, current))

    def apply(self, plan: BulkPlan) -> int:
        """Stores every meter of the plan and says how many; polling follows.

        Raises WrongUse when a row has an error, also one that came up since the file was read;
        nothing is stored then.
        """
        current = self._store.load()
        rows = plan.rows
        if not plan.errors:
            rows = self._checked(plan.source, rows, current)
        errors = [row.error for row in rows if row.error is not None]
        if errors or not rows:
            first = errors[0].what if errors else "The list has no meter."
            count = "1 row has" if len(errors) == 1 else f"{len(errors)} rows have"
            raise WrongUse(
                where=errors[0].where if errors else plan.source,
                what=first,
                remedy=f"Nothing was stored; {count} a mistake. Mend the list and read it again."
                if errors
                else "Nothing was stored.",
            )
        merged = _merged(current, rows)
        changes = () if self._counting is None else self._counting.changes(current, merged)
        if self._counting is not None and changes:
            self._counting.need_answer(changes)  # one answer for a whole list would be a guess
            self._counting.carry_out(changes, Past.KEEP, lambda: self._store.replace(merged))
        else:
            self._store.replace(merged)
        if self._on_changed is not None:
            self._on_changed(self._store.load())
        return len(rows)

    def template(self, path: Path) -> Path:
        """Writes a list with the usual columns and two example rows that are not read.

        Raises WrongUse for a file that cannot be written, or is to be an Excel one.
        """
        if path.suffix.lower() in (".xlsx", ".xlsm", ".xls"):
            raise WrongUse(
                where=str(path),
                what="The list to start with is CSV.",
                remedy="Name it .csv; Excel opens it, and may save it as .xlsx.",
            )
        text = "\r\n".join((";".join(TEMPLATE_COLUMNS), *_TEMPLATE_ROWS, ""))
        try:
            path.write_text(text, encoding="utf-8-sig", newline="")
        except OSError as error:
            raise WrongUse(
                where=str(path),
                what=f"cannot be written ({error.strerror or error}).",
                remedy="Choose a folder that you may write to.",
            ) from error
        return path

    def _checked(
        self, source: str, rows: Sequence[BulkRow], current: Configuration
    ) -> tuple[BulkRow, ...]:
        """The rows with what does not hold together in the site as it would be."""
        merged = _merged(current, [row for row in rows if row.error is None])
        known = frozenset(driver.driver_id for driver in self._catalogue.drivers())
        wrong: dict[str, str] = {}
        for table, index, sentence in check(merged, known):
            if table == "meters":
                wrong.setdefault(merged.meters[index].meter_id, sentence)
        for meter_id, words in self._wrong_protocols(merged).items():
            wrong.setdefault(meter_id, words)
        return tuple(
            row
            if row.error is not None or row.meter is None or row.meter.meter_id not in wrong
            else replace(row, error=_mistake(source, row.number, wrong[row.meter.meter_id]))
            for row in rows
        )

    def _wrong_protocols(self, merged: Configuration) -> dict[str, str]:
        protocols = {d.driver_id: d.protocol for d in self._catalogue.drivers()}
        found = {}
        for meter in merged.meters:
            link, protocol = merged.link(meter.link_id), protocols.get(meter.driver_id)
            if link is None or protocol is None:
                continue
            info = LINK_KINDS[link.kind]
            if info.protocol != protocol and not (
                info.protocol == "modbus" and protocol == "sunspec"
            ):
                found[meter.meter_id] = (
                    f"Meter {meter.meter_id}: the driver {meter.driver_id} speaks {protocol}, "
                    f"its link {info.label}."
                )
        return found


class _Rows:
    """Makes meters and links of the rows, one after another; knows what the rows before made."""

    def __init__(self, source: str, current: Configuration) -> None:
        self._source = source
        self._current = current
        self._links = {k.link_id: k for k in current.links}
        self._ids: dict[str, int] = {}
        self._spaces = {s.name.casefold(): s.space_id for s in current.spaces} | {
            s.space_id.casefold(): s.space_id for s in current.spaces
        }

    def row(self, number: int, cells: Mapping[str, str]) -> BulkRow:
        try:
            meter, link = self._made(cells)
            earlier = self._ids.setdefault(meter.meter_id, number)
            if earlier != number:
                raise ValueError(f"the id {meter.meter_id} stands in row {earlier} already")
        except ValueError as error:
            return BulkRow(number, None, None, _mistake(self._source, number, f"{error}."))
        return BulkRow(number, meter, link)

    def _made(self, cells: Mapping[str, str]) -> tuple[Meter, Link | None]:
        given = {column: text for column, text in cells.items() if text}
        formula = next((c for c, text in given.items() if text.startswith("=")), None)
        if formula is not None:
            raise ValueError(f"`{formula}` is a formula, not a value")
        meter_id = given.get("id") or _slug(given.get("name", ""))
        if not _ID.match(meter_id):
            raise ValueError(
                f"`id` is {meter_id!r}; it has 1 to 64 letters, digits and _ . : -"
                if meter_id
                else "neither `id` nor `name` is given"
            )
        before = self._current.meter(meter_id)
        link = self._link(given, before)
        changes: dict[str, Any] = {
            field: read(given[column], column)
            for column, (field, read) in _FIELDS.items()
            if column in given
        }
        if "space" in given:
            changes["space_id"] = self._space(given["space"])
        if link is not None:
            changes["link_id"] = link.link_id
        meter = replace(before or Meter(meter_id, given.get("name", meter_id)), **changes)
        return meter, link

    def _space(self, text: str) -> str:
        found = self._spaces.get(text.casefold())
        if found is None:
            raise ValueError(f"there is no space {text!r}")
        return found

    def _link(self, given: Mapping[str, str], before: Meter | None) -> Link | None:
        wanted = given.get("link", "")
        if not ("host" in given or "device" in given):
            if not wanted:
                return None if before is None else self._links.get(before.link_id)
            link = self._links.get(wanted)
            if link is None:
                raise ValueError(
                    f"there is no link {wanted!r}, and neither host nor device is given"
                )
            return link
        link = _link_of(given, wanted)
        same = self._links.get(wanted) if wanted else self._to_same_place(link)
        if same is not None:
            if (same.kind, same.address) != (link.kind, link.address):
                raise ValueError(f"link {wanted} leads to {same.address}, not to {link.address}")
            return same
        if not wanted:
            self._refuse_two_settings(link)
        self._links[link.link_id] = link
        return link

    def _to_same_place(self, wanted: Link) -> Link | None:
        for link in self._links.values():
            if (link.kind, link.address) == (wanted.kind, wanted.address):
                return link
        return None

    def _refuse_two_settings(self, link: Link) -> None:
        """One serial port has one speed: two of them are a mistake in the list, not two links."""
        for other in self._links.values():
            if link.device and other.device == link.device:
                raise ValueError(
                    f"{link.device} is set to {other.address} elsewhere, here to {link.address}"
                )


def _link_of(given: Mapping[str, str], link_id: str) -> Link:
    serial = "device" in given
    if serial and "host" in given:
        raise ValueError("both host and device are given: a meter hangs on one of them")
    kind = LinkKind.MODBUS_RTU if serial else LinkKind.MODBUS_TCP
    if "kind" in given:
        kind = _choice(given["kind"], "kind", {k.value: k for k in LinkKind})
    info = LINK_KINDS[kind]
    if not (info.serial if serial else info.network):
        raise ValueError(f"{info.label} is not reached by {'device' if serial else 'host'}")
    if serial:
        device = given["device"]
        parity = given.get("parity", info.default_parity).upper()[:1]
        if parity not in ("N", "E", "O"):
            raise ValueError(f"`parity` is {given['parity']!r}; it is N, E or O")
        return Link(
            link_id or _slug(device),
            kind,
            device=device,
            baud_rate=_whole(given.get("baud_rate", str(info.default_baud_rate)), 300, 921_600),
            parity=parity,
            stop_bits=_whole(given.get("stop_bits", "1"), 1, 2),
        )
    host, colon, behind = given["host"].rpartition(":")
    if not colon or not behind.isdigit():
        host, behind = given["host"], ""
    port = _whole(given.get("port") or behind or str(info.default_port), 1, 65_535)
    return Link(link_id or _slug(f"{host}-{port}"), kind, host=host, port=port)


def _whole(text: str, low: int, high: int) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{text!r} is no whole number of {low} to {high}")
    return int(text)


def _number(low: float, high: float) -> Callable[[str, str], float]:
    def read(text: str, column: str) -> float:
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            raise ValueError(f"`{column}` is {text!r}, which is no number") from None
        if not low <= value <= high:
            raise ValueError(f"`{column}` is {text}; it is {low:g} to {high:g}")
        return value

    return read


def _integer(low: int, high: int) -> Callable[[str, str], int]:
    def read(text: str, column: str) -> int:
        try:
            return _whole(text, low, high)
        except ValueError as error:
            raise ValueError(f"`{column}`: {error}") from None

    return read


def _flag(text: str, column: str) -> bool:
    if text.casefold() in _YES | _NO:
        return text.casefold() in _YES
    raise ValueError(f"`{column}` is {text!r}; it is yes or no")


def _text(text: str, column: str) -> str:  # noqa: ARG001
    return text


def _role(text: str, column: str) -> Role:
    return _choice(text, column, {role.value: role for role in Role})


def _choice(text: str, column: str, choices: Mapping[str, T]) -> T:
    found = choices.get(text.casefold())
    if found is None:
        raise ValueError(f"`{column}` is {text!r}; it is one of {', '.join(choices)}")
    return found


_FIELDS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "name": ("name", _text),
    "driver": ("driver_id", _text),
    "unit": ("unit_id", _integer(0, 255)),
    "interval_s": ("poll_interval_s", _number(0.2, 3600.0)),
    "role": ("role", _role),
    "parent": ("parent_id", _text),
    "equipment": ("equipment", _text),
    "serial_number": ("serial_number", _text),
    "ct_ratio": ("ct_ratio", _number(1e-6, 1e6)),
    "vt_ratio": ("vt_ratio", _number(1e-6, 1e6)),
    "invert": ("invert", _flag),
    "mid_approved": ("mid_approved", _flag),
    "address": ("address", _text),
    "enabled": ("enabled", _flag),
    "interval_min": ("interval_min", _integer(1, 60)),
}


def _listed(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Column names as we call them, and the rows with their numbers."""
    table: Table = next(tables(path), [])
    header = next((i for i, row in enumerate(table) if any(row)), None)
    if header is None:
        raise DataFileError(
            where=path.name, what="it is empty.", remedy="Its first row names the columns."
        )
    columns = [_COLUMN_OF.get(_flat(cell), "") for cell in table[header]]
    unknown = [c for c, known in zip(table[header], columns, strict=True) if c and not known]
    twice = sorted({c for c in columns if c and columns.count(c) > 1})
    if twice or not {"id", "name"} & set(columns):
        what = (
            f"two columns mean {twice[0]!r}."
            if twice
            else f"no column is called id or name (there are: {', '.join(table[header][:8])})."
        )
        raise DataFileError(
            where=f"{path.name}, row {header + 1}",
            what=what,
            remedy="`energy-desktop meters-import --template FILE` writes a list to start with.",
        )
    if unknown:
        raise DataFileError(
            where=f"{path.name}, row {header + 1}",
            what=f"the column {unknown[0]!r} is not known.",
            remedy=f"Remove it, or call it one of: {', '.join(_ALIASES)}.",
        )
    rows = [
        (number, row)
        for number, row in enumerate(table[header + 1 :], header + 2)
        if any(row) and not row[0].startswith("#")
    ]
    if not rows or len(rows) > MAX_METERS:
        raise DataFileError(
            where=path.name,
            what="no row is below the header."
            if not rows
            else f"{len(rows):,} meters are more than {MAX_METERS:,} in one go.",
            remedy="Give a row per meter, in parts if there are many.",
        )
    return columns, rows


def _merged(current: Configuration, rows: Sequence[BulkRow]) -> Configuration:
    meters = {m.meter_id: m for m in current.meters}
    links = {k.link_id: k for k in current.links}
    for row in rows:
        if row.meter is not None:
            meters[row.meter.meter_id] = row.meter
        if row.link is not None:
            links[row.link.link_id] = row.link
    return replace(current, meters=tuple(meters.values()), links=tuple(links.values()))


def _mistake(source: str, number: int, what: str) -> UserFacingError:
    return DataFileError(
        where=f"{source}, row {number}",
        what=what[0].upper() + what[1:],
        remedy="Mend the row and read the list again; nothing was stored.",
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:64]


def _flat(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")
