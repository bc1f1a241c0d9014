import time
from dataclasses import replace

import pytest

from energy_desktop.domain.alarm import AlarmState, Condition, Priority
from energy_desktop.domain.errors import NotFound, StoreError, WrongUse
from energy_desktop.domain.snapshot import Layout

from .desks import LAYOUT, NAN, Bench, a_meter, a_rule

ACTIVE = AlarmState.ACTIVE_UNACKNOWLEDGED
ACKNOWLEDGED = AlarmState.ACTIVE_ACKNOWLEDGED
RETURNED = AlarmState.RETURNED_UNACKNOWLEDGED
HOUR_MS = 3_600_000


def test_an_alarm_goes_through_its_states():
    bench = Bench(a_rule())
    bench.read(voltage_l2_v=255.0)
    assert bench.states == [ACTIVE]
    assert bench.only.value == 255.0
    assert bench.only.raised_at_ms == bench.now_ms

    bench.desk.acknowledge(bench.only.alarm_id, "P. Brandt", "seen")
    assert bench.states == [ACKNOWLEDGED]
    assert bench.only.acknowledged_by == "P. Brandt"

    bench.read()
    assert bench.states == []
    bench.desk.drain()
    (row,) = bench.store.rows.values()
    assert row.state is AlarmState.NORMAL
    assert row.returned_at_ms == bench.now_ms
    assert row.acknowledge_note == "seen"


def test_an_alarm_that_returns_unseen_waits_to_be_acknowledged():
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=260.0)
    bench.read()

    assert bench.states == [RETURNED]
    bench.desk.acknowledge(bench.only.alarm_id, "P. Brandt")
    assert bench.states == []


def test_the_next_activation_undoes_an_acknowledgement():
    bench = Bench(a_rule(off_delay_s=5.0))
    bench.read(voltage_l1_v=260.0)
    first = bench.only.alarm_id
    bench.read()
    bench.wait(6)
    assert bench.states == [RETURNED]

    bench.read(voltage_l1_v=261.0)

    assert bench.states == [ACTIVE]
    assert bench.only.alarm_id == first
    assert bench.only.acknowledged_by == ""
    assert bench.only.returned_at_ms is None


def test_the_deadband_holds_an_alarm_until_the_value_is_clearly_back():
    bench = Bench(a_rule(limit=253.0, deadband=2.0))
    bench.read(voltage_l1_v=253.5)
    bench.read(voltage_l1_v=252.0)
    assert bench.states == [ACTIVE]

    bench.read(voltage_l1_v=250.9)
    assert bench.states == [RETURNED]

    bench.read(voltage_l1_v=252.5)
    assert bench.states == [RETURNED]


def test_the_on_delay_lets_a_short_excursion_pass():
    bench = Bench(a_rule(on_delay_s=3.0))
    bench.read(voltage_l1_v=260.0)
    bench.read(voltage_l1_v=260.0)
    bench.read()
    bench.read(voltage_l1_v=260.0)
    bench.read(2, voltage_l1_v=260.0)
    assert bench.states == []

    bench.read(1, voltage_l1_v=260.0)
    assert bench.states == [ACTIVE]


def test_the_off_delay_lets_a_short_relief_pass():
    bench = Bench(a_rule(off_delay_s=10.0))
    bench.read(voltage_l1_v=260.0)
    bench.read()
    bench.read(5, voltage_l1_v=260.0)
    bench.read()
    bench.wait(9)
    assert bench.states == [ACTIVE]

    bench.wait(1)
    assert bench.states == [RETURNED]


def test_unknown_neither_raises_nor_ends_an_alarm():
    low = a_rule(rule_id="low", condition=Condition.LOW, limit=207.0)
    bench = Bench(a_rule(), low)
    bench.read(voltage_l1_v=NAN, voltage_l2_v=NAN, voltage_l3_v=NAN)
    assert bench.states == []

    bench.read(voltage_l1_v=260.0)
    bench.read(voltage_l1_v=NAN, voltage_l2_v=NAN, voltage_l3_v=NAN)
    assert bench.states == [ACTIVE]


def test_a_pattern_means_any_phase_and_not_the_voltages_between_phases():
    bench = Bench(a_rule(quantity="voltage_v|voltage_l?_v"))
    bench.read()
    assert bench.states == []  # voltage_l1_l2_v is 399

    bench.read(voltage_l3_v=254.0)
    assert bench.only.value == 254.0


def test_rules_for_one_phase_or_one_meter_stay_with_them():
    bench = Bench(
        a_rule(quantity="voltage_l1_v"),
        a_rule(rule_id="other", meter_id="elsewhere"),
        meters=(a_meter(), a_meter(meter_id="pv", name="PV")),
    )
    bench.read(voltage_l2_v=300.0)
    bench.read(meter="pv", voltage_l2_v=300.0)
    assert bench.states == []

    bench.read(meter="pv", voltage_l1_v=300.0)
    assert bench.only.meter_name == "PV"


def test_a_layout_that_changes_is_compiled_anew():
    bench = Bench(a_rule())
    bench.read(voltage_l3_v=260.0)
    turned = Layout("turned", tuple(reversed(LAYOUT.quantities)))

    bench.read(layout=turned)

    assert bench.states == [RETURNED]


def test_power_factor_is_judged_without_its_sign_and_only_under_load():
    bench = Bench(
        a_rule(quantity="power_factor", condition=Condition.LOW, limit=0.9, deadband=0.01)
    )
    bench.read(power_factor=-0.97)
    bench.read(power_factor=0.3, power_w=40.0)
    assert bench.states == []

    bench.read(power_factor=-0.85)
    assert bench.only.value == pytest.approx(0.85)


def test_a_silent_meter_is_an_alarm_and_its_answer_ends_it():
    bench = Bench(a_rule(condition=Condition.NO_DATA, quantity="*", limit=30.0))
    bench.read()
    bench.wait(30)
    assert bench.states == []

    bench.wait(1)
    assert bench.states == [ACTIVE]
    assert bench.only.value == pytest.approx(31, abs=0.1)

    bench.read()
    assert bench.states == [RETURNED]


def test_an_answer_without_a_single_value_is_no_data():
    bench = Bench(a_rule(condition=Condition.NO_DATA, limit=30.0))
    nothing = dict.fromkeys(LAYOUT.quantities, NAN)
    for _ in range(40):
        bench.read(1, **nothing)
        bench.wait(0)

    assert bench.states == [ACTIVE]


def test_a_slowly_polled_meter_gets_three_polls_before_it_is_lost():
    bench = Bench(
        a_rule(condition=Condition.NO_DATA, limit=30.0), meters=(a_meter(poll_interval_s=60.0),)
    )
    bench.wait(170)
    assert bench.states == []
    bench.wait(11)
    assert bench.states == [ACTIVE]


def test_meters_that_nothing_polls_cannot_fall_silent():
    bench = Bench(a_rule(condition=Condition.NO_DATA, limit=30.0), meters=(a_meter(driver_id=""),))
    bench.wait(10_000)

    assert bench.states == []


def test_values_that_all_stand_still_are_frozen():
    bench = Bench(a_rule(condition=Condition.FROZEN, quantity="*", limit=600.0))
    for _ in range(61):
        bench.read(10)
    assert bench.states == [ACTIVE]
    assert bench.only.value >= 600

    bench.read(10, frequency_hz=50.01)
    assert bench.states == [RETURNED]


@pytest.mark.parametrize("quantity", ["voltage_l1_v", "*"])
def test_what_is_off_is_not_frozen(quantity):
    bench = Bench(a_rule(condition=Condition.FROZEN, quantity=quantity, limit=60.0))
    off = dict.fromkeys(LAYOUT.quantities, 0.0) | {"energy_import_wh": 12_345.0}
    for _ in range(20):
        bench.read(10, **off)

    assert bench.states == []


def test_one_moving_value_is_enough_to_be_alive_unless_the_rule_names_another():
    whole = a_rule(rule_id="all", condition=Condition.FROZEN, quantity="*", limit=60.0)
    voltage = replace(whole, rule_id="v", quantity="voltage_l1_v")
    bench = Bench(whole, voltage)
    for i in range(20):
        bench.read(10, energy_import_wh=1000.0 + i)

    assert bench.only.rule.rule_id == "v"


def test_a_counter_that_stands_still_under_load_is_frozen():
    bench = Bench(a_rule(condition=Condition.FROZEN, quantity="energy_import_wh", limit=1800.0))
    for _ in range(60):
        bench.read(30, power_w=-4_000.0)
    for _ in range(100):
        bench.read(30, power_w=5.0)
    assert bench.states == []  # feeding in, and then too little to turn a digit

    for _ in range(10):
        bench.read(30, power_w=4_000.0)
    assert bench.states == [ACTIVE]

    bench.read(30, energy_import_wh=1_100.0)
    assert bench.states == [RETURNED]


def test_a_voltage_that_swings_fluctuates_and_a_step_does_not():
    bench = Bench(a_rule(condition=Condition.FLUCTUATING, limit=11.5, off_delay_s=30.0))
    for _ in range(30):
        bench.read(voltage_l1_v=230.0)
    for _ in range(30):
        bench.read(voltage_l1_v=212.0)
    assert bench.states == []

    for i in range(40):
        bench.read(voltage_l1_v=236.0 if (i // 4) % 2 else 223.0)
    assert bench.states == [ACTIVE]
    assert bench.only.value >= 11.5

    for _ in range(100):
        bench.read(voltage_l1_v=230.0)
    assert bench.states == [RETURNED]


def test_swings_under_the_limit_are_noise():
    bench = Bench(a_rule(condition=Condition.FLUCTUATING, limit=11.5))
    for i in range(200):
        bench.read(voltage_l1_v=230.0 + (5.0 if i % 2 else -5.0))

    assert bench.states == []


def test_current_is_sorted_by_acknowledgement_then_priority_then_newest():
    bench = Bench(
        a_rule(rule_id="a", priority=Priority.LOW, limit=240.0),
        a_rule(rule_id="b", priority=Priority.HIGH, limit=250.0),
        a_rule(rule_id="c", priority=Priority.LOW, limit=245.0),
        a_rule(rule_id="d", priority=Priority.HIGH, limit=255.0),
    )
    for volts in (241.0, 246.0, 251.0, 256.0):
        bench.read(voltage_l1_v=volts)
    seen = next(a for a in bench.desk.current() if a.rule.rule_id == "d")
    bench.desk.acknowledge(seen.alarm_id, "P. Brandt")

    assert [a.rule.rule_id for a in bench.desk.current()] == ["b", "c", "a", "d"]
    counts = bench.desk.counts()
    assert (counts[Priority.HIGH].open, counts[Priority.HIGH].unacknowledged) == (2, 1)
    assert counts[Priority.MEDIUM].open == 0


def test_a_shelved_alarm_is_out_of_sight_until_its_end():
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=260.0)
    bench.desk.shelve(bench.only.alarm_id, bench.now_ms + HOUR_MS, "P. Brandt", "transformer work")
    assert bench.states == []
    (shelved,) = bench.desk.shelved()
    assert (shelved.shelved_by, shelved.shelve_reason) == ("P. Brandt", "transformer work")

    bench.wait(3601)

    assert bench.states == [ACTIVE]
    assert bench.desk.shelved() == ()


def test_a_shelf_also_holds_the_next_alarm_of_the_same_rule_and_can_be_ended():
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=260.0)
    bench.desk.shelve(bench.only.alarm_id, bench.now_ms + HOUR_MS, "P. Brandt", "work")
    bench.read()
    (shelved,) = bench.desk.shelved()
    bench.desk.acknowledge(shelved.alarm_id, "P. Brandt")
    assert bench.desk.shelved() == ()

    bench.read(voltage_l1_v=260.0)
    assert bench.states == []
    (again,) = bench.desk.shelved()

    bench.desk.unshelve(again.alarm_id, "P. Brandt")
    assert bench.states == [ACTIVE]


@pytest.mark.parametrize(
    ("who", "why", "ahead_h"), [("", "work", 1), ("P", " ", 1), ("P", "work", -1), ("P", "w", 200)]
)
def test_a_shelf_needs_a_name_a_reason_and_an_end_within_a_week(who, why, ahead_h):
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=260.0)

    with pytest.raises(WrongUse):
        bench.desk.shelve(bench.only.alarm_id, bench.now_ms + ahead_h * HOUR_MS, who, why)


def test_acknowledging_needs_a_name_and_an_open_alarm():
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=260.0)

    with pytest.raises(WrongUse):
        bench.desk.acknowledge(bench.only.alarm_id, "  ")
    with pytest.raises(NotFound):
        bench.desk.acknowledge(4711, "P. Brandt")


def test_an_acknowledged_alarm_that_stays_asks_again_after_a_day():
    bench = Bench(a_rule(), re_alarm_s=3600.0)
    bench.read(voltage_l1_v=260.0)
    bench.desk.acknowledge(bench.only.alarm_id, "P. Brandt")
    bench.wait(3599)
    assert bench.states == [ACKNOWLEDGED]

    bench.wait(2)
    assert bench.states == [ACTIVE]


def test_state_survives_a_restart():
    bench = Bench(a_rule(deadband=2.0), a_rule(rule_id="off", limit=300.0))
    bench.read(voltage_l1_v=254.0)
    bench.desk.acknowledge(bench.only.alarm_id, "P. Brandt")

    again = bench.restart()
    assert again.states == [ACKNOWLEDGED]
    again.read(voltage_l1_v=252.0)  # inside the deadband: still active, and no second alarm
    assert again.states == [ACKNOWLEDGED]
    again.read()
    again.desk.drain()

    assert again.states == []
    assert len(bench.store.rows) == 1


def test_a_shelf_survives_a_restart_even_when_its_alarm_is_over():
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=254.0)
    bench.desk.shelve(bench.only.alarm_id, bench.now_ms + HOUR_MS, "P. Brandt", "work")
    bench.read()
    bench.desk.acknowledge(bench.desk.shelved()[0].alarm_id, "P. Brandt")

    again = bench.restart()
    again.read(voltage_l1_v=254.0)

    assert again.states == []
    assert len(again.desk.shelved()) == 1


def test_a_lost_meter_stays_lost_over_a_restart_until_it_answers():
    bench = Bench(a_rule(condition=Condition.NO_DATA, limit=30.0))
    bench.wait(31)

    again = bench.restart()
    again.wait(1)
    assert again.states == [ACTIVE]
    again.read()
    assert again.states == [RETURNED]


def test_an_alarm_whose_rule_is_gone_returns():
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=254.0)

    bench.desk.configure((), bench.meters)

    assert bench.states == [RETURNED]


def test_a_changed_rule_keeps_its_alarm_and_judges_by_the_new_limit():
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=254.0)

    bench.desk.configure((a_rule(limit=260.0),), bench.meters)
    bench.read(voltage_l1_v=254.0)

    assert bench.states == [RETURNED]


def test_what_the_store_refuses_stays_queued_and_is_told_all_the_same():
    bench = Bench(a_rule())
    told = []
    bench.desk.on_change(told.append)
    bench.store.broken = True
    bench.read(voltage_l1_v=254.0)

    with pytest.raises(StoreError):
        bench.desk.drain()
    assert len(told) == 1
    bench.store.broken = False

    assert bench.desk.drain() == 1
    assert bench.desk.drain() == 0
    assert len(bench.store.rows) == 1


def test_an_id_given_before_the_store_numbered_it_still_finds_its_alarm():
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=254.0)
    early = bench.only.alarm_id
    bench.desk.drain()
    assert bench.only.alarm_id != early

    bench.desk.acknowledge(early, "P. Brandt")

    assert bench.states == [ACKNOWLEDGED]


def test_a_chattering_rule_makes_one_row_and_is_counted():
    bench = Bench(a_rule())
    for _ in range(20):
        bench.read(voltage_l1_v=254.0)
        bench.read()
        bench.desk.drain()

    statistics = bench.desk.statistics()

    assert len(bench.store.rows) == 1
    assert statistics.chattering == 1
    assert statistics.frequent[0].times == 20
    assert statistics.flood_periods == 1
    assert statistics.mean_per_10_min == pytest.approx(20 / 144)
    assert statistics.share_pct[Priority.MEDIUM] == 100.0


def test_an_alarm_of_more_than_a_day_is_stale():
    bench = Bench(a_rule())
    bench.read(voltage_l1_v=254.0)
    assert bench.desk.statistics().stale == ()

    bench.wait(25 * 3600)

    assert [a.alarm_id for a in bench.desk.statistics().stale] == [bench.only.alarm_id]


def test_a_calm_snapshot_costs_next_to_nothing():
    from energy_desktop.domain.alarm_defaults import default_rules
    from energy_desktop.domain.site import Site
    from energy_desktop.domain.snapshot import Snapshot

    from .desks import CALM

    bench = Bench(*default_rules(Site("Site", "UTC")))
    row = tuple(CALM[name] for name in LAYOUT.quantities)
    snapshots = [
        Snapshot("grid", bench.now_ms + i, LAYOUT, (230.0 + i % 3, *row[1:])) for i in range(5000)
    ]
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for snapshot in snapshots:
            bench.desk.check(snapshot)
        best = min(best, (time.perf_counter() - began) / len(snapshots))

    assert bench.states == []
    assert best < 60e-6  # 8 us on an idle core; wide, for a busy machine


def test_intake_people_and_the_disk_do_not_get_in_each_others_way():
    import threading

    bench = Bench(a_rule(), a_rule(rule_id="low", condition=Condition.LOW, limit=207.0))
    stop = threading.Event()
    failures: list[BaseException] = []

    def keep_house() -> None:
        try:
            while not stop.is_set():
                bench.desk.drain()
                for alarm in bench.desk.current():
                    try:
                        bench.desk.acknowledge(alarm.alarm_id, "P. Brandt")
                    except NotFound:
                        continue  # it went back to normal meanwhile
        except BaseException as error:
            failures.append(error)
            raise

    helper = threading.Thread(target=keep_house)
    helper.start()
    for i in range(3000):
        bench.read(voltage_l1_v=(260.0, 230.0, 200.0, 230.0)[i % 4])
    stop.set()
    helper.join(10)
    bench.desk.drain()

    assert failures == []
    assert {a.alarm_id: a for a in bench.store.open_alarms()} == {
        a.alarm_id: a for a in bench.desk.current()
    }
