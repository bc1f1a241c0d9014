"""How registers are called: from 0 on the wire, from 1 and with the table's digit in manuals.

The two are mixed up more often than anything else on a commissioning day, so each place that asks
for an address reads both, and each that shows one shows both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIRST_DIGIT = {1: "0", 2: "1", 3: "4", 4: "3"}
"""By function: coils, discrete inputs, holding registers, input registers."""

_MANUAL = re.compile(r"([0134])(?:x(\d{1,5})|(\d{5}))")


@dataclass(frozen=True, slots=True)
class RegisterAddress:
    """address: on the wire. function: which reads it, where the number says so; else None."""

    address: int
    function: int | None = None


def manual_number(function: int, address: int) -> str:
    """The 1-based number that manuals print: input register 12 is 30013, coil 0 is 00001."""
    digits = 4 if address < 9999 else 5
    return f"{FIRST_DIGIT[function]}{address + 1:0{digits}d}"


def read_address(text: str) -> RegisterAddress:
    """`70` or `0x46` as they are on the wire; `3x0071` or `300071` as the manual has them.

    Five digits such as 30071 are left a wire address: many devices have one there. Coils are
    written with six digits (000071), since 0x is a hexadecimal number. Raises ValueError with a
    sentence.
    """
    wanted = text.strip().lower()
    manual = None if wanted.startswith("0x") else _MANUAL.fullmatch(wanted)
    function = None
    if manual is not None:
        digit = manual.group(1)
        function = next(f for f, first in FIRST_DIGIT.items() if first == digit)
        address = int(manual.group(2) or manual.group(3)) - 1
    else:
        try:
            address = int(wanted, 16) if wanted.startswith("0x") else int(wanted)
        except ValueError:
            raise ValueError(f"{text!r} is no address: enter 70, 0x0046 or 3x0071.") from None
    if not 0 <= address <= 0xFFFF:
        raise ValueError(f"{text} is no address: a register lies at 0 to 65535.")
    return RegisterAddress(address, function)


def wire_address(text: str, function: int) -> int:
    """As `read_address`, for a read of this function. Raises ValueError with a sentence."""
    found = read_address(text)
    if found.function not in (None, function):
        raise ValueError(f"{text} belongs to another function than {function:02d}.")
    return found.address
