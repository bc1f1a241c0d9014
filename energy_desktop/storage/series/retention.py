"""What is given up, and when: by default each second for a month, each minute for two years.

Quarter hours and longer stay for ever, so before minutes go, their quarter hours are written
down. Everything is done a day of a quantity at a time, oldest first, in the turn of the writer and
with a pause after each: readings that come meanwhile wait for milliseconds. A power cut may undo
the last days; they are thinned out again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.energy import DAY_MS, HOUR_MS
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.storage.database import Database, Session
from energy_desktop.storage.series import chunks, points, reading, rollups
from energy_desktop.storage.series.chunks import Tier, TimelineCache
from energy_desktop.storage.series.names import Names, StoredQuantity
from energy_desktop.storage.series.rollups import DAY_S, QUARTER_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]


_DAY = " WHERE meter_key = ? AND quantity_key = ? AND tier = ? AND start_ms >= ? AND start_ms < ?"
_PAUSE_S = 0.005  # a lock that is let go and taken again at once is never had by another thread


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """Days that each tier is kept."""

    raw_days: int = 31
    minute_days: int = 730


class Retention:
    def __init__(
        self,
        database: Database,
        names: Names,
        cache: TimelineCache,
        zone: Callable[[], ZoneInfo],
        rules: Callable[[], RetentionRules],
        turn: AbstractContextManager[object],
    ) -> None:
        """turn: held while something is written, as the writer holds it for a commit."""
        self._database = database
        self._names = names
        self._cache = cache
        self._zone = zone
        self._rules = rules
        self._turn = turn

    def run(self, now_ms: int, *, seconds: float = float("inf")) -> bool:
        """Thins out for at most about `seconds`. True: more is to be done."""
        end = time.monotonic() + seconds
        rules = self._rules()
        while self._step(now_ms, rules):
            time.sleep(_PAUSE_S)
            if time.monotonic() >= end:
                return True
        return False

    def _step(self, now_ms: int, rules: RetentionRules) -> bool:
        """One day of one quantity. False: nothing is old enough."""
        for tier, days in (
            (Tier.RAW, rules.raw_days),
            (Tier.MINUTE, rules.minute_days),
        ):
            before_ms = (now_ms - days * DAY_MS) // DAY_MS * DAY_MS
            with self._database.reading() as session:
                row = session.row(
                    "SELECT meter_key, quantity_key, start_ms FROM chunks"
                    " WHERE tier = ? AND start_ms < ? ORDER BY start_ms LIMIT 1",
                    (int(tier), before_ms),
                )
            if row is not None:
                day_ms = int(row[2]) // DAY_MS * DAY_MS
                with self._turn, self._database.writing(durable=False) as session:
                    quantity = self._names.quantities(session)[int(row[1])]
                    self._thin(session, int(row[0]), quantity, tier, day_ms)
                return True
        return False

    def _thin(
        self,
        session: Session,
        meter_key: int,
        quantity: StoredQuantity,
        tier: Tier,
        day_ms: int,
    ) -> None:
        end_ms = day_ms + DAY_MS
        of = (meter_key, quantity.key, int(tier), day_ms, end_ms)
        timelines = session.rows("SELECT DISTINCT timeline_key FROM chunks" + _DAY, of)
        if tier is Tier.RAW:
            self._keep_minutes(session, meter_key, quantity, day_ms)
        else:
            quarters = reading.summary(
                session,
                self._names,
                self._cache,
                meter_key,
                quantity,
                day_ms,
                end_ms,
                QUARTER_S,
                self._zone(),
            )
            rollups.save(session, meter_key, quantity.key, QUARTER_S, quarters)
        session.run("DELETE FROM chunks" + _DAY, of)
        _forget_timelines(session, (int(row[0]) for row in timelines))

    def _keep_minutes(
        self, session: Session, meter_key: int, quantity: StoredQuantity, day_ms: int
    ) -> None:
        """The day at one value a minute: gauges their mean at the minute's start, counters their
        first reading at its own time, because a mean register is no reading."""
        times, values = points.sealed(
            session, self._cache, meter_key, quantity, day_ms, day_ms + DAY_MS
        )
        there = ~np.isnan(values)
        times, values = times[there], values[there]
        if not len(times):
            return
        minute = rollups.floor_to(times, points.MINUTE_MS)
        row = QUANTITIES.get(quantity.name)
        if row is not None and row.is_counter:
            first = np.concatenate(([0], np.flatnonzero(np.diff(minute)) + 1))
            times, values = times[first], values[first]
        else:
            found = rollups.summarise(minute, values)
            times, values = found.start_ms, found.mean
        chunks.write(
            session,
            self._cache,
            meter_key,
            Tier.MINUTE,
            day_ms,
            times,
            None,
            [(quantity, values)],
        )

    def rebuild_days(self) -> None:
        """Writes every day row again: the site was moved to another zone."""
        zone = self._zone()
        with self._database.reading() as session:
            meters = list(self._names.meter_ids(session))
            known = self._names.quantities(session)
        for meter_key in meters:
            with self._database.writing(busy_ms=30_000) as session:
                for quantity in known.values():
                    self._rebuild(session, meter_key, quantity, zone)

    def _rebuild(
        self, session: Session, meter_key: int, quantity: StoredQuantity, zone: ZoneInfo
    ) -> None:
        row = session.row(
            "SELECT MIN(start_ms), MAX(start_ms) FROM rollups WHERE meter_key = ?"
            " AND quantity_key = ? AND step_s = 3600",
            (meter_key, quantity.key),
        )
        if row is None or row[0] is None:
            return
        session.run(
            "DELETE FROM rollups WHERE meter_key = ? AND quantity_key = ? AND step_s = ?",
            (meter_key, quantity.key, DAY_S),
        )
        quarters = reading.summary(
            session,
            self._names,
            self._cache,
            meter_key,
            quantity,
            int(row[0]),
            int(row[1]) + HOUR_MS,
            QUARTER_S,
            zone,
        )
        days = rollups.combine([quarters], rollups.local_days(quarters.start_ms, zone))
        rollups.save(session, meter_key, quantity.key, DAY_S, days)


def _forget_timelines(session: Session, keys: Iterable[int]) -> None:
    session.many(
        "DELETE FROM timelines WHERE timeline_key = ? AND NOT EXISTS"
        " (SELECT 1 FROM chunks WHERE chunks.timeline_key = timelines.timeline_key)",
        [(key,) for key in keys],
    )
