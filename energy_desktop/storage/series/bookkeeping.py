"""Keeps the books of the registers: closes intervals from stored readings, and draws them anew.

The writer and the bulk loader call it with their transaction. What is believed of readings and
how energy follows from them is decided by pure functions (accepting.py, intervals.py, jumps.py);
here is only what they need from the database, and what becomes of their results there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.storage.database import Session
from energy_desktop.storage.series import book, doubt, late, points, told, versions
from energy_desktop.storage.series.chunks import TimelineCache
from energy_desktop.storage.series.grid import Grid
from energy_desktop.storage.series.intervals import Closed
from energy_desktop.storage.series.jumps import Jump, close_over_jumps, continuous
from energy_desktop.storage.series.names import Keys, Names
from energy_desktop.storage.series.points import FAR_MS
from energy_desktop.storage.series.register import LedgerState, RegisterRules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]


class Bookkeeper:
    """rules: what is known of the registers of a meter. Usable from any thread; every method works
    in the transaction that it is given."""

    def __init__(
        self,
        names: Names,
        cache: TimelineCache,
        rules: Callable[[str], RegisterRules],
        clock: Clock,
    ) -> None:
        self._names = names
        self._cache = cache
        self._rules = rules
        self._clock = clock

    def counting(self, changed: Callable[[RegisterRules], RegisterRules]) -> Bookkeeper:
        """This one with other rules, to see what they would make of the readings."""
        return Bookkeeper(
            self._names, self._cache, lambda meter_id: changed(self._rules(meter_id)), self._clock
        )

    # --- what is known --------------------------------------------------------------------------

    def keys(self, session: Session, meter_id: str, register: str) -> Keys | None:
        return self._names.keys(session, meter_id, register)

    def state(self, session: Session, meter_id: str, register: str) -> LedgerState | None:
        keys = self.keys(session, meter_id, register)
        return None if keys is None else book.state(session, keys)

    def rules(self, session: Session, meter_id: str, register: str) -> RegisterRules:
        """What is known of the register, with the grid on which it is booked."""
        rules = self._rules(meter_id)
        keys = self.keys(session, meter_id, register)
        return rules if keys is None else replace(rules, grid=book.grid(session, keys))

    def step_ms(self, meter_id: str) -> int:
        """The length of the meter's intervals from now on."""
        return self._rules(meter_id).step_ms

    def readings(
        self, session: Session, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[Int64s, Int64s]:
        """Times (n,) and whole Wh (n,) of the register in [start_ms, end_ms), without what is not
        available."""
        meter_key = self._names.meter(session, meter_id)
        quantity = self._names.quantity(session, register)
        if meter_key is None or quantity is None:
            none = np.empty(0, np.int64)
            return none, none
        times, values = points.read(
            session, self._names, self._cache, meter_key, quantity, max(start_ms, 0), end_ms
        )
        return _whole(times, values)

    def was_read(self, session: Session, meter_id: str, register: str, until_ms: int) -> bool:
        """Whether there is any reading of the register up to that time."""
        meter_key = self._names.meter(session, meter_id)
        quantity = self._names.quantity(session, register)
        if meter_key is None or quantity is None:
            return False
        last = points.last(session, self._names, self._cache, meter_key, quantity, until_ms)
        return last is not None

    def jumps(
        self, session: Session, meter_id: str, register: str, *, judged_from_ms: int | None = None
    ) -> tuple[Jump, ...]:
        """Exchanges and resets that were entered with both readings, ascending.

        judged_from_ms: later ones that no person stands by carry what is believable of them; None:
        they are taken as they were told.
        """

        def most_w(at_ms: int) -> float | None:
            if judged_from_ms is None or at_ms <= judged_from_ms:
                return None
            return self.believable_w(session, meter_id, register, at_ms)

        return told.jumps(session, meter_id, register, most_w)

    def believable_w(self, session: Session, meter_id: str, register: str, at_ms: int) -> float:
        """Mean power up to which the readings of an exchange at that time are believed."""
        keys = self.keys(session, meter_id, register)
        believed = doubt.believable_w(told.highest_w(session, keys, at_ms))
        limit_w = self._rules(meter_id).limit_w
        return believed if limit_w is None else min(believed, limit_w)

    # --- closing --------------------------------------------------------------------------------

    def advance(
        self,
        session: Session,
        meter_id: str,
        register: str,
        disorder_ms: tuple[int, int] | None = None,
    ) -> None:
        """Closes what the stored readings complete.

        disorder_ms: first and last stamp among readings that came in another order.
        """
        state = self.state(session, meter_id, register)
        since_ms = 0 if state is None else state.last_ms + 1
        times, register_wh = self.readings(session, meter_id, register, since_ms, FAR_MS)
        self._close(session, meter_id, register, times, register_wh, state, disorder_ms)

    def book(
        self, session: Session, meter_id: str, register: str, times: Int64s, values: Floats
    ) -> None:
        """Closes with those of the readings (n,), ascending, that are later than the last one that
        was accepted."""
        state = self.state(session, meter_id, register)
        later = 0 if state is None else int(np.searchsorted(times, state.last_ms, side="right"))
        new = _whole(times[later:], values[later:])
        self._close(session, meter_id, register, *new, state, None)

    def take_late(
        self, session: Session, meter_id: str, register: str, first_ms: int, last_ms: int
    ) -> int:
        """Redraws estimated intervals through readings of [first_ms, last_ms] that came after they
        were closed (late.py); gives how many changed. Earlier versions are kept."""
        keys = self.keys(session, meter_id, register)
        state = None if keys is None else book.state(session, keys)
        if keys is None or state is None:
            return 0
        if state.through_ms is None:
            # Nothing is closed yet: the book begins with the oldest reading that came.
            begin_ms = min(first_ms, state.last_ms)
            readings = self.readings(session, meter_id, register, begin_ms, FAR_MS)
            return self._close(session, meter_id, register, *readings, None, None)

        def read(start_ms: int, end_ms: int) -> tuple[Int64s, Int64s]:
            times, register_wh = self.readings(session, meter_id, register, start_ms, end_ms)
            return times, continuous(times, register_wh, jumps)

        jumps = self.jumps(session, meter_id, register)
        rules = self.rules(session, meter_id, register)
        made = late.remake(session, keys, rules, state, read, (first_ms, last_ms))
        versions.supersede(
            session,
            to_ms(self._clock()),
            {
                (*keys, *row.at): (row.energy_wh, row.quality, late.METHOD, None)
                for row in made.rows
            },
        )
        book.show(
            session, [(row.opening_wh, row.closing_wh, (*keys, *row.at)) for row in made.rows]
        )
        if made.state != state:
            book.save_state(session, keys, made.state)
        return len(made.rows)

    def _close(
        self,
        session: Session,
        meter_id: str,
        register: str,
        times: Int64s,
        register_wh: Int64s,
        state: LedgerState | None,
        disorder_ms: tuple[int, int] | None,
    ) -> int:
        """Closes with the readings (n,), all later than state.last_ms; gives how many intervals."""
        keys = self.keys(session, meter_id, register)
        if keys is None or not len(times):
            return 0
        rules = self._rules(meter_id)
        grid = self._grid_now(session, keys, rules.step_ms, state)
        rules = replace(rules, grid=grid, disorder_ms=disorder_ms)
        begin_ms = -1 if state is None else state.last_ms
        jumps = self.jumps(session, meter_id, register, judged_from_ms=begin_ms)
        pieces = close_over_jumps(times, register_wh, rules, state, jumps)
        return self._save(session, meter_id, keys, register, pieces)

    @staticmethod
    def _grid_now(session: Session, keys: Keys, step_ms: int, state: LedgerState | None) -> Grid:
        """The grid with the step that the meter has now, from the first boundary not closed."""
        grid = book.grid(session, keys)
        if grid.step_ms != step_ms:
            grid = grid.followed_by(step_ms, (state.through_ms or 0) if state else 0)
            book.save_grid(session, keys, grid)
        return grid

    @staticmethod
    def _save(
        session: Session, meter_id: str, keys: Keys, register: str, pieces: Iterable[Closed]
    ) -> int:
        closed = 0
        for piece in pieces:
            book.insert(session, keys, book.rows_of(piece))
            if piece.state is not None:
                book.save_state(session, keys, piece.state)
            book.hold_back(session, meter_id, register, piece.incidents)
            closed += len(piece.start_ms)
        return closed


def _whole(times: Int64s, values: Floats) -> tuple[Int64s, Int64s]:
    """The readings (n,) that are available, in whole Wh."""
    known = ~np.isnan(values)
    return times[known], np.rint(values[known]).astype(np.int64)
