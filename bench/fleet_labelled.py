"""What both fleet methods are worth on hours that people labelled: five buildings of one year."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.fleet import FileColumns, FleetOptions
from energy_desktop.services.fleet import FleetService, Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]

BUILDINGS = (118, 254, 439, 685, 1147)
METHODS: tuple[Method, ...] = ("profile", "kmeans_residual")
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Worth:
    """Of what is flagged, and of what was labelled; hours or days."""

    precision: float
    recall: float
    flagged: int
    labelled: int

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def evaluate(data: Path, work: Path) -> dict[tuple[str, str], Worth]:
    """(method, "hours" or "days") -> worth. `data`: building-anomalies-labelled; `work`: empty."""
    folder = work / "in"
    folder.mkdir(parents=True)
    for building in BUILDINGS:
        name = f"lead_building_{building}.csv.gz"
        (folder / name).symlink_to(data / name)
    service = FleetService()
    out = work / "out"
    service.run(folder, out, FleetOptions(columns=FileColumns(unit="kWh")), threads=1)
    found = {
        method: service.anomalies(out, method=method, limit=None, strongest_only=False).rows
        for method in METHODS
    }
    flags: dict[str, list[Bools]] = {method: [] for method in METHODS}
    truth: list[Bools] = []
    days: list[NDArray[np.int64]] = []
    for building in BUILDINGS:
        start_ms, label = _labels(data / f"lead_building_{building}.csv.gz")
        truth.append(label)
        days.append(start_ms // (24 * _HOUR_MS) + 100_000 * building)
        for method in METHODS:
            flagged = np.zeros(len(start_ms), np.bool_)
            for one in found[method]:
                if one.household in (str(building), f"{building}.0"):  # as the files say
                    flagged |= (start_ms >= one.start_ms) & (start_ms < one.end_ms)
            flags[method].append(flagged)
    label, day = np.concatenate(truth), np.concatenate(days)
    return {
        (method, unit): _worth(np.concatenate(flags[method]), label, day, unit == "days")
        for method in METHODS
        for unit in ("hours", "days")
    }


def _worth(flagged: Bools, label: Bools, day: NDArray[np.int64], by_day: bool) -> Worth:
    """By day: a day with any such hour."""
    if by_day:
        _, index = np.unique(day, return_inverse=True)
        flagged = np.bincount(index, flagged) > 0
        label = np.bincount(index, label) > 0
    both = int((flagged & label).sum())
    return Worth(
        both / max(int(flagged.sum()), 1),
        both / max(int(label.sum()), 1),
        int(flagged.sum()),
        int(label.sum()),
    )


def _labels(path: Path) -> tuple[NDArray[np.int64], Bools]:
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    start = [datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC) for row in rows]
    return (
        np.array([round(at.timestamp()) * 1000 for at in start], np.int64),
        np.array([row["anomaly"] in ("1", "1.0") for row in rows], np.bool_),
    )
