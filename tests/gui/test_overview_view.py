"""The overview shows what it is given, says what it does not know, and leads on."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.overview import (
    REST,
    Advice,
    DayCost,
    DemandNow,
    NightWaste,
    PowerNow,
    PowerPart,
    Usual,
)
from energy_desktop.domain.recommendation import Recommendation
from energy_desktop.domain.site import Link, LinkKind, Meter, Role
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views import overview_words as words
from energy_desktop.ui.views.overview_view import OverviewView
from tests.gui.fakes import NOW

NOW_MS = round(NOW.timestamp() * 1000)
METERS = (
    Meter("grid", "Grid", "d", "k", role=Role.GRID),
    Meter("chiller", "Chiller", "d", "k"),
)
SITE = Configuration(meters=METERS, links=(Link("k", LinkKind.MODBUS_TCP, "h"),))


def _spaced(text: str) -> str:
    """With common spaces between numbers and units."""
    return text.replace("\u00a0", " ")


def power(chiller_w: float | None = 52_400.0, load_w: float | None = 60_000.0) -> PowerNow:
    lost = ("Chiller",) if chiller_w is None else ()
    return PowerNow(
        NOW_MS,
        (PowerPart("grid", "Grid", Role.GRID, ("grid",), load_w),),
        (
            PowerPart(
                "chiller",
                "Chiller",
                Role.LOAD,
                ("chiller",),
                chiller_w,
                Usual(28_000.0, 44_000.0, 10),
                lost,
                38_200.0 if lost else None,
                NOW_MS - 900_000 if lost else None,
            ),
            PowerPart(REST, "Not sub-metered", Role.LOAD, (), None if lost else 7600.0, lost=lost),
        ),
        load_w,
    )


def demand(projected_w: float = 194_000.0) -> DemandNow:
    start = NOW_MS - NOW_MS % 900_000
    return DemandNow(
        start, start + 900_000, NOW_MS, 203_000.0, projected_w, (), 248_000.0, 260_000.0,
        248_000.0, 289_000.0,
    )  # fmt: skip


class FakeOverview:
    def power_now(self, _configuration):
        return power()

    def demand_now(self, _configuration):
        return demand()

    def statuses(self):
        return {m.meter_id: MeterStatus(m.meter_id, LinkState.GOOD) for m in METERS}


@pytest.fixture
def view(qtbot, context):
    made = OverviewView(context, FakeOverview(), lambda: SITE, lambda: ())
    qtbot.addWidget(made)
    made.resize(1166, 595)
    return made


def test_the_title_names_what_is_above_usual_and_by_how_much(view):
    view.show_power(power(), demand())
    assert (
        _spaced(view.answer)
        == "Above usual: Chiller, 8.4 kW over its range. Demand safe until 14:45."
    )


def test_a_projected_peak_is_said_with_its_height():
    answer = words.answer_of(power(30_000.0), demand(255_000.0), Formats("Europe/Berlin"))
    assert "7.0 kW over its limit at 14:45" in _spaced(answer)


def test_a_lost_meter_shows_no_power_but_its_last_value_and_age():
    flow = words.flow_of(power(None), Formats("Europe/Berlin"))
    chiller = flow.sinks[0]
    assert chiller.power_w is None and chiller.stale
    assert _spaced(chiller.detail) == "lost 15 min, last 38.2 kW"
    assert flow.sinks[1].detail.startswith("unknown")


@pytest.mark.parametrize(("now_w", "outside"), [(331.0, False), (900.0, True), (None, False)])
def test_a_mark_takes_colour_only_where_the_words_say_so_and_both_have_the_same_digits(
    now_w, outside
):
    part = PowerPart("p", "Press", Role.LOAD, ("p",), now_w, Usual(316.0, 324.0, 10))
    flow = words.flow_of(PowerNow(NOW_MS, (), (part,), now_w), Formats("Europe/Berlin"))

    (node,) = flow.sinks

    assert node.outside is outside
    assert node.detail == f"{'above typical' if outside else 'typical'} 0.32"
    assert node.decimals == 2


def test_before_the_first_whole_block_it_says_why_and_what_will_count():
    waiting = replace(demand(), mean_w=None, projected_w=None, free_w=None)

    told = words.demand_empty(waiting, Formats("Europe/Berlin"))

    assert _spaced(told).split("\n") == [
        "From 14:45: the running quarter hour was not read whole.",
        "Contract 260.0 kW, peak this month 248.0 kW.",
    ]


def test_three_hundred_meters_leave_every_panel_in_its_place(qtbot, context):
    meters = tuple(Meter(f"m{i}", f"Board {i}", "d", f"k{i % 5}") for i in range(300))
    links = tuple(Link(f"k{i}", LinkKind.MODBUS_TCP, "h") for i in range(5))
    site = Configuration(meters=(METERS[0], *meters), links=links)
    made = OverviewView(context, FakeOverview(), lambda: site, lambda: ())
    qtbot.addWidget(made)
    made.resize(1166, 595)

    made.show()
    made.show_live()
    qtbot.wait(20)

    panels = [made.power_panel, made.load_panel, made.alarms_panel, made.meters_panel]
    below = [p.mapTo(made, QPoint(0, 0)).y() for p in panels]
    assert below[0] + made.power_panel.height() <= below[1]
    assert below[2] + made.alarms_panel.height() <= below[3]
    assert below[3] + made.meters_panel.height() <= made.height()
    area = made.dots.parentWidget().parentWidget()
    words_top = made._meter_words.mapTo(made, QPoint(0, 0)).y()
    assert area.mapTo(made, QPoint(0, 0)).y() + area.height() <= words_top
    assert area.verticalScrollBar().maximum() > 0


def test_the_demand_sentence_says_how_much_is_free():
    sentence = words.demand_sentence(demand(), Formats("Europe/Berlin"))
    assert sentence == "Up to 289.0\u00a0kW until 14:45 sets no new peak."


def test_without_meters_the_three_steps_lead_to_real_pages(qtbot, context):
    tried = []
    made = OverviewView(
        context, FakeOverview(), Configuration, lambda: (), try_demo=lambda: tried.append(1)
    )
    qtbot.addWidget(made)
    asked = []
    context.navigation.requested.connect(lambda view_id, _: asked.append(view_id))
    made.shown()
    assert made.first_run.isVisibleTo(made) and not made.panels.isVisibleTo(made)
    for one in (made.first_run.add, made.first_run.prices, made.first_run.demo):
        qtbot.mouseClick(one, Qt.MouseButton.LeftButton)
    assert asked == ["meters", "settings"] and tried == [1]
    made.hidden()


def test_cost_shows_unknown_usual_as_words_and_no_band(view):
    view.show_cost(DayCost(2_046_000, 4_861_000, 0.0, 0, None, None, None, None, None, 0, "EUR"))
    assert view._cost_total.text() == "€\u00a0486.10"
    assert view._cost_typical.text() == "usual not known yet"
    assert not view._cost_band.isVisibleTo(view)


def test_a_night_that_cannot_be_judged_says_why(view):
    view.show_waste(NightWaste(None, (), 0, 0, "No rented zone has a meter."))
    assert view.waste_panel.state == "empty"


def test_a_recommendation_opens_the_view_that_proves_it(qtbot, view, context):
    asked = []
    context.navigation.requested.connect(lambda view_id, _: asked.append(view_id))
    view.show_advice(
        Advice(NOW_MS, (Recommendation("Look at it.", "3 kW", "maintenance", "chiller"),))
    )
    row = view.advice_list.rows[0]
    qtbot.keyClick(row, Qt.Key.Key_Return)
    assert asked == ["maintenance"] and context.navigation.subject.meter_id == "chiller"


def test_dots_tell_lost_from_waiting():
    states = {"grid": MeterStatus("grid", LinkState.LOST, lost_since_ms=NOW_MS - 60_000)}
    groups = words.dots_of(SITE, states, (), Formats("UTC", clock=lambda: NOW))
    assert [(d.state, d.text) for d in groups[0].dots] == [
        ("lost", "lost 1 min"),
        ("waiting", "not read yet"),
    ]
    sentence = words.dots_sentence(groups, 99.2, Formats("UTC"))
    assert sentence == "1 lost, 1 waiting. Today's data 99.2\u00a0% complete."


def test_clicking_a_consumer_opens_it_in_live(view, context):
    asked = []
    context.navigation.requested.connect(lambda view_id, _: asked.append(view_id))
    view.flow.node_chosen.emit("chiller")
    assert asked == ["live"] and context.navigation.subject.meter_id == "chiller"
