"""Energy per interval by register difference: pure arithmetic, no disk.

The meter's own cumulative register is what a bill stands on, so energy is never integrated from
power. The register is known only at the readings; between two of them a straight line is drawn,
and it is rounded to whole Wh *once, at each boundary*. Every interval is the difference of two
such boundary values, so their sum telescopes: it equals the difference of the register exactly,
whatever was rounded and however long a gap was.

A lower value is, tested in this order: a dip (a bad read that recovers within a few readings), a
rollover (the register's modulus makes the step feasible), else an exchange or reset. A step up
that the connection cannot carry is a bad read when it recovers, else implausible. What cannot be
explained splits the register into segments; the intervals around the split are quarantined: no
energy is booked, and the incident is kept for review.

How long an interval is may change in the life of a register: the grid says from when on which step
holds, and what was booked before keeps the length that it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.editing import ExchangeDoubt
from energy_desktop.domain.energy import QUARTER_HOUR_MS, IntervalQuality
from energy_desktop.storage.series.doubt import doubt_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Bools = NDArray[np.bool_]

LOOK_AHEAD = 5  # readings within which a bad value must have recovered
SPIKE_REST = 0.1  # of a spike's height that may be left when the register is back
SHORTEST_GAP_MS = 120_000
_MIXED = (
    "read while the clock was set back: from here on its stamps overlap and do not fit together"
)


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the intervals of a register begin and end.

    parts: (from_ms, step_ms), ascending, the first from 0; UTC epoch ms. Each part begins on a
    boundary of the one before it, so no interval is cut.
    """

    parts: tuple[tuple[int, int], ...] = ((0, QUARTER_HOUR_MS),)

    @property
    def step_ms(self) -> int:
        """The step that holds now."""
        return self.parts[-1][1]

    @property
    def steps_s(self) -> tuple[int, ...]:
        """Every step that held at some time, in s."""
        return tuple(sorted({step // 1000 for _, step in self.parts}))

    def step_at(self, at_ms: int) -> int:
        """Length (ms) of the interval in which `at_ms` lies."""
        return next(step for begin, step in reversed(self.parts) if begin <= max(at_ms, 0))

    def floor(self, at_ms: int) -> int:
        """The last boundary not after `at_ms`."""
        step = self.step_at(at_ms)
        return at_ms // step * step

    def boundaries(self, first_ms: int, last_ms: int) -> Int64s:
        """Every boundary in [first_ms, last_ms], ascending; shape (n,)."""
        ends = [begin for begin, _ in self.parts[1:]] + [last_ms + 1]
        pieces = []
        for (begin, step), end in zip(self.parts, ends, strict=True):
            first = -(-max(first_ms, begin) // step) * step
            pieces.append(np.arange(first, min(end, last_ms + 1), step, dtype=np.int64))
        return np.concatenate(pieces)

    def followed_by(self, step_ms: int, through_ms: int) -> Grid:
        """With another step from the first boundary not before `through_ms` that suits both."""
        both = lcm(self.step_ms, step_ms)
        begin = -(-max(through_ms, self.parts[-1][0]) // both) * both
        kept = tuple(part for part in self.parts if part[0] < begin)
        return Grid((*kept, (begin, step_ms)))


@dataclass(frozen=True, slots=True)
class RegisterRules:
    """What is known of a register. gap_limit_ms: readings further apart make a boundary between
    them an estimate. grid: where its intervals begin and end. disorder_ms: first and last stamp
    among readings that did not come in the order of their stamps."""

    modulus_wh: int | None = None
    limit_w: float | None = None
    gap_limit_ms: int = QUARTER_HOUR_MS
    grid: Grid = Grid()
    disorder_ms: tuple[int, int] | None = None

    @property
    def step_ms(self) -> int:
        """The length of an interval from now on."""
        return self.grid.step_ms

    @classmethod
    def for_meter(
        cls,
        poll_interval_s: float,
        modulus_wh: int | None,
        limit_w: float | None,
        step_ms: int = QUARTER_HOUR_MS,
    ) -> RegisterRules:
        """Two poll periods may pass between readings, at least 2 min, at most an interval."""
        two_polls = round(2 * poll_interval_s * 1000)
        gap_limit_ms = min(max(two_polls, SHORTEST_GAP_MS), step_ms)
        return cls(modulus_wh, limit_w, gap_limit_ms, Grid(((0, step_ms),)))

    def carries(self, energy_wh: int, duration_ms: int) -> bool:
        """Whether the connection can carry that much; registers step, so at least a quarter."""
        if self.limit_w is None:
            return True
        return energy_wh <= self.limit_w * max(duration_ms, QUARTER_HOUR_MS) / 3_600_000


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Where the book of a register stands.

    through_*: the last boundary that is closed, with the odometer there. last_*: the last reading
    that was accepted. offset_wh: odometer minus register, a multiple of the modulus. segment:
    grows at each reset. None: no boundary yet.
    """

    last_ms: int
    last_wh: int
    offset_wh: int = 0
    segment: int = 0
    through_ms: int | None = None
    through_wh: int | None = None
    through_segment: int = 0
    through_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Jump:
    """An exchange or reset as a person told it: at `at_ms` the old register showed old_end_wh and
    the new one new_start_wh. A reading at that very time is one of the old register."""

    at_ms: int
    old_end_wh: int
    new_start_wh: int
    most_w: float | None = None  # more than this is held back; None: a person stands by it

    @property
    def shift_wh(self) -> int:
        """What the new register lacks to go on from the old one."""
        return self.old_end_wh - self.new_start_wh


@dataclass(frozen=True, slots=True)
class Incident:
    """A reading that was not taken as it stands."""

    at_ms: int
    value_wh: int
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Intervals that are complete; shapes (n,). energy_wh is meaningless where quality is
    QUARANTINED; opening/closing (odometer) are -1 where the boundary value is not known.
    step_s: the length of each."""

    start_ms: Int64s
    step_s: Int64s
    energy_wh: Int64s
    quality: NDArray[np.int8]
    opening_wh: Int64s
    closing_wh: Int64s
    segment: Int64s
    incidents: tuple[Incident, ...]
    state: LedgerState | None


@dataclass(frozen=True, slots=True)
class _Accepted:
    time_ms: Int64s
    odometer_wh: Int64s
    segment: Int64s
    offset_wh: int
    incidents: tuple[Incident, ...]


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
    accepted = _accept(time_ms, register_wh, rules, state, final=final, held=held)
    if accepted is None:
        return _nothing(state)
    times, odometer, segment = accepted.time_ms, accepted.odometer_wh, accepted.segment
    last_state = LedgerState(
        last_ms=int(times[-1]),
        last_wh=int(odometer[-1]) - accepted.offset_wh,
        offset_wh=accepted.offset_wh,
        segment=int(segment[-1]),
    )
    through = state.through_ms if state is not None else None
    first = through + 1 if through is not None else int(times[0])
    boundaries = rules.grid.boundaries(first, int(times[-1]))
    if not len(boundaries):
        carried = state and replace(
            last_state,
            through_ms=state.through_ms,
            through_wh=state.through_wh,
            through_segment=state.through_segment,
            through_estimated=state.through_estimated,
        )
        return _nothing(carried or last_state, accepted.incidents)

    after = np.searchsorted(times, boundaries, side="left")
    exact = times[after] == boundaries
    before = np.where(exact, after, after - 1)
    known = segment[before] == segment[after]
    span = np.maximum(times[after] - times[before], 1)
    fraction = (boundaries - times[before]) / span
    rise = (odometer[after] - odometer[before]) * fraction
    value = odometer[before] + np.rint(rise).astype(np.int64)
    value = np.where(known, value, -1)
    estimated = ~exact & (times[after] - times[before] > rules.gap_limit_ms)
    boundary_segment = segment[after]

    if state is not None and state.through_ms is not None:
        opening = state.through_wh if state.through_wh is not None else -1
        boundaries = np.concatenate(([state.through_ms], boundaries))
        value = np.concatenate(([opening], value))
        known = np.concatenate(([opening >= 0], known))
        estimated = np.concatenate(([state.through_estimated], estimated))
        boundary_segment = np.concatenate(([state.through_segment], boundary_segment))
    closed = _between(boundaries, value, known, estimated, boundary_segment, rules)
    new_state = replace(
        last_state,
        through_ms=int(boundaries[-1]),
        through_wh=int(value[-1]) if known[-1] else None,
        through_segment=int(boundary_segment[-1]),
        through_estimated=bool(estimated[-1]),
    )
    start, step_s, energy, quality, opening_wh, closing_wh, segments, too_much = closed
    incidents = accepted.incidents + tuple(
        Incident(at, wh, "more energy in the interval than the connection can carry")
        for at, wh in too_much
    )
    return Closed(
        start, step_s, energy, quality, opening_wh, closing_wh, segments, incidents, new_state
    )


def close_over_jumps(
    time_ms: Int64s,
    register_wh: Int64s,
    rules: RegisterRules,
    state: LedgerState | None,
    jumps: Sequence[Jump],
) -> Iterator[Closed]:
    """As `close_intervals`, with exchanges and resets that are known: piece by piece.

    The old register is followed up to its end reading, the new one goes on from its start reading,
    and the odometer runs through both. jumps: ascending; those up to state.last_ms are done.
    One whose readings cannot be believed is as one that nobody told: the register breaks there.
    """
    held: Incident | None = None
    for jump in jumps:
        if state is not None and jump.at_ms <= state.last_ms:
            continue
        split = int(np.searchsorted(time_ms, jump.at_ms, side="right"))
        if split == len(time_ms):
            # The new register has not been read yet: up to here all is the old one's. A reading
            # at the very time waits, for the state must not seem to be past the jump.
            early = int(np.searchsorted(time_ms, jump.at_ms, side="left"))
            time_ms, register_wh = time_ms[:early], register_wh[:early]
            break
        times, values = time_ms[:split], register_wh[:split]
        doubt = _doubted(jump, state, time_ms, register_wh)
        if doubt is not None and len(time_ms) - split <= LOOK_AHEAD:
            early = int(np.searchsorted(time_ms, jump.at_ms, side="left"))
            time_ms, register_wh = time_ms[:early], register_wh[:early]
            break  # a bad reading may be the reason: a few more tell
        if doubt is not None:
            if split:
                closed = close_intervals(times, values, rules, state, final=True, held=held)
                state = closed.state
                yield closed
            held = Incident(int(time_ms[split]), int(register_wh[split]), _said(doubt))
            time_ms, register_wh = time_ms[split:], register_wh[split:]
            continue
        if not split or int(times[-1]) < jump.at_ms:
            times = np.append(times, np.int64(jump.at_ms))
            values = np.append(values, np.int64(jump.old_end_wh))
        closed = close_intervals(times, values, rules, state, final=True, held=held)
        held = None
        assert closed.state is not None, "the end reading itself makes a state"
        state = replace(
            closed.state,
            last_ms=jump.at_ms,
            last_wh=jump.new_start_wh,
            offset_wh=closed.state.offset_wh + jump.shift_wh,
        )
        yield replace(closed, state=state)
        time_ms, register_wh = time_ms[split:], register_wh[split:]
    if len(time_ms) or state is None:
        yield close_intervals(time_ms, register_wh, rules, state, held=held)


def _doubted(
    jump: Jump, state: LedgerState | None, time_ms: Int64s, register_wh: Int64s
) -> ExchangeDoubt | None:
    if jump.most_w is None:
        return None
    if state is not None:
        time_ms = np.concatenate(([state.last_ms], time_ms))
        register_wh = np.concatenate(([state.last_wh], register_wh))
    return doubt_of(
        jump.at_ms, jump.old_end_wh, jump.new_start_wh, time_ms, register_wh, jump.most_w
    )


def _said(doubt: ExchangeDoubt) -> str:
    seconds = doubt.duration_ms // 1000
    within = f"in {seconds} s" if seconds else "at once"
    return (
        f"register held: the {doubt.side} reading of the exchange would book {doubt.energy_wh} Wh "
        f"{within}, far more than ever; confirm it or enter it anew"
    )


def continuous(time_ms: Int64s, register_wh: Int64s, jumps: Sequence[Jump]) -> Int64s:
    """The readings (n,) as one register that goes on through every exchange."""
    whole = register_wh.copy()
    for jump in jumps:
        whole[np.searchsorted(time_ms, jump.at_ms, side="right") :] += jump.shift_wh
    return whole


def _between(
    boundaries: Int64s,
    value: Int64s,
    known: Bools,
    estimated: Bools,
    segment: Int64s,
    rules: RegisterRules,
) -> tuple[Int64s, Int64s, Int64s, NDArray[np.int8], Int64s, Int64s, Int64s, list[tuple[int, int]]]:
    opening, closing = value[:-1], value[1:]
    step_ms = np.diff(boundaries)
    whole = known[:-1] & known[1:] & (segment[:-1] == segment[1:])
    energy = np.where(whole, closing - opening, 0)
    if rules.limit_w is not None:
        # Registers step: one of 10 kWh may show in 5 min what took a quarter of an hour.
        most = rules.limit_w * np.maximum(step_ms, QUARTER_HOUR_MS) / 3_600_000
        too_much = whole & (energy > most)
    else:
        too_much = np.zeros(len(energy), np.bool_)
    quality = np.full(len(energy), IntervalQuality.RAW, np.int8)
    quality[estimated[:-1] | estimated[1:]] = IntervalQuality.ESTIMATED
    quality[~whole | too_much] = IntervalQuality.QUARANTINED
    implausible = [(int(boundaries[i]), int(energy[i])) for i in np.flatnonzero(too_much).tolist()]
    energy = np.where(too_much, 0, energy)
    step_s = step_ms // 1000
    return boundaries[:-1], step_s, energy, quality, opening, closing, segment[1:], implausible


def _nothing(state: LedgerState | None, incidents: tuple[Incident, ...] = ()) -> Closed:
    none = np.empty(0, np.int64)
    return Closed(none, none, none, np.empty(0, np.int8), none, none, none, incidents, state)


def _accept(
    time_ms: Int64s,
    register_wh: Int64s,
    rules: RegisterRules,
    state: LedgerState | None,
    *,
    final: bool,
    held: Incident | None,
) -> _Accepted | None:
    """The readings that are believed, with rollovers added; state's last reading comes first."""
    if state is not None:
        time_ms = np.concatenate(([state.last_ms], time_ms))
        register_wh = np.concatenate(([state.last_wh], register_wh))
        offset, segment = state.offset_wh, state.segment
    else:
        offset, segment = 0, 0
    if len(time_ms) < (1 if state is None else 2):
        return None
    fine = plain_steps(time_ms, register_wh, rules)
    mixed = _mixed(time_ms, fine, rules, first=0 if state is None else 1)
    apart: tuple[Incident, ...] = ()
    if mixed.any():
        at = int(mixed.argmax())
        if mixed[-1] and not final:
            # The clock has not come back to where it was: what fits together shows only then.
            time_ms, register_wh = time_ms[:at], register_wh[:at]
            if len(time_ms) < (1 if state is None else 2):
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
        return _Accepted(time_ms, register_wh + offset, segments, offset, apart)
    accepted = _accept_slowly(
        time_ms, clock_ms, register_wh, fine, rules, offset, segment, final=final, breaks=breaks
    )
    return replace(accepted, incidents=apart + accepted.incidents)


def plain_steps(time_ms: Int64s, register_wh: Int64s, rules: RegisterRules) -> Bools:
    """Steps (n - 1,) from one reading to the next that need no explanation; time_ms (n,) ascending
    UTC epoch ms, register_wh (n,) Wh.
    """
    rise = np.diff(register_wh)
    fine: Bools = rise >= 0
    if rules.limit_w is not None:
        most = rules.limit_w * np.maximum(np.diff(time_ms), QUARTER_HOUR_MS) / 3_600_000
        fine &= rise <= most
    return fine


def _with_set_back(time_ms: Int64s, low_ms: int, high_ms: int) -> Int64s:
    """The stamps (n,) with the time that may have passed twice: what was read behind stamps that
    overlap is further from what was read before or among them than its own stamp says.
    """
    return np.where(time_ms > high_ms, time_ms + (high_ms - low_ms), time_ms)


def _mixed(time_ms: Int64s, fine: Bools, rules: RegisterRules, *, first: int) -> Bools:
    """Readings (n,), from `first` on, whose stamps overlap because the clock was set back, where
    they do not fit into one another: a later register stands before an earlier one.

    The energy over all of them is the difference of the readings around, so none is lost.
    """
    mixed = np.zeros(len(time_ms), np.bool_)
    if rules.disorder_ms is None or bool(fine.all()):
        return mixed
    low, high = rules.disorder_ms
    mixed[first:] = (time_ms[first:] >= low) & (time_ms[first:] <= high)
    touches = ~fine & (mixed[:-1] | mixed[1:])
    return mixed if bool(touches.any()) else np.zeros(len(time_ms), np.bool_)


def _accept_slowly(
    time_ms: Int64s,
    clock_ms: Int64s,
    register_wh: Int64s,
    fine: Bools,
    rules: RegisterRules,
    offset: int,
    segment: int,
    *,
    final: bool,
    breaks: Incident | None,
) -> _Accepted:
    """As `_accept`, from one doubtful step to the next. clock_ms (n,): tells how much time may have
    passed between readings.
    """
    n = len(time_ms)
    doubtful = np.flatnonzero(~fine) + 1  # readings that do not follow from the one before
    keep = np.ones(n, np.bool_)
    odometer = np.empty(n, np.int64)
    segments = np.empty(n, np.int64)
    incidents: list[Incident] = []
    done = 0  # readings before it are decided
    while True:
        later = doubtful[doubtful > done]
        # `done` itself follows from the last accepted one by construction.
        stop = int(later[0]) if len(later) else n
        odometer[done:stop] = register_wh[done:stop] + offset
        segments[done:stop] = segment
        if stop == n:
            break
        if stop == 1 and breaks is not None:
            incidents.append(breaks)
            segment += 1
            done = stop
            continue
        last_ms, last_wh = int(clock_ms[stop - 1]), int(register_wh[stop - 1])
        recovered = _recovery(clock_ms, register_wh, stop, last_ms, last_wh, rules)
        value = int(register_wh[stop])
        if recovered is not None:
            incidents += _did_not_last(time_ms, register_wh, range(stop, recovered))
            keep[stop:recovered] = False
            done = recovered
            continue
        if not final and n - stop <= LOOK_AHEAD:
            n = stop  # too early to tell: the next call brings these readings again
            break
        begun_anew = _begun_anew(clock_ms, register_wh, stop, last_ms, last_wh, rules)
        if begun_anew is not None:
            incidents += _did_not_last(time_ms, register_wh, range(stop, begun_anew))
            keep[stop:begun_anew] = False
            offset += rules.modulus_wh or 0
            done = begun_anew
            continue
        spike = None
        if rules.limit_w is None:
            spike = _spike_before(register_wh, keep, segments, stop, segment)
        if spike is not None:
            # Without a limit of the connection a spike is seen only when the register is back.
            kept = [i for i in range(spike, stop) if keep[i]]
            incidents += _did_not_last(time_ms, register_wh, kept)
            keep[spike:stop] = False
        elif value < last_wh and rolls_over(last_wh, value, int(clock_ms[stop]) - last_ms, rules):
            offset += rules.modulus_wh or 0
        elif value < last_wh:
            incidents.append(
                Incident(
                    int(time_ms[stop]),
                    value,
                    f"register fell from {last_wh} Wh: reset or exchange of the meter?",
                )
            )
            segment += 1
        else:
            incidents.append(
                Incident(
                    int(time_ms[stop]),
                    value,
                    f"register rose by {value - last_wh} Wh, more than the connection can carry",
                )
            )
            segment += 1
        done = stop
    chosen = keep[:n]
    return _Accepted(
        time_ms[:n][chosen],
        odometer[:n][chosen],
        segments[:n][chosen],
        offset,
        tuple(incidents),
    )


def _recovery(
    time_ms: Int64s,
    register_wh: Int64s,
    at: int,
    last_ms: int,
    last_wh: int,
    rules: RegisterRules,
) -> int | None:
    """Index of the next reading that goes on from the last good one, within a few readings."""
    for i in range(at + 1, min(at + 1 + LOOK_AHEAD, len(time_ms))):
        rise = int(register_wh[i]) - last_wh
        # Without a limit a spike cannot be told from a step, so only dips recover.
        if rise >= 0 and rules.carries(rise, int(time_ms[i]) - last_ms):
            return i
    return None


def _begun_anew(
    time_ms: Int64s,
    register_wh: Int64s,
    at: int,
    last_ms: int,
    last_wh: int,
    rules: RegisterRules,
) -> int | None:
    """Index of the next reading that goes on from the last good one over a rollover, where the
    reading `at` itself does not: a bad value stands just before the register begins again. Two
    readings in a row must bear it out, since a single zero after an exchange looks the same.
    """
    end = min(at + 1 + LOOK_AHEAD, len(time_ms))
    follows = [
        rolls_over(last_wh, int(register_wh[i]), int(time_ms[i]) - last_ms, rules)
        for i in range(at, end)
    ]
    if follows[0]:
        return None
    for i in range(at + 1, end - 1):
        if follows[i - at] and follows[i + 1 - at] and register_wh[i] <= register_wh[i + 1]:
            return i
    return None


def _did_not_last(time_ms: Int64s, register_wh: Int64s, at: Iterable[int]) -> list[Incident]:
    return [Incident(int(time_ms[i]), int(register_wh[i]), "a value that did not last") for i in at]


def _spike_before(
    register_wh: Int64s, keep: Bools, segments: Int64s, at: int, segment: int
) -> int | None:
    """Where the few high readings begin that the reading `at` takes back; None: it does not.

    Taken back means almost all of it: a register that fell half way was rather set or exchanged,
    and what cannot be told apart is quarantined, not booked.
    """
    value, high = int(register_wh[at]), int(register_wh[at - 1])
    if value >= high:
        return None
    for i in range(at - 2, max(at - 2 - LOOK_AHEAD, -1), -1):
        before = int(register_wh[i])
        if keep[i] and segments[i] == segment and before <= value:
            return i + 1 if value - before <= (high - before) * SPIKE_REST else None
    return None


def rolls_over(last_wh: int, value: int, duration_ms: int, rules: RegisterRules) -> bool:
    """Whether a register that showed `last_wh` may have begun again and shows `value` now."""
    modulus = rules.modulus_wh
    # A register that shows parts of a Wh may be rounded to its modulus just before it begins again.
    if modulus is None or last_wh > modulus:
        return False
    step = value - last_wh + modulus
    if rules.limit_w is not None:
        return rules.carries(step, duration_ms)
    # Without a limit: near the top before, near the bottom after.
    return last_wh >= 0.9 * modulus and value <= 0.1 * modulus
