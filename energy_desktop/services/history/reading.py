"""Reads slots and curves: what was measured, and what the ledger put in its place.

Energy comes from the register; slots of power give the shape. Where the ledger holds an estimate
or a correction, the mean power of that interval stands in, and says so by its quality: a hole that
was repaired is filled on every picture, and never looks measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import HOUR_MS, IntervalQuality, Intervals, Resolution
from energy_desktop.domain.errors import NotFound
from energy_desktop.domain.ports import ConfigurationStore, History, Ledger
from energy_desktop.domain.quantities import QUANTITIES, quantity
from energy_desktop.domain.site import Meter, VirtualMeter
from energy_desktop.services.history.patterns import not_measured
from energy_desktop.services.history.values import POWER, Curve, HistorySubject, Slots
from energy_desktop.services.interval_steps import laid_on
from energy_desktop.services.registers import negative_register, positive_register

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int8s, Int64s

SLOT_S = 900
CURVE_POINTS = 2000
_STANDS_IN = (IntervalQuality.ESTIMATED, IntervalQuality.EDITED)


class SlotReader:
    """Slots and curves of any meter with data."""

    def __init__(self, history: History, ledger: Ledger, configuration: ConfigurationStore) -> None:
        self._history = history
        self._ledger = ledger
        self._configuration = configuration

    # -------------------------------------------------------- subjects

    def subjects(self) -> tuple[HistorySubject, ...]:
        """Meters that have data, in the order of the configuration; virtual ones last."""
        configuration = self._configuration.load()
        made = [self._subject_of(meter, self._extent(meter)) for meter in configuration.meters]
        made += [self._virtual_subject(one) for one in configuration.virtual_meters]
        return tuple(subject for subject in made if subject is not None)

    def subject(self, meter_id: str, quantity_name: str) -> HistorySubject:
        """Raises NotFound with what there is."""
        configuration = self._configuration.load()
        virtual, meter = configuration.virtual_meter(meter_id), configuration.meter(meter_id)
        found = None
        if virtual is not None:
            found = self._virtual_subject(virtual)
        elif meter is not None:
            found = self._subject_of(meter, self._extent(meter))
        if found is not None:
            if quantity_name not in found.quantities:
                raise NotFound(
                    where=found.meter.name,
                    what=f"It does not measure {quantity_name}.",
                    remedy=f"It has: {', '.join(found.quantities)}.",
                )
            return found
        known = [s.meter.meter_id for s in self.subjects()]
        raise NotFound(
            where=f"Meter {meter_id}",
            what="Nothing is stored of it yet.",
            remedy=f"There are readings of: {', '.join(known[:12]) or 'none'}.",
        )

    def _extent(self, meter: Meter) -> tuple[int, int] | None:
        return self._history.extent(meter.meter_id)

    def _virtual_subject(self, virtual: VirtualMeter) -> HistorySubject | None:
        """Known where all of its terms are."""
        parts = [self._history.extent(meter_id) for meter_id, _ in virtual.terms]
        known = [part for part in parts if part is not None]
        first = max((start for start, _ in known), default=0)
        last = min((end for _, end in known), default=0)
        whole = len(known) == len(parts) and first < last
        return self._subject_of(virtual.as_meter(), (first, last) if whole else None)

    def _subject_of(self, meter: Meter, extent: tuple[int, int] | None) -> HistorySubject | None:
        if extent is None:
            return None
        # Imported intervals stand in the ledger only; history knows what was polled.
        stored = self._history.quantities(meter.meter_id)
        counted = self._ledger.registers(meter.meter_id)
        names = [n for n in dict.fromkeys((*stored, *counted)) if n in QUANTITIES]
        imported = not meter.driver_id
        if imported and POWER not in names and counted:
            names.insert(0, POWER)
        order = list(QUANTITIES)
        names.sort(key=lambda n: (n != POWER, order.index(n)))
        return HistorySubject(meter, tuple(names), *extent, imported)

    # -------------------------------------------------------- slots

    def register_of(self, subject: HistorySubject, quantity_name: str) -> str | None:
        """The ledger's register behind a quantity: power has the one of its energy. None: none."""
        meter_id = subject.meter.meter_id
        name = quantity_name
        if name == POWER:
            name = positive_register(self._ledger, meter_id)
        return name if name in self._ledger.registers(meter_id) else None

    def slots(
        self, subject: HistorySubject, quantity_name: str, start_ms: int, end_ms: int
    ) -> Slots:
        """Every slot that begins in [start_ms, end_ms)."""
        counter = quantity(quantity_name).is_counter
        register = self.register_of(subject, quantity_name)
        if (subject.imported or counter) and register is not None:
            found = self._ledger.intervals(
                subject.meter.meter_id, start_ms, end_ms, register=register
            )
            factor = 3600 / found.step_s if quantity_name == POWER else 1.0
            values = found.energy_wh * factor
            return Slots(found.step_s, found.start_ms, values, values, values, found.quality)
        return self._measured(subject, quantity_name, register, start_ms, end_ms)

    def _measured(
        self, subject: HistorySubject, name: str, register: str | None, start_ms: int, end_ms: int
    ) -> Slots:
        """Quarter hours of readings, or the hours or halves in which a file brought them; a power's
        with the quality of its energy."""
        meter_id, counter = subject.meter.meter_id, quantity(name).is_counter
        b = self._history.buckets(meter_id, name, start_ms, end_ms, Resolution.QUARTER)
        filled = b.n > 0
        step_s = SLOT_S
        if subject.imported and not counter:
            step_s = _commonest_step_s(b.start_ms[filled])
        step_ms = step_s * 1000
        first = -(-start_ms // step_ms)
        starts = np.arange(first, -(-end_ms // step_ms), dtype=np.int64) * step_ms
        at = (b.start_ms // step_ms - first).astype(np.int64)
        inside = (at >= 0) & (at < starts.size) & filled
        rows = [np.full(starts.size, np.nan) for _ in range(3)]
        if counter:  # one that the ledger does not follow
            for row in rows:
                row[at[inside]] = (b.last - b.first)[inside]
        else:
            slot, n = at[inside], b.n[inside]
            count = np.bincount(slot, n, starts.size)
            total = np.bincount(slot, b.mean[inside] * n, starts.size)
            np.divide(total, count, out=rows[0], where=count > 0)
            np.fmin.at(rows[1], slot, b.minimum[inside])
            np.fmax.at(rows[2], slot, b.maximum[inside])
        quality: Int8s | None = None
        if name == POWER and register is not None and starts.size:
            power, quality = self._booked(meter_id, register, starts)
            # Where no reading came the register still knows the energy, and so the mean power.
            silent = np.isnan(rows[0])
            stands_in = (np.isin(quality, _STANDS_IN) | silent) & np.isfinite(power)
            for row in rows:
                row[stands_in] = power[stands_in]
            # The ledger closes an interval after its end: what is measured is so before that.
            running = np.isfinite(rows[0]) & (quality == IntervalQuality.MISSING)
            quality[running] = IntervalQuality.RAW
        return Slots(step_s, starts, rows[0], rows[1], rows[2], quality)

    def _booked(self, meter_id: str, register: str, starts: Int64s) -> tuple[Floats, Int8s]:
        """Mean power (n,) and quality (n,) that the ledger holds for each slot."""
        # Wide enough for the intervals that the first and the last slot lie in.
        span = int(starts[0]) // HOUR_MS * HOUR_MS, -(-int(starts[-1] + 1) // HOUR_MS) * HOUR_MS
        found = self._ledger.intervals(meter_id, *span, register=register)
        power, quality = _laid_on(starts, found)
        back = negative_register(self._ledger, meter_id)
        if back is not None and back != register:
            against = self._ledger.intervals(meter_id, *span, register=back)
            power = power - np.nan_to_num(_laid_on(starts, against)[0])
        return power, quality

    # -------------------------------------------------------- curves

    def curve(
        self,
        subject: HistorySubject,
        quantity_name: str,
        start_ms: int,
        end_ms: int,
        points: int = CURVE_POINTS,
    ) -> Curve:
        """At most about `points` points with their least and most; every reading when so few."""
        if subject.imported or quantity(quantity_name).is_counter:
            s = self.slots(subject, quantity_name, start_ms, end_ms)
            return self._of_slots(subject, quantity_name, (start_ms, end_ms), s)
        b = self._history.overview(subject.meter.meter_id, quantity_name, start_ms, end_ms, points)
        filled = b.n > 0
        starts = b.start_ms[filled]
        widths = np.maximum(b.end_ms[filled] - starts, 0)
        times = starts + widths // 2
        width_ms = int(np.median(widths)) if widths.size else 0
        steps = np.diff(times)
        usual = int(np.median(steps)) if steps.size else 0
        # Quiet for three usual steps (and three polls): the line is broken there.
        longest = 3 * max(usual, width_ms, round(1000 * subject.meter.poll_interval_s))
        at = np.flatnonzero(steps > longest) + 1
        stand_in_ms, stand_in = np.empty(0, np.int64), np.empty(0)
        register = self.register_of(subject, quantity_name) if quantity_name == POWER else None
        if register is not None:
            stand_in_ms, stand_in = self._stood_in(subject, register, start_ms, end_ms)
        return Curve(
            subject.meter.meter_id,
            subject.meter.name,
            quantity_name,
            start_ms,
            end_ms,
            np.insert(times, at, times[at - 1] + 1) if at.size else times,
            np.insert(b.mean[filled], at, np.nan),
            np.insert(b.minimum[filled], at, np.nan),
            np.insert(b.maximum[filled], at, np.nan),
            stand_in_ms,
            stand_in,
        )

    def _stood_in(
        self, subject: HistorySubject, register: str, start_ms: int, end_ms: int
    ) -> tuple[Int64s, Floats]:
        found = self._ledger.intervals(subject.meter.meter_id, start_ms, end_ms, register=register)
        use = np.isin(found.quality, _STANDS_IN) & np.isfinite(found.energy_wh)
        if not use.any():
            return np.empty(0, np.int64), np.empty(0)
        step_ms = found.step_s * 1000
        power = found.energy_wh * 3600 / found.step_s
        back = negative_register(self._ledger, subject.meter.meter_id)
        if back is not None and back != register:
            other = self._ledger.intervals(
                subject.meter.meter_id, start_ms, end_ms, register=back, step_s=found.step_s
            )
            if other.energy_wh.size == power.size:
                power = power - np.nan_to_num(other.energy_wh) * 3600 / found.step_s
        return _runs(found.start_ms + step_ms // 2, power, use)

    def _of_slots(
        self, subject: HistorySubject, name: str, span: tuple[int, int], s: Slots
    ) -> Curve:
        """A curve through the middles of the slots; estimated ones apart from the measured."""
        middles = s.start_ms + s.step_s * 500
        apart = not_measured(s)
        if s.quality is not None:  # a corrected value is drawn as a value, and marked
            apart &= s.quality == IntervalQuality.ESTIMATED
        solid = np.where(apart, np.nan, s.values)
        stand_in_ms, stand_in = _runs(middles, s.values, apart)
        return Curve(
            subject.meter.meter_id,
            subject.meter.name,
            name,
            *span,
            middles,
            solid,
            solid,
            solid,
            stand_in_ms,
            stand_in,
        )


def _commonest_step_s(filled_ms: Int64s) -> int:
    """The commonest distance of quarter hours with readings (n,), up to an hour."""
    if len(filled_ms) < 2:
        return SLOT_S
    distances, counts = np.unique(np.diff(filled_ms), return_counts=True)
    step_s = int(distances[counts.argmax()]) // 1000
    return step_s if step_s in (SLOT_S, 2 * SLOT_S, 4 * SLOT_S) else SLOT_S


def _laid_on(starts: Int64s, found: Intervals) -> tuple[Floats, Int8s]:
    """Mean power and worst quality of the intervals in each quarter hour that begins at starts."""
    power = np.full(starts.size, np.nan)
    quality = np.full(starts.size, IntervalQuality.MISSING, dtype=np.int8)
    if not found.start_ms.size:
        return power, quality
    if found.step_s < SLOT_S and SLOT_S % found.step_s:  # 10 min: every third one lies in two slots
        energy, quality = laid_on(found, starts, SLOT_S)
        return energy * 3600 / SLOT_S, quality
    step_ms = found.step_s * 1000
    mean = found.energy_wh * 3600 / found.step_s
    if found.step_s >= SLOT_S:
        at = np.searchsorted(found.start_ms, starts, side="right") - 1
        inside = (at >= 0) & (starts < found.start_ms[at] + step_ms)
        power[inside], quality[inside] = mean[at[inside]], found.quality[at[inside]]
        return power, quality
    slot = np.searchsorted(starts, found.start_ms, side="right") - 1
    first = np.flatnonzero(np.diff(slot, prepend=-1))
    inside = slot[first] >= 0
    first = first[inside]
    if first.size:
        size = np.diff(np.append(first, slot.size))
        power[slot[first]] = np.add.reduceat(mean, first) / size
        quality[slot[first]] = np.maximum.reduceat(found.quality, first)
    return power, quality


def _runs(times: Int64s, values: Floats, use: NDArray[np.bool_]) -> tuple[Int64s, Floats]:
    """The used points, each run with its known neighbours, a NaN between two runs."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], use.astype(np.int8), [0]))))
    parts_x: list[Int64s] = []
    parts_y: list[Floats] = []
    for first, last in zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True):
        low, high = max(0, first - 1), min(times.size, last + 1)
        parts_x += [times[low:high], times[high - 1 : high] + 1]
        parts_y += [values[low:high], np.array([np.nan])]
    if not parts_x:
        return np.empty(0, np.int64), np.empty(0)
    return np.concatenate(parts_x), np.concatenate(parts_y)
