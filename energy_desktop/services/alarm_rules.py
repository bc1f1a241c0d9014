"""Changes alarm rules in the running program: a limit that nags is mended where it is seen.

The rule is written through the configuration, and whoever polls follows at once: alarms that
stand keep their place and are judged by the new limit from the next reading on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from energy_desktop.domain.alarm import AlarmRule, Condition
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.ports import ConfigurationStore

LONGEST_DELAY_S = 86_400.0
_TIMED = (Condition.NO_DATA, Condition.FROZEN)


class AlarmRuleService:
    """Lists and changes rules. on_changed: who follows a changed configuration."""

    def __init__(
        self,
        store: ConfigurationStore,
        on_changed: Callable[[Configuration], None] | None = None,
    ) -> None:
        self._store = store
        self._on_changed = on_changed

    def rules(self) -> tuple[AlarmRule, ...]:
        return self._store.load().alarm_rules

    def meter_names(self) -> dict[str, str]:
        """Names by meter id, for showing what a rule watches."""
        return {m.meter_id: m.name for m in self._store.load().meters}

    def save(self, rule: AlarmRule) -> AlarmRule:
        """Replaces the rule of the same id. Raises NotFound, and WrongUse saying what is wrong.

        Name, response and consequence are stripped; nothing is stored when anything is wrong.
        """
        rule = replace(
            rule,
            name=rule.name.strip(),
            response=rule.response.strip(),
            consequence=rule.consequence.strip(),
        )
        current = self._store.load()
        if all(r.rule_id != rule.rule_id for r in current.alarm_rules):
            raise NotFound(
                where=f"Alarm rule {rule.rule_id}",
                what="The site has no such rule.",
                remedy="Read the list again: someone may have removed it.",
            )
        fault = fault_of(rule)
        if fault:
            raise WrongUse(
                where=rule.name or rule.rule_id,
                what=fault,
                remedy="Change the entry and save again; nothing was stored.",
            )
        changed = replace(
            current,
            alarm_rules=tuple(
                rule if r.rule_id == rule.rule_id else r for r in current.alarm_rules
            ),
        )
        self._store.replace(changed)
        if self._on_changed is not None:
            self._on_changed(self._store.load())
        return rule


def fault_of(rule: AlarmRule) -> str:
    """The first thing that is wrong with a rule, as a sentence; empty: nothing is."""
    if not rule.name:
        return "The rule has no name."
    if not rule.response:
        return "The rule has no response: what is one to do?"
    if not all(
        math.isfinite(v) for v in (rule.limit, rule.deadband, rule.on_delay_s, rule.off_delay_s)
    ):
        return "Limit, deadband and delays are numbers."
    if rule.deadband < 0:
        return "The deadband is below zero."
    if rule.condition in (Condition.HIGH, Condition.LOW) and rule.deadband > abs(rule.limit) > 0:
        return "The deadband is larger than the limit: the alarm would never return."
    if rule.condition in (*_TIMED, Condition.FLUCTUATING) and rule.limit <= 0:
        return "The limit has to be above zero."
    for name, delay in (("on", rule.on_delay_s), ("off", rule.off_delay_s)):
        if not 0 <= delay <= LONGEST_DELAY_S:
            return f"The {name} delay lies between 0 s and 24 h."
    return ""
