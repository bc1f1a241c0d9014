"""Registers to values and back.

The four word orders are two independent choices of byte order: how the 16-bit words are laid down
as bytes, and how those bytes are read as one value. So every order, for every width, is one pack
and one unpack, and a whole block whose values share an order takes one of each (see reading.py).

    ABCD  words big-endian, value big-endian       CDAB  words little, value little
    BADC  words little, value big-endian           DCBA  words big, value little
"""

import math
import struct
from collections.abc import Sequence
from fractions import Fraction

from energy_desktop.acquisition.driver_profile import FOUR_QUADRANT, Register

BYTE_ORDERS = {"ABCD": (">", ">"), "CDAB": ("<", "<"), "BADC": ("<", ">"), "DCBA": (">", "<")}
"""Word order -> (byte order to lay the words down, byte order to read the value)."""

STRUCT_CODES = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}

NAN = float("nan")


def decode(register: Register, words: Sequence[int], power: float = 0.0) -> float:
    """The value in the quantity's unit; NaN = not available (sentinel or not finite).

    words: as many 16-bit registers as the format takes, in the order of the wire.
    power: what the register at `scale_address` holds, where there is one.
    Raises ValueError for another number of words.
    """
    if len(words) != register.count:
        raise ValueError(f"{register.quantity} takes {register.count} words, not {len(words)}")
    lay, read = BYTE_ORDERS[register.word_order]
    packed = struct.pack(f"{lay}{len(words)}H", *words)
    (raw,) = struct.unpack(read + STRUCT_CODES[register.value_format], packed)
    if raw in sentinels(register) or not math.isfinite(raw):
        return NAN
    factor, divisor = ratio(register.scale)
    if register.scale_address is not None:
        raw = times_ten_to(raw, power)
    value: float = raw * factor / divisor
    if register.coding == FOUR_QUADRANT:
        value = fold_quadrant(value)
    return value if math.isfinite(value) else NAN


def encode(register: Register, value: float) -> list[int]:
    """The words that `decode` reads as `value`, rounded to what the format can hold.

    NaN gives the register's first sentinel, or a float's own NaN. Raises ValueError for a value
    that does not fit the format, and for NaN where the format has no way to say it.
    """
    lay, read = BYTE_ORDERS[register.word_order]
    code = read + STRUCT_CODES[register.value_format]
    if math.isfinite(value):
        packed = struct.pack(code, _raw_of(register, value))
    elif register.unavailable:
        packed = register.unavailable[0].to_bytes(
            2 * register.count, "big" if read == ">" else "little"
        )
    elif register.value_format.startswith("float"):
        packed = struct.pack(code, NAN)
    else:
        raise ValueError(f"{register.quantity}: {register.value_format} cannot say 'not available'")
    return list(struct.unpack(f"{lay}{register.count}H", packed))


def _raw_of(register: Register, value: float) -> float | int:
    factor, divisor = ratio(register.scale)
    if register.value_format == "float64":
        return value * divisor / factor
    if register.value_format == "float32":
        raw = value * divisor / factor
        if abs(raw) > 3.4028234663852886e38:
            raise ValueError(f"{register.quantity}: {value} does not fit into a float32")
        return raw
    whole = round(Fraction(value) * divisor / Fraction(factor))
    bits = 16 * register.count
    signed = register.value_format.startswith("int")
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if not low <= whole <= high:
        raise ValueError(f"{register.quantity}: {value} does not fit into {register.value_format}")
    return whole


def ratio(scale: float) -> tuple[float | int, int]:
    """`scale` as factor and divisor, so that 2301 * 0.1 is 230.1 and not 230.10000000000002."""
    if scale.is_integer():
        return int(scale), 1
    inverse = 1.0 / scale
    nearest = round(inverse)
    if abs(inverse - nearest) <= 1e-9 * abs(inverse):
        return (1, nearest) if nearest > 0 else (-1, -nearest)
    return scale, 1


def sentinels(register: Register) -> tuple[float | int, ...]:
    """The register's "not available" patterns, as struct gives them."""
    code = ">" + STRUCT_CODES[register.value_format]
    return tuple(
        struct.unpack(code, pattern.to_bytes(2 * register.count, "big"))[0]
        for pattern in register.unavailable
    )


def times_ten_to(raw: float, power: float) -> float:
    """raw * 10 ** power, exact where the decimal is; NaN for a power that no meter can mean.

    SunSpec allows -10 to 10; NaN (not implemented) and all beyond say nothing of the value.
    """
    if not -10 <= power <= 10:
        return NAN
    return float(raw / 10.0**-power if power < 0 else raw * 10.0**power)


def fold_quadrant(coded: float) -> float:
    """The power factor of a four-quadrant code: 2 - x above 1 (leading), -2 - x below -1.

    Schneider PM5000 register list, as recalled in the data behind the driver files. Whether the
    current leads or lags is lost: the sign of the reactive power tells it.
    """
    if coded > 1.0:
        return 2.0 - coded
    if coded < -1.0:
        return -2.0 - coded
    return coded
