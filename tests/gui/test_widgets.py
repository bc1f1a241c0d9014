"""Each widget shows something in each of its states, in both themes."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from energy_desktop.domain.errors import MeterUnreachable
from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobHandle
from energy_desktop.ui.views.desk.form import Form
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.carpet import Carpet, CarpetView
from energy_desktop.ui.widgets.decimal_box import DecimalBox
from energy_desktop.ui.widgets.demand_gauge import Demand, DemandGauge
from energy_desktop.ui.widgets.hour_calendar import (
    CalendarDay,
    HourCalendar,
    HourCalendarView,
    HourCell,
)
from energy_desktop.ui.widgets.marks import (
    BandIndicator,
    FactList,
    Figure,
    FigureRow,
    KeyFigure,
    Legend,
    LegendEntry,
    PriorityMark,
    StateChip,
)
from energy_desktop.ui.widgets.meter_dots import Dot, DotGroup, DotsArea, MeterDots
from energy_desktop.ui.widgets.paint import Band, Chip, Mark
from energy_desktop.ui.widgets.panel import EmptyState, InlineNotice, JobProgress, Panel
from energy_desktop.ui.widgets.power_flow import FlowNode, PowerFlow, PowerFlowView
from energy_desktop.ui.widgets.segmented import Segmented

FORMATS = Formats("Europe/Berlin")
MIDNIGHT = 1_760_392_800_000
ERROR = MeterUnreachable(where="Lathe", what="No answer in 3 tries.", remedy="Check its power.")


def a_carpet(days=10, slots=96):
    values = np.tile(np.arange(96.0) * 1000, (days, 1))
    values[3, 10:20] = np.nan
    starts = tuple(MIDNIGHT + d * 86_400_000 for d in range(days))
    return Carpet(starts, values, 900, (slots,) * days)


def flow(stale=False):
    nodes = tuple(
        FlowNode(f"n{i}", f"Hall {i}", 1000.0 * i, "usual", typical_w=(0, 2000), stale=stale)
        for i in range(1, 4)
    )
    grid = FlowNode("grid", "Grid import", 6000.0, "now", "grid_import", "transmission-tower")
    return PowerFlow((grid,), (*nodes, FlowNode("x", "Lost", None, "lost 4 min")), 6000.0)


def demand(projected=190e3):
    return Demand(
        MIDNIGHT, MIDNIGHT + 900_000, MIDNIGHT + 432_000, 200e3, projected,
        ((MIDNIGHT, 230e3), (MIDNIGHT + 432_000, 200e3)), 248e3, 260e3, "No new peak.",
    )  # fmt: skip


def calendar():
    states = ("contract", "outside", "out_of_contract", "future", "no_data")
    return HourCalendar(
        tuple(
            CalendarDay(
                f"Day {n}",
                tuple(HourCell(states[(n + h) % 5], 500.0, h == 3) for h in range(n)),
                5000.0,
                "holiday" if n == 23 else "",
            )
            for n in (23, 24, 25)
        )
    )


def make(kind):
    """The widget in one state."""
    widget: QWidget
    if kind.startswith("band"):
        widget = BandIndicator()
        bands = {
            "band": Band(5, 2, 8, 0, 10, limit=9),
            "band outside": Band(9.5, 2, 8, 0, 10),
            "band stale": Band(5, 2, 8, 0, 10, stale=True),
            "band unknown": Band(None, 2, 8, 0, 10),
            "band empty": None,
        }
        widget.show_band(bands[kind], "5 of 2 to 8")
    elif kind.startswith("mark"):
        widget = PriorityMark(int(kind[5]))
        widget.show_mark(Mark(int(kind[5]), hollow="returned" in kind))
    elif kind.startswith("chip"):
        widget = StateChip(Chip("Draft", int(kind[5])))
    elif kind.startswith("figure"):
        widget = KeyFigure(
            Figure("Energy", "85.1", "MWh", "note", "stale" in kind, "estimated" in kind)
        )
    elif kind == "figures":
        widget = FigureRow()
        widget.show_figures([Figure("a", "1"), Figure("b", "2", "kW", "x")])
    elif kind == "facts":
        widget = FactList()
        widget.show_facts([("Register", "412 kWh"), ("Sum", "9 kWh", True)])
    elif kind == "legend":
        widget = Legend(
            [LegendEntry(k, "curve1", k) for k in ("line", "dash", "box", "hatch", "triangle")]
        )
    elif kind.startswith("flow"):
        widget = PowerFlowView(FORMATS)
        widget.show_flow(PowerFlow() if "empty" in kind else flow("stale" in kind))
    elif kind.startswith("demand"):
        widget = DemandGauge(FORMATS)
        widget.show_demand(
            None if "empty" in kind else demand(None if "start" in kind else 190e3),
            empty="from 14:45",
        )
    elif kind.startswith("calendar"):
        widget = HourCalendarView(FORMATS)
        widget.show_calendar(HourCalendar() if "empty" in kind else calendar())
    elif kind.startswith("carpet"):
        widget = CarpetView(FORMATS)
        widget.show_carpet(None if "empty" in kind else a_carpet())
        widget.choose_day(None if "empty" in kind else 2)
    elif kind == "dots":
        widget = MeterDots()
        states = ("good", "late", "lost", "frozen", "waiting")
        widget.show_groups((DotGroup("COM4", tuple(Dot(s, s, s) for s in states)),))
    elif kind == "segmented":
        widget = Segmented([("day", "Day"), ("week", "Week")])
    elif kind.startswith("notice"):
        widget = InlineNotice("No answer", "Lathe", tone=int(kind[7]), buttons=[("Try now", int)])
    elif kind == "empty state":
        widget = EmptyState("No meters yet.", buttons=[("Add a meter", int)])
    elif kind == "job":
        widget = JobProgress(JobHandle("Forecast", True))
        widget.show_progress(0.4, "training")
    else:
        widget = Panel("Power", "kW")
        if kind == "panel error":
            widget.show_error(ERROR, int)
        elif kind == "panel empty":
            widget.show_empty("12 of 21 days.")
        elif kind == "panel no right":
            widget.show_no_right("Energy manager")
        else:
            widget.set_content(QLabel("body"))
    return widget


KINDS = [
    "band", "band outside", "band stale", "band unknown", "band empty", "mark 1", "mark 2",
    "mark 3", "mark 3 returned", "chip 0", "chip 1", "chip 2", "chip 3", "figure", "figure stale",
    "figure estimated", "figures", "facts", "legend", "flow", "flow stale", "flow empty",
    "demand", "demand start", "demand empty", "calendar", "calendar empty", "carpet",
    "carpet empty", "dots", "segmented", "notice 0", "notice 1", "notice 2", "notice 3",
    "empty state", "job", "panel", "panel error", "panel empty", "panel no right",
]  # fmt: skip


@pytest.mark.parametrize("theme_name", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_widget_shows_something_and_can_be_spoken(qtbot, themed, kind, theme_name):
    themed(theme_name)
    widget = make(kind)
    qtbot.addWidget(widget)
    widget.resize(widget.sizeHint().expandedTo(widget.minimumSizeHint()))

    image = widget.grab().toImage()

    colours = {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}
    assert len(colours) > 1
    if kind not in ("figures", "facts", "job"):
        assert widget.accessibleName() or kind == "band empty"


def test_out_of_its_band_a_value_takes_colour_and_within_it_does_not(qtbot):
    from energy_desktop.ui import theme

    def orange(kind):
        widget = make(kind)
        qtbot.addWidget(widget)
        widget.resize(80, 20)
        image = widget.grab().toImage()
        want = theme.color("p2").rgb()
        return any(image.pixel(x, y) == want for x in range(80) for y in range(20))

    assert orange("band outside") and not orange("band")


def test_an_error_stays_in_its_panel_and_offers_to_try_again(qtbot):
    panel, tried = Panel("Power"), []
    qtbot.addWidget(panel)
    panel.set_content(QLabel("kept"))

    panel.show_error(ERROR, lambda: tried.append(1))
    assert panel.state == "error"
    from PySide6.QtWidgets import QPushButton

    retry = next(b for b in panel.findChildren(QPushButton) if b.text() == "Try again")
    retry.click()
    panel.show_body()

    assert tried == [1] and panel.state == "body"


def test_nothing_dims_before_300_ms(qtbot):
    panel = Panel("Power")
    qtbot.addWidget(panel)
    panel.show()
    panel.set_busy(JobHandle("x", True))

    assert not panel._veil.isVisible()
    qtbot.waitUntil(panel._veil.isVisible, timeout=2000)
    panel.set_idle()
    assert not panel._veil.isVisible()


def test_names_are_shown_as_plain_text(qtbot):
    assert paint.label("<b>x</b>").textFormat() == Qt.TextFormat.PlainText
    assert "&lt;b&gt;" in paint.plain_tooltip("<b>x</b>")


def test_the_flow_is_walked_and_opened_by_keyboard(qtbot):
    widget = PowerFlowView(FORMATS)
    qtbot.addWidget(widget)
    widget.show_flow(flow())

    with qtbot.waitSignal(widget.node_chosen) as chosen:
        qtbot.keyClick(widget, Qt.Key.Key_Down)
        qtbot.keyClick(widget, Qt.Key.Key_Return)

    assert chosen.args == ["n1"]


def test_a_drag_on_the_carpet_is_a_period_of_whole_days(qtbot):
    widget = CarpetView(FORMATS)
    qtbot.addWidget(widget)
    widget.resize(500, 200)
    widget.show_carpet(a_carpet())
    rect = widget._plot()
    from PySide6.QtCore import QPoint

    day = rect.width() / 10
    start = QPoint(round(rect.left() + 2.5 * day), 60)
    end = QPoint(round(rect.left() + 4.5 * day), 120)
    with qtbot.waitSignal(widget.period_selected) as selected:
        qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
        qtbot.mouseMove(widget, end)
        qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=end)

    assert selected.args == [MIDNIGHT + 2 * 86_400_000, MIDNIGHT + 5 * 86_400_000]


def test_a_short_day_of_the_carpet_ends_early(qtbot):
    from energy_desktop.ui.widgets.carpet import _image

    values = np.full((2, 96), 5.0)
    picture = _image(Carpet((0, 1), values, 900, (96, 92)), 96, 10.0)

    assert picture.pixelColor(0, 95).alpha() == 255
    assert picture.pixelColor(1, 91).alpha() == 255 and picture.pixelColor(1, 92).alpha() == 0


def test_a_choice_is_told_once_and_walked_with_the_arrows(qtbot):
    widget = Segmented([("day", "Day"), ("week", "Week"), ("month", "Month")], name="Period")
    qtbot.addWidget(widget)
    told = []
    widget.changed.connect(told.append)

    qtbot.keyClick(widget, Qt.Key.Key_Right)
    widget.set_value("month")
    qtbot.keyClick(widget, Qt.Key.Key_Left)

    assert told == ["week", "week"] and widget.accessibleName() == "Period: Week"


def test_a_part_being_made_never_appears_as_a_window_of_its_own(qtbot, appearances):
    parts = [
        Panel("Title", "Subtitle"),
        InlineNotice("No answer", "Lathe"),
        JobProgress(JobHandle("Forecast", True)),
        Form(),
    ]
    parts[-1].add("name", "Name", QLineEdit(), "As printed on the meter.")
    for part in parts:
        qtbot.addWidget(part)
    assert not appearances
    parts[0].show()
    assert appearances == ["Panel ['Title', 'Subtitle']"]


def test_the_arrows_bring_a_dot_that_is_out_of_sight_into_view(qtbot):
    dots = MeterDots()
    area = DotsArea(dots)
    qtbot.addWidget(area)
    area.resize(200, 60)
    dots.show_groups((DotGroup("COM4", tuple(Dot(str(i), str(i)) for i in range(300))),))
    area.show()
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 250)

    for _ in range(20):
        qtbot.keyClick(dots, Qt.Key.Key_Down)

    assert area.verticalScrollBar().value() > 0
    box = dots._boxes[dots._focused][1].toRect()
    assert dots.visibleRegion().contains(box)


def test_every_consumer_keeps_the_height_of_its_two_lines_beside_a_large_one(qtbot):
    view = PowerFlowView(FORMATS)
    qtbot.addWidget(view)
    view.resize(540, 264)
    nodes = [FlowNode(str(i), f"Board {i}", 10.0, "typical 0.0") for i in range(5)]
    grid = FlowNode("g", "Grid import", 31_050.0)

    view.show_flow(PowerFlow((grid,), (*nodes, FlowNode("big", "Hall", 31_000.0)), 31_050.0))
    view.grab()

    heights = [box.height() + 2 for node, box in view._boxes if node != "g"]
    assert min(heights) >= 38.0
    assert sum(heights) == pytest.approx(264.0)


def test_on_a_crowded_line_the_subtitle_of_a_panel_is_cut_before_its_title(qtbot):
    panel = Panel("Grid connection", "20 Nov 00:00 to 21 Nov 21:13, kWh per 15 min")
    qtbot.addWidget(panel)
    panel.add_header_widget(QLineEdit("Import"))
    panel.resize(400, 120)

    panel.show()

    assert panel._title.text() == "Grid connection"
    assert panel._subtitle.text().endswith("\u2026")
    panel.resize(900, 120)
    assert panel._subtitle.text() == panel._subtitle.full_text()


def test_what_is_computed_never_stands_on_the_words_of_an_empty_panel(qtbot):
    panel = Panel("Plausibility")
    qtbot.addWidget(panel)
    panel.resize(300, 200)
    panel.show_empty("Nothing to judge by yet.")
    panel.show()

    panel.set_busy(JobHandle("Plausibility"))

    qtbot.waitUntil(panel._veil.isVisible)
    seen = panel._stack_box.grab().toImage()
    middle = seen.height() // 2
    around = {seen.pixel(x, middle) for x in range(10, seen.width() // 2 - 60)}
    assert len(around) == 1  # nothing of the sentence beside "computing"


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1,5", 1.5), ("0,25", 0.25), ("1.5", 1.5), ("12,345", 12.345), ("1,234.5", 1.2345)],
)
def test_a_comma_parts_a_number_as_a_point_does_and_is_never_dropped(qtbot, typed, value):
    box = DecimalBox()
    qtbot.addWidget(box)
    box.setDecimals(4)
    box.setRange(0.0, 1e9)
    box.setSuffix(" kWh")

    box.selectAll()
    qtbot.keyClicks(box.lineEdit(), typed)

    assert box.value() == pytest.approx(value)
    assert "," not in box.text()


def test_every_field_for_decimals_takes_both_signs():
    """Qt's own box reads 15 where 1,5 was typed."""
    folder = Path(theme.__file__).parent

    found = [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*.py"))
        if "QDoubleSpinBox" in file.read_text(encoding="utf-8") and file.name != "decimal_box.py"
    ]

    assert found == []
