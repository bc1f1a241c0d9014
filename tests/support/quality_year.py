"""A site whose year of readings has all that a page of data quality is for.

Readings every 5 minutes through 2026: a long gap while the program was off, a night without power,
half an hour without an answer, a register that fell because the meter was exchanged and nobody
said so. What truly flowed is known, so that every repaired figure can be held against it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import local_midnight_ms, to_ms
from energy_desktop.domain.energy import Gap, GapCause
from energy_desktop.domain.site import Meter, Role
from tests.support.store_builders import SetClock, a_configuration, a_contract

ZONE = ZoneInfo("Europe/Berlin")
STEP_MS = 300_000
QUARTER_MS = 900_000
METER = "m"
REGISTER = "energy_import_wh"
POWERS = (("grid", 9_000.0, 1), (METER, 2_400.0, 2))


def at(text: str) -> int:
    """A local time of the site, such as `2026-03-04 08:00`, in UTC epoch ms."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZONE))


NOT_RUNNING = (at("2026-03-10 07:00"), at("2026-03-12 15:00"))
NO_POWER = (at("2026-08-18 21:00"), at("2026-08-19 05:30"))
NO_ANSWER = (at("2026-11-04 10:10"), at("2026-11-04 10:50"))
EXCHANGED = at("2026-06-16 11:00")
BACK = at("2026-06-16 12:00")
NEW_START_WH = 1_250
NOW = at("2027-01-06 09:00")


@dataclass
class Truth:
    """What flowed: readings every 5 minutes from the site's first midnight on."""

    start_ms: int
    odometer_wh: dict[str, np.ndarray] = field(default_factory=dict)

    def energy(self, meter_id: str, start_ms: int, end_ms: int) -> int:
        wh = self.odometer_wh[meter_id]
        first, last = ((t - self.start_ms) // STEP_MS for t in (start_ms, end_ms))
        return int(wh[last] - wh[first])


def the_configuration():
    """Two meters with readings and one without; the tenant rents the zone of the lights."""
    contract = a_contract()
    return a_configuration(
        meters=(
            Meter("grid", "Grid connection", "eastron_sdm630", "l", role=Role.GRID,
                  poll_interval_s=300.0, connection_limit_w=60_000.0),
            Meter(METER, "Lights of the second hall", "eastron_sdm120", "l", unit_id=2,
                  space_id="z1", parent_id="grid", poll_interval_s=300.0,
                  serial_number="SN-1004", connection_limit_w=11_000.0),
            Meter("press", "Press", "eastron_sdm120", "l", 3, equipment="compressor"),
        ),
        contracts=(contract,),
    )  # fmt: skip


def fill(store, first: date = date(2026, 1, 1), end: date = date(2027, 1, 1)) -> Truth:
    """Writes the readings and their gaps; `store` is the engine's."""
    store.configuration.replace(the_configuration())
    start_ms, end_ms = local_midnight_ms(first, ZONE), local_midnight_ms(end, ZONE)
    times = np.arange(start_ms, end_ms + 1, STEP_MS, dtype=np.int64)
    truth = Truth(start_ms)
    for meter_id, mean_w, seed in POWERS:
        power = _power(times, mean_w, seed)
        odometer = 40_000 + np.floor(np.concatenate(([0.0], np.cumsum(power[:-1] / 12)))).astype(
            int
        )
        truth.odometer_wh[meter_id] = odometer
        shown, kept = odometer.astype(float), np.ones(len(times), bool)
        if meter_id == METER:
            for span in (NOT_RUNNING, NO_POWER, NO_ANSWER, (EXCHANGED + 1, BACK)):
                kept &= (times < span[0]) | (times >= span[1])
            after = times > EXCHANGED
            if after.any() and times[0] <= EXCHANGED:
                was = int(odometer[times == EXCHANGED][0])
                shown[after] = shown[after] - was + NEW_START_WH
        store.bulk.add_sealed(meter_id, REGISTER, times[kept], shown[kept])
        store.bulk.add_sealed(meter_id, "power_w", times[kept], power[kept])
    for (begin, until), cause, detail in (
        (NOT_RUNNING, GapCause.NOT_RUNNING, "the computer was off"),
        (NO_POWER, GapCause.POWER, "no voltage on three phases"),
        (NO_ANSWER, GapCause.COMMUNICATION, "no answer in 3 tries of 1.0 s"),
    ):
        if start_ms <= begin and until <= end_ms:
            store.record_gap(Gap(METER, begin, until, cause, detail))
    store.bulk.finish()
    return truth


def _power(times: np.ndarray, mean_w: float, seed: int) -> np.ndarray:
    """Working days busy, nights and Sundays quiet, a slow season, some noise."""
    rng = np.random.default_rng(seed)
    hours = (times - times[0]) / 3_600_000
    of_day = hours % 24
    weekday = ((hours // 24).astype(int) + 3) % 7  # 1 January 2026 is a Thursday
    busy = (of_day > 6.5) & (of_day < 19) & (weekday < 5)
    half = (of_day > 8) & (of_day < 13) & (weekday == 5)
    level = np.where(busy, 1.7, np.where(half, 0.9, 0.32))
    season = 1 + 0.22 * np.cos(2 * np.pi * hours / 8766)
    return mean_w * level * season * np.clip(rng.normal(1, 0.08, len(times)), 0.5, 1.5)


def a_clock() -> SetClock:
    return SetClock(NOW)
