"""The five stages by hand, whole tables at a time: what a fleet run is held against.

The same work in SQL as a person would write it for one engine, on DuckDB and on Spark: read the
London layout into Parquet, days, 40 features, a regression, odd days by k-means and residual,
segments. No chunks, no count of what is dropped, no resume.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PARTS = 2  # of whole households, as a fleet of ten million rows has them
COLUMNS = ("LCLid", "stdorToU", "DateTime", "kwh", "Acorn", "Acorn_grouped")

READINGS = """
SELECT DISTINCT LCLid AS household, CAST(ts AS TIMESTAMP) AS ts, kwh FROM (
  SELECT LCLid, try_cast(DateTime AS TIMESTAMP) AS ts, try_cast(trim(kwh) AS DOUBLE) AS kwh
  FROM raw)
WHERE ts IS NOT NULL AND kwh IS NOT NULL AND kwh BETWEEN 0 AND 100000
  AND minute(ts) % 30 = 0 AND second(ts) = 0
"""
DAYS = """
SELECT household, CAST(ts AS DATE) AS day, count(*) AS n, sum(kwh) AS kwh, max(kwh) * 2 AS top_kw,
  sum(CASE WHEN hour(ts) BETWEEN 16 AND 19 THEN kwh ELSE 0 END) AS peak,
  sum(CASE WHEN hour(ts) < 6 THEN kwh ELSE 0 END) AS off
FROM readings GROUP BY household, CAST(ts AS DATE) HAVING count(*) >= 46
"""
_LAGS = (*range(1, 8), 14, 21, 28)


def features_sql(*, weekday: str) -> str:
    """40 features of days at most a row apart; `weekday`: how the engine counts Monday as 0."""
    lags = ", ".join(f"lag(kwh, {d}) OVER w AS lag_{d}" for d in _LAGS)
    spans = ", ".join(
        f"{f}(kwh) OVER (PARTITION BY household ORDER BY day ROWS BETWEEN {d} PRECEDING AND "
        f"1 PRECEDING) AS {name}_{d}"
        for d in (7, 28)
        for f, name in (("avg", "mean"), ("stddev_samp", "std"), ("min", "min"), ("max", "max"),
                        ("count", "known"))
    )  # fmt: skip
    shares = ", ".join(
        f"sum({c}) OVER (PARTITION BY household ORDER BY day ROWS BETWEEN 7 PRECEDING AND "
        f"1 PRECEDING) AS {c}_7, lag({c}) OVER w AS {c}_1"
        for c in ("peak", "off")
    )
    days = ", ".join(f"CAST(wd = {d} AS INT) AS weekday_{d}" for d in range(6))
    return f"""
WITH a AS (SELECT *, {weekday} AS wd, 2 * pi() * dayofyear(day) / 365.25 AS turn FROM days),
b AS (SELECT *, {lags}, {spans}, {shares}, lag(top_kw) OVER w AS top_1 FROM a
  WINDOW w AS (PARTITION BY household ORDER BY day))
SELECT household, day, kwh AS target, {", ".join(f"lag_{d}" for d in _LAGS)},
  (lag_7 + lag_14 + lag_21 + lag_28) / 4 AS same_weekday_mean,
  mean_7, std_7, min_7, max_7, mean_28, std_28, min_28, max_28, known_7, known_28,
  mean_7 - mean_28 AS trend, lag_1 - lag_7 AS step,
  peak_1 / nullif(lag_1, 0) AS peak_share_1, peak_7 / nullif(7 * mean_7, 0) AS peak_share_7,
  off_1 / nullif(lag_1, 0) AS off_share_1, off_7 / nullif(7 * mean_7, 0) AS off_share_7,
  top_1, {days}, CAST(wd >= 5 AS INT) AS weekend, month(day) AS month,
  sin(turn) AS sin_1, cos(turn) AS cos_1, sin(2 * turn) AS sin_2, cos(2 * turn) AS cos_2,
  peak, off, top_kw
FROM b WHERE lag_28 IS NOT NULL
"""


SHAPES = """
SELECT household, hour(ts) AS hour, avg(kwh) AS kwh FROM readings GROUP BY household, hour(ts)
"""


def finish(features: Any, shapes: Any) -> dict[str, float]:
    """Regression, odd days, segments: in numpy and scikit-learn on either engine."""
    from sklearn.cluster import KMeans, MiniBatchKMeans

    x = np.nan_to_num(np.stack([np.asarray(features[n], float) for n in features.column_names[3:43]
                                ], axis=1))  # fmt: skip
    y = np.asarray(features["target"], float)
    day = np.asarray(features["day"]).astype("datetime64[D]").astype(int)
    cut = np.quantile(day, 0.8)
    train = day < cut
    mean, spread = x[train].mean(0), x[train].std(0)
    z = (x - mean) / np.where(spread > 0, spread, 1.0)
    one = np.column_stack([np.ones(len(z)), z])
    weights = np.linalg.lstsq(one[train].T @ one[train], one[train].T @ y[train], rcond=1e-9)[0]
    residual = y - one @ weights
    test = ~train
    r2 = 1 - (residual[test] ** 2).sum() / ((y[test] - y[test].mean()) ** 2).sum()
    kinds = np.stack([np.asarray(features[n], float) for n in ("target", "peak", "off", "top_kw")],
                     axis=1)  # fmt: skip
    kinds = (kinds - kinds.mean(0)) / kinds.std(0)
    model = MiniBatchKMeans(4, random_state=7, n_init=3).fit(kinds[:200_000])
    distance = model.transform(kinds).min(axis=1)
    odd = (distance - distance.mean()) / distance.std() > 3
    strange = odd & (np.abs(residual) > 3 * residual.std())
    names, row = np.unique(np.asarray(shapes["household"]).astype(str), return_inverse=True)
    shape = np.zeros((len(names), 24))
    shape[row, np.asarray(shapes["hour"], int)] = np.asarray(shapes["kwh"], float)
    level = shape.mean(axis=1, keepdims=True)
    KMeans(min(4, len(names)), random_state=7, n_init=4).fit(
        np.hstack([shape / np.maximum(level, 1e-9), np.log(np.maximum(level, 1e-3))])
    )
    return {"r2_pooled": float(r2), "strange": float(strange.sum()), "households": len(names)}


def duckdb_by_hand(folder: Path, work: Path) -> tuple[float, dict[str, float]]:
    """Seconds, and what came out."""
    import duckdb

    began = time.perf_counter()
    with duckdb.connect(str(work / "plain.duckdb"), config={"threads": 2}) as connection:
        connection.execute("SET enable_progress_bar = false")
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
        connection.execute(
            f"CREATE VIEW raw AS SELECT * FROM read_csv('{folder}/*.csv', columns = {{{columns}}}, "
            "header = true, delim = ',', quote = '', escape = '', auto_detect = false, "
            "strict_mode = false)"
        )

        def kept(name: str, sql: str, options: str = "") -> None:
            """As Parquet, which is what each stage of a run leaves as well."""
            path = work / name
            connection.execute(
                f"COPY ({sql}) TO '{path}' (FORMAT parquet, COMPRESSION zstd{options})"
            )
            files = f"{path}/*/*.parquet" if options else path
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}')")

        by_household = f"SELECT *, hash(household) % {PARTS} AS part FROM ({READINGS})"
        kept("readings", by_household, ", PARTITION_BY (part)")
        kept("days", DAYS)
        kept("features", features_sql(weekday="(isodow(day) - 1)"))
        features = connection.sql("SELECT * FROM features").to_arrow_table()
        shapes = connection.sql(SHAPES).to_arrow_table()
        said = finish(features, shapes)
    return time.perf_counter() - began, said


def spark_by_hand(session: Any, folder: Path, work: Path) -> tuple[float, dict[str, float]]:
    """Seconds of a session that is already running, and what came out."""
    from pyspark.sql.types import StringType, StructField, StructType

    began = time.perf_counter()
    schema = StructType([StructField(name, StringType()) for name in COLUMNS])
    session.read.csv(str(folder), schema=schema, header=True).createOrReplaceTempView("raw")

    def kept(name: str, sql: str) -> None:
        path = str(work / f"{name}.parquet")
        session.sql(sql).write.mode("overwrite").parquet(path)
        session.read.parquet(path).createOrReplaceTempView(name)

    kept("readings", READINGS)
    kept("days", DAYS)
    kept("features", features_sql(weekday="weekday(day)"))
    features = session.sql("SELECT * FROM features").toArrow()
    shapes = session.sql(SHAPES).toArrow()
    said = finish(features, shapes)
    return time.perf_counter() - began, said


ByHand = Callable[[Path, Path], tuple[float, dict[str, float]]]
