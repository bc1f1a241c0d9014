"""A scan says its length, shows who answers as they come, stops at once, and hands a hit over."""

import threading

import pytest
from PySide6.QtWidgets import QWidget

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import MeterUnreachable
from energy_desktop.domain.site import Link, LinkKind, Site
from energy_desktop.ui.views.desk.scan_dialog import ScanDialog
from tests.gui.desk.fakes import FakeDesk, a_hit

BUS = Link("bus", LinkKind.MODBUS_RTU, device="/dev/ttyUSB0")
SITE = Configuration(site=Site("W", "UTC"), links=(BUS,))


@pytest.fixture
def desk():
    return FakeDesk(found=(a_hit(BUS, 5), a_hit(BUS, 6)))


@pytest.fixture
def dialog(qtbot, context, desk):
    page = QWidget()  # closing deletes the dialog itself, as it does in the window
    qtbot.addWidget(page)
    made = ScanDialog(page, context, desk, SITE, ("/dev/ttyUSB0",))
    made.show()
    yield made


def texts(table, row):
    model = table.model()
    return [model.data(model.index(row, c)) for c in range(model.columnCount())]


def test_the_plan_is_what_was_entered(dialog):
    dialog.rates.choose([9600, 19200])
    dialog.parities.choose(["N", "E"])
    dialog.units.setText("1-3")

    plan = dialog.plan()

    assert plan.unit_ids == (1, 2, 3)
    assert [(k.baud_rate, k.parity) for k in plan.links] == [
        *((9600, "N"), (9600, "E"), (19200, "N"), (19200, "E")),
    ]
    assert "12 requests" in dialog.length.text()


def test_addresses_are_scanned_over_the_network(dialog):
    dialog.where.set_value("network")
    dialog._follow()
    assert not dialog.start_button.isEnabled()

    dialog.hosts.setText("10.0.0.7-8")
    plan = dialog.plan()

    assert dialog.start_button.isEnabled()
    assert [(k.kind, k.host, k.port) for k in plan.links] == [
        (LinkKind.MODBUS_TCP, "10.0.0.7", 502),
        (LinkKind.MODBUS_TCP, "10.0.0.8", 502),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.units.setText("300"), "0 to 247"),
        (lambda d: d.device.setCurrentText(""), "serial port"),
        (lambda d: d.rates.choose([]), "baud rate"),
    ],
)
def test_what_cannot_be_scanned_is_said_and_not_started(dialog, change, said):
    change(dialog)

    assert said in dialog.length.text()
    assert not dialog.start_button.isEnabled()


def test_a_line_that_is_in_use_is_warned_of(qtbot, dialog):
    qtbot.waitUntil(dialog.master.isVisible)
    assert "polled here" in dialog.master.accessibleName()

    dialog.device.setCurrentText("/dev/ttyUSB9")
    qtbot.waitUntil(lambda: not dialog.master.isVisible())


def test_hits_stand_with_identity_best_driver_and_why(qtbot, dialog):
    dialog.start()
    qtbot.waitUntil(lambda: "Done" in dialog.doing.text())

    row = texts(dialog.table, 0)
    assert row[1] == "5"
    assert row[2] == "Eastron SDM630, 1.2"
    assert row[3].startswith("sdm, 92")
    assert "frequency 49.99 Hz" in row[3]
    dialog.table.choose((BUS.address, 6))
    assert "voltage 231 V" in dialog.reasons.text()
    with qtbot.waitSignal(dialog.add_wanted) as told:
        dialog.add_button.click()
    assert told.args[0].unit_id == 6


def test_a_unit_without_a_driver_is_handed_to_the_inspector(qtbot, dialog):
    dialog.start()
    qtbot.waitUntil(lambda: "Done" in dialog.doing.text())
    assert not dialog.inspect_button.isEnabled()
    dialog.table.choose((BUS.address, 5))

    with qtbot.waitSignal(dialog.inspect_wanted) as told:
        dialog.inspect_button.click()

    assert told.args[0].unit_id == 5


def test_hits_are_seen_while_it_runs_and_stopping_keeps_them(qtbot, dialog, desk):
    going_on = threading.Event()

    def wait(progress):
        going_on.wait(5)
        progress(0.5, "next")

    desk.pause = wait
    dialog.start()
    qtbot.waitUntil(lambda: dialog.table.rows_model.rowCount() == 1)
    assert not dialog.start_button.isEnabled()

    dialog.stop()
    going_on.set()

    qtbot.waitUntil(lambda: "Stopped: 1 unit" in dialog.doing.text())
    assert dialog.table.rows_model.rowCount() == 1
    assert dialog.start_button.isEnabled()


def test_closing_ends_the_scan(qtbot, dialog, desk, context):
    asked = []

    def wait(progress):
        for _ in range(500):
            asked.append(1)
            progress(0.1, "")
            threading.Event().wait(0.01)

    desk.pause = wait
    dialog.start()
    qtbot.waitUntil(lambda: bool(asked))
    dialog.reject()

    qtbot.waitUntil(lambda: not context.jobs.running())
    assert len(asked) < 400


def test_a_line_that_cannot_be_opened_is_told_with_what_to_do(qtbot, dialog, desk):
    desk.found = ()
    desk.failure = MeterUnreachable(where="COM4", what="No such port.", remedy="Plug it in.")

    dialog.start()

    qtbot.waitUntil(lambda: dialog.panel.state == "error")
    assert dialog.start_button.isEnabled()
