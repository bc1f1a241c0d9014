"""From the values that a device names itself (fields, topics, objects) to a snapshot's values.

The same rules as for registers: scaled by the driver, corrected for transformers and direction,
NaN where a value is not available, and what lies outside its quantity's range is set aside.
"""

import math
from collections.abc import Collection, Mapping

from energy_desktop.acquisition.driver_profile import DriverProfile, Point, layout_id
from energy_desktop.acquisition.reading import Correction
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.snapshot import Layout, Quality, Rejected, Snapshot

NAN = float("nan")


class PointValues:
    """Makes the snapshots of one meter, or of what one of its messages holds.

    only: the driver's points that such a message has; None: all of them.
    """

    def __init__(
        self,
        profile: DriverProfile,
        correction: Correction,
        only: Collection[Point] | None = None,
    ) -> None:
        names = tuple(correction.name(point.quantity) for point in profile.points)
        whole = (
            profile.layout
            if names == profile.layout.quantities
            else Layout(layout_id(profile.driver_id, names), names)
        )
        points = [p for p in profile.points if only is None or p in only]
        self.layout = whole
        if len(points) < len(profile.points):
            part = tuple(correction.name(point.quantity) for point in points)
            self.layout = Layout(f"{whole.layout_id}/{layout_id('', part)[1:]}", part, whole)
        self._factors = tuple(p.scale * correction.factor(p.quantity) for p in points)
        self._quantities = tuple(p.quantity for p in points)

    def snapshot(
        self,
        meter_id: str,
        read_at_ms: int,
        values: Mapping[str, float],
        *,
        late: bool = False,
    ) -> Snapshot:
        """values: by the quantity of the driver's point, before its scale; absent = NaN."""
        kept: list[float] = []
        rejected: list[Rejected] = []
        for stored_as, name, factor in zip(
            self.layout.quantities, self._quantities, self._factors, strict=True
        ):
            value = _scaled(values.get(name, NAN), factor)
            row = quantity(stored_as)
            if math.isfinite(value) and not row.low <= value <= row.high:
                reason = f"outside {row.low:g} to {row.high:g} {row.unit}".rstrip()
                rejected.append(Rejected(stored_as, value, reason))
                value = NAN
            kept.append(value if math.isfinite(value) else NAN)
        whole = all(value == value for value in kept)
        return Snapshot(
            meter_id,
            read_at_ms,
            self.layout,
            tuple(kept),
            Quality.GOOD if whole else Quality.PARTIAL,
            tuple(rejected),
            late,
        )


def _scaled(value: float, factor: float) -> float:
    """12.3 kWh are 12,300 Wh and not 12,300.000000000002: rounded to what a float64 holds."""
    if factor == 1.0 or not math.isfinite(value):
        return value
    return float(f"{value * factor:.15g}")
