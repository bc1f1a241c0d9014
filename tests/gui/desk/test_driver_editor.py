"""A driver is copied, changed, checked by line, tried, kept and shared, without losing a text."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.errors import DriverFileError, MeterUnreachable
from energy_desktop.domain.recount import CountingChange, Past, PastUndecided
from energy_desktop.domain.register_list import ListedRegister, RegisterList
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.ui.views.desk.driver_editor import DriverEditor
from energy_desktop.ui.views.desk.line_dialog import LineDialog
from energy_desktop.ui.views.desk.list_dialog import ListDialog
from tests.gui.desk.fakes import REGISTERS, FakeDesk, FakeDrivers

TEXT = 'id = "sdm"\n\n[quantities]\npower_w = { address = 12 }\n'
SDM = DriverInfo("sdm", "Eastron", ("SDM120",), ("power_w",), "manual")
OWN = DriverInfo("mine", "?", ("Box",), ("power_w",), "manual", own=True)
BUS = Link("bus", LinkKind.MODBUS_RTU, device="COM4")
PRESS = Meter("press", "Press 4", "sdm", "bus", unit_id=12)
SITE = Configuration(site=Site("W", "UTC"), links=(BUS,), meters=(PRESS,))
LISTED = RegisterList(
    "map.csv",
    (("address", "Addr"),),
    "wire",
    ("Addresses are as sent.",),
    (
        ListedRegister(2, "Voltage", 0, 4, "float32", 1.0, "voltage_v", "V"),
        ListedRegister(3, "Colour", error="No quantity is called so."),
    ),
)


@dataclass
class Lists(FakeDrivers):
    read: list[tuple[Path, str]] = field(default_factory=list)

    def read_list(self, path, *, numbering=""):
        self.read.append((path, numbering))
        if self.failure is not None:
            raise self.failure
        return LISTED

    def from_list(self, listing, driver_id, function):
        return f'id = "{driver_id}"\n# function {function}\n[quantities]\n'


@pytest.fixture
def drivers():
    return Lists({"sdm": TEXT, "mine": TEXT.replace("sdm", "mine")})


@pytest.fixture
def editor(qtbot, context, drivers):
    page = QWidget()
    qtbot.addWidget(page)
    made = DriverEditor(page, context, drivers, FakeDesk())
    qtbot.addWidget(made)
    made.show_site((SDM, OWN), SITE)
    made.show()
    yield made
    made._unchanged = made.edit.toPlainText()  # nothing is asked on the way out
    made.reject()


def opened(qtbot, editor, driver_id="sdm"):
    editor.open_driver(driver_id)
    qtbot.waitUntil(lambda: bool(editor.summary.text()))
    return editor


def type_at_end(editor, text):
    editor.edit.replace_text(editor.edit.toPlainText() + text)
    editor.check()


def test_own_drivers_stand_first_and_the_filter_finds_a_maker(editor):
    assert [d.driver_id for d in editor.list.rows_model.rows] == ["mine", "sdm"]

    editor.list_panel.filter.setText("eastr")

    assert [d.driver_id for d in editor.list.rows_model.rows] == ["sdm"]


def test_a_shipped_driver_is_read_and_not_saved_over(qtbot, editor):
    opened(qtbot, editor)

    assert editor.edit.toPlainText() == TEXT
    assert not editor.save_button.isEnabled()
    assert editor.export_button.isEnabled()
    assert "Yields 2" in editor.summary.text()


def test_what_is_wrong_stands_with_its_line_and_forbids_saving(qtbot, editor):
    opened(qtbot, editor, "mine")
    type_at_end(editor, "voltage_v = { scael = 2 }\n")
    qtbot.waitUntil(lambda: editor.edit.wrong == {5: "`scael` is no key."})

    assert editor.problems.isVisible()
    assert not editor.save_button.isEnabled()
    assert editor.edit.extraSelections()[0].cursor.blockNumber() == 4
    editor.problems.choose((5, "`scael` is no key."))
    assert editor.edit.textCursor().blockNumber() == 4


def test_typing_is_checked_by_itself(qtbot, editor):
    opened(qtbot, editor)
    editor.edit.appendPlainText("scael")

    qtbot.waitUntil(editor.problems.isVisible)
    assert editor.state.text() == "changed, not saved"


def test_a_copy_is_saved_to_the_site_under_its_own_id(qtbot, editor, drivers):
    opened(qtbot, editor)
    editor.copy()
    qtbot.waitUntil(lambda: "sdm_own" in editor.edit.toPlainText())
    qtbot.waitUntil(editor.save_button.isEnabled)

    with qtbot.waitSignal(editor.saved) as told:
        editor.save_button.click()

    assert told.args == ["sdm_own"]
    assert drivers.saved == [TEXT.replace("sdm", "sdm_own")]
    assert editor.list.chosen_row().driver_id == "sdm_own"
    assert not editor.changed


def test_a_changed_text_is_asked_about_before_another_replaces_it(qtbot, editor):
    opened(qtbot, editor)
    type_at_end(editor, "# mine\n")

    editor.list.choose("mine")

    assert "# mine" in editor.edit.toPlainText()
    editor.question.accept()
    qtbot.waitUntil(lambda: 'id = "mine"' in editor.edit.toPlainText())


def test_a_text_that_is_not_saved_keeps_the_window_open(editor):
    editor.begin_new()

    editor.reject()

    assert editor.isVisible()
    editor.question.reject()


def test_a_driver_is_tried_on_a_meter_before_it_is_saved(qtbot, editor, drivers):
    opened(qtbot, editor)
    type_at_end(editor, "# tried\n")

    editor.test()
    qtbot.waitUntil(lambda: editor.trial.values.rows_model.rowCount() == 2)

    ((text, link_id, unit_id, address),) = drivers.tested
    assert text.endswith("# tried\n")
    assert (link_id, unit_id, address) == ("bus", 12, "")


def test_a_meter_that_does_not_answer_is_told_with_what_to_do(qtbot, editor, drivers):
    opened(qtbot, editor)
    drivers.failure = MeterUnreachable(where="Press 4", what="No answer.", remedy="Look at it.")

    editor.test()

    qtbot.waitUntil(editor.notice.isVisible)
    assert "Look at it" in editor.notice.accessibleName()
    assert editor.trial.button.isEnabled()


def test_a_driver_is_exported_to_share_it(qtbot, editor, drivers, tmp_path):
    opened(qtbot, editor)

    editor.export_to("sdm", tmp_path / "sdm.toml")

    qtbot.waitUntil(lambda: drivers.exported == [("sdm", tmp_path / "sdm.toml")])


def test_a_clicked_reading_becomes_a_line_that_can_be_undone(qtbot, editor):
    opened(qtbot, editor)
    row = REGISTERS[-1]

    editor.take_reading(row, row.reading("float32", "ABCD"))
    assert editor.line.quantity.currentData() == "frequency_hz"
    editor.line.add_button.click()

    qtbot.waitUntil(lambda: "frequency_hz" in editor.edit.toPlainText())
    assert editor.edit.textCursor().block().text() == "frequency_hz = { address = 0x0046 }"
    assert editor.edit.toPlainText().startswith('id = "sdm_own"')  # a shipped one is not changed
    editor.edit.undo()
    assert editor.edit.toPlainText() == TEXT


def test_what_a_reading_is_must_be_chosen(qtbot, editor):
    row = REGISTERS[-1]
    dialog = LineDialog(editor, row, row.reading("uint16", "ABCD"), "")
    qtbot.addWidget(dialog)
    assert not dialog.add_button.isEnabled()

    dialog.quantity.setCurrentText("voltage l2, V")

    with qtbot.waitSignal(dialog.chosen) as told:
        dialog.add_button.click()
    assert told.args == ["voltage_l2_v"]


def test_a_proved_order_becomes_the_default_of_the_driver(editor):
    editor.take_order(4, "float32", "CDAB")

    assert 'word_order = "CDAB"' in editor.edit.toPlainText()
    assert editor.edit.toPlainText().count("defaults") == 1


def test_an_order_waits_for_the_driver_that_is_being_read(qtbot, editor):
    editor.open_driver("mine")
    editor.take_order(3, "int32", "CDAB")

    qtbot.waitUntil(lambda: "defaults" in editor.edit.toPlainText())

    assert editor.edit.toPlainText().startswith('id = "mine"\ndefaults = { function = 3')
    assert "power_w" in editor.edit.toPlainText()


def test_the_margin_is_as_wide_as_the_longest_number(editor):
    before = editor.edit.margin_width()
    editor.edit.setPlainText("\n" * 20_000)
    assert editor.edit.margin_width() > before
    assert not editor.edit.grab().isNull()


def test_a_register_list_shows_what_it_understood_before_a_driver_is_made(qtbot, context, drivers):
    dialog = ListDialog(None, context, drivers, "box")
    qtbot.addWidget(dialog)
    dialog.show()

    dialog.read(Path("map.csv"))
    qtbot.waitUntil(dialog.make_button.isEnabled)

    assert [r.number for r in dialog.table.rows_model.rows] == [3, 2]
    assert "1 register of map.csv understood; 1 line left out" in dialog.answer.text()
    assert "as sent" in dialog.decisions.text()
    dialog.function.setCurrentIndex(1)
    with qtbot.waitSignal(dialog.made) as told:
        dialog.make()
    assert told.args == ['id = "box"\n# function 4\n[quantities]\n']


def test_a_list_is_read_anew_with_another_numbering(qtbot, context, drivers):
    dialog = ListDialog(None, context, drivers, "box")
    qtbot.addWidget(dialog)
    dialog.read(Path("map.csv"))
    qtbot.waitUntil(dialog.make_button.isEnabled)

    dialog.numbering.setCurrentIndex(dialog.numbering.findData("manual"))
    dialog.numbering.activated.emit(dialog.numbering.currentIndex())

    qtbot.waitUntil(lambda: len(drivers.read) == 2)
    assert drivers.read[1] == (Path("map.csv"), "manual")


def test_a_file_that_is_no_list_says_so(qtbot, context, drivers):
    drivers.failure = DriverFileError(where="map.csv", what="No header.", remedy="Add one.")
    dialog = ListDialog(None, context, drivers, "box")
    qtbot.addWidget(dialog)

    dialog.read(Path("map.csv"))

    qtbot.waitUntil(lambda: dialog.panel.state == "error")
    assert not dialog.make_button.isEnabled()


def test_a_driver_that_counts_in_another_way_asks_what_becomes_of_the_past(
    qtbot, editor, drivers, monkeypatch
):
    answers, save = [], drivers.save
    change = CountingChange(
        "press", "Press 4", 10.0, None, None, "Press 4: 10 times.", "Stays.", "Again."
    )

    def asking(text, past=None):
        answers.append(past)
        if past is None:
            raise PastUndecided(where="Press 4", what="x", remedy="y", changes=(change,))
        return save(text)

    monkeypatch.setattr(drivers, "save", asking)
    opened(qtbot, editor, "mine")
    type_at_end(editor, "energy_import_wh = { address = 2, scale = 10 }\n")
    editor.save()
    qtbot.waitUntil(lambda: getattr(editor, "counting_question", None) is not None)
    with qtbot.waitSignal(editor.saved):
        editor.counting_question.keep_button.click()

    assert answers == [None, Past.KEEP]
