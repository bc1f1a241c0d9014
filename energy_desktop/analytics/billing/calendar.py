"""The month as a calendar of slots, inside and outside the contract, for the billing screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import lcm
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.billing.hours import (
    MINUTES_OF_DAY,
    Holidays,
    month_bounds,
    month_days,
    public_holidays,
    wall_minutes,
)
from energy_desktop.analytics.billing.split import MeterMonth, split_meter
from energy_desktop.domain.billing_calendar import BillingCalendar, CalendarDay
from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.contract import Client, ContractVersion
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.site import Site


def billing_calendar(
    *,
    site: Site,
    client: Client,
    contracts: Sequence[ContractVersion],
    meters: Sequence[MeterMonth],
    month: str,
    holidays: Holidays | None = None,
    naive_outside_wh: int | None = None,
) -> BillingCalendar:
    """All local days of the month, the client's meters added up slot by slot.

    A slot is as long as the coarsest step among the meters; it is unknown as soon as one meter's
    energy in it is. Arguments as for `draft_invoice`, and the totals are the invoice's.
    """
    zone = ZoneInfo(site.zone)
    days = month_days(month)
    if holidays is None:
        away = any(not v.hours.on_holidays for v in contracts if v.client_id == client.client_id)
        holidays = public_holidays(site, days[0], days[-1]) if away else {}
    splits = [
        split
        for data in meters
        if (
            split := split_meter(
                data,
                client_id=client.client_id,
                contracts=contracts,
                month=month,
                zone=zone,
                holidays=holidays,
            )
        )
    ]
    step_s = lcm(*(s.step_s for s in splits)) if splits else 900
    month_start, month_end = month_bounds(month, zone)
    starts = np.arange(month_start, month_end, step_s * 1000, dtype=np.int64)
    shape = starts.shape
    inside, outside = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    unknown, estimated = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    in_contract = np.zeros(shape, dtype=np.bool_)
    for split in splits:
        slot = (split.starts - month_start) // (step_s * 1000)
        np.add.at(outside, slot[split.outside], split.energy_wh[split.outside])
        billed_inside = split.known & ~split.outside
        np.add.at(inside, slot[billed_inside], split.energy_wh[billed_inside])
        unknown[slot[~split.known]] = True
        estimated[slot[split.quality == IntervalQuality.ESTIMATED]] = True
        in_contract[slot[split.state.inside]] = True

    minute_of_day = wall_minutes(starts, zone) % MINUTES_OF_DAY
    result = []
    for day in days:
        day_start = local_midnight_ms(day, zone)
        first, after = np.searchsorted(
            starts, [day_start, local_midnight_ms(day + timedelta(days=1), zone)]
        ).tolist()
        here = slice(first, after)
        known = ~unknown[here]
        result.append(
            CalendarDay(
                day=day,
                start_ms=day_start,
                minute_of_day=tuple(minute_of_day[here].tolist()),
                in_contract=tuple(in_contract[here].tolist()),
                inside_wh=_with_unknown(inside[here].tolist(), known.tolist()),
                outside_wh=_with_unknown(outside[here].tolist(), known.tolist()),
                estimated=tuple(estimated[here].tolist()),
                total_inside_wh=int(inside[here].sum()),
                total_outside_wh=int(outside[here].sum()),
                missing_slots=int(np.count_nonzero(~known)),
                holiday=holidays.get(day, ""),
            )
        )
    return BillingCalendar(
        client_id=client.client_id,
        month=month,
        zone=site.zone,
        slot_min=step_s // 60,
        days=tuple(result),
        inside_wh=sum(s.inside_wh for s in splits),
        outside_wh=sum(s.outside_wh for s in splits),
        naive_outside_wh=naive_outside_wh,
    )


def _with_unknown(values: list[int], known: list[bool]) -> tuple[int | None, ...]:
    return tuple(v if k else None for v, k in zip(values, known, strict=True))
