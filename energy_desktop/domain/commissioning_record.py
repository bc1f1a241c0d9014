"""What a technician leaves behind: the meter as it was found, on one paper."""

from dataclasses import dataclass

from energy_desktop.domain.bus import BusStatistics
from energy_desktop.domain.commissioning import DeviceIdentity, Judgement, Verdict
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.site import Link, Meter, Site


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """A register and what it held. value in the quantity's unit, ratios and signs applied; None:
    not available. address: 0-based; manual_number: as manuals print it."""

    quantity: str
    address: int
    manual_number: str
    value_format: str
    word_order: str
    value: float | None


@dataclass(frozen=True, slots=True)
class CommissioningRecord:
    """polls: how many readings the judgements rest on. statistics None: no engine kept any.
    made_by empty: nobody was named."""

    site: Site
    meter: Meter
    link: Link
    driver: DriverInfo
    identity: DeviceIdentity | None
    registers: tuple[RegisterRow, ...]
    judgements: tuple[Judgement, ...]
    polls: int
    statistics: BusStatistics | None
    made_at_ms: int
    made_by: str

    @property
    def faults(self) -> tuple[Judgement, ...]:
        return tuple(j for j in self.judgements if j.verdict is Verdict.FAULT)
