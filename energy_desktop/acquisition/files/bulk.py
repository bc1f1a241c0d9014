"""A piece of a regular table in one call per column, without a Python object per value.

What is not plainly regular (another number of fields, a quotation mark too many, a time or value
that is none, bytes that are no UTF-8) is not read here at all: `read_bulk` gives None, and the
piece is walked line by line, where each row gets its reason. So both ways agree by construction
on what they both read, and a test holds them against each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_desktop.acquisition.files.columns import Floats, Int64s
from energy_desktop.acquisition.files.layout import MISSING_TEXTS
from energy_desktop.acquisition.files.text import Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ISO = re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?$")
_ISO_OFFSET = re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$")
_DOTTED = re.compile(rb"\d\d?\.\d\d?\.\d{4} \d\d?:\d\d(:\d\d)?$")
_NULLS = sorted({form for text in MISSING_TEXTS for form in (text, text.upper(), text.title())})
_MS = 1_000_000  # ns


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """Where the columns are, by position, and how they are written. meter: None, there is none."""

    count: int
    time: int
    clock: int | None
    values: tuple[int, ...]
    meter: int | None
    delimiter: str
    decimal: str
    time_format: str | None


@dataclass(frozen=True, slots=True)
class BulkRows:
    """time_ms (n,): naive, or UTC where own_offset. values: (n,) a column, NaN where missing.
    meter_code (n,): position in meters."""

    time_ms: Int64s
    own_offset: bool
    values: tuple[Floats, ...]
    meter_code: NDArray[np.int32] | None
    meters: tuple[str, ...]


def read_bulk(piece: Piece, plan: BulkPlan) -> BulkRows | None:
    """The rows of a piece; None: it is not plainly regular."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    kind = _time_kind(piece.body, plan)
    if kind is None:
        return None
    as_text = kind not in ("iso", "iso offset")
    types: dict[str, Any] = {str(k): pa.float64() for k in plan.values}
    types[str(plan.time)] = (
        pa.string() if as_text else pa.timestamp("ns", "UTC" if kind == "iso offset" else None)
    )
    if plan.clock is not None:
        types[str(plan.clock)] = pa.string()
    if plan.meter is not None:
        types[str(plan.meter)] = pa.dictionary(pa.int32(), pa.string())
    try:
        table = csv.read_csv(
            pa.BufferReader(piece.body),
            read_options=csv.ReadOptions(
                use_threads=False,
                block_size=len(piece.body) + 1,
                column_names=[str(k) for k in range(plan.count)],
            ),
            parse_options=csv.ParseOptions(delimiter=plan.delimiter, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                include_columns=list(types),
                column_types=types,
                null_values=_NULLS,
                decimal_point=plan.decimal,
            ),
        )
        if table.num_rows != piece.line_count:
            return None
        times = table[str(plan.time)]
        if as_text:
            if plan.clock is not None:
                times = pc.binary_join_element_wise(times, table[str(plan.clock)], " ")
            times = pc.strptime(times, format=kind, unit="s", error_is_null=True).cast(
                pa.timestamp("ns")
            )
    except pa.ArrowInvalid:
        return None
    if times.null_count:
        return None
    values = []
    for k in plan.values:
        column = table[str(k)]
        numbers = column.to_numpy()
        if np.count_nonzero(~np.isfinite(numbers)) != column.null_count:
            return None  # nan and inf are written out: no number, and not missing
        values.append(np.ascontiguousarray(numbers, np.float64))
    code: NDArray[np.int32] | None = None
    meters: tuple[str, ...] = ()
    if plan.meter is not None:
        encoded = table[str(plan.meter)].combine_chunks()
        if encoded.null_count:
            return None
        code = encoded.indices.to_numpy(zero_copy_only=False)
        meters = tuple(encoded.dictionary.to_pylist())
        if not all(meter.strip() for meter in meters):
            return None
    return BulkRows(
        times.cast(pa.int64()).to_numpy() // _MS,
        kind == "iso offset",
        tuple(values),
        code,
        meters,
    )


def _time_kind(body: bytes, plan: BulkPlan) -> str | None:
    """ "iso", "iso offset" or a strptime format, by the first row; None: none of these."""
    if plan.time_format is not None:
        return None if "%z" in plan.time_format.lower() else plan.time_format
    fields = body.split(b"\n", 1)[0].rstrip(b"\r").split(plan.delimiter.encode())
    if len(fields) != plan.count:
        return None
    if plan.clock is not None:
        text = fields[plan.time].strip() + b" " + fields[plan.clock].strip()
        seconds = ":%S" if text.count(b":") == 2 else ""
        if _ISO.match(text):
            return "%Y-%m-%d %H:%M" + seconds
    else:
        text = fields[plan.time].strip(b'" ')
        seconds = ":%S" if text.count(b":") == 2 else ""
        if _ISO.match(text):
            return "iso"
        if _ISO_OFFSET.match(text):
            return "iso offset"
    return "%d.%m.%Y %H:%M" + seconds if _DOTTED.match(text) else None
