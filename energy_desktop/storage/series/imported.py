"""Adds intervals that a file brought: those that are new in one statement for each unbroken run.

A row at a time costs seven times as much, and lets go of the interpreter and takes it back with
each of them, which a window with a progress bar beside it feels. One statement does it all inside
the database: the run travels as one JSON array whose positions are its times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_desktop.domain.energy import IntervalQuality, RegisterShown
from energy_desktop.storage.database import Session
from energy_desktop.storage.series import steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Int8s = NDArray[np.int8]
    Bools = NDArray[np.bool_]

METHOD, OVER_HOLE = "imported", "imported line"
METHODS = (METHOD, OVER_HOLE)
"""How an interval came from a file: told by it, or along a straight line over a hole between two
of its register readings."""
FIRST_SEGMENT = -1_000_000
"""Of registers in files: below those of registers that are read, which have no business with them
and are numbered from 0."""

_COLUMNS = (
    "INSERT INTO intervals (meter_key, register_key, step_s, start_ms, energy_wh, quality, method,"
    " version, opening_wh, closing_wh, segment)"
)
_RUN = (
    _COLUMNS + f" SELECT ?, ?, ?, ? + key * ?, value, ?, '{METHOD}', 1, NULL, NULL, 0"
    " FROM json_each(?) WHERE value IS NOT NULL ON CONFLICT DO NOTHING"
)
_ROW = _COLUMNS + f" VALUES (?, ?, ?, ?, ?, ?, '{METHOD}', 1, NULL, NULL, 0) ON CONFLICT DO NOTHING"
_SHOWN = _COLUMNS + " VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT DO NOTHING"
_SHOWN_AT_ONCE = (
    _COLUMNS
    + " SELECT ?, ?, ?, "
    + ", ".join(f"json_extract(value, '$[{k}]')" for k in range(4))
    + ", 1, "
    + ", ".join(f"json_extract(value, '$[{k}]')" for k in range(4, 7))
    + " FROM json_each(?) WHERE true ON CONFLICT DO NOTHING"
)
_OF = " WHERE meter_key = ? AND register_key = ? AND step_s = ?"
_OF_FILES = " AND segment < 0 AND opening_wh IS NOT NULL"
_SEGMENTS = (
    "SELECT start_ms, opening_wh, closing_wh, segment, step_s FROM intervals" + _OF + _OF_FILES
)
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


def insert_shown(
    session: Session,
    of: tuple[int, int, int],
    starts: Int64s,
    energy_wh: Int64s,
    quality: Int8s,
    shown: RegisterShown,
    *,
    at_once: bool,
) -> None:
    """As `insert`, with what the register of the file showed. Whether it goes on from what was
    imported before and into what was imported later, the readings on both sides tell."""
    if not len(starts):
        return
    segment = _joined(session, of, starts, shown)
    estimated = (quality == IntervalQuality.ESTIMATED).tolist()
    rows = list(
        zip(
            starts.tolist(), energy_wh.tolist(), quality.tolist(),
            [OVER_HOLE if guess else METHOD for guess in estimated],
            shown.opening_wh.tolist(), shown.closing_wh.tolist(), segment.tolist(),
            strict=True,
        )
    )  # fmt: skip
    if at_once:
        session.run(_SHOWN_AT_ONCE, (*of, json.dumps(rows, separators=(",", ":"))))
    else:
        session.many(_SHOWN, [(*of, *row) for row in rows])


def _joined(
    session: Session, of: tuple[int, int, int], starts: Int64s, shown: RegisterShown
) -> Int64s:
    """Segments (n,) of the new intervals among those there; later ones move up to make room."""
    first_ms, last_ms = int(starts[0]), int(starts[-1])
    kept = steps.kept(session, of[:2])
    before = _nearest(session, of, kept, "< ?", first_ms, "DESC")
    among = [
        row
        for step_s in kept
        for row in session.rows(
            _SEGMENTS + " AND start_ms > ? AND start_ms < ?", (*of[:2], step_s, first_ms, last_ms)
        )
    ]
    after = _nearest(session, of, kept, "> ?", last_ms, "ASC")
    there = np.array([*before, *among, *after], np.int64).reshape(-1, 5)
    new = np.column_stack(
        (starts, shown.opening_wh, shown.closing_wh, shown.segment, np.full(len(starts), of[2]))
    )
    both = np.concatenate((there, new))
    is_new = np.arange(len(both)) >= len(there)
    order = np.argsort(both[:, 0], kind="stable")
    both, is_new = both[order], is_new[order]
    at, opening, closing, told, step_s_of = both.T
    alike = is_new[1:] == is_new[:-1]
    adjoin = np.diff(at) == 1000 * step_s_of[:-1]
    goes_on = np.where(adjoin, opening[1:] == closing[:-1], opening[1:] >= closing[:-1])
    breaks = np.where(alike, told[1:] != told[:-1], ~goes_on)
    first = FIRST_SEGMENT if is_new[0] else int(told[0])
    segment = first + np.concatenate(([0], np.cumsum(breaks)))
    moved = np.flatnonzero(~is_new & (segment != told)).tolist()
    session.many(
        "UPDATE intervals SET segment = ?" + _OF + " AND start_ms = ?",
        [(int(segment[k]), *of[:2], int(step_s_of[k]), int(at[k])) for k in moved],
    )
    up = int(segment[-1] - told[-1])
    if after and up:
        session.many(
            "UPDATE intervals SET segment = segment + ?" + _OF + _OF_FILES + " AND start_ms > ?",
            [(up, *of[:2], step_s, int(at[-1])) for step_s in kept],
        )
    return np.asarray(segment[is_new])


def _nearest(
    session: Session,
    of: tuple[int, int, int],
    kept: Sequence[int],
    than: str,
    at_ms: int,
    order: str,
) -> list[Any]:
    """The row of a file's register next to a time, of whatever step; none or one."""
    found = [
        row
        for step_s in kept
        for row in session.rows(
            f"{_SEGMENTS} AND start_ms {than} ORDER BY start_ms {order} LIMIT 1",
            (*of[:2], step_s, at_ms),
        )
    ]
    return sorted(found, key=lambda row: abs(row[0] - at_ms))[:1]


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
