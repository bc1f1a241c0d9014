"""The running demand block: what was used of it, how it will end, and what is still free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import QUARTER_HOUR_MS
from energy_desktop.domain.overview import DemandNow
from energy_desktop.domain.ports import Rings
from energy_desktop.domain.site import Role

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats

_LATE_START_MS = 30_000  # a block seen from later than this is not the block's mean
_RECENT_S = 60.0


def demand_now(
    configuration: Configuration, rings: Rings | None, peak_w: float | None, now_ms: int
) -> DemandNow | None:
    """peak_w: of the month so far. None: the site has no grid meter. Memory only."""
    grid = [m for m in configuration.meters if m.role is Role.GRID]
    if not grid or rings is None:
        return None
    start_ms = now_ms - now_ms % QUARTER_HOUR_MS
    end_ms = start_ms + QUARTER_HOUR_MS
    contract_w = configuration.site.contract_demand_w
    limits = [v for v in (peak_w, contract_w) if v is not None and v > 0]
    limit_w = min(limits, default=None)
    empty = DemandNow(start_ms, end_ms, now_ms, None, None, (), peak_w, contract_w, limit_w, None)
    curves = []
    for meter in grid:
        at_s, power = rings.window(meter.meter_id, "power_w", QUARTER_HOUR_MS / 1000 + 10)
        curves.append((at_s, np.maximum(power, 0.0)))
    seen = block_energy(curves, start_ms / 1000, now_ms / 1000)
    if seen is None:
        return empty
    at_s, energy_wh, recent_w = seen
    elapsed_h = (at_s[-1] - start_ms / 1000) / 3600
    left_h = max(0.0, (end_ms / 1000 - at_s[-1]) / 3600)
    if elapsed_h <= 0:
        return empty
    mean_w = float(energy_wh[-1]) / elapsed_h
    projected_w = (float(energy_wh[-1]) + recent_w * left_h) / 0.25
    free_w = None
    if limit_w is not None and left_h > 0:
        free_w = max(0.0, (limit_w * 0.25 - float(energy_wh[-1])) / left_h)
    running = np.maximum(at_s - start_ms / 1000, 1.0)
    thin = np.unique(np.linspace(0, at_s.size - 1, 120).astype(int))
    trace = tuple(
        (round(float(at_s[i]) * 1000), float(energy_wh[i]) * 3600 / float(running[i]))
        for i in thin.tolist()
        if running[i] >= 15.0
    )
    return replace(empty, mean_w=mean_w, projected_w=projected_w, trace=trace, free_w=free_w)


def block_energy(
    curves: Sequence[tuple[Floats, Floats]], start_s: float, now_s: float
) -> tuple[Floats, Floats, float] | None:
    """Times (s), energy since the block began (Wh) at each, and the power of the last minute (W).

    Curves are summed on the times of the first. None: the block was not seen from its start, or a
    curve ended more than 30 s ago.
    """
    late_s = _LATE_START_MS / 1000
    cleaned = []
    for at_s, power in curves:
        known = np.isfinite(power) & (at_s <= now_s)
        at_s, power = at_s[known], power[known]
        inside = at_s >= start_s
        if not inside.any() or now_s - at_s[-1] > late_s or at_s[inside][0] - start_s > late_s:
            return None
        cleaned.append((at_s, power))
    if not cleaned:
        return None
    first = cleaned[0][0]
    at = np.unique(np.concatenate(([start_s], first[first >= start_s])))
    total = np.sum([np.interp(at, t, p) for t, p in cleaned], axis=0)
    steps_h = np.diff(at) / 3600
    energy = np.concatenate(([0.0], np.cumsum((total[1:] + total[:-1]) / 2 * steps_h)))
    recent = at >= at[-1] - _RECENT_S
    return at, energy, float(total[recent].mean())
