"""Meters of telegrams on a pseudo terminal or a TCP port: they send by themselves or answer."""

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from tests.faults.rtu_slave import PtyPort


class Wire(Protocol):
    """The far end of the line."""

    def send(self, data: bytes) -> None: ...

    def receive(self, timeout_s: float) -> bytes: ...


class PtyWire:
    """On an adapter that may be pulled and plugged at any time."""

    def __init__(self, port: PtyPort) -> None:
        self.port = port

    def send(self, data: bytes) -> None:
        fd = self.port.fd
        if fd is not None and select.select([], [fd], [], 0)[1]:
            os.write(fd, data)

    def receive(self, timeout_s: float) -> bytes:
        fd = self.port.fd
        if fd is None:
            threading.Event().wait(timeout_s)
            return b""
        ready, _, _ = select.select([fd], [], [], timeout_s)
        try:
            return os.read(fd, 1024) if ready else b""
        except OSError:  # nobody has the port open just now
            threading.Event().wait(min(timeout_s, 0.02))
            return b""


class TcpWire:
    """A serial server with one client at a time."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.client: socket.socket | None = None

    def send(self, data: bytes) -> None:
        if self._connected(0.0) and self.client is not None:
            try:
                self.client.sendall(data)
            except OSError:
                self.drop()

    def receive(self, timeout_s: float) -> bytes:
        if not self._connected(timeout_s) or self.client is None:
            return b""
        ready, _, _ = select.select([self.client], [], [], timeout_s)
        data = self.client.recv(1024) if ready else b""
        if ready and not data:
            self.drop()
        return data

    def drop(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None

    def close(self) -> None:
        self.drop()
        self.server.close()

    def _connected(self, timeout_s: float) -> bool:
        if self.client is None and select.select([self.server], [], [], timeout_s)[0]:
            self.client, _ = self.server.accept()
        return self.client is not None


@contextmanager
def running(step: Callable[[], None]) -> Iterator[None]:
    """Calls `step` again and again in a thread until left."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            step()

    thread = threading.Thread(target=run, name="telegram slave")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)


class Sender:
    """Sends what `make` gives, once per period, while `speaks`."""

    def __init__(self, wire: Wire, make: Callable[[int], bytes], period_s: float = 0.1) -> None:
        self.wire = wire
        self.make = make
        self.period_s = period_s
        self.speaks = True
        self.sent = 0

    def step(self) -> None:
        if self.speaks:
            self.wire.send(self.make(self.sent))
            self.sent += 1
        threading.Event().wait(self.period_s)


class D0Slave:
    """A meter that is read out: mode C waits for the acknowledgement, mode A does not."""

    def __init__(self, wire: Wire, readout: Callable[[], bytes], mode: str = "C") -> None:
        self.wire = wire
        self.readout = readout
        self.mode = mode
        self.device = ""
        self.echoes = False
        self.silent = False
        self.asked: list[bytes] = []
        self._came = b""
        self._due = b""

    def step(self) -> None:
        data = self.wire.receive(0.02)
        if self.echoes and data:
            self.wire.send(data)
        self._came += data
        while b"\n" in self._came:
            line, self._came = self._came.split(b"\n", 1)
            self._answer(line + b"\n")

    def _answer(self, line: bytes) -> None:
        self.asked.append(line)
        if self.silent:
            return
        if line.startswith(b"/?"):
            if line != f"/?{self.device}!\r\n".encode():
                return
            whole = self.readout()
            head, block = whole.split(b"\n", 1)
            self.wire.send(head + b"\n")
            self._due = block
            if self.mode != "C":
                self.wire.send(block)
        elif line.startswith(b"\x06") and self.mode == "C":
            self.wire.send(self._due)


class MbusSlaves:
    """Meters on one M-Bus by primary address; secondary addresses select one of them."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.telegrams: dict[int, list[bytes]] = {}
        self.secondary: dict[bytes, int] = {}
        self.spoil: Callable[[bytes], bytes] = lambda frame: frame
        self.requests: list[bytes] = []
        self._selected: int | None = None
        self._next: dict[int, int] = {}
        self._bit: dict[int, int] = {}
        self._came = b""

    def step(self) -> None:
        data = self.wire.receive(0.02)
        if not data:
            self._came = b""
            return
        self._came += data
        while self._came:
            size = 5 if self._came[0] == 0x10 else self._came[1] + 6 if len(self._came) > 1 else 99
            if len(self._came) < size:
                return
            frame, self._came = self._came[:size], self._came[size:]
            self._answer(frame)

    def _answer(self, frame: bytes) -> None:
        self.requests.append(frame)
        if frame[0] == 0x68:
            wanted = frame[7:15]
            self._selected = next(
                (
                    primary
                    for known, primary in self.secondary.items()
                    if all(w in (0xFF, k) for w, k in zip(wanted, known, strict=True))
                ),
                None,
            )
            if self._selected is not None:
                self.wire.send(b"\xe5")
            return
        control, address = frame[1], frame[2]
        primary = self._selected if address == 0xFD else address
        if primary is None or primary not in self.telegrams:
            return
        if control == 0x40:
            self._next[primary] = 0
            self._bit.pop(primary, None)
            if address != 0xFD:
                self.wire.send(b"\xe5")
        elif control & 0x5F == 0x5B:
            bit = control & 0x20
            if self._bit.get(primary, bit) != bit:
                self._next[primary] = self._next.get(primary, 0) + 1
            self._bit[primary] = bit
            telegrams = self.telegrams[primary]
            self.wire.send(self.spoil(telegrams[self._next.get(primary, 0) % len(telegrams)]))
