"""Exchanges and resets as people told them, and what of the book speaks for or against them.

A reading is believed without a word only up to a multiple of what the meter ever used (doubt.py),
so an exchange that no person stands by carries that limit with it when intervals are closed.
"""

from __future__ import annotations

from collections.abc import Callable

from energy_desktop.domain.energy import DAY_MS
from energy_desktop.storage.database import Session
from energy_desktop.storage.series import steps
from energy_desktop.storage.series.jumps import Jump
from energy_desktop.storage.series.names import Keys
from energy_desktop.storage.series.versions import SPAN

_COMPARED_MS = 40 * DAY_MS  # on both sides of an exchange


def jumps(
    session: Session, meter_id: str, register: str, most_w: Callable[[int], float | None]
) -> tuple[Jump, ...]:
    """Those that were entered with both readings, ascending. most_w: up to which mean power one
    that no person stands by is believed, by its time; None: it is taken as it was told."""
    rows = session.rows(
        "SELECT at_ms, old_end_wh, new_start_wh, confirmed FROM register_events"
        " WHERE meter_id = ? AND register = ? AND old_end_wh IS NOT NULL"
        " AND new_start_wh IS NOT NULL ORDER BY at_ms",
        (meter_id, register),
    )
    return tuple(
        Jump(at_ms, old_end_wh, new_start_wh, None if confirmed else most_w(at_ms))
        for at_ms, old_end_wh, new_start_wh, confirmed in rows
    )


def highest_w(session: Session, keys: Keys | None, at_ms: int) -> float | None:
    """Mean power of the highest interval measured around `at_ms`; None: none was."""
    found: list[float] = []
    for step_s in steps.kept(session, keys):
        assert keys is not None
        beside_ms = 2 * step_s * 1000  # what the exchange itself books must not speak for it
        for first_ms, end_ms in (
            (at_ms - _COMPARED_MS, at_ms - beside_ms),
            (at_ms + beside_ms, at_ms + _COMPARED_MS),
        ):
            row = session.row(
                "SELECT MAX(energy_wh) FROM intervals" + SPAN + " AND quality IN (0, 1)",
                (*keys, step_s, first_ms, end_ms),
            )
            if row is not None and row[0] is not None:
                found.append(int(row[0]) * 3600 / step_s)
    return max(found, default=None)
