"""Holds a meter's energy against the rules and against its register; changes nothing.

The rules are asked of what was booked, not of what was put in its place: a value that was corrected
still failed, and the list says so beside its correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.vee.measured import measured_wh
from energy_desktop.analytics.vee.rules import failed_rules, runs_of
from energy_desktop.analytics.vee.sufficiency import sufficiency
from energy_desktop.domain import wording
from energy_desktop.domain.clock import Clock, from_ms, to_ms
from energy_desktop.domain.editing import ThreeSeries
from energy_desktop.domain.energy import DAY_MS, IntervalQuality, Resolution
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.ports import ConfigurationStore, History, Ledger, LedgerEditing
from energy_desktop.domain.site import Meter
from energy_desktop.domain.validation import (
    DayCheck,
    RuleFailure,
    ValidationReport,
    ValidationRule,
)
from energy_desktop.services.local_days import days_touched
from energy_desktop.services.own_meters import own_meter
from energy_desktop.services.registers import positive_register

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s

_PAST_MS = 366 * DAY_MS
_LEAST_PAST_DAYS = 28
_POWER_STEP_S = 900
_WHY = {
    ValidationRule.GAP: "nothing was measured",
    ValidationRule.LOW_LIMIT: "less than nothing",
    ValidationRule.HIGH_LIMIT: "more than the connection can carry",
    ValidationRule.PEAK: "more than half as much again as the highest of the past year",
    ValidationRule.SPIKE: "towers over its day and over all that the meter is used to",
    ValidationRule.FROZEN: "the value does not move",
    ValidationRule.SUM: "the sum is not what the register counted",
}


class ValidationService:
    """Judges one register of one meter at a time."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        history: History,
        ledger: Ledger,
        editing: LedgerEditing,
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._history = history
        self._ledger = ledger
        self._editing = editing
        self._clock = clock

    def three(self, meter_id: str, register: str, start_ms: int, end_ms: int) -> ThreeSeries:
        """Raw, validated and estimated energy side by side. Validated is what was booked, passed
        the rules and was not replaced; `rules` names the rule that the others failed.

        Raises NotFound (meter, register).
        """
        meter, register = self._known(meter_id, register)
        series = self._editing.three(meter_id, register, start_ms, end_ms)
        rules = self._rules(meter, series)
        failed = np.array([bool(name) for name in rules], np.bool_)
        validated = np.where(failed, np.nan, series.validated_wh) if rules else series.validated_wh
        return replace(series, validated_wh=validated, rules=rules)

    def report(
        self, meter_id: str, start_ms: int, end_ms: int, register: str = ""
    ) -> ValidationReport:
        """Every rule, every day's sum check, and whether the period would do for a claim.

        start_ms, end_ms are widened to local days; what has not happened yet is left out.
        Raises NotFound (meter, register) and WrongUse (period).
        """
        meter, register = self._known(meter_id, register)
        zone = ZoneInfo(self._configuration.load().site.zone)
        now_ms = to_ms(self._clock())
        if not start_ms < end_ms or start_ms >= now_ms:
            raise WrongUse(
                where=meter.name,
                what="The period is empty or has not begun.",
                remedy="Choose a start that has passed and a later end.",
            )
        edges = days_touched(start_ms, end_ms, zone)
        edges = edges[: int(np.searchsorted(edges, now_ms, side="left")) + 1]
        first, last = int(edges[0]), min(int(edges[-1]), now_ms)
        series = self.three(meter_id, register, first, last)
        days = tuple(
            DayCheck(
                from_ms(day).astimezone(zone).date(),
                day,
                min(end, last),
                self._ledger.reconciliation(meter_id, day, min(end, last), register=register),
            )
            for day, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        )
        booked = self._ledger.intervals(
            meter_id, first, last, register=register, step_s=series.step_s
        )
        return ValidationReport(
            series, _failures(series, days, zone), days, sufficiency(booked, edges)
        )

    def _rules(self, meter: Meter, series: ThreeSeries) -> tuple[str, ...]:
        if not len(series.start_ms):
            return ()
        zone = ZoneInfo(self._configuration.load().site.zone)
        first, last = int(series.start_ms[0]), int(series.start_ms[-1])
        names = failed_rules(
            series.start_ms,
            series.raw_wh,
            series.step_s,
            days_touched(first, last + 1, zone),
            limit_w=meter.connection_limit_w,
            past_peak_wh=self._past_peak_wh(series, first),
            power_w=self._power_w(series),
        )
        # What lies before the first interval ever, or is not booked yet, is no gap.
        there = np.flatnonzero(series.quality != IntervalQuality.MISSING)
        inside = range(there[0], there[-1] + 1) if len(there) else range(0)
        return tuple(name if i in inside else "" for i, name in enumerate(names))

    def _past_peak_wh(self, series: ThreeSeries, start_ms: int) -> float | None:
        """The highest measured energy of a step in the year before; None: too little of it."""
        past = self._ledger.intervals(
            series.meter_id,
            start_ms - _PAST_MS,
            start_ms,
            register=series.register,
            step_s=series.step_s,
        )
        measured = measured_wh(past)
        known = np.isfinite(measured)
        enough = _LEAST_PAST_DAYS * DAY_MS / (1000 * series.step_s)
        return float(measured[known].max()) if np.count_nonzero(known) >= enough else None

    def _power_w(self, series: ThreeSeries) -> Floats | None:
        """The meter's own mean power in each interval (n,); None where it tells none."""
        if series.step_s % _POWER_STEP_S or series.register == "energy_export_wh":
            return None
        start_ms, step_ms = int(series.start_ms[0]), series.step_s * 1000
        quarters = self._history.buckets(
            series.meter_id,
            "power_w",
            start_ms,
            int(series.start_ms[-1]) + step_ms,
            Resolution.QUARTER,
        )
        if not len(quarters.start_ms):
            return None
        return _means(quarters.start_ms, quarters.mean, start_ms, step_ms, len(series.start_ms))

    def _known(self, meter_id: str, register: str) -> tuple[Meter, str]:
        meter = own_meter(self._configuration.load(), meter_id)
        there = self._ledger.registers(meter_id)
        register = register or positive_register(self._ledger, meter_id)
        if register not in there:
            raise NotFound(
                where=meter.name,
                what=f"No energy of {register} is stored.",
                remedy=f"It has: {', '.join(there) or 'none yet'}.",
            )
        return meter, register


def _means(at_ms: Int64s, mean: Floats, start_ms: int, step_ms: int, count: int) -> Floats:
    """Means of the finer values in each step (count,); NaN where there is none."""
    position = (at_ms - start_ms) // step_ms
    usable = np.isfinite(mean) & (position >= 0) & (position < count)
    total = np.bincount(position[usable], mean[usable], count)
    n = np.bincount(position[usable], minlength=count)
    means: Floats = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return means


def _failures(
    series: ThreeSeries, days: Sequence[DayCheck], zone: ZoneInfo
) -> tuple[RuleFailure, ...]:
    """Runs of failed intervals, then the days whose sum is off, by time."""
    step_ms = series.step_s * 1000
    found = []
    for name, first, past_last in runs_of(series.rules):
        rule = ValidationRule(name)
        energies = series.raw_wh[first:past_last]
        known = bool(np.isfinite(energies).all())
        start_ms = int(series.start_ms[first])
        count = past_last - first
        found.append(
            RuleFailure(
                rule,
                start_ms,
                start_ms + count * step_ms,
                count,
                round(float(energies.sum())) if known else None,
                f"{wording.stamp(start_ms, zone)}, {wording.count(count, 'interval')}: "
                f"{_WHY[rule]}.",
            )
        )
    for day in days:
        off = day.reconciliation.discrepancy_wh
        if off:
            found.append(
                RuleFailure(
                    ValidationRule.SUM,
                    day.start_ms,
                    day.end_ms,
                    (day.end_ms - day.start_ms) // step_ms,
                    day.reconciliation.interval_sum_wh,
                    f"{wording.day(day.day)}: its intervals sum to {abs(off):,} Wh "
                    f"{'more' if off > 0 else 'less'} than the register counted"
                    f"{'' if day.reconciliation.unexplained_wh else ', by corrections'}.",
                )
            )
    return tuple(sorted(found, key=lambda f: (f.start_ms, f.end_ms)))
