"""A Modbus TCP device that misbehaves on request: framed by hand, so that it can break any rule.

`mode` may be changed while it serves. Every value it holds is a function of unit and address, so a
test can tell whose answer, and to which question, it was given.
"""

import asyncio
import struct
import threading
from collections import Counter
from collections.abc import Callable

GOOD = "good"
SILENT = "silent"
SHORT = "short count"
LONG = "long count"
OTHER_FUNCTION = "other function"
OTHER_UNIT = "other unit"
OTHER_TRANSACTION = "other transaction"
ZERO_TRANSACTION = "zero transaction"
CLOSE = "close mid-request"
GARBAGE = "garbage"
LYING_BYTE_COUNT = "byte count differs from the bytes"
UNKNOWN_FUNCTION = "unknown function"
TRUNCATED_EXCEPTION = "exception without its code"
CLOSE_AFTER = "close after the answer"


def word(unit: int, address: int) -> int:
    """What register `address` of `unit` holds."""
    return (unit * 1000 + address) & 0xFFFF


class FaultyTcpServer:
    """Use as a context manager. mode: for all units; modes: for single units.

    exception: answer this Modbus exception code; delay_s: think so long before answering.
    """

    def __init__(self, word_of: Callable[[int, int], int] = word, port: int = 0) -> None:
        self.mode = GOOD
        self.modes: dict[int, str] = {}
        self.exceptions: dict[int, int] = {}
        self.delay_s = 0.0
        self.requests: Counter[int] = Counter()
        self.asked: list[tuple[int, int, int, int]] = []
        self.connections = 0
        self.port = port
        self.written: dict[tuple[int, int], int] = {}
        self._word_of = word_of
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faulty server")

    def __enter__(self) -> "FaultyTcpServer":
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for writer in self._writers:
            writer.close()
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                header = await reader.readexactly(7)
                tid, _, length, unit = struct.unpack(">HHHB", header)
                pdu = await reader.readexactly(length - 1)
                await self._answer(writer, tid, unit, pdu)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, tid: int, unit: int, pdu: bytes) -> None:
        function, address, count = struct.unpack(">BHH", pdu[:5])
        self.requests[unit] += 1
        self.asked.append((unit, function, address, count))
        mode = self.modes.get(unit, self.mode)
        if mode == SILENT:
            return
        if mode == CLOSE:
            writer.close()
            raise ConnectionError
        if mode == GARBAGE:
            writer.write(bytes(range(200, 256)) * 3)
            return
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        body = self._body(mode, unit, function, address, count)
        if mode == OTHER_UNIT:
            unit += 1
        if mode == OTHER_TRANSACTION:
            tid = (tid + 7) & 0xFFFF
        if mode == ZERO_TRANSACTION:
            tid = 0
        writer.write(struct.pack(">HHHB", tid, 0, len(body) + 1, unit) + body)
        if mode == CLOSE_AFTER:
            raise ConnectionError

    def _body(self, mode: str, unit: int, function: int, address: int, count: int) -> bytes:
        if unit in self.exceptions:
            return bytes([function | 0x80, self.exceptions[unit]])
        if mode == TRUNCATED_EXCEPTION:
            return bytes([function | 0x80])
        if function == 6:
            self.written[unit, address] = count
            return struct.pack(">BHH", 6, address, count)
        count += {SHORT: -1, LONG: 3}.get(mode, 0)
        words = [
            self.written.get((unit, a), self._word_of(unit, a))
            for a in range(address, address + count)
        ]
        data = struct.pack(f">{count}H", *words)
        if mode == OTHER_FUNCTION:
            function = 7 - function
        if mode == UNKNOWN_FUNCTION:
            function = 0x55
        size = len(data) + (2 if mode == LYING_BYTE_COUNT else 0)
        return bytes([function, size & 0xFF]) + data


def floats(values: dict[int, float]) -> Callable[[int, int], int]:
    """Registers that hold float32 values, most significant word first, at these addresses."""
    words: dict[int, int] = {}
    for address, value in values.items():
        words[address], words[address + 1] = struct.unpack(">HH", struct.pack(">f", value))
    return lambda unit, address: words.get(address, 0)


SDM120_VALUES = {
    0: 230.5, 6: 4.25, 12: 950.0, 18: 980.0, 24: 240.0, 30: 0.97, 70: 50.0,
    72: 1234.5, 74: 2.5, 76: 10.0, 78: 1.0, 342: 1237.0, 344: 11.0,
}  # fmt: skip
