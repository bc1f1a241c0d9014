"""Which pauses a site is offered, on which prices, and what is said when prices are missing."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from energy_desktop.domain.clock import from_ms, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import PriceSlot
from energy_desktop.domain.device import Device, DeviceKind
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.site import Link, LinkKind, Meter, Role, Site, Space, SpaceKind
from energy_desktop.domain.snapshot import Layout, Snapshot
from energy_desktop.services.loads import LoadService

QUARTER_MS = 900_000
HOUR_MS = 3_600_000
NOW_MS = to_ms(datetime(2026, 3, 4, 6, 7, tzinfo=UTC))  # a Wednesday, 07:07 in Berlin
ORIGIN_MS = NOW_MS - NOW_MS % QUARTER_MS
DEAR_HOURS = (11, 12)  # UTC, of the same day


def a_device(device_id="lamp", meter_id="lamp", **more):
    given = {"shed_order": 1, "control_register": 201, "control_unit_id": 247} | more
    return Device(device_id, device_id.title(), DeviceKind.LIGHTING, meter_id, 1000.0, **given)


class Books:
    """A lamp that burns 1 kW in every hour of 28 days, in a site without a sun."""

    def __init__(self, devices, prices=()):
        self.devices, self.given = devices, prices
        meters = (Meter("lamp", "Lamp", link_id="tcp", space_id="hall", role=Role.LOAD),)
        self.configuration = Configuration(
            site=Site("Works", "Europe/Berlin"),
            spaces=(Space("hall", "Hall", SpaceKind.ZONE),),
            links=(Link("tcp", LinkKind.MODBUS_TCP, host="127.0.0.1"),),
            meters=meters,
            devices=devices,
        )

    def load(self):
        return self.configuration

    def prices(self, start_ms, end_ms):
        return tuple(p for p in self.given if p.end_ms > start_ms and p.start_ms < end_ms)

    def registers(self, _):
        return ("energy_import_wh",)

    def intervals(self, meter_id, start_ms, end_ms, *, register, step_s):
        starts = np.arange(start_ms, end_ms, step_s * 1000, dtype=np.int64)
        return Intervals(
            meter_id,
            register,
            step_s,
            starts,
            np.full(starts.size, 250.0),
            np.full(starts.size, int(IntervalQuality.VALIDATED), dtype=np.int8),
        )


class Newest:
    """Rings that hold one reading of the lamp, `age_ms` old."""

    def __init__(self, age_ms):
        layout = Layout("one", ("power_w",))
        self.snapshot = Snapshot("lamp", NOW_MS - age_ms, layout, (987.0,))

    def last(self, meter_id):
        return self.snapshot if meter_id == "lamp" else None


def market(hours=24):
    """20 ct, and 60 ct in the dear hours."""
    first = NOW_MS - NOW_MS % HOUR_MS
    return tuple(
        PriceSlot(at, at + HOUR_MS, 0.6 if from_ms(at).hour in DEAR_HOURS else 0.2, 0.05)
        for at in range(first, first + hours * HOUR_MS, HOUR_MS)
    )


def service(devices=None, prices=(), field=None, rings=None):
    books = Books((a_device(),) if devices is None else devices, prices)
    return LoadService(books, None, books, lambda: from_ms(NOW_MS), field, rings)


def test_a_lamp_is_paused_in_dear_hours_as_long_as_it_may_be_and_rests_between():
    actions = service(prices=market()).outlook().plan.actions
    assert {from_ms(a.start_ms).hour for a in actions} <= set(DEAR_HOURS)
    assert max(a.end_ms - a.start_ms for a in actions) <= HOUR_MS
    for first, second in pairwise(actions):
        assert second.start_ms - first.end_ms >= first.end_ms - first.start_ms
    # Half an hour off, half an hour on, an hour off: no order of pauses gains more.
    assert sum(a.energy_wh for a in actions) == pytest.approx(1500.0)
    assert sum(a.saving for a in actions) == pytest.approx(0.90)  # at 60 ct, none used later


def test_the_saving_is_never_below_the_simplest_rule():
    plan = service(prices=market()).outlook().plan
    assert plan.saving >= plan.naive_saving > 0.0


def test_a_load_that_is_never_shed_is_not_paused():
    outlook = service(devices=(a_device(shed_order=None),), prices=market()).outlook()
    assert outlook.plan.actions == ()
    assert len(outlook.devices) == 1


def test_slots_are_quarter_hours_from_the_present_one_and_carry_their_price():
    slots = service(prices=market()).outlook().slots
    assert slots[0].start_ms == ORIGIN_MS
    assert {s.end_ms - s.start_ms for s in slots} == {QUARTER_MS}
    assert sum(s.import_per_kwh == 0.6 for s in slots) == 8
    assert all(a.end_ms == b.start_ms for a, b in pairwise(slots))


def test_prices_that_end_early_end_the_plan_there():
    prices = market(hours=3)
    assert service(prices=prices).outlook().slots[-1].end_ms == prices[-1].end_ms


def test_without_market_prices_the_fixed_price_holds_and_that_is_said():
    outlook = service().outlook()
    assert {s.import_per_kwh for s in outlook.slots} == {0.25}
    assert "fixed price" in outlook.notes[0]
    assert len(outlook.slots) == 96


def test_the_dearest_quarter_hour_is_told_in_local_time():
    notes = " ".join(service(prices=market()).outlook().notes)
    assert "Wed 12:00: 0.6000 EUR" in notes


@pytest.mark.parametrize(("age_ms", "power_w"), [(9_000, 987.0), (11_000, None)])
def test_an_old_reading_is_no_power_now(age_ms, power_w):
    (row,) = service(rings=Newest(age_ms)).devices()
    assert row.power_w == power_w


def test_why_a_load_may_not_be_switched_is_said_in_words():
    field = object()
    watched = a_device(control_register=None, control_unit_id=None)
    unlinked = a_device("oven", meter_id="nowhere")
    rows = {r.device.device_id: r for r in service((watched, unlinked), field=field).devices()}
    assert "only watched" in rows["lamp"].why_not
    assert "no link" in rows["oven"].why_not
    assert service().devices()[0].why_not == "No engine runs in this program."
    assert service(field=field).devices()[0].switchable


def test_the_first_to_go_comes_first_and_those_never_shed_last():
    devices = (
        a_device("battery", shed_order=None),
        a_device("b", shed_order=2),
        a_device("a", shed_order=1),
    )
    assert [r.device.device_id for r in service(devices).devices()] == ["a", "b", "battery"]
