"""SML telegrams of German meters (BSI TR-03109-1, FNN Lastenheft EDL): transport, tree, values.

A telegram ("file") runs from an escape and 01010101 to an escape, 1A, the number of fill bytes and
a CRC16 over all of it; within it each message has a CRC16 of its own. Both are verified. The bytes
come from a wire that anyone can feed, so lengths, list sizes and depth are bounded.

Only GetListResponse (0701) carries readings. Written from the specification; no code of any SML
library went into it.
"""

from dataclasses import replace
from fractions import Fraction

from energy_desktop.acquisition.telegrams import obis
from energy_desktop.acquisition.telegrams.telegram import (
    Entry,
    Telegram,
    TelegramRefused,
    refuse,
)
from energy_desktop.domain.bus import BusError

WHERE = "SML telegram"
ESCAPE = b"\x1b\x1b\x1b\x1b"
START = ESCAPE + b"\x01\x01\x01\x01"
MAX_BYTES = 65_536
MAX_DEPTH = 8
MAX_NODES = 10_000
GET_LIST_RESPONSE = 0x0701

Node = bytes | bool | int | list["Node"] | None
"""A decoded element; None: left out (optional)."""

_UNITS = {
    6: "h",
    7: "s",
    8: "°",
    9: "°C",
    13: "m3",
    14: "m3",
    15: "m3/h",
    27: "W",
    28: "VA",
    29: "var",
    30: "Wh",
    31: "VAh",
    32: "varh",
    33: "A",
    35: "V",
    44: "Hz",
}
"""DLMS unit codes (IEC 62056-6-2, table 4) that meters send; 255: none."""


def crc16(data: bytes, start: int = 0xFFFF, end: int = 0xFFFF) -> int:
    """CRC16 of X.25 (reflected 0x8408); start and end 0 give the Kermit variant."""
    value = start
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ end


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x8408 if byte & 1 else 0)
        rows.append(byte)
    return tuple(rows)


_TABLE = _table()


def _verified(data: bytes, said: int) -> bool:
    """The CRC as it is sent, low byte first: X.25, or Kermit as a few older meters have it."""
    return said in (crc16(data), crc16(data, 0, 0))


class SmlFramer:
    """Follows the escapes: four 1B, then 01010101 starts, 1A ends, four more 1B are data."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._scan = 0  # of a started telegram: where the next escape is looked for
        self._started = False
        self._begun = False  # a telegram has started before

    def feed(self, data: bytes) -> list[bytes | TelegramRefused]:
        self._pending += data
        out: list[bytes | TelegramRefused] = []
        while self._find_start(out) and self._take(out):
            pass
        return out

    def pause(self) -> list[bytes | TelegramRefused]:
        return []

    def finish(self) -> list[bytes | TelegramRefused]:
        out: list[bytes | TelegramRefused] = []
        if self._pending:
            place = f"it is cut after {len(self._pending)} bytes."
            if not self._started:
                place = f"{len(self._pending)} bytes without a start."
            if self._started or len(self._pending) > len(START):
                out.append(refuse(WHERE, place, BusError.SHORT_ANSWER, fragment=True))
        self._pending.clear()
        self._started = False
        return out

    def _find_start(self, out: list[bytes | TelegramRefused]) -> bool:
        if self._started:
            return True
        at = self._pending.find(START)
        if at >= 0:
            if at:
                out.append(
                    refuse(
                        WHERE,
                        f"{at} bytes between two telegrams have no start."
                        if self._begun
                        else f"{at} bytes stand before its start.",
                        BusError.SHORT_ANSWER,
                        fragment=not self._begun,
                    )
                )
            del self._pending[:at]
            self._started = self._begun = True
            self._scan = len(START)
            return True
        if len(self._pending) > MAX_BYTES:
            out.append(refuse(WHERE, f"no start within {MAX_BYTES} bytes.", BusError.GARBAGE))
            del self._pending[: -len(START)]
        return False

    def _take(self, out: list[bytes | TelegramRefused]) -> bool:
        """Moves one telegram out of what is pending; False: it is not whole yet."""
        while True:
            at = self._pending.find(ESCAPE, self._scan)
            if at < 0:
                self._scan = max(len(START), len(self._pending) - 3)
                return self._too_long(out)
            if len(self._pending) < at + 8:
                self._scan = at
                return self._too_long(out)
            after = bytes(self._pending[at + 4 : at + 8])
            if after == ESCAPE:
                self._scan = at + 8
                continue
            if after[0] == 0x1A:
                out.append(bytes(self._pending[: at + 8]))
                del self._pending[: at + 8]
            elif after == START[4:]:
                out.append(
                    refuse(
                        WHERE,
                        f"it is cut after {at} bytes, where the next one starts.",
                        BusError.SHORT_ANSWER,
                    )
                )
                del self._pending[:at]
            else:
                # Values may end in 1B: the escape may begin up to three bytes later.
                if self._pending[at + 4] == 0x1B:
                    self._scan = at + 1
                    continue
                out.append(
                    refuse(WHERE, f"the escape at byte {at} means nothing.", BusError.GARBAGE)
                )
                del self._pending[: at + 4]
            self._started = False
            return self._find_start(out)

    def _too_long(self, out: list[bytes | TelegramRefused]) -> bool:
        if len(self._pending) > MAX_BYTES:
            out.append(
                refuse(WHERE, f"it has no end within {MAX_BYTES} bytes.", BusError.LONG_ANSWER)
            )
            del self._pending[:]
            self._started = False
        return False


def decode(frame: bytes) -> Telegram:
    """One telegram from start to CRC. Raises TelegramRefused."""
    body = _payload(frame)
    lists = [message for tag, message in _messages(body) if tag == GET_LIST_RESPONSE]
    if not lists:
        raise refuse(
            WHERE,
            "it holds no list of values.",
            BusError.SHORT_ANSWER,
            "Check whether the meter sends its extended data set, and wait for the next telegram.",
        )
    return _telegram(lists[0])


def _payload(frame: bytes) -> bytes:
    """What stands between the escapes, unescaped, when the CRC of the whole verifies."""
    if not frame.startswith(START) or len(frame) < 16:
        raise refuse(WHERE, "it has no start.", BusError.SHORT_ANSWER)
    if len(frame) > MAX_BYTES + 16:
        raise refuse(WHERE, f"it is longer than {MAX_BYTES} bytes.", BusError.LONG_ANSWER)
    if frame[-8:-4] != ESCAPE or frame[-4] != 0x1A:
        raise refuse(WHERE, "its end is missing.", BusError.SHORT_ANSWER)
    said = int.from_bytes(frame[-2:], "little")
    if not _verified(frame[:-2], said):
        raise refuse(
            WHERE,
            f"its checksum says {said:04X}, its bytes give {crc16(frame[:-2]):04X}.",
            BusError.CHECKSUM,
        )
    fill = frame[-3]
    body = frame[8:-8].replace(ESCAPE + ESCAPE, ESCAPE)
    if fill > 3 or fill > len(body) or any(body[len(body) - fill :]):
        raise refuse(WHERE, f"{fill} fill bytes do not fit.", BusError.GARBAGE)
    return body[: len(body) - fill]


class _Reader:
    """Reads elements one after another; every length is checked against what is there."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self._nodes = 0

    def element(self, depth: int = 0) -> tuple[Node, int]:
        """The next element and its size as it stands in the telegram's type field."""
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise refuse(WHERE, "its lists are nested too deep or too long.", BusError.GARBAGE)
        begin = self.at
        first = self._byte()
        kind, length, more = first >> 4 & 0x07, first & 0x0F, first & 0x80
        while more:
            following = self._byte()
            if following & 0x70 or length > MAX_BYTES:
                raise self._broken("a length")
            more, length = following & 0x80, length << 4 | following & 0x0F
        if kind == 7:
            if length > len(self.data) - self.at:
                raise self._broken("a list")
            return [self.element(depth + 1)[0] for _ in range(length)], 0
        size = length - (self.at - begin)
        if size < 0 or self.at + size > len(self.data):
            raise self._broken("a value")
        raw = self.data[self.at : self.at + size]
        self.at += size
        if kind == 0:
            return (raw if raw else None), size
        if size == 0 or (kind in (5, 6) and size > 8) or (kind == 4 and size != 1):
            raise self._broken("a number")
        if kind == 4:
            return raw != b"\x00", size
        if kind in (5, 6):
            return int.from_bytes(raw, "big", signed=kind == 5), size
        raise self._broken("a type")

    def end_of_message(self) -> None:
        if self._byte() != 0:
            raise self._broken("the end of a message")

    def _byte(self) -> int:
        if self.at >= len(self.data):
            raise self._broken("the telegram")
        self.at += 1
        return self.data[self.at - 1]

    def _broken(self, what: str) -> TelegramRefused:
        return refuse(WHERE, f"{what} at byte {self.at} does not fit.", BusError.GARBAGE)


def _messages(body: bytes) -> list[tuple[int, list[Node]]]:
    """(tag, body) of every message; each CRC verified."""
    reader = _Reader(body)
    found: list[tuple[int, list[Node]]] = []
    while reader.at < len(body):
        begin = reader.at
        if reader.data[begin] == 0:  # fill bytes between messages, as a few meters send them
            reader.at += 1
            continue
        if reader.data[begin] != 0x76:
            raise refuse(WHERE, f"no message starts at byte {begin}.", BusError.GARBAGE)
        reader.at += 1
        parts = [reader.element(1)[0] for _ in range(4)]
        end = reader.at
        said, size = reader.element(1)
        reader.end_of_message()
        if not isinstance(said, int) or isinstance(said, bool):
            raise refuse(WHERE, "a message has no checksum.", BusError.GARBAGE)
        swapped = int.from_bytes((said & 0xFFFF).to_bytes(2, "big"), "little")
        if size > 2 or not _verified(body[begin:end], swapped):
            raise refuse(
                WHERE,
                f"the checksum of the message at byte {begin} does not verify.",
                BusError.CHECKSUM,
            )
        content = parts[3]
        if isinstance(content, list) and len(content) == 2:
            tag, inner = content
            if isinstance(tag, int) and isinstance(inner, list):
                found.append((tag, inner))
    return found


def _telegram(message: list[Node]) -> Telegram:
    if len(message) < 5 or not isinstance(message[4], list):
        raise refuse(WHERE, "its list of values is not one.", BusError.GARBAGE)
    server = message[1] if isinstance(message[1], bytes) else b""
    readings: list[obis.Reading] = []
    for item in message[4]:
        if not isinstance(item, list) or len(item) != 7:
            raise refuse(WHERE, "one of its values is not one.", BusError.GARBAGE)
        readings.append(_reading(item))
    if not readings:
        raise refuse(WHERE, "its list of values is empty.", BusError.SHORT_ANSWER)
    readings, remarks = _without_sign_bug(readings, message[4], server)
    values, entries, more = obis.read(readings, exporting=_exporting(message[4]))
    return Telegram(
        protocol="sml",
        identity=server.hex().upper(),
        aliases=tuple(a for a in (_printed_identity(server),) if a),
        time_ms=_utc_ms(message[3]),
        values=values,
        entries=entries,
        manufacturer=_manufacturer(server, readings),
        medium="electricity" if server[1:2] == b"\x01" or len(server) != 10 else "",
        remarks=(*remarks, *more),
    )


_DVS74_NUMBERS = (range(42_000_000, 49_000_000), range(55_000_000, 59_000_000))
"""Serial numbers of DZG meters whose firmware drops the leading zero byte of a positive power.

355.00 W, 35,500 at a scale of 0.01, needs three bytes with a sign and comes in two, which read as
a negative number. Only the DVS74 does so (the maker's word, volkszaehler/libsml pull request 136);
other DZG meters write negative power rightly in two bytes, so the rule must not reach them.
"""
_POWER_CODES = (16, 36, 56, 76)
EXPORTS = 0x20  # in the two-byte status of FNN's EDL meters: active power flows to the grid


def _drops_sign_byte(server: bytes) -> bool:
    if len(server) != 10 or server[2:5] != b"DZG":
        return False
    number = int.from_bytes(server[6:], "big")
    return any(number in numbers for numbers in _DVS74_NUMBERS)


def _without_sign_bug(
    readings: list[obis.Reading], raw: list[Node], server: bytes
) -> tuple[list[obis.Reading], list[str]]:
    """Power of a DVS74 that looks negative: positive if it cannot export, unknown if it can."""
    if not _drops_sign_byte(server):
        return readings, []
    exports = any((row.obis.c, row.obis.d) == (2, 8) for row in readings)
    kept: list[obis.Reading] = []
    remarks: list[str] = []
    for row, item in zip(readings, raw, strict=True):
        value = item[5] if isinstance(item, list) else None
        suspect = row.obis.c in _POWER_CODES and row.obis.d == 7 and isinstance(value, int)
        if not suspect or row.number is None or not isinstance(value, int) or value >= 0:
            kept.append(row)
            continue
        size = next(n for n in (1, 2, 3, 8) if value >= -(1 << (8 * n - 1)))
        if size > 3:
            kept.append(row)
        elif exports:
            remarks.append(
                f"{row.entry.key} is not taken: this meter's firmware writes some positive values "
                "as negative ones."
            )
            kept.append(replace(row, number=None))
        else:
            number = row.number * (value + (1 << 8 * size)) / value
            entry = replace(row.entry, value=float(number))
            kept.append(replace(row, number=number, entry=entry))
            remarks.append(
                f"{row.entry.key}: the sign that this meter's firmware invents is undone."
            )
    return kept, remarks


def _exporting(items: list[Node]) -> bool | None:
    """Which way 15.7.0 flows, from the status of 1.8.0 or 2.8.0; None: it does not say."""
    for item in items:
        if not isinstance(item, list) or not isinstance(item[0], bytes):
            continue
        status = item[1]
        if item[0][2:5] in (b"\x01\x08\x00", b"\x02\x08\x00") and isinstance(status, int):
            return bool(status & EXPORTS) if status >> 8 == 1 else None
    return None


def _reading(item: list[Node]) -> obis.Reading:
    name, _, _, unit_code, scaler, value, _ = item
    code = name if isinstance(name, bytes) else b""
    if len(code) != 6:
        raise refuse(WHERE, "one of its values has no OBIS code.", BusError.GARBAGE)
    parsed = obis.Obis(*code)
    text = f"{code[0]}-{code[1]}:{code[2]}.{code[3]}.{code[4]}*{code[5]}"
    unit = _UNITS.get(unit_code, "") if isinstance(unit_code, int) else ""
    number: Fraction | None = None
    words = ""
    if isinstance(value, bool):
        words = "yes" if value else "no"
    elif isinstance(value, int):
        power = scaler if isinstance(scaler, int) and not isinstance(scaler, bool) else 0
        if abs(power) > 18:
            raise refuse(WHERE, f"{text} has the scale 10^{power}.", BusError.GARBAGE)
        number = value * Fraction(10) ** power
        words = f"{value} x 10^{power}" if power else str(value)
    elif isinstance(value, bytes):
        words = _words(value)
    elif value is None:
        words = "not available"
    else:
        words = "a list"
    return obis.Reading(
        parsed,
        number,
        Entry(text, parsed.key, None if number is None else float(number), unit, words),
    )


def _words(value: bytes) -> str:
    if all(0x20 <= byte < 0x7F for byte in value):
        return value.decode("ascii")
    return value.hex(" ").upper()


def _utc_ms(time: Node) -> int | None:
    """Epoch ms of SML_Time: choice 2 is a UTC time stamp, 1 a counter of seconds, 3 local."""
    if isinstance(time, list) and len(time) == 2 and time[0] == 2 and isinstance(time[1], int):
        return time[1] * 1000
    return None


def _printed_identity(server: bytes) -> str:
    """The identity as it is printed on the meter (DIN 43863-5): 1 DZG 00 60694613."""
    if len(server) != 10 or not server[2:5].isalpha():
        return ""
    number = int.from_bytes(server[6:], "big")
    maker = server[2:5].decode("ascii")
    return f"{server[1]:X} {maker}{server[5]:02d} {number // 10**4:04d} {number % 10**4:04d}"


def _manufacturer(server: bytes, readings: list[obis.Reading]) -> str:
    if len(server) == 10 and server[2:5].isalpha():
        return server[2:5].decode("ascii")
    named = (row.entry.text for row in readings if row.obis.c == 199 and row.obis.d == 130)
    return next(named, "")
