"""Against servers that are not ours: pymodbus, pyModbusTCP, and pymodbus RTU over a socat pair."""

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pyModbusTCP.server import ModbusServer

from energy_desktop.acquisition.links.checked import CheckedConnection
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.trial import poll_meter
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import MeterUnreachable
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.domain.snapshot import LinkState
from tests.faults.modbus_tcp_server import SDM120_VALUES, floats
from tests.faults.rtu_slave import RawSlave, serial_pair
from tests.integration.acquisition.fields import DRIVERS, a_meter, polling, tcp, wait_until

LIBRARY = ProfileLibrary([DRIVERS])
EXPECTED = {"voltage_v": 230.5, "current_a": 4.25, "power_w": 950.0, "frequency_hz": 50.0}


def registers(values: dict[int, float], size: int = 400) -> list[int]:
    word = floats(values)
    return [word(1, address) for address in range(size)]


@contextmanager
def pymodbus_server(make) -> Iterator[object]:
    """Runs an asyncio server of pymodbus in a thread; `make` is a coroutine that creates it."""
    loop = asyncio.new_event_loop()
    ready, box = threading.Event(), []

    async def serve() -> None:
        server = await make()
        await server.listen()
        box.append(server)
        ready.set()
        await stop.wait()
        await server.shutdown()

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(5)
        yield box[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        loop.close()


def device(unit: int) -> SimDevice:
    return SimDevice(
        unit, [SimData(0, values=registers(SDM120_VALUES), datatype=DataType.REGISTERS)]
    )


def assert_expected(snapshot) -> None:
    assert {name: snapshot.value(name) for name in EXPECTED} == EXPECTED
    if snapshot.layout.whole is None:  # a whole poll: the counters come in each tenth
        assert snapshot.value("energy_import_wh") == 1_234_500.0


def test_values_from_a_pymodbus_server():
    async def make() -> ModbusTcpServer:
        return ModbusTcpServer(device(3), address=("127.0.0.1", 0))

    with pymodbus_server(make) as server:
        port = server.transport.sockets[0].getsockname()[1]
        configuration = Configuration(links=(tcp(port, timeout_s=1.0),), meters=(a_meter("m", 3),))
        with polling(configuration) as it:
            wait_until(lambda: len(it.sink.of("m")) >= 3)

    assert_expected(it.sink.of("m")[0])


@pytest.fixture
def foreign():
    """pyModbusTCP: input registers of an SDM120, holding registers of a PM5110 in BADC..."""
    server = ModbusServer(host="127.0.0.1", port=0, no_block=True)
    server.start()
    server.data_bank.set_input_registers(0, registers(SDM120_VALUES))
    try:
        yield server, server._service.server_address[1]
    finally:
        server.stop()


def test_values_from_a_pymodbustcp_server(foreign):
    _, port = foreign

    with polling(Configuration(links=(tcp(port, timeout_s=1.0),), meters=(a_meter("m", 5),))) as it:
        wait_until(lambda: len(it.sink.of("m")) >= 3)
        assert it.state("m") is LinkState.GOOD

    assert_expected(it.sink.of("m")[0])


def test_holding_registers_in_64_bits_and_low_word_first_from_a_pymodbustcp_server(
    foreign, tmp_path
):
    server, port = foreign
    low_first = list(struct.unpack(">4H", struct.pack(">q", 123_456_789_012)))[::-1]
    server.data_bank.set_holding_registers(100, low_first)
    (tmp_path / "own.toml").write_text(
        'id = "own"\ndefaults = { function = 3, format = "int64", word_order = "CDAB" }\n'
        "[quantities]\nenergy_import_wh = { address = 100 }\n"
    )
    profile = ProfileLibrary([tmp_path]).get("own")

    (snapshot,) = poll_meter(profile, tcp(port), 1)

    assert snapshot.values == (123_456_789_012.0,)


def test_poll_gives_as_many_snapshots_as_asked_at_their_interval(foreign):
    _, port = foreign

    snapshots = list(
        poll_meter(LIBRARY.get("eastron_sdm120"), tcp(port), 1, count=4, interval_s=0.05)
    )

    for snapshot in snapshots:
        assert_expected(snapshot)
    assert snapshots[-1].read_at_ms - snapshots[0].read_at_ms == pytest.approx(150, abs=40)


def test_a_slow_connection_does_not_eat_the_first_interval(foreign, monkeypatch):
    _, port = foreign
    opened = CheckedConnection._open

    async def slowly(connection):
        await asyncio.sleep(0.3)
        return await opened(connection)

    monkeypatch.setattr(CheckedConnection, "_open", slowly)

    first, second = poll_meter(
        LIBRARY.get("eastron_sdm120"), tcp(port), 1, count=2, interval_s=0.25
    )

    assert second.read_at_ms - first.read_at_ms == pytest.approx(250, abs=60)


def test_poll_of_nobody_says_so():
    link = tcp(1, timeout_s=0.2)

    with pytest.raises(MeterUnreachable, match=r"no connection: .*refused"):
        list(poll_meter(LIBRARY.get("eastron_sdm120"), link, 1))


def a_bus(device_path: str) -> Link:
    return Link(
        "bus",
        LinkKind.MODBUS_RTU,
        device=device_path,
        baud_rate=19_200,
        timeout_s=0.15,
        guard_s=0.05,
    )


def test_values_over_a_serial_line_from_a_pymodbus_server(tmp_path):
    with serial_pair(tmp_path) as (ours, theirs):

        async def make() -> ModbusSerialServer:
            return ModbusSerialServer(
                [device(1), device(2)], framer=FramerType.RTU, port=theirs, baudrate=19_200
            )

        with pymodbus_server(make):
            meters = tuple(a_meter(f"m{u}", u, link_id="bus", poll_interval_s=0.3) for u in (1, 2))
            with polling(Configuration(links=(a_bus(ours),), meters=meters)) as it:
                wait_until(lambda: all(len(it.sink.of(m)) >= 2 for m in ("m1", "m2")))

    assert_expected(it.sink.of("m1")[0])
    assert_expected(it.sink.of("m2")[0])


def test_a_unit_unplugged_from_a_bus_is_lost_and_its_neighbour_reads_on(tmp_path):
    with (
        serial_pair(tmp_path) as (ours, theirs),
        RawSlave(theirs, floats(SDM120_VALUES)) as slave,
    ):
        meters = tuple(a_meter(f"m{u}", u, link_id="bus", poll_interval_s=0.3) for u in (1, 2))
        with polling(Configuration(links=(a_bus(ours),), meters=meters)) as it:
            wait_until(lambda: all(len(it.sink.of(m)) >= 2 for m in ("m1", "m2")))
            slave.silent_units = {2}
            wait_until(lambda: it.state("m2") is LinkState.LOST)
            before = len(it.sink.of("m1"))
            wait_until(lambda: len(it.sink.of("m1")) >= before + 3)
            slave.silent_units = set()
            wait_until(lambda: it.state("m2") is LinkState.GOOD)

    for snapshot in it.sink.snapshots:
        assert_expected(snapshot)
