"""What a row of slots says: days, weeks, duration, base load. Pure: slots in, values out.

Everything is laid on the wall clock of the site. Most days have one offset to UTC, so only the
days of a clock change are looked at slot by slot.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import from_ms, local_midnight_ms
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.services.history.values import (
    POWER,
    Against,
    BaseLoad,
    DayCarpet,
    DayTotals,
    PeriodTotals,
    Slots,
    WeekPattern,
)
from energy_desktop.services.local_days import days_touched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

BASE_LOAD_PERCENTILE = 5.0
FEWEST_LIKE = 3
WEEK_HOURS = 168
_PERCENTILES = (5, 25, 50, 75, 95)
_DAY_S = 86_400


def earlier(start_ms: int, end_ms: int, zone: ZoneInfo, against: Against) -> tuple[int, int] | None:
    """The period to hold [start_ms, end_ms) against; None for NOTHING.

    Shifted by whole local days, so that midnight stays midnight over a change of the clock.
    """
    if against is Against.NOTHING:
        return None
    start, end = from_ms(start_ms).astimezone(zone), from_ms(end_ms).astimezone(zone)
    if against is Against.YEAR:
        back = timedelta(days=364)
    else:
        back = timedelta(days=max(1, round((end_ms - start_ms) / 86_400_000)))
        whole_days = start.time() == end.time() == time.min  # one of them may have 23 hours
        if end_ms - start_ms < 86_400_000 and not whole_days:
            return 2 * start_ms - end_ms, start_ms
    return _shifted_ms(start, back, zone), _shifted_ms(end, back, zone)


def _shifted_ms(local: datetime, back: timedelta, zone: ZoneInfo) -> int:
    midnight = local_midnight_ms((local - back).date(), zone)
    seconds = local.hour * 3600 + local.minute * 60 + local.second
    return midnight + seconds * 1000 + local.microsecond // 1000


def wall_seconds(time_ms: Int64s, zone: ZoneInfo) -> Int64s:
    """Seconds (n,) that the wall clock shows, counted as if it had never been changed."""
    seconds = time_ms // 1000
    if not time_ms.size:
        return seconds
    edges = days_touched(int(time_ms[0]), int(time_ms[-1]) + 1, zone)
    places = np.searchsorted(time_ms, edges)
    wall = seconds.copy()
    for day in range(edges.size - 1):
        first, last = int(places[day]), int(places[day + 1])
        if first == last:
            continue
        offset = _offset_s(int(edges[day]), zone)
        if offset == _offset_s(int(edges[day + 1]), zone):
            wall[first:last] += offset
        else:
            wall[first:last] += [_offset_s(int(t), zone) for t in time_ms[first:last]]
    return wall


def _offset_s(epoch_ms: int, zone: ZoneInfo) -> int:
    offset = from_ms(epoch_ms).astimezone(zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def weekdays(wall_s: Int64s) -> Int64s:
    """0 for Monday; 1 January 1970 was a Thursday."""
    return (wall_s // _DAY_S + 3) % 7


def measured(slots: Slots) -> NDArray[np.bool_]:
    """Slots (n,) that were neither estimated nor edited and have a value."""
    known: NDArray[np.bool_] = np.isfinite(slots.values)
    if slots.quality is not None:
        known &= ~not_measured(slots)
    return known


def not_measured(slots: Slots) -> NDArray[np.bool_]:
    """Slots (n,) with a value that was estimated or edited."""
    if slots.quality is None:
        return np.zeros(slots.values.size, dtype=bool)
    stands_in = np.isin(slots.quality, (IntervalQuality.ESTIMATED, IntervalQuality.EDITED))
    return stands_in & np.isfinite(slots.values)


def day_carpet(slots: Slots, zone: ZoneInfo, now_ms: int) -> DayCarpet:
    """Slots laid out by local days, by the time that passed since each midnight."""
    step_ms = slots.step_s * 1000
    edges = days_touched(int(slots.start_ms[0]), int(slots.start_ms[-1]) + 1, zone)
    lengths = np.diff(edges) // step_ms
    day = np.searchsorted(edges, slots.start_ms, side="right") - 1
    column = (slots.start_ms - edges[day]) // step_ms
    grid = np.full((edges.size - 1, int(lengths.max())), np.nan)
    grid[day, column] = slots.values
    quality = None
    if slots.quality is not None:
        quality = np.full(grid.shape, IntervalQuality.MISSING, dtype=np.int8)
        quality[day, column] = slots.quality
    passed = np.clip((now_ms - edges[:-1]) // step_ms, 1, lengths)
    return DayCarpet(
        tuple(int(e) for e in edges[:-1]),
        grid,
        slots.step_s,
        tuple(int(p) for p in passed),
        quality,
    )


def like_days(slots: Slots, past: Slots, zone: ZoneInfo) -> tuple[Floats, Floats, Floats, int]:
    """10th, 90th and 50th percentile (n,) of the same wall-clock slots on the same weekday of the
    measured past, and how many such days there were. NaN with fewer than three of them."""
    wanted = wall_seconds(slots.start_ms, zone)
    wall = wall_seconds(past.start_ms, zone)
    fits = measured(past) & (weekdays(wall) == weekdays(wanted[:1])[0])
    wall, values = wall[fits], past.values[fits]
    days = np.unique(wall // _DAY_S)
    table = np.full((days.size, _DAY_S // slots.step_s), np.nan)
    table[np.searchsorted(days, wall // _DAY_S), wall % _DAY_S // slots.step_s] = values
    rows = _percentiles(table, (10, 90, 50))[:, wanted % _DAY_S // slots.step_s]
    return rows[0], rows[1], rows[2], int(days.size)


def _percentiles(table: Floats, shares: tuple[int, ...]) -> Floats:
    """(shares, columns) over the known rows of each column; NaN in a column with under three."""
    rows = np.full((len(shares), table.shape[1]), np.nan)
    enough = np.isfinite(table).sum(axis=0) >= FEWEST_LIKE
    if enough.any():
        rows[:, enough] = np.nanpercentile(table[:, enough], shares, axis=0)
    return rows


def week_pattern(slots: Slots, zone: ZoneInfo) -> WeekPattern:
    """Percentiles of each hour of the week from the measured slots."""
    use = measured(slots)
    wall = wall_seconds(slots.start_ms, zone)[use]
    hour = weekdays(wall) * 24 + wall % _DAY_S // 3600
    order = np.argsort(hour, kind="stable")
    values = slots.values[use][order]
    edges = np.searchsorted(hour[order], np.arange(WEEK_HOURS + 1))
    rows = np.full((len(_PERCENTILES), WEEK_HOURS), np.nan)
    for i in range(WEEK_HOURS):
        part = values[edges[i] : edges[i + 1]]
        if part.size >= FEWEST_LIKE:
            rows[:, i] = np.percentile(part, _PERCENTILES)
    p05, p25, median, p75, p95 = rows
    return WeekPattern(p05, p25, median, p75, p95, np.diff(edges).astype(np.int64))


def base_load(slots: Slots, elapsed_s: float, energy_wh: float | None) -> BaseLoad | None:
    """None where power flows both ways or nothing was measured: then nothing is always drawn."""
    use = measured(slots)
    values = slots.values[use]
    if not values.size or not values.min() >= 0 < values.max():
        return None
    power = float(np.percentile(values, BASE_LOAD_PERCENTILE))
    held = power * elapsed_s / 3600
    return BaseLoad(
        power_w=power,
        slots=int(values.size),
        left_out=int(not_measured(slots).sum()),
        energy_wh=held,
        share_pct=100 * held / energy_wh if energy_wh else None,
    )


def day_totals(
    energy: Slots, edges: Int64s, name: str, now_ms: int, *, is_energy: bool
) -> DayTotals:
    """Energy or mean of each local day between edges. `energy`: slots of energy, or of the
    quantity itself; mean power counts as energy by its time."""
    factor = energy.step_s / 3600 if name == POWER else 1.0
    known = np.isfinite(energy.values)
    passed = energy.start_ms + energy.step_s * 1000 <= now_ms
    return DayTotals(
        edges,
        grouped(energy, edges, mean=not is_energy) * (factor if is_energy else 1.0),
        _counted(energy.start_ms[~known & passed], edges),
        _counted(energy.start_ms[not_measured(energy)], edges),
        is_energy,
    )


def _counted(start_ms: Int64s, edges: Int64s) -> Int64s:
    return np.diff(np.searchsorted(start_ms, edges)).astype(np.int64)


def weeks_of(totals: DayTotals, before: Floats) -> PeriodTotals:
    """Per day up to five weeks, per seven days beyond. before (n,): days compared with, or empty.

    A week of which no day is known stays unknown; one of which some are is the sum of those.
    """
    n = totals.totals.size
    other = before if before.size == n else np.full(n, np.nan)
    if n <= 35:
        return PeriodTotals("day", totals.edges_ms, totals.totals, other, totals.is_energy)
    starts = np.arange(0, n, 7)

    def gathered(values: Floats) -> Floats:
        known = np.isfinite(values)
        count = np.add.reduceat(known.astype(np.int64), starts)
        total = np.add.reduceat(np.where(known, values, 0.0), starts)
        shared = np.where(count > 0, total, np.nan)
        return shared if totals.is_energy else shared / np.maximum(count, 1)

    edges = np.append(totals.edges_ms[:-1][starts], totals.edges_ms[-1])
    return PeriodTotals("week", edges, gathered(totals.totals), gathered(other), totals.is_energy)


def grouped(slots: Slots, edges: Int64s, *, mean: bool) -> Floats:
    """Sum (or mean) of the known slots between edges; NaN where none is known."""
    known = np.isfinite(slots.values)
    group = np.searchsorted(edges, slots.start_ms, side="right") - 1
    inside: NDArray[np.bool_] = known & (group >= 0) & (group < edges.size - 1)
    count = np.bincount(group[inside], minlength=edges.size - 1)
    total = np.bincount(group[inside], slots.values[inside], minlength=edges.size - 1)
    shared = np.where(count > 0, total, np.nan)
    return shared / np.maximum(count, 1) if mean else shared


def mostly_known(slots: Slots) -> bool:
    """A period that began before the meter did is no comparison."""
    return bool(slots.values.size) and float(np.isfinite(slots.values).mean()) > 0.9


def falling(values: Floats) -> Floats:
    return np.sort(values[np.isfinite(values)])[::-1].copy()
