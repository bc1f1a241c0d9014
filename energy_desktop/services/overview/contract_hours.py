"""Contract hours on the overview: what was used outside of them, and when nobody has any."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import DAY_MS, QUARTER_HOUR_MS
from energy_desktop.services.overview.past import UNITS, Past
from energy_desktop.services.recommendations import OutOfHours

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Int64s

_RENTED_DAYS = 28


def rented_use(
    past: Past, configuration: Configuration, end_ms: int, *, since_ms: int | None = None
) -> OutOfHours | None:
    """Use of rented zones, and what of it outside of contract hours costs at their tariffs."""
    from energy_desktop.analytics.billing.hours import (
        contract_state,
        day_of,
        public_holidays,
        tariff_on,
        version_on,
    )

    begin_ms = end_ms - _RENTED_DAYS * DAY_MS if since_ms is None else since_ms
    chosen = (past.balance.start_ms >= begin_ms) & (past.balance.start_ms < end_ms)
    starts = past.balance.start_ms[chosen]
    if not configuration.contracts or not starts.size:
        return None
    zone = ZoneInfo(configuration.site.zone)
    days = [day_of(int(d) * 1440) for d in np.unique(past.day[chosen])]
    days.append(days[-1] + timedelta(days=1))
    holidays = public_holidays(configuration.site, days[0], days[-1])
    by_contract: dict[str, list[int]] = {}
    for index, version in enumerate(configuration.contracts):
        by_contract.setdefault(version.contract_id, []).append(index)
    outside_wh = total_wh = 0.0
    costs: dict[str, int] = {}
    for indices in by_contract.values():
        versions = [configuration.contracts[i] for i in indices]
        by_day = {day: version_on(day, versions) for day in days}
        state = contract_state(starts, 900, by_day=by_day, zone=zone, holidays=holidays)
        rented = {s for v in by_day.values() if v is not None for s in v.space_ids}
        latest = by_day[days[-2]]
        tariff = (
            None if latest is None else tariff_on(days[-2], latest.tariff_id, configuration.tariffs)
        )
        for meter in configuration.meters:
            energy = past.group_wh.get(meter.meter_id)
            if meter.space_id not in rented or energy is None:
                continue
            mine = energy[chosen]
            outside = float(np.nansum(mine[state.covered & ~state.inside]))
            outside_wh += outside
            total_wh += float(np.nansum(mine[state.covered]))
            if tariff is not None:
                price = float(tariff.out_of_hours_price_per_kwh)
                before = costs.get(tariff.currency, 0)
                costs[tariff.currency] = before + round(outside / 1000 * price * UNITS)
    currency, cost = next(iter(costs.items()), (configuration.site.currency, 0))
    return OutOfHours(
        round(outside_wh),
        round(total_wh),
        cost if len(costs) < 2 else None,
        max(1, len(days) - 1),
        currency,
    )


def closed_stretches(
    configuration: Configuration, starts: Int64s, zone: ZoneInfo
) -> tuple[tuple[int, int], ...]:
    """Stretches of the day in which no contract that holds has hours."""
    from energy_desktop.analytics.billing.hours import contract_state, public_holidays, version_on

    if not configuration.contracts or not starts.size:
        return ()
    day = from_ms(int(starts[0])).astimezone(zone).date()
    days = (day, day + timedelta(days=1))
    holidays = public_holidays(configuration.site, *days)
    is_open = np.zeros(starts.size, dtype=np.bool_)
    for contract_id in dict.fromkeys(c.contract_id for c in configuration.contracts):
        versions = [c for c in configuration.contracts if c.contract_id == contract_id]
        by_day = {d: version_on(d, versions) for d in days}
        state = contract_state(starts, 900, by_day=by_day, zone=zone, holidays=holidays)
        is_open |= state.covered & state.inside
    edges = np.flatnonzero(np.diff(np.concatenate(([1], is_open.astype(np.int8), [1]))))
    ends = np.append(starts, starts[-1] + QUARTER_HOUR_MS)
    return tuple((int(ends[a]), int(ends[b])) for a, b in zip(edges[::2], edges[1::2], strict=True))
