"""A main meter against those behind it, on a real ledger."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy_desktop.domain.balance import Cause, Way
from energy_desktop.domain.clock import local_month_bounds_ms
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import NotEnoughData, NotFound, WrongUse
from energy_desktop.domain.site import Meter, Role
from energy_desktop.services.balances import BalanceService
from energy_desktop.storage import open_store
from tests.integration.balance.sites import (
    DAY,
    EXPORT,
    IMPORT,
    METERS,
    MONDAY,
    QUARTER,
    a_works,
    book,
    courses,
)

END = MONDAY + 14 * DAY


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "site.sqlite") as opened:
        opened.configuration.replace(a_works())
        yield opened


def balance_of(store):
    return BalanceService(store.configuration, store.ledger)


def test_a_roof_and_a_battery_are_no_consumers(store):
    energies = courses()
    book(store.ledger, energies)

    node = balance_of(store).node("main", MONDAY, END)

    assert node.rest.cause in (Cause.CLOSED, Cause.RESOLUTION)
    assert node.rest.total_wh == pytest.approx(0.0, abs=1.0)
    used = energies["hall", IMPORT].sum() + energies["office", IMPORT].sum()
    assert node.rest.main_wh == pytest.approx(used)
    assert [(p.meter.meter_id, p.way) for p in node.parts] == [
        ("main", Way.TAKEN),
        ("pv", Way.YIELDED),
        ("battery", Way.DISCHARGED),
        ("main", Way.FED_OUT),
        ("battery", Way.CHARGED),
        ("hall", Way.USED),
        ("office", Way.USED),
    ]


def test_what_has_no_meter_is_the_rest_of_each_day_and_month(store):
    book(store.ledger, courses(unmetered_wh=25.0))
    service = balance_of(store)

    node = service.node("main", MONDAY, END)
    days = service.slices(node)
    months = service.slices(node, by_month=True)

    assert node.rest.cause is Cause.MISSING_METER
    assert node.rest.total_wh == pytest.approx(14 * 96 * 25)
    assert days.rest_wh.tolist() == pytest.approx([96 * 25.0] * 14)
    assert days.steps.tolist() == [24] * 14
    assert months.rest_wh.tolist() == pytest.approx([14 * 96 * 25.0])
    subs = [i for i, p in enumerate(node.parts) if p.way is Way.USED]
    assert (days.parts_wh[subs].sum(axis=0) + days.rest_wh).tolist() == pytest.approx(
        days.used_wh.tolist()
    )


def test_the_days_of_a_clock_change_have_their_own_hours(store):
    start = MONDAY + 21 * DAY  # the week before 29 March 2026
    book(store.ledger, courses(days=8), start_ms=start)
    service = balance_of(store)

    days = service.slices(service.node("main", start, start + 7 * DAY - 3_600_000))

    assert days.steps.tolist() == [24] * 6 + [23]


def test_an_hour_that_one_meter_lacks_is_in_no_sum(store):
    energies = courses(unmetered_wh=25.0)
    energies["office", IMPORT][40:60] = np.nan
    book(store.ledger, energies)
    service = balance_of(store)

    node = service.node("main", MONDAY, END)
    days = service.slices(node)

    assert (node.steps, node.rest.steps) == (14 * 24, 14 * 24 - 5)
    assert node.common_h == (14 * 24 - 5, 14 * 24)
    assert service.node("main", MONDAY + 2 * DAY, END).common_h is None  # all of it is known
    assert days.known_steps[0] == 19
    assert days.rest_wh[0] == pytest.approx(19 * 100.0)
    office = next(p for p in node.parts if p.meter.meter_id == "office")
    assert office.total_wh is None
    assert office.known_steps == node.steps - 5


def test_with_a_meter_that_never_counted_no_rest_is_told(store):
    energies = courses(unmetered_wh=25.0)
    del energies["office", IMPORT]
    book(store.ledger, energies)
    service = balance_of(store)

    node = service.node("main", MONDAY, END)

    assert [m.meter_id for m in node.absent] == ["office"]
    assert np.isnan(node.rest.rest_wh).all()
    assert np.isnan(node.rest.share)
    assert node.rest.sentence.startswith("Office has no energy in this period")
    assert np.isnan(service.slices(node).rest_wh).all()


def test_a_retired_meter_without_energy_is_none_of_it(store):
    retired = Meter("old", "Old office", parent_id="main", enabled=False)
    store.configuration.replace(a_works(meters=(*METERS, retired)))
    book(store.ledger, courses())

    node = balance_of(store).node("main", MONDAY, END)

    assert node.absent == ()
    assert node.closed


def test_a_meter_with_the_wrong_ratio_is_the_suspect(store):
    energies = courses()
    energies["hall", IMPORT] = 1.5 * energies["hall", IMPORT]
    book(store.ledger, energies)

    node = balance_of(store).node("main", MONDAY, END)

    assert node.rest.cause is Cause.OVERCOUNTED
    assert node.suspect is not None
    assert node.suspect.meter_id == "hall"
    assert "Hall is most like the excess" in node.rest.sentence


def test_a_meter_behind_none_with_the_course_of_the_rest_is_the_candidate(store):
    press = next(m for m in METERS if m.meter_id == "press")
    free = replace(press, parent_id=None)
    others = tuple(m for m in METERS if m.meter_id != "press")
    energies = courses()
    energies["hall", IMPORT] = energies["hall", IMPORT] - energies["press", IMPORT]
    shed = Meter("shed", "Shed")
    store.configuration.replace(a_works(meters=(*others, free, shed)))
    book(store.ledger, energies)
    book(store.ledger, {("shed", IMPORT): np.full(14 * 96, 500.0)})

    node = balance_of(store).node("main", MONDAY, END)

    assert node.rest.cause is Cause.MISSING_METER
    assert node.candidate is not None
    assert node.candidate.meter_id == "press"
    assert "Press stands behind no meter and has the course of the rest (r = 1.00)" in (
        node.rest.sentence
    )
    service = balance_of(store)
    service.put_behind("press", "main")
    assert service.node("main", MONDAY, END).closed


def test_estimated_energy_is_told(store):
    energies = courses()
    quality = np.zeros(14 * 96, np.int8)
    quality[:8] = IntervalQuality.ESTIMATED
    book(store.ledger, {k: v for k, v in energies.items() if k[0] == "hall"}, quality=quality)
    book(store.ledger, {k: v for k, v in energies.items() if k[0] != "hall"})

    node = balance_of(store).node("main", MONDAY, END)

    hall = next(p for p in node.parts if p.meter.meter_id == "hall")
    assert hall.estimated_wh == pytest.approx(energies["hall", IMPORT][:8].sum())
    assert sum(p.estimated_wh for p in node.parts) == hall.estimated_wh


def test_each_main_meter_is_a_node_and_zones_off_the_hour_count_quarter_hours(store):
    store.configuration.replace(a_works(zone="Asia/Kolkata"))
    book(store.ledger, courses())
    service = balance_of(store)

    nodes = service.nodes(MONDAY, END)

    assert [n.meter.meter_id for n in nodes] == ["main", "hall"]
    assert nodes[0].step_s == 900
    assert nodes[1].rest.total_wh > 0
    assert service.slices(nodes[1]).known_steps.sum() == nodes[1].steps


def test_only_a_roof_behind_a_meter_names_that_no_consumer_is_metered(store):
    store.configuration.replace(a_works(meters=METERS[:2]))
    energies = courses()
    book(store.ledger, {k: v for k, v in energies.items() if k[0] in ("main", "pv")})

    node = balance_of(store).node("main", MONDAY, END)

    assert node.rest.cause is Cause.MISSING_METER
    assert node.rest.share == pytest.approx(1.0)


def test_nothing_known_is_said_and_not_counted(store):
    service = balance_of(store)

    assert service.nodes(MONDAY, END) == ()
    with pytest.raises(NotEnoughData, match="no energy in this period"):
        service.node("main", MONDAY, END)
    with pytest.raises(NotEnoughData, match="no meter stands behind"):
        service.node("office", MONDAY, END)
    with pytest.raises(NotFound):
        service.node("nobody", MONDAY, END)


def test_a_meter_is_put_behind_another_but_never_behind_itself(store):
    told = []
    service = BalanceService(store.configuration, store.ledger, told.append)

    service.put_behind("office", "hall")

    assert store.configuration.load().meter("office").parent_id == "hall"
    assert [(b.meter.meter_id, b.depth) for b in service.tree()] == [
        ("main", 0), ("pv", 1), ("battery", 1), ("hall", 1), ("office", 2), ("press", 2),
    ]  # fmt: skip
    with pytest.raises(WrongUse, match="behind itself"):
        service.put_behind("main", "press")
    assert service.put_behind("office", None).meter("office").parent_id is None
    assert len(told) == 2


def test_meters_in_a_ring_are_listed_once(store):
    ring = (Meter("a", "A", parent_id="b"), Meter("b", "B", parent_id="a", role=Role.LOAD))
    store.configuration.replace(a_works(meters=ring))

    tree = balance_of(store).tree()

    assert [(b.meter.meter_id, b.depth) for b in tree] == [("a", 0), ("b", 1)]


def test_the_export_of_a_sub_board_with_its_own_roof_comes_in(store):
    energies = courses()
    book(store.ledger, energies)
    book(store.ledger, {("office", EXPORT): np.full(14 * 96, 10.0)})

    node = balance_of(store).node("main", MONDAY, END)

    back = next(p for p in node.parts if p.way is Way.FED_BACK)
    assert back.meter.meter_id == "office"
    assert node.rest.total_wh == pytest.approx(14 * 96 * 10.0)


@pytest.mark.parametrize(
    ("zone", "month"), [("Australia/Lord_Howe", (2025, 4)), ("America/Caracas", (2016, 5))]
)
def test_a_month_whose_days_begin_on_the_half_hour_at_one_end_is_added_up_whole(store, zone, month):
    """The clocks change by 30 minutes: whole hours would leave the last half hour out."""
    place = ZoneInfo(zone)
    start_ms, end_ms = local_month_bounds_ms(*month, place)
    store.configuration.replace(a_works(zone, METERS[:1] + METERS[4:5]))
    quarters = (end_ms - start_ms) // QUARTER
    book(store.ledger, {("main", IMPORT): np.full(quarters, 7.0),
                        ("office", IMPORT): np.full(quarters, 7.0)}, start_ms)  # fmt: skip
    service = balance_of(store)

    node = service.node("main", start_ms, end_ms)

    assert node.period_ms == (start_ms, end_ms)
    assert node.rest.main_wh == pytest.approx(7.0 * quarters)
    days = service.slices(node)
    hours = np.diff(days.edges_ms) / 3_600_000
    assert sorted(set(hours)) in ([24.0, 24.5], [23.5, 24.0])
    assert days.used_wh == pytest.approx(28.0 * hours)
