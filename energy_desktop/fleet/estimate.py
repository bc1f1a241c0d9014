"""About how long a run takes and what memory, from what was measured with the London data on two
cores.

Told before a run, kept with it, and told again beside what it took. The figures are those of
docs/benchmarks.md; each part grows in its own way, so small fleets and large ones are both met.
"""

from __future__ import annotations

from pathlib import Path

from energy_desktop.fleet import head
from energy_desktop.fleet.layout import FileLayout

_FIVE_S, _FIVE_S_PER_MILLION = 0.85, 0.72
_HOURS_S, _HOURS_S_PER_MILLION = 0.8, 0.26
_LIGHTGBM_S, _LIGHTGBM_S_PER_MILLION_DAYS = 0.9, 19.2
_LEARNT_FROM_DAYS = 400_000  # LightGBM learns from no more; the others it only forecasts
_FORECAST_S_PER_MILLION_DAYS = 3.4
_DAY_MIN = 1440
ROWS_OF_A_PART = 6_000_000
"""Households are divided into parts of about as many readings, one for each worker at a time."""
_ALONE_MB, _ALONE_MB_PER_MILLION = 380, 90
_BESIDE_MB, _WORKER_MB, _WORKER_MB_PER_MILLION = 430, 110, 75
_SPARK_MB, _SPARK_MB_PER_MILLION, _SPARK_MOST_MB = 700, 20, 4500
_SPARK_S, _SPARK_ROWS_PER_S = 40.0, 130_000  # on two cores of one machine


def readings(path: Path, layout: FileLayout) -> int:
    """About how many readings a file has. Raises DataFileError."""
    return head.rows_about(path) * max(1, len(layout.cells))


def household_days(of_readings: int, layout: FileLayout) -> float:
    return of_readings * layout.step_min / _DAY_MIN


def seconds(rows: int, days: float) -> float:
    """On DuckDB, from the first file to the last bill; the start of the program is not counted.

    days: of all households together.
    """
    learnt = min(days, _LEARNT_FROM_DAYS)
    return (
        _FIVE_S
        + _HOURS_S
        + _LIGHTGBM_S
        + (_FIVE_S_PER_MILLION + _HOURS_S_PER_MILLION) * rows / 1e6
        + _LIGHTGBM_S_PER_MILLION_DAYS * learnt / 1e6
        + _FORECAST_S_PER_MILLION_DAYS * (days - learnt) / 1e6
    )


def memory_mb(rows: int, cores: int) -> int:
    """On DuckDB with all of its processes, in MB of 2**20 bytes. From 6 million readings on, as
    many workers as there are cores each judge the hours of a part.
    """
    if rows <= ROWS_OF_A_PART:
        return _ALONE_MB + round(_ALONE_MB_PER_MILLION * rows / 1e6)
    workers = min(cores, -(-rows // ROWS_OF_A_PART))
    return _BESIDE_MB + workers * (
        _WORKER_MB + round(_WORKER_MB_PER_MILLION * ROWS_OF_A_PART / 1e6)
    )


def memory_on_spark_mb(rows: int) -> int:
    return min(_SPARK_MOST_MB, _SPARK_MB + round(_SPARK_MB_PER_MILLION * rows / 1e6))


def seconds_on_spark(rows: int, master: str | None) -> float | None:
    """None: on a cluster nothing was measured."""
    if master is None or master.startswith("local"):
        return _SPARK_S + rows / _SPARK_ROWS_PER_S
    return None
