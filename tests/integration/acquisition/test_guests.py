"""A meter on trial is a guest on its link: heard once, and nowhere else to be found."""

import pytest

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import MeterUnreachable, WrongUse
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState
from tests.integration.acquisition.fields import polling, wait_until
from tests.integration.telegrams.slaves import Sender, TcpWire, running
from tests.support import telegrams as build


def p1_of(number: int) -> bytes:
    return build.p1(f"1-0:1.8.0({number:06d}.000*kWh)", "1-0:32.7.0(290.1*V)")


@pytest.fixture
def wire():
    wire = TcpWire()
    yield wire
    wire.close()


def link_to(wire: TcpWire) -> Link:
    return Link("p1", LinkKind.P1, host="127.0.0.1", port=wire.port)


def test_a_trial_over_a_link_that_is_read_disturbs_nobody_and_leaves_no_trace(wire):
    home = Meter("home", "Home", "dsmr_p1", "p1", poll_interval_s=0.1)
    sender = Sender(wire, p1_of)
    configuration = Configuration(links=(link_to(wire),), meters=(home,))

    with polling(configuration) as watched, running(sender.step):
        wait_until(lambda: watched.state("home") is LinkState.GOOD)
        reading = watched.field.read_once(link_to(wire), "dsmr_p1", 1)
        before = len(watched.sink.of("home"))
        wait_until(lambda: len(watched.sink.of("home")) >= before + 3)
        statuses = watched.field.statuses()

    assert reading.values["voltage_l1_v"] == 290.1
    assert any("not near 230 V" in remark for remark in reading.remarks)
    assert set(statuses) == {"home"}
    assert {snapshot.meter_id for snapshot in watched.sink.snapshots} == {"home"}
    assert {event.meter_id for event in watched.events} == {"home"}


def test_a_trial_that_hears_nothing_says_so_and_closes_its_connection(wire, monkeypatch):
    monkeypatch.setattr("energy_desktop.acquisition.field.TELEGRAM_PATIENCE_S", 0.3)

    with polling(Configuration()) as watched:
        with pytest.raises(MeterUnreachable, match=r"127\.0\.0\.1"):
            watched.field.read_once(link_to(wire), "dsmr_p1", 1, timeout_s=0.3)
        statuses = watched.field.statuses()

    assert statuses == {}
    assert watched.gaps == []


def test_a_driver_of_another_protocol_is_refused_before_anything_is_asked(wire):
    with (
        polling(Configuration()) as watched,
        pytest.raises(WrongUse, match="speaks modbus, and DSMR"),
    ):
        watched.field.read_once(link_to(wire), "eastron_sdm120", 1)
