"""The site at a glance, as values: power now, the running quarter hour, today, last night.

Powers in W, energies in Wh, money in 1e-4 units, times in UTC epoch ms. None is unknown, never
zero: a sum with an unknown part is unknown too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy_desktop.domain.recommendation import Recommendation
from energy_desktop.domain.site import Role
from energy_desktop.domain.waste import EveningUse

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats, Int64s

REST = "rest"
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class LoadGroup:
    """Meters that are shown as one consumer. group_id: an equipment, a meter, or OTHERS."""

    group_id: str
    name: str
    meter_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usual:
    """What eight of ten same weekdays had at this hour; weeks: how many it rests on."""

    low_w: float
    high_w: float
    weeks: int


@dataclass(frozen=True, slots=True)
class PowerPart:
    """A source or consumer now. power_w None: a meter of it does not answer, or never did.

    lost: names of those meters. last_w, last_ms: what a single lost meter said last.
    """

    part_id: str
    name: str
    role: Role
    meter_ids: tuple[str, ...]
    power_w: float | None
    usual: Usual | None = None
    lost: tuple[str, ...] = ()
    last_w: float | None = None
    last_ms: int | None = None
    export: bool = False  # a consumer that is the grid (export) or the battery (charging)


@dataclass(frozen=True, slots=True)
class PowerNow:
    """load_w: what the site uses, from the meters of its supply; without any, its loads."""

    at_ms: int
    sources: tuple[PowerPart, ...]
    sinks: tuple[PowerPart, ...]
    load_w: float | None


@dataclass(frozen=True, slots=True)
class DemandNow:
    """The running quarter hour of the grid import.

    mean_w, projected_w None: the block was not seen from its start. trace: running mean.
    limit_w: the lower of the month's peak and the contract; free_w: the import that may be held to
    the end of the block without passing it, None where the block cannot pass or is not known.
    """

    start_ms: int
    end_ms: int
    at_ms: int
    mean_w: float | None
    projected_w: float | None
    trace: tuple[tuple[int, float], ...]
    peak_w: float | None
    contract_w: float | None
    limit_w: float | None
    free_w: float | None


@dataclass(frozen=True, slots=True, eq=False)
class DayLoad:
    """The site's load of the local day in quarter hours; arrays of shape (n,), NaN unknown.

    usual_low_w, usual_high_w: eight of ten same weekdays. forecast_*: empty until computed.
    closed: stretches of the day outside of every contract's hours.
    """

    day_start_ms: int
    day_end_ms: int
    start_ms: Int64s
    load_w: Floats
    usual_low_w: Floats
    usual_high_w: Floats
    weeks: int
    closed: tuple[tuple[int, int], ...] = ()
    forecast_start_ms: tuple[int, ...] = ()
    forecast_w: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class DayCost:
    """Money of the local day so far. battery_saved: against the same day without the battery.

    typical_*: eight of ten same weekdays up to this time of day. out_of_contract_*: use of rented
    zones outside of their hours, at its tariff and in its currency; None: nobody rents, or the
    money is of several currencies. missing: quarter hours unknown.
    """

    import_wh: float
    import_units: int
    export_wh: float
    export_units: int
    battery_saved_units: int | None
    out_of_contract_wh: float | None
    out_of_contract_units: int | None
    typical_low_units: int | None
    typical_high_units: int | None
    missing: int
    currency: str
    out_of_contract_currency: str = ""

    @property
    def total_units(self) -> int:
        return self.import_units - self.export_units


@dataclass(frozen=True, slots=True)
class NightWaste:
    """The last night that is over, by place, the worst first. evening_ms None: none is judged."""

    evening_ms: int | None
    places: tuple[EveningUse, ...]
    excess_wh: int
    excess_units: int
    why_none: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DayOverview:
    """The slow part: everything that reads history."""

    made_at_ms: int
    load: DayLoad
    cost: DayCost
    waste: NightWaste
    completeness_pct: float | None
    peak_w: float | None
    peak_at_ms: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Advice:
    """What to do, and the forecast that was made on the way. failed: what could not be judged."""

    made_at_ms: int
    recommendations: tuple[Recommendation, ...]
    forecast_start_ms: tuple[int, ...] = ()
    forecast_w: tuple[float, ...] = ()
    failed: tuple[str, ...] = ()
