"""How the desk behaves, held against the usual targets: few alarms, few of them urgent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from energy_desktop.domain.alarm import (
    CHATTER_PER_MIN,
    FLOOD,
    STALE_MS,
    Alarm,
    AlarmStatistics,
    FrequentAlarm,
    Priority,
)

_TEN_MIN_MS = 600_000
_PERIODS = 144
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Activation:
    """A rule that went off. One alarm can have several until someone acknowledges it."""

    at_ms: int
    rule_id: str
    rule_name: str
    meter_id: str
    meter_name: str
    priority: Priority

    @classmethod
    def of(cls, alarm: Alarm, at_ms: int) -> Activation:
        rule = alarm.rule
        return cls(at_ms, rule.rule_id, rule.name, alarm.meter_id, alarm.meter_name, rule.priority)


def summarise(
    activations: Iterable[Activation], current: Iterable[Alarm], now_ms: int, days: int = 30
) -> AlarmStatistics:
    """Statistics of the last `days`; the rate per 10 min is of the last 24 h."""
    within = [a for a in activations if now_ms - days * _DAY_MS < a.at_ms <= now_ms]
    periods = [0] * _PERIODS
    for one in within:
        back = (now_ms - one.at_ms) // _TEN_MIN_MS
        if back < _PERIODS:
            periods[_PERIODS - 1 - back] += 1
    by_priority = Counter(one.priority for one in within)
    total = len(within)
    return AlarmStatistics(
        days=days,
        per_10_min=tuple(periods),
        mean_per_10_min=sum(periods) / _PERIODS,
        flood_periods=sum(n > FLOOD for n in periods),
        share_pct={p: 100.0 * by_priority[p] / total if total else 0.0 for p in Priority},
        frequent=_frequent(within),
        stale=tuple(a for a in current if a.is_active and now_ms - a.raised_at_ms > STALE_MS),
        activations=total,
    )


def _frequent(activations: list[Activation]) -> tuple[FrequentAlarm, ...]:
    times: dict[tuple[str, str], list[int]] = {}
    names: dict[tuple[str, str], Activation] = {}
    for one in activations:
        key = (one.rule_id, one.meter_id)
        times.setdefault(key, []).append(one.at_ms)
        names[key] = one
    return tuple(
        FrequentAlarm(
            names[key].rule_name, names[key].meter_name, len(times[key]), chatters(times[key])
        )
        for key in sorted(times, key=lambda key: (-len(times[key]), key))
    )


def chatters(at_ms: list[int]) -> bool:
    """Three activations or more within any minute."""
    ordered = sorted(at_ms)
    last = CHATTER_PER_MIN - 1
    return any(late - early < 60_000 for early, late in zip(ordered, ordered[last:], strict=False))
