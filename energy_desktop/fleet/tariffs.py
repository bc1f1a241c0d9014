"""Every household's bill under two tariffs, and whether time-of-use households use power at
other times.

Bills come from the energy of each half hour of the week, in whole mWh, and prices in whole
millionths: exact, and another tariff never needs the readings again. Of a reading that reaches over
a change of rate nobody knows when its energy was used; it is taken as even (days.in_half_hours).
What is missing in a household's readings is missing in both bills alike; the yearly figures scale
to whole days.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from energy_desktop.domain.fleet import FleetTariff
from energy_desktop.domain.money import UNITS
from energy_desktop.fleet.week import SLOTS_OF_WEEK, dearest_and_cheapest, rate_slots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DAYS_OF_YEAR = 365.25
_MICRO = 1_000_000
_Z_95 = 1.96
LEAST_GROUP = 5


@dataclass(frozen=True, slots=True)
class Weeks:
    """What households used in each half hour of the local week.

    names (n): ascending. mwh, covered_min (n, 336). Slots without a reading are 0 in both.
    """

    names: tuple[str, ...]
    mwh: Ints
    covered_min: Ints

    @property
    def days(self) -> Floats:
        """Days' worth of readings, shape (n,)."""
        return np.asarray(self.covered_min.sum(axis=1) / 1440.0)

    @property
    def kwh(self) -> Floats:
        return np.asarray(self.mwh.sum(axis=1) / _MICRO)


def weeks_of(table: pa.Table) -> Weeks:
    """From the rows of days.week(): household, slot, mwh, covered_min."""
    names = pc.unique(table["household"].cast(pa.string())).sort()
    row = pc.index_in(table["household"].cast(pa.string()), names).to_numpy()
    slot = table["slot"].to_numpy()
    shape = (len(names), SLOTS_OF_WEEK)
    mwh, covered = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    mwh[row, slot] = table["mwh"].to_numpy()
    covered[row, slot] = table["covered_min"].to_numpy()
    return Weeks(tuple(names.to_pylist()), mwh, covered)


def bills(weeks: Weeks, tariff: FleetTariff) -> Ints:
    """What each household pays for what was read, in 1e-4 currency units, shape (n,)."""
    total = np.zeros(len(weeks.names), np.int64)
    slots = rate_slots(tariff)
    for rate in tariff.rates:
        price = _whole(rate.price_per_kwh * _MICRO)
        total += weeks.mwh[:, list(slots[rate.name])].sum(axis=1) * price
    per_unit = _MICRO * _MICRO // UNITS
    energy = (2 * total + per_unit) // (2 * per_unit)  # half up
    days = np.rint(weeks.days).astype(np.int64)
    return np.asarray(energy + days * _whole(tariff.standing_per_day * UNITS), np.int64)


def yearly(amount: Floats | Ints, weeks: Weeks) -> Floats:
    """Scaled from the days that were read to a year."""
    return np.asarray(amount * DAYS_OF_YEAR / np.maximum(weeks.days, 1e-9))


def peak_share(weeks: Weeks, tariff: FleetTariff) -> Floats:
    """Share of the energy that falls into the dearest rate, shape (n,); NaN: none was used."""
    peak, _ = dearest_and_cheapest(tariff)
    used = weeks.mwh.sum(axis=1)
    share = weeks.mwh[:, list(peak)].sum(axis=1) / np.maximum(used, 1)
    return np.where(used > 0, share, np.nan)


@dataclass(frozen=True, slots=True)
class Response:
    """Time-of-use households beside the others. Differences with their 95 % interval.

    They were not drawn by lot here: a difference is no proof of a response.
    """

    time_of_use: int
    others: int
    peak_share_pct: tuple[float, float]
    difference_pct: float
    low_pct: float
    high_pct: float
    kwh_per_day: tuple[float, float]

    @property
    def words(self) -> str:
        if self.low_pct <= 0.0 <= self.high_pct:
            return "No difference in the peak share that chance would not give."
        sense = "less" if self.difference_pct < 0 else "more"
        return (
            f"Time-of-use households use {abs(self.difference_pct):.1f} percentage points {sense} "
            f"of their energy at the peak ({self.low_pct:.1f} to {self.high_pct:.1f})."
        )


def response(share: Floats, kwh_per_day: Floats, time_of_use: NDArray[np.bool_]) -> Response | None:
    """None: fewer than LEAST_GROUP households on one side. All shapes (n,)."""
    known = np.isfinite(share)
    inside, outside = known & time_of_use, known & ~time_of_use
    n, m = int(inside.sum()), int(outside.sum())
    if min(n, m) < LEAST_GROUP:
        return None
    a, b = 100.0 * share[inside], 100.0 * share[outside]
    difference = float(a.mean() - b.mean())
    margin = _Z_95 * float(np.sqrt(a.var(ddof=1) / n + b.var(ddof=1) / m))
    return Response(
        n,
        m,
        (float(a.mean()), float(b.mean())),
        difference,
        difference - margin,
        difference + margin,
        (float(kwh_per_day[inside].mean()), float(kwh_per_day[outside].mean())),
    )


def _whole(value: Decimal) -> int:
    """Raises ValueError for a price with more digits than are calculated with."""
    if value != value.to_integral_value():
        raise ValueError(f"a price has more decimals than are calculated with ({value})")
    return int(value)
