"""Readings of gauges that come from files: a year of temperatures of a weather service.

They go straight into sealed chunks, a stretch of days in each transaction, so that the writer of an
engine beside waits a moment at most. A register is not taken here: its energy is booked by the
engine alone, in the order of time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.energy import DAY_MS, Series
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.storage.database import Database
from energy_desktop.storage.series.bookkeeping import Bookkeeper
from energy_desktop.storage.series.bulk import BulkLoader
from energy_desktop.storage.series.chunks import TimelineCache
from energy_desktop.storage.series.names import Names

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRETCH_MS = 30 * DAY_MS


class ImportedGauges:
    """Implements domain.ports.GaugeIntake. May be used beside a running engine."""

    def __init__(
        self,
        database: Database,
        names: Names,
        cache: TimelineCache,
        keeper: Bookkeeper,
        zone: Callable[[], ZoneInfo],
    ) -> None:
        self._parts = (database, names, cache, keeper, zone)

    def add_readings(self, series: Series, *, replace: bool = False) -> None:
        """Readings at times that are there already stay as they are, or, with `replace`, give way.

        series.time_ms: strictly ascending. Raises WrongUse for a counter.
        """
        row = QUANTITIES.get(series.quantity)
        if row is None or row.is_counter:
            raise WrongUse(
                where=f"{series.meter_id}, {series.quantity}",
                what="only readings of a gauge are imported so.",
                remedy="Import a counter as energy by interval.",
            )
        loader = BulkLoader(
            *self._parts
        )  # its own: what it remembers of timelines holds for one import
        stretch = series.time_ms // _STRETCH_MS
        for begin, end in _runs(stretch):
            loader.add_sealed(
                series.meter_id,
                series.quantity,
                series.time_ms[begin:end],
                series.values[begin:end],
                replace=replace,
            )


def _runs(of: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Begin and end of each run of equal numbers (n,)."""
    if not len(of):
        return []
    starts = [0, *(np.flatnonzero(np.diff(of)) + 1).tolist()]
    return list(zip(starts, [*starts[1:], len(of)], strict=True))
