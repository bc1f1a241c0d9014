"""A slave on a serial line, written on raw bytes: it can be late, wrong or silent.

`serial_pair` joins two pseudo terminals with socat; the slave sits on one, the program opens the
other as if it were a serial port.
"""

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

import pytest

from tests.faults.modbus_tcp_server import word


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


def crc(frame: bytes) -> bytes:
    """Modbus checksum, low byte first (Modbus over serial line 1.02, 6.2.2)."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


class RawSlave:
    """Answers reads of any unit until left. Behaviour may be changed while it serves.

    silent_units never answer. late_s: the next answers of `late_units` come so much later.
    spoil: turns a good frame into the bytes that are sent instead.
    """

    def __init__(self, device: str, word_of: Callable[[int, int], int] = word) -> None:
        self.silent_units: set[int] = set()
        self.late_units: set[int] = set()
        self.late_s = 0.0
        self.spoil: Callable[[bytes], bytes] = lambda frame: frame
        self.requests: list[tuple[float, int]] = []
        self.silences_s: list[float] = []
        self._word_of = word_of
        self._fd = os.open(device, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd, termios.TCSANOW)
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
        os.close(self._fd)

    def _run(self) -> None:
        pending = b""
        answered_at = 0.0
        while not self._stop.is_set():
            ready, _, _ = select.select([self._fd], [], [], 0.02)
            if not ready:
                pending = b""  # a silence ends whatever was begun
                continue
            pending += os.read(self._fd, 256)
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

    def _answer(self, frame: bytes) -> bool:
        unit, function, address, count = struct.unpack(">BBHH", frame[:6])
        self.requests.append((time.monotonic(), unit))
        if unit in self.silent_units:
            return False
        words = [self._word_of(unit, a) for a in range(address, address + count)]
        body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *words)
        answer = self.spoil(body + crc(body))
        if unit in self.late_units:
            timer = threading.Timer(self.late_s, os.write, (self._fd, answer))
            self._timers.append(timer)
            timer.start()
            return False
        os.write(self._fd, answer)
        return True
