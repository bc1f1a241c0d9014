"""What a file would change in the ledger, interval by interval, before anything is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import IntervalQuality, Intervals, RegisterShown
from energy_desktop.domain.errors import WrongUse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.acquisition.files.series import ParsedSeries
    from energy_desktop.domain.ports import Ledger

    Int64s = NDArray[np.int64]
    Int8s = NDArray[np.int8]
    Floats = NDArray[np.float64]

CHUNK = 50_000  # intervals compared or stored at once


class Change(IntEnum):
    """What an interval of the file meets in the ledger."""

    NEW = 0  # nothing is there
    EQUAL = 1
    FILLS = 2  # a reading was quarantined there
    ESTIMATED = 3  # an estimate stands there, and it differs
    MEASURED = 4  # a measured value stands there, and it differs
    EDITED = 5  # a person corrected it, to another value
    LATER = 6  # the meter's own register has yet to tell it
    COVERED = 7  # of a gauge: there is a reading nearer than half a step of the file
    KNOWN = 8  # the file itself has a hole there, over which its register was spread


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What of the ledger a file may replace. What is missing or quarantined, it always fills."""

    replace_estimated: bool = True
    replace_measured: bool = False
    replace_edited: bool = False

    def takes(self, change: Change) -> bool:
        return {
            Change.NEW: True,
            Change.FILLS: True,
            Change.ESTIMATED: self.replace_estimated,
            Change.MEASURED: self.replace_measured,
            Change.EDITED: self.replace_edited,
        }.get(change, False)


@dataclass(frozen=True, slots=True)
class Compared:
    """A stretch of the file beside the ledger; arrays (n,). stored_wh: NaN where nothing is.
    shown: what the file's register showed; None: the file has none."""

    start_ms: Int64s
    file_wh: Floats
    quality: Int8s
    stored_wh: Floats
    change: Int8s
    shown: RegisterShown | None = None


def fitted(series: ParsedSeries, step_s: int | None) -> tuple[ParsedSeries, tuple[str, ...]]:
    """The series in the step of the ledger, and what a person should know of that.

    step_s None: the ledger has none yet, and keeps the file's. Raises WrongUse when the ledger's
    step cannot be made of the file's, or its intervals begin beside the grid.
    """
    if step_s is not None and step_s != series.step_s:
        if step_s % series.step_s:
            raise WrongUse(
                where=series.meter_id,
                what=f"the file has intervals of {_step(series.step_s)}, the ledger of this meter "
                f"keeps {_step(step_s)}, which cannot be made of them.",
                remedy="Import under another meter id.",
            )
        series, left = _summed(series, step_s)
        notes: tuple[str, ...] = (
            f"{_step(series.step_s)} of the ledger are sums of the file's intervals.",
        )
        if left:
            notes = (*notes, f"{left:,} of them are not whole in the file and were left out.")
    else:
        notes = ()
    if bool(np.any(series.start_ms % (series.step_s * 1000))):
        raise WrongUse(
            where=series.meter_id,
            what=f"its intervals of {_step(series.step_s)} do not begin on the whole "
            f"{_step(series.step_s)} of UTC.",
            remedy="Check the zone, and whether stamps mark the start or the end.",
        )
    return series, notes


def _step(step_s: int) -> str:
    return f"{step_s // 60} min" if step_s % 60 == 0 else f"{step_s} s"


def _summed(series: ParsedSeries, step_s: int) -> tuple[ParsedSeries, int]:
    """Sums of whole steps, and how many steps are not whole."""
    step_ms, per = step_s * 1000, step_s // series.step_s
    slot, first, count = np.unique(
        series.start_ms // step_ms, return_index=True, return_counts=True
    )
    whole = count == per
    if not len(slot):
        return replace(series, step_s=step_s), 0
    energy = np.add.reduceat(series.energy_wh, first)[whole]
    quality = None if series.quality is None else np.maximum.reduceat(series.quality, first)[whole]
    starts = slot[whole] * step_ms
    shown, last = series.shown, first + count - 1
    if shown is not None:
        shown = RegisterShown(
            shown.opening_wh[first], shown.closing_wh[last], shown.segment[last]
        ).at(whole)
    made = replace(
        series,
        step_s=step_s,
        start_ms=starts,
        energy_wh=energy,
        quality=quality,
        lines=None if series.lines is None else series.lines[first][whole],
        first_ms=int(starts[0]) if len(starts) else None,
        last_ms=int(starts[-1]) if len(starts) else None,
        shown=shown,
    )
    return made, int(np.count_nonzero(~whole))


def compared(
    ledger: Ledger, series: ParsedSeries, *, fresh: bool, until_ms: int | None
) -> Iterator[Compared]:
    """The series beside the ledger, stretch by stretch. fresh: the ledger has nothing of it.
    until_ms: intervals that end later are LATER."""
    step_ms = series.step_s * 1000
    for begin in range(0, len(series.start_ms), CHUNK):
        part = slice(begin, begin + CHUNK)
        starts, file_wh = series.start_ms[part], series.energy_wh[part]
        quality = (
            np.full(len(starts), IntervalQuality.RAW, np.int8)
            if series.quality is None
            else series.quality[part]
        )
        stored = np.full(len(starts), np.nan)
        there = np.full(len(starts), IntervalQuality.MISSING, np.int8)
        if not fresh:
            for one in _stored(ledger, series, starts, step_ms):
                inside = slice(*np.searchsorted(starts, [one.start_ms[0], one.start_ms[-1] + 1]))
                at = (starts[inside] - one.start_ms[0]) // step_ms
                stored[inside] = one.energy_wh[at]
                there[inside] = one.quality[at]
        change = _change(file_wh, stored, there, quality)
        shown = None if series.shown is None else series.shown.at(part)
        if shown is not None:
            # A line over a hole of the file is no better than what the ledger has.
            guess = (quality == IntervalQuality.ESTIMATED) & ~np.isnan(stored)
            change[guess & (change != Change.EQUAL)] = Change.KNOWN
        if until_ms is not None:
            change[starts + step_ms > until_ms] = Change.LATER
        yield Compared(starts, file_wh, quality, stored, change, shown)


def _stored(
    ledger: Ledger, series: ParsedSeries, starts: Int64s, step_ms: int
) -> Iterator[Intervals]:
    """The ledger around the starts; a file with a gap of years is not asked for the years."""
    splits = np.flatnonzero(np.diff(starts) > CHUNK * step_ms) + 1
    for run in np.split(starts, splits):
        found = ledger.intervals(
            series.meter_id,
            int(run[0]),
            int(run[-1]) + step_ms,
            register=series.register,
            step_s=series.step_s,
        )
        if len(found.start_ms):
            yield found


def _change(file_wh: Floats, stored: Floats, there: Int8s, quality: Int8s) -> Int8s:
    change = np.full(len(file_wh), Change.NEW, np.int8)
    change[there == IntervalQuality.QUARANTINED] = Change.FILLS
    known = ~np.isnan(stored)
    differs = known & (stored != file_wh)
    change[known & ~differs] = Change.EQUAL
    change[differs & (there <= IntervalQuality.VALIDATED)] = Change.MEASURED
    change[differs & (there == IntervalQuality.ESTIMATED)] = Change.ESTIMATED
    change[differs & (there == IntervalQuality.EDITED)] = Change.EDITED
    # An estimate that a measured value confirms is no longer an estimate: it is replaced too.
    confirmed = (there == IntervalQuality.ESTIMATED) & (quality != IntervalQuality.ESTIMATED)
    change[known & ~differs & confirmed] = Change.ESTIMATED
    return change


def counted(change: Int8s) -> dict[Change, int]:
    """How many intervals (n,) meet what."""
    found = np.bincount(change, minlength=len(Change)).tolist()
    return {one: found[one] for one in Change}


def added(one: Mapping[Change, int], other: Mapping[Change, int]) -> dict[Change, int]:
    return {change: one.get(change, 0) + other.get(change, 0) for change in Change}
