"""The half hours of a local week, and which rate of a tariff holds in each of them."""

from __future__ import annotations

from energy_desktop.domain.fleet import FleetTariff
from energy_desktop.fleet import clock

SLOT_MIN = 30
SLOTS_OF_WEEK = 336


def rate_slots(tariff: FleetTariff) -> dict[str, tuple[int, ...]]:
    """Name of each rate -> the half hours of the week at which it holds."""
    found: dict[str, list[int]] = {rate.name: [] for rate in tariff.rates}
    for slot in range(SLOTS_OF_WEEK):
        weekday, minute = divmod(slot * SLOT_MIN, clock.DAY_MIN)
        found[tariff.rate_at(weekday, minute).name].append(slot)
    return {name: tuple(slots) for name, slots in found.items()}


def dearest_and_cheapest(tariff: FleetTariff) -> tuple[tuple[int, ...], tuple[int, ...]]:
    slots = rate_slots(tariff)
    by_price = sorted((r for r in tariff.rates if slots[r.name]), key=lambda r: r.price_per_kwh)
    return slots[by_price[-1].name], slots[by_price[0].name]
