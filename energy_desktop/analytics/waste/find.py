"""Finds light that burns longer than the cleaning round explains, and what it costs.

Counted are the lit minutes of an evening, not the time at which the light went out: cleaners who
come late but leave in time waste nothing. Light that is switched on from 04:00 on belongs to the
opening that follows: it is energy after hours, but it is neither cleaning nor waste of the evening.
Light that burns on from before 04:00 is the evening's, however long it lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.billing.hours import (
    MINUTE_MS,
    Holidays,
    day_of,
    public_holidays,
    wall_minutes,
)
from energy_desktop.analytics.waste.evenings import Evening, ZoneTime, zone_time
from energy_desktop.analytics.waste.lit import LitThreshold, lit_minutes, lit_threshold
from energy_desktop.domain.contract import ContractVersion
from energy_desktop.domain.energy import Buckets
from energy_desktop.domain.money import CENT, price_energy
from energy_desktop.domain.site import Site, Space
from energy_desktop.domain.waste import EveningUse, EveningVerdict, WasteReport, ZoneWaste

if TYPE_CHECKING:
    from energy_desktop.analytics.waste.lit import Bools
    from energy_desktop.domain.energy import Floats, Int64s

_LEAST_COMPLETE = 0.9
_DAYS_OF_YEAR = 365


@dataclass(frozen=True, slots=True)
class CleaningRule:
    """Cleaning takes 30 to 60 min after the contract hours; over three hours is flagged.

    On days without contract hours nobody cleans, but a guard walks round.
    """

    expected_minutes: int = 60
    free_day_minutes: int = 15
    flag_minutes: int = 180


@dataclass(frozen=True, slots=True)
class ZoneLighting:
    """A zone's lighting power: mean of the step that begins at each time.

    time_ms, power_w (n,): NaN unknown; steps of whole minutes. contracts: all versions that may
    cover the space. price_per_kwh: what a wasted kWh costs. rated_w: all lamps on, where known.
    """

    space_id: str
    space_name: str
    meter_ids: tuple[str, ...]
    contracts: tuple[ContractVersion, ...]
    time_ms: Int64s
    power_w: Floats
    price_per_kwh: Decimal
    step_s: int = 60
    rated_w: float | None = None


def zone_lighting(
    space: Space,
    buckets: Sequence[Buckets],
    *,
    contracts: Sequence[ContractVersion],
    price_per_kwh: Decimal,
    step_s: int = 60,
    rated_w: float | None = None,
) -> ZoneLighting:
    """A zone from the `power_w` buckets of its lighting meters; unknown where one of them is."""
    times = np.unique(np.concatenate([b.start_ms for b in buckets])) if buckets else _NO_TIME
    power = np.zeros(times.shape)
    for series in buckets:
        own = np.full(times.shape, np.nan)
        own[np.searchsorted(times, series.start_ms)] = np.where(series.n > 0, series.mean, np.nan)
        power += own
    return ZoneLighting(
        space_id=space.space_id,
        space_name=space.name,
        meter_ids=tuple(b.meter_id for b in buckets),
        contracts=tuple(contracts),
        time_ms=times,
        power_w=power,
        price_per_kwh=price_per_kwh,
        step_s=step_s,
        rated_w=rated_w,
    )


def find_waste(
    *,
    site: Site,
    zones: Sequence[ZoneLighting],
    start_ms: int,
    end_ms: int,
    until_ms: int,
    rule: CleaningRule | None = None,
    holidays: Holidays | None = None,
) -> WasteReport:
    """Judges every evening that begins in [start_ms, end_ms) and has ended by until_ms.

    An evening runs past midnight, so the last of a period needs readings after end_ms. until_ms:
    the present, or the end of what is stored. An evening with less than 90 % of its minutes known
    is NO_DATA, unless what is known is flagged already. The rival, `naive_wh`, calls everything
    after hours waste: cleaning and standby too.
    """
    zone = ZoneInfo(site.zone)
    rule = rule if rule is not None else CleaningRule()
    if holidays is None:
        days = wall_minutes(np.array([start_ms, end_ms], dtype=np.int64), zone).tolist()
        away = any(not v.hours.on_holidays for z in zones for v in z.contracts)
        holidays = public_holidays(site, day_of(days[0]), day_of(days[1] + 1440)) if away else {}
    results: list[ZoneWaste] = []
    evenings: list[EveningUse] = []
    known_minutes = all_minutes = 0
    for lighting in zones:
        time = zone_time(
            space_id=lighting.space_id,
            contracts=lighting.contracts,
            start_ms=start_ms,
            end_ms=end_ms,
            zone=zone,
            holidays=holidays,
        )
        power = _on_minutes(lighting, time)
        threshold = lit_threshold(power, time.in_contract, lighting.rated_w)
        lit = lit_minutes(power, threshold) if threshold else np.zeros(power.shape, dtype=np.bool_)
        naive_wh = 0.0
        uses = []
        for evening in time.evenings:
            if evening.end_ms > until_ms:
                continue
            here = _minutes_of(evening, time)
            known = np.isfinite(power[here])
            known_minutes += int(np.count_nonzero(known))
            all_minutes += len(known)
            naive_wh += float(np.nansum(power[here])) / 60
            uses.append(_judge(lighting, evening, power[here], lit[here], threshold, rule))
        evenings += uses
        results.append(_zone_result(lighting, uses, round(naive_wh)))
    return WasteReport(
        start_ms=start_ms,
        end_ms=end_ms,
        currency=site.currency,
        zones=tuple(results),
        evenings=tuple(evenings),
        data_completeness_pct=100 * known_minutes / all_minutes if all_minutes else 0.0,
    )


def _judge(
    lighting: ZoneLighting,
    evening: Evening,
    power_w: Floats,
    lit: Bools,
    threshold: LitThreshold | None,
    rule: CleaningRule,
) -> EveningUse:
    known = np.isfinite(power_w)
    morning = (evening.morning_ms - evening.start_ms) // MINUTE_MS
    evening_lit = _of_evening(lit, known, morning)
    minutes = int(np.count_nonzero(evening_lit))
    expected = rule.expected_minutes if evening.cleaning else rule.free_day_minutes
    lit_at = np.flatnonzero(evening_lit)
    beyond = lit_at[expected:]
    floor_w = threshold.floor_w if threshold else 0.0
    excess_wh = round(float((power_w[beyond] - floor_w).sum()) / 60)
    complete = np.count_nonzero(known) >= _LEAST_COMPLETE * len(known)
    if minutes > rule.flag_minutes:
        verdict = EveningVerdict.FLAGGED
    elif threshold is None or not complete:
        verdict = EveningVerdict.NO_DATA
        excess_wh = 0
    elif minutes > expected:
        verdict = EveningVerdict.LONG
    else:
        verdict = EveningVerdict.EXPECTED
    start = evening.start_ms
    return EveningUse(
        space_id=lighting.space_id,
        space_name=lighting.space_name,
        meter_id=lighting.meter_ids[0] if lighting.meter_ids else "",
        evening=evening.day,
        contract_end_ms=start,
        lit_from_ms=start + int(lit_at[0]) * MINUTE_MS if minutes else None,
        lit_until_ms=start + (int(lit_at[-1]) + 1) * MINUTE_MS if minutes else None,
        lit_minutes=minutes,
        expected_minutes=expected,
        energy_wh=round(float(power_w[lit].sum()) / 60),
        excess_wh=excess_wh,
        excess_cost_units=price_energy(excess_wh, lighting.price_per_kwh),
        verdict=verdict,
        estimated=not known.all(),
    )


def _of_evening(lit: Bools, known: Bools, morning: int) -> Bools:
    """(n,): lit (n,) without what was switched on at `morning` (a position) or later.

    Unknown minutes go on as the last known one: a gap does not switch light off.
    """
    last_known = np.maximum.accumulate(np.where(known, np.arange(len(lit)), 0))
    dark = ~lit[last_known]
    dark[: max(0, morning - 1)] = False  # light of the minute before 04:00 burns on
    return lit & ~np.logical_or.accumulate(dark) | lit & (np.arange(len(lit)) < morning)


def _zone_result(lighting: ZoneLighting, uses: Sequence[EveningUse], naive_wh: int) -> ZoneWaste:
    judged = [u for u in uses if u.verdict is not EveningVerdict.NO_DATA]
    cost = sum(u.excess_cost_units for u in judged)
    yearly = round(cost * _DAYS_OF_YEAR / len(judged) / CENT) * CENT if judged else 0
    return ZoneWaste(
        space_id=lighting.space_id,
        space_name=lighting.space_name,
        meter_ids=lighting.meter_ids,
        evenings=len(judged),
        evenings_flagged=sum(u.verdict is EveningVerdict.FLAGGED for u in judged),
        energy_wh=sum(u.energy_wh for u in judged),
        excess_wh=sum(u.excess_wh for u in judged),
        excess_cost_units=cost,
        yearly_saving_units=yearly,
        naive_wh=naive_wh,
    )


_NO_TIME = np.empty(0, dtype=np.int64)


def _minutes_of(evening: Evening, time: ZoneTime) -> slice:
    first = (evening.start_ms - time.start_ms) // MINUTE_MS
    return slice(first, first + (evening.end_ms - evening.start_ms) // MINUTE_MS)


def _on_minutes(lighting: ZoneLighting, time: ZoneTime) -> Floats:
    """The zone's power on the minute grid of `time`, NaN where nothing is known."""
    power = np.full(time.in_contract.shape, np.nan)
    position = (lighting.time_ms - time.start_ms) // MINUTE_MS
    for k in range(max(1, lighting.step_s // 60)):
        inside = (position + k >= 0) & (position + k < len(power))
        power[position[inside] + k] = lighting.power_w[inside]
    return power
