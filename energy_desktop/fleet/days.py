"""Each time once, then days, and the week as its hours: what every later stage stands on.

A day counts when at most an hour of it is missing: 46 of 48 half hours, 92 of 96 quarter hours,
23 of 24 hours; on the days of a clock change 44 of 46 and 48 of 50. The week's profile holds the
energy of each half hour of the week, so that shapes and bills under any tariff come from a small
table and never need the readings again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from energy_desktop.domain.fleet import DropReason, FleetTariff
from energy_desktop.fleet import clock
from energy_desktop.fleet.readings import local_minute

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, IntegerValue, Table

    from energy_desktop.fleet.engine import Engine

MAY_MISS_MIN = 60
SLOT_MIN = 30
SLOTS_OF_WEEK = 336
_MONDAY_OFFSET_MIN = 3 * 1440  # 1970-01-01 was a Thursday


def told_apart(rows: Table) -> Table:
    """household, t_min, mwh, step_min, file, and `several`: the time is there more than once.

    A look at the neighbours in order of time finds them in half the time of grouping every row.
    """
    in_order = ibis.window(group_by="household", order_by="t_min")
    as_before = rows.t_min.lag().over(in_order) == rows.t_min
    as_after = rows.t_min.lead().over(in_order) == rows.t_min
    return rows.select(
        "household",
        "t_min",
        "mwh",
        step_min=rows.step_min.cast("int16"),
        file=rows.file.cast("int16"),
        several=as_before.fill_null(False) | as_after.fill_null(False),
    )


def once(rows: Table) -> Table:
    """One row a household and time: low, high (mwh), n, step_min, file (the last that has it)."""
    return rows.group_by("household", "t_min").aggregate(
        low=rows.mwh.min(),
        high=rows.mwh.max(),
        n=rows.count(),
        step_min=rows.step_min.max(),
        file=rows.file.max(),
    )


def clean(single: Table) -> Table:
    """household, t_min, mwh, step_min, file: times with one value, however often it is said."""
    return single.filter(single.low == single.high).select(
        "household",
        "t_min",
        mwh="low",
        step_min=single.step_min.cast("int16"),
        file=single.file.cast("int16"),
    )


def repeats(single: Table) -> Table:
    """What `clean` leaves out: file, household, t_min, low, high, reason, rows."""
    equal = single.low == single.high
    return (
        single.filter(single.n > 1)
        .mutate(
            reason=ibis.ifelse(equal, DropReason.DUPLICATE.value, DropReason.CONFLICT.value),
            rows=ibis.ifelse(equal, single.n - 1, single.n),
        )
        .select("file", "household", "t_min", "low", "high", "reason", "rows")
    )


def days(readings: Table, zone: str, tariff: FleetTariff, engine: Engine) -> Table:
    """By household and local day: mwh, covered_min, minutes (of the day), complete, top_mw (the
    highest mean power of a step), peak_mwh and off_mwh (the dearest and the cheapest rate).
    """
    local = local_minute(readings, zone, engine)
    local = local.mutate(local_day=local.local_min // clock.DAY_MIN)
    peak, off = dearest_and_cheapest(tariff)
    slot = week_slot(local.local_min)
    sums = local.group_by("household", "local_day").aggregate(
        mwh=local.mwh.sum(),
        covered_min=local.step_min.sum(),
        top_mw=(local.mwh * (60 // local.step_min.cast("int64"))).max(),
        peak_mwh=ibis.ifelse(_in_slots(slot, peak), local.mwh, 0).sum(),
        off_mwh=ibis.ifelse(_in_slots(slot, off), local.mwh, 0).sum(),
    )
    days_of = engine.small("calendar", clock.calendar(zone)).select("local_day", "minutes")
    joined = sums.join(days_of, "local_day")
    return joined.mutate(
        complete=joined.covered_min >= joined.minutes - MAY_MISS_MIN
    ).select(
        "household", "local_day", "mwh", "covered_min", "minutes", "complete", "top_mw",
        "peak_mwh", "off_mwh",
    ).order_by("household", "local_day")  # fmt: skip


def week(readings: Table, zone: str, engine: Engine) -> Table:
    """By household and half hour of the local week (0 is Monday 00:00): mwh, covered_min."""
    local = local_minute(readings, zone, engine)
    local = local.mutate(slot=week_slot(local.local_min))
    return (
        local.group_by("household", "slot")
        .aggregate(mwh=local.mwh.sum(), covered_min=local.step_min.sum())
        .order_by("household", "slot")
    )


def week_slot(local_min: IntegerValue) -> IntegerValue:
    return ((local_min + _MONDAY_OFFSET_MIN) // SLOT_MIN) % SLOTS_OF_WEEK


def rate_slots(tariff: FleetTariff) -> dict[str, tuple[int, ...]]:
    """Name of each rate -> the half hours of the week at which it holds."""
    found: dict[str, list[int]] = {rate.name: [] for rate in tariff.rates}
    for slot in range(SLOTS_OF_WEEK):
        weekday, minute = divmod(slot * SLOT_MIN, clock.DAY_MIN)
        found[tariff.rate_at(weekday, minute).name].append(slot)
    return {name: tuple(slots) for name, slots in found.items()}


def dearest_and_cheapest(tariff: FleetTariff) -> tuple[tuple[int, ...], tuple[int, ...]]:
    slots = rate_slots(tariff)
    by_price = sorted((r for r in tariff.rates if slots[r.name]), key=lambda r: r.price_per_kwh)
    return slots[by_price[-1].name], slots[by_price[0].name]


def _in_slots(slot: IntegerValue, slots: tuple[int, ...]) -> BooleanValue:
    """Few ranges read faster than a long list, on every engine."""
    ranges: list[list[int]] = []
    for one in slots:
        if ranges and ranges[-1][1] == one - 1:
            ranges[-1][1] = one
        else:
            ranges.append([one, one])
    if not ranges:
        return ibis.literal(False)
    found = slot.between(*ranges[0])
    for low, high in ranges[1:]:
        found |= slot.between(low, high)
    return found
