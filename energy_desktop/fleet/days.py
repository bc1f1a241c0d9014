"""Each time once, then days, and the week as its hours: what every later stage stands on.

A day counts when at most an hour of it is missing: 46 of 48 half hours, 92 of 96 quarter hours,
23 of 24 hours; on the days of a clock change 44 of 46 and 48 of 50. The week's profile holds the
energy of each half hour of the week, so that shapes and bills under any tariff come from a small
table and never need the readings again. A reading that reaches over the edge of a half hour, as
every hour does, is divided between them by the minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from energy_desktop.domain.fleet import DropReason, FleetTariff
from energy_desktop.fleet import clock
from energy_desktop.fleet.readings import QUARTER_MIN, local_minute
from energy_desktop.fleet.week import SLOT_MIN, SLOTS_OF_WEEK, dearest_and_cheapest

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, IntegerValue, Table

    from energy_desktop.fleet.engine import Engine

MAY_MISS_MIN = 60
_LONGEST_MIN = 60  # of all steps
_HALF_DAY = 48
_MONDAY_OFFSET_MIN = 3 * 1440  # 1970-01-01 was a Thursday


@ibis.udf.agg.builtin(name="bit_or")  # type: ignore[untyped-decorator]
def _union(bits: int) -> int:  # type: ignore[empty-body]
    """Both engines have it under this name, and ibis knows it of one of them only."""


def seen(rows: Table) -> Table:
    """By household and day of UTC: utc_day, tariff, step_min, and `repeated`: a time of that day
    is there more than once, or in several steps.

    Each quarter hour of half a day is a bit of its own, and a reading sets those of its step:
    their sum is more than their union as soon as one is there twice. One pass of adding up finds
    that in a fifth of the time that putting every row in order takes. (A step that reaches into
    the other half of the day sets bits beyond, which are compared with none of that half.)
    """
    rows = _with_day(rows)
    return rows.group_by("household", "utc_day").aggregate(
        tariff=rows.said.max(), step_min=rows.step_min.max(), repeated=_repeated(rows)
    )


def _with_day(rows: Table) -> Table:
    """`rows` with utc_day, and the quarter hours of a half day that each covers, as bits."""
    # Columns step by step, since an engine works out anew whatever stands inside of a condition.
    rows = rows.mutate(utc_day=rows.t_min // clock.DAY_MIN)
    rows = rows.mutate(quarter=(rows.t_min - rows.utc_day * clock.DAY_MIN) // QUARTER_MIN)
    covered = (ibis.literal(1, "int64") << rows.step_min // QUARTER_MIN) - 1
    return rows.mutate(bits=covered << rows.quarter % _HALF_DAY, morning=rows.quarter < _HALF_DAY)


def _repeated(rows: Table) -> BooleanValue:
    # Added up as floats: whole below 2^53, and beyond it still more than any union of 51 bits.
    halves = [ibis.ifelse(here, rows.bits, 0) for here in (rows.morning, ~rows.morning)]
    repeated = [half.cast("float64").sum() > _union(half).cast("float64") for half in halves]
    return repeated[0] | repeated[1]


def told_apart(rows: Table, days_seen: Table) -> tuple[Table, Table]:
    """household, t_min, mwh, step_min, file: of days without a repeat, and of the others."""
    crowded = days_seen.filter(days_seen.repeated).select("household", "utc_day")
    rows = rows.select(
        "household",
        rows.t_min.cast("int64").name("t_min"),
        "mwh",
        step_min=rows.step_min.cast("int16"),
        file=rows.file.cast("int32"),
        utc_day=rows.t_min // clock.DAY_MIN,
    )
    keys = ["household", "utc_day"]
    return (
        rows.anti_join(crowded, keys).drop("utc_day"),
        rows.semi_join(crowded, keys).drop("utc_day"),
    )


def once(rows: Table) -> Table:
    """One row a household and time: low, high (mwh), step_min, finest (step), file (the first that
    has it), last_file, and `alone`: true, until `crossed` says otherwise.
    """
    return _single(rows).mutate(alone=ibis.literal(True))


def crossed(single: Table) -> Table:
    """One row: days, how many days of households have readings that reach into each other."""
    rows = _with_day(single)
    by_day = rows.group_by("household", "utc_day").aggregate(
        crossed=_repeated(rows) | (rows.finest < rows.step_min).any()
    )
    return by_day.aggregate(days=by_day.crossed.cast("int64").sum())


def untangled(rows: Table) -> Table:
    """As `once`, of the finest step that is there; not `alone` are steps that even so reach into
    each other.
    """
    single = _single(rows.anti_join(_coarser(rows), ["household", "t_min", "step_min"]))
    each = _in_quarters(single)
    by_quarter = each.group_by("household", "quarter").aggregate(n=each.count())
    shared = by_quarter.filter(by_quarter.n > 1).drop("n")
    crossing = each.semi_join(shared, ["household", "quarter"])
    crossing = crossing.select("household", "t_min").distinct().mutate(crosses=True)
    told = single.left_join(crossing, ["household", "t_min"])
    return told.select(*single.columns, alone=told.crosses.isnull())


def _single(rows: Table) -> Table:
    return rows.group_by("household", "t_min").aggregate(
        low=rows.mwh.min(),
        high=rows.mwh.max(),
        step_min=rows.step_min.max(),
        finest=rows.step_min.min(),
        file=rows.file.min(),
        last_file=rows.file.max(),
    )


def clean(single: Table) -> Table:
    """household, t_min, mwh, step_min, file: times with one value, however often it is said."""
    return single.filter(_agreed(single)).select(
        "household",
        "t_min",
        mwh="low",
        step_min=single.step_min.cast("int16"),
        file=single.file.cast("int32"),
    )


def repeats(rows: Table, single: Table) -> Table:
    """What `clean` leaves out: file, household, t_min, low, high, reason, rows, other.

    Each file answers for its own rows; of equal ones the first file keeps one. other: another
    file that has the time too, null when no other has.
    """
    keys = ["household", "t_min", "step_min"]
    by_file = rows.group_by(*keys, "file").aggregate(
        n=rows.count(), own_low=rows.mwh.min(), own_high=rows.mwh.max()
    )
    first = single.select(*keys, "low", "high", "alone", "last_file", first_file="file")
    told = by_file.left_join(first, keys)
    coarser = told.low.isnull()
    equal = _agreed(told).fill_null(False)
    kept = ibis.ifelse(equal & (told.file == told.first_file), 1, 0)
    told = told.mutate(
        reason=ibis.cases(
            (coarser, DropReason.OTHER_STEP.value),
            (equal, DropReason.DUPLICATE.value),
            else_=DropReason.CONFLICT.value,
        ),
        rows=told.n - kept,
        low=ibis.coalesce(told.low, told.own_low),
        high=ibis.coalesce(told.high, told.own_high),
        other=ibis.ifelse(told.file == told.first_file, told.last_file, told.first_file),
    )
    return told.filter(told.rows > 0).select(
        "file", "household", "t_min", "low", "high", "reason", "rows",
        other=told.other.nullif(told.file).cast("int64"),
    )  # fmt: skip


def of_households(rows: Table, named: Table) -> Table:
    """All rows of households whose names are no text, as `repeats`. named: column household."""
    found = rows.semi_join(named, "household")
    found = found.mutate(t_min=found.t_min.cast("int64"), file=found.file.cast("int32"))
    return found.group_by("file", "household", "t_min").aggregate(
        low=found.mwh.min(),
        high=found.mwh.max(),
        reason=ibis.literal(DropReason.WRONG_COLUMNS.value),
        rows=found.count(),
        other=ibis.null("int64"),
    )


def _agreed(single: Table) -> BooleanValue:
    return (single.low == single.high) & single.alone


def _in_quarters(rows: Table) -> Table:
    """A row for each quarter hour that a reading covers."""
    each = rows.mutate(after=ibis.array([0, 15, 30, 45]).unnest())
    each = each.filter(each.after < each.step_min)
    return each.mutate(quarter=each.t_min + each.after)


def _coarser(rows: Table) -> Table:
    """household, t_min, step_min of those that a reading in a finer step reaches into."""
    each = _in_quarters(rows)
    finest = each.group_by("household", "quarter").aggregate(finest=each.step_min.min())
    told = each.join(finest, ["household", "quarter"])
    coarser = told.filter(told.finest < told.step_min)
    return coarser.select("household", "t_min", "step_min").distinct()


def spans(readings: Table, zone: str) -> Table:
    """One row: spans, whether a reading reaches over the edge of a half hour of the local clock;
    null without readings.
    """
    edge = clock.edge_min(zone)
    return readings.aggregate(spans=(readings.t_min % edge + readings.step_min > edge).any())


def in_half_hours(readings: Table, zone: str, divide: bool) -> Table:
    """household, t_min, mwh, step_min and mw, the mean power, of readings of which none reaches
    over the edge of a half hour of the local clock. divide: some did (`spans`). Each minute gets an
    equal share, and the parts of a reading add up to it, to the mWh.
    """
    step = readings.step_min.cast("int64")
    rows = readings.select(
        "household", "t_min", "mwh", step_min=step, mw=readings.mwh * (60 // step)
    )
    if not divide:
        return rows
    edge = clock.edge_min(zone)
    most = -(-(_LONGEST_MIN + edge - QUARTER_MIN) // edge)
    rows = rows.mutate(before=rows.t_min % edge, n=ibis.array(list(range(most))).unnest())
    first = rows.n.cast("int64") * edge - rows.before
    rows = rows.mutate(start=ibis.greatest(first, 0), end=ibis.least(first + edge, rows.step_min))
    rows = rows.filter(rows.end > rows.start)
    return rows.select(
        "household",
        t_min=rows.t_min + rows.start,
        mwh=rows.mwh * rows.end // rows.step_min - rows.mwh * rows.start // rows.step_min,
        step_min=rows.end - rows.start,
        mw=rows.mw,
    )


def days(readings: Table, zone: str, tariff: FleetTariff, engine: Engine) -> Table:
    """By household and local day: mwh, covered_min, minutes (of the day), complete, top_mw (the
    highest mean power of a step), peak_mwh and off_mwh (the dearest and the cheapest rate).

    readings: as `in_half_hours` gives them.
    """
    local = local_minute(readings, zone, engine)
    # A column, since an engine works out anew whatever stands inside of a condition.
    local = local.mutate(
        local_day=local.local_min // clock.DAY_MIN, slot=week_slot(local.local_min)
    )
    peak, off = dearest_and_cheapest(tariff)
    sums = local.group_by("household", "local_day").aggregate(
        mwh=local.mwh.sum(),
        covered_min=local.step_min.sum(),
        top_mw=local.mw.max(),
        peak_mwh=ibis.ifelse(_in_slots(local.slot, peak), local.mwh, 0).sum(),
        off_mwh=ibis.ifelse(_in_slots(local.slot, off), local.mwh, 0).sum(),
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
    """By household and half hour of the local week (0 is Monday 00:00): mwh, covered_min.

    readings: as `in_half_hours` gives them.
    """
    local = local_minute(readings, zone, engine)
    local = local.mutate(slot=week_slot(local.local_min))
    return (
        local.group_by("household", "slot")
        .aggregate(mwh=local.mwh.sum(), covered_min=local.step_min.sum())
        .order_by("household", "slot")
    )


def meters(days_seen: Table) -> Table:
    """By household: tariff (the last of their names) and step_min."""
    return days_seen.group_by("household").aggregate(
        tariff=days_seen.tariff.max(), step_min=days_seen.step_min.max()
    )


def totals(by_day: Table) -> Table:
    """One row: households, household_days (that count), first and last local day."""
    return by_day.aggregate(
        households=by_day.household.nunique(),
        household_days=by_day.complete.cast("int64").sum(),
        first=by_day.local_day.min(),
        last=by_day.local_day.max(),
    )


def week_slot(local_min: IntegerValue) -> IntegerValue:
    return ((local_min + _MONDAY_OFFSET_MIN) // SLOT_MIN) % SLOTS_OF_WEEK


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
