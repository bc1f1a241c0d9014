"""The watch over one equipment: frozen baseline, CUSUM, dated findings, repair check.

Everything is recomputed from the days each time, so there is no state to go stale: the same days
and the same judgements give the same watch. A finding keeps its identity because its start is
estimated on the day of its alarm, from days that no longer change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.maintenance import cusum
from energy_desktop.analytics.maintenance.baseline import (
    LEARNING_DAYS,
    LEAST_DAYS,
    Baseline,
    Conditions,
    learn,
)
from energy_desktop.analytics.maintenance.features import weekday_of
from energy_desktop.domain import wording
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.finding import (
    EquipmentWatch,
    Finding,
    FindingKind,
    FindingState,
    RepairCheck,
    WatchState,
)
from energy_desktop.domain.money import price_energy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

WEEKS_PROMISED = 12
PROMISED_PCT = 12.0
"""A watch that cannot find +1 % a week within 12 weeks says so."""

_RECENT_DAYS = 14
_SHOWN_DAYS = 28  # over which a change is stated
_OFF_HOURS = 0.5  # a day with less running time is a day off: no verdict
_OFF_SHARE = 0.1  # nor has a day on which a tenth of the usual use was to be expected
_MOST_LEVERAGE = 1.0
_PAUSE_AFTER_DAYS = 3
_NAIVE_DAYS = 5  # of seven, for a weekly mean
_SAME_FINDING_MS = 21 * DAY_MS
_LEAST_AFTER_REPAIR = 7
_CLEAR_AFTER_REPAIR = 14

_CAUSES: Mapping[str, tuple[str, ...]] = {
    "compressor": (
        "leaking compressed air or a valve that no longer closes",
        "clogged intake filter or fouled cooler",
        "network pressure set higher than before",
    ),
    "chiller": ("fouled condenser", "low refrigerant: check approach temperature and sight glass"),
    "hvac": ("clogged filter or slipping belt", "fouled coil", "changed set point or schedule"),
    "heat_pump": ("fouled evaporator", "low refrigerant", "changed set point"),
    "pump": ("worn impeller or bearing", "throttled valve", "changed set point"),
    "fan": ("clogged filter", "worn bearing or slipping belt"),
    "refrigeration": ("iced evaporator or failed defrost", "worn door seal", "fouled condenser"),
    "lighting": ("lamps added or a time switch changed", "control gear failing"),
    "server_room": ("hardware added", "cooling works harder: check filters and set point"),
    "dishwasher": ("scale on the heater", "longer programme chosen"),
}
_BY_DUTY = frozenset(
    (
        *("compressor", "pump", "fan", "machine", "machines", "press", "mill", "conveyor"),
        *("crusher", "lift", "dishwasher", "ev_charger", "server_room"),
    )
)
"""What these draw hangs on how long they run, hardly on the season."""

_BY_WEATHER = frozenset(
    ("hvac", "heat_pump", "chiller", "heating", "cooling", "ventilation", "boiler")
)
_BY_DAYLIGHT = frozenset(("lighting", "common", "solar", "pv"))

_ANY_CAUSE = ("changed set point or duty", "wear or fouling")


@dataclass(slots=True)
class _Episode:
    """A change while the days are walked through; indices into the days."""

    start: int
    alarm: int
    end: int | None = None
    ended_by: str = ""
    peak: float = 0.0  # highest two-week mean of z


@dataclass(frozen=True, slots=True)
class _Judged:
    """Days held against a baseline; shapes (n,)."""

    expected: Floats
    excess: Floats  # relative; NaN: no verdict
    z: Floats


def watch(
    meter_id: str,
    meter_name: str,
    equipment: str,
    day_ms: Int64s,
    energy_wh: Floats,
    running_hours: Floats | None,
    temperature_c: Floats | None = None,
    *,
    now_ms: int,
    zone: str,
    usable: NDArray[np.bool_] | None = None,
    meter_class_pct: float = 1.0,
    price_per_kwh: Decimal = Decimal("0.25"),
    currency: str,
    judged: Iterable[Finding] = (),
    learning_days: int = LEARNING_DAYS,
    lost: bool = False,
) -> EquipmentWatch:
    """Holds the days of one equipment, shapes (n,), against the first good ones.

    The days are to begin where the equipment's record begins: the baseline is learnt on the first
    `learning_days` usable ones, so history cut at the front would move it.

    usable: False keeps a day out (gaps, estimates); None: every day with an energy counts.
    meter_class_pct: accuracy class; a smaller change is not claimed.
    equipment: what it feeds; says whether the season moves it (`season_bound`).
    judged: findings of this meter that a person has judged. Dismissed means "this is the new
    normal", so learning starts again on that day; repaired empties the CUSUM and starts the check.
    """
    days = len(day_ms)
    good = np.isfinite(energy_wh) if usable is None else usable & np.isfinite(energy_wh)
    measured = good.copy()
    if running_hours is not None:
        good &= np.isfinite(running_hours) & (running_hours >= _OFF_HOURS)
    if temperature_c is not None:
        good &= np.isfinite(temperature_c)
    conditions = Conditions(weekday_of(day_ms, zone), running_hours, temperature_c)
    decisions = [f for f in judged if f.meter_id == meter_id and f.kind is FindingKind.CREEP]

    expected = np.full(days, np.nan)
    excess = np.full(days, np.nan)
    season = ""
    path = np.zeros(days)
    episodes: list[_Episode] = []
    baseline: Baseline | None = None
    h = 0.0
    begins = [0, *_days_of(decisions, FindingState.DISMISSED, day_ms)]
    repairs = _days_of(decisions, FindingState.REPAIRED, day_ms)
    learnt = 0
    for begin, end in zip(begins, [*begins[1:], days], strict=True):
        mine = np.flatnonzero(good[begin:end])[:learning_days] + begin
        learnt, baseline = len(mine), None
        if learnt < LEAST_DAYS:
            continue
        baseline = learn(conditions.at(mine), energy_wh[mine])
        if baseline is None:
            continue
        h = cusum.threshold(baseline.learned_days, baseline.parameters)
        held = _hold(baseline, conditions, energy_wh, good, begin, end)
        expected[begin:end] = held.expected
        excess[begin:end] = held.excess
        first = int(mine[-1]) + 1
        season = season_bound(equipment, baseline.uses, temperature_c is not None)
        if season:
            continue
        segment, part = _walk(
            held.z[first - begin :],
            held.excess[first - begin :],
            h,
            meter_class_pct / 100.0,
            baseline.long_run,
            [r - first for r in repairs if first <= r < end],
        )
        path[first:end] = part
        for episode in segment:
            episode.start += first
            episode.alarm += first
            if episode.end is not None:
                episode.end += first
            elif end < days:
                episode.end, episode.ended_by = end, "dismissed"
        episodes.extend(segment)

    findings = tuple(
        _finding(
            episode, meter_id, meter_name, equipment, day_ms, energy_wh, expected, excess, zone,
            price_per_kwh, currency, meter_class_pct, running_hours, decisions,
        )
        for episode in episodes
    )  # fmt: skip
    detectable = float("nan") if baseline is None else _detectable_pct(baseline, meter_class_pct)
    state, sentence = _state(
        baseline, learnt, detectable, day_ms, now_ms, zone, findings, lost, energy_wh, season
    )
    return EquipmentWatch(
        meter_id=meter_id,
        meter_name=meter_name,
        equipment=equipment,
        state=state,
        state_sentence=sentence,
        learned_days=min(learnt, learning_days),
        needed_days=LEAST_DAYS,
        baseline_sentence=_baseline_sentence(baseline, temperature_c is not None),
        noise_pct=100.0 * baseline.noise if baseline is not None else float("nan"),
        detectable_pct_in_12_weeks=detectable,
        meter_class_pct=meter_class_pct,
        day_ms=tuple(int(d) for d in day_ms),
        actual_wh=tuple(energy_wh.tolist()),
        expected_wh=tuple(expected.tolist()),
        excess_pct=tuple((100.0 * excess).tolist()),
        cusum=tuple(path.tolist()),
        threshold=h,
        findings=findings,
        naive_alarms=naive_alarms(np.where(measured, energy_wh, np.nan)),
        repair=_repair(decisions, day_ms, excess, baseline),
    )


def _detectable_pct(baseline: Baseline, meter_class_pct: float) -> float:
    """What a creep has to grow to within 12 weeks to be found nine times in ten.

    The noise was itself learnt from few days, so its upper 90 % limit is taken for the promise.
    """
    degrees = max(baseline.learned_days - baseline.parameters, 3)
    noise_pct = 100.0 * baseline.long_run * (1.0 + 1.28 / math.sqrt(2.0 * degrees))
    slope = cusum.detectable_slope(baseline.learned_days, baseline.parameters)
    return max(7.0 * WEEKS_PROMISED * slope * float(noise_pct), meter_class_pct)


def season_bound(equipment: str, uses: tuple[str, ...], has_temperature: bool) -> str:
    """Why a change of this equipment cannot be told from the season; "" when it can.

    Weeks of learning know one season. Autumn alone moved a heat pump without temperature by 64 %,
    stair lights by 15 % and office lights by 5 %: such findings would be false, so none is made.
    """
    kind = equipment.lower()
    if kind in _BY_DUTY or has_temperature:
        return ""
    if kind in _BY_WEATHER:
        return (
            "It follows the weather, and no outdoor temperature is at hand: "
            "a change could not be told from the season."
        )
    if kind in _BY_DAYLIGHT:
        return "It follows the daylight: a change could not be told from the season."
    if "running hours" in uses:
        return ""
    return (
        "Neither running hours nor temperature explain it: "
        "a change could not be told from the season."
    )


def naive_alarms(energy_wh: Floats) -> int:
    """The rival: how often the mean of 7 days begins to stand > 10 % above the 7 before."""
    if len(energy_wh) < 14:
        return 0
    weeks = np.lib.stride_tricks.sliding_window_view(energy_wh, 7)
    known = np.isfinite(weeks)
    enough = known.sum(axis=1) >= _NAIVE_DAYS
    means = np.where(known, weeks, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    above = (means[7:] > 1.1 * means[:-7]) & enough[7:] & enough[:-7]
    return int(np.count_nonzero(above & ~np.concatenate(([False], above[:-1]))))


def _days_of(decisions: list[Finding], state: FindingState, day_ms: Int64s) -> list[int]:
    """Indices of the first days that begin after such a judgement."""
    moments = sorted(f.state_at_ms for f in decisions if f.state is state and f.state_at_ms)
    places = {int(np.searchsorted(day_ms, moment)) for moment in moments}
    return sorted(p for p in places if 0 < p < len(day_ms))


def _hold(
    baseline: Baseline,
    conditions: Conditions,
    energy_wh: Floats,
    good: NDArray[np.bool_],
    begin: int,
    end: int,
) -> _Judged:
    """Measured against expected, with a verdict only where one can be given."""
    part = slice(begin, end)
    index = np.arange(begin, end)
    known = np.ones(end - begin, bool)
    for values in (conditions.running_hours, conditions.temperature_c):
        if values is not None:
            known &= np.isfinite(values[part])
    expected = np.full(end - begin, np.nan)
    leverage = np.full(end - begin, np.inf)
    expected[known], leverage[known] = baseline.expected(conditions.at(index[known]))
    verdict = good[part] & (leverage <= _MOST_LEVERAGE)
    verdict &= expected > _OFF_SHARE * baseline.median_wh
    excess = np.full(end - begin, np.nan)
    excess[verdict] = energy_wh[part][verdict] / expected[verdict] - 1.0
    z = excess / (baseline.long_run * np.sqrt(1.0 + np.where(verdict, leverage, 0.0)))
    return _Judged(np.maximum(expected, 0.0), excess, z)


def _walk(
    z: Floats, excess: Floats, h: float, least_claim: float, noise: float, repairs: list[int]
) -> tuple[list[_Episode], Floats]:
    """Episodes of raised use, and the path of the CUSUM; indices from the first watched day.

    An episode is over when a CUSUM that was stopped at the threshold has come back to zero: a few
    quiet days do not hide a creep, and a burst that passed is closed within weeks.
    """
    path = np.zeros(len(z))
    episodes: list[_Episode] = []
    running: _Episode | None = None
    height, held, watched_from = 0.0, 0.0, 0
    fixed = set(repairs)
    for day, value in enumerate(z.tolist()):
        if day in fixed:
            if running is not None:
                running.end, running.ended_by = day, "repaired"
                running = None
            height, watched_from = 0.0, day
        if value == value:
            height = max(0.0, height + value - cusum.REFERENCE)
        path[day] = height
        if running is None:
            if height > h and _recent(excess, watched_from, day + 1) >= least_claim:
                start = watched_from + cusum.bend(excess[watched_from : day + 1], noise)
                running, held = _Episode(start, day), h
                episodes.append(running)
            continue
        if value == value:
            held = min(h, max(0.0, held + value - cusum.REFERENCE))
        latest = z[max(running.alarm + 1 - _RECENT_DAYS, day + 1 - _RECENT_DAYS, 0) : day + 1]
        latest = latest[np.isfinite(latest)]
        if len(latest):
            running.peak = max(running.peak, float(latest.mean()))
        if held == 0.0:
            raised = np.flatnonzero(z[running.alarm : day + 1] > 0.5 * running.peak)
            last = running.alarm + (int(raised[-1]) if len(raised) else 0)
            running.end, running.ended_by = last + 1, "itself"
            running, height, watched_from = None, 0.0, day + 1
    return episodes, path


def _recent(excess: Floats, begin: int, end: int, days: int = _RECENT_DAYS) -> float:
    """Mean excess of the last `days` of [begin, end); NaN without a verdict in them."""
    part = excess[max(begin, end - days) : end]
    part = part[np.isfinite(part)]
    return float(part.mean()) if len(part) else float("nan")


def _finding(
    episode: _Episode,
    meter_id: str,
    meter_name: str,
    equipment: str,
    day_ms: Int64s,
    energy_wh: Floats,
    expected: Floats,
    excess: Floats,
    zone: str,
    price_per_kwh: Decimal,
    currency: str,
    meter_class_pct: float,
    running_hours: Floats | None,
    decisions: list[Finding],
) -> Finding:
    end = len(day_ms) if episode.end is None else episode.end
    part = slice(episode.start, end)
    counted = np.isfinite(excess[part])
    excess_wh = round(float((energy_wh[part] - expected[part])[counted].sum()))
    if episode.ended_by == "itself":
        change_pct = 100.0 * float(np.nanmean(excess[part]))
    else:
        change_pct = 100.0 * _recent(excess, episode.start, end, _SHOWN_DAYS)
    cost = price_energy(excess_wh, price_per_kwh)
    start_ms = int(day_ms[episode.start])
    since = _day_text(start_ms, zone)
    # All days of the episode, those of rest too: a year has them as well.
    yearly_kwh = 0.365 * float(np.nanmean(expected[part])) * change_pct / 100.0
    verb = "uses" if episode.end is None else "used"
    sentence = (
        f"{meter_name} {verb} {wording.percent(change_pct)} more than its baseline, since {since}: "
        f"{wording.kwh(excess_wh)} kWh or {wording.money(cost)} {currency}"
    )
    if episode.end is None:
        sentence += f" so far, {wording.number(yearly_kwh, 0)} kWh in a year if it stays so"
    sentence += f". The meter's class is {meter_class_pct:g} %, the change is above it."
    if episode.ended_by == "itself":
        sentence += f" Back at its baseline since {_day_text(_end_ms(day_ms, end), zone)}."
    made = Finding(
        finding_id=f"{meter_id}:creep:{_local_date(start_ms, zone)}",
        meter_id=meter_id,
        meter_name=meter_name,
        kind=FindingKind.CREEP,
        start_ms=start_ms,
        end_ms=None if episode.end is None else _end_ms(day_ms, end),
        found_at_ms=_end_ms(day_ms, episode.alarm + 1),
        change_pct=change_pct,
        excess_wh=excess_wh,
        excess_cost_units=cost,
        sentence=sentence,
        causes=_causes(equipment, running_hours, episode.start, end),
    )
    return _with_judgement(made, decisions)


def _with_judgement(found: Finding, decisions: list[Finding]) -> Finding:
    """Late or edited days may move a start a little: a judgement stays with its finding."""
    near = [f for f in decisions if abs(f.start_ms - found.start_ms) <= _SAME_FINDING_MS]
    if not near:
        return found
    known = min(near, key=lambda f: abs(f.start_ms - found.start_ms))
    return replace(
        found,
        finding_id=known.finding_id,
        start_ms=known.start_ms,
        state=known.state,
        state_by=known.state_by,
        state_at_ms=known.state_at_ms,
        note=known.note,
    )


def _causes(equipment: str, running_hours: Floats | None, start: int, end: int) -> tuple[str, ...]:
    causes = _CAUSES.get(equipment.lower(), _ANY_CAUSE)
    if running_hours is not None and start > 0:
        before = float(np.nanmean(running_hours[:start]))
        now = float(np.nanmean(running_hours[start:end]))
        if before > 0.0 and now > 1.15 * before:
            causes = (f"it also runs {now - before:.1f} h a day longer than before", *causes)
    return causes


def _state(
    baseline: Baseline | None,
    learnt: int,
    detectable: float,
    day_ms: Int64s,
    now_ms: int,
    zone: str,
    findings: tuple[Finding, ...],
    lost: bool,
    energy_wh: Floats,
    season: str,
) -> tuple[WatchState, str]:
    if lost:
        return WatchState.PAUSED, "Paused: meter lost."
    if baseline is None:
        if learnt >= LEAST_DAYS:
            return WatchState.UNSUITABLE, "It used no energy while learning: nothing to compare."
        return WatchState.LEARNING, f"Learning, {learnt} of {LEAST_DAYS} days."
    last_known = np.flatnonzero(np.isfinite(energy_wh))
    last_ms = int(day_ms[last_known[-1]]) if len(last_known) else int(day_ms[0])
    if now_ms - last_ms > (_PAUSE_AFTER_DAYS + 1) * DAY_MS:
        return WatchState.PAUSED, f"Paused: no readings since {_day_text(last_ms, zone)}."
    if season:
        return WatchState.UNSUITABLE, season
    if detectable > PROMISED_PCT:
        return WatchState.UNSUITABLE, (
            f"Its days vary by {100 * baseline.noise:.0f} %, too much to promise a creep of 1 % a "
            f"week: what grows to {detectable:.0f} % within {WEEKS_PROMISED} weeks would be found."
        )
    open_now = [f for f in findings if f.end_ms is None]
    if open_now:
        latest = open_now[-1]
        return WatchState.WATCHING, (
            f"{_signed(latest.change_pct)} % since {_day_text(latest.start_ms, zone)}."
        )
    return WatchState.WATCHING, (
        f"Steady within its {100 * baseline.noise:.1f} % noise. A creep that reaches "
        f"{detectable:.1f} % within {WEEKS_PROMISED} weeks would be found."
    )


def _baseline_sentence(baseline: Baseline | None, has_temperature: bool) -> str:
    if baseline is None:
        return "No baseline yet."
    by = " and ".join(filter(None, (", ".join(baseline.uses[:-1]), *baseline.uses[-1:])))
    sentence = (
        f"Learnt on {baseline.learned_days} days and frozen: "
        f"{wording.kwh(baseline.median_wh)} kWh a day"
    )
    sentence += f", corrected for {by}" if by else ", the same every day"
    if not has_temperature:
        sentence += "; no outdoor temperature was at hand, so a season may look like a change"
    return sentence + "."


def _repair(
    decisions: list[Finding], day_ms: Int64s, excess: Floats, baseline: Baseline | None
) -> RepairCheck | None:
    """The days after the latest repair against the days of the finding before it."""
    repaired = [f for f in decisions if f.state is FindingState.REPAIRED and f.state_at_ms]
    if not repaired or baseline is None:
        return None
    latest = max(repaired, key=lambda f: f.state_at_ms or 0)
    at = latest.state_at_ms or 0
    # The day of the repair belongs to neither side.
    before = excess[(day_ms >= latest.start_ms) & (day_ms + DAY_MS <= at)][-2 * _RECENT_DAYS :]
    after = excess[day_ms >= at]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    before_pct = 100.0 * float(before.mean()) if len(before) else latest.change_pct
    if len(after) < _LEAST_AFTER_REPAIR:
        return RepairCheck(
            at, len(after), before_pct, 100.0 * float(after.mean()) if len(after) else None, None,
            f"Too early to say: {len(after)} of {_LEAST_AFTER_REPAIR} days since the repair.",
        )  # fmt: skip
    after_pct = 100.0 * float(after.mean())
    error_pct = 100.0 * baseline.long_run * float(np.sqrt(1 / max(len(before), 1) + 1 / len(after)))
    fell = before_pct - after_pct
    if fell > 2.0 * error_pct and after_pct < 0.5 * before_pct:
        helped: bool | None = True
        words = "The repair helped"
    elif fell > 2.0 * error_pct:
        helped, words = False, "The repair helped in part only"
    elif len(after) >= _CLEAR_AFTER_REPAIR:
        helped, words = False, "The repair did not help"
    else:
        helped, words = None, "Not clear yet whether the repair helped"
    return RepairCheck(
        at, len(after), before_pct, after_pct, helped,
        f"{words}: {_signed(before_pct)} % before, {_signed(after_pct)} % in the {len(after)} days "
        f"after (±{wording.number(2 * error_pct)}).",
    )  # fmt: skip


def _signed(value: float) -> str:
    return ("+" if round(value, 1) > 0 else "") + wording.number(value)


def _end_ms(day_ms: Int64s, index: int) -> int:
    """Where day `index` begins, also for the one after the last."""
    return int(day_ms[index]) if index < len(day_ms) else int(day_ms[-1]) + DAY_MS


def _local_date(moment_ms: int, zone: str) -> str:
    return from_ms(moment_ms).astimezone(ZoneInfo(zone)).date().isoformat()


def _day_text(moment_ms: int, zone: str) -> str:
    day = from_ms(moment_ms).astimezone(ZoneInfo(zone)).date()
    return f"{wording.short_day(day)} {day.year}"
