"""Row 35: a master that is not ours tries to write to the simulator."""

import logging
import socket
import struct

import pytest
from pymodbus.client import ModbusTcpClient

from energy_desktop.acquisition.simulator import control
from energy_desktop.acquisition.simulator.server import SimulatorServer
from energy_desktop.domain.clock import from_ms
from tests.unit.simulator.conftest import NOW_MS, library, site

__all__ = ["library", "site"]

METER = 10  # an SDM120 of the demo site
ILLEGAL_FUNCTION = 1


@pytest.fixture
def server(site, library):
    with SimulatorServer(site, library, "127.0.0.1", 0, clock=lambda: from_ms(NOW_MS)) as running:
        yield running


@pytest.fixture
def client(server):
    client = ModbusTcpClient("127.0.0.1", port=server.port, timeout=1.0, retries=0)
    assert client.connect()
    yield client
    client.close()


def raw(server: SimulatorServer, pdu: bytes) -> bytes:
    """The answer's function code and data to a request framed by hand."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as wire:
        wire.sendall(struct.pack(">HHHB", 1, 0, len(pdu) + 1, METER) + pdu)
        return wire.recv(300)[7:]


@pytest.mark.parametrize(
    "pdu",
    [
        struct.pack(">BHH", 5, 0, 0xFF00),
        struct.pack(">BHH", 6, 12, 1),
        struct.pack(">BHHBB", 15, 0, 8, 1, 0xFF),
        struct.pack(">BHHBHH", 16, 12, 2, 4, 1, 2),
        struct.pack(">BHHH", 22, 12, 0, 1),
        struct.pack(">BHHHHBH", 23, 0, 2, 12, 1, 2, 1),
    ],
    ids=lambda pdu: f"function {pdu[0]}",
)
def test_row_35_no_write_function_changes_a_meter(server, client, pdu):
    before = client.read_input_registers(0, count=20, device_id=METER).registers

    answer = raw(server, pdu)

    assert answer == bytes([pdu[0] | 0x80, ILLEGAL_FUNCTION])
    assert client.read_input_registers(0, count=20, device_id=METER).registers == before


def test_row_35_who_tried_stands_in_the_log_once(client, caplog):
    with caplog.at_level(logging.INFO, "energy_desktop.acquisition"):
        for _ in range(50):
            client.write_register(12, 1, device_id=METER)
        client.write_registers(14, [1, 2], device_id=METER)
        client.write_register(0, 1, device_id=control.CONTROL_UNIT)
        client.write_register(0, 0, device_id=control.CONTROL_UNIT)

    assert [record.getMessage() for record in caplog.records] == [
        "Simulator: 127.0.0.1 tried to write register 12 of unit 10; refused with exception 1.",
        "Simulator: 127.0.0.1 tried to write registers 14 of unit 10; refused with exception 1.",
        "Simulator: 127.0.0.1 wrote register 0 of unit 247.",
    ]
