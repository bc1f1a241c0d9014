"""The door of this folder: which format a file has, and its series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

from energy_desktop.acquisition.files.general_csv import stage_csv
from energy_desktop.acquisition.files.green_button import is_green_button, stage_green_button
from energy_desktop.acquisition.files.guess import beginning_of
from energy_desktop.acquisition.files.known import recognise
from energy_desktop.acquisition.files.layout import AS_THE_HEADER_SAYS, CsvLayout
from energy_desktop.acquisition.files.lcl import is_lcl, stage_lcl
from energy_desktop.acquisition.files.series import Parsed, Staged
from energy_desktop.acquisition.files.text import (
    DEFAULT_LIMITS,
    Limits,
    Watch,
    check_readable,
    place,
    read_header,
    sniff_delimiter,
    unwatched,
)
from energy_desktop.acquisition.files.workbook import is_workbook, stage_workbook
from energy_desktop.domain.errors import DataFileError, WrongUse

Format = Literal["auto", "lcl", "csv", "excel", "green-button"]


def sniff_format(
    path: Path, limits: Limits = DEFAULT_LIMITS
) -> Literal["lcl", "csv", "excel", "green-button"]:
    """Tells the formats apart by what the file holds. Raises DataFileError for none of them."""
    check_readable(path)
    beginning = beginning_of(path)
    if is_workbook(beginning) and path.suffix.lower() in (".xlsx", ".xlsm"):
        return "excel"
    if is_green_button(beginning):
        return "green-button"
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


def stage_file(
    path: Path,
    format: Format = "auto",
    *,
    meter_id: str | None = None,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    site_zone: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    watch: Watch = unwatched,
) -> Staged:
    """The file, read whole but not held in memory; each series is made when asked for.

    meter_id: what to call the meter of a file that holds one. site_zone: the clock of a published
    layout that does not say where it was logged. Raises WrongUse when the file holds several
    meters and one was named, DataFileError when it cannot be read.
    """
    check_readable(path)
    chosen = sniff_format(path, limits) if format == "auto" else format
    if chosen == "csv":
        layout = _completed(path, layout, site_zone, limits)
        staged = stage_csv(path, layout, meter_id=meter_id, limits=limits, watch=watch)
    elif chosen == "excel":
        staged = stage_workbook(path, layout, meter_id=meter_id, limits=limits, watch=watch)
    elif chosen == "green-button":
        staged = stage_green_button(path, meter_id=meter_id, limits=limits, watch=watch)
    else:
        staged = stage_lcl(path, stamp=layout.stamp, limits=limits, watch=watch)
    if meter_id is None:
        return staged
    if len(staged.meters) > 1 and chosen != "green-button":
        staged.close()
        raise WrongUse(
            where=path.name,
            what=f"it holds {len(staged.meters)} meters, so they cannot all be {meter_id!r}.",
            remedy="Leave the meter out: each is named as in the file.",
        )
    return Staged(
        staged.meters,
        lambda one: replace(staged.series(one), meter_id=meter_id),
        staged.close,
    )


def _completed(path: Path, layout: CsvLayout, site_zone: str | None, limits: Limits) -> CsvLayout:
    """What is known of a published layout, where the caller said nothing else."""
    if layout.header_line != 1:
        return layout
    header = read_header(path, limits)
    names = [name.strip().strip('"') for name in header.split(sniff_delimiter(header))]
    known = recognise(names)
    if known is None or (layout.value_column or layout.time_column):
        return layout
    said = {
        one.name: getattr(layout, one.name)
        for one in fields(layout)
        if getattr(layout, one.name) != getattr(AS_THE_HEADER_SAYS, one.name)
    }
    full = replace(known.layout, **said)
    if full.time_format is None:
        from energy_desktop.acquisition.files.guess import look

        full = replace(full, time_format=look(path).layout.time_format)
    return full if full.zone else replace(full, zone=site_zone)


def parse_file(
    path: Path,
    format: Format = "auto",
    *,
    meter_id: str | None = None,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    site_zone: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Parsed, ...]:
    """All series of one file; see `stage_file`."""
    with stage_file(
        path, format, meter_id=meter_id, layout=layout, site_zone=site_zone, limits=limits
    ) as staged:
        return staged.all()


def parse_files(
    paths: Iterable[Path],
    format: Format = "auto",
    *,
    meter_id: str | None = None,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[tuple[Path, Parsed]]:
    """Series after series, file after file; only one file is in memory at a time."""
    for path in paths:
        for series in parse_file(path, format, meter_id=meter_id, layout=layout, limits=limits):
            yield path, series
