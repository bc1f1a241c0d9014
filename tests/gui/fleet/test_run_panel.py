"""Running a fleet from the window: what is asked, refused, joined, and shown after."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from energy_desktop.app.fleet_papers import fleet_papers
from energy_desktop.domain.errors import ConfirmationNeeded, DataFileError
from energy_desktop.domain.fleet import FLAT, FileColumns, FleetOptions, RunAsked
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.views.fleet import words
from tests.gui.fleet.fakes import PLAN, FakeFleet
from tests.support.fleet_files import a_fleet


@pytest.fixture
def panel(make, settle, tmp_path):
    view = make(FakeFleet(runs=()))
    view.show_run()
    view.run_panel.take_folder(tmp_path)
    settle(view)
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

    panel.with_site.setChecked(True)
    panel.begin()
    settle(panel._host)

    assert panel._fleet.joined == [False, True]


def test_a_site_that_has_newer_readings_is_told_above_the_run(make, settle, tmp_path):
    fleet = FakeFleet(runs=())
    fleet.about = replace(fleet.about, summary=replace(fleet.about.summary, site_is_newer=True))
    view = make(fleet)
    view.show_run()
    view.run_panel.take_folder(tmp_path)
    view.run_panel.out.setText(str(tmp_path / "out"))

    view.run_panel.begin()
    settle(view)
    settle(view)

    assert view.stack.currentWidget() is view.fleet_page
    assert view.notice.isVisibleTo(view)
    said = view.notice.accessibleName()
    assert "The site has newer readings than this run" in said
    assert "tick “Replace the results that are there”" in said


def test_a_run_that_fails_keeps_what_was_entered_and_says_what_to_do(panel, settle):
    panel._fleet.refuses = DataFileError(where="in", what="No file fits.", remedy="Look inside.")

    panel.begin()
    settle(panel._host)

    assert panel.notice.isVisibleTo(panel)
    assert panel.state == "body"
    assert panel.folder.text()


def test_a_run_is_stopped_by_its_cancel_and_keeps_what_was_entered(panel, settle, qtbot):
    told = threading.Event()

    def endless(folder, out, options=None, *, progress, **_):
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


def _facts(panel):
    labels = [one.text() for one in panel.needs.facts.findChildren(QLabel)]
    return dict(zip(labels[::2], labels[1::2], strict=True))


def test_what_it_would_read_and_need_is_told_before_it_begins(panel, settle):
    settle(panel._host)

    facts = _facts(panel)

    assert facts["Files"] == "3, 87 MB"
    assert facts["2 read as"] == "a row a reading, 30 min, kWh"
    assert facts["Readings"] == "about 14.3 M"
    assert facts["Time"] == "about 25 s on two cores"
    assert facts["Disk"] == "about 171 MB of 60 GB free"
    assert facts["This run"] == "a new run"
    assert "c.csv: it is empty." in panel.needs.refused.text()
    assert not panel.needs.lacking.isVisibleTo(panel)


def test_columns_are_offered_from_the_files_and_asked_for_when_chosen(panel, settle):
    settle(panel._host)
    value = panel.columns["value"]
    assert [value.itemText(i) for i in range(value.count())] == [
        "found: kwh", "id", "when", "kwh", "watt"]  # fmt: skip
    assert panel.columns["tariff"].currentText() == "none found"

    value.setCurrentIndex(value.findData("watt"))
    panel.unit.setCurrentIndex(panel.unit.findData("W"))
    panel.step.setCurrentIndex(panel.step.findData("15"))
    panel.stamp.set_value("end")
    panel.groups.set_value("6")
    panel.look()
    settle(panel._host)
    panel.begin()
    settle(panel._host)

    options = panel._fleet.ran[0][2]
    assert options.columns == FileColumns(value="watt", unit="W", step_min=15, stamp_end=True)
    assert options.segments == 6
    assert panel._fleet.planned[-1][0] == options
    assert value.currentText() == "watt"  # another look at the files keeps it


@pytest.mark.parametrize("width", [1166, 1720])
def test_the_name_of_the_values_is_whole_and_a_very_long_one_is_elided(
    make, settle, tmp_path, width
):
    view = make(FakeFleet(runs=()))
    view.resize(width, 640)
    long = "Active energy taken from the grid in the half hour, in kWh, " * 3
    found = {**PLAN.taken, "value": "KWH/hh (per half hour) ", "household": long}
    view._fleet.planning = replace(PLAN, taken=found)
    view.show_run()
    view.run_panel.take_folder(tmp_path)
    settle(view)

    value, household = (view.run_panel.columns[role] for role in ("value", "household"))

    assert value.shown_text() == "found: KWH/hh (per half hour) "
    assert "…" in household.shown_text()
    assert household.currentText() == f"found: {long}"


def test_spark_says_what_it_lacks_and_is_given_its_master(panel, settle):
    assert not panel.master.isVisibleTo(panel)

    panel.engine.set_value("spark")
    panel.engine.changed.emit("spark")
    panel.master.setText("spark://head:7077")
    panel.master.editingFinished.emit()
    settle(panel._host)

    assert panel.master.isVisibleTo(panel)
    assert panel.needs.lacking.isVisibleTo(panel)
    assert panel._fleet.planned[-1][1:] == ("spark", "spark://head:7077")
    panel.begin()
    settle(panel._host)
    assert panel._fleet.ran[0][3:] == ("spark", "spark://head:7077")


def test_too_little_room_is_told(panel, settle):
    panel._fleet.planning = replace(PLAN, disk_bytes=2_000, free_bytes=1_000)

    panel.look()
    settle(panel._host)

    assert panel.needs.lacking.isVisibleTo(panel)


def test_a_folder_without_readings_says_so_beside_the_form(panel, settle):
    panel._fleet.refuses_plan = DataFileError(where="in", what="No file.", remedy="Look inside.")

    panel.look()
    settle(panel._host)

    assert panel.needs.state == "error"
    assert panel.state == "body"


def test_a_run_is_made_again_as_it_was_asked(make, settle, tmp_path):
    fleet = FakeFleet()
    asked = FleetOptions(
        zone="Europe/London",
        columns=FileColumns(value="reading", unit="Wh", step_min=30, stamp_end=True),
        tariff_a=replace(FLAT, name="Standard"),
        segments=5,
        seed=11,
    )
    fleet.again = RunAsked(tmp_path, "spark", asked, with_site=True)
    view = make(fleet)
    assert view.page_actions[0].text() == "Run again"

    view.show_run()
    settle(view)
    settle(view)
    view.run_panel.begin()
    settle(view)

    assert fleet.ran == [(tmp_path, Path("London pilot"), asked, "spark", None)]
    assert fleet.joined == [True]
    assert "Standard and Time of use, as before" in view.run_panel.tariffs.placeholderText()


def test_results_that_are_there_are_replaced_only_when_that_is_ticked(panel, settle):
    assert not panel.replace.isVisibleTo(panel)
    panel._fleet.planning = replace(PLAN, state="replaces")
    panel.look()
    settle(panel._host)
    assert panel.replace.isVisibleTo(panel)

    panel.begin()
    settle(panel._host)
    panel.replace.setChecked(True)
    panel.begin()
    settle(panel._host)

    assert panel._fleet.replaced == [False, True]
    panel.out.setText("another folder")
    assert not panel.request().replace


def test_a_run_that_was_refused_for_results_that_are_there_asks_about_them(panel, settle):
    panel._fleet.refuses = ConfirmationNeeded(where="out", what="A run is there.", remedy="Say so.")

    panel.begin()
    settle(panel._host)

    assert panel.replace.isVisibleTo(panel)
    assert not panel.replace.isChecked()
    assert f"tick “{panel.replace.text()}”" in panel.notice.accessibleName()


def test_what_was_typed_before_the_answer_stays_and_the_rest_is_as_it_was_asked(
    make, settle, tmp_path
):
    fleet = FakeFleet()
    answer = threading.Event()
    asked = RunAsked(tmp_path / "old", "duckdb", FleetOptions(zone="Europe/London", segments=5))

    def late(_out):
        assert answer.wait(10)
        return asked

    fleet.was_asked = late
    view = make(fleet)
    view.show_run()
    form = view.run_panel

    form.out.clear()
    QTest.keyClicks(form.out, "elsewhere")
    form.groups.setFocus()
    QTest.keyClick(form.groups, Qt.Key.Key_Left)
    chosen = form.groups.value
    answer.set()
    settle(view)

    assert form.out.text() == "elsewhere"
    assert form.groups.value == chosen == "3"
    assert form.folder.text() == str(tmp_path / "old")
    assert form.zone.text() == "Europe/London"


def test_a_folder_that_was_chosen_before_the_answer_keeps_its_place_for_the_results(
    make, settle, tmp_path
):
    fleet = FakeFleet()
    view = make(fleet)
    view.show_run()
    view.run_panel.take_folder(tmp_path)
    place = view.run_panel.out.text()

    view.run_panel.take_run(view.out, RunAsked(tmp_path / "old", "duckdb", FleetOptions()))

    assert view.run_panel.folder.text() == str(tmp_path)
    assert view.run_panel.out.text() == place
    view.show_run()
    settle(view)
    view.run_panel.take_run(view.out, RunAsked(tmp_path / "old", "duckdb", FleetOptions()))
    assert view.run_panel.folder.text() == str(tmp_path / "old")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "not measured on a cluster"), (4, "about 4 s"), (16.4, "about 16 s"),
     (86, "about 85 s"),
     (200, "about 3 min")],
)  # fmt: skip
def test_a_time_is_said_no_more_exactly_than_it_is_known(context, seconds, said):
    assert words.about(context.formats, seconds).startswith(said)


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
