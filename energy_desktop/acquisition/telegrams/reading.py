"""From a telegram to the snapshot of one meter, as its driver and its transformers want it.

A point of the driver without a reference takes the quantity of that name where the telegram yields
it, and is left out where it does not; one with a reference takes that entry and nothing else. A
meter's telegrams hold the same values nearly always, so the layout grows to what was seen and
stays: a value that fails to come is then not available, not forgotten.
"""

import math
from fractions import Fraction

from energy_desktop.acquisition.driver_profile import DriverProfile, Point, layout_id
from energy_desktop.acquisition.reading import Correction
from energy_desktop.acquisition.telegrams.telegram import Telegram, to_quantity
from energy_desktop.domain.quantities import QUANTITIES, quantity
from energy_desktop.domain.snapshot import Layout, Quality, Rejected, Snapshot

NAN = float("nan")


class TelegramReader:
    """Makes the snapshots of one meter."""

    def __init__(self, profile: DriverProfile, correction: Correction) -> None:
        self._profile = profile
        self._correction = correction
        self._points = profile.points or tuple(Point(name) for name in QUANTITIES)
        self._seen = {point.quantity for point in self._points if point.reference}
        self._layout: Layout | None = None

    def snapshot(self, meter_id: str, read_at_ms: int, telegram: Telegram) -> Snapshot | None:
        """None: the telegram holds nothing that the driver wants."""
        found = {
            point.quantity: value
            for point in self._points
            if math.isfinite(value := self._value(point, telegram))
        }
        if not found:
            return None
        layout = self._layout_of(found)
        values: list[float] = []
        rejected: list[Rejected] = []
        kept = {self._correction.name(n): (n, v) for n, v in found.items()}
        for stored_as in layout.quantities:
            name, value = kept.get(stored_as, (stored_as, NAN))
            value *= self._correction.factor(name)
            row = quantity(stored_as)
            if math.isfinite(value) and not row.low <= value <= row.high:
                reason = f"outside {row.low:g} to {row.high:g} {row.unit}".rstrip()
                rejected.append(Rejected(stored_as, value, reason))
                value = NAN
            values.append(value)
        whole = all(math.isfinite(value) for value in values)
        return Snapshot(
            meter_id,
            read_at_ms,
            layout,
            tuple(values),
            Quality.GOOD if whole else Quality.PARTIAL,
            tuple(rejected),
        )

    def _layout_of(self, found: dict[str, float]) -> Layout:
        if self._layout is None or not found.keys() <= self._seen:
            self._seen |= found.keys()
            names = tuple(
                self._correction.name(point.quantity)
                for point in self._points
                if point.quantity in self._seen
            )
            self._layout = Layout(layout_id(self._profile.driver_id, names), names)
        return self._layout

    def _value(self, point: Point, telegram: Telegram) -> float:
        """In the unit of the point's quantity; NaN: not sent, or in a unit that does not fit."""
        if not point.reference:
            value: float | None = telegram.values.get(point.quantity)
        else:
            entry = telegram.entry(point.reference)
            if entry is None or entry.value is None:
                return NAN
            if entry.unit:
                value = to_quantity(Fraction(repr(entry.value)), entry.unit, point.quantity)
            else:
                value = entry.value  # the driver's scale says what it counts in
        if value is None:
            return NAN
        return value if point.scale == 1.0 else float(f"{value * point.scale:.15g}")
