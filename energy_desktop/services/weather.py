"""Degree days of the site, from whatever meter or sensor brings a temperature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.weather import degree_days
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.energy import HOUR_MS, Resolution
from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.ports import ConfigurationStore, History
from energy_desktop.services.local_days import day_edges

TEMPERATURE = "temperature_c"


@dataclass(frozen=True, slots=True)
class DegreeDay:
    """One local day; None: too few hours of it are known."""

    day: date
    mean_c: float | None
    heating_kd: float | None
    cooling_kd: float | None


class WeatherService:
    """The outdoor temperature is that of the first source that has one, or of one named."""

    def __init__(self, configuration: ConfigurationStore, history: History) -> None:
        self._configuration = configuration
        self._history = history

    def sources(self) -> tuple[str, ...]:
        """Ids of the meters and sensors that bring a temperature."""
        meters = self._configuration.load().meters
        return tuple(
            m.meter_id for m in meters if TEMPERATURE in self._history.quantities(m.meter_id)
        )

    def degree_days(
        self,
        start_ms: int,
        end_ms: int,
        *,
        source: str = "",
        heating_base_c: float = 15.0,
        cooling_base_c: float = 18.0,
        room_c: float | None = None,
    ) -> tuple[DegreeDay, ...]:
        """One per local day that begins in [start_ms, end_ms). Raises NotEnoughData."""
        sources = self.sources()
        source = source or (sources[0] if sources else "")
        if source not in sources:
            raise NotEnoughData(
                where="Degree days",
                what=f"{source} brings no temperature."
                if source
                else "no meter or sensor of the site brings a temperature.",
                remedy="Import one from a file of a weather service, or add a sensor whose driver "
                "yields temperature_c, by MQTT, HTTP or Modbus.",
            )
        zone = ZoneInfo(self._configuration.load().site.zone)
        edges = day_edges(start_ms, end_ms, zone)
        if len(edges) < 2:
            return ()
        hours = self._history.buckets(
            source, TEMPERATURE, int(edges[0]), int(edges[-1]), Resolution.HOUR
        )
        filled = hours.n > 0
        day = np.searchsorted(edges, hours.start_ms[filled], side="right") - 1
        found = degree_days(
            hours.mean[filled],
            day.astype(np.int64),
            len(edges) - 1,
            np.diff(edges) // HOUR_MS,
            heating_base_c=heating_base_c,
            cooling_base_c=cooling_base_c,
            room_c=room_c,
        )
        return tuple(
            DegreeDay(
                from_ms(int(edge)).astimezone(zone).date(),
                _known(found.mean_c[i]),
                _known(found.heating[i]),
                _known(found.cooling[i]),
            )
            for i, edge in enumerate(edges[:-1])
        )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
