"""Two tariffs from a TOML file, so that a fleet is priced at what its people really pay.

    currency = "GBP"

    [a]
    name = "Standard"
    standing_per_day = "0.45"
    [a.rates]
    "all hours" = { price = "0.1423" }

    [b]
    name = "Time of use"
    [b.rates]
    peak  = { price = "0.3020", days = "Mon-Fri", from = "16:00", to = "20:00" }
    night = { price = "0.0990", days = "Mon-Sun", from = "00:00", to = "06:00" }
    day   = { price = "0.1170" }

Prices are texts, because a float has no exact hundredth of a penny.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FleetTariff, Rate
from energy_desktop.domain.toml_text import parse_toml

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SLOT_MIN = 30
_MOST = 1_000_000  # per kWh or day, in any currency


def read_tariffs(path: Path) -> tuple[FleetTariff, FleetTariff, str]:
    """Tariff A, tariff B and the currency ("" when not said). Raises DataFileError."""
    try:
        said = parse_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(path, f"It cannot be read: {error}.") from error
    tariffs = []
    for key in ("a", "b"):
        if not isinstance(said.get(key), dict):
            raise _wrong(path, f"It has no tariff [{key}].")
        tariffs.append(_tariff(path, key, said[key]))
    return tariffs[0], tariffs[1], str(said.get("currency", ""))


def _tariff(path: Path, key: str, said: dict[str, Any]) -> FleetTariff:
    rates = said.get("rates")
    if not isinstance(rates, dict) or not rates:
        raise _wrong(path, f"Tariff [{key}] has no [{key}.rates].")
    try:
        return FleetTariff(
            str(said.get("name", key.upper())),
            tuple(_rate(path, f"{key}.{name}", name, rate) for name, rate in rates.items()),
            _price(path, f"{key}.standing_per_day", said.get("standing_per_day", "0"), decimals=4),
        )
    except ValueError as error:
        raise _wrong(path, f"Tariff [{key}]: {error}.") from error


def _rate(path: Path, where: str, name: str, said: Any) -> Rate:
    if not isinstance(said, dict) or "price" not in said:
        raise _wrong(path, f"Rate {where} has no price.")
    price = _price(path, where, said["price"], decimals=6)
    if "from" not in said and "to" not in said and "days" not in said:
        return Rate(name, price)
    start = _minute(path, where, said.get("from", "00:00"))
    end = _minute(path, where, said.get("to", "24:00"))
    days = _days(path, where, str(said.get("days", "Mon-Sun")))
    spans = ((start, end),)
    return Rate(name, price, WeeklyHours(tuple(spans if day in days else () for day in range(7))))


def _price(path: Path, where: str, said: Any, *, decimals: int) -> Decimal:
    try:
        price = Decimal(said if isinstance(said, str | int) else "?")
    except InvalidOperation:
        raise _wrong(path, f'{where}: {said!r} is no price; write it as "0.2500".') from None
    exponent = price.as_tuple().exponent
    if not price.is_finite() or (isinstance(exponent, int) and -exponent > decimals):
        raise _wrong(path, f"{where}: {said!r} has more than {decimals} decimals.")
    if not -_MOST <= price <= _MOST:
        raise _wrong(path, f"{where}: {str(said)[:40]!r} is beyond any price.")
    return price


def _minute(path: Path, where: str, said: Any) -> int:
    hour, _, minute = str(said).partition(":")
    if not (hour.isdigit() and minute.isdigit()):
        raise _wrong(path, f"{where}: {said!r} is no time; write it as 16:00.")
    found = 60 * int(hour) + int(minute)
    if found > 1440 or found % _SLOT_MIN:
        raise _wrong(path, f"{where}: {said} is not on a half hour of the day.")
    return found


def _days(path: Path, where: str, said: str) -> set[int]:
    found: set[int] = set()
    for part in said.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first[:3] not in _DAYS or (last and last[:3] not in _DAYS):
            raise _wrong(path, f"{where}: {said!r} are no days; write them as Mon-Fri.")
        start = _DAYS.index(first[:3])
        end = _DAYS.index(last[:3]) if last else start
        if end < start:
            raise _wrong(path, f"{where}: {said!r} runs backwards; write Sat,Sun,Mon.")
        found |= set(range(start, end + 1))
    return found


def _wrong(path: Path, what: str) -> DataFileError:
    return DataFileError(
        where=path.name, what=what, remedy="docs/fleet.md shows how tariffs are written."
    )
