"""Energy per interval by register difference: pure arithmetic, no disk.

The meter's own cumulative register is what a bill stands on, so energy is never integrated from
power. The register is known only at the readings (accepting.py says which are believed); between
two of them a straight line is drawn to the boundaries of the grid (boundaries.py). Every interval
is the difference of two boundaries, so the sum equals the difference of the register exactly,
however long a gap was.

Where the register does not go on, the intervals around the break are quarantined: no energy is
booked, and the incident is kept for review.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.storage.series.accepting import Accepted, Incident, accept
from energy_desktop.storage.series.boundaries import drawn
from energy_desktop.storage.series.register import LedgerState, RegisterRules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Int8s = NDArray[np.int8]
    Bools = NDArray[np.bool_]


UNKNOWN_WH = np.iinfo(np.int64).min
"""Of a boundary at which the register broke. An odometer may be below zero: a used meter takes what
it began with from it, and may then be set to zero."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Intervals that are complete; shapes (n,). energy_wh is meaningless where quality is
    QUARANTINED; opening/closing (odometer) are UNKNOWN_WH where the boundary value is not known.
    step_s: the length of each."""

    start_ms: Int64s
    step_s: Int64s
    energy_wh: Int64s
    quality: Int8s
    opening_wh: Int64s
    closing_wh: Int64s
    segment: Int64s
    incidents: tuple[Incident, ...]
    state: LedgerState | None


@dataclass(frozen=True, slots=True)
class _Boundaries:
    """What the odometer showed where intervals end; shapes (n,)."""

    at_ms: Int64s
    value_wh: Int64s  # UNKNOWN_WH where not known
    known: Bools
    estimated: Bools
    segment: Int64s


def close_intervals(
    time_ms: Int64s,
    register_wh: Int64s,
    rules: RegisterRules,
    state: LedgerState | None = None,
    *,
    final: bool = False,
    held: Incident | None = None,
) -> Closed:
    """The intervals that the readings after `state` complete.

    time_ms (n,): ascending UTC epoch ms, all after state.last_ms; register_wh (n,): Wh.
    `final`: no more readings will come, so an undecided value at the end is decided now;
    otherwise it waits for the next call, which must bring it again. held: why the first reading
    does not go on from the state.
    """
    accepted = accept(time_ms, register_wh, rules, state, final=final, held=held)
    if accepted is None:
        return _nothing(state)
    read_to = _read_to(accepted, state)
    crossed = _crossed(accepted, rules, state)
    if not len(crossed.at_ms):
        return _nothing(read_to, accepted.incidents)
    if state is not None and state.through_ms is not None:
        crossed = _with_last_one(crossed, state.through_ms, state)
    closed = _between(crossed, rules)
    return replace(
        closed,
        incidents=accepted.incidents + closed.incidents,
        state=replace(
            read_to,
            through_ms=int(crossed.at_ms[-1]),
            through_wh=int(crossed.value_wh[-1]) if crossed.known[-1] else None,
            through_segment=int(crossed.segment[-1]),
            through_estimated=bool(crossed.estimated[-1]),
        ),
    )


def _read_to(accepted: Accepted, state: LedgerState | None) -> LedgerState:
    """The state with the last reading that is believed; no boundary is closed yet."""
    before = LedgerState(0, 0) if state is None else state
    return replace(
        before,
        last_ms=int(accepted.time_ms[-1]),
        last_wh=int(accepted.odometer_wh[-1]) - accepted.offset_wh,
        offset_wh=accepted.offset_wh,
        segment=int(accepted.segment[-1]),
    )


def _crossed(accepted: Accepted, rules: RegisterRules, state: LedgerState | None) -> _Boundaries:
    """The boundaries that the readings pass or touch, behind those that are closed."""
    times, segment = accepted.time_ms, accepted.segment
    through_ms = None if state is None else state.through_ms
    first_ms = int(times[0]) if through_ms is None else through_ms + 1
    at_ms = rules.grid.boundaries(first_ms, int(times[-1]))
    line = drawn(times, accepted.odometer_wh, at_ms, rules.gap_limit_ms)
    known = segment[line.before] == segment[line.after]
    value_wh = np.where(known, line.value_wh, UNKNOWN_WH)
    return _Boundaries(at_ms, value_wh, known, line.apart, segment[line.after])


def _with_last_one(crossed: _Boundaries, through_ms: int, state: LedgerState) -> _Boundaries:
    """With the last boundary that is closed in front: there the next interval begins."""
    opening = UNKNOWN_WH if state.through_wh is None else state.through_wh
    return _Boundaries(
        np.concatenate(([through_ms], crossed.at_ms)),
        np.concatenate(([opening], crossed.value_wh)),
        np.concatenate(([opening != UNKNOWN_WH], crossed.known)),
        np.concatenate(([state.through_estimated], crossed.estimated)),
        np.concatenate(([state.through_segment], crossed.segment)),
    )


def _between(bounds: _Boundaries, rules: RegisterRules) -> Closed:
    """The intervals between these boundaries; the state is left to the caller."""
    opening, closing = bounds.value_wh[:-1], bounds.value_wh[1:]
    step_ms = np.diff(bounds.at_ms)
    same_segment = bounds.segment[:-1] == bounds.segment[1:]
    whole = bounds.known[:-1] & bounds.known[1:] & same_segment
    energy = np.where(whole, closing - opening, 0)
    too_much = ~rules.carries(energy, step_ms)
    quality = np.full(len(energy), IntervalQuality.RAW, np.int8)
    quality[bounds.estimated[:-1] | bounds.estimated[1:]] = IntervalQuality.ESTIMATED
    quality[~whole | too_much] = IntervalQuality.QUARANTINED
    incidents = tuple(
        Incident(
            int(bounds.at_ms[i]),
            int(energy[i]),
            "more energy in the interval than the connection can carry",
        )
        for i in np.flatnonzero(too_much).tolist()
    )
    return Closed(
        bounds.at_ms[:-1],
        step_ms // 1000,
        np.where(too_much, 0, energy),
        quality,
        opening,
        closing,
        bounds.segment[1:],
        incidents,
        None,
    )


def _nothing(state: LedgerState | None, incidents: tuple[Incident, ...] = ()) -> Closed:
    none = np.empty(0, np.int64)
    return Closed(none, none, none, np.empty(0, np.int8), none, none, none, incidents, state)
