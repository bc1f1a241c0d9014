"""The day-ahead prices of the shared data, as plain hours of a stretch without a DST step."""

import csv
import gzip
from datetime import UTC, datetime

from tests.support.shared_data import shared_data


def local_prices(zone: str, first: str, end_exclusive: str) -> list[float]:
    """Prices per kWh of the local hours from `first` on; both are ISO dates."""
    begin = datetime.fromisoformat(first).replace(tzinfo=UTC)  # a label here, not a moment
    end = datetime.fromisoformat(end_exclusive).replace(tzinfo=UTC)
    path = shared_data("prices-day-ahead") / f"{zone}_hourly.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        rows = [
            (
                datetime.strptime(row["time_local"], "%m/%d/%Y %H:%M").replace(tzinfo=UTC),
                float(row["Price_DA"]),
            )
            for row in csv.DictReader(file)
        ]
    return [price / 1000 for moment, price in rows if begin <= moment < end]
