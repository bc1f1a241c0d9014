"""One year of a fleet, what was seen, the shapes of some households, and folders remembered."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from energy_desktop.domain.errors import JobCancelled, StoreError
from energy_desktop.ui.views.fleet.page import PARTS
from tests.gui.fleet.fakes import FakeFleet, an_overview


class Years(FakeFleet):
    """A run of three years."""

    def __init__(self):
        super().__init__()
        self.about = an_overview(years=(2012, 2013, 2014))


@pytest.fixture
def fleet():
    return Years()


@pytest.fixture
def view(make, fleet):
    return make(fleet)


def _choose(view, settle, year):
    view.filters.years.setCurrentIndex(view.filters.years.findData(year))
    view.filters.years.activated.emit(view.filters.years.currentIndex())
    settle(view)
    settle(view)


def test_a_year_is_counted_and_every_part_that_can_shows_it_alone(view, fleet, settle):
    _choose(view, settle, 2013)

    assert fleet.made_years == [2013]
    assert view.answer == "2 of 50 households were out of line in 2013; 1 stretch is new."
    assert view.filters.years.currentText() == "2013"
    for part, question in (
        ("overview", "anomalies"),
        ("overview", "households"),
        ("trends", "trends"),
        ("segments", "households"),
        ("anomalies", "anomalies"),
        ("tariffs", "tariffs"),
    ):
        view.show_part(part)
        settle(view)
        assert (question, 2013) in fleet.asked_of, part
    _choose(view, settle, None)
    assert view.answer.startswith("2 of 50 households were out of line at some time")
    assert ("tariffs", None) in fleet.asked_of[-1:]


def test_a_year_is_offered_only_where_it_can_be_shown(view, settle):
    offered = set()

    for name, _ in PARTS:
        view.show_part(name)
        settle(view)
        if view.filters.years.isVisibleTo(view):
            offered.add(name)

    assert offered == {name for name, _ in PARTS} - {"forecasts", "quality"}


def test_a_run_of_one_year_offers_none(make):
    view = make(FakeFleet())

    assert not view.filters.years.isVisibleTo(view)


def test_the_chooser_says_the_year_that_is_shown_when_counting_is_cancelled(view, fleet, settle):
    def stop(_out, _year, _progress):
        raise JobCancelled(where="Year", what="Cancelled.", remedy="")

    fleet.make_year = stop

    _choose(view, settle, 2014)

    assert view.filters.years.currentText() == "All years"
    assert view.year is None


def test_a_year_that_cannot_be_kept_is_said_and_the_run_stays(view, fleet, settle):
    def refuse(_out, _year, _progress):
        raise StoreError(where="out", what="The year cannot be kept.", remedy="Copy it.")

    fleet.make_year = refuse

    _choose(view, settle, 2014)

    assert view.notice.isVisibleTo(view)
    assert view.answer.endswith("at some time; 1 stretch is new.")


def test_another_run_is_looked_at_whole(view, settle):
    _choose(view, settle, 2013)

    view.open_results(Path("usb") / "Leeds")
    settle(view)

    assert view.year is None
    assert view.answer.startswith("2 of 50 households were out of line at some time")


def _state(table, row=0):
    return table.rows_model.cell(row, table.rows_model.columnCount() - 1).chip.text


def _press_s(qtbot, table):
    table.window().activateWindow()
    table.setFocus()
    qtbot.waitUntil(table.hasFocus)
    QTest.keyClick(table, Qt.Key.Key_S)


def test_what_was_looked_at_is_marked_from_the_keyboard_and_is_no_longer_new(
    view, fleet, settle, qtbot
):
    table = view.overview.table
    table.selectRow(0)
    assert _state(table) == "New"

    _press_s(qtbot, table)
    settle(view)
    settle(view)

    assert _state(table) == "Seen"
    assert list(fleet.seen) == [("MAC000000", None)]
    assert view.answer == "2 of 50 households were out of line at some time; nothing is new."
    assert "Seen by Ada" in view.overview.seen.reason.text()
    _press_s(qtbot, table)
    settle(view)
    settle(view)
    assert _state(table) == "New"
    assert view.answer.endswith("1 stretch is new.")


def test_a_list_of_stretches_marks_one_of_them(view, fleet, settle):
    view.show_part("anomalies")
    view.anomalies.scope.set_value("all")
    view.anomalies.scope.changed.emit("all")
    settle(view)
    view.anomalies.table.selectRow(1)
    row = view.anomalies.table.chosen_row()

    view.anomalies.seen.button.click()
    settle(view)

    assert list(fleet.seen) == [("MAC000001", (row.kind, row.start_ms))]
    assert _state(view.anomalies.table, 1) == "Seen"
    assert _state(view.anomalies.table, 0) == "New"


def test_what_nobody_has_seen_can_be_listed_alone(view, fleet, settle):
    view.show_part("anomalies")
    settle(view)

    view.anomalies.which.set_value("unseen")
    view.anomalies.which.changed.emit("unseen")
    settle(view)

    assert fleet.unseen_asked


def test_a_mark_made_on_the_page_of_a_household_is_shown_by_the_lists(view, fleet, settle):
    view.open_household("MAC000000")
    settle(view)
    view.household.table.selectRow(0)
    fleet.asked_of.clear()

    view.household.seen.button.click()
    settle(view)
    view.household.back.click()
    settle(view)

    assert _state(view.household.table) == "Seen"
    assert ("anomalies", None) in fleet.asked_of  # the overview read its list again


def test_a_mark_that_cannot_be_kept_is_said_where_it_was_made(view, fleet, settle):
    fleet.refuses = StoreError(where="out", what="The mark cannot be kept.", remedy="Copy it.")
    view.overview.table.selectRow(0)

    view.overview.seen.button.click()
    settle(view)

    assert view.overview.seen.reason.text() == "The mark cannot be kept. Copy it."
    assert _state(view.overview.table) == "New"
    assert view.overview.seen.button.isEnabled()


def test_each_group_stands_over_some_of_its_households(view, settle):
    card = view.overview.cards.cards[0].chart.data

    assert len(card.lines) == 3  # two examples and the group itself, which is drawn last
    assert (card.lines[-1].name, card.lines[0].token) == ("the group", "typical")


def test_a_group_that_is_chosen_is_drawn_over_its_households(view, settle):
    view.show_part("segments")
    settle(view)
    assert len(view.segments.chart.data.lines) == 2

    view.segments.groups.selectRow(1)
    settle(view)

    assert [line.name for line in view.segments.chart.data.lines] == ["", "", "the group"]
    view.segments.scope.set_value("0")
    view.segments.scope.changed.emit("0")
    assert len(view.segments.chart.data.lines) == 2


def test_opened_results_are_remembered_and_can_be_taken_out_of_the_list(view, fleet, settle):
    leeds = Path("usb") / "Leeds"
    view.open_results(leeds)
    settle(view)
    assert fleet.remembered == [leeds]
    texts = [view.chooser.itemText(i) for i in range(view.chooser.count())]
    assert texts[-1] == "Take Leeds out of this list"

    view.chooser.setCurrentIndex(view.chooser.count() - 1)
    view.chooser.activated.emit(view.chooser.currentIndex())
    settle(view)
    settle(view)

    assert view.out == Path("London pilot")
    texts = [view.chooser.itemText(i) for i in range(view.chooser.count())]
    assert texts == ["London pilot, 50 households", "Open other results"]


def test_results_are_looked_at_even_when_they_cannot_be_remembered(view, fleet, settle):
    def refuse(_out):
        raise StoreError(where="site", what="It cannot be remembered.", remedy="Make room.")

    fleet.remember = refuse

    view.open_results(Path("usb") / "Leeds")
    settle(view)

    assert view.out == Path("usb") / "Leeds"
    assert view.notice.isVisibleTo(view)


def test_the_paper_is_of_the_year_that_is_looked_at(view, settle, tmp_path):
    _choose(view, settle, 2013)

    view.save_pdf(tmp_path / "fleet.pdf")
    settle(view)

    assert (tmp_path / "fleet.pdf").read_bytes() == b"%PDF London pilot 2013"
