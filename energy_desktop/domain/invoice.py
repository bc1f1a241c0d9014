"""A bill for use outside the contracted hours. Amounts: integers of 1e-4 currency units."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from energy_desktop.domain.contract import Client, ContractVersion, TariffVersion
from energy_desktop.domain.energy import IntervalQuality, Reconciliation
from energy_desktop.domain.site import Site


@dataclass(frozen=True, slots=True)
class EvidenceInterval:
    """One interval that is billed: which meter, when, how much, how good."""

    meter_id: str
    start_ms: int
    step_s: int
    energy_wh: int
    quality: IntervalQuality


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """A local day. Energy outside contract hours times the price of that day, rounded once."""

    day: date
    energy_wh: int
    estimated_wh: int
    first_start_ms: int
    last_end_ms: int
    tariff_version: int
    price_per_kwh: Decimal
    amount_units: int
    tariff_id: str = ""


@dataclass(frozen=True, slots=True)
class MeterEvidence:
    """Ties a meter's share of the bill to its register: inside + outside = register difference."""

    meter_id: str
    meter_name: str
    serial_number: str
    mid_approved: bool
    inside_wh: int
    outside_wh: int
    reconciliation: Reconciliation


class InvoiceStatus(Enum):
    DRAFT = "draft"
    ISSUED = "issued"


@dataclass(frozen=True, slots=True)
class Invoice:
    """A draft has no number. Issued: frozen, number without gap, sha256 of its content."""

    status: InvoiceStatus
    number: str | None
    site: Site
    client: Client
    contract_versions: tuple[ContractVersion, ...]
    tariff_versions: tuple[TariffVersion, ...]
    month: str  # 2026-03
    period_start_ms: int
    period_end_ms: int
    issued_at_ms: int | None
    lines: tuple[InvoiceLine, ...]
    meters: tuple[MeterEvidence, ...]
    evidence: tuple[EvidenceInterval, ...]
    currency: str
    net_units: int
    tax_pct: Decimal
    tax_units: int
    total_units: int
    inside_wh: int
    outside_wh: int
    blockers: tuple[str, ...] = ()  # sentences; a draft with any may not be issued
    notes: tuple[str, ...] = ()  # e.g. meter not MID-approved, estimated share
    content_sha256: str = ""
    holidays: tuple[date, ...] = ()  # days of the period without contract hours for that reason


@dataclass(frozen=True, slots=True)
class InvoiceCorrection:
    """An issued invoice that the ledger no longer bears out: it stays, a credit note is due.

    Differences are the ledger now minus the paper; None: they cannot be told, `sentence` says why.
    changed_intervals: billed intervals that came, went or have another energy, between first_ms and
    last_end_ms (None: only energy inside the contract hours changed). unsettled: what would keep a
    bill of the month from being issued as the ledger stands now.
    """

    invoice: Invoice
    changed_intervals: int
    first_ms: int | None
    last_end_ms: int | None
    inside_difference_wh: int | None
    outside_difference_wh: int | None
    net_difference_units: int | None
    total_difference_units: int | None
    sentence: str
    unsettled: tuple[str, ...] = ()
