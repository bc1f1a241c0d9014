"""A list of meters is applied whole or not at all, with what is wrong beside its row."""

from pathlib import Path

import pytest

from energy_desktop.domain.commissioning import BulkPlan, BulkRow
from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.ui.views.desk.bulk_dialog import BulkDialog

BUS = Link("bus", LinkKind.MODBUS_RTU, device="COM4")
GOOD = BulkRow(2, Meter("a", "A", "sdm", "bus", 5), BUS)
WRONG = BulkRow(
    3,
    None,
    None,
    DataFileError(where="m.csv, line 3", what="There is no driver 'sdn'.", remedy="Use sdm."),
)


class Lists:
    def __init__(self, plan):
        self.plan, self.applied, self.failure = plan, [], None

    def read(self, path):
        if self.failure is not None:
            raise self.failure
        return self.plan

    def template(self, path):
        path.write_text("id;name")
        return path

    def apply(self, plan):
        self.applied.append(plan)
        return len(plan.rows)


@pytest.fixture
def a_dialog(qtbot, context):
    def make(*rows):
        lists = Lists(BulkPlan("m.csv", rows))
        made = BulkDialog(None, context, lists)
        qtbot.addWidget(made)
        made.show()
        return made, lists

    return make


def test_a_row_with_an_error_stands_first_and_forbids_all(qtbot, a_dialog):
    dialog, lists = a_dialog(GOOD, WRONG)

    dialog.read(Path("m.csv"))
    qtbot.waitUntil(lambda: dialog.table.rows_model.rowCount() == 2)

    assert dialog.table.rows_model.rows[0] is WRONG
    assert "1 of 2 rows" in dialog.answer.text()
    assert not dialog.apply_button.isEnabled()
    dialog.apply()
    assert lists.applied == []


def test_a_whole_list_is_applied_and_counted(qtbot, a_dialog):
    dialog, lists = a_dialog(GOOD)
    dialog.read(Path("m.csv"))
    qtbot.waitUntil(dialog.apply_button.isEnabled)

    with qtbot.waitSignal(dialog.applied) as told:
        dialog.apply_button.click()

    assert told.args == [1]
    assert lists.applied == [lists.plan]


def test_a_file_that_cannot_be_read_is_told_with_what_to_do(qtbot, a_dialog):
    dialog, lists = a_dialog()
    lists.failure = DataFileError(where="m.csv", what="No header.", remedy="Add one.")

    dialog.read(Path("m.csv"))

    qtbot.waitUntil(lambda: dialog.panel.state == "error")
    assert not dialog.apply_button.isEnabled()


def test_an_example_to_fill_in_is_saved(qtbot, a_dialog, tmp_path):
    dialog, _ = a_dialog()

    dialog.write_example(tmp_path / "meters.csv")

    qtbot.waitUntil(lambda: "Fill in meters.csv" in dialog.answer.text())
    assert (tmp_path / "meters.csv").exists()
