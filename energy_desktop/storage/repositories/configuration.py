"""The configuration: written as a difference, in one transaction, or not at all.

Tables are compared by domain value, so applying the same site twice touches no row. Contract and
tariff versions that an issued invoice stands on are refused any change: the bill must be
makeable again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, select
from sqlalchemy.orm import Session as OrmSession

from energy_desktop.domain.alarm import AlarmRule
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import Client, ContractVersion, PriceSlot, TariffVersion
from energy_desktop.domain.device import Battery, Device
from energy_desktop.domain.errors import NotFound, StoreError
from energy_desktop.domain.site import Link, Meter, Site, Space, VirtualMeter
from energy_desktop.storage.database import Database
from energy_desktop.storage.repositories import orm
from energy_desktop.storage.repositories.mapping import columns_of, to_domain
from energy_desktop.storage.series.register import RegisterRules
from energy_desktop.storage.series.retention import RetentionRules
from energy_desktop.storage.tables.configuration import (
    AlarmRuleRow,
    BatteryRow,
    ClientRow,
    ContractVersionRow,
    DeviceRow,
    LinkRow,
    MeterRow,
    PriceSlotRow,
    SettingRow,
    SiteRow,
    SpaceRow,
    TariffVersionRow,
    VirtualMeterRow,
)
from energy_desktop.storage.tables.happened import InvoiceUseRow


@dataclass(frozen=True, slots=True)
class _Part:
    """A tuple of the configuration and its table."""

    field: str
    kind: type
    row: type[Any]
    key: tuple[str, ...]
    noun: str


_PARTS = (
    _Part("spaces", Space, SpaceRow, ("space_id",), "space"),
    _Part("links", Link, LinkRow, ("link_id",), "link"),
    _Part("meters", Meter, MeterRow, ("meter_id",), "meter"),
    _Part("virtual_meters", VirtualMeter, VirtualMeterRow, ("virtual_id",), "virtual meter"),
    _Part("clients", Client, ClientRow, ("client_id",), "client"),
    _Part("tariffs", TariffVersion, TariffVersionRow, ("tariff_id", "version"), "tariff"),
    _Part("contracts", ContractVersion, ContractVersionRow, ("contract_id", "version"), "contract"),
    _Part("devices", Device, DeviceRow, ("device_id",), "device"),
    _Part("batteries", Battery, BatteryRow, ("battery_id",), "battery"),
    _Part("alarm_rules", AlarmRule, AlarmRuleRow, ("rule_id",), "alarm rule"),
)


class StoredConfiguration:
    """Implements domain.ports.ConfigurationStore.

    `load()` leaves `prices` empty: they are a series, and `prices(start, end)` reads them.
    `on_zone_changed` is called after a replace that moved the site to another zone.
    `modulus_of_driver`, if set, says where the energy counter of a driver rolls over.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_zone_changed: Callable[[], None] | None = None
        self.modulus_of_driver: Callable[[str], int | None] | None = None

    def load(self) -> Configuration:
        with orm.reading(self._database) as session:
            site_row = session.get(SiteRow, 1)
            parts: dict[str, Any] = {part.field: _load(session, part) for part in _PARTS}
            if site_row is not None:
                parts["site"] = to_domain(Site, site_row)
        return Configuration(**parts)

    def replace(self, configuration: Configuration) -> None:
        zone_of(configuration.site.zone)
        with orm.writing(self._database) as session:
            frozen = _frozen_versions(session)
            zone_before = session.scalar(select(SiteRow.zone))
            _save_site(session, configuration.site)
            for part in _PARTS:
                _write_difference(session, part, getattr(configuration, part.field), frozen)
            _save_prices(session, configuration.prices)
        moved = zone_before is not None and zone_before != configuration.site.zone
        if moved and self.on_zone_changed is not None:
            self.on_zone_changed()

    def save_meter(self, meter: Meter, link: Link | None) -> None:
        with orm.writing(self._database) as session:
            for part, value in ((_PARTS[1], link), (_PARTS[2], meter)):
                if value is None:
                    continue
                key = tuple(getattr(value, name) for name in part.key)
                row = session.get(part.row, key)
                if row is None:
                    last = max((r.position for r in session.scalars(select(part.row))), default=-1)
                    session.add(part.row(position=last + 1, **columns_of(value)))
                else:
                    _update(row, columns_of(value))

    def remove_meter(self, meter_id: str) -> None:
        with orm.writing(self._database) as session:
            row = session.get(MeterRow, meter_id)
            if row is None:
                raise NotFound(
                    where=meter_id, what="the site has no such meter.", remedy="See the meter list."
                )
            users = [
                *session.scalars(select(DeviceRow.name).where(DeviceRow.meter_id == meter_id)),
                *session.scalars(select(BatteryRow.name).where(BatteryRow.meter_id == meter_id)),
                *session.scalars(select(MeterRow.name).where(MeterRow.parent_id == meter_id)),
            ]
            if users:
                raise StoreError(
                    where=row.name,
                    what=f"{', '.join(users)} would be left without this meter.",
                    remedy="Move or remove what hangs on it first.",
                )
            session.delete(row)

    def prices(self, start_ms: int, end_ms: int) -> tuple[PriceSlot, ...]:
        """Slots that overlap [start_ms, end_ms), ascending."""
        with self._database.reading() as session:
            rows = session.rows(
                "SELECT start_ms, end_ms, import_per_kwh, export_per_kwh FROM price_slots"
                " WHERE start_ms < ? AND end_ms > ? ORDER BY start_ms",
                (end_ms, start_ms),
            )
        return tuple(PriceSlot(*row) for row in rows)

    def add_prices(self, slots: Sequence[PriceSlot]) -> int:
        """Adds or corrects; returns how many are new or changed."""
        with orm.writing(self._database) as session:
            return _save_prices(session, slots)

    def setting(self, name: str) -> str | None:
        with self._database.reading() as session:
            row = session.row("SELECT value FROM settings WHERE name = ?", (name,))
        return None if row is None else str(row[0])

    def save_setting(self, name: str, value: str) -> None:
        with orm.writing(self._database) as session:
            session.merge(SettingRow(name=name, value=value))

    # What the series need to know of it.

    def zone(self) -> ZoneInfo:
        """The site's zone; UTC before there is a site."""
        with self._database.reading() as session:
            row = session.row("SELECT zone FROM site")
        return zone_of(row[0]) if row is not None else ZoneInfo("UTC")

    def retention(self) -> RetentionRules:
        """How long the site keeps its readings; the defaults before there is a site."""
        with self._database.reading() as session:
            row = session.row("SELECT raw_days, minute_days FROM site")
        return RetentionRules() if row is None else RetentionRules(int(row[0]), int(row[1]))

    def register_rules(self, meter_id: str) -> RegisterRules:
        """The meter's own modulus, else its driver's behind the meter's transformers."""
        with self._database.reading() as session:
            row = session.row(
                "SELECT poll_interval_s, counter_modulus_wh, connection_limit_w, driver_id,"
                " ct_ratio * vt_ratio, interval_min FROM meters WHERE meter_id = ?",
                (meter_id,),
            )
        if row is None:
            return RegisterRules()
        poll_interval_s, modulus, limit_w, driver_id, ratio, interval_min = row
        if modulus is None and driver_id and self.modulus_of_driver is not None:
            of_driver = self.modulus_of_driver(driver_id)
            modulus = None if of_driver is None else round(of_driver * ratio)
        return RegisterRules.for_meter(poll_interval_s, modulus, limit_w, interval_min * 60_000)


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise StoreError(
            where="site",
            what=f"{name!r} is no time zone.",
            remedy="Write an IANA name, such as Europe/Berlin.",
        ) from error


def _load(session: OrmSession, part: _Part) -> tuple[Any, ...]:
    rows = session.scalars(select(part.row).order_by(part.row.position))
    return tuple(to_domain(part.kind, row) for row in rows)


def _save_site(session: OrmSession, site: Site) -> None:
    row = session.get(SiteRow, 1)
    if row is None:
        session.add(SiteRow(site_key=1, **columns_of(site)))
    else:
        _update(row, columns_of(site))


def _update(row: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def _write_difference(
    session: OrmSession,
    part: _Part,
    wanted: Sequence[Any],
    frozen: dict[tuple[str, str, int], str],
) -> None:
    rows = {
        tuple(getattr(row, name) for name in part.key): row
        for row in session.scalars(select(part.row))
    }
    seen: set[tuple[Any, ...]] = set()
    for position, value in enumerate(wanted):
        key = tuple(getattr(value, name) for name in part.key)
        if key in seen:
            raise StoreError(
                where=f"{part.noun} {'/'.join(map(str, key))}",
                what="it is there twice.",
                remedy="Give each its own id.",
            )
        seen.add(key)
        row = rows.get(key)
        if row is None:
            session.add(part.row(position=position, **columns_of(value)))
            continue
        if to_domain(part.kind, row) != value:
            _refuse_frozen(part, key, frozen, "changed")
            _update(row, columns_of(value))
        if row.position != position:
            row.position = position
    for key in rows.keys() - seen:
        _refuse_frozen(part, key, frozen, "removed")
        session.delete(rows[key])
    session.flush()


def _frozen_versions(session: OrmSession) -> dict[tuple[str, str, int], str]:
    """(contract or tariff, id, version) -> number of an issued invoice that stands on it."""
    return {
        (use.kind, use.subject_id, use.version): use.number
        for use in session.scalars(select(InvoiceUseRow))
    }


def _refuse_frozen(
    part: _Part, key: tuple[Any, ...], frozen: dict[tuple[str, str, int], str], verb: str
) -> None:
    if part.noun not in ("contract", "tariff"):
        return
    number = frozen.get((part.noun, *key))
    if number is not None:
        raise StoreError(
            where=f"{part.noun} {key[0]}, version {key[1]}",
            what=f"invoice {number} stands on it, so it cannot be {verb}.",
            remedy="Add a new version that begins later.",
        )


def _save_prices(session: OrmSession, slots: Sequence[PriceSlot]) -> int:
    if not slots:
        return 0
    first, last = min(s.start_ms for s in slots), max(s.start_ms for s in slots)
    there = {
        row.start_ms: row
        for row in session.scalars(
            select(PriceSlotRow).where(PriceSlotRow.start_ms.between(first, last))
        )
    }
    touched = 0
    for slot in {s.start_ms: s for s in slots}.values():
        row = there.get(slot.start_ms)
        if row is None:
            session.add(PriceSlotRow(**columns_of(slot)))
        elif to_domain(PriceSlot, row) != slot:
            _update(row, columns_of(slot))
        else:
            continue
        touched += 1
    session.flush()
    return touched


def clear_prices(database: Database) -> None:
    """Forgets all prices: a demo site that is made anew."""
    with orm.writing(database) as session:
        session.execute(delete(PriceSlotRow))
