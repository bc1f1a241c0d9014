"""What reads the ledger copes with meters that are booked in 5, 10, 30 and 60 min."""

from dataclasses import replace

import numpy as np
import pytest

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.site import Meter, Role, VirtualMeter
from energy_desktop.domain.snapshot import Layout, Snapshot
from energy_desktop.services.balance import site_balance
from energy_desktop.services.balances import BalanceService
from energy_desktop.services.interval_steps import at_step
from energy_desktop.services.virtual_meters import VirtualLedger
from energy_desktop.storage import open_store
from tests.support.store_builders import HOUR_MS, T0, SetClock, a_configuration, a_site

MIN_MS = 60_000
DAY_MS = 24 * HOUR_MS
LAYOUT = Layout("one", ("energy_import_wh",))
GRID = Meter("grid", "Grid", role=Role.GRID, poll_interval_s=60.0)
HALL = Meter("hall", "Hall", parent_id="grid", poll_interval_s=60.0)


def a_store(tmp_path, grid_min: int, hall_min: int, hours: int = 26):
    """The grid takes 10 Wh a minute, of which the hall uses 4."""
    clock = SetClock(T0 + hours * HOUR_MS)
    store = open_store(tmp_path / "e.db", engine_owner="test", clock=clock)
    store.configuration.replace(
        a_configuration(
            site=a_site(zone="UTC"),
            meters=(
                replace(GRID, interval_min=grid_min),
                replace(HALL, interval_min=hall_min),
            ),
            virtual_meters=(VirtualMeter("rest", "Rest", (("grid", 1.0), ("hall", -1.0))),),
        )
    )
    for minute in range(60 * hours + 1):
        at_ms = T0 + minute * MIN_MS
        store.writer.put(Snapshot("grid", at_ms, LAYOUT, (1_000.0 + 10 * minute,)))
        store.writer.put(Snapshot("hall", at_ms, LAYOUT, (1_000.0 + 4 * minute,)))
    assert store.writer.flush()
    store.writer.upkeep(clock.now_ms)
    return store


PAIRS = [(5, 60), (10, 15), (60, 15), (30, 10)]


@pytest.mark.parametrize(("grid_min", "hall_min"), PAIRS)
def test_the_site_balance_is_whole_whatever_the_lengths(tmp_path, grid_min, hall_min):
    with a_store(tmp_path, grid_min, hall_min) as store:
        found = site_balance(store.configuration.load(), store.ledger, T0, T0 + DAY_MS)

    assert found.grid_import_wh.tolist() == pytest.approx([150.0] * 96)
    assert found.load_wh.sum() == pytest.approx(14_400)
    assert not found.estimated.any()  # its energy was measured, if not in quarter hours
    starts, energy, _ = found.in_blocks(found.grid_import_wh)
    assert found.block_s == 60 * np.lcm(15, grid_min)
    assert energy.tolist() == pytest.approx([found.block_s / 6] * len(energy))
    assert starts[0] == T0


@pytest.mark.parametrize(("grid_min", "hall_min"), PAIRS)
def test_what_no_sub_meter_sees_is_found_whatever_the_lengths(tmp_path, grid_min, hall_min):
    with a_store(tmp_path, grid_min, hall_min) as store:
        (node,) = BalanceService(store.configuration, store.ledger).nodes(T0, T0 + DAY_MS)

    assert node.rest.rest_wh.sum() == pytest.approx(6 * 60 * 24)


@pytest.mark.parametrize(("grid_min", "hall_min"), PAIRS)
def test_a_virtual_meter_has_the_step_that_its_terms_fit_into(tmp_path, grid_min, hall_min):
    with a_store(tmp_path, grid_min, hall_min) as store:
        ledger = VirtualLedger(store.ledger, store.configuration)
        found = ledger.intervals("virtual:rest", T0, T0 + DAY_MS)

    assert found.step_s == 60 * np.lcm(grid_min, hall_min)
    assert found.energy_wh.sum() == pytest.approx(6 * 60 * 24)


def test_a_coarser_interval_is_laid_evenly_over_quarters_and_marked(tmp_path):
    with a_store(tmp_path, 60, 15) as store:
        found = at_step(
            store.ledger,
            "grid",
            T0 + 30 * MIN_MS,
            T0 + 3 * HOUR_MS,
            register="energy_import_wh",
            step_s=900,
        )

    assert found.energy_wh.tolist() == pytest.approx([150.0] * 10)
    assert set(found.quality.tolist()) == {IntervalQuality.ESTIMATED}


def test_an_hour_that_is_not_over_is_laid_over_no_quarter(tmp_path):
    with a_store(tmp_path, 60, 15, hours=2) as store:
        found = at_step(
            store.ledger, "grid", T0, T0 + 3 * HOUR_MS, register="energy_import_wh", step_s=900
        )

    assert np.isnan(found.energy_wh).tolist() == [False] * 8 + [True] * 4


def test_measured_quarters_stay_as_they_are_beside_hours(tmp_path):
    with a_store(tmp_path, 15, 15, hours=4) as store:
        configuration = store.configuration.load()
        store.configuration.replace(
            replace(
                configuration,
                meters=tuple(replace(m, interval_min=60) for m in configuration.meters),
            )
        )
        for minute in range(4 * 60 + 1, 8 * 60 + 1):
            at_ms = T0 + minute * MIN_MS
            store.writer.put(Snapshot("grid", at_ms, LAYOUT, (1_000.0 + 10 * minute,)))
        assert store.writer.flush()
        store.writer.upkeep(T0 + 8 * HOUR_MS)

        found = at_step(
            store.ledger, "grid", T0, T0 + 8 * HOUR_MS, register="energy_import_wh", step_s=900
        )

    assert found.energy_wh.tolist() == pytest.approx([150.0] * 32)
    assert found.quality.tolist() == [IntervalQuality.RAW] * 16 + [IntervalQuality.ESTIMATED] * 16
