"""From the readings of a counter, as a file has them, to energy per step.

Energy is the difference of two readings, and the register is rounded to whole Wh once at each
boundary: so the intervals sum to what the register counted, whatever is missing in between. Over a
hole of the file the register's own difference is spread along a straight line and called an
estimate; only where the register fell, or rose beyond belief, nothing is booked and the line is
named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_desktop.acquisition.files.columns import Bools, Floats, Int64s
from energy_desktop.acquisition.files.layout import WH_PER
from energy_desktop.acquisition.files.series import Int8s, RejectedLine, Rows
from energy_desktop.domain import wording
from energy_desktop.domain.energy import DAY_MS, IntervalQuality, RegisterShown

_BAD_FOR = 5  # readings within which a bad one is followed by the register as it was
_SPIKE_REST = 0.1  # of a spike's height that may be left when the register is back
_BEYOND_BELIEF = 10  # times the high steps of the file
_HIGH = 0.98  # the part of the steps that the high ones are above
_FEWEST_TO_JUDGE = 24
_LONGEST_HOLE_MS = 366 * DAY_MS
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Counted:
    """Energy per step, ascending; shapes (n,). line: of the reading at the end of each. left_out:
    readings that were not believed, and those up to which nothing is booked."""

    start_ms: Int64s
    energy_wh: Floats
    quality: Int8s
    line: Int64s
    shown: RegisterShown
    left_out: tuple[RejectedLine, ...]
    notes: tuple[str, ...]


def counted(rows: Rows, step_s: int, unit: str) -> Counted:
    """rows: readings in `unit` at ascending times on the grid of the step."""
    step_ms = step_s * 1000
    every_step = np.diff(rows.time_ms) == step_ms
    bad = _not_lasting(rows.value, every_step)
    left_out = [
        RejectedLine(int(rows.line[k]), f"{rows.value[k]:g} {unit} did not last: a bad reading?")
        for k in np.flatnonzero(bad).tolist()
    ]
    time_ms, line, value = rows.time_ms[~bad], rows.line[~bad], rows.value[~bad]
    register_wh = np.rint(np.round(value * WH_PER[unit], 6)).astype(np.int64)
    rise = np.diff(register_wh)
    steps = np.diff(time_ms) // step_ms
    fell = rise < 0
    beyond = _beyond_belief(rise, steps, fell)
    taken_back = beyond & _taken_back(register_wh, beyond, fell)
    unsure = (steps > 1) & ~fell & (beyond | _returns_over_hole(register_wh, fell, steps))
    breaks = fell | taken_back | unsure
    too_long = (steps > 1) & ~breaks & (steps * step_ms > _LONGEST_HOLE_MS)
    for k in np.flatnonzero(breaks).tolist():
        left_out.append(RejectedLine(int(line[k + 1]), _why(value, k, unit, steps, fell, beyond)))
    booked = ~breaks & ~too_long
    first, span = np.flatnonzero(booked), steps[booked]
    of = np.repeat(first, span)
    position = np.arange(len(of)) - np.repeat(np.cumsum(span) - span, span)
    opening = register_wh[of] + _along(rise[of], position, steps[of])
    closing = register_wh[of] + _along(rise[of], position + 1, steps[of])
    estimated = steps[of] > 1
    return Counted(
        time_ms[of] + position * step_ms,
        (closing - opening).astype(np.float64),
        np.where(estimated, IntervalQuality.ESTIMATED, IntervalQuality.RAW).astype(np.int8),
        line[of + 1],
        RegisterShown(opening, closing, np.cumsum(breaks, dtype=np.int64)[of]),
        tuple(left_out),
        (
            *_spread(rise[booked & (steps > 1)], steps[booked & (steps > 1)]),
            *_too_long(line, rise, steps * step_ms, too_long),
            *_implausible(line, rise, beyond & booked),
        ),
    )


def _along(rise: Int64s, position: Int64s, steps: Int64s) -> Int64s:
    """What of a rise (n,) has come at a position of its steps, in whole Wh."""
    return np.asarray(np.rint(rise * (position / steps)).astype(np.int64))


def _not_lasting(value: Floats, neighbours: Bools) -> Bools:
    """Which readings (n,) are dips or spikes: the register goes on past them as if they were not.

    neighbours (n - 1,): which stand a step apart; what returns over a hole may have been exchanged
    in it. A dip is tested first, as the ledger does it: what returns to where it was before was no
    reset.
    """
    bad = np.zeros(len(value), np.bool_)
    for k in np.flatnonzero(np.diff(value) < 0).tolist():
        if bad[k]:
            continue
        returned = np.flatnonzero(value[k + 2 : k + 2 + _BAD_FOR] >= value[k])
        if len(returned):
            back = k + 2 + int(returned[0])
            if bool(neighbours[k:back].all()):
                bad[k + 1 : back] = True
                continue
        for before in range(k - 1, max(k - 1 - _BAD_FOR, -1), -1):
            if not bad[before] and value[before] <= value[k + 1]:
                left = value[k + 1] - value[before]
                if left <= _SPIKE_REST * (value[k] - value[before]):
                    bad[before + 1 : k + 1] = True
                break
    return bad


def _returns_over_hole(register_wh: Int64s, fell: Bools, steps: Int64s) -> Bools:
    """Holes (n - 1,) soon after a fall, over which the register is back where it was before it: a
    dip would have counted less than that, an exchanged register more, and none of it is known."""
    found = np.zeros(len(fell), np.bool_)
    for k in np.flatnonzero(fell).tolist():
        for later in range(k + 1, min(k + 1 + _BAD_FOR, len(fell))):
            if register_wh[later + 1] >= register_wh[k]:
                found[later] = steps[later] > 1
                break
    return found


def _beyond_belief(rise: Int64s, steps: Int64s, fell: Bools) -> Bools:
    """Rises (n - 1,) that tower over all the file is used to, per step."""
    a_step = rise / np.maximum(steps, 1)
    usual = a_step[~fell & (rise > 0)]
    if len(usual) < _FEWEST_TO_JUDGE:
        return np.zeros(len(rise), np.bool_)
    high = float(np.quantile(usual, _HIGH, method="lower"))
    return np.asarray(~fell & (a_step > _BEYOND_BELIEF * high))


def _taken_back(register_wh: Int64s, beyond: Bools, fell: Bools) -> Bools:
    """Which rises beyond belief (n - 1,) a later fall takes back: readings that were wrong for
    long."""
    found = np.zeros(len(fell), np.bool_)
    falls = np.flatnonzero(fell)
    for k in np.flatnonzero(beyond).tolist():
        after = register_wh[falls[falls > k] + 1] - register_wh[k]
        height = register_wh[k + 1] - register_wh[k]
        found[k] = bool(np.any((after >= 0) & (after <= _SPIKE_REST * height)))
    return found


def _why(value: Floats, k: int, unit: str, steps: Int64s, fell: Bools, beyond: Bools) -> str:
    """Why nothing is booked from reading k to the next."""
    moved = f"from {value[k]:g} to {value[k + 1]:g} {unit}"
    if fell[k]:
        return f"the register falls {moved}"
    if beyond[k]:
        over = f" over {int(steps[k])} steps" if steps[k] > 1 else ""
        return f"the register rises {moved}{over}, far more than ever: nothing is booked"
    return f"the register returns {moved} over a hole after it fell: nothing is booked"


def _spread(rise: Int64s, steps: Int64s) -> tuple[str, ...]:
    if not len(steps):
        return ()
    where = "in a stretch" if len(steps) == 1 else f"in {len(steps):,} stretches"
    return (
        f"{wording.count(int(steps.sum()), 'interval')} {where} without a usable reading: the "
        f"{wording.exact_kwh(int(rise.sum()))} kWh that the register counted there are spread "
        "evenly and marked estimated.",
    )


def _too_long(line: Int64s, rise: Int64s, length_ms: Int64s, which: Bools) -> tuple[str, ...]:
    return tuple(
        f"Line {int(line[k + 1])}: {int(length_ms[k]) // DAY_MS:,} days after the reading before. "
        f"The {wording.exact_kwh(int(rise[k]))} kWh between them are not spread; check the times."
        for k in np.flatnonzero(which).tolist()[:_NAMED]
    )


def _implausible(line: Int64s, rise: Int64s, which: Bools) -> tuple[str, ...]:
    found = np.flatnonzero(which)
    if not len(found):
        return ()
    told = "; ".join(
        f"line {int(line[k + 1])}: {wording.exact_kwh(int(rise[k]))} kWh"
        for k in found.tolist()[:_NAMED]
    )
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return (
        f"Far more in one step than ever ({told}{more}). Check them; correct what is wrong after "
        "the import.",
    )
