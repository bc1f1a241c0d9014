"""A Modbus TCP server over a table of holding registers, for devices that tests make up.

Frames are read and written by hand, so that what is tested and what answers share no code.
"""

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while True:
            head = self._receive(8)
            if head is None:
                return
            transaction, _, length, unit, function = struct.unpack(">HHHBB", head)
            body = self._receive(length - 2)
            if body is None:
                return
            pdu = self.server.answer(function, body)
            self.request.sendall(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu)

    def _receive(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            try:
                more = self.request.recv(size - len(data))
            except OSError:
                return None
            if not more:
                return None
            data += more
        return data


class RegisterServer(socketserver.ThreadingTCPServer):
    """`registers`: wire address -> word. An address that is not there answers exception 2."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, registers: dict[int, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registers = registers
        self.asked: list[tuple[int, int, int]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def answer(self, function: int, body: bytes) -> bytes:
        address, count = struct.unpack(">HH", body[:4])
        self.asked.append((function, address, count))
        if function not in (3, 4):
            return bytes((function | 0x80, 1))
        wanted = range(address, address + count)
        if not 1 <= count <= 125 or any(a not in self.registers for a in wanted):
            return bytes((function | 0x80, 2))
        words = [self.registers[a] for a in wanted]
        return bytes((function, 2 * count)) + struct.pack(f">{count}H", *words)


@contextlib.contextmanager
def serving_registers(registers: dict[int, int]) -> Iterator[RegisterServer]:
    server = RegisterServer(registers)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def words_of(data: bytes, at: int) -> dict[int, int]:
    """Bytes as registers from address `at` on."""
    return {at + i: int.from_bytes(data[2 * i : 2 * i + 2], "big") for i in range(len(data) // 2)}
