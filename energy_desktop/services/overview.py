"""The site at a glance: a cheap part from the rings each second, a slow one from history.

`power_now` and `demand_now` touch memory alone and may be called in the GUI thread. `today` and
`advice` read the store and compute; they belong into a job. The usual is eight of ten same
weekdays at the same hour, from the energy ledger: what a meter did in the last ten weeks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import Clock, from_ms, local_day_bounds_ms, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import (
    DAY_MS,
    QUARTER_HOUR_MS,
    IntervalQuality,
    Intervals,
    Resolution,
)
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.overview import (
    OTHERS,
    REST,
    Advice,
    DayCost,
    DayLoad,
    DayOverview,
    DemandNow,
    LoadGroup,
    NightWaste,
    PowerNow,
    PowerPart,
    Usual,
)
from energy_desktop.domain.ports import (
    ConfigurationStore,
    History,
    Ledger,
    ProgressSink,
    Rings,
    no_progress,
)
from energy_desktop.domain.site import Meter, Role
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.services.balance import SiteBalance, site_balance
from energy_desktop.services.recommendations import (
    OutOfHours,
    RecommendationInputs,
    UseFacts,
    recommend,
    use_facts,
)
from energy_desktop.services.registers import positive_register

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s
    from energy_desktop.domain.forecast import Forecast
    from energy_desktop.services.forecasting import ForecastService
    from energy_desktop.services.maintenance import MaintenanceService
    from energy_desktop.services.planning import BatteryOutlook, PlanService
    from energy_desktop.services.waste import WasteService

R = TypeVar("R")

WEEKS = 10
_LEAST_WEEKS = 3
_STALE_PERIODS = 3
_LEAST_STALE_MS = 3_000
_LATE_START_MS = 30_000  # a block seen from later than this is not the block's mean
_RECENT_S = 60.0
_ADVICE_DAYS = 90
_RENTED_DAYS = 28
_WASTE_DAYS = 30
_NIGHTS_BACK = 5
_SHARE = (10.0, 90.0)  # eight of ten
_W_PER_WH = 4.0  # a quarter hour
_UNITS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class _Past:
    """Ten weeks up to a quarter hour, kept until the next one."""

    made_for_ms: int
    configuration: Configuration
    groups: tuple[LoadGroup, ...]
    balance: SiteBalance
    group_wh: dict[str, Floats]
    rest_wh: Floats
    weekday: Int64s
    minute: Int64s
    day: Int64s
    prices: Floats  # (n, 2): import and export per kWh


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
        self._ledger = ledger
        self._rings = rings
        self._statuses = statuses
        self._clock = clock
        self._waste = waste
        self._planning = planning
        self._forecasting = forecasting
        self._maintenance = maintenance
        self._lock = threading.Lock()
        self._past: _Past | None = None
        self._peak: tuple[float, int] | None = None

    def forget(self) -> None:
        """The ledger was corrected: what is remembered of it is read anew when next asked for."""
        with self._lock:
            self._past = self._peak = None

    # -------------------------------------------------------- cheap

    def statuses(self) -> Mapping[str, MeterStatus]:
        return self._statuses()

    def power_now(self, configuration: Configuration, *, most_sinks: int = 6) -> PowerNow:
        """Sources and consumers from the last readings. Memory only."""
        now_ms = to_ms(self._clock())
        past = self._past
        supplies = [m for m in configuration.meters if m.role in _SUPPLY]
        readings = {m.meter_id: self._reading(m, now_ms) for m in configuration.meters}
        sources, sinks = [], []
        for meter in supplies:
            part = self._part(meter.meter_id, meter.name, meter.role, (meter,), readings)
            taking = part.power_w is not None and part.power_w < 0 and meter.role is not Role.SOLAR
            if taking and part.power_w is not None:
                sinks.append(replace(part, power_w=-part.power_w, export=True))
            else:
                sources.append(part)
        loads = top_loads(configuration)
        known_groups = (
            past.groups
            if past is not None and past.configuration.meters == configuration.meters
            else load_groups(configuration)
        )
        has_grid = any(m.role is Role.GRID for m in configuration.meters)
        room = max(1, most_sinks - len(sinks) - (1 if has_grid else 0))
        by_id = {m.meter_id: m for m in loads}
        for group in folded(known_groups, room):
            sinks.append(
                self._part(
                    group.group_id,
                    group.name,
                    Role.LOAD,
                    tuple(by_id[i] for i in group.meter_ids if i in by_id),
                    readings,
                    self._usual(past, group.meter_ids, now_ms),
                )
            )
        supplied = _sum(readings[m.meter_id].power_w for m in supplies)
        used = _sum(readings[m.meter_id].power_w for m in loads)
        if has_grid and loads:
            rest = None if supplied is None or used is None else supplied - used
            lost = tuple(
                m.name for m in (*supplies, *loads) if readings[m.meter_id].power_w is None
            )
            usual = None if past is None else _usual_of(past, past.rest_wh, now_ms)
            sinks.append(PowerPart(REST, "Not sub-metered", Role.LOAD, (), rest, usual, lost=lost))
        load_w = supplied if has_grid else used if loads else None
        return PowerNow(now_ms, tuple(sources), tuple(sinks), load_w)

    def demand_now(self, configuration: Configuration) -> DemandNow | None:
        """The running block from the rings; None: the site has no grid meter. Memory only."""
        grid = [m for m in configuration.meters if m.role is Role.GRID]
        if not grid or self._rings is None:
            return None
        now_ms = to_ms(self._clock())
        start_ms = now_ms - now_ms % QUARTER_HOUR_MS
        end_ms = start_ms + QUARTER_HOUR_MS
        peak_w = None if self._peak is None else self._peak[0]
        contract_w = configuration.site.contract_demand_w
        limits = [v for v in (peak_w, contract_w) if v is not None and v > 0]
        limit_w = min(limits, default=None)
        empty = DemandNow(
            start_ms, end_ms, now_ms, None, None, (), peak_w, contract_w, limit_w, None
        )
        curves = []
        for meter in grid:
            at_s, power = self._rings.window(meter.meter_id, "power_w", QUARTER_HOUR_MS / 1000 + 10)
            curves.append((at_s, np.maximum(power, 0.0)))
        seen = block_energy(curves, start_ms / 1000, now_ms / 1000)
        if seen is None:
            return empty
        at_s, energy_wh, recent_w = seen
        elapsed_h = (at_s[-1] - start_ms / 1000) / 3600
        left_h = max(0.0, (end_ms / 1000 - at_s[-1]) / 3600)
        if elapsed_h <= 0:
            return empty
        mean_w = float(energy_wh[-1]) / elapsed_h
        projected_w = (float(energy_wh[-1]) + recent_w * left_h) / 0.25
        free_w = None
        if limit_w is not None and left_h > 0:
            free_w = max(0.0, (limit_w * 0.25 - float(energy_wh[-1])) / left_h)
        running = np.maximum(at_s - start_ms / 1000, 1.0)
        thin = np.unique(np.linspace(0, at_s.size - 1, 120).astype(int))
        trace = tuple(
            (round(float(at_s[i]) * 1000), float(energy_wh[i]) * 3600 / float(running[i]))
            for i in thin.tolist()
            if running[i] >= 15.0
        )
        return replace(empty, mean_w=mean_w, projected_w=projected_w, trace=trace, free_w=free_w)

    def _reading(self, meter: Meter, now_ms: int) -> _Reading:
        snapshot = None if self._rings is None else self._rings.last(meter.meter_id)
        if snapshot is None:
            return _Reading(None, None, None)
        value = snapshot.value("power_w")
        status = self._statuses().get(meter.meter_id)
        too_old_ms = max(_LEAST_STALE_MS, _STALE_PERIODS * 1000 * meter.poll_interval_s)
        stale = now_ms - snapshot.read_at_ms > too_old_ms
        lost = status is not None and status.state in (LinkState.LOST, LinkState.MISCONFIGURED)
        known = bool(np.isfinite(value))
        return _Reading(
            value if known and not (stale or lost) else None,
            value if known else None,
            snapshot.read_at_ms,
        )

    @staticmethod
    def _part(
        part_id: str,
        name: str,
        role: Role,
        meters: Sequence[Meter],
        readings: Mapping[str, _Reading],
        usual: Usual | None = None,
    ) -> PowerPart:
        found = [readings[m.meter_id] for m in meters]
        lost = tuple(m.name for m, r in zip(meters, found, strict=True) if r.power_w is None)
        only = found[0] if len(found) == 1 and lost else _Reading(None, None, None)
        return PowerPart(
            part_id,
            name,
            role,
            tuple(m.meter_id for m in meters),
            _sum(r.power_w for r in found),
            usual,
            lost,
            only.last_w,
            only.at_ms,
        )

    @staticmethod
    def _usual(past: _Past | None, meter_ids: Sequence[str], now_ms: int) -> Usual | None:
        if past is None or not all(i in past.group_wh for i in meter_ids):
            return None
        summed = np.sum([past.group_wh[i] for i in meter_ids], axis=0)
        return _usual_of(past, summed, now_ms)

    # -------------------------------------------------------- slow

    def configuration(self) -> Configuration:
        return self._store.load()

    def today(self) -> DayOverview:
        """Load, cost and waste of the local day, and what is usual. Reads the store."""
        configuration = self._store.load()
        now_ms = to_ms(self._clock())
        past = self._ten_weeks(configuration, now_ms)
        zone = ZoneInfo(configuration.site.zone)
        today = from_ms(now_ms).astimezone(zone).date()
        day_start, day_end = local_day_bounds_ms(today, zone)
        load = self._day_load(past, configuration, today, day_start, day_end)
        cost = self._day_cost(past, configuration, today, day_start, now_ms)
        peak = month_peak(past.balance, today, zone)
        self._peak = peak
        return DayOverview(
            made_at_ms=now_ms,
            load=load,
            cost=cost,
            waste=self._night(today, zone),
            completeness_pct=self._completeness(configuration, day_start, now_ms),
            peak_w=None if peak is None else peak[0],
            peak_at_ms=None if peak is None else peak[1],
        )

    def advice(self, progress: ProgressSink = no_progress) -> Advice:
        """Three to seven sentences from waste, watches, plan and load curve. Takes seconds.

        A part that cannot be judged yet is left out and named; the others still speak.
        """
        configuration = self._store.load()
        site = configuration.site
        now_ms = to_ms(self._clock())
        end_ms = now_ms - now_ms % QUARTER_HOUR_MS
        failed: list[str] = []
        statuses = self._statuses()

        def attempt(name: str, fraction: float, work: Callable[[], R]) -> R | None:
            progress(fraction, f"Looking at {name}")
            try:
                return work()
            except UserFacingError as error:
                failed.append(f"{name}: {error.what}")
                return None

        past = self._ten_weeks(configuration, now_ms)
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
            out_of_hours=self._rented_use(past, configuration, end_ms),
            contract_demand_w=site.contract_demand_w,
            demand_charge_per_kw_year=0.0 if battery is None else 12 * battery.demand_charge_per_kw,
        )
        points = () if forecast is None else forecast.points
        return Advice(
            made_at_ms=now_ms,
            recommendations=recommend(inputs),
            forecast_start_ms=tuple(p.start_ms for p in points),
            forecast_w=tuple(p.energy_wh * _W_PER_WH for p in points),
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
            quality = np.full(energy_wh.size, int(IntervalQuality.RAW), dtype=np.int8)
            quality[balance.estimated] = int(IntervalQuality.ESTIMATED)
            quality[~np.isfinite(energy_wh)] = int(IntervalQuality.MISSING)
            return use_facts(
                Intervals("", "", 900, balance.start_ms, energy_wh, quality),
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

    def _ten_weeks(self, configuration: Configuration, now_ms: int) -> _Past:
        end_ms = now_ms - now_ms % QUARTER_HOUR_MS
        with self._lock:
            past = self._past
            if (
                past is not None
                and past.made_for_ms == end_ms
                and past.configuration == configuration
            ):
                return past
            zone = ZoneInfo(configuration.site.zone)
            first = from_ms(end_ms).astimezone(zone).date() - timedelta(weeks=WEEKS)
            start_ms = local_day_bounds_ms(first, zone)[0]
            past = self._read_past(configuration, zone, start_ms, end_ms)
            self._past = past
            return past

    def _read_past(
        self, configuration: Configuration, zone: ZoneInfo, start_ms: int, end_ms: int
    ) -> _Past:
        balance = site_balance(configuration, self._ledger, start_ms, end_ms)
        loads = top_loads(configuration)
        energies = {
            m.meter_id: self._ledger.intervals(
                m.meter_id,
                start_ms,
                end_ms,
                register=positive_register(self._ledger, m.meter_id),
                step_s=900,
            ).energy_wh
            for m in loads
        }
        used = np.sum(list(energies.values()), axis=0) if energies else np.zeros(len(balance))
        weekday, minute, day = wall(balance.start_ms, zone)
        return _Past(
            made_for_ms=end_ms,
            configuration=configuration,
            groups=by_use(load_groups(configuration), energies),
            balance=balance,
            group_wh=energies,
            rest_wh=balance.load_wh - used,
            weekday=weekday,
            minute=minute,
            day=day,
            prices=self._prices(configuration, balance.start_ms),
        )

    def _prices(self, configuration: Configuration, start_ms: Int64s) -> Floats:
        """Import and export price of each quarter hour: the market's, else the site's fixed."""
        site = configuration.site
        prices = np.empty((start_ms.size, 2))
        prices[:, 0] = float(site.price_import_per_kwh)
        prices[:, 1] = float(site.price_export_per_kwh)
        if not start_ms.size:
            return prices
        slots = self._store.prices(int(start_ms[0]), int(start_ms[-1]) + QUARTER_HOUR_MS)
        if slots:
            begins = np.array([s.start_ms for s in slots], dtype=np.int64)
            ends = np.array([s.end_ms for s in slots], dtype=np.int64)
            paid = np.array([(s.import_per_kwh, s.export_per_kwh) for s in slots])
            at = np.searchsorted(begins, start_ms, "right") - 1
            inside = (at >= 0) & (start_ms < ends[np.maximum(at, 0)])
            prices[inside] = paid[at[inside]]
        return prices

    def _day_load(
        self, past: _Past, configuration: Configuration, today: date, start_ms: int, end_ms: int
    ) -> DayLoad:
        zone = ZoneInfo(configuration.site.zone)
        starts = np.arange(start_ms, end_ms, QUARTER_HOUR_MS, dtype=np.int64)
        load = np.full(starts.size, np.nan)
        mine = past.balance.start_ms >= start_ms
        measured = past.balance.load_wh[mine] * _W_PER_WH
        load[: measured.size] = measured
        low, high, weeks = usual_by_slot(
            past.balance.measured(past.balance.load_wh) * _W_PER_WH,
            past.weekday,
            past.minute,
            past.day,
            today,
            wall(starts, zone)[1],
        )
        return DayLoad(
            start_ms,
            end_ms,
            starts,
            load,
            low,
            high,
            weeks,
            closed=_closed(configuration, starts, zone),
        )

    def _day_cost(
        self, past: _Past, configuration: Configuration, today: date, start_ms: int, now_ms: int
    ) -> DayCost:
        balance = past.balance
        mine = balance.start_ms >= start_ms
        bought, sold = balance.grid_import_wh, balance.grid_export_wh
        paid = bought * past.prices[:, 0] / 1000
        gained = sold * past.prices[:, 1] / 1000
        net = bought - sold + balance.discharge_wh - balance.charge_wh
        without = np.where(net > 0, net * past.prices[:, 0], net * past.prices[:, 1]) / 1000
        saved = without - (paid - gained)
        has_battery = any(m.role is Role.BATTERY for m in configuration.meters)
        # Held against the same quarter hours alone: a gap of today must not look like thrift.
        known = past.minute[mine & np.isfinite(bought)]
        typical = _typical_cost(past, paid - gained, today, known)
        outside = self._rented_use(past, configuration, now_ms, since_ms=start_ms)
        return DayCost(
            import_wh=float(np.nansum(bought[mine])),
            import_units=round(float(np.nansum(paid[mine])) * _UNITS),
            export_wh=float(np.nansum(sold[mine])),
            export_units=round(float(np.nansum(gained[mine])) * _UNITS),
            battery_saved_units=(
                round(float(np.nansum(saved[mine])) * _UNITS) if has_battery else None
            ),
            out_of_contract_wh=None if outside is None else float(outside.energy_wh),
            out_of_contract_units=None if outside is None else outside.cost_units,
            typical_low_units=None if typical is None else typical[0],
            typical_high_units=None if typical is None else typical[1],
            missing=int((~np.isfinite(bought[mine])).sum()),
            currency=configuration.site.currency,
        )

    def _rented_use(
        self, past: _Past, configuration: Configuration, end_ms: int, *, since_ms: int | None = None
    ) -> OutOfHours | None:
        """Use of rented zones and what of it lies outside of contract hours."""
        from energy_desktop.analytics.billing.hours import (
            contract_state,
            day_of,
            public_holidays,
            tariff_on,
            version_on,
        )

        begin_ms = end_ms - _RENTED_DAYS * DAY_MS if since_ms is None else since_ms
        chosen = (past.balance.start_ms >= begin_ms) & (past.balance.start_ms < end_ms)
        starts = past.balance.start_ms[chosen]
        if not configuration.contracts or not starts.size:
            return None
        zone = ZoneInfo(configuration.site.zone)
        days = [day_of(int(d) * 1440) for d in np.unique(past.day[chosen])]
        days.append(days[-1] + timedelta(days=1))
        holidays = public_holidays(configuration.site, days[0], days[-1])
        by_contract: dict[str, list[int]] = {}
        for index, version in enumerate(configuration.contracts):
            by_contract.setdefault(version.contract_id, []).append(index)
        outside_wh = total_wh = 0.0
        cost = 0
        for indices in by_contract.values():
            versions = [configuration.contracts[i] for i in indices]
            by_day = {day: version_on(day, versions) for day in days}
            state = contract_state(starts, 900, by_day=by_day, zone=zone, holidays=holidays)
            rented = {s for v in by_day.values() if v is not None for s in v.space_ids}
            latest = by_day[days[-2]]
            tariff = (
                None
                if latest is None
                else tariff_on(days[-2], latest.tariff_id, configuration.tariffs)
            )
            for meter in configuration.meters:
                energy = past.group_wh.get(meter.meter_id)
                if meter.space_id not in rented or energy is None:
                    continue
                mine = energy[chosen]
                outside = float(np.nansum(mine[state.covered & ~state.inside]))
                outside_wh += outside
                total_wh += float(np.nansum(mine[state.covered]))
                if tariff is not None:
                    price = float(tariff.out_of_hours_price_per_kwh)
                    cost += round(outside / 1000 * price * _UNITS)
        return OutOfHours(round(outside_wh), round(total_wh), cost, max(1, len(days) - 1))

    def _night(self, today: date, zone: ZoneInfo) -> NightWaste:
        start_ms = local_day_bounds_ms(today - timedelta(days=_NIGHTS_BACK), zone)[0]
        end_ms = local_day_bounds_ms(today, zone)[0]
        try:
            report = self._waste.period(start_ms, end_ms)
        except UserFacingError as error:
            return NightWaste(None, (), 0, 0, f"{error.what} {error.remedy}")
        evenings = [e for e in report.evenings if e.lit_from_ms is not None or e.energy_wh >= 0]
        if not evenings:
            return NightWaste(None, (), 0, 0, "No night is over yet.")
        last = max(e.evening for e in evenings)
        places = sorted(
            (e for e in evenings if e.evening == last), key=lambda e: (-e.excess_wh, e.space_name)
        )
        return NightWaste(
            local_day_bounds_ms(last, zone)[0],
            tuple(places),
            sum(e.excess_wh for e in places),
            sum(e.excess_cost_units for e in places),
        )

    def _completeness(
        self, configuration: Configuration, start_ms: int, now_ms: int
    ) -> float | None:
        """Share of today's minutes with a reading, over all polled meters."""
        minutes = (now_ms - start_ms) // 60_000
        polled = [m for m in configuration.meters if m.driver_id and m.enabled]
        if minutes < 15 or not polled:
            return None
        there = 0
        for meter in polled:
            found = self._history.buckets(
                meter.meter_id, "power_w", start_ms, start_ms + minutes * 60_000, Resolution.MINUTE
            )
            there += int((found.n > 0).sum())
        return 100.0 * there / (minutes * len(polled))


@dataclass(frozen=True, slots=True)
class _Reading:
    power_w: float | None  # None: not now
    last_w: float | None
    at_ms: int | None


_SUPPLY = (Role.GRID, Role.SOLAR, Role.BATTERY)


def top_loads(configuration: Configuration) -> tuple[Meter, ...]:
    """Load meters that are in no other load meter's sum."""
    loads = {m.meter_id for m in configuration.meters if m.role is Role.LOAD}
    return tuple(
        m for m in configuration.meters if m.role is Role.LOAD and m.parent_id not in loads
    )


def load_groups(configuration: Configuration) -> tuple[LoadGroup, ...]:
    """Loads by what they feed; a meter that says nothing of it stands alone."""
    groups: dict[str, list[Meter]] = {}
    for meter in top_loads(configuration):
        groups.setdefault(meter.equipment or f"meter:{meter.meter_id}", []).append(meter)
    made = []
    for key, meters in groups.items():
        if len(meters) == 1:
            made.append(LoadGroup(meters[0].meter_id, meters[0].name, (meters[0].meter_id,)))
        else:
            name = f"{key.replace('_', ' ').capitalize()}, {len(meters)} meters"
            made.append(LoadGroup(key, name, tuple(m.meter_id for m in meters)))
    return tuple(made)


def by_use(groups: Sequence[LoadGroup], energies: Mapping[str, Floats]) -> tuple[LoadGroup, ...]:
    """The largest first, by ten weeks: an order that does not jump with the present power."""

    def used(group: LoadGroup) -> float:
        return sum(float(np.nansum(energies[i])) for i in group.meter_ids if i in energies)

    return tuple(sorted(groups, key=lambda g: -used(g)))


def folded(groups: Sequence[LoadGroup], room: int) -> tuple[LoadGroup, ...]:
    """At most `room` groups: the small ones become one that says how many they are."""
    if len(groups) <= room:
        return tuple(groups)
    kept, rest = groups[: room - 1], groups[room - 1 :]
    meters = tuple(i for g in rest for i in g.meter_ids)
    return (*kept, LoadGroup(OTHERS, f"{len(rest)} smaller loads", meters))


def wall(start_ms: Int64s, zone: ZoneInfo) -> tuple[Int64s, Int64s, Int64s]:
    """Weekday (0 Monday), minute of the wall clock and local day number of each moment; (n,)."""
    hours, back = np.unique(start_ms // QUARTER_HOUR_MS, return_inverse=True)
    offset = np.array(
        [
            int(
                (
                    from_ms(int(q) * QUARTER_HOUR_MS).astimezone(zone).utcoffset() or timedelta()
                ).total_seconds()
            )
            for q in hours.tolist()
        ],
        dtype=np.int64,
    )
    local_s = start_ms // 1000 + (offset[back] if offset.size else 0)
    day = local_s // 86_400
    return (day + 3) % 7, local_s % 86_400 // 60, day


def usual_by_slot(
    power_w: Floats,
    weekday: Int64s,
    minute: Int64s,
    day: Int64s,
    today: date,
    minutes_wanted: Int64s,
) -> tuple[Floats, Floats, int]:
    """10th and 90th percentile per time of day over the same weekdays before `today`."""
    today_number = today.toordinal() - date(1970, 1, 1).toordinal()
    alike = (weekday == today.weekday()) & (day < today_number) & np.isfinite(power_w)
    low = np.full(minutes_wanted.size, np.nan)
    high = low.copy()
    weeks = int(np.unique(day[alike]).size)
    if weeks < _LEAST_WEEKS:
        return low, high, weeks
    for place, wanted in enumerate(minutes_wanted.tolist()):
        values = power_w[alike & (minute == wanted)]
        if values.size >= _LEAST_WEEKS:
            low[place], high[place] = np.percentile(values, _SHARE)
    return low, high, weeks


def _usual_of(past: _Past, energy_wh: Floats, now_ms: int) -> Usual | None:
    zone = ZoneInfo(past.configuration.site.zone)
    weekday, minute, day = wall(np.array([now_ms], dtype=np.int64), zone)
    alike = (past.weekday == weekday[0]) & (past.minute // 60 == minute[0] // 60)
    alike &= (past.day < day[0]) & np.isfinite(past.balance.measured(energy_wh))
    weeks = int(np.unique(past.day[alike]).size)
    if weeks < _LEAST_WEEKS:
        return None
    low, high = np.percentile(energy_wh[alike] * _W_PER_WH, _SHARE)
    return Usual(float(low), float(high), weeks)


def _typical_cost(
    past: _Past, cost: Floats, today: date, minutes: Int64s
) -> tuple[int, int] | None:
    """Eight of ten same weekdays' cost in the same quarter hours, in 1e-4 units."""
    if not minutes.size:
        return None
    today_number = today.toordinal() - date(1970, 1, 1).toordinal()
    alike = (past.weekday == today.weekday()) & (past.day < today_number)
    alike &= np.isin(past.minute, minutes)
    sums = [float(cost[alike & (past.day == d)].sum()) for d in np.unique(past.day[alike])]
    known = [s for s in sums if np.isfinite(s)]
    if len(known) < _LEAST_WEEKS:
        return None
    low, high = np.percentile(known, _SHARE)
    return round(float(low) * _UNITS), round(float(high) * _UNITS)


def _closed(
    configuration: Configuration, starts: Int64s, zone: ZoneInfo
) -> tuple[tuple[int, int], ...]:
    """Stretches of the day in which no contract that holds has hours."""
    from energy_desktop.analytics.billing.hours import contract_state, public_holidays, version_on

    if not configuration.contracts or not starts.size:
        return ()
    day = from_ms(int(starts[0])).astimezone(zone).date()
    days = (day, day + timedelta(days=1))
    holidays = public_holidays(configuration.site, *days)
    is_open = np.zeros(starts.size, dtype=np.bool_)
    for contract_id in dict.fromkeys(c.contract_id for c in configuration.contracts):
        versions = [c for c in configuration.contracts if c.contract_id == contract_id]
        by_day = {d: version_on(d, versions) for d in days}
        state = contract_state(starts, 900, by_day=by_day, zone=zone, holidays=holidays)
        is_open |= state.covered & state.inside
    edges = np.flatnonzero(np.diff(np.concatenate(([1], is_open.astype(np.int8), [1]))))
    ends = np.append(starts, starts[-1] + QUARTER_HOUR_MS)
    return tuple((int(ends[a]), int(ends[b])) for a, b in zip(edges[::2], edges[1::2], strict=True))


def month_peak(balance: SiteBalance, today: date, zone: ZoneInfo) -> tuple[float, int] | None:
    """The highest quarter-hour import of the local month: W and when it began."""
    month_start = local_day_bounds_ms(today.replace(day=1), zone)[0]
    mine = (balance.start_ms >= month_start) & np.isfinite(balance.grid_import_wh)
    if not mine.any():
        return None
    at = int(np.argmax(balance.grid_import_wh[mine]))
    return float(balance.grid_import_wh[mine][at]) * _W_PER_WH, int(balance.start_ms[mine][at])


def block_energy(
    curves: Sequence[tuple[Floats, Floats]], start_s: float, now_s: float
) -> tuple[Floats, Floats, float] | None:
    """Times (s), energy since the block began (Wh) at each, and the power of the last minute (W).

    Curves are summed on the times of the first. None: the block was not seen from its start, or a
    curve ended more than 30 s ago.
    """
    late_s = _LATE_START_MS / 1000
    cleaned = []
    for at_s, power in curves:
        known = np.isfinite(power) & (at_s <= now_s)
        at_s, power = at_s[known], power[known]
        inside = at_s >= start_s
        if not inside.any() or now_s - at_s[-1] > late_s or at_s[inside][0] - start_s > late_s:
            return None
        cleaned.append((at_s, power))
    if not cleaned:
        return None
    first = cleaned[0][0]
    at = np.unique(np.concatenate(([start_s], first[first >= start_s])))
    total = np.sum([np.interp(at, t, p) for t, p in cleaned], axis=0)
    steps_h = np.diff(at) / 3600
    energy = np.concatenate(([0.0], np.cumsum((total[1:] + total[:-1]) / 2 * steps_h)))
    recent = at >= at[-1] - _RECENT_S
    return at, energy, float(total[recent].mean())


def _sum(values: Iterable[float | None]) -> float | None:
    """None as soon as one part is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total
