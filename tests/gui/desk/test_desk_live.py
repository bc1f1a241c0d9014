"""The desk on a real bus: a meter with turned words is found out and gets a driver of its own."""

import time
from dataclasses import replace

import pytest

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.simulator.cabinet import VirtualCabinet
from energy_desktop.acquisition.simulator.server import SimulatorServer
from energy_desktop.app.engine import Engine
from energy_desktop.app.pages import make_page
from energy_desktop.app.paths import SiteFolder, drivers_folder
from energy_desktop.app.wiring import make_services
from energy_desktop.domain.snapshot import LinkState
from energy_desktop.storage import open_store
from energy_desktop.ui.live_feed import LiveFeed

METER = "lighting-hall-2"  # sends its words the other way round than its driver says


@pytest.fixture
def engine(tmp_path):
    folder = SiteFolder(tmp_path / "site")
    folder.make()
    cabinet = VirtualCabinet("127.0.0.1", 0, round(time.time() * 1000))
    with SimulatorServer(cabinet, ProfileLibrary([drivers_folder()])) as server:
        store = open_store(folder.store)
        site = cabinet.configuration
        store.configuration.replace(
            replace(site, links=(replace(site.links[0], port=server.port),))
        )
        store.close()
        made = Engine(folder)
        made.start()
        yield made
        made.stop()


@pytest.fixture
def view(qtbot, context, engine):
    services = make_services(engine.store, engine.library, engine=engine)
    feed = LiveFeed(engine.rings.version)
    feed.start()
    made = make_page("meters", context, services, engine, feed, None)
    made.formats.clock = engine.clock
    qtbot.addWidget(made)
    made.resize(1180, 640)
    made.show()
    made.shown()
    qtbot.waitUntil(lambda: made.list.rows_model.rowCount() == 10, timeout=10_000)
    yield made
    made.hidden()
    context.jobs.close()  # the check of the meter would go on for its twelve polls
    feed.stop()


def test_turned_words_are_seen_on_the_wire_and_mended_in_a_driver_of_the_site(qtbot, view, engine):
    def state():
        return engine.field.statuses()[METER].state

    qtbot.waitUntil(lambda: state() is LinkState.GOOD, timeout=15_000)
    view.refresh()
    view.list.choose(METER)
    inspector = view.wire.inspector
    qtbot.waitUntil(lambda: inspector.use_button.text() == "Use CDAB", timeout=15_000)
    assert inspector.use_button.isVisible()
    assert "only order" in inspector.sentence.text()
    qtbot.waitUntil(lambda: view.wire.frames.table.rows_model.rowCount() > 4, timeout=10_000)
    qtbot.waitUntil(lambda: "of its cycle" in view.list.rows_model.rows[0].load, timeout=10_000)

    inspector.use_button.click()
    editor = view.deeds.editor
    qtbot.waitUntil(lambda: 'word_order = "CDAB"' in editor.edit.toPlainText(), timeout=5_000)
    editor.test()
    qtbot.waitUntil(lambda: "Answered" in editor.trial.state.text(), timeout=15_000)
    shown = dict(editor.trial.values.rows_model.rows)
    assert 220 < float(shown["Voltage L1"].split()[0]) < 240
    qtbot.waitUntil(editor.save_button.isEnabled, timeout=5_000)
    with qtbot.waitSignal(editor.saved, timeout=10_000) as told:
        editor.save_button.click()
    editor.reject()

    assert told.args == ["eastron_sdm630_own"]
    assert (engine.folder.drivers / "eastron_sdm630_own.toml").exists()
    assert engine.library.get("eastron_sdm630_own").info.own
