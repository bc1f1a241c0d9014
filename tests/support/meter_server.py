"""Meters for tests that need many: pyModbusTCP servers, which we did not write, in a process."""

import contextlib
import multiprocessing
import struct
from collections.abc import Iterator
from multiprocessing.connection import Connection

VOLTAGE_V = 230.1
POWER_W = 1234.5
ENERGY_KWH = 98765.4375  # exact as float32


def _registers() -> dict[int, list[int]]:
    """Input registers of an Eastron SDM120 by address: big-endian float32."""
    values = {
        0: VOLTAGE_V,
        6: 5.5,
        12: POWER_W,
        18: 1265.4,
        24: 277.7,
        30: 0.9756,
        70: 50.02,
        72: ENERGY_KWH,
        74: 0.0,
        76: 120.25,
        78: 3.5,
        342: ENERGY_KWH,
        344: 123.75,
    }
    return {
        address: list(struct.unpack(">HH", struct.pack(">f", value)))
        for address, value in values.items()
    }


def _serve(pipe: Connection, connections: int) -> None:
    from pyModbusTCP.server import DataBank, ModbusServer

    servers = []
    for _ in range(connections):
        bank = DataBank(i_regs_size=400)
        for address, words in _registers().items():
            bank.set_input_registers(address, words)
        server = ModbusServer("127.0.0.1", 0, no_block=True, data_bank=bank)
        server.start()
        servers.append(server)
    pipe.send([server._service.server_address[1] for server in servers])
    with contextlib.suppress(EOFError):
        pipe.recv()
    for server in servers:
        server.stop()


@contextlib.contextmanager
def serving_meters(*, units: int, connections: int) -> Iterator[list[int]]:
    """Ports of servers that answer as SDM120 under any unit id."""
    del units  # a pyModbusTCP server answers every unit id
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, connections), daemon=True)
    process.start()
    try:
        if not here.poll(30):
            raise RuntimeError("the meter servers did not start")
        yield here.recv()
        here.send("end")
    finally:
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join(5)
        here.close()
        there.close()
