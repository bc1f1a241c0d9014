"""What is heavy about a fleet is done in other processes than the window's."""

import multiprocessing
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QLabel

from energy_desktop.app.fleet_papers import fleet_papers
from energy_desktop.app.window_processes import WindowProcesses
from energy_desktop.fleet.results import FleetResults
from energy_desktop.fleet.run import FleetRun
from energy_desktop.reports import fleet_pdf
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.views.fleet.page import PARTS
from tests.support.fleet_files import a_fleet

HOUSEHOLDS = 6000
DAYS = 15
LONGEST_GAP_MS = 150.0  # 75 were measured, and 100 are aimed at


@pytest.fixture(scope="module")
def processes():
    made = WindowProcesses()
    yield made
    made.close()


@pytest.fixture
def view(make, processes, tmp_path, monkeypatch):
    """A page whose process neither runs a fleet nor reads its results."""

    def refuse(self, *_args, **_kwargs):
        raise AssertionError(f"{type(self).__name__} in the process of the window")

    monkeypatch.setattr(FleetRun, "__init__", refuse)
    monkeypatch.setattr(FleetResults, "__init__", refuse)
    monkeypatch.setattr(fleet_pdf, "render", refuse)
    service = FleetService(runs=tmp_path / "runs", processes=processes.fleet)
    return make(service, fleet_papers(service))


@pytest.fixture
def form(view, settle, tmp_path):
    a_fleet(tmp_path / "in", households=6, days=60)
    view.show_run()
    view.run_panel.take_folder(tmp_path / "in")
    view.run_panel.zone.setText("Europe/London")
    settle(view)
    return view.run_panel


def said(notice):
    return " ".join(one.text() for one in notice.findChildren(QLabel))


def children():
    return {process.pid: process for process in multiprocessing.active_children()}


def test_a_run_and_all_that_looks_at_it_work_in_other_processes(view, form, settle, tmp_path):
    form.begin()
    settle(view)
    settle(view)

    assert view.out == tmp_path / "runs" / "in"
    assert "6 households" in view.chooser.currentText()
    for name, _ in PARTS:
        view.show_part(name)
        settle(view)
    assert view.segments.table.rows_model.rowCount() == 6
    view.open_household("MAC000003")
    settle(view)
    assert len(view.household.days.data.lines[0].y) == 60
    assert not view.notice.isVisibleTo(view)
    view.save_pdf(tmp_path / "fleet.pdf")
    settle(view)
    assert (tmp_path / "fleet.pdf").read_bytes().startswith(b"%PDF")


def test_a_run_whose_process_is_killed_is_told_in_words_and_goes_on(view, form, settle, qtbot):
    before = children()
    form.begin()
    qtbot.waitUntil(lambda: bool(children().keys() - before.keys()), timeout=20_000)

    for pid in children().keys() - before.keys():
        children()[pid].kill()
    settle(view)

    assert "ended from outside" in said(form.notice)
    assert form.state == "body"
    form.begin()
    settle(view)
    settle(view)
    assert "6 households" in view.chooser.currentText()


def test_a_run_that_is_stopped_ends_its_process(view, form, settle, qtbot):
    before = children()
    form.begin()
    qtbot.waitUntil(lambda: bool(children().keys() - before.keys()), timeout=20_000)

    view.jobs.running()[0].cancel()
    settle(view)

    assert children().keys() == before.keys()
    assert form.state == "body"
    assert not form.notice.isVisibleTo(form)


def waited_for_a_core_s():
    """How long the main thread has stood ready while others had the cores; 0 where nobody counts.
    That is the machine's doing, while waiting for another thread of ours is not.
    """
    counted = Path("/proc/self/schedstat")
    return int(counted.read_text(encoding="ascii").split()[1]) / 1e9 if counted.exists() else 0.0


class Heart(QObject):
    """Notes how long the loop kept a 20 ms timer waiting."""

    def __init__(self):
        super().__init__()
        self.longest_ms = 0.0
        self._last = self._now()
        self._timer = QTimer(self, interval=20, timeout=self._beat)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.start()

    @staticmethod
    def _now():
        return time.monotonic() - waited_for_a_core_s()

    def _beat(self):
        now = self._now()
        self.longest_ms = max(self.longest_ms, 1000 * (now - self._last))
        self._last = now


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Six thousand households, hour by hour."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(3)
    stamps = [
        f"{date(2025, 3, 1) + timedelta(k // 24)} {k % 24:02d}:00:00" for k in range(24 * DAYS)
    ]
    hour = np.arange(24 * DAYS) % 24
    (folder / "in").mkdir()
    for first in range(0, HOUSEHOLDS, 1000):
        level = rng.lognormal(-1.0, 0.5, (1000, 1))
        evening = 1 + rng.uniform(0, 3, (1000, 1)) * np.exp(-(((hour - 19) / 2.5) ** 2))
        kwh = np.round(level * evening * rng.lognormal(0, 0.3, (1000, hour.size)), 3)
        names = [f"MAC{first + k:06d}" for k in range(1000)]
        table = pa.table(
            {
                "household": np.repeat(names, hour.size),
                "time": stamps * 1000,
                "energy_kwh": kwh.ravel(),
            }
        )
        pacsv.write_csv(table, folder / "in" / f"{first}.csv")
    FleetService().run(folder / "in", folder / "out")
    return folder / "out"


@pytest.mark.timed
@pytest.mark.timeout(300)
def test_opening_six_thousand_households_holds_the_loop_up_no_longer_than_a_hand_notices(
    make, processes, many, settle, qtbot, tmp_path
):
    service = FleetService(runs=tmp_path / "runs", processes=processes.fleet)
    view = make(service, fleet_papers(service))
    heart = Heart()

    def look(act):
        act()
        QApplication.processEvents()
        settle(view)
        qtbot.wait(200)

    look(lambda: view.open_results(many))
    for name, _ in PARTS[1:]:
        look(lambda name=name: view.show_part(name))
    look(lambda: view.open_household("MAC003000"))

    assert len(view.overview.scatter._names) == HOUSEHOLDS
    assert heart.longest_ms < LONGEST_GAP_MS
