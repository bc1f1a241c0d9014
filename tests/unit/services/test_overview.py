"""The arithmetic of the overview: the running block, what is usual, honest sums."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.overview import OTHERS, REST, LoadGroup
from energy_desktop.domain.site import Meter, Role, Site
from energy_desktop.domain.snapshot import Layout, LinkState, MeterStatus, Snapshot
from energy_desktop.services.overview import OverviewService
from energy_desktop.services.overview.block import block_energy
from energy_desktop.services.overview.groups import folded, load_groups
from energy_desktop.services.overview.past import usual_by_slot, wall
from energy_desktop.services.rings import LiveRings

BLOCK_MS = round(datetime(2026, 3, 2, 10, 0, tzinfo=UTC).timestamp() * 1000)
NOW_MS = BLOCK_MS + 300_000
LAYOUT = Layout("test", ("power_w",))
NO_SERVICE = SimpleNamespace()


def meters() -> tuple[Meter, ...]:
    return (
        Meter("grid", "Grid", "d", "k", role=Role.GRID),
        Meter("pv", "Sun", "d", "k", role=Role.SOLAR),
        Meter("a", "Press", "d", "k"),
        Meter("b", "Lights", "d", "k"),
        Meter("b1", "Lights, a part", "d", "k", parent_id="b"),
    )


def a_service(powers: dict[str, float], *, lost: str = "", contract_w: float | None = None):
    rings = LiveRings(5)
    for meter_id, power in powers.items():
        for at in range(BLOCK_MS - 10_000, NOW_MS + 1, 1000):
            if meter_id != lost or at < NOW_MS - 60_000:
                rings.put(Snapshot(meter_id, at, LAYOUT, (power,)))
    states = {
        m.meter_id: MeterStatus(
            m.meter_id, LinkState.LOST if m.meter_id == lost else LinkState.GOOD
        )
        for m in meters()
    }
    site = Site("S", "Europe/Berlin", contract_demand_w=contract_w)
    configuration = Configuration(site=site, meters=meters())
    service = OverviewService(
        NO_SERVICE,
        NO_SERVICE,
        NO_SERVICE,
        rings,
        lambda: states,
        lambda: from_ms(NOW_MS),
        waste=NO_SERVICE,
        planning=NO_SERVICE,
        forecasting=NO_SERVICE,
        maintenance=NO_SERVICE,
    )
    return service, configuration


def test_what_is_not_sub_metered_closes_the_balance():
    service, c = a_service({"grid": 9000.0, "pv": 3000.0, "a": 5000.0, "b": 4000.0, "b1": 1000.0})
    power = service.power_now(c)
    assert power.load_w == pytest.approx(12_000.0)
    rest = next(s for s in power.sinks if s.part_id == REST)
    assert rest.power_w == pytest.approx(3000.0)  # b1 is inside b and counts once
    supplied = sum(s.power_w for s in power.sources)
    assert sum(s.power_w for s in power.sinks) == pytest.approx(supplied)


def test_export_is_a_consumer_and_no_negative_source():
    service, c = a_service({"grid": -2000.0, "pv": 6000.0, "a": 3000.0, "b": 500.0})
    power = service.power_now(c)
    assert [s.part_id for s in power.sources] == ["pv"]
    grid = next(s for s in power.sinks if s.part_id == "grid")
    assert grid.export and grid.power_w == pytest.approx(2000.0)


def test_a_lost_meter_makes_its_sums_unknown_and_keeps_its_last_value_apart():
    service, c = a_service({"grid": 9000.0, "pv": 0.0, "a": 5000.0, "b": 1.0}, lost="a")
    power = service.power_now(c)
    part = next(s for s in power.sinks if s.part_id == "a")
    rest = next(s for s in power.sinks if s.part_id == REST)
    assert part.power_w is None and part.last_w == 5000.0 and part.lost == ("Press",)
    assert rest.power_w is None
    assert power.load_w == pytest.approx(9000.0)  # the supply is known all the same


def test_a_lost_supply_makes_the_site_load_unknown():
    service, c = a_service({"grid": 9000.0, "pv": 100.0, "a": 1.0, "b": 1.0}, lost="pv")
    assert service.power_now(c).load_w is None


@given(st.floats(100.0, 1e6))
def test_a_steady_import_is_its_own_mean_and_projection(power_w):
    at = np.arange(-5.0, 300.5, 1.0)
    seen = block_energy([(at, np.full(at.size, power_w))], 0.0, 300.0)
    assert seen is not None
    times, energy, recent = seen
    assert energy[-1] == pytest.approx(power_w * times[-1] / 3600)
    assert recent == pytest.approx(power_w)


def test_the_free_power_fills_the_block_up_to_the_limit_exactly():
    service, c = a_service({"grid": 40_000.0}, contract_w=60_000.0)
    demand = service.demand_now(c)
    assert demand is not None and demand.mean_w == pytest.approx(40_000.0)
    assert demand.projected_w == pytest.approx(40_000.0)
    # 5 of 15 min at 40 kW, so 10 min at 70 kW make 60 kW.
    assert demand.free_w == pytest.approx(70_000.0)


def test_a_block_that_was_not_seen_from_its_start_has_no_mean():
    at = np.arange(100.0, 300.0)
    assert block_energy([(at, np.full(at.size, 5.0))], 0.0, 300.0) is None


def test_a_grid_meter_that_fell_silent_has_no_projection():
    at = np.arange(0.0, 200.0)
    assert block_energy([(at, np.full(at.size, 5.0))], 0.0, 300.0) is None


@given(st.integers(1, 12), st.integers(1, 8))
def test_folding_keeps_every_meter_once(count, room):
    groups = tuple(LoadGroup(f"g{i}", f"G{i}", (f"m{i}",)) for i in range(count))
    shown = folded(groups, room)
    assert len(shown) <= max(room, 1)
    assert [m for g in shown for m in g.meter_ids] == [f"m{i}" for i in range(count)]
    assert (shown[-1].group_id == OTHERS) == (count > room)


def test_meters_of_one_equipment_are_one_consumer():
    made = load_groups(
        Configuration(
            meters=(
                Meter("x", "X", equipment="lighting"),
                Meter("y", "Y", equipment="lighting"),
                Meter("z", "Z", equipment="compressor"),
            )
        )
    )
    assert [(g.name, g.meter_ids) for g in made] == [
        ("Lighting, 2 meters", ("x", "y")),
        ("Z", ("z",)),
    ]


def test_the_usual_takes_the_same_weekdays_alone_and_never_today():
    zone = ZoneInfo("UTC")
    today = date(2026, 3, 30)  # a Monday
    start = round(datetime(2026, 1, 19, tzinfo=UTC).timestamp() * 1000)
    starts = start + np.arange(71 * 96, dtype=np.int64) * 900_000
    weekday, minute, day = wall(starts, zone)
    power = np.where(weekday == 0, 100.0, 9999.0)
    power[day == day[-1]] = 5555.0  # today
    low, high, weeks = usual_by_slot(power, weekday, minute, day, today, minute[:96])
    assert weeks == 10
    assert np.all(low == 100.0) and np.all(high == 100.0)


def test_two_weeks_are_too_few_to_say_what_is_usual():
    start = round(datetime(2026, 3, 16, tzinfo=UTC).timestamp() * 1000)
    starts = start + np.arange(14 * 96, dtype=np.int64) * 900_000
    weekday, minute, day = wall(starts, ZoneInfo("UTC"))
    low, _, weeks = usual_by_slot(
        np.ones(starts.size), weekday, minute, day, date(2026, 3, 30), minute[:96]
    )
    assert weeks == 2 and np.isnan(low).all()


def test_the_wall_clock_follows_the_change_to_summer_time():
    before = round(datetime(2026, 3, 29, 0, 45, tzinfo=UTC).timestamp() * 1000)
    weekday, minute, _ = wall(
        np.array([before, before + 900_000], dtype=np.int64), ZoneInfo("Europe/Berlin")
    )
    assert minute.tolist() == [105, 180]  # 01:45, then 03:00
    assert weekday.tolist() == [6, 6]
