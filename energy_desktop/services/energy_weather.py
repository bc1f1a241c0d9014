"""The energy of each day beside its temperature and degree days, and what follows from them.

Only whole days count, and only measured ones are learnt from: half a day is no day, and what was
estimated from like days would prove what it was made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.balance import TooFewDays, fit_signature
from energy_desktop.domain import wording
from energy_desktop.domain.balance import EnergySignature, WeatherDay, WeatherLook
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import NotEnoughData, NotFound
from energy_desktop.domain.ports import ConfigurationStore, Ledger
from energy_desktop.domain.site import Meter
from energy_desktop.services.local_days import day_edges
from energy_desktop.services.registers import positive_register
from energy_desktop.services.weather import WeatherService

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

HEATING_BASE_C = 15.0
COOLING_BASE_C = 18.0
_SATURDAY = 5


class EnergyWeatherService:
    """ledger: one that knows virtual meters, too."""

    def __init__(
        self, configuration: ConfigurationStore, ledger: Ledger, weather: WeatherService
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._weather = weather

    def meters(self) -> tuple[Meter, ...]:
        """Meters with energy, virtual ones last."""
        configuration = self._configuration.load()
        every = (
            *configuration.meters,
            *(v.as_meter() for v in configuration.virtual_meters),
        )
        return tuple(m for m in every if self._ledger.registers(m.meter_id))

    def sources(self) -> tuple[Meter, ...]:
        """Meters and sensors that bring a temperature."""
        configuration = self._configuration.load()
        found = (configuration.meter(i) for i in self._weather.sources())
        return tuple(m for m in found if m is not None)

    def look(
        self,
        meter_id: str,
        start_ms: int,
        end_ms: int,
        *,
        source: str = "",
        heating_base_c: float = HEATING_BASE_C,
        cooling_base_c: float = COOLING_BASE_C,
    ) -> WeatherLook:
        """The local days that lie wholly in [start_ms, end_ms). source: whose temperature; empty:
        the first. Raises NotFound, and NotEnoughData without temperature, energy or a whole day."""
        configuration = self._configuration.load()
        meter = configuration.any_meter(meter_id)
        if meter is None:
            raise NotFound(
                where=f"Meter {meter_id}",
                what="the site has no such meter.",
                remedy="See `meters`.",
            )
        zone = ZoneInfo(configuration.site.zone)
        edges = day_edges(start_ms, end_ms, zone)
        edges = edges[edges <= end_ms]
        if edges.size < 2:
            raise NotEnoughData(
                where=meter.name,
                what="no day lies wholly in this period yet.",
                remedy="Choose a longer or an earlier period.",
            )
        sources = self.sources()
        source = source or (sources[0].meter_id if sources else "")
        weather = self._weather.degree_days(
            int(edges[0]),
            int(edges[-1]),
            source=source,
            heating_base_c=heating_base_c,
            cooling_base_c=cooling_base_c,
        )
        energy, estimated = self._energy(meter, edges)
        days = tuple(
            WeatherDay(
                day.day,
                int(start),
                None if np.isnan(wh) else float(wh),
                day.mean_c,
                day.heating_kd,
                day.cooling_kd,
                day_off=day.day.weekday() >= _SATURDAY,
                estimated=bool(guessed),
            )
            for day, start, wh, guessed in zip(
                weather, edges[:-1].tolist(), energy, estimated, strict=True
            )
        )
        signature, refusal = _signature(days)
        return WeatherLook(
            meter,
            next(m for m in sources if m.meter_id == source),
            heating_base_c,
            cooling_base_c,
            days,
            int(edges[-1]),
            signature,
            refusal,
        )

    def _energy(self, meter: Meter, edges: Int64s) -> tuple[Floats, NDArray[np.bool_]]:
        """Energy of each day, NaN unless all of it is known; and whether any of it stood in."""
        register = positive_register(self._ledger, meter.meter_id)
        if register not in self._ledger.registers(meter.meter_id):
            raise NotEnoughData(
                where=meter.name,
                what="it has no energy in the ledger yet.",
                remedy="Wait for a quarter hour of readings, or import intervals.",
            )
        found = self._ledger.intervals(
            meter.meter_id, int(edges[0]), int(edges[-1]), register=register
        )
        day = np.searchsorted(edges, found.start_ms, side="right") - 1
        days = edges.size - 1
        inside = (day >= 0) & (day < days)
        # A sum with NaN in it is NaN: a day that lacks an interval is unknown.
        energy = np.bincount(day[inside], found.energy_wh[inside], minlength=days).astype(
            np.float64
        )
        energy[np.bincount(day[inside], minlength=days) == 0] = np.nan
        stood_in = np.isin(found.quality, (IntervalQuality.ESTIMATED, IntervalQuality.EDITED))
        return energy, np.bincount(day[inside], stood_in[inside], minlength=days) > 0


def _signature(days: tuple[WeatherDay, ...]) -> tuple[EnergySignature | None, str]:
    rows = [
        (d.energy_wh, d.heating_kd, d.cooling_kd, d.day_off)
        for d in days
        if d.energy_wh is not None
        and d.heating_kd is not None
        and d.cooling_kd is not None
        and not d.estimated
    ]
    table = np.array(rows, np.float64).reshape(-1, 4)
    try:
        return (
            fit_signature(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.bool_)),
            "",
        )
    except TooFewDays:
        return None, (
            f"{wording.count(len(rows), 'whole measured day')} with a known temperature: "
            "14 are the least that tell anything."
        )
