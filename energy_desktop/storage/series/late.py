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

from energy_desktop.domain.energy import DAY_MS, IntervalQuality
from energy_desktop.storage.database import Session
from energy_desktop.storage.series.boundaries import Drawn, drawn
from energy_desktop.storage.series.register import LedgerState, RegisterRules
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
class Redrawn:
    """An estimated interval, as it was booked or drawn anew."""

    step_s: int
    start_ms: int
    energy_wh: int
    quality: int
    opening_wh: int
    closing_wh: int
    segment: int

    @property
    def at(self) -> tuple[int, int]:
        return self.step_s, self.start_ms

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.step_s * 1000


@dataclass(frozen=True, slots=True)
class Remade:
    """New versions of intervals, and the ledger's state when its last boundary is among them."""

    rows: tuple[Redrawn, ...]
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
    changed: list[Redrawn] = []
    for run in _runs(session, keys, rules.grid.steps_s, span_ms):
        rows, state = _redrawn(run, rules, state, read)
        changed += rows
    return Remade(tuple(changed), state)


def _runs(
    session: Session, keys: tuple[int, int], steps_s: tuple[int, ...], span_ms: tuple[int, int]
) -> Iterator[list[Redrawn]]:
    """Stretches of estimated intervals that the span touches, whatever their steps."""
    found = session.rows(
        "SELECT step_s, start_ms, energy_wh, quality, opening_wh, closing_wh, segment"
        f" FROM intervals WHERE meter_key = ? AND register_key = ? AND {one_of(steps_s)}"
        " AND start_ms >= ?"
        " AND start_ms <= ? AND quality = ? AND opening_wh IS NOT NULL AND closing_wh IS NOT NULL"
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
    run: list[Redrawn] = []
    for row in (Redrawn(*map(int, values)) for values in found):
        follows = run and row.start_ms == run[-1].end_ms and row.segment == run[-1].segment
        if run and not follows:
            if _touches(run, span_ms):
                yield run
            run = []
        run.append(row)
    if run and _touches(run, span_ms):
        yield run


def _touches(run: list[Redrawn], span_ms: tuple[int, int]) -> bool:
    return run[0].start_ms <= span_ms[1] and span_ms[0] < run[-1].end_ms


def _redrawn(
    run: list[Redrawn], rules: RegisterRules, state: LedgerState, read: ReadRegister
) -> tuple[list[Redrawn], LedgerState]:
    bounds = np.array([row.start_ms for row in run] + [run[-1].end_ms], np.int64)
    steps_ms = np.diff(bounds)
    reach = 2 * max(rules.gap_limit_ms, int(steps_ms.max()))
    times, register = read(int(bounds[0]) - reach, int(bounds[-1]) + reach)
    if not len(times) or times[0] > bounds[0] or times[-1] < bounds[-1]:
        return [], state
    line = drawn(times, register, bounds, rules.gap_limit_ms)
    # The last boundary of the book may itself have been a guess; every other end is known.
    open_end = state.through_ms == int(bounds[-1]) and state.through_estimated
    value = _fitted(run, line, register, rules, open_end=open_end)
    if value is None or not rules.carries(np.diff(value), steps_ms).all():
        return [], state
    if open_end and int(value[-1]) > state.last_wh + state.offset_wh:
        return [], state  # the clock was set back: the book already is at readings stamped later
    estimated = line.apart[:-1] | line.apart[1:]
    quality = np.where(estimated, int(IntervalQuality.ESTIMATED), int(IntervalQuality.RAW))
    columns = (np.diff(value), quality, value[:-1], value[1:])
    now = [
        replace(row, energy_wh=energy, quality=kind, opening_wh=opening, closing_wh=closing)
        for row, energy, kind, opening, closing in zip(
            run, *(column.tolist() for column in columns), strict=True
        )
    ]
    changed = [new for new, row in zip(now, run, strict=True) if new != row]
    if open_end and changed:
        state = replace(state, through_wh=int(value[-1]), through_estimated=bool(line.apart[-1]))
    return changed, state


def _fitted(
    run: list[Redrawn], line: Drawn, register_wh: Int64s, rules: RegisterRules, *, open_end: bool
) -> Int64s | None:
    """The line through the readings as boundaries (n + 1,) of the run, with the ends that are known
    kept as they are; None: it does not fit between them."""
    within = register_wh[line.before[0] : line.after[-1] + 1]
    if bool((np.diff(within) < 0).any()):
        return None  # a reset, a rollover or a bad value: not for a straight line
    opening, closing = run[0].opening_wh, run[-1].closing_wh
    offset = _offset(opening - int(line.value_wh[0]), rules)
    if offset is None:
        return None
    value = line.value_wh + offset
    if not open_end and abs(closing - int(value[-1])) > _SAME_WH:
        return None
    value[0] = opening
    if not open_end:
        value[-1] = closing
    return None if bool((np.diff(value) < 0).any()) else value


def _offset(difference_wh: int, rules: RegisterRules) -> int | None:
    """What lies between the register and the book: whole turns of the register, or nothing."""
    modulus = rules.modulus_wh
    turns = round(difference_wh / modulus) if modulus else 0
    offset = turns * (modulus or 0)
    return offset if abs(difference_wh - offset) <= _SAME_WH else None
