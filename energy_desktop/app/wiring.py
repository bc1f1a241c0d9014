"""Makes the services of one site and hands them what they need. No registry: plain constructors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from energy_desktop import __version__
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.serial_ports import serial_ports
from energy_desktop.app.demo import SETTING as DEMO_SETTING
from energy_desktop.app.job_processes import InlineCompute
from energy_desktop.app.paths import SiteFolder, drivers_folder, fonts_folder, shipped
from energy_desktop.app.site_key import site_key
from energy_desktop.app.user import user_name
from energy_desktop.domain.clock import Clock, system_clock, to_ms
from energy_desktop.domain.commissioning_record import CommissioningRecord
from energy_desktop.domain.document import Document
from energy_desktop.domain.history_paper import HistoryPaper
from energy_desktop.domain.invoice import Invoice
from energy_desktop.domain.monthly_report import MonthlyReport
from energy_desktop.domain.ports import Compute
from energy_desktop.services.alarm_rules import AlarmRuleService
from energy_desktop.services.alarms import AlarmService
from energy_desktop.services.api_keys import ApiKeyService
from energy_desktop.services.balance_papers import BalancePapers
from energy_desktop.services.balances import BalanceService
from energy_desktop.services.billing import BillingService
from energy_desktop.services.bulk_meters import BulkMeterService
from energy_desktop.services.commissioning import CommissioningService
from energy_desktop.services.correction_papers import CorrectionPapers
from energy_desktop.services.counting import CountingService
from energy_desktop.services.data_quality import DataQualityService
from energy_desktop.services.editing import EditingService
from energy_desktop.services.energy_weather import EnergyWeatherService
from energy_desktop.services.exchanges import ExchangeService
from energy_desktop.services.exporting import ExportService
from energy_desktop.services.fleet import FleetService
from energy_desktop.services.fleet_apart import FleetProcesses
from energy_desktop.services.forecasting import ForecastService
from energy_desktop.services.history import HistoryService
from energy_desktop.services.http_in import HttpInService
from energy_desktop.services.importing import ImportService
from energy_desktop.services.loads import LoadService
from energy_desktop.services.maintenance import MaintenanceService
from energy_desktop.services.meters import MeterService
from energy_desktop.services.overview import OverviewService
from energy_desktop.services.papers import PaperService
from energy_desktop.services.planning import PlanService
from energy_desktop.services.quality_papers import QualityPapers
from energy_desktop.services.reports import ReportService
from energy_desktop.services.settings import Places, Program, SettingsService
from energy_desktop.services.simulation import SimulationService
from energy_desktop.services.site_file import SiteFileService
from energy_desktop.services.validation import ValidationService
from energy_desktop.services.virtual_meters import VirtualLedger, VirtualMeterService
from energy_desktop.services.waste import WasteService
from energy_desktop.services.weather import WeatherService
from energy_desktop.storage import Store, open_store

if TYPE_CHECKING:
    from energy_desktop.app.engine import Engine


@dataclass(frozen=True, slots=True)
class Services:
    """One file per thing that the user can ask for, one field each."""

    site_file: SiteFileService
    meters: MeterService
    commissioning: CommissioningService
    bulk_meters: BulkMeterService
    alarms: AlarmService
    alarm_rules: AlarmRuleService
    importing: ImportService
    exporting: ExportService
    history: HistoryService
    billing: BillingService
    correction_papers: CorrectionPapers
    forecasting: ForecastService
    virtual_meters: VirtualMeterService
    balances: BalanceService
    weather: WeatherService
    energy_weather: EnergyWeatherService
    balance_papers: BalancePapers
    papers: PaperService
    planning: PlanService
    waste: WasteService
    maintenance: MaintenanceService
    loads: LoadService
    simulation: SimulationService | None
    overview: OverviewService
    reports: ReportService
    settings: SettingsService
    fleet: FleetService
    http_in: HttpInService
    validation: ValidationService
    editing: EditingService
    exchanges: ExchangeService
    counting: CountingService
    quality: DataQualityService
    quality_papers: QualityPapers


def render_invoice(invoice: Invoice) -> bytes:
    """reportlab is imported when the first paper is made, not when the window opens."""
    from energy_desktop.reports import invoice_pdf

    return invoice_pdf.render(invoice, fonts=fonts_folder())


def render_record(record: CommissioningRecord) -> bytes:
    """As `render_invoice`."""
    from energy_desktop.reports import commissioning_pdf

    return commissioning_pdf.render(record, fonts=fonts_folder())


def render_report(report: MonthlyReport) -> bytes:
    """As `render_invoice`; runs in a job process."""
    from energy_desktop.reports import monthly_report_pdf

    return monthly_report_pdf.render(report, fonts=fonts_folder())


def render_history(picture: HistoryPaper) -> bytes:
    """As `render_invoice`."""
    from energy_desktop.reports import history_pdf

    return history_pdf.render(picture, fonts=fonts_folder())


def render_document(document: Document) -> bytes:
    """As `render_invoice`."""
    from energy_desktop.reports import document_pdf

    return document_pdf.render(document, fonts=fonts_folder())


def make_services(
    store: Store,
    library: ProfileLibrary,
    *,
    clock: Clock = system_clock,
    compute: Compute | None = None,
    fleet_processes: FleetProcesses | None = None,
    engine: Engine | None = None,
    folder: SiteFolder | None = None,
) -> Services:
    """`engine` None: a command beside (or without) the program that polls.

    folder None: the engine's. compute, fleet_processes None: all is done in the caller's process.
    """
    compute = compute or InlineCompute()
    field = None if engine is None else engine.field
    follow = None if engine is None else engine.follow
    if folder is None and engine is not None:
        folder = engine.folder
    ledger = VirtualLedger(store.ledger, store.configuration)
    billing = BillingService(
        store.configuration,
        store.ledger,
        store.invoices,
        clock,
        render_invoice,
        store.history,
    )
    waste = WasteService(store.configuration, store.history, clock)
    maintenance = MaintenanceService(
        store.configuration, store.history, store.ledger, store.findings, clock, compute
    )
    editing = EditingService(
        store.configuration,
        store.ledger,
        store.editing,
        clock,
        user_name(),
        store.invoices,
        lambda: overview.forget(),  # made below, with what it needs
    )
    counting = CountingService(
        store.configuration,
        store.history,
        store.ledger,
        store.exchanges,
        store.recounting,
        editing,
        clock,
        user_name(),
        library.modulus_wh,
        follow,
    )
    meters = MeterService(
        store.configuration,
        store.history,
        library,
        field,
        follow,
        drivers_folder=Path(library.folders[-1]),
        counting=counting,
    )
    planning = PlanService(store.configuration, store.history, store.ledger, clock, compute)
    validation = ValidationService(
        store.configuration, store.history, store.ledger, store.editing, clock
    )
    forecasting = ForecastService(store.configuration, store.history, ledger, clock, compute)
    balances = BalanceService(store.configuration, store.ledger, follow)
    weather = WeatherService(store.configuration, store.history)
    papers = PaperService(render_document)

    def simulated() -> bool:
        return store.configuration.setting(DEMO_SETTING) is not None

    overview = OverviewService(
        store.configuration,
        store.history,
        store.ledger,
        None if engine is None else engine.rings,
        meters.statuses,
        clock,
        waste=waste,
        planning=planning,
        forecasting=forecasting,
        maintenance=maintenance,
    )
    return Services(
        site_file=SiteFileService(store.configuration, library, follow, counting),
        meters=meters,
        commissioning=CommissioningService(
            store.configuration,
            library,
            field,
            clock,
            render_record,
            rings=None if engine is None else engine.rings,
            who=user_name(),
            ports=serial_ports,
            statuses=meters.statuses,
        ),
        bulk_meters=BulkMeterService(store.configuration, library, follow, counting),
        alarms=AlarmService(store.alarms, store.history, clock),
        alarm_rules=AlarmRuleService(store.configuration, follow),
        importing=ImportService(
            store.configuration,
            store.ledger,
            store.editing,
            clock,
            user_name(),
            store.history,
            store.gauges,
        ),
        exporting=ExportService(store.history, ledger, store.configuration, render_history),
        history=HistoryService(store.history, ledger, store.configuration, clock, store.editing),
        billing=billing,
        correction_papers=CorrectionPapers(billing, papers, clock, simulated),
        forecasting=forecasting,
        virtual_meters=VirtualMeterService(store.configuration, ledger, clock, follow),
        balances=balances,
        weather=weather,
        energy_weather=EnergyWeatherService(store.configuration, ledger, weather),
        balance_papers=BalancePapers(store.configuration, balances, clock, simulated),
        papers=papers,
        planning=planning,
        waste=waste,
        maintenance=maintenance,
        loads=LoadService(
            store.configuration,
            store.history,
            store.ledger,
            clock,
            field,
            None if engine is None else engine.rings,
        ),
        simulation=None
        if engine is None or engine.demo is None
        else SimulationService(store.configuration, engine.field),
        overview=overview,
        reports=ReportService(
            store.configuration,
            store.history,
            store.ledger,
            store.alarms,
            billing,
            waste,
            maintenance,
            clock,
            compute,
            render_report,
            papers=None if folder is None else folder.papers,
            simulated=simulated,
        ),
        settings=SettingsService(
            store.configuration, store, library, clock, _places(folder), _program(), follow
        ),
        fleet=FleetService(
            store.configuration,
            store.ledger,
            None if folder is None else folder.fleet,
            clock=clock,
            processes=fleet_processes,
        ),
        http_in=HttpInService(
            store.configuration,
            ApiKeyService(store.api_keys, clock) if engine is None else engine.http_in.keys,
            None if engine is None else engine.http_in.state,
            None if engine is None else engine.http_in.push.unclaimed,
        ),
        validation=validation,
        editing=editing,
        counting=counting,
        exchanges=ExchangeService(
            store.configuration,
            store.history,
            store.ledger,
            store.exchanges,
            clock,
            user_name(),
            follow,
            overview.forget,
        ),
        quality_papers=QualityPapers(store.configuration, papers, clock, simulated),
        quality=DataQualityService(
            store.configuration,
            store.ledger,
            store.editing,
            store.exchanges,
            store.quarantine,
            validation,
            clock,
            None if folder is None else folder.photos,
            store.clock_jumps.between,
        ),
    )


def _places(folder: SiteFolder | None) -> Places:
    notices = shipped() / "THIRD_PARTY_NOTICES.md"
    if folder is None:
        return Places(None, None, None, None, notices)
    return Places(folder.root, folder.drivers, folder.papers, folder.backups, notices)


def _program() -> Program:
    return Program(__version__, user_name())


class OpenSite:
    """The store and services of a site for one command."""

    def __init__(self, folder: SiteFolder, store: Store, library: ProfileLibrary, clock: Clock):
        self.folder = folder
        self.store = store
        self.library = library
        self.clock = clock
        self.services = make_services(store, library, clock=clock, folder=folder)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.store.configuration.load().site.zone)

    @property
    def currency(self) -> str:
        return self.store.configuration.load().site.currency

    def meter_states(self) -> dict[str, str]:
        """States by the age of the newest stored reading: another program may be polling."""
        now_ms = to_ms(self.clock())
        states = {}
        for row in self.services.meters.listing():
            meter = row.meter
            if not meter.driver_id:
                states[meter.meter_id] = "imported"
            elif not meter.enabled:
                states[meter.meter_id] = "off"
            elif row.last_ms is None:
                states[meter.meter_id] = "never read"
            else:
                periods = (now_ms - row.last_ms) / (1000 * meter.poll_interval_s)
                # The store commits each second, so a reading is up to a second old when seen.
                age = periods - 1 / meter.poll_interval_s
                states[meter.meter_id] = "good" if age <= 2 else "late" if age <= 3 else "lost"
        return states

    def close(self) -> None:
        self.store.close()


def open_site(folder: SiteFolder, clock: Clock = system_clock) -> OpenSite:
    """Opens (or makes) the store of a folder. Raises StoreError in words."""
    folder.make()
    library = ProfileLibrary([drivers_folder(), folder.drivers])
    store = open_store(folder.store, key=site_key(folder))
    store.configuration.modulus_of_driver = library.modulus_wh
    return OpenSite(folder, store, library, clock)
