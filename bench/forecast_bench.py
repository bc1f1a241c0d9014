"""What a forecast is worth on real loads: 24 h ahead at local midnight over the last 56 days.

At each of those midnights the method is chosen and the intervals are calibrated on the days before
it, by the product's own `walk_forward` and `settle`: this is the product run day by day, except
that learned methods are fitted anew each week and not each day. A series that stops early is
judged on its own last days; one with less history is judged on fewer, and its name is printed.
"""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from bench.common import Row
from bench.forecast_series import RealLoad, households, others, shared_folder
from energy_desktop.analytics.forecasting.backtest import Effort, Walk, settle, walk_forward
from energy_desktop.analytics.forecasting.candidates import MIDDLE, NAIVE_WEEK, standard_candidates
from energy_desktop.analytics.forecasting.forecast import forecast
from energy_desktop.analytics.forecasting.series import LoadSeries, make_series
from energy_desktop.domain.errors import NotEnoughData

EFFORT = Effort(refit_days=7)
WARM_UP_DAYS = 56
LEAST_WARM_UP_DAYS = 14
TRAINING_DAYS = 29
DAYS = 56
QUICK_SERIES = (
    "MAC000002", "MAC000004", "MAC000010", "MAC000030", "MAC000050", "MAC000074", "MAC000124",
    "French house 60 min", "building 439",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One series. ratios: method -> MAE over the weekly naive's; `chosen` is the product."""

    name: str
    family: str
    days: int
    chosen: float
    ratios: dict[str, float]
    coverage80: float
    coverage95: float
    methods: tuple[str, ...]


def run(quick: bool) -> list[Row]:
    """Rows of the acceptance figures; prints each series as it is done."""
    # A native library with threads of its own would take the other process's core.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    folder = shared_folder()
    if not folder.exists():
        return [
            Row(
                name="forecast on real loads",
                value=float("nan"),
                unit="",
                goal="",
                met=None,
                note=f"the real data are not beside this checkout ({folder})",
            )
        ]
    loads = [*households(folder), *others(folder)]
    if quick:
        loads = [load for load in loads if load.name in QUICK_SERIES]
    measured: list[Measured] = []
    refused: list[str] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [(load, pool.submit(measure, load, DAYS)) for load in loads]
        for load, job in jobs:
            try:
                measured.append(job.result())
                print(f"    {_line(measured[-1])}", flush=True)
            except NotEnoughData as refusal:
                refused.append(load.name)
                print(f"    {refusal}", flush=True)
    return [*_rows(measured, refused), _time_row(next(x for x in loads if x.name == "MAC000002"))]


def measure(load: RealLoad, days: int) -> Measured:
    """Raises NotEnoughData where the history cannot bear a walk."""
    walk, first = walk_of(load, days)
    scored = (walk.fold >= first) & np.isfinite(walk.happened)
    quantiles = np.full((walk.happened.size, 5), np.nan)
    methods = []
    for fold in range(first, walk.origins.size):
        settled = settle(walk, fold, effort=EFFORT)
        methods.append(settled.method)
        quantiles[fold * walk.horizon : (fold + 1) * walk.horizon] = settled.quantiles
    truth, answer = walk.happened[scored], quantiles[scored]

    def mae(point: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        return float(np.mean(np.abs(point - truth)))

    naive = mae(walk.answers[NAIVE_WEEK][scored, MIDDLE])
    return Measured(
        name=load.name,
        family=load.family,
        days=walk.origins.size - first,
        chosen=mae(answer[:, MIDDLE]) / naive,
        ratios={m: mae(a[scored, MIDDLE]) / naive for m, a in walk.answers.items()},
        coverage80=100 * float(np.mean((truth >= answer[:, 1]) & (truth <= answer[:, 3]))),
        coverage95=100 * float(np.mean((truth >= answer[:, 0]) & (truth <= answer[:, 4]))),
        methods=tuple(sorted(set(methods), key=lambda m: -methods.count(m))),
    )


def walk_of(load: RealLoad, days: int) -> tuple[Walk, int]:
    """The walk over a series and the index of its first judged origin."""
    series = _series(load)
    horizon = series.slots_per_day
    midnights = np.flatnonzero(series.calendar.slot[: series.n] == 0)
    midnights = midnights[midnights + horizon <= series.n]
    usable = midnights.size - TRAINING_DAYS
    judged = min(days, usable - LEAST_WARM_UP_DAYS)
    if judged < 7:
        raise NotEnoughData(
            where=load.name,
            what=f"{midnights.size} days are too few to judge a forecast.",
            remedy=f"{TRAINING_DAYS + LEAST_WARM_UP_DAYS + 7} are needed.",
        )
    origins = midnights[-min(usable, judged + WARM_UP_DAYS) :]
    walk = walk_forward(series, origins, horizon, standard_candidates(0), effort=EFFORT)
    return walk, origins.size - judged


def _series(load: RealLoad) -> LoadSeries:
    last = int(np.flatnonzero(np.isfinite(load.energy_wh))[-1])
    step_ms = load.step_min * 60_000
    return make_series(
        load.start_ms,
        load.energy_wh,
        load.step_min,
        end_ms=int(load.start_ms[last]) + step_ms,
        ahead=1440 // load.step_min,
        zone=load.zone,
        country=load.country,
    )


def _rows(measured: list[Measured], refused: list[str]) -> list[Row]:
    median = statistics.median(m.chosen for m in measured)
    worst = max(measured, key=lambda m: m.chosen)
    above = [f"{m.name} {m.chosen:.2f}" for m in measured if m.chosen > 1.0]
    short = [f"{m.name} {m.days} days" for m in measured if m.days < DAYS]
    cover80 = statistics.median(m.coverage80 for m in measured)
    cover95 = statistics.median(m.coverage95 for m in measured)
    by_method = {
        name: statistics.median(m.ratios[name] for m in measured) for name in measured[0].ratios
    }
    rows = [
        Row(
            name=f"forecast MAE over weekly naive, median of {len(measured)} series",
            value=median,
            unit="",
            goal="<= 0.74",
            met=median <= 0.74,
            peer=", ".join(f"{name} {value:.2f}" for name, value in by_method.items()),
            note="; ".join(
                part
                for part in (
                    f"too short: {', '.join(refused)}" if refused else "",
                    f"judged on fewer days: {', '.join(short)}" if short else "",
                )
                if part
            ),
        ),
        Row(
            name="forecast MAE over weekly naive, worst series",
            value=worst.chosen,
            unit="",
            goal="<= 1.00",
            met=worst.chosen <= 1.0,
            note=f"above: {', '.join(above)}" if above else worst.name,
        ),
    ]
    for family in ("household", "aggregate"):
        part = [m.chosen for m in measured if m.family == family]
        if part:
            rows.append(
                Row(
                    name=f"forecast MAE over weekly naive, median of {len(part)} {family}s",
                    value=statistics.median(part),
                    unit="",
                    goal="<= 0.74" if family == "household" else "",
                    met=statistics.median(part) <= 0.74 if family == "household" else None,
                )
            )
    for level, value in ((80, cover80), (95, cover95)):
        spread = [m.coverage80 if level == 80 else m.coverage95 for m in measured]
        rows.append(
            Row(
                name=f"forecast {level} % interval covers, median",
                value=value,
                unit="%",
                goal=f"{level} +- 2",
                met=abs(value - level) <= 2.0,
                note=f"{min(spread):.0f} to {max(spread):.0f} over the series",
            )
        )
    return rows


def _time_row(load: RealLoad) -> Row:
    origin = int(load.start_ms[-1]) + load.step_min * 60_000
    began = time.process_time()
    forecast(
        load.start_ms,
        load.energy_wh,
        load.step_min,
        meter_id=load.name,
        origin_ms=origin,
        zone=load.zone,
        country=load.country,
    )
    spent = time.process_time() - began
    return Row(
        name="one forecast with its backtest, a year of half hours",
        value=spent,
        unit="s CPU",
        goal="<= 8",
        met=spent <= 8.0,
    )


def _line(m: Measured) -> str:
    methods = ", ".join(f"{name} {ratio:.3f}" for name, ratio in m.ratios.items())
    return (
        f"{m.name:<20} {m.chosen:.3f} of the naive over {m.days} days by {'/'.join(m.methods)}; "
        f"covers {m.coverage80:.1f} and {m.coverage95:.1f} %  ({methods})"
    )


if __name__ == "__main__":
    import sys

    for row in run("--quick" in sys.argv):
        print(row)
