"""The Fleet page: which run, which part, which household; how to begin."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

import energy_desktop
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.fleet import BrokenFile
from energy_desktop.ui.views.fleet.page import PARTS
from energy_desktop.ui.views.fleet.remedies import in_window
from tests.gui.fleet.fakes import (
    BROKEN,
    FLAT,
    PLAN,
    FakeFleet,
    FakePapers,
    a_segment,
    a_summary,
    an_overview,
)
from tests.gui.test_all_views import cut_texts


def test_the_title_says_how_many_need_somebody(make):
    view = make()

    assert view.answer == "2 of 50 households were out of line at some time; 1 stretch is new."


def test_what_was_read_how_fast_and_what_is_missing_stands_above(make):
    view = make()

    facts = view.facts.full_text()

    assert "1,000 readings in 2.0 s" in facts
    assert "0.2\u00a0% missing" in facts
    assert "10 rows left out" in facts


def test_a_file_that_could_not_be_read_is_said_above_every_part(make):
    fleet = FakeFleet()
    fleet.about = an_overview(a_summary(broken=(BROKEN,)))

    view = make(fleet)

    assert "1 file not readable" in view.facts.full_text()


def test_a_run_that_was_stopped_says_so_before_anything_else(make):
    fleet = FakeFleet()
    fleet.about = an_overview(a_summary(finished=False))

    view = make(fleet)

    assert view.answer.startswith("This run is not finished")


def test_without_a_run_the_page_says_how_to_begin(make):
    view = make(FakeFleet(runs=()))

    assert view.stack.currentWidget() is view.empty
    assert view.empty.state == "empty"
    assert view.answer == "There is no fleet yet."


def test_money_and_times_are_those_of_the_run_and_not_of_the_site(make):
    view = make()

    assert view.run_formats.zone_name == "Europe/London"
    assert view.run_formats.money(10_000).startswith("£")
    assert view.formats.zone_name == "Europe/Berlin"


@pytest.mark.parametrize("part", [name for name, _ in PARTS])
def test_each_part_is_read_only_once_it_is_looked_at(make, settle, part):
    view = make()

    view.show_part(part)
    settle(view)

    assert view.pages.currentWidget() is view._built[part]
    assert not view._built[part]._stale
    assert set(view._built) == {part, "overview"}


def tariff_line(view):
    return view.tariffs.panel._subtitle.full_text()


def choose_tariff(view, settle, tariff):
    view.filters.tariffs.set_value(tariff)
    view.filters.tariffs.changed.emit(tariff)
    settle(view)
    settle(view)


def test_another_tariff_is_asked_of_the_ranking_and_of_the_dots(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    fleet.asked.clear()

    choose_tariff(view, settle, "ToU")

    assert ("anomalies", 0, 100, "profile", "ToU", True) in fleet.asked
    assert any(a[0] == "households" and a[4] == "ToU" and a[2] is None for a in fleet.asked)


def test_all_that_is_said_of_a_fleet_is_said_of_one_tariff_when_it_is_chosen(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    fleet.of_tariff["ToU"] = an_overview(
        households=10, missing_pct=1.5, households_with_anomalies=1, new_anomalies=0,
        segments=(a_segment(households=7), a_segment(2, 3, "high, even, flat", FLAT)),
    )  # fmt: skip

    choose_tariff(view, settle, "ToU")

    assert view.answer == (
        "1 of 10 households on time of use were out of line at some time; nothing is new."
    )
    assert "Time of use: 10 of 50 households, 1.5" in view.facts.full_text()
    assert [card.segment.households for card in view.overview.cards.cards] == [7, 3]
    assert fleet.examples_of == [None, "ToU"]
    view.show_part("segments")
    settle(view)
    assert [s.households for s in view.segments.groups.rows_model.rows] == [7, 3]
    choose_tariff(view, settle, "")
    assert view.answer.startswith("2 of 50 households were out of line")
    assert "readings in" in view.facts.full_text()


def test_the_figures_of_the_tariffs_say_whose_they_are(make, settle):
    view = make()
    view.show_part("tariffs")
    settle(view)
    assert view.tariffs.panel.accessibleName() == "The whole fleet"
    assert tariff_line(view).startswith("The fleet pays")

    choose_tariff(view, settle, "ToU")

    assert view.tariffs.panel.accessibleName() == "The households on Time of use"
    assert tariff_line(view).startswith("Those on time of use pay")


def test_a_tariff_that_cannot_be_read_leaves_what_is_shown(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    before = view.answer
    fleet.refuses_tariff = NotFound(where="Tariff ToU", what="None is on it.", remedy="Look again.")

    choose_tariff(view, settle, "ToU")

    assert view.filters.tariffs.value == ""
    assert view.answer == before
    assert view.notice.isVisibleTo(view)


def test_another_run_is_looked_at_whole(make, settle):
    view = make(FakeFleet(runs=(Path("London pilot"), Path("Leeds"))))
    choose_tariff(view, settle, "ToU")
    assert view.tariff == "ToU"

    view._on_chosen(Path("Leeds"))
    settle(view)

    assert view.tariff is None
    assert view.filters.tariffs.value == ""


def test_one_tariff_alone_is_offered_only_where_it_can_be_shown(make, settle):
    view = make()
    offered = {}

    for name, _ in PARTS:
        view.show_part(name)
        settle(view)
        offered[name] = view.filters.tariffs.isVisibleTo(view)

    assert {name for name, shown in offered.items() if shown} == {
        "overview",
        "segments",
        "anomalies",
        "tariffs",
    }


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("size", [(1160, 590), (1720, 900)])
def test_each_part_shows_its_texts_whole(make, settle, themed, qtbot, name, size):
    themed(name)
    view = make()
    view.resize(*size)
    wrong = []
    for part, _ in PARTS:
        view.show_part(part)
        settle(view)
        qtbot.wait(30)
        wrong += [f"{part}: {text}" for text in cut_texts(view)]
    view.open_household("MAC000012")
    settle(view)
    wrong += [f"household: {text}" for text in cut_texts(view)]
    view.show_run()
    qtbot.wait(30)
    wrong += [f"run: {text}" for text in cut_texts(view)]

    assert (view.width(), view.height()) == size
    assert not wrong, "\n".join(wrong)


def test_results_that_lie_elsewhere_are_opened_beside_those_of_the_site(make, settle):
    view = make()
    view.folders.append(Path("usb") / "Leeds")

    view.choose_results()
    settle(view)

    assert view.out == Path("usb") / "Leeds"
    assert view.chooser.currentText() == "Leeds, 50 households"
    assert view.chooser.count() == 4  # both, opening others, and taking this one out


def test_a_folder_without_a_run_leaves_the_one_that_is_looked_at(make, settle, out):
    view = make()

    view.open_results(Path("nothing"))
    settle(view)

    assert view.out == out
    assert view.notice.isVisibleTo(view)
    assert view.stack.currentWidget() is view.fleet_page


@pytest.mark.parametrize("then", ["run", "part", "household", "tariff"])
def test_what_could_not_be_opened_is_told_until_something_else_is_looked_at(make, settle, then):
    view = make()
    view.open_results(Path("nothing"))
    settle(view)
    assert view.notice.isVisibleTo(view)

    match then:
        case "run":
            view.show_run()
        case "part":
            middle = QPoint(view.part.width() // 2, view.part.height() // 2)
            QTest.mouseClick(view.part, Qt.MouseButton.LeftButton, pos=middle)
        case "household":
            view.open_household("MAC000007")
        case "tariff":
            view.look_at(None, "Std")
    settle(view)

    assert not view.notice.isVisibleTo(view)


_OF_COMMANDS = re.compile(r"(?<!-)--[a-z]|`|\bcommand\b")
_COMMANDS_ALONE = ("export.py", "export_postgresql.py", "fleet_run.py", "fleet_export.py")
"""What these refuse, the window cannot ask for."""


def _sentences(path):
    """Texts of a module that are not about its code."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone
    ]


def test_no_remedy_of_the_fleet_sends_somebody_at_the_window_to_a_command_line():
    """Of every sentence that the packages behind the page can say."""
    sources = Path(energy_desktop.__file__).parent
    modules = [
        *sources.glob("fleet/*.py"),
        *sources.glob("services/fleet*.py"),
        *sources.glob("domain/fleet*.py"),
    ]
    said = [
        text for path in modules if path.name not in _COMMANDS_ALONE for text in _sentences(path)
    ]
    named = [text for text in said if _OF_COMMANDS.search(text)]
    assert len(named) > 10

    left = [text for text in map(in_window, named) if _OF_COMMANDS.search(text)]

    assert left == []


def test_a_failure_is_told_in_the_words_of_the_window(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    fleet.refuses_tariff = NotFound(
        where="out", what="There is no 'days'.", remedy="Make it anew (--replace)."
    )
    why = "no column is known as its time. Name it (--time-column)."
    fleet.planning = replace(PLAN, refused=(BrokenFile("a.csv", why),))

    view.look_at(None, "Std")
    settle(view)
    said = view.notice.accessibleName()
    view.show_run()
    view.run_panel.needs.show_plan(fleet.planning)

    assert f"anew (tick “{view.run_panel.replace.text()}”)." in said
    assert "Name it (“Time” in the form)." in view.run_panel.needs.refused.text()


def test_a_household_opens_its_own_page_and_leads_back(make, settle):
    view = make()

    view.open_household("MAC000007")
    settle(view)

    assert view.stack.currentWidget() is view.household
    assert view.household.name.text() == "MAC000007"
    assert view.answer.startswith("2.2 kWh a day, low, evening peak")
    view.household.back.click()
    assert view.stack.currentWidget() is view.fleet_page
    assert view.answer.startswith("2 of 50")


def test_the_paper_is_written_where_it_was_asked_for(make, settle, tmp_path):
    view = make()

    view.save_pdf(tmp_path / "fleet.pdf")
    settle(view)

    assert (tmp_path / "fleet.pdf").read_bytes() == b"%PDF London pilot"


def test_a_paper_that_cannot_be_written_is_told_on_the_page(make, settle, tmp_path):
    view = make()

    view.save_pdf(tmp_path / "no such folder" / "fleet.pdf")
    settle(view)

    assert view.notice.isVisibleTo(view)


def test_export_writes_the_tables_into_the_folder_that_was_chosen(make, settle, tmp_path):
    papers = FakePapers()
    view = make(papers=papers)
    view.folders.append(tmp_path)

    view.export()
    settle(view)

    assert papers.folders == [tmp_path]


def test_a_paper_of_no_run_is_refused_in_words(make):
    view = make(FakeFleet(runs=()))

    view.print_pdf()

    assert view.notice.isVisibleTo(view)


def test_a_household_becomes_a_meter_of_the_site_by_a_button(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    view.open_household("MAC000007")
    settle(view)

    view.household.add.click()
    settle(view)

    assert fleet.added == ["MAC000007"]
    assert view.household.added.isVisibleTo(view)


def test_a_household_that_the_site_does_not_take_says_why(make, settle):
    fleet = FakeFleet()
    view = make(fleet)
    view.open_household("MAC000007")
    settle(view)
    fleet.refuses = WrongUse(where="MAC000007", what="A polled meter has that name.", remedy="-")

    view.household.add.click()
    settle(view)

    assert view.household.notice.isVisibleTo(view)
    assert not view.household.added.isVisibleTo(view)
    assert view.household.add.isEnabled()
