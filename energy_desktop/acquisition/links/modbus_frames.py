"""Modbus frames as bytes: where one begins and ends, whether it is sound, and what it says.

On a line without transaction numbers anything may be heard: noise, our own echo, an answer that
comes late, another master's question. `rtu_frames` and `ascii_frames` find every sound frame among
the bytes, wherever it begins, and say whether it is a question or an answer; what to make of it is
decided by the connection.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from energy_desktop.acquisition.links.failure import exception_words
from energy_desktop.acquisition.links.frame_log import Described

READS = (1, 2, 3, 4)
WRITES_ONE = (5, 6)
WRITES_MANY = (15, 16)
ENCAPSULATED = 43

RTU_SHORTEST = 4  # unit, function, checksum
_QUESTION = 8  # bytes of an RTU question of a read or of a single write


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _crc_table()


def crc16(data: bytes) -> bytes:
    """Checksum of an RTU frame, low byte first: Modbus over serial line 1.02, 6.2.2."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def lrc(data: bytes) -> int:
    """Checksum of an ASCII frame, over its bytes in binary: 6.2.1 of the same."""
    return -sum(data) & 0xFF


@dataclass(frozen=True, slots=True)
class Found:
    """A sound frame. pdu: from the function code on, without checksum."""

    start: int
    end: int
    unit_id: int
    pdu: bytes

    @property
    def function(self) -> int:
        return self.pdu[0] & 0x7F

    @property
    def is_exception(self) -> bool:
        return self.pdu[0] & 0x80 != 0

    @property
    def is_question(self) -> bool:
        """Whether a master says this. A single write and its answer look the same: an answer."""
        function = self.pdu[0]
        if function in READS:
            # Registers never fill three bytes; bits may.
            return len(self.pdu) == 5 and (function > 2 or self.pdu[1] != 3)
        if function in WRITES_MANY:
            return len(self.pdu) > 5
        return function == ENCAPSULATED and len(self.pdu) == 4


def rtu_frames(data: bytes, unit_id: int | None = None) -> Iterator[Found]:
    """The sound frames in `data`, first to last; they do not overlap.

    unit_id: frames of other units are found only at the beginning and right after another frame.
    Two bytes of checksum are few, and a long answer that is still arriving has many places where
    five bytes could look like a frame.
    """
    at = 0
    anyone = True
    while at + RTU_SHORTEST <= len(data):
        found = None
        if anyone or unit_id is None or data[at] == unit_id:
            found = _rtu_frame_at(data, at)
        anyone = found is not None
        if found is None:
            at += 1
        else:
            yield found
            at = found.end


def _rtu_frame_at(data: bytes, at: int) -> Found | None:
    for size in _rtu_sizes(data, at):
        end = at + size
        if end <= len(data) and crc16(data[at : end - 2]) == data[end - 2 : end]:
            return Found(at, end, data[at], data[at + 1 : end - 2])
    return None


def _rtu_sizes(data: bytes, at: int) -> tuple[int, ...]:
    """How long a frame that begins here would be, as answer and as question."""
    function = data[at + 1]
    if function & 0x80:
        return (5,)
    if function in READS:
        answer = data[at + 2] + 5
        if function > 2 and not answer % 2:
            return (_QUESTION,)  # registers have two bytes each
        # The first bytes of one question in 65,536 look like an answer shorter than it is.
        return (_QUESTION, answer) if answer < _QUESTION else (answer, _QUESTION)
    if function in WRITES_ONE:
        return (_QUESTION,)
    if function in WRITES_MANY:
        many = (data[at + 6] + 9,) if len(data) > at + 6 else ()
        return (_QUESTION, *many)
    if function == ENCAPSULATED:
        return (7, _identity_size(data, at))
    return ()


def _identity_size(data: bytes, at: int) -> int:
    """Of an answer to function 43/14: its objects say their lengths one by one."""
    place = at + 8
    if len(data) < place:
        return len(data) + 1
    for _ in range(data[place - 1]):
        if len(data) < place + 2:
            return len(data) + 1
        place += 2 + data[place + 1]
    return place + 2 - at


def ascii_frames(data: bytes, unit_id: int | None = None) -> Iterator[Found]:  # noqa: ARG001
    """Every sound ASCII frame in `data`, from its colon to its line feed."""
    at = data.find(b":")
    while at >= 0:
        end = data.find(b"\r\n", at)
        if end < 0:
            return
        begin = data.rfind(b":", at, end)  # a colon inside begins anew: the first was noise
        body = _from_hex(data[begin + 1 : end])
        if len(body) >= 3 and lrc(body[:-1]) == body[-1]:
            yield Found(begin, end + 2, body[0], body[1:-1])
        at = data.find(b":", end)


def _from_hex(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return b""


def describe_mbap(sent: bool, data: bytes, after_ms: float | None) -> Described:
    """A frame of Modbus TCP, UDP or TLS: seven bytes of header before function and data."""
    if len(data) < 8:
        return Described(_size_words(data, after_ms))
    return Described(_words(sent, data[7:], data, after_ms), data[6])


def describe_rtu(sent: bool, data: bytes, after_ms: float | None) -> Described:
    if len(data) < RTU_SHORTEST:
        return Described(_size_words(data, after_ms))
    return Described(_words(sent, data[1:-2], data, after_ms), data[0])


def describe_ascii(sent: bool, data: bytes, after_ms: float | None) -> Described:
    found = next(ascii_frames(data), None)
    if found is None:
        return Described(_size_words(data, after_ms))
    return Described(_words(sent, found.pdu, data, after_ms), found.unit_id)


def _words(sent: bool, pdu: bytes, data: bytes, after_ms: float | None) -> str:
    function = pdu[0]
    if sent:
        return question_words(pdu)
    if function & 0x80 and len(pdu) > 1:
        return f"exception {pdu[1]}: {exception_words(pdu[1])}"
    return _size_words(data, after_ms)


def question_words(pdu: bytes) -> str:
    """`read 80 from 0`, of a question from its function code on."""
    function = pdu[0]
    if len(pdu) >= 5:
        address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        if function in READS:
            return f"read {count} from {address}"
        if function in WRITES_ONE:
            return f"write {count} to {address}"
        if function in WRITES_MANY:
            return f"write {count} from {address}"
    if function == ENCAPSULATED:
        return "ask who it is"
    return f"function {function}"


def _size_words(data: bytes, after_ms: float | None) -> str:
    size = f"{len(data)} byte{'s' if len(data) != 1 else ''}"
    return size if after_ms is None else f"{size} in {after_ms:.0f} ms"
