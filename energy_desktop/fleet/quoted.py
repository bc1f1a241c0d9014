"""Rows whose fields stand in quotation marks, split line by line.

A reader that follows the marks itself takes one that is never closed for the beginning of a field
of many lines, and thousands of readings are gone without a word. So the engines hand over whole
lines here, and a record is one line: a slip costs its own row, on each engine the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from energy_desktop.fleet.layout import FileLayout

if TYPE_CHECKING:
    from ibis.expr.types import StringValue, Table

BETWEEN = "\x1f"
"""Stands between fields here. A line that holds it is no row."""

_MARK = '"'
_NOT_EMPTY = r"[^\x00-\x20]"


def split(lines: Table, layout: FileLayout) -> Table:
    """The rows of `lines` (columns file, named: the household if the file is one, line, broken:
    the line if it is no text) as TEXT_COLUMNS; `broken` is there also the line that has other
    columns than the layout.

    A mark within a field is written twice. A field that is not in marks as a whole is taken as it
    stands, but for spaces around it.
    """
    rows = lines.filter(lines.line.re_search(_NOT_EMPTY))
    # Every second piece lies between marks: there the delimiter is text.
    pieces = rows.line.split(_MARK).map(
        lambda piece, k: ibis.ifelse(k % 2 == 0, piece.replace(layout.delimiter, BETWEEN), piece)
    )
    # Some engines stop at a field that is not there, so each row is given enough of them.
    n = len(layout.columns)
    rows = rows.mutate(
        fields=(pieces.join(_MARK) + BETWEEN * n).split(BETWEEN),
        closed=rows.line.split(_MARK).length() % 2 == 1,
    )
    fits = rows.closed & ~rows.line.contains(BETWEEN)
    fits = fits & (rows.fields.length() == 2 * n) & rows.broken.isnull()
    rows = rows.mutate(broken=ibis.ifelse(fits, ibis.null("string"), rows.line))

    def field(k: int) -> StringValue:
        return _without_marks(rows.fields[k])

    who = rows.named if layout.household is None else field(layout.household)
    tariff = ibis.null("string") if layout.tariff is None else field(layout.tariff)
    time, value = field(layout.time), field(layout.value)
    if layout.cells:  # a row is a day: a reading is a column of it, a broken row is one
        each = [ibis.struct({"at": time + after, "of": field(k)}) for k, after in layout.cells]
        one = ibis.struct({"at": time, "of": value})
        rows = rows.select(
            "file",
            "broken",
            household=who,
            tariff=tariff,
            step=ibis.ifelse(rows.broken.isnull(), ibis.array(each), ibis.array([one])).unnest(),
        )
        return rows.select(
            "file", "household", "tariff", "broken", time=rows.step["at"], value=rows.step["of"]
        )
    return rows.select("file", "broken", household=who, time=time, value=value, tariff=tariff)


def _without_marks(raw: StringValue) -> StringValue:
    plain = raw.strip()
    shut = plain.startswith(_MARK) & plain.endswith(_MARK) & (plain.length() > 1)
    inner = plain.substr(1, plain.length() - 2).replace(2 * _MARK, _MARK)
    return ibis.ifelse(shut, inner.strip(), plain)
