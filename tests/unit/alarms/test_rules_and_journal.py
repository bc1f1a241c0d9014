"""Rules that are changed in the window, and what the journal tells of an alarm."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from energy_desktop.domain.alarm import Alarm, AlarmState, Condition
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import DAY_MS, Buckets
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.services.alarm_rules import AlarmRuleService, fault_of
from energy_desktop.services.alarms import AlarmService, csv_text, watched

from .desks import MemoryStore, a_rule

NOW = datetime(2026, 10, 14, 12, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)


class MemoryConfiguration:
    def __init__(self, *rules):
        self.configuration = Configuration(alarm_rules=rules)
        self.writes = 0

    def load(self):
        return self.configuration

    def replace(self, configuration):
        self.configuration = configuration
        self.writes += 1


class NoHistory:
    """History with the given quantities; `asked` keeps the periods."""

    def __init__(self, *names):
        self.names = names
        self.asked = []

    def quantities(self, _):
        return self.names

    def overview(self, meter_id, name, start_ms, end_ms, _):
        self.asked.append((name, start_ms, end_ms))
        times = np.array([start_ms], dtype=np.int64)
        value = np.array([230.0])
        return Buckets(meter_id, name, times, times + 1000, np.array([1]), *([value] * 5))


def an_alarm(**changes):
    alarm = Alarm(
        alarm_id=1,
        rule=a_rule(),
        meter_id="grid",
        meter_name="Grid",
        state=AlarmState.NORMAL,
        raised_at_ms=NOW_MS - 3_600_000,
        value=254.0,
        returned_at_ms=NOW_MS - 3_000_000,
    )
    return replace(alarm, **changes)


def a_service(*alarms, history=None):
    store = MemoryStore()
    store.rows = {a.alarm_id: a for a in alarms}
    return AlarmService(store, history or NoHistory("voltage_l1_v"), lambda: NOW)


def test_a_changed_limit_is_stored_and_followed_at_once():
    store = MemoryConfiguration(a_rule(), a_rule(rule_id="other"))
    followed = []

    AlarmRuleService(store, followed.append).save(a_rule(limit=250.0))

    assert [r.limit for r in store.configuration.alarm_rules] == [250.0, 253.0]
    assert followed == [store.configuration]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"response": "  "}, "response"),
        ({"name": ""}, "name"),
        ({"limit": float("nan")}, "numbers"),
        ({"deadband": -0.1}, "below zero"),
        ({"deadband": 254.0}, "never return"),
        ({"on_delay_s": -1.0}, "on delay"),
        ({"off_delay_s": 90_000.0}, "off delay"),
        ({"condition": Condition.NO_DATA, "limit": 0.0}, "above zero"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_and_nothing_is_stored(changes, word):
    store = MemoryConfiguration(a_rule())
    followed = []

    with pytest.raises(WrongUse, match=word):
        AlarmRuleService(store, followed.append).save(a_rule(**changes))

    assert (store.writes, followed) == (0, [])


def test_a_rule_that_is_gone_is_not_made_anew():
    with pytest.raises(NotFound):
        AlarmRuleService(MemoryConfiguration()).save(a_rule())


def test_a_limit_of_zero_or_below_is_a_limit():
    assert fault_of(a_rule(condition=Condition.LOW, limit=0.0)) == ""
    assert fault_of(a_rule(condition=Condition.LOW, limit=-5_000.0, deadband=100.0)) == ""


def test_the_journal_is_newest_first_and_ends_after_its_days():
    old = an_alarm(alarm_id=1, raised_at_ms=NOW_MS - 31 * DAY_MS)
    early = an_alarm(alarm_id=2, raised_at_ms=NOW_MS - 2 * DAY_MS)
    late = an_alarm(alarm_id=3, raised_at_ms=NOW_MS - 1000)

    assert [a.alarm_id for a in a_service(old, early, late).journal()] == [3, 2]


def test_quiet_since_is_when_the_last_one_returned():
    assert a_service().quiet_since_ms() is None
    assert a_service(an_alarm()).quiet_since_ms() == NOW_MS - 3_000_000


def test_the_past_counts_the_same_rule_on_the_same_meter_only():
    before = an_alarm(alarm_id=2, raised_at_ms=NOW_MS - DAY_MS)
    elsewhere = an_alarm(alarm_id=3, meter_id="pv", raised_at_ms=NOW_MS - DAY_MS + 5)
    other = an_alarm(alarm_id=4, rule=a_rule(rule_id="low"), raised_at_ms=NOW_MS - DAY_MS + 6)
    alarm = an_alarm()

    past = a_service(before, elsewhere, other, alarm).past(alarm)

    assert (past.earlier, past.last_before_ms) == (1, NOW_MS - DAY_MS)


def test_the_curve_shows_the_moment_with_what_led_to_it():
    history = NoHistory("voltage_l1_v", "power_w", "voltage_l2_v")
    alarm = an_alarm()

    past = a_service(alarm, history=history).past(alarm)

    assert [c.quantity for c in past.curves] == ["voltage_l1_v", "voltage_l2_v"]
    assert past.start_ms < alarm.raised_at_ms < alarm.returned_at_ms < past.end_ms <= NOW_MS


def test_an_alarm_of_this_second_has_a_period_to_draw():
    alarm = an_alarm(raised_at_ms=NOW_MS, returned_at_ms=None)

    past = a_service(alarm).past(alarm)

    assert past.end_ms > past.start_ms


def test_a_rule_for_anything_draws_the_power():
    assert watched("*", ("frequency_hz", "power_w")) == ("power_w",)
    assert watched("*", ("frequency_hz",)) == ()


def test_the_export_cannot_run_a_formula_and_unknown_is_empty():
    text = csv_text([an_alarm(meter_name="=cmd()", value=float("nan"), returned_at_ms=None)])

    (row,) = csv.DictReader(io.StringIO(text))
    assert row["meter_name"] == "'=cmd()"
    assert (row["value"], row["returned_utc"]) == ("", "")
    assert row["raised_utc"] == "2026-10-14T11:00:00Z"


def test_the_export_holds_what_stands_beside_the_journal(tmp_path):
    standing = an_alarm(
        alarm_id=9,
        raised_at_ms=NOW_MS - 40 * DAY_MS,
        state=AlarmState.ACTIVE_UNACKNOWLEDGED,
        returned_at_ms=None,
    )

    path = a_service(an_alarm(), standing).export_csv(tmp_path / "alarms.csv")

    with path.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 2
