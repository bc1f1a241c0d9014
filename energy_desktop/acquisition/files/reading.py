"""The door of this folder: which format a file has, and its series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from energy_desktop.acquisition.files.general_csv import AS_THE_HEADER_SAYS, CsvLayout, parse_csv
from energy_desktop.acquisition.files.lcl import is_lcl, parse_lcl
from energy_desktop.acquisition.files.series import ParsedSeries
from energy_desktop.acquisition.files.text import (
    DEFAULT_LIMITS,
    Limits,
    place,
    read_header,
    sniff_delimiter,
)
from energy_desktop.domain.errors import DataFileError, WrongUse

Format = Literal["auto", "lcl", "csv"]


def sniff_format(path: Path, limits: Limits = DEFAULT_LIMITS) -> Literal["lcl", "csv"]:
    """Tells the London layouts from other CSV by the header. Raises DataFileError for neither."""
    header = read_header(path, limits)
    if is_lcl(header):
        return "lcl"
    if sniff_delimiter(header) not in header:
        raise DataFileError(
            where=place(path, 1),
            what=f"{header.strip()[:60]!r} names no two columns.",
            remedy="The first line must name the columns, separated by comma, semicolon or tab.",
        )
    return "csv"


def parse_file(
    path: Path,
    format: Format = "auto",
    *,
    meter_id: str | None = None,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[ParsedSeries, ...]:
    """The series of one file, one a meter.

    meter_id: what to call the meter of a file that holds one. Raises WrongUse when the file
    holds several, DataFileError when it cannot be read.
    """
    chosen = sniff_format(path, limits) if format == "auto" else format
    if chosen == "csv":
        parsed = parse_csv(path, layout, meter_id=meter_id, limits=limits)
    else:
        parsed = parse_lcl(path, stamp=layout.stamp, limits=limits)
    if meter_id is None:
        return parsed
    if len(parsed) > 1:
        raise WrongUse(
            where=path.name,
            what=f"it holds {len(parsed)} meters, so they cannot all be {meter_id!r}.",
            remedy="Leave the meter out: each is named as in the file.",
        )
    return tuple(replace(series, meter_id=meter_id) for series in parsed)


def parse_files(
    paths: Iterable[Path],
    format: Format = "auto",
    *,
    meter_id: str | None = None,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[tuple[Path, ParsedSeries]]:
    """Series after series, file after file; only one file is in memory at a time."""
    for path in paths:
        for series in parse_file(path, format, meter_id=meter_id, layout=layout, limits=limits):
            yield path, series
