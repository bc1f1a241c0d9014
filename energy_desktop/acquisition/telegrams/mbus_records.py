"""The records of an M-Bus answer: DIF and VIF to value and unit, and which of them is a quantity.

EN 13757-3. Every length is checked against what is there, and chains of extensions are bounded.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction

from energy_desktop.acquisition.telegrams import mbus_tables as tables
from energy_desktop.acquisition.telegrams.mbus_tables import Vif
from energy_desktop.acquisition.telegrams.telegram import Collected, Entry, refuse, to_quantity
from energy_desktop.domain.bus import BusError
from energy_desktop.domain.quantities import QUANTITIES

WHERE = "M-Bus telegram"
MAX_EXTENSIONS = 10
_SIZES = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, -1, 6, 0)
"""Bytes of data by the low half of the DIF; -1: the data say it themselves."""
_MAKER_PHASES = {"SBC": {0: "", 1: "l1", 2: "l2", 3: "l3"}}
"""Makers whose VIFE after FF names the phase (Saia-Burgess ALD1 and ALE3, M-Bus manual)."""


@dataclass(frozen=True, slots=True)
class Record:
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


def read_records(data: bytes, manufacturer: str) -> Iterator[Record]:
    cursor = _Cursor(data)
    while cursor.at < len(data):
        dif = cursor.take(1, "a DIF")[0]
        if dif == 0x2F:  # filler
            continue
        if dif & 0x0F == 0x0F:
            yield _special(dif, cursor)
            continue
        yield _record(dif, cursor, manufacturer)


def _special(dif: int, cursor: _Cursor) -> Record:
    rest = cursor.take(len(cursor.data) - cursor.at, "the rest")
    if dif == 0x1F:
        vif = Vif("more", "More records follow", "")
    elif dif == 0x0F:
        vif = Vif("manufacturer", "Manufacturer specific", "")
    else:
        vif = Vif("special", f"Special DIF {dif:02X}", "")
    return Record(f"{dif:02X}", vif, text=rest.hex(" ").upper())


def _record(dif: int, cursor: _Cursor, manufacturer: str) -> Record:
    begin = cursor.at - 1
    storage, tariff, subunit = dif >> 6 & 1, 0, 0
    for n, dife in enumerate(cursor.chain(dif, "a DIF")):
        storage |= (dife & 0x0F) << (4 * n + 1)
        tariff |= (dife >> 4 & 3) << (2 * n)
        subunit |= (dife >> 6 & 1) << n
    first = cursor.take(1, "a VIF")[0]
    vif, vifes = _vif(first, cursor)
    code = cursor.data[begin : cursor.at].hex().upper()
    blank = Record(code, vif, dif >> 4 & 3, storage, tariff, subunit)
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


def _apply(record: Record, vifes: list[int], manufacturer: str) -> tuple[Record, Fraction, str]:
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
        number = bcd(raw)
        if vif.kind == "identity" and number is not None:
            return number, digits
        return number, digits if number is not None else f"{digits}, not available"
    whole = int.from_bytes(raw, "little", signed=vif.kind != "identity")
    if len(raw) > 1 and vif.key != "reserved" and whole == -(1 << (8 * len(raw) - 1)):
        return None, "not available"
    return Fraction(whole), str(whole)


def bcd(raw: bytes) -> Fraction | None:
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


def name_records(
    records: list[Record], medium: str
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


def _quantity(record: Record, medium: str) -> str:
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
