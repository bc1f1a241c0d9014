"""A slave on a serial line, on raw bytes: it can be late, wrong, drowned in noise or silent.

`serial_pair` joins two pseudo terminals with socat: both ends stay open, as a real line does, so
that late bytes wait for whoever opens the port next. `PtyPort` is an adapter that can be pulled
out. `RawSlave` answers in a thread; `LoopSlave` answers in the asyncio loop of the program under
test, so that "late, but within the guard" holds however busy the machine is.
"""

import asyncio
import contextlib
import os
import select
import shutil
import struct
import subprocess
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.faults.modbus_tcp_server import word

Spoil = Callable[[bytes], bytes]


@contextmanager
def serial_pair(folder: Path) -> Iterator[tuple[str, str]]:
    """Two device paths that are wired to each other."""
    if shutil.which("socat") is None:
        pytest.skip("socat is not installed")
    ends = (str(folder / "ttyA"), str(folder / "ttyB"))
    process = subprocess.Popen(
        ["socat", *(f"pty,raw,echo=0,link={end}" for end in ends)], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 5
        while not all(Path(end).exists() for end in ends):
            assert time.monotonic() < deadline, "socat made no terminals"
            time.sleep(0.01)
        yield ends
    finally:
        process.terminate()
        process.wait(5)


class PtyPort:
    """A serial adapter under a name that stays (`by-id`), which can be pulled and plugged in.

    fd: the far end, where the slave sits; None while it is pulled.
    """

    def __init__(self, folder: Path, name: str = "usb-adapter") -> None:
        self.path = folder / name
        self.fd: int | None = None
        self.plug()

    def plug(self) -> None:
        """The system may give it another number; the name leads there."""
        far, near = os.openpty()
        tty.setraw(near, termios.TCSANOW)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(near))
        os.close(near)
        self.fd = far

    def pull(self) -> None:
        far, self.fd = self.fd, None
        self.path.unlink(missing_ok=True)
        if far is not None:
            os.close(far)


def crc(frame: bytes) -> bytes:
    """Modbus checksum, low byte first (Modbus over serial line 1.02, 6.2.2)."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def good_answer(request: bytes, word_of: Callable[[int, int], int] = word) -> bytes:
    """What a slave without a fault sends for a read request of 8 bytes."""
    unit, function, address, count = struct.unpack(">BBHH", request[:6])
    words = [word_of(unit, a) for a in range(address, address + count)]
    body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *words)
    return body + crc(body)


# What can happen to a good frame on its way.


def other_unit(frame: bytes) -> bytes:
    body = bytes([frame[0] + 1]) + frame[1:-2]
    return body + crc(body)


def fewer_registers(frame: bytes) -> bytes:
    body = frame[:2] + bytes([frame[2] - 2]) + frame[3:-4]
    return body + crc(body)


def more_registers(frame: bytes) -> bytes:
    body = frame[:2] + bytes([frame[2] + 2]) + frame[3:-2] + b"\x12\x34"
    return body + crc(body)


def other_function(frame: bytes) -> bytes:
    body = bytes([frame[0], 7 - frame[1]]) + frame[2:-2]
    return body + crc(body)


def broken_checksum(frame: bytes) -> bytes:
    return frame[:-1] + bytes([frame[-1] ^ 0xFF])


def truncated(frame: bytes) -> bytes:
    return frame[: len(frame) // 2]


def noise(frame: bytes) -> bytes:
    return bytes([0xFF, 0x00, 0x7E]) * 9


def noise_before(frame: bytes) -> bytes:
    return b"\x00\xff" + frame


def noise_after(frame: bytes) -> bytes:
    return frame + b"\xff\x00\xff"


def flipped_bits(random: Random, rate: float) -> Spoil:
    """Each bit of a frame is wrong with this probability."""

    def spoil(frame: bytes) -> bytes:
        return bytes(
            byte ^ sum(1 << bit for bit in range(8) if random.random() < rate) for byte in frame
        )

    return spoil


class RawSlave:
    """Answers reads of any unit until left. Behaviour may be changed while it serves.

    silent_units never answer. late_s: the next answers of `late_units` come so much later.
    spoil: turns a good frame into the bytes that are sent instead. echo: the adapter hears what
    it sends. silences_s: how long the line was quiet between an answer and the next request.
    """

    def __init__(self, device: str | PtyPort, word_of: Callable[[int, int], int] = word) -> None:
        self.silent_units: set[int] = set()
        self.late_units: set[int] = set()
        self.late_s = 0.0
        self.spoil: Spoil = lambda frame: frame
        self.echo = False
        self.requests: list[tuple[float, int]] = []
        self.silences_s: list[float] = []
        self._word_of = word_of
        self._port = device if isinstance(device, PtyPort) else None
        self._own_fd = os.open(device, os.O_RDWR | os.O_NOCTTY) if isinstance(device, str) else None
        if self._own_fd is not None:
            tty.setraw(self._own_fd, termios.TCSANOW)
        self._stop = threading.Event()
        self._timers: list[threading.Timer] = []
        self._thread = threading.Thread(target=self._run, name="raw slave")

    def __enter__(self) -> "RawSlave":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)
        for timer in self._timers:
            timer.cancel()
            timer.join()
        if self._own_fd is not None:
            os.close(self._own_fd)

    def send(self, data: bytes) -> None:
        """Puts bytes on the line, as another master or a disturbance does."""
        fd = self._fd
        if fd is not None:
            with contextlib.suppress(OSError):  # pulled meanwhile
                os.write(fd, data)

    @property
    def _fd(self) -> int | None:
        return self._own_fd if self._port is None else self._port.fd

    def _run(self) -> None:
        pending = b""
        answered_at = 0.0
        while not self._stop.is_set():
            data = self._read()
            if not data:
                pending = b""  # a silence ends whatever was begun
                continue
            pending += data
            if answered_at and len(pending) <= 8:
                self.silences_s.append(time.monotonic() - answered_at)
                answered_at = 0.0
            while len(pending) >= 8:
                frame, pending = pending[:8], pending[8:]
                if crc(frame[:6]) != frame[6:]:
                    pending = b""
                    break
                if self._answer(frame):
                    answered_at = time.monotonic()

    def _read(self) -> bytes:
        fd = self._fd
        if fd is None:
            time.sleep(0.01)
            return b""
        try:
            ready, _, _ = select.select([fd], [], [], 0.02)
            return os.read(fd, 256) if ready else b""
        except OSError:  # nobody has the other end open, or it was pulled
            time.sleep(0.002)
            return b""

    def _answer(self, frame: bytes) -> bool:
        unit = frame[0]
        self.requests.append((time.monotonic(), unit))
        if self.echo:
            self.send(frame)
        if unit in self.silent_units:
            return False
        answer = self.spoil(good_answer(frame, self._word_of))
        if unit in self.late_units:
            timer = threading.Timer(self.late_s, self.send, (answer,))
            self._timers.append(timer)
            timer.start()
            return False
        self.send(answer)
        return True


Plan = Callable[[bytes], list[tuple[float, bytes]]]


class LoopSlave:
    """A slave in the running loop. plan: for a request, what is sent after which seconds.

    Use as a context manager inside the loop of the program under test.
    """

    def __init__(self, port: PtyPort, plan: Plan) -> None:
        self.requests = 0
        self._port = port
        self._plan = plan
        self._pending = b""
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None

    def __enter__(self) -> "LoopSlave":
        assert self._port.fd is not None
        os.set_blocking(self._port.fd, False)
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._port.fd)
        self._port.pull()

    def send(self, data: bytes) -> None:
        if self._port.fd is not None:
            with contextlib.suppress(OSError):
                os.write(self._port.fd, data)

    def _listen(self) -> None:
        self._again = None
        self._loop.add_reader(self._port.fd, self._read)

    def _read(self) -> None:
        try:
            self._pending += os.read(self._port.fd, 256)
        except BlockingIOError:
            return
        except OSError:  # nobody has the port open; asking again at once would spin
            self._loop.remove_reader(self._port.fd)
            self._again = self._loop.call_later(0.001, self._listen)
            self._pending = b""
            return
        while len(self._pending) >= 8:
            frame, self._pending = self._pending[:8], self._pending[8:]
            if crc(frame[:6]) != frame[6:]:
                self._pending = b""
                return
            self.requests += 1
            for after_s, data in self._plan(frame):
                if after_s:
                    self._loop.call_later(after_s, self.send, data)
                else:
                    self.send(data)
