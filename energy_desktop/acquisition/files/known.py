"""Layouts of published data sets, known by their header: nothing about them need be asked.

What no header says stands here, from the sets' own documents: the minute household of Sceaux, the
steel plant and the buildings were logged by clocks that ignore summer time (each day has all its
hours); the steel plant stamps the end of a quarter hour and gives midnight the date of the day
that ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from energy_desktop.acquisition.files.layout import CsvLayout


@dataclass(frozen=True, slots=True)
class KnownLayout:
    """layout.zone None: the set does not say where its meters stand."""

    title: str
    fits: Callable[[Sequence[str]], bool]
    layout: CsvLayout


def _has(*wanted: str) -> Callable[[Sequence[str]], bool]:
    return lambda names: set(wanted) <= {name.strip().lower() for name in names}


def _is(*wanted: str) -> Callable[[Sequence[str]], bool]:
    return lambda names: [name.strip().lower() for name in names] == list(wanted)


KNOWN = (
    KnownLayout(
        "UCI household, one minute",
        _has("date", "time", "global_active_power", "sub_metering_1"),
        CsvLayout(
            time_column="Date",
            clock_column="Time",
            time_format="%d/%m/%Y %H:%M:%S",
            value_column="Global_active_power",
            unit="kW",
            values="per_step",
            zone="Europe/Paris",
            summer_time=False,
        ),
    ),
    KnownLayout(
        "UCI household, one minute",
        _has("date_time", "global_active_power", "sub_metering_1"),
        CsvLayout(
            time_column="date_time",
            value_column="Global_active_power",
            unit="kW",
            values="per_step",
            zone="Europe/Paris",
            summer_time=False,
        ),
    ),
    KnownLayout(
        "UCI steel industry, 15 minutes",
        _has("date", "usage_kwh", "nsm", "load_type"),
        CsvLayout(
            time_column="date",
            value_column="Usage_kWh",
            unit="kWh",
            values="per_step",
            zone="Asia/Seoul",
            stamp="end",
            midnight_ends=True,
        ),
    ),
    KnownLayout(
        "LEAD labelled buildings, hourly",
        _has("timestamp", "building_id", "meter_reading", "anomaly"),
        CsvLayout(
            time_column="timestamp",
            value_column="meter_reading",
            meter_column="building_id",
            unit="kWh",
            values="per_step",
            summer_time=False,
        ),
    ),
    KnownLayout(
        "Building Data Genome 2, one building, hourly",
        _is("timestamp", "kwh"),
        CsvLayout(
            time_column="timestamp",
            value_column="kwh",
            unit="kWh",
            values="per_step",
            summer_time=False,
        ),
    ),
)


def recognise(names: Sequence[str]) -> KnownLayout | None:
    """The published layout that a header belongs to."""
    return next((known for known in KNOWN if known.fits(names)), None)
