"""The rules that a site begins with, held against the five levels of the demo site's switch."""

import pytest

from energy_desktop.domain.alarm import Condition
from energy_desktop.domain.alarm_defaults import default_rules
from energy_desktop.domain.site import Role, Site

from .desks import Bench, a_meter

SITE = Site("Site", "UTC", contract_demand_w=100_000.0)


def a_bench() -> Bench:
    meters = (a_meter(role=Role.GRID),)
    return Bench(*default_rules(SITE, meters), meters=meters)


@pytest.mark.parametrize(
    ("volts", "expected"),
    [
        (230.0, set()),
        (248.0, {"voltage-high-warning"}),
        (258.0, {"voltage-high-warning", "voltage-high-critical"}),
        (212.0, {"voltage-low-warning"}),
        (201.0, {"voltage-low-warning", "voltage-low-critical"}),
    ],
)
def test_each_level_of_the_voltage_raises_its_alarms(volts, expected):
    bench = a_bench()
    for i in range(30):
        bench.read(voltage_l1_v=volts + 0.1 * (i % 2))

    assert {a.rule.rule_id for a in bench.desk.current()} == expected


def test_the_fluctuating_level_raises_its_own_alarm_alone():
    bench = a_bench()
    for i in range(40):
        bench.read(voltage_l1_v=230.0 * (1.03 if (i // 4) % 2 else 0.97))

    assert {a.rule.rule_id for a in bench.desk.current()} == {"voltage-fluctuating"}


def test_a_bad_power_factor_for_a_quarter_of_an_hour_is_an_alarm():
    bench = a_bench()
    for i in range(92):
        bench.read(10, power_factor=0.84, voltage_l1_v=230.0 + i % 2)

    assert [a.rule.name for a in bench.desk.current()] == ["Power factor low"]


def test_frequency_and_demand_have_limits():
    bench = a_bench()
    for i in range(20):
        bench.read(10, frequency_hz=50.6, power_w=97_000.0 + i)

    assert {a.rule.name for a in bench.desk.current()} == {
        "Frequency high",
        "Demand near the contract",
    }


def test_every_rule_says_what_to_do_and_has_its_own_id():
    rules = default_rules(SITE, (a_meter(role=Role.GRID),))

    assert all(rule.response for rule in rules)
    assert len({rule.rule_id for rule in rules}) == len(rules)
    assert {rule.condition for rule in rules} == set(Condition)


def test_meters_behind_voltage_transformers_are_left_out_of_low_voltage_limits():
    meters = (a_meter(vt_ratio=100.0),)
    bench = Bench(*default_rules(SITE, meters), meters=meters)
    for i in range(30):
        bench.read(voltage_l1_v=11_500.0 + i, voltage_l2_v=11_500.0, voltage_l3_v=11_500.0)

    assert bench.states == []
