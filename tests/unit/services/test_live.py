"""What is said of a meter: its state by age, and why it is silent."""

import math

import pytest

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter, Site, Space, SpaceKind
from energy_desktop.domain.snapshot import Layout, LinkState, MeterStatus, Snapshot
from energy_desktop.services.live import (
    LiveMeter,
    LiveService,
    LiveSpace,
    likely_causes,
    meter_state,
)
from energy_desktop.services.rings import LiveRings

NOW = 1_700_000_000_000
LAYOUT = Layout("t", ("power_w", "voltage_l1_v", "energy_import_wh"))


def a_meter(**changes) -> Meter:
    return Meter(
        **{"meter_id": "m", "name": "Press", "driver_id": "d", "link_id": "bus", **changes}
    )


def read(age_ms: int, meter_id: str = "m") -> Snapshot:
    return Snapshot(meter_id, NOW - age_ms, LAYOUT, (500.0, 231.0, 7e6))


@pytest.mark.parametrize(
    ("age_ms", "state"), [(500, "good"), (1900, "good"), (2500, "late"), (3500, "lost")]
)
def test_state_follows_the_age_of_the_last_reading(age_ms, state):
    assert meter_state(a_meter(), read(age_ms), None, NOW)[0] == state


def test_a_slow_meter_is_not_called_late_by_a_fast_one_s_measure():
    assert meter_state(a_meter(poll_interval_s=60.0), read(90_000), None, NOW)[0] == "good"


def test_what_the_poller_calls_lost_is_lost_at_once():
    status = MeterStatus("m", LinkState.LOST)
    assert meter_state(a_meter(), read(100), status, NOW)[0] == "lost"


def a_service(states: dict[str, LinkState]) -> LiveService:
    rings = LiveRings(3)
    meters = tuple(a_meter(meter_id=i, name=i, space_id="hall") for i in states)
    for meter_id in states:
        rings.put(read(200, meter_id))
    configuration = Configuration(
        site=Site("S", "UTC"),
        spaces=(
            Space("house", "House", SpaceKind.BUILDING),
            Space("hall", "Hall", SpaceKind.ZONE, "house"),
            Space("empty", "Empty", SpaceKind.ZONE, "house"),
        ),
        links=(Link("bus", LinkKind.MODBUS_RTU, device="COM4"),),
        meters=meters,
    )
    statuses = {
        i: MeterStatus(i, s, last_error="No answer.", lost_since_ms=NOW - 9000)
        for i, s in states.items()
    }
    return LiveService(
        lambda: configuration, rings, None, lambda: statuses, lambda _: None, lambda: from_ms(NOW)
    )


def test_neighbours_that_answer_rule_out_what_they_share():
    lone = a_service({"a": LinkState.LOST, "b": LinkState.GOOD, "c": LinkState.GOOD}).silent("a")
    assert lone is not None and "All 2 other meters" in lone.neighbours
    assert "power" in lone.causes[0] and not any("adapter" in c for c in lone.causes)
    both = a_service({"a": LinkState.LOST, "b": LinkState.LOST}).silent("a")
    assert both is not None and "adapter" in both.causes[0]
    assert ("power_w", 500.0) in both.last


def test_a_meter_that_answers_is_not_silent():
    assert a_service({"a": LinkState.GOOD}).silent("a") is None


def test_a_refused_register_points_to_the_driver_not_to_the_cable():
    causes = likely_causes(LinkState.MISCONFIGURED, 3, 3, serial=True, unit=7)
    assert "driver" in causes[0] and not any("cable" in c for c in causes)


def test_a_lost_meter_shows_no_value_in_the_tree():
    rows = a_service({"a": LinkState.LOST, "b": LinkState.GOOD}).rows("power")
    names = [r.name for r in rows if isinstance(r, LiveSpace)]
    values = {r.meter.meter_id: r.value for r in rows if isinstance(r, LiveMeter)}
    assert names == ["House", "Hall"]  # a space without meters takes no row
    assert math.isnan(values["a"]) and values["b"] == 500.0


def test_voltage_falls_back_on_the_first_phase_and_has_limits():
    service = a_service({"a": LinkState.GOOD})
    assert service.quantity("a", "voltage") == "voltage_l1_v"
    assert service.quantity("a", "voltage", "l2") == ""
    assert service.voltage_limits("voltage_l1_v") == pytest.approx((207.0, 253.0))
    assert service.voltage_limits("power_w") is None
