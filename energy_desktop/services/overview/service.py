"""The site at a glance: a cheap part from the rings each second, a slow one from history.

`power_now` and `demand_now` touch memory alone and may be called in the GUI thread. `today` and
`advice` read the store and compute; they belong into a job. The usual is eight of ten same
weekdays at the same hour, from the energy ledger: what a meter did in the last ten weeks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import Clock, from_ms, local_day_bounds_ms, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.overview import Advice, DayOverview, DemandNow, PowerNow
from energy_desktop.domain.ports import (
    ConfigurationStore,
    History,
    Ledger,
    ProgressSink,
    Rings,
    no_progress,
)
from energy_desktop.domain.snapshot import MeterStatus
from energy_desktop.services.overview.advice import Adviser
from energy_desktop.services.overview.block import demand_now
from energy_desktop.services.overview.day import (
    completeness_pct,
    day_cost,
    day_load,
    night_waste,
)
from energy_desktop.services.overview.past import TenWeeks, month_peak
from energy_desktop.services.overview.power import power_now

if TYPE_CHECKING:
    from energy_desktop.services.forecasting import ForecastService
    from energy_desktop.services.maintenance import MaintenanceService
    from energy_desktop.services.planning import PlanService
    from energy_desktop.services.waste import WasteService


class OverviewService:
    """`statuses` gives live states; without an engine it gives none, and nothing is live."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        history: History,
        ledger: Ledger,
        rings: Rings | None,
        statuses: Callable[[], Mapping[str, MeterStatus]],
        clock: Clock,
        *,
        waste: WasteService,
        planning: PlanService,
        forecasting: ForecastService,
        maintenance: MaintenanceService,
    ) -> None:
        self._store = configuration
        self._history = history
        self._rings = rings
        self._statuses = statuses
        self._clock = clock
        self._waste = waste
        self._ten_weeks = TenWeeks(configuration, ledger)
        self._adviser = Adviser(
            history, ledger, self._ten_weeks, waste, planning, forecasting, maintenance
        )
        self._peak: tuple[float, int] | None = None

    def forget(self) -> None:
        """The ledger was corrected: what is remembered of it is read anew when next asked for."""
        self._ten_weeks.forget()
        self._peak = None

    # -------------------------------------------------------- cheap

    def statuses(self) -> Mapping[str, MeterStatus]:
        return self._statuses()

    def power_now(self, configuration: Configuration, *, most_sinks: int = 6) -> PowerNow:
        """Sources and consumers from the last readings. Memory only."""
        return power_now(
            configuration,
            self._rings,
            self._statuses(),
            self._ten_weeks.known,
            to_ms(self._clock()),
            most_sinks=most_sinks,
        )

    def demand_now(self, configuration: Configuration) -> DemandNow | None:
        """The running block from the rings; None: the site has no grid meter. Memory only."""
        peak_w = None if self._peak is None else self._peak[0]
        return demand_now(configuration, self._rings, peak_w, to_ms(self._clock()))

    # -------------------------------------------------------- slow

    def configuration(self) -> Configuration:
        return self._store.load()

    def today(self) -> DayOverview:
        """Load, cost and waste of the local day, and what is usual. Reads the store."""
        configuration = self._store.load()
        now_ms = to_ms(self._clock())
        past = self._ten_weeks.up_to(configuration, now_ms)
        zone = ZoneInfo(configuration.site.zone)
        today = from_ms(now_ms).astimezone(zone).date()
        day_start, day_end = local_day_bounds_ms(today, zone)
        load = day_load(past, configuration, today, day_start, day_end)
        cost = day_cost(past, configuration, today, day_start, now_ms)
        peak = month_peak(past.balance, today, zone)
        self._peak = peak
        return DayOverview(
            made_at_ms=now_ms,
            load=load,
            cost=cost,
            waste=night_waste(self._waste, today, zone),
            completeness_pct=completeness_pct(self._history, configuration, day_start, now_ms),
            peak_w=None if peak is None else peak[0],
            peak_at_ms=None if peak is None else peak[1],
        )

    def advice(self, progress: ProgressSink = no_progress) -> Advice:
        """Three to seven sentences from waste, watches, plan and load curve. Takes seconds.

        A part that cannot be judged yet is left out and named; the others still speak.
        """
        return self._adviser.advise(
            self._store.load(), self._statuses(), to_ms(self._clock()), progress
        )
