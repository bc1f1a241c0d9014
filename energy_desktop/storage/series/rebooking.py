"""Books a stretch of a register again, when more is known of it than when it was booked.

An exchange that is told long after, or a modulus that was put right, says of a fall of the register
what it was. The book is made again only from shortly before it until it runs as before; what lies
after that keeps its energies and only counts on (the odometer moves by a constant). A value that a
person corrected stays in force, and what was booked before stays as an earlier version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.energy import DAY_MS, HOUR_MS, IntervalQuality
from energy_desktop.storage.database import Session
from energy_desktop.storage.series import book, imported, versions
from energy_desktop.storage.series.accepting import lasts
from energy_desktop.storage.series.bookkeeping import Bookkeeper
from energy_desktop.storage.series.boundaries import drawn
from energy_desktop.storage.series.intervals import Closed
from energy_desktop.storage.series.jumps import close_over_jumps
from energy_desktop.storage.series.names import Keys
from energy_desktop.storage.series.points import FAR_MS
from energy_desktop.storage.series.register import LedgerState, RegisterRules, plain_steps
from energy_desktop.storage.series.reshowing import reshow
from energy_desktop.storage.series.steps import one_of
from energy_desktop.storage.series.versions import OF, Interval, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]

EXCHANGE = "exchange"
RECALCULATED = "recalculated"
_NEAR_MS = 2 * DAY_MS
_REACH_MS = 2 * HOUR_MS  # where a reading before a boundary is looked for
_RESHOW = (
    "UPDATE intervals SET opening_wh = ?, closing_wh = ?, segment = ?" + OF + " AND start_ms = ?"
)

_Key = tuple[int, int]  # start_ms, step_s


@dataclass(frozen=True, slots=True)
class _Booked:
    """An interval as it stands in the book."""

    step_s: int
    start_ms: int
    energy_wh: int | None
    quality: int
    method: str
    opening_wh: int | None
    closing_wh: int | None
    segment: int
    edit_id: int | None

    @property
    def key(self) -> _Key:
        return self.start_ms, self.step_s

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.step_s * 1000


@dataclass(frozen=True, slots=True)
class _Again:
    """The book as it stands and as it is made again, from the same start.

    joint: the first interval from which on both say the same again; None: they never do.
    """

    booked: dict[_Key, _Booked]
    rebuilt: dict[_Key, _Booked]
    pieces: list[Closed]
    joint: _Key | None

    @property
    def end_ms(self) -> int:
        """Up to where the book is made again."""
        return FAR_MS if self.joint is None else self.joint[0]

    def moved(self) -> tuple[int, int]:
        """By how much odometer (Wh) and segment are others from the joint on."""
        assert self.joint is not None
        was, now = self.booked[self.joint], self.rebuilt[self.joint]
        assert was.opening_wh is not None and now.opening_wh is not None
        return now.opening_wh - was.opening_wh, now.segment - was.segment


@dataclass(frozen=True, slots=True)
class Rebooked:
    """What booking again changed: intervals with another energy or quality, and by how much the
    energy that is booked grew."""

    intervals: int = 0
    energy_wh: int = 0

    def __add__(self, other: Rebooked) -> Rebooked:
        return Rebooked(self.intervals + other.intervals, self.energy_wh + other.energy_wh)


class Rebooking:
    """Makes stretches of the book again, inside the caller's transaction."""

    def __init__(self, keeper: Bookkeeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock

    def around(
        self, session: Session, meter_id: str, register: str, at_ms: int, method: str = EXCHANGE
    ) -> Rebooked:
        """From shortly before `at_ms` until the book runs as before, by what is known now.

        method: what is said to have made the interval around `at_ms`.
        """
        keys = self._keeper.keys(session, meter_id, register)
        state = self._keeper.state(session, meter_id, register)
        if keys is None or state is None or state.last_ms < at_ms:
            return Rebooked()  # not booked that far: the next closing sees it
        rules = self._keeper.rules(session, meter_id, register)
        start = self._start(session, meter_id, register, keys, rules, at_ms)
        first_ms = 0 if start is None or start.through_ms is None else start.through_ms
        again = self._again(session, meter_id, register, keys, rules, start, first_ms, at_ms)
        session.run(
            "DELETE FROM quarantine WHERE meter_id = ? AND quantity = ? AND read_at_ms >= ?"
            " AND read_at_ms < ? AND reason LIKE 'register %'",
            (meter_id, register, first_ms, again.end_ms),
        )
        made = self._write(session, keys, again, at_ms, method)
        # A gap that a person filled keeps its course: so do its boundaries, where the sum allows.
        last_ms = max((row.start_ms for row in again.rebuilt.values()), default=first_ms)
        for step_s in rules.grid.steps_s:
            reshow(session, (*keys, step_s), first_ms, min(again.end_ms, last_ms))
        for piece in again.pieces:
            incidents = (i for i in piece.incidents if i.at_ms < again.end_ms)
            book.hold_back(session, meter_id, register, incidents)
        final = again.pieces[-1].state if again.pieces else None
        if again.joint is not None:
            final = self._count_on(session, keys, rules.grid.steps_s, again, state)
        if final is not None:
            book.save_state(session, keys, final)
        return made

    def falls(self, session: Session, meter_id: str, register: str) -> Rebooked:
        """Around every lasting fall of the stored register that no event explains: what its
        modulus makes of it. As far back as readings are kept."""
        times, values = self._keeper.readings(session, meter_id, register, 0, FAR_MS)
        told = [jump.at_ms for jump in self._keeper.jumps(session, meter_id, register)]
        made = Rebooked()
        for i in (np.flatnonzero(np.diff(values) < 0) + 1).tolist():
            last_ms, fell_ms = int(times[i - 1]), int(times[i])
            if lasts(values, i) and not any(last_ms <= at_ms < fell_ms for at_ms in told):
                made += self.around(session, meter_id, register, last_ms, RECALCULATED)
        return made

    def _again(
        self,
        session: Session,
        meter_id: str,
        register: str,
        keys: Keys,
        rules: RegisterRules,
        start: LedgerState | None,
        first_ms: int,
        at_ms: int,
    ) -> _Again:
        """The book from `start` on, made again until it runs as before behind `at_ms`."""
        since = 0 if start is None else start.last_ms + 1
        jumps = self._keeper.jumps(session, meter_id, register, judged_from_ms=since - 1)
        # Mostly it runs as before within hours; what comes in years need not be read for that.
        for until_ms in (at_ms + _NEAR_MS, FAR_MS):
            times, values = self._keeper.readings(session, meter_id, register, since, until_ms)
            booked = self._booked(session, keys, rules.grid.steps_s, first_ms, until_ms)
            pieces = list(close_over_jumps(times, values, rules, start, jumps))
            rebuilt = _joined(pieces)
            joint = _joint(booked, rebuilt, self._first_reading_after(times, at_ms))
            if joint is not None:
                break
        return _Again(booked, rebuilt, pieces, joint)

    @staticmethod
    def _count_on(
        session: Session,
        keys: Keys,
        steps_s: tuple[int, ...],
        again: _Again,
        state: LedgerState,
    ) -> LedgerState:
        """What lies behind the joint keeps its energies, and so does the state: only the odometer
        and the number of the segment move by a constant."""
        delta, step = again.moved()
        if delta or step:
            session.run(
                "UPDATE intervals SET opening_wh = opening_wh + ?, closing_wh = closing_wh + ?,"
                " segment = segment + ? WHERE meter_key = ? AND register_key = ?"
                f" AND {one_of(steps_s)} AND start_ms >= ? AND opening_wh IS NOT NULL"
                " AND segment >= 0",  # what the register of a file showed, no event here moves
                (delta, delta, step, *keys, *steps_s, again.end_ms),
            )
        return replace(
            state,
            offset_wh=state.offset_wh + delta,
            segment=state.segment + step,
            through_wh=None if state.through_wh is None else state.through_wh + delta,
            through_segment=state.through_segment + step,
        )

    def _start(
        self,
        session: Session,
        meter_id: str,
        register: str,
        keys: Keys,
        rules: RegisterRules,
        at_ms: int,
    ) -> LedgerState | None:
        """The book as it stood at a sound boundary before the event; None: at its beginning."""
        grid = rules.grid
        rows = session.rows(
            "SELECT start_ms + step_s * 1000, closing_wh, segment FROM intervals"
            f" WHERE meter_key = ? AND register_key = ? AND {one_of(grid.steps_s)}"
            " AND start_ms < ? AND quality = 0 AND method = 'register' AND edit_id IS NULL"
            " AND closing_wh IS NOT NULL ORDER BY start_ms DESC LIMIT 50",
            (*keys, *grid.steps_s, at_ms - 2 * grid.step_at(at_ms)),
        )
        jumps = self._keeper.jumps(session, meter_id, register)
        for row in rows:
            through_ms, closing, segment = map(int, row)
            times, values = self._keeper.readings(
                session, meter_id, register, through_ms - _REACH_MS, through_ms + _REACH_MS
            )
            before = int(np.searchsorted(times, through_ms, side="right")) - 1
            if before < 0 or any(times[before] <= jump.at_ms <= through_ms for jump in jumps):
                continue
            beside = slice(max(before - 1, 0), before + 3)
            if not plain_steps(times[beside], values[beside], rules).all():
                continue  # one of them may be a value that did not last
            if times[-1] < through_ms:
                continue
            boundary = np.array([through_ms], np.int64)
            shown = int(drawn(times, values, boundary, rules.gap_limit_ms).value_wh[0])
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

    @staticmethod
    def _booked(
        session: Session,
        keys: Keys,
        steps_s: tuple[int, ...],
        first_ms: int,
        until_ms: int,
    ) -> dict[_Key, _Booked]:
        rows = session.rows(
            "SELECT step_s, start_ms, energy_wh, quality, method, opening_wh, closing_wh, segment,"
            " edit_id FROM intervals"
            f" WHERE meter_key = ? AND register_key = ? AND {one_of(steps_s)}"
            " AND start_ms >= ? AND start_ms < ?",
            (*keys, *steps_s, first_ms, until_ms),
        )
        found = (_Booked(*row) for row in rows)
        return {row.key: row for row in found}

    @staticmethod
    def _first_reading_after(times: Int64s, at_ms: int) -> int:
        after = int(np.searchsorted(times, at_ms, side="right"))
        return int(times[after]) if after < len(times) else FAR_MS

    def _write(
        self, session: Session, keys: Keys, again: _Again, at_ms: int, method: str
    ) -> Rebooked:
        new: list[book.Row] = []
        shown: list[tuple[int | None, int | None, int, int, int, int, int]] = []
        better: dict[Interval, Value] = {}
        made = Rebooked()
        for key, row in again.rebuilt.items():
            if row.start_ms >= again.end_ms:
                continue
            there = again.booked.get(key)
            if there is None:
                new.append(astuple(row)[:-1])  # all but the edit
                made += Rebooked(1, row.energy_wh or 0)
                continue
            interval = (*keys, row.step_s, row.start_ms)
            shown.append((row.opening_wh, row.closing_wh, row.segment, *interval))
            same = (there.energy_wh, there.quality) == (row.energy_wh, row.quality)
            if same or there.edit_id is not None or there.method in imported.METHODS:
                continue
            said = method if row.start_ms <= at_ms < row.end_ms else row.method
            better[interval] = (row.energy_wh, row.quality, said, None)
            made += Rebooked(1, (row.energy_wh or 0) - (there.energy_wh or 0))
        book.insert(session, keys, new)
        session.many(_RESHOW, shown)
        versions.supersede(session, to_ms(self._clock()), better)
        return made


def _joined(pieces: Sequence[Closed]) -> dict[_Key, _Booked]:
    rows = (_Booked(*row, None) for piece in pieces for row in book.rows_of(piece))
    return {row.key: row for row in rows}


def _joint(booked: dict[_Key, _Booked], rebuilt: dict[_Key, _Booked], after_ms: int) -> _Key | None:
    """The first interval from which the old book and the new one say the same again."""
    for key in sorted(rebuilt):
        if key[0] < after_ms + key[1] * 1000 or key not in booked:
            continue
        was, now = booked[key], rebuilt[key]
        sound = was.quality == now.quality == IntervalQuality.RAW and was.edit_id is None
        shown = was.opening_wh is not None and now.opening_wh is not None
        if sound and shown and was.energy_wh == now.energy_wh:
            return key
    return None
