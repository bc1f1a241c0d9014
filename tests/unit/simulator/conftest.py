from pathlib import Path

import pytest

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.simulator.demo import open_demo_site
from energy_desktop.acquisition.simulator.site import VirtualSite
from energy_desktop.domain.clock import parse_utc

NOW_MS = parse_utc("2026-11-20T12:37:41")  # a Friday


@pytest.fixture(scope="session")
def library() -> ProfileLibrary:
    return ProfileLibrary([Path(__file__).parents[3] / "drivers"])


@pytest.fixture
def site() -> VirtualSite:
    return open_demo_site(None, "127.0.0.1", 5020, NOW_MS)


@pytest.fixture(scope="session")
def untouched_site() -> VirtualSite:
    """For tests that give no command."""
    return open_demo_site(None, "127.0.0.1", 5020, NOW_MS)
