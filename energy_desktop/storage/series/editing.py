"""Corrections of intervals: done in one transaction each, and taken back as a whole.

An edit is its record, the old values put aside and the new ones in force (versions.py). The number
of the edit says of each value which correction made it, so undoing knows what it may touch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from energy_desktop.domain.editing import (
    Edit,
    EditMethod,
    IntervalVersion,
    LedgerGap,
    ThreeSeries,
)
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.repositories import orm
from energy_desktop.storage.repositories.mapping import columns_of, to_domain
from energy_desktop.storage.series import gaps, steps, three, versions
from energy_desktop.storage.series.names import Names
from energy_desktop.storage.series.reshowing import reshow
from energy_desktop.storage.series.versions import Interval, Of, Row, Value
from energy_desktop.storage.tables.happened import EditRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Int8s = NDArray[np.int8]

_NEW = (
    "INSERT INTO intervals (meter_key, register_key, step_s, start_ms, energy_wh, quality, method,"
    " edit_id, version, opening_wh, closing_wh, segment)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, NULL, NULL, 0)"
)
_ABSENT = "none"


class LedgerEditor:
    """Implements the editing part of domain.ports.LedgerEditing."""

    def __init__(self, database: Database, names: Names) -> None:
        self._database = database
        self._names = names

    # --- looking --------------------------------------------------------------------------------

    def edits(self, meter_id: str, start_ms: int, end_ms: int) -> tuple[Edit, ...]:
        """Corrections whose span meets [start_ms, end_ms), oldest first."""
        query = (
            select(EditRow)
            .where(EditRow.meter_id == meter_id)
            .where(EditRow.start_ms < end_ms)
            .where(EditRow.end_ms > start_ms)
            .order_by(EditRow.edit_id)
        )
        with orm.reading(self._database) as session:
            return tuple(to_domain(Edit, row) for row in session.scalars(query))

    def versions(
        self, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[IntervalVersion, ...]:
        """Every value that each interval had, by time and version."""
        found: list[IntervalVersion] = []
        with self._database.reading() as session:
            keys = self._names.keys(session, meter_id, register)
            kept = steps.kept(session, keys)
            for run in steps.runs(session, keys, kept, start_ms, end_ms):
                assert keys is not None, "where there are runs there is a register"
                span = ((*keys, run.step_s), run.start_ms, run.end_ms)
                found += [IntervalVersion(*row) for row in versions.former(session, *span)]
                found += [IntervalVersion(*row, None) for row in versions.in_force(session, *span)]
        return tuple(sorted(found, key=lambda v: (v.start_ms, v.version)))

    def three(self, meter_id: str, register: str, start_ms: int, end_ms: int) -> ThreeSeries:
        """What the register gave, what of it is believed, and what stands in for the rest."""
        with self._database.reading() as session:
            keys = self._names.keys(session, meter_id, register)
            return three.told(session, keys, meter_id, register, start_ms, end_ms)

    def gaps(
        self, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[LedgerGap, ...]:
        """Runs of intervals that were not measured: gaps.py."""
        return gaps.find(self._database, self._names, meter_id, register, start_ms, end_ms)

    # --- changing -------------------------------------------------------------------------------

    def apply_edit(self, edit: Edit, start_ms: Int64s, energy_wh: Int64s, quality: Int8s) -> Edit:
        """Puts new values in force: start_ms, energy_wh, quality (n,), inside the edit's span.

        Returns the edit with its number, count and sums. Raises WrongUse, and nothing changed.
        """
        starts = start_ms.tolist()
        _check_span(edit, starts)
        meter_key = self._names.ensure_meter(edit.meter_id)
        register_key = self._names.ensure_quantity(edit.register).key
        of = (meter_key, register_key, edit.step_s)
        with self._database.writing() as session:
            rows = versions.in_force(session, of, edit.start_ms, edit.end_ms)
            there = {row[0]: row[2] for row in rows}
            made = replace(
                edit,
                edit_id=0,
                intervals=len(starts),
                before_wh=_known_sum(there.get(start) for start in starts),
                after_wh=int(energy_wh.sum()),
            )
            edit_id = self._record(session, made)
            columns = (starts, energy_wh.tolist(), quality.tolist())
            values: dict[Interval, Value] = {
                (*of, start): (energy, kind, edit.method.value, edit_id)
                for start, energy, kind in zip(*columns, strict=True)
            }
            better = {at: value for at, value in values.items() if at[3] in there}
            new = [(*at, *value) for at, value in values.items() if at[3] not in there]
            versions.supersede(session, edit.at_ms, better)
            session.many(_NEW, new)
            reshow(session, of, edit.start_ms, edit.end_ms)
        return replace(made, edit_id=edit_id)

    def undo(self, edit_id: int, by: str, reason: str, at_ms: int) -> Edit:
        """Puts the values back in force that the edit replaced.

        Raises NotFound, and WrongUse when it was undone before or a later edit stands on it.
        """
        with self._database.writing() as session:
            edit = self._edit(session, edit_id)
            of = self._of(session, edit)
            rows = versions.in_force(session, of, edit.start_ms, edit.end_ms)
            mine = [row for row in rows if row[5] == edit_id]
            if len(mine) != edit.intervals:
                raise _built_upon(edit_id, rows)
            former = versions.former(session, of, edit.start_ms, edit.end_ms)
            restored: dict[Interval, Value] = {
                (*of, row[0]): _before(row[0], edit_id, former, row[1]) for row in mine
            }
            undoing = replace(
                edit,
                edit_id=0,
                method=EditMethod.UNDO,
                reason=reason,
                by=by,
                at_ms=at_ms,
                parameters=f"undoes correction {edit_id}",
                before_wh=edit.after_wh,
                after_wh=_known_sum(value[0] for value in restored.values()),
            )
            undo_id = self._record(session, undoing)
            versions.supersede(session, at_ms, restored)
            session.run("UPDATE edits SET undone_by = ? WHERE edit_id = ?", (undo_id, edit_id))
            reshow(session, of, edit.start_ms, edit.end_ms)
        return replace(undoing, edit_id=undo_id)

    # --- parts ----------------------------------------------------------------------------------

    def _of(self, session: Session, edit: Edit) -> Of:
        keys = self._names.keys(session, edit.meter_id, edit.register)
        assert keys is not None, "an edit has its intervals"
        return (*keys, edit.step_s)

    def _edit(self, session: Session, edit_id: int) -> Edit:
        row = session.connection.execute(select(EditRow).where(EditRow.edit_id == edit_id)).first()
        if row is None:
            raise NotFound(
                where=f"Correction {edit_id}",
                what="there is no such correction.",
                remedy="See the list of corrections of the meter.",
            )
        edit = to_domain(Edit, row)
        if edit.undone_by is not None or edit.method is EditMethod.UNDO:
            raise WrongUse(
                where=f"Correction {edit_id}",
                what=f"it was undone by {edit.undone_by}."
                if edit.undone_by is not None
                else "it is itself the undoing of another one.",
                remedy="Correct the span anew.",
            )
        return edit

    def _record(self, session: Session, edit: Edit) -> int:
        values = columns_of(edit)
        del values["edit_id"]
        table: Any = EditRow.__table__
        made = session.connection.execute(
            table.insert().values(**values).returning(table.c.edit_id)
        )
        return int(made.scalar_one())


def _built_upon(edit_id: int, rows: Sequence[Row]) -> WrongUse:
    """Why the values of an edit cannot be taken back, some of which are no longer in force."""
    later = {row[5] for row in rows if row[5] is not None and row[5] > edit_id}
    if later:
        what, remedy = (
            f"correction {max(later)} was made on top of it.",
            "Undo the later one first.",
        )
    else:
        what, remedy = (
            "its values were replaced by a later import or exchange.",
            "Correct the span anew.",
        )
    return WrongUse(where=f"Correction {edit_id}", what=what, remedy=remedy)


def _before(start: int, edit_id: int, former: Sequence[Any], in_force: int) -> Value:
    """What the edit replaced at `start`."""
    own = [row for row in former if row[0] == start]
    first = min((row[1] for row in own if row[5] == edit_id), default=in_force)
    earlier = [row for row in own if row[1] < first]
    if not earlier:
        return None, int(IntervalQuality.MISSING), _ABSENT, None
    row = max(earlier, key=lambda r: r[1])
    return row[2], row[3], row[4], row[5]


def _known_sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _check_span(edit: Edit, starts: Sequence[int]) -> None:
    step_ms = edit.step_s * 1000
    fits = (
        len(set(starts)) == len(starts) > 0
        and min(starts) >= edit.start_ms
        and max(starts) + step_ms <= edit.end_ms
        and all(start % step_ms == 0 for start in starts)
    )
    if not fits:
        raise WrongUse(
            where=edit.meter_id,
            what="the intervals do not lie in the span of the correction.",
            remedy=f"Choose whole intervals of {edit.step_s} s.",
        )
