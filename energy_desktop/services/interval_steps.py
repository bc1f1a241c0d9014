"""Intervals in a step that they need not have been booked in.

A balance adds meters up, and a plan needs quarter hours, whatever lengths the meters are booked in.
Sums of finer intervals are exact. A coarser interval is laid evenly over the steps inside of it:
its energy stays what it was, only its course is not known: `at_step` gives an estimate, `laid_over`
tells what was estimated apart from what is only laid over the steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.ports import Ledger

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int8s, Int64s

    Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Laid:
    """intervals: in the step asked for, with the quality that their energy was booked with.
    spread (n,): whether a longer interval was laid over the step, so that its course is not known.
    own_s: the length that all of the period was booked in, or a whole number of times."""

    intervals: Intervals
    spread: Bools
    own_s: int


def at_step(
    ledger: Ledger, meter_id: str, start_ms: int, end_ms: int, *, register: str, step_s: int
) -> Intervals:
    """The whole steps inside [start_ms, end_ms), each of step_s; what was laid over them is an
    estimate."""
    made = laid_over(ledger, meter_id, start_ms, end_ms, register=register, step_s=step_s)
    found = made.intervals
    guessed = np.maximum(found.quality, IntervalQuality.ESTIMATED)
    return replace(found, quality=np.where(made.spread, guessed, found.quality).astype(np.int8))


def laid_over(
    ledger: Ledger, meter_id: str, start_ms: int, end_ms: int, *, register: str, step_s: int
) -> Laid:
    """As `at_step`, telling apart what was estimated and what is only laid over the steps."""
    try:
        found = ledger.intervals(meter_id, start_ms, end_ms, register=register, step_s=step_s)
    except WrongUse:  # all that is kept is coarser
        found = _unknown(meter_id, register, start_ms, end_ms, step_s)
    silent = np.isnan(found.energy_wh)
    if not silent.any():
        return Laid(found, silent, step_s)
    # Mostly what is silent is only not closed yet, and the length is seen by a look at a moment.
    looked_at = (start_ms, int(found.start_ms[np.argmax(silent)]), end_ms - 1)
    lengths = {
        ledger.intervals(meter_id, at_ms, at_ms, register=register).step_s for at_ms in looked_at
    }
    if not any(step_s % length for length in lengths):
        return Laid(found, np.zeros_like(silent), step_s)
    own_s = lcm(*lengths)
    own_ms = own_s * 1000
    first_ms, last_ms = start_ms // own_ms * own_ms, -(-end_ms // own_ms) * own_ms
    own = ledger.intervals(meter_id, first_ms, last_ms, register=register, step_s=own_s)
    energy, quality = laid_on(own, found.start_ms, step_s)
    use = silent & np.isfinite(energy)
    laid = replace(
        found,
        energy_wh=np.where(use, energy, found.energy_wh),
        quality=np.where(use, quality, found.quality).astype(np.int8),
    )
    return Laid(laid, use, lcm(own_s, step_s))


def _unknown(meter_id: str, register: str, start_ms: int, end_ms: int, step_s: int) -> Intervals:
    step_ms = step_s * 1000
    starts = np.arange(-(-start_ms // step_ms), end_ms // step_ms, dtype=np.int64) * step_ms
    return Intervals(
        meter_id,
        register,
        step_s,
        starts,
        np.full(starts.size, np.nan),
        np.full(starts.size, IntervalQuality.MISSING, np.int8),
    )


def laid_on(own: Intervals, start_ms: Int64s, step_s: int) -> tuple[Floats, Int8s]:
    """Energy (n,) and worst quality (n,) of the steps that begin at start_ms, each interval laid
    evenly over its time; NaN and MISSING where any part of a step is unknown or outside."""
    energy = np.full(start_ms.size, np.nan)
    quality = np.full(start_ms.size, IntervalQuality.MISSING, np.int8)
    if not own.start_ms.size:
        return energy, quality
    edges = np.append(own.start_ms, own.start_ms[-1] + own.step_s * 1000)
    inside = (start_ms >= edges[0]) & (start_ms + step_s * 1000 <= edges[-1])
    starts, ends = start_ms[inside], start_ms[inside] + step_s * 1000
    if not starts.size:
        return energy, quality
    known = np.isfinite(own.energy_wh)
    total = np.concatenate(([0.0], np.cumsum(np.where(known, own.energy_wh, 0.0))))
    gaps = np.concatenate(([0], np.cumsum(~known)))
    first = np.searchsorted(edges, starts, side="right") - 1
    last = np.searchsorted(edges, ends, side="left")
    found = np.interp(ends, edges, total) - np.interp(starts, edges, total)
    energy[inside] = np.where(gaps[last] > gaps[first], np.nan, found)
    pairs = np.stack((first, last), axis=1).ravel()
    quality[inside] = np.maximum.reduceat(np.append(own.quality, np.int8(0)), pairs)[::2]
    return energy, quality
