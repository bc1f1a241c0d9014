"""Wired M-Bus answers (EN 13757-2 frames, EN 13757-3 data), variable and fixed structure.

A record becomes a value only when nothing about it is in doubt: instantaneous, storage 0, subunit
0, no VIFE that makes another quantity of it, and not marked as not available. Everything else is
listed with its DIF and VIF bytes. Encrypted data are refused in words. Why no library reads them
is told in docs/decisions/0010.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from energy_desktop.acquisition.telegrams import mbus_tables as tables
from energy_desktop.acquisition.telegrams.mbus_records import (
    WHERE,
    Record,
    bcd,
    name_records,
    read_records,
)
from energy_desktop.acquisition.telegrams.mbus_tables import Vif
from energy_desktop.acquisition.telegrams.telegram import Entry, Telegram, TelegramRefused, refuse
from energy_desktop.domain.bus import BusError

ACKNOWLEDGE = 0xE5
LONG_START, SHORT_START, STOP = 0x68, 0x10, 0x16
_ENCRYPTED_MODES = frozenset({1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 15})
_STATUS_WORDS = ((0x04, "low battery"), (0x08, "a permanent error"), (0x10, "a temporary error"))


_HEADER = re.compile(rb"\x68(.)\1\x68", re.DOTALL)


def checksum(data: bytes | bytearray) -> int:
    return sum(data) & 0xFF


def is_data(frame: bytes) -> bool:
    """Whether a frame carries data: an acknowledgement or a request of five bytes does not."""
    return len(frame) > 5


def _is_sound(frame: bytes | bytearray) -> bool:
    whole = len(frame) > 6 and len(frame) == frame[1] + 6 and frame[-1] == STOP
    return whole and frame[-2] == checksum(frame[4:-2])


class MbusFramer:
    """Frames by their length; a byte that starts none is skipped and told once per run."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._skipped = 0
        self._begun = False  # a frame was found before

    def feed(self, data: bytes) -> list[bytes | TelegramRefused]:
        self._pending += data
        out: list[bytes | TelegramRefused] = []
        while self._pending:
            size = self._size()
            if size == 0:
                break
            if size < 0:
                del self._pending[0]
                self._skipped += 1
                continue
            self._tell_skipped(out)
            self._begun = True
            if not self._cut_at_next(out, size):
                out.append(bytes(self._pending[:size]))
                del self._pending[:size]
        return out

    def pause(self) -> list[bytes | TelegramRefused]:
        return []

    def finish(self) -> list[bytes | TelegramRefused]:
        out: list[bytes | TelegramRefused] = []
        self._tell_skipped(out)
        while self._cut_at_next(out, len(self._pending)):
            out += self.feed(b"")
        if self._pending:
            what = f"it is cut after {len(self._pending)} bytes."
            out.append(refuse(WHERE, what, BusError.SHORT_ANSWER, fragment=True))
            self._pending.clear()
        return out

    def _cut_at_next(self, out: list[bytes | TelegramRefused], size: int) -> bool:
        """Drops a frame that is not sound up to where another one starts within it, if one does."""
        frame = self._pending[:size]
        if len(frame) <= 5 or _is_sound(frame):
            return False
        found = _HEADER.search(frame, 1)
        if found is None:
            return False
        what = f"it is cut after {found.start()} bytes, where the next one starts."
        out.append(refuse(WHERE, what, BusError.SHORT_ANSWER))
        del self._pending[: found.start()]
        return True

    def _tell_skipped(self, out: list[bytes | TelegramRefused]) -> None:
        if self._skipped:
            what = f"{self._skipped} bytes belong to no frame."
            out.append(refuse(WHERE, what, BusError.GARBAGE, fragment=not self._begun))
            self._skipped = 0

    def _size(self) -> int:
        """Bytes of the frame that starts here; 0: not whole yet; -1: none starts here."""
        pending = self._pending
        if pending[0] == ACKNOWLEDGE:
            return 1
        if pending[0] == SHORT_START:
            if len(pending) < 5:
                return 0
            return 5 if pending[4] == STOP else -1
        if pending[0] != LONG_START:
            return -1
        if len(pending) < 4:
            return 0
        if pending[1] != pending[2] or pending[3] != LONG_START or pending[1] < 3:
            return -1
        size = pending[1] + 6
        return size if len(pending) >= size else 0


def decode(frame: bytes) -> Telegram:
    """One long frame. Raises TelegramRefused."""
    user = _user_data(frame)
    control, address, ci = user[0], user[1], user[2]
    if control & 0x4F != 0x08:
        raise refuse(WHERE, f"control field {control:02X} is no answer.", BusError.GARBAGE)
    body = user[3:]
    if ci == 0x70:
        said = tables.APPLICATION_ERRORS.get(body[0] if body else 0, "an error")
        raise refuse(WHERE, f"the meter answers with {said}.", BusError.EXCEPTION)
    if ci == 0x73:
        return _fixed(body, address)
    if ci == 0x72:
        return _variable(body, address)
    if ci in (0x7A, 0x78):
        return _without_identity(body, address, short_header=ci == 0x7A)
    order = " (its bytes are in the other order)" if ci in (0x76, 0x77) else ""
    raise refuse(WHERE, f"data of kind {ci:02X}{order} are not read.", BusError.GARBAGE)


def _user_data(frame: bytes) -> bytes:
    """What stands between the second 68 and the checksum, when lengths and checksum agree."""
    if frame[:1] == bytes([ACKNOWLEDGE]) and len(frame) == 1:
        raise refuse(WHERE, "it is an acknowledgement without data.", BusError.SHORT_ANSWER)
    if len(frame) < 9 or frame[0] != LONG_START or frame[3] != LONG_START:
        raise refuse(WHERE, "it is no long frame.", BusError.GARBAGE)
    if frame[1] != frame[2] or len(frame) != frame[1] + 6:
        what = f"it says {frame[1]} and {frame[2]} bytes and has {len(frame) - 6}."
        short = len(frame) < frame[1] + 6
        raise refuse(WHERE, what, BusError.SHORT_ANSWER if short else BusError.LONG_ANSWER)
    if frame[-1] != STOP:
        raise refuse(WHERE, "its stop character is missing.", BusError.GARBAGE)
    found = checksum(frame[4:-2])
    if frame[-2] != found:
        what = f"its checksum says {frame[-2]:02X}, its bytes give {found:02X}."
        raise refuse(WHERE, what, BusError.CHECKSUM)
    return frame[4:-2]


# Data structures


@dataclass(frozen=True, slots=True)
class _Header:
    identity: str
    secondary: str
    manufacturer: str
    medium: str
    status: int


def _variable(body: bytes, address: int) -> Telegram:
    if len(body) < 12:
        raise refuse(WHERE, "its header is cut.", BusError.SHORT_ANSWER)
    maker = int.from_bytes(body[4:6], "little")
    letters = "".join(chr((maker >> shift & 0x1F) + 64) for shift in (10, 5, 0))
    identity = body[3::-1].hex().upper()
    header = _Header(
        identity=identity,
        secondary=identity + body[4:8].hex().upper(),
        manufacturer=letters,
        medium=tables.MEDIA.get(body[7], f"medium {body[7]:02X}"),
        status=body[9],
    )
    _refuse_encrypted(body[10:12], body[12:])
    return _from_records(body[12:], header, address)


def _without_identity(body: bytes, address: int, *, short_header: bool) -> Telegram:
    if short_header:
        if len(body) < 4:
            raise refuse(WHERE, "its header is cut.", BusError.SHORT_ANSWER)
        _refuse_encrypted(body[2:4], body[4:])
    status = body[1] if short_header else 0
    header = _Header("", "", "", "", status)
    return _from_records(body[4:] if short_header else body, header, address)


def _refuse_encrypted(signature: bytes, data: bytes) -> None:
    mode = signature[1] & 0x1F
    if mode in _ENCRYPTED_MODES and data[:2] != b"\x2f\x2f":
        raise refuse(
            WHERE,
            f"its data are encrypted (mode {mode}).",
            BusError.GARBAGE,
            "Ask the supplier to switch encryption off on the wired bus.",
        )


def _from_records(data: bytes, header: _Header, address: int) -> Telegram:
    remarks: list[str] = []
    if header.status & 0x03 == 1:
        raise refuse(WHERE, "the meter says that it is busy.", BusError.EXCEPTION, "Ask later.")
    if header.status & 0x03 == 2:
        remarks.append("The meter reports an error of its application.")
    remarks += [
        f"The meter reports {words}." for bit, words in _STATUS_WORDS if header.status & bit
    ]
    records = list(read_records(data, header.manufacturer))
    values, entries, more = name_records(records, header.medium)
    if any(entry.key == "more" for entry in entries):
        remarks.append("More records follow in another telegram.")
    return Telegram(
        protocol="mbus",
        identity=header.identity,
        aliases=tuple(a for a in (header.secondary, str(address)) if a),
        time_ms=None,  # the meter's clock has no time zone
        wall_time=_wall_time(entries),
        values=values,
        entries=entries,
        manufacturer=header.manufacturer,
        medium=header.medium,
        remarks=(*remarks, *more),
    )


def _wall_time(entries: tuple[Entry, ...]) -> datetime | None:
    """The present time that the meter shows; one of type F has no seconds, so their middle."""
    now = next((entry for entry in entries if entry.key == "time"), None)
    try:
        shown = None if now is None else datetime.fromisoformat(now.text.rpartition(" ")[2])
    except ValueError:  # the meter says that it is not valid
        return None
    if shown is None or now is None:
        return None
    return shown + timedelta(seconds=30) if now.code.startswith("04") else shown


def _fixed(body: bytes, address: int) -> Telegram:
    """Two counters of eight digits (EN 1434-3, 7.4)."""
    if len(body) != 16:
        what = f"a fixed data structure has 16 bytes, not {len(body)}."
        raise refuse(WHERE, what, BusError.SHORT_ANSWER)
    identity = body[3::-1].hex().upper()
    status, units = body[5], body[6:8]
    medium = tables.MEDIA.get((units[1] >> 6) << 2 | units[0] >> 6, "other")
    records: list[Record] = []
    for n in (0, 1):
        raw = body[8 + 4 * n : 12 + 4 * n]
        key, unit, factor = tables.FIXED_UNITS.get(units[n] & 0x3F, ("counter", "", Fraction(1)))
        number = Fraction(int.from_bytes(raw, "little")) if status & 1 else bcd(raw)
        records.append(
            Record(
                code=f"{units[n]:02X}",
                vif=Vif(key, key.capitalize(), unit, factor),
                storage=1 if status & 2 else 0,
                number=None if number is None else number * factor,
                text=raw[::-1].hex().upper(),
            )
        )
    values, entries, remarks = name_records(records, medium)
    return Telegram(
        protocol="mbus",
        identity=identity,
        aliases=(str(address),),
        time_ms=None,
        values=values,
        entries=entries,
        medium=medium,
        remarks=remarks,
    )
