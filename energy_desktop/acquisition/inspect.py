"""Raw registers seen in every way at once, for a meter whose map nobody has.

Four word orders and eight formats give a row of up to twenty-eight numbers, of which one is right.
It is not chosen by taste: a reading is marked only where it looks like something a meter tells
(230 V, 50 Hz, a power factor), and an order is recommended only where mains voltage or frequency
prove it.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from energy_desktop.acquisition.decode import BYTE_ORDERS, STRUCT_CODES
from energy_desktop.acquisition.driver_profile import REGISTERS_OF_FORMAT, WORD_ORDERS
from energy_desktop.domain.commissioning import InspectedRegister, RawRegisters, Reading
from energy_desktop.domain.quantities import QUANTITIES, quantity
from energy_desktop.domain.register_address import manual_number
from energy_desktop.domain.wording import MINUS, number

_MOST_COMMON_FIRST = ("float32", "uint16", "int32", "uint32", "int16", "float64", "int64", "uint64")
FORMATS = ("int16", "uint16", "int32", "uint32", "float32", "int64", "uint64", "float64")
NOT_AVAILABLE = "not available"
_ROOT_3 = math.sqrt(3.0)
_INTEGER_SCALES = (1.0, 0.1, 0.01, 0.001)


@dataclass(frozen=True, slots=True)
class Nominal:
    """Of the site: what mains voltage and frequency are near to."""

    voltage_v: float = 230.0
    frequency_hz: float = 50.0


def inspect(raw: RawRegisters, nominal: Nominal | None = None) -> tuple[InspectedRegister, ...]:
    """One row per register, each with the readings that begin there and end within what was read.

    raw of a row: the bytes of the widest reading, at most eight. Functions 1 and 2 hold bits: a
    row of theirs has one reading of format "bit".
    """
    nominal = nominal or Nominal()
    return tuple(
        InspectedRegister(
            raw.address + offset,
            manual_number(raw.function, raw.address + offset),
            _bytes(raw.words[offset : offset + 4]),
            tuple(_readings(raw, offset, nominal)),
        )
        for offset in range(len(raw.words))
    )


@dataclass(frozen=True, slots=True)
class BestOrder:
    """order empty: none is proved. certain: how many mains voltages and frequencies prove it."""

    value_format: str
    order: str
    sentence: str
    certain: int = 0


def best_reading(rows: Sequence[InspectedRegister]) -> BestOrder:
    """The format and order that make the most of the registers read as mains values."""
    found = [best_order(rows, value_format) for value_format in _MOST_COMMON_FIRST]
    return max(found, key=lambda best: (bool(best.order), best.certain * _weight(best)))


def _weight(best: BestOrder) -> float:
    """What one mains value of this format proves, about in bits.

    A third of all 16-bit words look like mains in one of the scales that are tried, and so do
    round floats turned about; hardly any bits look like a mains value as a float by chance.
    """
    if best.value_format.startswith("float"):
        return 10.0
    return 1.5 if REGISTERS_OF_FORMAT[best.value_format] == 1 else 3.0


def best_order(rows: Sequence[InspectedRegister], value_format: str) -> BestOrder:
    """The word order to use for values of this format that lie one after another from the first.

    Only rows that look like something in at least one order count, and a row that says "not
    available" in an order speaks neither for nor against it.
    """
    width = REGISTERS_OF_FORMAT[value_format]
    orders = ("ABCD", "BADC") if width == 1 else WORD_ORDERS
    rows = [row for row in rows[::width] if row.reading(value_format, orders[0]) is not None]
    telling = [row for row in rows if any(_meant(row, value_format, o) for o in orders)]
    certain = {o: sum(_is_certain(row, value_format, o) for row in telling) for o in orders}
    most = max(certain.values())
    if most == 0:
        return BestOrder(
            value_format, "", "No voltage or frequency is among these values: no order is proved."
        )
    best = [o for o in orders if certain[o] == most]
    if len(best) > 1:
        words = f"{', '.join(best[:-1])} and {best[-1]}"
        return BestOrder(
            value_format, "", f"{words} are equally plausible: read more registers.", most
        )
    order = best[0]
    plausible = sum(_meant(row, value_format, order) for row in telling)
    only = [o for o in orders if not any(_speaks_against(r, value_format, o) for r in telling)]
    if only == [order]:
        which = "the reading is" if plausible == 1 else f"all {plausible} readings are"
        sentence = f"{order} is the only order in which {which} plausible."
    else:
        proved = "1 of them is" if most == 1 else f"{most} of them are"
        sentence = (
            f"{order} is the most plausible order: {plausible} of {len(telling)} readings, "
            f"{proved} mains voltage or frequency."
        )
    return BestOrder(value_format, order, sentence, most)


def driver_line(
    row: InspectedRegister, reading: Reading, quantity_name: str, *, function: int, scale: float = 1
) -> str:
    """The line of a driver file that reads this value: TOML, to stand under [quantities].

    Raises KeyError for a quantity that does not exist, ValueError for a scale that is none.
    """
    wanted = quantity(quantity_name)
    if not math.isfinite(scale) or scale == 0:
        raise ValueError(f"{scale} is no scale")
    parts = [
        f"address = 0x{row.address:04X}",
        f"function = {function}",
        f'format = "{reading.value_format}"',
    ]
    if REGISTERS_OF_FORMAT[reading.value_format] > 1 or reading.word_order != "ABCD":
        parts.append(f'word_order = "{reading.word_order}"')
    if scale != 1:
        parts.append(f"scale = {scale:g}")
    if wanted.is_counter:
        parts.append("counter = true")
    return f"{quantity_name} = {{ {', '.join(parts)} }}"


def short(value: float) -> str:
    """A number as a narrow column shows it: 231.29, 7,831.20, 3e6, \u22122e\u221220, NaN."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("\u221e" if value > 0 else f"{MINUS}\u221e")
    size = abs(value)
    if value == 0:
        return "0"
    if value == round(value) and size < 1e7:
        return number(value, 0)
    if size >= 1e6 or size < 0.005:
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", MINUS)
    return number(value, 2 if size < 1e5 else 0)


def _readings(raw: RawRegisters, offset: int, nominal: Nominal) -> Iterator[Reading]:
    if raw.function in (1, 2):
        bit = raw.words[offset]
        yield Reading("bit", "ABCD", float(bit), "on" if bit else "off")
        return
    for value_format in FORMATS:
        width = REGISTERS_OF_FORMAT[value_format]
        words = raw.words[offset : offset + width]
        if len(words) < width:
            continue
        for order in ("ABCD", "BADC") if width == 1 else WORD_ORDERS:
            value, empty = _value(words, value_format, order)
            meaning = NOT_AVAILABLE if empty else _meaning(value, value_format, nominal)
            yield Reading(value_format, order, value, short(value), meaning)


def _value(words: Sequence[int], value_format: str, order: str) -> tuple[float, bool]:
    """The value, and whether its bits mean that there is none."""
    lay, read = BYTE_ORDERS[order]
    packed = struct.pack(f"{lay}{len(words)}H", *words)
    (value,) = struct.unpack(read + STRUCT_CODES[value_format], packed)
    if value_format.startswith("float"):
        return float(value), math.isnan(value)
    bits = 16 * len(words)
    signed = value_format.startswith("int")
    nothing = (
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        if signed
        else ((1 << bits) - 1, 1 << (bits - 1))
    )
    return float(value), value in nothing


def _meaning(value: float, value_format: str, nominal: Nominal) -> str:
    """What the value could be; whole numbers are tried with the scales that meters use."""
    if not math.isfinite(value) or value == 0.0:
        return ""
    if value_format.startswith("float"):
        return _of_float(value, nominal)
    return _of_integer(value, nominal)


def _of_float(value: float, nominal: Nominal) -> str:
    mains = _mains(value, nominal)
    if mains:
        return mains
    size = abs(value)
    if 0.05 <= size <= 1.0:
        return "Power factor, or a small current"
    if 1.0 < size <= 100.0:
        return "Current or percent"
    if 100.0 < size < 1e6:
        return "Power, W" if value < 0 else "Power, W, or a counter"
    return ""


def _of_integer(value: float, nominal: Nominal) -> str:
    for scale in _INTEGER_SCALES:
        scaled = value * scale
        mains = _mains(scaled, nominal)
        if mains:
            times = "" if scale == 1.0 else f" \u00d7 {1 / scale:g}"
            return f"{mains}{times}"
    size = abs(value)
    if 10 < size < 1e7:
        return "Current, power or a counter"
    return ""


def _mains(value: float, nominal: Nominal) -> str:
    if abs(value / nominal.voltage_v - 1.0) <= 0.13:
        return "Voltage"
    if abs(value / (nominal.voltage_v * _ROOT_3) - 1.0) <= 0.13:
        return "Voltage phase to phase"
    if abs(value / nominal.frequency_hz - 1.0) <= 0.02:
        return "Frequency"
    return ""


def _meant(row: InspectedRegister, value_format: str, order: str) -> bool:
    reading = row.reading(value_format, order)
    return reading is not None and reading.reads_as not in ("", NOT_AVAILABLE)


def _speaks_against(row: InspectedRegister, value_format: str, order: str) -> bool:
    reading = row.reading(value_format, order)
    return reading is not None and not reading.reads_as


def _is_certain(row: InspectedRegister, value_format: str, order: str) -> bool:
    reading = row.reading(value_format, order)
    return reading is not None and reading.reads_as.startswith(("Voltage", "Frequency"))


def _bytes(words: Sequence[int]) -> bytes:
    return struct.pack(f">{len(words)}H", *words)


def likely_quantities(reading: Reading) -> tuple[str, ...]:
    """Names of quantities that the reading could be, for the list behind the click."""
    text = reading.reads_as
    wanted: tuple[str, ...]
    if text.startswith("Voltage phase"):
        wanted = ("voltage_l1_l2_v", "voltage_l2_l3_v", "voltage_l3_l1_v", "voltage_ll_v")
    elif text.startswith("Voltage"):
        wanted = ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v", "voltage_v")
    elif text.startswith("Frequency"):
        wanted = ("frequency_hz",)
    elif text.startswith("Power factor"):
        wanted = ("power_factor", "power_factor_l1", "power_factor_l2", "power_factor_l3")
    else:
        wanted = (
            "power_w",
            "power_l1_w",
            "current_l1_a",
            "current_l2_a",
            "current_l3_a",
            "energy_import_wh",
            "energy_export_wh",
        )
    return tuple(name for name in wanted if name in QUANTITIES)
