"""What is known of a register, where its book stands, and which steps of it need no explanation.

The same few questions are asked wherever energy is booked, drawn anew or held back: can the
connection carry that much, may the register have begun again? They are answered here only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import HOUR_MS, QUARTER_HOUR_MS
from energy_desktop.storage.series.grid import QUARTER_HOURS, Grid

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Int64s = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]

REGISTERS = ("energy_import_wh", "energy_export_wh", "energy_total_wh")
"""Quantities that the ledger follows; the phases of them are gauges of interest, not of billing."""

SHORTEST_GAP_MS = 120_000


@dataclass(frozen=True, slots=True)
class RegisterRules:
    """What is known of a register. gap_limit_ms: readings further apart make a boundary between
    them an estimate. grid: where its intervals begin and end. disorder_ms: first and last stamp
    among readings that did not come in the order of their stamps."""

    modulus_wh: int | None = None
    limit_w: float | None = None
    gap_limit_ms: int = QUARTER_HOUR_MS
    grid: Grid = QUARTER_HOURS
    disorder_ms: tuple[int, int] | None = None

    @property
    def step_ms(self) -> int:
        """The length of an interval from now on."""
        return self.grid.step_ms

    @classmethod
    def for_meter(
        cls,
        poll_interval_s: float,
        modulus_wh: int | None,
        limit_w: float | None,
        step_ms: int = QUARTER_HOUR_MS,
    ) -> RegisterRules:
        """Two poll periods may pass between readings, at least 2 min, at most an interval."""
        two_polls = round(2 * poll_interval_s * 1000)
        gap_limit_ms = min(max(two_polls, SHORTEST_GAP_MS), step_ms)
        return cls(modulus_wh, limit_w, gap_limit_ms, Grid(((0, step_ms),)))

    def carries(self, energy_wh: ArrayLike, duration_ms: ArrayLike) -> Bools:
        """Whether the connection can carry each of these energies in its time; shapes are alike."""
        most_wh = np.inf if self.limit_w is None else energy_at(self.limit_w, duration_ms)
        return np.asarray(np.less_equal(energy_wh, most_wh))


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Where the book of a register stands.

    through_*: the last boundary that is closed, with the odometer there. last_*: the last reading
    that was accepted. offset_wh: odometer minus register, a multiple of the modulus. segment:
    grows at each reset. None: no boundary yet.
    """

    last_ms: int
    last_wh: int
    offset_wh: int = 0
    segment: int = 0
    through_ms: int | None = None
    through_wh: int | None = None
    through_segment: int = 0
    through_estimated: bool = False


def energy_at(power_w: float, duration_ms: ArrayLike) -> Floats:
    """What that power makes in these times (Wh), but in no less than a quarter of an hour.

    Registers step: one of 10 kWh may show in 5 min what took a quarter of an hour.
    """
    energy: Floats = power_w * np.maximum(duration_ms, QUARTER_HOUR_MS) / HOUR_MS
    return energy


def plain_steps(time_ms: Int64s, register_wh: Int64s, rules: RegisterRules) -> Bools:
    """Steps (n - 1,) from one reading to the next that need no explanation; time_ms (n,) ascending
    UTC epoch ms, register_wh (n,) Wh.
    """
    rise = np.diff(register_wh)
    return np.asarray((rise >= 0) & rules.carries(rise, np.diff(time_ms)))


def rolls_over(last_wh: int, value: int, duration_ms: int, rules: RegisterRules) -> bool:
    """Whether a register that showed `last_wh` may have begun again and shows `value` now."""
    modulus = rules.modulus_wh
    # A register that shows parts of a Wh may be rounded to its modulus just before it begins again.
    if modulus is None or last_wh > modulus:
        return False
    step = value - last_wh + modulus
    if rules.limit_w is not None:
        return bool(rules.carries(step, duration_ms))
    # Without a limit: near the top before, near the bottom after.
    return last_wh >= 0.9 * modulus and value <= 0.1 * modulus
