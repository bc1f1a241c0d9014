"""Everything that the database holds, as typed tables.

Configuration, bills and alarms are ORM rows whose columns are the fields of their domain value.
Series are Core tables: nothing per reading ever becomes an object. Times are UTC epoch
milliseconds, energy Wh, money 1e-4 currency units, all integers.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from energy_desktop.domain.alarm import AlarmRule, AlarmState, Condition, Priority
from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.device import DeviceKind
from energy_desktop.domain.editing import EditMethod, RegisterEventKind
from energy_desktop.domain.energy import GapCause
from energy_desktop.domain.finding import FindingKind, FindingState
from energy_desktop.domain.site import LinkKind, Role, SpaceKind
from energy_desktop.storage.types import (
    Choice,
    Day,
    EpochMs,
    Factors,
    Frozen,
    Measured,
    Pairs,
    Price,
    Rank,
    RowId,
    Texts,
)


class Base(DeclarativeBase):
    pass


def _later(target: str) -> ForeignKey:
    """Checked at the commit: a difference is written table by table."""
    return ForeignKey(target, deferrable=True, initially="DEFERRED")


# --- configuration ------------------------------------------------------------------------------


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
    parent_id: Mapped[str | None] = mapped_column(Text, _later("spaces.space_id"))
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
    space_id: Mapped[str | None] = mapped_column(Text, _later("spaces.space_id"))
    parent_id: Mapped[str | None] = mapped_column(Text, _later("meters.meter_id"))
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
    client_id: Mapped[str] = mapped_column(Text, _later("clients.client_id"))
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
    meter_id: Mapped[str] = mapped_column(Text, _later("meters.meter_id"))
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
    meter_id: Mapped[str] = mapped_column(Text, _later("meters.meter_id"))
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


# --- what happened ------------------------------------------------------------------------------


class AlarmRow(Base):
    __tablename__ = "alarms"
    alarm_id: Mapped[int] = mapped_column(RowId, primary_key=True)
    rule: Mapped[AlarmRule] = mapped_column(Frozen(AlarmRule))
    meter_id: Mapped[str] = mapped_column(Text)
    meter_name: Mapped[str] = mapped_column(Text)
    state: Mapped[AlarmState] = mapped_column(Choice(AlarmState))
    raised_at_ms: Mapped[int] = mapped_column(EpochMs, index=True)
    value: Mapped[float] = mapped_column(Measured, nullable=True)
    returned_at_ms: Mapped[int | None] = mapped_column(EpochMs)
    acknowledged_at_ms: Mapped[int | None] = mapped_column(EpochMs)
    acknowledged_by: Mapped[str] = mapped_column(Text)
    acknowledge_note: Mapped[str] = mapped_column(Text)
    shelved_until_ms: Mapped[int | None] = mapped_column(EpochMs)
    shelved_by: Mapped[str] = mapped_column(Text)
    shelve_reason: Mapped[str] = mapped_column(Text)
    __table_args__ = (Index("alarms_by_state", "state"),)


class FindingRow(Base):
    __tablename__ = "findings"
    finding_id: Mapped[str] = mapped_column(Text, primary_key=True)
    meter_id: Mapped[str] = mapped_column(Text)
    meter_name: Mapped[str] = mapped_column(Text)
    kind: Mapped[FindingKind] = mapped_column(Choice(FindingKind))
    start_ms: Mapped[int] = mapped_column(EpochMs)
    end_ms: Mapped[int | None] = mapped_column(EpochMs)
    found_at_ms: Mapped[int] = mapped_column(EpochMs)
    change_pct: Mapped[float] = mapped_column(Measured, nullable=True)
    excess_wh: Mapped[int] = mapped_column(BigInteger)
    excess_cost_units: Mapped[int] = mapped_column(BigInteger)
    sentence: Mapped[str] = mapped_column(Text)
    causes: Mapped[tuple[str, ...]] = mapped_column(Texts)
    state: Mapped[FindingState] = mapped_column(Choice(FindingState))
    state_by: Mapped[str] = mapped_column(Text)
    state_at_ms: Mapped[int | None] = mapped_column(EpochMs)
    note: Mapped[str] = mapped_column(Text)


class InvoiceRow(Base):
    """Written once. `content` is the canonical text that `content_sha256` is the hash of."""

    __tablename__ = "invoices"
    number: Mapped[str] = mapped_column(String(40), primary_key=True)
    year: Mapped[int]
    sequence: Mapped[int]
    client_id: Mapped[str] = mapped_column(Text)
    month: Mapped[str] = mapped_column(String(7))
    issued_at_ms: Mapped[int] = mapped_column(EpochMs)
    currency: Mapped[str] = mapped_column(String(3))
    total_units: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[str] = mapped_column(Text)
    content_sha256: Mapped[str] = mapped_column(String(64))
    __table_args__ = (
        UniqueConstraint("year", "sequence", name="invoice_numbers"),
        UniqueConstraint("client_id", "month", name="one_invoice_a_month"),
    )


class InvoicePaperRow(Base):
    __tablename__ = "invoice_papers"
    number: Mapped[str] = mapped_column(String(40), ForeignKey("invoices.number"), primary_key=True)
    pdf: Mapped[bytes] = mapped_column(LargeBinary)
    pdf_sha256: Mapped[str] = mapped_column(String(64))


class InvoiceUseRow(Base):
    """Which contract and tariff versions an issued invoice stands on: these never change."""

    __tablename__ = "invoice_uses"
    number: Mapped[str] = mapped_column(String(40), ForeignKey("invoices.number"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)  # contract or tariff
    subject_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)


class GapRow(Base):
    __tablename__ = "gaps"
    meter_id: Mapped[str] = mapped_column(Text, primary_key=True)
    start_ms: Mapped[int] = mapped_column(EpochMs, primary_key=True, autoincrement=False)
    end_ms: Mapped[int | None] = mapped_column(EpochMs)
    cause: Mapped[GapCause] = mapped_column(Choice(GapCause))
    detail: Mapped[str] = mapped_column(Text)


class QuarantineRow(Base):
    """What was read but not believed: kept, shown, in no total."""

    __tablename__ = "quarantine"
    entry_id: Mapped[int] = mapped_column(RowId, primary_key=True)
    meter_id: Mapped[str] = mapped_column(Text)
    quantity: Mapped[str] = mapped_column(Text)
    read_at_ms: Mapped[int] = mapped_column(EpochMs)
    value: Mapped[float] = mapped_column(Measured, nullable=True)
    reason: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("meter_id", "quantity", "read_at_ms", name="quarantine_entries"),
        Index("quarantine_by_time", "read_at_ms"),
    )


class EditRow(Base):
    """A correction of the ledger; never changed, but for being undone."""

    __tablename__ = "edits"
    edit_id: Mapped[int] = mapped_column(RowId, primary_key=True)
    meter_id: Mapped[str] = mapped_column(Text)
    register: Mapped[str] = mapped_column(Text)
    step_s: Mapped[int]
    start_ms: Mapped[int] = mapped_column(EpochMs)
    end_ms: Mapped[int] = mapped_column(EpochMs)
    method: Mapped[EditMethod] = mapped_column(Choice(EditMethod))
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Text)
    at_ms: Mapped[int] = mapped_column(EpochMs)
    parameters: Mapped[str] = mapped_column(Text)
    intervals: Mapped[int]
    before_wh: Mapped[int | None] = mapped_column(BigInteger)
    after_wh: Mapped[int | None] = mapped_column(BigInteger)
    undone_by: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index("edits_by_meter", "meter_id", "start_ms"),)


class RegisterEventRow(Base):
    """Why a register does not go on from where it stood."""

    __tablename__ = "register_events"
    event_id: Mapped[int] = mapped_column(RowId, primary_key=True)
    meter_id: Mapped[str] = mapped_column(Text)
    register: Mapped[str] = mapped_column(Text)
    at_ms: Mapped[int] = mapped_column(EpochMs)
    kind: Mapped[RegisterEventKind] = mapped_column(Choice(RegisterEventKind))
    old_end_wh: Mapped[int | None] = mapped_column(BigInteger)
    new_start_wh: Mapped[int | None] = mapped_column(BigInteger)
    old_serial: Mapped[str] = mapped_column(Text)
    new_serial: Mapped[str] = mapped_column(Text)
    old_ct_ratio: Mapped[float | None] = mapped_column(Float)
    new_ct_ratio: Mapped[float | None] = mapped_column(Float)
    modulus_wh: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(Text)
    photo: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Text)
    entered_at_ms: Mapped[int] = mapped_column(EpochMs)
    confirmed: Mapped[bool] = mapped_column(Boolean)
    __table_args__ = (
        UniqueConstraint("meter_id", "register", "at_ms", name="one_event_at_a_time"),
    )


# --- series -------------------------------------------------------------------------------------

METADATA = Base.metadata

Table(
    "series_meters",
    METADATA,
    Column("meter_key", RowId, primary_key=True),
    Column("meter_id", Text, nullable=False, unique=True),
)
Table(
    "series_quantities",
    METADATA,
    Column("quantity_key", RowId, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    # As it was when the first value was sealed: a table changed later must not rescale the past.
    Column("resolution", Float, nullable=False),
)
Table(
    "series_layouts",
    METADATA,
    Column("layout_key", RowId, primary_key=True),
    Column("layout_id", Text, nullable=False),
    Column("quantities", Text, nullable=False),
    UniqueConstraint("layout_id", "quantities", name="series_layouts_once"),
)
Table(
    "hot",
    METADATA,
    # read_at_ms * 2^20 + meter_key: clustered by time, and no (meter, time) twice.
    Column("reading_key", RowId, primary_key=True, autoincrement=False),
    Column("layout_key", Integer, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    Column("vals", LargeBinary, nullable=False),
)
Table(
    "timelines",
    METADATA,
    Column("timeline_key", RowId, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
)
Table(
    "chunks",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("quantity_key", Integer, nullable=False),
    Column("tier", SmallInteger, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("timeline_key", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("first", Float),
    Column("last", Float),
    Column("minimum", Float),
    Column("maximum", Float),
    Column("mean", Float),
    Column("quality_counts", Text, nullable=False),
    Column("checksum", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("meter_key", "quantity_key", "tier", "start_ms"),
    Index("chunks_by_timeline", "timeline_key"),
    Index("chunks_by_age", "tier", "start_ms"),
)
Table(
    "rollups",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("quantity_key", Integer, nullable=False),
    Column("step_s", Integer, nullable=False),  # 900, 3600, 86400: the local day
    Column("start_ms", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("mean", Float, nullable=False),
    Column("minimum", Float, nullable=False),
    Column("maximum", Float, nullable=False),
    Column("first", Float, nullable=False),
    Column("last", Float, nullable=False),
    PrimaryKeyConstraint("meter_key", "quantity_key", "step_s", "start_ms"),
    sqlite_with_rowid=False,
)
Table(
    "intervals",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("register_key", Integer, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("energy_wh", BigInteger),  # NULL: quarantined
    Column("quality", SmallInteger, nullable=False),
    Column("method", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("opening_wh", BigInteger),  # the register at the start and at the end,
    Column("closing_wh", BigInteger),  # rollovers added; NULL for imported intervals
    Column("segment", Integer, nullable=False),  # grows by one at each reset that nobody explained
    Column("edit_id", BigInteger),  # the correction that made this value; NULL: as it was booked
    PrimaryKeyConstraint("meter_key", "register_key", "step_s", "start_ms"),
    sqlite_with_rowid=False,
)
Table(
    "proofs",  # that rows are as they were written: storage/series/proofs.py
    METADATA,
    Column("subject", SmallInteger, nullable=False),
    Column("meter_key", Integer, nullable=False),
    Column("series_key", Integer, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("block_ms", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("digest", BigInteger),  # NULL: a row was changed since
    PrimaryKeyConstraint("subject", "meter_key", "series_key", "step_s", "block_ms"),
    sqlite_with_rowid=False,
)
Table(
    "interval_versions",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("register_key", Integer, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("energy_wh", BigInteger),
    Column("quality", SmallInteger, nullable=False),
    Column("method", String(20), nullable=False),
    Column("replaced_at_ms", BigInteger, nullable=False),
    Column("edit_id", BigInteger),
    PrimaryKeyConstraint("meter_key", "register_key", "step_s", "start_ms", "version"),
    sqlite_with_rowid=False,
)
Table(
    "ledger_state",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("register_key", Integer, nullable=False),
    Column("through_ms", BigInteger),
    Column("through_wh", BigInteger),
    Column("through_segment", Integer, nullable=False),
    Column("through_estimated", Boolean, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("last_wh", BigInteger, nullable=False),
    Column("offset_wh", BigInteger, nullable=False),
    Column("segment", Integer, nullable=False),
    PrimaryKeyConstraint("meter_key", "register_key"),
)
Table(
    "ledger_grids",  # registers whose intervals are, or were once, no quarter hours
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("register_key", Integer, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("step_s", Integer, nullable=False),
    PrimaryKeyConstraint("meter_key", "register_key", "from_ms"),
)
Table(
    "clock_jumps",  # of this computer: what it showed before it was set, and at once after
    METADATA,
    Column("after_ms", BigInteger, nullable=False),
    Column("before_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("after_ms", "before_ms"),
)
Table(
    "push_answers",  # of requests with an idempotency key
    METADATA,
    Column("key_id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),  # 0: not finished
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("key_id", "idempotency_key"),
    Index("push_answers_by_age", "received_at_ms"),
)
