"""Every kind of link of the table is entered in one form and comes out as it went in."""

from dataclasses import replace

import pytest

from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.link_kinds import LINK_KINDS, MODBUS
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.ui.views.desk.form import Form
from energy_desktop.ui.views.desk.link_fields import LinkFields, drivers_for

KINDS = pytest.mark.parametrize("kind", LinkKind, ids=lambda k: k.value)


@pytest.fixture
def form(qtbot):
    made = Form()
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def fields(form):
    return LinkFields(form, ["10-0-0-7-502"], ("/dev/ttyUSB0",))


def a_link(kind, *, serial):
    info = LINK_KINDS[kind]
    link = Link("made", kind, timeout_s=2.5)
    if serial:
        return replace(link, device="COM4", baud_rate=2400, parity="E", stop_bits=2)
    if info.network:
        return replace(link, host="10.0.0.9", port=1234)
    return link


@KINDS
def test_a_link_of_each_kind_comes_out_as_it_went_in(fields, kind):
    info = LINK_KINDS[kind]
    for serial in {info.serial, info.serial and not info.network}:
        link = a_link(kind, serial=serial)
        fields.show_link(link)
        assert fields.link(link) == link
        assert fields.mistakes() == {}


@KINDS
def test_options_are_kept_only_where_they_differ_from_the_default(fields, kind):
    info = LINK_KINDS[kind]
    fields.set_kind(kind)
    fields.host.setText("h")
    assert fields.link().options == ()

    chosen = tuple(
        sorted((o.name, next((c for c in o.choices if c != o.default), "x")) for o in info.options)
    )
    link = replace(a_link(kind, serial=info.serial), options=chosen)
    fields.show_link(link)

    assert fields.link(link).options == chosen


@KINDS
def test_only_the_rows_of_the_kind_are_seen(fields, form, kind):
    info = LINK_KINDS[kind]
    fields.set_kind(kind)

    seen = {key for key in form.errors if form.is_row_shown(key)}

    assert ("host" in seen) == (info.network and not info.serial)
    assert ("device" in seen) == info.serial
    assert {o for o in fields.options if o in seen} == set(info.option_names)
    assert ("way" in seen) == (info.network and info.serial)
    if info.network or info.serial:
        assert fields.port.value() == (info.default_port or 502)


def test_a_meter_behind_a_serial_server_needs_no_line_settings(fields, form):
    fields.set_kind(LinkKind.SML)
    fields.way.set_value("network")
    fields._on_way()
    fields.host.setText("10.0.0.5")

    link = fields.link()

    assert (link.kind, link.host, link.port, link.device) == (LinkKind.SML, "10.0.0.5", 4001, "")
    assert not form.is_row_shown("baud")
    assert not form.is_row_shown("data_bits")
    assert not link.is_serial


def test_what_leads_nowhere_is_said_beside_its_field(fields, form):
    fields.host.clear()
    assert "address" in fields.mistakes()["host"]

    fields.set_kind(LinkKind.MODBUS_RTU)
    fields.device.setCurrentText("")
    form.tell(fields.mistakes())

    assert form.errors["device"].isVisible()
    assert not form.errors["host"].isVisible()


def test_a_new_link_takes_an_id_that_is_free(fields):
    fields.host.setText("10.0.0.7")

    assert fields.link().link_id == "10-0-0-7-502-2"


def test_a_rate_that_only_a_site_file_knows_stays(fields):
    odd = Link("odd", LinkKind.MODBUS_RTU, device="COM4", baud_rate=12_345)
    fields.show_link(odd)

    assert fields.link(odd) == odd


def test_drivers_are_those_that_the_link_carries():
    def a_driver(protocol):
        return DriverInfo(protocol, "?", ("?",), (), "?", protocol=protocol)

    drivers = [a_driver(p) for p in (MODBUS, "sunspec", "obis", "mqtt")]

    def fitting(kind):
        return [d.driver_id for d in drivers_for(LINK_KINDS[kind], drivers)]

    assert fitting(LinkKind.MODBUS_RTU) == ["modbus", "sunspec"]
    assert fitting(LinkKind.P1) == ["obis"]
    assert fitting(LinkKind.HTTP_PUSH) == []
