"""Strange stretches of hours, held against the same hour of the week in the weeks around.

Three rules, each of which a person can check by looking:

- **Unlike its weeks**: more than five robust deviations (median and MAD of the same hour of the
  week within four weeks on either side) for at least four hours, an hour of relief in between
  allowed. A single odd hour is a person; a lasting one is a fault.
- **Flat or zero**: the same value for hours on end is a stuck meter; zeros where there were
  none are a lost supply or a lost meter. Zeros with nothing between them but hours that are
  missing, or hold next to nothing, are one event and are told as one.
- **No setback**: at least six hours, in which it otherwise goes down to half, at the level of
  working hours. The first rule is blind to it when it happens most nights of a season, since then
  the neighbouring weeks look the same; so the whole period is the yardstick.

The figures behind the constants: docs/decisions/0006-drift-and-anomalies.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain import wording
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.energy import DAY_MS, HOUR_MS
from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.finding import Anomaly, AnomalyKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

    Bools = NDArray[np.bool_]

WEEKS_AROUND = 4
DEVIATIONS = 5.0
LEAST_WEEKS = 3

_WEEK_HOURS = 168
_MONDAY_OFFSET_H = 72  # 1970-01-01 was a Thursday
_LEAST_SHARE = 0.08  # of the usual hour: below this a deviation is not worth a look
_LEAST_HOURS = 4
_RELIEF_HOURS = 1
_FLAT_HOURS = 4
_ZERO_HOURS = 3
_NEXT_TO_NOTHING = 0.05  # of the usual hour of the series: the last watts of a house that is off
_SETBACK = 0.5
_WORKING_LEVEL = 0.85
_SETBACK_HOURS = 6
_MOST_DECIMALS = 7  # of a kWh


@dataclass(frozen=True, slots=True)
class Hours:
    """Whole hours on the local clock, without holes; all shapes (n,).

    Missing hours are there as NaN. wall_h: hours of the wall clock since 1970.
    """

    start_ms: Int64s
    energy_wh: Floats
    wall_h: Int64s


def find_anomalies(
    start_ms: Int64s, energy_wh: Floats, zone: str, *, step_s: int = 3600
) -> tuple[Anomaly, ...]:
    """Strange stretches in a series of energies per step, shapes (n,), NaN = unknown; by start.

    step_s: 3600 or a divisor of it; finer steps are summed to hours. A stretch that several
    rules see is given once, by the rule that says most.

    Raises NotEnoughData under three weeks.
    """
    hours = to_hours(start_ms, energy_wh, zone, step_s)
    if np.count_nonzero(np.isfinite(hours.energy_wh)) < LEAST_WEEKS * _WEEK_HOURS:
        raise NotEnoughData(
            where="Anomalies",
            what=f"{len(hours.start_ms) // 24} days of hours are too few to know what is usual.",
            remedy=f"Come back after {LEAST_WEEKS} weeks.",
        )
    usual, z = against_weeks(hours)
    value = hours.energy_wh
    found: list[Anomaly] = []
    taken = np.zeros(len(value), bool)
    for kind, flags in (
        (AnomalyKind.ZERO, as_one(repeated(value) & (value == 0.0), value)),
        (AnomalyKind.FLAT, repeated(value) & (value != 0.0)),
        (AnomalyKind.HIGH, lasting(z > DEVIATIONS)),
        (AnomalyKind.LOW, lasting(z < -DEVIATIONS)),
        (AnomalyKind.NO_SETBACK, no_setback(hours)),
    ):
        fresh = flags & ~taken
        taken |= flags
        for begin, end in _runs(fresh):
            found.append(_describe(kind, hours, usual, z, begin, end, zone))
    return tuple(sorted(found, key=lambda a: a.start_ms))


def flags(start_ms: Int64s, energy_wh: Floats, zone: str) -> Bools:
    """Which of the hours (shape (n,), ascending, 3600 s apart or more) belong to an anomaly."""
    anomalies = find_anomalies(start_ms, energy_wh, zone)
    flagged = np.zeros(len(start_ms), bool)
    for one in anomalies:
        flagged[np.searchsorted(start_ms, one.start_ms) : np.searchsorted(start_ms, one.end_ms)] = 1
    return flagged


def naive_flags(start_ms: Int64s, energy_wh: Floats, zone: str) -> Bools:
    """The rival: residual from the mean of the same hour of the day beyond three sigma."""
    hours = to_hours(start_ms, energy_wh, zone, 3600)
    of_day = hours.wall_h % 24
    mean = np.array([np.nanmean(hours.energy_wh[of_day == hour]) for hour in range(24)])
    residual = hours.energy_wh - mean[of_day]
    strange = np.abs(residual) > 3.0 * np.nanstd(residual)
    return np.asarray(strange[np.searchsorted(hours.start_ms, start_ms)], bool)


def to_hours(start_ms: Int64s, energy_wh: Floats, zone: str, step_s: int) -> Hours:
    """Sums steps to whole hours and fills the holes; an hour with a step missing is unknown."""
    if 3600 % step_s:
        raise ValueError(f"a step of {step_s} s does not divide an hour")
    if len(start_ms) == 0:
        return Hours(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64))
    local = start_ms + utc_offset_ms(start_ms, zone)
    # In zones half an hour off, hours begin where the local clock says so; steps that reach over
    # that are not torn apart.
    step_ms = 1000 * step_s
    first = int(start_ms[0] - local[0] % HOUR_MS // step_ms * step_ms)
    place = (start_ms - first) // HOUR_MS
    n = int(place[-1]) + 1
    known = np.isfinite(energy_wh)
    energy = np.bincount(place[known], energy_wh[known], n).astype(np.float64)
    energy[np.bincount(place[known], minlength=n) < 3600 // step_s] = np.nan
    starts = first + np.arange(n, dtype=np.int64) * HOUR_MS
    wall = (starts + utc_offset_ms(starts, zone)) // HOUR_MS
    return Hours(starts, energy, wall)


def utc_offset_ms(moment_ms: Int64s, zone: str) -> Int64s:
    """What the local clock is ahead of UTC at each moment, shape (n,).

    Asked per day, and per hour only on the days of a clock change.
    """
    place = ZoneInfo(zone)

    def offset(at_ms: int) -> int:
        delta = from_ms(at_ms).astimezone(place).utcoffset()
        return 0 if delta is None else round(delta.total_seconds() * 1000)

    day = moment_ms // DAY_MS
    first, last = int(day.min()), int(day.max())
    at_midnight = np.array([offset(d * DAY_MS) for d in range(first, last + 2)], np.int64)
    result = at_midnight[day - first]
    changing = result != at_midnight[day - first + 1]
    result[changing] = [offset(int(moment)) for moment in moment_ms[changing]]
    return result


def against_weeks(hours: Hours) -> tuple[Floats, Floats]:
    """The usual energy of each hour, and how many robust deviations it stands off; shapes (n,).

    Usual: median of the same hour of the week from four weeks before to four after, itself
    included. Deviation: 1.4826 times the median absolute deviation of the same hours, at least
    8 % of the usual hour of the series.
    """
    week = (hours.wall_h + _MONDAY_OFFSET_H) // _WEEK_HOURS
    slot = (hours.wall_h + _MONDAY_OFFSET_H) % _WEEK_HOURS
    week -= week.min()
    weeks = int(week.max()) + 1
    grid = np.full((weeks + 2 * WEEKS_AROUND, _WEEK_HOURS), np.nan)
    grid[week + WEEKS_AROUND, slot] = hours.energy_wh
    around = np.lib.stride_tricks.sliding_window_view(grid, 2 * WEEKS_AROUND + 1, axis=0)
    median = _median(around)
    spread = 1.4826 * _median(np.abs(around - median[:, :, None]))
    usual = median[week, slot]
    typical = float(np.nanmedian(np.abs(hours.energy_wh)))
    deviation = np.maximum(spread[week, slot], max(_LEAST_SHARE * typical, 1e-9))
    return usual, (hours.energy_wh - usual) / deviation


def _median(values: Floats) -> Floats:
    """Median along the last axis, NaN left out: one sort, which puts NaN last."""
    ordered = np.sort(values, axis=-1)
    count = np.count_nonzero(np.isfinite(ordered), axis=-1)
    low = np.maximum(count - 1, 0) // 2
    high = count // 2
    high = np.minimum(high, ordered.shape[-1] - 1)
    pick = np.take_along_axis
    middle = pick(ordered, low[..., None], -1) + pick(ordered, high[..., None], -1)
    return np.asarray(np.where(count > 0, 0.5 * middle[..., 0], np.nan))


def lasting(strange: Bools) -> Bools:
    """Stretches of at least four strange hours; a single hour of relief does not end one."""
    joined = strange.copy()
    for begin, end in _runs(~strange):
        if end - begin <= _RELIEF_HOURS and begin > 0 and end < len(strange):
            joined[begin:end] = True
    for begin, end in _runs(joined):
        if end - begin < _LEAST_HOURS:
            joined[begin:end] = False
    return joined


def repeated(value: Floats) -> Bools:
    """Hours inside a run of equal values: four or more, or three zeros.

    A series that often repeats (coarse resolution, or really nothing at night) has learnt to: a
    run then counts only when it is longer than its runs usually get.
    """
    same = np.concatenate(([False], value[1:] == value[:-1]))
    result = np.zeros(len(value), bool)
    runs = [(begin - 1, end) for begin, end in _runs(same)]
    for zero, shortest in ((True, _ZERO_HOURS), (False, _FLAT_HOURS)):
        own = [(b, e) for b, e in runs if (value[b] == 0.0) == zero and e - b >= shortest]
        if not own:
            continue
        lengths = np.array([e - b for b, e in own], float)
        often = len(own) > len(value) / _WEEK_HOURS  # more than one in a week: its habit
        least = 2.0 * float(np.percentile(lengths, 90)) if often else float(shortest)
        for begin, end in own:
            if end - begin >= least:
                result[begin:end] = True
    return result


def as_one(zero: Bools, value: Floats) -> Bools:
    """Runs of zeros, joined where every hour between is missing or holds next to nothing."""
    most = _NEXT_TO_NOTHING * float(np.nanmedian(np.abs(value)))
    quiet = ~(np.abs(value) > most)  # also of NaN
    result = zero.copy()
    for (_, end), (begin, _) in pairwise(_runs(zero)):
        if quiet[end:begin].all():
            result[end:begin] = True
    return result


def no_setback(hours: Hours) -> Bools:
    """Nights (or week-ends) that ran through at the level of working hours."""
    slot = (hours.wall_h + _MONDAY_OFFSET_H) % _WEEK_HOURS
    order = np.argsort(slot, kind="stable")
    bounds = np.searchsorted(slot[order], np.arange(_WEEK_HOURS + 1))
    usual = np.full(_WEEK_HOURS, np.nan)
    for one in range(_WEEK_HOURS):
        part = hours.energy_wh[order[bounds[one] : bounds[one + 1]]]
        part = part[np.isfinite(part)]
        if len(part):
            usual[one] = np.median(part)
    working = float(np.nanpercentile(usual, 90))
    quiet = usual[slot] < _SETBACK * working
    through = quiet & (hours.energy_wh > _WORKING_LEVEL * working)
    for begin, end in _runs(through):
        if end - begin < _SETBACK_HOURS:
            through[begin:end] = False
    return np.asarray(through)


def _runs(flags: Bools) -> list[tuple[int, int]]:
    """[begin, end) of each stretch of True."""
    edge = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    return list(
        zip(np.flatnonzero(edge == 1).tolist(), np.flatnonzero(edge == -1).tolist(), strict=True)
    )


def _told_apart(actual_wh: float, expected_wh: float) -> tuple[str, str]:
    """Both in kWh, with one decimal or as many as it takes to see that they differ."""
    for decimals in range(1, _MOST_DECIMALS):
        texts = [wording.number(wh / 1000, decimals) for wh in (actual_wh, expected_wh)]
        if texts[0] != texts[1]:
            break
    return texts[0], texts[1]


def _moment(at_ms: int, zone: str, *, after_ms: int | None = None) -> str:
    """With its year: a reason is read years later, and in lists that have no other date. The day
    is left out where it is the one of `after_ms`, which stands before it.
    """
    place = ZoneInfo(zone)
    local = from_ms(at_ms).astimezone(place)
    if after_ms is not None and from_ms(after_ms).astimezone(place).date() == local.date():
        return f"{local:%H:%M}"
    return f"{local:%H:%M} on {wording.day(local.date())}"


def _nothing(actual_wh: float, missing_h: int, length: str, when: str, until: str) -> str:
    """Zeros in words; where a little came in between, neither supply nor meter was gone."""
    if actual_wh == 0.0 and not missing_h:
        return f"nothing at all for {length} from {when}: supply off or meter lost"
    span = f"from {when} until {until} ({length}"
    span += f", {missing_h} h of it without a reading)" if missing_h else ")"
    if actual_wh == 0.0:
        return f"nothing at all {span}: supply off or meter lost"
    used, _ = _told_apart(actual_wh, 0.0)
    return (
        f"next to nothing {span}, {used} kWh in all: nearly all of it switched off, or the meter "
        f"misses most of what is used"
    )


def _describe(
    kind: AnomalyKind, hours: Hours, usual: Floats, z: Floats, begin: int, end: int, zone: str
) -> Anomaly:
    part = slice(begin, end)
    known = np.isfinite(hours.energy_wh[part])
    actual = float(np.sum(hours.energy_wh[part][known]))
    expected = float(np.nansum(usual[part][known]))  # of the hours that `actual` is of
    length = wording.hours(60 * (end - begin))
    score = float(np.nanmax(np.abs(z[part]))) if np.isfinite(z[part]).any() else 0.0
    start_ms, end_ms = int(hours.start_ms[begin]), int(hours.start_ms[end - 1]) + HOUR_MS
    when = _moment(start_ms, zone)
    match kind:
        case AnomalyKind.HIGH | AnomalyKind.LOW:
            sense = "more" if kind is AnomalyKind.HIGH else "less"
            used, usually = _told_apart(actual, expected)
            reason = (
                f"{sense} than usual for {length} from {when}: {used} kWh, the same "
                f"hours of the weeks around used {usually} kWh"
            )
        case AnomalyKind.ZERO:
            until = _moment(end_ms, zone, after_ms=start_ms)
            reason = _nothing(actual, int(np.count_nonzero(~known)), length, when, until)
        case AnomalyKind.FLAT:
            reason = f"the same value for {length} from {when}: the meter may be stuck"
        case AnomalyKind.NO_SETBACK:
            reason = (
                f"ran through for {length} from {when} at the level of working hours, where it "
                f"otherwise goes down to half or less"
            )
    return Anomaly(
        kind=kind,
        start_ms=start_ms,
        end_ms=end_ms,
        actual_wh=actual,
        expected_wh=expected,
        score=score,
        reason=reason[0].upper() + reason[1:] + ".",
    )
