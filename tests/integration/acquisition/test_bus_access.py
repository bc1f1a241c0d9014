"""The wire as the commissioning desk sees it: registers, frames and counts of real sockets."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from energy_desktop.domain.bus import BusError
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import MeterAnswerWrong, MeterUnreachable, WrongUse
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.domain.snapshot import LinkState
from tests.faults import modbus_tcp_server as faults
from tests.faults.modbus_tcp_server import SDM120_VALUES, FaultyTcpServer, floats, word
from tests.faults.rtu_slave import PtyPort, RawSlave
from tests.integration.acquisition.fields import a_meter, polling, tcp, wait_until


@pytest.fixture
def server():
    with FaultyTcpServer() as it:
        yield it


def test_registers_are_read_over_a_connection_of_their_own_whose_frames_stay_readable(server):
    with polling(Configuration()) as watched:
        raw = watched.field.read_registers(tcp(server.port, "spare"), 7, 3, 100, 5)
        again = watched.field.read_registers(tcp(server.port, "spare"), 7, 4, 0, 1)
        frames = watched.field.frames("spare")

    assert raw.words == tuple(word(7, address) for address in range(100, 105))
    assert (again.function, again.words) == (4, (word(7, 0),))
    assert raw.round_trip_ms > 0
    assert [frame.meaning for frame in frames if frame.sent] == ["read 5 from 100", "read 1 from 0"]
    assert [frame.number for frame in frames] == [1, 2, 3, 4]
    assert all(frame.unit_id == 7 for frame in frames)
    assert server.open_connections == 0


def test_a_polled_link_is_shared_and_its_frames_tell_what_the_desk_asked():
    with FaultyTcpServer(floats(SDM120_VALUES)) as server:
        configuration = Configuration(
            links=(tcp(server.port, timeout_s=0.5),), meters=(a_meter("m"),)
        )
        with polling(configuration) as it:
            wait_until(lambda: it.state("m") is LinkState.GOOD)
            raw = it.field.read_registers(tcp(server.port, "the desk"), 1, 4, 0, 2)
            seen = it.field.frames("tcp")
            newer = it.field.frames("tcp", after=seen[-1].number)
            connections = server.connections

    assert raw.words == tuple(floats(SDM120_VALUES)(1, a) for a in (0, 1))
    assert connections == 1
    assert "read 2 from 0" in [frame.meaning for frame in seen]
    assert all(frame.number > seen[-1].number for frame in newer)


def test_what_cannot_be_asked_is_refused_before_it_is_sent(server):
    with polling(Configuration()) as it:
        for function, address, count in ((5, 0, 1), (3, 0, 126), (3, 65_535, 2), (1, 0, 2_001)):
            with pytest.raises(WrongUse):
                it.field.read_registers(tcp(server.port), 1, function, address, count)
        with pytest.raises(WrongUse):
            it.field.read_registers(Link("p", LinkKind.HTTP_PUSH), 1, 3, 0, 1)

    assert server.requests.total() == 0


def test_a_refused_or_missing_answer_is_said_in_words(server):
    server.exceptions[7] = 2
    server.modes[8] = faults.SILENT

    with polling(Configuration()) as it:
        with pytest.raises(MeterAnswerWrong, match="no such registers"):
            it.field.read_registers(tcp(server.port), 7, 3, 0, 1)
        with pytest.raises(MeterUnreachable, match="no answer within"):
            it.field.read_registers(tcp(server.port), 8, 3, 0, 1)
        frames = it.field.frames("tcp")

    assert [frame.error for frame in frames if frame.error] == [
        BusError.EXCEPTION,
        BusError.TIMEOUT,
    ]


@contextmanager
def device_that_sends(answer: bytes) -> Iterator[int]:
    """Port of a device that says this to any question, from the function code on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(2.0)

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as stream:
                while len(head := stream.recv(7)) == 7:
                    stream.recv(int.from_bytes(head[4:6], "big") - 1)
                    size = (len(answer) + 1).to_bytes(2, "big")
                    stream.sendall(head[:4] + size + head[6:] + answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(5)


def test_a_device_without_an_identity_answers_none():
    with device_that_sends(bytes([0xAB, 1])) as port, polling(Configuration()) as it:
        identity = it.field.identify(tcp(port, timeout_s=1.0), 7)

    assert identity is None


def test_an_identity_is_read_as_text_by_its_objects():
    objects = b"\0\5ACME \1\2M3\2\0032.1"
    basic_only = bytes([0x2B, 0x0E, 1, 1, 0, 0, 3]) + objects

    with device_that_sends(basic_only) as port, polling(Configuration()) as it:
        identity = it.field.identify(tcp(port, timeout_s=1.0), 7)

    assert identity is not None
    assert (identity.vendor, identity.product_code, identity.revision) == ("ACME", "M3", "2.1")
    assert identity.objects == ((0, "ACME"), (1, "M3"), (2, "2.1"))


def test_counts_and_use_of_a_bus_follow_what_happened(tmp_path):
    port = PtyPort(tmp_path)
    bus = Link(
        "bus", LinkKind.MODBUS_RTU, device=str(port.path), baud_rate=9600, timeout_s=0.4,
        guard_s=0.05,
    )  # fmt: skip
    meters = tuple(a_meter(f"m{u}", u, link_id="bus", poll_interval_s=0.3) for u in (1, 2))
    with RawSlave(port, floats(SDM120_VALUES)) as slave:
        slave.silent_units = {2}
        with polling(Configuration(links=(bus,), meters=meters)) as it:
            wait_until(lambda: it.state("m2") is LinkState.LOST)
            wait_until(lambda: len(it.sink.of("m1")) >= 5)
            (statistics,) = it.field.bus_statistics()

    units = {unit.unit_id: unit for unit in statistics.units}
    timeouts = {e.unit_id: e.times for e in statistics.errors if e.error is BusError.TIMEOUT}
    assert statistics.link_id == "bus"
    assert units[1].failures == 0 and units[1].p95_ms is not None
    assert units[2].failures == units[2].requests == timeouts[2] >= 2
    assert statistics.shared == ""
    assert statistics.busy_pct is not None and 0 < statistics.busy_pct <= 100
    # Two meters, each of two reads of 80 and 2 registers: about 0.24 s of wire in 0.3 s.
    assert statistics.needed_pct is not None and 50 < statistics.needed_pct < 400


def test_the_frames_of_many_links_fit_into_one_store(server):
    links = tuple(tcp(server.port, f"l{i}") for i in range(40))
    meters = tuple(a_meter(f"m{i}", link_id=f"l{i}", poll_interval_s=60.0) for i in range(40))

    with polling(Configuration(links=links, meters=meters)) as it:
        wait_until(lambda: len(it.field.bus_statistics()) == 40)
        capacities = {line.work.log.capacity for line in it.field._lines.values()}
    wait_until(lambda: server.open_connections == 0)

    assert capacities == {1_500}


def test_asking_waits_no_longer_than_it_was_told(server):
    server.modes[8] = faults.SILENT

    with polling(Configuration()) as it:
        started_s = time.monotonic()
        with pytest.raises(MeterUnreachable):
            it.field.read_registers(tcp(server.port, timeout_s=3.0), 8, 3, 0, 1, timeout_s=0.2)
        took_s = time.monotonic() - started_s

    assert took_s < 1.5


def test_a_short_question_over_a_line_that_must_be_opened_first_is_answered(tmp_path):
    """A scan gives a unit 0.3 s: opening the port and listening to the line are no part of it."""
    port = PtyPort(tmp_path)
    bus = Link("bus", LinkKind.MODBUS_RTU, device=str(port.path), timeout_s=0.3, guard_s=0.3)

    with RawSlave(port), polling(Configuration()) as it:
        raw = it.field.read_registers(bus, 4, 3, 10, 2, timeout_s=0.3)
        started_s = time.monotonic()
        again = it.field.read_registers(bus, 5, 3, 10, 2, timeout_s=0.3)
        took_s = time.monotonic() - started_s

    assert raw.words == (word(4, 10), word(4, 11))
    assert again.words == (word(5, 10), word(5, 11))
    assert took_s < 1.5
