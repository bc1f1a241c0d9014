"""`energy-desktop --selftest`: whether this installation, frozen or not, can do its main job.

Everything is real and small: the shipped drivers, a virtual site on a loopback port, the pollers,
a store in a temporary folder, an invoice as PDF, a plan, a window drawn into memory.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from energy_desktop.app.logging_setup import log_qt_messages
from energy_desktop.app.paths import SiteFolder, drivers_folder, fonts_folder

_WAIT_S = 30.0


def selftest() -> int:
    """Prints a line per part; gives 0, or 3 with the first failure in words."""
    # The window of the self-test is for nobody's eyes.
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    steps: tuple[tuple[str, Callable[[Path], str]], ...] = (
        ("drivers", _drivers),
        ("polling and store", _polling),
        ("forecast and plan in a job process", _job),
        ("fleet in processes of its own", _fleet),
        ("paper", _paper),
        ("window", _window),
    )
    with tempfile.TemporaryDirectory(prefix="energy-desktop-") as folder:
        for name, step in steps:
            began = time.monotonic()
            try:
                said = step(Path(folder))
            except Exception as error:  # noqa: BLE001 - any failure of any part is the answer
                sys.stderr.write(f"selftest: {name} failed: {type(error).__name__}: {error}\n")
                return 3
            sys.stdout.write(f"{name}: {said} ({time.monotonic() - began:.1f} s)\n")
            sys.stdout.flush()
    sys.stdout.write("selftest passed\n")
    return 0


def _drivers(_: Path) -> str:
    from energy_desktop.acquisition.profiles import ProfileLibrary

    library = ProfileLibrary([drivers_folder()])
    errors = library.errors()
    if errors:
        raise errors[0]
    return f"{len(library.all())} meter models"


def _polling(folder: Path) -> str:
    """Serves the demo's meters, polls them, and reads the readings back from the store."""
    from energy_desktop.acquisition.field import Field
    from energy_desktop.acquisition.profiles import ProfileLibrary
    from energy_desktop.acquisition.simulator.demo import open_demo_site
    from energy_desktop.acquisition.simulator.server import SimulatorServer
    from energy_desktop.domain.clock import system_clock, to_ms
    from energy_desktop.storage import open_store

    site = SiteFolder(folder / "site")
    site.make()
    library = ProfileLibrary([drivers_folder()])
    now_ms = to_ms(system_clock())
    virtual = open_demo_site(None, "127.0.0.1", 0, now_ms)
    server = SimulatorServer(virtual, library)
    server.start()
    store = open_store(site.database, engine_owner="selftest")
    try:
        links = tuple(replace(k, port=server.port) for k in virtual.configuration.links)
        configuration = replace(virtual.configuration, links=links)
        store.configuration.replace(configuration)
        store.start()
        field = Field(library, store.writer)
        field.start()
        field.reconfigure(configuration)
        wanted = len(configuration.meters)
        ends = time.monotonic() + _WAIT_S
        while store.stats().committed < 2 * wanted and time.monotonic() < ends:
            time.sleep(0.05)
        field.stop(5.0)
        stored = [store.history.latest(m.meter_id) for m in configuration.meters]
        missing = [m.name for m, s in zip(configuration.meters, stored, strict=True) if s is None]
        if missing:
            raise RuntimeError(f"nothing stored of {', '.join(missing)}")
        return f"{wanted} meters, {store.stats().committed} readings"
    finally:
        store.close()
        server.stop()


def _job(_: Path) -> str:
    """A spawned process must come up in a frozen program too."""
    from energy_desktop.analytics.planning.dispatch import plan
    from energy_desktop.app.job_processes import JobProcesses
    from energy_desktop.domain.device import Battery
    from energy_desktop.domain.plan import PlanRequest, PlanSlot

    hour = 3_600_000
    slots = tuple(
        PlanSlot(i * hour, (i + 1) * hour, 1000.0, 0.0, price, price)
        for i, price in enumerate((0.1, 0.1, 0.4, 0.4))
    )
    battery = Battery("b", "Battery", "", 10_000, 5_000, 5_000, soc_min_pct=0)
    jobs = JobProcesses(count=1, time_limit_s=_WAIT_S)
    try:
        made = jobs.run(plan, PlanRequest(battery, slots, soc_start_pct=0), made_at_ms=0)
        _forecast(jobs)
    finally:
        jobs.close()
    if not made.money.cost < made.money.without_battery:
        raise RuntimeError("the plan gains nothing where it must")
    return f"plan in {made.solve_ms:.0f} ms"


def _forecast(jobs: object) -> None:
    import numpy as np

    from energy_desktop.analytics.forecasting.forecast import forecast
    from energy_desktop.app.job_processes import JobProcesses

    if not isinstance(jobs, JobProcesses):
        raise TypeError("the self-test forecasts in a job process")
    hour = 3_600_000
    # Ten weeks: under eight the learned methods do not take part, and lightgbm would not be tried.
    start = np.arange(70 * 24, dtype=np.int64) * hour
    day = 500 + 300 * np.sin(2 * np.pi * np.arange(start.size) / 24)
    noise = np.random.default_rng(1).normal(0, 20, start.size)
    made = jobs.run(
        forecast,
        start,
        day + noise,
        60,
        meter_id="selftest",
        origin_ms=int(start[-1]) + hour,
        zone="UTC",
    )
    if len(made.points) != 24:
        raise RuntimeError(f"{len(made.points)} points were forecast, not 24")


def _fleet(folder: Path) -> str:
    """As the window runs one: apart, in a process that starts others, and read and drawn in
    another.
    """
    from datetime import UTC, datetime, timedelta

    from energy_desktop.app.fleet_papers import fleet_papers
    from energy_desktop.app.window_processes import WindowProcesses
    from energy_desktop.services.fleet import FleetService

    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        f"{home},{start + timedelta(hours=k):%Y-%m-%d %H:%M:%S},{(1 + k % 24) * (1 + home) / 50:g}"
        for home in range(8)
        for k in range(60 * 24)
    ]
    (folder / "fleet").mkdir()
    text = "\n".join(["household,time,energy_kwh", *rows, ""])
    (folder / "fleet" / "readings.csv").write_text(text, encoding="utf-8")
    processes = WindowProcesses()
    try:
        fleet = FleetService(processes=processes.fleet)
        out = folder / "fleet results"
        made = fleet.run(folder / "fleet", out)
        paper = fleet_papers(fleet).pdf(out)
    finally:
        processes.close()
    if made.rows_used != len(rows) or "lightgbm" not in made.scores:
        raise RuntimeError(f"of {len(rows)} rows {made.rows_used} were used: {made.refusals}")
    if not paper.startswith(b"%PDF-"):
        raise RuntimeError("no PDF came out")
    return f"{made.households} households, {made.rows_used:,} readings"


def _paper(folder: Path) -> str:
    """A draft without readings: fonts, layout and reportlab are what is tried here."""
    from energy_desktop.acquisition.simulator.demo import open_demo_site
    from energy_desktop.analytics.billing.draft import draft_invoice
    from energy_desktop.domain.clock import from_ms, system_clock, to_ms
    from energy_desktop.reports import invoice_pdf

    now_ms = to_ms(system_clock())
    site = open_demo_site(None, "127.0.0.1", 0, now_ms).configuration
    draft = draft_invoice(
        site=site.site,
        client=site.clients[0],
        contracts=site.contracts,
        tariffs=site.tariffs,
        meters=(),
        month=f"{from_ms(now_ms):%Y-%m}",
        now_ms=now_ms,
        spaces=site.spaces,
    )
    pdf = invoice_pdf.render(draft, fonts=fonts_folder())
    (folder / "draft.pdf").write_bytes(pdf)
    if not pdf.startswith(b"%PDF-"):
        raise RuntimeError("no PDF came out")
    return f"a draft of {len(pdf):,} bytes"


def _window(folder: Path) -> str:
    """The real window on an empty site: every page is built and drawn."""
    from PySide6.QtWidgets import QApplication

    from energy_desktop.app.desktop import Desktop

    app = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(app, QApplication):
        raise TypeError("another kind of Qt application is already running")
    place = SiteFolder(folder / "window")
    place.make()
    log_qt_messages()
    desktop = Desktop(app, place)
    desktop.show()
    try:
        ends = time.monotonic() + _WAIT_S
        while desktop.engine is None and desktop.failure is None and time.monotonic() < ends:
            app.processEvents()
            time.sleep(0.01)
        if desktop.failure is not None:
            raise desktop.failure
        app.processEvents()
        for spec in desktop.window.pages:
            desktop.window.show_page(spec.view_id)
            app.processEvents()
            if desktop.window.grab().isNull():
                raise RuntimeError(f"{spec.title} was not drawn")
        for failure in desktop.window.failures.values():
            raise failure
        return f"{len(desktop.window.pages)} pages"
    finally:
        desktop.window.close()
        app.processEvents()
