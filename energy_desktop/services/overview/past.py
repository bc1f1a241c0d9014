"""The last ten weeks from the energy ledger, and what is usual by them.

The usual is eight of ten same weekdays at the same hour: what a meter did, not what it should do.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import from_ms, local_day_bounds_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import QUARTER_HOUR_MS
from energy_desktop.domain.overview import LoadGroup, Usual
from energy_desktop.domain.ports import ConfigurationStore, Ledger
from energy_desktop.services.balance import SiteBalance, site_balance
from energy_desktop.services.interval_steps import at_step
from energy_desktop.services.overview.groups import by_use, load_groups, top_loads
from energy_desktop.services.registers import positive_register

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s

WEEKS = 10
W_PER_WH = 4.0  # a quarter hour
UNITS = 10_000
_LEAST_WEEKS = 3
_SHARE = (10.0, 90.0)  # eight of ten


@dataclass(frozen=True, slots=True, eq=False)
class Past:
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


class TenWeeks:
    """Reads them once a quarter hour. Usable from any thread."""

    def __init__(self, store: ConfigurationStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger
        self._lock = threading.Lock()
        self._past: Past | None = None

    @property
    def known(self) -> Past | None:
        """As it was last read; memory only."""
        return self._past

    def forget(self) -> None:
        """The ledger was corrected: it is read anew when next asked for."""
        with self._lock:
            self._past = None

    def up_to(self, configuration: Configuration, now_ms: int) -> Past:
        """To the last full quarter hour. Reads the store when one has gone by."""
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
            past = self._read(configuration, zone, start_ms, end_ms)
            self._past = past
            return past

    def _read(
        self, configuration: Configuration, zone: ZoneInfo, start_ms: int, end_ms: int
    ) -> Past:
        balance = site_balance(configuration, self._ledger, start_ms, end_ms)
        loads = top_loads(configuration)
        energies = {
            m.meter_id: at_step(
                self._ledger,
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
        return Past(
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


def usual_of_meters(past: Past | None, meter_ids: Sequence[str], now_ms: int) -> Usual | None:
    """Of their sum; None as soon as one of them has no past."""
    if past is None or not all(i in past.group_wh for i in meter_ids):
        return None
    summed = np.sum([past.group_wh[i] for i in meter_ids], axis=0)
    return usual_of(past, summed, now_ms)


def usual_of(past: Past, energy_wh: Floats, now_ms: int) -> Usual | None:
    """Power that is usual at this weekday and hour; None: too few weeks are known."""
    zone = ZoneInfo(past.configuration.site.zone)
    weekday, minute, day = wall(np.array([now_ms], dtype=np.int64), zone)
    alike = (past.weekday == weekday[0]) & (past.minute // 60 == minute[0] // 60)
    alike &= (past.day < day[0]) & np.isfinite(past.balance.measured(energy_wh))
    weeks = int(np.unique(past.day[alike]).size)
    if weeks < _LEAST_WEEKS:
        return None
    low, high = np.percentile(energy_wh[alike] * W_PER_WH, _SHARE)
    return Usual(float(low), float(high), weeks)


def typical_cost(past: Past, cost: Floats, today: date, minutes: Int64s) -> tuple[int, int] | None:
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
    return round(float(low) * UNITS), round(float(high) * UNITS)


def month_peak(balance: SiteBalance, today: date, zone: ZoneInfo) -> tuple[float, int] | None:
    """The highest quarter-hour import of the local month: W and when it began."""
    month_start = local_day_bounds_ms(today.replace(day=1), zone)[0]
    mine = (balance.start_ms >= month_start) & np.isfinite(balance.grid_import_wh)
    if not mine.any():
        return None
    at = int(np.argmax(balance.grid_import_wh[mine]))
    return float(balance.grid_import_wh[mine][at]) * W_PER_WH, int(balance.start_ms[mine][at])
