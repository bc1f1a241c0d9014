"""The values that an interval has and had: nothing is overwritten, everything can be taken back.

The table `intervals` holds the value in force, `interval_versions` every value before it. Whoever
knows better, be it a person, a file, an exchange or a reading that came late, puts the old value
aside and a new one in force, in one transaction. `edit_id` says of each value which correction
made it; NULL: as it was booked or imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from energy_desktop.domain.editing import EditMethod
from energy_desktop.storage.database import Session

Of = tuple[int, int, int]
"""meter_key, register_key, step_s"""
Interval = tuple[int, int, int, int]
"""meter_key, register_key, step_s, start_ms"""
Value = tuple[int | None, int, str, int | None]
"""energy_wh, quality, method, edit_id"""
Row = tuple[int, int, int | None, int, str, int | None]
"""start_ms, version, energy_wh, quality, method, edit_id"""

OF = " WHERE meter_key = ? AND register_key = ? AND step_s = ?"
SPAN = OF + " AND start_ms >= ? AND start_ms < ?"
_COLUMNS = "start_ms, version, energy_wh, quality, method, edit_id"
_PUT_ASIDE = (
    "INSERT INTO interval_versions (meter_key, register_key, step_s, start_ms, version, energy_wh,"
    " quality, method, edit_id, replaced_at_ms) SELECT meter_key, register_key, step_s, start_ms,"
    " version, energy_wh, quality, method, edit_id, ? FROM intervals" + OF + " AND start_ms = ?"
)
_PUT_IN_FORCE = (
    "UPDATE intervals SET energy_wh = ?, quality = ?, method = ?, edit_id = ?,"
    " version = version + 1" + OF + " AND start_ms = ?"
)


def supersede(session: Session, at_ms: int, values: Mapping[Interval, Value]) -> None:
    """Puts these values in force at the time `at_ms`, and what stood there aside."""
    session.many(_PUT_ASIDE, [(at_ms, *interval) for interval in values])
    session.many(_PUT_IN_FORCE, [(*value, *interval) for interval, value in values.items()])


def in_force(session: Session, of: Of, start_ms: int, end_ms: int) -> list[Row]:
    rows: list[Any] = session.rows(
        f"SELECT {_COLUMNS} FROM intervals" + SPAN + " ORDER BY start_ms", (*of, start_ms, end_ms)
    )
    return rows


def former(session: Session, of: Of, start_ms: int, end_ms: int) -> list[Any]:
    """Values no longer in force, with when they were replaced, by time and version."""
    return session.rows(
        f"SELECT {_COLUMNS}, replaced_at_ms FROM interval_versions"
        + SPAN
        + " ORDER BY start_ms, version",
        (*of, start_ms, end_ms),
    )


def from_files(session: Session, meter_id: str, register: str) -> set[int]:
    """Numbers of the corrections that stand and brought what a file says was measured."""
    found = session.rows(
        "SELECT edit_id FROM edits WHERE meter_id = ? AND register = ? AND method = ?"
        " AND undone_by IS NULL",
        (meter_id, register, EditMethod.IMPORT.value),
    )
    return {int(row[0]) for row in found}
