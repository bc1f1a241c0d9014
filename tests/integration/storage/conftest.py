"""A store with a clock that stands: on a file, and the same tests on a PostgreSQL server."""

import os

import pytest

from energy_desktop.storage import open_store
from tests.support import postgres_server
from tests.support.store_builders import SetClock


def pytest_generate_tests(metafunc):
    """What touches the file itself runs on SQLite only."""
    if "kept_in" in metafunc.fixturenames:
        on_a_file = "path" in metafunc.fixturenames or "faults" in metafunc.module.__name__
        metafunc.parametrize("kept_in", ["sqlite"] if on_a_file else ["sqlite", "postgresql"])


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "energy.db"


@pytest.fixture(scope="session")
def server():
    """A server of our own; None: another one was named."""
    if os.environ.get("ENERGY_DESKTOP_TEST_POSTGRES_URL"):
        yield None
        return
    made = postgres_server.own_server()
    yield made
    made.remove()


@pytest.fixture
def url(server, tmp_path, monkeypatch):
    """An empty database on a server."""
    monkeypatch.setenv("ENERGY_DESKTOP_SPILL_FOLDER", str(tmp_path))
    found = os.environ["ENERGY_DESKTOP_TEST_POSTGRES_URL"] if server is None else server.url
    postgres_server.clear(found)
    return found


@pytest.fixture
def target(request, kept_in, tmp_path):
    """Where the store of this test is kept."""
    if kept_in == "sqlite":
        return tmp_path / "energy.db"
    return request.getfixturevalue("url")


@pytest.fixture
def store(target, clock):
    with open_store(target, engine_owner="test", clock=clock) as opened:
        yield opened
