"""What the meters would have recorded before the first start.

Made in pieces of a month for all meters: what the meters share (weather, mains) is worked out once
a piece, memory stays small, and a store that seals a day at a time gets many days in one call,
which costs it a fifth of a call a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from energy_desktop.acquisition.profiles import DriverProfile, ProfileLibrary
from energy_desktop.acquisition.simulator.moments import MINUTES_PER_DAY
from energy_desktop.acquisition.simulator.noise import Floats, Ints
from energy_desktop.acquisition.simulator.site import VirtualSite
from energy_desktop.acquisition.simulator.wire import recorded_values
from energy_desktop.domain.energy import DAY_MS

DAYS_AT_ONCE = 31

SECONDS_AT_END = 3600
"""The last hour is recorded each second, everything before it each minute."""


@dataclass(frozen=True, slots=True)
class HistoryBlock:
    """One quantity of one meter: minutes from a UTC midnight on, or seconds of one UTC hour.

    time_ms (n,): ascending UTC epoch ms. values (n,): at the resolution of the quantity.
    """

    meter_id: str
    quantity: str
    time_ms: Ints
    values: Floats


def history(
    site: VirtualSite, end_ms: int, days: int = 90, *, library: ProfileLibrary
) -> Iterator[HistoryBlock]:
    """Readings before `end_ms`, from the start of the UTC day `days` earlier.

    For each meter and quantity the blocks come in order of time. Registers per phase are left
    out: they are shares of the total and would double the work. Raises ValueError when the site
    did not exist so long ago, NotFound for an unknown driver.
    """
    end_s = end_ms // 1000
    seconds_from = end_s - SECONDS_AT_END
    first_day = end_ms // DAY_MS - days
    profiles = {
        meter.meter_id: library.get(meter.driver_id)
        for meter in site.configuration.meters
        if meter.driver_id and meter.meter_id in site.meter_ids
    }
    last_minute = -(-seconds_from // 60)
    for day in range(first_day, -(-last_minute // MINUTES_PER_DAY), DAYS_AT_ONCE):
        until = min((day + DAYS_AT_ONCE) * MINUTES_PER_DAY, last_minute)
        minutes = np.arange(day * MINUTES_PER_DAY, until, dtype=np.int64)
        yield from _blocks(site, profiles, minutes * 60)
    on_the_hour = -(-seconds_from // 3600) * 3600
    for begin, end in ((seconds_from, on_the_hour), (on_the_hour, end_s)):
        yield from _blocks(site, profiles, np.arange(begin, end, dtype=np.int64))


def _blocks(
    site: VirtualSite, profiles: dict[str, DriverProfile], seconds: Ints
) -> Iterator[HistoryBlock]:
    """seconds (n,): moments to record."""
    if seconds.size == 0:
        return
    first_day, last_day = int(seconds[0]) // 86_400, int(seconds[-1]) // 86_400
    pages = site.pages(first_day, last_day - first_day + 1)
    mains = site.mains(seconds)
    time_ms = seconds * 1000
    for meter_id, profile in profiles.items():
        shows = site.recorded(meter_id, pages, seconds, mains)
        for register in profile.registers:
            if _is_phase_register(register.quantity):
                continue
            values = recorded_values(register, shows.value(register.quantity))
            yield HistoryBlock(meter_id, register.quantity, time_ms, values)


def _is_phase_register(quantity: str) -> bool:
    return "energy" in quantity and any(f"_{phase}_" in quantity for phase in ("l1", "l2", "l3"))
