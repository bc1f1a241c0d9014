"""A store on a file, with a clock that stands."""

import pytest

from energy_desktop.storage import open_store
from tests.support.store_builders import SetClock


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "energy.db"


@pytest.fixture
def store(path, clock):
    with open_store(path, engine_owner="test", clock=clock) as opened:
        yield opened
