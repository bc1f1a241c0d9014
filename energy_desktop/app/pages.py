"""The pages of the window, in the order of the rail, and how each is made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.shell import PageSpec
from energy_desktop.ui.views.base import BaseView, ViewContext

if TYPE_CHECKING:
    from energy_desktop.app.engine import Engine
    from energy_desktop.app.wiring import Services

_RAIL = (
    ("overview", "Overview", "view-dashboard-outline", "Now"),
    ("live", "Live", "chart-line", "Now"),
    ("alarms", "Alarms", "bell-outline", "Now"),
    ("history", "History", "calendar-clock", "Analyse"),
    ("billing", "Billing", "receipt-text-outline", "Analyse"),
    ("maintenance", "Maintenance", "wrench-outline", "Analyse"),
    ("forecast", "Forecast & battery", "battery-clock-outline", "Plan"),
    ("loads", "Loads", "toggle-switch-outline", "Plan"),
    ("meters", "Meters", "meter-electric-outline", "Set up"),
    ("reports", "Reports", "file-chart-outline", "Set up"),
    ("settings", "Settings", "cog-outline", "Set up"),
)


def page_specs(make: Callable[[str], BaseView]) -> list[PageSpec]:
    return [PageSpec(i, title, icon, group, partial(make, i)) for i, title, icon, group in _RAIL]


def make_page(
    view_id: str,
    context: ViewContext,
    services: Services,
    engine: Engine,
    feed: LiveFeed,
) -> BaseView:
    """Imports and builds one page; called when it is first shown."""
    makers: dict[str, Callable[[], BaseView]] = {
        "alarms": lambda: _alarms(context, services, engine, feed),
        "history": lambda: _history(context, services),
        "meters": lambda: _meters(context, services),
        "billing": lambda: _billing(context, services),
    }
    return makers[view_id]()


def _alarms(context: ViewContext, services: Services, engine: Engine, feed: LiveFeed) -> BaseView:
    from energy_desktop.ui.views.alarms_view import AlarmsView

    return AlarmsView(context, engine.alarms, services.alarms, services.alarm_rules, feed)


def _history(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.history_view import HistoryView

    return HistoryView(context, services.history, services.exporting)


def _meters(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.meters_view import MetersView

    return MetersView(context, services.meters, services.importing, services.site_file)


def _billing(context: ViewContext, services: Services) -> BaseView:
    from energy_desktop.ui.views.billing_view import BillingView

    return BillingView(context, services.billing)
