"""What happened to the site, and what was decided about it: rows with a time, mostly for ever."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from energy_desktop.domain.alarm import AlarmRule, AlarmState
from energy_desktop.domain.editing import EditMethod, RegisterEventKind
from energy_desktop.domain.energy import GapCause
from energy_desktop.domain.finding import FindingKind, FindingState
from energy_desktop.storage.tables.base import METADATA, Base
from energy_desktop.storage.types import Choice, EpochMs, Frozen, Measured, RowId, Texts


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
