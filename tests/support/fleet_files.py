"""Small files of readings, and a fleet run over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from energy_desktop.analytics.anomaly.profile import find_anomalies
from energy_desktop.domain.fleet import FleetOptions
from energy_desktop.fleet.engine import DuckDbEngine, Engine
from energy_desktop.fleet.run import FleetRun
from energy_desktop.fleet.workplace import stored

RESULT_KEYS = {
    "days": ("household", "local_day"),
    "week": ("household", "slot"),
    "features": ("household", "local_day"),
    "regression": ("household", "local_day"),
    "lightgbm": ("household", "local_day"),
    "anomalies": ("household", "start_ms", "kind"),
    "hybrid": ("household", "start_ms"),
    "clean": ("household", "t_min"),
}
"""Results of a run -> what tells their rows apart."""

LONDON = "LCLid,stdorToU,DateTime,KWH/hh (per half hour) "
STRANGE_NAMES = (
    "meter1.csv", "meter[1].csv", "[2013]/meter1.csv", "ma.csv", "m*.csv", "m?.csv", "m{a,b}.csv",
    "b\\n.csv", "b\\[1].csv", "c:d.csv", "c:d/e[1].csv", "_under.csv", ".hidden.csv", "c0=9/c1.csv",
    "it's 100%20 #1.csv", "\u00fc.csv", "g[1].CSV",
)  # fmt: skip
"""Of files below a folder, that an engine might take for patterns, or not take at all."""


def half_hours(first: datetime, n: int) -> list[datetime]:
    return [first + timedelta(minutes=30 * k) for k in range(n)]


def london_rows(
    household: str, values_kwh: Iterable[float], *, start: datetime, tariff: str = "Std"
) -> list[str]:
    return [
        f"{household},{tariff},{start + timedelta(minutes=30 * k):%Y-%m-%d %H:%M:%S}.0000000, "
        f"{value:g} "
        for k, value in enumerate(values_kwh)
    ]


def write_csv(path: Path, header: str, rows: Sequence[str], *, end: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join([header, *rows]) + end).encode())
    return path


def a_fleet(folder: Path, *, households: int = 6, days: int = 60, seed: int = 1) -> Path:
    """A folder with one London file: households of different level, with noise and an evening."""
    rng = np.random.default_rng(seed)
    slot = np.arange(48 * days) % 48
    evening = np.exp(-(((slot - 38) / 5.0) ** 2))
    morning = np.exp(-(((slot - 15) / 3.0) ** 2))
    rows: list[str] = []
    for k in range(households):
        shape = 0.3 + rng.uniform(0.2, 1.5) * evening + rng.uniform(0.1, 1.2) * morning
        day = np.repeat(np.exp(0.2 * rng.standard_normal(days)), 48)
        values = 0.1 * (k + 1) * shape * day * np.exp(0.3 * rng.standard_normal(48 * days))
        rows += london_rows(
            f"MAC{k:06d}",
            np.round(values, 3).tolist(),
            start=datetime(2013, 1, 1, tzinfo=UTC),
            tariff="ToU" if k % 3 == 0 else "Std",
        )
    write_csv(folder / "fleet.csv", LONDON, rows)
    return folder


@contextmanager
def no_file_beyond(limit: int, pid: int = 0) -> Iterator[None]:
    """What a process writes to a file beyond so many bytes fails, as on a full disk. pid 0: this
    one.
    """
    resource = pytest.importorskip("resource", reason="limits of a process need a Unix")
    kind = resource.RLIMIT_FSIZE
    before = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, kind, before)


def broken_files(run: FleetRun) -> list[str]:
    """Names of those that were found broken while they were read."""
    done = run.manifest.done("ingest").values()
    return [Path(path).name for chunk in done for path, _why in chunk["broken"]]


def rows_by_name(run: FleetRun, folder: Path) -> dict[str, dict[str, Any]]:
    """Name of each file below the folder -> how many of its rows are used and dropped."""
    return {
        Path(run.manifest.about["files"][int(k)]).relative_to(folder).as_posix(): counts
        for chunk in run.manifest.done("ingest").values()
        for k, counts in chunk["files"].items()
    }


@contextmanager
def duckdb_engine(scratch: Path, *, threads: int = 2) -> Iterator[DuckDbEngine]:
    engine = DuckDbEngine(scratch, threads=threads)
    try:
        yield engine
    finally:
        engine.close()


def a_run(folder: Path, out: Path, engine: Engine, options: FleetOptions | None = None) -> FleetRun:
    return FleetRun(folder, out, engine, options or FleetOptions(), hour_rule=find_anomalies)


def cleaned(run: FleetRun) -> FleetRun:
    """The run after its first two stages."""
    run.stage("ingest")
    run.stage("daily")
    return run


def dropped_counts(run: FleetRun) -> dict[str, int]:
    """By reason, over all files."""
    found: dict[str, int] = {}
    for chunk in run.manifest.done("ingest").values():
        for counts in chunk["files"].values():
            for reason, n in counts["dropped"].items():
                found[reason] = found.get(reason, 0) + n
    for chunk in run.manifest.done("daily").values():
        for reasons in chunk["dropped"].values():
            for reason, n in reasons.items():
                found[reason] = found.get(reason, 0) + n
    return found


def used(run: FleetRun) -> int:
    return sum(
        counts["used"]
        for chunk in run.manifest.done("ingest").values()
        for counts in chunk["files"].values()
    )


def assert_same_rows(ours: Path, theirs: Path, result: str) -> None:
    """A result of two runs: counts, texts and flags to the bit, floats to 1e-9."""
    order = [(key, "ascending") for key in RESULT_KEYS[result]]
    a, b = (stored([out / result]).sort_by(order) for out in (ours, theirs))
    assert a.num_rows == b.num_rows
    assert set(a.column_names) == set(b.column_names)
    for name in a.column_names:
        x, y = a[name], b[name]
        assert pc.all(pc.equal(pc.is_null(x), pc.is_null(y))).as_py() is not False, name
        if str(x.type) == "double":
            floats = y.drop_null().to_numpy()
            close = pytest.approx(floats, rel=1e-9, abs=1e-9, nan_ok=True)
            assert x.drop_null().to_numpy() == close, name
        else:
            assert x.to_pylist() == y.to_pylist(), name
