"""The next day of every household: one linear regression and one LightGBM for the whole fleet.

Both are fitted on days before a split in time and judged on the days after it, beside three
naives. R2 is given twice, since the pooled figure mostly says that large households are large:
within one household an honest regression explains little, and that is the figure to look at.

The tables are streamed part by part. The regression needs only sums of products, so memory does
not grow with the fleet; LightGBM learns from at most `MOST_ROWS` household-days, drawn by a rule
that is the same on every engine.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.fleet import Scores
from energy_desktop.fleet.features import NAMES
from energy_desktop.fleet.parquet import parquet_files, read_all

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

TRAIN_SHARE = 0.8
MOST_ROWS = 400_000
MOST_KEPT = 400_000
"""Rows of features in memory: about 130 MB."""
_EQUAL = 1e-18
_BLOCK = 20_000
LEAST_TEST_DAYS = 14
LEAST_ROWS = 200
NAIVES = {"naive_yesterday": "lag_1", "naive_last_week": "lag_7", "naive_month_mean": "mean_28"}
"""What a person would say without a model: the same as yesterday, as a week ago, as the month."""

_ROUNDS = 200
_BOOSTED = {
    "objective": "l2",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_SCALED = tuple(
    k
    for k, name in enumerate(NAMES)
    if name.startswith(("lag", "mean", "std", "min", "max", "same", "top"))
    or name in ("trend", "step")
)
_LEAST_SCALE_KWH = 0.1


@dataclass(frozen=True, slots=True)
class PartTable:
    """Features of one part, sorted by household and day. household (n,): index into names.

    columns (41, n): NAMES and below them the target, one after the other as Parquet has them.
    """

    names: tuple[str, ...]
    household: Ints
    day: Ints
    columns: Floats

    @property
    def x(self) -> Floats:
        """Shape (n, 40)."""
        return self.columns[:-1].T

    @property
    def target(self) -> Floats:
        """kWh, NaN unknown, shape (n,)."""
        target: Floats = self.columns[-1]
        return target

    @property
    def known(self) -> Bools:
        """Days that counted, shape (n,)."""
        return np.isfinite(self.target)

    def column(self, name: str) -> Floats:
        column: Floats = self.columns[NAMES.index(name)]
        return column


def read_part(path: Path) -> PartTable:
    """A part of the feature table; sorted here, since Spark does not promise an order of files."""
    table = read_all([path])
    part = _part_table(table)
    follows = (part.household[1:] > part.household[:-1]) | (part.day[1:] > part.day[:-1])
    if list(part.names) == sorted(part.names) and follows.all():
        return part
    order = [("household", "ascending"), ("local_day", "ascending")]
    return _part_table(table.sort_by(order))


def _part_table(table: pa.Table) -> PartTable:
    coded = table["household"].combine_chunks()
    if not isinstance(coded, pa.DictionaryArray):
        coded = pc.dictionary_encode(coded)
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    columns = np.empty((len(NAMES) + 1, table.num_rows))
    for k, name in enumerate(NAMES):
        columns[k] = table[name].to_numpy()
    columns[-1] = pc.fill_null(table["target"], float("nan")).to_numpy()
    return PartTable(
        tuple(coded.dictionary.to_pylist()),
        np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64),
        np.asarray(table["local_day"].to_numpy(), np.int64),
        columns,
    )


class FeatureParts:
    """The parts of the feature table, gone through several times: kept in memory while they are
    at most MOST_KEPT rows together, else read anew each time.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        files = parquet_files(paths) if paths else ()
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        self._kept: dict[Path, PartTable] | None = {} if rows <= MOST_KEPT else None

    def __iter__(self) -> Iterator[tuple[Path, PartTable]]:
        for path in self._paths:
            part = None if self._kept is None else self._kept.get(path)
            if part is None:
                part = read_part(path)
                if self._kept is not None:
                    self._kept[path] = part
            yield path, part

    def known_days(self) -> dict[int, int]:
        """Local day -> households of which it counted."""
        counts: dict[int, int] = {}
        for known in self._known():
            for day, n in zip(*np.unique(known, return_counts=True), strict=True):
                counts[int(day)] = counts.get(int(day), 0) + int(n)
        return counts

    def _known(self) -> Iterator[Ints]:
        if self._kept is not None:
            yield from (part.day[part.known] for _, part in self)
            return
        for file in parquet_files(self._paths):
            table = pq.ParquetFile(file).read(columns=["local_day", "target"])
            yield table.filter(pc.is_valid(table["target"]))["local_day"].to_numpy()


def split_day(counts: Mapping[int, int]) -> int:
    """The first local day of the test: four fifths of the household-days lie before it.

    counts: see FeatureParts.known_days. Raises NotEnoughData.
    """
    total = sum(counts.values())
    if total < LEAST_ROWS:
        raise NotEnoughData(
            where="Fleet forecast",
            what=f"{total} household-days with a month before them are too few to learn from.",
            remedy=f"Give at least {LEAST_ROWS}, for example 10 households for two months.",
        )
    seen = 0
    for day in sorted(counts):
        if seen >= TRAIN_SHARE * total:
            return day
        seen += counts[day]
    return max(counts)


@dataclass(frozen=True, slots=True)
class Linear:
    """kWh = intercept + x @ weights."""

    intercept: float
    weights: Floats

    def predict(self, x: Floats) -> Floats:
        answer: Floats = np.maximum(self.intercept + x @ self.weights, 0.0)
        return answer


def fit_linear(parts: FeatureParts, cut: int) -> Linear:
    """Least squares over all training days, from sums of products of one pass.

    Columns are shifted by the first block's means before they are multiplied: sums of squares of
    numbers far from zero would lose the digits that matter.
    """
    size = len(NAMES) + 1
    shift: Floats | None = None
    n, sums, products = 0, np.zeros(size), np.zeros((size, size))
    for _, part in parts:
        train = (part.day < cut) & part.known
        for start in range(0, len(train), _BLOCK):
            block = slice(start, start + _BLOCK)
            columns = np.compress(train[block], part.columns[:, block], axis=1)
            if not columns.size:
                continue
            if shift is None:
                shift = columns.mean(axis=1)
            columns -= shift[:, None]
            n += columns.shape[1]
            sums += columns.sum(axis=1)
            products += columns @ columns.T
    if shift is None:
        raise NotEnoughData(
            where="Fleet forecast",
            what="no household has days before the split.",
            remedy="Give a longer period.",
        )
    centre = sums / n
    covariance = products / n - np.outer(centre, centre)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    spread[spread < 1e-9] = 1.0
    correlation = covariance / np.outer(spread, spread)
    # Six weekdays and the weekend overlap, so the smallest directions are left out.
    weights = np.linalg.lstsq(correlation[:-1, :-1], correlation[:-1, -1], rcond=1e-9)[0]
    weights = weights * spread[-1] / spread[:-1]
    means = shift + centre
    return Linear(float(means[-1] - means[:-1] @ weights), weights)


@dataclass(frozen=True, slots=True)
class Boosted:
    """LightGBM on days divided by the household's own month, so that one model serves all."""

    model: Any

    def predict(self, x: Floats) -> Floats:
        scaled, scale = _scaled(x)
        answer: Floats = np.maximum(self.model.predict(scaled, num_threads=1) * scale, 0.0)
        return answer

    def save(self, path: Path) -> None:
        self.model.save_model(str(path))


def fit_boosted(
    parts: FeatureParts, counts: Mapping[int, int], cut: int, *, seed: int = 7
) -> Boosted:
    """The rows are weighed by the household's size, so that the error counts in kWh.

    counts: see FeatureParts.known_days. One thread: two on busy cores are many times slower.
    """
    import lightgbm

    total = sum(n for day, n in counts.items() if day < cut)
    every = max(1, -(-total // MOST_ROWS))
    drawn: list[tuple[str, Floats, Floats]] = []
    for _, part in parts:
        train = (part.day < cut) & part.known
        train &= _drawn(part.names, part.household, part.day, every)
        bounds = np.searchsorted(part.household, np.arange(len(part.names) + 1))
        for name, low, high in zip(part.names, bounds[:-1], bounds[1:], strict=True):
            mine = np.flatnonzero(train[low:high]) + low
            if mine.size:
                drawn.append((name, part.x[mine], part.target[mine]))
    drawn.sort(key=lambda rows: rows[0])
    x = np.concatenate([rows[1] for rows in drawn])
    target = np.concatenate([rows[2] for rows in drawn])
    scaled, scale = _scaled(x)
    data = lightgbm.Dataset(scaled, target / scale, weight=scale, free_raw_data=True)
    parameters = {**_BOOSTED, "seed": seed, "num_threads": 1}
    return Boosted(lightgbm.train(parameters, data, _ROUNDS))


def drawn(table: pa.Table, every: int) -> Bools:
    """One row of `every`, of a table with household and local_day, shape (n,)."""
    coded = pc.dictionary_encode(table["household"].cast(pa.string())).combine_chunks()
    code = np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64)
    return _drawn(tuple(coded.dictionary.to_pylist()), code, table["local_day"].to_numpy(), every)


def _drawn(names: tuple[str, ...], household: Ints, day: Ints, every: int) -> Bools:
    """By rule instead of at random: the same days on every engine, whatever the parts."""
    offset = np.array([zlib.crc32(name.encode()) for name in names], np.int64)
    chosen: Bools = (day + offset[household]) % every == 0
    return chosen


def _scaled(x: Floats) -> tuple[Floats, Floats]:
    scale = np.maximum(x[:, NAMES.index("mean_28")], _LEAST_SCALE_KWH)
    scaled = x.copy()
    scaled[:, _SCALED] /= scale[:, None]
    return scaled, scale


class Judge:
    """Adds up errors part by part; households are whole within a part."""

    def __init__(self) -> None:
        self._n = 0
        self._absolute = 0.0
        self._square = 0.0
        self._sum = 0.0
        self._sum_square = 0.0
        self._within: list[float] = []

    def see(self, household: Ints, actual: Floats, forecast: Floats) -> None:
        """All shapes (n,); only days that are judged."""
        if actual.size == 0:
            return
        error = forecast - actual
        self._n += actual.size
        self._absolute += float(np.abs(error).sum())
        self._square += float((error**2).sum())
        self._sum += float(actual.sum())
        self._sum_square += float((actual**2).sum())
        count = np.bincount(household)
        mean = np.bincount(household, actual) / np.maximum(count, 1)
        around = np.bincount(household, (actual - mean[household]) ** 2)
        square = np.bincount(household, error**2)
        # What is left of equal days after rounding is no spread.
        enough = (count >= LEAST_TEST_DAYS) & (around > _EQUAL * count * mean**2)
        self._within += (1.0 - square[enough] / around[enough]).tolist()

    def scores(self) -> Scores:
        if self._n == 0:
            return Scores(float("nan"), float("nan"), float("nan"), float("nan"))
        total = self._sum_square - self._sum**2 / self._n
        return Scores(
            r2_pooled=1.0 - self._square / total if total > 0 else float("nan"),
            r2_within_median=float(np.median(self._within)) if self._within else float("nan"),
            mae_kwh=self._absolute / self._n,
            rmse_kwh=float(np.sqrt(self._square / self._n)),
        )


def predict_part(
    part: PartTable, model: Linear | Boosted, cut: int, judge: Judge, *, only_after_cut: bool
) -> pa.Table:
    """Columns household, local_day, actual (null: still to come), forecast, judged."""
    asked = np.ones(len(part.day), np.bool_)
    if only_after_cut:
        last = np.concatenate((np.diff(part.household) != 0, [True]))[: len(part.day)]
        asked = (part.day >= cut) | last
    forecast = model.predict(part.x[asked]) if asked.any() else np.empty(0)
    household, day, actual = part.household[asked], part.day[asked], part.target[asked]
    judged = (day >= cut) & np.isfinite(actual)
    judge.see(household[judged], actual[judged], forecast[judged])
    return pa.table(
        {
            "household": pa.DictionaryArray.from_arrays(
                pa.array(household.astype(np.int32)), pa.array(part.names, pa.string())
            ).cast(pa.string()),
            "local_day": day,
            "actual": pa.array(actual, from_pandas=True),
            "forecast": forecast,
            "judged": judged,
        }
    )


def judge_naives(part: PartTable, cut: int, judges: dict[str, Judge]) -> None:
    judged = (part.day >= cut) & part.known
    for name, column in NAIVES.items():
        judges[name].see(part.household[judged], part.target[judged], part.column(column)[judged])
