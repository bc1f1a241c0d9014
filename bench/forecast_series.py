"""The real series that forecasts are measured on, read with as little code as they allow.

Deliberately not the product's importer: a bench that shares its reader shares its mistakes.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class RealLoad:
    """start_ms (n,): UTC epoch ms of interval starts; energy_wh (n,): Wh, NaN = missing."""

    name: str
    family: str
    start_ms: NDArray[np.int64]
    energy_wh: NDArray[np.float64]
    step_min: int
    zone: str
    country: str


def shared_folder() -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("ENERGY_DESKTOP_SHARED_DATA", beside))


def households(folder: Path) -> Iterator[RealLoad]:
    """The 50 London households."""
    for path in sorted((folder / "london-halfhourly").glob("MAC??????.csv.gz")):
        yield household(path)


def household(path: Path) -> RealLoad:
    """One of them: kWh per half hour on a clock that never jumps, so UTC."""
    stamps, values = [], []
    for row in _rows(path):
        try:
            values.append(float(row["energy(kWh/hh)"]) * 1000.0)
        except ValueError:
            continue
        stamps.append(_utc(row["tstp"]))
    return _load(path.name[:9], "household", stamps, values, 30, "Europe/London", "GB")


def others(folder: Path) -> Iterator[RealLoad]:
    """A French house by the half hour and the hour, offices, works, a state, a synthetic meter.

    The buildings' sites 1 and 5 are in the United Kingdom, the others in the United States: so the
    data set says where it was first published, and so their bank holidays of May and August show.
    """
    yield from _french_house(folder / "household-minute")
    yield from _refit_house(folder / "appliances")
    yield steel_works(folder / "industry-15min-steel" / "steel_2018_01_08.csv.gz")
    building = folder / "building-hourly" / "bdg2_building_1.csv.gz"
    yield _load(
        "building 1",
        "aggregate",
        *_columns((_utc(row["timestamp"]), float(row["kwh"]) * 1000.0) for row in _rows(building)),
        60,
        "UTC",
        "US",
    )
    for path in sorted((folder / "building-anomalies-labelled").glob("lead_building_*.csv.gz")):
        if "with_missing" in path.name:
            continue
        yield _load(
            path.name[5:-7].replace("_", " "),
            "aggregate",
            *_columns(
                (_utc(row["timestamp"]), float(row["meter_reading"] or "nan") * 1000.0)
                for row in _rows(path)
            ),
            60,
            "UTC",
            "GB" if path.name[14:-7] in ("118", "685") else "US",
        )
    state = folder / "load-halfhourly-victoria" / "vic_electricity_2012_2013.csv.gz"
    yield _load(
        "Victoria",
        "aggregate",
        # The size of the column is a mean MW over the half hour, so half of it is the energy.
        *_columns((_utc(row["Time"]), float(row["Demand"]) * 0.5e6) for row in _rows(state)),
        30,
        "Australia/Melbourne",
        "AU",
    )
    illinois = folder / "meter-known-results" / "il-electricity-cdd-hdd-hourly.csv.gz"
    yield _load(
        "Illinois meter",
        "aggregate",
        *_columns(
            (_utc(row["start"]), float(row["value"] or "nan") * 1000.0) for row in _rows(illinois)
        ),
        60,
        "America/Chicago",
        "US",
    )


def steel_works(path: Path) -> RealLoad:
    rows = [(_steel_start(row["date"]), float(row["Usage_kWh"]) * 1000.0) for row in _rows(path)]
    return _load("steel works", "aggregate", *_columns(rows), 15, "Asia/Seoul", "KR")


def _french_house(folder: Path) -> Iterator[RealLoad]:
    """The log keeps one clock all year: read as a zone without DST, filled stretches as missing."""
    minutes: list[tuple[int, float]] = []
    for year in (2007, 2008):
        for row in _rows(folder / f"household_power_{year}.csv.gz"):
            power = float(row["Global_active_power"] or "nan")
            minutes.append((_utc(row["date_time"]), power * 1000.0 / 60.0))
    start, energy = np.array([m[0] for m in minutes]), np.array([m[1] for m in minutes])
    for row in _rows(folder / "filled_gaps.csv"):
        first = _utc(row["start"])
        energy[(start >= first) & (start < first + int(row["minutes"]) * MINUTE_MS)] = np.nan
    for step in (30, 60):
        name = f"French house {step} min"
        yield _from_minutes(name, start, energy, step, "UTC", "FR")


def _refit_house(folder: Path) -> Iterator[RealLoad]:
    """Two adjoining months: the only ones of the set that make one series."""
    minutes = [
        (_utc(row["Time"]), float(row["Aggregate"]) / 60.0)
        for month in ("2014-03", "2014-04")
        for row in _rows(folder / f"REFIT_House2_{month}.csv.gz")
    ]
    start, energy = np.array([m[0] for m in minutes]), np.array([m[1] for m in minutes])
    yield _from_minutes("REFIT house 2", start, energy, 30, "Europe/London", "GB")


def _from_minutes(
    name: str,
    start: NDArray[np.int64],
    energy: NDArray[np.float64],
    step: int,
    zone: str,
    country: str,
) -> RealLoad:
    n = start.size // step * step
    sums = energy[:n].reshape(-1, step).sum(axis=1)  # one missing minute makes the sum unknown
    return RealLoad(name, "household", start[:n:step], sums, step, zone, country)


def _steel_start(text: str) -> int:
    """The stamp is the END of the quarter hour, and midnight keeps the date of the ending day."""
    end = datetime.strptime(text, "%d-%m-%Y %H:%M").replace(tzinfo=ZoneInfo("Asia/Seoul"))
    end_ms = round(end.timestamp() * 1000)
    whole_day = 1440 if (end.hour, end.minute) == (0, 0) else 0
    return end_ms + (whole_day - 15) * MINUTE_MS


def _rows(path: Path) -> Iterator[dict[str, str]]:
    opener: Callable[..., TextIO] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _utc(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _columns(pairs: Iterable[tuple[int, float]]) -> tuple[list[int], list[float]]:
    both = list(pairs)
    return [p[0] for p in both], [p[1] for p in both]


def _load(
    name: str,
    family: str,
    stamps: list[int],
    values: list[float],
    step_min: int,
    zone: str,
    country: str,
) -> RealLoad:
    start, first = np.unique(np.array(stamps, np.int64), return_index=True)
    energy = np.array(values, np.float64)[first]
    on_grid = (start - start[0]) % (step_min * MINUTE_MS) == 0
    return RealLoad(name, family, start[on_grid], energy[on_grid], step_min, zone, country)
