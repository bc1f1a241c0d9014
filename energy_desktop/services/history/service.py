"""When energy was used and what changed: curves, day pictures and totals of any period.

Everything that the page shows of a period comes from one regular row of slots (a quarter hour, or
the step in which a meter's intervals were imported), so that carpet, duration curve, base load
and completeness can never disagree. The energy itself comes from the register.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.energy import QUARTER_HOUR_MS
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.ports import ConfigurationStore, History, Ledger, LedgerEditing
from energy_desktop.domain.quantities import quantity
from energy_desktop.services.history.marks import quality_marks
from energy_desktop.services.history.patterns import (
    base_load,
    day_carpet,
    day_totals,
    earlier,
    falling,
    like_days,
    measured,
    mostly_known,
    not_measured,
    week_pattern,
    weeks_of,
)
from energy_desktop.services.history.reading import CURVE_POINTS, SlotReader
from energy_desktop.services.history.values import (
    POWER,
    Against,
    Curve,
    DayAgainstLike,
    HistoryLook,
    HistorySubject,
    PeriodFacts,
    QualityMark,
    Slots,
)
from energy_desktop.services.local_days import days_touched

LIKE_DAYS = 8
_DAY_MS = 86_400_000


class HistoryService:
    """Reads what is stored; computes no forecast and changes nothing."""

    def __init__(
        self,
        history: History,
        ledger: Ledger,
        configuration: ConfigurationStore,
        clock: Clock,
        editing: LedgerEditing | None = None,
    ) -> None:
        self._history = history
        self._ledger = ledger
        self._configuration = configuration
        self._clock = clock
        self._editing = editing
        self._reader = SlotReader(history, ledger, configuration)

    def subjects(self) -> tuple[HistorySubject, ...]:
        """Meters that have data, in the order of the configuration."""
        return self._reader.subjects()

    def site_name(self) -> str:
        return self._configuration.load().site.name

    def look(
        self,
        meter_id: str,
        quantity_name: str,
        start_ms: int,
        end_ms: int,
        against: Against = Against.BEFORE,
    ) -> HistoryLook:
        """[start_ms, end_ms) UTC epoch ms. Raises NotFound, WrongUse and NotEnoughData."""
        subject = self._reader.subject(meter_id, quantity_name)
        if end_ms <= start_ms:
            raise WrongUse(
                where=subject.meter.name,
                what="The period is empty.",
                remedy="Let its end be after its start.",
            )
        zone = self._zone()
        end_ms = max(min(end_ms, self._last_day_end(zone)), start_ms + QUARTER_HOUR_MS)
        slots = self._reader.slots(subject, quantity_name, start_ms, end_ms)
        if not np.isfinite(slots.values).any():
            raise NotEnoughData(
                where=f"{subject.meter.name}, {quantity(quantity_name).label.lower()}",
                what="Nothing is stored of this period.",
                remedy="Choose a period in which the meter was read.",
            )
        is_energy = quantity_name == POWER or quantity(quantity_name).unit == "Wh"
        energy, energy_name = self._energy_slots(subject, quantity_name, slots)
        edges = days_touched(int(slots.start_ms[0]), int(slots.start_ms[-1]) + 1, zone)
        now_ms = to_ms(self._clock())
        days = day_totals(energy, edges, energy_name, now_ms, is_energy=is_energy)
        other = earlier(start_ms, end_ms, zone, against)
        before, before_wh, before_days = None, None, np.empty(0)
        if other is not None and now_ms < end_ms:
            # A period that still runs is held against as much of the other one.
            other = other[0], max(other[0] + now_ms - start_ms, other[0] + QUARTER_HOUR_MS)
        if other is not None:
            before = self._reader.slots(subject, quantity_name, *other)
            if mostly_known(before):
                old, _ = self._energy_slots(subject, quantity_name, before)
                factor = old.step_s / 3600 if energy_name == POWER else 1.0
                before_wh = float(np.nansum(old.values)) * factor if is_energy else None
                old_edges = days_touched(*other, zone)
                before_days = day_totals(
                    old, old_edges, energy_name, now_ms, is_energy=is_energy
                ).totals
            else:
                before, other = None, None
        return HistoryLook(
            subject=subject,
            quantity=quantity_name,
            start_ms=start_ms,
            end_ms=end_ms,
            against=against,
            other_ms=other,
            slots=slots,
            curve=self._reader.curve(subject, quantity_name, start_ms, end_ms),
            carpet=day_carpet(slots, zone, now_ms),
            duration=falling(slots.values),
            duration_before=np.empty(0) if before is None else falling(before.values),
            days=days,
            totals=weeks_of(days, before_days),
            week=week_pattern(slots, zone),
            facts=self._facts(subject, quantity_name, slots, end_ms, before_wh),
            marks=self._marks(subject, quantity_name, start_ms, end_ms),
        )

    def curves(
        self,
        wanted: Sequence[tuple[str, str]],
        start_ms: int,
        end_ms: int,
        points: int = CURVE_POINTS,
    ) -> tuple[Curve, ...]:
        """The curves of (meter id, quantity) pairs, in their order. Raises NotFound."""
        return tuple(
            self._reader.curve(self._reader.subject(*one), one[1], start_ms, end_ms, points)
            for one in wanted
        )

    def marks(
        self, meter_id: str, quantity_name: str, start_ms: int, end_ms: int
    ) -> tuple[QualityMark, ...]:
        """What is to be said of the stretches that are not simply measured."""
        subject = self._reader.subject(meter_id, quantity_name)
        return self._marks(subject, quantity_name, start_ms, end_ms)

    def day(self, meter_id: str, quantity_name: str, day_start_ms: int) -> DayAgainstLike:
        """The local day that begins at day_start_ms beside up to eight like weekdays before it.

        Slots are paired by the wall clock, so a day of a clock change lines up with the others.
        """
        subject = self._reader.subject(meter_id, quantity_name)
        zone = self._zone()
        start, end = (int(e) for e in days_touched(day_start_ms, day_start_ms + 1, zone))
        slots = self._reader.slots(subject, quantity_name, start, end)
        first = start - LIKE_DAYS * 7 * _DAY_MS - 3 * 3_600_000
        past = self._reader.slots(subject, quantity_name, first, start)
        low, high, typical, count = like_days(slots, past, zone)
        per_slot = slots.step_s / 3600 if quantity_name == POWER else 1.0
        is_energy = quantity_name == POWER or quantity(quantity_name).unit == "Wh"
        return DayAgainstLike(
            start,
            slots.start_ms,
            slots.step_s,
            slots.values,
            low,
            high,
            typical,
            count,
            float(np.nansum(slots.values)) * per_slot if is_energy else None,
            float(np.nansum(typical)) * per_slot if is_energy and count >= 3 else None,
            slots.quality,
            self._marks(subject, quantity_name, start, end),
        )

    # -------------------------------------------------------- parts of a look

    def _energy_slots(self, subject: HistorySubject, name: str, slots: Slots) -> tuple[Slots, str]:
        """Slots whose sum is the energy, and the quantity they are of: a power's from its
        register where there is one, else the slots themselves."""
        register = self._reader.register_of(subject, name) if name == POWER else None
        if register is None or not slots.start_ms.size:
            return slots, name
        first, last = int(slots.start_ms[0]), int(slots.start_ms[-1]) + slots.step_s * 1000
        return self._reader.slots(subject, register, first, last), register

    def _marks(
        self, subject: HistorySubject, name: str, start_ms: int, end_ms: int
    ) -> tuple[QualityMark, ...]:
        meter_id = subject.meter.meter_id
        until = min(end_ms, to_ms(self._clock()))
        register = self._reader.register_of(subject, name)
        gaps = self._history.gaps(meter_id, start_ms, end_ms)
        if self._editing is None or register is None:
            return quality_marks(gaps, (), (), (start_ms, until))
        return quality_marks(
            gaps,
            self._editing.gaps(meter_id, register, start_ms, until),
            [e for e in self._editing.edits(meter_id, start_ms, end_ms) if e.register == register],
            (start_ms, until),
        )

    def _facts(
        self,
        subject: HistorySubject,
        name: str,
        slots: Slots,
        end_ms: int,
        before_wh: float | None,
    ) -> PeriodFacts:
        values = slots.values
        finite = values[np.isfinite(values)]
        mean, highest = float(finite.mean()), float(finite.max())
        is_power = name == POWER
        step_ms = slots.step_s * 1000
        known_end = min(end_ms, to_ms(self._clock()))
        elapsed = slots.start_ms + step_ms <= known_end
        expected = int(elapsed.sum())
        there = int((measured(slots) & elapsed).sum())
        stood_in = int((not_measured(slots) & elapsed).sum())
        energy: float | None = None
        reconciliation = None
        register = self._reader.register_of(subject, name)
        if register is not None and (is_power or quantity(name).is_counter):
            last = min(known_end, int(slots.start_ms[-1]) + step_ms) // step_ms * step_ms
            reconciliation = self._ledger.reconciliation(
                subject.meter.meter_id, int(slots.start_ms[0]), last, register=register
            )
            energy = float(reconciliation.interval_sum_wh)
        one_way = finite.min() >= 0 < highest
        return PeriodFacts(
            energy_wh=energy,
            energy_before_wh=before_wh if energy is not None else None,
            mean=mean,
            highest=highest,
            highest_at_ms=int(slots.start_ms[int(np.nanargmax(values))]),
            lowest=float(finite.min()),
            base_load=base_load(slots, expected * slots.step_s, energy) if is_power else None,
            load_factor_pct=100 * mean / highest if is_power and one_way else None,
            completeness_pct=100 * there / expected if expected else 0.0,
            missing_s=(expected - there - stood_in) * slots.step_s,
            not_measured_s=stood_in * slots.step_s,
            estimated_wh=0 if reconciliation is None else reconciliation.estimated_wh,
            reconciliation=reconciliation,
            energy_known=reconciliation is not None
            and reconciliation.register_difference_wh is not None
            and reconciliation.missing_intervals == 0,
        )

    # -------------------------------------------------------- small things

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._configuration.load().site.zone)

    def _last_day_end(self, zone: ZoneInfo) -> int:
        """The end of today: nothing later can have been measured."""
        now = to_ms(self._clock())
        return int(days_touched(now, now + 1, zone)[-1])
