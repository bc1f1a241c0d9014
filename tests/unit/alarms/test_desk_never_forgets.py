"""The state machine under any order of readings, silence, people, restarts and a failing disk."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from energy_desktop.domain.alarm import AlarmState, Condition
from energy_desktop.domain.errors import StoreError

from .desks import NAN, Bench, a_rule

RULES = (
    a_rule(),
    a_rule(rule_id="slow", limit=245.0, on_delay_s=4.0, off_delay_s=6.0),
    a_rule(rule_id="low", condition=Condition.LOW, limit=207.0),
    a_rule(rule_id="lost", condition=Condition.NO_DATA, limit=30.0),
)


class Desk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(*RULES)
        self.unseen: set[str] = set()  # rules that went off and that nobody has acknowledged since

    def _open(self):
        return (*self.bench.desk.current(), *self.bench.desk.shelved())

    def _note(self) -> None:
        self.unseen |= {a.rule.rule_id for a in self._open() if a.needs_acknowledgement}

    @rule(volts=st.sampled_from([230.0, 246.0, 252.0, 260.0, 200.0, NAN]), after=st.integers(1, 8))
    def read(self, volts: float, after: int) -> None:
        self.bench.read(after, voltage_l1_v=volts)
        self._note()

    @rule(seconds=st.sampled_from([1, 10, 40]))
    def wait(self, seconds: int) -> None:
        self.bench.wait(seconds)
        self._note()

    @precondition(lambda self: self._open())
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        alarm = data.draw(st.sampled_from(self._open()))
        changed = self.bench.desk.acknowledge(alarm.alarm_id, "P. Brandt")
        assert not changed.needs_acknowledgement
        self.unseen.discard(alarm.rule.rule_id)

    @precondition(lambda self: self._open())
    @rule(data=st.data(), minutes=st.integers(1, 3))
    def shelve(self, data: st.DataObject, minutes: int) -> None:
        alarm = data.draw(st.sampled_from(self._open()))
        until = self.bench.now_ms + minutes * 60_000
        self.bench.desk.shelve(alarm.alarm_id, until, "P. Brandt", "work")

    @rule()
    def restart(self) -> None:
        before = {(a.rule.rule_id, a.state, a.shelved_until_ms) for a in self._open()}
        self.bench = self.bench.restart()
        assert {(a.rule.rule_id, a.state, a.shelved_until_ms) for a in self._open()} == before

    @rule(broken=st.booleans())
    def drain(self, broken: bool) -> None:
        self.bench.store.broken = broken
        try:
            self.bench.desk.drain()
        except StoreError:
            assert broken
        self.bench.store.broken = False

    @invariant()
    def an_alarm_never_disappears_unacknowledged(self) -> None:
        waiting = {a.rule.rule_id for a in self._open() if a.needs_acknowledgement}
        assert self.unseen <= waiting

    @invariant()
    def there_is_at_most_one_row_open_per_rule_and_meter(self) -> None:
        keys = [(a.rule.rule_id, a.meter_id) for a in self._open()]
        assert len(keys) == len(set(keys))

    @invariant()
    def nothing_open_is_normal_and_times_are_in_order(self) -> None:
        for alarm in self._open():
            assert alarm.state is not AlarmState.NORMAL
            assert (alarm.returned_at_ms is None) == alarm.is_active
            if alarm.returned_at_ms is not None:
                assert alarm.returned_at_ms >= alarm.raised_at_ms

    @invariant()
    def a_shelf_always_ends(self) -> None:
        self.bench.desk.tick(self.bench.now_ms)
        for alarm in self.bench.desk.shelved():
            assert alarm.shelved_until_ms is not None
            assert alarm.shelved_until_ms > self.bench.now_ms

    def teardown(self) -> None:
        self.bench.desk.drain()
        stored = {a.alarm_id: a for a in self.bench.store.open_alarms()}
        assert stored == {a.alarm_id: a for a in self._open()}


Desk.TestCase.settings = settings(max_examples=120, stateful_step_count=30)
TestDesk = Desk.TestCase
