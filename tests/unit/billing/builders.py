"""Builders of billing values: what a test does not name is dull and valid."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import local_month_bounds_ms, parse_month
from energy_desktop.domain.contract import Client, ContractVersion, TariffVersion, WeeklyHours
from energy_desktop.domain.energy import (
    IntervalQuality,
    Intervals,
    Reconciliation,
    RegisterReading,
)
from energy_desktop.domain.site import Meter, Site

ZONE = ZoneInfo("Europe/Berlin")
OFFICE_HOURS = WeeklyHours((((480, 1200),),) * 5 + ((),) * 2)
EVERY_DAY = WeeklyHours((((480, 1200),),) * 7)


def a_site(**changes):
    values = {
        "name": "Lindenhof",
        "zone": "Europe/Berlin",
        "operator": "Lindenhof Immobilien GmbH",
        "operator_address": ("Lindenhof 1", "10115 Berlin"),
        "tax_id": "DE123456789",
        "bank_iban": "DE02120300000000202051",
    }
    return Site(**(values | changes))


def a_client(**changes):
    values = {
        "client_id": "meyer",
        "name": "Meyer Pressteile",
        "address": ("Am Tor 3", "10115 Berlin"),
    }
    return Client(**(values | changes))


def a_contract(**changes):
    values = {
        "contract_id": "c-meyer",
        "version": 1,
        "client_id": "meyer",
        "valid_from": date(2020, 1, 1),
        "hours": OFFICE_HOURS,
        "tariff_id": "standard",
        "space_ids": ("zone-a",),
    }
    return ContractVersion(**(values | changes))


def a_tariff(out="0.3820", **changes):
    values = {
        "tariff_id": "standard",
        "version": 1,
        "valid_from": date(2020, 1, 1),
        "energy_price_per_kwh": Decimal("0.2500"),
        "out_of_hours_price_per_kwh": Decimal(out),
        "currency": "EUR",
        "tax_pct": Decimal(19),
    }
    return TariffVersion(**(values | changes))


def a_meter(meter_id="light-a", **changes):
    values = {
        "name": f"Lighting {meter_id}",
        "space_id": "zone-a",
        "serial_number": "SN-1",
        "mid_approved": True,
    }
    return Meter(meter_id=meter_id, **(values | changes))


def month_starts(month, step_s=900, zone=ZONE):
    start, end = local_month_bounds_ms(*parse_month(month), zone)
    return np.arange(start, end, step_s * 1000, dtype=np.int64)


def intervals(month="2026-03", energy_wh=100.0, *, meter_id="light-a", step_s=900, zone=ZONE):
    starts = month_starts(month, step_s, zone)
    return Intervals(
        meter_id=meter_id,
        register="energy_import_wh",
        step_s=step_s,
        start_ms=starts,
        energy_wh=np.broadcast_to(np.asarray(energy_wh, dtype=float), starts.shape).copy(),
        quality=np.full(starts.shape, IntervalQuality.RAW, dtype=np.int8),
    )


def reconciliation(values, *, opening_wh=1_000_000, off_by_wh=0, register=True):
    """What the ledger would say of these intervals; `off_by_wh` spoils the register difference."""
    known = values.energy_wh[np.isfinite(values.energy_wh)]
    total = round(float(known.sum()))
    end_ms = int(values.start_ms[-1]) + values.step_s * 1000

    def reading(at_ms, value_wh):
        return RegisterReading(values.meter_id, values.register, at_ms, value_wh)

    return Reconciliation(
        meter_id=values.meter_id,
        register=values.register,
        opening=reading(int(values.start_ms[0]), opening_wh) if register else None,
        closing=reading(end_ms, opening_wh + total + off_by_wh) if register else None,
        register_difference_wh=total + off_by_wh if register else None,
        interval_sum_wh=total,
        estimated_wh=round(
            float(np.nansum(values.energy_wh[values.quality == IntervalQuality.ESTIMATED]))
        ),
        missing_intervals=int(np.count_nonzero(~np.isfinite(values.energy_wh))),
    )
