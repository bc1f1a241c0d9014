"""Chooses for each open gap how it is filled, and adds up what that gives.

A gap of up to an hour that the register bridges already lies on the register's own straight line:
it is left, since that line knows the readings at its ends to the second. What a person did about a
gap is left, too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.vee import exact, shapes
from energy_desktop.analytics.vee.measured import measured_wh
from energy_desktop.domain import wording
from energy_desktop.domain.editing import EditMethod, LedgerGap
from energy_desktop.domain.energy import DAY_MS, HOUR_MS, GapCause, Intervals
from energy_desktop.domain.ports import Ledger, LedgerEditing
from energy_desktop.domain.site import Meter

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s

SHORT_MS = HOUR_MS
_TOLD_SINGLY = 4
_ALREADY = ("imported", "late readings")  # how an interval came to its value, when it is not open
_LOOK_BACK_MS = (7 * shapes.WEEKS + 2) * DAY_MS


@dataclass(frozen=True, slots=True)
class FilledGap:
    """One gap with its new energies (n,). known: whether the register gave their sum. begins and
    how: in words."""

    starts: Int64s
    energy_wh: Int64s
    method: EditMethod
    known: bool
    begins: str
    how: str


@dataclass(frozen=True, slots=True)
class Filled:
    """parts: a gap each. warnings: a sentence per gap that stays open or is filled poorly."""

    parts: tuple[FilledGap, ...]
    warnings: tuple[str, ...]

    @property
    def method(self) -> EditMethod:
        """The one that all share; where they differ, what they have in common."""
        methods = {part.method for part in self.parts}
        if len(methods) == 1:
            return methods.pop()
        return EditMethod.REGISTER if self.register_wh is not None else EditMethod.LIKE_DAYS

    @property
    def register_wh(self) -> int | None:
        """Sum of the gaps by the register; None where it does not know one of them."""
        if not all(part.known for part in self.parts):
            return None
        return sum(int(part.energy_wh.sum()) for part in self.parts)

    @property
    def told(self) -> str:
        """Each gap by its name; of many, how many there are of each kind."""
        if len(self.parts) <= _TOLD_SINGLY:
            return "; ".join(f"{part.begins} by {part.how}" for part in self.parts)
        kinds = Counter(part.how for part in self.parts)
        return "; ".join(
            f"{wording.count(count, 'gap')} by {how}" for how, count in sorted(kinds.items())
        )

    @property
    def sentence(self) -> str:
        intervals = sum(len(part.starts) for part in self.parts)
        total = sum(int(part.energy_wh.sum()) for part in self.parts)
        told = (
            "as the register counted"
            if self.register_wh is not None
            else "not all of it known to a register"
        )
        return (
            f"{wording.count(len(self.parts), 'gap')}, {wording.count(intervals, 'interval')}: "
            f"{wording.exact_kwh(total)} kWh, {told}."
        )


class GapFiller:
    """Reads the ledger, writes nothing."""

    def __init__(self, ledger: Ledger, editing: LedgerEditing) -> None:
        self._ledger = ledger
        self._editing = editing

    def fill(
        self, meter: Meter, register: str, zone: ZoneInfo, step_s: int, start_ms: int, end_ms: int
    ) -> Filled:
        """The open gaps that lie in or meet [start_ms, end_ms); each is filled whole or not."""
        step_ms = step_s * 1000
        found = [
            gap
            for gap in self.whole_gaps(meter.meter_id, register, step_ms, start_ms, end_ms)
            if gap.end_ms - gap.start_ms == gap.intervals * step_ms  # none of another length
        ]
        if not found:
            return Filled((), ())
        # One interval more on both sides: the neighbours of the outermost gaps.
        around = self._ledger.intervals(
            meter.meter_id,
            found[0].start_ms - _LOOK_BACK_MS,
            found[-1].end_ms + step_ms,
            register=register,
            step_s=step_s,
        )
        one = _OneGap(meter, zone, step_ms, around)
        parts, warnings = [], []
        for gap in found:
            opened = self._open(gap, step_ms)
            if not len(opened.starts):
                continue
            part, warning = one.fill(gap, opened)
            if part is not None:
                parts.append(part)
            if warning:
                warnings.append(f"{wording.stamp(gap.start_ms, zone)}: {warning}")
        return Filled(tuple(parts), tuple(warnings))

    def whole_gaps(
        self, meter_id: str, register: str, step_ms: int, start_ms: int, end_ms: int
    ) -> tuple[LedgerGap, ...]:
        """The gaps that meet [start_ms, end_ms), none cut by it: what the register knows of a gap
        it knows only of the whole."""
        found = self._editing.gaps(meter_id, register, start_ms, end_ms)
        if not found:
            return ()
        first = self._whole_start(meter_id, register, found[0].start_ms, step_ms)
        last = self._whole_end(meter_id, register, found[-1].end_ms, step_ms)
        # With one interval on each side, whose readings are those at the ends of the gap.
        return self._editing.gaps(meter_id, register, first - step_ms, last + step_ms)

    def _whole_start(self, meter_id: str, register: str, start_ms: int, step_ms: int) -> int:
        reach_ms = DAY_MS
        while True:
            earlier = self._editing.gaps(meter_id, register, start_ms - reach_ms, start_ms)
            if not earlier or earlier[-1].end_ms != start_ms:
                return start_ms
            if earlier[-1].start_ms > start_ms - reach_ms + step_ms:
                return earlier[-1].start_ms
            start_ms = earlier[-1].start_ms

    def _whole_end(self, meter_id: str, register: str, end_ms: int, step_ms: int) -> int:
        reach_ms = DAY_MS
        while True:
            later = self._editing.gaps(meter_id, register, end_ms, end_ms + reach_ms)
            if not later or later[0].start_ms != end_ms:
                return end_ms
            if later[0].end_ms < end_ms + reach_ms - step_ms:
                return later[0].end_ms
            end_ms = later[0].end_ms

    def _open(self, gap: LedgerGap, step_ms: int) -> _Open:
        """The intervals of the gap that nobody did anything about."""
        starts = np.arange(gap.start_ms, gap.end_ms, step_ms, dtype=np.int64)
        versions = self._editing.versions(gap.meter_id, gap.register, gap.start_ms, gap.end_ms)
        force = {v.start_ms: v for v in versions if v.replaced_at_ms is None}
        done = {
            s: v.energy_wh
            for s, v in force.items()
            if v.energy_wh is not None and (v.edit_id is not None or v.method in _ALREADY)
        }
        booked = {s for s, v in force.items() if v.energy_wh is not None and s not in done}
        is_open = np.array([s not in done for s in starts.tolist()], np.bool_)
        known = None
        if gap.known_wh is not None:
            known = gap.known_wh - sum(e for e in done.values() if e is not None)
        bridged = bool(booked) and len(booked) == int(np.count_nonzero(is_open))
        return _Open(starts[is_open], known, bridged)


@dataclass(frozen=True, slots=True)
class _Open:
    """known_wh: what the register leaves for these intervals. bridged: all of them have a value
    of the register's straight line."""

    starts: Int64s
    known_wh: int | None
    bridged: bool


class _OneGap:
    """Fills one gap out of what was measured around it and in the weeks before."""

    def __init__(self, meter: Meter, zone: ZoneInfo, step_ms: int, around: Intervals) -> None:
        self._meter = meter
        self._zone = zone
        self._step_ms = step_ms
        self._first_ms = int(around.start_ms[0])
        self._measured = measured_wh(around)

    def fill(self, gap: LedgerGap, opened: _Open) -> tuple[FilledGap | None, str]:
        """The filled gap or None, and a warning or nothing."""
        short = gap.end_ms - gap.start_ms <= SHORT_MS
        known = opened.known_wh
        if short and opened.bridged:
            return None, ""
        if (refused := self._refused(gap, opened)) is not None:
            return None, refused
        shape, method, warning = self._shape(gap, opened, short=short)
        if shape is None:
            return None, warning
        energy = exact.whole(shape) if known is None else exact.apportion(known, shape)
        how = "a straight line" if method is EditMethod.LINE else "the same weekdays before"
        if method is EditMethod.REGISTER:
            how = "an even spread"
        begins = wording.stamp(gap.start_ms, self._zone)
        return FilledGap(opened.starts, energy, method, known is not None, begins, how), warning

    def _refused(self, gap: LedgerGap, opened: _Open) -> str | None:
        known = opened.known_wh
        if known is None:
            if gap.cause is GapCause.QUARANTINED:
                return (
                    "the register does not go on from where it stood. Enter the exchange or reset "
                    "of the meter, or correct the span by hand."
                )
            return None
        if known < 0:
            return (
                f"what was entered by hand is {-known:,} Wh more than the register counted over "
                "the gap. Undo or correct that first."
            )
        limit_w = self._meter.connection_limit_w
        hours = len(opened.starts) * self._step_ms / HOUR_MS
        if limit_w is not None and known > limit_w * hours:
            return (
                f"the register rose by {wording.exact_kwh(known)} kWh in "
                f"{wording.hours(60 * hours)}, more than the connection can carry. Correct the "
                "span by hand."
            )
        return None

    def _shape(
        self, gap: LedgerGap, opened: _Open, *, short: bool
    ) -> tuple[Floats | None, EditMethod, str]:
        if not short:
            like = shapes.like_weeks(
                opened.starts, self._first_ms, self._step_ms, self._measured, self._zone
            )
            if like is not None:
                return like, EditMethod.LIKE_DAYS, ""
            if opened.known_wh is None:
                return None, EditMethod.LIKE_DAYS, (
                    "neither a register nor the 3 weeks before know what was used. "
                    "Spread a known total, copy a like day, or import."
                )  # fmt: skip
            return (
                np.ones(len(opened.starts)),
                EditMethod.REGISTER,
                "the 3 weeks before were not measured at these times, so the register's energy "
                "is spread evenly.",
            )
        line = self._line(gap)
        if line is not None:
            return line[(opened.starts - gap.start_ms) // self._step_ms], EditMethod.LINE, ""
        if opened.known_wh is None:
            return None, EditMethod.LINE, "neither neighbour was measured, and no register knows."
        return np.ones(len(opened.starts)), EditMethod.REGISTER, ""

    def _line(self, gap: LedgerGap) -> Floats | None:
        def beside(at_ms: int) -> float | None:
            position = (at_ms - self._first_ms) // self._step_ms
            inside = 0 <= position < len(self._measured)
            value = float(self._measured[position]) if inside else float("nan")
            return value if value == value else None

        return shapes.straight_line(
            gap.intervals, beside(gap.start_ms - self._step_ms), beside(gap.end_ms)
        )
