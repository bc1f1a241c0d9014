"""The book of a register as rows: its intervals, where it stands, its grid, and what is held back.

Everything is done in the caller's transaction, so that intervals and the state that goes on from
them are there together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.storage.database import Session
from energy_desktop.storage.series.accepting import Incident
from energy_desktop.storage.series.grid import Grid
from energy_desktop.storage.series.intervals import UNKNOWN_WH, Closed
from energy_desktop.storage.series.names import Keys
from energy_desktop.storage.series.register import LedgerState
from energy_desktop.storage.series.versions import OF, Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]

METHOD = "register"

Row = tuple[int, int, int | None, int, str, int | None, int | None, int]
"""step_s, start_ms, energy_wh, quality, method, opening_wh, closing_wh, segment"""

_INSERT = (
    "INSERT INTO intervals (meter_key, register_key, step_s, start_ms, energy_wh, quality, method,"
    " version, opening_wh, closing_wh, segment) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_SHOW = "UPDATE intervals SET opening_wh = ?, closing_wh = ?" + OF + " AND start_ms = ?"
_OF_REGISTER = " WHERE meter_key = ? AND register_key = ?"
_STATE_COLUMNS = (
    "last_ms, last_wh, offset_wh, segment, through_ms, through_wh, through_segment,"
    " through_estimated"
)
_SAVE_STATE = (
    f"INSERT INTO ledger_state (meter_key, register_key, {_STATE_COLUMNS})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (meter_key, register_key) DO UPDATE SET"
    " last_ms = excluded.last_ms, last_wh = excluded.last_wh, offset_wh = excluded.offset_wh,"
    " segment = excluded.segment, through_ms = excluded.through_ms,"
    " through_wh = excluded.through_wh, through_segment = excluded.through_segment,"
    " through_estimated = excluded.through_estimated"
)
QUARANTINE = (
    "INSERT INTO quarantine (meter_id, quantity, read_at_ms, value, reason)"
    " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


def rows_of(closed: Closed) -> list[Row]:
    """Closed intervals as they stand in the table: NULL for what is held back or not known."""
    columns = (
        closed.step_s.tolist(),
        closed.start_ms.tolist(),
        _nullable(closed.energy_wh, closed.quality == IntervalQuality.QUARANTINED),
        closed.quality.tolist(),
        [METHOD] * len(closed.start_ms),
        _nullable(closed.opening_wh, closed.opening_wh == UNKNOWN_WH),
        _nullable(closed.closing_wh, closed.closing_wh == UNKNOWN_WH),
        closed.segment.tolist(),
    )
    return list(zip(*columns, strict=True))


def insert(session: Session, keys: Keys, rows: Iterable[Row]) -> None:
    """An interval that is there already, because a file or a person gave it, stays as it is."""
    session.many(_INSERT, [(*keys, *row) for row in rows])


def show(session: Session, rows: Iterable[tuple[int, int, Interval]]) -> None:
    """rows: what the register showed at the start and the end (opening_wh, closing_wh) of each."""
    session.many(_SHOW, [(opening, closing, *interval) for opening, closing, interval in rows])


def state(session: Session, keys: Keys) -> LedgerState | None:
    row = session.row(f"SELECT {_STATE_COLUMNS} FROM ledger_state" + _OF_REGISTER, keys)
    if row is None:
        return None
    saved = LedgerState(*row)
    return replace(saved, through_estimated=bool(saved.through_estimated))  # 0 or 1 in SQLite


def save_state(session: Session, keys: Keys, state: LedgerState) -> None:
    session.run(_SAVE_STATE, (*keys, *astuple(state)))


def grid(session: Session, keys: Keys) -> Grid:
    """Quarter hours, where the register never had another step."""
    rows = session.rows(
        "SELECT from_ms, step_s FROM ledger_grids" + _OF_REGISTER + " ORDER BY from_ms", keys
    )
    return Grid(tuple((int(row[0]), int(row[1]) * 1000) for row in rows)) if rows else Grid()


def save_grid(session: Session, keys: Keys, grid: Grid) -> None:
    session.run("DELETE FROM ledger_grids" + _OF_REGISTER, keys)
    session.many(
        "INSERT INTO ledger_grids (meter_key, register_key, from_ms, step_s) VALUES (?, ?, ?, ?)",
        [(*keys, from_ms, step_ms // 1000) for from_ms, step_ms in grid.parts],
    )


def hold_back(
    session: Session, meter_id: str, register: str, incidents: Iterable[Incident]
) -> None:
    """Keeps readings that were not taken as they stand, for review."""
    session.many(
        QUARANTINE, [(meter_id, register, i.at_ms, float(i.value_wh), i.reason) for i in incidents]
    )


def _nullable(values: Int64s, absent: NDArray[np.bool_]) -> list[int | None]:
    if not absent.any():
        return list(values.tolist())
    return [
        None if gone else value
        for value, gone in zip(values.tolist(), absent.tolist(), strict=True)
    ]
