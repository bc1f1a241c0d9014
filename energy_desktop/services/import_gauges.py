"""Readings of a gauge from a file, beside those that are stored: a year of temperatures.

A file fills what is empty. It never comes between readings that the meter's own polling left, and
what another file said at the same time it replaces only with leave. There is no ledger of a gauge,
so nothing of it can be undone; that is why so little of it is ever replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import DAY_MS, HOUR_MS, Resolution, Series
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.ports import GaugeIntake, History
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.services.import_changes import Change, ImportRules, added, counted
from energy_desktop.services.import_values import FileSeries, ImportResult, SeriesPreview

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.acquisition.files.series import ParsedReadings

    Int64s = NDArray[np.int64]
    Int8s = NDArray[np.int8]
    Floats = NDArray[np.float64]

_STRETCH_MS = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Readings of the file beside the store; arrays (n,). stored: NaN where nothing is."""

    time_ms: Int64s
    values: Floats
    stored: Floats
    change: Int8s


class GaugeImport:
    """Compares and stores. now_ms: later readings are not taken, nothing was measured yet."""

    def __init__(self, history: History, intake: GaugeIntake, now_ms: Callable[[], int]) -> None:
        self._history = history
        self._intake = intake
        self._now_ms = now_ms

    def preview(
        self, one: FileSeries, parsed: ParsedReadings, meter_id: str, *, new: bool, polled: bool
    ) -> SeriesPreview:
        """What the readings would change; nothing is stored."""
        changes = counted(np.empty(0, np.int8))
        days: dict[int, tuple[float, int, float, int]] = {}
        for part in self._compared(parsed, meter_id, polled=polled):
            changes = added(changes, counted(part.change))
            _add_days(days, part)
        ordered = sorted(days)
        told = [days[day] for day in ordered]
        return SeriesPreview(
            one,
            meter_id,
            new,
            changes,
            parsed.step_s,
            parsed.duplicates,
            tuple((r.line, r.reason) for r in parsed.rejected),
            parsed.gaps,
            parsed.notes,
            np.array(ordered, np.int64) * DAY_MS,
            np.array([total / n for total, n, _, _ in told]),
            np.array([total / n if n else np.nan for _, _, total, n in told]),
        )

    def store(
        self,
        one: FileSeries,
        parsed: ParsedReadings,
        meter_id: str,
        rules: ImportRules,
        told: Callable[[int], None],
        *,
        polled: bool,
    ) -> ImportResult:
        """Stores what is new, and what may be replaced; stretch by stretch, so that cancelling
        keeps what was stored. told: how many readings are done."""
        changes = counted(np.empty(0, np.int8))
        done = 0
        for part in self._compared(parsed, meter_id, polled=polled):
            told(done)
            changes = added(changes, counted(part.change))
            takes = np.isin(part.change, [change for change in Change if rules.takes(change)])
            taken = takes & (part.change != Change.EQUAL)
            if taken.any():
                self._intake.add_readings(
                    Series(meter_id, parsed.quantity, part.time_ms[taken], part.values[taken]),
                    replace=rules.replace_measured,
                )
            done += len(part.time_ms)
        replaced = changes[Change.MEASURED] if rules.replace_measured else 0
        return ImportResult(
            file=one.path,
            meter_id=meter_id,
            rows_read=parsed.rows_read,
            stored=changes[Change.NEW] + replaced,
            duplicates=parsed.duplicates + changes[Change.EQUAL],
            already_stored=changes[Change.EQUAL],
            rejected=tuple((r.line, r.reason) for r in parsed.rejected),
            gaps=parsed.gaps,
            first_ms=parsed.first_ms,
            last_ms=parsed.last_ms,
            step_s=parsed.step_s,
            notes=parsed.notes,
            replaced=replaced,
            left=changes[Change.COVERED]
            + changes[Change.LATER]
            + (changes[Change.MEASURED] - replaced),
            quantity=parsed.quantity,
        )

    def _compared(
        self, parsed: ParsedReadings, meter_id: str, *, polled: bool
    ) -> Iterator[_Stretch]:
        series = replace(parsed, meter_id=meter_id)
        now_ms = self._now_ms()
        stretch = series.time_ms // _STRETCH_MS
        edges = [0, *(np.flatnonzero(np.diff(stretch)) + 1).tolist(), len(stretch)]
        for begin, end in pairwise(edges):
            if begin == end:
                continue
            times, values = series.time_ms[begin:end], series.values[begin:end]
            stored, change = self._beside(series, times, values, polled=polled)
            change[times > now_ms] = Change.LATER
            yield _Stretch(times, values, stored, change)

    def _beside(
        self, series: ParsedReadings, times: Int64s, values: Floats, *, polled: bool
    ) -> tuple[Floats, Int8s]:
        """What is stored at these times (n,), and what each reading meets."""
        half_ms = max(series.step_s * 500, 1)
        close = QUANTITIES[series.quantity].resolution * 0.51
        found = self._history.raw(
            series.meter_id,
            series.quantity,
            max(int(times[0]) - half_ms, 0),
            int(times[-1]) + half_ms + 1,
        )
        there = ~np.isnan(found.values)
        at, held = found.time_ms[there], found.values[there]
        stored = np.full(len(times), np.nan)
        change = np.full(len(times), Change.NEW, np.int8)
        if len(at):
            after = np.minimum(np.searchsorted(at, times), len(at) - 1)
            before = np.maximum(after - 1, 0)
            distance = np.minimum(np.abs(at[after] - times), np.abs(at[before] - times))
            change[distance < half_ms] = Change.COVERED
            same = at[after] == times
            stored[same] = held[after[same]]
            change[same] = Change.COVERED if polled else Change.MEASURED
            change[same & (np.abs(stored - values) <= close)] = Change.EQUAL
        self._beside_summed(series, times, values, at, stored, change, close)
        return stored, change

    def _beside_summed(
        self,
        series: ParsedReadings,
        times: Int64s,
        values: Floats,
        at: Int64s,
        stored: Floats,
        change: Int8s,
        close: float,
    ) -> None:
        """Marks readings of hours of which only the summary is kept still: what was read years
        ago. Such an hour is the file's when its mean is."""
        first, last = int(times[0]) // HOUR_MS, int(times[-1]) // HOUR_MS + 1
        hours = self._history.buckets(
            series.meter_id, series.quantity, first * HOUR_MS, last * HOUR_MS, Resolution.HOUR
        )
        summed = (hours.n > 0) & ~np.isin(hours.start_ms // HOUR_MS, np.unique(at // HOUR_MS))
        if not summed.any():
            return
        hour_ms, kept_mean = hours.start_ms[summed], hours.mean[summed]
        position = np.searchsorted(hour_ms, times // HOUR_MS * HOUR_MS)
        inside = position < len(hour_ms)
        inside[inside] = hour_ms[position[inside]] == times[inside] // HOUR_MS * HOUR_MS
        slot = position[inside]
        n = np.bincount(slot, minlength=len(hour_ms))
        mean = np.bincount(slot, values[inside], len(hour_ms)) / np.maximum(n, 1)
        stored[inside] = kept_mean[slot]
        equal = np.abs(mean - kept_mean) <= close
        change[inside] = np.where(equal[slot], Change.EQUAL, Change.COVERED)


def needs_gauges(gauges: GaugeImport | None, where: str, quantity: str) -> GaugeImport:
    """Raises WrongUse where readings cannot be stored."""
    if gauges is None:
        raise WrongUse(
            where=where,
            what=f"readings of {quantity} cannot be stored here.",
            remedy="Import them with the site's own program.",
        )
    return gauges


def _add_days(days: dict[int, tuple[float, int, float, int]], part: _Stretch) -> None:
    """Sums and counts a stretch into UTC days: of the file, and of what is stored."""
    found, first = np.unique(part.time_ms // DAY_MS, return_index=True)
    there = ~np.isnan(part.stored)
    columns = (
        np.add.reduceat(part.values, first),
        np.diff(first, append=len(part.time_ms)),
        np.add.reduceat(np.where(there, part.stored, 0.0), first),
        np.add.reduceat(there.astype(np.int64), first),
    )
    for day, *sums in zip(found.tolist(), *(c.tolist() for c in columns), strict=True):
        old = days.get(day, (0.0, 0, 0.0, 0))
        days[day] = (old[0] + sums[0], old[1] + sums[1], old[2] + sums[2], old[3] + sums[3])
