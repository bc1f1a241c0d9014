"""The other Modbus wires, against pymodbus' servers and raw ones: same values, same checks."""

import asyncio
import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from pymodbus.framer import FramerType
from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusUdpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import CheckedConnection, ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.modbus_frames import lrc
from energy_desktop.domain.bus import BusError
from energy_desktop.domain.site import Link, LinkKind
from tests.faults.modbus_tcp_server import word
from tests.faults.rtu_slave import PtyPort, crc, good_answer, serial_pair

UNIT = 3


def expected(address: int, count: int) -> bytes:
    return b"".join(word(UNIT, a).to_bytes(2, "big") for a in range(address, address + count))


def a_device() -> SimDevice:
    values = [word(UNIT, address) for address in range(200)]
    return SimDevice(UNIT, [SimData(0, values=values, datatype=DataType.REGISTERS)])


def identity() -> ModbusDeviceIdentification:
    return ModbusDeviceIdentification(
        info_name={
            "VendorName": "Meters Ltd",
            "ProductCode": "M3",
            "MajorMinorRevision": "2.1",
            "ProductName": "Three phase meter",
            "ModelName": "M3-MID",
        }
    )


def with_server(
    make: Callable[[], Awaitable[object]],
    link_of: Callable[[object], Link],
    work: Callable[[CheckedConnection], Awaitable[object]],
) -> object:
    """What `work` gives over a connection to a server of pymodbus, all in one loop."""

    async def run() -> object:
        server = await make()
        await server.listen()
        connection = connect_to(link_of(server))
        try:
            return await work(connection)
        finally:
            await connection.close()
            await server.shutdown()

    return asyncio.run(run())


def port_of(server) -> int:
    transport = server.transport
    name = (
        transport.sockets[0].getsockname()
        if hasattr(transport, "sockets")
        else transport.get_extra_info("sockname")
    )
    return name[1]


def network(kind: LinkKind, port: int, **more: object) -> Link:
    fields = {"timeout_s": 1.0, "guard_s": 0.05} | more
    return Link("l", kind, host="127.0.0.1", port=port, **fields)


async def read_twice(connection: CheckedConnection) -> list[bytes]:
    return [
        await connection.read(ReadRequest(UNIT, 3, 0, 80)),
        await connection.read(ReadRequest(UNIT, 4, 100, 2)),
    ]


def test_registers_are_read_over_udp():
    async def make() -> ModbusUdpServer:
        return ModbusUdpServer(a_device(), address=("127.0.0.1", 0))

    answers = with_server(
        make, lambda server: network(LinkKind.MODBUS_UDP, port_of(server)), read_twice
    )

    assert answers == [expected(0, 80), expected(100, 2)]


def test_registers_are_read_in_rtu_frames_over_tcp():
    async def make() -> ModbusTcpServer:
        return ModbusTcpServer(a_device(), framer=FramerType.RTU, address=("127.0.0.1", 0))

    answers = with_server(
        make, lambda server: network(LinkKind.MODBUS_RTU_TCP, port_of(server)), read_twice
    )

    assert answers == [expected(0, 80), expected(100, 2)]


def test_registers_are_read_in_ascii_over_a_serial_line(tmp_path):
    with serial_pair(tmp_path) as (ours, theirs):

        async def make() -> ModbusSerialServer:
            return ModbusSerialServer(
                a_device(), framer=FramerType.ASCII, port=theirs, baudrate=115_200
            )

        link = Link(
            "l",
            LinkKind.MODBUS_ASCII,
            device=ours,
            baud_rate=115_200,
            parity="N",
            timeout_s=1.0,
            options=(("data_bits", "8"),),
        )
        answers = with_server(make, lambda _: link, read_twice)

    assert answers == [expected(0, 80), expected(100, 2)]


@pytest.mark.parametrize("kind", [LinkKind.MODBUS_TCP, LinkKind.MODBUS_RTU_TCP])
def test_a_device_says_who_it_is(kind):
    async def make() -> ModbusTcpServer:
        framer = FramerType.RTU if kind is LinkKind.MODBUS_RTU_TCP else FramerType.SOCKET
        return ModbusTcpServer(
            a_device(), framer=framer, identity=identity(), address=("127.0.0.1", 0)
        )

    objects = with_server(
        make,
        lambda server: network(kind, port_of(server)),
        lambda connection: connection.identify(UNIT),
    )

    assert objects[0] == b"Meters Ltd"
    assert objects[5] == b"M3-MID"


# Raw servers


@contextmanager
def datagrams(answer: Callable[[bytes], list[bytes]]) -> Iterator[int]:
    """Port of a socket that answers each datagram with those that `answer` gives."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        ours.settimeout(0.05)
        ending = threading.Event()

        def serve() -> None:
            while not ending.is_set():
                try:
                    data, peer = ours.recvfrom(300)
                except TimeoutError:
                    continue
                for datagram in answer(data):
                    ours.sendto(datagram, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield ours.getsockname()[1]
        finally:
            ending.set()
            thread.join(5)


def good_datagram(request: bytes) -> bytes:
    unit, address, count = request[6], *struct.unpack(">HH", request[8:12])
    words = struct.pack(f">{count}H", *(word(unit, a) for a in range(address, address + count)))
    body = bytes([unit, request[7], len(words)]) + words
    return request[:4] + struct.pack(">H", len(body)) + body


def read_all(link: Link, *requests: ReadRequest) -> list[bytes | RequestFailed]:
    async def work() -> list[bytes | RequestFailed]:
        connection = connect_to(link)
        answers: list[bytes | RequestFailed] = []
        for request in requests:
            try:
                answers.append(await connection.read(request))
            except RequestFailed as failure:
                answers.append(failure)
        await connection.close()
        return answers

    return asyncio.run(work())


def test_a_doubled_datagram_is_not_the_answer_to_the_next_question():
    requests = [ReadRequest(UNIT, 4, 10 * i, 4) for i in range(12)]

    with datagrams(lambda request: [good_datagram(request)] * 2) as port:
        answers = read_all(network(LinkKind.MODBUS_UDP, port), *requests)

    assert answers == [expected(request.address, 4) for request in requests]


def test_an_overtaken_datagram_is_not_the_answer_to_the_next_question():
    """Every second answer is held back, and comes before the answer to the question after it."""
    held: list[bytes] = []

    def answer(request: bytes) -> list[bytes]:
        if held:
            return [held.pop(), good_datagram(request)]
        held.append(good_datagram(request))
        return []

    requests = [ReadRequest(UNIT, 4, 10 * i, 4) for i in range(10)]
    with datagrams(answer) as port:
        link = network(LinkKind.MODBUS_UDP, port, timeout_s=0.05, guard_s=0.02)
        answers = read_all(link, *requests)

    for request, got in zip(requests, answers, strict=True):
        assert isinstance(got, RequestFailed) or got == expected(request.address, 4)
    assert sum(isinstance(got, bytes) for got in answers) >= 4


def test_a_port_where_nobody_listens_for_datagrams_is_told_at_once():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    (failure,) = read_all(network(LinkKind.MODBUS_UDP, port), ReadRequest(UNIT, 4, 0, 2))

    assert isinstance(failure, RequestFailed)
    assert failure.kind is FailureKind.NO_CONNECTION
    assert "nothing listens" in failure.what


Plan = Callable[[bytes], list[tuple[float, bytes]]]


@contextmanager
def serial_server(answer: Plan) -> Iterator[int]:
    """Port of a serial server: what a slave behind it sends for a request, after which seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(2.0)

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as line:
                while len(request := line.recv(8)) == 8:
                    for after_s, data in answer(request):
                        time.sleep(after_s)
                        line.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(5)


def read_over_serial_server(
    answer: Plan, requests: list[ReadRequest], timeout_s: float = 0.1
) -> tuple[list[bytes | RequestFailed], CheckedConnection]:
    async def work() -> tuple[list[bytes | RequestFailed], CheckedConnection]:
        connection = connect_to(
            network(LinkKind.MODBUS_RTU_TCP, port, timeout_s=timeout_s, guard_s=0.1)
        )
        answers: list[bytes | RequestFailed] = []
        for request in requests:
            try:
                answers.append(await connection.read(request))
            except RequestFailed as failure:
                answers.append(failure)
        await connection.close()
        return answers, connection

    with serial_server(answer) as port:
        return asyncio.run(work())


def test_an_answer_torn_apart_by_the_network_is_read():
    def torn(request: bytes) -> list[tuple[float, bytes]]:
        frame = good_answer(request)
        return [(0.01, frame[i : i + 7]) for i in range(0, len(frame), 7)]

    (answer,), _ = read_over_serial_server(torn, [ReadRequest(UNIT, 4, 0, 20)], timeout_s=0.5)

    assert answer == expected(0, 20)


def test_a_late_answer_through_a_serial_server_is_taken_for_no_other_question():
    requests = [ReadRequest(UNIT, 4, 10 * i, 4) for i in range(8)]

    answers, _ = read_over_serial_server(lambda r: [(0.15, good_answer(r))], requests)

    for request, got in zip(requests, answers, strict=True):
        assert isinstance(got, RequestFailed) or got == expected(request.address, 4)


def test_a_late_answer_later_than_the_guard_is_known_by_its_length():
    """The first answer comes when the second question is under way, which is for as many."""
    delays = iter([0.25, 0.0, 0.0, 0.0, 0.0])

    def answer(request: bytes) -> list[tuple[float, bytes]]:
        return [(next(delays), good_answer(request))]

    requests = [ReadRequest(UNIT, 4, 0, 6), ReadRequest(UNIT, 4, 50, 6)]
    answers, connection = read_over_serial_server(answer, requests)

    assert isinstance(answers[0], RequestFailed)
    assert answers[1] == expected(50, 6)
    assert "too late" in " ".join(frame.meaning for frame in connection.log.frames())


def test_a_damaged_answer_is_noticed_at_the_pause_and_not_at_the_timeout():
    def damaged(request: bytes) -> list[tuple[float, bytes]]:
        frame = good_answer(request)
        return [(0.0, frame[:-1] + bytes([frame[-1] ^ 1]))]

    started_s = time.monotonic()
    (failure,), _ = read_over_serial_server(damaged, [ReadRequest(UNIT, 4, 0, 4)], timeout_s=5.0)
    took_s = time.monotonic() - started_s

    assert isinstance(failure, RequestFailed)
    assert failure.error is BusError.CHECKSUM
    assert took_s < 2.0


def ascii_frame(body: bytes) -> bytes:
    return b":" + (body + bytes([lrc(body)])).hex().upper().encode() + b"\r\n"


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda frame: frame.replace(b":0304", b":0404", 1), BusError.CHECKSUM),
        (lambda frame: frame[:9], BusError.SHORT_ANSWER),
        (lambda frame: b"", BusError.TIMEOUT),
        (lambda frame: ascii_frame(bytes([4, 4, 4, 0, 1, 0, 2])), BusError.WRONG_UNIT),
        (lambda frame: ascii_frame(bytes([3, 4, 2, 0, 1])), BusError.SHORT_ANSWER),
        (lambda frame: ascii_frame(bytes([3, 3, 4, 0, 1, 0, 2])), BusError.WRONG_FUNCTION),
    ],
    ids=["checksum", "broken off", "silence", "unit", "count", "function"],
)
def test_a_spoilt_ascii_frame_is_no_reading(tmp_path, spoil, error):
    port = PtyPort(tmp_path)

    async def work() -> RequestFailed:
        loop = asyncio.get_running_loop()
        words = struct.pack(">HH", word(3, 0), word(3, 1))
        good = ascii_frame(bytes([3, 4, 4]) + words)

        def answer() -> None:
            if os.read(port.fd, 100):
                os.write(port.fd, spoil(good))

        link = Link(
            "l", LinkKind.MODBUS_ASCII, device=str(port.path), timeout_s=0.2, guard_s=0.05,
            options=(("data_bits", "8"),), baud_rate=115_200, parity="N",
        )  # fmt: skip
        connection = connect_to(link)
        await connection.connect()
        loop.add_reader(port.fd, answer)
        try:
            await connection.read(ReadRequest(3, 4, 0, 2))
        except RequestFailed as failure:
            return failure
        finally:
            loop.remove_reader(port.fd)
            await connection.close()
            port.pull()
        raise AssertionError("a spoilt frame was taken")

    failure = asyncio.run(work())

    assert failure.error is error


def test_noise_and_an_echo_before_an_answer_hide_nothing():
    def answer(request: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, request + b"\x00\xff\x03" + good_answer(request))]

    requests = [ReadRequest(UNIT, 4, address, 10) for address in (0, 40)]
    answers, _ = read_over_serial_server(answer, requests)

    assert answers == [expected(0, 10), expected(40, 10)]


def test_a_question_of_another_master_to_the_same_unit_makes_the_answer_worthless():
    foreign = bytes([UNIT, 4, 0, 99, 0, 4])
    foreign += crc(foreign)

    def answer(request: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, foreign + good_answer(foreign))]

    (failure, *_), connection = read_over_serial_server(
        answer, [ReadRequest(UNIT, 4, 0, 4)] * 4, timeout_s=0.05
    )

    assert isinstance(failure, RequestFailed)
    assert "another master" in failure.what
    assert "another master" in connection.suspicion
