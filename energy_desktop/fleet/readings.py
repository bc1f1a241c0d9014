"""From the text of a file to readings, and to the reason why a row is none.

Every engine reads the columns as text; what that text means is said here once. Times become
minutes since 1970, values whole mWh: integers, so that no engine and no order of adding makes a
difference. What an engine would accept beyond that (an offset silently ignored by one, `0.5d`
taken for a number by the other) is shut out by the two patterns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

from energy_desktop.domain.fleet import MWH_PER_KWH, DropReason
from energy_desktop.fleet import clock
from energy_desktop.fleet.layout import FileLayout

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, FloatingValue, IntegerValue, StringValue, Table

    from energy_desktop.fleet.engine import Engine

DROPPED = -1
"""The part that rows go to which are not used."""

QUARTER_MIN = 15
"""Every step is so many minutes or a multiple, and begins at one of them by any clock."""

MOST_KW = 20_000.0
"""More than any meter of a fleet counts; the squares of 28 such days still fit into 64 bits."""
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?\s*\z"
_TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.0*)?)?"
_LONDON = "____-__-__ __:__:00.0000000"
_LONDON_NUMBER = " _.___ "
_BETWEEN, _NOTHING, _STRANGE = "\x1f", "\x1e", "\ufffd"
_FRACTION = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+"
_DOTTED = r"^\d\d\.\d\d\.\d{4}"
_OFFSET = r"(Z|[+-]\d\d:?\d\d)"
_NO_VALUE = ("", "null", "na", "n/a", "nan", "none", "-")
_PER_UNIT = {"kWh": MWH_PER_KWH, "kW": MWH_PER_KWH, "Wh": 1000, "W": 1000}


def readings(text: Table, layout: FileLayout, zone: str, parts: int, engine: Engine) -> Table:
    """Rows of `text` (columns file, household, time, value, tariff, broken) with what they mean.

    Columns: part (DROPPED where the row is not used), household, t_min (UTC, start of the step),
    mwh, step_min, file, said: the tariff, or all the text of a row that is not used. Why it is
    not is asked of those rows alone, with `reasons`.
    """
    read = _read(text, layout, zone, engine)
    rows = read.rows
    mwh = (rows.number * float(_PER_UNIT[layout.unit])).round().cast("int64")
    if layout.unit in ("W", "kW"):
        mwh = mwh * layout.step_min // 60
    good = (
        rows.broken.isnull()
        & (rows.household.fill_null("") != "")
        & read.number
        & read.known
        & read.on_grid.fill_null(False)
        & read.in_range
        & read.in_calendar
    )
    rows = rows.mutate(good=good, utc_s=read.utc_s, mwh=ibis.cases((good, mwh), else_=_null_int()))
    part = ibis.literal(0, "int32") if parts == 1 else engine.bucket(rows.household, parts)
    return rows.select(
        part=ibis.ifelse(rows.good, part, ibis.literal(DROPPED, "int32")),
        household=rows.household,
        # Half as wide: 32 bits of minutes reach beyond the year 6000.
        t_min=ibis.ifelse(rows.good, rows.utc_s // 60, _null_int()).cast("int32"),
        mwh=rows.mwh,
        step_min=ibis.literal(layout.step_min, "int16"),
        file=rows.file,
        # A column of text costs as much as all the numbers together: one has to do.
        said=ibis.cases((rows.good, rows.tariff), else_=_packed(rows)),
    )


def reasons(unused: Table, layout: FileLayout, zone: str, engine: Engine) -> Table:
    """Of rows of `readings` that are not used: file, household, time, value, reason, broken.

    Apart from `readings`, because an engine that finds both questions in one query asks the
    second one of every row.
    """
    read = _read(_unpacked(unused), layout, zone, engine)
    rows = read.rows
    said_nothing = rows.value.fill_null("").strip().lower().isin(_NO_VALUE)
    with_fraction = rows.said.re_search(_FRACTION).fill_null(False)
    reason = ibis.cases(
        (rows.broken.notnull(), DropReason.WRONG_COLUMNS.value),
        (rows.household.fill_null("") == "", DropReason.NO_HOUSEHOLD.value),
        (~read.number & said_nothing, DropReason.NULL.value),
        (~read.number, DropReason.NOT_A_NUMBER.value),
        (~read.known & with_fraction, DropReason.OFF_GRID.value),
        (~read.known | rows.local_s.isnull(), DropReason.BAD_TIME.value),
        (read.twice, DropReason.AMBIGUOUS_TIME.value),
        (~read.in_calendar, DropReason.BAD_TIME.value),
        (~read.on_grid, DropReason.OFF_GRID.value),
        else_=DropReason.OUT_OF_RANGE.value,
    )
    return rows.select(
        "file", "household", "broken", time=rows.time_said, value=rows.value_said, reason=reason
    )


def read_through(text: Table) -> Table:
    """One row about rows of `text`, which takes all of their columns."""
    return text.aggregate(
        **{name: text[name].max() for name in ("household", "time", "value", "tariff", "broken")}
    )


def by_file(used: Table) -> Table:
    """file, n: how many of its rows are used."""
    return used.group_by("file").aggregate(n=used.count())


@dataclass(frozen=True, slots=True)
class _Read:
    """Rows whose text has been read, and what can be asked of each.

    rows: file, household, tariff, broken, time_said, value_said, value, number, said, local_s.
    utc_s is null where there is no such time; in_calendar: it is one whose day is known; twice:
    the local clock showed it two times.
    """

    rows: Table
    number: BooleanValue
    known: BooleanValue
    in_range: BooleanValue
    on_grid: BooleanValue
    in_calendar: BooleanValue
    utc_s: IntegerValue
    twice: BooleanValue


def _read(text: Table, layout: FileLayout, zone: str, engine: Engine) -> _Read:
    value, said = text.value, text.time
    if layout.decimal_comma:
        value = value.replace(",", ".")
    if layout.padded_time:
        said = said.strip()
    if layout.dotted:
        # Put together by place, since engines write a group in a replacement differently.
        iso = said.substr(6, 4) + "-" + said.substr(3, 2) + "-" + said.substr(0, 2)
        said = ibis.ifelse(said.re_search(_DOTTED), iso + said.substr(10), said)
    plain = said if layout.naive_utc else _without_offset(said)
    number = value.try_cast("decimal(18, 6)")
    rows = text.select(
        "file",
        "household",
        "tariff",
        "broken",
        time_said=text.time,
        value_said=text.value,
        value=value,
        number=number.cast("float64"),
        said=said,
        local_s=engine.seconds(plain),
        known=_known(said, layout),
        offset_min=_null_int() if layout.naive_utc else _offset(said),
    )
    # Of the column, not of its expression: what stands in a condition is computed once more.
    numeric = _numeric(rows.value, rows.number, layout, engine)
    rows, utc_s, twice = _in_utc(rows.mutate(numeric=numeric), layout, zone, engine)
    if layout.stamp_end:
        utc_s = utc_s - 60 * layout.step_min
    most = MOST_KW * MWH_PER_KWH / _PER_UNIT[layout.unit]
    if layout.unit in ("Wh", "kWh"):
        most = most * layout.step_min / 60
    return _Read(
        rows,
        number=rows.numeric.fill_null(False),
        known=rows.known.fill_null(False),
        in_range=rows.number.between(0.0, most).fill_null(False),
        on_grid=_on_grid(rows, utc_s, layout, zone),
        in_calendar=utc_s.between(*clock.KNOWN_S).fill_null(False),
        utc_s=utc_s,
        twice=twice,
    )


def local_minute(table: Table, zone: str, engine: Engine) -> Table:
    """`table` with `local_min` beside its `t_min`: the minute of the local clock since 1970."""
    if clock.is_utc(zone):
        return table.mutate(local_min=table.t_min)
    days = engine.small("utc_days", clock.utc_days(zone))
    joined = table.mutate(utc_day=table.t_min // clock.DAY_MIN).join(days, "utc_day")
    ahead = ibis.ifelse(joined.t_min < joined.switch_min, joined.before_min, joined.after_min)
    return joined.mutate(local_min=joined.t_min + ahead).drop(
        "utc_day", "before_min", "switch_min", "after_min"
    )


def _in_utc(
    rows: Table, layout: FileLayout, zone: str, engine: Engine
) -> tuple[Table, IntegerValue, BooleanValue]:
    """The rows, their seconds of UTC (null: no such time), and whether the local clock showed the
    time twice.

    Given as expressions and not as columns: an engine would read the same stamp once for each.
    """
    if layout.naive_utc:
        return rows, rows.local_s, ibis.literal(False)
    own = rows.local_s - 60 * rows.offset_min
    if clock.is_utc(zone):
        return rows, ibis.coalesce(own, rows.local_s), ibis.literal(False)
    days = engine.small("local_days", clock.local_days(zone))
    rows = rows.mutate(own_s=own, local_day=rows.local_s // (60 * clock.DAY_MIN))
    rows = rows.left_join(days, "local_day")
    at = rows.local_s
    low, high = 60 * rows.from_min, 60 * rows.until_min
    between = (at >= low) & (at < high)
    utc = ibis.cases(
        (between, ibis.null("int64")),
        (at < low, at - 60 * rows.before_min),
        else_=at - 60 * rows.after_min,
    )
    twice = between & (rows.twice == 1) & rows.own_s.isnull()
    return rows, ibis.coalesce(rows.own_s, utc), twice.fill_null(False)


def _on_grid(rows: Table, utc_s: IntegerValue, layout: FileLayout, zone: str) -> BooleanValue:
    """Whether a step begins there by the clock that the stamp shows, or by the local one; in zones
    that are half or a quarter of an hour off, these are not the steps of UTC.
    """
    step_s = 60 * layout.step_min
    by_stamp = rows.local_s % step_s == 0
    if layout.naive_utc:
        return by_stamp
    # No offset is anything else; it is what days are counted in.
    in_quarters = utc_s % (60 * QUARTER_MIN) == 0
    if clock.is_utc(zone):
        return by_stamp & in_quarters
    ahead = ibis.ifelse(rows.local_s < 60 * rows.from_min, rows.before_min, rows.after_min)
    return (by_stamp | ((utc_s + 60 * ahead) % step_s == 0)) & in_quarters


def _packed(rows: Table) -> StringValue:
    """What a row says, as one text; `_unpacked` takes it apart."""
    time, value, broken = (
        ibis.coalesce(column.replace(_BETWEEN, _STRANGE), _NOTHING)
        for column in (rows.time_said, rows.value_said, rows.broken)
    )
    return time + _BETWEEN + value + _BETWEEN + broken


def _unpacked(unused: Table) -> Table:
    """The columns of the text again: file, household, time, value, tariff (null), broken."""
    fields = unused.said.split(_BETWEEN)
    return unused.select(
        "file",
        "household",
        time=fields[0].nullif(_NOTHING),
        value=fields[1].nullif(_NOTHING),
        tariff=ibis.null("string"),
        broken=fields[2].nullif(_NOTHING),
    )


def _known(said: StringValue, layout: FileLayout) -> BooleanValue:
    """Whether a stamp is written as this program reads it.

    The London stamps are compared letter by letter first, which takes half the time of a pattern.
    """
    pattern = said.re_search(_TIME + ("" if layout.naive_utc else _OFFSET + "?") + r"\z")
    if not layout.naive_utc:
        return pattern
    return ibis.cases((said.like(_LONDON), ibis.literal(True)), else_=pattern)


def _numeric(
    value: StringValue, number: FloatingValue, layout: FileLayout, engine: Engine
) -> BooleanValue:
    """Whether a value is written as this program reads it.

    Where an engine takes a London value of the usual length for a number, only an underscore is
    left to be shut out.
    """
    pattern = value.re_search(_NUMBER)
    if not layout.naive_utc or engine.any_digits:
        return pattern
    usual = value.like(_LONDON_NUMBER) & ~value.contains("_") & number.notnull()
    return ibis.cases((usual, ibis.literal(True)), else_=pattern)


def _without_offset(said: StringValue) -> StringValue:
    """A stamp that `_known` knows, to the minute or the second: one engine takes an offset behind
    it for a part of the time, another for a fault.
    """
    return ibis.ifelse(said.substr(16, 1) == ":", said.substr(0, 19), said.substr(0, 16))


def _offset(said: StringValue) -> IntegerValue:
    """Minutes that the stamp says it is ahead of UTC; null: it says none."""
    tail = said.re_extract(r"\d" + _OFFSET + r"$", 1)
    digits = tail.replace(":", "")
    size = digits.substr(1, 2).try_cast("int64") * 60 + digits.substr(3, 2).try_cast("int64")
    return ibis.cases(
        (tail == "Z", ibis.literal(0, "int64")),
        (tail.startswith("+"), size),
        (tail.startswith("-"), -size),
        else_=_null_int(),
    )


def _null_int() -> IntegerValue:
    return ibis.null("int64")
