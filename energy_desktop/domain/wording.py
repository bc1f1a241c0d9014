"""How numbers, money and moments are written on paper and in sentences: in one place, in English.

The window formats by the user's locale; an invoice is a record, and equal content must give equal
bytes on every machine, so nothing here asks the locale, and nothing needs a library. Minus is
U+2212, unknown is an en dash, and a number keeps one number of digits per kind: money two
decimals, kWh one, unit prices four.
"""

import math
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import ClockJump, from_ms
from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.money import to_decimal

MINUS = "\u2212"
UNKNOWN = "\u2013"
MONTHS = (
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
)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TOO_LARGE = Decimal(10) ** 15  # beyond it digits are noise, and a Decimal has too few of them


def number(value: float | Decimal | None, decimals: int = 1) -> str:
    """`-1234.5` as "\u22121,234.5"; None and NaN as an en dash. Rounds half away from zero.

    What is too large to be measured (turned words of a float read as 3.4e+38) keeps its power.
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    # repr of a float is its shortest exact text: 0.125 rounds as a reader expects.
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if abs(exact) >= _TOO_LARGE:
        return f"{exact:.1e}".replace("-", MINUS)
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
    return f"{WEEKDAYS[value.weekday()]} {short_day(value)} {value.year}"


def weekday(value: date) -> str:
    return WEEKDAYS[value.weekday()]


def short_day(value: date) -> str:
    return f"{value.day} {MONTHS[value.month - 1][:3]}"


def month(text: str) -> str:
    """`2026-03` as `March 2026`."""
    year, number_ = text.split("-")
    return f"{MONTHS[int(number_) - 1]} {year}"


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


def clock_jump(jump: ClockJump, zone: ZoneInfo) -> str:
    """One sentence of one setting of the computer's clock."""
    way = "set forward, or the computer slept," if jump.by_s > 0 else "set back"
    size = hours(abs(jump.by_s) / 60) if abs(jump.by_s) >= 60 else f"{abs(jump.by_s):.0f} s"
    return (
        f"The clock of the computer was {way} by {size}: {stamp(jump.before_ms, zone)} was "
        f"followed by {stamp(jump.after_ms, zone)}."
    )


def hours(minutes: float) -> str:
    """Minutes as "40 min", "1 h 51" or "26 h"."""
    whole = round(minutes)
    if whole < 60:
        return f"{whole} min"
    full, rest = divmod(whole, 60)
    return f"{full} h {rest:02d}" if rest else f"{full} h"


def common_hours(hours: tuple[float, float]) -> str:
    """`in the 12 of 24 h that all meters know`."""
    known, whole = (number(h, 0 if h == int(h) else 2) for h in hours)
    return f"in the {known} of {whole} h that all meters know"


def count(amount: int, singular: str, plural: str = "") -> str:
    """`1 interval`, `2 intervals`."""
    return f"{amount:,} {singular if amount == 1 else plural or singular + 's'}"


def exact_kwh(energy_wh: int | None) -> str:
    """To the Wh, where a reader recalculates an amount: three decimals of a kWh."""
    return UNKNOWN if energy_wh is None else number(Decimal(energy_wh) / 1000, 3)


def hours_text(hours: WeeklyHours) -> str:
    """`Mon to Fri 08:00 to 20:00; Sat, Sun none; not on public holidays`."""
    groups: list[tuple[list[int], tuple[tuple[int, int], ...]]] = []
    for weekday, spans in enumerate(hours.days):
        if groups and groups[-1][1] == spans:
            groups[-1][0].append(weekday)
        else:
            groups.append(([weekday], spans))
    parts = []
    for days, spans in groups:
        first, last = WEEKDAYS[days[0]], WEEKDAYS[days[-1]]
        name = first if len(days) == 1 else f"{first} to {last}"
        clock = ", ".join(f"{_clock(a)} to {_clock(b)}" for a, b in spans)
        parts.append(f"{name} {clock or 'none'}")
    return "; ".join(parts) + ("" if hours.on_holidays else "; none on public holidays")


def clock_span(start_ms: int, end_ms: int, of_day: date, zone: ZoneInfo) -> str:
    """`20:00 to 24:00` of a local day; an ambiguous time carries its offset's name."""
    start, end = (from_ms(at).astimezone(zone) for at in (start_ms, end_ms))
    return f"{_clock_of(start)} to {'24:00' if end.date() > of_day else _clock_of(end)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _clock_of(moment: datetime) -> str:
    if moment.utcoffset() == moment.replace(fold=1 - moment.fold).utcoffset():
        return f"{moment:%H:%M}"
    return f"{moment:%H:%M %Z}"
