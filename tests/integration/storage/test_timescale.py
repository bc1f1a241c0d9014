"""On a server that has TimescaleDB, series lie in hypertables and answer as they did before."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from energy_desktop.storage import open_store
from energy_desktop.storage.timescale import HYPERTABLES, partition
from tests.support.store_builders import HOUR_MS, T0, SetClock, readings


@pytest.fixture
def timescale_url(url):
    """An empty database in which the extension was created."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS timescaledb")
    except SQLAlchemyError as error:
        reason = str(error.orig).splitlines()[0] if getattr(error, "orig", None) else str(error)
        pytest.skip(f"the PostgreSQL server has no TimescaleDB: {reason}")
    finally:
        engine.dispose()
    return url


def test_without_the_extension_the_tables_stay_plain_and_the_store_opens(url):
    with open_store(url, engine_owner="test", clock=SetClock()) as store:
        assert partition(store._database) == ()


def test_readings_go_in_come_out_and_are_sealed_as_on_a_plain_server(timescale_url):
    with open_store(timescale_url, engine_owner="test", clock=SetClock()) as store:
        for snapshot in readings(seconds=3_600):
            store.writer.put(snapshot)
        assert store.writer.flush()
        while store.maintain(T0 + 2 * HOUR_MS, seconds=5):
            pass

        assert len(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 3_600
        assert store.ledger.reconciliation("m", T0, T0 + HOUR_MS).discrepancy_wh == 0
        assert partition(store._database) == tuple(table for table, _, _ in HYPERTABLES)


def test_a_store_that_is_there_already_is_taken_over_with_its_rows(timescale_url):
    with open_store(timescale_url, clock=SetClock()) as store:  # no engine: plain tables
        assert store.history.extent("m") is None
    with open_store(timescale_url, engine_owner="one", clock=SetClock()) as store:
        for snapshot in readings(seconds=10):
            store.writer.put(snapshot)
        assert store.writer.flush()

    with open_store(timescale_url, engine_owner="two", clock=SetClock()) as store:
        assert len(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 10
