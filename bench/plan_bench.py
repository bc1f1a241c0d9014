"""A house battery on real prices: what the hourly plan saves of what perfect foresight would save.

The house: the load of a measured household and the sun of a measured roof, in quarter hours of
the same days of the year and the same weekdays, on day-ahead prices with fees and taxes on
import. Days of these prices have 24 rows even where the clock changes, so the stretch lies
between two changes, where the zone is two hours ahead of UTC.

The forecasts are naive on purpose: the mean of the last seven days at the same time of day. A
dear year (2022) and an ordinary one (2021) are played, because a wide spread forgives a lot.

    python -m bench.plan_bench [--quick]
"""

from __future__ import annotations

import csv
import gzip
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.common import Row
from energy_desktop.analytics.planning.dispatch import plan
from energy_desktop.analytics.planning.problem import Problem, problem_of
from energy_desktop.analytics.planning.rolling import (
    Replay,
    day_ahead_market,
    mean_of_week,
    replay,
    same_time_last_week,
)
from energy_desktop.analytics.planning.solver import solve
from energy_desktop.domain.clock import to_ms
from energy_desktop.domain.device import Battery
from energy_desktop.domain.plan import PlanRequest, PlanSlot

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SUMMER_TIME = timezone(timedelta(hours=2))
QUARTER_MS = 900_000
MONDAYS = {2021: 5, 2022: 4}  # in July, as is the first day of the load
PAST_DAYS = 14
FEES_PER_KWH = 0.12
GOAL = 0.80

HOUSE = Battery(
    battery_id="house",
    name="House battery",
    meter_id="battery",
    capacity_wh=10_000,
    charge_w=5_000,
    discharge_w=5_000,
    wear_per_kwh=0.03,
)
Floats = NDArray[np.float64]


def prices(zone: str, year: int, days: int) -> Floats:
    """Hourly prices per kWh from the first Monday on, shape (24 * days,)."""
    first = first_day(year).replace(tzinfo=UTC)
    with gzip.open(DATA / "prices-day-ahead" / f"{zone}_hourly.csv.gz", "rt", newline="") as file:
        rows = [
            (datetime.strptime(row["time_local"], "%m/%d/%Y %H:%M").replace(tzinfo=UTC), row)
            for row in csv.DictReader(file)
        ]
    return np.array(
        [float(row["Price_DA"]) / 1000 for label, row in rows if 0 <= (label - first).days < days]
    )


def first_day(year: int) -> datetime:
    return datetime(year, 7, MONDAYS[year], tzinfo=SUMMER_TIME)


def household_load_w(days: int) -> Floats:
    """Quarter-hour means from Monday 2 July 2007 on, shape (96 * days,)."""
    path = DATA / "household-minute" / "household_power_2007.csv.gz"
    first = (datetime(2007, 7, 2, tzinfo=UTC) - datetime(2007, 1, 1, tzinfo=UTC)).days * 1440
    with gzip.open(path, "rt", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        kw = [float(row[1]) for k, row in enumerate(reader) if first <= k < first + days * 1440]
    watts: Floats = np.array(kw).reshape(-1, 15).mean(axis=1) * 1000
    return watts


def roof_w(days: int) -> Floats:
    """Quarter-hour powers from 4 July 2016 on, scaled so that the highest is 4 kW."""
    path = DATA / "pv-production" / "serf_east_15min_ac_power.csv.gz"
    first = datetime(2016, 7, 4, tzinfo=timezone(timedelta(hours=-7)))
    power = np.zeros(days * 96)
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            k = (datetime.fromisoformat(row["measured_on"]) - first) // timedelta(minutes=15)
            # The roof's clock is standard time all year: its noon is 13:00 of summer time.
            if 0 <= k + 4 < len(power) and row["ac_power"]:
                power[k + 4] = max(0.0, float(row["ac_power"]))
    scaled: Floats = power / power.max() * 4000
    return scaled


def house(zone: str, year: int, days: int) -> tuple[PlanSlot, ...]:
    price = np.repeat(prices(zone, year, days), 4)
    load, roof = household_load_w(days), roof_w(days)
    start = to_ms(first_day(year))
    return tuple(
        PlanSlot(
            start_ms=start + k * QUARTER_MS,
            end_ms=start + (k + 1) * QUARTER_MS,
            load_w=float(load[k]),
            pv_w=float(roof[k]),
            import_per_kwh=float(price[k]) + FEES_PER_KWH,
            export_per_kwh=float(price[k]),
        )
        for k in range(days * 96)
    )


def lived(slots: tuple[PlanSlot, ...], resolve_h: float = 1.0, *, weekly: bool = False) -> Replay:
    return replay(
        HOUSE,
        slots,
        first=PAST_DAYS * 96,
        load_forecast=same_time_last_week if weekly else mean_of_week,
        prices_known_until_ms=day_ahead_market("Europe/Amsterdam"),
        resolve_h=resolve_h,
    )


def saving_rows(days: int) -> list[Row]:
    rows = []
    for year in MONDAYS:
        for zone in ("NL", "DE_LU"):
            slots = house(zone, year, PAST_DAYS + days)
            hourly, daily, weekly = lived(slots), lived(slots, 24.0), lived(slots, weekly=True)
            share = hourly.share or 0.0
            rows.append(
                Row(
                    name=f"share of the perfect saving, {zone} {year}, {days} days",
                    value=share,
                    unit="",
                    goal=f">= {GOAL:.2f}",
                    met=share >= GOAL,
                    peer=f"self-consumption {hourly.share_of(hourly.self_consumption):.2f}, "
                    f"discharge at the peak price {hourly.share_of(hourly.rule_peak):.2f}, "
                    f"solved once a day {daily.share:.2f}",
                    note=f"last week's load as forecast: {weekly.share:.2f}; "
                    f"{hourly.without_battery - hourly.cost:.2f} EUR saved, "
                    f"re-solve {hourly.median_solve_ms:.1f} ms",
                )
            )
    return rows


def by_scipy(problem: Problem) -> float:
    """The same LP, built sparse for scipy.optimize.linprog; gives the cost."""
    from scipy import sparse
    from scipy.optimize import linprog

    p, n = problem, problem.slots
    eye, none = sparse.eye_array(n), sparse.csr_array((n, n))
    store = eye - sparse.eye_array(n, k=-1)
    stored_in = sparse.diags_array(-p.hours * p.charge_efficiency)
    taken_out = sparse.diags_array(p.hours / p.discharge_efficiency)
    equal: Any = sparse.vstack(
        [
            sparse.hstack([-eye, eye, eye, -eye, none]),
            sparse.hstack([stored_in, taken_out, none, none, store]),
        ],
        format="csc",
    )
    right = np.concatenate((p.net_kw, [p.start_kwh], np.zeros(n - 1)))
    cost = np.concatenate(
        (np.zeros(n), p.hours * p.wear, p.hours * p.buy, -p.hours * p.sell, np.zeros(n))
    )
    low = np.concatenate((np.zeros(4 * n), np.full(n - 1, p.floor_kwh), [p.end_kwh]))
    limits = (p.charge_kw, p.discharge_kw, np.inf, np.inf, p.ceiling_kwh)
    bounds: Any = np.column_stack((low, np.repeat(limits, n)))
    found: Any = linprog(cost, A_eq=equal, b_eq=right, bounds=bounds, method="highs")
    return float(found.fun)


def median_ms(work: Callable[[], object], repeats: int) -> float:
    work()
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return median(taken)


def time_rows(quick: bool) -> list[Row]:
    slots = house("NL", 2021, 21)
    repeats = 5 if quick else 25
    rows = []
    for name, count, goal_ms in (("48 h", 192, None), ("a week", 672, 1000.0)):
        request = PlanRequest(HOUSE, slots[:count], 50.0)
        problem = problem_of(request)
        ours = median_ms(partial(solve, problem, time_limit_s=10.0), repeats)
        scipy = median_ms(partial(by_scipy, problem), repeats)
        whole = median_ms(partial(plan, request, made_at_ms=0), repeats)
        rows.append(
            Row(
                name=f"battery LP, {name} of quarter hours",
                value=ours,
                unit="ms",
                goal="" if goal_ms is None else f"< {goal_ms:g}",
                met=None if goal_ms is None else ours < goal_ms,
                peer=f"scipy.optimize.linprog {scipy:.1f} ms",
                note=f"the whole plan with rivals and reasons {whole:.1f} ms",
            )
        )
    return rows


def run(quick: bool) -> list[Row]:
    return saving_rows(14 if quick else 56) + time_rows(quick)


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row)
