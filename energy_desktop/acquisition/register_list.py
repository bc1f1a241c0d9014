"""Reads a maker's list of registers from CSV or Excel: address, name, type, scale, unit.

Every row of the table either becomes a register or is listed with the reason why not, and what
was taken for granted (numbering, function) is said in sentences: a list that is understood wrongly
by one register gives numbers that look right. Formulas of a workbook are not evaluated.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from energy_desktop.acquisition.driver_profile import REGISTERS_OF_FORMAT
from energy_desktop.acquisition.register_names import name_quantity, plain
from energy_desktop.acquisition.register_tables import Table, refused, tables
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.register_list import (
    MANUAL,
    NUMBERINGS,
    ONE_BASED,
    WIRE,
    ListedRegister,
    RegisterList,
)

_HEADER_WITHIN = 40

_HEADINGS: dict[str, tuple[str, ...]] = {
    "address": ("address", "adresse", "addr", "register", "registers", "reg", "offset", "registre",
                "registeradresse", "startadresse", "modbusadresse", "registernummer"),
    "name": ("name", "description", "bezeichnung", "beschreibung", "parameter", "messwert",
             "messgrosse", "quantity", "measurement", "designation", "nom", "grandeur", "libelle",
             "grosse", "variable", "signal", "value", "wert", "bedeutung", "mesure"),
    "type": ("type", "datatype", "format", "typ", "datentyp", "datenformat"),
    "scale": ("scale", "scaling", "factor", "faktor", "skalierung", "multiplier", "gain",
              "echelle", "facteur", "resolution", "auflosung", "coefficient", "koeffizient"),
    "divisor": ("divisor", "divider", "teiler", "diviseur"),
    "unit": ("unit", "units", "einheit", "einheiten", "unite", "unites"),
    "function": ("function", "fc", "funktion", "fonction", "funktionscode"),
    "count": ("length", "count", "size", "words", "anzahl", "lange", "quantity of registers",
              "nombre", "longueur", "nb"),
}  # fmt: skip

_TYPES: dict[str, str] = {
    "float": "float32", "float32": "float32", "real": "float32", "real32": "float32",
    "single": "float32", "ieee754": "float32", "ieee 754": "float32", "f32": "float32",
    "float 32": "float32", "32 bit float": "float32", "flt32": "float32",
    "float ieee754": "float32",
    "double": "float64", "float64": "float64", "f64": "float64", "float 64": "float64",
    "int16": "int16", "short": "int16", "s16": "int16", "sint16": "int16", "int 16": "int16",
    "signed 16": "int16", "16 bit signed": "int16", "i16": "int16",
    "uint16": "uint16", "u16": "uint16", "word": "uint16", "ushort": "uint16",
    "unsigned short": "uint16", "uint 16": "uint16", "unsigned 16": "uint16",
    "16 bit unsigned": "uint16",
    "int32": "int32", "long": "int32", "s32": "int32", "dint": "int32", "sint32": "int32",
    "int 32": "int32", "signed 32": "int32", "32 bit signed": "int32", "i32": "int32",
    "signed long": "int32", "longint": "int32",
    "uint32": "uint32", "u32": "uint32", "udint": "uint32", "ulong": "uint32", "dword": "uint32",
    "uint 32": "uint32", "unsigned 32": "uint32", "32 bit unsigned": "uint32",
    "unsigned long": "uint32",
    "int64": "int64", "s64": "int64", "lint": "int64", "int 64": "int64", "signed 64": "int64",
    "uint64": "uint64", "u64": "uint64", "ulint": "uint64", "uint 64": "uint64",
    "unsigned 64": "uint64",
}  # fmt: skip
_BY_WIDTH = {
    "int": {1: "int16", 2: "int32", 4: "int64"},
    "integer": {1: "int16", 2: "int32", 4: "int64"},
    "signed": {1: "int16", 2: "int32", 4: "int64"},
    "signed int": {1: "int16", 2: "int32", 4: "int64"},
    "uint": {1: "uint16", 2: "uint32", 4: "uint64"},
    "unsigned": {1: "uint16", 2: "uint32", 4: "uint64"},
    "unsigned int": {1: "uint16", 2: "uint32", 4: "uint64"},
}


def read_list(
    path: Path,
    *,
    numbering: str = "",
    value_format: str = "",
) -> RegisterList:
    """The list in a CSV (any delimiter) or Excel (.xlsx) file.

    numbering (one of NUMBERINGS) and value_format (of rows without a type): what the person
    knows, in place of what would be guessed. Raises DataFileError when it is no such table at all.
    """
    if numbering and numbering not in NUMBERINGS:
        raise refused(path, f"the numbering {numbering!r} is none of {', '.join(NUMBERINGS)}.")
    best: tuple[int, dict[str, int]] | None = None
    for table in tables(path):
        best = _header(table)
        if best is not None:
            break
    if best is None:
        raise refused(
            path,
            "no row has headings for the address and the name of a register.",
            "Name the columns Address, Name, Type, Scale and Unit in one row above the list.",
        )
    at, columns = best
    return _Lines(path, table, at, columns, numbering, value_format).read()


def _header(table: Table) -> tuple[int, dict[str, int]] | None:
    """The row of the headings and what stands in which column; None: there is none."""
    best: tuple[int, dict[str, int]] | None = None
    for at, row in enumerate(table[:_HEADER_WITHIN]):
        columns = _columns(row)
        if {"address", "name"} <= columns.keys() and (best is None or len(columns) > len(best[1])):
            best = at, columns
    return best


def _columns(row: Sequence[str]) -> dict[str, int]:
    found: dict[str, tuple[int, int]] = {}  # role -> (how badly it fits, column)
    for column, cell in enumerate(row):
        words = plain(cell)
        if not words or len(words) > 60:
            continue
        for role, headings in _HEADINGS.items():
            fit = _fit(words, headings)
            if fit is not None and (role not in found or fit < found[role][0]):
                found[role] = fit, column
    taken: dict[int, str] = {}
    for role, (_, column) in sorted(found.items(), key=lambda item: item[1][0]):
        taken.setdefault(column, role)
    return {role: column for column, role in taken.items()}


def _fit(words: str, headings: tuple[str, ...]) -> int | None:
    """0: the heading itself; 1: begins with it; 2: holds it as a word; None: not at all."""
    if words in headings:
        return 0
    parts = words.split()
    if parts and parts[0] in headings:
        return 1
    return 2 if any(part in headings for part in parts) else None


class _Lines:
    """The rows below the headings, one after the other. Holds what the whole list says."""

    def __init__(
        self,
        path: Path,
        table: Table,
        header_at: int,
        columns: dict[str, int],
        numbering: str,
        value_format: str,
    ) -> None:
        self._path = path
        self._table = table
        self._header_at = header_at
        self._columns = columns
        self._given_numbering = numbering
        self._given_format = value_format
        self._hex = self._is_hex()

    def read(self) -> RegisterList:
        lines = [
            (number, row)
            for number, row in enumerate(self._table[self._header_at + 1 :], self._header_at + 2)
            if any(row)
        ]
        addresses = {number: self._number(self._of(row, "address")) for number, row in lines}
        numbering, why = self._numbering([a for a in addresses.values() if a is not None])
        rows = self._settled(
            [self._row(number, row, addresses[number], numbering) for number, row in lines]
        )
        if not rows:
            raise refused(self._path, "there is nothing below the headings.")
        header = self._table[self._header_at]
        return RegisterList(
            source=self._path.name,
            columns=tuple((role, header[at]) for role, at in self._columns.items()),
            numbering=numbering,
            decisions=(why, *self._other_decisions(numbering)),
            rows=rows,
        )

    def _row(
        self, number: int, row: list[str], address: int | None, numbering: str
    ) -> ListedRegister:
        name, address_text = self._of(row, "name"), self._of(row, "address")
        listed = ListedRegister(number, name or "(no name)")
        if any(cell.startswith("=") for cell in row):
            return replace(listed, error="it holds a formula, and formulas are not evaluated.")
        if address is None:
            return replace(listed, error=f"the address {address_text!r} is no number.")
        wire, function = self._on_the_wire(address, numbering)
        if wire is None:
            return replace(listed, error=f"{address_text} is no 3xxxx or 4xxxx number.")
        if not 0 <= wire <= 0xFFFF:
            return replace(listed, error=f"the address {wire} is outside 0 to 65535.")
        function = self._function(self._of(row, "function")) or function
        listed = replace(listed, address=wire, function=function)
        if function not in (3, 4, None):
            return replace(listed, error=f"function {function} reads no registers.")
        value_format, problem = self._format(row)
        if problem:
            return replace(listed, error=problem)
        listed = replace(listed, value_format=value_format)
        if wire + REGISTERS_OF_FORMAT[value_format] > 0x10000:
            return replace(listed, error="it would end behind address 65535.")
        factor = self._factor(row)
        if factor is None:
            return replace(listed, error=f"the scale {self._of(row, 'scale')!r} is no number.")
        named = name_quantity(name, self._of(row, "unit") if "unit" in self._columns else None)
        if named.reason:
            return replace(listed, error=named.reason)
        return replace(
            listed,
            quantity=named.quantity,
            unit=QUANTITIES[named.quantity].unit,
            scale=float(f"{factor * named.factor:.12g}"),
            remark=named.remark,
        )

    def _settled(self, rows: list[ListedRegister]) -> tuple[ListedRegister, ...]:
        """Each quantity once, and no register twice: what comes first is kept."""
        kept: dict[str, ListedRegister] = {}
        out: list[ListedRegister] = []
        for row in rows:
            error = ""
            if not row.error:
                if (first := kept.get(row.quantity)) is not None:
                    error = f"{row.quantity} is read from line {first.number} already."
                elif (other := _overlapping(row, kept)) is not None:
                    error = f"its registers overlap those of line {other.number}."
                else:
                    kept[row.quantity] = row
            out.append(replace(row, quantity="", unit="", error=error) if error else row)
        return tuple(out)

    def _of(self, row: list[str], role: str) -> str:
        at = self._columns.get(role)
        return "" if at is None or at >= len(row) else row[at]

    def _is_hex(self) -> bool:
        heading = plain(self._table[self._header_at][self._columns["address"]])
        if "hex" in heading:
            return True
        cells = [self._of(row, "address") for row in self._table[self._header_at + 1 :]]
        digits = [c for c in cells if re.fullmatch(r"[0-9A-Fa-f]{2,5}", c)]
        return any(re.search(r"[A-Fa-f]", c) for c in digits) and "dec" not in heading

    def _number(self, text: str) -> int | None:
        """12, 0x0C, 0Ch, 3x0013 and 4:00013 (as 30013, 40013), and the first of 12-13."""
        bare = text.replace(" ", "").replace("\N{NO-BREAK SPACE}", "").split("/")[0]
        if found := re.fullmatch(r"([34])[xX:](\d{4,5})", bare):
            return int(found[1] + found[2])
        bare = re.split(r"(?<=[0-9A-Fa-fhH])(?:-|–|\.\.+|~)", bare)[0]
        if found := re.fullmatch(r"0[xX]([0-9A-Fa-f]{1,4})|([0-9A-Fa-f]{1,5})[hH]", bare):
            return int(found[1] or found[2], 16)
        if self._hex and re.fullmatch(r"[0-9A-Fa-f]{1,5}", bare):
            return int(bare, 16)
        return int(bare) if re.fullmatch(r"\d{1,6}", bare) else None

    def _numbering(self, addresses: list[int]) -> tuple[str, str]:
        given = self._given_numbering
        heading = plain(self._table[self._header_at][self._columns["address"]])
        manual = [a for a in addresses if _manual(a) is not None]
        if given:
            kind, why = given, "as you said"
        elif addresses and not self._hex and len(manual) >= 0.8 * len(addresses):
            kind, why = MANUAL, "because nearly all of them look so"
        elif re.search(r"\b(1 based|one based|1basiert)\b", heading):
            kind, why = ONE_BASED, "because the heading says so"
        elif "number" in heading or "nummer" in heading:
            kind, why = ONE_BASED, f"because the heading is {heading!r}"
        else:
            kind, why = WIRE, "because nothing says otherwise"
        words = {
            WIRE: "The addresses are taken as 0-based, as they are sent",
            ONE_BASED: "The addresses are taken as counted from 1: 1 less is sent",
            MANUAL: "The addresses are taken as 3xxxx/4xxxx numbers: 30001 is input register 0, "
            "40001 holding register 0",
        }
        example = ""
        if addresses:
            first = addresses[0]
            wire, function = self._on_the_wire(first, kind)
            if wire is not None:
                with_function = f" with function {function}" if function else ""
                example = f" The first one, {first}, is asked for as {wire}{with_function}."
        return kind, f"{words[kind]}, {why}.{example}"

    @staticmethod
    def _on_the_wire(address: int, numbering: str) -> tuple[int | None, int | None]:
        if numbering == MANUAL:
            return _manual(address) or (None, None)
        return (address - 1 if numbering == ONE_BASED else address), None

    def _other_decisions(self, numbering: str) -> Iterator[str]:
        if self._hex:
            yield "The addresses are read as hexadecimal."
        if numbering != MANUAL and "function" not in self._columns:
            yield "The list does not say whether they are input or holding registers."
        if self._given_format:
            yield f"Values without a type are {self._given_format}, as you said."
        if "unit" not in self._columns:
            yield "The list has no column of units: they are taken from the names."
        if not {"scale", "divisor"} & self._columns.keys():
            yield "The list has no column of scales: each is 1, but for the unit."

    @staticmethod
    def _function(text: str) -> int | None:
        words = plain(text)
        if not words:
            return None
        if "input" in words or "eingang" in words:
            return 4
        if "holding" in words or "halte" in words:
            return 3
        found = re.search(r"\b0*(?:x0?)?([1-9]\d?)\b", words.replace("fc", " ").replace("h", ""))
        if found is None:
            return None
        codes = {int(code) for code in re.findall(r"\d+", words)}
        return 3 if 3 in codes else 4 if 4 in codes else int(found[1])

    def _format(self, row: list[str]) -> tuple[str, str]:
        text = self._of(row, "type")
        count_text = re.match(r"\d+", self._of(row, "count"))
        count = int(count_text[0]) if count_text else 0
        words = re.sub(r" (?:be|le|msb|lsb|abcd|big endian|little endian)$", "", plain(text))
        if not words:
            if self._given_format:
                return self._given_format, ""
            return "", "it has no type: int16, uint16, int32, uint32, float32 ...?"
        name = _TYPES.get(words) or _BY_WIDTH.get(words, {}).get(count, "")
        if not name:
            return "", f"the type {text!r} is no number that can be read."
        if count and count != REGISTERS_OF_FORMAT[name]:
            needs = REGISTERS_OF_FORMAT[name]
            return "", f"{text} takes {needs} registers, but the list says {count}."
        return name, ""

    def _factor(self, row: list[str]) -> float | None:
        divisor = self._of(row, "divisor")
        factor = _plain_factor(self._of(row, "scale"))
        if factor is None or not divisor:
            return factor
        by = _plain_factor(divisor)
        return None if not by else factor / by


def _plain_factor(text: str) -> float | None:
    """0.1, 0,1, 1/10, x0.1, *10, /10, 10^-1, 1e-1; nothing is 1. None: no factor, or 0."""
    bare = text.replace(" ", "").replace(",", ".").replace("−", "-").lower()
    if bare in ("", "-", "–", "none", "n/a"):
        return 1.0
    if found := re.fullmatch(r"10\^?\(?([+-]?\d{1,2})\)?", bare):
        return float(f"1e{found[1]}") if "^" in bare else float(bare)
    if found := re.fullmatch(r"(\d+(?:\.\d+)?)?[/÷:](\d+(?:\.\d+)?)", bare):
        return float(found[1] or 1) / float(found[2]) if float(found[2]) else None
    found = re.fullmatch(r"[x*×]?(-?\d+(?:\.\d+)?(?:e[+-]?\d{1,2})?)", bare)
    return float(found[1]) or None if found else None


def _manual(number: int) -> tuple[int, int] | None:
    """(wire address, function) of a 3xxxx/4xxxx or 3xxxxx/4xxxxx number."""
    for low, function in ((300_001, 4), (400_001, 3), (30_001, 4), (40_001, 3)):
        span = 0x10000 if low > 100_000 else 9_999
        if low <= number < low + span:
            return number - low, function
    return None


def _overlapping(row: ListedRegister, kept: dict[str, ListedRegister]) -> ListedRegister | None:
    begin, end = _span(row)
    for other in kept.values():
        other_begin, other_end = _span(other)
        if other.function == row.function and begin < other_end and other_begin < end:
            return other
    return None


def _span(row: ListedRegister) -> tuple[int, int]:
    begin = row.address or 0
    return begin, begin + REGISTERS_OF_FORMAT[row.value_format]
