"""From the text of a file to readings, and to the reason why a row is none.

Every engine reads the columns as text; what that text means is said here once. Times become
minutes since 1970, values whole mWh: integers, so that no engine and no order of adding makes a
difference. What an engine would accept beyond that (an offset silently ignored by one, `0.5d`
taken for a number by the other) is shut out by the two patterns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from energy_desktop.domain.fleet import MWH_PER_KWH, DropReason
from energy_desktop.fleet import clock
from energy_desktop.fleet.layout import FileLayout

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, IntegerValue, StringValue, Table

    from energy_desktop.fleet.engine import Engine

DROPPED = -1
"""The part that rows go to which are not used."""

MOST_KWH = 100_000.0  # in one step: more than any meter of a fleet counts
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?\s*\z"
_TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.0*)?)?"
_LONDON = "____-__-__ __:__:00.0000000"
_FRACTION = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+"
_DOTTED = r"^\d\d\.\d\d\.\d{4}"
_OFFSET = r"(Z|[+-]\d\d:?\d\d)"
_NO_VALUE = ("", "null", "na", "n/a", "nan", "none", "-")
_PER_UNIT = {"kWh": MWH_PER_KWH, "kW": MWH_PER_KWH, "Wh": 1000, "W": 1000}


def readings(text: Table, layout: FileLayout, zone: str, parts: int, engine: Engine) -> Table:
    """Rows of `text` (columns file, household, time, value, tariff, broken) with what they mean.

    Columns: part (DROPPED where the row is not used), household, t_min (UTC, start of the step),
    mwh, step_min, file, tariff; time_said, value_said, reason, which are null in rows that are.
    """
    value, said = text.value, text.time
    if layout.decimal_comma:
        value = value.replace(",", ".")
    if layout.padded_time:
        said = said.strip()
    if layout.dotted:
        # Put together by place, since engines write a group in a replacement differently.
        iso = said.substr(6, 4) + "-" + said.substr(3, 2) + "-" + said.substr(0, 2)
        said = ibis.ifelse(said.re_search(_DOTTED), iso + said.substr(10), said)
    plain = said if layout.naive_utc else said.substr(0, 19)
    rows = text.select(
        "file",
        "household",
        "tariff",
        "broken",
        time_said=text.time,
        value_said=text.value,
        value=value,
        number=value.try_cast("decimal(18, 6)").cast("float64"),
        numeric=value.re_search(_NUMBER),
        said=said,
        local_s=plain.try_cast("timestamp").epoch_seconds().cast("int64"),
        known=_known(said, layout),
        offset_min=_null_int() if layout.naive_utc else _offset(said),
    )
    rows = rows.mutate(local_min=rows.local_s // 60)
    rows = _in_utc(rows, layout, zone, engine)
    if layout.stamp_end:
        rows = rows.mutate(utc_min=rows.utc_min - layout.step_min)
    factor = _PER_UNIT[layout.unit]
    mwh = (rows.number * float(factor)).round().cast("int64")
    most = MOST_KWH * MWH_PER_KWH / factor
    if layout.unit in ("W", "kW"):
        mwh = mwh * layout.step_min // 60
        most = most * 60 / layout.step_min
    in_range = rows.number.between(0.0, most).fill_null(False)
    good_number = rows.numeric.fill_null(False)
    known = rows.known.fill_null(False)
    on_grid = (rows.local_s % 60 == 0) & (rows.utc_min % layout.step_min == 0)
    good = (
        rows.broken.isnull()
        & (rows.household.fill_null("") != "")
        & good_number
        & known
        & on_grid.fill_null(False)
        & in_range
    )
    # Alternatives inside alternatives: an engine computes them only for the rows that get there.
    said_nothing = rows.value.fill_null("").strip().lower().isin(_NO_VALUE)
    with_fraction = rows.said.re_search(_FRACTION).fill_null(False)
    why = ibis.cases(
        (rows.broken.notnull(), DropReason.WRONG_COLUMNS.value),
        (rows.household.fill_null("") == "", DropReason.NO_HOUSEHOLD.value),
        (
            ~good_number,
            ibis.ifelse(said_nothing, DropReason.NULL.value, DropReason.NOT_A_NUMBER.value),
        ),
        (
            ~known,
            ibis.ifelse(with_fraction, DropReason.OFF_GRID.value, DropReason.BAD_TIME.value),
        ),
        (rows.local_s.isnull(), DropReason.BAD_TIME.value),
        (rows.twice, DropReason.AMBIGUOUS_TIME.value),
        (rows.utc_min.isnull(), DropReason.BAD_TIME.value),
        (~on_grid, DropReason.OFF_GRID.value),
        else_=DropReason.OUT_OF_RANGE.value,
    )
    reason = ibis.cases((good, ibis.null("string")), else_=why)
    rows = rows.mutate(reason=reason, mwh=ibis.cases((in_range, mwh), else_=ibis.null("int64")))
    bad = rows.reason.notnull()
    part = ibis.literal(0, "int32") if parts == 1 else engine.bucket(rows.household, parts)
    return rows.select(
        part=ibis.ifelse(bad, ibis.literal(DROPPED, "int32"), part),
        household=rows.household,
        t_min=ibis.ifelse(bad, ibis.null("int64"), rows.utc_min),
        mwh=rows.mwh,
        step_min=ibis.literal(layout.step_min, "int16"),
        file=rows.file,
        tariff=rows.tariff,
        time_said=ibis.ifelse(bad, rows.time_said, ibis.null("string")),
        value_said=ibis.ifelse(bad, rows.value_said, ibis.null("string")),
        broken=rows.broken,
        reason=rows.reason,
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


def _in_utc(rows: Table, layout: FileLayout, zone: str, engine: Engine) -> Table:
    """Adds utc_min (null: no such time) and twice (the local clock showed it two times)."""
    never = ibis.literal(False)
    if layout.naive_utc:
        return rows.mutate(utc_min=rows.local_min, twice=never)
    own = rows.local_min - rows.offset_min
    if clock.is_utc(zone):
        return rows.mutate(utc_min=ibis.coalesce(own, rows.local_min), twice=never)
    days = engine.small("local_days", clock.local_days(zone))
    rows = rows.mutate(own_min=own, local_day=rows.local_min // clock.DAY_MIN)
    rows = rows.left_join(days, "local_day")
    at = rows.local_min
    between = (at >= rows.from_min) & (at < rows.until_min)
    utc = ibis.cases(
        (between, ibis.null("int64")),
        (at < rows.from_min, at - rows.before_min),
        else_=at - rows.after_min,
    )
    twice = between & (rows.twice == 1) & rows.own_min.isnull()
    return rows.mutate(utc_min=ibis.coalesce(rows.own_min, utc), twice=twice.fill_null(False))


def _known(said: StringValue, layout: FileLayout) -> BooleanValue:
    """Whether a stamp is written as this program reads it.

    The London stamps are compared letter by letter first, which takes half the time of a pattern.
    """
    pattern = said.re_search(_TIME + ("" if layout.naive_utc else _OFFSET + "?") + r"\z")
    if not layout.naive_utc:
        return pattern
    return ibis.cases((said.like(_LONDON), ibis.literal(True)), else_=pattern)


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
