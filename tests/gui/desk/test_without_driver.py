"""The way of a meter that nobody has a driver for: scan, look, make a driver, try it, add it."""

from dataclasses import replace
from pathlib import Path

import pytest

from energy_desktop.domain.commissioning import DriverFit
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.services.meters import MeterListing
from energy_desktop.ui.views.desk.page import DeskServices
from energy_desktop.ui.views.meters_view import MetersView
from tests.gui.desk.fakes import FakeDesk, FakeDrivers, a_hit

LINE = Link("dev-ttyusb0", LinkKind.MODBUS_RTU, device="/dev/ttyUSB0")
OLD = Link("gate", LinkKind.MODBUS_TCP, host="10.0.0.7")
LATHE = Meter("lathe", "Lathe", "", "")


class Meters:
    """A site as MeterService tells of it; what is saved in the editor is a driver of it."""

    drivers_folder = Path("drivers")

    def __init__(self, drivers, meters=()):
        self.made, self.meters, self.saved = drivers, meters, []

    def listing(self):
        stopped = MeterStatus("lathe", LinkState.STOPPED)
        return tuple(MeterListing(m, None, None, stopped, None) for m in self.meters)

    def configuration(self):
        return Configuration(site=Site("W", "UTC"), links=(OLD,), meters=self.meters)

    def statuses(self):
        return {}

    def drivers(self):
        return tuple(self.made.infos)

    def driver_errors(self):
        return ()

    def registers(self, _):
        return ()

    def save(self, meter, link):
        self.saved.append((meter, link))


class Drivers(FakeDrivers):
    def __init__(self):
        super().__init__()
        self.infos = []

    def save(self, text):
        self.infos.append(super().save(text))
        return self.infos[-1]


@pytest.fixture
def drivers():
    return Drivers()


@pytest.fixture(params=[(), (LATHE,)], ids=["empty site", "site with a meter"])
def view(qtbot, context, drivers, request):
    desk = FakeDesk(found=(replace(a_hit(LINE, 12), fits=()),))
    site = Meters(drivers, request.param)
    made = MetersView(context, site, None, None, services=DeskServices(desk, drivers))
    qtbot.addWidget(made)
    made.resize(1180, 640)
    made.show()
    made.shown()
    qtbot.waitUntil(lambda: made._page is not None)
    yield made
    made.hidden()
    if made.deeds.editor is not None:
        made.deeds.editor.hide()


def test_a_found_unit_becomes_a_meter_with_a_driver_made_of_its_registers(qtbot, view, drivers):
    view.deeds.scan()
    scanner = view.deeds.scanner
    scanner.start()
    qtbot.waitUntil(lambda: "Done" in scanner.doing.text())
    scanner.table.choose((LINE.address, 12))
    scanner.inspect_button.click()
    inspector = view.wire.inspector
    qtbot.waitUntil(inspector.use_button.isVisible)
    assert (inspector.link, inspector.unit.value()) == (LINE, 12)

    inspector.use_button.click()
    editor = view.deeds.editor
    inspector._want_line(inspector.table.rows_model.rows[0], "ABCD")
    editor.line.add_button.click()
    qtbot.waitUntil(lambda: "voltage_l1_v" in editor.edit.toPlainText())
    editor.test()
    qtbot.waitUntil(lambda: "Answered" in editor.trial.state.text())
    assert drivers.tested[0][1:] == ("dev-ttyusb0", 12, "")
    qtbot.waitUntil(editor.save_button.isEnabled)
    editor.save()
    qtbot.waitUntil(lambda: bool(view._page.drivers))

    view.deeds.add_meter()
    dialog = view.deeds.dialog
    assert dialog.meter.driver_id() == "my_meter"
    assert dialog.meter.unit.value() == 12
    assert dialog.chosen_link().device == "/dev/ttyUSB0"
    dialog.meter.name.setText("Press 4")
    dialog.meter.name.textEdited.emit("Press 4")
    with qtbot.waitSignal(dialog.saved):
        dialog.save()
    ((meter, link),) = view._meters.saved
    assert (meter.meter_id, meter.unit_id, meter.driver_id) == ("press-4", 12, "my_meter")
    assert meter.link_id == link.link_id


def test_a_unit_with_turned_words_gets_no_driver_that_would_store_nonsense(qtbot, context, drivers):
    drivers.save('id = "sdm"\n')
    fit = DriverFit("sdm", 0.8, ("only in the word order CDAB",), "CDAB")
    desk = FakeDesk(found=(replace(a_hit(LINE, 12), fits=(fit,)),))
    view = MetersView(context, Meters(drivers), None, None, services=DeskServices(desk, drivers))
    qtbot.addWidget(view)
    view.show()
    view.shown()
    qtbot.waitUntil(lambda: view._page is not None)
    view.deeds.scan()
    scanner = view.deeds.scanner
    scanner.start()
    qtbot.waitUntil(lambda: "Done" in scanner.doing.text())
    scanner.table.choose((LINE.address, 12))

    scanner.add_button.click()

    dialog = view.deeds.dialog
    assert dialog.meter.unit.value() == 12
    assert dialog.meter.driver_id() == ""
    assert dialog.notice.isVisible()
    said = dialog.notice.accessibleName()
    assert "sdm fits this unit only in the word order CDAB" in said and "copy sdm" in said
    assert "driver" in dialog.mistakes()
    view.hidden()
