"""Meters that post their readings.

There is no wire here; the HTTP server runs in a thread of its own and hands readings to `arrive`
in the field's loop. Who falls silent is noticed as on every link that listens (heard_link.py).
"""

import json

from energy_desktop.acquisition.driver_profile import DriverProfile
from energy_desktop.acquisition.heard_link import HeardLink, HeardMeter
from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.point_values import PointValues
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.push import PushedReading, PushOutcome
from energy_desktop.domain.site import Link


class HttpPushLink(HeardLink):
    """Implements LinkTask and TakesReadings."""

    def __init__(self, link: Link, outlets: Outlets) -> None:
        super().__init__(link, outlets)
        self._readers: dict[str, tuple[HeardMeter, PointValues, dict[str, str]]] = {}

    def added(self, heard: HeardMeter) -> None:
        meter = heard.meter
        self._readers[meter.meter_id] = (
            heard,
            PointValues(meter.profile, meter.correction),
            _names(meter.profile),
        )

    def removed(self, heard: HeardMeter) -> None:
        del self._readers[heard.meter.meter_id]

    def remedy(self, meter: MeterOnLink) -> tuple[str, str]:
        return "", (
            "Check that the sensor runs, that HTTP in is switched on in Settings, and that a key "
            f"of the name in {meter.track.meter.address!r} exists."
        )

    def arrive(self, reading: PushedReading) -> PushOutcome:
        """A reading of a meter of this link came; to be called in the loop's thread."""
        heard, values, names = self._readers[reading.meter_id]
        name_of_meter = heard.meter.track.meter.name
        self.log.received(
            json.dumps(dict(reading.values)).encode(), lambda: f"posted for {name_of_meter}"
        )
        used = {
            quantity: reading.values[name]
            for name, quantity in names.items()
            if name in reading.values
        }
        unused = tuple(name for name in reading.values if name not in names)
        if not used:
            return PushOutcome(
                "none of its values is known to the meter's driver.",
                f"{name_of_meter} reads: {', '.join(names)}.",
            )
        read_at_ms, mark = reading.read_at_ms, hash(frozenset(used.items()))
        while not heard.times.is_new(read_at_ms, mark=mark):
            if heard.times.mark(read_at_ms) == mark:
                return PushOutcome(duplicate=True, unused=unused)
            if reading.own_time:
                return PushOutcome(
                    f"another reading of {iso_utc(read_at_ms)} with other values is stored.",
                    "A meter has one reading at a time: give each its own timestamp.",
                )
            read_at_ms += 1  # two came in one millisecond, and neither says when it was read
        snapshot = values.snapshot(
            reading.meter_id, read_at_ms, used, late=self.is_late(heard, read_at_ms)
        )
        self.take(heard, snapshot)
        aside = {rejected.quantity for rejected in snapshot.rejected}
        stored_as = heard.meter.correction.name
        return PushOutcome(
            unused=unused,
            set_aside=snapshot.rejected,
            set_aside_names=frozenset(n for n, q in names.items() if stored_as(q) in aside),
        )


def _names(profile: DriverProfile) -> dict[str, str]:
    """What the body calls each quantity; without a reference, by the quantity's own name."""
    return {point.reference or point.quantity: point.quantity for point in profile.points}
