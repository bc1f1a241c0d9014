"""What a manager is told about a month: one value, from which PDF, CSV and Excel are written."""

from dataclasses import dataclass
from datetime import date

from energy_desktop.domain.energy import Reconciliation
from energy_desktop.domain.finding import Finding
from energy_desktop.domain.recommendation import Recommendation
from energy_desktop.domain.site import Role, Site
from energy_desktop.domain.waste import WasteReport


@dataclass(frozen=True, slots=True)
class MeterEnergy:
    """One meter's month. Energies in Wh, None where nothing is known.

    imported_wh counts power > 0 in the sense of the site (grid imports, PV produces, battery
    discharges, a load consumes); exported_wh counts power < 0.
    """

    meter_id: str
    meter_name: str
    role: Role
    space_name: str
    imported_wh: int | None
    exported_wh: int | None
    reconciliation: Reconciliation | None  # of imported_wh
    estimated_wh: int
    intervals: int
    missing_intervals: int

    @property
    def completeness_pct(self) -> float:
        return 100 * (1 - self.missing_intervals / self.intervals) if self.intervals else 0.0


@dataclass(frozen=True, slots=True)
class DayEnergy:
    """A local day of the site in Wh; None: not measured. complete: no interval is missing."""

    day: date
    import_wh: int | None
    export_wh: int | None
    pv_wh: int | None
    consumption_wh: int | None
    complete: bool


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """Mean consumption by the clock on the wall: one entry per step of a day, in W.

    low and high: the 10th and 90th percentile of the working days. None: no such interval.
    """

    step_min: int
    workday_w: tuple[float | None, ...]
    free_day_w: tuple[float | None, ...]
    workday_low_w: tuple[float | None, ...]
    workday_high_w: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class PeakDemand:
    """The highest mean power drawn from the grid in a fixed block."""

    power_w: float
    block_start_ms: int
    block_min: int
    contract_w: float | None = None


@dataclass(frozen=True, slots=True)
class ClientUse:
    """A client's use in and outside the contract hours, and the invoice for it, whose currency is
    that of its tariff.
    """

    client_id: str
    client_name: str
    inside_wh: int
    outside_wh: int
    net_units: int
    total_units: int
    currency: str
    invoice_number: str | None
    blockers: int
    naive_outside_wh: int | None = None  # rival: power samples integrated


@dataclass(frozen=True, slots=True)
class AlarmCount:
    priority: int
    raised: int
    unacknowledged: int


@dataclass(frozen=True, slots=True)
class MonthlyReport:
    """Energies in Wh, money in 1e-4 units. None: not measured, which is not zero."""

    site: Site
    month: str
    period_start_ms: int
    period_end_ms: int
    made_at_ms: int
    meters: tuple[MeterEnergy, ...]
    days: tuple[DayEnergy, ...]
    profile: LoadProfile | None
    peak: PeakDemand | None
    base_load_w: float | None
    import_wh: int | None
    export_wh: int | None
    pv_wh: int | None
    battery_charged_wh: int | None
    battery_discharged_wh: int | None
    consumption_wh: int | None
    self_consumption_pct: float | None  # of the PV energy, what was not exported
    self_sufficiency_pct: float | None  # of the consumption, what was not imported
    submetered_wh: int | None
    cost_units: int | None
    export_revenue_units: int | None
    previous_import_wh: int | None
    clients: tuple[ClientUse, ...]
    waste: WasteReport | None
    findings: tuple[Finding, ...]
    alarms: tuple[AlarmCount, ...]
    recommendations: tuple[Recommendation, ...]
    completeness_pct: float
    estimated_wh: int
    estimated_pct: float
    notes: tuple[str, ...] = ()
    simulated: bool = False

    @property
    def invoiced_in(self) -> str:
        """The currency of all invoices of the month; empty where they have several."""
        found = {client.currency for client in self.clients} or {self.site.currency}
        return found.pop() if len(found) == 1 else ""
