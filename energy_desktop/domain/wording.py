"""How numbers, money and moments are written on paper and in sentences: in one place, in English.

The window formats by the user's locale; an invoice is a record, and equal content must give equal
bytes on every machine, so nothing here asks the locale, and nothing needs a library. Minus is
U+2212, unknown is an en dash, and a number keeps one number of digits per kind: money two
decimals, kWh one, unit prices four.
"""

import math
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.money import to_decimal

MINUS = "\u2212"
UNKNOWN = "\u2013"
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def number(value: float | Decimal | None, decimals: int = 1) -> str:
    """`-1234.5` as "\u22121,234.5"; None and NaN as an en dash. Rounds half away from zero."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    # repr of a float is its shortest exact text: 0.125 rounds as a reader expects.
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    text = f"{abs(rounded):,.{decimals}f}"
    return MINUS + text if rounded < 0 else text


def money(units: int | None) -> str:
    """An amount in 1e-4 units with two decimals, without its currency."""
    return UNKNOWN if units is None else number(to_decimal(units), 2)


def unit_price(price: Decimal) -> str:
    return number(price, 4)


def kwh(energy_wh: float | None) -> str:
    """Wh written as kWh with one decimal, without its unit."""
    return UNKNOWN if energy_wh is None else number(energy_wh / 1000, 1)


def kw(power_w: float | None) -> str:
    return UNKNOWN if power_w is None else number(power_w / 1000, 1)


def percent(value: float | Decimal | None, decimals: int = 1) -> str:
    return f"{number(value, decimals)} %"


def day(value: date) -> str:
    """`Sun 29 Mar 2026`."""
    return f"{_WEEKDAYS[value.weekday()]} {short_day(value)} {value.year}"


def short_day(value: date) -> str:
    return f"{value.day} {_MONTHS[value.month - 1][:3]}"


def month(text: str) -> str:
    """`2026-03` as `March 2026`."""
    year, number_ = text.split("-")
    return f"{_MONTHS[int(number_) - 1]} {year}"


def offset(epoch_ms: int, zone: ZoneInfo) -> str:
    """`UTC+02:00` at that moment."""
    text = from_ms(epoch_ms).astimezone(zone).strftime("%z")
    sign = MINUS if text[0] == "-" else "+"
    return f"UTC{sign}{text[1:3]}:{text[3:5]}"


def stamp(epoch_ms: int, zone: ZoneInfo, *, with_offset: bool = True) -> str:
    """`29 Mar 2026 03:00 (UTC+02:00)`: the ambiguous hour of autumn carries its offset."""
    moment = from_ms(epoch_ms).astimezone(zone)
    text = f"{short_day(moment.date())} {moment.year} {moment:%H:%M}"
    return f"{text} ({offset(epoch_ms, zone)})" if with_offset else text


def hours(minutes: float) -> str:
    """Minutes as "40 min", "1 h 51" or "26 h"."""
    whole = round(minutes)
    if whole < 60:
        return f"{whole} min"
    full, rest = divmod(whole, 60)
    return f"{full} h {rest:02d}" if rest else f"{full} h"


def count(amount: int, singular: str, plural: str = "") -> str:
    """`1 interval`, `2 intervals`."""
    return f"{amount:,} {singular if amount == 1 else plural or singular + 's'}"
