"""The pages of the window, in the order of the rail, and how each is made."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.shell import PageSpec
from energy_desktop.ui.views.base import BaseView, ViewContext

if TYPE_CHECKING:
    from energy_desktop.app.engine import Engine
    from energy_desktop.app.wiring import Services
    from energy_desktop.ui.views.settings.page import Appearance

_RAIL = (
    ("overview", "Overview", "view-dashboard-outline", "Now"),
    ("live", "Live", "chart-line", "Now"),
    ("alarms", "Alarms", "bell-outline", "Now"),
    ("history", "History", "calendar-clock", "Analyse"),
    ("quality", "Data quality", "clipboard-check-outline", "Analyse"),
    ("balance", "Balance", "scale-balance", "Analyse"),
    ("billing", "Billing", "receipt-text-outline", "Analyse"),
    ("maintenance", "Maintenance", "wrench-outline", "Analyse"),
    ("fleet", "Fleet", "dots-grid", "Analyse"),
    ("forecast", "Forecast & battery", "battery-clock-outline", "Plan"),
    ("loads", "Loads", "toggle-switch-outline", "Plan"),
    ("meters", "Meters", "meter-electric-outline", "Set up"),
    ("reports", "Reports", "file-chart-outline", "Set up"),
    ("settings", "Settings", "cog-outline", "Set up"),
)


def page_specs(make: Callable[[str], BaseView]) -> list[PageSpec]:
    return [PageSpec(i, title, icon, group, partial(make, i)) for i, title, icon, group in _RAIL]


def import_ahead() -> None:
    """For a thread, once the window stands: what the largest page is made of takes 50 to 100 ms to
    import, and the window's loop would miss them when the page is first shown.
    """
    import energy_desktop.app.fleet_papers
    import energy_desktop.ui.views.fleet.page  # noqa: F401

    # It stays as long as the program: looking for garbage in it holds up the loop too.
    gc.freeze()


def make_page(
    view_id: str,
    context: ViewContext,
    services: Services,
    engine: Engine,
    feed: LiveFeed,
    appearance: Appearance,
) -> BaseView:
    """Imports and builds one page; called when it is first shown."""
    makers: dict[str, Callable[[], BaseView]] = {
        "overview": lambda: _overview(context, services, engine, feed),
        "live": lambda: _live(context, services, engine, feed),
        "alarms": lambda: _alarms(context, services, engine, feed),
        "history": lambda: _history(context, services),
        "quality": lambda: _quality(context, services),
        "balance": lambda: _balance(context, services),
        "meters": lambda: _meters(context, services, engine, feed),
        "billing": lambda: _billing(context, services),
        "maintenance": lambda: _maintenance(context, services),
        "fleet": lambda: _fleet(context, services, engine),
        "loads": lambda: _loads(context, services),
        "forecast": lambda: _forecast(context, services, engine),
        "reports": lambda: _reports(context, services),
        "settings": lambda: _settings(context, services, appearance),
    }
    return makers[view_id]()


def _settings(context: ViewContext, services: Services, appearance: Appearance) -> BaseView:
    from energy_desktop.ui.views.settings.page import SettingsView

    return SettingsView(context, services.settings, appearance, services.http_in)


def _overview(context: ViewContext, services: Services, engine: Engine, feed: LiveFeed) -> BaseView:
    from energy_desktop.ui.views.overview_view import OverviewView

    return OverviewView(
        context,
        services.overview,
        lambda: engine.configuration,
        engine.alarms.current,
        feed,
        try_demo=open_demo,
    )


def open_demo() -> None:
    """The demo site in a window of its own: this site and its engine stay as they are."""
    from PySide6.QtCore import QProcess

    from energy_desktop.app.paths import default_site_folder

    folder = default_site_folder().parent / "demo"
    is_frozen = bool(getattr(sys, "frozen", False))
    arguments = [] if is_frozen else ["-m", "energy_desktop"]
    arguments += ["run", "--site", str(folder)]
    QProcess.startDetached(sys.executable, arguments)


def _live(context: ViewContext, services: Services, engine: Engine, feed: LiveFeed) -> BaseView:
    from energy_desktop.services.live import LiveService
    from energy_desktop.ui.views.live.page import LiveView

    service = LiveService(
        lambda: engine.configuration,
        engine.rings,
        engine.store.history,
        services.meters.statuses,
        services.meters.try_now,
        engine.clock,
    )
    return LiveView(context, service, feed)


def _alarms(context: ViewContext, services: Services, engine: Engine, feed: LiveFeed) -> BaseView:
    from energy_desktop.ui.views.alarms_view import AlarmsView

    return AlarmsView(context, engine.alarms, services.alarms, services.alarm_rules, feed)


def _history(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.history.page import HistoryView

    return HistoryView(context, services.history, services.exporting, services.importing)


def _quality(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.quality.page import QualityView
    from energy_desktop.ui.views.quality.parts import QualityServices

    return QualityView(
        context,
        QualityServices(
            services.quality,
            services.billing.corrections,
            services.editing,
            services.exchanges,
            papers=services.quality_papers,
        ),
    )


def _balance(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.balance.page import BalanceView
    from energy_desktop.ui.views.balance.parts import BalanceServices

    return BalanceView(
        context,
        BalanceServices(
            services.balances,
            services.energy_weather,
            services.virtual_meters,
            services.balance_papers,
            services.papers,
        ),
    )


def _meters(context: ViewContext, services: Services, engine: Engine, feed: LiveFeed) -> BaseView:
    from energy_desktop.services.drivers import DriverService
    from energy_desktop.ui.views.desk.page import DeskServices
    from energy_desktop.ui.views.meters_view import MetersView

    desk = DeskServices(
        services.commissioning,
        DriverService(engine.library, engine.folder.drivers, engine.field, services.counting),
        services.bulk_meters,
        engine.secrets,
    )
    return MetersView(
        context, services.meters, services.importing, services.site_file, engine.rings, feed, desk
    )


def _billing(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.billing_view import BillingView

    return BillingView(context, services.billing, proofs=services.correction_papers)


def _maintenance(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.maintenance_view import MaintenanceView

    return MaintenanceView(context, services.maintenance, services.waste, services.meters)


def _fleet(context: ViewContext, services: Services, engine: Engine) -> BaseView:
    from energy_desktop.app.fleet_papers import fleet_papers
    from energy_desktop.app.user import user_name
    from energy_desktop.ui.views.fleet.page import FleetView

    papers = fleet_papers(
        services.fleet, made_for=engine.configuration.site.name, clock=engine.clock
    )
    return FleetView(context, services.fleet, papers, who=user_name)


def _forecast(context: ViewContext, services: Services, engine: Engine) -> BaseView:
    from energy_desktop.ui.views.forecast_view import ForecastView

    return ForecastView(
        context,
        services.planning,
        services.forecasting,
        services.meters,
        engine.configuration.site.contract_demand_w,
    )


def _loads(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.loads_view import LoadsView

    return LoadsView(context, services.loads, services.simulation)


def _reports(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.reports_view import ReportsView

    return ReportsView(context, services.reports)
