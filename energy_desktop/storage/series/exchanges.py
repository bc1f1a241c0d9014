"""Exchanges and resets of registers, entered when they happen or long after.

Until a person says what happened, a register that fell splits the book: the interval in which it
fell is quarantined, and what follows is a segment of its own. An event with both readings joins
the two again: old end minus what was booked, plus what the new register counted since its start.

The book is made again around the event (rebooking.py), and nowhere else. Removing the event does
the same the other way round.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.editing import ExchangeDoubt, RegisterEvent
from energy_desktop.domain.energy import DAY_MS, HOUR_MS
from energy_desktop.domain.errors import NotFound
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.repositories import orm
from energy_desktop.storage.repositories.mapping import columns_of, to_domain
from energy_desktop.storage.series.bookkeeping import Bookkeeper
from energy_desktop.storage.series.doubt import LOOK_AROUND, doubt_of
from energy_desktop.storage.series.fitting import check_complete, check_fit, refused
from energy_desktop.storage.series.points import FAR_MS
from energy_desktop.storage.series.rebooking import Rebooking
from energy_desktop.storage.tables.happened import RegisterEventRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]

_LOOK_BACK_MS = 40 * DAY_MS
_NEAR_MS = 2 * HOUR_MS


class RegisterEvents:
    """Implements the exchange part of domain.ports.LedgerEditing."""

    def __init__(self, database: Database, keeper: Bookkeeper, clock: Clock) -> None:
        self._database = database
        self._keeper = keeper
        self._clock = clock
        self._rebooking = Rebooking(keeper, clock)

    def events(self, meter_id: str) -> tuple[RegisterEvent, ...]:
        query = (
            select(RegisterEventRow)
            .where(RegisterEventRow.meter_id == meter_id)
            .order_by(RegisterEventRow.at_ms, RegisterEventRow.event_id)
        )
        with orm.reading(self._database) as session:
            return tuple(to_domain(RegisterEvent, row) for row in session.scalars(query))

    def add_event(self, event: RegisterEvent) -> RegisterEvent:
        """Keeps the event and books across it; what is doubted of it is held back, unless a person
        stands by it (`confirmed`).

        Raises WrongUse, and nothing changed: a time to come or taken, readings that do not fit
        the stored ones around it.
        """
        now_ms = to_ms(self._clock())
        self._check(event, now_ms)
        if not event.confirmed and self._is_borne_out(event):
            event = replace(event, confirmed=True)
        values = columns_of(replace(event, entered_at_ms=event.entered_at_ms or now_ms))
        del values["event_id"]
        with self._database.writing() as session:
            table: Any = RegisterEventRow.__table__
            taken = session.row(
                "SELECT 1 FROM register_events WHERE meter_id = ? AND register = ? AND at_ms = ?",
                (event.meter_id, event.register, event.at_ms),
            )
            if taken is not None:
                raise refused(event, "there is one at this very time.", "Remove it first.")
            made = session.connection.execute(
                table.insert().values(**values).returning(table.c.event_id)
            )
            event_id = int(made.scalar_one())
            self._rebooking.around(session, event.meter_id, event.register, event.at_ms)
        return replace(event, event_id=event_id, entered_at_ms=values["entered_at_ms"])

    def doubt(self, event: RegisterEvent) -> ExchangeDoubt | None:
        """What is far too much of what it would book; None: nothing, as far as is read by now.

        Raises WrongUse as `add_event` would.
        """
        self._check(event, to_ms(self._clock()))
        return self._doubt(event)

    def _doubt(self, event: RegisterEvent) -> ExchangeDoubt | None:
        if event.old_end_wh is None or event.new_start_wh is None:
            return None
        with self._database.reading() as session:
            times, values = self._around(session, event)
            most_w = self._keeper.believable_w(session, event.meter_id, event.register, event.at_ms)
        return doubt_of(event.at_ms, event.old_end_wh, event.new_start_wh, times, values, most_w)

    def _is_borne_out(self, event: RegisterEvent) -> bool:
        """Read on both sides, and believable on both."""
        with self._database.reading() as session:
            times, _ = self._around(session, event)
        read = len(times) > 0 and times[0] <= event.at_ms < times[-1]
        return bool(read) and self._doubt(event) is None

    def _around(self, session: Session, event: RegisterEvent) -> tuple[Int64s, Int64s]:
        """The readings next to the event; a meter may have been silent there for long."""
        for reach_ms in (_NEAR_MS, _LOOK_BACK_MS):
            times, values = self._keeper.readings(
                session,
                event.meter_id,
                event.register,
                event.at_ms - reach_ms,
                event.at_ms + reach_ms,
            )
            split = int(np.searchsorted(times, event.at_ms, side="right"))
            if LOOK_AROUND <= split <= len(times) - LOOK_AROUND:
                break
        return times, values

    def confirm_event(self, event_id: int) -> None:
        """Books it as it was told, because a person stands by it. Raises NotFound."""
        with self._database.writing() as session:
            meter_id, register, at_ms = self._told(session, event_id)
            session.run(
                "UPDATE register_events SET confirmed = ? WHERE event_id = ?", (True, event_id)
            )
            self._rebooking.around(session, meter_id, register, at_ms)

    @staticmethod
    def _told(session: Session, event_id: int) -> tuple[str, str, int]:
        """Meter, register and time of an event. Raises NotFound."""
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
        return str(row[0]), str(row[1]), int(row[2])

    def remove_event(self, event_id: int) -> None:
        """As if it had never been entered. Raises NotFound."""
        with self._database.writing() as session:
            meter_id, register, at_ms = self._told(session, event_id)
            session.run("DELETE FROM register_events WHERE event_id = ?", (event_id,))
            self._rebooking.around(session, meter_id, register, at_ms)

    # --- what fits ------------------------------------------------------------------------------

    def _check(self, event: RegisterEvent, now_ms: int) -> None:
        """Against the stored readings around it, which are what the event must explain."""
        check_complete(event, now_ms)
        with self._database.reading() as session:
            times, values = self._keeper.readings(
                session, event.meter_id, event.register, event.at_ms - _LOOK_BACK_MS, FAR_MS
            )
            jumps = self._keeper.jumps(session, event.meter_id, event.register)
            rules = self._keeper.rules(session, event.meter_id, event.register)
        if not self._was_read_before(event, times, now_ms):
            raise refused(
                event,
                "nothing was read of the old register before that time, so there is nothing to "
                "go on from.",
                "Check the time, above all its year.",
            )
        check_fit(event, times, values, rules, jumps)

    def _was_read_before(self, event: RegisterEvent, times: Int64s, now_ms: int) -> bool:
        """Also long before. A meter that was never read at all may still get its first reading."""
        if len(times) and times[0] <= event.at_ms:
            return True
        if not len(times) and event.at_ms >= now_ms - _LOOK_BACK_MS:
            return True
        with self._database.reading() as session:
            return self._keeper.was_read(session, event.meter_id, event.register, event.at_ms)
