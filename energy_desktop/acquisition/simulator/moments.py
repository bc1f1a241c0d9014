"""Minutes of the site with what every load looks at: local clock, working day, weather.

Local time is worked out once per block of minutes and shared, because people and timetables live
on the wall clock while everything that is stored lives in UTC.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from energy_desktop.acquisition.simulator.noise import Floats, Ints, normal, smooth

MINUTES_PER_DAY = 1440
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

LATITUDE_DEG = 52.5
LONGITUDE_DEG = 13.4


@dataclass(frozen=True)
class Moments:
    """All arrays (n,). utc_minute: minutes since the epoch; day: proleptic ordinal of the local
    date; clock: minutes since local midnight on the wall; weekday: 0 is Monday; workday: Monday
    to Friday and no public holiday; temperature_c: outdoors; sun: 0 to 1 of a clear noon in
    June, clouds taken off; bright: the same without clouds.
    """

    utc_minute: Ints
    day: Ints
    clock: Ints
    weekday: Ints
    workday: NDArray[np.bool_]
    holidays: frozenset[int]
    temperature_c: Floats
    sun: Floats
    bright: Floats
    occupancy: Floats


def moments(utc_minute: Ints, zone: ZoneInfo, country: str, seed: int) -> Moments:
    """utc_minute (n,): ascending."""
    local = utc_minute + _offset_minutes(utc_minute, zone)
    day = local // MINUTES_PER_DAY + _EPOCH_ORDINAL
    clock = local % MINUTES_PER_DAY
    weekday = (day + 6) % 7
    holidays = _holidays_between(country, int(day[0]), int(day[-1]))
    workday = (weekday < 5) & ~np.isin(day, list(holidays))
    bright = clear_sky(utc_minute)
    return Moments(
        utc_minute=utc_minute,
        day=day,
        clock=clock,
        weekday=weekday,
        workday=workday,
        holidays=holidays,
        temperature_c=temperature(utc_minute, seed),
        sun=bright * cloud_factor(utc_minute, seed),
        bright=bright,
        occupancy=_occupancy(day, clock, workday, seed),
    )


def clear_sky(utc_minute: Ints) -> Floats:
    """Share of the clear noon of midsummer that falls on the roof, 0 at night.

    Solar elevation by Cooper's declination (1969) and the hour angle; the equation of time, a
    quarter of an hour at most, is left out.
    """
    day_of_year = (utc_minute / MINUTES_PER_DAY) % 365.2425
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day_of_year) / 365.2425)
    hour_angle = np.radians((utc_minute % MINUTES_PER_DAY) / 4.0 - 180.0 + LONGITUDE_DEG)
    latitude = np.radians(LATITUDE_DEG)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(
        hour_angle
    )
    height: Floats = np.clip(sine, 0.0, None) ** 1.15 / 0.86
    return height


def clearness(utc_day: Ints, seed: int) -> Floats:
    """0.12 (overcast) to 1 (cloudless) for whole days; neighbours resemble each other."""
    spell = 0.6 * smooth(seed, "weather spell", utc_day / 3.0) + 0.6 * normal(
        seed, "weather day", utc_day
    )
    return 0.12 + 0.88 / (1.0 + np.exp(-1.9 * spell))


def cloud_factor(utc_minute: Ints, seed: int) -> Floats:
    """What clouds leave of the sun: steady on clear and on dull days, restless between."""
    clear = np.interp(
        utc_minute / MINUTES_PER_DAY - 0.5,
        (days := np.arange(utc_minute[0] // 1440 - 1, utc_minute[-1] // 1440 + 2)),
        clearness(days, seed),
    )
    restless = 4.0 * clear * (1.0 - clear)
    passing = 0.30 * smooth(seed, "clouds 7 min", utc_minute / 7.0) + 0.22 * smooth(
        seed, "clouds 40 min", utc_minute / 40.0
    )
    return np.clip(clear + restless * passing, 0.04, 1.03)


def temperature(utc_minute: Ints, seed: int) -> Floats:
    """Degrees Celsius: the year, the day (warmest at 15 h local sun time), spells of weather."""
    day = utc_minute / MINUTES_PER_DAY
    year = 9.8 - 9.6 * np.cos(2 * np.pi * (day % 365.2425 - 20) / 365.2425)
    swing = 3.6 + 1.4 * np.sin(2 * np.pi * (day % 365.2425 - 110) / 365.2425)
    daily = -swing * np.cos(2 * np.pi * (day + LONGITUDE_DEG / 360 - 3 / 24))
    spell = 3.1 * smooth(seed, "temperature spell", day / 4.0)
    return year + daily + spell + 0.4 * smooth(seed, "temperature 30 min", utc_minute / 30.0)


def _occupancy(day: Ints, clock: Ints, workday: NDArray[np.bool_], seed: int) -> Floats:
    """0 to 1: how full the offices are."""
    shape = np.interp(
        clock,
        [390, 480, 555, 715, 750, 800, 960, 1080, 1170],
        [0.0, 0.35, 1.0, 0.97, 0.72, 0.96, 0.93, 0.38, 0.0],
    )
    full = np.clip(0.86 + 0.07 * normal(seed, "how full", day), 0.6, 1.0)
    friday = np.where((day + 6) % 7 == 4, np.where(clock > 840, 0.62, 0.9), 1.0)
    return np.where(workday, shape * full * friday, 0.0)


def _offset_minutes(utc_minute: Ints, zone: ZoneInfo) -> Ints:
    """Minutes to add to UTC. Every zone changes its clock on a quarter of an hour of UTC."""
    quarters, inverse = np.unique(utc_minute // 15, return_inverse=True)
    offsets = np.empty(quarters.size, np.int64)
    first, last = _offset_at(int(quarters[0]), zone), _offset_at(int(quarters[-1]), zone)
    if quarters.size < 192 and first == last and quarters[-1] - quarters[0] < 192:
        offsets[:] = first  # no zone changes its clock twice within two days
    else:
        offsets[:] = [_offset_at(int(q), zone) for q in quarters]
    return offsets[inverse]


def _offset_at(quarter: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() / 60)


@lru_cache(maxsize=64)
def _holidays_between(country: str, first_day: int, last_day: int) -> frozenset[int]:
    years = range(date.fromordinal(first_day - 1).year, date.fromordinal(last_day + 1).year + 1)
    return frozenset().union(*(_holidays_of(country, year) for year in years))


@lru_cache(maxsize=64)
def _holidays_of(country: str, year: int) -> frozenset[int]:
    import holidays

    try:
        found = holidays.country_holidays(country, years=year)
    except NotImplementedError:  # a country that the calendar does not know
        return frozenset()
    return frozenset(day.toordinal() for day in found)
