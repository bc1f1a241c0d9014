"""What a run would read and need, told before it begins: from the head of each file alone.

How much it takes is what was measured with the London data on two cores (docs/benchmarks.md). It
says whether to wait, to fetch a coffee or another machine, not more.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections import Counter
from pathlib import Path

from energy_desktop.domain.fleet import BrokenFile, FleetOptions, FleetPlan, SiteMeters
from energy_desktop.fleet import claim, estimate, layout
from energy_desktop.fleet.layout import FileLayout
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.recognised import recognise_all
from energy_desktop.fleet.task import run_task

_DISK_BYTES_PER_ROW = 12  # results, and what lies beside them while the run goes on


def plan(
    folder: Path,
    out: Path,
    options: FleetOptions,
    engine: str,
    master: str | None,
    site: SiteMeters | None = None,
) -> FleetPlan:
    """See FleetService.plan."""
    task = run_task(folder, out, options, engine, site)
    claim.refuse_unless_ours(task.out)
    paths = task.paths
    found = recognise_all(paths, options.columns, "Fleet plan")
    rows, days = found.rows, found.days
    first = found.files[0].layout if found.files else None
    header: tuple[str, ...] = ()
    if paths:
        header = layout.header_of(paths[0]) if first is None else _stripped(first.columns)
    return FleetPlan(
        files=len(paths),
        bytes=sum(path.stat().st_size for path in paths),
        rows=rows,
        kinds=tuple(Counter(file.layout.words for file in found.files).most_common()),
        header=header,
        taken={} if first is None else _taken(first),
        refused=tuple(
            BrokenFile(str(path), f"{error.what} {error.remedy}") for path, error in found.broken
        ),
        seconds=(
            estimate.seconds_on_spark(rows, master)
            if engine == "spark"
            else estimate.seconds(rows, days)
        ),
        memory_mb=(
            estimate.memory_on_spark_mb(rows)
            if engine == "spark"
            else estimate.memory_mb(rows, os.cpu_count() or 1)
        ),
        disk_bytes=_DISK_BYTES_PER_ROW * rows,
        free_bytes=shutil.disk_usage(_existing(task.out)).free,
        lacking=_lacking(engine),
        state="busy" if claim.worked_on(task.out) else task.state(Manifest.read(task.out)),
    )


def _taken(of: FileLayout) -> dict[str, str]:
    """What each role is in the first file."""
    columns = _stripped(of.columns)
    last = columns[of.cells[-1][0]] if of.cells else ""
    return {
        "household": "" if of.household is None else columns[of.household],
        "time": columns[of.time],
        "value": f"{columns[of.value]} to {last}" if of.cells else columns[of.value],
        "tariff": "" if of.tariff is None else columns[of.tariff],
        "unit": of.unit,
        "step": str(of.step_min),
    }


def _stripped(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for name in names)


def _lacking(engine: str) -> str:
    if engine != "spark":
        return ""
    from energy_desktop.fleet.spark import java_home

    missing = []
    if java_home() is None:
        missing.append("Java 17 or newer (Debian: openjdk-17-jre-headless)")
    if importlib.util.find_spec("pyspark") is None:
        missing.append("pyspark (pip install 'energy-desktop[fleet-spark]')")
    return "" if not missing else f"Spark needs {' and '.join(missing)}."


def _existing(out: Path) -> Path:
    """The nearest folder above that is there."""
    return next(one for one in (out, *out.parents) if one.exists())
