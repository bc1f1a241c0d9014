"""Divides one meter's intervals into inside and outside the contract hours.

The bill and the calendar both start here, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.billing.hours import (
    MINUTES_OF_DAY,
    ContractState,
    Holidays,
    billed_period,
    contract_state,
    day_of,
    governing,
    wall_minutes,
)
from energy_desktop.domain.contract import ContractVersion
from energy_desktop.domain.energy import IntervalQuality, Intervals, Reconciliation
from energy_desktop.domain.site import Meter

if TYPE_CHECKING:
    from energy_desktop.analytics.billing.hours import Bools
    from energy_desktop.domain.energy import Floats, Int8s, Int64s


@dataclass(frozen=True, slots=True)
class MeterMonth:
    """A meter with its ledger for the billed period (see `billed_period`) of one month."""

    meter: Meter
    intervals: Intervals
    reconciliation: Reconciliation


@dataclass(frozen=True, slots=True)
class SplitMeter:
    """A meter's billed period, one entry per expected interval; all shapes (n,).

    energy_wh: whole Wh, 0 where not `known`. outside: known, covered by a contract and outside
    its hours. by_day: the contract version of each local day, None where there is none.
    """

    meter: Meter
    start_ms: int
    end_ms: int
    step_s: int
    starts: Int64s
    energy_wh: Int64s
    quality: Int8s
    known: Bools
    outside: Bools
    state: ContractState
    by_day: dict[date, ContractVersion | None]
    overlapping_days: tuple[date, ...]  # two contracts claim the space
    off_grid: int  # intervals given that lie on no expected start

    @property
    def day_number(self) -> Int64s:
        """Local day of each interval's start, in days since 1970-01-01."""
        days: Int64s = self.state.wall_minute // MINUTES_OF_DAY
        return days

    @property
    def inside_wh(self) -> int:
        return int(self.energy_wh[self.known & ~self.outside].sum())

    @property
    def outside_wh(self) -> int:
        return int(self.energy_wh[self.outside].sum())


def whole_wh(energy_wh: Floats) -> Int64s:
    """Energies as whole Wh whose every partial sum is the rounded partial sum of the given ones.

    Whole numbers stay as they are. Rounding each alone would let fractions of imported data add
    up to a difference; NaN counts as 0.
    """
    running = np.rint(np.cumsum(np.nan_to_num(energy_wh, nan=0.0)))
    return np.diff(running, prepend=0.0).astype(np.int64)


def split_meter(
    data: MeterMonth,
    *,
    client_id: str,
    contracts: Sequence[ContractVersion],
    month: str,
    zone: ZoneInfo,
    holidays: Holidays,
) -> SplitMeter | None:
    """None: the client does not rent this meter's space in that month."""
    meter, given = data.meter, data.intervals
    period = billed_period(
        client_id=client_id, space_id=meter.space_id, contracts=contracts, month=month, zone=zone
    )
    if period is None:
        return None
    start_ms, end_ms = period
    step_ms = given.step_s * 1000
    starts = np.arange(start_ms, end_ms, step_ms, dtype=np.int64)

    in_period = (given.start_ms >= start_ms) & (given.start_ms < end_ms)
    position, rest = np.divmod(given.start_ms[in_period] - start_ms, step_ms)
    on_grid = rest == 0
    if len(np.unique(position[on_grid])) != np.count_nonzero(on_grid):
        raise ValueError(f"{meter.meter_id}: the ledger gave an interval twice")
    energy = np.full(starts.shape, np.nan)
    quality = np.full(starts.shape, IntervalQuality.MISSING, dtype=np.int8)
    energy[position[on_grid]] = given.energy_wh[in_period][on_grid]
    quality[position[on_grid]] = given.quality[in_period][on_grid]
    quality[np.isnan(energy) & (quality != IntervalQuality.QUARANTINED)] = IntervalQuality.MISSING
    known = (quality != IntervalQuality.MISSING) & (quality != IntervalQuality.QUARANTINED)
    energy[~known] = np.nan

    by_day, overlapping = _contract_by_day(
        starts, zone, client_id=client_id, space_id=meter.space_id, contracts=contracts
    )
    state = contract_state(starts, given.step_s, by_day=by_day, zone=zone, holidays=holidays)
    return SplitMeter(
        meter=meter,
        start_ms=start_ms,
        end_ms=end_ms,
        step_s=given.step_s,
        starts=starts,
        energy_wh=whole_wh(energy),
        quality=quality,
        known=known,
        outside=known & state.covered & ~state.inside,
        state=state,
        by_day=by_day,
        overlapping_days=overlapping,
        off_grid=int(np.count_nonzero(~on_grid)),
    )


def _contract_by_day(
    starts: Int64s,
    zone: ZoneInfo,
    *,
    client_id: str,
    space_id: str | None,
    contracts: Sequence[ContractVersion],
) -> tuple[dict[date, ContractVersion | None], tuple[date, ...]]:
    first, last = (day_of(m) for m in wall_minutes(starts[[0, -1]], zone).tolist())
    by_day: dict[date, ContractVersion | None] = {}
    overlapping = []
    for i in range((last - first).days + 2):  # one more: an interval may run past the last midnight
        day = first + timedelta(days=i)
        claims = governing(day, client_id, space_id, contracts)
        by_day[day] = claims[0] if claims else None
        if len(claims) > 1 and day <= last:
            overlapping.append(day)
    return by_day, tuple(overlapping)
