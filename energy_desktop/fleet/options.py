"""What a run was asked, as its manifest keeps it: for going on with it, and for one year of it."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.fleet import FileColumns, FleetOptions, FleetTariff, Rate


def to_document(options: FleetOptions) -> dict[str, Any]:
    """JSON; prices are texts, because a float has no exact hundredth of a penny."""
    return {
        "zone": options.zone,
        "columns": asdict(options.columns),
        "tariff_a": _tariff_document(options.tariff_a),
        "tariff_b": _tariff_document(options.tariff_b),
        "currency": options.currency,
        "segments": options.segments,
        "seed": options.seed,
    }


def from_document(said: dict[str, Any]) -> FleetOptions:
    return FleetOptions(
        zone=said["zone"],
        columns=FileColumns(**said["columns"]),
        tariff_a=_tariff(said["tariff_a"]),
        tariff_b=_tariff(said["tariff_b"]),
        currency=said["currency"],
        segments=said["segments"],
        seed=said["seed"],
    )


def _tariff_document(tariff: FleetTariff) -> dict[str, Any]:
    return {
        "name": tariff.name,
        "standing_per_day": str(tariff.standing_per_day),
        "rates": [
            {
                "name": rate.name,
                "price_per_kwh": str(rate.price_per_kwh),
                "hours": None
                if rate.hours is None
                else {"days": rate.hours.days, "on_holidays": rate.hours.on_holidays},
            }
            for rate in tariff.rates
        ],
    }


def _tariff(said: dict[str, Any]) -> FleetTariff:
    return FleetTariff(
        said["name"],
        tuple(
            Rate(one["name"], Decimal(one["price_per_kwh"]), _hours(one["hours"]))
            for one in said["rates"]
        ),
        Decimal(said["standing_per_day"]),
    )


def _hours(said: dict[str, Any] | None) -> WeeklyHours | None:
    if said is None:
        return None
    days = tuple(tuple((start, end) for start, end in spans) for spans in said["days"])
    return WeeklyHours(days, said["on_holidays"])
