"""Running a fleet from the window: what is asked, refused, joined, and shown after."""

import threading
import time
from pathlib import Path

import pytest

from energy_desktop.app.fleet_papers import fleet_papers
from energy_desktop.domain.errors import DataFileError
from energy_desktop.services.fleet import FleetService
from tests.gui.fleet.fakes import FakeFleet
from tests.support.fleet_files import a_fleet


@pytest.fixture
def panel(make, tmp_path):
    view = make(FakeFleet(runs=()))
    view.show_run()
    view.run_panel.take_folder(tmp_path)
    return view.run_panel


def test_results_go_below_the_site_unless_another_place_is_named(panel, tmp_path):
    assert panel.folder.text() == str(tmp_path)
    assert panel.out.text() == str(Path("site") / "fleet" / tmp_path.name)

    panel.out.setText("elsewhere")
    panel.take_folder(tmp_path)

    assert panel.out.text() == "elsewhere"


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("folder", "", "Which files?"),
        ("folder", "/no/such/folder", "There is no folder"),
        ("out", "", "Where to?"),
        ("zone", "Europe/Lundun", "no such clock"),
        ("zone", "", "no such clock"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(panel, field, text, said):
    getattr(panel, field).setText(text)

    panel.begin()

    assert said in panel.request()
    assert panel.notice.isVisibleTo(panel)
    assert panel._fleet.ran == []


def test_a_run_is_shown_when_it_is_done(make, settle, tmp_path):
    fleet = FakeFleet(runs=())
    view = make(fleet)
    view.show_run()
    view.run_panel.take_folder(tmp_path)
    view.run_panel.out.setText(str(tmp_path / "out"))

    view.run_panel.begin()
    settle(view)
    settle(view)

    assert fleet.ran[0][:2] == (tmp_path, tmp_path / "out")
    assert fleet.ran[0][2].zone == "Europe/Berlin"
    assert view.out == tmp_path / "out"
    assert view.stack.currentWidget() is view.fleet_page


def test_the_sites_meters_join_only_when_that_is_ticked(panel, settle, tmp_path):
    panel.begin()
    settle(panel._host)
    assert panel._fleet.joined == []

    panel.with_site.setChecked(True)
    panel.begin()
    settle(panel._host)

    assert panel._fleet.joined == [tmp_path]


def test_a_run_that_fails_keeps_what_was_entered_and_says_what_to_do(panel, settle):
    panel._fleet.refuses = DataFileError(where="in", what="No file fits.", remedy="Look inside.")

    panel.begin()
    settle(panel._host)

    assert panel.notice.isVisibleTo(panel)
    assert panel.state == "body"
    assert panel.folder.text()


def test_a_run_is_stopped_by_its_cancel_and_keeps_what_was_entered(panel, settle, qtbot):
    told = threading.Event()

    def endless(folder, out, options=None, *, progress):
        while True:
            progress(0.3, "reading files, 1 of 4")
            told.set()
            time.sleep(0.01)

    panel._fleet.run = endless
    panel.begin()
    qtbot.waitUntil(told.is_set, timeout=5_000)
    assert panel.busy

    panel._host.jobs.running()[0].cancel()
    settle(panel._host)

    assert not panel.busy
    assert panel.state == "body"
    assert panel.folder.text()


def test_a_tariff_file_that_cannot_be_read_stops_before_the_run(panel, settle, tmp_path):
    (tmp_path / "t.toml").write_text("nonsense = [", encoding="utf-8")
    panel.tariffs.setText(str(tmp_path / "t.toml"))

    panel.begin()
    settle(panel._host)

    assert panel.notice.isVisibleTo(panel)
    assert panel._fleet.ran == []


def test_a_real_run_fills_every_part_and_its_paper(make, settle, qtbot, tmp_path):
    service = FleetService(runs=tmp_path / "runs")
    a_fleet(tmp_path / "in", households=8, days=60)
    view = make(service, fleet_papers(service))
    view.show_run()
    view.run_panel.take_folder(tmp_path / "in")
    view.run_panel.zone.setText("Europe/London")

    view.run_panel.begin()
    qtbot.waitUntil(lambda: not view.jobs.running() and view.out is not None, timeout=60_000)
    settle(view)

    assert "8 households" in view.chooser.currentText()
    assert len(view.overview.scatter._names) == 8
    for part in ("trends", "segments", "forecasts", "anomalies", "tariffs", "quality"):
        view.show_part(part)
        settle(view)
    assert view.trends.table.rows_model.rowCount() == 3  # the last day is 1 March
    assert view.segments.table.rows_model.rowCount() == 8
    assert view.forecasts.table.rows_model.rowCount() == 8
    assert view.tariffs.table.rows_model.rowCount() == 8
    assert view.quality.files.rows_model.rowCount() == 1
    view.open_household("MAC000003")
    settle(view)
    assert len(view.household.days.data.lines[0].y) == 60
    view.save_pdf(tmp_path / "fleet.pdf")
    settle(view)
    assert (tmp_path / "fleet.pdf").read_bytes().startswith(b"%PDF")
