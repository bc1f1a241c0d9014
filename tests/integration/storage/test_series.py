"""What was put comes back, hot or sealed, once, and its summaries fit it."""

import numpy as np
import pytest

from energy_desktop.domain.energy import DAY_MS, Gap, GapCause, IntervalQuality, Resolution
from energy_desktop.domain.errors import StoreError
from energy_desktop.domain.snapshot import Layout, Quality, Rejected, Snapshot
from energy_desktop.storage import RetentionRules, open_store
from tests.support.store_builders import (
    HOUR_MS,
    LAYOUT,
    T0,
    a_configuration,
    a_site,
    a_snapshot,
    readings,
)


def keep(store, snapshots):
    for snapshot in snapshots:
        store.writer.put(snapshot)
    assert store.writer.flush()


def seal(store, now_ms):
    while store.maintain(now_ms, seconds=30):
        pass


def hot_rows(store):
    with store._database.reading() as session:
        return session.row("SELECT COUNT(*) FROM hot")[0]


def test_sealing_changes_nothing_that_can_be_read(store):
    keep(store, readings(seconds=2 * 3_600 + 100))
    before = {q: store.history.raw("m", q, T0, T0 + DAY_MS) for q in LAYOUT.quantities}
    summaries = {r: store.history.buckets("m", "power_w", T0, T0 + DAY_MS, r) for r in Resolution}

    seal(store, T0 + 3 * HOUR_MS - 1)

    assert hot_rows(store) == 100
    for name, series in before.items():
        after = store.history.raw("m", name, T0, T0 + DAY_MS)
        assert np.array_equal(after.time_ms, series.time_ms)
        assert np.array_equal(after.values, series.values)
    for resolution, expected in summaries.items():
        found = store.history.buckets("m", "power_w", T0, T0 + DAY_MS, resolution)
        assert np.array_equal(found.start_ms, expected.start_ms)
        assert np.array_equal(found.n, expected.n)
        assert np.allclose(found.mean, expected.mean)
        assert np.array_equal(found.maximum, expected.maximum)
        assert np.array_equal(found.last, expected.last)


def test_the_same_meter_and_time_is_stored_once_hot_and_sealed(store):
    keep(store, readings(seconds=3_600))
    keep(store, readings(seconds=3_600, seed=2))
    assert hot_rows(store) == 3_600
    seal(store, T0 + 2 * HOUR_MS)

    keep(store, readings(seconds=3_600, seed=3))
    seal(store, T0 + 2 * HOUR_MS)

    times = store.history.raw("m", "power_w", T0, T0 + DAY_MS).time_ms
    assert len(times) == 3_600
    assert len(np.unique(times)) == 3_600


def test_readings_that_come_after_their_hour_was_sealed_join_it(store):
    snapshots = list(readings(seconds=3_600))
    keep(store, snapshots[:1_000] + snapshots[2_000:])
    seal(store, T0 + 2 * HOUR_MS)

    keep(store, snapshots[1_000:2_000])
    seal(store, T0 + 2 * HOUR_MS)

    assert hot_rows(store) == 0
    assert len(store.history.raw("m", "voltage_v", T0, T0 + DAY_MS).values) == 3_600
    hour = store.history.buckets("m", "power_w", T0, T0 + HOUR_MS, Resolution.HOUR)
    assert hour.n.tolist() == [3_600]


def test_a_reading_that_comes_while_its_hour_is_being_sealed_is_not_lost(store):
    snapshots = list(readings(seconds=3_600))
    keep(store, [s for i, s in enumerate(snapshots) if i not in (5, 3_000)])
    store._writer._due.clear()
    store._sealer.step(T0 + 2 * HOUR_MS)  # the meter
    store._sealer.step(T0 + 2 * HOUR_MS)  # its first five minutes are deleted

    keep(store, [snapshots[5], snapshots[3_000]])
    seal(store, T0 + 2 * HOUR_MS)

    assert hot_rows(store) == 0
    assert len(store.history.raw("m", "power_w", T0, T0 + DAY_MS).values) == 3_600


def test_not_available_stays_unknown(store):
    nan = float("nan")
    keep(store, [Snapshot("m", T0 + i * 1_000, LAYOUT, (nan, 230.0, 5.0)) for i in range(10)])

    for _ in range(2):
        assert np.isnan(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values).all()
        quarters = store.history.buckets("m", "power_w", T0, T0 + DAY_MS, Resolution.QUARTER)
        assert len(quarters.n) == 0
        seal(store, T0 + 2 * HOUR_MS)


def test_a_meter_whose_driver_changes_within_the_hour_keeps_both_layouts(store):
    other = Layout("two", ("voltage_v", "frequency_hz"))
    keep(store, readings(seconds=60))
    keep(store, [Snapshot("m", T0 + i * 1_000, other, (231.0, 50.01)) for i in range(60, 120)])

    for _ in range(2):
        assert len(store.history.raw("m", "voltage_v", T0, T0 + HOUR_MS).values) == 120
        assert len(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 60
        assert set(store.history.raw("m", "frequency_hz", T0, T0 + HOUR_MS).values) == {50.01}
        seal(store, T0 + 2 * HOUR_MS)
    assert set(store.history.quantities("m")) == {*LAYOUT.quantities, "frequency_hz"}


def test_latest_extent_and_unknown_meters(store):
    assert store.history.latest("m") is None
    assert store.history.extent("m") is None
    keep(store, [*readings(seconds=10), a_snapshot("other", T0 + 99_000)])

    latest = store.history.latest("m")

    assert (latest.read_at_ms, latest.layout) == (T0 + 9_000, LAYOUT)
    assert store.history.extent("m") == (T0, T0 + 9_000)
    seal(store, T0 + 2 * HOUR_MS)
    assert store.history.latest("m").read_at_ms == T0 + 9_000
    assert store.history.extent("m") == (T0, T0 + 9_000)
    assert len(store.history.raw("nobody", "power_w", 0, T0).values) == 0


def test_an_overview_keeps_the_extremes(store):
    keep(store, readings(seconds=4_000))
    series = store.history.raw("m", "power_w", T0, T0 + 4_000_000)

    seen = store.history.overview("m", "power_w", T0, T0 + 4_000_000, 200)

    assert len(seen.n) <= 201
    assert seen.maximum.max() == series.values.max()
    assert seen.minimum.min() == series.values.min()
    assert seen.n.sum() == 4_000


def test_a_flipped_byte_is_found_and_named(store, path):
    keep(store, readings(seconds=3_600))
    seal(store, T0 + 2 * HOUR_MS)
    with store._database.writing() as session:
        (payload,) = session.row("SELECT payload FROM chunks WHERE quantity_key = 1")
        broken = bytearray(payload)
        broken[len(broken) // 2] ^= 4
        session.run("UPDATE chunks SET payload = ? WHERE quantity_key = 1", (bytes(broken),))

    with pytest.raises(StoreError, match=r"m, power_w, hour of 20.*damaged"):
        store.history.raw("m", "power_w", T0, T0 + DAY_MS)
    assert len(store.history.raw("m", "voltage_v", T0, T0 + DAY_MS).values) == 3_600


def test_rejected_values_are_kept_for_review(store):
    rejected = (Rejected("power_w", 1e12, "above 1e9 W"), Rejected("x", float("nan"), "odd"))
    keep(store, [a_snapshot(rejected=rejected, quality=Quality.PARTIAL)])

    entries = store.quarantine.entries(T0, T0 + 1)

    assert [(e.quantity, e.reason) for e in entries] == [
        ("power_w", "above 1e9 W"),
        ("x", "odd"),
    ]
    assert np.isnan(entries[1].value)


def test_a_reading_of_the_wrong_shape_harms_no_other(store, caplog):
    keep(store, [a_snapshot(), Snapshot("m", T0 + 1_000, LAYOUT, (1.0,)), a_snapshot("n")])

    assert len(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 1
    assert len(store.history.raw("n", "power_w", T0, T0 + HOUR_MS).values) == 1
    assert "unreadable" in store.quarantine.entries(T0, T0 + HOUR_MS)[0].reason


def test_a_gap_gets_its_end_when_it_is_known(store):
    store.record_gap(Gap("m", T0, None, GapCause.COMMUNICATION, "no answer"))
    store.writer.flush()
    store.record_gap(Gap("m", T0, T0 + 5_000, GapCause.COMMUNICATION, "no answer"))
    store.writer.flush()

    (gap,) = store.history.gaps("m", T0 + 1_000, T0 + 2_000)

    assert (gap.end_ms, gap.cause) == (T0 + 5_000, GapCause.COMMUNICATION)
    assert store.history.gaps("m", T0 + 6_000, T0 + 7_000) == ()


def test_minute_history_and_seconds_meet_in_one_hour(store):
    store.configuration.replace(a_configuration())
    minute = T0 + np.arange(0, 90, dtype=np.int64) * 60_000
    store.bulk.add_sealed("m", "power_w", minute, np.full(90, 100.0), Quality.SIMULATED)
    store.bulk.finish()

    keep(
        store, [Snapshot("m", T0 + 90 * 60_000 + i * 1_000, LAYOUT, (400.0, 230.0, 9.0))
                for i in range(1_800)]
    )  # fmt: skip

    for _ in range(2):
        hour = store.history.buckets(
            "m", "power_w", T0 + HOUR_MS, T0 + 2 * HOUR_MS, Resolution.HOUR
        )
        quarters = store.history.buckets("m", "power_w", T0, T0 + 2 * HOUR_MS, Resolution.QUARTER)
        assert hour.n.tolist() == [30 + 1_800]
        assert quarters.mean.tolist() == [100.0] * 6 + [400.0] * 2
        day = store.history.buckets("m", "power_w", T0 - DAY_MS, T0 + DAY_MS, Resolution.DAY)
        assert day.n.sum() == 90 + 1_800
        seal(store, T0 + 4 * HOUR_MS)


def test_bulk_history_in_pieces_equals_bulk_history_at_once(store):
    store.configuration.replace(a_configuration())
    times = T0 + np.arange(3 * 1_440, dtype=np.int64) * 60_000
    values = 1_000 + np.cumsum(np.arange(len(times)) % 7)
    cut = 2_000
    store.bulk.add_sealed("whole", "energy_import_wh", times, values)
    store.bulk.add_sealed("parts", "energy_import_wh", times[:cut], values[:cut])
    store.bulk.add_sealed("parts", "energy_import_wh", times[cut:], values[cut:])
    store.bulk.add_sealed("parts", "energy_import_wh", times, values)  # again: nothing twice

    span = (int(times[0]) - DAY_MS, int(times[-1]) + DAY_MS)
    for resolution in Resolution:
        whole = store.history.buckets("whole", "energy_import_wh", *span, resolution)
        parts = store.history.buckets("parts", "energy_import_wh", *span, resolution)
        for name in ("start_ms", "end_ms", "n", "mean", "minimum", "maximum", "first", "last"):
            assert np.allclose(getattr(parts, name), getattr(whole, name)), (resolution, name)
    assert np.array_equal(
        store.ledger.intervals("parts", *span).energy_wh,
        store.ledger.intervals("whole", *span).energy_wh,
        equal_nan=True,
    )


def test_bulk_refuses_times_that_do_not_ascend(store):
    with pytest.raises(ValueError, match="ascending"):
        store.bulk.add_sealed("m", "power_w", np.array([5, 5]), np.array([1.0, 2.0]))


def test_the_ledger_closes_quarters_while_readings_are_still_hot(store):
    store.configuration.replace(a_configuration())
    keep(store, readings(seconds=1_801))
    store.writer.upkeep(T0 + 1_801_000)

    found = store.ledger.intervals("m", T0, T0 + 3 * 900_000)

    assert found.energy_wh.tolist()[:2] == [450.0, 450.0]
    assert found.quality.tolist() == [0, 0, IntervalQuality.MISSING]
    proof = store.ledger.reconciliation("m", T0, T0 + 2 * 900_000)
    assert (proof.register_difference_wh, proof.discrepancy_wh) == (900, 0)
    assert store.ledger.registers("m") == ("energy_import_wh",)
    reading = store.ledger.register_reading("m", T0 + 10_500)
    assert (reading.read_at_ms, reading.value_wh) == (T0 + 10_000, 1_005)


def test_the_ledger_goes_on_after_a_restart_where_it_stood(target, clock):
    snapshots = list(readings(seconds=4_000))
    with open_store(target, engine_owner="a", clock=clock) as first:
        keep(first, snapshots[:1_500])
        first.writer.upkeep(T0)
    with open_store(target, engine_owner="b", clock=clock) as second:
        keep(second, snapshots[1_500:])
        second.writer.close_quarters()
        second.writer.upkeep(T0 + 4_000_000)

        proof = second.ledger.reconciliation("m", T0, T0 + 4 * 900_000)

        assert (proof.interval_sum_wh, proof.missing_intervals) == (1_800, 0)
        assert proof.discrepancy_wh == 0


def test_a_reset_shows_as_a_discrepancy_and_in_quarantine(store):
    store.configuration.replace(a_configuration())
    keep(store, [a_snapshot(at_ms=T0 + i * 10_000, energy=50_000 + i) for i in range(120)])
    keep(store, [a_snapshot(at_ms=T0 + i * 10_000, energy=i - 120) for i in range(120, 300)])
    store.writer.upkeep(T0 + HOUR_MS)

    proof = store.ledger.reconciliation("m", T0, T0 + 3 * 900_000)

    assert proof.missing_intervals == 1
    assert proof.resets == 1
    assert "reset" in store.quarantine.entries(T0, T0 + DAY_MS)[0].reason
    quality = store.ledger.intervals("m", T0, T0 + 3 * 900_000).quality.tolist()
    assert quality[1] == IntervalQuality.QUARANTINED


def test_imported_intervals_are_stored_once_and_summed_to_coarser_steps(store):
    from energy_desktop.domain.energy import Intervals

    starts = T0 + np.arange(6, dtype=np.int64) * 1_800_000
    energy = np.array([100.0, 200.4, np.nan, 300.0, 1.0, 2.0])
    imported = Intervals("h", "energy_import_wh", 1_800, starts, energy, np.zeros(6, np.int8))

    assert store.ledger.add_intervals(imported) == 5
    assert store.ledger.add_intervals(imported) == 0
    end = T0 + 3 * HOUR_MS
    assert store.ledger.intervals("h", T0, end).energy_wh.tolist()[:2] == [100.0, 200.0]
    hours = store.ledger.intervals("h", T0, end, step_s=3_600)
    assert np.array_equal(hours.energy_wh, [300.0, np.nan, 3.0], equal_nan=True)
    assert hours.quality.tolist() == [0, IntervalQuality.MISSING, 0]
    proof = store.ledger.reconciliation("h", T0, end)
    assert (proof.register_difference_wh, proof.discrepancy_wh) == (None, None)
    assert (proof.interval_sum_wh, proof.missing_intervals) == (603, 1)
    assert store.history.extent("h") == (T0, end)


def test_a_corrected_interval_is_a_new_version_and_the_old_one_is_kept(store):
    from energy_desktop.domain.energy import Intervals

    def one(energy):
        return Intervals(
            "h", "energy_import_wh", 1_800, np.array([T0]), np.array([energy]), np.zeros(1, np.int8)
        )

    store.ledger.add_intervals(one(5.0))
    assert store.ledger.add_intervals(one(7.0)) == 1

    assert store.ledger.intervals("h", T0, T0 + 1_800_000).energy_wh.tolist() == [7.0]
    with store._database.reading() as session:
        assert session.rows("SELECT version, energy_wh FROM interval_versions") == [(1, 5)]
        assert session.row("SELECT version FROM intervals")[0] == 2


def test_seconds_become_minutes_and_minutes_become_quarter_hours(target, clock):
    rules = RetentionRules(raw_days=1, minute_days=10)
    with open_store(target, engine_owner="t", clock=clock, retention=rules) as store:
        keep(store, readings(seconds=3_600))
        seal(store, T0 + 2 * HOUR_MS)
        hour = store.history.buckets("m", "power_w", T0, T0 + HOUR_MS, Resolution.HOUR)

        seal(store, T0 + 3 * DAY_MS)
        minutes = store.history.raw("m", "power_w", T0, T0 + DAY_MS)
        registers = store.history.raw("m", "energy_import_wh", T0, T0 + DAY_MS)
        seal(store, T0 + 20 * DAY_MS)

        assert len(minutes.values) == 60
        assert abs(minutes.values.mean() - hour.mean[0]) < 0.1
        assert registers.values.tolist()[:2] == [1_000.0, 1_030.0]
        assert len(store.history.raw("m", "power_w", T0, T0 + DAY_MS).values) == 0
        quarters = store.history.buckets("m", "power_w", T0, T0 + DAY_MS, Resolution.QUARTER)
        assert quarters.n.tolist() == [900] * 4
        with store._database.reading() as session:
            assert session.row("SELECT COUNT(*) FROM timelines")[0] == 0


def test_days_follow_the_site_when_its_zone_is_changed(store):
    store.configuration.replace(a_configuration())
    times = T0 + np.arange(2 * 1_440, dtype=np.int64) * 60_000
    store.bulk.add_sealed("m", "power_w", times, np.ones(len(times)))

    for zone, offset in (("Asia/Kolkata", 5.5), ("America/New_York", -5), ("Europe/Berlin", 1)):
        store.configuration.replace(a_configuration(site=a_site(zone=zone)))
        days = store.history.buckets("m", "power_w", T0 - DAY_MS, T0 + 3 * DAY_MS, Resolution.DAY)
        assert ((days.start_ms - T0 + offset * HOUR_MS) % DAY_MS == 0).all()
        assert days.n.sum() == len(times)
