"""How long readings are kept: as the site says, in bytes that were measured, never in the way."""

import asyncio
import threading
import time

import numpy as np
import pytest

from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.keeping import reckoned
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.storage import WriterOptions, open_store
from tests.support.store_builders import (
    HOUR_MS,
    T0,
    SetClock,
    a_configuration,
    a_site,
    a_snapshot,
)

MIDNIGHT = T0 // DAY_MS * DAY_MS
GAUGES = [name for name, row in QUANTITIES.items() if not row.is_counter][:19]


def a_day(store, meter_id, quantities, hours=24):
    """Readings of each second, sealed."""
    times = MIDNIGHT + np.arange(hours * 3_600, dtype=np.int64) * 1_000
    random = np.random.default_rng(7)
    for quantity in quantities:
        walk = 230 + random.normal(0.0, 0.01, len(times)).cumsum()
        store.bulk.add_sealed(meter_id, quantity, times, walk)
    store.bulk.finish()


@pytest.mark.parametrize(("raw_days", "left"), [(31, 3_600), (7, 60)])
def test_readings_are_thinned_out_when_the_site_says_so(store, raw_days, left):
    store.configuration.replace(a_configuration(site=a_site(raw_days=raw_days)))
    a_day(store, "m", ["power_w"], hours=1)

    while store.maintain(MIDNIGHT + 9 * DAY_MS, seconds=5):
        pass

    assert len(store.history.raw("m", "power_w", MIDNIGHT, MIDNIGHT + DAY_MS).values) == left


def test_a_longer_time_holds_from_now_on_without_a_restart(store):
    store.configuration.replace(a_configuration(site=a_site(raw_days=7)))
    a_day(store, "m", ["power_w"], hours=1)
    store.configuration.replace(a_configuration(site=a_site(raw_days=60)))

    while store.maintain(MIDNIGHT + 50 * DAY_MS, seconds=5):
        pass

    assert len(store.history.raw("m", "power_w", MIDNIGHT, MIDNIGHT + DAY_MS).values) == 3_600


def test_the_room_of_a_day_is_measured_on_what_is_stored(store, path):
    assert store.daily_room() is None
    before = path.stat().st_size
    a_day(store, "m", GAUGES)
    store._database.checkpoint()

    room = store.daily_room()

    grown = path.stat().st_size - before
    assert room.measured
    assert room.raw_bytes + room.lasting_bytes == pytest.approx(grown, rel=0.35)
    assert room.needed(62, 730) > room.needed(31, 730) > 31 * room.raw_bytes


def test_before_a_day_is_stored_the_room_is_reckoned_from_the_polls():
    hundred_meters = reckoned([1.0] * 100)

    assert not hundred_meters.measured
    assert 31 * hundred_meters.raw_bytes == pytest.approx(4.2e9, rel=0.05)
    assert reckoned([10.0]).raw_bytes == pytest.approx(reckoned([1.0]).raw_bytes / 10)
    assert reckoned([]).needed(31, 730) == 0.0


def test_while_much_is_thinned_out_polls_are_on_time_and_commits_go_on(tmp_path):
    options = WriterOptions(commit_interval_s=0.05)
    committed: list[float] = []
    with open_store(
        tmp_path / "s.db", engine_owner="t", clock=SetClock(T0), writer_options=options
    ) as store:
        for number in range(3):
            a_day(store, f"m{number}", [*GAUGES, "energy_import_wh"])
        store.writer.on_committed = lambda _: committed.append(time.monotonic())
        store.start()
        purged = threading.Event()

        def purge():
            while store._retention.run(MIDNIGHT + 40 * DAY_MS, seconds=0.2):
                pass
            purged.set()

        async def poll():
            late, number = [], 0
            loop = asyncio.get_running_loop()
            due = loop.time()
            while not purged.is_set() or number < 20:
                due += 0.02
                await asyncio.sleep(max(due - loop.time(), 0))
                late.append(loop.time() - due)
                store.writer.put(a_snapshot("live", T0 + HOUR_MS + number))
                number += 1
            return late, number

        thread = threading.Thread(target=purge)
        thread.start()
        late, number = asyncio.run(poll())
        thread.join()

        assert store.writer.flush()
        assert store.stats().lost == 0
        live = store.history.raw("live", "power_w", T0, T0 + 2 * HOUR_MS)
        assert len(live.values) == number
    assert np.percentile(late, 99) < 0.1
    assert np.diff(committed).max() < 1.0
