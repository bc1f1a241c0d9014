"""What the site is: a table for each part of the configuration, its prices and its keys."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Float, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from energy_desktop.domain.alarm import Condition, Priority
from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.device import DeviceKind
from energy_desktop.domain.site import LinkKind, Role, SpaceKind
from energy_desktop.storage.tables.base import Base, later
from energy_desktop.storage.types import (
    Choice,
    Day,
    EpochMs,
    Factors,
    Frozen,
    Pairs,
    Price,
    Rank,
    Texts,
)


class SettingRow(Base):
    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class ApiKeyRow(Base):
    """secret_hash: SHA-256 of the secret, in hexadecimal; the secret itself is kept nowhere."""

    __tablename__ = "api_keys"
    key_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    secret_hash: Mapped[str] = mapped_column(String(64))
    made_at_ms: Mapped[int] = mapped_column(EpochMs)
    revoked_at_ms: Mapped[int | None] = mapped_column(EpochMs)
    last_used_ms: Mapped[int | None] = mapped_column(EpochMs)
    __table_args__ = (UniqueConstraint("secret_hash", name="one_key_per_secret"),)


class SiteRow(Base):
    """The one site of this database."""

    __tablename__ = "site"
    site_key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    zone: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(String(3))
    country: Mapped[str] = mapped_column(Text)
    subdivision: Mapped[str] = mapped_column(Text)
    nominal_voltage_v: Mapped[float] = mapped_column(Float)
    nominal_frequency_hz: Mapped[float] = mapped_column(Float)
    contract_demand_w: Mapped[float | None] = mapped_column(Float)
    operator: Mapped[str] = mapped_column(Text)
    operator_address: Mapped[tuple[str, ...]] = mapped_column(Texts)
    tax_id: Mapped[str] = mapped_column(Text)
    bank_iban: Mapped[str] = mapped_column(Text)
    price_import_per_kwh: Mapped[Decimal] = mapped_column(Price)
    price_export_per_kwh: Mapped[Decimal] = mapped_column(Price)
    raw_days: Mapped[int]
    minute_days: Mapped[int]
    __table_args__ = (CheckConstraint("site_key = 1", name="one_site"),)


class SpaceRow(Base):
    __tablename__ = "spaces"
    space_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[SpaceKind] = mapped_column(Choice(SpaceKind))
    parent_id: Mapped[str | None] = mapped_column(Text, later("spaces.space_id"))
    area_m2: Mapped[float | None] = mapped_column(Float)


class LinkRow(Base):
    __tablename__ = "links"
    link_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int]
    kind: Mapped[LinkKind] = mapped_column(Choice(LinkKind))
    host: Mapped[str] = mapped_column(Text)
    port: Mapped[int]
    device: Mapped[str] = mapped_column(Text)
    baud_rate: Mapped[int]
    parity: Mapped[str] = mapped_column(String(1))
    stop_bits: Mapped[int]
    timeout_s: Mapped[float] = mapped_column(Float)
    guard_s: Mapped[float] = mapped_column(Float)
    options: Mapped[tuple[tuple[str, str], ...]] = mapped_column(Pairs)


class MeterRow(Base):
    __tablename__ = "meters"
    meter_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    driver_id: Mapped[str] = mapped_column(Text)
    link_id: Mapped[str] = mapped_column(Text)
    unit_id: Mapped[int]
    poll_interval_s: Mapped[float] = mapped_column(Float)
    role: Mapped[Role] = mapped_column(Choice(Role))
    space_id: Mapped[str | None] = mapped_column(Text, later("spaces.space_id"))
    parent_id: Mapped[str | None] = mapped_column(Text, later("meters.meter_id"))
    equipment: Mapped[str] = mapped_column(Text)
    serial_number: Mapped[str] = mapped_column(Text)
    ct_ratio: Mapped[float] = mapped_column(Float)
    vt_ratio: Mapped[float] = mapped_column(Float)
    invert: Mapped[bool] = mapped_column(Boolean)
    mid_approved: Mapped[bool] = mapped_column(Boolean)
    counter_modulus_wh: Mapped[int | None] = mapped_column(BigInteger)
    connection_limit_w: Mapped[float | None] = mapped_column(Float)
    enabled: Mapped[bool] = mapped_column(Boolean)
    address: Mapped[str] = mapped_column(Text)
    interval_min: Mapped[int]


class VirtualMeterRow(Base):
    __tablename__ = "virtual_meters"
    virtual_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    terms: Mapped[tuple[tuple[str, float], ...]] = mapped_column(Factors)
    role: Mapped[Role] = mapped_column(Choice(Role))
    note: Mapped[str] = mapped_column(Text)


class ClientRow(Base):
    __tablename__ = "clients"
    client_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[tuple[str, ...]] = mapped_column(Texts)
    email: Mapped[str] = mapped_column(Text)
    tax_id: Mapped[str] = mapped_column(Text)


class TariffVersionRow(Base):
    __tablename__ = "tariff_versions"
    tariff_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int]
    valid_from: Mapped[date] = mapped_column(Day)
    energy_price_per_kwh: Mapped[Decimal] = mapped_column(Price)
    out_of_hours_price_per_kwh: Mapped[Decimal] = mapped_column(Price)
    currency: Mapped[str] = mapped_column(String(3))
    tax_pct: Mapped[Decimal] = mapped_column(Price)
    note: Mapped[str] = mapped_column(Text)


class ContractVersionRow(Base):
    __tablename__ = "contract_versions"
    contract_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int]
    client_id: Mapped[str] = mapped_column(Text, later("clients.client_id"))
    valid_from: Mapped[date] = mapped_column(Day)
    hours: Mapped[WeeklyHours] = mapped_column(Frozen(WeeklyHours))
    tariff_id: Mapped[str] = mapped_column(Text)
    space_ids: Mapped[tuple[str, ...]] = mapped_column(Texts)
    valid_to: Mapped[date | None] = mapped_column(Day)


class DeviceRow(Base):
    __tablename__ = "devices"
    device_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[DeviceKind] = mapped_column(Choice(DeviceKind))
    meter_id: Mapped[str] = mapped_column(Text, later("meters.meter_id"))
    rated_power_w: Mapped[float] = mapped_column(Float)
    shed_order: Mapped[int | None]
    longest_off_min: Mapped[int]
    control_register: Mapped[int | None]
    control_unit_id: Mapped[int | None]


class BatteryRow(Base):
    __tablename__ = "batteries"
    battery_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    meter_id: Mapped[str] = mapped_column(Text, later("meters.meter_id"))
    capacity_wh: Mapped[float] = mapped_column(Float)
    charge_w: Mapped[float] = mapped_column(Float)
    discharge_w: Mapped[float] = mapped_column(Float)
    charge_efficiency: Mapped[float] = mapped_column(Float)
    discharge_efficiency: Mapped[float] = mapped_column(Float)
    soc_min_pct: Mapped[float] = mapped_column(Float)
    soc_max_pct: Mapped[float] = mapped_column(Float)
    wear_per_kwh: Mapped[float] = mapped_column(Float)
    demand_charge_per_kw: Mapped[float] = mapped_column(Float)


class AlarmRuleRow(Base):
    __tablename__ = "alarm_rules"
    rule_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    meter_id: Mapped[str] = mapped_column(Text)
    quantity: Mapped[str] = mapped_column(Text)
    condition: Mapped[Condition] = mapped_column(Choice(Condition))
    limit: Mapped[float] = mapped_column("limit_value", Float)
    deadband: Mapped[float] = mapped_column(Float)
    on_delay_s: Mapped[float] = mapped_column(Float)
    off_delay_s: Mapped[float] = mapped_column(Float)
    priority: Mapped[Priority] = mapped_column(Rank(Priority))
    response: Mapped[str] = mapped_column(Text)
    consequence: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(Boolean)


class PriceSlotRow(Base):
    __tablename__ = "price_slots"
    start_ms: Mapped[int] = mapped_column(EpochMs, primary_key=True, autoincrement=False)
    end_ms: Mapped[int] = mapped_column(EpochMs)
    import_per_kwh: Mapped[float] = mapped_column(Float)
    export_per_kwh: Mapped[float] = mapped_column(Float)
