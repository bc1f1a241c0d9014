"""F1 against hours that a person labelled, pooled over five buildings, and the time it takes."""

from __future__ import annotations

import csv
import gzip
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.common import Row
from energy_desktop.analytics.anomaly import profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Flagger = Callable[[NDArray[np.int64], NDArray[np.float64], str], NDArray[np.bool_]]

BUILDINGS = (118, 254, 439, 685, 1147)
_ROOT = Path(__file__).resolve().parents[1]


def labelled(
    path: Path,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Start (ms), energy (Wh) and label of each hour. The file's clock has no zone and no DST."""
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    start = [datetime.fromisoformat(r["timestamp"]).replace(tzinfo=UTC).timestamp() for r in rows]
    energy = [1000 * float(r["meter_reading"]) if r["meter_reading"] else np.nan for r in rows]
    label = [r["anomaly"] in ("1", "1.0") for r in rows]
    return (np.array(start) * 1000).astype(np.int64), np.array(energy), np.array(label, bool)


def f1(flagged: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    both = int((flagged & truth).sum())
    return 2.0 * both / max(int(flagged.sum()) + int(truth.sum()), 1)


def weeks_alone(
    start_ms: NDArray[np.int64], energy_wh: NDArray[np.float64], zone: str
) -> NDArray[np.bool_]:
    """The profile and the flat-run rule, without the setback rule."""
    hours = profile.to_hours(start_ms, energy_wh, zone, 3600)
    _, z = profile.against_weeks(hours)
    found = profile.lasting(np.abs(z) > profile.DEVIATIONS) | profile.repeated(hours.energy_wh)
    return np.asarray(found[np.searchsorted(hours.start_ms, start_ms)], bool)


def hour_of_week_3_sigma(
    start_ms: NDArray[np.int64], energy_wh: NDArray[np.float64], zone: str
) -> NDArray[np.bool_]:
    """A stronger naive: the mean is taken per hour of the week of the whole year."""
    hours = profile.to_hours(start_ms, energy_wh, zone, 3600)
    slot = hours.wall_h % 168
    mean = np.array([np.nanmean(hours.energy_wh[slot == one]) for one in range(168)])
    residual = hours.energy_wh - mean[slot]
    found = np.abs(residual) > 3 * np.nanstd(residual)
    return np.asarray(found[np.searchsorted(hours.start_ms, start_ms)], bool)


METHODS: dict[str, Flagger] = {
    "residual > 3 sigma, hour of day (naive)": profile.naive_flags,
    "residual > 3 sigma, hour of week": hour_of_week_3_sigma,
    "weeks around + flat run": weeks_alone,
    "weeks around + flat run + no setback": profile.flags,
}


def data_folder() -> Path:
    shared = os.environ.get("ENERGY_DESKTOP_SHARED_DATA", str(_ROOT.parent / "shared" / "data"))
    return Path(shared) / "building-anomalies-labelled"


def run(quick: bool) -> list[Row]:
    """One row per method; nothing when the labelled buildings are not beside the checkout."""
    folder = data_folder()
    if not folder.exists():
        return []
    buildings = BUILDINGS[:2] if quick else BUILDINGS
    data = [labelled(folder / f"lead_building_{name}.csv.gz") for name in buildings]
    truth = np.concatenate([label for _, _, label in data])
    rows = []
    scores = {}
    for name, method in METHODS.items():
        began = time.perf_counter()
        flagged = np.concatenate([method(start, energy, "UTC") for start, energy, _ in data])
        ms = 1000 * (time.perf_counter() - began) / len(data)
        scores[name] = f1(flagged, truth)
        chosen = method is profile.flags
        rows.append(
            Row(
                f"anomalies: {name}",
                scores[name],
                "F1",
                ">= 0.50" if chosen else "",
                scores[name] >= 0.50 if chosen else None,
                note=f"{ms:.0f} ms per building-year, {len(data)} buildings"
                + (", constants chosen on these buildings" if chosen else ""),
            )
        )
    return rows


if __name__ == "__main__":
    for row in run(quick=False):
        print(f"{row.name:60} {row.value:.3f} {row.unit}  {row.note}")
