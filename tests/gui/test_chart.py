"""The chart: ranges that hold still, cursor by keyboard, values as text, no join over a gap."""

import numpy as np
import pytest
from PySide6.QtCore import Qt

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import chart_axes, chart_scene
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import Bars, ChartData, Fan, Limit, Line, Steps

START = 1_760_392_800.0  # 14 Oct 2025 00:00 in Berlin


@pytest.fixture
def chart(qtbot):
    made = Chart(Formats("Europe/Berlin"), name="Power")
    qtbot.addWidget(made)
    made.resize(600, 300)
    made.show()
    qtbot.waitExposed(made)
    return made


def a_line(y, step=60.0, **other):
    y = np.asarray(y, dtype=float)
    return Line("Lathe", START + np.arange(len(y)) * step, y, **other)


def y_range(chart):
    return tuple(chart._box.viewRange()[1])


def pixels(chart, token):
    """Columns in which the colour of `token` occurs."""
    image = chart.grab().toImage()
    want = theme.color(token).rgb()
    return {
        x for x in range(image.width()) for y in range(image.height()) if image.pixel(x, y) == want
    }


def test_a_gap_is_not_joined(chart, qtbot, monkeypatch):
    monkeypatch.setattr(chart_scene, "ANTIALIAS_POINTS", -1)
    y = np.full(600, 5000.0)
    y[200:400] = np.nan
    chart.show_data(ChartData(lines=(a_line(y, token="curve1"),)))

    columns = pixels(chart, "curve1")

    span = max(columns) - min(columns)
    inside = [c for c in columns if 0.4 < (c - min(columns)) / span < 0.6]
    assert len(columns) > 100 and inside == []


def test_the_y_range_grows_at_once_and_shrinks_after_half_a_minute(chart, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(chart_axes.time, "monotonic", lambda: now[0])
    chart.show_data(ChartData(lines=(a_line([0, 1000]),)))
    small = y_range(chart)

    chart.show_data(ChartData(lines=(a_line([0, 9000]),)))
    grown = y_range(chart)
    chart.show_data(ChartData(lines=(a_line([0, 1000]),)))
    held = y_range(chart)
    now[0] += 31
    chart.show_data(ChartData(lines=(a_line([0, 1000]),)))

    assert grown[1] > 9000 > small[1]
    assert held == grown
    assert y_range(chart) == small


def test_left_and_right_walk_through_the_readings(chart, qtbot):
    chart.show_data(ChartData(lines=(a_line([1000, 2000, 3000, 4000]),)))
    seen = []
    chart.cursor_moved.connect(seen.append)

    qtbot.keyClick(chart, Qt.Key.Key_Left)
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    qtbot.keyClick(chart, Qt.Key.Key_Right)

    assert seen == [START + 180, START + 120, START + 60, START + 120]
    assert chart.values_at(seen[-1])[0] == ("Lathe", "3.0\u00a0kW")
    qtbot.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.cursor_x is None


def test_a_zoom_is_kept_when_new_values_come_and_0_ends_it(chart, qtbot):
    data = ChartData(lines=(a_line(np.arange(600.0)),))
    chart.show_data(data)
    home = chart.x_range
    qtbot.keyClick(chart, Qt.Key.Key_Plus)
    zoomed = chart.x_range

    chart.show_data(data)

    assert chart.x_range == zoomed != home
    qtbot.keyClick(chart, Qt.Key.Key_0)
    assert chart.x_range == home


def test_every_value_is_also_in_the_table(chart):
    chart.show_data(
        ChartData(
            lines=(a_line([1000, np.nan]),),
            steps=(Steps("Price", START + np.arange(3) * 60.0, np.array([2000.0, 3000.0])),),
            fans=(Fan("usual", START + np.arange(2) * 60.0, np.zeros(2), np.full(2, 5000.0)),),
            bars=(Bars("Waste", START + np.arange(2) * 60.0, np.array([700.0, 0.0]), 60.0),),
        )
    )

    headers, rows = chart.table_rows()

    assert headers == (
        "Time", "Lathe, kW", "Price, kW", "usual, from, kW", "usual, to, kW", "Waste, kW"
    )  # fmt: skip
    assert rows[0] == ("14 Oct 2025 00:00:00 CEST", "1.0", "2.0", "0.0", "5.0", "0.7")
    assert rows[1][1] == "–"


def test_t_swaps_drawing_and_table(chart, qtbot):
    chart.show_data(ChartData(lines=(a_line([1000, 2000]),)))

    qtbot.keyClick(chart, Qt.Key.Key_T)
    assert chart.table_shown
    chart.toggle_table()
    assert not chart.table_shown


def test_at_most_five_grid_lines(chart):
    for top in (7.0, 33.0, 999.0, 12_345.0, 9.9e6):
        chart.reset_zoom()
        chart.show_data(ChartData(lines=(a_line([0, top]),)))
        assert 2 <= len(chart._y_ticks) <= 5


def test_the_description_is_spoken_with_the_way_to_the_table(chart):
    chart.show_data(ChartData(lines=(a_line([1.0]),), description="Load is 311 kW."))

    assert chart.accessibleName() == "Power"
    assert chart.accessibleDescription().startswith("Load is 311 kW.")


def test_a_switch_of_the_theme_recolours(chart, themed):
    chart.show_data(ChartData(lines=(a_line([1000, 2000], token="curve1"),)))
    light = chart.grab().toImage()

    themed("dark")

    assert chart.grab().toImage() != light
    assert chart._bottom_axis.textPen().color() == theme.color("text3")


@pytest.mark.parametrize(
    "data",
    [
        ChartData(),
        ChartData(lines=(a_line([]),)),
        ChartData(lines=(a_line([np.nan, np.nan]),)),
        ChartData(lines=(a_line([5.0]),), limits=(Limit(5.0, "contract"),)),
        ChartData(bars=(Bars("none", np.empty(0), np.empty(0), 900.0),)),
    ],
    ids=["nothing", "no points", "only gaps", "one point", "no bars"],
)
def test_degenerate_data_is_drawn_without_a_word(chart, data):
    chart.show_data(data)
    chart.grab()
    chart.set_cursor(START, pinned=True)
    chart.grab()


def test_where_nothing_was_measured_no_figures_stand_at_the_axis(qtbot):
    chart = Chart(Formats("Europe/Berlin"), name="Power")
    qtbot.addWidget(chart)
    chart.resize(400, 200)
    chart.show()

    chart.show_data(ChartData())
    assert chart._y_ticks == []

    chart.show_data(ChartData(lines=(Line("a", np.arange(4.0), np.full(4, 2_000.0)),)))
    assert chart._y_ticks
