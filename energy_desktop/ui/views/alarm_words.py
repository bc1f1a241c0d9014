"""An alarm in words: its value against its limit, its state, its times. No widget in here."""

from __future__ import annotations

from fnmatch import fnmatchcase

from energy_desktop.domain.alarm import Alarm, AlarmRule, AlarmState, Condition
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.ui.formatting import UNKNOWN, Formats, Scale
from energy_desktop.ui.widgets.paint import Chip, Mark

CONDITIONS = {
    Condition.HIGH: "above",
    Condition.LOW: "below",
    Condition.NO_DATA: "no answer for",
    Condition.FROZEN: "no change for",
    Condition.FLUCTUATING: "swings within a minute of",
}
_TIMED = (Condition.NO_DATA, Condition.FROZEN)


def is_timed(rule: AlarmRule) -> bool:
    """Whether the limit is a time in seconds instead of a value of the quantity."""
    return rule.condition in _TIMED


def quantity_names(pattern: str) -> tuple[str, ...]:
    """Known quantities that a rule's pattern names; empty when it names all."""
    if pattern.strip() in ("*", ""):
        return ()
    parts = [part.strip() for part in pattern.split("|")]
    return tuple(n for n in QUANTITIES if any(fnmatchcase(n, p) for p in parts))


def quantity_label(pattern: str) -> str:
    """`Voltage L1`; of several the first; `any value` for all."""
    names = quantity_names(pattern)
    if not names:
        return "any value" if pattern.strip() in ("*", "") else pattern
    label = QUANTITIES[names[0]].label
    return label if len(names) == 1 else f"{label} and like it"


def scale_of(formats: Formats, rule: AlarmRule) -> Scale:
    """The scale for the rule's value and limit, fixed by the limit; seconds for timed rules."""
    if is_timed(rule):
        return Scale("s", 1.0, 0, formats.symbols)
    names = quantity_names(rule.quantity)
    unit = QUANTITIES[names[0]].unit if names else ""
    return formats.scale(unit, (rule.limit,))


def value_text(formats: Formats, rule: AlarmRule, value: float) -> str:
    if value != value:
        return UNKNOWN
    if is_timed(rule):
        return formats.exact_duration(value)
    return scale_of(formats, rule).with_unit(value)


def limit_text(formats: Formats, rule: AlarmRule) -> str:
    """`above 253.0 V`, `no answer for 30 s`."""
    return f"{CONDITIONS[rule.condition]} {value_text(formats, rule, rule.limit)}"


def deadband_text(formats: Formats, rule: AlarmRule) -> str:
    scale = scale_of(formats, rule)
    digits = scale.decimals + (1 if 0 < rule.deadband < 10 * scale.divisor else 0)
    return Scale(scale.unit, scale.divisor, digits, formats.symbols).with_unit(rule.deadband)


def delays_text(formats: Formats, rule: AlarmRule) -> str:
    """`on 3 s, off 10 s, deadband 1.15 V`."""
    parts = [f"on {formats.duration(rule.on_delay_s)}", f"off {formats.duration(rule.off_delay_s)}"]
    if not is_timed(rule) and rule.deadband:
        parts.append(f"deadband {deadband_text(formats, rule)}")
    return ", ".join(parts)


def against_limit(formats: Formats, alarm: Alarm) -> str:
    """`254.1 V, limit 253.0 V for 3 s`; for silence and stillness how long when it went off."""
    rule = alarm.rule
    value = value_text(formats, rule, alarm.value)
    limit = value_text(formats, rule, rule.limit)
    held = f" for {formats.duration(rule.on_delay_s)}" if rule.on_delay_s else ""
    if rule.condition is Condition.NO_DATA:
        return f"no answer for {value}, limit {limit}"
    if rule.condition is Condition.FROZEN:
        return f"no change for {value}, limit {limit}"
    if rule.condition is Condition.FLUCTUATING:
        return f"swings of {value}, limit {limit}"
    return f"{value}, limit {limit}{held}"


def mark_of(alarm: Alarm) -> Mark:
    """Hollow: it has returned to normal."""
    return Mark(int(alarm.rule.priority), hollow=not alarm.is_active)


def chip_of(alarm: Alarm) -> Chip:
    if alarm.state is AlarmState.ACTIVE_UNACKNOWLEDGED:
        return Chip("Active, not acknowledged", tone=int(alarm.rule.priority))
    if alarm.state is AlarmState.RETURNED_UNACKNOWLEDGED:
        return Chip("Returned, not ackn.", tone=3)
    if alarm.state is AlarmState.ACTIVE_ACKNOWLEDGED:
        return Chip("Active, acknowledged")
    return Chip("Normal", strong=False)


def lasted_s(alarm: Alarm, now_ms: int) -> float:
    until = now_ms if alarm.returned_at_ms is None else alarm.returned_at_ms
    return max(0, until - alarm.raised_at_ms) / 1000


def when_text(formats: Formats, alarm: Alarm) -> str:
    """`14:33:08`, and once it returned `12:46:10 to 12:52:01`."""
    start = formats.moment(alarm.raised_at_ms)
    if alarm.returned_at_ms is None:
        return start
    return f"{start} to {formats.moment(alarm.returned_at_ms)}"


def acknowledged_text(formats: Formats, alarm: Alarm) -> str:
    if alarm.acknowledged_at_ms is None:
        return ""
    return f"{alarm.acknowledged_by} {formats.moment(alarm.acknowledged_at_ms)}"


def situation(alarms: tuple[Alarm, ...]) -> str:
    """The page's answer: "6 active, 1 returned, of these 3 not acknowledged."."""
    active = sum(a.is_active for a in alarms)
    returned = len(alarms) - active
    waiting = sum(a.needs_acknowledgement for a in alarms)
    parts = [f"{active} active"] if active else []
    if returned:
        parts.append(f"{returned} returned")
    last = f"of these {waiting} not acknowledged" if waiting else "all acknowledged"
    return f"{', '.join(parts)}, {last}."
