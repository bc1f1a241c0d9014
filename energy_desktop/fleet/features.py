"""Forty features of a household and a day, none of which has seen that day.

One rule makes the table honest: everything about consumption is read through a window that ends
the day before (`_lag`, `_last`); of the target day only the calendar is known. With the mean of
the target's own half hours among the features, R2 is 0.999 and worth nothing (docs/fleet.md).

Sums and sums of squares are whole numbers of Wh, so DuckDB and Spark divide the same integers
and get the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from energy_desktop.fleet import clock

if TYPE_CHECKING:
    from ibis.expr.types import FloatingValue, IntegerValue, NumericValue, Table

    from energy_desktop.fleet.engine import Engine

WEEK, MONTH = 7, 28
LEAST_KNOWN_DAYS = 7
"""Of the last 28: below this nothing is known well enough to say more."""

NAMES = (
    *(f"lag_{d}" for d in range(1, 8)),
    "lag_14", "lag_21", "lag_28", "same_weekday_mean",
    "mean_7", "std_7", "min_7", "max_7", "mean_28", "std_28", "min_28", "max_28",
    "known_7", "known_28",
    "trend", "step",
    "peak_share_1", "peak_share_7", "off_share_1", "off_share_7", "top_kw_1",
    *(f"weekday_{d}" for d in range(6)), "weekend", "month",
    "sin_1", "cos_1", "sin_2", "cos_2",
)  # fmt: skip
"""Columns of the table, in kWh, shares, days and kW; `target` beside them is the day in kWh."""


def features(days: Table, zone: str, engine: Engine) -> Table:
    """By household and day: `target` (kWh; null where the day did not count or is still to come)
    and NAMES. The day after the last one of a household is there too: it is the one to forecast.

    days: what days.days() gives. Days that do not count are unknown, in the past as well.
    """
    return _table(_grid(days, zone, engine))


def _grid(days: Table, zone: str, engine: Engine) -> Table:
    """Every calendar day of each household from its first to the day after its last."""
    span = days.group_by("household").aggregate(
        first=days.local_day.min(), last=days.local_day.max()
    )
    calendar = engine.small("calendar", clock.calendar(zone)).drop("minutes")
    every = span.join(
        calendar,
        [calendar.local_day >= span.first, calendar.local_day <= span.last + 1],
    ).drop("first", "last")
    counted = days.filter(days.complete).select(
        "household",
        "local_day",
        # Rounded to Wh: the sums of squares below then stay whole and inside 64 bits.
        wh=((days.mwh + 500) // 1000),
        top_w=(days.top_mw // 1000),
        peak_wh=((days.peak_mwh + 500) // 1000),
        off_wh=((days.off_mwh + 500) // 1000),
    )
    return every.left_join(counted, ["household", "local_day"]).drop(
        "household_right", "local_day_right"
    )


def _table(grid: Table) -> Table:
    wide = grid.mutate(
        wh_square=grid.wh * grid.wh,
        **{f"wh_{d}": _lag(grid.wh, d) for d in (*range(1, 8), 14, 21, 28)},
        top_w_1=_lag(grid.top_w, 1),
        peak_1=_lag(grid.peak_wh, 1),
        off_1=_lag(grid.off_wh, 1),
    )
    past: dict[str, NumericValue] = {}
    for span in (WEEK, MONTH):
        past |= {
            f"n_{span}": _last(wide.wh.count(), span),
            f"sum_{span}": _last(_whole(wide.wh.sum()), span),
            f"square_{span}": _last(_whole(wide.wh_square.sum()), span),
            f"low_{span}": _last(wide.wh.min(), span),
            f"high_{span}": _last(wide.wh.max(), span),
        }
    past["peak_7"] = _last(_whole(wide.peak_wh.sum()), WEEK)
    past["off_7"] = _last(_whole(wide.off_wh.sum()), WEEK)
    wide = wide.mutate(**past)
    wide = wide.filter(wide.n_28 >= LEAST_KNOWN_DAYS)
    mean_28 = _kwh(wide.sum_28) / wide.n_28
    mean_7 = ibis.ifelse(wide.n_7 > 0, _kwh(wide.sum_7) / wide.n_7.nullif(0), mean_28)
    wide = wide.mutate(mean_7=mean_7, mean_28=mean_28)
    known = [ibis.coalesce(_kwh(wide[f"wh_{d}"]), wide.mean_7) for d in (*range(1, 8), 14, 21, 28)]
    lags = dict(zip((*range(1, 8), 14, 21, 28), known, strict=True))
    return wide.select(
        "household",
        "local_day",
        target=_kwh(wide.wh),
        **{f"lag_{d}": lag for d, lag in lags.items()},
        same_weekday_mean=(lags[7] + lags[14] + lags[21] + lags[28]) / 4.0,
        mean_7=wide.mean_7,
        std_7=_std(wide.n_7, wide.sum_7, wide.square_7),
        min_7=ibis.coalesce(_kwh(wide.low_7), wide.mean_28),
        max_7=ibis.coalesce(_kwh(wide.high_7), wide.mean_28),
        mean_28=wide.mean_28,
        std_28=_std(wide.n_28, wide.sum_28, wide.square_28),
        min_28=_kwh(wide.low_28),
        max_28=_kwh(wide.high_28),
        known_7=wide.n_7.cast("float64"),
        known_28=wide.n_28.cast("float64"),
        trend=wide.mean_7 - wide.mean_28,
        step=lags[1] - lags[7],
        peak_share_1=_share(wide.peak_1, wide.wh_1),
        peak_share_7=_share(wide.peak_7, wide.sum_7),
        off_share_1=_share(wide.off_1, wide.wh_1),
        off_share_7=_share(wide.off_7, wide.sum_7),
        top_kw_1=ibis.coalesce(_kwh(wide.top_w_1), wide.mean_28 / 24.0),
        **{f"weekday_{d}": (wide.weekday == d).cast("float64") for d in range(6)},
        weekend=(wide.weekday >= 5).cast("float64"),
        month=wide.month.cast("float64"),
        sin_1=wide.sin_1,
        cos_1=wide.cos_1,
        sin_2=wide.sin_2,
        cos_2=wide.cos_2,
    ).order_by("household", "local_day")


def _lag(column: NumericValue, days: int) -> NumericValue:
    """The value `days` calendar days before; the grid has no holes, so rows are days."""
    return column.lag(days).over(ibis.window(group_by="household", order_by="local_day"))


def _last(aggregate: NumericValue, days: int) -> NumericValue:
    """An aggregate of the `days` days that end the day before."""
    return aggregate.over(
        ibis.window(group_by="household", order_by="local_day", preceding=(days, 1))
    )


def _whole(column: IntegerValue) -> IntegerValue:
    return column.cast("int64")


def _kwh(wh: IntegerValue) -> FloatingValue:
    return wh.cast("float64") / 1000.0


def _share(part_wh: IntegerValue, of_wh: IntegerValue) -> FloatingValue:
    """0 where nothing was used or nothing is known: a share of nothing."""
    share = part_wh.cast("float64") / of_wh.nullif(0).cast("float64")
    return ibis.coalesce(share, ibis.literal(0.0))


def _std(n: IntegerValue, total: IntegerValue, square: IntegerValue) -> FloatingValue:
    """Standard deviation in kWh of the sample; 0 with a single day.

    n times the squares less the square of the sum: of whole numbers, so exact up to 3 MWh a day
    and beyond that at least the same on every engine.
    """
    count, whole = n.cast("float64"), total.cast("float64")
    spread = ibis.greatest(count * square.cast("float64") - whole * whole, 0.0)
    pairs = (n * (n - 1)).nullif(0).cast("float64")
    return ibis.coalesce((spread / pairs).sqrt() / 1000.0, ibis.literal(0.0))
