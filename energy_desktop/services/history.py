"""When energy was used and what changed: curves, day pictures and totals of any period.

Everything that the page shows of a period comes from one regular row of slots (a quarter hour, or
the step in which a meter's intervals were imported), so that carpet, duration curve, base load
and completeness can never disagree. The energy itself comes from the register: slots of power give
the shape only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import Clock, from_ms, to_ms
from energy_desktop.domain.energy import (
    QUARTER_HOUR_MS,
    Gap,
    Reconciliation,
    Resolution,
)
from energy_desktop.domain.errors import NotEnoughData, NotFound, WrongUse
from energy_desktop.domain.ports import ConfigurationStore, History, Ledger
from energy_desktop.domain.quantities import QUANTITIES, quantity
from energy_desktop.domain.site import Meter
from energy_desktop.services.local_days import days_touched
from energy_desktop.services.registers import positive_register

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

POWER = "power_w"
BASE_LOAD_PERCENTILE = 5.0
LIKE_DAYS = 8
_CURVE_POINTS = 2000
_SLOT_S = 900


@dataclass(frozen=True, slots=True)
class HistorySubject:
    """A meter with data. quantities: what can be drawn, power first; an imported meter's power is
    derived from its intervals. first_ms, last_ms: the extent of its data."""

    meter: Meter
    quantities: tuple[str, ...]
    first_ms: int
    last_ms: int
    imported: bool


@dataclass(frozen=True, slots=True)
class Slots:
    """Regular slots of one meter and quantity; all shapes (n,), NaN where nothing is known.

    values: the mean of a gauge; of a counter the energy of the slot (by register difference).
    """

    step_s: int
    start_ms: Int64s
    values: Floats
    minimum: Floats
    maximum: Floats


@dataclass(frozen=True, slots=True)
class Curve:
    """A line to draw: times (n,) UTC epoch ms, values with their least and most per point.

    A NaN stands where readings are missing, so that no line is drawn across a gap.
    """

    meter_id: str
    meter_name: str
    quantity: str
    time_ms: Int64s
    values: Floats
    minimum: Floats
    maximum: Floats


@dataclass(frozen=True, slots=True)
class DayCarpet:
    """Days by slots of the day. values (d, slots); day_slots: how many slots each day has, less
    for the day that still runs. A 23-hour day has 92 quarter hours, a 25-hour day 100."""

    day_start_ms: tuple[int, ...]
    values: Floats
    slot_s: int
    day_slots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DayAgainstLike:
    """A day beside its like weekdays before it; all shapes (n,) by the day's own slots.

    low, high: the 10th and 90th percentile of the like days; NaN with fewer than three of them.
    """

    day_start_ms: int
    start_ms: Int64s
    step_s: int
    values: Floats
    low: Floats
    high: Floats
    typical: Floats
    like_days: int
    total_wh: float | None
    typical_total_wh: float | None


@dataclass(frozen=True, slots=True)
class PeriodTotals:
    """edges_ms (n + 1,), totals (n,) and those of the period before (n,): energy in Wh per day or
    week; for a quantity that is no energy the mean of the period."""

    per: str  # day or week
    edges_ms: Int64s
    totals: Floats
    before: Floats
    is_energy: bool


@dataclass(frozen=True, slots=True)
class PeriodFacts:
    """None: not known or without meaning for the quantity. Percentages 0 to 100."""

    energy_wh: float | None
    energy_before_wh: float | None
    mean: float | None
    highest: float | None
    highest_at_ms: int | None
    lowest: float | None
    base_load: float | None
    load_factor_pct: float | None
    completeness_pct: float
    missing_s: int
    estimated_wh: int
    reconciliation: Reconciliation | None
    energy_known: bool  # the register bridges the gaps


@dataclass(frozen=True, slots=True)
class HistoryLook:
    """All that the page shows of one meter, quantity and period."""

    subject: HistorySubject
    quantity: str
    start_ms: int
    end_ms: int
    slots: Slots
    curve: Curve
    carpet: DayCarpet
    duration: Floats  # slot values, highest first
    duration_before: Floats
    totals: PeriodTotals
    facts: PeriodFacts
    gaps: tuple[Gap, ...]


class HistoryService:
    """Reads what is stored; computes no forecast and changes nothing."""

    def __init__(
        self,
        history: History,
        ledger: Ledger,
        configuration: ConfigurationStore,
        clock: Clock,
    ) -> None:
        self._history = history
        self._ledger = ledger
        self._configuration = configuration
        self._clock = clock

    def subjects(self) -> tuple[HistorySubject, ...]:
        """Meters that have data, in the order of the configuration."""
        found = []
        for meter in self._configuration.load().meters:
            extent = self._history.extent(meter.meter_id)
            if extent is None:
                continue
            # Imported intervals stand in the ledger only; history knows what was polled.
            stored = self._history.quantities(meter.meter_id)
            counted = self._ledger.registers(meter.meter_id)
            names = [n for n in dict.fromkeys((*stored, *counted)) if n in QUANTITIES]
            imported = not meter.driver_id
            if imported and POWER not in names and names:
                names.insert(0, POWER)
            names.sort(key=lambda n: (n != POWER, list(QUANTITIES).index(n)))
            found.append(HistorySubject(meter, tuple(names), *extent, imported))
        return tuple(found)

    def look(self, meter_id: str, quantity_name: str, start_ms: int, end_ms: int) -> HistoryLook:
        """[start_ms, end_ms) UTC epoch ms. Raises NotFound, WrongUse and NotEnoughData."""
        subject = self._subject(meter_id, quantity_name)
        if end_ms <= start_ms:
            raise WrongUse(
                where=subject.meter.name,
                what="The period is empty.",
                remedy="Let its end be after its start.",
            )
        zone = self._zone()
        end_ms = max(min(end_ms, self._last_day_end(zone)), start_ms + QUARTER_HOUR_MS)
        slots = self.slots(subject, quantity_name, start_ms, end_ms)
        if not np.isfinite(slots.values).any():
            raise NotEnoughData(
                where=f"{subject.meter.name}, {quantity(quantity_name).label.lower()}",
                what="Nothing is stored of this period.",
                remedy="Choose a period in which the meter was read.",
            )
        before = self.slots(subject, quantity_name, 2 * start_ms - end_ms, start_ms)
        gaps = self._history.gaps(meter_id, start_ms, end_ms)
        return HistoryLook(
            subject=subject,
            quantity=quantity_name,
            start_ms=start_ms,
            end_ms=end_ms,
            slots=slots,
            curve=self.curve(meter_id, quantity_name, start_ms, end_ms, subject=subject),
            carpet=day_carpet(slots, zone, to_ms(self._clock())),
            duration=_falling(slots.values),
            duration_before=_falling(before.values) if _mostly_known(before) else np.empty(0),
            totals=self._totals(subject, quantity_name, slots, before, zone),
            facts=self._facts(subject, quantity_name, slots, end_ms),
            gaps=gaps,
        )

    def curve(
        self,
        meter_id: str,
        quantity_name: str,
        start_ms: int,
        end_ms: int,
        *,
        points: int = _CURVE_POINTS,
        subject: HistorySubject | None = None,
    ) -> Curve:
        """At most about `points` points with their least and most; every reading when so few."""
        subject = subject or self._subject(meter_id, quantity_name)
        if subject.imported or quantity(quantity_name).is_counter:
            s = self.slots(subject, quantity_name, start_ms, end_ms)
            return Curve(
                meter_id,
                subject.meter.name,
                quantity_name,
                s.start_ms,
                s.values,
                s.minimum,
                s.maximum,
            )
        b = self._history.overview(meter_id, quantity_name, start_ms, end_ms, points)
        filled = b.n > 0
        times = b.start_ms[filled]
        widths = np.maximum(b.end_ms[filled] - times, 0)
        width_ms = int(np.median(widths)) if widths.size else 0
        steps = np.diff(times)
        usual = int(np.median(steps)) if steps.size else 0
        # Quiet for three usual steps (and three polls): the line is broken there.
        longest = 3 * max(usual, width_ms, round(1000 * subject.meter.poll_interval_s))
        at = np.flatnonzero(steps > longest) + 1
        return Curve(
            meter_id,
            subject.meter.name,
            quantity_name,
            np.insert(times, at, times[at - 1] + 1) if at.size else times,
            *(np.insert(v[filled], at, np.nan) for v in (b.mean, b.minimum, b.maximum)),
        )

    def compare(
        self, meter_ids: tuple[str, ...], quantity_name: str, start_ms: int, end_ms: int
    ) -> tuple[Curve, ...]:
        """The curves of those meters that have the quantity."""
        chosen = {s.meter.meter_id: s for s in self.subjects()}
        return tuple(
            self.curve(one, quantity_name, start_ms, end_ms, subject=chosen[one])
            for one in meter_ids
            if one in chosen and quantity_name in chosen[one].quantities
        )

    def day(self, meter_id: str, quantity_name: str, day_start_ms: int) -> DayAgainstLike:
        """The local day that begins at day_start_ms beside up to eight like weekdays before it.

        Slots are paired by the wall clock, so a day of a clock change lines up with the others.
        """
        subject = self._subject(meter_id, quantity_name)
        zone = self._zone()
        edges = days_touched(day_start_ms, day_start_ms + 1, zone)
        slots = self.slots(subject, quantity_name, int(edges[0]), int(edges[1]))
        week_ms = 7 * 86_400_000
        past = self.slots(
            subject,
            quantity_name,
            int(edges[0]) - LIKE_DAYS * week_ms - 3 * 3_600_000,
            int(edges[0]),
        )
        low, high, typical, count = _like(slots, past, zone)
        per_slot = slots.step_s / 3600 if quantity_name == POWER else 1.0
        is_energy = _is_energy(quantity_name)
        return DayAgainstLike(
            int(edges[0]),
            slots.start_ms,
            slots.step_s,
            slots.values,
            low,
            high,
            typical,
            count,
            _sum(slots.values) * per_slot if is_energy else None,
            _sum(typical) * per_slot if is_energy and count >= 3 else None,
        )

    # -------------------------------------------------------- slots

    def slots(
        self, subject: HistorySubject, quantity_name: str, start_ms: int, end_ms: int
    ) -> Slots:
        """Every slot that begins in [start_ms, end_ms)."""
        meter_id = subject.meter.meter_id
        if subject.imported or quantity(quantity_name).is_counter:
            register = (
                positive_register(self._ledger, meter_id)
                if quantity_name == POWER
                else quantity_name
            )
            if register in self._ledger.registers(meter_id):
                found = self._ledger.intervals(meter_id, start_ms, end_ms, register=register)
                factor = 3600 / found.step_s if quantity_name == POWER else 1.0
                values = found.energy_wh * factor
                return Slots(found.step_s, found.start_ms, values, values, values)
        step_ms = _SLOT_S * 1000
        first = -(-start_ms // step_ms)
        starts = np.arange(first, -(-end_ms // step_ms), dtype=np.int64) * step_ms
        b = self._history.buckets(meter_id, quantity_name, start_ms, end_ms, Resolution.QUARTER)
        rows = [np.full(starts.size, np.nan) for _ in range(3)]
        at = (b.start_ms // step_ms - first).astype(np.int64)
        inside = (at >= 0) & (at < starts.size) & (b.n > 0)
        if quantity(quantity_name).is_counter:  # a counter that the ledger does not follow
            parts: tuple[Floats, ...] = (b.last - b.first,) * 3
        else:
            parts = (b.mean, b.minimum, b.maximum)
        for row, part in zip(rows, parts, strict=True):
            row[at[inside]] = part[inside]
        return Slots(_SLOT_S, starts, *rows)

    # -------------------------------------------------------- facts

    def _facts(
        self,
        subject: HistorySubject,
        name: str,
        slots: Slots,
        end_ms: int,
    ) -> PeriodFacts:
        values = slots.values
        finite = values[np.isfinite(values)]
        mean, highest = float(finite.mean()), float(finite.max())
        is_power = name == POWER
        known_end = min(end_ms, to_ms(self._clock()))
        elapsed = slots.start_ms + slots.step_s * 1000 <= known_end
        expected = int(elapsed.sum())
        there = int((np.isfinite(values) & elapsed).sum())
        energy: float | None = None
        energy_before: float | None = None
        reconciliation = None
        register = positive_register(self._ledger, subject.meter.meter_id) if is_power else name
        if register in self._ledger.registers(subject.meter.meter_id):
            step_ms = slots.step_s * 1000
            last = min(known_end, int(slots.start_ms[-1]) + step_ms) // step_ms * step_ms
            reconciliation = self._ledger.reconciliation(
                subject.meter.meter_id, int(slots.start_ms[0]), last, register=register
            )
            energy = float(reconciliation.interval_sum_wh)
            span = int(slots.start_ms[-1]) + step_ms - int(slots.start_ms[0])
            first = int(slots.start_ms[0])
            old = self.slots(subject, register, first - span, first).values
            if old.size and np.isfinite(old).mean() > 0.95:
                energy_before = _sum(old)
        one_way = finite.min() >= 0 < highest
        return PeriodFacts(
            energy_wh=energy,
            energy_before_wh=energy_before,
            mean=mean,
            highest=highest,
            highest_at_ms=int(slots.start_ms[int(np.nanargmax(values))]),
            lowest=float(finite.min()),
            base_load=float(np.percentile(finite, BASE_LOAD_PERCENTILE))
            if is_power and one_way
            else None,
            load_factor_pct=100 * mean / highest if is_power and one_way else None,
            completeness_pct=100 * there / expected if expected else 0.0,
            missing_s=(expected - there) * slots.step_s,
            estimated_wh=0 if reconciliation is None else reconciliation.estimated_wh,
            reconciliation=reconciliation,
            energy_known=reconciliation is not None
            and reconciliation.register_difference_wh is not None
            and reconciliation.missing_intervals == 0,
        )

    def _totals(
        self, subject: HistorySubject, name: str, slots: Slots, before: Slots, zone: ZoneInfo
    ) -> PeriodTotals:
        """Per day up to five weeks, per week beyond; beside the same number of them before."""
        edges = days_touched(int(slots.start_ms[0]), int(slots.start_ms[-1]) + 1, zone)
        per = "day"
        if edges.size - 1 > 35:
            per = "week"
            edges = np.append(edges[:-1][::7], edges[-1])
        is_energy = _is_energy(name)
        energy, energy_before = slots, before
        register = positive_register(self._ledger, subject.meter.meter_id) if name == POWER else ""
        scale = slots.step_s / 3600 if name == POWER else 1.0
        if register and register in self._ledger.registers(subject.meter.meter_id):
            span = int(edges[-1] - edges[0])
            energy = self.slots(subject, register, int(edges[0]), int(edges[-1]))
            energy_before = self.slots(subject, register, int(edges[0]) - span, int(edges[0]))
            scale = 1.0
        now = _grouped(energy, edges, mean=not is_energy) * scale
        old = np.full(now.size, np.nan)
        if _mostly_known(energy_before):
            earlier = edges - (edges[-1] - edges[0])
            old = _grouped(energy_before, earlier, mean=not is_energy) * scale
        return PeriodTotals(per, edges, now, old, is_energy)

    # -------------------------------------------------------- small things

    def _subject(self, meter_id: str, quantity_name: str) -> HistorySubject:
        subjects = {s.meter.meter_id: s for s in self.subjects()}
        subject = subjects.get(meter_id)
        if subject is None:
            raise NotFound(
                where=f"Meter {meter_id}",
                what="Nothing is stored of it yet.",
                remedy=f"There are readings of: {', '.join(list(subjects)[:12]) or 'none'}.",
            )
        if quantity_name not in subject.quantities:
            raise NotFound(
                where=subject.meter.name,
                what=f"It does not measure {quantity_name}.",
                remedy=f"It has: {', '.join(subject.quantities)}.",
            )
        return subject

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._configuration.load().site.zone)

    def _last_day_end(self, zone: ZoneInfo) -> int:
        """The end of today: nothing later can have been measured."""
        now = to_ms(self._clock())
        return int(days_touched(now, now + 1, zone)[-1])


def day_carpet(slots: Slots, zone: ZoneInfo, now_ms: int) -> DayCarpet:
    """Slots laid out by local days, by the time that passed since each midnight."""
    step_ms = slots.step_s * 1000
    edges = days_touched(int(slots.start_ms[0]), int(slots.start_ms[-1]) + 1, zone)
    lengths = np.diff(edges) // step_ms
    day = np.searchsorted(edges, slots.start_ms, side="right") - 1
    column = (slots.start_ms - edges[day]) // step_ms
    grid = np.full((edges.size - 1, int(lengths.max())), np.nan)
    grid[day, column] = slots.values
    passed = np.clip((now_ms - edges[:-1]) // step_ms, 1, lengths)
    return DayCarpet(
        tuple(int(e) for e in edges[:-1]), grid, slots.step_s, tuple(int(p) for p in passed)
    )


def _like(slots: Slots, past: Slots, zone: ZoneInfo) -> tuple[Floats, Floats, Floats, int]:
    """Percentiles of the same wall-clock slots on the same weekday of the weeks before."""
    wanted = [from_ms(int(t)).astimezone(zone) for t in slots.start_ms]
    weekday = wanted[0].weekday()
    by_minute: dict[int, list[float]] = {}
    days = set()
    for at, value in zip(past.start_ms.tolist(), past.values.tolist(), strict=True):
        local = from_ms(at).astimezone(zone)
        if local.weekday() == weekday and value == value:
            by_minute.setdefault(local.hour * 60 + local.minute, []).append(value)
            days.add(local.date())
    rows = np.full((3, len(wanted)), np.nan)
    for i, local in enumerate(wanted):
        like = by_minute.get(local.hour * 60 + local.minute, [])
        if len(like) >= 3:
            rows[:, i] = np.percentile(like, (10, 90, 50))
    return rows[0], rows[1], rows[2], len(days)


def _is_energy(name: str) -> bool:
    return name == POWER or quantity(name).unit == "Wh"


def _grouped(slots: Slots, edges: Int64s, *, mean: bool) -> Floats:
    """Sum (or mean) of the known slots between edges; NaN where none is known."""
    known = np.isfinite(slots.values)
    group = np.searchsorted(edges, slots.start_ms, side="right") - 1
    inside: NDArray[np.bool_] = known & (group >= 0) & (group < edges.size - 1)
    count = np.bincount(group[inside], minlength=edges.size - 1)
    total = np.bincount(group[inside], slots.values[inside], minlength=edges.size - 1)
    shared = np.where(count > 0, total, np.nan)
    return shared / np.maximum(count, 1) if mean else shared


def _mostly_known(slots: Slots) -> bool:
    """A period that began before the meter did is no comparison."""
    return bool(slots.values.size) and float(np.isfinite(slots.values).mean()) > 0.9


def _falling(values: Floats) -> Floats:
    return np.sort(values[np.isfinite(values)])[::-1].copy()


def _sum(values: Floats) -> float:
    return float(np.nansum(values))
