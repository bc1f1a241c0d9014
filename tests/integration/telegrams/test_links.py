"""Links of telegrams on real pseudo terminals and TCP ports, as the field runs them."""

import threading
import time

import pytest

from energy_desktop.domain.bus import BusError
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState
from tests.faults.rtu_slave import PtyPort
from tests.integration.acquisition.fields import Watched, polling, wait_until
from tests.integration.telegrams.slaves import (
    D0Slave,
    MbusSlaves,
    PtyWire,
    Sender,
    TcpWire,
    running,
)
from tests.support import telegrams as build

PERIOD_S = 0.1


def a_meter(meter_id: str, driver: str, **more: object) -> Meter:
    fields = {"poll_interval_s": PERIOD_S, "name": meter_id.title(), "link_id": "line"} | more
    return Meter(meter_id=meter_id, driver_id=driver, **fields)


def a_site(link: Link, *meters: Meter) -> Configuration:
    return Configuration(links=(link,), meters=meters)


def p1_of(number: int) -> bytes:
    return build.p1(f"1-0:1.8.0({number:06d}.000*kWh)", "1-0:32.7.0(230.1*V)")


def sml_of(number: int) -> bytes:
    return build.sml(
        build.sml_value("1-0:1.8.0*255", build.unsigned(1000 + number, 4)),
        build.sml_value("1-0:16.7.0*255", build.signed(-250, 2), unit=27),
    )


def values(watched: Watched, meter_id: str, quantity: str) -> list[float]:
    return [snapshot.value(quantity) for snapshot in watched.sink.of(meter_id)]


@pytest.fixture
def port(tmp_path):
    port = PtyPort(tmp_path)
    yield port
    port.pull()


@pytest.fixture
def server():
    wire = TcpWire()
    yield wire
    wire.close()


def test_a_p1_port_yields_a_snapshot_per_interval(port):
    link = Link("line", LinkKind.P1, device=str(port.path), baud_rate=115_200)
    sender = Sender(PtyWire(port), p1_of)

    with polling(a_site(link, a_meter("home", "dsmr_p1"))) as watched, running(sender.step):
        wait_until(lambda: len(watched.sink.of("home")) >= 5)
        state = watched.state("home")

    assert state is LinkState.GOOD
    heard = values(watched, "home", "energy_import_wh")
    assert heard == sorted(set(heard))
    assert set(values(watched, "home", "voltage_l1_v")) == {230.1}


def test_an_sml_meter_behind_a_serial_server_is_read(server):
    link = Link("line", LinkKind.SML, host="127.0.0.1", port=server.port)
    sender = Sender(server, sml_of)

    with polling(a_site(link, a_meter("home", "sml_meter"))) as watched, running(sender.step):
        wait_until(lambda: len(watched.sink.of("home")) >= 3)

    assert set(values(watched, "home", "power_w")) == {-250.0}


def test_a_wrong_checksum_noise_and_cuts_among_good_telegrams_are_never_readings(port):
    link = Link("line", LinkKind.P1, device=str(port.path), baud_rate=115_200)

    def make(number: int) -> bytes:
        good = p1_of(number)
        bad = good.replace(b"230.1", b"999.9")
        return (good, bad, b"\xff/\x00!noise\r\n" + good, good[:30], bad[:-9])[number % 5]

    sender = Sender(PtyWire(port), make, period_s=0.03)
    with polling(a_site(link, a_meter("home", "dsmr_p1"))) as watched, running(sender.step):
        wait_until(lambda: sender.sent > 60, within_s=10)
        frames = watched.field.frames("line")
        errors = {e.error for s in watched.field.bus_statistics() for e in s.errors}

    assert set(values(watched, "home", "voltage_l1_v")) == {230.1}
    assert BusError.CHECKSUM in errors
    assert any(frame.error is BusError.CHECKSUM and "refused" in frame.meaning for frame in frames)


def test_a_silent_meter_is_late_then_lost_and_its_gap_is_recorded_when_it_is_back(port):
    link = Link("line", LinkKind.SML, device=str(port.path))
    sender = Sender(PtyWire(port), sml_of)

    with polling(a_site(link, a_meter("home", "sml_meter"))) as watched, running(sender.step):
        wait_until(lambda: len(watched.sink.of("home")) >= 3)
        sender.speaks = False
        wait_until(lambda: watched.state("home") is LinkState.LOST)
        status = watched.field.statuses()["home"]
        sender.speaks = True
        wait_until(lambda: watched.state("home") is LinkState.GOOD)

    states = [event.state for event in watched.events if event.meter_id == "home"]
    assert LinkState.LATE in states[: states.index(LinkState.LOST)]
    assert status.last_error.startswith("no telegram came for")
    assert status.remedy
    assert len(watched.gaps) == 1
    assert watched.gaps[0].meter_id == "home"


def test_an_adapter_that_was_pulled_is_used_again_soon_after_it_is_back(port):
    link = Link("line", LinkKind.P1, device=str(port.path), baud_rate=115_200)
    sender = Sender(PtyWire(port), p1_of)

    with polling(a_site(link, a_meter("home", "dsmr_p1"))) as watched, running(sender.step):
        wait_until(lambda: len(watched.sink.of("home")) >= 3)
        port.pull()
        wait_until(lambda: watched.state("home") is LinkState.LOST, within_s=8)
        port.plug()
        seen = len(watched.sink.of("home"))
        took_s = wait_until(lambda: len(watched.sink.of("home")) > seen + 2, within_s=10)

    assert took_s < 10
    assert len(watched.gaps) == 1


def test_a_telegram_belongs_to_the_meter_that_it_names(server):
    link = Link("line", LinkKind.SML, host="127.0.0.1", port=server.port)
    one, other = bytes.fromhex("0A01414243000102030A"), bytes.fromhex("0A01414243000102030B")

    def make(number: int) -> bytes:
        server_id = (one, other)[number % 2]
        energy = build.unsigned(1000 if server_id == one else 2000, 4)
        return build.sml(build.sml_value("1-0:1.8.0*255", energy), server=server_id)

    meters = (
        a_meter("one", "sml_meter", address="0a 01 414243 00 0102030a"),
        a_meter("other", "sml_meter", address=other.hex()),
        a_meter("absent", "sml_meter", address="0A01414243000102030C"),
    )
    with polling(a_site(link, *meters)) as watched, running(Sender(server, make, 0.03).step):
        wait_until(lambda: min(len(watched.sink.of(m)) for m in ("one", "other")) >= 3)

    assert set(values(watched, "one", "energy_import_wh")) == {1000.0}
    assert set(values(watched, "other", "energy_import_wh")) == {2000.0}
    assert watched.sink.of("absent") == []


def test_a_meter_that_sends_more_often_than_it_is_read_is_thinned(port):
    link = Link("line", LinkKind.P1, device=str(port.path), baud_rate=115_200)
    sender = Sender(PtyWire(port), p1_of, period_s=0.02)
    meter = a_meter("home", "dsmr_p1", poll_interval_s=0.4)

    with polling(a_site(link, meter)) as watched, running(sender.step):
        wait_until(lambda: len(watched.sink.of("home")) >= 3)
        sent = sender.sent

    assert sent >= 5 * len(watched.sink.of("home"))


def readout(energy: str = "00012.5") -> bytes:
    return build.d0("0.0.0(1234567)", f"1.8.0({energy}*kWh)", head="ABC5METER")


@pytest.mark.parametrize("mode", ["A", "C"])
def test_a_d0_meter_is_read_out_in_its_mode(port, mode):
    link = Link(
        "line",
        LinkKind.D0,
        device=str(port.path),
        baud_rate=9600,  # pseudo terminals know neither parity nor seven bits
        options=(("mode", mode), ("data_bits", "8")),
    )
    slave = D0Slave(PtyWire(port), readout, mode)

    with polling(a_site(link, a_meter("home", "obis_meter"))) as watched, running(slave.step):
        wait_until(lambda: len(watched.sink.of("home")) >= 2)

    assert set(values(watched, "home", "energy_import_wh")) == {12_500.0}
    assert (b"\x06050\r\n" in slave.asked) == (mode == "C")


def test_an_optical_head_that_echoes_does_not_disturb(server):
    link = Link("line", LinkKind.D0, host="127.0.0.1", port=server.port, baud_rate=9600)
    slave = D0Slave(server, readout)
    slave.echoes = True

    with polling(a_site(link, a_meter("home", "obis_meter"))) as watched, running(slave.step):
        wait_until(lambda: len(watched.sink.of("home")) >= 2)

    assert set(values(watched, "home", "energy_import_wh")) == {12_500.0}


def test_a_d0_device_address_is_asked_for(server):
    link = Link("line", LinkKind.D0, host="127.0.0.1", port=server.port, baud_rate=9600)
    slave = D0Slave(server, readout)
    slave.device = "1234567"
    meter = a_meter("home", "obis_meter", address="1234567")

    with polling(a_site(link, meter)) as watched, running(slave.step):
        wait_until(lambda: len(watched.sink.of("home")) >= 1)

    assert slave.asked[0] == b"/?1234567!\r\n"


def test_a_readout_with_a_wrong_block_check_is_no_reading(server):
    link = Link("line", LinkKind.D0, host="127.0.0.1", port=server.port, baud_rate=9600)
    slave = D0Slave(server, lambda: readout()[:-1] + b"\x00")

    with polling(a_site(link, a_meter("home", "obis_meter"))) as watched, running(slave.step):
        wait_until(lambda: watched.state("home") is LinkState.LOST)
        status = watched.field.statuses()["home"]

    assert watched.sink.of("home") == []
    assert "block check" in status.last_error


def test_a_d0_meter_in_mode_d_is_listened_to(server):
    link = Link("line", LinkKind.D0, host="127.0.0.1", port=server.port, options=(("mode", "D"),))
    sender = Sender(server, lambda n: build.d0("1.8.0(00012.5*kWh)", checked=False), period_s=0.05)

    with polling(a_site(link, a_meter("home", "obis_meter"))) as watched, running(sender.step):
        wait_until(lambda: len(watched.sink.of("home")) >= 3)

    assert set(values(watched, "home", "energy_import_wh")) == {12_500.0}


def mbus_of(energy: int, address: int, identity: str, *more: bytes) -> bytes:
    record = b"\x04\x03" + energy.to_bytes(4, "little")
    return build.mbus(record, *more, address=address, identity=identity)


def test_an_mbus_is_read_by_primary_and_by_secondary_address(port):
    link = Link("line", LinkKind.MBUS, device=str(port.path), baud_rate=38_400, timeout_s=0.1)
    slaves = MbusSlaves(PtyWire(port))
    slaves.telegrams = {1: [mbus_of(111, 1, "00000001")], 7: [mbus_of(777, 7, "12345678")]}
    slaves.secondary = {bytes.fromhex("78563412") + b"\x42\x04\x01\x02": 7}
    meters = (
        a_meter("one", "mbus_electricity", unit_id=1),
        a_meter("seven", "mbus_electricity", address="12345678"),
    )

    with polling(a_site(link, *meters)) as watched, running(slaves.step):
        wait_until(lambda: min(len(watched.sink.of(m)) for m in ("one", "seven")) >= 2)

    assert set(values(watched, "one", "energy_import_wh")) == {111.0}
    assert set(values(watched, "seven", "energy_import_wh")) == {777.0}


def test_records_that_follow_in_another_telegram_are_asked_for(port):
    link = Link("line", LinkKind.MBUS, device=str(port.path), baud_rate=38_400, timeout_s=0.1)
    slaves = MbusSlaves(PtyWire(port))
    first = mbus_of(111, 1, "00000001", b"\x1f")
    second = build.mbus(bytes.fromhex("02FD484409"), address=1, identity="00000001")
    slaves.telegrams = {1: [first, second]}

    meter = a_meter("one", "mbus_electricity", unit_id=1)
    with polling(a_site(link, meter)) as watched, running(slaves.step):
        wait_until(lambda: len(watched.sink.of("one")) >= 3)

    assert set(values(watched, "one", "energy_import_wh")) == {111.0}
    assert set(values(watched, "one", "voltage_v")) == {237.2}


def test_a_stranger_or_a_wrong_checksum_on_the_mbus_is_no_reading(port):
    link = Link("line", LinkKind.MBUS, device=str(port.path), baud_rate=38_400, timeout_s=0.1)
    slaves = MbusSlaves(PtyWire(port))
    slaves.telegrams = {
        1: [mbus_of(222, 2, "00000002")],
        3: [mbus_of(333, 3, "00000003")[:-3] + b"\xff\x00\x16"],
        4: [mbus_of(444, 4, "00000004")],
    }
    meters = tuple(a_meter(f"m{n}", "mbus_electricity", unit_id=n) for n in (1, 3, 4, 5))

    with polling(a_site(link, *meters)) as watched, running(slaves.step):
        wait_until(lambda: all(watched.state(f"m{n}") is LinkState.LOST for n in (1, 3, 5)), 15)
        statuses = watched.field.statuses()

    assert set(values(watched, "m4", "energy_import_wh")) == {444.0}
    assert {s.meter_id for s in watched.sink.snapshots} == {"m4"}
    assert "address 2 answered instead of 1" in statuses["m1"].last_error
    assert "checksum" in statuses["m3"].last_error
    assert "no answer" in statuses["m5"].last_error


def test_a_trial_reads_a_meter_that_is_not_saved(server):
    link = Link("line", LinkKind.SML, host="127.0.0.1", port=server.port)

    with polling(Configuration()) as watched, running(Sender(server, sml_of).step):
        reading = watched.field.read_once(link, "sml_meter", 0)

    assert reading.values["power_w"] == -250.0
    assert watched.sink.snapshots == []


def test_a_serial_server_that_vanished_without_a_word_is_called_again(server):
    link = Link("line", LinkKind.MBUS, host="127.0.0.1", port=server.port, timeout_s=0.05)
    slaves = MbusSlaves(server)
    slaves.telegrams = {1: [mbus_of(111, 1, "00000001")]}

    def step() -> None:
        if deaf.is_set():
            time.sleep(0.02)
        else:
            slaves.step()

    deaf = threading.Event()
    meter = a_meter("one", "mbus_electricity", unit_id=1)
    with polling(a_site(link, meter)) as watched, running(step):
        wait_until(lambda: len(watched.sink.of("one")) >= 1)
        deaf.set()
        wait_until(lambda: watched.state("one") is LinkState.LOST)
        stale, server.client = server.client, None  # still open, but nobody is behind it
        deaf.clear()
        seen = len(watched.sink.of("one"))
        wait_until(lambda: len(watched.sink.of("one")) > seen, within_s=10)
        stale.close()

    assert set(values(watched, "one", "energy_import_wh")) == {111.0}
    assert len(watched.gaps) == 1


def test_the_clock_of_a_meter_that_speaks_is_held_against_ours(server, caplog):
    link = Link("line", LinkKind.SML, host="127.0.0.1", port=server.port)
    late_s = round(time.time()) - 7_200

    def make(n: int) -> bytes:
        energy = build.unsigned(1000, 4)
        return build.sml(build.sml_value("1-0:1.8.0*255", energy), time_s=late_s)

    site = a_site(link, a_meter("home", "sml_meter"))
    with polling(site) as watched, running(Sender(server, make, 0.05).step):
        wait_until(lambda: watched.field.statuses()["home"].clock_ahead_s is not None)
        status = watched.field.statuses()["home"]

    assert status.clock_ahead_s == pytest.approx(-7_200, abs=10)
    assert caplog.text.count("its own clock is 2 h") == 1
    assert all(abs(s.read_at_ms / 1000 - time.time()) < 60 for s in watched.sink.of("home"))
