"""The recorded past, and how it joins the present."""

import time

import numpy as np
import pytest

from energy_desktop.acquisition.simulator.demo import open_demo_site
from energy_desktop.acquisition.simulator.history import history
from energy_desktop.acquisition.simulator.wire import recorded_values
from energy_desktop.domain.quantities import QUANTITIES
from tests.unit.simulator.conftest import NOW_MS

DAY_MS, HOUR_MS = 86_400_000, 3_600_000


@pytest.fixture(scope="module")
def blocks(library):
    site = open_demo_site(None, "h", 1, NOW_MS)
    return list(history(site, NOW_MS, days=9, library=library))


def series(blocks, meter_id, quantity):
    mine = [b for b in blocks if b.meter_id == meter_id and b.quantity == quantity]
    return np.concatenate([b.time_ms for b in mine]), np.concatenate([b.values for b in mine])


def test_it_is_a_minute_grid_and_the_last_hour_a_second_grid_without_gap(blocks):
    times, _ = series(blocks, "grid", "power_w")
    steps = np.diff(times)

    assert times[0] == (NOW_MS // DAY_MS - 9) * DAY_MS
    assert times[-1] == NOW_MS // 1000 * 1000 - 1000
    assert (steps[-3599:] == 1000).all()
    joint = steps.size - 3600
    assert (steps[:joint] == 60_000).all()
    assert 0 < steps[joint] <= 60_000


def test_minutes_begin_at_a_utc_midnight_and_no_block_of_seconds_crosses_an_hour(blocks):
    for block in blocks:
        if block.time_ms[1] - block.time_ms[0] == 1000:
            assert block.time_ms[0] // HOUR_MS == block.time_ms[-1] // HOUR_MS
        else:
            assert block.time_ms[0] % DAY_MS == 0
        assert block.time_ms.dtype == np.int64
        assert block.time_ms.shape == block.values.shape


def test_every_quantity_of_every_meter_is_recorded_but_registers_per_phase(blocks, library):
    recorded = {(block.meter_id, block.quantity) for block in blocks}
    site = open_demo_site(None, "h", 1, NOW_MS)

    for meter in site.configuration.meters:
        for quantity in library.get(meter.driver_id).layout.quantities:
            per_phase = "energy" in quantity and "_l" in quantity
            assert ((meter.meter_id, quantity) in recorded) is not per_phase


def test_values_are_plausible_finite_and_at_the_resolution_of_their_quantity(blocks):
    for block in blocks:
        row = QUANTITIES[block.quantity]
        assert np.isfinite(block.values).all()
        assert block.values.min() >= row.low
        assert block.values.max() <= row.high
        steps = block.values / row.resolution
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)


def test_history_joins_the_live_readings(blocks, library):
    site = open_demo_site(None, "h", 1, NOW_MS)
    for meter in site.configuration.meters:
        profile = library.get(meter.driver_id)
        for register in profile.registers:
            if "energy" in register.quantity and "_l" in register.quantity:
                continue
            times, values = series(blocks, meter.meter_id, register.quantity)
            for place in (-1, -3599):
                live = site.reading(meter.meter_id, int(times[-1]))
                if place == -1:
                    value = recorded_values(register, live.value(register.quantity))[0]
                    assert value == values[-1], (meter.meter_id, register.quantity)


def test_registers_never_fall_where_the_minute_meets_the_second_and_live(blocks, library):
    site = open_demo_site(None, "h", 1, NOW_MS)
    for meter in site.configuration.meters:
        for register in library.get(meter.driver_id).registers:
            quantity = register.quantity
            if not QUANTITIES[quantity].is_counter or "_l" in quantity:
                continue
            _, values = series(blocks, meter.meter_id, quantity)
            live = site.reading(meter.meter_id, NOW_MS).value(quantity)

            assert np.diff(values).min() >= 0
            assert recorded_values(register, live)[0] >= values[-1]


def test_history_is_the_same_whatever_length_is_asked(library):
    site = open_demo_site(None, "h", 1, NOW_MS)
    short = list(history(site, NOW_MS, days=2, library=library))
    long = list(history(site, NOW_MS, days=11, library=library))
    for meter_id, quantity in (("grid", "energy_import_wh"), ("battery", "soc_pct")):
        times, values = series(short, meter_id, quantity)
        all_times, all_values = series(long, meter_id, quantity)
        same = np.isin(all_times, times)
        np.testing.assert_array_equal(all_values[same], values)


def test_ninety_days_of_all_meters_take_a_few_seconds(library):
    site = open_demo_site(None, "h", 1, NOW_MS)
    begin = time.process_time()

    values = sum(block.values.size for block in history(site, NOW_MS, days=90, library=library))

    assert values > 35_000_000
    assert time.process_time() - begin < 6.0


def test_history_does_not_reach_before_the_site(library):
    site = open_demo_site(None, "h", 1, NOW_MS)
    with pytest.raises(ValueError, match="first day"):
        list(history(site, NOW_MS, days=400, library=library))
