"""Plans a battery for the next 48 hours, from what the site's own meters say.

The load and the solar yield ahead are forecasts of the site's own series; the demand charge is
planned on a high quantile of the load, because a mean forecast misses the peaks that cost.
Prices that are not published yet are those of the same clock time a day before, and are told
apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import Clock, from_ms, iso_utc, local_midnight_ms, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import PriceSlot
from energy_desktop.domain.device import Battery
from energy_desktop.domain.energy import DAY_MS, HOUR_MS, QUARTER_HOUR_MS
from energy_desktop.domain.errors import NotEnoughData, NotFound
from energy_desktop.domain.forecast import Forecast
from energy_desktop.domain.plan import Plan, PlanRequest, PlanSlot
from energy_desktop.domain.ports import (
    Compute,
    ConfigurationStore,
    History,
    Ledger,
    ProgressSink,
    no_progress,
)
from energy_desktop.domain.site import Role
from energy_desktop.services.balance import SiteBalance, site_balance

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats

HORIZON_H = 48
_HISTORY_DAYS = 120
_RECKON_DAYS = 7
_SOC_AGE_MS = 1_800_000  # an older charge level is not taken for the present one


@dataclass(frozen=True, slots=True)
class BatteryOutlook:
    """A plan and all that it rests on.

    measured: the site's balance since yesterday. prices_expected_from_ms: from here on prices are
    expected, not published; None: all published. soc_reckoned: the charge level is reckoned from
    the battery's registers, because no meter reports it.
    """

    battery: Battery
    plan: Plan
    load: Forecast
    solar: Forecast | None
    slots: tuple[PlanSlot, ...]
    measured: SiteBalance
    soc_start_pct: float
    soc_reckoned: bool
    peak_so_far_w: float
    prices_expected_from_ms: int | None
    notes: tuple[str, ...]


class PlanService:
    """Plans for a battery of the site, and for any series from files."""

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

    def batteries(self) -> tuple[Battery, ...]:
        return self._configuration.load().batteries

    def outlook(
        self, battery_id: str, at_ms: int | None = None, progress: ProgressSink = no_progress
    ) -> BatteryOutlook:
        """The next 48 h from the quarter hour that runs at `at_ms` (None: now).

        Raises NotFound (battery), NotEnoughData (prices, history), PlanInfeasible.
        """
        from energy_desktop.analytics.forecasting.forecast import forecast
        from energy_desktop.analytics.planning.dispatch import plan

        configuration = self._configuration.load()
        battery = self._battery(configuration, battery_id)
        now_ms = to_ms(self._clock()) if at_ms is None else at_ms
        origin_ms = now_ms - now_ms % QUARTER_HOUR_MS
        past = site_balance(
            configuration, self._ledger, origin_ms - _HISTORY_DAYS * DAY_MS, origin_ms
        )

        def ahead(energy_wh: Floats, name: str) -> Forecast:
            # The quarter hour before the origin may not be closed yet: the ledger says unknown.
            return self._compute.run(
                forecast,
                past.start_ms,
                past.measured(energy_wh),
                15,
                meter_id=name,
                origin_ms=origin_ms,
                horizon_h=HORIZON_H,
                zone=configuration.site.zone,
                country=configuration.site.country,
            )

        progress(0.1, "Forecasting the load")
        load = ahead(past.load_wh, "site load")
        progress(0.5, "Forecasting the sun")
        has_solar = any(m.role is Role.SOLAR for m in configuration.meters)
        solar = ahead(past.solar_wh, "solar") if has_solar else None
        prices, expected_from = self._prices(configuration, origin_ms, live=at_ms is None)
        slots = _slots(prices, load, solar, origin_ms)
        soc_pct, reckoned = self._charge_level(configuration, battery, past, origin_ms)
        peak_w = self._peak_so_far(configuration, past, origin_ms)
        progress(0.9, "Planning")
        made = self._compute.run(
            plan,
            PlanRequest(
                battery=battery,
                slots=slots,
                soc_start_pct=soc_pct,
                soc_end_min_pct=min(soc_pct, 50.0),
                peak_so_far_w=peak_w,
                peak_load_w=_high_load(load, slots),
            ),
            made_at_ms=now_ms,
            zone=configuration.site.zone,
            currency=configuration.site.currency,
        )
        notes = list(made.notes)
        if reckoned:
            notes.append(
                f"The charge level of {soc_pct:.0f} % is reckoned from the battery's registers."
            )
        if expected_from is not None:
            local = from_ms(expected_from).astimezone(ZoneInfo(configuration.site.zone))
            notes.append(
                f"Prices from {local:%a %H:%M} on are expected from the day before, not published."
            )
        recent = past.start_ms >= origin_ms - DAY_MS
        return BatteryOutlook(
            battery,
            made,
            load,
            solar,
            slots,
            _cut(past, recent),
            soc_pct,
            reckoned,
            peak_w,
            expected_from,
            tuple(notes),
        )

    def from_files(
        self,
        battery: Battery,
        *,
        prices: Path,
        load: Path | None,
        solar: Path | None,
        soc_start_pct: float,
        soc_end_min_pct: float | None,
    ) -> Plan:
        """A plan for any series: knows the files alone. Errors name file and line."""
        return plan_from_files(
            battery,
            prices=prices,
            load=load,
            solar=solar,
            soc_start_pct=soc_start_pct,
            soc_end_min_pct=soc_end_min_pct,
            made_at_ms=to_ms(self._clock()),
            compute=self._compute,
        )

    def _battery(self, configuration: Configuration, battery_id: str) -> Battery:
        battery = configuration.battery(battery_id)
        if battery is None:
            known = ", ".join(b.battery_id for b in configuration.batteries) or "none"
            raise NotFound(
                where=f"Battery {battery_id}",
                what="The site has no such battery.",
                remedy=f"It has: {known}.",
            )
        return battery

    def _prices(
        self, configuration: Configuration, origin_ms: int, *, live: bool
    ) -> tuple[tuple[PriceSlot, ...], int | None]:
        """48 h of prices; what is not published is taken from a day before, again and again.

        live: everything stored is known. In the past only what was published by then counts.
        """
        zone = ZoneInfo(configuration.site.zone)
        end_ms = origin_ms + HORIZON_H * HOUR_MS
        until_ms = end_ms if live else min(end_ms, published_until(origin_ms, zone))
        known = [
            slot
            for slot in self._configuration.prices(origin_ms - 2 * DAY_MS, end_ms)
            if slot.end_ms <= until_ms
        ]
        if not known:
            return _flat(configuration, origin_ms, end_ms), None
        last_ms = max(slot.end_ms for slot in known)
        if last_ms >= end_ms:
            return _within(known, origin_ms, end_ms), None
        by_start = {slot.start_ms: slot for slot in known}
        cursor = last_ms
        while cursor < end_ms:
            model = by_start.get(cursor - DAY_MS)
            if model is None:
                raise NotEnoughData(
                    where="Prices",
                    what="There are none for the next hours, nor for the same hours a day before.",
                    remedy="Import prices, then plan again.",
                )
            made = replace(model, start_ms=model.start_ms + DAY_MS, end_ms=model.end_ms + DAY_MS)
            by_start[made.start_ms] = made
            known.append(made)
            cursor = made.end_ms
        return _within(known, origin_ms, end_ms), max(last_ms, origin_ms)

    def _charge_level(
        self, configuration: Configuration, battery: Battery, past: SiteBalance, origin_ms: int
    ) -> tuple[float, bool]:
        """Percent at the origin: read from the battery's meter, else reckoned (True).

        Reckoned from the newest reading within a week and what went in and out since; without
        one from the middle, which matters less with each time the battery was full or empty.
        """
        read = self._history.raw(
            battery.meter_id, "soc_pct", origin_ms - _RECKON_DAYS * DAY_MS, origin_ms + 1
        )
        known = np.flatnonzero(np.isfinite(read.values))
        low = battery.capacity_wh * battery.soc_min_pct / 100
        high = battery.capacity_wh * battery.soc_max_pct / 100
        stored, from_ms_ = (low + high) / 2, origin_ms - _RECKON_DAYS * DAY_MS
        if known.size:
            level_pct = float(min(max(read.values[known[-1]], 0.0), 100.0))
            from_ms_ = int(read.time_ms[known[-1]])
            if origin_ms - from_ms_ <= _SOC_AGE_MS:
                return level_pct, False
            stored = battery.capacity_wh * level_pct / 100
        only = len([m for m in configuration.meters if m.role is Role.BATTERY]) == 1
        if not only:
            return 100 * stored / battery.capacity_wh, True
        since = past.start_ms >= from_ms_
        for charge, discharge in zip(past.charge_wh[since], past.discharge_wh[since], strict=True):
            if np.isfinite(charge) and np.isfinite(discharge):
                stored += charge * battery.charge_efficiency
                stored -= discharge / battery.discharge_efficiency
                stored = min(max(stored, low), high)
        return 100 * stored / battery.capacity_wh, True

    def _peak_so_far(
        self, configuration: Configuration, past: SiteBalance, origin_ms: int
    ) -> float:
        """The highest quarter-hour mean import of the local month up to the origin, in W."""
        zone = ZoneInfo(configuration.site.zone)
        local = from_ms(origin_ms).astimezone(zone)
        month_start = local_midnight_ms(local.date().replace(day=1), zone)
        values = past.grid_import_wh[past.start_ms >= month_start]
        known = values[np.isfinite(values)]
        return float(known.max() * 4) if known.size else 0.0


def plan_from_files(
    battery: Battery,
    *,
    prices: Path,
    load: Path | None,
    solar: Path | None,
    soc_start_pct: float,
    soc_end_min_pct: float | None,
    made_at_ms: int,
    compute: Compute,
    currency: str = "",
) -> Plan:
    """Needs no site: prices (and load, solar yield) from CSV files, steps may mix."""
    from energy_desktop.acquisition.files.power_csv import read_powers
    from energy_desktop.acquisition.files.prices import read_prices
    from energy_desktop.analytics.planning.dispatch import plan
    from energy_desktop.analytics.planning.slots import StepSeries, join_slots

    def series(path: Path | None, column: Literal["load_w", "pv_w"]) -> StepSeries | None:
        if path is None:
            return None
        read = read_powers(path, column)
        return StepSeries(column, read.start_ms, read.end_ms, read.power_w)

    priced = read_prices(prices)
    slots = join_slots(priced, series(load, "load_w"), series(solar, "pv_w"))
    request = PlanRequest(
        battery=battery,
        slots=slots,
        soc_start_pct=soc_start_pct,
        soc_end_min_pct=soc_end_min_pct,
    )
    made = compute.run(plan, request, made_at_ms=made_at_ms, currency=currency)
    left_out_ms = (priced[-1].end_ms - priced[0].start_ms) - (slots[-1].end_ms - slots[0].start_ms)
    if left_out_ms <= 0:
        return made
    note = (
        f"Planned from {iso_utc(slots[0].start_ms)} to {iso_utc(slots[-1].end_ms)} only: load and "
        f"solar power do not cover {left_out_ms / HOUR_MS:g} h of the prices."
    )
    return replace(made, notes=(note, *made.notes))


def published_until(at_ms: int, zone: ZoneInfo) -> int:
    """The end of the local day whose day-ahead prices are known at a moment.

    The auction's result comes out about 12:45; 13:00 is on the safe side.
    """
    local = from_ms(at_ms).astimezone(zone)
    days = 2 if local.hour >= 13 else 1
    return local_midnight_ms(local.date() + timedelta(days=days), zone)


def _flat(configuration: Configuration, start_ms: int, end_ms: int) -> tuple[PriceSlot, ...]:
    """The site's fixed prices where it has no market prices."""
    site = configuration.site
    return tuple(
        PriceSlot(
            at,
            at + QUARTER_HOUR_MS,
            float(site.price_import_per_kwh),
            float(site.price_export_per_kwh),
        )
        for at in range(start_ms, end_ms, QUARTER_HOUR_MS)
    )


def _within(slots: list[PriceSlot], start_ms: int, end_ms: int) -> tuple[PriceSlot, ...]:
    return tuple(
        sorted(
            (s for s in slots if s.end_ms > start_ms and s.start_ms < end_ms),
            key=lambda s: s.start_ms,
        )
    )


def _slots(
    prices: tuple[PriceSlot, ...], load: Forecast, solar: Forecast | None, origin_ms: int
) -> tuple[PlanSlot, ...]:
    """Quarter hours over the time that prices and forecasts cover."""
    starts = np.array([p.start_ms for p in prices], dtype=np.int64)
    ends = np.array([p.end_ms for p in prices], dtype=np.int64)
    slots = []
    for index, point in enumerate(load.points):
        at = point.start_ms
        row = int(np.searchsorted(starts, at, side="right")) - 1
        if at < origin_ms or row < 0 or at >= ends[row]:
            continue
        sun = solar.points[index].energy_wh if solar is not None else 0.0
        slots.append(
            PlanSlot(
                at,
                at + QUARTER_HOUR_MS,
                load_w=max(0.0, point.energy_wh * 4),
                pv_w=max(0.0, sun * 4),
                import_per_kwh=prices[row].import_per_kwh,
                export_per_kwh=prices[row].export_per_kwh,
            )
        )
    if not slots:
        raise NotEnoughData(
            where="Prices",
            what="They do not cover the coming hours.",
            remedy="Import prices for today, then plan again.",
        )
    return tuple(slots)


def _high_load(load: Forecast, slots: tuple[PlanSlot, ...]) -> tuple[float, ...]:
    upper = {p.start_ms: p.upper80_wh * 4 for p in load.points}
    return tuple(max(s.load_w, upper.get(s.start_ms, s.load_w)) for s in slots)


def _cut(
    balance: SiteBalance, keep: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> SiteBalance:
    return SiteBalance(
        balance.start_ms[keep],
        balance.grid_import_wh[keep],
        balance.grid_export_wh[keep],
        balance.solar_wh[keep],
        balance.charge_wh[keep],
        balance.discharge_wh[keep],
        balance.load_wh[keep],
        balance.estimated[keep],
    )
