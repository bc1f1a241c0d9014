"""Values to print: a month with use in the evenings and at weekends, from the real calculation."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from energy_desktop.analytics.billing.hours import wall_minutes
from energy_desktop.analytics.billing.month import MeterLedger, build_monthly_report
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.finding import Finding, FindingKind
from energy_desktop.domain.invoice import InvoiceStatus
from energy_desktop.domain.monthly_report import AlarmCount, ClientUse
from energy_desktop.domain.recommendation import Recommendation
from energy_desktop.domain.site import Role
from energy_desktop.domain.waste import EveningUse, EveningVerdict, WasteReport, ZoneWaste
from tests.unit.billing.builders import ZONE, a_meter, a_site, intervals, reconciliation
from tests.unit.billing.test_draft import a_draft, a_meter_month, at

FONTS = Path(__file__).resolve().parents[3] / "resources" / "fonts"


def evening_use(month, meter_id, seed):
    """Standby of a few Wh, work from 08:00 to 20:00, and long evenings now and then."""
    values = intervals(month, 0.0, meter_id=meter_id)
    rng = np.random.default_rng(seed)
    hour = (values.start_ms / 3_600_000 + 1) % 24
    day = (values.start_ms // 86_400_000).astype(int)
    long_evening = rng.random(day.max() - day.min() + 2)[day - day.min()] < 0.5
    lit = ((hour >= 8) & (hour < 20)) | ((hour >= 20) & (hour < 23) & long_evening)
    values.energy_wh[:] = np.where(lit, rng.integers(140, 180, hour.shape), 0)
    return values


def an_invoice(month="2026-03", *, meters=2, **changes):
    data = []
    for i in range(meters):
        values = evening_use(month, f"light-{i}", i)
        values.quality[200:230] = IntervalQuality.ESTIMATED
        meter = a_meter(
            f"light-{i}",
            name=f"Lighting zone {i + 1}",
            mid_approved=i == 0,
            serial_number=f"1902{i}77",
        )
        data.append(a_meter_month(values, meter, opening_wh=412_880_300))
    return a_draft(*data, month=month, **changes)


def issued(invoice, number="2026-0007"):
    return replace(
        invoice,
        status=InvoiceStatus.ISSUED,
        number=number,
        issued_at_ms=at("2026-04-02T09:30"),
    )


def ledger(meter_id, role, imported_w, exported_w=None, *, month="2026-03", **meter):
    """A meter whose mean powers (n,) per quarter hour are given; registers agree."""
    imported = intervals(month, imported_w / 4, meter_id=meter_id)
    imported.energy_wh[:] = np.rint(imported.energy_wh)
    exported = None
    if exported_w is not None:
        exported = intervals(month, exported_w / 4, meter_id=meter_id)
        exported.energy_wh[:] = np.rint(exported.energy_wh)
    a = a_meter(meter_id, name=meter.pop("name", meter_id), space_id=None, role=role, **meter)
    return MeterLedger(a, imported, reconciliation(imported), exported)


def site_ledgers(month="2026-03"):
    """Grid, PV, battery and two loads whose balance is exact but for rounding."""
    starts = intervals(month).start_ms
    wall = wall_minutes(starts, ZONE)
    hour, weekday = wall % 1440 / 60, (wall // 1440 + 3) % 7
    work = (hour >= 7) & (hour < 19) & (weekday < 5)
    rng = np.random.default_rng(3)
    load = (
        9_000
        + work * 31_000 * np.sin((hour - 7) / 12 * np.pi).clip(0)
        + rng.normal(0, 900, hour.shape)
    )
    pv = 26_000 * np.sin((hour - 6) / 12 * np.pi).clip(0) * ((hour > 6) & (hour < 18))
    battery = np.where(
        (hour >= 18) & (hour < 21), 6_000, np.where((hour >= 11) & (hour < 14), -6_500, 0)
    )
    net = load - pv - battery
    return [
        ledger("grid", Role.GRID, net.clip(0), (-net).clip(0), name="Grid connection"),
        ledger("pv", Role.SOLAR, pv, np.zeros_like(pv), name="PV roof"),
        ledger("battery", Role.BATTERY, battery.clip(0), (-battery).clip(0), name="Battery"),
        ledger("hvac", Role.LOAD, load * 0.4, name="HVAC"),
        ledger("server", Role.LOAD, np.full_like(load, 3_000.0), name="Server room"),
    ]


def a_waste_report():
    evening = EveningUse(
        "z1", "Zone 1", "light-1", date(2026, 3, 3), at("2026-03-03T20:00"),
        at("2026-03-03T20:00"), at("2026-03-04T00:10"), 250, 60, 2_500, 1_900, 4_800,
        EveningVerdict.FLAGGED,
    )  # fmt: skip
    return WasteReport(
        at("2026-03-01"),
        at("2026-04-01"),
        "EUR",
        (
            ZoneWaste(
                "z1",
                "Zone 1, reception",
                ("light-1",),
                31,
                6,
                41_200,
                22_400,
                56_100,
                660_000,
                63_100,
            ),
            ZoneWaste("z2", "Zone 2, workshop", ("light-2",), 31, 0, 12_000, 0, 0, 0, 20_500),
        ),
        (evening, replace(evening, verdict=EveningVerdict.NO_DATA)),
        98.7,
    )


def a_finding(**changes):
    values = {
        "finding_id": "f1",
        "meter_id": "comp",
        "meter_name": "Compressor",
        "kind": FindingKind.CREEP,
        "start_ms": at("2026-02-10"),
        "end_ms": None,
        "found_at_ms": at("2026-03-12"),
        "change_pct": 11.4,
        "excess_wh": 84_300,
        "excess_cost_units": 210_700,
        "sentence": "The compressor draws 11.4 % more than its baseline since 10 Feb 2026.",
        "causes": ("leaking air line", "clogged filter"),
    }
    return Finding(**(values | changes))


def a_report(**changes):
    invoice = an_invoice()
    values = {
        "site": a_site(contract_demand_w=50_000.0),
        "month": "2026-03",
        "now_ms": at("2026-04-02T08:00"),
        "ledgers": site_ledgers(),
        "clients": (
            ClientUse("meyer", "Meyer Pressteile", invoice.inside_wh, invoice.outside_wh,
                      invoice.net_units, invoice.total_units, "EUR", "2026-0007", 0, 201_000),
            ClientUse("kern", "Kern & <Töchter>", 811_000, 12_400, 47_400, 56_400, "EUR", None, 2),
        ),
        "waste": a_waste_report(),
        "findings": (a_finding(),),
        "alarms": (AlarmCount(2, 14, 3), AlarmCount(1, 2, 0)),
        "recommendations": (
            Recommendation("Light in zone 1 burned over three hours on six evenings; a timer at "
                           "21:00 would end it.", "66.00 EUR a year", "billing"),
            Recommendation("The compressor draws 11.4 % more than its baseline since 10 February.",
                           "21.07 EUR", "maintenance"),
            Recommendation("The peak of the month was set in one quarter hour; shedding the EV "
                           "charger would have held it.", "5.1 kW", "forecast"),
        ),
        "previous_import_wh": 9_900_000,
        "holidays": {},
        "simulated": True,
    }  # fmt: skip
    return build_monthly_report(**(values | changes))
