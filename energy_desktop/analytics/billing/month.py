"""Adds the ledger of a month up to the figures of the monthly report.

Consumption is a balance, not a measurement: grid import - export + PV + battery discharge -
charge. An interval in which one of its terms is unknown is unknown, and the share of such
intervals is stated instead of being filled with zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import lcm
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.billing.hours import (
    MINUTES_OF_DAY,
    Holidays,
    day_of,
    month_bounds,
    month_days,
    public_holidays,
    wall_minutes,
)
from energy_desktop.domain.energy import IntervalQuality, Intervals, Reconciliation
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.finding import Finding
from energy_desktop.domain.money import price_energy
from energy_desktop.domain.monthly_report import (
    AlarmCount,
    ClientUse,
    DayEnergy,
    LoadProfile,
    MeterEnergy,
    MonthlyReport,
    PeakDemand,
)
from energy_desktop.domain.recommendation import Recommendation
from energy_desktop.domain.site import Meter, Role, Site
from energy_desktop.domain.waste import WasteReport

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

_BASE_LOAD_PERCENTILE = 5
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class MeterLedger:
    """A meter with its intervals of the month: imported counts power > 0, exported power < 0."""

    meter: Meter
    imported: Intervals
    reconciliation: Reconciliation | None = None  # of `imported`
    exported: Intervals | None = None
    space_name: str = ""


def build_monthly_report(
    *,
    site: Site,
    month: str,
    now_ms: int,
    ledgers: Sequence[MeterLedger],
    clients: Sequence[ClientUse] = (),
    waste: WasteReport | None = None,
    findings: Sequence[Finding] = (),
    alarms: Sequence[AlarmCount] = (),
    recommendations: Sequence[Recommendation] = (),
    previous_import_wh: int | None = None,
    holidays: Holidays | None = None,
    notes: Sequence[str] = (),
    simulated: bool = False,
) -> MonthlyReport:
    """The report of a local month; what lies after now_ms is not missing.

    ledgers: every meter of the site, with steps that divide the coarsest among the grid, PV and
    battery meters. Loads that stand below another load (`parent_id`) are in no sum twice.
    Raises WrongUse for a wrong month or when the site has no grid meter.
    """
    zone = ZoneInfo(site.zone)
    start_ms, end_ms = month_bounds(month, zone)
    until_ms = min(end_ms, now_ms)
    if not any(x.meter.role is Role.GRID for x in ledgers):
        raise WrongUse(
            where=f"Site {site.name}",
            what="no meter has the role grid.",
            remedy="Give the meter of the grid connection the role grid.",
        )
    if holidays is None:
        days = month_days(month)
        try:
            holidays = public_holidays(site, days[0], days[-1])
        except WrongUse:
            holidays = {}

    balance = _Balance(ledgers, start_ms, until_ms)
    wall = wall_minutes(balance.starts, zone)
    consumption = balance.consumption_wh
    meters = tuple(_meter_energy(x, start_ms, until_ms) for x in ledgers)
    expected = sum(m.intervals for m in meters)
    missing = sum(m.missing_intervals for m in meters)
    grid = [m for m in meters if m.role is Role.GRID]
    estimated_wh = sum(m.estimated_wh for m in grid)
    import_wh, export_wh = _total(balance.grid_import), _total(balance.grid_export)
    pv_wh, used_wh = _total(balance.pv), _total(consumption)
    return MonthlyReport(
        site=site,
        month=month,
        period_start_ms=start_ms,
        period_end_ms=end_ms,
        made_at_ms=now_ms,
        meters=meters,
        days=_days(balance, wall, month_days(month)),
        profile=_profile(consumption, wall, balance.step_s, holidays),
        peak=_peak(site, balance),
        base_load_w=_base_load(consumption, balance.step_s),
        import_wh=import_wh,
        export_wh=export_wh,
        pv_wh=pv_wh,
        battery_charged_wh=_total(balance.charged),
        battery_discharged_wh=_total(balance.discharged),
        consumption_wh=used_wh,
        self_consumption_pct=_share_not(balance.grid_export, balance.pv),
        self_sufficiency_pct=_share_not(balance.grid_import, consumption),
        submetered_wh=_submetered(ledgers, meters),
        cost_units=None
        if import_wh is None
        else price_energy(import_wh, site.price_import_per_kwh),
        export_revenue_units=None
        if export_wh is None
        else price_energy(export_wh, site.price_export_per_kwh),
        previous_import_wh=previous_import_wh,
        clients=tuple(clients),
        waste=waste,
        findings=tuple(findings),
        alarms=tuple(sorted(alarms, key=lambda a: a.priority)),
        recommendations=tuple(recommendations),
        completeness_pct=100 * (1 - missing / expected) if expected else 0.0,
        estimated_wh=estimated_wh,
        estimated_pct=100 * estimated_wh / import_wh if import_wh else 0.0,
        notes=tuple(notes),
        simulated=simulated,
    )


class _Balance:
    """The flows of the site on one grid of steps; all arrays (n,), None: not measured at all."""

    def __init__(self, ledgers: Sequence[MeterLedger], start_ms: int, until_ms: int) -> None:
        flows = [x for x in ledgers if x.meter.role in (Role.GRID, Role.SOLAR, Role.BATTERY)]
        # Meters of 10 and of 15 min meet in the half hour.
        self.step_s = lcm(*(s.step_s for x in flows for s in (x.imported, x.exported) if s))
        whole = (until_ms - start_ms) // (self.step_s * 1000)
        self.starts: Int64s = start_ms + self.step_s * 1000 * np.arange(
            max(0, whole), dtype=np.int64
        )
        grid = [x for x in flows if x.meter.role is Role.GRID]
        solar = [x for x in flows if x.meter.role is Role.SOLAR]
        battery = [x for x in flows if x.meter.role is Role.BATTERY]
        self.grid_import = self._sum([x.imported for x in grid])
        self.grid_export = self._sum([x.exported for x in grid])
        self.pv = self._sum([x.imported for x in solar])
        self.discharged = self._sum([x.imported for x in battery])
        self.charged = self._sum([x.exported for x in battery])

    @property
    def consumption_wh(self) -> Floats | None:
        if self.grid_import is None:
            return None
        total = self.grid_import.copy()
        for flow, sign in (
            (self.grid_export, -1.0),
            (self.pv, 1.0),
            (self.discharged, 1.0),
            (self.charged, -1.0),
        ):
            if flow is not None:
                total += sign * flow
        return total

    def _sum(self, series: Sequence[Intervals | None]) -> Floats | None:
        parts = [self._on_grid(s) for s in series if s is not None]
        return np.sum(parts, axis=0) if parts else None

    def _on_grid(self, values: Intervals) -> Floats:
        """Energy per step of the balance; NaN where any finer interval of it is not known."""
        finer = self.step_s // values.step_s
        energy = np.full(len(self.starts) * finer, np.nan)
        if len(self.starts):
            position, rest = np.divmod(values.start_ms - self.starts[0], values.step_s * 1000)
            usable = (rest == 0) & (position >= 0) & (position < len(energy)) & _known(values)
            energy[position[usable]] = values.energy_wh[usable]
        summed: Floats = energy.reshape(len(self.starts), finer).sum(axis=1)
        return summed


def _known(values: Intervals) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = np.isfinite(values.energy_wh)
    known &= values.quality != IntervalQuality.QUARANTINED
    return known


def _meter_energy(ledger: MeterLedger, start_ms: int, until_ms: int) -> MeterEnergy:
    values = ledger.imported
    here = (values.start_ms >= start_ms) & (values.start_ms + values.step_s * 1000 <= until_ms)
    known = here & _known(values)
    expected = max(0, until_ms - start_ms) // (values.step_s * 1000)
    exported = None
    if ledger.exported is not None:
        other = ledger.exported
        usable = (other.start_ms >= start_ms) & (other.start_ms < until_ms) & _known(other)
        exported = round(float(other.energy_wh[usable].sum())) if usable.any() else None
    estimated = known & (values.quality == IntervalQuality.ESTIMATED)
    return MeterEnergy(
        meter_id=ledger.meter.meter_id,
        meter_name=ledger.meter.name,
        role=ledger.meter.role,
        space_name=ledger.space_name,
        imported_wh=round(float(values.energy_wh[known].sum())) if known.any() else None,
        exported_wh=exported,
        reconciliation=ledger.reconciliation,
        estimated_wh=round(float(values.energy_wh[estimated].sum())),
        intervals=expected,
        missing_intervals=expected - int(np.count_nonzero(known)),
    )


def _total(energy_wh: Floats | None) -> int | None:
    if energy_wh is None or not np.isfinite(energy_wh).any():
        return None
    return round(float(np.nansum(energy_wh)))


def _share_not(part: Floats | None, whole: Floats | None) -> float | None:
    """100 x (1 - part / whole) over the intervals where both are known."""
    if part is None or whole is None:
        return None
    both = np.isfinite(part) & np.isfinite(whole)
    total = float(whole[both].sum())
    if total <= 0:
        return None
    return min(100.0, max(0.0, 100 * (1 - float(part[both].sum()) / total)))


def _days(balance: _Balance, wall: Int64s, days: Sequence[date]) -> tuple[DayEnergy, ...]:
    number = wall // MINUTES_OF_DAY
    consumption = balance.consumption_wh
    result = []
    for day in days:
        here = number == day.toordinal() - _EPOCH_ORDINAL
        if not here.any():
            continue

        def total(flow: Floats | None, here: NDArray[np.bool_] = here) -> int | None:
            return None if flow is None else _total(flow[here])

        result.append(
            DayEnergy(
                day=day,
                import_wh=total(balance.grid_import),
                export_wh=total(balance.grid_export),
                pv_wh=total(balance.pv),
                consumption_wh=total(consumption),
                complete=consumption is not None and bool(np.isfinite(consumption[here]).all()),
            )
        )
    return tuple(result)


def _profile(
    consumption: Floats | None, wall: Int64s, step_s: int, holidays: Holidays
) -> LoadProfile | None:
    if consumption is None or not np.isfinite(consumption).any():
        return None
    step_min = step_s // 60
    numbers, where = np.unique(wall // MINUTES_OF_DAY, return_inverse=True)
    free = np.array(
        [
            (day := day_of(int(n) * MINUTES_OF_DAY)).weekday() >= 5 or day in holidays
            for n in numbers.tolist()
        ],
        dtype=np.bool_,
    )[where]
    slot = wall % MINUTES_OF_DAY // step_min
    power = consumption * 3600 / step_s
    curves: list[list[float | None]] = [[], [], [], []]
    for i in range(MINUTES_OF_DAY // step_min):
        here = (slot == i) & np.isfinite(power)
        work, rest = power[here & ~free], power[here & free]
        curves[0].append(float(work.mean()) if len(work) else None)
        curves[1].append(float(rest.mean()) if len(rest) else None)
        curves[2].append(float(np.percentile(work, 10)) if len(work) else None)
        curves[3].append(float(np.percentile(work, 90)) if len(work) else None)
    return LoadProfile(step_min, *(tuple(c) for c in curves))


def _peak(site: Site, balance: _Balance) -> PeakDemand | None:
    energy = balance.grid_import
    if energy is None or not np.isfinite(energy).any():
        return None
    at = int(np.nanargmax(energy))
    return PeakDemand(
        power_w=float(energy[at]) * 3600 / balance.step_s,
        block_start_ms=int(balance.starts[at]),
        block_min=balance.step_s // 60,
        contract_w=site.contract_demand_w,
    )


def _base_load(consumption: Floats | None, step_s: int) -> float | None:
    """What runs always: the 5th percentile of the power, which a short outage does not lower."""
    if consumption is None or not np.isfinite(consumption).any():
        return None
    return float(np.nanpercentile(consumption, _BASE_LOAD_PERCENTILE)) * 3600 / step_s


def _submetered(ledgers: Sequence[MeterLedger], meters: Sequence[MeterEnergy]) -> int | None:
    """Energy of the load meters that stand below no other load meter."""
    loads = {x.meter.meter_id for x in ledgers if x.meter.role is Role.LOAD}
    known = [
        m.imported_wh
        for m, x in zip(meters, ledgers, strict=True)
        if x.meter.role is Role.LOAD
        and x.meter.parent_id not in loads
        and m.imported_wh is not None
    ]
    return sum(known) if known else None
