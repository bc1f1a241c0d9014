"""Readings that come after their intervals were closed: the ledger is made right again.

A sensor that was offline brings its readings later. The register's difference over the gap was
booked already, spread as a straight line and marked estimated; what was not known is only how it
was spread. Now it is: the boundaries inside the gap are drawn again through the readings that came,
as new versions of their intervals, and the sum stays what it was to the watt-hour.

Only estimated intervals are touched. Where the readings do not fit between the boundaries around
them (a reset, a rollover, a bad value) the estimate stands, and the readings are there to be
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import DAY_MS, QUARTER_HOUR_MS, IntervalQuality
from energy_desktop.storage.database import Session
from energy_desktop.storage.series.intervals import LedgerState, RegisterRules
from energy_desktop.storage.series.steps import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]

METHOD = "late readings"
LONGEST_GAP_MS = 31 * DAY_MS
_SAME_WH = 2  # a boundary that readings around it give again, but for rounding

ReadRegister = Callable[[int, int], "tuple[Int64s, Int64s]"]
"""Times (n,) and whole Wh (n,) of the register in [start, end), without what is not available."""


@dataclass(frozen=True, slots=True)
class _Row:
    step_s: int
    start_ms: int
    energy_wh: int
    quality: int
    opening_wh: int
    closing_wh: int
    segment: int

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.step_s * 1000


# step_s, start_ms, energy, quality, opening, closing
_Changed = tuple[int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Remade:
    """New versions of intervals, and the ledger's state when its last boundary is among them."""

    rows: tuple[_Changed, ...]
    state: LedgerState


def remake(
    session: Session,
    keys: tuple[int, int],
    rules: RegisterRules,
    state: LedgerState,
    read: ReadRegister,
    span_ms: tuple[int, int],
) -> Remade:
    """What the readings in `span_ms` (first, last) change. Nothing is written here."""
    changed: list[_Changed] = []
    for run in _runs(session, keys, rules.grid.steps_s, span_ms):
        rows, state = _redrawn(run, rules, state, read)
        changed += rows
    return Remade(tuple(changed), state)


def _runs(
    session: Session, keys: tuple[int, int], steps_s: tuple[int, ...], span_ms: tuple[int, int]
) -> Iterator[list[_Row]]:
    """Stretches of estimated intervals that the span touches, whatever their steps."""
    found = session.rows(
        "SELECT step_s, start_ms, energy_wh, quality, opening_wh, closing_wh, segment"
        f" FROM intervals WHERE meter_key = ? AND register_key = ? AND {one_of(steps_s)}"
        " AND start_ms >= ?"
        " AND start_ms <= ? AND quality = ? AND opening_wh >= 0 AND closing_wh >= 0"
        " AND method IN ('register', ?) ORDER BY start_ms",
        (
            *keys,
            *steps_s,
            span_ms[0] - LONGEST_GAP_MS,
            span_ms[1] + LONGEST_GAP_MS,
            int(IntervalQuality.ESTIMATED),
            METHOD,
        ),
    )
    run: list[_Row] = []
    for row in (_Row(*map(int, values)) for values in found):
        follows = run and row.start_ms == run[-1].end_ms and row.segment == run[-1].segment
        if run and not follows:
            if _touches(run, span_ms):
                yield run
            run = []
        run.append(row)
    if run and _touches(run, span_ms):
        yield run


def _touches(run: list[_Row], span_ms: tuple[int, int]) -> bool:
    return run[0].start_ms <= span_ms[1] and span_ms[0] < run[-1].end_ms


def _redrawn(
    run: list[_Row], rules: RegisterRules, state: LedgerState, read: ReadRegister
) -> tuple[list[_Changed], LedgerState]:
    bounds = np.array([row.start_ms for row in run] + [run[-1].end_ms], np.int64)
    steps_ms = np.diff(bounds)
    old = np.array([row.opening_wh for row in run] + [run[-1].closing_wh], np.int64)
    reach = 2 * max(rules.gap_limit_ms, int(steps_ms.max()))
    times, register = read(int(bounds[0]) - reach, int(bounds[-1]) + reach)
    if not len(times) or times[0] > bounds[0] or times[-1] < bounds[-1]:
        return [], state
    after = np.searchsorted(times, bounds, side="left")
    exact = times[after] == bounds
    before = np.where(exact, after, after - 1)
    within = register[before[0] : after[-1] + 1]
    if bool((np.diff(within) < 0).any()):
        return [], state  # a reset, a rollover or a bad value: not for a straight line
    span = np.maximum(times[after] - times[before], 1)
    rise = (register[after] - register[before]) * ((bounds - times[before]) / span)
    value = register[before] + np.rint(rise).astype(np.int64)
    offset = _offset(int(old[0] - value[0]), rules)
    # The last boundary of the book may itself have been a guess; every other end is known.
    open_end = state.through_ms == int(bounds[-1]) and state.through_estimated
    if offset is None or (not open_end and abs(int(old[-1] - value[-1]) - offset) > _SAME_WH):
        return [], state
    value = value + offset
    value[0] = old[0]
    if not open_end:
        value[-1] = old[-1]
    if bool((np.diff(value) < 0).any()):
        return [], state
    if open_end and int(value[-1]) > state.last_wh + state.offset_wh:
        return [], state  # the clock was set back: the book already is at readings stamped later
    guessed = ~exact & (times[after] - times[before] > rules.gap_limit_ms)
    quality = np.where(
        guessed[:-1] | guessed[1:], int(IntervalQuality.ESTIMATED), int(IntervalQuality.RAW)
    )
    if rules.limit_w is not None:
        most = rules.limit_w * np.maximum(steps_ms, QUARTER_HOUR_MS) / 3_600_000
        if bool((np.diff(value) > most).any()):
            return [], state
    changed = [
        (
            row.step_s,
            row.start_ms,
            int(value[i + 1] - value[i]),
            int(quality[i]),
            int(value[i]),
            int(value[i + 1]),
        )
        for i, row in enumerate(run)
        if (row.energy_wh, row.quality, row.opening_wh, row.closing_wh)
        != (int(value[i + 1] - value[i]), int(quality[i]), int(value[i]), int(value[i + 1]))
    ]
    if open_end and changed:
        state = replace(state, through_wh=int(value[-1]), through_estimated=bool(guessed[-1]))
    return changed, state


def _offset(difference_wh: int, rules: RegisterRules) -> int | None:
    """What lies between the register and the book: whole turns of the register, or nothing."""
    modulus = rules.modulus_wh
    turns = round(difference_wh / modulus) if modulus else 0
    offset = turns * (modulus or 0)
    return offset if abs(difference_wh - offset) <= _SAME_WH else None
