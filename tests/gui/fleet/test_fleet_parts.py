"""The parts of the Fleet page, each with values alone."""

import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QLabel

from energy_desktop.domain.fleet import Page, Scores, TrendDay
from energy_desktop.domain.fleet_wording import EXAMPLE_TARIFFS
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.views.fleet.forecasts_part import models
from energy_desktop.ui.views.fleet.overview_part import Dots
from energy_desktop.ui.views.fleet.quality_part import reasons, stages
from energy_desktop.ui.views.fleet.segments_part import before_use
from energy_desktop.ui.views.fleet.trends_part import months, weekly_mean
from tests.gui.fleet.fakes import (
    FIRST,
    FLAT,
    FakeFleet,
    a_household,
    a_segment,
    a_summary,
    a_view,
    an_anomaly,
    an_overview,
)


def test_the_ranking_comes_in_pages_as_it_is_scrolled(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    table = view.overview.table
    assert table.rows_model.rowCount() == 100
    assert "100 of 150 households" in view.overview.ranking_panel._subtitle.full_text()

    table.verticalScrollBar().setValue(table.verticalScrollBar().maximum())
    settle(view)

    assert table.rows_model.rowCount() == 150
    assert [a[1] for a in fleet.asked if a[0] == "anomalies"] == [0, 100]
    table.verticalScrollBar().setValue(table.verticalScrollBar().maximum())
    settle(view)
    assert table.rows_model.rowCount() == 150


def test_a_row_of_the_ranking_rings_its_dot_and_says_its_whole_reason(make):
    view = make()

    view.overview.table.selectRow(3)

    assert view.overview.scatter.household == "MAC000003"
    assert view.overview.seen.reason.text().startswith("MAC000003: More than usual")


def test_a_click_beside_a_dot_chooses_it_and_far_from_all_none(make):
    view = make()
    scatter = view.overview.scatter
    x, y = float(scatter._x[8]), float(scatter._y[8])
    per_x, per_y = scatter.chart.pixels_per_unit

    near = scatter.nearest(x + 3 / per_x, y - 3 / per_y)

    found = view.overview.scatter._names.index(near)
    assert (scatter._x[found], scatter._y[found]) == (x, y)
    assert scatter.nearest(x, y + 1000 / per_y) == ""


def test_a_household_never_read_at_night_has_no_dot(make):
    view = make()
    rows = (a_household("A"), a_household("B", night_share_pct=None))

    view.overview.show_dots(Dots(rows))

    assert view.overview.scatter._names == ("A",)


def test_six_thousand_dots_are_drawn_in_a_tenth_of_a_second(make):
    view = make()
    rng = np.random.default_rng(1)
    rows = tuple(
        a_household(f"M{i}", kwh_per_day=float(u), night_share_pct=float(n))
        for i, (u, n) in enumerate(zip(rng.lognormal(2, 0.5, 6000), rng.uniform(5, 60, 6000),
                                       strict=True))
    )  # fmt: skip
    view.overview.show_dots(Dots(rows))
    view.overview.scatter.grab()

    took = []
    for _ in range(5):
        began = time.perf_counter()
        view.overview.scatter.chart.grab()
        took.append(time.perf_counter() - began)

    assert min(took) < 0.1


def test_only_the_strongest_are_marked(make):
    view = make()

    assert len(view.overview.scatter._marked) == 25
    assert "MAC000000" in view.overview.scatter._marked


def test_of_few_households_few_are_marked(make):
    view = make(FakeFleet(households=50))

    assert len(view.overview.scatter._marked) == 5


def test_groups_of_one_shape_are_told_apart_by_their_level():
    said = ("high, evening peak, flat weekend", "low, evening peak, flat weekend",
            "medium, even through the day, flat weekend")  # fmt: skip

    titles = words.segment_titles([a_segment(words=one) for one in said])

    assert titles == ("Evening peak, high", "Evening peak, low", "Even through the day")
    alike = words.segment_titles([a_segment(1, words=said[0]), a_segment(2, words=said[0])])
    assert alike == ("Evening peak (1)", "Evening peak (2)")  # the level tells nothing apart
    more = [f"{said[0]}, {used} kWh a day" for used in (9, 14)]
    told = words.segment_titles([a_segment(k, words=one) for k, one in enumerate(more)])
    assert told == ("Evening peak, 9 kWh a day", "Evening peak, 14 kWh a day")


def test_no_household_leaves_the_top_of_a_card(make):
    fleet = FakeFleet()
    tall = tuple(5.0 if hour == 18 else 0.8 for hour in range(24))
    fleet.examples = lambda _out, **_: {1: (tall, FLAT)}

    view = make(fleet)

    first, second = (card.chart.data for card in view.overview.cards.cards)
    assert max(line.y.max() for line in first.lines) == 5.0
    assert first.y_range[1] > 5.0
    assert second.y_range[1] == 2.0  # another card keeps its own


def test_each_segment_has_a_card_with_its_number_and_its_shape(make):
    view = make()

    titles = [card.accessibleName() for card in view.overview.cards.cards]

    assert titles == ["Evening peak", "Even through the day"]
    assert "17 to 18 o'clock" in view.overview.cards.cards[0].chart.accessibleDescription()


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=60))
def test_a_mean_of_seven_days_stays_between_the_least_and_the_most(values):
    means = weekly_mean(np.array(values))

    known = means[np.isfinite(means)]
    assert len(means) == len(values)
    assert len(known) == max(0, len(values) - 6)
    assert all(min(values) - 1e-6 <= one <= max(values) + 1e-6 for one in known)


def test_a_month_is_the_mean_household_over_the_days_that_count():
    days = [
        TrendDay(FIRST, 10, 100.0, 40.0, 60.0),
        TrendDay(FIRST + timedelta(1), 30, 600.0, 150.0, 450.0),
        TrendDay(FIRST + timedelta(40), 5, 20.0, 5.0, 15.0),
    ]

    january, february = months(days)

    assert january.per_household == pytest.approx(700 / 40)
    assert january.households == 30
    assert january.peak_share_pct == pytest.approx(100 * 190 / 700)
    assert (february.month, february.days) == (2, 1)


def test_days_with_few_households_are_no_curve_of_the_fleet(make):
    view = make()
    days = tuple(
        TrendDay(FIRST + timedelta(i), 1 if i < 5 else 100, 10.0 if i < 5 else 500.0, 1.0, 1.0)
        for i in range(20)
    )

    view.trends.show_trends(Page(days, len(days)))

    curve = view.trends.use.data.lines[0].y
    assert np.isnan(curve[:5]).all() and np.isfinite(curve[5:]).all()


def test_a_number_of_groups_that_another_beats_is_said():
    said = before_use(a_summary(stability={2: 0.44, 3: 0.74}))

    assert "2 groups stay 0.44 alike" in said
    assert "3 groups would stay 0.74" in said


def test_what_figures_rest_on_stands_beside_them(make, settle):
    fleet = FakeFleet()
    fleet.about = an_overview(
        a_summary(
            example_tariffs=True,
            scores={
                "naive_month_mean": Scores(0.7, 0.0, 2.0, 4.0),
                "lightgbm": Scores(0.8, 0.1, 2.5, 3.0),
            },
        )
    )
    view = make(fleet)
    for part in ("segments", "forecasts", "tariffs"):
        view.show_part(part)
        settle(view)

    assert EXAMPLE_TARIFFS in view.segments.before_use.text()
    assert "LightGBM (2.50 kWh) is worse than the naive forecast" in view.forecasts.note.text()
    view.tariffs.show_tariffs(replace(fleet.tariffs(None), example=True))
    assert view.tariffs.response.text().startswith(EXAMPLE_TARIFFS)
    fleet.household = lambda out, name: a_view(name, example_tariffs=True)
    view.open_household("MAC000012")
    settle(view)
    shown = [one.text() for one in view.household.facts.findChildren(QLabel)]
    assert "round examples of the program" in shown


def test_a_group_lists_its_households_and_a_search_narrows_them(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    view.show_part("segments")
    settle(view)

    view.segments.groups.selectRow(1)
    view.segments.search.setText("mac00001")
    settle(view)

    assert fleet.asked[-1] == ("households", 0, 100, "household", None, 2, "mac00001")
    assert view.segments.table.rows_model.rowCount() == 10


def test_the_best_model_stands_first_beside_the_naives(make, settle):
    view = make()
    view.show_part("forecasts")
    settle(view)

    assert [m.name for m in models(a_summary().scores)] == ["lightgbm", "naive_yesterday"]
    assert "too few days" in view.forecasts.note.text()
    assert view.forecasts.table.rows_model.rowCount() == 100


def test_both_methods_for_strange_days_can_be_held_beside_each_other(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    view.show_part("anomalies")
    settle(view)

    view.anomalies.method.set_value("kmeans_residual")
    view.anomalies.method.changed.emit("kmeans_residual")
    settle(view)

    assert fleet.asked[-1][3] == "kmeans_residual"
    assert "3 stretches in 2 of 50" in view.anomalies.found.text()


@pytest.mark.parametrize(
    ("units", "said"),
    [(3_317_932_600, "€\u00a0331,793.26"), (-91_604_100, "−\u00a0€\u00a09,160.41"),
     (49_768_981_200, "€\u00a05.0 M"), (-49_768_981_200, "−\u00a0€\u00a05.0 M")],
)  # fmt: skip
def test_what_a_fleet_pays_is_said_with_its_currency_and_from_a_million_on_short(
    context, units, said
):
    assert words.fleet_money(context.formats, units) == said


def test_the_stages_begin_with_all_of_them_beside_what_was_estimated():
    run = a_summary(estimated_s=2.4)

    assert [(one.name, one.seconds) for one in stages(run)] == [
        ("all", 2.0), ("estimated", 2.4), ("ingest", 1.5), ("daily", 0.5),
    ]  # fmt: skip
    assert "estimated" not in [one.name for one in stages(replace(run, finished=False))]


def test_the_tariffs_say_who_wins_and_what_the_fleet_pays(make, settle):
    view = make()
    view.show_part("tariffs")
    settle(view)

    said = view.tariffs.panel._subtitle.full_text()

    assert "2,120.58 less under Time of use than under Flat" in said
    assert "34 win, 16 lose" in said


def test_a_bill_that_rises_is_more_and_one_that_falls_is_less(context):
    found = FakeFleet().tariffs(None)
    dearer = type(found)("A", "B", 10_000, 30_000, 0, 1, 0, None, found.rows)

    assert "2.00 more" in words.tariff_answer(context.formats, dearer)
    assert " less" in words.tariff_answer(context.formats, found)


def test_reasons_for_leaving_rows_out_are_counted_and_shared():
    found = reasons(a_summary(rows_read=1000, dropped={"null": 4, "duplicate": 6, "conflict": 0}))

    assert [(r.name, r.rows, r.share_pct) for r in found] == [
        ("duplicate", 6, 0.6),
        ("null", 4, 0.4),
    ]


def test_a_reason_that_is_chosen_lists_its_rows(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    view.show_part("quality")
    settle(view)

    view.quality.reasons.selectRow(1)
    settle(view)

    assert fleet.asked[-1] == ("dropped", 0, 100, "null")


def test_a_repeat_names_both_files(make, settle):
    view = make()
    view.show_part("quality")
    settle(view)

    texts = [view.quality.rows.rows_model.cell(row, 4).text for row in (0, 9)]

    assert texts == ["no value", "an exact repeat, also in b.csv"]


def test_a_household_shows_its_gap_its_week_and_what_was_strange(make, settle):
    view = make()
    view.open_household("MAC000012")
    settle(view)
    page = view.household

    curve = page.days.data.lines[0].y

    assert len(curve) == 60 and np.isnan(curve[30])
    assert len(page.week.data.lines[0].y) == 336
    assert page.table.rows_model.rowCount() == 1
    assert len(page.days.data.regions) == 1


def test_a_week_read_by_the_hour_has_a_value_for_each_hour(make):
    view = make()
    by_hour = tuple(0.2 if i % 2 == 0 else None for i in range(336))

    view.household.show_household(a_view(week_kw=by_hour))

    assert len(view.household.week.data.lines[0].y) == 168
    assert np.isfinite(view.household.week.data.lines[0].y).all()


def test_a_household_with_too_little_data_says_so_in_each_panel(make):
    view = make()
    empty = a_view(day=(), kwh=(), week_kw=(None,) * 336, anomalies=(), forecast=None,
                   segment_words="")  # fmt: skip

    view.household.show_household(empty)

    assert view.household.days_panel.state == "empty"
    assert view.household.week_panel.state == "empty"


def test_a_stretch_says_its_year_and_a_second_day_only_when_there_is_one(context):
    one = an_anomaly()
    night = replace(one, end_ms=one.start_ms + 3_600_000)

    assert words.span(context.formats, one) == "11 Jan 2013 01:00 to 12 Jan 01:00"
    assert words.span(context.formats, night) == "11 Jan 2013 01:00 to 02:00"


def test_a_name_out_of_a_file_is_shown_as_plain_text(make):
    view = make()
    odd = "<b>x</b>"

    view.overview.show_ranking(Page((an_anomaly(odd),), 1))

    assert view.overview.table.rows_model.cell(0, 0).text == odd
