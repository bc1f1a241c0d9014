"""The energy ledger in the database: closing intervals, imported intervals, reconciliation.

A row keeps, beside its energy, what the register showed at its start and end. The sum of a period
comes from the energies, the register difference from the first and last of those showings: a row
that is missing, quarantined or edited shows as a discrepancy, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.energy import (
    DAY_MS,
    IntervalQuality,
    Intervals,
    Reconciliation,
    RegisterReading,
    RegisterShown,
)
from energy_desktop.domain.errors import WrongUse
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.series import doubt, imported, late, points, steps
from energy_desktop.storage.series.accepting import Incident
from energy_desktop.storage.series.chunks import TimelineCache
from energy_desktop.storage.series.grid import Grid
from energy_desktop.storage.series.intervals import UNKNOWN_WH, Closed
from energy_desktop.storage.series.jumps import Jump, close_over_jumps, continuous
from energy_desktop.storage.series.names import Names
from energy_desktop.storage.series.register import LedgerState, RegisterRules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]

REGISTERS = ("energy_import_wh", "energy_export_wh", "energy_total_wh")
"""Quantities that the ledger follows; the phases of them are gauges of interest, not of billing."""

_FAR_MS = 1 << 42
_COMPARED_MS = 40 * DAY_MS  # on both sides of an exchange

DEFAULT_STEP_S = 900

_WITHIN = (
    " FROM intervals WHERE meter_key = ? AND register_key = ? AND step_s = ?"
    " AND start_ms >= ? AND start_ms < ?"
)
_INSERT = (
    "INSERT INTO intervals (meter_key, register_key, step_s, start_ms, energy_wh, quality, method,"
    " version, opening_wh, closing_wh, segment) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_KEEP_OLD = (
    "INSERT INTO interval_versions (meter_key, register_key, step_s, start_ms, version, energy_wh,"
    " quality, method, edit_id, replaced_at_ms) SELECT meter_key, register_key, step_s, start_ms,"
    " version, energy_wh, quality, method, edit_id, ? FROM intervals"
    " WHERE meter_key = ? AND register_key = ? AND step_s = ? AND start_ms = ?"
)
_REPLACE = (
    "UPDATE intervals SET energy_wh = ?, quality = ?, method = ?, edit_id = NULL,"
    " version = version + 1"
    " WHERE meter_key = ? AND register_key = ? AND step_s = ? AND start_ms = ?"
)
_RESHOWN = (
    "UPDATE intervals SET opening_wh = ?, closing_wh = ?"
    " WHERE meter_key = ? AND register_key = ? AND step_s = ? AND start_ms = ?"
)
_STATE_COLUMNS = (
    "last_ms, last_wh, offset_wh, segment, through_ms, through_wh, through_segment,"
    " through_estimated"
)
SAVE_STATE = (
    f"INSERT INTO ledger_state (meter_key, register_key, {_STATE_COLUMNS})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (meter_key, register_key) DO UPDATE SET"
    " last_ms = excluded.last_ms, last_wh = excluded.last_wh, offset_wh = excluded.offset_wh,"
    " segment = excluded.segment, through_ms = excluded.through_ms,"
    " through_wh = excluded.through_wh, through_segment = excluded.through_segment,"
    " through_estimated = excluded.through_estimated"
)
_QUARANTINE = (
    "INSERT INTO quarantine (meter_id, quantity, read_at_ms, value, reason)"
    " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class _Segment:
    """What the register showed at both ends of a stretch without a reset."""

    opening_wh: int
    closing_wh: int
    first_ms: int
    last_ms: int

    def joined(self, other: _Segment) -> _Segment:
        return _Segment(
            min(self.opening_wh, other.opening_wh),
            max(self.closing_wh, other.closing_wh),
            min(self.first_ms, other.first_ms),
            max(self.last_ms, other.last_ms),
        )


class StoredLedger:
    """Implements domain.ports.Ledger, and closes intervals for the writer and the bulk loader."""

    def __init__(
        self,
        database: Database,
        names: Names,
        cache: TimelineCache,
        rules: Callable[[str], RegisterRules],
        clock: Clock,
    ) -> None:
        self._database = database
        self._names = names
        self._cache = cache
        self._rules = rules
        self._clock = clock

    def counting(self, changed: Callable[[RegisterRules], RegisterRules]) -> StoredLedger:
        """This ledger with other rules, to see what they would make of the readings."""
        return StoredLedger(
            self._database,
            self._names,
            self._cache,
            lambda meter_id: changed(self._rules(meter_id)),
            self._clock,
        )

    # --- reading --------------------------------------------------------------------------------

    def intervals(
        self,
        meter_id: str,
        start_ms: int,
        end_ms: int,
        *,
        register: str = "energy_import_wh",
        step_s: int | None = None,
    ) -> Intervals:
        """Whole steps inside [start_ms, end_ms). A coarser step_s sums: NaN and the worst quality
        where any part lacks. Raises WrongUse for a step finer than what is kept.

        step_s None: the finest step that tells everything kept of the period (steps.py).
        """
        with self._database.reading() as session:
            keys = self.keys(session, meter_id, register)
            kept = steps.kept(session, keys)
            finest = kept[0] if kept else step_s or DEFAULT_STEP_S
            if step_s is None:
                step_s = steps.common(steps.runs(session, keys, kept, start_ms, end_ms)) or finest
            usable = [s for s in kept if step_s % s == 0]
            if kept and not usable:
                raise WrongUse(
                    where=f"{meter_id}, {register}",
                    what=f"intervals of {step_s} s cannot be made of intervals of {finest} s.",
                    remedy=f"Ask for a multiple of {finest} s.",
                )
            step_ms = step_s * 1000
            first = -(-start_ms // step_ms)
            count = max(end_ms // step_ms - first, 0)
            energy = np.full(count, np.nan)
            quality = np.full(count, IntervalQuality.MISSING, np.int8)
            for kept_s in usable:
                if keys is None or not count:
                    break
                got = self._at_step(session, *keys, kept_s, first * step_ms, count, step_s)
                better = got[1] < quality
                energy[better], quality[better] = got[0][better], got[1][better]
        starts = (first + np.arange(count, dtype=np.int64)) * step_ms
        return Intervals(meter_id, register, step_s, starts, energy, quality)

    def _at_step(
        self,
        session: Session,
        meter_key: int,
        register_key: int,
        kept_s: int,
        first_ms: int,
        count: int,
        step_s: int,
    ) -> tuple[Floats, NDArray[np.int8]]:
        """Rows of one kept step, summed to `count` steps of step_s from first_ms."""
        per = step_s // kept_s
        energy = np.full(count * per, np.nan)
        quality = np.full(count * per, IntervalQuality.MISSING, np.int8)
        rows = session.rows(
            "SELECT start_ms, energy_wh, quality FROM intervals WHERE meter_key = ?"
            " AND register_key = ? AND step_s = ? AND start_ms >= ? AND start_ms < ?",
            (meter_key, register_key, kept_s, first_ms, first_ms + count * step_s * 1000),
        )
        if rows:
            table = np.array(rows, np.float64)  # NULL becomes NaN
            position = (table[:, 0].astype(np.int64) - first_ms) // (kept_s * 1000)
            energy[position] = table[:, 1]
            quality[position] = table[:, 2].astype(np.int8)
        return (
            energy.reshape(count, per).sum(axis=1),
            quality.reshape(count, per).max(axis=1) if count else quality,
        )

    def reconciliation(
        self, meter_id: str, start_ms: int, end_ms: int, *, register: str = "energy_import_wh"
    ) -> Reconciliation:
        """Over the intervals inside [start_ms, end_ms). opening and closing are the register
        at the first and last boundary that is known, so gaps at the ends are not in either sum.
        What a person or a file says of a time that the register did not see is told apart."""
        with self._database.reading() as session:
            keys = self.keys(session, meter_id, register)
            kept = steps.kept(session, keys)
            if keys is None or not kept:
                expected = max(end_ms // 900_000 - -(-start_ms // 900_000), 0)
                return Reconciliation(meter_id, register, None, None, None, 0, 0, expected)
            runs = steps.whole(steps.runs(session, keys, kept, start_ms, end_ms))
            energy_wh = estimated_wh = edited_wh = correction_wh = booked = expected = 0
            segments: dict[int, _Segment] = {}
            for run in runs:
                of = (*keys, run.step_s, run.start_ms, run.end_ms)
                row = session.row(
                    "SELECT COALESCE(SUM(energy_wh), 0), COALESCE(SUM(CASE WHEN quality = 2 THEN"
                    " energy_wh ELSE 0 END), 0), COALESCE(SUM(CASE WHEN quality = 3 THEN"
                    " energy_wh ELSE 0 END), 0), COUNT(energy_wh), COALESCE(SUM(CASE WHEN edit_id"
                    " IS NOT NULL AND opening_wh IS NOT NULL AND closing_wh IS NOT NULL THEN"
                    " energy_wh - closing_wh + opening_wh ELSE 0 END), 0)" + _WITHIN,
                    of,
                )
                assert row is not None
                energy_wh += int(row[0])
                estimated_wh += int(row[1])
                edited_wh += int(row[2])
                booked += int(row[3])
                correction_wh += int(row[4])
                expected += run.count
                for row in session.rows(
                    "SELECT segment, MIN(opening_wh), MAX(closing_wh), MIN(start_ms),"
                    f" MAX(start_ms) + {run.step_s * 1000}"
                    + _WITHIN
                    + " AND opening_wh IS NOT NULL AND closing_wh IS NOT NULL GROUP BY segment",
                    of,
                ):
                    piece = _Segment(*map(int, row[1:]))
                    before = segments.get(int(row[0]))
                    segments[int(row[0])] = piece if before is None else before.joined(piece)
            ordered = sorted(segments.values(), key=lambda piece: piece.first_ms)
            unregistered_wh = self._beside(session, keys, runs, ordered) if ordered else 0
        opening = closing = None
        difference: int | None = None
        if ordered:
            first, last = ordered[0], ordered[-1]
            opening = RegisterReading(meter_id, register, first.first_ms, first.opening_wh)
            closing = RegisterReading(meter_id, register, last.last_ms, last.closing_wh)
            difference = sum(piece.closing_wh - piece.opening_wh for piece in ordered)
        return Reconciliation(
            meter_id,
            register,
            opening,
            closing,
            difference,
            interval_sum_wh=energy_wh,
            estimated_wh=estimated_wh,
            missing_intervals=expected - booked,
            resets=sum(max(n - 1, 0) for n in _by_origin(segments)),
            edited_wh=edited_wh,
            unregistered_wh=unregistered_wh,
            correction_wh=correction_wh,
        )

    @staticmethod
    def _beside(
        session: Session,
        keys: tuple[int, int],
        runs: Sequence[steps.Run],
        segments: Sequence[_Segment],
    ) -> int:
        """Energy (Wh) in the runs of times at which no segment of the register was seen."""
        ends = [0, *(piece.last_ms for piece in segments)]
        begins = [*(piece.first_ms for piece in segments), _FAR_MS]
        total = 0
        for run in runs:
            for unseen_ms, seen_ms in zip(ends, begins, strict=True):
                first, last = max(run.start_ms, unseen_ms), min(run.end_ms, seen_ms)
                if first < last:
                    row = session.row(
                        "SELECT COALESCE(SUM(energy_wh), 0)" + _WITHIN,
                        (*keys, run.step_s, first, last),
                    )
                    total += 0 if row is None else int(row[0])
        return total

    def register_reading(
        self, meter_id: str, at_ms: int, *, register: str = "energy_import_wh"
    ) -> RegisterReading | None:
        with self._database.reading() as session:
            meter_key = self._names.meter(session, meter_id)
            quantity = self._names.quantity(session, register)
            if meter_key is None or quantity is None:
                return None
            reach_ms = 3_600_000
            while reach_ms < _FAR_MS:  # ever further back, since a meter may have been silent
                times, values = points.read(
                    session,
                    self._names,
                    self._cache,
                    meter_key,
                    quantity,
                    max(at_ms - reach_ms, 0),
                    at_ms + 1,
                )
                known = np.flatnonzero(~np.isnan(values))
                if len(known):
                    i = int(known[-1])
                    return RegisterReading(meter_id, register, int(times[i]), round(values[i]))
                if reach_ms >= at_ms:
                    return None
                reach_ms *= 24
        return None

    def registers(self, meter_id: str) -> tuple[str, ...]:
        with self._database.reading() as session:
            meter_key = self._names.meter(session, meter_id)
            if meter_key is None:
                return ()
            return tuple(
                name
                for name in REGISTERS
                if (quantity := self._names.quantity(session, name)) is not None
                and steps.kept(session, (meter_key, quantity.key))
            )

    def keys(self, session: Session, meter_id: str, register: str) -> tuple[int, int] | None:
        meter_key = self._names.meter(session, meter_id)
        quantity = self._names.quantity(session, register)
        return None if meter_key is None or quantity is None else (meter_key, quantity.key)

    # --- imported intervals ---------------------------------------------------------------------

    def add_intervals(self, intervals: Intervals, shown: RegisterShown | None = None) -> int:
        """Rounded to whole Wh. Intervals without energy are left out. One that is there with
        another energy is replaced as a new version, the old one kept; it counts as new.

        shown: what the register of a file showed around each interval.
        """
        known = np.flatnonzero(~np.isnan(intervals.energy_wh))
        starts, last = np.unique(intervals.start_ms[known][::-1], return_index=True)
        if not len(starts):
            return 0
        known = known[::-1][last]  # of a start that is told twice, what was told last
        energy = np.rint(intervals.energy_wh[known]).astype(np.int64)
        quality = intervals.quality[known]
        meter_key = self._names.ensure_meter(intervals.meter_id)
        register_key = self._names.ensure_quantity(intervals.register).key
        of = (meter_key, register_key, intervals.step_s)
        with self._database.writing() as session:
            kept, kept_wh = imported.there(session, of, starts)
            new = ~np.isin(starts, kept, assume_unique=True)
            columns = (starts[new], energy[new], quality[new])
            at_once = self._database.is_sqlite
            if shown is None:
                imported.insert(session, of, *columns, as_runs=at_once)
            else:
                of_new = shown.at(known[new])
                imported.insert_shown(session, of, *columns, of_new, at_once=at_once)
            changed = np.flatnonzero(~new)
            changed = changed[kept_wh[np.searchsorted(kept, starts[changed])] != energy[changed]]
            now_ms = to_ms(self._clock())
            for k in changed.tolist():
                session.run(_KEEP_OLD, (now_ms, *of, int(starts[k])))
                told = (int(energy[k]), int(quality[k]), imported.METHOD, *of, int(starts[k]))
                session.run(_REPLACE, told)
        return int(np.count_nonzero(new)) + len(changed)

    # --- closing --------------------------------------------------------------------------------

    def advance(
        self,
        session: Session,
        meter_id: str,
        register: str,
        disorder_ms: tuple[int, int] | None = None,
    ) -> bool:
        """Closes what the stored readings complete. False: nothing new.

        disorder_ms: first and last stamp among readings that came in another order.
        """
        keys = self.keys(session, meter_id, register)
        quantity = self._names.quantity(session, register)
        if keys is None or quantity is None:
            return False
        state = self._state(session, *keys)
        since = state.last_ms + 1 if state is not None else 0
        times, values = points.read(
            session, self._names, self._cache, keys[0], quantity, since, _FAR_MS
        )
        return self.book(
            session, meter_id, keys, register, times, values, state, disorder_ms=disorder_ms
        )

    def take_late(
        self, session: Session, meter_id: str, register: str, first_ms: int, last_ms: int
    ) -> int:
        """Redraws estimated intervals through readings of [first_ms, last_ms] that came after they
        were closed (late.py); gives how many changed. Earlier versions are kept."""
        keys = self.keys(session, meter_id, register)
        quantity = self._names.quantity(session, register)
        state = None if keys is None else self._state(session, *keys)
        if keys is None or quantity is None or state is None:
            return 0

        def read(start_ms: int, end_ms: int) -> tuple[Int64s, Int64s]:
            times, register_wh = self.readings(session, meter_id, register, start_ms, end_ms)
            return times, continuous(times, register_wh, jumps)

        jumps = self.jumps(session, meter_id, register)
        rules = self.rules(session, meter_id, register)
        if state.through_ms is None:
            # Nothing is closed yet: the book begins with the oldest reading that came.
            begin_ms = min(first_ms, state.last_ms)
            times, register_wh = self.readings(session, meter_id, register, begin_ms, _FAR_MS)
            judged = self.jumps(session, meter_id, register, judged_from_ms=begin_ms - 1)
            pieces = list(close_over_jumps(times, register_wh, rules, None, judged))
            for closed in pieces:
                self._save(session, meter_id, keys, register, closed)
            return sum(len(closed.start_ms) for closed in pieces)
        made = late.remake(session, keys, rules, state, read, (first_ms, last_ms))
        now_ms = to_ms(self._clock())
        for step_s, start_ms, energy, quality, opening, closing in made.rows:
            of = (*keys, step_s, start_ms)
            session.run(_KEEP_OLD, (now_ms, *of))
            session.run(_REPLACE, (energy, quality, late.METHOD, *of))
            session.run(_RESHOWN, (opening, closing, *of))
        if made.state != state:
            session.run(SAVE_STATE, (*keys, *astuple(made.state)))
        return len(made.rows)

    def book(
        self,
        session: Session,
        meter_id: str,
        keys: tuple[int, int],
        register: str,
        times: Int64s,
        values: Floats,
        state: LedgerState | None,
        *,
        disorder_ms: tuple[int, int] | None = None,
    ) -> bool:
        """Closes with the readings (n,) given, all later than state.last_ms."""
        known = ~np.isnan(values)
        if not known.any():
            return False
        rules = self._rules(meter_id)
        grid = self._grid(session, keys)
        if grid.step_ms != rules.step_ms:
            grid = grid.followed_by(rules.step_ms, (state.through_ms or 0) if state else 0)
            self._save_grid(session, keys, grid)
        rules = replace(rules, grid=grid, disorder_ms=disorder_ms)
        register_wh = np.rint(values[known]).astype(np.int64)
        jumps = self.jumps(session, meter_id, register, judged_from_ms=_last_ms(state))
        for closed in close_over_jumps(times[known], register_wh, rules, state, jumps):
            self._save(session, meter_id, keys, register, closed)
        return True

    def readings(
        self, session: Session, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[Int64s, Int64s]:
        """Times (n,) and whole Wh (n,) of the register in [start_ms, end_ms), without what is not
        available."""
        keys, quantity = (
            self.keys(session, meter_id, register),
            self._names.quantity(session, register),
        )
        if keys is None or quantity is None:
            none = np.empty(0, np.int64)
            return none, none
        times, values = points.read(
            session, self._names, self._cache, keys[0], quantity, max(start_ms, 0), end_ms
        )
        known = ~np.isnan(values)
        return times[known], np.rint(values[known]).astype(np.int64)

    def rules(self, session: Session, meter_id: str, register: str) -> RegisterRules:
        """What is known of the register, with the grid on which it is booked."""
        rules = self._rules(meter_id)
        keys = self.keys(session, meter_id, register)
        return rules if keys is None else replace(rules, grid=self._grid(session, keys))

    def step_ms(self, meter_id: str) -> int:
        """The length of the meter's intervals from now on."""
        return self._rules(meter_id).step_ms

    @staticmethod
    def _grid(session: Session, keys: tuple[int, int]) -> Grid:
        rows = session.rows(
            "SELECT from_ms, step_s FROM ledger_grids WHERE meter_key = ? AND register_key = ?"
            " ORDER BY from_ms",
            keys,
        )
        return Grid(tuple((int(row[0]), int(row[1]) * 1000) for row in rows)) if rows else Grid()

    @staticmethod
    def _save_grid(session: Session, keys: tuple[int, int], grid: Grid) -> None:
        session.run("DELETE FROM ledger_grids WHERE meter_key = ? AND register_key = ?", keys)
        session.many(
            "INSERT INTO ledger_grids (meter_key, register_key, from_ms, step_s)"
            " VALUES (?, ?, ?, ?)",
            [(*keys, from_ms, step_ms // 1000) for from_ms, step_ms in grid.parts],
        )

    def jumps(
        self, session: Session, meter_id: str, register: str, *, judged_from_ms: int | None = None
    ) -> tuple[Jump, ...]:
        """Exchanges and resets that were entered with both readings, ascending.

        judged_from_ms: later ones that no person stands by carry what is believable of them; None:
        they are taken as they were told.
        """
        rows = session.rows(
            "SELECT at_ms, old_end_wh, new_start_wh, confirmed FROM register_events"
            " WHERE meter_id = ? AND register = ? AND old_end_wh IS NOT NULL"
            " AND new_start_wh IS NOT NULL ORDER BY at_ms",
            (meter_id, register),
        )
        found = []
        for at_ms, old_end_wh, new_start_wh, confirmed in rows:
            most_w = None
            if judged_from_ms is not None and at_ms > judged_from_ms and not confirmed:
                most_w = self.believable_w(session, meter_id, register, at_ms)
            found.append(Jump(at_ms, old_end_wh, new_start_wh, most_w))
        return tuple(found)

    def believable_w(self, session: Session, meter_id: str, register: str, at_ms: int) -> float:
        """Mean power up to which the readings of an exchange at that time are believed."""
        keys = self.keys(session, meter_id, register)
        highest_w: float | None = None
        for step_s in steps.kept(session, keys):
            assert keys is not None
            # What the exchange itself books must not speak for it.
            beside_ms = 2 * step_s * 1000
            for first, last in (
                (at_ms - _COMPARED_MS, at_ms - beside_ms),
                (at_ms + beside_ms, at_ms + _COMPARED_MS),
            ):
                row = session.row(
                    "SELECT MAX(energy_wh)" + _WITHIN + " AND quality IN (0, 1)",
                    (*keys, step_s, first, last),
                )
                if row is not None and row[0] is not None:
                    highest_w = max(highest_w or 0.0, int(row[0]) * 3600 / step_s)
        limit_w = self._rules(meter_id).limit_w
        believed = doubt.believable_w(highest_w)
        return believed if limit_w is None else min(believed, limit_w)

    def state(self, session: Session, meter_id: str, register: str) -> LedgerState | None:
        keys = self.keys(session, meter_id, register)
        return None if keys is None else self._state(session, *keys)

    def _state(self, session: Session, meter_key: int, register_key: int) -> LedgerState | None:
        row = session.row(
            f"SELECT {_STATE_COLUMNS} FROM ledger_state WHERE meter_key = ? AND register_key = ?",
            (meter_key, register_key),
        )
        if row is None:
            return None
        last_ms, last_wh, offset_wh, segment, through_ms, through_wh, through_segment, guess = row
        return LedgerState(
            last_ms=last_ms,
            last_wh=last_wh,
            offset_wh=offset_wh,
            segment=segment,
            through_ms=through_ms,
            through_wh=through_wh,
            through_segment=through_segment,
            through_estimated=bool(guess),
        )

    def _save(
        self,
        session: Session,
        meter_id: str,
        keys: tuple[int, int],
        register: str,
        closed: Closed,
    ) -> None:
        m = len(closed.start_ms)
        if m:
            quarantined = closed.quality == IntervalQuality.QUARANTINED
            columns: list[list[Any]] = [
                closed.step_s.tolist(),
                closed.start_ms.tolist(),
                _nullable(closed.energy_wh, quarantined),
                closed.quality.tolist(),
                ["register"] * m,
                _nullable(closed.opening_wh, closed.opening_wh == UNKNOWN_WH),
                _nullable(closed.closing_wh, closed.closing_wh == UNKNOWN_WH),
                closed.segment.tolist(),
            ]
            session.many(_INSERT, [(*keys, *row) for row in zip(*columns, strict=True)])
        if closed.state is not None:
            session.run(SAVE_STATE, (*keys, *astuple(closed.state)))
        self.quarantine(session, meter_id, register, closed.incidents)

    def quarantine(
        self, session: Session, meter_id: str, register: str, incidents: tuple[Incident, ...]
    ) -> None:
        if incidents:
            session.many(
                _QUARANTINE,
                [(meter_id, register, i.at_ms, float(i.value_wh), i.reason) for i in incidents],
            )


def _by_origin(segments: Mapping[int, _Segment]) -> tuple[int, int]:
    """How many segments are of files, and of the register that is read."""
    of_files = sum(number < 0 for number in segments)
    return of_files, len(segments) - of_files


def _last_ms(state: LedgerState | None) -> int:
    return -1 if state is None else state.last_ms


def _nullable(values: Int64s, absent: NDArray[np.bool_]) -> list[int | None]:
    if not absent.any():
        return list(values.tolist())
    return [
        None if gone else value
        for value, gone in zip(values.tolist(), absent.tolist(), strict=True)
    ]
