"""The energy ledger as the rest of the program reads it, and intervals that files bring to it.

Booking is done elsewhere (bookkeeping.py); here are periods in any step that the kept ones make,
what ties them to the register, and imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.energy import (
    IntervalQuality,
    Intervals,
    Reconciliation,
    RegisterReading,
    RegisterShown,
)
from energy_desktop.domain.errors import WrongUse
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.series import imported, points, steps, versions
from energy_desktop.storage.series.chunks import TimelineCache
from energy_desktop.storage.series.names import Keys, Names
from energy_desktop.storage.series.reconciling import reconciled
from energy_desktop.storage.series.register import REGISTERS
from energy_desktop.storage.series.versions import SPAN, Of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int8s = NDArray[np.int8]
    Floats = NDArray[np.float64]

DEFAULT_STEP_S = 900


class StoredLedger:
    """Implements domain.ports.Ledger."""

    def __init__(
        self, database: Database, names: Names, cache: TimelineCache, clock: Clock
    ) -> None:
        self._database = database
        self._names = names
        self._cache = cache
        self._clock = clock

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
            keys = self._names.keys(session, meter_id, register)
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
            end_ms = (first + count) * step_ms
            energy, quality = _told(session, keys, usable, first * step_ms, end_ms, step_s)
        starts = (first + np.arange(count, dtype=np.int64)) * step_ms
        return Intervals(meter_id, register, step_s, starts, energy, quality)

    def reconciliation(
        self, meter_id: str, start_ms: int, end_ms: int, *, register: str = "energy_import_wh"
    ) -> Reconciliation:
        """Sum of the intervals inside [start_ms, end_ms) against the register: reconciling.py."""
        with self._database.reading() as session:
            keys = self._names.keys(session, meter_id, register)
            return reconciled(session, keys, meter_id, register, start_ms, end_ms)

    def register_reading(
        self, meter_id: str, at_ms: int, *, register: str = "energy_import_wh"
    ) -> RegisterReading | None:
        with self._database.reading() as session:
            meter_key = self._names.meter(session, meter_id)
            quantity = self._names.quantity(session, register)
            if meter_key is None or quantity is None:
                return None
            last = points.last(session, self._names, self._cache, meter_key, quantity, at_ms)
        return (
            None if last is None else RegisterReading(meter_id, register, last[0], round(last[1]))
        )

    def registers(self, meter_id: str) -> tuple[str, ...]:
        with self._database.reading() as session:
            return tuple(
                name
                for name in REGISTERS
                if steps.kept(session, self._names.keys(session, meter_id, name))
            )

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
            values = {
                (*of, int(starts[k])): (int(energy[k]), int(quality[k]), imported.METHOD, None)
                for k in changed.tolist()
            }
            versions.supersede(session, to_ms(self._clock()), values)
        return int(np.count_nonzero(new)) + len(changed)


def _told(
    session: Session,
    keys: Keys | None,
    kept: Sequence[int],
    start_ms: int,
    end_ms: int,
    step_s: int,
) -> tuple[Floats, Int8s]:
    """Energy and quality (n,) of every step_s of [start_ms, end_ms), from what is kept in steps
    that divide it, finest first: a coarser row tells only what the finer ones do not.

    Steps meet in the smallest one that they fit into, so that in an hour half of which was booked
    in another length both halves count.
    """
    if keys is None or not kept:
        count = (end_ms - start_ms) // (step_s * 1000)
        return np.full(count, np.nan), np.full(count, IntervalQuality.MISSING, np.int8)
    met_s = kept[0]
    energy, quality = _rows(session, (*keys, met_s), start_ms, end_ms)
    for kept_s in kept[1:]:
        common_s = lcm(met_s, kept_s)
        energy, quality = _summed(energy, quality, common_s // met_s)
        coarse = _summed(*_rows(session, (*keys, kept_s), start_ms, end_ms), common_s // kept_s)
        better = coarse[1] < quality
        energy[better], quality[better] = coarse[0][better], coarse[1][better]
        met_s = common_s
    return _summed(energy, quality, step_s // met_s)


def _rows(session: Session, of: Of, start_ms: int, end_ms: int) -> tuple[Floats, Int8s]:
    """Energy and quality (n,) of every own step of [start_ms, end_ms)."""
    step_ms = of[2] * 1000
    count = (end_ms - start_ms) // step_ms
    energy = np.full(count, np.nan)
    quality = np.full(count, IntervalQuality.MISSING, np.int8)
    rows = session.rows(
        "SELECT start_ms, energy_wh, quality FROM intervals" + SPAN, (*of, start_ms, end_ms)
    )
    if rows:
        table = np.array(rows, np.float64)  # NULL becomes NaN
        position = (table[:, 0].astype(np.int64) - start_ms) // step_ms
        energy[position] = table[:, 1]
        quality[position] = table[:, 2].astype(np.int8)
    return energy, quality


def _summed(energy: Floats, quality: Int8s, per: int) -> tuple[Floats, Int8s]:
    """Sums (n / per,) of so many steps each: as good as the worst in it."""
    shape = (len(energy) // per, per)
    return energy.reshape(shape).sum(axis=1), quality.reshape(shape).max(axis=1)
