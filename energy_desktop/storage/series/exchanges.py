"""Exchanges and resets of registers, entered when they happen or long after.

Until a person says what happened, a register that fell splits the book: the interval in which it
fell is quarantined, and what follows is a segment of its own. An event with both readings joins
the two again: old end minus what was booked, plus what the new register counted since its start.

The book is made again only from shortly before the event until it runs as before; what lies after
that keeps its energies and only counts on (the odometer moves by a constant). A value that a person
corrected stays in force. Removing the event does the same the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from energy_desktop.domain.clock import Clock, iso_utc, to_ms
from energy_desktop.domain.editing import RegisterEvent, RegisterEventKind
from energy_desktop.domain.energy import HOUR_MS, IntervalQuality
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.repositories import orm
from energy_desktop.storage.repositories.mapping import columns_of, to_domain
from energy_desktop.storage.series.intervals import (
    LOOK_AHEAD,
    Closed,
    LedgerState,
    RegisterRules,
    close_over_jumps,
)
from energy_desktop.storage.series.ledger import SAVE_STATE, StoredLedger
from energy_desktop.storage.series.reshowing import reshow
from energy_desktop.storage.tables import RegisterEventRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]

METHOD = "exchange"
_FAR_MS = 1 << 42
_REACH_MS = 2 * HOUR_MS  # where a reading before a boundary is looked for
_OF = " WHERE meter_key = ? AND register_key = ? AND step_s = ?"
_RESHOW = (
    "UPDATE intervals SET opening_wh = ?, closing_wh = ?, segment = ?" + _OF + " AND start_ms = ?"
)
_PUT_ASIDE = (
    "INSERT INTO interval_versions (meter_key, register_key, step_s, start_ms, version, energy_wh,"
    " quality, method, edit_id, replaced_at_ms) SELECT meter_key, register_key, step_s, start_ms,"
    " version, energy_wh, quality, method, edit_id, ? FROM intervals" + _OF + " AND start_ms = ?"
)
_REBOOK = (
    "UPDATE intervals SET energy_wh = ?, quality = ?, method = ?, edit_id = NULL,"
    " version = version + 1" + _OF + " AND start_ms = ?"
)
_MOVE_ON = (
    "UPDATE intervals SET opening_wh = opening_wh + ?, closing_wh = closing_wh + ?,"
    " segment = segment + ?" + _OF + " AND start_ms >= ? AND opening_wh IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class _Booked:
    """An interval as it stands in the book."""

    start_ms: int
    energy_wh: int | None
    quality: int
    method: str
    opening_wh: int | None
    closing_wh: int | None
    segment: int
    edit_id: int | None


class RegisterEvents:
    """Implements the exchange part of domain.ports.LedgerEditing."""

    def __init__(self, database: Database, ledger: StoredLedger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    def events(self, meter_id: str) -> tuple[RegisterEvent, ...]:
        query = (
            select(RegisterEventRow)
            .where(RegisterEventRow.meter_id == meter_id)
            .order_by(RegisterEventRow.at_ms, RegisterEventRow.event_id)
        )
        with orm.reading(self._database) as session:
            return tuple(to_domain(RegisterEvent, row) for row in session.scalars(query))

    def add_event(self, event: RegisterEvent) -> RegisterEvent:
        """Keeps the event and books across it.

        Raises WrongUse, and nothing changed: a time to come or taken, readings that do not fit
        the stored ones around it.
        """
        now_ms = to_ms(self._clock())
        self._check(event, now_ms)
        values = columns_of(replace(event, entered_at_ms=event.entered_at_ms or now_ms))
        del values["event_id"]
        with self._database.writing() as session:
            table: Any = RegisterEventRow.__table__
            taken = session.row(
                "SELECT 1 FROM register_events WHERE meter_id = ? AND register = ? AND at_ms = ?",
                (event.meter_id, event.register, event.at_ms),
            )
            if taken is not None:
                raise _refused(event, "there is one at this very time.", "Remove it first.")
            made = session.connection.execute(
                table.insert().values(**values).returning(table.c.event_id)
            )
            event_id = int(made.scalar_one())
            self._rebook(session, event.meter_id, event.register, event.at_ms)
        return replace(event, event_id=event_id, entered_at_ms=values["entered_at_ms"])

    def remove_event(self, event_id: int) -> None:
        """As if it had never been entered. Raises NotFound."""
        with self._database.writing() as session:
            row = session.row(
                "SELECT meter_id, register, at_ms FROM register_events WHERE event_id = ?",
                (event_id,),
            )
            if row is None:
                raise NotFound(
                    where=f"Event {event_id}",
                    what="there is no such exchange or reset.",
                    remedy="See the list of the meter.",
                )
            session.run("DELETE FROM register_events WHERE event_id = ?", (event_id,))
            self._rebook(session, str(row[0]), str(row[1]), int(row[2]))

    # --- what fits ------------------------------------------------------------------------------

    def _check(self, event: RegisterEvent, now_ms: int) -> None:
        """Against the stored readings around it, which are what the event must explain."""
        if event.at_ms > now_ms:
            raise _refused(event, "it lies in the future.", "Enter it when it has happened.")
        both = event.old_end_wh is not None and event.new_start_wh is not None
        if event.kind in (RegisterEventKind.EXCHANGE, RegisterEventKind.RATIO) and not both:
            raise _refused(
                event,
                "it lacks the end reading of the old or the start reading of the new meter.",
                "Enter both; they stand on the exchange protocol.",
            )
        with self._database.reading() as session:
            times, values = self._ledger.readings(
                session, event.meter_id, event.register, event.at_ms - 40 * 24 * HOUR_MS, _FAR_MS
            )
            jumps = self._ledger.jumps(session, event.meter_id, event.register)
        split = int(np.searchsorted(times, event.at_ms, side="right"))
        if event.old_end_wh is not None and split:
            last = int(values[split - 1])
            if last > event.old_end_wh and not self._is_outlier(values[:split]):
                raise _refused(
                    event,
                    f"the old register showed {last} Wh at {iso_utc(int(times[split - 1]))}, "
                    f"more than its end reading of {event.old_end_wh} Wh.",
                    "Check the end reading and the time of the exchange.",
                )
        if event.new_start_wh is not None and split < len(values):
            first = int(values[split])
            if first < event.new_start_wh:
                raise _refused(
                    event,
                    f"the new register showed {first} Wh at {iso_utc(int(times[split]))}, "
                    f"less than its start reading of {event.new_start_wh} Wh.",
                    "Check the start reading and the time of the exchange.",
                )
        if both:
            since = max((j.at_ms for j in jumps if j.at_ms < event.at_ms), default=0)
            until = min((j.at_ms for j in jumps if j.at_ms > event.at_ms), default=_FAR_MS)
            here = (times > since) & (times <= until)
            fell = _fell_elsewhere(event, times[here], values[here])
            if fell is not None:
                raise _refused(
                    event,
                    "the register went on there; it fell between "
                    f"{iso_utc(fell[0])} and {iso_utc(fell[1])}.",
                    "Enter the exchange for a moment between these two.",
                )

    @staticmethod
    def _is_outlier(values: Int64s) -> bool:
        """Whether the last value is a spike over those before it, which the book leaves out."""
        return len(values) > 2 and int(values[-1]) > 2 * int(values[-2]) >= int(values[-3])

    # --- booking again --------------------------------------------------------------------------

    def _rebook(self, session: Session, meter_id: str, register: str, at_ms: int) -> None:
        keys = self._ledger.keys(session, meter_id, register)
        state = self._ledger.state(session, meter_id, register)
        if keys is None or state is None or state.last_ms < at_ms:
            return  # not booked that far: the next closing sees the event
        rules = self._ledger.rules(meter_id)
        of = (*keys, rules.step_ms // 1000)
        start = self._start(session, meter_id, register, of, rules, at_ms)
        since = 0 if start is None else start.last_ms + 1
        times, values = self._ledger.readings(session, meter_id, register, since, _FAR_MS)
        first_ms = 0 if start is None or start.through_ms is None else start.through_ms
        booked = self._booked(session, of, first_ms)
        jumps = self._ledger.jumps(session, meter_id, register)
        pieces = list(close_over_jumps(times, values, rules, start, jumps))
        rebuilt = _joined(pieces)
        after_ms = self._first_reading_after(times, at_ms)
        joint = _joint(booked, rebuilt, after_ms, rules.step_ms)
        end_ms = _FAR_MS if joint is None else joint
        session.run(
            "DELETE FROM quarantine WHERE meter_id = ? AND quantity = ? AND read_at_ms >= ?"
            " AND read_at_ms < ? AND reason LIKE 'register %'",
            (meter_id, register, first_ms, end_ms),
        )
        self._write(session, of, booked, rebuilt, end_ms, at_ms, rules.step_ms)
        # A gap that a person filled keeps its course: so do its boundaries, where the sum allows.
        reshow(session, of, first_ms, min(end_ms, max(rebuilt, default=first_ms)))
        for piece in pieces:
            incidents = tuple(i for i in piece.incidents if i.at_ms < end_ms)
            self._ledger.quarantine(session, meter_id, register, incidents)
        final = pieces[-1].state if pieces else None
        if joint is not None:
            was, now = booked[joint], rebuilt[joint]
            assert was.opening_wh is not None and now.opening_wh is not None
            delta, step = now.opening_wh - was.opening_wh, now.segment - was.segment
            session.run(_MOVE_ON, (delta, delta, step, *of, joint))
            final = replace(
                state,
                offset_wh=state.offset_wh + delta,
                segment=state.segment + step,
                through_wh=None if state.through_wh is None else state.through_wh + delta,
                through_segment=state.through_segment + step,
            )
        if final is not None:
            session.run(SAVE_STATE, (*keys, *astuple(final)))

    def _start(
        self,
        session: Session,
        meter_id: str,
        register: str,
        of: tuple[int, int, int],
        rules: RegisterRules,
        at_ms: int,
    ) -> LedgerState | None:
        """The book as it stood at a sound boundary before the event; None: at its beginning."""
        rows = session.rows(
            "SELECT start_ms, closing_wh, segment FROM intervals"
            + _OF
            + " AND start_ms < ? AND quality = 0 AND method = 'register' AND edit_id IS NULL"
            " AND closing_wh IS NOT NULL ORDER BY start_ms DESC LIMIT 50",
            (*of, at_ms - 2 * rules.step_ms),
        )
        jumps = self._ledger.jumps(session, meter_id, register)
        for row in rows:
            through_ms, closing, segment = int(row[0]) + rules.step_ms, int(row[1]), int(row[2])
            times, values = self._ledger.readings(
                session, meter_id, register, through_ms - _REACH_MS, through_ms + _REACH_MS
            )
            before = int(np.searchsorted(times, through_ms, side="right")) - 1
            if before < 0 or any(times[before] <= jump.at_ms <= through_ms for jump in jumps):
                continue
            shown = int(values[before])
            if int(times[before]) < through_ms:
                if before + 1 == len(times) or values[before + 1] < values[before]:
                    continue
                fraction = (through_ms - times[before]) / (times[before + 1] - times[before])
                shown += round(float((values[before + 1] - values[before]) * fraction))
            return LedgerState(
                last_ms=int(times[before]),
                last_wh=int(values[before]),
                offset_wh=closing - shown,
                segment=segment,
                through_ms=through_ms,
                through_wh=closing,
                through_segment=segment,
            )
        return None

    def _booked(
        self, session: Session, of: tuple[int, int, int], first_ms: int
    ) -> dict[int, _Booked]:
        rows = session.rows(
            "SELECT start_ms, energy_wh, quality, method, opening_wh, closing_wh, segment, edit_id"
            " FROM intervals" + _OF + " AND start_ms >= ?",
            (*of, first_ms),
        )
        return {int(row[0]): _Booked(*row) for row in rows}

    @staticmethod
    def _first_reading_after(times: Int64s, at_ms: int) -> int:
        after = int(np.searchsorted(times, at_ms, side="right"))
        return int(times[after]) if after < len(times) else _FAR_MS

    def _write(
        self,
        session: Session,
        of: tuple[int, int, int],
        booked: dict[int, _Booked],
        rebuilt: dict[int, _Booked],
        end_ms: int,
        at_ms: int,
        step_ms: int,
    ) -> None:
        now_ms = to_ms(self._clock())
        for start, row in rebuilt.items():
            if start >= end_ms:
                continue
            there = booked.get(start)
            if there is None:
                session.run(
                    "INSERT INTO intervals (meter_key, register_key, step_s, start_ms, energy_wh,"
                    " quality, method, version, opening_wh, closing_wh, segment)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
                    (*of, start, row.energy_wh, row.quality, row.method, row.opening_wh,
                     row.closing_wh, row.segment),
                )  # fmt: skip
                continue
            session.run(_RESHOW, (row.opening_wh, row.closing_wh, row.segment, *of, start))
            same = (there.energy_wh, there.quality) == (row.energy_wh, row.quality)
            if same or there.edit_id is not None or there.method == "imported":
                continue
            method = METHOD if start <= at_ms < start + step_ms else row.method
            session.run(_PUT_ASIDE, (now_ms, *of, start))
            session.run(_REBOOK, (row.energy_wh, row.quality, method, *of, start))


def _joined(pieces: Sequence[Closed]) -> dict[int, _Booked]:
    found: dict[int, _Booked] = {}
    for piece in pieces:
        columns = (
            piece.start_ms, piece.energy_wh, piece.quality, piece.opening_wh, piece.closing_wh,
            piece.segment,
        )  # fmt: skip
        for start, energy, quality, opening, closing, segment in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            found[start] = _Booked(
                start,
                None if quality == IntervalQuality.QUARANTINED else energy,
                quality,
                "register",
                None if opening < 0 else opening,
                None if closing < 0 else closing,
                segment,
                None,
            )
    return found


def _joint(
    booked: dict[int, _Booked], rebuilt: dict[int, _Booked], after_ms: int, step_ms: int
) -> int | None:
    """The first interval from which the old book and the new one say the same again."""
    for start in sorted(rebuilt):
        if start < after_ms + step_ms or start not in booked:
            continue
        was, now = booked[start], rebuilt[start]
        sound = was.quality == now.quality == IntervalQuality.RAW and was.edit_id is None
        shown = was.opening_wh is not None and now.opening_wh is not None
        if sound and shown and was.energy_wh == now.energy_wh:
            return start
    return None


def _fell_elsewhere(event: RegisterEvent, times: Int64s, values: Int64s) -> tuple[int, int] | None:
    """The readings (n,) around the fall that the event explains, if it is not where it is told to
    be: with a wrong time both readings seem to fit, and the old meter would be booked once more."""
    split = int(np.searchsorted(times, event.at_ms, side="right"))
    if not 0 < split < len(values) or values[split] < values[split - 1]:
        return None
    assert event.old_end_wh is not None and event.new_start_wh is not None
    old, new = values[:split], values[split:]
    top = split - 1 - int(np.argmax(old[::-1]))
    bottom = split + int(np.argmin(new))
    if old[-1] < values[top] <= event.old_end_wh and _lasts(values, top + 1):
        return int(times[top]), int(times[top + 1])
    if event.new_start_wh <= values[bottom] < new[0] and _lasts(values, bottom):
        return int(times[bottom - 1]), int(times[bottom])
    return None


def _lasts(values: Int64s, at: int) -> bool:
    """Whether the fall to the value at `at` is neither a dip nor the end of a spike."""
    before = values[max(at - 1 - LOOK_AHEAD, 0) : at]
    after = values[at : at + LOOK_AHEAD + 1]
    return int(after.max()) < int(before.min())


def _refused(event: RegisterEvent, what: str, remedy: str) -> WrongUse:
    return WrongUse(
        where=f"{event.kind.value.capitalize()} of {event.meter_id} at {iso_utc(event.at_ms)}",
        what=what,
        remedy=remedy,
    )
