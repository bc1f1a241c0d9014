"""The Fleet page with a service that gives values."""

from pathlib import Path

import pytest

from energy_desktop.ui.views.fleet.page import FleetView
from tests.gui.fleet.fakes import FakeFleet, FakePapers


@pytest.fixture
def settle(qtbot):
    def wait(view):
        qtbot.waitUntil(lambda: not view.jobs.running(), timeout=20_000)

    return wait


@pytest.fixture
def make(qtbot, context, settle):
    """A shown page; ask_folder answers with what is in `view.folder`."""

    def made(fleet=None, papers=None):
        folders = []

        def ask(_parent, _title, then):
            then(folders.pop())

        view = FleetView(context, fleet or FakeFleet(), papers or FakePapers(), ask, lambda: "Ada")
        view.folders = folders
        qtbot.addWidget(view)
        view.resize(1166, 640)
        view.show()
        view.shown()
        settle(view)
        return view

    return made


@pytest.fixture
def out():
    return Path("London pilot")
