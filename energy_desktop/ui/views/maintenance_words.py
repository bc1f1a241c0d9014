"""What the maintenance page says of a watch, and the curves it draws of it.

Daily excess jumps with every part-filled day; the mean over the last seven days is what a person
can compare with the noise, so list and chart show that. The verdict itself stays with the daily
CUSUM beside it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from energy_desktop.domain.finding import EquipmentWatch, Finding, FindingState, WatchState
from energy_desktop.services.maintenance import EquipmentReport
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets.chart_data import ChartData, Fan, Limit, Line, Moment, Points

Floats = NDArray[np.float64]

MEAN_DAYS = 7
_LEAST_DAYS = 4
_SHOWN_STATES = (FindingState.OPEN, FindingState.CONFIRMED)


def standing(watch: EquipmentWatch) -> Finding | None:
    """The creep that is not settled: what the list and the answer speak of."""
    open_now = [f for f in watch.findings if f.state in _SHOWN_STATES]
    return max(open_now, key=lambda f: f.change_pct, default=None)


def latest(watch: EquipmentWatch) -> Finding | None:
    """The unsettled creep, else the last that a person has judged."""
    return standing(watch) or max(watch.findings, key=lambda f: f.start_ms, default=None)


def weekly_excess_pct(watch: EquipmentWatch) -> Floats:
    """Excess over the baseline in percent, mean of the last seven days; shape (days,).

    NaN where fewer than four of the seven days have a verdict.
    """
    actual = np.array(watch.actual_wh, dtype=float)
    expected = np.array(watch.expected_wh, dtype=float)
    good = np.isfinite(actual) & np.isfinite(expected) & np.isfinite(np.array(watch.excess_pct))
    result = np.full(actual.size, np.nan)
    for i in range(actual.size):
        window = slice(max(0, i - MEAN_DAYS + 1), i + 1)
        here = good[window]
        total = float(expected[window][here].sum())
        if here.sum() >= _LEAST_DAYS and total > 0:
            result[i] = 100 * (float(actual[window][here].sum()) / total - 1)
    return result


def excess_now_pct(watch: EquipmentWatch) -> float | None:
    """What the list shows: the size of the standing creep, else the last seven days."""
    if watch.state in (WatchState.LEARNING, WatchState.UNSUITABLE):
        return None
    finding = standing(watch)
    if finding is not None:
        return finding.change_pct
    known = [v for v in weekly_excess_pct(watch).tolist() if math.isfinite(v)]
    return known[-1] if known else None


def state_words(report: EquipmentReport, formats: Formats) -> str:
    """The watch in a few words, for the list."""
    watch = report.watch
    if watch.state is WatchState.LEARNING:
        return f"Learning, {watch.learned_days} of {watch.needed_days} days"
    if watch.state is WatchState.PAUSED:
        return "Paused: meter lost"
    if watch.state is WatchState.UNSUITABLE:
        return "Not to be judged"
    finding = latest(watch)
    if finding is None:
        return "Steady"
    since = formats.day(finding.start_ms, weekday=False)
    return {
        FindingState.OPEN: f"Creeps since {since}",
        FindingState.CONFIRMED: f"Confirmed, since {since}",
        FindingState.DISMISSED: "Steady, not a fault",
        FindingState.REPAIRED: _repair_words(watch),
    }[finding.state]


def _repair_words(watch: EquipmentWatch) -> str:
    repair = watch.repair
    if repair is None or repair.helped is None:
        return "Repaired, too early to say"
    return "Repaired, it helped" if repair.helped else "Repaired, no better"


def answer(reports: tuple[EquipmentReport, ...], formats: Formats) -> str:
    """The page in one sentence."""
    creeping = [(r.watch, f) for r in reports if (f := standing(r.watch)) is not None]
    if creeping:
        watch, finding = max(creeping, key=lambda pair: pair[1].change_pct)
        others = len(creeping) - 1
        more = f"; {others} more creep" if others > 1 else "; 1 more creeps" if others else ""
        return (
            f"{watch.meter_name} uses {formats.percent(finding.change_pct, 1)} more than its "
            f"baseline{more}."
        )
    watching = sum(r.watch.state is WatchState.WATCHING for r in reports)
    if not watching:
        return f"{len(reports)} machines, none can be judged yet."
    return f"{watching} of {len(reports)} machines are watched, none uses more than its baseline."


# ------------------------------------------------------------ charts


def seconds(watch: EquipmentWatch) -> Floats:
    """Local noon of each day is where a day's value stands."""
    return np.array(watch.day_ms, dtype=float) / 1000 + 43_200


def excess_chart(watch: EquipmentWatch, formats: Formats) -> ChartData:
    x, y = seconds(watch), weekly_excess_pct(watch)
    noise = watch.noise_pct
    finding = latest(watch)
    points: tuple[Points, ...] = ()
    if finding is not None and finding.state in _SHOWN_STATES:
        after = (np.array(watch.day_ms) >= finding.start_ms) & (y > noise)
        marked = Points("out of its band", x[after], y[after], "p2", "triangle", 6.0, legend=False)
        points = (marked,) if after.any() else ()
    known = y[np.isfinite(y)]
    last = formats.percent(float(known[-1]), 1, signed=True) if known.size else "unknown"
    return ChartData(
        fans=(
            Fan(
                f"normal ±{formats.percent(noise, 1)}",
                x,
                np.full(x.size, -noise),
                np.full(x.size, noise),
            ),
        )
        if x.size
        else (),
        lines=(Line("mean of 7 days", x, y),),
        points=points,
        limits=(Limit(0.0, ""),),
        moments=_moments(watch, finding, formats),
        description=f"{watch.meter_name}: {last} over its baseline in the last seven days.",
    )


def energy_chart(watch: EquipmentWatch, formats: Formats) -> ChartData:
    x = seconds(watch)
    actual = np.array(watch.actual_wh, dtype=float)
    # The present day is not over: half a day beside a whole baseline says nothing.
    actual[~np.isfinite(np.array(watch.excess_pct, dtype=float))] = np.nan
    finding = latest(watch)
    return ChartData(
        lines=(
            Line("measured", x, actual),
            Line("baseline", x, np.array(watch.expected_wh, dtype=float), "forecast", "dash"),
        ),
        moments=_moments(watch, finding, formats),
        y_zero=True,
        description=f"{watch.meter_name}: energy of each day beside what its baseline expects.",
    )


def cusum_chart(watch: EquipmentWatch, formats: Formats) -> ChartData:
    x, y = seconds(watch), np.array(watch.cusum, dtype=float)
    crossed = np.flatnonzero(y > watch.threshold)
    points: tuple[Points, ...] = ()
    if crossed.size:
        first = crossed[:1]
        points = (Points("found", x[first], y[first], "p2", "triangle", 8.0),)
    known = y[np.isfinite(y)]
    now = formats.number(float(known[-1]), 1) if known.size else "unknown"
    return ChartData(
        lines=(Line("accumulated excess", x, y),),
        points=points,
        limits=(Limit(watch.threshold, "decision line", dashed=True),),
        moments=_moments(watch, latest(watch), formats),
        y_zero=True,
        description=f"{watch.meter_name}: accumulated excess {now}, decision at "
        f"{formats.number(watch.threshold, 1)}.",
    )


def _moments(
    watch: EquipmentWatch, finding: Finding | None, formats: Formats
) -> tuple[Moment, ...]:
    made = []
    if finding is not None:
        day = formats.day(finding.start_ms, weekday=False)
        made.append(Moment(finding.start_ms / 1000, f"bend {day}", "p2", dashed=True))
    if watch.repair is not None:
        at_ms = watch.repair.repaired_at_ms
        day = formats.day(at_ms, weekday=False)
        made.append(Moment(at_ms / 1000, f"repaired {day}"))
    return tuple(made)
