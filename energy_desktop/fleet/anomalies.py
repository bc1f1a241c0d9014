"""What is strange in a fleet, by two methods side by side.

The reference is the hybrid that fleet projects publish: k-means over all days, where a day far
from its own centre is odd, and the residual of the regression, where a day far from its forecast
is; strange is what both say. The rule that is believed works on the hours of each household by
itself (its own weeks around, flat runs and zeros) and is handed in by the caller, so that a fleet
and a single meter are judged by the very same code. What each is worth on hours labelled by
people stands in docs/fleet.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from energy_desktop.domain import wording
from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.fleet import clock, forecast, kmeans
from energy_desktop.fleet.parquet import read_all

if TYPE_CHECKING:
    from ibis.expr.types import Table
    from numpy.typing import NDArray

    from energy_desktop.domain.finding import Anomaly

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    HourRule = Callable[..., Sequence[Anomaly]]
    """(start_ms, energy_wh, zone, *, step_s) -> anomalies; must be importable by its name."""

KINDS_OF_DAY = 4
DEVIATIONS = 3.0
MOST_DAYS = 20_000
_COLUMNS = ("mwh", "peak_mwh", "off_mwh", "top_mw")
_OF_HOURS = ("household", "t_min", "mwh", "step_min")
_CODED = pa.dictionary(pa.int32(), pa.string())

FOUND = pa.schema(
    [
        ("household", pa.string()),
        ("kind", pa.string()),
        ("start_ms", pa.int64()),
        ("end_ms", pa.int64()),
        ("actual_kwh", pa.float64()),
        ("expected_kwh", pa.float64()),
        ("score", pa.float64()),
        ("reason", pa.string()),
    ]
)
"""A table of anomalies, whichever method found them."""


@dataclass(frozen=True, slots=True)
class HourTask:
    """One part of the clean readings, for one process."""

    path: Path
    zone: str


@dataclass(frozen=True, slots=True)
class HourAnswer:
    found: pa.Table
    judged: int
    too_short: int


def hour_rule(rule: HourRule) -> Callable[[HourTask], HourAnswer]:
    """A function of a part, fit to be sent to another process."""
    return partial(_judge_part, rule)


def _judge_part(rule: HourRule, task: HourTask) -> HourAnswer:
    """Each household of the part by itself, by name.

    A part has millions of rows and every worker holds one: its rows are put in order by their
    places, and only one household's are copied at a time.
    """
    table = read_all([task.path], _OF_HOURS, coded=("household",))
    coded = pc.cast(table["household"], _CODED).unify_dictionaries().combine_chunks()
    by_name = pc.array_sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(by_name), np.int32)
    rank[by_name] = np.arange(len(by_name), dtype=np.int32)
    code = rank[coded.indices.to_numpy(zero_copy_only=False)]
    t_min, mwh, step_min = (table[name].to_numpy() for name in _OF_HOURS[1:])
    names = coded.dictionary.take(by_name).to_pylist()
    del table, coded
    pa.default_memory_pool().release_unused()
    place = np.lexsort((t_min, code))
    ends = np.bincount(code, minlength=len(by_name)).cumsum()
    found: list[dict[str, object]] = []
    judged = too_short = 0
    for k, household in enumerate(names):
        mine = place[ends[k - 1] if k else 0 : ends[k]]
        steps, counts = np.unique(step_min[mine], return_counts=True)
        step = int(steps[counts.argmax()])
        own = mine[step_min[mine] == step]
        try:
            anomalies = rule(t_min[own] * 60_000, mwh[own] / 1000.0, task.zone, step_s=60 * step)
        except NotEnoughData:
            too_short += 1
            continue
        judged += 1
        found += [_row(household, one) for one in anomalies]
    return HourAnswer(pa.Table.from_pylist(found, FOUND), judged, too_short)


def _row(household: str, one: Anomaly) -> dict[str, object]:
    return {
        "household": household,
        "kind": one.kind.name.lower(),
        "start_ms": one.start_ms,
        "end_ms": one.end_ms,
        "actual_kwh": one.actual_wh / 1000.0,
        "expected_kwh": one.expected_wh / 1000.0,
        "score": one.score,
        "reason": one.reason,
    }


@dataclass(frozen=True, slots=True)
class KindsOfDay:
    """The k-means half of the reference: centres of days, and how far days usually lie off.

    mean, spread (4,): of the columns. usual, deviation (k,): distance to the own centre.
    """

    clusters: kmeans.Clusters
    mean: Floats
    spread: Floats
    usual: Floats
    deviation: Floats
    sigma_kwh: float

    def z(self, x: Floats) -> Floats:
        """Deviations that a day lies further off its centre than usual, shape (n,)."""
        nearest, distance = self.clusters.assign((x - self.mean) / self.spread)
        return np.asarray((distance - self.usual[nearest]) / self.deviation[nearest])


def days_and_residuals(days: Table, predicted: Table) -> Table:
    """Complete days with what the regression said of them: the input of the reference."""
    counted = days.filter(days.complete)
    joined = counted.join(
        predicted.select("household", "local_day", "actual", "forecast"),
        ["household", "local_day"],
    )
    return joined.select("household", "local_day", *_COLUMNS, "actual", "forecast").order_by(
        "household", "local_day"
    )


def fit_kinds(tables: Iterable[pa.Table], total: int, *, seed: int) -> KindsOfDay:
    """From at most MOST_DAYS days, taken evenly; the order of the tables makes no difference.

    Raises NotEnoughData.
    """
    every = max(1, -(-total // MOST_DAYS))
    samples = [table.filter(pa.array(forecast.drawn(table, every))) for table in tables]
    table = pa.concat_tables(samples).sort_by(
        [("household", "ascending"), ("local_day", "ascending")]
    )
    if table.num_rows < 10 * KINDS_OF_DAY:
        raise NotEnoughData(
            where="Fleet anomalies",
            what=f"{table.num_rows} days are too few to know the usual kinds of day.",
            remedy="Give a longer period.",
        )
    x = _matrix(table)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0.0] = 1.0
    scaled = (x - mean) / spread
    clusters = kmeans.fit(scaled, KINDS_OF_DAY, seed=seed)
    nearest, distance = clusters.assign(scaled)
    k = len(clusters.centres)
    count = np.maximum(np.bincount(nearest, minlength=k), 1)
    usual = np.bincount(nearest, distance, minlength=k) / count
    square = np.bincount(nearest, (distance - usual[nearest]) ** 2, minlength=k)
    deviation = np.sqrt(square / count)
    deviation[deviation == 0.0] = 1.0
    residual = table["actual"].to_numpy() - table["forecast"].to_numpy()
    return KindsOfDay(clusters, mean, spread, usual, deviation, float(np.nanstd(residual)))


def hybrid_flags(table: pa.Table, kinds: KindsOfDay) -> tuple[Floats, Bools, Bools, Floats]:
    """z, far from its kind of day, far from its forecast, residual in sigma; all shapes (n,)."""
    z = kinds.z(_matrix(table))
    residual = table["actual"].to_numpy() - table["forecast"].to_numpy()
    sigmas = residual / max(kinds.sigma_kwh, 1e-9)
    return z, z > DEVIATIONS, np.abs(sigmas) > DEVIATIONS, sigmas


def hybrid_found(table: pa.Table, kinds: KindsOfDay, zone: str) -> tuple[pa.Table, dict[str, int]]:
    """The days that both halves call strange, as FOUND; and how many each of them called so."""
    z, odd, off, sigmas = hybrid_flags(table, kinds)
    both = np.flatnonzero(odd & off)
    household = table["household"].to_pylist() if both.size else []
    day = table["local_day"].to_numpy()
    actual, forecast = table["actual"].to_numpy(), table["forecast"].to_numpy()
    rows = []
    for k in both.tolist():
        date = clock.day_of(int(day[k]))
        sense = "more" if sigmas[k] > 0 else "less"
        rows.append(
            {
                "household": household[k],
                "kind": "high" if sigmas[k] > 0 else "low",
                "start_ms": clock.start_of_day_ms(int(day[k]), zone),
                "end_ms": clock.start_of_day_ms(int(day[k]) + 1, zone),
                "actual_kwh": float(actual[k]),
                "expected_kwh": float(forecast[k]),
                "score": float(min(z[k], abs(sigmas[k]))),
                "reason": (
                    f"{wording.number(actual[k])} kWh on {wording.day(date)}, "
                    f"{wording.number(abs(sigmas[k]))} deviations {sense} than the regression "
                    f"expected ({wording.number(forecast[k])} kWh), and unlike the usual kinds of "
                    f"day of the fleet."
                ),
            }
        )
    counts = {
        "kmeans": int(odd.sum()),
        "residual": int(off.sum()),
        "both": int(both.size),
        "either": int((odd | off).sum()),
        "days": len(z),
    }
    return pa.Table.from_pylist(rows, FOUND), counts


def _matrix(table: pa.Table) -> Floats:
    """kWh, peak kWh, off-peak kWh and highest kW of each day, shape (n, 4)."""
    return np.stack([table[name].to_numpy() / 1e6 for name in _COLUMNS], axis=1)
