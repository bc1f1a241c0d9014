"""Readings of slow and fast polls alternate: each quantity is stored as often as it was read."""

import math

import pytest

from energy_desktop.domain.energy import DAY_MS, QUARTER_HOUR_MS
from energy_desktop.domain.snapshot import Layout, Snapshot
from tests.support.store_builders import HOUR_MS, T0

WHOLE = Layout("driver@1", ("power_w", "energy_import_wh", "voltage_v"))
PART = Layout("driver@1/2", ("power_w", "voltage_v"), WHOLE)


def alternating(seconds: int, *, offset: int = 0):
    """1.8 kW: half a watt hour a second; energy in each tenth reading."""
    for second in range(seconds):
        at_ms = T0 + second * 1000
        if second % 10 == offset:
            yield Snapshot("m", at_ms, WHOLE, (1800.0, 1000 + second * 0.5, 230.0))
        else:
            yield Snapshot("m", at_ms, PART, (1800.0, 230.0))


def keep(store, snapshots):
    for snapshot in snapshots:
        store.writer.put(snapshot)
    assert store.writer.flush()


def seal(store, now_ms):
    while store.maintain(now_ms, seconds=30):
        pass


def test_each_quantity_has_the_readings_that_were_made_hot_and_sealed(store):
    keep(store, alternating(4000))

    hot = {q: store.history.raw("m", q, T0, T0 + DAY_MS) for q in WHOLE.quantities}
    seal(store, T0 + 3 * HOUR_MS)
    sealed = {q: store.history.raw("m", q, T0, T0 + DAY_MS) for q in WHOLE.quantities}

    assert {q: s.values.size for q, s in hot.items()} == {
        "power_w": 4000, "energy_import_wh": 400, "voltage_v": 4000,
    }  # fmt: skip
    for name, series in hot.items():
        assert sealed[name].time_ms.tolist() == series.time_ms.tolist()
        assert sealed[name].values.tolist() == pytest.approx(series.values.tolist(), abs=0.5)


def test_the_latest_reading_is_complete(store):
    keep(store, alternating(95))

    latest = store.history.latest("m")

    assert latest.read_at_ms == T0 + 94_000
    assert latest.layout == WHOLE
    assert latest.values == (1800.0, 1045.0, 230.0)


def test_the_latest_reading_is_complete_when_all_is_sealed(store):
    keep(store, alternating(95))
    seal(store, T0 + 3 * HOUR_MS)

    latest = store.history.latest("m")

    assert latest.read_at_ms == T0 + 94_000
    assert latest.value("power_w") == 1800.0
    assert latest.value("energy_import_wh") == 1045.0


def test_all_quantities_are_known_after_a_partial_reading(store):
    keep(store, alternating(95))

    assert set(store.history.quantities("m")) == set(WHOLE.quantities)


def test_a_store_opened_again_knows_the_whole_layout(store, tmp_path):
    from energy_desktop.storage.series.names import Names

    keep(store, alternating(15))
    fresh = Names(store._database)

    with store._database.reading() as session:
        found = [fresh.layout(session, key) for key in fresh.columns(session, "power_w")]

    assert {layout.layout_id: layout.whole for layout in found} == {
        "driver@1": None, "driver@1/2": WHOLE,
    }  # fmt: skip


def test_a_quarter_hour_waits_for_the_register_and_is_then_exact(store):
    quarter_s = QUARTER_HOUR_MS // 1000
    end_ms = T0 + 2 * QUARTER_HOUR_MS
    keep(store, alternating(2 * quarter_s + 3, offset=3))  # the boundary is met by power alone
    before = store.ledger.intervals("m", end_ms - QUARTER_HOUR_MS, end_ms)

    keep(store, list(alternating(2 * quarter_s + 5, offset=3))[-2:])
    for _ in range(3):
        store.maintain(end_ms + 10_000, seconds=5)
    after = store.ledger.intervals("m", end_ms - QUARTER_HOUR_MS, end_ms)

    assert math.isnan(before.energy_wh[0])
    assert after.energy_wh[0] == pytest.approx(450, abs=1)
