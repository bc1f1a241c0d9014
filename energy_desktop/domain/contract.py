"""Who rents what, during which hours, at which price.

Versions follow each other without a gap; a change makes a version, so that an old bill can be
made again. Prices are Decimal with at most four decimals.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Client:
    client_id: str
    name: str
    address: tuple[str, ...] = ()
    email: str = ""
    tax_id: str = ""


Span = tuple[int, int]
"""Minutes of the local clock, start inclusive, end exclusive: (480, 1200) is 08:00 to 20:00."""


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Contract hours on the wall clock, Monday first; `on_holidays` False: holidays are outside."""

    days: tuple[tuple[Span, ...], ...]
    on_holidays: bool = True

    def __post_init__(self) -> None:
        if len(self.days) != 7:
            raise ValueError("weekly hours need seven days, Monday first")
        for spans in self.days:
            previous_end = 0
            for start, end in spans:
                if not previous_end <= start < end <= 1440:
                    raise ValueError(f"contract hours {spans} overlap or leave the day")
                previous_end = end

    def contains(self, weekday: int, minute: int, *, holiday: bool = False) -> bool:
        """Whether a local minute lies in contract hours. weekday: 0 is Monday."""
        if holiday and not self.on_holidays:
            return False
        return any(start <= minute < end for start, end in self.days[weekday])


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """Prices from a local date on. currency: ISO 4217; it stays what it was when the site takes
    another."""

    tariff_id: str
    version: int
    valid_from: date
    energy_price_per_kwh: Decimal
    out_of_hours_price_per_kwh: Decimal
    currency: str
    tax_pct: Decimal = Decimal(0)
    note: str = ""


@dataclass(frozen=True, slots=True)
class ContractVersion:
    """What a client agreed to, from a local date until the next version (or `valid_to`)."""

    contract_id: str
    version: int
    client_id: str
    valid_from: date
    hours: WeeklyHours
    tariff_id: str
    space_ids: tuple[str, ...]
    valid_to: date | None = None  # exclusive


@dataclass(frozen=True, slots=True)
class PriceSlot:
    """A market price for [start, end); steps of 15, 30 and 60 minutes may mix."""

    start_ms: int
    end_ms: int
    import_per_kwh: float
    export_per_kwh: float
