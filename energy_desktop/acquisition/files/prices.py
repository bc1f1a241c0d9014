"""Prices from a CSV: `start_utc,price_per_kwh[,export_price_per_kwh]`."""

from __future__ import annotations

from pathlib import Path

from energy_desktop.acquisition.files.slot_table import read_slot_table
from energy_desktop.domain.contract import PriceSlot


def read_prices(path: Path) -> tuple[PriceSlot, ...]:
    """Market prices in currency per kWh; steps of 15, 30 and 60 min may mix.

    Without an export column the one price holds both ways. Raises DataFileError.
    """
    table = read_slot_table(path, "price_per_kwh", ("export_price_per_kwh",))
    price = table.columns["price_per_kwh"]
    export = table.columns.get("export_price_per_kwh", price)
    return tuple(
        PriceSlot(start, end, bought, sold)
        for start, end, bought, sold in zip(
            table.start_ms.tolist(),
            table.end_ms.tolist(),
            price.tolist(),
            export.tolist(),
            strict=True,
        )
    )
