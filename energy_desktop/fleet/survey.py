"""What a run would read and need, told before it begins: from the head of each file alone.

How much it takes is what was measured with the London data on two cores (docs/benchmarks.md). It
says whether to wait, to fetch a coffee or another machine, not more.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections import Counter
from pathlib import Path

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import BrokenFile, FleetOptions, FleetPlan
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.fleet import estimate, layout
from energy_desktop.fleet.layout import FileLayout
from energy_desktop.fleet.manifest import Manifest, run_key

_BASE_MB, _MB_PER_MILLION, _MOST_MB = 700, 20, 4500
_DISK_BYTES_PER_ROW = 12  # results, and what lies beside them while the run goes on


def plan(
    folder: Path, out: Path, options: FleetOptions, engine: str, master: str | None
) -> FleetPlan:
    """See FleetService.plan."""
    own = out.resolve()
    paths = tuple(p for p in layout.find_files(folder) if own not in p.resolve().parents)
    kinds: Counter[str] = Counter()
    refused = []
    rows, days = 0, 0.0
    first: FileLayout | None = None
    for path in paths:
        raise_if_cancelled("Fleet plan")
        try:
            one = layout.recognise(path, options.columns)
            some = estimate.readings(path, one)
        except DataFileError as error:
            refused.append(BrokenFile(str(path), f"{error.what} {error.remedy}"))
            continue
        rows += some
        days += estimate.household_days(some, one)
        first = first or one
        kinds[one.words] += 1
    header = layout.header_of(paths[0]) if first is None else _stripped(first.columns)
    return FleetPlan(
        files=len(paths),
        bytes=sum(path.stat().st_size for path in paths),
        rows=rows,
        kinds=tuple(kinds.most_common()),
        header=header,
        taken={} if first is None else _taken(first),
        refused=tuple(refused),
        seconds=(
            estimate.seconds_on_spark(rows, master)
            if engine == "spark"
            else estimate.seconds(rows, days)
        ),
        memory_mb=min(_MOST_MB, _BASE_MB + round(_MB_PER_MILLION * rows / 1e6)),
        disk_bytes=_DISK_BYTES_PER_ROW * rows,
        free_bytes=shutil.disk_usage(_existing(out)).free,
        lacking=_lacking(engine),
        state=_state(paths, out, options, engine),
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


def _state(paths: tuple[Path, ...], out: Path, options: FleetOptions, engine: str) -> str:
    known = Manifest.read(out)
    if known is None:
        return "new"
    stats = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
    if known.key != run_key(stats, options, engine):
        return "replaces"
    return "done" if known.finished else "goes_on"


def _existing(out: Path) -> Path:
    """The nearest folder above that is there."""
    return next(one for one in (out.absolute(), *out.absolute().parents) if one.exists())
