"""A Modbus TCP server for the polling benchmark, in a process of its own.

Framed by hand on asyncio, so that on two cores the server is not what is measured. It answers every
read with a ramp, after a delay in which it serves other connections: a device that thinks.

Units from SILENT_UNITS on never answer: dead meters.

Run as `python -m bench.polling_server [DELAY_S]`; prints its port and ends with its standard input.
"""

import asyncio
import struct
import sys

SILENT_UNITS = 200


class _Device(asyncio.Protocol):
    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._transport: asyncio.Transport | None = None
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while len(self._pending) >= 12:
            tid, _, _, unit, function, _, count = struct.unpack(">HHHBBHH", self._pending[:12])
            self._pending = self._pending[12:]
            if unit >= SILENT_UNITS:
                continue
            size = 2 * count
            answer = struct.pack(">HHHBBB", tid, 0, 3 + size, unit, function, size) + _ramp(count)
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


def _ramp(count: int) -> bytes:
    """Plausible float32 values: 230.0, 230.5, 231.0 ..."""
    values = [0.5 + 0.001 * i for i in range((count + 1) // 2)]
    return struct.pack(f">{len(values)}f", *values)[: 2 * count]


async def _serve(delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Device(delay_s), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
