"""A Modbus TCP device that misbehaves on request: framed by hand, so that it can break any rule.

`mode` may be changed while it serves. Every value it holds is a function of unit and address, so a
test can tell whose answer, and to which question, it was given.

Run as `python -m tests.faults.modbus_tcp_server`: an Eastron SDM120 in a process of its own, which
a test may stop; prints its port and ends with its standard input.
"""

import asyncio
import contextlib
import socket
import struct
import sys
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
RESET = "reset mid-request"
GARBAGE = "garbage"
LYING_BYTE_COUNT = "byte count differs from the bytes"
UNKNOWN_FUNCTION = "unknown function"
TRUNCATED_EXCEPTION = "exception without its code"
OTHER_EXCEPTION = "exception of another function"
CLOSE_AFTER = "close after the answer"
DRIBBLE = "one byte at a time"
OTHER_PROTOCOL = "protocol id is not 0"
BAD_LENGTH = "header announces more than there is"
FLOOD = "8 MB that nobody asked for"
TWICE = "every answer twice"
OLD_FIRST = "the answer to the request before comes first"

FLOOD_BYTES = 8_000_000
_TURNS = 5


def word(unit: int, address: int) -> int:
    """What register `address` of `unit` holds."""
    return (unit * 1000 + address) & 0xFFFF


class FaultyTcpServer:
    """Use as a context manager. mode: for all units; modes: for single units.

    exceptions: answer this Modbus exception code; busy: so often exception 6 before good answers.
    delay_s: think so long before answering; delays: single units. dribble_s: between two bytes.
    most_in_flight: of one connection, requests that were unanswered at the same time.
    """

    def __init__(self, word_of: Callable[[int, int], int] = word, port: int = 0) -> None:
        self.mode = GOOD
        self.modes: dict[int, str] = {}
        self.exceptions: dict[int, int] = {}
        self.busy: dict[int, int] = {}
        self.delay_s = 0.0
        self.delays: dict[int, float] = {}
        self.dribble_s = 0.0
        self.requests: Counter[int] = Counter()
        self.asked: list[tuple[int, int, int, int]] = []
        self.asked_at: list[float] = []
        self.connections = 0
        self.open_connections = 0
        self.most_in_flight = 0
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
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        # A socket that the loop leaves open is found by the garbage collector in the middle of
        # another test. Who was just accepted is let in first, for a closed server drops him as he
        # is; and a transport lets go of its socket some turns after it was told to.
        self._loop.remove_reader(server.sockets[0].fileno())
        await _some_turns()
        server.close()
        for task in self._clients.values():
            task.cancel()
        await asyncio.gather(*self._clients.values(), return_exceptions=True)
        for writer in self._clients:
            writer.transport.abort()
        await _some_turns()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Not a coroutine: one that is cancelled before its first line would know no writer."""
        self._clients[writer] = asyncio.create_task(self._client(reader, writer))

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        answering: set[asyncio.Task[None]] = set()
        try:
            while True:
                header = await reader.readexactly(7)
                tid, _, length, unit = struct.unpack(">HHHB", header)
                pdu = await reader.readexactly(length - 1)
                task = asyncio.create_task(self._answer(writer, tid, unit, pdu))
                answering.add(task)
                task.add_done_callback(answering.discard)
                self.most_in_flight = max(self.most_in_flight, len(answering))
                if not self._takes_long(unit):
                    await task
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            self.open_connections -= 1
            for task in answering:
                task.cancel()
            writer.close()

    def _takes_long(self, unit: int) -> bool:
        """Then it listens on, and sees what else is asked and when the client leaves."""
        return bool(self._thinks(unit)) or self.modes.get(unit, self.mode) == DRIBBLE

    def _thinks(self, unit: int) -> float:
        return self.delays.get(unit, self.delay_s)

    async def _answer(self, writer: asyncio.StreamWriter, tid: int, unit: int, pdu: bytes) -> None:
        function, address, count = struct.unpack(">BHH", pdu[:5])
        self.requests[unit] += 1
        self.asked.append((unit, function, address, count))
        self.asked_at.append(asyncio.get_running_loop().time())
        mode = self.modes.get(unit, self.mode)
        if mode == SILENT:
            return
        if mode == CLOSE:
            writer.close()
            return
        if mode == RESET:
            linger = struct.pack("ii", 1, 0)  # no FIN, no rest: the peer gets a RST
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            return
        if mode == GARBAGE:
            writer.write(bytes(range(200, 256)) * 3)
            return
        if mode == FLOOD:
            with contextlib.suppress(ConnectionError):
                for _ in range(FLOOD_BYTES // 65_536 + 1):
                    writer.write(bytes(65_536))
                    await writer.drain()
            return
        if self._thinks(unit):
            await asyncio.sleep(self._thinks(unit))
        body = self._body(mode, unit, function, address, count)
        frame = self._frame(mode, tid, unit, body)
        if mode == OLD_FIRST:
            frame = self._frame(mode, tid - 1, unit, self._body(mode, unit, 4, 0, count)) + frame
        if mode == TWICE:
            frame += frame
        if mode == DRIBBLE:
            for byte in frame:
                if writer.is_closing():
                    return
                writer.write(bytes([byte]))
                await asyncio.sleep(self.dribble_s)
            return
        writer.write(frame)
        if mode == CLOSE_AFTER:
            writer.close()

    def _frame(self, mode: str, tid: int, unit: int, body: bytes) -> bytes:
        if mode == OTHER_UNIT:
            unit += 1
        if mode == OTHER_TRANSACTION:
            tid += 7
        if mode == ZERO_TRANSACTION:
            tid = 0
        protocol = 7 if mode == OTHER_PROTOCOL else 0
        length = len(body) + (1000 if mode == BAD_LENGTH else 1)
        return struct.pack(">HHHB", tid & 0xFFFF, protocol, length, unit) + body

    def _body(self, mode: str, unit: int, function: int, address: int, count: int) -> bytes:
        if self.busy.get(unit, 0) > 0:
            self.busy[unit] -= 1
            return bytes([function | 0x80, 6])
        if unit in self.exceptions:
            return bytes([function | 0x80, self.exceptions[unit]])
        if mode == TRUNCATED_EXCEPTION:
            return bytes([function | 0x80])
        if mode == OTHER_EXCEPTION:
            return bytes([(7 - function) | 0x80, 2])
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


async def _some_turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


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


if __name__ == "__main__":
    with FaultyTcpServer(floats(SDM120_VALUES)) as it:
        print(it.port, flush=True)
        sys.stdin.read()
