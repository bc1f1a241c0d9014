"""Six thousand households: whatever is looked at, the window itself never works for long in one go.

Counted in processor time of the window's own thread, so that a busy machine does not fail it.
"""

import gc
import time

import pytest
from PySide6.QtWidgets import QApplication

from energy_desktop.ui.views.fleet.page import PARTS
from tests.gui.fleet.fakes import FakeFleet, an_overview

HOUSEHOLDS = 6000
LONGEST_MS = 100.0  # what a hand at the mouse does not notice


class Longest:
    """Runs the event loop until the jobs are done; ms: the longest go of it."""

    def __init__(self, view):
        self._view = view
        self.ms = 0.0

    def __call__(self, act):
        self._timed(act)
        ends = time.monotonic() + 20
        quiet = 0
        while quiet < 5 and time.monotonic() < ends:
            self._timed(QApplication.processEvents)
            quiet = 0 if self._view.jobs.running() else quiet + 1
            time.sleep(0.002)

    def _timed(self, act):
        began = time.thread_time()
        act()
        self.ms = max(self.ms, 1000 * (time.thread_time() - began))


@pytest.fixture
def view(make):
    fleet = FakeFleet(households=HOUSEHOLDS)
    fleet.about = an_overview(years=(2012, 2013))
    # What other tests left behind is not looked through for garbage within one of these goes.
    gc.collect()
    gc.freeze()
    yield make(fleet)
    gc.unfreeze()


def test_the_overview_with_every_household_as_a_dot_stays_fluent(view):
    longest = Longest(view)

    longest(view.reload)
    longest(lambda: view.look_at(2013, None))
    longest(lambda: view.overview.table.selectRow(40))
    longest(lambda: view.overview.scatter.choose("MAC003000"))
    longest(lambda: view.resize(1700, 900))

    assert len(view.overview.scatter._names) == HOUSEHOLDS
    assert longest.ms < LONGEST_MS


def test_each_part_and_a_household_stay_fluent(view):
    longest = Longest(view)

    for name, _ in PARTS[1:]:
        longest(lambda name=name: view.show_part(name))
    longest(lambda: view.open_household("MAC003000"))

    assert longest.ms < LONGEST_MS


def test_scrolling_to_the_last_of_them_stays_fluent(view):
    view.show_part("segments")
    longest = Longest(view)
    longest(lambda: None)
    table, bar = view.segments.table, view.segments.table.verticalScrollBar()

    for _ in range(HOUSEHOLDS // 100 + 5):
        longest(lambda: bar.setValue(bar.maximum()))

    assert table.rows_model.rowCount() == HOUSEHOLDS
    assert longest.ms < LONGEST_MS
