"""Polls that leave out slow quantities neither restart, nor trip, nor blind an alarm."""

from energy_desktop.domain.alarm import AlarmState, Condition
from energy_desktop.domain.snapshot import Layout
from tests.unit.alarms.desks import LAYOUT, Bench, a_rule

FAST = Layout("three_phase/fast", LAYOUT.quantities[:-1], LAYOUT)  # without the counter


def test_a_meter_that_stands_still_is_frozen_though_its_counter_is_read_rarely():
    bench = Bench(a_rule(condition=Condition.FROZEN, quantity="*", limit=600.0))
    for i in range(70):
        bench.read(10, layout=FAST if i % 5 else LAYOUT)

    assert bench.states == [AlarmState.ACTIVE_UNACKNOWLEDGED]


def test_a_counter_that_is_read_rarely_and_moves_is_not_frozen():
    rule = a_rule(condition=Condition.FROZEN, quantity="energy_import_wh", limit=1800.0)
    bench = Bench(rule)
    for i in range(400):
        if i % 10:
            bench.read(30, layout=FAST, power_w=4_000.0)
        else:
            bench.read(30, power_w=4_000.0, energy_import_wh=1000.0 + i * 33)

    assert bench.states == []


def test_a_counter_that_is_read_rarely_and_stands_still_under_load_is_frozen():
    rule = a_rule(condition=Condition.FROZEN, quantity="energy_import_wh", limit=1800.0)
    bench = Bench(rule)
    for i in range(100):
        bench.read(30, layout=FAST if i % 10 else LAYOUT, power_w=4_000.0)

    assert bench.states == [AlarmState.ACTIVE_UNACKNOWLEDGED]


def test_an_alarm_holds_its_on_delay_over_partial_readings():
    bench = Bench(a_rule(on_delay_s=30.0))
    for i in range(40):
        bench.read(layout=FAST if i % 10 else LAYOUT, voltage_l1_v=260.0)

    assert bench.states == [AlarmState.ACTIVE_UNACKNOWLEDGED]


def test_a_meter_that_gives_partial_readings_is_not_without_data():
    bench = Bench(a_rule(condition=Condition.NO_DATA, quantity="", limit=10.0))
    bench.read()
    for _ in range(60):
        bench.read(1.0, layout=FAST)
        bench.wait(0)

    assert bench.states == []
