"""The local day so far: its load beside the usual, its cost, the night before it, its gaps."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import local_day_bounds_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import QUARTER_HOUR_MS, Resolution
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.overview import DayCost, DayLoad, NightWaste
from energy_desktop.domain.ports import History
from energy_desktop.domain.site import Role
from energy_desktop.services.overview.contract_hours import closed_stretches, rented_use
from energy_desktop.services.overview.past import (
    UNITS,
    W_PER_WH,
    Past,
    typical_cost,
    usual_by_slot,
    wall,
)

if TYPE_CHECKING:
    from energy_desktop.services.waste import WasteService

_NIGHTS_BACK = 5


def day_load(
    past: Past, configuration: Configuration, today: date, start_ms: int, end_ms: int
) -> DayLoad:
    """Load of each quarter hour so far (W), and what is usual at this weekday."""
    zone = ZoneInfo(configuration.site.zone)
    starts = np.arange(start_ms, end_ms, QUARTER_HOUR_MS, dtype=np.int64)
    load = np.full(starts.size, np.nan)
    mine = past.balance.start_ms >= start_ms
    measured = past.balance.load_wh[mine] * W_PER_WH
    load[: measured.size] = measured
    low, high, weeks = usual_by_slot(
        past.balance.measured(past.balance.load_wh) * W_PER_WH,
        past.weekday,
        past.minute,
        past.day,
        today,
        wall(starts, zone)[1],
    )
    return DayLoad(
        start_ms,
        end_ms,
        starts,
        load,
        low,
        high,
        weeks,
        closed=closed_stretches(configuration, starts, zone),
    )


def day_cost(
    past: Past, configuration: Configuration, today: date, start_ms: int, now_ms: int
) -> DayCost:
    """What was bought, sold and saved since the day began, against the same hours of before."""
    balance = past.balance
    mine = balance.start_ms >= start_ms
    bought, sold = balance.grid_import_wh, balance.grid_export_wh
    paid = bought * past.prices[:, 0] / 1000
    gained = sold * past.prices[:, 1] / 1000
    net = bought - sold + balance.discharge_wh - balance.charge_wh
    without = np.where(net > 0, net * past.prices[:, 0], net * past.prices[:, 1]) / 1000
    saved = without - (paid - gained)
    has_battery = any(m.role is Role.BATTERY for m in configuration.meters)
    # Held against the same quarter hours alone: a gap of today must not look like thrift.
    known = past.minute[mine & np.isfinite(bought)]
    typical = typical_cost(past, paid - gained, today, known)
    outside = rented_use(past, configuration, now_ms, since_ms=start_ms)
    return DayCost(
        import_wh=float(np.nansum(bought[mine])),
        import_units=round(float(np.nansum(paid[mine])) * UNITS),
        export_wh=float(np.nansum(sold[mine])),
        export_units=round(float(np.nansum(gained[mine])) * UNITS),
        battery_saved_units=(round(float(np.nansum(saved[mine])) * UNITS) if has_battery else None),
        out_of_contract_wh=None if outside is None else float(outside.energy_wh),
        out_of_contract_units=None if outside is None else outside.cost_units,
        out_of_contract_currency="" if outside is None else outside.currency,
        typical_low_units=None if typical is None else typical[0],
        typical_high_units=None if typical is None else typical[1],
        missing=int((~np.isfinite(bought[mine])).sum()),
        currency=configuration.site.currency,
    )


def night_waste(waste: WasteService, today: date, zone: ZoneInfo) -> NightWaste:
    """What burned after hours last night; why that is not known, where it is not."""
    start_ms = local_day_bounds_ms(today - timedelta(days=_NIGHTS_BACK), zone)[0]
    end_ms = local_day_bounds_ms(today, zone)[0]
    try:
        report = waste.period(start_ms, end_ms)
    except UserFacingError as error:
        return NightWaste(None, (), 0, 0, f"{error.what} {error.remedy}")
    evenings = [e for e in report.evenings if e.lit_from_ms is not None or e.energy_wh >= 0]
    if not evenings:
        return NightWaste(None, (), 0, 0, "No night is over yet.")
    last = max(e.evening for e in evenings)
    places = sorted(
        (e for e in evenings if e.evening == last), key=lambda e: (-e.excess_wh, e.space_name)
    )
    return NightWaste(
        local_day_bounds_ms(last, zone)[0],
        tuple(places),
        sum(e.excess_wh for e in places),
        sum(e.excess_cost_units for e in places),
    )


def completeness_pct(
    history: History, configuration: Configuration, start_ms: int, now_ms: int
) -> float | None:
    """Share of today's minutes with a reading, over all polled meters."""
    minutes = (now_ms - start_ms) // 60_000
    polled = [m for m in configuration.meters if m.driver_id and m.enabled]
    if minutes < 15 or not polled:
        return None
    there = 0
    for meter in polled:
        found = history.buckets(
            meter.meter_id, "power_w", start_ms, start_ms + minutes * 60_000, Resolution.MINUTE
        )
        there += int((found.n > 0).sum())
    return 100.0 * there / (minutes * len(polled))
