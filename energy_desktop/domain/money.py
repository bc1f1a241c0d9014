"""Exact money: integers of 1e-4 currency units, rounded once per line.

Floats lose cents and SQLite's NUMERIC is a float, so an amount is an int everywhere between the
calculation and the paper.
"""

from decimal import ROUND_HALF_UP, Decimal

UNITS = 10_000  # of 1e-4 in one currency unit
CENT = 100  # units in the smallest coin that a line is rounded to


def to_units(amount: Decimal) -> int:
    """`Decimal("1.2345")` -> 12345. Raises ValueError when digits would be lost."""
    scaled = amount * UNITS
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more than four decimals")
    return int(scaled)


def to_decimal(units: int) -> Decimal:
    return Decimal(units) / UNITS


def price_energy(energy_wh: int, price_per_kwh: Decimal) -> int:
    """Energy times price in 1e-4 units, rounded half up to a cent, once."""
    cents = (Decimal(energy_wh) * price_per_kwh / 1000 * 100).quantize(Decimal(1), ROUND_HALF_UP)
    return int(cents) * CENT


def share(units: int, percent: Decimal) -> int:
    """`percent` of an amount (a tax), rounded half up to a cent."""
    cents = (Decimal(units) * percent / 100 / CENT).quantize(Decimal(1), ROUND_HALF_UP)
    return int(cents) * CENT
