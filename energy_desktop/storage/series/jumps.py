"""Closes intervals over exchanges and resets that a person told.

The old register is followed up to its end reading, the new one goes on from its start reading, and
the odometer runs through both. An exchange whose readings cannot be believed (doubt.py) is as one
that nobody told: the register breaks there, and what it says is kept for review.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.editing import ExchangeDoubt
from energy_desktop.storage.series.accepting import LOOK_AHEAD, Incident
from energy_desktop.storage.series.doubt import doubt_of
from energy_desktop.storage.series.intervals import Closed, close_intervals
from energy_desktop.storage.series.register import LedgerState, RegisterRules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]


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


def continuous(time_ms: Int64s, register_wh: Int64s, jumps: Sequence[Jump]) -> Int64s:
    """The readings (n,) as one register that goes on through every exchange."""
    whole = register_wh.copy()
    for jump in jumps:
        whole[np.searchsorted(time_ms, jump.at_ms, side="right") :] += jump.shift_wh
    return whole


def close_over_jumps(
    time_ms: Int64s,
    register_wh: Int64s,
    rules: RegisterRules,
    state: LedgerState | None,
    jumps: Sequence[Jump],
) -> Iterator[Closed]:
    """As `close_intervals`, with exchanges and resets that are known: piece by piece.

    jumps: ascending; those up to state.last_ms are done.
    """
    readings = _Readings(time_ms, register_wh)
    held: Incident | None = None
    for jump in jumps:
        if state is not None and jump.at_ms <= state.last_ms:
            continue
        old, new = readings.parted(jump.at_ms)
        doubt = _doubted(jump, state, readings) if len(new) else None
        if not len(new) or (doubt is not None and len(new) <= LOOK_AHEAD):
            # The new register has not been read yet, or a bad reading may be the reason for the
            # doubt and a few more tell: up to here all is the old one's. A reading at the very
            # time waits, for the state must not seem to be past the jump.
            readings = readings.before(jump.at_ms)
            break
        if doubt is None:
            closed = old.ended_by(jump).closed(rules, state, final=True, held=held)
            assert closed.state is not None, "the end reading itself makes a state"
            state, held = _begun_with(jump, closed.state), None
            yield replace(closed, state=state)
        else:
            if len(old):
                closed = old.closed(rules, state, final=True, held=held)
                state = closed.state
                yield closed
            held = Incident(int(new.time_ms[0]), int(new.register_wh[0]), _said(doubt))
        readings = new
    if len(readings) or state is None:
        yield readings.closed(rules, state, final=False, held=held)


@dataclass(frozen=True, slots=True)
class _Readings:
    """time_ms (n,): ascending UTC epoch ms; register_wh (n,): Wh."""

    time_ms: Int64s
    register_wh: Int64s

    def __len__(self) -> int:
        return len(self.time_ms)

    def before(self, at_ms: int) -> _Readings:
        until = int(np.searchsorted(self.time_ms, at_ms, side="left"))
        return _Readings(self.time_ms[:until], self.register_wh[:until])

    def parted(self, at_ms: int) -> tuple[_Readings, _Readings]:
        """Those up to `at_ms`, and those behind it."""
        split = int(np.searchsorted(self.time_ms, at_ms, side="right"))
        old = _Readings(self.time_ms[:split], self.register_wh[:split])
        return old, _Readings(self.time_ms[split:], self.register_wh[split:])

    def ended_by(self, jump: Jump) -> _Readings:
        """With the end reading, unless one that it may go on from was read at that very time."""
        old = self.before(jump.at_ms)
        if len(old) < len(self) and int(self.register_wh[-1]) <= jump.old_end_wh:
            return self
        return _Readings(
            np.append(old.time_ms, np.int64(jump.at_ms)),
            np.append(old.register_wh, np.int64(jump.old_end_wh)),
        )

    def closed(
        self,
        rules: RegisterRules,
        state: LedgerState | None,
        *,
        final: bool,
        held: Incident | None,
    ) -> Closed:
        return close_intervals(self.time_ms, self.register_wh, rules, state, final=final, held=held)


def _begun_with(jump: Jump, state: LedgerState) -> LedgerState:
    """The state where the new register goes on from the old one."""
    return replace(
        state,
        last_ms=jump.at_ms,
        last_wh=jump.new_start_wh,
        offset_wh=state.offset_wh + jump.shift_wh,
    )


def _doubted(jump: Jump, state: LedgerState | None, readings: _Readings) -> ExchangeDoubt | None:
    if jump.most_w is None:
        return None
    time_ms, register_wh = readings.time_ms, readings.register_wh
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
