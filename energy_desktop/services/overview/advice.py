"""What is worth doing: the findings of waste, watches, plan and load curve, weighed together.

A part that cannot be judged yet is left out and named; the others still speak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import DAY_MS, QUARTER_HOUR_MS, IntervalQuality, Intervals
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.overview import Advice
from energy_desktop.domain.ports import History, Ledger, ProgressSink
from energy_desktop.domain.site import Role
from energy_desktop.domain.snapshot import MeterStatus
from energy_desktop.services.balance import site_balance
from energy_desktop.services.overview.contract_hours import rented_use
from energy_desktop.services.overview.past import W_PER_WH, TenWeeks
from energy_desktop.services.recommendations import (
    RecommendationInputs,
    UseFacts,
    recommend,
    use_facts,
)

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats
    from energy_desktop.domain.forecast import Forecast
    from energy_desktop.services.forecasting import ForecastService
    from energy_desktop.services.maintenance import MaintenanceService
    from energy_desktop.services.planning import BatteryOutlook, PlanService
    from energy_desktop.services.waste import WasteService

R = TypeVar("R")

_ADVICE_DAYS = 90
_WASTE_DAYS = 30


class Adviser:
    """Asks each service for its finding. Takes seconds: for a job."""

    def __init__(
        self,
        history: History,
        ledger: Ledger,
        ten_weeks: TenWeeks,
        waste: WasteService,
        planning: PlanService,
        forecasting: ForecastService,
        maintenance: MaintenanceService,
    ) -> None:
        self._history = history
        self._ledger = ledger
        self._ten_weeks = ten_weeks
        self._waste = waste
        self._planning = planning
        self._forecasting = forecasting
        self._maintenance = maintenance

    def advise(
        self,
        configuration: Configuration,
        statuses: Mapping[str, MeterStatus],
        now_ms: int,
        progress: ProgressSink,
    ) -> Advice:
        """Three to seven sentences."""
        site = configuration.site
        end_ms = now_ms - now_ms % QUARTER_HOUR_MS
        failed: list[str] = []

        def attempt(name: str, fraction: float, work: Callable[[], R]) -> R | None:
            progress(fraction, f"Looking at {name}")
            try:
                return work()
            except UserFacingError as error:
                failed.append(f"{name}: {error.what}")
                return None

        past = self._ten_weeks.up_to(configuration, now_ms)
        waste = attempt(
            "after-hours light",
            0.1,
            lambda: self._waste.period(end_ms - _WASTE_DAYS * DAY_MS, end_ms),
        )
        reports = attempt(
            "machines", 0.2, lambda: self._maintenance.reports(statuses=dict(statuses))
        )
        outlook: BatteryOutlook | None = None
        forecast: Forecast | None = None
        if configuration.batteries:
            battery_id = configuration.batteries[0].battery_id
            outlook = attempt("the battery", 0.7, lambda: self._planning.outlook(battery_id))
            forecast = None if outlook is None else outlook.load
        elif grid := [m for m in configuration.meters if m.role is Role.GRID]:
            forecast = attempt(
                "the load", 0.7, lambda: self._forecasting.forecast(grid[0].meter_id)
            )
        progress(0.9, "Weighing what was found")
        use = self._use(configuration, end_ms)
        battery = configuration.batteries[0] if configuration.batteries else None
        inputs = RecommendationInputs(
            zone=site.zone,
            currency=site.currency,
            price_per_kwh=site.price_import_per_kwh,
            use=use,
            waste=waste,
            watches=tuple(r.watch for r in reports or ()),
            plan=None if outlook is None else outlook.plan,
            statuses=tuple(statuses.values()),
            meter_names={m.meter_id: m.name for m in configuration.meters},
            out_of_hours=rented_use(past, configuration, end_ms),
            contract_demand_w=site.contract_demand_w,
            demand_charge_per_kw_year=0.0 if battery is None else 12 * battery.demand_charge_per_kw,
        )
        points = () if forecast is None else forecast.points
        return Advice(
            made_at_ms=now_ms,
            recommendations=recommend(inputs),
            forecast_start_ms=tuple(p.start_ms for p in points),
            forecast_w=tuple(p.energy_wh * W_PER_WH for p in points),
            failed=tuple(failed),
        )

    def _use(self, configuration: Configuration, end_ms: int) -> UseFacts | None:
        """Of the site's load, its peaks those of the grid import: that is what peaks cost by."""
        first = [
            extent[0]
            for m in configuration.meters
            if m.role in (Role.GRID, Role.LOAD)
            if (extent := self._history.extent(m.meter_id)) is not None
        ]
        if not first:
            return None
        begin_ms = max(min(first), end_ms - _ADVICE_DAYS * DAY_MS)
        begin_ms -= begin_ms % QUARTER_HOUR_MS
        balance = site_balance(configuration, self._ledger, begin_ms, end_ms - QUARTER_HOUR_MS)

        def facts(energy_wh: Floats) -> UseFacts | None:
            starts, energy_wh, estimated = balance.in_blocks(energy_wh)
            quality = np.full(energy_wh.size, int(IntervalQuality.RAW), dtype=np.int8)
            quality[estimated] = int(IntervalQuality.ESTIMATED)
            quality[~np.isfinite(energy_wh)] = int(IntervalQuality.MISSING)
            return use_facts(
                Intervals("", "", balance.block_s, starts, energy_wh, quality),
                configuration.site.zone,
            )

        load, grid = facts(balance.load_wh), facts(balance.grid_import_wh)
        if load is None or grid is None:
            return load
        return replace(
            load,
            peak_w=grid.peak_w,
            peak_at_ms=grid.peak_at_ms,
            usual_peak_w=grid.usual_peak_w,
        )
