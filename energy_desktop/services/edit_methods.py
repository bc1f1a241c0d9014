"""The ways in which a person can correct a span: from its intervals now to what they would be.

Each gives whole Wh, none below zero, whose sum is exactly what was asked for; what cannot be told
is refused in words, not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.vee import exact, shapes
from energy_desktop.analytics.vee.measured import measured_wh
from energy_desktop.domain import wording
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.editing import EditMethod, EditParameters, Shape
from energy_desktop.domain.energy import DAY_MS, IntervalQuality, Intervals
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.ports import Ledger
from energy_desktop.domain.site import Meter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int8s, Int64s

    Bools = NDArray[np.bool_]

BY_HAND = (
    EditMethod.SET,
    EditMethod.SCALE,
    EditMethod.SPREAD,
    EditMethod.COPY_DAY,
    EditMethod.LINE,
    EditMethod.LIKE_DAYS,
    EditMethod.REGISTER,
)
"""Methods that a person can choose; the others come of imports, exchanges and undoing."""
FARTHEST_DAYS = 10 * 366
MOST_W = 10e9  # no connection carries ten power stations: a slip, and sums must stay exact
_LOOK_BACK_MS = (7 * shapes.WEEKS + 2) * DAY_MS


@dataclass(frozen=True, slots=True)
class Span:
    """The intervals to be corrected; arrays (n,) are those of the ledger now."""

    meter: Meter
    register: str
    zone: ZoneInfo
    step_s: int
    start_ms: int
    end_ms: int
    starts: Int64s
    energy_wh: Floats
    quality: Int8s
    register_wh: int | None

    @property
    def measured(self) -> Bools:
        return np.isfinite(self.energy_wh) & (self.quality <= IntervalQuality.VALIDATED)

    def wrong(self, what: str, remedy: str) -> WrongUse:
        return WrongUse(where=f"{self.meter.name}, {self.text}", what=what, remedy=remedy)

    @property
    def text(self) -> str:
        return (
            f"{wording.stamp(self.start_ms, self.zone)} to {wording.stamp(self.end_ms, self.zone)}"
        )


class EditMethods:
    """Reads the ledger around a span, writes nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def after(
        self, span: Span, method: EditMethod, parameters: EditParameters
    ) -> tuple[Bools, Int64s, str]:
        """Which intervals of the span change (n,), their new energies, and how, in words.

        Raises WrongUse (method, parameters) and NotEnoughData (nothing to go by).
        """
        chosen = np.ones(len(span.starts), np.bool_)
        if method is EditMethod.SET:
            after, told = _set(span, parameters)
        elif method is EditMethod.SCALE:
            chosen = np.isfinite(span.energy_wh)
            after, told = _scale(span, parameters)
        elif method is EditMethod.SPREAD:
            after, told = self._spread(span, parameters)
        elif method is EditMethod.REGISTER:
            after, told = self._spread(span, replace(parameters, total_wh=None))
        elif method is EditMethod.COPY_DAY:
            after, told = self._copy_day(span, parameters)
        elif method is EditMethod.LINE:
            after, told = self._along(span, parameters, self._line(span), "straight line")
        elif method is EditMethod.LIKE_DAYS:
            after, told = self._along(
                span, parameters, self._like_weeks(span), "same weekday and time of 3 weeks before"
            )
        else:
            raise span.wrong(
                f"{method.value!r} is no method to choose.",
                f"Choose one of: {', '.join(m.value for m in BY_HAND)}.",
            )
        return chosen, after, told

    def _around(self, span: Span, start_ms: int, end_ms: int) -> Intervals:
        return self._ledger.intervals(
            span.meter.meter_id, start_ms, end_ms, register=span.register, step_s=span.step_s
        )

    def _line(self, span: Span) -> Floats:
        step_ms = span.step_s * 1000
        sides = self._around(span, span.start_ms - step_ms, span.end_ms + step_ms)
        before, after = (
            float(sides.energy_wh[i]) if sides.quality[i] <= IntervalQuality.VALIDATED else None
            for i in (0, -1)
        )
        line = shapes.straight_line(len(span.starts), before, after)
        if line is None:
            raise NotEnoughData(
                where=f"{span.meter.name}, {span.text}",
                what="Neither neighbour was measured, so there is no line between them.",
                remedy="Spread a known total, or copy a like day.",
            )
        return line

    def _like_weeks(self, span: Span) -> Floats:
        past = self._around(span, span.start_ms - _LOOK_BACK_MS, span.end_ms)
        shape = shapes.like_weeks(
            span.starts, int(past.start_ms[0]), span.step_s * 1000, measured_wh(past), span.zone
        )
        if shape is None:
            raise NotEnoughData(
                where=f"{span.meter.name}, {span.text}",
                what="Too little was measured at these times in the 3 weeks before.",
                remedy="Spread the total evenly, or copy a like day.",
            )
        return shape

    def _day(self, span: Span, parameters: EditParameters) -> Floats:
        if parameters.source_day is None:
            raise span.wrong("No day is named to copy from.", "Name the like day.")
        first = from_ms(span.start_ms).astimezone(span.zone).date()
        off = (parameters.source_day - first).days
        if off == 0:
            raise span.wrong("That is the day itself.", "Name another day.")
        if abs(off) > FARTHEST_DAYS:
            raise span.wrong(
                f"{wording.day(parameters.source_day)} is more than {FARTHEST_DAYS // 366} years "
                "away.",
                "Name a day nearer to the span.",
            )
        edge = (abs(off) + 2) * DAY_MS
        around = self._around(span, span.start_ms - edge, span.end_ms + edge)
        copied = shapes.like_day(
            span.starts, off, int(around.start_ms[0]), span.step_s * 1000,
            around.energy_wh, span.zone,
        )  # fmt: skip
        unknown = int(np.count_nonzero(~np.isfinite(copied)))
        if unknown:
            raise NotEnoughData(
                where=f"{span.meter.name}, {wording.day(parameters.source_day)}",
                what=f"{wording.count(unknown, 'interval')} of it are not known.",
                remedy="Choose another day.",
            )
        return copied

    def _spread(self, span: Span, parameters: EditParameters) -> tuple[Int64s, str]:
        total = span.register_wh if parameters.total_wh is None else parameters.total_wh
        if total is None:
            raise span.wrong(
                "The register does not know this span, so its total is not known.",
                "Name the total, or choose another method.",
            )
        _refuse_impossible(span, total)
        if parameters.shape is Shape.EVEN:
            shape, along = np.ones(len(span.starts)), "evenly"
        elif parameters.shape is Shape.LIKE_DAYS:
            shape, along = self._like_weeks(span), "as the same weekdays before"
        else:
            shape = self._day(span, parameters)
            assert parameters.source_day is not None
            along = f"as on {wording.day(parameters.source_day)}"
        whose = "the register's " if parameters.total_wh is None else ""
        return exact.apportion(total, shape), f"{whose}{kwh_text(total)} spread {along}"

    def _copy_day(self, span: Span, parameters: EditParameters) -> tuple[Int64s, str]:
        copied = self._day(span, parameters)
        assert parameters.source_day is not None
        return self._along(
            span, parameters, copied, f"copied from {wording.day(parameters.source_day)}"
        )

    @staticmethod
    def _along(
        span: Span, parameters: EditParameters, shape: Floats, words: str
    ) -> tuple[Int64s, str]:
        """As the shape is, scaled to the total that is given or that the register knows."""
        total = parameters.total_wh
        if total is None and parameters.keep_total:
            total = span.register_wh
        if total is None:
            return exact.whole(shape), words
        _refuse_impossible(span, total)
        whose = "the register's " if parameters.total_wh is None else ""
        return exact.apportion(total, shape), f"{words}, scaled to {whose}{kwh_text(total)}"


def _set(span: Span, parameters: EditParameters) -> tuple[Int64s, str]:
    if parameters.value_wh is None:
        raise span.wrong("No value is named.", "Name the energy of each interval in Wh.")
    _refuse_impossible(span, parameters.value_wh * len(span.starts), parameters.value_wh)
    after = np.full(len(span.starts), parameters.value_wh, np.int64)
    return after, f"each interval set to {parameters.value_wh:,} Wh"


def _scale(span: Span, parameters: EditParameters) -> tuple[Int64s, str]:
    if parameters.factor is None or not parameters.factor.is_finite() or parameters.factor < 0:
        raise span.wrong("No factor of 0 or more is named.", "Name the factor, such as 1.5.")
    known = np.isfinite(span.energy_wh)
    if not known.any():
        raise span.wrong(
            "None of its intervals has a value to scale.", "Spread a known total instead."
        )
    energy = np.rint(span.energy_wh[known]).astype(np.int64)
    _refuse_impossible(span, round(Decimal(int(energy.sum())) * parameters.factor))
    return exact.scaled(energy, parameters.factor), f"scaled by {parameters.factor.normalize():f}"


def _refuse_impossible(span: Span, total_wh: int, told_wh: int | None = None) -> None:
    """total_wh: over the span. told_wh: as the person wrote it; None: the total."""
    told = total_wh if told_wh is None else told_wh
    if told < 0:
        raise span.wrong(
            f"{told:,} Wh is less than nothing: a register counts one direction.",
            "Correct the register of the other direction instead.",
        )
    if total_wh > MOST_W * len(span.starts) * span.step_s / 3600:
        raise span.wrong(
            f"{told:,} Wh is more than any connection could carry in that time.",
            "Check the number of digits and the unit: energies are in Wh.",
        )


def kwh_text(energy_wh: int) -> str:
    """To the Wh: "12.345 kWh"."""
    return f"{wording.exact_kwh(energy_wh)} kWh"
