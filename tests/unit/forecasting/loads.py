"""Made-up loads with a known shape, and the detector of forbidden knowledge."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.forecasting.series import LoadSeries, make_series

MINUTE_MS = 60_000
DAY_MS = 86_400_000


def ms(*when: int, zone: str = "UTC") -> int:
    return round(datetime(*when, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def a_load(
    start_ms: int,
    days: int,
    *,
    step_min: int = 60,
    zone: str = "Europe/Berlin",
    noise: float = 0.1,
    seed: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """A house that has breakfast at 07:00 by its own clock, later at weekends, and noise."""
    stamps = start_ms + np.arange(days * 1440 // step_min, dtype=np.int64) * step_min * MINUTE_MS
    local = [datetime.fromtimestamp(t / 1000, UTC).astimezone(ZoneInfo(zone)) for t in stamps]
    hour = np.array([moment.hour for moment in local])
    weekend = np.array([moment.weekday() >= 5 for moment in local])
    base = 50.0 + 400.0 * (hour == np.where(weekend, 10, 7)) + 200.0 * ((hour >= 18) & (hour < 22))
    rng = np.random.default_rng(seed)
    return stamps, base * rng.lognormal(0.0, noise, stamps.size)


def a_series(days: int = 70, *, ahead: int = 24, **more) -> LoadSeries:
    start = ms(2024, 1, 1, zone="Europe/Berlin")
    stamps, energy = a_load(start, days, **more)
    return make_series(
        stamps, energy, 60, end_ms=start + days * DAY_MS, ahead=ahead, zone="Europe/Berlin"
    )


def origins_that_know_the_future(
    series: LoadSeries,
    origins: list[int],
    answer: Callable[[LoadSeries, int], np.ndarray],
) -> list[int]:
    """Origins at which `answer(series, origin)` changes when only what comes after them does."""
    caught = []
    for origin in origins:
        values = series.energy_wh.copy()
        rng = np.random.default_rng(origin)
        values[origin:] = 5_000.0 * rng.random(values.size - origin)
        told = answer(series, origin)
        retold = answer(replace(series, energy_wh=values), origin)
        if not np.array_equal(told, retold, equal_nan=True):
            caught.append(origin)
    return caught
