"""Adds intervals that a file brought: those that are new in one statement for each unbroken run.

A row at a time costs seven times as much, and lets go of the interpreter and takes it back with
each of them, which a window with a progress bar beside it feels. One statement does it all inside
the database: the run travels as one JSON array whose positions are its times.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.storage.database import Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Int8s = NDArray[np.int8]
    Bools = NDArray[np.bool_]

METHOD = "imported"

_COLUMNS = (
    "INSERT INTO intervals (meter_key, register_key, step_s, start_ms, energy_wh, quality, method,"
    " version, opening_wh, closing_wh, segment)"
)
_RUN = (
    _COLUMNS + f" SELECT ?, ?, ?, ? + key * ?, value, ?, '{METHOD}', 1, NULL, NULL, 0"
    " FROM json_each(?) WHERE value IS NOT NULL ON CONFLICT DO NOTHING"
)
_ROW = _COLUMNS + f" VALUES (?, ?, ?, ?, ?, ?, '{METHOD}', 1, NULL, NULL, 0) ON CONFLICT DO NOTHING"
_LEAST_FULL = 0.25  # of a run's positions: below it single rows cost less


def there(session: Session, of: tuple[int, int, int], starts: Int64s) -> tuple[Int64s, Int64s]:
    """Starts (m,) ascending and energies (m,) that are stored between the first and the last of
    `starts`; an interval without energy has the least number there is."""
    rows = session.rows(
        "SELECT start_ms, energy_wh FROM intervals WHERE meter_key = ? AND register_key = ?"
        " AND step_s = ? AND start_ms >= ? AND start_ms <= ? ORDER BY start_ms",
        (*of, int(starts[0]), int(starts[-1])),
    )
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    none = np.iinfo(np.int64).min
    energies = [none if energy is None else energy for _, energy in rows]
    return np.array([row[0] for row in rows], np.int64), np.array(energies, np.int64)


def insert(
    session: Session,
    of: tuple[int, int, int],
    starts: Int64s,
    energy_wh: Int64s,
    quality: Int8s,
    *,
    as_runs: bool,
) -> None:
    """starts, energy_wh, quality (n,): ascending, none of them stored yet. as_runs: the database
    knows json_each (SQLite)."""
    for kind in np.unique(quality).tolist():
        of_kind = quality == kind
        at, wh = starts[of_kind], energy_wh[of_kind]
        step_ms = of[2] * 1000
        for begin, end in _runs(at, step_ms):
            run_at, run_wh = at[begin:end], wh[begin:end]
            position = (run_at - run_at[0]) // step_ms
            full = len(run_at) / (int(position[-1]) + 1)
            if as_runs and full >= _LEAST_FULL and not bool((run_at % step_ms).any()):
                text = _json(position, run_wh)
                session.run(_RUN, (*of, int(run_at[0]), step_ms, kind, text))
            else:
                rows = zip(run_at.tolist(), run_wh.tolist(), strict=True)
                session.many(_ROW, [(*of, start, energy, kind) for start, energy in rows])


def _runs(at: Int64s, step_ms: int) -> list[tuple[int, int]]:
    """Begin and end of the stretches without a hole longer than themselves might be."""
    breaks = np.flatnonzero(np.diff(at) > 1000 * step_ms) + 1
    edges = [0, *breaks.tolist(), len(at)]
    return list(pairwise(edges)) if len(at) else []


def _json(position: Int64s, energy_wh: Int64s) -> str:
    """An array with each energy at its position, null where there is none."""
    count = int(position[-1]) + 1
    if count == len(position):
        return json.dumps(energy_wh.tolist(), separators=(",", ":"))
    spread: list[int | None] = [None] * count
    for at, energy in zip(position.tolist(), energy_wh.tolist(), strict=True):
        spread[at] = energy
    return json.dumps(spread, separators=(",", ":"))
