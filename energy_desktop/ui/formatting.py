"""The one place where a stored number, time or amount becomes text on the screen.

Everything is stored in W, Wh, V, A, UTC milliseconds and 1e-4 currency units. A view hands such a
value in and gets the text; no view scales or rounds. A table column asks for a `Scale` once and
uses it for all its rows, so a unit stands in the header and never changes between two refreshes.

babel knows the signs and month names of other locales and is imported for those only: it costs
start-up time, and English needs nothing of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import Clock, from_ms, system_clock, to_ms
from energy_desktop.domain.money import to_decimal
from energy_desktop.domain.wording import MONTHS, WEEKDAYS

UNKNOWN: Final = "–"
MINUS: Final = "−"
ESTIMATED: Final = "≈"
THIN: Final = "\u00a0"  # between number and unit: never broken over two lines

_POWER_UNITS: Final = ("W", "var", "VA")
_ENERGY_UNITS: Final = ("Wh", "varh", "VAh")
_DECIMALS: Final = {"V": 1, "A": 1, "Hz": 2, "": 2, "%": 1, "°C": 1, "°": 1}
_QUANTITY: Final = re.compile(
    r"(?<![\w.,:/-])\d{1,3}(?:(?:,\d{3})+|\d*)(?:\.\d+)?"
    r"(?=[ \u00a0](?:%|(?:[kMG]?(?:Wh|W|VA|var)|EUR|GBP|USD|CHF|PLN|V|A|Hz|h|°C)\b))"
)
_CURRENCY_SIGNS: Final = {"EUR": "€", "GBP": "£", "USD": "$", "CHF": "CHF", "PLN": "zł"}


@dataclass(frozen=True, slots=True)
class Symbols:
    """What a locale writes between digits and what it calls months and days."""

    decimal: str = "."
    group: str = ","
    months: tuple[str, ...] = tuple(month[:3] for month in MONTHS)
    long_months: tuple[str, ...] = MONTHS
    days: tuple[str, ...] = WEEKDAYS


def symbols_of(locale: str) -> Symbols:
    """The symbols of a locale such as `de` or `fi_FI`. Raises babel's UnknownLocaleError."""
    if locale.partition("_")[0] == "en":
        return Symbols()
    from babel import Locale

    known = Locale.parse(locale)
    signs = known.number_symbols["latn"]
    months = known.months["format"]
    days = known.days["format"]["abbreviated"]
    return Symbols(
        decimal=signs["decimal"],
        group=signs["group"].replace("\u202f", "\u00a0"),
        months=tuple(months["abbreviated"][i].rstrip(".") for i in range(1, 13)),
        long_months=tuple(months["wide"][i] for i in range(1, 13)),
        days=tuple(days[i].rstrip(".") for i in range(7)),
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """One unit for a whole column or axis: shown = stored / divisor, with fixed decimals."""

    unit: str
    divisor: float
    decimals: int
    symbols: Symbols = Symbols()

    def text(self, value: float | None) -> str:
        """The number without its unit, which stands in the header. Unknown is an en dash."""
        if value is None or not math.isfinite(value):
            return UNKNOWN
        return _grouped(value / self.divisor, self.decimals, self.symbols)

    def with_unit(self, value: float | None) -> str:
        text = self.text(value)
        return text if text == UNKNOWN or not self.unit else f"{text}{THIN}{self.unit}"

    def header(self, label: str) -> str:
        return f"{label}, {self.unit}" if self.unit else label


def _grouped(value: float | Decimal, decimals: int, symbols: Symbols) -> str:
    text = f"{value:,.{decimals}f}"
    if text.startswith("-"):
        digits = text[1:]
        # Minus zero is zero: "−0.0" would claim a direction that the digits do not show.
        text = MINUS + digits if any(c in "123456789" for c in digits) else digits
    if symbols.decimal == "." and symbols.group == ",":
        return text
    return text.translate({ord(","): symbols.group, ord("."): symbols.decimal})


def listed(names: Sequence[str], most: int = 3) -> str:
    """Such as "A, B, C and 281 more": a sentence that names hundreds is not read."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


class Formats:
    """Formats for one site: its zone, its currency, the reader's locale.

    `clock` decides what "today" and "this year" are.
    """

    def __init__(
        self,
        zone: str = "UTC",
        *,
        locale: str = "en",
        currency: str = "EUR",
        clock: Clock = system_clock,
    ) -> None:
        self.zone = ZoneInfo(zone)
        self.zone_name = zone
        self.currency = currency
        self.clock = clock
        self.symbols = symbols_of(locale)

    def retarget(self, zone: str, currency: str) -> None:
        """Takes the site's zone and currency once they are known; pages made later use them."""
        self.zone = ZoneInfo(zone)
        self.zone_name = zone
        self.currency = currency

    def use_locale(self, locale: str) -> None:
        """Signs and month names of another locale; scales handed out before keep theirs."""
        self.symbols = symbols_of(locale)

    # -------------------------------------------------------- numbers

    def number(self, value: float | Decimal | None, decimals: int = 0) -> str:
        """Grouped digits with a true minus sign; None and NaN are an en dash."""
        if value is None or not math.isfinite(value):
            return UNKNOWN
        return _grouped(value, decimals, self.symbols)

    def read_number(self, text: str) -> Decimal | None:
        """A number as a person types or copies it; None: it is none.

        "." and "," may both part or group: with both, the last one parts. One alone parts, unless
        it is the reader's sign for groups and stands where one would: "1.234" is 1234 in German.
        """
        kept = "".join(c for c in text if not c.isspace()).replace(MINUS, "-").replace("'", "")
        if not re.fullmatch(r"-?[\d.,]+", kept):
            return None
        point, comma = kept.rfind("."), kept.rfind(",")
        if point >= 0 and comma >= 0:
            group = "," if point > comma else "."
        else:
            sign = "." if point >= 0 else ","
            grouped = re.fullmatch(rf"-?[1-9]\d{{0,2}}(\{sign}\d{{3}})+", kept)
            alone = kept.count(sign) == 1
            group = sign if grouped and (sign == self.symbols.group or not alone) else ""
        if group:
            if not re.fullmatch(rf"-?\d{{1,3}}(\{group}\d{{3}})*([.,]\d*)?", kept):
                return None
            kept = kept.replace(group, "")
        try:
            value = Decimal(kept.replace(",", "."))
        except InvalidOperation:
            return None
        return value if value.is_finite() else None

    def told(self, sentence: str) -> str:
        """A sentence of a service, which is written in English, with the reader's signs in its
        quantities: "1,735 EUR a year" is one and three quarters where the comma parts.

        Only numbers with a unit are touched: a name, an address or a date stays as it is.
        """
        if self.symbols.decimal == "." and self.symbols.group == ",":
            return sentence
        signs = {ord(","): self.symbols.group, ord("."): self.symbols.decimal}
        return _QUANTITY.sub(lambda found: found.group(0).translate(signs), sentence)

    def count(self, value: int) -> str:
        return self.number(value)

    def scale(self, unit: str, values: Iterable[float | None] = ()) -> Scale:
        """The fixed scale of a column in stored `unit` (W, Wh, V, ...) that fits its largest value.

        Without values it is the common one: kW, kWh.
        """
        top = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=None)
        if unit in _POWER_UNITS:
            if top is not None and top >= 999_950:
                return Scale("M" + unit, 1e6, 2, self.symbols)
            if top is not None and 0 < top < 999.5:
                return Scale(unit, 1.0, 0, self.symbols)
            return Scale("k" + unit, 1e3, 1, self.symbols)
        if unit in _ENERGY_UNITS:
            if top is not None and top > 1e7:
                return Scale("M" + unit, 1e6, 1, self.symbols)
            return Scale("k" + unit, 1e3, 1, self.symbols)
        return Scale(unit, 1.0, _DECIMALS.get(unit, 1), self.symbols)

    def quantity_scale(self, name: str, values: Iterable[float | None] = ()) -> Scale:
        """The scale for a quantity of domain/quantities.py. Raises KeyError for no such one."""
        from energy_desktop.domain.quantities import quantity

        return self.scale(quantity(name).unit, values)

    def quantity(self, name: str, value: float | None) -> str:
        """`quantity("voltage_l1_v", 231.29)` -> "231.3 V"."""
        return self.quantity_scale(name, (value,)).with_unit(value)

    def power(self, power_w: float | None) -> str:
        return self.scale("W", (power_w,)).with_unit(power_w)

    def energy(self, energy_wh: float | None) -> str:
        return self.scale("Wh", (energy_wh,)).with_unit(energy_wh)

    def percent(self, value: float | None, decimals: int = 0, *, signed: bool = False) -> str:
        if value is None or not math.isfinite(value):
            return UNKNOWN
        return f"{self._signed(value, decimals, signed)}{THIN}%"

    def _signed(self, value: float, decimals: int, signed: bool) -> str:
        text = self.number(value, decimals)
        is_zero = not any(c in "123456789" for c in text)
        return "+" + text if signed and value > 0 and not is_zero else text

    # -------------------------------------------------------- money

    @property
    def currency_sign(self) -> str:
        return self.sign_of(self.currency)

    def amount(self, units: int | None) -> str:
        """An amount in 1e-4 units with two decimals and no sign of the currency: for columns."""
        if units is None:
            return UNKNOWN
        cents = to_decimal(units).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return _grouped(cents, 2, self.symbols)

    def sign_of(self, currency: str) -> str:
        """The sign of an ISO 4217 code, where it has one that is known."""
        return _CURRENCY_SIGNS.get(currency, currency)

    def money(self, units: int | None, currency: str = "") -> str:
        """An amount in 1e-4 units: "€ 57.73", "− € 18.40". currency: of an invoice or a tariff,
        which keep theirs when the site takes another; empty: the site's.
        """
        if units is None:
            return UNKNOWN
        text = self.amount(abs(units))
        sign = f"{MINUS}{THIN}" if units < 0 and any(c in "123456789" for c in text) else ""
        return f"{sign}{self.sign_of(currency or self.currency)}{THIN}{text}"

    def money_value(self, value: float | Decimal | None) -> str:
        """The same for an amount in whole currency, as plans and forecasts estimate it."""
        if value is None or not math.isfinite(value):
            return UNKNOWN
        exact = Decimal(value).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
        return self.money(int(exact * 10_000))

    def unit_price(self, per_kwh: float | Decimal | None) -> str:
        """A price per kWh with four decimals, without the unit."""
        return self.number(per_kwh, 4)

    # -------------------------------------------------------- times

    def local(self, epoch_ms: int) -> datetime:
        return from_ms(epoch_ms).astimezone(self.zone)

    def now_ms(self) -> int:
        return to_ms(self.clock())

    def clock_time(self, epoch_ms: int | None, *, seconds: bool = False) -> str:
        """Local time of day, "14:37"; the hour that happens twice names its zone: "02:30 CEST"."""
        if epoch_ms is None:
            return UNKNOWN
        local = self.local(epoch_ms)
        text = local.strftime("%H:%M:%S" if seconds else "%H:%M")
        return f"{text} {local.tzname()}" if self._happens_twice(local) else text

    @staticmethod
    def _happens_twice(local: datetime) -> bool:
        return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()

    def moment(self, epoch_ms: int | None) -> str:
        """14:33:08 today, 13 Oct 12:30 this year, 13 Oct 2025 else."""
        if epoch_ms is None:
            return UNKNOWN
        local = self.local(epoch_ms)
        today = self.local(self.now_ms())
        if local.date() == today.date():
            return self.clock_time(epoch_ms, seconds=True)
        if local.year == today.year:
            return f"{self._day_month(local)} {self.clock_time(epoch_ms)}"
        return f"{self._day_month(local)} {local.year}"

    def full_moment(self, epoch_ms: int | None) -> str:
        """Date, year, time and zone, for details and evidence: "13 Oct 2025 12:30:00 CEST"."""
        if epoch_ms is None:
            return UNKNOWN
        local = self.local(epoch_ms)
        return f"{self._day_month(local)} {local.year} {local:%H:%M:%S} {local.tzname()}"

    def day(self, day: date | int, *, weekday: bool = True, year: bool = False) -> str:
        """A local day, given as date or as a moment in ms: "Tue 14 Oct"."""
        local = self.local(day).date() if isinstance(day, int) else day
        text = self._day_month(local)
        if weekday:
            text = f"{self.symbols.days[local.weekday()]} {text}"
        return f"{text} {local.year}" if year else text

    def month(self, year: int, month: int) -> str:
        return f"{self.symbols.long_months[month - 1]} {year}"

    def period(self, start_ms: int, end_ms: int) -> str:
        """[start, end) : "14 Oct 2025", "15 Jul to 13 Oct 2025", "12 Oct 8:00 to 9:00"."""
        start, end = self.local(start_ms), self.local(end_ms)
        whole_days = (start.hour, start.minute, end.hour, end.minute) == (0, 0, 0, 0)
        if not whole_days:
            until = self.clock_time(end_ms)
            if start.date() != end.date():
                until = f"{self._day_month(end)} {until}"
            return f"{self._day_month(start)} {self.clock_time(start_ms)} to {until}"
        last = end.date() - timedelta(days=1)
        if last <= start.date():
            return f"{self._day_month(start)} {start.year}"
        first = self._day_month(start) + ("" if start.year == last.year else f" {start.year}")
        return f"{first} to {self._day_month(last)} {last.year}"

    def top_bar_time(self) -> str:
        """Such as "Tue 14 Oct  14:37:12 CEST"."""
        local = self.local(self.now_ms())
        return f"{self.day(local.date())}  {local:%H:%M:%S} {local.tzname()}"

    def _day_month(self, day: date) -> str:
        return f"{day.day} {self.symbols.months[day.month - 1]}"

    def duration(self, seconds: float | None) -> str:
        """Such as "12 s", "4 min", "1 h 51", "26 h", "9 days"."""
        if seconds is None or not math.isfinite(seconds):
            return UNKNOWN
        whole = round(abs(seconds))
        if whole < 60:
            return f"{whole} s"
        minutes = round(whole / 60)
        if minutes < 60:
            return f"{minutes} min"
        hours, rest = divmod(minutes, 60)
        if hours < 10:
            return f"{hours} h {rest:02d}" if rest else f"{hours} h"
        hours = round(whole / 3600)
        if hours < 72:
            return f"{hours} h"
        return f"{round(whole / 86400)} days"

    def exact_duration(self, seconds: float | None) -> str:
        """Such as "15 min 32 s", where the seconds matter: a lost meter."""
        if seconds is None or not math.isfinite(seconds):
            return UNKNOWN
        whole = round(abs(seconds))
        if whole < 60 or whole >= 3600:
            return self.duration(seconds)
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
