"""The energy balance of the site, from the registers of its meters.

Load = grid import - grid export + solar yield + battery discharge - battery charge. Where a part
is unknown in a step, so is the load: a sum of what happens to be known would be a wrong number.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.ports import Ledger
from energy_desktop.domain.site import Meter, Role
from energy_desktop.services.interval_steps import laid_over
from energy_desktop.services.registers import negative_register, positive_register

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

    Bools = NDArray[np.bool_]

STEP_S = 900


@dataclass(frozen=True, slots=True)
class SiteBalance:
    """Energy per quarter hour in Wh; all shapes (n,), NaN where unknown, every step present.

    estimated: whether any part of the step was estimated or edited. block_s: the shortest step in
    which no meter is booked in longer intervals, whose course inside is not known.
    """

    start_ms: Int64s
    grid_import_wh: Floats
    grid_export_wh: Floats
    solar_wh: Floats
    charge_wh: Floats
    discharge_wh: Floats
    load_wh: Floats
    estimated: Bools
    block_s: int = STEP_S

    def measured(self, energy_wh: Floats) -> Floats:
        """A part of the balance (n,) for what learns from it: NaN where anything stood in for a
        measurement."""
        return np.where(self.estimated, np.nan, energy_wh)

    def in_blocks(self, energy_wh: Floats) -> tuple[Int64s, Floats, Bools]:
        """A part of the balance (n,) in steps of block_s: their starts, energy, and whether any of
        it was estimated; those alone that lie in the period as a whole."""
        per = self.block_s // STEP_S
        first = int(-self.start_ms[0] // (STEP_S * 1000) % per) if len(self) else 0
        count = max(len(self) - first, 0) // per
        inside = slice(first, first + count * per)
        summed: Floats = energy_wh[inside].reshape(count, per).sum(axis=1)
        estimated: Bools = np.any(self.estimated[inside].reshape(count, per), axis=1)
        return self.start_ms[inside][::per], summed, estimated

    def __len__(self) -> int:
        return int(self.start_ms.size)


def site_balance(
    configuration: Configuration, ledger: Ledger, start_ms: int, end_ms: int
) -> SiteBalance:
    """start_ms, end_ms: multiples of a quarter hour. A site without a grid meter: its loads."""
    step_ms = STEP_S * 1000
    starts = np.arange(start_ms, end_ms, step_ms, dtype=np.int64)
    estimated = np.zeros(starts.size, dtype=np.bool_)
    blocks = {STEP_S}
    by_role = {role: [m for m in configuration.meters if m.role is role] for role in Role}

    def total(meters: list[Meter], *, positive: bool) -> Floats:
        summed = np.zeros(starts.size)
        for meter in meters:
            register = (
                positive_register(ledger, meter.meter_id)
                if positive
                else negative_register(ledger, meter.meter_id)
            )
            if register is None:
                continue
            laid = laid_over(
                ledger, meter.meter_id, start_ms, end_ms, register=register, step_s=STEP_S
            )
            found = laid.intervals
            blocks.add(laid.own_s)
            summed += found.energy_wh
            stands_in = np.isin(found.quality, (IntervalQuality.ESTIMATED, IntervalQuality.EDITED))
            np.logical_or(estimated, stands_in, out=estimated)
        return summed

    grid = by_role[Role.GRID]
    grid_import = total(grid, positive=True)
    grid_export = total(grid, positive=False)
    solar = total(by_role[Role.SOLAR], positive=True)
    discharge = total(by_role[Role.BATTERY], positive=True)
    charge = total(by_role[Role.BATTERY], positive=False)
    if grid:
        load = grid_import - grid_export + solar + discharge - charge
    else:
        loads = [m for m in by_role[Role.LOAD] if m.parent_id is None]
        load = total(loads, positive=True) if loads else np.full(starts.size, np.nan)
        grid_import = load.copy()
    return SiteBalance(
        starts, grid_import, grid_export, solar, charge, discharge, load, estimated, lcm(*blocks)
    )
