"""A load on a regular grid, with the local calendar of every slot and of the slots to come.

Forecasting thinks in wall-clock days: people cook at seven, not at 18:00 UTC. Every question about
"the same time on another day" is therefore asked in the local calendar of the site, so a change of
the clocks moves the profile along with the people, and a local day may have 23, 24 or 25 hours.

The values end at the origin. What comes later is not merely unused: it is not in the object.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from energy_desktop.domain.energy import DAY_MS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MINUTE_MS = 60_000
_OFFSET_GRID_MS = 30 * MINUTE_MS  # every zone changes its clock on a half hour of UTC
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

WORKDAY, SATURDAY, REST_DAY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Calendar:
    """Local calendar of consecutive slots; all shapes (n,).

    day: ordinal of the local date; slot: steps since local midnight by the clock on the wall.
    kind: WORKDAY, SATURDAY or REST_DAY (Sunday or public holiday).
    """

    slots_per_day: int
    day: Ints
    slot: Ints
    weekday: Ints
    kind: Ints
    holiday: Bools


@dataclass(frozen=True, slots=True)
class LoadSeries:
    """Energy per slot up to an origin, and the calendar up to `horizon` slots after it.

    energy_wh (n,): Wh per slot, NaN where unknown; slot i covers [start_ms + i step, + step).
    calendar: of n + ahead slots. lookup (days, slots_per_day): grid index of a local day and slot,
    counted from day0; -1 where that local time does not exist or lies outside.
    """

    start_ms: int
    step_min: int
    energy_wh: Floats
    calendar: Calendar
    day0: int
    lookup: Ints

    @property
    def n(self) -> int:
        return int(self.energy_wh.size)

    @property
    def step_ms(self) -> int:
        return self.step_min * MINUTE_MS

    @property
    def slots_per_day(self) -> int:
        return self.calendar.slots_per_day

    @property
    def ahead(self) -> int:
        """Slots after the last value that the calendar covers."""
        return int(self.calendar.day.size) - self.n

    def time_ms(self, index: int) -> int:
        return self.start_ms + index * self.step_ms

    def same_clock(self, target: Ints, days_back: Ints | int) -> Ints:
        """Index of the same local time `days_back` days before; -1 where there is none."""
        row = self.calendar.day[target] - days_back - self.day0
        inside = row >= 0
        found = self.lookup[np.where(inside, row, 0), self.calendar.slot[target]]
        return np.where(inside, found, -1)


def make_series(
    start_ms: Ints,
    energy_wh: Floats,
    step_min: int,
    *,
    end_ms: int,
    ahead: int,
    zone: str,
    country: str = "",
) -> LoadSeries:
    """Puts intervals on their grid and cuts at `end_ms`.

    Takes the intervals that have ended by end_ms, whatever else is handed in. start_ms (n,): UTC
    epoch ms, ascending, on one grid of step_min; absent slots become NaN. Raises ValueError for
    stamps off that grid: cleaning is the ledger's work.
    """
    step_ms = step_min * MINUTE_MS
    known = start_ms + step_ms <= end_ms
    stamps, values = start_ms[known], energy_wh[known]
    present = np.flatnonzero(np.isfinite(values))
    if present.size == 0:
        raise ValueError("no interval with a value ends before the origin")
    stamps, values = stamps[present[0] :], values[present[0] :]
    first = int(stamps[0])
    offset = stamps - first
    if np.any(offset % step_ms) or np.any(offset < 0):
        raise ValueError(f"the stamps do not lie on one ascending grid of {step_min} min")
    n = (end_ms - first) // step_ms
    grid = np.full(n, np.nan)
    grid[offset // step_ms] = values
    calendar = local_calendar(first, n + ahead, step_min, zone, country)
    day0 = int(calendar.day[0])
    lookup = np.full((int(calendar.day[-1]) - day0 + 1, calendar.slots_per_day), -1, np.int64)
    # Backwards, so that the first of two equal local times keeps the cell.
    lookup[calendar.day[::-1] - day0, calendar.slot[::-1]] = np.arange(n + ahead)[::-1]
    return LoadSeries(first, step_min, grid, calendar, day0, lookup)


def local_calendar(start_ms: int, n: int, step_min: int, zone: str, country: str) -> Calendar:
    """The calendar of n slots from start_ms on. `country`: ISO code for its holidays, or empty."""
    stamps = start_ms + np.arange(n, dtype=np.int64) * (step_min * MINUTE_MS)
    local = stamps + _utc_offset_ms(stamps, ZoneInfo(zone))
    day_number = local // DAY_MS
    slot = (local - day_number * DAY_MS) // (step_min * MINUTE_MS)
    day = day_number + _EPOCH_ORDINAL
    weekday = (day - 1) % 7  # date.weekday(): ordinal 1 is a Monday
    holiday = np.isin(day, _holiday_ordinals(country, int(day[0]), int(day[-1])))
    kind = np.where(
        (weekday == 6) | holiday, REST_DAY, np.where(weekday == 5, SATURDAY, WORKDAY)
    ).astype(np.int64)
    return Calendar(1440 // step_min, day, slot, weekday, kind, holiday)


def _utc_offset_ms(stamps: Ints, zone: ZoneInfo) -> Ints:
    cell = stamps // _OFFSET_GRID_MS
    first = int(cell[0])
    offsets = np.empty(int(cell[-1]) - first + 1, np.int64)
    for i in range(offsets.size):
        moment = datetime.fromtimestamp((first + i) * _OFFSET_GRID_MS / 1000, UTC).astimezone(zone)
        offset = moment.utcoffset()
        assert offset is not None
        offsets[i] = round(offset.total_seconds() * 1000)
    return offsets[cell - first]


def _holiday_ordinals(country: str, first: int, last: int) -> Ints:
    if not country:
        return np.empty(0, np.int64)
    import holidays

    years = range(date.fromordinal(first).year, date.fromordinal(last).year + 1)
    try:
        known = holidays.country_holidays(country.upper(), years=years)
    except NotImplementedError:  # a country the library does not know has no holidays here
        return np.empty(0, np.int64)
    return np.array(sorted(day.toordinal() for day in known), np.int64)
