"""The alarm desk: rules in, states in the sense of ISA-18.2 out.

`check` is called for each snapshot on the intake thread and never waits for the disk: a change
goes into a queue, and the engine's own loop calls `tick` (time passing: lost meters, delays,
shelves that end) and `drain` (writes the queue, then tells the listeners). When the store fails,
what was not written stays queued.

An alarm is one row per rule and meter until someone has acknowledged it and the cause is gone; it
may go off again meanwhile, which undoes an acknowledgement. So an active alarm can never vanish
unseen, and a chattering sensor makes one row and a number, not a flood.

Everything but `drain` holds the lock for microseconds; `current` takes none.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from energy_desktop.domain.alarm import (
    Alarm,
    AlarmCount,
    AlarmRule,
    AlarmState,
    AlarmStatistics,
    Priority,
)
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.ports import AlarmStore
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import Quality, Snapshot
from energy_desktop.services.alarm_checks import Check, MeterChecks, applies
from energy_desktop.services.alarm_statistics import Activation, summarise

STATISTICS_DAYS = 30
LONGEST_SHELF_MS = 7 * 86_400_000
"""A shelf always ends; for longer than a week the rule is to be changed instead."""

_LOST_AFTER_POLLS = 3
_ACTIVATIONS_KEPT = 50_000
_DAY_MS = 86_400_000

Key = tuple[str, str]
"""Rule and meter."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    until_ms: int
    by: str
    reason: str


class AlarmDesk:
    """Watches all meters. Every method may be called from any thread.

    re_alarm_s: an acknowledged alarm that is still active after this time asks again.
    """

    def __init__(
        self,
        rules: Iterable[AlarmRule],
        meters: Iterable[Meter],
        store: AlarmStore,
        clock: Clock,
        *,
        re_alarm_s: float = 24 * 3600.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._re_alarm_ms = round(1000 * re_alarm_s)
        self._lock = threading.Lock()
        self._drain_lock = threading.Lock()
        self._listeners: list[Callable[[Alarm], None]] = []
        self._watched: dict[str, MeterChecks] = {}
        self._open: dict[Key, Alarm] = {}
        self._shelves: dict[Key, _Shelf] = {}
        self._asked_ms: dict[Key, int] = {}  # when an acknowledged alarm last asked for attention
        self._current: tuple[Alarm, ...] = ()
        self._shelved: tuple[Alarm, ...] = ()
        self._changes = 0
        self._dirty: dict[int, Alarm] = {}
        self._stored_as: dict[int, int] = {}
        self._next_temporary = -1
        self._activations: deque[Activation] = deque(maxlen=_ACTIVATIONS_KEPT)
        self._resume()
        self.configure(rules, meters)

    # What happens on the wire and on the clock

    def check(self, snapshot: Snapshot) -> None:
        """Judges one snapshot. Cheap, and never blocks on storage."""
        watched = self._watched.get(snapshot.meter_id)
        if watched is None:
            return
        now_ms, values = snapshot.read_at_ms, snapshot.values
        with self._lock:
            layout = snapshot.layout.whole or snapshot.layout
            if watched.compiled_for is not layout:
                watched.compile(layout)
            if snapshot.quality is not Quality.PARTIAL or any(v == v for v in values):
                watched.last_seen_ms = now_ms
                if watched.lost:
                    for check in watched.no_data:
                        self._settle(check, False, 0.0, now_ms)
                    watched.lost = any(not check.calm for check in watched.no_data)
            if layout is not snapshot.layout:
                # A partial poll: what it did not read is what it was, neither changed nor gone.
                watched.newest = snapshot.completed(watched.newest)
                values = watched.newest.values
            else:
                watched.newest = snapshot
            verdicts = watched.judge(values, now_ms)
            if not verdicts:
                return
            for check, over, value in verdicts:
                self._settle(check, over, value, now_ms)
            watched.settle()

    def tick(self, now_ms: int) -> None:
        """Lets time pass: meters that fell silent, off-delays, shelves that end, re-alarms."""
        with self._lock:
            for watched in self._watched.values():
                age_ms = now_ms - watched.last_seen_ms
                for check in watched.no_data:
                    polls_ms = 1000 * _LOST_AFTER_POLLS * watched.meter.poll_interval_s
                    if age_ms > max(1000 * check.rule.limit, polls_ms):
                        watched.lost = True
                        self._settle(check, True, age_ms / 1000, now_ms)
                for check in watched.checks:
                    since = check.clear_since_ms
                    if since is not None and now_ms - since >= 1000 * check.rule.off_delay_s:
                        self._return(check, now_ms)
                        watched.settle()
            self._end_shelves(now_ms)
            self._ask_again(now_ms)

    def configure(self, rules: Iterable[AlarmRule], meters: Iterable[Meter]) -> None:
        """Watches by these rules from now on. Alarms that stand are kept, with their timers.

        An alarm whose rule or meter is gone returns: nothing could ever end it otherwise.
        """
        rules = tuple(rules)
        now_ms = to_ms(self._clock())
        with self._lock:
            before = {check.key: check for w in self._watched.values() for check in w.checks}
            seen = {w.meter.meter_id: w.last_seen_ms for w in self._watched.values()}
            watched: dict[str, MeterChecks] = {}
            for meter in meters:
                checks = tuple(
                    self._carry(Check(rule, meter), before)
                    for rule in rules
                    if applies(rule, meter) and self._can_judge(rule, meter)
                )
                if checks:
                    last = seen.get(meter.meter_id, now_ms)
                    watched[meter.meter_id] = MeterChecks(meter, checks, last)
            self._watched = watched
            standing = {check.key for w in watched.values() for check in w.checks}
            for key, alarm in tuple(self._open.items()):
                if key not in standing and alarm.is_active:
                    self._close(key, alarm, now_ms)
            self._publish()

    # What a person does

    def acknowledge(
        self, alarm_id: int, who: str, note: str = "", at_ms: int | None = None
    ) -> Alarm:
        """Marks it as seen. Raises NotFound when it is not open (any more), WrongUse without who.

        Acknowledging what is acknowledged changes nothing.
        """
        if not who.strip():
            raise WrongUse(
                where="Alarm", what="an acknowledgement needs a name.", remedy="Say who you are."
            )
        moment = to_ms(self._clock()) if at_ms is None else at_ms
        with self._lock:
            key, alarm = self._find(alarm_id)
            if not alarm.needs_acknowledgement:
                return alarm
            state = AlarmState.ACTIVE_ACKNOWLEDGED if alarm.is_active else AlarmState.NORMAL
            changed = replace(
                alarm,
                state=state,
                acknowledged_at_ms=moment,
                acknowledged_by=who.strip(),
                acknowledge_note=note,
            )
            self._asked_ms[key] = moment
            self._put(key, changed)
            self._publish()
            return changed

    def shelve(self, alarm_id: int, until_ms: int, who: str, why: str) -> Alarm:
        """Sets it aside until a moment at most a week away; the rule goes on being judged.

        Raises NotFound, and WrongUse without a name, a reason or a sensible end.
        """
        now_ms = to_ms(self._clock())
        if not who.strip() or not why.strip():
            raise WrongUse(
                where="Alarm", what="a shelf needs a name and a reason.", remedy="Give both."
            )
        if not now_ms < until_ms <= now_ms + LONGEST_SHELF_MS:
            raise WrongUse(
                where="Alarm",
                what="a shelf ends in the future and within 7 days.",
                remedy="Choose an earlier end, or change the rule.",
            )
        with self._lock:
            key, alarm = self._find(alarm_id)
            shelf = _Shelf(until_ms, who.strip(), why.strip())
            self._shelves[key] = shelf
            changed = _on_shelf(alarm, shelf)
            self._put(key, changed)
            self._publish()
            return changed

    def unshelve(self, alarm_id: int, who: str) -> Alarm:
        """Takes it back before its time. Raises NotFound."""
        with self._lock:
            key, alarm = self._find(alarm_id)
            self._shelves.pop(key, None)
            changed = _off_shelf(alarm, f"taken back by {who.strip()}" if who.strip() else "")
            self._put(key, changed)
            self._publish()
            return changed

    # What others may see

    def current(self) -> tuple[Alarm, ...]:
        """Open alarms off the shelf: not acknowledged first, then priority, then the newest."""
        return self._current

    def shelved(self) -> tuple[Alarm, ...]:
        return self._shelved

    def counts(self) -> dict[Priority, AlarmCount]:
        current = self._current
        return {
            priority: AlarmCount(
                sum(a.rule.priority is priority for a in current),
                sum(a.rule.priority is priority and a.needs_acknowledgement for a in current),
            )
            for priority in Priority
        }

    def version(self) -> int:
        """Grows with every change, so that a timer redraws only when there was one."""
        return self._changes

    def statistics(self, now_ms: int | None = None) -> AlarmStatistics:
        with self._lock:
            activations = tuple(self._activations)
        moment = to_ms(self._clock()) if now_ms is None else now_ms
        return summarise(activations, self._current + self._shelved, moment, STATISTICS_DAYS)

    def on_change(self, callback: Callable[[Alarm], None]) -> None:
        """Calls back for every changed alarm, on the thread that drains."""
        self._listeners.append(callback)

    def drain(self) -> int:
        """Writes what changed and tells the listeners; returns how many. Raises what the store
        raises; then what was not written stays queued and the listeners were told all the same.
        """
        with self._drain_lock:
            with self._lock:
                batch = tuple(self._dirty.values())
                self._dirty.clear()
            written = 0
            told: list[Alarm] = []
            try:
                for alarm in batch:
                    known = self._stored_as.get(alarm.alarm_id, max(alarm.alarm_id, 0))
                    saved = self._store.save(replace(alarm, alarm_id=known))
                    written += 1
                    told.append(saved)
                    if alarm.alarm_id < 0:
                        self._take_id(alarm.alarm_id, saved)
            except BaseException:
                with self._lock:
                    for alarm in batch[written:]:
                        self._dirty.setdefault(alarm.alarm_id, alarm)
                told.extend(batch[written:])
                raise
            finally:
                for alarm in told:
                    for callback in self._listeners:
                        callback(alarm)
            return written

    # Inside, with the lock held

    def _resume(self) -> None:
        """Rule state survives a restart: open alarms, running shelves, the month's activations."""
        now_ms = to_ms(self._clock())
        for alarm in sorted(self._store.open_alarms(), key=lambda a: a.raised_at_ms):
            key = (alarm.rule.rule_id, alarm.meter_id)
            older = self._open.get(key)
            if older is not None:
                self._dirty[older.alarm_id] = replace(
                    older, state=AlarmState.NORMAL, returned_at_ms=alarm.raised_at_ms
                )
            self._open[key] = alarm
            if alarm.acknowledged_at_ms is not None:
                self._asked_ms[key] = alarm.acknowledged_at_ms
        recent = self._store.journal(now_ms - STATISTICS_DAYS * _DAY_MS, now_ms + 1)
        for alarm in sorted((*recent, *self._open.values()), key=lambda a: a.raised_at_ms):
            if alarm.shelved_until_ms is not None and alarm.shelved_until_ms > now_ms:
                self._shelves[alarm.rule.rule_id, alarm.meter_id] = _Shelf(
                    alarm.shelved_until_ms, alarm.shelved_by, alarm.shelve_reason
                )
        known = {alarm.alarm_id: alarm for alarm in (*recent, *self._open.values())}
        self._activations.extend(
            sorted(
                (Activation.of(alarm, alarm.raised_at_ms) for alarm in known.values()),
                key=lambda a: a.at_ms,
            )
        )

    def _carry(self, check: Check, before: dict[Key, Check]) -> Check:
        old = before.get(check.key)
        if old is not None:
            check.over_since_ms, check.clear_since_ms = old.over_since_ms, old.clear_since_ms
        alarm = self._open.get(check.key)
        check.raised = alarm is not None and alarm.is_active
        return check

    @staticmethod
    def _can_judge(rule: AlarmRule, meter: Meter) -> bool:
        """A meter that nothing polls cannot fall silent."""
        return rule.condition.value != "no_data" or bool(meter.driver_id)

    def _settle(self, check: Check, over: bool, value: float, now_ms: int) -> None:
        if over:
            check.clear_since_ms = None
            if check.raised:
                return
            if check.over_since_ms is None:
                check.over_since_ms = now_ms
            if now_ms - check.over_since_ms >= 1000 * check.rule.on_delay_s:
                self._raise(check, value, now_ms)
            return
        check.over_since_ms = None
        if not check.raised:
            return
        if check.clear_since_ms is None:
            check.clear_since_ms = now_ms
        if now_ms - check.clear_since_ms >= 1000 * check.rule.off_delay_s:
            self._return(check, now_ms)

    def _raise(self, check: Check, value: float, now_ms: int) -> None:
        check.raised = True
        check.over_since_ms = check.clear_since_ms = None
        key = check.key
        standing = self._open.get(key)
        if standing is None:
            alarm = Alarm(
                alarm_id=self._next_temporary,
                rule=check.rule,
                meter_id=check.meter.meter_id,
                meter_name=check.meter.name,
                state=AlarmState.ACTIVE_UNACKNOWLEDGED,
                raised_at_ms=now_ms,
                value=value,
            )
            self._next_temporary -= 1
            shelf = self._shelves.get(key)
            if shelf is not None and shelf.until_ms > now_ms:
                alarm = _on_shelf(alarm, shelf)
        else:
            alarm = replace(
                standing,
                rule=check.rule,
                meter_name=check.meter.name,
                state=AlarmState.ACTIVE_UNACKNOWLEDGED,
                value=value,
                returned_at_ms=None,
                acknowledged_at_ms=None,
                acknowledged_by="",
                acknowledge_note="",
            )
        self._activations.append(Activation.of(alarm, now_ms))
        self._put(key, alarm)
        self._publish()

    def _return(self, check: Check, now_ms: int) -> None:
        check.raised = False
        check.over_since_ms = check.clear_since_ms = None
        alarm = self._open.get(check.key)
        if alarm is not None and alarm.is_active:
            self._close(check.key, alarm, now_ms)
            self._publish()

    def _close(self, key: Key, alarm: Alarm, now_ms: int) -> None:
        acknowledged = alarm.state is AlarmState.ACTIVE_ACKNOWLEDGED
        state = AlarmState.NORMAL if acknowledged else AlarmState.RETURNED_UNACKNOWLEDGED
        self._put(key, replace(alarm, state=state, returned_at_ms=now_ms))

    def _put(self, key: Key, alarm: Alarm) -> None:
        if alarm.state is AlarmState.NORMAL:
            self._open.pop(key, None)
            self._asked_ms.pop(key, None)
        else:
            self._open[key] = alarm
        self._dirty[alarm.alarm_id] = alarm

    def _publish(self) -> None:
        """Replaces what `current` and `shelved` give: readers need no lock."""
        order = sorted(
            self._open.values(),
            key=lambda a: (not a.needs_acknowledgement, a.rule.priority, -a.raised_at_ms),
        )
        self._current = tuple(a for a in order if a.shelved_until_ms is None)
        self._shelved = tuple(a for a in order if a.shelved_until_ms is not None)
        self._changes += 1

    def _find(self, alarm_id: int) -> tuple[Key, Alarm]:
        wanted = self._stored_as.get(alarm_id, alarm_id)
        for key, alarm in self._open.items():
            if alarm.alarm_id in (wanted, alarm_id):
                return key, alarm
        raise NotFound(
            where="Alarm",
            what="it is not open any more.",
            remedy="Look for it in the journal.",
        )

    def _end_shelves(self, now_ms: int) -> None:
        ended = [key for key, shelf in self._shelves.items() if shelf.until_ms <= now_ms]
        for key in ended:
            del self._shelves[key]
            alarm = self._open.get(key)
            if alarm is not None:
                self._put(key, _off_shelf(alarm, ""))
        if ended:
            self._publish()

    def _ask_again(self, now_ms: int) -> None:
        again = [key for key, asked in self._asked_ms.items() if now_ms - asked > self._re_alarm_ms]
        for key in again:
            del self._asked_ms[key]
            alarm = self._open.get(key)
            if alarm is not None and alarm.state is AlarmState.ACTIVE_ACKNOWLEDGED:
                self._put(key, replace(alarm, state=AlarmState.ACTIVE_UNACKNOWLEDGED))
                self._publish()

    def _take_id(self, temporary: int, saved: Alarm) -> None:
        """The store has numbered an alarm: the desk goes on under that number."""
        with self._lock:
            self._stored_as[temporary] = saved.alarm_id
            while len(self._stored_as) > _ACTIVATIONS_KEPT:
                del self._stored_as[next(iter(self._stored_as))]
            key = (saved.rule.rule_id, saved.meter_id)
            alarm = self._open.get(key)
            if alarm is not None and alarm.alarm_id == temporary:
                self._open[key] = replace(alarm, alarm_id=saved.alarm_id)
                self._publish()


def _on_shelf(alarm: Alarm, shelf: _Shelf) -> Alarm:
    return replace(
        alarm,
        shelved_until_ms=shelf.until_ms,
        shelved_by=shelf.by,
        shelve_reason=shelf.reason,
    )


def _off_shelf(alarm: Alarm, how: str) -> Alarm:
    """Off the shelf; who had put it there, and why, stays written in the journal."""
    reason = f"{alarm.shelve_reason} ({how})" if how else alarm.shelve_reason
    return replace(alarm, shelved_until_ms=None, shelve_reason=reason)
