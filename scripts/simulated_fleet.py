"""A fleet of simulated households in the London layout, for pictures of the Fleet page.

Four ways of living, each household with its own level, noise, holidays and a reading lost now and
then; every fifth is on a time-of-use tariff and shifts a little of its evening.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

HEADER = '"LCLid","stdorToU","DateTime","KWH/hh (per half hour) "'
FIRST_DAY = np.datetime64("2025-03-01T00:00", "s")
_SHAPES = {  # kWh a day; height at 07:30, 13:00 and 19:30 over a flat night; more at the weekend
    "workers": (7.0, 1.1, 0.1, 2.6, 1.15),
    "at home": (9.5, 1.0, 1.3, 1.6, 1.0),
    "large house": (19.0, 1.6, 0.8, 2.9, 1.2),
    "night storage": (13.0, 0.2, 0.1, 0.9, 1.0),
}


def write(folder: Path, *, households: int = 400, days: int = 300, seed: int = 11) -> Path:
    """Files of a hundred households each."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for start in range(0, households, 100):
        tables = [_household(k, days, rng) for k in range(start, min(start + 100, households))]
        path = folder / f"households-{start:04d}.csv"
        with path.open("wb") as file:
            file.write((HEADER.replace('"', "") + "\n").encode())
            pa.csv.write_csv(
                pa.concat_tables(tables),
                file,
                pa.csv.WriteOptions(include_header=False, quoting_style="none"),
            )
    return folder


def _household(k: int, days: int, rng: np.random.Generator) -> pa.Table:
    level, morning, midday, evening, weekend = _SHAPES[
        str(rng.choice(list(_SHAPES), p=[0.45, 0.27, 0.18, 0.10]))
    ]
    on_time_of_use = k % 5 == 0
    slot = np.arange(48) / 2.0
    shape = (
        0.35
        + morning * np.exp(-(((slot - 7.5) / 1.4) ** 2))
        + midday * np.exp(-(((slot - 13.0) / 2.5) ** 2))
        + evening * (0.85 if on_time_of_use else 1.0) * np.exp(-(((slot - 19.5) / 2.2) ** 2))
        + (2.4 * (slot < 5.5) if level == 13.0 else 0.0)
    )
    day = np.arange(days)
    weekday = (day + 5) % 7  # the first day is a Saturday
    of_day = level / 48.0 * rng.lognormal(0.0, 0.35) * np.exp(0.16 * rng.standard_normal(days))
    of_day *= 1.0 + 0.25 * np.cos(2 * np.pi * (day + 45) / 365.0)
    of_day[weekday >= 5] *= weekend
    away = int(rng.integers(0, days - 12))
    of_day[away : away + int(rng.integers(4, 12))] *= 0.2
    if k % 40 == 7:  # something new is running since
        of_day[int(0.8 * days) :] += 0.35
    kwh = np.outer(of_day, shape / shape.mean()).ravel()
    kwh *= np.exp(0.35 * rng.standard_normal(kwh.size))
    there = rng.random(kwh.size) > 0.002
    if k % 25 == 3:  # a meter that was out of reach for a while
        there[3000:3700] = False
    stamps = FIRST_DAY + 1800 * np.flatnonzero(there).astype("timedelta64[s]")
    n = int(there.sum())
    rows = pa.table(
        {
            "household": pa.repeat(f"MAC{k:06d}", n),
            "tariff": pa.repeat("ToU" if on_time_of_use else "Std", n),
            "time": pc.binary_join_element_wise(
                pc.strftime(pa.array(stamps), "%Y-%m-%d %H:%M:%S"), ".0000000", ""
            ),
            "value": pa.array(np.round(kwh[there], 3)).cast(pa.string()),
        }
    )
    # As in the published files: one row without a value, and some that are there twice.
    null = rows.slice(n // 2, 1).set_column(3, "value", pa.array(["Null"]))
    twice = rows.take(pa.array(rng.integers(0, n, int(rng.integers(1, 12)))))
    return pa.concat_tables([rows.slice(0, n // 2), null, rows.slice(n // 2 + 1), twice])
