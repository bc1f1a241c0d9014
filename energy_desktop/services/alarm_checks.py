"""Alarm rules made ready for one meter and one layout.

The desk is called for each snapshot on the intake thread, so everything that can be decided once
is decided when the layout is first seen: which positions a rule looks at, which limit is the
nearest. A calm meter then costs a few comparisons. Rules on the same quantities form one group,
which reads its values once and is passed over while the extremes stay inside every limit.

NaN is "not available": it never raises an alarm and never lets one return.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from energy_desktop.domain.alarm import AlarmRule, Condition
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import Layout, Snapshot

Verdict = tuple["Check", bool, float]
"""A check, whether its condition holds, and the value that says so."""

FLUCTUATION_WINDOW_MS = 60_000
SWINGS = 3
"""Swings of the limit's size within the window that make a fluctuation: one or two are a step."""

POWER_FACTOR_FROM_W = 500.0
"""Below this load a power factor says nothing: electronics at standby show 0.3."""

FROZEN_COUNTER_LEAST_WH = 300.0
"""What must have flowed before a still counter is frozen: three steps of a 0.1 kWh register."""

_LONGEST_STEP_MS = 60_000  # power is not carried over longer holes


@dataclass(slots=True, eq=False)
class Check:
    """One rule on one meter: its timers. `raised`: the desk has an active alarm for it."""

    rule: AlarmRule
    meter: Meter
    raised: bool = False
    over_since_ms: int | None = None
    clear_since_ms: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.rule.rule_id, self.meter.meter_id

    @property
    def calm(self) -> bool:
        return not self.raised and self.over_since_ms is None


def positions(pattern: str, layout: Layout) -> tuple[int, ...]:
    """Where in the layout the quantities stand that the pattern names.

    A pattern is a shell pattern (`voltage_l?_v`), or several parted by `|`.
    """
    parts = pattern.split("|")
    return tuple(
        at
        for name, at in layout.index.items()
        if any(fnmatchcase(name, part.strip()) for part in parts)
    )


def applies(rule: AlarmRule, meter: Meter) -> bool:
    """Whether the rule is for this meter.

    A rule for every meter leaves out the voltages of meters behind voltage transformers: its
    limits are those of low voltage.
    """
    if not rule.enabled or not meter.enabled:
        return False
    if rule.meter_id != "*":
        return rule.meter_id == meter.meter_id
    return not (meter.vt_ratio != 1.0 and rule.quantity.startswith("voltage"))


@dataclass(slots=True, eq=False)
class LimitGroup:
    """HIGH and LOW limits on the same positions. Any phase counts: the extreme is compared."""

    at: tuple[int, ...]
    highs: tuple[Check, ...]
    lows: tuple[Check, ...]
    absolute: bool = False  # power factors: the sign tells the direction, not the quality
    gate_at: int | None = None
    nearest_high: float = float("inf")
    nearest_low: float = float("-inf")
    busy: bool = False

    def __post_init__(self) -> None:
        self.nearest_high = min((c.rule.limit for c in self.highs), default=float("inf"))
        self.nearest_low = max((c.rule.limit for c in self.lows), default=float("-inf"))
        self.settle()

    def settle(self) -> None:
        self.busy = not all(check.calm for check in (*self.highs, *self.lows))

    def judge(self, values: tuple[float, ...], out: list[Verdict]) -> None:
        """Appends verdicts; none while everything is calm and inside the limits."""
        lowest, highest = float("inf"), float("-inf")
        for at in self.at:
            value = values[at]
            if value < lowest:  # NaN compares False both times
                lowest = value
            if value > highest:
                highest = value
        if self.absolute and highest >= lowest:
            magnitudes = [abs(values[at]) for at in self.at if values[at] == values[at]]
            lowest, highest = min(magnitudes), max(magnitudes)
        if not self.busy and highest <= self.nearest_high and lowest >= self.nearest_low:
            return
        if highest < lowest:
            return  # nothing available
        if self.gate_at is not None and not abs(values[self.gate_at]) >= POWER_FACTOR_FROM_W:
            # Too little load to judge by: neither raised nor held.
            out.extend((check, False, lowest) for check in (*self.highs, *self.lows))
            return
        for check in self.highs:
            edge = check.rule.limit - (check.rule.deadband if check.raised else 0.0)
            out.append((check, highest > edge, highest))
        for check in self.lows:
            edge = check.rule.limit + (check.rule.deadband if check.raised else 0.0)
            out.append((check, lowest < edge, lowest))


@dataclass(slots=True, eq=False)
class _Swing:
    """Turning points of one series, with the limit as hysteresis."""

    low: float = float("nan")
    high: float = float("nan")
    rising: bool | None = None
    times_ms: deque[int] = field(default_factory=deque)
    largest: float = 0.0

    def add(self, value: float, limit: float, now_ms: int) -> None:
        if self.low != self.low:
            self.low = self.high = value
            return
        if value > self.high:
            self.high = value
        if value < self.low:
            self.low = value
        if self.rising is not True and value - self.low >= limit:
            self._turn(True, value - self.low, now_ms)
            self.high = value
        elif self.rising is not False and self.high - value >= limit:
            self._turn(False, self.high - value, now_ms)
            self.low = value
        # Behind the running extreme the other one follows, or an old one would count for ever.
        if self.rising is True:
            self.low = min(value, self.high)
        elif self.rising is False:
            self.high = max(value, self.low)

    def _turn(self, rising: bool, size: float, now_ms: int) -> None:
        self.rising = rising
        self.largest = size
        self.times_ms.append(now_ms)


@dataclass(slots=True, eq=False)
class FluctuationCheck:
    """At least three swings of the limit's size within a minute, on any of the positions."""

    check: Check
    at: tuple[int, ...]
    swings: tuple[_Swing, ...] = ()

    def __post_init__(self) -> None:
        self.swings = tuple(_Swing() for _ in self.at)

    def judge(self, values: tuple[float, ...], now_ms: int, out: list[Verdict]) -> None:
        limit = self.check.rule.limit
        worst: _Swing | None = None
        for at, swing in zip(self.at, self.swings, strict=True):
            value = values[at]
            if value != value:
                continue
            low, high = swing.low, swing.high
            # Inside the extremes and no swing possible: nothing to note.
            if not (high - low < limit and low <= value <= high) or swing.rising is not None:
                swing.add(value, limit, now_ms)
            times = swing.times_ms
            while times and times[0] <= now_ms - FLUCTUATION_WINDOW_MS:
                times.popleft()
            if len(times) >= SWINGS and (worst is None or swing.largest > worst.largest):
                worst = swing
        if worst is not None:
            out.append((self.check, True, worst.largest))
        elif not self.check.calm:
            out.append((self.check, False, 0.0))


@dataclass(slots=True, eq=False)
class FrozenCheck:
    """Values that stay the same for the limit (s): all of a meter, or those that the rule names.

    At least one gauge among them must differ from zero and one: what is off is not frozen.
    """

    check: Check
    at: tuple[int, ...]
    gauges: tuple[int, ...]
    last: tuple[float, ...] = ()
    since_ms: int = 0

    def judge(self, values: tuple[float, ...], now_ms: int, out: list[Verdict]) -> None:
        if self._changed(values):
            self.last, self.since_ms = values, now_ms
            if not self.check.calm:
                out.append((self.check, False, 0.0))
            return
        still_s = (now_ms - self.since_ms) / 1000
        if still_s < self.check.rule.limit:
            return
        if any(values[at] not in (0.0, 1.0) and values[at] == values[at] for at in self.gauges):
            out.append((self.check, True, still_s))

    def _changed(self, values: tuple[float, ...]) -> bool:
        last = self.last
        if not last:
            return True
        for at in self.at:
            old, new = last[at], values[at]
            if old != new and (old == old or new == new):
                return True
        return False


@dataclass(slots=True, eq=False)
class CounterCheck:
    """A counter that stands still (s) though power flows in its direction."""

    check: Check
    counter_at: int
    power_at: int
    sign: int  # +1 import, -1 export, 0 both
    last: float = float("nan")
    since_ms: int = 0
    seen_ms: int = 0
    flowed_wh: float = 0.0

    def judge(self, values: tuple[float, ...], now_ms: int, out: list[Verdict]) -> None:
        counter, power_w = values[self.counter_at], values[self.power_at]
        step_ms = now_ms - self.seen_ms
        self.seen_ms = now_ms
        if counter != counter:
            return
        if counter != self.last:
            self.last, self.since_ms, self.flowed_wh = counter, now_ms, 0.0
            if not self.check.calm:
                out.append((self.check, False, 0.0))
            return
        if power_w == power_w and 0 < step_ms <= _LONGEST_STEP_MS:
            directed_w = abs(power_w) if self.sign == 0 else max(self.sign * power_w, 0.0)
            self.flowed_wh += directed_w * step_ms / 3_600_000
        still_s = (now_ms - self.since_ms) / 1000
        if still_s >= self.check.rule.limit and self.flowed_wh >= FROZEN_COUNTER_LEAST_WH:
            out.append((self.check, True, still_s))


@dataclass(slots=True, eq=False)
class MeterChecks:
    """All rules of one meter; `compiled_for` is the layout that the positions belong to.

    newest: the last reading in that layout, which the partial readings after it complete.
    """

    meter: Meter
    checks: tuple[Check, ...]
    last_seen_ms: int
    compiled_for: Layout | None = None
    groups: tuple[LimitGroup, ...] = ()
    others: tuple[FluctuationCheck | FrozenCheck | CounterCheck, ...] = ()
    no_data: tuple[Check, ...] = ()
    lost: bool = False
    newest: Snapshot | None = None

    def __post_init__(self) -> None:
        self.no_data = tuple(c for c in self.checks if c.rule.condition is Condition.NO_DATA)
        self.lost = any(not c.calm for c in self.no_data)

    def compile(self, layout: Layout) -> None:
        by_place: dict[tuple[int, ...], list[Check]] = {}
        others: list[FluctuationCheck | FrozenCheck | CounterCheck] = []
        for check in self.checks:
            rule = check.rule
            if rule.condition in (Condition.HIGH, Condition.LOW):
                if at := positions(rule.quantity, layout):
                    by_place.setdefault(at, []).append(check)
            elif rule.condition is Condition.FLUCTUATING:
                if at := positions(rule.quantity, layout):
                    others.append(FluctuationCheck(check, at))
            elif rule.condition is Condition.FROZEN:
                others.extend(_frozen(check, layout))
        self.groups = tuple(_group(at, members, layout) for at, members in by_place.items())
        self.others = tuple(others)
        self.compiled_for = layout

    def judge(self, values: tuple[float, ...], now_ms: int) -> list[Verdict]:
        out: list[Verdict] = []
        for group in self.groups:
            group.judge(values, out)
        for other in self.others:
            other.judge(values, now_ms, out)
        return out

    def settle(self) -> None:
        """After verdicts were acted on: which groups may be passed over again."""
        for group in self.groups:
            group.settle()


def _group(at: tuple[int, ...], members: Iterable[Check], layout: Layout) -> LimitGroup:
    members = tuple(members)
    is_factor = all(layout.quantities[i].startswith("power_factor") for i in at)
    return LimitGroup(
        at=at,
        highs=tuple(c for c in members if c.rule.condition is Condition.HIGH),
        lows=tuple(c for c in members if c.rule.condition is Condition.LOW),
        absolute=is_factor,
        gate_at=layout.index.get("power_w") if is_factor else None,
    )


def _frozen(check: Check, layout: Layout) -> Iterable[FrozenCheck | CounterCheck]:
    """A counter is frozen when power flows past it; gauges when they do not move at all."""
    at = positions(check.rule.quantity or "*", layout)
    gauges = tuple(i for i in at if not _is_counter(layout.quantities[i]))
    if gauges:
        yield FrozenCheck(check, at, gauges)
        return
    power_at = layout.index.get("power_w")
    if len(at) == 1 and power_at is not None:
        name = layout.quantities[at[0]]
        sign = 1 if "import" in name else -1 if "export" in name else 0
        yield CounterCheck(check, at[0], power_at, sign)


def _is_counter(name: str) -> bool:
    return name in QUANTITIES and QUANTITIES[name].is_counter
