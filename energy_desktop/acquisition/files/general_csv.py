"""Readings in any CSV that names its time and its value column.

Two things are seen in the values, not in the header (headers.py): a decimal comma, and a column
that never falls, which is a counter's register and no consumption: at once where its name says so
too, otherwise only when it is long. Where name and values leave it open, a note says how they
were read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from energy_desktop.acquisition.files.bulk import BulkPlan, read_bulk
from energy_desktop.acquisition.files.headers import (
    column_names,
    find_columns,
    sniff_decimal,
    stem,
)
from energy_desktop.acquisition.files.intake import Intake
from energy_desktop.acquisition.files.layout import AS_THE_HEADER_SAYS, CsvLayout
from energy_desktop.acquisition.files.series import Collector, Parsed, Staged
from energy_desktop.acquisition.files.text import (
    DEFAULT_LIMITS,
    Block,
    Decoder,
    Limits,
    Watch,
    check_rows,
    place,
    read_blocks,
    read_pieces,
    sniff_delimiter,
    split_fields,
    unwatched,
)
from energy_desktop.domain.errors import DataFileError

__all__ = ["AS_THE_HEADER_SAYS", "CsvLayout", "parse_csv", "stage_csv"]


def parse_csv(
    path: Path,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    *,
    meter_id: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Parsed, ...]:
    """One series a meter. Without a meter column it is `meter_id`, or else the file's name.

    Raises DataFileError for a file that cannot be read as a whole; single rows that cannot are
    in `rejected`.
    """
    with stage_csv(path, layout, meter_id=meter_id, limits=limits) as staged:
        return staged.all()


def stage_csv(
    path: Path,
    layout: CsvLayout = AS_THE_HEADER_SAYS,
    *,
    meter_id: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    watch: Watch = unwatched,
) -> Staged:
    """As `parse_csv`, the series made one by one when asked for."""
    header, first = table_head(path, layout, limits)
    delimiter = layout.delimiter or sniff_delimiter(header)
    names = column_names(header, delimiter, layout)
    columns = find_columns(path, names, layout)
    named = meter_id or stem(path)
    collector = Collector(path, limits)
    try:
        decimal = layout.decimal or sniff_decimal(first, columns, delimiter)
        intake = Intake(path, columns, layout, decimal, collector, named)
        plan = BulkPlan(
            len(columns.names),
            columns.time,
            columns.clock,
            columns.values,
            columns.meter,
            delimiter,
            decimal,
            layout.time_format,
        )
        decoder, rows = Decoder(), 0
        for piece in read_pieces(path, limits, after_line=layout.header_line, watch=watch):
            bulk = read_bulk(piece, plan)
            if bulk is not None:
                rows += piece.line_count
                intake.take_bulk(piece.first_line, bulk)
            else:
                block = decoder.block(piece)
                rows += len(block.lines)
                intake.take(block.numbers, split_fields(path, block, delimiter))
            check_rows(path, limits, rows, piece.first_line + piece.line_count - 1)
        return intake.staged()
    except BaseException:
        collector.close()
        raise


def table_head(
    path: Path, layout: CsvLayout, limits: Limits = DEFAULT_LIMITS
) -> tuple[str, list[list[str]]]:
    """The line with the names, and fields of the rows after it (the first block of them)."""
    blocks: Iterator[Block] = read_blocks(path, limits, after_line=max(layout.header_line - 1, 0))
    for block in blocks:
        if layout.header_line and block.numbers[0] != layout.header_line:
            break
        delimiter = layout.delimiter or sniff_delimiter(block.lines[0])
        rows = split_fields(path, Block(block.numbers[:2000], block.lines[:2000]), delimiter)
        return block.lines[0], rows[1:] if layout.header_line else rows
    raise DataFileError(
        where=place(path, max(layout.header_line, 1)),
        what="there is no header line.",
        remedy="The first line must name the columns.",
    )
