"""Three to seven sentences for the overview: what to do next, what it is worth, where it is proved.

Pure: results go in, sentences come out, and every figure in a sentence is a figure of its input.
Ordered by money a year. What has no price (a lost meter) is never pushed out by what has one.
When little is wrong, plain facts fill the list up to three; nothing is invented, so a site
without data has no recommendations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain import wording
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.energy import HOUR_MS, IntervalQuality, Intervals
from energy_desktop.domain.finding import (
    EquipmentWatch,
    Finding,
    FindingKind,
    FindingState,
    WatchState,
)
from energy_desktop.domain.money import UNITS, price_energy
from energy_desktop.domain.plan import Plan, ShedPlan
from energy_desktop.domain.recommendation import Recommendation
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.domain.waste import WasteReport

FEWEST, MOST = 3, 7
_OF_A_KIND = 2

_YEAR_DAYS = 365
_NIGHT = (22, 6)
_COMPLETE_PCT = 95.0
_USUAL_AFTER_HOURS_PCT = 25.0  # after-hours use is commonly 20 to 30 % of a building's total
_ROOMY = 0.7  # a contract that is used to less than this is larger than it must be
_LEAST_PEAK_GAIN = 0.05
_WORTH_UNITS = 5 * UNITS  # a year, or once; under this a sentence is not worth reading


@dataclass(frozen=True, slots=True)
class UseFacts:
    """What a load curve says by itself. base_w: power that is hardly ever undercut (5 %).

    usual_peak_w: what nine days in ten stay under.
    """

    days: float
    total_wh: float
    night_wh: float
    base_w: float
    mean_w: float
    peak_w: float
    peak_at_ms: int
    usual_peak_w: float
    measured_pct: float
    estimated_pct: float
    step_min: int

    @property
    def base_share_pct(self) -> float:
        return 100.0 * self.base_w / self.mean_w if self.mean_w > 0 else 0.0

    @property
    def night_share_pct(self) -> float:
        return 100.0 * self.night_wh / self.total_wh if self.total_wh > 0 else 0.0


@dataclass(frozen=True, slots=True)
class OutOfHours:
    """Energy outside of contract hours in a period, of all clients.

    cost_units: in 1e-4 of `currency`, the one of the tariffs, which need not be the site's; None:
    the tariffs have several, which do not add up.
    """

    energy_wh: int
    total_wh: int
    cost_units: int | None
    days: int
    currency: str

    @property
    def share_pct(self) -> float:
        return 100.0 * self.energy_wh / self.total_wh if self.total_wh > 0 else 0.0


@dataclass(frozen=True, slots=True)
class PowerFactor:
    """Of a period, out of energies. yearly_cost_units: what is charged for it; 0: nothing known."""

    meter_id: str
    meter_name: str
    value: float
    target: float = 0.9
    yearly_cost_units: int = 0


@dataclass(frozen=True, slots=True)
class RecommendationInputs:
    """Whatever is at hand; None and () mean "not computed", never zero.

    horizon_h: of the battery plan and the shed plan, to bring their gain to a year.
    demand_charge_per_kw_year: 0 when the contract has none.
    """

    zone: str
    currency: str
    price_per_kwh: Decimal = Decimal("0.25")
    use: UseFacts | None = None
    waste: WasteReport | None = None
    watches: tuple[EquipmentWatch, ...] = ()
    anomalies: tuple[Finding, ...] = ()
    plan: Plan | None = None
    shed: ShedPlan | None = None
    horizon_h: float = 48.0
    statuses: tuple[MeterStatus, ...] = ()
    meter_names: Mapping[str, str] = field(default_factory=dict)
    out_of_hours: OutOfHours | None = None
    power_factor: PowerFactor | None = None
    contract_demand_w: float | None = None
    demand_charge_per_kw_year: float = 0.0


def recommend(inputs: RecommendationInputs) -> tuple[Recommendation, ...]:
    """At most seven, at least three when a load curve is known; the dearest first."""
    urgent = [*_lost(inputs), *_incomplete(inputs)]
    advice = [
        *_dearest(_waste(inputs)),
        *_dearest(_creep(inputs)),
        *_strange(inputs),
        *_peak(inputs),
        *_power_factor(inputs),
        *_battery(inputs),
        *_shed(inputs),
        *_after_hours(inputs),
        *_base_load(inputs),
    ]
    worth = [one for one in advice if one.rank_units >= _WORTH_UNITS or one.rank_units == 0]
    worth.sort(key=lambda one: -one.rank_units)
    chosen = worth[: MOST - len(urgent)]
    chosen = sorted([*chosen, *urgent], key=lambda one: -one.rank_units)
    if len(chosen) < FEWEST:
        said = {one.sentence for one in chosen}
        spare = [*worth, *_facts(inputs)]
        chosen += [one for one in spare if one.sentence not in said][: FEWEST - len(chosen)]
    return tuple(chosen)


def _dearest(several: Iterator[Recommendation]) -> list[Recommendation]:
    """Two of a kind are enough: the view behind them lists the others."""
    return sorted(several, key=lambda one: -one.rank_units)[:_OF_A_KIND]


def use_facts(intervals: Intervals, zone: str) -> UseFacts | None:
    """Facts of one load curve (the grid meter, or the sum of loads); None without any energy."""
    known = np.isfinite(intervals.energy_wh)
    if not known.any() or float(intervals.energy_wh[known].sum()) <= 0.0:
        return None
    start, energy = intervals.start_ms[known], intervals.energy_wh[known]
    power = energy * 3600.0 / intervals.step_s
    place = ZoneInfo(zone)
    # One look at the clock per hour is enough, and a year of quarter hours is many.
    hour_of, back = np.unique(start // HOUR_MS, return_inverse=True)
    local = [from_ms(int(h) * HOUR_MS).astimezone(place) for h in hour_of]
    hours = np.array([moment.hour for moment in local])[back]
    days = np.array([moment.date().toordinal() for moment in local])[back]
    night = (hours >= _NIGHT[0]) | (hours < _NIGHT[1])
    order = np.argsort(days, kind="stable")
    first = np.flatnonzero(np.diff(days[order], prepend=-1))
    daily_peaks = np.maximum.reduceat(power[order], first)
    highest = int(np.argmax(power))
    estimated = intervals.quality[known] == IntervalQuality.ESTIMATED
    return UseFacts(
        days=len(intervals.start_ms) * intervals.step_s / 86_400,
        total_wh=float(energy.sum()),
        night_wh=float(energy[night].sum()),
        base_w=max(float(np.percentile(power, 5)), 0.0),
        mean_w=float(power.mean()),
        peak_w=float(power[highest]),
        peak_at_ms=int(start[highest]),
        usual_peak_w=float(np.percentile(daily_peaks, 90)),
        measured_pct=100.0 * float((~estimated).sum()) / len(intervals.start_ms),
        estimated_pct=100.0 * float(estimated.sum()) / len(intervals.start_ms),
        step_min=intervals.step_s // 60,
    )


def _money(units: float, currency: str) -> str:
    return f"{wording.number(units / UNITS, 0)} {currency}"


def _a_year(units: float, currency: str) -> str:
    return f"{_money(units, currency)} a year"


def _energy_units(energy_wh: float, inputs: RecommendationInputs) -> int:
    return price_energy(round(energy_wh), inputs.price_per_kwh)


def _day(moment_ms: int, inputs: RecommendationInputs) -> str:
    return wording.short_day(from_ms(moment_ms).astimezone(ZoneInfo(inputs.zone)).date())


def _lost(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    lost = [s for s in inputs.statuses if s.state in (LinkState.LOST, LinkState.MISCONFIGURED)]
    if not lost:
        return
    names = [inputs.meter_names.get(s.meter_id, s.meter_id) for s in lost]
    named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    if len(lost) == 1:
        why = " ".join(part.strip() for part in (lost[0].last_error, lost[0].remedy) if part)
        sentence = f"Bring back {named}, lost since {_since(lost[0], inputs)}"
        sentence += f": {why}" if why else "."
    else:
        sentence = f"Bring back {named}: look first at what they share."
    yield Recommendation(
        sentence if sentence.endswith(".") else sentence + ".",
        wording.count(len(lost), "meter") + " lost",
        "meters",
        lost[0].meter_id,
    )


def _since(status: MeterStatus, inputs: RecommendationInputs) -> str:
    if status.lost_since_ms is None:
        return "the start"
    began = from_ms(status.lost_since_ms).astimezone(ZoneInfo(inputs.zone))
    return f"{began:%H:%M} on {wording.short_day(began.date())}"


def _incomplete(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    use = inputs.use
    if use is not None and use.measured_pct < _COMPLETE_PCT:
        yield Recommendation(
            f"Close the gaps in the data: {wording.percent(use.measured_pct)} of the intervals "
            f"were measured, {wording.percent(use.estimated_pct)} are estimated. "
            f"Bills and baselines leave the rest out.",
            wording.percent(use.measured_pct) + " measured",
            "history",
        )


def _waste(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    if inputs.waste is None:
        return
    for zone in inputs.waste.zones:
        if zone.yearly_saving_units > 0 and zone.evenings_flagged > 0:
            yield Recommendation(
                f"Switch {zone.space_name} off after cleaning: its light stayed on far too long on "
                f"{zone.evenings_flagged} of {wording.count(zone.evenings, 'evening')}, "
                f"{wording.kwh(zone.excess_wh)} kWh more than cleaning needs.",
                _a_year(zone.yearly_saving_units, inputs.currency),
                "maintenance",
                zone.space_id,
                zone.yearly_saving_units,
            )


def _creep(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    for watch in inputs.watches:
        for finding in watch.findings:
            standing = finding.end_ms is None and finding.kind is FindingKind.CREEP
            if not standing or finding.state in (FindingState.DISMISSED, FindingState.REPAIRED):
                continue
            since = np.array(watch.day_ms) >= finding.start_ms
            expected = np.array(watch.expected_wh, float)[since]
            expected = expected[np.isfinite(expected)]
            if not len(expected):
                continue
            yearly_wh = float(expected.mean()) * _YEAR_DAYS * finding.change_pct / 100.0
            yearly = _energy_units(yearly_wh, inputs)
            cause = f" Likely: {finding.causes[0]}." if finding.causes else ""
            yield Recommendation(
                f"Have {watch.meter_name} looked at: it uses "
                f"{wording.percent(finding.change_pct)} more than its baseline since "
                f"{_day(finding.start_ms, inputs)}.{cause}",
                _a_year(yearly, inputs.currency),
                "maintenance",
                finding.finding_id,
                max(yearly, 0),
            )


def _strange(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    """The dearest strange stretch that nobody has judged yet, when it is worth a question.

    Once is no saving a year, so it ranks nowhere.
    """
    open_now = [
        finding
        for finding in inputs.anomalies
        if finding.kind is FindingKind.ANOMALY
        and finding.state is FindingState.OPEN
        and finding.excess_cost_units >= _WORTH_UNITS
    ]
    if open_now:
        worst = max(open_now, key=lambda finding: finding.excess_cost_units)
        yield Recommendation(
            f"Ask what happened. {worst.sentence}",
            f"{wording.money(worst.excess_cost_units)} {inputs.currency} once",
            "maintenance",
            worst.finding_id,
        )


def _peak(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    use, contract_w = inputs.use, inputs.contract_demand_w
    if use is None:
        return
    peak = f"The highest {use.step_min} min were {wording.kw(use.peak_w)} kW on "
    peak += _day(use.peak_at_ms, inputs)
    per_kw = inputs.demand_charge_per_kw_year
    if contract_w is not None and use.peak_w > contract_w:
        over_w = use.peak_w - contract_w
        units = round(over_w / 1000 * per_kw * UNITS)
        yield Recommendation(
            f"Keep under the contract: {peak[0].lower()}{peak[1:]}, {wording.kw(over_w)} kW above "
            f"the {wording.kw(contract_w)} kW agreed. Shed loads before the block closes.",
            _a_year(units, inputs.currency) if units else f"{wording.kw(over_w)} kW over",
            "live",
            rank_units=units,
        )
    elif per_kw > 0 and use.peak_w > (1 + _LEAST_PEAK_GAIN) * use.usual_peak_w:
        less_w = use.peak_w - use.usual_peak_w
        units = round(less_w / 1000 * per_kw * UNITS)
        yield Recommendation(
            f"Cut the lone peak: {peak[0].lower()}{peak[1:]}, nine days in ten stay under "
            f"{wording.kw(use.usual_peak_w)} kW.",
            _a_year(units, inputs.currency),
            "history",
            rank_units=units,
        )
    elif contract_w is not None and use.peak_w < _ROOMY * contract_w and use.days >= 28:
        spare_w = contract_w - use.peak_w
        units = round(spare_w / 1000 * per_kw * UNITS)
        yield Recommendation(
            f"Look at the demand contract: of {wording.kw(contract_w)} kW agreed, at most "
            f"{wording.kw(use.peak_w)} kW were used in {use.days:.0f} days.",
            _a_year(units, inputs.currency) if units else f"{wording.kw(spare_w)} kW unused",
            "history",
            rank_units=units,
        )


def _power_factor(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    factor = inputs.power_factor
    if factor is not None and factor.value < factor.target:
        cost = factor.yearly_cost_units
        yield Recommendation(
            f"Check the compensation at {factor.meter_name}: power factor "
            f"{wording.number(factor.value, 2)} where {wording.number(factor.target, 2)} is asked.",
            _a_year(cost, inputs.currency) if cost else f"cos φ {wording.number(factor.value, 2)}",
            "live",
            factor.meter_id,
            cost,
        )


def _battery(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    plan = inputs.plan
    if plan is None or inputs.horizon_h <= 0:
        return
    money = plan.money
    gain = money.without_battery - money.cost
    if gain <= 0:
        return
    yearly = round(gain * UNITS * _YEAR_DAYS * 24 / inputs.horizon_h)
    rival = money.self_consumption - money.cost
    against = (
        f", {wording.number(rival, 2)} {inputs.currency} more than storing the surplus alone"
        if rival > 0
        else ""
    )
    yield Recommendation(
        f"Let the battery follow its plan: {wording.number(gain, 2)} {inputs.currency} less in "
        f"the next {inputs.horizon_h:.0f} h than without it{against}, wear and losses counted.",
        f"{_a_year(yearly, inputs.currency)} at this rate",
        "forecast",
        plan.battery_id,
        yearly,
    )


def _shed(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    shed = inputs.shed
    if shed is None or not shed.actions or shed.saving <= 0 or inputs.horizon_h <= 0:
        return
    best = max(shed.actions, key=lambda action: action.saving)
    began = from_ms(best.start_ms).astimezone(ZoneInfo(inputs.zone))
    ended = from_ms(best.end_ms).astimezone(ZoneInfo(inputs.zone))
    yearly = round(shed.saving * UNITS * _YEAR_DAYS * 24 / inputs.horizon_h)
    others = len(shed.actions) - 1
    more = f" and {wording.count(others, 'other switching', 'other switchings')}" if others else ""
    yield Recommendation(
        f"Switch {best.device_name} off from {began:%H:%M} to {ended:%H:%M} on "
        f"{wording.short_day(began.date())}: dear hours. With it{more}, "
        f"{wording.number(shed.saving, 2)} {inputs.currency} are saved in "
        f"{inputs.horizon_h:.0f} h.",
        f"{_a_year(yearly, inputs.currency)} at this rate",
        "forecast",
        best.device_id,
        yearly,
    )


def _after_hours(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    after = inputs.out_of_hours
    if after is None or after.days <= 0 or after.share_pct <= _USUAL_AFTER_HOURS_PCT:
        return
    above = 1.0 - _USUAL_AFTER_HOURS_PCT / after.share_pct
    yearly = round((after.cost_units or 0) * above * _YEAR_DAYS / after.days)
    worth = (
        f"{_a_year(yearly, after.currency)} above {_USUAL_AFTER_HOURS_PCT:.0f} %"
        if after.cost_units is not None
        else f"{wording.kwh(after.energy_wh)} kWh"
    )
    yield Recommendation(
        f"Look at what runs outside the contract hours: {wording.kwh(after.energy_wh)} kWh, "
        f"{wording.percent(after.share_pct, 0)} of all; 20 to 30 % is common.",
        worth,
        "billing",
        rank_units=yearly,
    )


def _base_load(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    use = inputs.use
    if use is None or use.days < 7 or use.base_w <= 0:
        return
    tenth = _energy_units(0.1 * use.base_w * 24 * _YEAR_DAYS, inputs)
    yield Recommendation(
        f"Find what never sleeps: {wording.kw(use.base_w)} kW run day and night, "
        f"{wording.percent(use.base_share_pct, 0)} of the mean. Each tenth of it less is worth "
        f"{_a_year(tenth, inputs.currency)}.",
        f"{wording.kw(use.base_w)} kW always on",
        "history",
        rank_units=tenth,
    )


def _facts(inputs: RecommendationInputs) -> Iterator[Recommendation]:
    """What can be said when nothing is wrong. Facts rank nowhere: they save nothing."""
    use = inputs.use
    if use is not None:
        yield Recommendation(
            f"Nights (22:00 to 06:00) take {wording.percent(use.night_share_pct, 0)} of the "
            f"energy; a third of the day is {wording.percent(100 / 3, 0)}.",
            f"{wording.kwh(use.night_wh)} kWh at night",
            "history",
        )
        yield Recommendation(
            f"The highest {use.step_min} min were {wording.kw(use.peak_w)} kW on "
            f"{_day(use.peak_at_ms, inputs)}; the mean is {wording.kw(use.mean_w)} kW.",
            f"{wording.kw(use.peak_w)} kW",
            "history",
        )
    watching = [w for w in inputs.watches if w.state is WatchState.WATCHING]
    if watching:
        steady = [w for w in watching if all(f.end_ms is not None for f in w.findings)]
        widest = max(w.detectable_pct_in_12_weeks for w in watching)
        yield Recommendation(
            f"{len(steady)} of {wording.count(len(watching), 'watched machine')} "
            f"{'is' if len(steady) == 1 else 'are'} steady; a creep of "
            f"{wording.percent(widest, 0)} within 12 weeks would be found on each.",
            f"{len(steady)} steady",
            "maintenance",
        )
    learning = [w for w in inputs.watches if w.state is WatchState.LEARNING]
    if learning:
        yield Recommendation(
            f"{wording.count(len(learning), 'machine is', 'machines are')} still being learnt: "
            f"{learning[0].meter_name} {learning[0].learned_days} of "
            f"{learning[0].needed_days} days.",
            f"{len(learning)} learning",
            "maintenance",
        )
    if use is not None:
        yield Recommendation(
            f"{wording.percent(use.measured_pct)} of the intervals of {use.days:.0f} days were "
            f"measured, so bills and baselines stand on readings.",
            f"{wording.percent(use.measured_pct)} measured",
            "history",
        )
        total = _energy_units(use.total_wh, inputs)
        yield Recommendation(
            f"{wording.kwh(use.total_wh)} kWh in {use.days:.0f} days cost {wording.money(total)} "
            f"{inputs.currency} at {wording.unit_price(inputs.price_per_kwh)} a kWh.",
            f"{wording.money(total)} {inputs.currency}",
            "history",
        )
    good = [s for s in inputs.statuses if s.state is LinkState.GOOD]
    if good:
        yield Recommendation(
            f"{len(good)} of {wording.count(len(inputs.statuses), 'meter')} answer.",
            f"{len(good)} answering",
            "meters",
        )
