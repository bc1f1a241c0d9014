"""Wired M-Bus answers (EN 13757-2 frames, EN 13757-3 data), variable and fixed structure.

A record becomes a value only when nothing about it is in doubt: instantaneous, storage 0, subunit
0, no VIFE that makes another quantity of it, and not marked as not available. Everything else is
listed with its DIF and VIF bytes. Encrypted data are refused in words. Why no library reads them
is told in docs/decisions/0010.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction

from energy_desktop.acquisition.telegrams import mbus_tables as tables
from energy_desktop.acquisition.telegrams.mbus_tables import Vif
from energy_desktop.acquisition.telegrams.telegram import (
    Collected,
    Entry,
    Telegram,
    TelegramRefused,
    refuse,
    to_quantity,
)
from energy_desktop.domain.bus import BusError
from energy_desktop.domain.quantities import QUANTITIES

WHERE = "M-Bus telegram"
ACKNOWLEDGE = 0xE5
LONG_START, SHORT_START, STOP = 0x68, 0x10, 0x16
MAX_EXTENSIONS = 10
_ENCRYPTED_MODES = frozenset({1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 15})
_STATUS_WORDS = ((0x04, "low battery"), (0x08, "a permanent error"), (0x10, "a temporary error"))
_SIZES = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, -1, 6, 0)
"""Bytes of data by the low half of the DIF; -1: the data say it themselves."""
_MAKER_PHASES = {"SBC": {0: "", 1: "l1", 2: "l2", 3: "l3"}}
"""Makers whose VIFE after FF names the phase (Saia-Burgess ALD1 and ALE3, M-Bus manual)."""


def checksum(data: bytes) -> int:
    return sum(data) & 0xFF


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
            out.append(bytes(self._pending[:size]))
            del self._pending[:size]
        return out

    def pause(self) -> list[bytes | TelegramRefused]:
        return []

    def finish(self) -> list[bytes | TelegramRefused]:
        out: list[bytes | TelegramRefused] = []
        self._tell_skipped(out)
        if self._pending:
            what = f"it is cut after {len(self._pending)} bytes."
            out.append(refuse(WHERE, what, BusError.SHORT_ANSWER, fragment=True))
            self._pending.clear()
        return out

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
    records = list(_records(data, header.manufacturer))
    values, entries, more = _name(records, header.medium)
    if any(entry.key == "more" for entry in entries):
        remarks.append("More records follow in another telegram.")
    return Telegram(
        protocol="mbus",
        identity=header.identity,
        aliases=tuple(a for a in (header.secondary, str(address)) if a),
        time_ms=None,  # the meter's clock has no time zone
        values=values,
        entries=entries,
        manufacturer=header.manufacturer,
        medium=header.medium,
        remarks=(*remarks, *more),
    )


def _fixed(body: bytes, address: int) -> Telegram:
    """Two counters of eight digits (EN 1434-3, 7.4)."""
    if len(body) != 16:
        what = f"a fixed data structure has 16 bytes, not {len(body)}."
        raise refuse(WHERE, what, BusError.SHORT_ANSWER)
    identity = body[3::-1].hex().upper()
    status, units = body[5], body[6:8]
    medium = tables.MEDIA.get((units[1] >> 6) << 2 | units[0] >> 6, "other")
    records: list[_Record] = []
    for n in (0, 1):
        raw = body[8 + 4 * n : 12 + 4 * n]
        key, unit, factor = tables.FIXED_UNITS.get(units[n] & 0x3F, ("counter", "", Fraction(1)))
        number = Fraction(int.from_bytes(raw, "little")) if status & 1 else _bcd(raw)
        records.append(
            _Record(
                code=f"{units[n]:02X}",
                vif=Vif(key, key.capitalize(), unit, factor),
                storage=1 if status & 2 else 0,
                number=None if number is None else number * factor,
                text=raw[::-1].hex().upper(),
            )
        )
    values, entries, remarks = _name(records, medium)
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


# Records


@dataclass(frozen=True, slots=True)
class _Record:
    """number: exact, in the unit of `vif`; None: no number or not available."""

    code: str
    vif: Vif
    function: int = 0
    storage: int = 0
    tariff: int = 0
    subunit: int = 0
    number: Fraction | None = None
    text: str = ""
    phase: str | None = None  # "": of all together
    negative: bool = False  # counts negative contributions only
    changed: bool = False  # a VIFE makes something else of it

    @property
    def key(self) -> str:
        parts = [self.vif.key]
        if self.phase:
            parts.append(self.phase)
        if self.negative:
            parts.append("negative")
        for letter, number in (("t", self.tariff), ("u", self.subunit), ("s", self.storage)):
            if number:
                parts.append(f"{letter}{number}")
        if self.function:
            parts.append(("", "max", "min", "error")[self.function])
        return ".".join(parts)


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int, what: str) -> bytes:
        if self.at + count > len(self.data):
            raise refuse(WHERE, f"{what} reaches beyond its end.", BusError.SHORT_ANSWER)
        self.at += count
        return self.data[self.at - count : self.at]

    def chain(self, first: int, what: str) -> list[int]:
        """The bytes that follow `first` as long as the top bit says so."""
        found: list[int] = []
        last = first
        while last & 0x80:
            if len(found) == MAX_EXTENSIONS:
                raise refuse(WHERE, f"{what} is longer than 10 bytes.", BusError.GARBAGE)
            last = self.take(1, what)[0]
            found.append(last)
        return found


def _records(data: bytes, manufacturer: str) -> Iterator[_Record]:
    cursor = _Cursor(data)
    while cursor.at < len(data):
        dif = cursor.take(1, "a DIF")[0]
        if dif == 0x2F:  # filler
            continue
        if dif & 0x0F == 0x0F:
            yield _special(dif, cursor)
            continue
        yield _record(dif, cursor, manufacturer)


def _special(dif: int, cursor: _Cursor) -> _Record:
    rest = cursor.take(len(cursor.data) - cursor.at, "the rest")
    if dif == 0x1F:
        vif = Vif("more", "More records follow", "")
    elif dif == 0x0F:
        vif = Vif("manufacturer", "Manufacturer specific", "")
    else:
        vif = Vif("special", f"Special DIF {dif:02X}", "")
    return _Record(f"{dif:02X}", vif, text=rest.hex(" ").upper())


def _record(dif: int, cursor: _Cursor, manufacturer: str) -> _Record:
    begin = cursor.at - 1
    storage, tariff, subunit = dif >> 6 & 1, 0, 0
    for n, dife in enumerate(cursor.chain(dif, "a DIF")):
        storage |= (dife & 0x0F) << (4 * n + 1)
        tariff |= (dife >> 4 & 3) << (2 * n)
        subunit |= (dife >> 6 & 1) << n
    first = cursor.take(1, "a VIF")[0]
    vif, vifes = _vif(first, cursor)
    code = cursor.data[begin : cursor.at].hex().upper()
    blank = _Record(code, vif, dif >> 4 & 3, storage, tariff, subunit)
    blank, factor, unavailable = _apply(blank, vifes, manufacturer)
    size = _SIZES[dif & 0x0F]
    if size < 0:
        return replace(blank, text=_variable_length(cursor))
    raw = cursor.take(size, "a value")
    number, text = _value(dif & 0x0F, raw, blank.vif)
    if unavailable:
        return replace(blank, text=f"{unavailable}, {text}")
    return replace(blank, number=None if number is None else number * factor, text=text)


def _vif(first: int, cursor: _Cursor) -> tuple[Vif, list[int]]:
    """The meaning of a VIF and the VIFE that are left."""
    if first & 0x7F == 0x7C:  # the unit is text, last letter first
        size = cursor.take(1, "a unit")[0]
        raw = cursor.take(size, "a unit")[::-1]
        unit = raw.decode("latin-1") if raw.isascii() and _is_text(raw) else raw.hex().upper()
        key = "humidity" if unit == "%RH" else "text_unit"
        vif = Vif(key, unit, "%" if unit == "%RH" else unit)
        return vif, cursor.chain(first, "a VIF")
    vifes = cursor.chain(first, "a VIF")
    if first in (0xFB, 0xFD):
        table = tables.EXTENSION_FB if first == 0xFB else tables.EXTENSION_FD
        code = vifes.pop(0) & 0x7F
        unknown = Vif("reserved", f"Reserved code {first:02X} {code:02X}", "")
        return table.get(code, unknown), vifes
    unknown = Vif("reserved", f"Reserved code {first & 0x7F:02X}", "")
    return tables.PRIMARY.get(first & 0x7F, unknown), vifes


def _apply(record: _Record, vifes: list[int], manufacturer: str) -> tuple[_Record, Fraction, str]:
    """What VIFE make of a record: itself, a factor, and why it is not available."""
    factor, unavailable = record.vif.factor, ""
    rest = [vife & 0x7F for vife in vifes]
    if record.vif.key == "manufacturer":
        return replace(record, changed=True), factor, ""
    while rest:
        vife = rest.pop(0)
        if 0 < vife < 0x20:
            unavailable = tables.UNAVAILABLE.get(vife, f"record error {vife:02X}")
        elif vife == 0x3C:
            record = replace(record, negative=True)
        elif 0x70 <= vife <= 0x77:
            factor *= Fraction(10) ** ((vife & 7) - 6)
        elif vife == 0x7D:
            factor *= 1000
        elif vife == 0x7C and rest:
            phase = tables.PHASES.get(rest.pop(0))
            record = replace(record, phase=phase, changed=record.changed or phase is None)
        elif vife == 0x7F:
            phases = _MAKER_PHASES.get(manufacturer, {})
            known = len(rest) == 1 and rest[0] in phases
            record = replace(
                record,
                phase=phases[rest[0]] if known else record.phase,
                changed=record.changed or not known,
            )
            rest = []
        elif vife & 0x7A == 0x6A:  # when a limit was passed or an extreme was met
            vif = replace(record.vif, key=f"{record.vif.key}_time", kind="datetime", unit="")
            record = replace(record, vif=vif, changed=True)
        elif vife not in (0x00, 0x3B):
            record = replace(record, changed=True)
    return record, factor, unavailable


def _value(coding: int, raw: bytes, vif: Vif) -> tuple[Fraction | None, str]:
    """Number and words of a value of fixed length."""
    if coding in (0, 8):
        return None, "no data"
    if vif.kind in ("date", "datetime") and coding in (2, 3, 4, 6):
        return None, _moment(raw)
    if coding == 5:
        real = float(struct.unpack("<f", raw)[0])
        return (Fraction(real), f"{real:g}") if math.isfinite(real) else (None, "not available")
    if coding >= 9:
        digits = raw[::-1].hex().upper()
        number = _bcd(raw)
        if vif.kind == "identity" and number is not None:
            return number, digits
        return number, digits if number is not None else f"{digits}, not available"
    whole = int.from_bytes(raw, "little", signed=vif.kind != "identity")
    if len(raw) > 1 and vif.key != "reserved" and whole == -(1 << (8 * len(raw) - 1)):
        return None, "not available"
    return Fraction(whole), str(whole)


def _bcd(raw: bytes) -> Fraction | None:
    """Digits, lowest first; F in the highest place is a minus; any other letter is no number."""
    digits = raw[::-1].hex()
    negative = digits.startswith("f")
    if negative:
        digits = digits[1:]
    if not digits.isdecimal():
        return None
    return Fraction(-int(digits) if negative else int(digits))


def _moment(raw: bytes) -> str:
    """Date (type G), date and time (F, I) or time (J) as ISO text, local to the meter."""
    try:
        if len(raw) == 2:
            return date(*_day(raw[0], raw[1])).isoformat()
        if len(raw) == 3:
            return f"{raw[2] & 0x1F:02d}:{raw[1] & 0x3F:02d}:{raw[0] & 0x3F:02d}"
        if len(raw) == 4:
            if raw[0] & 0x80:
                return "not valid"
            clock = (raw[1] & 0x1F, raw[0] & 0x3F)
            return datetime(*_day(raw[2], raw[3]), *clock).isoformat()  # noqa: DTZ001
        if raw[1] & 0x80:
            return "not valid"
        second = (raw[2] & 0x1F, raw[1] & 0x3F, raw[0] & 0x3F)
        return datetime(*_day(raw[3], raw[4]), *second).isoformat()  # noqa: DTZ001
    except ValueError:
        return "not valid"


def _day(low: int, high: int) -> tuple[int, int, int]:
    year = (high & 0xF0) >> 1 | low >> 5
    return (2000 if year < 81 else 1900) + year, high & 0x0F, low & 0x1F


def _variable_length(cursor: _Cursor) -> str:
    """Text or digits whose length the first byte says (LVAR)."""
    lvar = cursor.take(1, "a length")[0]
    if lvar <= 0xBF:
        raw = cursor.take(lvar, "a text")[::-1]
        return raw.decode("ascii") if _is_text(raw) else raw.hex(" ").upper()
    if lvar <= 0xDF:
        sign = "-" if lvar >= 0xD0 else ""
        return sign + cursor.take(lvar & 0x0F, "a number")[::-1].hex().upper()
    if lvar <= 0xFA:
        size = (lvar - 0xE0) if lvar < 0xF0 else 4 * (lvar - 0xEC)
        return cursor.take(size, "a number").hex(" ").upper()
    raise refuse(WHERE, f"a value has the length code {lvar:02X}.", BusError.GARBAGE)


def _is_text(raw: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in raw)


# Quantities


def _name(
    records: list[_Record], medium: str
) -> tuple[dict[str, float], tuple[Entry, ...], tuple[str, ...]]:
    """Values by quantity, entries with keys that are each used once, and remarks."""
    found = Collected()
    went: dict[int, str] = {}
    for i, record in enumerate(records):
        name = _quantity(record, medium)
        if name and record.number is not None:
            value = to_quantity(*_converted(record.number, record.vif.unit), name)
            if value is not None:
                found.put(name, value)
                went[i] = name
    _sum_tariffs(found)
    values, remarks = found.settle()
    seen: dict[str, int] = {}
    entries = []
    for i, record in enumerate(records):
        seen[record.key] = times = seen.get(record.key, 0) + 1
        entries.append(
            Entry(
                code=record.code,
                key=record.key if times == 1 else f"{record.key}#{times}",
                value=None if record.number is None else float(record.number),
                unit=record.vif.unit,
                text=f"{record.vif.text} ({tables.FUNCTIONS[record.function]}): {record.text}",
                quantity=went[i] if went.get(i) in values else "",
            )
        )
    return values, tuple(entries), remarks


def _quantity(record: _Record, medium: str) -> str:
    if record.function or record.storage or record.subunit or record.changed:
        return ""
    everywhere = {"temperature": "temperature_c", "humidity": "humidity_pct"}
    base = tables.QUANTITIES.get(medium, everywhere).get(record.vif.key, "")
    if not base:
        base = everywhere.get(record.vif.key, "")
    if record.negative:
        base = tables.NEGATIVE.get(base, "")
    if base and record.phase:
        stem, unit = base.rsplit("_", 1)
        base = f"{stem}_{record.phase}_{unit}"
    if base and record.tariff:
        stem, unit = base.rsplit("_", 1)
        base = f"{stem}_t{record.tariff}_{unit}"
    return base if base in QUANTITIES else ""


def _converted(number: Fraction, unit: str) -> tuple[Fraction, str]:
    if unit == "m3/min":
        return number * 60, "m3/h"
    if unit == "m3/s":
        return number * 3600, "m3/h"
    return number, unit


def _sum_tariffs(found: Collected) -> None:
    """The total of an electricity meter that sends tariffs only: 1 to n, at least two."""
    for word in ("import", "export"):
        total = f"energy_{word}_wh"
        names = [f"energy_{word}_t{n}_wh" for n in (1, 2, 3, 4)]
        present = [name for name in names if name in found.values]
        if total in found.values or len(present) < 2 or present != names[: len(present)]:
            continue
        if not found.unclear.intersection(present):
            found.put(total, float(sum(Fraction(found.values[name]) for name in present)))
