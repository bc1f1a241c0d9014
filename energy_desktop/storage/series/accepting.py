"""Which readings of a register are believed, and what explains those that do not go on plainly.

A lower value is, tested in this order: a dip (a bad read that recovers within a few readings), a
rollover (the register's modulus makes the step feasible), else an exchange or reset. A step up
that the connection cannot carry is a bad read when it recovers, else implausible. What cannot be
explained begins a segment of its own, and the incident is kept for review; readings whose stamps
overlap because the clock was set back are left out where they do not fit (docs/decisions/0017).

Almost every call meets plain steps only, and pays for a comparison of arrays; reading by reading
goes only what is doubtful.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.storage.series.register import (
    LedgerState,
    RegisterRules,
    plain_steps,
    rolls_over,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Bools = NDArray[np.bool_]

LOOK_AHEAD = 5  # readings within which a bad value must have recovered
SPIKE_REST = 0.1  # of a spike's height that may be left when the register is back
_MIXED = (
    "read while the clock was set back: from here on its stamps overlap and do not fit together"
)


@dataclass(frozen=True, slots=True)
class Incident:
    """A reading that was not taken as it stands."""

    at_ms: int
    value_wh: int
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Readings that are believed; shapes (n,). odometer_wh: the register with every rollover and
    exchange added. segment: grows where the register does not go on. offset_wh: odometer minus
    register, of the last one."""

    time_ms: Int64s
    odometer_wh: Int64s
    segment: Int64s
    offset_wh: int
    incidents: tuple[Incident, ...]


def accept(
    time_ms: Int64s,
    register_wh: Int64s,
    rules: RegisterRules,
    state: LedgerState | None,
    *,
    final: bool,
    held: Incident | None,
) -> Accepted | None:
    """The readings that are believed, with rollovers added; state's last reading comes first.

    None: there is nothing new among them. The arguments are those of intervals.close_intervals.
    """
    if state is not None:
        time_ms = np.concatenate(([state.last_ms], time_ms))
        register_wh = np.concatenate(([state.last_wh], register_wh))
        offset, segment = state.offset_wh, state.segment
    else:
        offset, segment = 0, 0
    known = 0 if state is None else 1
    if len(time_ms) <= known:
        return None
    fine = plain_steps(time_ms, register_wh, rules)
    # What is final ends with a reading that a person told, or with the last one before it.
    mixed = _mixed(time_ms, fine, rules, known, len(time_ms) - final)
    apart: tuple[Incident, ...] = ()
    if mixed.any():
        at = int(mixed.argmax())
        if mixed[-1] and not final:
            # The clock has not come back to where it was: what fits together shows only then.
            time_ms, register_wh = time_ms[:at], register_wh[:at]
            if len(time_ms) <= known:
                return None
        else:
            apart = (Incident(int(time_ms[at]), int(register_wh[at]), _MIXED),)
            time_ms, register_wh = time_ms[~mixed], register_wh[~mixed]
    clock_ms = time_ms
    if rules.disorder_ms is not None:
        clock_ms = _with_set_back(time_ms, *rules.disorder_ms)
        fine = plain_steps(clock_ms, register_wh, rules)
    breaks = held if state is not None else None  # without a state there is nothing to break from
    if breaks is not None:
        fine[0] = False
    if bool(fine.all()):
        segments = np.full(len(time_ms), segment, np.int64)
        return Accepted(time_ms, register_wh + offset, segments, offset, apart)
    walk = _Walk(time_ms, clock_ms, register_wh, rules, offset, segment)
    accepted = _accept_slowly(walk, np.flatnonzero(~fine) + 1, final=final, breaks=breaks)
    return replace(accepted, incidents=apart + accepted.incidents)


def lasts(values: Int64s, at: int) -> bool:
    """Whether the fall to the value at `at` is neither a dip nor the end of a spike."""
    before = values[max(at - 1 - LOOK_AHEAD, 0) : at]
    after = values[at : at + LOOK_AHEAD + 1]
    return int(after.max()) < int(before.min())


def _with_set_back(time_ms: Int64s, low_ms: int, high_ms: int) -> Int64s:
    """The stamps (n,) with the time that may have passed twice: what was read behind stamps that
    overlap is further from what was read before or among them than its own stamp says.
    """
    return np.where(time_ms > high_ms, time_ms + (high_ms - low_ms), time_ms)


def _mixed(time_ms: Int64s, fine: Bools, rules: RegisterRules, first: int, end: int) -> Bools:
    """Readings (n,), in [first, end), whose stamps overlap because the clock was set back, where
    they do not fit into one another: a later register stands before an earlier one.

    The energy over all of them is the difference of the readings around, so none is lost.
    """
    none = np.zeros(len(time_ms), np.bool_)
    if rules.disorder_ms is None or bool(fine.all()):
        return none
    low, high = rules.disorder_ms
    mixed = none.copy()
    mixed[first:end] = (time_ms[first:end] >= low) & (time_ms[first:end] <= high)
    touches = ~fine & (mixed[:-1] | mixed[1:])
    return mixed if bool(touches.any()) else none


@dataclass(slots=True)
class _Walk:
    """Readings (n,) on the way from one doubtful step to the next: those before `done` are decided.

    clock_ms: tells how much time may have passed between readings. Where something is asked of the
    walk, the reading before `done` is the last good one, and the step to `done` is doubtful.
    """

    time_ms: Int64s
    clock_ms: Int64s
    register_wh: Int64s
    rules: RegisterRules
    offset: int
    segment: int
    done: int = 0
    keep: Bools = field(init=False)
    odometer: Int64s = field(init=False)
    segments: Int64s = field(init=False)
    incidents: list[Incident] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        n = len(self.time_ms)
        self.keep = np.ones(n, np.bool_)
        self.odometer = np.empty(n, np.int64)
        self.segments = np.empty(n, np.int64)

    def go_on(self, to: int) -> None:
        """The readings before `to` follow from one another."""
        self.odometer[self.done : to] = self.register_wh[self.done : to] + self.offset
        self.segments[self.done : to] = self.segment
        self.done = to

    def leave_out(self, at: Iterable[int]) -> None:
        for i in at:
            self.keep[i] = False
            self.incidents.append(self.incident(i, "a value that did not last"))

    def leave_out_before(self, at: int) -> None:
        """The readings up to `at`, which goes on from the last one that is kept."""
        self.leave_out(range(self.done, at))
        self.done = at

    def roll_over(self) -> None:
        self.offset += self.rules.modulus_wh or 0

    def begin_segment(self, why: Incident) -> None:
        self.incidents.append(why)
        self.segment += 1

    def incident(self, at: int, reason: str) -> Incident:
        return Incident(int(self.time_ms[at]), int(self.register_wh[at]), reason)

    def rolls_over(self, at: int) -> bool:
        """Whether the reading `at` goes on from the last good one over a rollover."""
        duration_ms = int(self.clock_ms[at]) - int(self.clock_ms[self.done - 1])
        return rolls_over(self.last_wh, int(self.register_wh[at]), duration_ms, self.rules)

    @property
    def last_wh(self) -> int:
        return int(self.register_wh[self.done - 1])

    def accepted(self) -> Accepted:
        chosen = np.flatnonzero(self.keep[: self.done])
        return Accepted(
            self.time_ms[chosen],
            self.odometer[chosen],
            self.segments[chosen],
            self.offset,
            tuple(self.incidents),
        )


def _accept_slowly(
    walk: _Walk, doubtful: Int64s, *, final: bool, breaks: Incident | None
) -> Accepted:
    """As `accept`, from one doubtful step to the next. doubtful (k,): readings that do not follow
    from the one before, ascending."""
    n = len(walk.time_ms)
    while True:
        later = int(np.searchsorted(doubtful, walk.done, side="right"))
        at = int(doubtful[later]) if later < len(doubtful) else n
        walk.go_on(at)
        if at == n:
            break
        if at == 1 and breaks is not None:
            walk.begin_segment(breaks)
            continue
        recovered = _recovery(walk)
        if recovered is not None:
            walk.leave_out_before(recovered)
            continue
        if not final and n - at <= LOOK_AHEAD:
            break  # too early to tell: the next call brings these readings again
        begun_anew = _begun_anew(walk)
        if begun_anew is not None:
            walk.leave_out_before(begun_anew)
            walk.roll_over()
            continue
        _explain(walk)
    return walk.accepted()


def _explain(walk: _Walk) -> None:
    """What the step to the next reading was, which the ones behind it bear out."""
    at, last_wh = walk.done, walk.last_wh
    value = int(walk.register_wh[at])
    spike = _spike_before(walk) if walk.rules.limit_w is None else None
    if spike is not None:
        # Without a limit of the connection a spike is seen only when the register is back.
        walk.leave_out(i for i in range(spike, at) if walk.keep[i])
    elif value >= last_wh:
        reason = f"register rose by {value - last_wh} Wh, more than the connection can carry"
        walk.begin_segment(walk.incident(at, reason))
    elif walk.rolls_over(at):
        walk.roll_over()
    else:
        reason = f"register fell from {last_wh} Wh: reset or exchange of the meter?"
        walk.begin_segment(walk.incident(at, reason))


def _recovery(walk: _Walk) -> int | None:
    """Index of the next reading that goes on from the last good one, within a few readings."""
    last_ms, last_wh = int(walk.clock_ms[walk.done - 1]), walk.last_wh
    for i in range(walk.done + 1, min(walk.done + 1 + LOOK_AHEAD, len(walk.time_ms))):
        rise = int(walk.register_wh[i]) - last_wh
        # Without a limit a spike cannot be told from a step, so only dips recover.
        if rise >= 0 and walk.rules.carries(rise, int(walk.clock_ms[i]) - last_ms):
            return i
    return None


def _begun_anew(walk: _Walk) -> int | None:
    """Index of the next reading that goes on from the last good one over a rollover, where the
    reading next to it does not: a bad value stands just before the register begins again. Two
    readings in a row must bear it out, since a single zero after an exchange looks the same.
    """
    at = walk.done
    end = min(at + 1 + LOOK_AHEAD, len(walk.time_ms))
    follows = [walk.rolls_over(i) for i in range(at, end)]
    if follows[0]:
        return None
    for i in range(at + 1, end - 1):
        in_a_row = follows[i - at] and follows[i + 1 - at]
        if in_a_row and walk.register_wh[i] <= walk.register_wh[i + 1]:
            return i
    return None


def _spike_before(walk: _Walk) -> int | None:
    """Where the few high readings begin that the next reading takes back; None: it does not.

    Taken back means almost all of it: a register that fell half way was rather set or exchanged,
    and what cannot be told apart is quarantined, not booked.
    """
    at = walk.done
    value, high = int(walk.register_wh[at]), walk.last_wh
    if value >= high:
        return None
    for i in range(at - 2, max(at - 2 - LOOK_AHEAD, -1), -1):
        before = int(walk.register_wh[i])
        if walk.keep[i] and walk.segments[i] == walk.segment and before <= value:
            return i + 1 if value - before <= (high - before) * SPIKE_REST else None
    return None
