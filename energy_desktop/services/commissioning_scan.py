"""A scan: probing is the only discovery that Modbus has, so it is done gently.

One request at a time and a pause after each; a line that cannot be opened is left at once; whoever
answers, if only to refuse, is a device.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from energy_desktop.domain.commissioning import DeviceIdentity, DriverFit, ScanHit, ScanPlan
from energy_desktop.domain.errors import MeterUnreachable, UserFacingError, WrongUse
from energy_desktop.domain.link_kinds import MODBUS, kind_info
from energy_desktop.domain.ports import BusAccess, ProgressSink
from energy_desktop.domain.site import Link
from energy_desktop.services.commissioning_reads import answered

Look = Callable[[Link, int], tuple[DeviceIdentity | None, tuple[DriverFit, ...]]]
"""Asks a unit that answered who it is, and which driver fits."""


def scan_lines(
    bus: BusAccess,
    plan: ScanPlan,
    look: Look,
    pause: Callable[[float], None],
    progress: ProgressSink,
    on_hit: Callable[[ScanHit], object] | None,
) -> tuple[ScanHit, ...]:
    """Asks each unit of each link once. progress may raise JobCancelled between two probes.

    Raises WrongUse for a plan that is none, MeterUnreachable when no link could be opened.
    """
    _check_plan(plan)
    hits: list[ScanHit] = []
    unopened: list[UserFacingError] = []
    started_s, done = time.monotonic(), 0
    for number, link in enumerate(plan.links):
        for unit_id in plan.unit_ids:
            spent_s = time.monotonic() - started_s
            progress(done / plan.probes, _doing(plan, link, unit_id, hits, done, spent_s))
            done += 1
            try:
                hit = _probe(bus, link, unit_id, plan, look)
            except _NotOpened as failure:
                unopened.append(failure.error)
                done = (number + 1) * len(plan.unit_ids)
                break
            if hit is not None:
                hits.append(hit)
                if on_hit is not None:
                    on_hit(hit)
            pause(plan.pause_s)
    if len(unopened) == len(plan.links):
        raise unopened[0]
    return tuple(hits)


class _NotOpened(Exception):
    """The line itself cannot be had: no unit of it is worth asking."""

    def __init__(self, error: UserFacingError) -> None:
        super().__init__(str(error))
        self.error = error


def _probe(bus: BusAccess, link: Link, unit_id: int, plan: ScanPlan, look: Look) -> ScanHit | None:
    # No rest beyond the pause between two probes: who answers late is known by his unit number.
    quick = replace(link, timeout_s=plan.timeout_s, guard_s=min(link.guard_s, plan.pause_s))
    began_s = time.monotonic()
    try:
        answer = answered(bus, quick, unit_id, plan.timeout_s)
    except MeterUnreachable as error:
        if is_unopened(error):
            raise _NotOpened(error) from None
        return None
    trip_ms = (time.monotonic() - began_s) * 1000.0
    identity, fits = look(quick, unit_id)
    return ScanHit(link, unit_id, answer, trip_ms, identity, fits)


def link_is_modbus(link: Link) -> bool:
    return kind_info(link).protocol == MODBUS


def is_unopened(error: UserFacingError) -> bool:
    """The port speaks of a line that cannot be opened in these words alone."""
    return "no connection" in error.what


def _check_plan(plan: ScanPlan) -> None:
    if not plan.links or not plan.unit_ids:
        raise WrongUse(
            where="Scan", what="Nothing is to be probed.", remedy="Name a line and unit numbers."
        )
    if not all(0 <= unit <= 247 for unit in plan.unit_ids):
        raise WrongUse(
            where="Scan",
            what="Unit numbers are 1 to 247 (0 for a device behind TCP alone).",
            remedy="Name units in that range.",
        )
    strange = [link for link in plan.links if not link_is_modbus(link)]
    if strange:
        raise WrongUse(
            where=f"Scan of {strange[0].address}",
            what=f"{kind_info(strange[0]).label} knows no units that could be probed.",
            remedy="Scan Modbus lines and addresses only.",
        )


def _doing(
    plan: ScanPlan, link: Link, unit_id: int, hits: Sequence[ScanHit], done: int, spent_s: float
) -> str:
    """`COM4 9600 8N1, unit 12: 3 found, about 2 min left`."""
    each_s = spent_s / done if done else plan.timeout_s + plan.pause_s
    left_s = each_s * (plan.probes - done)
    left = f"{left_s:.0f} s" if left_s < 90 else f"{left_s / 60:.0f} min"
    return f"{link.address}, unit {unit_id}: {len(hits)} found, about {left} left"
