"""The page "Balance" through its own widgets, over a real ledger."""

import csv
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from energy_desktop.domain.site import Meter
from energy_desktop.ui.views.balance import words
from energy_desktop.ui.views.balance.page import FORMULAS, SUMS, WEATHER
from energy_desktop.ui.views.balance.words import Kind
from tests.integration.balance.sites import DAY, IMPORT, MONDAY, book, courses


def texts(table):
    return [
        tuple(table.rows_model.cell(r, c).text for c in range(table.rows_model.columnCount()))
        for r in range(table.rows_model.rowCount())
    ]


def notice(view):
    return " ".join(
        label.text()
        for i in range(view.notices.count())
        for label in view.notices.itemAt(i).widget().findChildren(QLabel)
    )


def press(view, text):
    """The button of a notice or panel that says so."""
    found = [b for b in view.findChildren(QPushButton) if b.text() == text and b.isVisible()]
    assert found, f"no button {text}"
    found[-1].click()


def test_the_tree_shows_who_stands_behind_whom_and_the_rest_with_its_cause(filled, open_page):
    view = open_page(filled)

    rows = texts(view.sums.tree.table)
    assert [(r[0], r[1]) for r in rows] == [
        ("Main", "used behind"),
        ("Main", "taken in"),
        ("Main", "fed out"),
        ("Roof", "yielded"),
        ("Battery", "discharged"),
        ("Battery", "charged"),
        ("Hall", "taken in"),
        ("Press", "used"),
        ("Rest", "missing meter"),
        ("Office", "used"),
        ("Rest", "missing meter"),
        ("Outdoor air", "behind none"),
        ("Shed", "behind none"),
    ]
    assert rows[-3][2] == view.formats.scale("Wh").text(20 * 96 * 25.0)
    assert view.answer.startswith("19.")
    assert "behind Hall is unexplained" in view.answer
    assert "no sub-meter" in view.sums.node.why.text()
    assert "stands behind Main" in view.sums.node.remedy.text()


def test_the_tree_says_in_which_hours_its_energy_is(filled, open_page):
    """Twenty days are known of March until now."""
    view = open_page(filled)

    assert {n.rest.steps for n in view.sums.nodes} == {20 * 24}
    assert view.sums.tree.hours_counted.text() == (
        "Energy is counted so that it adds up: of Main in the 480 of 515 h that all meters know; "
        "of Hall in the 480 of 515 h that all meters know."
    )


def test_of_hundreds_without_energy_only_the_first_few_are_named(filled, open_page):
    configuration = filled.configuration.load()
    silent = tuple(
        Meter(f"s{n}", f"Board {n:03d} of the northern hall", parent_id="main") for n in range(200)
    )
    filled.configuration.replace(replace(configuration, meters=(*configuration.meters, *silent)))

    view = open_page(filled)

    node = next(n for n in view.sums.nodes if n.meter.meter_id == "main")
    title = words.answer((node,), view.formats)
    for sentence in (title, view.sums.node.why.text(), view.sums.node.remedy.text()):
        assert "Board 000" in sentence
        assert "and 197 more" in sentence
        assert len(sentence) < 220


def test_a_line_of_another_main_meter_shows_that_one(filled, open_page):
    view = open_page(filled)
    hall = next(r for r in view.sums.tree.table.rows_model.rows if r.meter.meter_id == "press")

    view.sums.tree.table.choose(hall.key)
    view.settle()

    assert view.sums.node.accessibleName() == "Hall"
    view.sums.node.choice.set_value("rest")
    view.sums.node.choice.changed.emit("rest")
    (bars,) = view.sums.node.chart.data.bars
    assert bars.name == "unexplained rest"
    node = next(n for n in view.sums.nodes if n.meter.meter_id == "hall")
    assert sum(v for v in bars.y if v == v) == pytest.approx(node.rest.total_wh)


def test_days_become_months_when_a_year_is_chosen(filled, open_page):
    view = open_page(filled)
    days = view.sums.node.chart.data.bars[0].y.size

    view.period.length.set_value("year")
    view.period._tell()
    view.settle()

    assert days == 22  # 1 to 22 March
    assert view.sums.node.chart.data.bars[0].y.size == 3
    assert view.sums.by_month


def test_a_meter_is_put_behind_another_and_taken_back(filled, open_page):
    view = open_page(filled)
    shed = next(r for r in view.sums.tree.table.rows_model.rows if r.meter.meter_id == "shed")
    view.sums.tree.table.choose(shed.key)

    view.sums.tree.above.setCurrentIndex(view.sums.tree.above.findData("main"))
    view.sums.tree.above.activated.emit(view.sums.tree.above.currentIndex())
    view.settle()

    assert filled.configuration.load().meter("shed").parent_id == "main"
    assert "Shed stands behind Main now." in notice(view)
    assert "Shed has no energy in this period, so the rest cannot be told." in (
        view.sums.node.why.text()
    )
    silent = next(r for r in view.sums.tree.table.rows_model.rows if r.meter.meter_id == "shed")
    assert silent.kind is Kind.SILENT
    press(view, "Take back")
    view.settle()
    assert filled.configuration.load().meter("shed").parent_id is None
    assert view.sums.nodes[0].rest.total_wh == pytest.approx(20 * 96 * 25.0)


def test_a_meter_that_looks_like_the_rest_is_put_behind_by_a_button(filled, open_page):
    configuration = filled.configuration.load()
    meters = tuple(
        replace(m, parent_id=None) if m.meter_id == "office" else m for m in configuration.meters
    )
    filled.configuration.replace(replace(configuration, meters=meters))
    view = open_page(filled)
    assert "Office stands behind no meter" in view.sums.node.why.text()

    press(view, "Put Office behind it")
    view.settle()

    assert filled.configuration.load().meter("office").parent_id == "main"
    assert view.sums.nodes[0].rest.total_wh == pytest.approx(20 * 96 * 25.0)
    press(view, "Take back")
    view.settle()
    assert filled.configuration.load().meter("office").parent_id is None


def test_a_ring_is_refused_in_words(filled, open_page):
    view = open_page(filled)
    view.sums.tree.table.choose(view.sums.tree.table.rows_model.rows[0].key)

    view.sums.tree.place_wanted.emit("main", "press")
    view.settle()

    assert "behind itself" in notice(view)
    assert filled.configuration.load().meter("main").parent_id is None


def test_without_meters_behind_others_it_says_how_to_begin(store, open_page):
    configuration = store.configuration.load()
    alone = configuration.meters[0]
    store.configuration.replace(type(configuration)(site=configuration.site, meters=(alone,)))

    view = open_page(store)

    assert view.answer.startswith("No meter stands behind another one yet")
    assert view.sums.node.state == "empty"


def test_energy_stands_beside_degree_days_with_base_and_slope(filled, open_page):
    view = open_page(filled)

    view.show_look(WEATHER)
    view.settle()
    view.weather.meter.setCurrentIndex(view.weather.meter.findData("office"))
    view.weather.meter.activated.emit(view.weather.meter.currentIndex())
    view.settle()

    found = view.weather.look.signature
    assert found.base_wh == pytest.approx(96 * 100.0, rel=0.02)
    assert found.heating.wh_per_kd == pytest.approx(960.0, rel=0.01)
    told = view.answer.replace("\u00a0", " ").replace("\u202f", " ")
    assert told == "Office uses 9.6 kWh a day and 0.96 kWh per heating degree day."
    assert "mean day" in view.weather.sentence.text()
    assert {line.axis for line in view.weather.days.data.lines} == {"left", "right"}
    view.weather.heating.setValue(12.0)
    view.settle()
    assert view.weather.look.heating_base_c == 12.0
    assert view.weather.look.signature.base_wh > found.base_wh


def test_without_a_temperature_it_says_what_would_bring_one(store, open_page):
    book(store.ledger, courses(days=3))
    view = open_page(store)

    view.show_look(WEATHER)
    view.settle()

    assert view.weather.days_panel.state == "empty"
    assert view.answer == "No temperature to hold energy against yet."


def test_a_formula_is_checked_while_it_is_typed_and_drawn_before_it_is_saved(
    filled, open_page, qtbot
):
    view = open_page(filled)
    view.show_look(FORMULAS)
    view.settle()
    editor = view.formulas.editor

    qtbot.keyClicks(editor.name, "Rest of the hall")
    qtbot.keyClicks(editor.formula, "hall - pres")
    assert editor.identity.text() == "rest-of-the-hall"
    assert "There is no meter pres. Do you mean press?" in editor.check.text()
    assert not editor.save_button.isEnabled()
    qtbot.keyClicks(editor.formula, "s")
    assert editor.check.text() == "= Hall − Press"
    assert editor.save_button.isEnabled()
    view.settle(450)

    assert filled.configuration.load().virtual_meters == ()
    assert editor.preview_title.text().startswith("Sat 21 Mar: ")
    assert editor.preview_title.text().endswith("Wh in each 15 min.")
    assert [t[0] for t in texts(editor.terms)] == ["Hall", "Press"]
    qtbot.mouseClick(editor.save_button, Qt.MouseButton.LeftButton)
    view.settle()
    (saved,) = filled.configuration.load().virtual_meters
    assert (saved.virtual_id, saved.terms) == (
        "rest-of-the-hall",
        (("hall", 1.0), ("press", -1.0)),
    )
    assert "Rest of the hall is saved." in notice(view)
    assert not editor.save_button.isEnabled()


def test_a_virtual_meter_is_changed_deleted_and_put_back(filled, open_page, qtbot):
    view = open_page(filled)
    view.show_look(FORMULAS)
    view.formulas.begin("Half", (("hall", 0.5),))
    view.settle()
    editor = view.formulas.editor
    editor.save_button.click()
    view.settle()

    editor.formula.setText("0,25 x hall")
    editor.save_button.click()
    view.settle()
    assert filled.configuration.load().virtual_meters[0].terms == (("hall", 0.25),)
    assert editor.identity.isReadOnly()

    editor.delete_button.click()
    view.settle()
    assert filled.configuration.load().virtual_meters == ()
    assert view.answer == "No virtual meter yet."
    press(view, "Put it back")
    view.settle()
    (back,) = filled.configuration.load().virtual_meters
    assert (back.name, back.terms) == ("Half", (("hall", 0.25),))


def test_an_inserted_meter_is_added_at_the_cursor(filled, open_page):
    view = open_page(filled)
    view.show_look(FORMULAS)
    view.settle()
    editor = view.formulas.editor

    editor._on_insert(editor.insert.findData("hall"))
    editor._on_insert(editor.insert.findData("press"))

    assert editor.formula.text() == "hall + press"


def test_the_rest_of_a_main_meter_becomes_a_formula(filled, open_page):
    view = open_page(filled)
    press_row = next(r for r in view.sums.tree.table.rows_model.rows if r.meter.meter_id == "press")
    view.sums.tree.table.choose(press_row.key)
    view.settle()

    press(view, "Keep the rest as a virtual meter")
    view.settle(450)

    editor = view.formulas.editor
    assert view.looks.value == FORMULAS
    assert editor.name.text() == "Rest of Hall"
    assert editor.typed.terms == (("hall", 1.0), ("press", -1.0))
    assert "kWh" in editor.preview_title.text()


def test_what_is_seen_is_exported(filled, open_page, tmp_path):
    view = open_page(filled)

    for name in ("sums.csv", "sums.xlsx", "sums.pdf"):
        view.export_to(tmp_path / name)
        view.settle()
        assert (tmp_path / name).stat().st_size > 100, notice(view)
    view.show_look(WEATHER)
    view.settle()
    view.export_to(tmp_path / "weather.csv")
    view.settle()

    with (tmp_path / "sums.csv").open(encoding="utf-8-sig") as file:
        rows = {(r["Main meter"], r["Meter"], r["Way"]): r for r in csv.DictReader(file)}
    rest = rows["Main", "Unexplained rest", "missing meter"]
    assert float(rest["kWh"]) == 20 * 96 * 25.0 / 1000
    with (tmp_path / "weather.csv").open(encoding="utf-8-sig") as file:
        days = list(csv.DictReader(file))
    assert len(days) == 21  # whole days until yesterday
    assert days[1]["Day"] == "2026-03-02"
    view.export_to(tmp_path / "sums.doc")
    view.settle()
    assert "End the name in" in notice(view)


def test_the_search_opens_a_look_once(filled, open_page):
    view = open_page(filled)

    view.navigation.choose(item_id="look:formulas")
    view.settle()
    assert view.looks.value == FORMULAS
    view.show_look(WEATHER)
    view.navigation.choose(meter_id="hall")
    view.settle()

    assert view.looks.value == WEATHER
    assert view.navigation.subject.item_id == ""


def test_a_period_of_another_page_is_taken_over(filled, open_page):
    view = open_page(filled)

    view.navigation.choose(period_ms=(MONDAY - 40 * DAY, MONDAY - 33 * DAY))
    view.settle()

    assert view.period.text.text() == "January 2026"
    assert view.sums.node.state == "empty"
    assert view.looks.value == SUMS


def test_energy_that_was_estimated_is_marked(filled, open_page):
    import numpy as np

    from energy_desktop.domain.energy import IntervalQuality

    extra = np.full(96, 50.0)
    marks = np.full(96, IntervalQuality.ESTIMATED, np.int8)
    book(filled.ledger, {("shed", IMPORT): extra}, quality=marks)
    configuration = filled.configuration.load()
    filled.configuration.replace(configuration)

    view = open_page(filled)
    view.sums.put_behind("shed", "hall")
    view.settle()

    model = view.sums.tree.table.rows_model
    row = next(i for i, r in enumerate(model.rows) if r.meter.meter_id == "shed")
    assert model.cell(row, 2).icon == "approximately-equal"
