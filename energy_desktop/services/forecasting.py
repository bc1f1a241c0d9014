"""Forecasts a meter's load, in a job process, and remembers what it made of the same input."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import replace

import numpy as np

from energy_desktop.analytics.vee.measured import measured_wh
from energy_desktop.domain.clock import Clock, iso_utc, to_ms
from energy_desktop.domain.energy import DAY_MS, Intervals
from energy_desktop.domain.errors import NotEnoughData, NotFound
from energy_desktop.domain.forecast import Forecast
from energy_desktop.domain.ports import Compute, ConfigurationStore, History, Ledger
from energy_desktop.services.registers import positive_register

_LOOK_BACK_MS = 2 * 366 * DAY_MS
_REMEMBERED = 32
_STOPPED_MS = 7 * DAY_MS


class ForecastService:
    """Knows nothing after the origin: not a reading later than it is even fetched."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        history: History,
        ledger: Ledger,
        clock: Clock,
        compute: Compute,
    ) -> None:
        self._configuration = configuration
        self._history = history
        self._ledger = ledger
        self._clock = clock
        self._compute = compute
        self._made: OrderedDict[str, Forecast] = OrderedDict()
        self._lock = threading.Lock()

    def forecast(
        self,
        meter_id: str,
        *,
        at_ms: int | None = None,
        horizon_h: int = 24,
        register: str | None = None,
    ) -> Forecast:
        """Energy per step from the origin on.

        at_ms None: now; for a meter that is not polled, the end of what was imported, and a
        note says so.

        Raises NotFound (meter), NotEnoughData (too short a history, or one that stopped).
        """
        from energy_desktop.analytics.forecasting.forecast import forecast

        site = self._configuration.load()
        if site.any_meter(meter_id) is None:
            raise NotFound(
                where=f"Meter {meter_id}",
                what="The site has no such meter.",
                remedy="`energy-desktop meters` lists those it has.",
            )
        meter = site.any_meter(meter_id)
        notes: tuple[str, ...] = ()
        if at_ms is not None:
            origin_ms = at_ms
        elif meter is not None and not meter.driver_id:
            origin_ms = self._end_of_data(meter_id)
            notes = (f"The meter is not polled: the forecast begins where its data end, "
                     f"{iso_utc(origin_ms)}.",)  # fmt: skip
        else:
            origin_ms = to_ms(self._clock())
        known = self.known(meter_id, origin_ms, register)
        # What was estimated or edited teaches nothing but the estimator.
        known = replace(known, energy_wh=measured_wh(known))
        key = _key(known, origin_ms, horizon_h, site.site.zone, site.site.country)
        with self._lock:
            made = self._made.get(key)
        if made is not None:
            return made
        made = self._compute.run(
            forecast,
            known.start_ms,
            known.energy_wh,
            known.step_s // 60,
            meter_id=meter_id,
            origin_ms=origin_ms,
            horizon_h=horizon_h,
            zone=site.site.zone,
            country=site.site.country,
        )
        made = replace(made, notes=(*notes, *made.notes))
        with self._lock:
            self._made[key] = made
            while len(self._made) > _REMEMBERED:
                self._made.popitem(last=False)
        return made

    def _end_of_data(self, meter_id: str) -> int:
        """The end of the last interval; now, when there is nothing (which is then said)."""
        extent = self._extent(meter_id)
        if extent is None:
            return to_ms(self._clock())
        register = positive_register(self._ledger, meter_id)
        tail = self._ledger.intervals(
            meter_id, extent[1] - DAY_MS, extent[1] + DAY_MS, register=register
        )
        measured = np.flatnonzero(np.isfinite(tail.energy_wh))
        last = int(tail.start_ms[measured[-1]]) if measured.size else extent[1]
        return last + 1000 * tail.step_s

    def _extent(self, meter_id: str) -> tuple[int, int] | None:
        """First and last moment with data; of a virtual meter, those that all its terms have."""
        virtual = self._configuration.load().virtual_meter(meter_id)
        if virtual is None:
            return self._history.extent(meter_id)
        parts = [self._history.extent(term) for term, _ in virtual.terms]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not known:
            return None
        first, last = max(part[0] for part in known), min(part[1] for part in known)
        return (first, last) if first < last else None

    def known(self, meter_id: str, origin_ms: int, register: str | None = None) -> Intervals:
        """What the ledger holds before the origin, two years at the most."""
        extent = self._extent(meter_id)
        if extent is None or extent[0] >= origin_ms:
            raise NotEnoughData(
                where=f"Meter {meter_id}",
                what="Nothing is stored before the origin of the forecast.",
                remedy="Choose a later origin, or import the meter's past with `import`.",
            )
        if origin_ms - extent[1] > _STOPPED_MS:
            raise NotEnoughData(
                where=f"Meter {meter_id}",
                what=f"Its last reading is from {iso_utc(extent[1])}, too long before the origin.",
                remedy="Choose an origin within a week of its data with --at, or import more.",
            )
        start_ms = max(extent[0], origin_ms - _LOOK_BACK_MS)
        return self._ledger.intervals(
            meter_id,
            start_ms,
            min(origin_ms, extent[1] + DAY_MS),
            register=register or positive_register(self._ledger, meter_id),
        )


def _key(known: Intervals, origin_ms: int, horizon_h: int, *where: str) -> str:
    digest = hashlib.sha256()
    digest.update(np.ascontiguousarray(known.start_ms).tobytes())
    digest.update(np.ascontiguousarray(known.energy_wh).tobytes())
    digest.update(repr((known.meter_id, known.step_s, origin_ms, horizon_h, where)).encode())
    return digest.hexdigest()
