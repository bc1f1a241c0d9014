"""Runs of intervals that were not measured: with their cause, and what was done about them.

A gap is what nobody measured, not what nobody knows: an estimate or a correction stands in for it,
and it stays in the list. A measured value that a person replaced is a correction, no gap: nothing
was lost there. Nor is what lies before the first interval that the meter or a file gave and after
the last one, whatever a person enters there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import or_, select

from energy_desktop.domain.editing import EditMethod, LedgerGap
from energy_desktop.domain.energy import GapCause, IntervalQuality
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.repositories import orm
from energy_desktop.storage.series import imported, steps, versions
from energy_desktop.storage.series.names import Keys, Names
from energy_desktop.storage.series.versions import OF, SPAN, Of
from energy_desktop.storage.tables.happened import GapRow

_GIVEN = (
    "SELECT start_ms FROM intervals AS i"
    + OF
    + " AND (i.edit_id IS NULL AND i.method <> 'none' OR i.opening_wh IS NOT NULL"
    " OR i.method = 'import' OR EXISTS (SELECT 1 FROM interval_versions AS v"
    " WHERE v.meter_key = i.meter_key AND v.register_key = i.register_key AND v.step_s = i.step_s"
    " AND v.start_ms = i.start_ms AND v.edit_id IS NULL AND v.method <> 'none'))"
    " ORDER BY i.start_ms"
)
_FIRST_GIVEN, _LAST_GIVEN = f"{_GIVEN} LIMIT 1", f"{_GIVEN} DESC LIMIT 1"
_MEASURED = (int(IntervalQuality.RAW), int(IntervalQuality.VALIDATED))


@dataclass(frozen=True, slots=True)
class _Stored:
    """An interval as it stands in the table."""

    start_ms: int
    energy_wh: int | None
    quality: int
    method: str
    opening_wh: int | None
    closing_wh: int | None
    segment: int


@dataclass(frozen=True, slots=True)
class _Stretch:
    """[first_ms, end_ms), in which the register has intervals of one length, by their start.
    replaced: starts whose measured value a correction replaced."""

    step_ms: int
    first_ms: int
    end_ms: int
    there: Mapping[int, _Stored]
    replaced: frozenset[int]

    def unmeasured(self) -> Iterator[range]:
        """Runs of starts at which nothing was measured."""
        first_ms = -(-self.first_ms // self.step_ms) * self.step_ms
        starts = (s for s in range(first_ms, self.end_ms, self.step_ms) if not self._measured(s))
        return _runs(starts, self.step_ms)

    def _measured(self, start_ms: int) -> bool:
        row = self.there.get(start_ms)
        return row is not None and (row.quality in _MEASURED or start_ms in self.replaced)


def find(
    database: Database, names: Names, meter_id: str, register: str, start_ms: int, end_ms: int
) -> tuple[LedgerGap, ...]:
    """The gaps of [start_ms, end_ms), with cause, and what was done about them. Why a file has no
    value, nobody knows: communication fails only where the register itself was followed."""
    with database.reading() as session:
        keys = names.keys(session, meter_id, register)
        given = None if keys is None else _given(session, keys)
        if keys is None or given is None:
            return ()
        followed_ms = _followed_since(session, keys)
        files = versions.from_files(session, meter_id, register)
        stretches = [
            _stretch(session, (*keys, run.step_s), run, given, files)
            for run in steps.runs(session, keys, steps.kept(session, keys), start_ms, end_ms)
        ]
    causes = _causes(database, meter_id, start_ms, end_ms)
    # By where they begin and end: across a change of step neighbours differ in length.
    begins = {start: row for s in stretches for start, row in s.there.items()}
    ends = {start + s.step_ms: row for s in stretches for start, row in s.there.items()}
    found: list[LedgerGap] = []
    for stretch in stretches:
        for run in stretch.unmeasured():
            rows = [stretch.there[start] for start in run if start in stretch.there]
            known_wh = _known_between(ends.get(run.start), begins.get(run.stop))
            cause, detail = _cause(run, rows, causes, followed_ms)
            found.append(
                LedgerGap(
                    meter_id,
                    register,
                    run.start,
                    run.stop,
                    len(run),
                    cause,
                    detail,
                    known_wh,
                    _done(rows, run),
                )
            )
    return tuple(found)


def _stretch(
    session: Session, of: Of, run: steps.Run, given: tuple[int, int], files: set[int]
) -> _Stretch:
    span = (*of, run.start_ms, run.end_ms)
    rows = session.rows(
        "SELECT start_ms, energy_wh, quality, method, opening_wh, closing_wh, segment"
        " FROM intervals" + SPAN + " ORDER BY start_ms",
        span,
    )
    return _Stretch(
        of[2] * 1000,
        max(run.start_ms, given[0]),
        min(run.end_ms, given[1]),
        {int(row[0]): _Stored(*row) for row in rows},
        _measured_once(session, span, files),
    )


def _given(session: Session, keys: Keys) -> tuple[int, int] | None:
    """From the first interval that the meter or a file gave to the end of the last one."""
    first, last = [], []
    for step_s in steps.kept(session, keys):
        begin = session.row(_FIRST_GIVEN, (*keys, step_s))
        end = session.row(_LAST_GIVEN, (*keys, step_s))
        if begin is not None and end is not None:
            first.append(int(begin[0]))
            last.append(int(end[0]) + step_s * 1000)
    return (min(first), max(last)) if first else None


def _followed_since(session: Session, keys: Keys) -> int | None:
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
                + OF
                + " AND (opening_wh IS NOT NULL AND segment >= 0"
                " OR method = 'register') ORDER BY start_ms LIMIT 1",
                (*keys, step_s),
            )
        )
    ]
    return int(min(first)) if first else None


def _measured_once(
    session: Session, span: tuple[int, int, int, int, int], files: set[int]
) -> frozenset[int]:
    """Starts whose booked value, now replaced by a correction, was measured."""
    booked = {
        int(start): quality
        for start, quality, edit_id in session.rows(
            "SELECT start_ms, quality, edit_id FROM interval_versions" + SPAN + " ORDER BY version",
            span,
        )
        if edit_id is None or edit_id in files
    }
    return frozenset(start for start, quality in booked.items() if quality in _MEASURED)


def _causes(database: Database, meter_id: str, start_ms: int, end_ms: int) -> list[GapRow]:
    query = (
        select(GapRow)
        .where(GapRow.meter_id == meter_id)
        .where(GapRow.start_ms < end_ms)
        .where(or_(GapRow.end_ms.is_(None), GapRow.end_ms > start_ms))
        .order_by(GapRow.start_ms)
    )
    with orm.reading(database) as session:
        return list(session.scalars(query))


def _cause(
    run: range, rows: Iterable[_Stored], causes: Iterable[GapRow], followed_ms: int | None
) -> tuple[GapCause, str]:
    """Cause and detail: what was held back needs no other reason, what was heard counts before
    what is supposed."""
    if any(row.quality == IntervalQuality.QUARANTINED for row in rows):
        return GapCause.QUARANTINED, ""
    for told in causes:
        if told.start_ms < run.stop and (told.end_ms or run.stop) > run.start:
            return told.cause, told.detail
    if followed_ms is None or run.start < followed_ms:
        return GapCause.UNKNOWN, "no file has it"
    return GapCause.COMMUNICATION, ""


def _known_between(before: _Stored | None, after: _Stored | None) -> int | None:
    """What the register counted between two intervals; None: it does not say."""
    if before is None or after is None or before.segment != after.segment:
        return None
    if before.closing_wh is None or after.opening_wh is None:
        return None
    return after.opening_wh - before.closing_wh


def _runs(starts: Iterable[int], step_ms: int) -> Iterator[range]:
    """Ascending starts as runs of neighbours."""
    numbered = enumerate(starts)
    for _, group in groupby(numbered, key=lambda pair: pair[1] - pair[0] * step_ms):
        members = [start for _, start in group]
        yield range(members[0], members[-1] + step_ms, step_ms)


def _done(rows: Sequence[_Stored], run: range) -> str:
    """What stands in for the missing values, in words."""
    filled = [row for row in rows if row.energy_wh is not None]
    if not filled:
        return ""
    methods = ", ".join(dict.fromkeys(_WORDS.get(row.method, row.method) for row in filled))
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
