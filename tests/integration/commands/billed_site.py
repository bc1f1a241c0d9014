"""A site with five metered days over a clock change, rented by two clients: enough for a bill.

27 to 31 March 2025 in Berlin; on Sunday the 30th the day has 23 hours. The meters count whole Wh
per minute, so that a test can add them up again with nothing but the standard library.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import Client, ContractVersion, TariffVersion, WeeklyHours
from energy_desktop.domain.site import Meter, Site, Space, SpaceKind
from energy_desktop.storage import open_store

ZONE = ZoneInfo("Europe/Berlin")
MONTH = "2025-03"
FIRST, AFTER = date(2025, 3, 27), date(2025, 4, 1)
PRICE, TAX_PCT = Decimal("0.3820"), Decimal(19)
OPENING_WH = 5_000_000
OFFICE = WeeklyHours((((480, 1200),),) * 5 + ((), ()))  # Mon to Fri 08:00 to 20:00


def wh_of_minute(moment: datetime) -> int:
    """What a lamp uses: 17 Wh a minute in the evening, 9 by day, 1 at night. Aware UTC moment."""
    hour = moment.astimezone(ZONE).hour
    return 17 if 18 <= hour < 23 else 9 if 7 <= hour < 18 else 1


def minutes() -> list[datetime]:
    """Every minute from local midnight to local midnight, in UTC."""
    start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=ZONE).astimezone(UTC)
    end = datetime(AFTER.year, AFTER.month, AFTER.day, tzinfo=ZONE).astimezone(UTC)
    return [start + timedelta(minutes=i) for i in range(int((end - start).total_seconds() // 60))]


def outside_by_day() -> dict[date, int]:
    """Wh outside the contract hours, minute by minute on the wall clock."""
    found: dict[date, int] = {}
    for moment in minutes():
        local = moment.astimezone(ZONE)
        if not (local.weekday() < 5 and 8 <= local.hour < 20):
            found[local.date()] = found.get(local.date(), 0) + wh_of_minute(moment)
    return found


def a_configuration() -> Configuration:
    clients = ("meyer", "zwei")
    return Configuration(
        site=Site(
            name="Lindenhof",
            zone="Europe/Berlin",
            operator="Lindenhof Immobilien GmbH",
            operator_address=("Lindenhof 1", "10115 Berlin"),
            tax_id="DE123456789",
        ),
        spaces=(
            Space("house", "House", SpaceKind.BUILDING),
            *(Space(f"zone-{c}", f"Zone {c}", SpaceKind.ZONE, parent_id="house") for c in clients),
        ),
        meters=tuple(
            Meter(f"light-{c}", f"Lights {c}", space_id=f"zone-{c}", mid_approved=True)
            for c in clients
        ),
        clients=tuple(
            Client(c, f"{c.title()} GmbH", ("Am Tor 3", "10115 Berlin")) for c in clients
        ),
        tariffs=(
            TariffVersion("standard", 1, date(2025, 1, 1), Decimal("0.25"), PRICE, "EUR", TAX_PCT),
        ),
        contracts=tuple(
            ContractVersion(f"c-{c}", 1, c, FIRST, OFFICE, "standard", (f"zone-{c}",))
            for c in clients
        ),
    )


def make(folder: Path, *, without_minutes: range = range(0), interval_min: int = 15) -> SiteFolder:
    """The site on disk. without_minutes: readings that the meter of `zwei` never gave."""
    site = SiteFolder(folder)
    site.make()
    moments = minutes()
    end = moments[-1] + timedelta(minutes=1)
    time_ms = np.array([round(m.timestamp() * 1000) for m in (*moments, end)], dtype=np.int64)
    used = np.array([0, *(wh_of_minute(m) for m in moments)], dtype=np.float64)
    counter = OPENING_WH + np.cumsum(used)
    power = np.append(used[1:] * 60.0, 0.0)
    store = open_store(site.database, engine_owner="test")
    try:
        site_of = a_configuration()
        meters = tuple(replace(m, interval_min=interval_min) for m in site_of.meters)
        store.configuration.replace(replace(site_of, meters=meters))
        for client in ("meyer", "zwei"):
            keep = np.ones(len(time_ms), dtype=bool)
            if client == "zwei":
                keep[list(without_minutes)] = False
            store.bulk.add_sealed(
                f"light-{client}", "energy_import_wh", time_ms[keep], counter[keep]
            )
            store.bulk.add_sealed(f"light-{client}", "power_w", time_ms[keep], power[keep])
        store.bulk.finish()
    finally:
        store.close()
    return site
