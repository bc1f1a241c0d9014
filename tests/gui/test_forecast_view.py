"""The forecast page: what it says of a plan, and that it asks only its services."""

import numpy as np
import pytest

from energy_desktop.domain.device import Battery
from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.forecast import Backtest, CandidateScore, Forecast, ForecastPoint
from energy_desktop.domain.plan import Plan, PlanMoney, PlanPoint, PlanSlot, PlanStatus
from energy_desktop.services.balance import SiteBalance
from energy_desktop.services.planning import BatteryOutlook
from energy_desktop.ui.views import forecast_words as words
from energy_desktop.ui.views.forecast_view import ForecastView
from tests.gui.fakes import a_context

QUARTER = 900_000
START = 1_795_240_800_000  # 2026-11-21 06:00 UTC


def plain(text: str) -> str:
    """Units stand behind a space that does not break."""
    return text.replace("\u00a0", " ")


def a_forecast(count: int = 192) -> Forecast:
    points = tuple(
        ForecastPoint(START + i * QUARTER, 2500.0, 2000.0, 3000.0, 1500.0, 3500.0)
        for i in range(count)
    )
    backtest = Backtest(42, 500.0, 675.0, 0.081, 0.86, 79.5, 95.2)
    scores = (CandidateScore("ridge", 500.0, 42), CandidateScore("naive_week", 675.0, 42))
    return Forecast("site load", START, 15, "ridge", points, backtest, scores)


def an_outlook(import_w: float = 12_000.0, expected_from_ms: int | None = None) -> BatteryOutlook:
    reasons = ["Full (95 %), kept for 18:00: a kWh brings more then."] * 3 + ["", ""]
    points = tuple(
        PlanPoint(
            START + i * QUARTER,
            START + (i + 1) * QUARTER,
            import_w,
            0.0,
            0.0,
            0.0 if reasons[i] else 4000.0,
            90.0 - i,
            reasons[i],
        )
        for i in range(5)
    )
    slots = tuple(
        PlanSlot(p.start_ms, p.end_ms, 10_000.0, 0.0, 0.2 + i / 100, 0.08)
        for i, p in enumerate(points)
    )
    money = PlanMoney(10.0, 12.5, 11.0, 12.0, 3.0, 0.5, 1.0, 800.0)
    plan = Plan("b", START, PlanStatus.OPTIMAL, points, money, 7.0, 0.0, 0, 0.4)
    start = START + np.arange(-96, 0) * QUARTER
    flat = np.full(96, 2500.0)
    none = np.zeros(96)
    past = SiteBalance(start, flat, none, none, none, none, flat, np.zeros(96, dtype=bool))
    battery = Battery("b", "House battery", "m", 10_000, 5_000, 5_000)
    return BatteryOutlook(
        battery, plan, a_forecast(), None, slots, past, 91.0, False, 0.0, expected_from_ms, ()
    )


class Services:
    """Planning, forecasting and the list of meters in one fake."""

    def __init__(self, outlook: BatteryOutlook | None) -> None:
        self._outlook = outlook

    def batteries(self):
        return () if self._outlook is None else (self._outlook.battery,)

    def outlook(self, battery_id, at_ms=None, progress=None):
        progress(0.5, "Half")
        return self._outlook

    def listing(self):
        return ()


@pytest.fixture
def view(qtbot, themed):
    def make(outlook):
        fake = Services(outlook)
        page = ForecastView(a_context(), fake, fake, fake, 90_000.0)
        qtbot.addWidget(page)
        page.resize(1160, 640)
        page.show()
        return page

    return make


def test_the_answer_says_whether_demand_holds_and_what_the_battery_earns(view):
    page = view(None)

    page.show_outlook(an_outlook())
    assert plain(page.answer).startswith("Demand stays under 90.0 kW")
    assert "2.50" in page.answer

    page.show_outlook(an_outlook(import_w=95_000.0))
    assert "over the contract's 90.0 kW" in plain(page.answer)


def test_the_page_asks_its_services_and_shows_what_they_say(qtbot, view):
    page = view(an_outlook())

    page.shown()

    qtbot.waitUntil(lambda: page.answer != "", timeout=5000)
    assert page.idle_table.chosen_row() is None
    assert page.score_table.content_height(1) > 0


def test_without_a_battery_every_panel_says_what_to_do(qtbot, view):
    page = view(None)

    with qtbot.captureExceptions() as raised:
        page.shown()
        qtbot.waitUntil(lambda: not page.jobs.running(), timeout=5000)
        qtbot.wait(50)

    assert raised == []
    assert page.answer == "The site has no battery yet."
    states = {panel.state for panel in page._planned_panels()}
    assert states == {"empty"}  # a site without a battery has no fault
    with pytest.raises(NotEnoughData, match="no battery yet"):
        page._ask_outlook(lambda *_: None)


def test_load_price_and_plan_stand_on_one_time_axis(qtbot, view):
    page = view(None)
    charts = (page.load_chart, page.price_chart, page.plan_chart)

    page.show_outlook(an_outlook())

    def edges():
        boxes = [(chart._box.sceneBoundingRect(), chart.x_range) for chart in charts]
        return {(round(box.left()), round(box.right()), *times) for box, times in boxes}

    qtbot.waitUntil(lambda: len(edges()) == 1)


def test_rests_for_the_same_reason_are_one_row():
    found = words.idle_stretches(an_outlook().plan)

    assert [(s.start_ms, s.end_ms) for s in found] == [(START, START + 3 * QUARTER)]


def test_expected_prices_are_drawn_apart_from_published_ones():
    outlook = an_outlook(expected_from_ms=START + 2 * QUARTER)

    chart = words.price_chart(outlook, a_context().formats, (0.0, 1.0))

    assert [(s.name, len(s.y), s.style) for s in chart.steps] == [
        ("published", 2, "solid"),
        ("expected", 3, "dot"),
    ]


def test_energy_is_drawn_as_mean_power():
    chart = words.fan_chart(
        a_forecast(), np.array([0.0]), np.array([1.0]), a_context().formats, 90_000.0
    )

    assert set(chart.lines[1].y.tolist()) == {10_000.0}  # 2,500 Wh in a quarter hour
    assert chart.fans[0].upper[0] == 14_000.0


def test_the_score_names_ours_beside_the_naive_and_the_other_candidates():
    rows = {r.name: r for r in words.score_rows(a_forecast(), a_context().formats)}

    assert plain(rows["Mean error"].ours) == "2.0 kW"
    assert plain(rows["Mean error"].naive) == "2.7 kW"
    assert plain(rows["Held by the 80 % band"].ours) == "79.5 %"
    assert plain(rows["… the same time a week ago"].ours) == "2.7 kW"
