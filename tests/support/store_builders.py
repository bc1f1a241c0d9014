"""Values for tests of the store; what does not matter has a default."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import Client, ContractVersion, TariffVersion, WeeklyHours
from energy_desktop.domain.energy import IntervalQuality, Reconciliation, RegisterReading
from energy_desktop.domain.invoice import (
    EvidenceInterval,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    MeterEvidence,
)
from energy_desktop.domain.site import Link, LinkKind, Meter, Site, Space, SpaceKind
from energy_desktop.domain.snapshot import Layout, Snapshot

HOUR_MS = 3_600_000
T0 = 1_800_000_000_000 // 86_400_000 * 86_400_000  # a midnight in UTC
LAYOUT = Layout("three", ("power_w", "voltage_v", "energy_import_wh"))


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self, now_ms: int = T0) -> None:
        self.now_ms = now_ms

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)


def a_snapshot(meter_id: str = "m", at_ms: int = T0, energy: float = 1_000.0, **more) -> Snapshot:
    return Snapshot(meter_id, at_ms, LAYOUT, (1_000.5, 230.12, energy), **more)


def readings(
    meter_id: str = "m", *, seconds: int, start_ms: int = T0, step_ms: int = 1_000, seed: int = 1
) -> Iterator[Snapshot]:
    """A meter at about 1.8 kW (0.5 Wh a second)."""
    rng = np.random.default_rng(seed)
    for i in range(seconds):
        values = (float(rng.normal(1_800, 5)), float(rng.normal(230, 0.1)), 1_000 + i * 0.5)
        yield Snapshot(meter_id, start_ms + i * step_ms, LAYOUT, values)


def a_client(client_id: str = "alpha") -> Client:
    return Client(client_id, "Alpha & Söhne", ("Street 1", "12345 Town"), "a@example.org")


def a_tariff(version: int = 1, price: str = "0.3000") -> TariffVersion:
    return TariffVersion(
        "standard", version, date(2026, version, 1), Decimal("0.2500"), Decimal(price), "EUR"
    )


def a_contract(client_id: str = "alpha", version: int = 1) -> ContractVersion:
    hours = WeeklyHours((((480, 1_200),),) * 5 + ((), ()))
    return ContractVersion(
        f"c-{client_id}", version, client_id, date(2026, 1, 1), hours, "standard", ("z1",)
    )


def a_site(**more) -> Site:
    return Site(name="Works", zone=more.pop("zone", "Europe/Berlin"), **more)


def a_configuration(**more) -> Configuration:
    base = Configuration(
        site=a_site(operator_address=("Road 2", "Town")),
        spaces=(
            Space("b", "Building", SpaceKind.BUILDING),
            Space("z1", "Zone 1", SpaceKind.ZONE, parent_id="b", area_m2=120.5),
        ),
        links=(Link("l", LinkKind.MODBUS_TCP, host="127.0.0.1", port=5_020),),
        meters=(
            Meter("grid", "Grid", "eastron_sdm630", "l"),
            Meter("m", "Lights", "eastron_sdm120", "l", unit_id=2, space_id="z1",
                  parent_id="grid", connection_limit_w=44_000.0),
        ),
        clients=(a_client(),),
        tariffs=(a_tariff(),),
        contracts=(a_contract(),),
    )  # fmt: skip
    return replace(base, **more)


def a_draft(client_id: str = "alpha", month: str = "2026-03", energy_wh: int = 12_345) -> Invoice:
    start = T0
    line = InvoiceLine(
        day=date(2026, 3, 2),
        energy_wh=energy_wh,
        estimated_wh=0,
        first_start_ms=start,
        last_end_ms=start + HOUR_MS,
        tariff_version=1,
        price_per_kwh=Decimal("0.3000"),
        amount_units=37_000,
    )
    opening = RegisterReading("m", "energy_import_wh", start, 1_000)
    closing = RegisterReading("m", "energy_import_wh", start + HOUR_MS, 1_000 + energy_wh)
    evidence = MeterEvidence(
        "m", "Lights", "S-1", False, 0, energy_wh,
        Reconciliation("m", "energy_import_wh", opening, closing, energy_wh, energy_wh, 0, 0),
    )  # fmt: skip
    return Invoice(
        status=InvoiceStatus.DRAFT,
        number=None,
        site=a_site(),
        client=a_client(client_id),
        contract_versions=(a_contract(client_id),),
        tariff_versions=(a_tariff(),),
        month=month,
        period_start_ms=start,
        period_end_ms=start + HOUR_MS,
        issued_at_ms=None,
        lines=(line,),
        meters=(evidence,),
        evidence=(EvidenceInterval("m", start, 900, energy_wh, IntervalQuality.RAW),),
        currency="EUR",
        net_units=37_000,
        tax_pct=Decimal("19"),
        tax_units=7_000,
        total_units=44_000,
        inside_wh=0,
        outside_wh=energy_wh,
        notes=("The meter is not MID-approved.",),
    )
