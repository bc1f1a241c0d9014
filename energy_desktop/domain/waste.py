"""Light left on after the cleaning round."""

from dataclasses import dataclass
from datetime import date
from enum import Enum


class EveningVerdict(Enum):
    EXPECTED = "expected"  # off within the time that cleaning is given
    LONG = "long"  # longer than expected, under the flag
    FLAGGED = "flagged"  # over three hours
    NO_DATA = "no data"


@dataclass(frozen=True, slots=True)
class EveningUse:
    """One zone on one evening, from the end of contract hours to their next start.

    energy_wh is all light of that time. Minutes, first and last light, excess and verdict are of
    the evening alone: light switched on from 04:00 on belongs to the opening that follows.
    """

    space_id: str
    space_name: str
    meter_id: str
    evening: date
    contract_end_ms: int
    lit_from_ms: int | None
    lit_until_ms: int | None
    lit_minutes: int
    expected_minutes: int
    energy_wh: int
    excess_wh: int
    excess_cost_units: int
    verdict: EveningVerdict
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class ZoneWaste:
    """A zone over the period: what was used after hours, what of it cleaning does not explain."""

    space_id: str
    space_name: str
    meter_ids: tuple[str, ...]
    evenings: int
    evenings_flagged: int
    energy_wh: int
    excess_wh: int
    excess_cost_units: int
    yearly_saving_units: int  # the excess of this period, at this rate for a year
    naive_wh: int  # rival: everything after hours counts as waste


@dataclass(frozen=True, slots=True)
class WasteReport:
    start_ms: int
    end_ms: int
    currency: str
    zones: tuple[ZoneWaste, ...]
    evenings: tuple[EveningUse, ...]
    data_completeness_pct: float
