"""The virtual meters on a serial line (or a pty): Modbus RTU.

RTU has no length field, so a slave must know each request's length by its function and trust the
checksum; what does not fit is dropped at the next silence. A slave never answers what is not
addressed to it, nor what is damaged.
"""

import threading
import time

import serial

from energy_desktop.acquisition.links.failure import PORT_ERRORS, TERMINAL_ERRORS
from energy_desktop.acquisition.simulator.answers import WRITE_MANY, Answers
from energy_desktop.acquisition.simulator.writes import WriteJournal

SILENCE_S = 0.02
"""A gap this long ends a frame: 3.5 characters at 2400 baud are 16 ms, and a pty has no baud."""


def crc16(data: bytes) -> bytes:
    """Checksum of Modbus RTU (polynomial 0xA001), low byte first as on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


class SerialLine:
    """Answers on one device in a thread of its own."""

    def __init__(
        self, device: str, answers: Answers, *, baud_rate: int = 9600, parity: str = "N"
    ) -> None:
        self._device, self._baud_rate, self._parity = device, baud_rate, parity
        self._answers = answers
        self._journal = WriteJournal()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._port: serial.Serial | None = None

    def start(self) -> None:
        """Raises OSError (serial.SerialException) when the device cannot be opened or refuses
        its settings."""
        try:
            self._port = serial.Serial(
                self._device, self._baud_rate, parity=self._parity, timeout=SILENCE_S
            )
        except TERMINAL_ERRORS as error:  # which is no OSError
            raise serial.SerialException(
                f"{self._device} does not take {self._baud_rate} baud, parity {self._parity}: "
                f"{error.args[-1] if error.args else error}"
            ) from None
        self._thread = threading.Thread(target=self._serve, name="simulator-rtu", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(2.0)
        if self._port is not None:
            self._port.close()

    def _serve(self) -> None:
        assert self._port is not None
        pending = b""
        while not self._stopping.is_set():
            try:
                came = self._port.read(max(1, self._port.in_waiting))
            except PORT_ERRORS:  # the other end of a pty is gone, or the adapter was pulled
                pending = b""
                self._stopping.wait(0.2)
                continue
            if not came:
                pending = b""  # silence: what is there will never be a frame
                continue
            pending += came
            frame = whole_frame(pending)
            if frame is not None:
                pending = b""
                self._answer(frame)

    def _answer(self, frame: bytes) -> None:
        assert self._port is not None
        unit_id, request = frame[0], frame[1:-2]
        if not self._answers.knows(unit_id):
            return  # some other slave's request
        answer = self._answers.answer(unit_id, request)
        self._journal.note(self._device, unit_id, request, answer)
        if answer is None:
            return
        time.sleep(3.5 * 11 / self._baud_rate)  # the silence that a master waits for
        body = bytes((unit_id,)) + answer
        try:
            self._port.write(body + crc16(body))
        except PORT_ERRORS:
            self._stopping.wait(0.2)


def whole_frame(data: bytes) -> bytes | None:
    """The request that `data` is, checksum good; None: not yet, or never."""
    if len(data) < 8:
        return None
    length = 9 + data[6] if data[1] == WRITE_MANY else 8
    frame = data[:length]
    if len(frame) < length or crc16(frame[:-2]) != frame[-2:]:
        return None
    return frame
