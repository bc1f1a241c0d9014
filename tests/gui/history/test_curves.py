"""Curves: the old picture stays until the finer one is there, and two units share a picture."""

import numpy as np
import pytest

from energy_desktop.services.history import Curve, MarkKind, QualityMark
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.history.curve_set import MOST_CURVES, CurveSet, stitched
from energy_desktop.ui.views.history.curves import CurvesPicture

HOUR_MS = 3_600_000
SPAN = (0, 48 * HOUR_MS)


def a_curve(key, start_ms, end_ms, points, value=1000.0):
    times = np.linspace(start_ms, end_ms, points, endpoint=False).astype(np.int64)
    row = np.full(points, value)
    return Curve(*key[:1], key[0].title(), key[1], start_ms, end_ms, times, row, row, row,
                 np.empty(0, np.int64), np.empty(0))  # fmt: skip


class Readings:
    """A history that notes what it was asked for."""

    def __init__(self):
        self.asked = []

    def curves(self, wanted, start_ms, end_ms, points=2000):
        self.asked.append((tuple(wanted), start_ms, end_ms, points))
        return tuple(a_curve(key, start_ms, end_ms, min(points, 500)) for key in wanted)

    def marks(self, *_):
        return (QualityMark(MarkKind.GAP, 10 * HOUR_MS, 12 * HOUR_MS, "communication"),)


class Loads:
    """Runs nothing until it is told to: an answer that takes its time."""

    def __init__(self):
        self.waiting = {}

    def __call__(self, work, show, *, on_error=None, key=None):
        self.waiting[key] = (work, show)

    def finish(self):
        while self.waiting:
            _, (work, show) = self.waiting.popitem()
            show(work())


@pytest.fixture
def picture(qtbot):
    made = CurvesPicture(Formats("Europe/Berlin"), Readings(), Loads())
    qtbot.addWidget(made)
    made.resize(900, 420)
    made.show()
    return made


def begun(picture, key=("lathe", "power_w")):
    picture.begin(key, *SPAN)
    picture._load.finish()
    return picture


def test_a_coarse_curve_comes_first_and_a_finer_one_after_it(picture):
    begun(picture)

    points = [asked[3] for asked in picture._history.asked]
    assert points[0] < 500 < points[1]
    assert picture.chart.data.lines[0].x.size == 500


def test_a_zoom_keeps_the_old_picture_until_the_finer_one_is_there(qtbot, picture):
    begun(picture)
    before = picture.chart.data

    picture.chart.zoom(0.1)
    qtbot.waitUntil(lambda: "zoom" in picture._load.waiting)
    assert picture.chart.data is before
    assert picture.chart.zoomed

    picture._load.finish()
    low, high = picture.chart.x_range
    x = picture.chart.data.lines[0].x
    inside = np.count_nonzero((x >= low) & (x <= high))
    assert inside > 200
    assert np.all(np.diff(x) > 0)
    assert picture.chart.x_range == (low, high)


def test_a_small_step_aside_needs_nothing_new(qtbot, picture):
    begun(picture)
    picture.chart.zoom(0.1)
    qtbot.waitUntil(lambda: "zoom" in picture._load.waiting)
    picture._load.finish()
    asked = len(picture._history.asked)
    low, high = picture.chart.x_range

    picture.chart.pan((high - low) / 4)
    picture._read_window()

    assert len(picture._history.asked) == asked
    assert picture._load.waiting == {}


def test_an_answer_for_another_period_is_not_drawn(picture):
    begun(picture)
    late = a_curve(("lathe", "power_w"), SPAN[0], SPAN[1] + 1, 5)

    picture._show_whole((late,))

    assert picture.chart.data.lines[0].x.size == 500


def test_a_second_unit_has_the_right_axis_and_a_third_is_refused(picture):
    begun(picture)
    said = []
    picture.said.connect(said.append)

    picture.add(("lathe", "voltage_l1_v"))
    picture._load.finish()
    picture.add(("lathe", "frequency_hz"))

    assert [line.axis for line in picture.chart.data.lines] == ["left", "right"]
    assert picture.shown.keys == [("lathe", "power_w"), ("lathe", "voltage_l1_v")]
    assert "W and V" in said[0] and "Hz" in said[0]


def test_six_curves_and_no_more_each_in_its_colour(picture):
    begun(picture)
    said = []
    picture.said.connect(said.append)

    for number in range(MOST_CURVES):
        picture.add((f"mill {number}", "power_w"))
        picture._load.finish()

    tokens = [line.token for line in picture.chart.data.lines]
    assert len(set(tokens)) == MOST_CURVES
    assert str(MOST_CURVES) in said[0]


def test_a_colour_stays_with_its_curve_when_another_goes(picture):
    begun(picture)
    for name in ("mill", "press"):
        picture.add((name, "power_w"))
        picture._load.finish()
    before = picture.shown.token(("press", "power_w"))

    picture.remove(("mill", "power_w"))

    assert picture.shown.token(("press", "power_w")) == before
    assert len(picture.chart.data.lines) == 2


def test_the_page_s_own_curve_cannot_be_removed(picture):
    begun(picture)

    picture.remove(("lathe", "power_w"))

    assert picture.shown.keys == [("lathe", "power_w")]


def test_the_table_says_the_value_under_the_cursor(picture):
    begun(picture)

    picture.chart.set_cursor(SPAN[1] / 2000)

    (row,) = picture.table.rows_model.rows
    assert row.at_cursor == 1000.0
    assert row.quality == "1 gap"


def test_a_click_on_a_gap_tells_of_it(picture):
    begun(picture)
    told = []
    picture.mark_chosen.connect(told.append)

    picture.chart.clicked.emit(11 * 3600.0)
    picture.chart.clicked.emit(30 * 3600.0)

    assert [mark.cause for mark in told] == ["communication"]


def test_the_finer_part_stands_in_its_window_only():
    key = ("lathe", "power_w")
    whole = a_curve(key, 0, 100_000, 10, 1.0)
    fine = a_curve(key, 40_000, 60_000, 20, 2.0)

    x, y, _, _ = stitched(whole, fine)

    assert x.size == 4 + 20 + 4
    assert set(y[(x >= 40) & (x < 60)]) == {2.0}
    assert set(y[(x < 40) | (x >= 60)]) == {1.0}


def test_another_quantity_of_the_page_drops_what_no_axis_is_left_for():
    curves = CurveSet()
    curves.lead(("lathe", "power_w"))
    curves.add(("lathe", "voltage_l1_v"))

    curves.lead(("lathe", "frequency_hz"))

    assert curves.keys == [("lathe", "frequency_hz"), ("lathe", "voltage_l1_v")]
