"""The same code on PostgreSQL. Needs a server: ENERGY_DESKTOP_TEST_POSTGRES_URL names an empty
database that these tests may fill and clear."""

import os

import numpy as np
import pytest

from energy_desktop.domain.energy import DAY_MS, Resolution
from energy_desktop.domain.errors import EngineAlreadyRunning, StoreError
from energy_desktop.storage import open_store
from tests.support.store_builders import (
    HOUR_MS,
    T0,
    SetClock,
    a_configuration,
    a_draft,
    readings,
)


@pytest.fixture
def url(tmp_path, monkeypatch):
    url = os.environ.get("ENERGY_DESKTOP_TEST_POSTGRES_URL")
    if not url:
        pytest.skip("no PostgreSQL server: ENERGY_DESKTOP_TEST_POSTGRES_URL is not set")
    monkeypatch.setenv("ENERGY_DESKTOP_SPILL_FOLDER", str(tmp_path))
    from sqlalchemy import create_engine

    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return url


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
