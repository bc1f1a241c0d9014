"""Finds light left on after the cleaning round, month by month."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import Clock, local_month_bounds_ms, parse_month, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import DAY_MS, Resolution
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.ports import ConfigurationStore, History
from energy_desktop.domain.site import Meter, Space, SpaceKind
from energy_desktop.domain.waste import WasteReport

LIGHTING = "lighting"


class WasteService:
    """Judges the evenings of every zone that has a lighting meter and a contract."""

    def __init__(self, configuration: ConfigurationStore, history: History, clock: Clock) -> None:
        self._configuration = configuration
        self._history = history
        self._clock = clock

    def month(self, month: str) -> WasteReport:
        """Raises ValueError for a wrong month, WrongUse for one that has not begun, and
        NotEnoughData when no zone can be judged."""
        configuration = self._configuration.load()
        year, number = parse_month(month)
        bounds = local_month_bounds_ms(year, number, ZoneInfo(configuration.site.zone))
        if bounds[0] >= to_ms(self._clock()):
            raise WrongUse(
                where=f"Lighting waste {month}",
                what="The month has not begun.",
                remedy="Choose the present month or an earlier one.",
            )
        return self.period(*bounds)

    def period(self, start_ms: int, end_ms: int) -> WasteReport:
        """Evenings that begin in [start_ms, end_ms) and have ended by now."""
        from energy_desktop.analytics.waste.find import find_waste, zone_lighting

        configuration = self._configuration.load()
        now_ms = to_ms(self._clock())
        zones = []
        for space, meters in lighting_of(configuration):
            # The last evening of the period ends on the next day.
            buckets = [
                self._history.buckets(
                    meter.meter_id, "power_w", start_ms, end_ms + DAY_MS, Resolution.MINUTE
                )
                for meter in meters
            ]
            contracts = [c for c in configuration.contracts if space.space_id in c.space_ids]
            rated = [d.rated_power_w for d in configuration.devices if d.meter_id == _only(meters)]
            zones.append(
                zone_lighting(
                    space,
                    buckets,
                    contracts=contracts,
                    price_per_kwh=configuration.site.price_import_per_kwh,
                    rated_w=rated[0] if rated else None,
                )
            )
        if not zones:
            raise NotEnoughData(
                where="Lighting waste",
                what="No rented zone has a meter for its lighting.",
                remedy='Set equipment = "lighting" at the meters of lamps, and their space.',
            )
        return find_waste(
            site=configuration.site,
            zones=zones,
            start_ms=start_ms,
            end_ms=end_ms,
            until_ms=now_ms,
        )


def lighting_of(configuration: Configuration) -> list[tuple[Space, tuple[Meter, ...]]]:
    """Rented zones with the meters of their lamps, in the order of the site."""
    rented = {space_id for c in configuration.contracts for space_id in c.space_ids}
    found = []
    for space in configuration.spaces:
        if space.kind is not SpaceKind.ZONE or space.space_id not in rented:
            continue
        meters = tuple(
            m for m in configuration.meters_of_space(space.space_id) if m.equipment == LIGHTING
        )
        if meters:
            found.append((space, meters))
    return found


def _only(meters: tuple[Meter, ...]) -> str:
    return meters[0].meter_id if len(meters) == 1 else ""
