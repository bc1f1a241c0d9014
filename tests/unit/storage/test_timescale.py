"""Hypertables are made where the extension is, and nowhere is its absence or refusal a failure."""

from contextlib import contextmanager

from energy_desktop.domain.errors import StoreError
from energy_desktop.storage.tables import METADATA
from energy_desktop.storage.timescale import HYPERTABLES, partition


class FakeServer:
    """Answers by fragments of the question; keeps what it was asked."""

    def __init__(self, answers, *, is_sqlite=False, refuses=""):
        self.is_sqlite = is_sqlite
        self.asked = []
        self._answers = answers
        self._refuses = refuses

    @contextmanager
    def reading(self):
        yield self

    writing = reading

    def rows(self, sql, parameters=()):
        self.asked.append((sql, parameters))
        if self._refuses and self._refuses in parameters:
            raise StoreError(where="server", what="this licence forbids it.", remedy="")
        return next((rows for part, rows in self._answers.items() if part in sql), [])

    def row(self, sql, parameters=()):
        return next(iter(self.rows(sql, parameters)), None)

    def created(self):
        return [parameters[0] for sql, parameters in self.asked if "create_hypertable" in sql]


def test_a_file_is_asked_nothing():
    database = FakeServer({}, is_sqlite=True)

    assert partition(database) == ()
    assert database.asked == []


def test_a_server_without_the_extension_keeps_plain_tables():
    server = FakeServer({"pg_extension": []})

    assert partition(server) == ()
    assert len(server.asked) == 1


def test_tables_that_grow_with_time_become_hypertables_once():
    server = FakeServer({"pg_extension": [("2.17.2",)], "hypertables": [("hot",)]})

    assert partition(server) == ("hot", "rollups", "intervals", "interval_versions")
    assert server.created() == ["rollups", "intervals", "interval_versions"]
    assert "drop_chunks('hot'" in server.asked[-1][0]


def test_a_refusal_leaves_that_table_plain_and_is_told(caplog):
    server = FakeServer({"pg_extension": [("2.17.2",)]}, refuses="rollups")

    assert partition(server) == ("hot", "intervals", "interval_versions")
    assert "left rollups a plain table" in caplog.text
    assert "licence" in caplog.text


def test_the_column_of_time_is_part_of_every_key():
    """What TimescaleDB demands of a unique key: else it would refuse the table."""
    for table, column, _ in HYPERTABLES:
        assert column in METADATA.tables[table].primary_key.columns
