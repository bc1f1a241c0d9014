"""Reads a driver file and says in words what is wrong with it: file, line, reason.

Every key is checked against a list: a typo must be an error, because a `scael` that is silently
ignored is a wrong bill later.
"""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from energy_desktop.acquisition.driver_profile import (
    CODINGS,
    LINEAR,
    MAX_EVERY,
    MAX_REGISTERS_PER_READ,
    MODBUS,
    PROTOCOLS,
    REGISTERS_OF_FORMAT,
    SUNSPEC,
    WORD_ORDERS,
    Control,
    DriverProfile,
    Point,
    Register,
)
from energy_desktop.acquisition.driver_text import TomlChecks, find_line
from energy_desktop.acquisition.meter_clock import REGISTERS_OF_CLOCK, ClockRegister
from energy_desktop.domain.errors import DriverFileError
from energy_desktop.domain.quantities import quantity

_FILE_KEYS = frozenset(
    [
        "id",
        "protocol",
        "manufacturer",
        "models",
        "source",
        "serial",
        "defaults",
        "max_registers",
        "holes",
        "doubts",
        "unavailable",
        "mid_marked",
        "counter_modulus_wh",
        "transformers",
        "sign_convention",
        "clock",
        "quantities",
        "controls",
    ]
)
_SERIAL_KEYS = frozenset({"baud_rate", "parity", "stop_bits"})
_DEFAULT_KEYS = frozenset({"function", "format", "word_order"})
_REGISTER_KEYS = frozenset(
    [
        "address",
        "function",
        "format",
        "word_order",
        "scale",
        "unavailable",
        "counter",
        "coding",
        "doubt",
        "every",
        "scale_address",
    ]
)
_POINT_KEYS = frozenset({"reference", "scale", "path", "counter", "doubt"})
_CONTROL_KEYS = frozenset(
    {"address", "format", "word_order", "low", "high", "unit", "scale", "doubt"}
)
_REFERENCE_NEEDED = ("mqtt", "bacnet")  # the others' readers know the names of their values
_CLOCK_KEYS = frozenset({"address", "function", "format", "word_order"})
_MODBUS_ONLY = ("defaults", "max_registers", "holes", "unavailable", "controls", "clock")
_WORD_ORDER_NAMES = {"big": "ABCD", "little": "CDAB"} | {name: name for name in WORD_ORDERS}

SUNSPEC_UNAVAILABLE: Mapping[str, tuple[int, ...]] = {
    "int16": (0x8000,),
    "uint16": (0xFFFF,),
    "int32": (0x8000_0000,),
    "uint32": (0xFFFF_FFFF,),
    "int64": (0x8000_0000_0000_0000,),
    "uint64": (0xFFFF_FFFF_FFFF_FFFF,),
}
"""What `unavailable = "sunspec"` stands for: SunSpec information model specification."""


def read_profile(path: Path, *, own: bool = False) -> DriverProfile:
    """Raises DriverFileError naming file, line and reason."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DriverFileError(
            where=str(path), what="There is no such file.", remedy="Check the path."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DriverFileError(
            where=str(path),
            what=f"cannot be read: {error}.",
            remedy="It must be a UTF-8 text file.",
        ) from error
    return parse_profile(text, str(path), own=own)


def parse_profile(text: str, where: str, *, own: bool = False) -> DriverProfile:
    """The profile that the text of a driver file gives; `where` names it in errors.

    Raises DriverFileError naming `where`, line and reason.
    """
    return _Reader(where, text).profile(own=own)


def problems_of(text: str, where: str) -> tuple[tuple[int, str], ...]:
    """Every mistake in the text of a driver file as (line, what), by line; empty: it is sound."""
    reader = _Reader(where, text)
    try:
        reader.profile(own=True)
    except DriverFileError:
        return tuple(sorted(set(reader.found)))
    return ()


class _Reader(TomlChecks):
    """Turns one file into a profile."""

    def profile(self, *, own: bool) -> DriverProfile:
        table = self._parse()
        self._known_keys(table, _FILE_KEYS, ())
        driver_id = self._text_value(table, "id")
        if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", driver_id):
            self._fail(("id",), f"the id {driver_id!r} is not made of a-z, 0-9 and _.")
        protocol = self._one_of(table.get("protocol", MODBUS), PROTOCOLS, ("protocol",), "protocol")
        max_registers = self._whole(table, ("max_registers",), 1, MAX_REGISTERS_PER_READ, 125)
        holes = self._holes(table)
        registers: tuple[Register, ...] = ()
        points: tuple[Point, ...] = ()
        if protocol == MODBUS:
            registers = self._registers(table, max_registers, holes)
        else:
            points = self._points(table, protocol)
        serial = self._table(table, "serial", _SERIAL_KEYS)
        parity = self._one_of(
            serial.get("parity", "N"), ("N", "E", "O"), ("serial", "parity"), "parity"
        )
        modulus = table.get("counter_modulus_wh")
        return DriverProfile(
            driver_id=driver_id,
            registers=registers,
            manufacturer=self._text_value(table, "manufacturer", ""),
            models=self._texts(table, "models") or (driver_id,),
            source=self._text_value(table, "source", ""),
            max_registers=max_registers,
            holes=holes,
            baud_rate=self._whole(serial, ("serial", "baud_rate"), 50, 4_000_000, 9600),
            parity=parity,
            stop_bits=self._whole(serial, ("serial", "stop_bits"), 1, 2, 1),
            doubts=self._texts(table, "doubts"),
            mid_marked=self._flag(table, ("mid_marked",)),
            counter_modulus_wh=None
            if modulus is None
            else self._whole(table, ("counter_modulus_wh",), 1, 2**80),
            file=self._path,
            own=own,
            protocol=protocol,
            points=points,
            controls=self._controls(table),
            transformers=self._text_value(table, "transformers", ""),
            sign_convention=self._text_value(table, "sign_convention", ""),
            clock=self._clock(table),
        )

    def _clock(self, table: dict[str, Any]) -> ClockRegister | None:
        if "clock" not in table:
            return None
        entry = self._table(table, "clock", _CLOCK_KEYS)
        value_format = self._one_of(
            entry.get("format", "unix32"), REGISTERS_OF_CLOCK, ("clock", "format"), "format"
        )
        word_order = _WORD_ORDER_NAMES.get(str(entry.get("word_order", "ABCD")), "")
        if word_order not in ("ABCD", "CDAB"):
            self._fail(("clock", "word_order"), "the words of a clock stand as big or as little.")
        function = entry.get("function", 3)
        if type(function) is not int or function not in (3, 4):
            self._fail(("clock", "function"), "3 reads holding, 4 input registers.")
        count = REGISTERS_OF_CLOCK[value_format]
        if "address" not in entry:
            self._fail(("clock",), "the clock has no address.")
        address = self._whole(entry, ("clock", "address"), 0, 0x10000 - count)
        return ClockRegister(address, function, value_format, word_order)

    def _registers(
        self, table: dict[str, Any], max_registers: int, holes: tuple[tuple[int, int], ...]
    ) -> tuple[Register, ...]:
        defaults = self._table(table, "defaults", _DEFAULT_KEYS)
        unavailable = self._unavailable_by_format(table)
        entries = table.get("quantities")
        if not isinstance(entries, dict) or not entries:
            self._fail(("quantities",), "the table [quantities] is missing or empty.")
        registers = self._each(
            entries, lambda name, entry: self._register(name, entry, defaults, unavailable)
        )
        for register in registers:
            if register.count > max_registers:
                self._fail(("max_registers",), f"{register.quantity} does not fit into one read.")
            for first, last in holes:
                if register.address <= last and first < register.end:
                    self._fail(
                        ("quantities", register.quantity),
                        f"{register.quantity} lies in the hole {first} to {last}.",
                    )
        self._refuse_overlaps(registers)
        return registers

    def _register(
        self,
        name: str,
        entry: Any,
        defaults: dict[str, Any],
        unavailable: Mapping[str, tuple[int, ...]],
    ) -> Register:
        key = ("quantities", name)
        try:
            row = quantity(name)
        except KeyError as error:
            self._fail(key, f"{error.args[0]}.")
        if not isinstance(entry, dict):
            self._fail(key, f"{name} is not a table; write {name} = {{ address = 0x0000 }}.")
        self._known_keys(entry, _REGISTER_KEYS, key)
        if "address" not in entry:
            self._fail(key, f"{name} has no address.")
        merged = defaults | entry

        def at(name_of_key: str) -> tuple[str, ...]:
            return (*key, name_of_key) if name_of_key in entry else ("defaults", name_of_key)

        value_format = self._one_of(
            merged.get("format", "float32"), REGISTERS_OF_FORMAT, at("format"), "format"
        )
        word_order = merged.get("word_order", "ABCD")
        if not isinstance(word_order, str) or word_order not in _WORD_ORDER_NAMES:
            known = ", ".join(WORD_ORDERS)
            self._fail(at("word_order"), f"the word order {word_order!r} is none of {known}.")
        function = merged.get("function", 4)
        if type(function) is not int or function not in (3, 4):
            self._fail(
                at("function"),
                f"function {function!r} reads no registers: 3 reads holding, 4 input registers.",
            )
        if "counter" in entry and self._flag(entry, (*key, "counter")) is not row.is_counter:
            self._fail(key, f"{name} is a {row.kind.value}, but the file says otherwise.")
        coding = self._one_of(merged.get("coding", LINEAR), CODINGS, (*key, "coding"), "coding")
        count = REGISTERS_OF_FORMAT[value_format]
        return Register(
            quantity=name,
            address=self._whole(entry, (*key, "address"), 0, 0x10000 - count),
            function=function,
            value_format=value_format,
            word_order=_WORD_ORDER_NAMES[word_order],
            scale=self._scale(entry, (*key, "scale")),
            unavailable=self._patterns(entry["unavailable"], value_format, key)
            if "unavailable" in entry
            else unavailable.get(value_format, ()),
            coding=coding,
            doubt=self._text_value(entry, "doubt", "", key),
            every=self._whole(entry, (*key, "every"), 1, MAX_EVERY, 1),
            scale_address=self._whole(entry, (*key, "scale_address"), 0, 0xFFFF)
            if "scale_address" in entry
            else None,
        )

    def _points(self, table: dict[str, Any], protocol: str) -> tuple[Point, ...]:
        """The quantities of a meter that is not read by registers."""
        for name in _MODBUS_ONLY:
            if name in table:
                self._fail((name,), f"{name} belongs to Modbus, and this driver speaks {protocol}.")
        entries = table.get("quantities", {})
        if not isinstance(entries, dict) or not (entries or protocol == SUNSPEC):
            self._fail(("quantities",), "the table [quantities] is missing or empty.")
        return self._each(entries, lambda name, entry: self._point(name, entry, protocol))

    def _point(self, name: str, entry: Any, protocol: str) -> Point:
        key = ("quantities", name)
        try:
            row = quantity(name)
        except KeyError as error:
            self._fail(key, f"{error.args[0]}.")
        if not isinstance(entry, dict):
            self._fail(key, f'{name} is not a table; write {name} = {{ reference = "..." }}.')
        self._known_keys(entry, _POINT_KEYS, key)
        if "counter" in entry and self._flag(entry, (*key, "counter")) is not row.is_counter:
            self._fail(key, f"{name} is a {row.kind.value}, but the file says otherwise.")
        reference = self._text_value(entry, "reference", "", key)
        if not reference and protocol in _REFERENCE_NEEDED:
            self._fail(key, f"{name} has no reference: what does {protocol} call it?")
        return Point(
            quantity=name,
            reference=reference,
            scale=self._scale(entry, (*key, "scale")),
            path=self._text_value(entry, "path", "", key),
            doubt=self._text_value(entry, "doubt", "", key),
        )

    def _controls(self, table: dict[str, Any]) -> tuple[Control, ...]:
        entries = table.get("controls", {})
        if not isinstance(entries, dict):
            self._fail(("controls",), "controls is not a table.")
        return self._each(entries, self._control)

    def _control(self, name: str, entry: Any) -> Control:
        key = ("controls", name)
        if not re.fullmatch(r"[a-z0-9_]+", name):
            self._fail(key, f"the name {name!r} is not made of a-z, 0-9 and _.")
        if not isinstance(entry, dict):
            self._fail(key, f"{name} is not a table; write {name} = {{ address = 0x0000, ... }}.")
        self._known_keys(entry, _CONTROL_KEYS, key)
        for needed in ("address", "low", "high"):
            if needed not in entry:
                self._fail(key, f"{name} has no {needed}: a writable point needs its range.")
        value_format = self._one_of(
            entry.get("format", "uint16"), REGISTERS_OF_FORMAT, (*key, "format"), "format"
        )
        word_order = entry.get("word_order", "ABCD")
        if not isinstance(word_order, str) or word_order not in _WORD_ORDER_NAMES:
            known = ", ".join(WORD_ORDERS)
            self._fail((*key, "word_order"), f"the word order {word_order!r} is none of {known}.")
        low, high = (self._number(entry, (*key, bound)) for bound in ("low", "high"))
        if low >= high:
            self._fail((*key, "low"), f"the range {low:g} to {high:g} holds nothing.")
        count = REGISTERS_OF_FORMAT[value_format]
        control = Control(
            name=name,
            address=self._whole(entry, (*key, "address"), 0, 0x10000 - count),
            value_format=value_format,
            low=low,
            high=high,
            unit=self._text_value(entry, "unit", "", key),
            scale=self._scale(entry, (*key, "scale")),
            word_order=_WORD_ORDER_NAMES[word_order],
            doubt=self._text_value(entry, "doubt", "", key),
        )
        if value_format[0] in "iu":
            bits = 16 * count
            first, last = (
                (0, 1 << bits) if value_format[0] == "u" else (-1 << bits - 1, 1 << bits - 1)
            )
            for bound in (low, high):
                if not first <= round(bound / control.scale) < last:
                    self._fail(key, f"{bound:g} does not fit into {value_format}.")
        return control

    def _refuse_overlaps(self, registers: tuple[Register, ...]) -> None:
        ordered = sorted(registers, key=lambda r: (r.function, r.address))
        for before, after in itertools.pairwise(ordered):
            if before.function == after.function and after.address < before.end:
                late = max(
                    (before, after),
                    key=lambda r: find_line(self._text, ("quantities", r.quantity)),
                )
                other = before if late is after else after
                self._fail(
                    ("quantities", late.quantity),
                    f"{late.quantity} ({late.address:#06x}, {late.count} registers) overlaps "
                    f"{other.quantity} ({other.address:#06x}, {other.count} registers).",
                )

    def _unavailable_by_format(self, table: dict[str, Any]) -> Mapping[str, tuple[int, ...]]:
        given = table.get("unavailable", {})
        if given == "sunspec":
            return SUNSPEC_UNAVAILABLE
        if not isinstance(given, dict):
            self._fail(("unavailable",), 'unavailable is neither "sunspec" nor a table by format.')
        self._known_keys(given, frozenset(REGISTERS_OF_FORMAT), ("unavailable",))
        return {
            value_format: self._patterns(patterns, value_format, ("unavailable", value_format))
            for value_format, patterns in given.items()
        }

    def _patterns(self, given: Any, value_format: str, key: tuple[str, ...]) -> tuple[int, ...]:
        bits = 16 * REGISTERS_OF_FORMAT[value_format]
        patterns: list[int] = []
        for item in given if isinstance(given, list) else [given]:
            try:
                pattern = int(item, 0) if isinstance(item, str) else item
            except ValueError:
                pattern = None
            if not isinstance(pattern, int) or isinstance(pattern, bool):
                self._fail(key, f"{item!r} is no bit pattern; write 0xFFFF.")
            if not -(1 << (bits - 1)) <= pattern < 1 << bits:
                self._fail(key, f"{item!r} does not fit into {bits} bits.")
            patterns.append(pattern & ((1 << bits) - 1))
        return tuple(patterns)

    def _holes(self, table: dict[str, Any]) -> tuple[tuple[int, int], ...]:
        holes: list[tuple[int, int]] = []
        for item in self._list(table, "holes"):
            whole = isinstance(item, list) and len(item) == 2
            if not whole or not all(type(end) is int and 0 <= end <= 0xFFFF for end in item):
                self._fail(("holes",), f"{item!r} is no hole; write [first, last] address.")
            if item[0] > item[1]:
                self._fail(("holes",), f"the hole {item!r} ends before it begins.")
            holes.append((item[0], item[1]))
        return tuple(sorted(holes))
