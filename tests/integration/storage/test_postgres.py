"""The same code on PostgreSQL, and what only a server can do: be gone, and come back."""

import time

import numpy as np
import pytest

from energy_desktop.domain.clock import system_clock
from energy_desktop.domain.energy import DAY_MS, GapCause, Resolution
from energy_desktop.domain.errors import EngineAlreadyRunning, StoreError
from energy_desktop.services.importing import CsvLayout, ImportService
from energy_desktop.storage import WriterOptions, open_store
from tests.support.store_builders import (
    HOUR_MS,
    T0,
    SetClock,
    a_configuration,
    a_draft,
    a_snapshot,
    readings,
)


def test_readings_configuration_and_invoices_are_kept_on_a_server(url):
    with open_store(url, engine_owner="pg", clock=SetClock()) as store:
        store.configuration.replace(a_configuration())
        for snapshot in readings(seconds=2 * 3_600 + 10):
            store.writer.put(snapshot)
        assert store.writer.flush()
        before = store.history.raw("m", "power_w", T0, T0 + DAY_MS)
        while store.maintain(T0 + 3 * HOUR_MS - 1, seconds=30):
            pass
        after = store.history.raw("m", "power_w", T0, T0 + DAY_MS)
        assert np.array_equal(before.values, after.values)
        hours = store.history.buckets("m", "power_w", T0, T0 + DAY_MS, Resolution.HOUR)
        assert hours.n.tolist() == [3_600, 3_600, 10]
        proof = store.ledger.reconciliation("m", T0, T0 + 2 * HOUR_MS)
        assert (proof.interval_sum_wh, proof.discrepancy_wh) == (3_600, 0)
        issued = store.invoices.issue(a_draft(), T0)
        assert store.invoices.issued() == (issued,)
        times = T0 - 3 * DAY_MS + np.arange(2_000, dtype=np.int64) * 60_000
        store.bulk.add_sealed("b", "power_w", times, np.ones(2_000))
        assert len(store.history.raw("b", "power_w", 0, T0).values) == 2_000
        assert store.stats().database_bytes > 0
    with open_store(url) as again:
        assert again.configuration.load() == a_configuration()
        assert again.history.latest("m").read_at_ms == T0 + 7_209_000


def test_readings_wait_while_the_server_drops_its_connections(url):
    with open_store(url, engine_owner="pg", clock=SetClock()) as store:
        snapshots = list(readings(seconds=200))
        for snapshot in snapshots[:100]:
            store.writer.put(snapshot)
        assert store.writer.flush()
        with store._database.reading() as session:
            session.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for snapshot in snapshots[100:]:
            store.writer.put(snapshot)

        assert not store.writer.flush()
        assert "server" in store.stats().failing
        assert store.writer.flush()

        assert len(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 200


def test_one_engine_per_server_database(url):
    with (
        open_store(url, engine_owner="first", clock=SetClock()),
        pytest.raises(EngineAlreadyRunning, match="first"),
    ):
        open_store(url, engine_owner="second", clock=SetClock())


def test_a_server_that_is_gone_is_said_in_words():
    with pytest.raises(StoreError, match="server does not answer"):
        open_store("postgresql://nobody@127.0.0.1:1/none")


def test_readings_wait_on_disk_while_the_server_is_down_and_arrive_once_in_order(
    server, url, tmp_path
):
    if server is None:
        pytest.skip("a server that was named is not ours to stop")
    options = WriterOptions(commit_interval_s=0.02, memory_readings=50)
    order = []
    with open_store(url, engine_owner="pg", clock=SetClock(), writer_options=options) as store:
        store.writer.on_committed = lambda batch: order.extend(s.read_at_ms for s in batch)
        store.start()
        snapshots = list(readings(seconds=600))
        for snapshot in snapshots[:100]:
            store.writer.put(snapshot)
        assert store.writer.flush()
        server.stop("immediate")

        for snapshot in snapshots[100:500]:
            store.writer.put(snapshot)
        wait_until(lambda: store.stats().spilled >= 400)
        assert "server" in store.stats().failing
        assert list(tmp_path.glob(".energy-desktop-*.waiting"))
        server.start()
        for snapshot in snapshots[500:]:
            store.writer.put(snapshot)

        wait_until(lambda: store.stats().waiting == 0, seconds=20)
        assert store.stats().failing == ""
        assert store.stats().lost == 0
        assert order == [s.read_at_ms for s in snapshots]
        stored = store.history.raw("m", "power_w", T0, T0 + HOUR_MS)
        assert stored.time_ms.tolist() == order
    assert not list(tmp_path.glob(".energy-desktop-*.waiting"))


def test_what_waited_when_the_program_ended_is_stored_when_both_are_back(server, url):
    if server is None:
        pytest.skip("a server that was named is not ours to stop")
    store = open_store(url, engine_owner="pg", clock=SetClock())
    server.stop()
    for snapshot in readings(seconds=50):
        store.writer.put(snapshot)
    store.close()
    server.start()

    with open_store(url, engine_owner="pg", clock=SetClock()) as again:
        assert again.stats().spilled == 50
        assert again.writer.flush()
        assert len(again.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 50


def test_a_server_that_is_slow_delays_the_commit_and_never_the_reading(url):
    options = WriterOptions(commit_interval_s=0.02)
    with (
        open_store(url, engine_owner="pg", clock=SetClock(), writer_options=options) as store,
        open_store(url, clock=SetClock()) as other,
    ):
        store.start()
        store.writer.put(a_snapshot(at_ms=T0 - 1_000))
        assert store.writer.flush()
        with other._database.writing() as session:
            session.run("LOCK TABLE hot IN ACCESS EXCLUSIVE MODE")
            began = time.perf_counter()
            for snapshot in readings(seconds=1_000):
                store.writer.put(snapshot)
            took_s = time.perf_counter() - began
            time.sleep(0.5)  # the slowness itself
            assert store.stats().waiting == 1_000
        wait_until(lambda: store.stats().waiting == 0)

        assert took_s < 0.5
        assert len(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 1_000


def wait_until(holds, seconds=10.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.01)


def test_a_file_is_imported_on_a_server_as_on_a_disk(url, tmp_path):
    rows = [f"{np.datetime64('2026-03-01T00:00') + np.timedelta64(15 * k, 'm')},{k % 9},{k % 5 - 2}"
            for k in range(600) if k != 40]  # fmt: skip
    path = tmp_path / "roof.csv"
    path.write_text("\n".join(["time_utc,energy_wh,temperature_c", *rows]) + "\n")
    with open_store(url, engine_owner="pg") as store:
        service = ImportService(
            store.configuration, store.ledger, store.editing, clock=system_clock, who="auditor",
            history=store.history, gauges=store.gauges,
        )  # fmt: skip
        temperature = CsvLayout(value_column="temperature_c")

        first = (*service.run([path]), *service.run([path], layout=temperature))
        again = (*service.run([path]), *service.run([path], layout=temperature))

        assert [r.stored for r in first] == [599, 599]
        assert [r.already_stored for r in again] == [599, 599]
        span = (first[0].first_ms, first[0].last_ms + 900_000)
        kept = store.ledger.intervals("roof", *span)
        assert np.nansum(kept.energy_wh) == sum(k % 9 for k in range(600) if k != 40)
        (gap,) = store.editing.gaps("roof", "energy_import_wh", *span)
        assert gap.cause is GapCause.UNKNOWN
        readings_kept = store.history.raw("roof", "temperature_c", *span).values
        assert readings_kept.tolist() == [k % 5 - 2 for k in range(600) if k != 40]
