"""DSMR P1 telegrams: `/` to `!` and four digits of CRC16 (DSMR 5.0.2, chapter 5.2).

The lines are those of IEC 62056-21, so they are read by the same code and none is dropped; why no
library does it is told in docs/decisions/0010. The checksum is verified here, over the bytes as
they came; telegrams of DSMR before 4 carry none and are read by their form alone.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

from energy_desktop.acquisition.telegrams import obis
from energy_desktop.acquisition.telegrams.lines import read_lines
from energy_desktop.acquisition.telegrams.telegram import (
    Telegram,
    TelegramRefused,
    refuse,
    to_quantity,
)
from energy_desktop.domain.bus import BusError

WHERE = "P1 telegram"
MAX_BYTES = 16_384
FIRST_CHECKED_VERSION = 40  # 1-3:0.2.8 of DSMR 4.0

_TIME = re.compile(r"\((\d{12})([SW])\)")
_END = re.compile(rb"(?<=[\r\n])!([0-9A-Fa-f]{4})?[ \t]*\r?\n")
_LAST = re.compile(rb"(?<=[\r\n])!([0-9A-Fa-f]{4})?[ \t\r]*\Z")
"""A `!` ends a telegram only alone on its line: any other one was something else before noise."""
_SUMMER, _WINTER = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
_SUB_METERS = {3: "gas_volume_m3", 7: "volume_m3", 6: "volume_m3", 4: "heat_energy_wh"}
"""Device type of an M-Bus channel (0-n:24.1.0) to the quantity of its register (0-n:24.2.1)."""


def crc16(data: bytes) -> int:
    """CRC16 with polynomial 0xA001 (reflected), start 0, as DSMR prescribes."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


class P1Framer:
    """`/` starts a telegram wherever it stands, for no value may hold one."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._started = False
        self._begun = False  # a telegram has started before

    def feed(self, data: bytes) -> list[bytes | TelegramRefused]:
        self._pending += data
        out: list[bytes | TelegramRefused] = []
        while True:
            if not self._started and not self._find_start(out):
                return out
            if not self._take(out, at_end=False):
                return out

    def pause(self) -> list[bytes | TelegramRefused]:
        out: list[bytes | TelegramRefused] = []
        while (self._started or self._find_start(out)) and self._take(out, at_end=True):
            pass
        return out

    def finish(self) -> list[bytes | TelegramRefused]:
        out = self.pause()
        if self._started:
            out.append(
                refuse(
                    WHERE,
                    f"it is cut after {len(self._pending)} bytes.",
                    BusError.SHORT_ANSWER,
                    fragment=True,
                )
            )
        self._pending.clear()
        self._started = False
        return out

    def _find_start(self, out: list[bytes | TelegramRefused]) -> bool:
        at = self._pending.find(b"/")
        skipped = bytes(self._pending if at < 0 else self._pending[:at])
        del self._pending[: len(skipped)]
        if b"!" in skipped or (skipped.strip() and at >= 0):
            out.append(
                refuse(
                    WHERE,
                    f"{len(skipped)} bytes stand before its start.",
                    BusError.GARBAGE,
                    fragment=not self._begun,
                )
            )
        self._started = at >= 0
        self._begun |= self._started
        return self._started

    def _take(self, out: list[bytes | TelegramRefused], *, at_end: bool) -> bool:
        """Moves one telegram out of what is pending; False: it is not whole yet."""
        again = self._pending.find(b"/", 1)
        limit = again if again >= 0 else len(self._pending)
        end = _END.search(self._pending, 0, limit)
        if end is None and at_end and again < 0:
            end = _LAST.search(self._pending)
        if again >= 0 and end is None:
            what = f"it is cut after {again} bytes, where the next one starts."
            out.append(refuse(WHERE, what, BusError.SHORT_ANSWER))
            del self._pending[:again]
            return True
        if end is not None:
            out.append(bytes(self._pending[: end.end()]))
            del self._pending[: end.end()]
            self._started = False
            return True
        if len(self._pending) > MAX_BYTES:
            what = f"it has no end within {MAX_BYTES} bytes."
            out.append(refuse(WHERE, what, BusError.LONG_ANSWER))
            del self._pending[:]
            self._started = False
            return True
        return False


def decode(frame: bytes) -> Telegram:
    """One telegram from `/` to its checksum. Raises TelegramRefused."""
    start, end = frame.find(b"/"), frame.rfind(b"!")
    if start < 0 or end < start:
        raise refuse(WHERE, "it has no start or no end.", BusError.SHORT_ANSWER)
    if len(frame) > MAX_BYTES + 16:
        raise refuse(WHERE, f"it is longer than {MAX_BYTES} bytes.", BusError.LONG_ANSWER)
    body, tail = frame[start : end + 1], frame[end + 1 :].strip()
    if tail:
        _verify(body, tail)
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise refuse(WHERE, "it holds bytes that are no text.", BusError.GARBAGE) from None
    head, _, block = text[1:-1].partition("\n")
    readings, strange = read_lines(block)
    version = _number(readings, "1-3:0.2.8")
    if not tail and version is not None and version >= FIRST_CHECKED_VERSION:
        raise refuse(WHERE, "its checksum is missing.", BusError.CHECKSUM)
    if strange and not tail:
        raise refuse(WHERE, f"the line {strange[0]!r} cannot be read.", BusError.GARBAGE)
    if not readings:
        raise refuse(WHERE, "it holds no values.", BusError.SHORT_ANSWER)
    return _telegram(head.strip(), readings, strange, checked=bool(tail))


def _verify(body: bytes, tail: bytes) -> None:
    try:
        said = int(tail, 16) if len(tail) == 4 else -1
    except ValueError:
        said = -1
    if said < 0:
        raise refuse(WHERE, f"its checksum {tail[:8]!r} is not four digits.", BusError.CHECKSUM)
    found = crc16(body)
    if said != found:
        raise refuse(
            WHERE,
            f"its checksum says {said:04X}, its bytes give {found:04X}.",
            BusError.CHECKSUM,
        )


def _telegram(
    head: str, readings: list[obis.Reading], strange: list[str], *, checked: bool
) -> Telegram:
    values, entries, remarks = obis.read(readings)
    for channel, entry_value in _sub_meters(readings):
        name, value, code = entry_value
        if name in values:
            remarks = (*remarks, f"Channel {channel} is a second {name}: only the first is taken.")
            continue
        values[name] = value
        entries = tuple(
            e if e.code != code else type(e)(e.code, e.key, e.value, e.unit, e.text, name)
            for e in entries
        )
    sent = {row.entry.code: row.entry.text.strip("()") for row in readings}
    identity = sent.get("0-0:96.1.1", "") or sent.get("0-0:42.0.0", "") or head
    plain = _printable(identity)
    if not checked:
        remarks = (*remarks, "This telegram carries no checksum.")
    remarks = (*remarks, *(f"The line {line!r} cannot be read." for line in strange))
    return Telegram(
        protocol="p1",
        identity=plain or identity,
        aliases=tuple(a for a in (identity, head) if a and a != (plain or identity)),
        time_ms=_time_ms(sent.get("0-0:1.0.0", "")),
        values=values,
        entries=entries,
        manufacturer=head[:3],
        medium="electricity",
        remarks=remarks,
        checked=checked,
    )


def _sub_meters(readings: list[obis.Reading]) -> list[tuple[int, tuple[str, float, str]]]:
    """Gas, water and heat meters on the electricity meter's M-Bus, by channel."""
    kinds = {
        row.obis.b: int(row.number)
        for row in readings
        if row.number is not None and (row.obis.a, row.obis.c, row.obis.d) == (0, 24, 1)
    }
    found = []
    for row in readings:
        if (row.obis.a, row.obis.c, row.obis.d) != (0, 24, 2) or row.number is None:
            continue
        name = _SUB_METERS.get(kinds.get(row.obis.b, 0), "")
        value = to_quantity(row.number, row.entry.unit, name) if name else None
        if value is not None and row.obis.b is not None:
            found.append((row.obis.b, (name, value, row.entry.code)))
    return found


def _number(readings: list[obis.Reading], code: str) -> Fraction | None:
    return next((row.number for row in readings if row.entry.code == code), None)


def _printable(hexadecimal: str) -> str:
    """DSMR writes identifiers as hexadecimal text; the letters, or empty when they are none."""
    try:
        text = bytes.fromhex(hexadecimal).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        return ""
    return text if text.isprintable() and text.strip() else ""


def _time_ms(text: str) -> int | None:
    """`180104231941W` in UTC epoch ms: S is summer time (UTC+2), W winter time (UTC+1)."""
    match = _TIME.fullmatch(f"({text})")
    if match is None:
        return None
    try:
        local = datetime.strptime(match[1], "%y%m%d%H%M%S").replace(
            tzinfo=_SUMMER if match[2] == "S" else _WINTER
        )
    except ValueError:
        return None
    return round(local.astimezone(UTC).timestamp() * 1000)
