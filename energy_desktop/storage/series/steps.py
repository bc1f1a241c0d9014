"""Which lengths of interval a register has over a period.

A meter may have been imported in half hours, be polled in quarter hours and be set to hours later.
Nothing is booked anew for that: a period is told in runs, each with the step that its intervals
have, and as one row of intervals with the smallest step that all of them fit into. What a finer
row tells already does not count a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.storage.database import Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch whose intervals have one step. UTC epoch ms."""

    start_ms: int
    end_ms: int
    step_s: int

    @property
    def count(self) -> int:
        """Intervals of which it would consist without a gap."""
        return max((self.end_ms - self.start_ms) // (self.step_s * 1000), 0)


def one_of(steps_s: tuple[int, ...]) -> str:
    """The condition that keeps to these steps; with it the rows are found by seeks."""
    return f"step_s IN ({', '.join('?' * len(steps_s))})"


def kept(session: Session, keys: tuple[int, int] | None) -> list[int]:
    """Steps (s) of which there is any interval, finest first: by seeks, not by a scan."""
    found: list[int] = []
    while keys is not None:
        row = session.row(
            "SELECT MIN(step_s) FROM intervals WHERE meter_key = ? AND register_key = ?"
            " AND step_s > ?",
            (*keys, found[-1] if found else 0),
        )
        if row is None or row[0] is None:
            break
        found.append(int(row[0]))
    return found


def runs(
    session: Session, keys: tuple[int, int] | None, steps: list[int], start_ms: int, end_ms: int
) -> tuple[Run, ...]:
    """[start_ms, end_ms) in runs, ascending, without a space between; none without intervals.

    steps: as `kept` gives them. Where nothing is known the run before it goes on.
    """
    if keys is None or not steps:
        return ()
    if len(steps) == 1:
        return (Run(start_ms, end_ms, steps[0]),)
    upto_ms = max(end_ms, start_ms + 1)  # of an empty period: what holds at that moment
    there = [
        step_s
        for step_s in steps
        if session.row(
            "SELECT 1 FROM intervals WHERE meter_key = ? AND register_key = ? AND step_s = ?"
            " AND start_ms > ? AND start_ms < ? LIMIT 1",
            (*keys, step_s, start_ms - step_s * 1000, upto_ms),
        )
    ]
    if len(there) < 2:
        return (Run(start_ms, end_ms, there[0] if there else steps[0]),)
    return _told_apart(session, keys, there, start_ms, upto_ms)


def _told_apart(
    session: Session, keys: tuple[int, int], steps: list[int], start_ms: int, end_ms: int
) -> tuple[Run, ...]:
    """As `runs`, where more than one step has intervals."""
    starts, lengths = np.empty(0, np.int64), np.empty(0, np.int64)
    for known in ("IS NOT NULL", "IS NULL"):  # what is quarantined counts where nothing is known
        for step_s in steps:
            rows = session.rows(
                "SELECT start_ms FROM intervals WHERE meter_key = ? AND register_key = ?"
                f" AND step_s = ? AND start_ms > ? AND start_ms < ? AND energy_wh {known}"
                " ORDER BY start_ms",
                (*keys, step_s, start_ms - step_s * 1000, end_ms),
            )
            own = np.fromiter((row[0] for row in rows), np.int64, len(rows))
            told = _told_ms(own, step_s * 1000, starts, lengths)
            own = own[told == 0 if known == "IS NULL" else told < step_s * 1000]
            starts = np.concatenate((starts, own))
            lengths = np.concatenate((lengths, np.full(len(own), step_s * 1000, np.int64)))
            order = np.argsort(starts, kind="stable")
            starts, lengths = starts[order], lengths[order]
    if not len(starts):
        return (Run(start_ms, end_ms, steps[0]),)
    first = np.concatenate(([0], np.flatnonzero(np.diff(lengths)) + 1))
    begins = [start_ms, *starts[first[1:]].tolist()]
    found: list[Run] = []
    for begin, end, i in zip(begins, [*begins[1:], end_ms], first.tolist(), strict=True):
        found.append(Run(max(begin, start_ms), max(end, start_ms), int(lengths[i]) // 1000))
    return tuple(found)


def _told_ms(own: Int64s, step_ms: int, starts: Int64s, lengths: Int64s) -> Int64s:
    """How much of [own, own + step_ms) the intervals that begin in it tell; shape (n,)."""
    told = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    low = np.searchsorted(starts, own, side="left")
    high = np.searchsorted(starts, own + step_ms, side="left")
    found: Int64s = told[high] - told[low]
    return found


def common(found: tuple[Run, ...]) -> int | None:
    """The smallest step (s) that every run fits into; None: there is no run."""
    return lcm(*(run.step_s for run in found)) if found else None


def whole(found: tuple[Run, ...]) -> tuple[Run, ...]:
    """Each run cut to the whole intervals inside of it."""
    return tuple(
        replace(
            run,
            start_ms=-(-run.start_ms // (run.step_s * 1000)) * run.step_s * 1000,
            end_ms=run.end_ms // (run.step_s * 1000) * run.step_s * 1000,
        )
        for run in found
    )
