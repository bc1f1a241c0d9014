"""Corrections of intervals: nothing is overwritten, everything can be taken back.

The table `intervals` holds the value in force, `interval_versions` every value before it. An edit
is one transaction: its record, the old values put aside, the new ones. `edit_id` says of each
value which correction made it, so that undoing knows what it may touch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import or_, select

from energy_desktop.domain.editing import (
    Edit,
    EditMethod,
    IntervalVersion,
    LedgerGap,
    ThreeSeries,
)
from energy_desktop.domain.energy import GapCause, IntervalQuality
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.repositories import orm
from energy_desktop.storage.repositories.mapping import columns_of, to_domain
from energy_desktop.storage.series import imported, steps
from energy_desktop.storage.series.names import Names
from energy_desktop.storage.series.reshowing import reshow
from energy_desktop.storage.series.three import Three
from energy_desktop.storage.tables.happened import EditRow, GapRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Int8s = NDArray[np.int8]

_OF = " WHERE meter_key = ? AND register_key = ? AND step_s = ?"
_SPAN = _OF + " AND start_ms >= ? AND start_ms < ?"
_PUT_ASIDE = (
    "INSERT INTO interval_versions (meter_key, register_key, step_s, start_ms, version, energy_wh,"
    " quality, method, edit_id, replaced_at_ms) SELECT meter_key, register_key, step_s, start_ms,"
    " version, energy_wh, quality, method, edit_id, ? FROM intervals" + _OF + " AND start_ms = ?"
)
_PUT_IN_FORCE = (
    "UPDATE intervals SET energy_wh = ?, quality = ?, method = ?, edit_id = ?,"
    " version = version + 1" + _OF + " AND start_ms = ?"
)
_NEW = (
    "INSERT INTO intervals (meter_key, register_key, step_s, start_ms, energy_wh, quality, method,"
    " edit_id, version, opening_wh, closing_wh, segment)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, NULL, NULL, 0)"
)
_ABSENT = "none"
_GIVEN = (
    "SELECT start_ms FROM intervals AS i"
    + _OF
    + " AND (i.edit_id IS NULL AND i.method <> 'none' OR i.opening_wh IS NOT NULL"
    " OR i.method = 'import' OR EXISTS (SELECT 1 FROM interval_versions AS v"
    " WHERE v.meter_key = i.meter_key AND v.register_key = i.register_key AND v.step_s = i.step_s"
    " AND v.start_ms = i.start_ms AND v.edit_id IS NULL AND v.method <> 'none'))"
    " ORDER BY i.start_ms"
)
_FIRST_GIVEN, _LAST_GIVEN = f"{_GIVEN} LIMIT 1", f"{_GIVEN} DESC LIMIT 1"
_MEASURED = (int(IntervalQuality.RAW), int(IntervalQuality.VALIDATED))

# start_ms, version, energy_wh, quality, method, edit_id
_Row = tuple[int, int, int | None, int, str, int | None]


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
            for of, first, last in self._parts(session, meter_id, register, start_ms, end_ms):
                found += [IntervalVersion(*r) for r in self._former(session, of, first, last)]
                found += [IntervalVersion(*r, None) for r in self._rows(session, of, first, last)]
        return tuple(sorted(found, key=lambda v: (v.start_ms, v.version)))

    def three(self, meter_id: str, register: str, start_ms: int, end_ms: int) -> ThreeSeries:
        """What the register gave, what of it is believed, and what stands in for the rest."""
        with self._database.reading() as session:
            parts = self._parts(session, meter_id, register, start_ms, end_ms)
            files = self._from_files(session, meter_id, register)
            told = [
                (
                    of[2],
                    self._rows(session, of, first, last),
                    self._former(session, of, first, last),
                )
                for of, first, last in parts
            ]
        step_s = math.lcm(*(own_s for own_s, _, _ in told)) if told else 900
        made = Three.empty(step_s, start_ms, end_ms)
        count = len(made.starts)
        first_ms = int(made.starts[0]) if count else 0
        for own_s, now, former in told:
            own = Three.empty(own_s, first_ms, first_ms + count * step_s * 1000)
            own.take(now, former, files)
            made.add(own)
        return ThreeSeries(
            meter_id,
            register,
            step_s,
            made.starts,
            made.raw,
            made.validated,
            made.estimated,
            made.quality,
            ("",) * count,
        )

    def gaps(
        self, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[LedgerGap, ...]:
        """Runs of intervals that were not measured, with cause, and what was done about them.

        A measured value that a person replaced is a correction, no gap: nothing was lost there.
        What lies before the first interval that the meter or a file gave and after the last one is
        no gap, nor does it become one when a person enters something there. Why a file has
        no value, nobody knows: communication fails only where the register itself was followed.
        """
        with self._database.reading() as session:
            parts = self._parts(session, meter_id, register, start_ms, end_ms)
            given = self._given(session, meter_id, register)
            if not parts or given is None:
                return ()
            files = self._from_files(session, meter_id, register)
            followed_ms = _followed_since(session, parts[0][0][:2])
            read = [
                (
                    of[2] * 1000,
                    max(first, given[0]),
                    min(last, given[1]),
                    self._measured_once(session, of, first, last, files),
                    {
                        int(row[0]): row
                        for row in session.rows(
                            "SELECT start_ms, energy_wh, quality, method, opening_wh, closing_wh,"
                            " segment FROM intervals" + _SPAN + " ORDER BY start_ms",
                            (*of, first, last),
                        )
                    },
                )
                for of, first, last in parts
            ]
        causes = self._causes(meter_id, start_ms, end_ms)
        # By where they begin and end: across a change of step neighbours differ in length.
        begins = {start: row for _, _, _, _, there in read for start, row in there.items()}
        ends = {
            start + step_ms: row for step_ms, _, _, _, there in read for start, row in there.items()
        }
        found: list[LedgerGap] = []
        for step_ms, first, last, replaced, there in read:
            doubtful = (
                start
                for start in range(-(-first // step_ms) * step_ms, last, step_ms)
                if start not in there
                or (there[start][2] not in _MEASURED and start not in replaced)
            )
            for run in _runs(doubtful, step_ms):
                rows = [there[start] for start in run if start in there]
                known = _known_between(ends.get(run.start), begins.get(run.stop))
                found.append(self._gap(meter_id, register, run, rows, known, causes, followed_ms))
        return tuple(found)

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
        values = dict(
            zip(starts, zip(energy_wh.tolist(), quality.tolist(), strict=True), strict=True)
        )
        with self._database.writing() as session:
            there = {row[0]: row for row in self._rows(session, of, edit.start_ms, edit.end_ms)}
            made = replace(
                edit,
                edit_id=0,
                intervals=len(starts),
                before_wh=_known_sum(there[s][2] if s in there else None for s in starts),
                after_wh=int(energy_wh.sum()),
            )
            edit_id = self._record(session, made)
            known = [s for s in starts if s in there]
            session.many(_PUT_ASIDE, [(edit.at_ms, *of, s) for s in known])
            method = edit.method.value
            session.many(_PUT_IN_FORCE, [(*values[s], method, edit_id, *of, s) for s in known])
            session.many(
                _NEW,
                [(*of, s, *values[s], method, edit_id) for s in starts if s not in there],
            )
            reshow(session, of, edit.start_ms, edit.end_ms)
        return replace(made, edit_id=edit_id)

    def undo(self, edit_id: int, by: str, reason: str, at_ms: int) -> Edit:
        """Puts the values back in force that the edit replaced.

        Raises NotFound, and WrongUse when it was undone before or a later edit stands on it.
        """
        with self._database.writing() as session:
            edit = self._edit(session, edit_id)
            of = self._keys(session, edit)
            rows = self._rows(session, of, edit.start_ms, edit.end_ms)
            later = {row[5] for row in rows if row[5] is not None and row[5] > edit_id}
            mine = [row for row in rows if row[5] == edit_id]
            if len(mine) != edit.intervals:
                raise WrongUse(
                    where=f"Correction {edit_id}",
                    what=f"correction {max(later)} was made on top of it."
                    if later
                    else "its values were replaced by a later import or exchange.",
                    remedy="Undo the later one first." if later else "Correct the span anew.",
                )
            former = self._former(session, of, edit.start_ms, edit.end_ms)
            restored = {row[0]: _before(row[0], edit_id, former, row[1]) for row in mine}
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
            session.many(_PUT_ASIDE, [(at_ms, *of, start) for start in restored])
            session.many(_PUT_IN_FORCE, [(*value, *of, s) for s, value in restored.items()])
            session.run("UPDATE edits SET undone_by = ? WHERE edit_id = ?", (undo_id, edit_id))
            reshow(session, of, edit.start_ms, edit.end_ms)
        return replace(undoing, edit_id=undo_id)

    # --- parts ----------------------------------------------------------------------------------

    def _parts(
        self, session: Session, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[tuple[tuple[int, int, int], int, int], ...]:
        """Keys and step of the register with the stretch [start, end) that has this step."""
        meter_key = self._names.meter(session, meter_id)
        quantity = self._names.quantity(session, register)
        if meter_key is None or quantity is None:
            return ()
        keys = (meter_key, quantity.key)
        runs = steps.runs(session, keys, steps.kept(session, keys), start_ms, end_ms)
        return tuple(((*keys, run.step_s), run.start_ms, run.end_ms) for run in runs)

    def _given(self, session: Session, meter_id: str, register: str) -> tuple[int, int] | None:
        """From the first interval that the meter or a file gave to the end of the last one."""
        meter_key = self._names.meter(session, meter_id)
        quantity = self._names.quantity(session, register)
        if meter_key is None or quantity is None:
            return None
        keys = (meter_key, quantity.key)
        first, last = [], []
        for step_s in steps.kept(session, keys):
            begin = session.row(_FIRST_GIVEN, (*keys, step_s))
            end = session.row(_LAST_GIVEN, (*keys, step_s))
            if begin is not None and end is not None:
                first.append(int(begin[0]))
                last.append(int(end[0]) + step_s * 1000)
        return (min(first), max(last)) if first else None

    def _keys(self, session: Session, edit: Edit) -> tuple[int, int, int]:
        meter_key = self._names.meter(session, edit.meter_id)
        quantity = self._names.quantity(session, edit.register)
        assert meter_key is not None and quantity is not None, "an edit has its intervals"
        return meter_key, quantity.key, edit.step_s

    def _rows(
        self, session: Session, of: tuple[int, int, int], start_ms: int, end_ms: int
    ) -> list[_Row]:
        rows: list[Any] = session.rows(
            "SELECT start_ms, version, energy_wh, quality, method, edit_id FROM intervals"
            + _SPAN
            + " ORDER BY start_ms",
            (*of, start_ms, end_ms),
        )
        return rows

    def _former(
        self, session: Session, of: tuple[int, int, int], start_ms: int, end_ms: int
    ) -> list[Any]:
        """Values no longer in force, with when they were replaced, by time and version."""
        return session.rows(
            "SELECT start_ms, version, energy_wh, quality, method, edit_id, replaced_at_ms"
            " FROM interval_versions" + _SPAN + " ORDER BY start_ms, version",
            (*of, start_ms, end_ms),
        )

    def _measured_once(
        self,
        session: Session,
        of: tuple[int, int, int],
        start_ms: int,
        end_ms: int,
        files: set[int],
    ) -> set[int]:
        """Starts whose booked value, now replaced by a correction, was measured."""
        booked = {
            int(start): quality
            for start, quality, edit_id in session.rows(
                "SELECT start_ms, quality, edit_id FROM interval_versions"
                + _SPAN
                + " ORDER BY version",
                (*of, start_ms, end_ms),
            )
            if edit_id is None or edit_id in files
        }
        return {start for start, quality in booked.items() if quality in _MEASURED}

    def _from_files(self, session: Session, meter_id: str, register: str) -> set[int]:
        """Numbers of the corrections that stand and brought what a file says was measured."""
        found = session.rows(
            "SELECT edit_id FROM edits WHERE meter_id = ? AND register = ? AND method = ?"
            " AND undone_by IS NULL",
            (meter_id, register, EditMethod.IMPORT.value),
        )
        return {int(row[0]) for row in found}

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

    def _causes(self, meter_id: str, start_ms: int, end_ms: int) -> list[GapRow]:
        query = (
            select(GapRow)
            .where(GapRow.meter_id == meter_id)
            .where(GapRow.start_ms < end_ms)
            .where(or_(GapRow.end_ms.is_(None), GapRow.end_ms > start_ms))
            .order_by(GapRow.start_ms)
        )
        with orm.reading(self._database) as session:
            return list(session.scalars(query))

    def _gap(
        self,
        meter_id: str,
        register: str,
        run: range,
        rows: Sequence[Any],
        known: int | None,
        causes: Sequence[GapRow],
        followed_ms: int | None,
    ) -> LedgerGap:
        end_ms = run.stop
        heard = [c for c in causes if c.start_ms < end_ms and (c.end_ms or end_ms) > run.start]
        quarantined = any(row[2] == IntervalQuality.QUARANTINED for row in rows)
        cause, detail = GapCause.COMMUNICATION, ""
        if quarantined:
            cause = GapCause.QUARANTINED
        elif followed_ms is None or run.start < followed_ms:
            cause, detail = GapCause.UNKNOWN, "no file has it"
        if heard and not quarantined:
            cause, detail = heard[0].cause, heard[0].detail
        return LedgerGap(
            meter_id, register, run.start, end_ms, len(run), cause, detail, known, _done(rows, run)
        )


def _known_between(before: Any, after: Any) -> int | None:
    """What the register counted between two intervals; None: it does not say."""
    if before is None or after is None or before[6] != after[6]:
        return None
    opening, closing = before[5], after[4]
    return None if opening is None or closing is None else int(closing) - int(opening)


def _followed_since(session: Session, keys: tuple[int, int]) -> int | None:
    """From when on readings of the meter's own register were booked; None: never, all is from
    files."""
    state = session.row("SELECT 1 FROM ledger_state WHERE meter_key = ? AND register_key = ?", keys)
    if state is None:
        return None
    first = [
        row[0]
        for step_s in steps.kept(session, keys)
        if (
            row := session.row(
                "SELECT start_ms FROM intervals"
                + _OF
                + " AND (opening_wh IS NOT NULL AND segment >= 0"
                " OR method = 'register') ORDER BY start_ms LIMIT 1",
                (*keys, step_s),
            )
        )
    ]
    return int(min(first)) if first else None


def _runs(starts: Iterator[int], step_ms: int) -> Iterator[range]:
    """Ascending starts as runs of neighbours."""
    numbered = enumerate(starts)
    for _, group in groupby(numbered, key=lambda pair: pair[1] - pair[0] * step_ms):
        members = [start for _, start in group]
        yield range(members[0], members[-1] + step_ms, step_ms)


def _done(rows: Sequence[Any], run: range) -> str:
    """What stands in for the missing values, in words."""
    filled = [row for row in rows if row[1] is not None]
    if not filled:
        return ""
    methods = ", ".join(dict.fromkeys(_WORDS.get(row[3], row[3]) for row in filled))
    part = "" if len(filled) == len(run) else f" for {len(filled)} of {len(run)} intervals"
    return f"{methods}{part}"


_WORDS = {
    "register": "spread evenly from the register",
    imported.METHOD: "imported",
    imported.OVER_HOLE: "spread evenly from the register in the file",
    EditMethod.IMPORT.value: "imported",
    EditMethod.LINE.value: "straight line between the neighbours",
    EditMethod.LIKE_DAYS.value: "like the same weekday before",
    EditMethod.REGISTER.value: "the register's difference along a shape",
    EditMethod.COPY_DAY.value: "copied from a like day",
    EditMethod.SPREAD.value: "a known total spread",
    EditMethod.SET.value: "set by hand",
    EditMethod.SCALE.value: "scaled by hand",
    EditMethod.EXCHANGE.value: "booked over a meter exchange",
}


def _before(
    start: int, edit_id: int, former: Sequence[Any], in_force: int
) -> tuple[int | None, int, str, int | None]:
    """energy, quality, method and edit of what the edit replaced at `start`."""
    own = [row for row in former if row[0] == start]
    first = min((row[1] for row in own if row[5] == edit_id), default=in_force)
    earlier = [row for row in own if row[1] < first]
    if not earlier:
        return None, int(IntervalQuality.MISSING), _ABSENT, None
    row = max(earlier, key=lambda r: r[1])
    return row[2], row[3], row[4], row[5]


def _known_sum(values: Iterator[int | None]) -> int | None:
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
