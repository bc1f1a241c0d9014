"""The page on real services over a small works, without an engine."""

from datetime import UTC, datetime

import numpy as np
import pytest

from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import Layout, Snapshot
from energy_desktop.services.balance_papers import BalancePapers
from energy_desktop.services.balances import BalanceService
from energy_desktop.services.energy_weather import EnergyWeatherService
from energy_desktop.services.papers import PaperService
from energy_desktop.services.virtual_meters import VirtualLedger, VirtualMeterService
from energy_desktop.services.weather import WeatherService
from energy_desktop.storage import open_store
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobRunner
from energy_desktop.ui.views.balance.page import BalanceView
from energy_desktop.ui.views.balance.parts import BalanceServices
from energy_desktop.ui.views.base import NavigationContext, ViewContext
from tests.integration.balance.sites import DAY, IMPORT, METERS, MONDAY, a_works, book, courses

DAYS = 20
NOW_MS = MONDAY + DAYS * DAY + 40_000_000
AIR = Layout("air", ("temperature_c",))


def clock():
    return datetime.fromtimestamp(NOW_MS / 1000, UTC)


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "site.sqlite", engine_owner="test") as opened:
        sensors = (Meter("air", "Outdoor air", driver_id="probe"), Meter("shed", "Shed"))
        opened.configuration.replace(a_works(meters=(*METERS, *sensors)))
        yield opened


@pytest.fixture
def filled(store):
    """25 Wh a quarter hour of the main meter are behind no meter; the office is heated."""
    energies = courses(days=DAYS, unmetered_wh=25.0)
    cold = np.linspace(-3.0, 14.0, DAYS)
    heat = np.repeat(np.rint(10.0 * (15.0 - cold)), 96)
    energies["office", IMPORT] = 100.0 + heat
    roof = energies["pv", IMPORT]
    rest = energies["hall", IMPORT] + energies["office", IMPORT] + 25.0
    rest = rest + energies["battery", "energy_export_wh"] - energies["battery", IMPORT] - roof
    energies["main", IMPORT] = np.maximum(rest, 0.0)
    energies["main", "energy_export_wh"] = np.maximum(-rest, 0.0)
    book(store.ledger, energies)
    for hour in range(24 * DAYS):
        at_ms = MONDAY + hour * 3_600_000 + 60_000
        store.writer.put(Snapshot("air", at_ms, AIR, (float(cold[hour // 24]),)))
    assert store.writer.flush()
    return store


@pytest.fixture
def works_context():
    formats = Formats("Europe/Berlin", clock=clock)
    made = ViewContext(formats=formats, jobs=JobRunner(), navigation=NavigationContext())
    yield made
    made.jobs.close()


@pytest.fixture
def open_page(qtbot, works_context):
    """Opens the page over a store and waits for its answers; `page.settle()` waits again."""

    def opened(store):
        from energy_desktop.app.wiring import render_document

        balances = BalanceService(store.configuration, store.ledger)
        ledger = VirtualLedger(store.ledger, store.configuration)
        weather = WeatherService(store.configuration, store.history)
        view = BalanceView(
            works_context,
            BalanceServices(
                balances,
                EnergyWeatherService(store.configuration, ledger, weather),
                VirtualMeterService(store.configuration, ledger, clock),
                BalancePapers(store.configuration, balances, clock),
                PaperService(render_document),
            ),
        )

        def settle(ms=20):
            qtbot.wait(ms)
            qtbot.waitUntil(lambda: not works_context.jobs.running(), timeout=20_000)
            qtbot.wait(20)

        view.settle = settle

        def leave(_):
            view.hidden()
            settle()

        qtbot.addWidget(view, before_close_func=leave)
        view.resize(1166, 640)
        view.show()
        view.shown()
        settle()
        return view

    return opened
