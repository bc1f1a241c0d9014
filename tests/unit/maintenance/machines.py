"""Simulated machines: running hours by weekday, correlated noise, a creep or a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from energy_desktop.analytics.maintenance.watch import watch
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.finding import EquipmentWatch, Finding, FindingState

FIRST_MS = 1_767_225_600_000  # 2026-01-01T00:00Z


def noise(rng: np.random.Generator, days: int, deviation: float, phi: float) -> NDArray[np.float64]:
    shocks = rng.standard_normal(days + 30) * np.sqrt(1 - phi * phi)
    x = np.zeros(days + 30)
    for t in range(1, days + 30):
        x[t] = phi * x[t - 1] + shocks[t]
    return deviation * x[30:]


class Machine:
    """`watched()` is the watch over it; the energy can be changed before."""

    def __init__(
        self, seed: int | np.random.Generator, days: int, deviation: float = 0.05, phi: float = 0.2
    ) -> None:
        rng = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)
        weekday = (np.arange(days) + 3) % 7
        self.days = days
        self.day_ms = FIRST_MS + np.arange(days, dtype=np.int64) * DAY_MS
        self.hours = np.where(weekday < 5, 11.0, 5.0) + rng.normal(0, 1, days)
        self.energy = (4_800 + 5_000 * self.hours) * (1 + noise(rng, days, deviation, phi))
        self.usable = np.ones(days, bool)

    def creep(self, from_day: int, per_week: float = 0.01) -> Machine:
        self.energy *= 1 + per_week * np.maximum(0, np.arange(self.days) - from_day) / 7
        return self

    def step(self, from_day: int, to_day: int | None = None, *, share: float) -> Machine:
        self.energy[from_day:to_day] *= 1 + share
        return self

    def watched(self, **changes: object) -> EquipmentWatch:
        arguments: dict[str, object] = {
            "now_ms": self.moment(self.days),
            "zone": "UTC",
            "usable": self.usable,
            "equipment": "compressor",
            "currency": "EUR",
        }
        return watch(
            "comp", "Compressor 1", day_ms=self.day_ms, energy_wh=self.energy,
            running_hours=self.hours, **(arguments | changes),
        )  # fmt: skip

    def moment(self, day: int) -> int:
        return FIRST_MS + day * DAY_MS


def day_of(machine: Machine, moment_ms: int) -> int:
    return (moment_ms - machine.moment(0)) // DAY_MS


def judged(finding: Finding, state: FindingState, at_ms: int) -> Finding:
    return replace(finding, state=state, state_by="M. Kowalczyk", state_at_ms=at_ms, note="seen")
