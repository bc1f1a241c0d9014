"""Meters: a lost meter says why and what to do; a new one is tried and saved from the window."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo, RegisterView
from energy_desktop.domain.driver import TestReading as TrialReading
from energy_desktop.domain.errors import DriverFileError, MeterUnreachable, SiteFileError, WrongUse
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.domain.snapshot import Layout, LinkState, MeterStatus, Snapshot
from energy_desktop.services.importing import ImportResult
from energy_desktop.services.meters import MeterListing
from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.views.desk.page import DeskServices, MetersPage
from energy_desktop.ui.views.meters_view import MetersView
from tests.gui.desk.fakes import FakeDesk
from tests.gui.fakes import NOW

NOW_MS = round(NOW.timestamp() * 1000)
LINK = Link("gate", LinkKind.MODBUS_TCP, host="10.0.0.7", port=502)
DRIVER = DriverInfo("sdm", "Eastron", ("SDM120",), ("power_w", "voltage_v"), "manual", ("order",))
LATHE = Meter("lathe", "Lathe <b>", "sdm", "gate", unit_id=7)
GOOD = MeterStatus("lathe", LinkState.GOOD, NOW_MS, polls=40, failures=1, round_trip_ms=52.0)
LOST = replace(
    GOOD,
    state=LinkState.LOST,
    lost_since_ms=NOW_MS - 932_000,
    last_read_ms=NOW_MS - 932_000,
    last_error="No answer in 3 tries of 1.0 s.",
    remedy="Check that it is powered and that its address is 7.",
)


class Meters:
    """What the page asks of MeterService, from memory."""

    drivers_folder = Path("own-drivers")

    def __init__(self, status=GOOD):
        self.status = status
        self.saved, self.tried, self.retired = [], [], []
        self.failure = None
        self.meters = (LATHE,)

    def listing(self):
        return tuple(MeterListing(m, LINK, DRIVER, self.status, NOW_MS) for m in self.meters)

    def statuses(self):
        return {m.meter_id: replace(self.status, meter_id=m.meter_id) for m in self.meters}

    def configuration(self):
        return Configuration(site=Site("W", "UTC"), links=(LINK,), meters=self.meters)

    def drivers(self):
        return (DRIVER,)

    def driver_errors(self):
        return (DriverFileError(where="x.toml, line 3", what="no id.", remedy="Give it one."),)

    def registers(self, _):
        return (
            RegisterView("power_w", 12, "30013", 4, "float32", "ABCD", 1.0),
            RegisterView("voltage_v", 0, "30001", 4, "float32", "ABCD", 1.0),
        )

    def latest(self, meter_id):
        layout = Layout("l", ("power_w", "voltage_v"))
        return Snapshot(meter_id, NOW_MS, layout, (7_831.2, float("nan")))

    def try_now(self, meter_id):
        self.tried.append(meter_id)

    def retire(self, meter_id):
        self.retired.append(meter_id)

    def test(self, link, driver_id, unit_id, address=""):
        if self.failure is not None:
            raise self.failure
        return TrialReading({"power_w": 1_500.0}, ("voltage_v",), 12.0, ("Looks reversed.",))

    def save(self, meter, link):
        if self.failure is not None:
            raise self.failure
        self.saved.append((meter, link))
        self.meters = (*self.meters, meter)


class SiteFiles:
    def apply(self, path):
        raise SiteFileError(where=path.name, what="line 4: a\nline 9: b", remedy="Mend them.")


class Imports:
    """Nothing is asked of it before a file was chosen."""


@pytest.fixture
def meters():
    return Meters()


@pytest.fixture
def view(qtbot, context, meters):
    made = MetersView(context, meters, Imports(), SiteFiles())
    made.resize(1180, 640)
    qtbot.addWidget(made)
    made.show()
    return made


def opened(qtbot, view):
    view.shown()
    qtbot.waitUntil(lambda: view.details.registers.model().rowCount() == 2)
    return view


def texts(table, row):
    model = table.model()
    return [model.data(model.index(row, c)) for c in range(model.columnCount())]


def test_each_register_stands_with_wire_address_manual_number_and_value(qtbot, view):
    opened(qtbot, view)

    assert texts(view.details.registers, 0) == [
        *("0x000C", "30013", "04", "float32 ABCD", "1", "Active power", "7.8\u00a0kW"),
    ]
    assert texts(view.details.registers, 1)[-1] == "not available"
    assert view.answer == "1 of 1 polled meters answer."
    assert "x.toml, line 3" in view.details.driver_problems.text()
    assert "own-drivers" in view.details.driver_folder.text()


def test_a_lost_meter_says_since_when_why_and_what_to_do(qtbot, view, meters):
    meters.status = LOST
    opened(qtbot, view)

    notice = view.trouble
    assert notice.isVisible()
    assert "15 min 32 s" in notice.accessibleName()
    assert "its address is 7" in notice.accessibleName()
    assert "Lathe" in view.answer
    view.try_now()
    qtbot.waitUntil(lambda: meters.tried == ["lathe"])


def test_a_stale_value_is_not_shown_as_live(qtbot, view):
    view.shown()
    listing = MeterListing(LATHE, LINK, DRIVER, LOST, NOW_MS - 932_000)
    view.show_page(MetersPage((listing,), Configuration(links=(LINK,)), (DRIVER,), ()))
    service = view._meters

    view.show_registers("lathe", service.registers("sdm"), service.latest("lathe"))

    assert texts(view.details.registers, 0)[-1] == "–"


def test_without_meters_the_page_offers_the_first_step(qtbot, view):
    view.show_page(MetersPage((), Configuration(), (DRIVER,), ()))

    assert view.list_panel.state == "empty"
    assert view.answer == "No meters yet."


def test_a_meter_is_tried_and_saved(qtbot, view, meters):
    opened(qtbot, view)
    view.deeds.add_meter()
    dialog = view.deeds.dialog
    dialog.meter.name.setText("Press 4")
    dialog.meter.name.textEdited.emit("Press 4")
    dialog.meter.unit.setValue(12)
    dialog.meter.driver.setCurrentIndex(0)

    dialog.test_read()
    qtbot.waitUntil(lambda: dialog.trial.values.model().rowCount() == 2)
    assert "reversed" in dialog.trial.remarks.text()
    with qtbot.waitSignal(dialog.saved) as told:
        dialog.save()

    assert told.args == ["press-4"]
    ((meter, link),) = meters.saved
    assert (meter.name, meter.unit_id, meter.driver_id) == ("Press 4", 12, "sdm")
    assert link == LINK
    assert meter.link_id == "gate"


def test_a_new_link_is_entered_beside_the_meter(qtbot, view):
    opened(qtbot, view)
    view.deeds.add_meter()
    dialog = view.deeds.dialog
    dialog.link.setCurrentIndex(0)
    dialog.fields.host.setText("10.20.4.30")
    dialog.fields.port.setValue(1502)

    link = dialog.chosen_link()

    assert (link.kind, link.host, link.port) == (LinkKind.MODBUS_TCP, "10.20.4.30", 1502)
    dialog.fields.set_kind(LinkKind.MODBUS_RTU)
    dialog.fields.device.setCurrentText("COM4")
    assert dialog.chosen_link().device == "COM4"
    dialog.reject()


def test_what_is_missing_is_said_beside_its_field_and_nothing_is_saved(qtbot, view, meters):
    opened(qtbot, view)
    view.deeds.add_meter()
    dialog = view.deeds.dialog
    dialog.link.setCurrentIndex(0)
    dialog.meter.meter_id.setText("lathe")

    dialog.save()

    assert set(dialog.mistakes()) == {"host", "driver", "name", "id"}
    assert "taken" in dialog.form.errors["id"].text()
    assert dialog.form.errors["host"].isVisible()
    assert meters.saved == []
    dialog.reject()


@pytest.mark.parametrize("command", ["test_read", "save"])
def test_a_failure_stands_in_the_dialog_with_its_remedy(qtbot, view, meters, command):
    opened(qtbot, view)
    view.deeds.add_meter()
    dialog = view.deeds.dialog
    dialog.meter.name.setText("Press")
    dialog.meter.meter_id.setText("press")
    dialog.meter.driver.setCurrentIndex(0)
    dialog.meter.unit.setValue(12)
    kind = MeterUnreachable if command == "test_read" else WrongUse
    meters.failure = kind(where="Press", what="It cannot be.", remedy="Look at the cable.")

    getattr(dialog, command)()
    qtbot.waitUntil(dialog.notice.isVisible)

    assert "cable" in dialog.notice.accessibleName()
    assert dialog.isVisible()
    dialog.reject()


def test_changing_keeps_what_the_dialog_does_not_show(qtbot, view, meters):
    meters.meters = (replace(LATHE, serial_number="S-1", equipment="hvac"),)
    opened(qtbot, view)

    view.deeds.edit_meter()
    changed = view.deeds.dialog.chosen_meter()

    assert changed == meters.meters[0]
    view.deeds.dialog.reject()


def test_every_mistake_of_a_site_file_is_shown_with_its_line(qtbot, view):
    opened(qtbot, view)

    view.files.apply_file(Path("site.toml"))
    qtbot.waitUntil(lambda: view.notices.count() == 1)

    said = view.notices.itemAt(0).widget().accessibleName()
    assert "line 4" in said
    assert "line 9" in said


def test_an_import_is_told_and_the_list_is_read_again(qtbot, view):
    opened(qtbot, view)

    view.files.choose_import()
    for dialog in view.files.wizard.findChildren(QFileDialog):
        dialog.reject()
    view.files.wizard.imported.emit(
        (ImportResult(Path("a.csv"), "m", 10, 8, 1, 0, ((3, "Null"),), 0, 0, 1800, 1800, ()),)
    )

    assert "8 of 10 rows stored" in view.notices.itemAt(0).widget().accessibleName()
    view.files.wizard.reject()


def test_the_commissioning_record_is_written_where_a_person_says(qtbot, context, meters, tmp_path):
    made = MetersView(context, meters, Imports(), SiteFiles(), services=DeskServices(FakeDesk()))
    qtbot.addWidget(made)
    made.show()
    opened(qtbot, made)
    made.print_pdf()
    qtbot.waitUntil(lambda: made.findChild(QFileDialog) is not None)

    made.findChild(QFileDialog).fileSelected.emit(str(tmp_path / "record.pdf"))

    record = tmp_path / "record.pdf"
    qtbot.waitUntil(lambda: record.exists() and record.read_bytes() == b"%PDF-1.7 lathe")
    made.findChild(QFileDialog).reject()
    made.hidden()


def test_a_folder_that_takes_no_file_is_told(qtbot, context, meters, tmp_path):
    made = MetersView(context, meters, Imports(), SiteFiles(), services=DeskServices(FakeDesk()))
    qtbot.addWidget(made)
    made.show()
    opened(qtbot, made)
    made.print_pdf()
    qtbot.waitUntil(lambda: made.findChild(QFileDialog) is not None)

    made.findChild(QFileDialog).fileSelected.emit(str(tmp_path / "none" / "record.pdf"))

    qtbot.waitUntil(lambda: made.notices.count() == 1)
    assert "Choose another folder" in made.notices.itemAt(0).widget().accessibleName()
    made.findChild(QFileDialog).reject()
    made.hidden()


def test_a_bus_is_chosen_instead_of_a_meter(qtbot, context, meters):
    desk = FakeDesk(link_id="gate")
    made = MetersView(context, meters, Imports(), SiteFiles(), services=DeskServices(desk))
    qtbot.addWidget(made)
    made.show()
    opened(qtbot, made)

    made.list.choose("link gate")

    assert not made.edit_button.isEnabled()
    qtbot.waitUntil(lambda: made.wire.frames.table.rows_model.rowCount() == 8)
    made.deeds.add_meter()
    assert made.deeds.dialog.chosen_link() == LINK
    made.deeds.dialog.reject()
    made.list.choose("lathe")
    assert made.edit_button.isEnabled()
    made.hidden()


def test_retiring_asks_the_service(qtbot, view, meters):
    opened(qtbot, view)

    view.deeds.retire("lathe")

    qtbot.waitUntil(lambda: meters.retired == ["lathe"])


def test_many_mistakes_are_cut_on_the_page_and_copied_whole(qtbot, view, qapp):
    opened(qtbot, view)
    mistakes = "\n".join(f"  line {n}: wrong" for n in range(2, 30))

    view.notices.tell(SiteFileError(where="site.toml, line 1", what="wrong.", remedy=mistakes))

    said = view.notices.itemAt(0).widget()
    assert "line 8" in said.accessibleName()
    assert "line 9" not in said.accessibleName()
    assert "and 21 more" in said.accessibleName()
    next(b for b in said.findChildren(QPushButton) if b.text() == "Copy all").click()
    assert "line 29" in qapp.clipboard().text()


def test_states_follow_the_heartbeat_only_while_the_page_is_seen(qtbot, context, meters):
    statuses = {"lathe": GOOD}
    meters.statuses = lambda: statuses
    feed = LiveFeed(lambda: 0)
    made = MetersView(context, meters, Imports(), SiteFiles(), None, feed)
    qtbot.addWidget(made)
    made.show()
    opened(qtbot, made)

    statuses["lathe"] = LOST
    feed.heartbeat.emit()
    assert made.list.rows_model.rows[1].state == "lost 16 min"
    assert made.trouble.isVisible()
    assert made.answer == "0 of 1 answer; look at Lathe <b>."

    made.hidden()
    statuses["lathe"] = GOOD
    feed.heartbeat.emit()
    assert made.list.rows_model.rows[1].state == "lost 16 min"


@pytest.mark.parametrize(
    ("ahead_s", "said"),
    [(2.0, "right"), (-3_600.0, "1 h behind; readings carry our time"), (None, "")],
)
def test_the_clock_of_a_meter_stands_among_its_facts(qtbot, view, meters, ahead_s, said):
    meters.status = replace(GOOD, clock_ahead_s=ahead_s)
    opened(qtbot, view)

    facts = view.details.facts.accessibleName() + view.details.facts.accessibleDescription()
    shown = " ".join(label.text() for label in view.details.facts.findChildren(QLabel)) + facts

    assert ("Its own clock" in shown) == bool(said)
    assert said in shown
    assert "15 min" in shown
