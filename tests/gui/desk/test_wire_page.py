"""Registers, frames and judgements of the chosen meter, as they are shown and clicked."""

import csv
import threading
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from energy_desktop.domain.driver import RegisterView
from energy_desktop.domain.errors import MeterUnreachable
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.services.meters import MeterListing
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk import inspector as inspector_module
from energy_desktop.ui.views.desk.frames import FramesPanel
from energy_desktop.ui.views.desk.inspector import Inspector, registers_of
from energy_desktop.ui.views.desk.plausibility import PlausibilityPanel, summary
from energy_desktop.ui.views.desk.wire_page import WirePage
from tests.gui.desk.fakes import JUDGEMENTS, REGISTERS, FakeDesk, Range, frames
from tests.gui.fakes import NOW

FORMATS = Formats("Europe/Berlin", clock=lambda: NOW)
BUS = Link("bus", LinkKind.MODBUS_RTU, device="COM4")
PRESS = Meter("press", "Press 4", "sdm", "bus", unit_id=12)


def a_listing(state=LinkState.GOOD, link=BUS):
    return MeterListing(PRESS, link, None, MeterStatus("press", state), None)


def cells(table, row):
    model = table.rows_model
    return [model.cell(row, c) for c in range(model.columnCount())]


@pytest.fixture
def inspector(qtbot):
    made = Inspector(FORMATS)
    qtbot.addWidget(made)
    made.resize(740, 320)
    made.show()
    made.show_target(BUS, PRESS)
    return made


def test_the_only_plausible_order_is_lit_beside_wire_and_manual_number(inspector):
    inspector.show_range(Range())

    row = cells(inspector.table, 0)
    assert [c.text for c in row] == [
        *("0x0000", "30001", "43 67 4A 3D", "231.29", "3e6", "9e23", "0.05", "Voltage L1"),
    ]
    assert [c.ground for c in row[3:7]] == ["sel", "", "", ""]
    assert "only order" in inspector.sentence.text()
    assert inspector.use_button.text() == "Use ABCD"
    assert inspector.use_button.isVisible()


def test_a_code_for_not_available_is_no_reading(inspector):
    inspector.show_range(Range())

    assert cells(inspector.table, 2)[-1].text == "not available"
    assert cells(inspector.table, 2)[3].bold


def test_the_proved_order_is_passed_on_with_function_and_type(qtbot, inspector):
    inspector.show_range(Range())

    with qtbot.waitSignal(inspector.order_wanted) as told:
        inspector.use_button.click()

    assert told.args == [4, "float32", "ABCD"]


def test_nothing_is_lit_when_no_order_is_plausible(inspector):
    inspector.show_range(Range(best_order="", sentence="No order is plausible."))

    assert all(not c.ground for c in cells(inspector.table, 0))
    assert not inspector.use_button.isVisible()


def test_the_type_chooses_what_stands_in_the_columns(inspector):
    inspector.show_range(Range())
    inspector.choose_type("uint16")

    row = cells(inspector.table, 0)
    assert row[2].text == "43 67"
    assert (row[3].text, row[4].text) == (f"{0x4367:,}", "")
    assert not row[3].ground  # what is proved of one type says nothing of another
    assert not inspector.use_button.isVisible()


def test_a_value_that_is_clicked_is_wanted_as_a_line(qtbot, inspector):
    inspector.show_range(Range())
    table = inspector.table
    place = table.visualRect(table.rows_model.index(1, 4)).center()

    with qtbot.waitSignal(inspector.line_wanted) as told:
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    row, reading = told.args
    assert (row.address, reading.word_order, reading.text) == (2, "CDAB", "−2e-20")


def test_a_first_look_ends_before_the_first_hole(inspector):
    def a_register(address, value_format="float32", function=4):
        return RegisterView("power_w", address, "", function, value_format, "ABCD", 1.0)

    inspector.propose([a_register(20), a_register(22), a_register(24, "uint16"), a_register(30)])

    assert (inspector.start.text(), inspector.count.value()) == ("0x0014", 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [("3x0071", "another function"), ("x", "no address"), ("70000", "0 to 65535"), ("", "no addr")],
)
def test_what_is_no_address_is_said_and_not_asked(qtbot, inspector, text, said):
    inspector.function.setCurrentIndex(inspector.function.findData(3))
    inspector.start.setText(text)

    with qtbot.assertNotEmitted(inspector.read_wanted):
        inspector.read()

    assert said in inspector.sentence.text()


@pytest.mark.parametrize(
    ("value_format", "registers"),
    [("float32", 2), ("uint16", 1), ("int64", 4), ("bool", 1)],
)
def test_a_row_is_as_long_as_its_type(value_format, registers):
    assert registers_of(value_format) == registers


def test_a_link_without_registers_says_what_there_is_instead(inspector):
    inspector.show_target(Link("p1", LinkKind.P1, device="COM7"), None)

    assert inspector.state == "empty"
    assert not inspector.readable


@pytest.fixture
def log(qtbot):
    made = FramesPanel(FORMATS)
    qtbot.addWidget(made)
    made.resize(480, 300)
    made.show()
    made.show_bus(BUS)
    return made


def test_frames_stand_newest_first_with_hex_and_meaning(log):
    log.show_frames("bus", frames(8))

    newest, oldest = cells(log.table, 0), cells(log.table, 7)
    assert (newest[0].text, newest[1].plain, newest[3].text) == (
        *("14:37:12.480", "received", "165 bytes in 52 ms"),
    )
    assert newest[2].text.endswith("…")
    assert oldest[2].text == "05 04 00 00 00 50 F1 90"
    timeout = cells(log.table, 2)
    assert (timeout[3].text, timeout[3].bold) == ("no answer in 1.0 s", True)


def test_the_log_is_filtered_by_unit_and_by_error(log):
    log.show_frames("bus", frames(40))
    log.unit.setCurrentIndex(log.unit.findData(5))
    assert {frame.unit_id for _, frame in log.table.rows_model.rows} == {5}

    log.unit.setCurrentIndex(0)
    log.which.setCurrentIndex(1)
    assert {frame.number for _, frame in log.table.rows_model.rows} == {6, 14, 22, 30, 38}


def test_a_paused_log_asks_for_nothing_and_goes_on_where_it_stood(qtbot, log):
    log.show_frames("bus", frames(8))
    log.pause_button.click()
    with qtbot.assertNotEmitted(log.frames_wanted):
        log.ask()

    with qtbot.waitSignal(log.frames_wanted) as told:
        log.pause_button.click()
    assert told.args == ["bus", 8]


def test_only_one_question_is_open_at_a_time(qtbot, log):
    with qtbot.assertNotEmitted(log.frames_wanted):
        log.ask()  # the question of show_bus is not answered yet
    log.show_frames("bus", ())
    with qtbot.waitSignal(log.frames_wanted):
        log.ask()


def test_frames_of_a_bus_that_was_left_are_not_shown(log):
    log.show_frames("other", frames(8))

    assert log.table.rows_model.rowCount() == 0


def test_a_list_that_is_scrolled_stands_still_and_counts_what_waits(qtbot, log):
    log.show_frames("bus", frames(60))
    bar = log.table.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 30)
    bar.setValue(30)
    before = log.table.rows_model.rows

    log.show_frames("bus", frames(10, start=61))

    assert log.table.rows_model.rows == before
    assert "10 new" in log._subtitle.full_text()
    bar.setValue(0)
    assert log.table.rows_model.rows[0][1].number == 70


def test_the_saved_log_has_whole_frames_oldest_first(log):
    log.show_frames("bus", frames(8))

    rows = list(csv.DictReader(log.as_csv().splitlines()))

    assert [r["direction"] for r in rows[:2]] == ["sent", "received"]
    assert len(bytes.fromhex(rows[1]["frame"])) == 165
    assert rows[1]["after_ms"] == "52.0"
    assert rows[5]["error"] == "no answer"
    assert rows[0]["time"] == "2025-10-14T14:37:12.060+02:00"


def test_a_second_master_is_suspected_in_words(log):
    (bus,) = FakeDesk(shared="Echoes of requests that nobody here sent.").bus_statistics()
    log.show_statistics(bus)
    assert log.shared.isVisible()

    log.show_statistics(replace(bus, shared=""))
    assert not log.shared.isVisible()
    assert "58" in log.load_text.text()


def test_faults_stand_first_with_their_remedy(qtbot):
    panel = PlausibilityPanel()
    qtbot.addWidget(panel)
    panel.show_judgements(JUDGEMENTS)

    first = panel._rows.itemAt(0).widget()
    assert first.accessibleName().startswith("fault: L2 reads −7.4 kW.")
    assert "swap k and l" in first.accessibleName()
    assert panel.chip.accessibleName() == "1 of 5 fails"


def test_the_chip_says_what_is_open_and_that_all_hold():
    good = tuple(j for j in JUDGEMENTS if j.verdict.value == "good")
    assert summary(good) == ("all 3 hold", 0)
    assert summary((*good, JUDGEMENTS[-1])) == ("1 of 4 open", 0)


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def page(qtbot, context, desk):
    view = BaseView(context)
    made = WirePage(view, desk)
    view.body.addWidget(made)
    qtbot.addWidget(view)
    view.resize(760, 600)
    view.show()
    return made


def test_a_meter_that_answers_is_read_judged_and_listened_to(qtbot, page, desk):
    page.show_meter(a_listing(), ())

    qtbot.waitUntil(lambda: page.inspector.table.rows_model.rowCount() == len(REGISTERS))
    qtbot.waitUntil(lambda: page.plausibility.chip.accessibleName() == "1 of 5 fails")
    qtbot.waitUntil(lambda: page.frames.table.rows_model.rowCount() == 8)
    assert desk.asked == [("bus", 12, 4, 0, inspector_module._COUNT)]


def test_a_lost_meter_is_not_asked_before_a_person_does(qtbot, page, desk):
    page.show_meter(a_listing(LinkState.LOST), ())
    page._on_settled()
    qtbot.waitUntil(lambda: not page._view.jobs.running())
    assert desk.asked == []

    desk.failure = MeterUnreachable(where="Press 4", what="No answer.", remedy="Look at it.")
    page.inspector.read_button.click()
    qtbot.waitUntil(lambda: "No answer. Look at it." in page.inspector.sentence.text())
    assert page.inspector.read_button.isVisible()  # another range can be tried at once


def test_an_answer_about_a_meter_that_was_left_is_not_shown_as_another_one(qtbot, page, desk):
    going_on = threading.Event()

    def slow(*_):
        going_on.wait(5)
        return Range()

    desk.inspect = slow
    page.show_meter(a_listing(), ())
    page.inspector.read()
    page.show_meter(a_listing(LinkState.LOST), ())
    going_on.set()

    qtbot.waitUntil(lambda: not page._view.jobs.running())
    assert page.inspector.table.rows_model.rowCount() == 0


def test_a_late_judgement_does_not_hide_what_is_said_of_the_bus(qtbot, page, desk):
    going_on = threading.Event()

    def slow(*_):
        going_on.wait(5)
        return JUDGEMENTS

    desk.check_meter = slow
    page.show_meter(a_listing(), ())
    page.judge()
    page.show_bus(BUS)
    going_on.set()

    qtbot.waitUntil(lambda: not page._view.jobs.running())
    assert page.plausibility.state == "empty"
    assert not page.plausibility.chip.isVisible()


def test_the_log_is_written_where_a_person_says(qtbot, page, tmp_path):
    target = tmp_path / "frames.csv"
    page.show_meter(a_listing(), ())
    page.frames.show_frames("bus", frames(8))

    page.write_frames(target, page.frames.as_csv())
    qtbot.waitUntil(target.exists)

    assert len(target.read_text(encoding="utf-8").splitlines()) == 9


def test_without_an_engine_each_part_says_so(qtbot, context):
    view = BaseView(context)
    made = WirePage(view, None)
    view.body.addWidget(made)
    qtbot.addWidget(view)
    made.show_meter(a_listing(), ())
    made.start()
    made.beat(None)
    made.stop()

    states = [p.state for p in (made.inspector, made.frames, made.plausibility)]
    assert states == ["empty"] * 3
