"""Adding a meter: what is entered, what is refused beside its field, and one added for real."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.recount import CountingChange, Past, PastUndecided
from energy_desktop.domain.site import Link, LinkKind, Meter, Role, Site
from energy_desktop.domain.snapshot import LinkState
from energy_desktop.ui.views.desk.meter_dialog import MeterDialog
from energy_desktop.ui.views.desk.naming import slug
from tests.support.meter_server import POWER_W, VOLTAGE_V, serving_meters

TCP = Link("gate", LinkKind.MODBUS_TCP, host="10.0.0.7", port=1502, timeout_s=2.5)
BUS = Link("bus", LinkKind.MODBUS_RTU, device="COM4", baud_rate=19200, parity="E", stop_bits=2)
SDM = DriverInfo("sdm", "Eastron", ("SDM120",), ("power_w",), "manual", ("frequency_hz: odd",))
ABB = DriverInfo(
    "abb", "ABB", ("B23",), ("power_w",), "manual", mid_marked=True, baud_rate=38400, parity="E"
)
LATHE = Meter("lathe", "Lathe", "sdm", "gate", unit_id=7)
MILL = Meter("mill", "Mill", "sdm", "bus", unit_id=3)
SITE = Configuration(site=Site("W", "UTC"), links=(TCP, BUS), meters=(LATHE, MILL))


class Refusing:
    """Nothing may be asked or saved while the entry is wrong."""

    def test(self, *_):
        raise AssertionError("asked on the wire")

    def save(self, *_):
        raise AssertionError("saved")


@pytest.fixture
def a_dialog(qtbot, context):
    def make(meter=None, configuration=SITE):
        made = MeterDialog(None, context, Refusing(), configuration, (SDM, ABB), meter)
        qtbot.addWidget(made)
        made.show()
        return made

    return make


def type_name(dialog, name):
    dialog.meter.name.setText(name)
    dialog.meter.name.textEdited.emit(name)


@pytest.mark.parametrize(
    ("name", "meter_id"),
    [
        ("Press 4", "press-4"),
        ("Kühlung 2. OG", "kuhlung-2-og"),
        ("  --  ", ""),
        ("Hall/North", "hall-north"),
    ],
)
def test_an_id_is_made_of_the_name(name, meter_id):
    assert slug(name) == meter_id


def test_the_id_follows_the_name_until_it_is_typed_and_is_free(a_dialog):
    dialog = a_dialog()
    type_name(dialog, "Lathe")
    assert dialog.meter.meter_id.text() == "lathe-2"

    dialog.meter.meter_id.setText("own")
    dialog.meter.meter_id.textEdited.emit("own")
    type_name(dialog, "Saw")

    assert dialog.meter.meter_id.text() == "own"


def test_half_a_model_name_is_no_model(a_dialog):
    dialog = a_dialog()
    dialog.meter.driver.setCurrentIndex(0)
    dialog.meter.driver.setEditText("SDM1")

    assert dialog.mistakes()["driver"] == "Choose a model from the list."
    dialog.test_read()
    assert dialog.form.errors["driver"].isVisible()


def test_an_address_used_on_the_link_is_refused_beside_the_unit(a_dialog):
    dialog = a_dialog()
    dialog.meter.unit.setValue(7)
    assert dialog.mistakes()["unit"] == "Lathe has this unit id on the same link."

    dialog.link.setCurrentIndex(dialog.link.findData("bus"))
    assert "unit" not in dialog.mistakes()


def test_a_serial_bus_takes_no_unit_above_247(a_dialog):
    dialog = a_dialog()
    dialog.meter.unit.setValue(255)
    assert "unit" not in dialog.mistakes()
    dialog.link.setCurrentIndex(dialog.link.findData("bus"))
    assert "1 to 247" in dialog.mistakes()["unit"]


def test_a_new_bus_takes_the_settings_of_the_driver_and_an_old_one_keeps_its_own(a_dialog):
    dialog = a_dialog()
    dialog.link.setCurrentIndex(dialog.link.findData("bus"))
    dialog.meter.driver.setCurrentIndex(1)
    assert dialog.chosen_link() == BUS

    dialog.meter.driver.setCurrentIndex(-1)
    dialog.link.setCurrentIndex(0)
    dialog.fields.set_kind(LinkKind.MODBUS_RTU)
    dialog.fields.device.setCurrentText("/dev/ttyUSB1")
    dialog.meter.driver.setCurrentIndex(1)
    made = dialog.chosen_link()

    assert (made.kind, made.baud_rate, made.parity) == (LinkKind.MODBUS_RTU, 38400, "E")
    assert made.link_id == "dev-ttyusb1"
    assert dialog.chosen_meter().mid_approved


def test_a_link_is_changed_for_all_and_says_so(a_dialog):
    also = replace(LATHE, meter_id="saw", name="Saw", unit_id=8)
    dialog = a_dialog(LATHE, replace(SITE, meters=(LATHE, also)))
    assert "Saw" in dialog.shared.text()

    dialog.fields.port.setValue(503)
    dialog.fields.timeout.setValue(4.0)

    assert dialog.chosen_link() == replace(TCP, port=503, timeout_s=4.0)


def test_every_field_reaches_the_meter(a_dialog):
    dialog = a_dialog(LATHE)
    dialog.meter.name.setText("Lathe 2")
    dialog.meter.driver.setCurrentIndex(1)
    dialog.meter.role.setCurrentIndex(dialog.meter.role.findData(Role.SOLAR.value))
    dialog.meter.equipment.setCurrentText("compressor")
    dialog.meter.serial.setText(" S-9 ")
    dialog.meter.interval.setValue(5.0)
    dialog.meter.ct.setValue(40.0)
    dialog.meter.vt.setValue(2.0)
    dialog.meter.booked.setCurrentIndex(dialog.meter.booked.findData(60))
    dialog.meter.modulus.setText("100000")
    dialog.meter.invert.setCurrentIndex(1)
    dialog.meter.mid.setCurrentIndex(1)

    assert dialog.chosen_meter() == replace(
        LATHE,
        name="Lathe 2",
        driver_id="abb",
        role=Role.SOLAR,
        equipment="compressor",
        serial_number="S-9",
        poll_interval_s=5.0,
        ct_ratio=40.0,
        vt_ratio=2.0,
        interval_min=60,
        counter_modulus_wh=100_000_000,
        invert=True,
        mid_approved=True,
    )


def test_an_interval_that_midnight_would_cut_is_refused_beside_its_field(a_dialog):
    kolkata = replace(SITE, site=Site("W", "Asia/Kolkata"))
    dialog = a_dialog(LATHE, kolkata)
    dialog.meter.booked.setCurrentIndex(dialog.meter.booked.findData(60))
    assert "do not begin at midnight in Asia/Kolkata" in dialog.mistakes()["booked"]

    dialog.meter.booked.setCurrentIndex(dialog.meter.booked.findData(30))
    assert "booked" not in dialog.mistakes()


def test_an_interval_needs_a_reading_in_each(a_dialog):
    dialog = a_dialog(LATHE)
    dialog.meter.booked.setCurrentIndex(dialog.meter.booked.findData(5))
    dialog.meter.interval.setValue(600.0)

    assert "read only every 10 min" in dialog.mistakes()["booked"]


def test_what_is_no_number_is_no_modulus(a_dialog):
    dialog = a_dialog(LATHE)
    dialog.meter.modulus.setText("a million")

    assert "modulus" in dialog.mistakes()


CHANGE = CountingChange(
    "lathe", "Lathe", 40.0, None, None, "Lathe: Its readings are multiplied by 40.",
    "What is booked stays.", "Everything booked so far is multiplied by 40.",
)  # fmt: skip


class Undecided:
    """Saves once somebody has said what becomes of the past."""

    def __init__(self):
        self.answers = []

    def save(self, meter, link, past=None):
        self.answers.append(past)
        if past is None:
            raise PastUndecided(where="Lathe", what="x", remedy="y", changes=(CHANGE,))


@pytest.mark.parametrize(
    ("press", "answer"),
    [("recalculate_button", Past.RECALCULATE), ("keep_button", Past.KEEP)],
)
def test_a_changed_ratio_asks_what_becomes_of_the_past(qtbot, context, press, answer):
    meters = Undecided()
    dialog = MeterDialog(None, context, meters, SITE, (SDM, ABB), LATHE)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.meter.ct.setValue(40.0)
    dialog.save_button.click()
    qtbot.waitUntil(lambda: getattr(dialog, "question", None) is not None)

    assert dialog.question.leave_button.isDefault()
    with qtbot.waitSignal(dialog.saved):
        getattr(dialog.question, press).click()

    assert meters.answers == [None, answer]


def test_leaving_the_question_saves_nothing(qtbot, context):
    meters = Undecided()
    dialog = MeterDialog(None, context, meters, SITE, (SDM, ABB), LATHE)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.save_button.click()
    qtbot.waitUntil(lambda: getattr(dialog, "question", None) is not None)

    dialog.question.leave_button.click()

    assert meters.answers == [None]
    assert dialog.save_button.isEnabled()


class Passwords:
    where = "Passwords are kept in the key store."

    def __init__(self):
        self.kept = {}

    def set(self, link_id, password):
        self.kept[link_id] = password


class Saving:
    def __init__(self):
        self.saved = []

    def save(self, meter, link):
        self.saved.append((meter, link))


def test_a_broker_is_entered_with_its_topic_and_its_password_goes_to_the_key_store(qtbot, context):
    plug = DriverInfo("plug", "Shelly", ("Plug",), ("power_w",), "manual", protocol="mqtt")
    meters, passwords = Saving(), Passwords()
    dialog = MeterDialog(
        None, context, meters, SITE, (SDM, plug), passwords=passwords, ports=("COM4",)
    )
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.link.setCurrentIndex(0)
    dialog.fields.set_kind(LinkKind.MQTT)
    dialog.fields.host.setText("broker.local")
    dialog.meter.address.setText("plug-7")
    dialog.password.setText("secret")
    type_name(dialog, "Plug")

    assert dialog.meter.driver_id() == "plug"  # the only one that such a link carries
    assert not dialog.form.is_row_shown("unit")
    qtbot.waitUntil(lambda: "key store" in dialog.form._helps["password"].text())
    with qtbot.waitSignal(dialog.saved):
        dialog.save()

    ((meter, link),) = meters.saved
    assert (link.kind, link.port, meter.address) == (LinkKind.MQTT, 1883, "plug-7")
    assert "secret" not in repr(link)
    assert passwords.kept == {link.link_id: "secret"}


def test_two_meters_of_one_telegram_need_two_addresses(a_dialog):
    port = Link("p1", LinkKind.P1, device="COM7")
    first = replace(LATHE, link_id="p1", driver_id="obis", address="E001")
    dialog = a_dialog(None, replace(SITE, links=(port,), meters=(first,)))
    dialog.meter.address.setText("E001")
    assert "already" in dialog.mistakes()["address"]

    dialog.meter.address.setText("E002")
    assert "address" not in dialog.mistakes()


def test_what_cannot_be_an_id_is_refused(a_dialog):
    dialog = a_dialog()
    dialog.meter.meter_id.setText("a b")
    assert "Letters" in dialog.mistakes()["id"]


@pytest.fixture
def engine(tmp_path):
    from energy_desktop.app.engine import Engine
    from energy_desktop.app.paths import SiteFolder

    made = Engine(SiteFolder(tmp_path / "site"))
    made.start()
    yield made
    made.stop()


def test_a_meter_added_in_the_window_is_polled_at_once(qtbot, context, engine):
    from energy_desktop.app.wiring import make_services
    from energy_desktop.ui.live_feed import LiveFeed
    from energy_desktop.ui.views.meters_view import MetersView

    services = make_services(engine.store, engine.library, engine=engine)
    feed = LiveFeed(engine.rings.version)
    view = MetersView(
        context, services.meters, services.importing, services.site_file, engine.rings, feed
    )
    qtbot.addWidget(view)
    view.show()
    view.shown()
    qtbot.waitUntil(lambda: view.list_panel.state == "empty", timeout=10_000)
    with serving_meters(units=1, connections=1) as (port,):
        view.deeds.add_meter()
        dialog = view.deeds.dialog
        dialog.fields.host.setText("127.0.0.1")
        dialog.fields.port.setValue(port)
        dialog.meter.driver.setCurrentIndex(dialog.meter.driver.findData("eastron_sdm120"))
        type_name(dialog, "Press 4")
        dialog.test_read()
        qtbot.waitUntil(lambda: dialog.trial.values.rows_model.rowCount() > 5, timeout=10_000)
        shown = dict(dialog.trial.values.rows_model.rows)
        assert shown["Voltage"] == context.formats.quantity("voltage_v", VOLTAGE_V)

        with qtbot.waitSignal(dialog.saved, timeout=10_000):
            dialog.save()
        qtbot.waitUntil(lambda: engine.rings.last("press-4") is not None, timeout=15_000)
        qtbot.waitUntil(lambda: view.details.registers.rows_model.rowCount() > 5, timeout=10_000)
        view.formats.clock = engine.clock  # the readings are of now, the fake clock is not
        view.refresh()

        assert services.meters.statuses()["press-4"].state is LinkState.GOOD
        values = {r.name: r.value for r in view.details.registers.rows_model.rows}
        assert values["power_w"] == pytest.approx(POWER_W)
        assert view.answer == "1 of 1 polled meters answer."
    view.hidden()
    assert not Path("site").exists()
