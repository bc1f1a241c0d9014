"""What flows this second: sources and consumers from the last readings. Memory only.

A meter that fell silent has no power now; where it stands alone its last value is told beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.overview import REST, PowerNow, PowerPart, Usual
from energy_desktop.domain.ports import Rings
from energy_desktop.domain.site import Meter, Role
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.services.overview.groups import folded, load_groups, top_loads
from energy_desktop.services.overview.past import Past, usual_of, usual_of_meters

_SUPPLY = (Role.GRID, Role.SOLAR, Role.BATTERY)
_STALE_PERIODS = 3
_LEAST_STALE_MS = 3_000


@dataclass(frozen=True, slots=True)
class _Reading:
    power_w: float | None  # None: not now
    last_w: float | None
    at_ms: int | None


def power_now(
    configuration: Configuration,
    rings: Rings | None,
    statuses: Mapping[str, MeterStatus],
    past: Past | None,
    now_ms: int,
    *,
    most_sinks: int,
) -> PowerNow:
    """past: what is usual is told by it; None: not known yet."""
    supplies = [m for m in configuration.meters if m.role in _SUPPLY]
    readings = {m.meter_id: _reading(m, rings, statuses, now_ms) for m in configuration.meters}
    sources, sinks = [], []
    for meter in supplies:
        part = _part(meter.meter_id, meter.name, meter.role, (meter,), readings)
        taking = part.power_w is not None and part.power_w < 0 and meter.role is not Role.SOLAR
        if taking and part.power_w is not None:
            sinks.append(replace(part, power_w=-part.power_w, export=True))
        else:
            sources.append(part)
    loads = top_loads(configuration)
    known_groups = (
        past.groups
        if past is not None and past.configuration.meters == configuration.meters
        else load_groups(configuration)
    )
    has_grid = any(m.role is Role.GRID for m in configuration.meters)
    room = max(1, most_sinks - len(sinks) - (1 if has_grid else 0))
    by_id = {m.meter_id: m for m in loads}
    for group in folded(known_groups, room):
        sinks.append(
            _part(
                group.group_id,
                group.name,
                Role.LOAD,
                tuple(by_id[i] for i in group.meter_ids if i in by_id),
                readings,
                usual_of_meters(past, group.meter_ids, now_ms),
            )
        )
    supplied = _sum(readings[m.meter_id].power_w for m in supplies)
    used = _sum(readings[m.meter_id].power_w for m in loads)
    if has_grid and loads:
        rest = None if supplied is None or used is None else supplied - used
        lost = tuple(m.name for m in (*supplies, *loads) if readings[m.meter_id].power_w is None)
        usual = None if past is None else usual_of(past, past.rest_wh, now_ms)
        sinks.append(PowerPart(REST, "Not sub-metered", Role.LOAD, (), rest, usual, lost=lost))
    load_w = supplied if has_grid else used if loads else None
    return PowerNow(now_ms, tuple(sources), tuple(sinks), load_w)


def _reading(
    meter: Meter, rings: Rings | None, statuses: Mapping[str, MeterStatus], now_ms: int
) -> _Reading:
    snapshot = None if rings is None else rings.last(meter.meter_id)
    if snapshot is None:
        return _Reading(None, None, None)
    value = snapshot.value("power_w")
    status = statuses.get(meter.meter_id)
    too_old_ms = max(_LEAST_STALE_MS, _STALE_PERIODS * 1000 * meter.poll_interval_s)
    stale = now_ms - snapshot.read_at_ms > too_old_ms
    lost = status is not None and status.state in (LinkState.LOST, LinkState.MISCONFIGURED)
    known = bool(np.isfinite(value))
    return _Reading(
        value if known and not (stale or lost) else None,
        value if known else None,
        snapshot.read_at_ms,
    )


def _part(
    part_id: str,
    name: str,
    role: Role,
    meters: Sequence[Meter],
    readings: Mapping[str, _Reading],
    usual: Usual | None = None,
) -> PowerPart:
    found = [readings[m.meter_id] for m in meters]
    lost = tuple(m.name for m, r in zip(meters, found, strict=True) if r.power_w is None)
    only = found[0] if len(found) == 1 and lost else _Reading(None, None, None)
    return PowerPart(
        part_id,
        name,
        role,
        tuple(m.meter_id for m in meters),
        _sum(r.power_w for r in found),
        usual,
        lost,
        only.last_w,
        only.at_ms,
    )


def _sum(values: Iterable[float | None]) -> float | None:
    """None as soon as one part is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total
