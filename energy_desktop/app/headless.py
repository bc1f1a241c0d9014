"""The main job without a screen: the whole program in an offscreen window, for a minute.

Not a second program: the same `Desktop` is opened, the same pollers read the demo site over real
Modbus TCP, and the papers come from the same services. What a person would look at is written to
a folder instead.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from energy_desktop.app.logging_setup import log_qt_messages, log_to
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.clock import from_ms, to_ms
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.invoice import Invoice
from energy_desktop.domain.snapshot import LinkState

if TYPE_CHECKING:
    from energy_desktop.ui.jobs import JobHandle

START_LIMIT_S = 120.0
JOBS_LIMIT_S = 90.0
PAGE_LIMIT_S = 60.0
_QUIET_S = 0.5
_OFTEN = 3  # a job that has ended so often on one page is one that comes again and again


def main_job(folder: SiteFolder, out: Path, seconds: float) -> int:
    """Polls for `seconds`, then writes bills, reports and pictures. Gives the exit code."""
    # No display: Qt draws into memory.
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    _tell("There is no display, so no window can be shown: the main job runs without one.")
    folder.make()
    log_to(folder.log)
    log_qt_messages()
    out.mkdir(parents=True, exist_ok=True)

    from PySide6.QtWidgets import QApplication

    from energy_desktop.app.desktop import Desktop

    app = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(app, QApplication):
        raise TypeError("another kind of Qt application is already running")
    desktop = Desktop(app, folder, demo=True)
    try:
        desktop.show()
        return _do(app, desktop, out, seconds)
    finally:
        desktop.window.close()
        app.processEvents()


def _do(app: object, desktop: object, out: Path, seconds: float) -> int:
    from PySide6.QtWidgets import QApplication

    from energy_desktop.app.desktop import Desktop

    if not isinstance(app, QApplication) or not isinstance(desktop, Desktop):
        raise TypeError("the main job needs its own window")

    def run_until(met: Callable[[], bool], limit_s: float) -> bool:
        """Lets the window live until something holds; False when it took too long."""
        ends = time.monotonic() + limit_s
        while not met():
            if time.monotonic() > ends:
                return False
            app.processEvents()
            time.sleep(0.005)
        return True

    run_until(lambda: desktop.engine is not None or desktop.failure is not None, START_LIMIT_S)
    if desktop.engine is None or desktop.services is None:
        _tell(str(desktop.failure) if desktop.failure else "The site did not start in time.")
        return 3
    engine, services = desktop.engine, desktop.services
    began = time.monotonic()
    _tell(f"Polling {len(engine.configuration.meters)} meters for {seconds:.0f} s.")
    run_until(lambda: time.monotonic() - began >= seconds, seconds + 10)
    statuses = engine.field.statuses().values()
    answering = sum(s.state in (LinkState.GOOD, LinkState.LATE) for s in statuses)
    polls = sum(s.polls for s in statuses)
    skipped = sum(s.skipped_slots for s in statuses)
    _tell(
        f"{answering} of {len(statuses)} meters answering, {polls} polls, {skipped} slots "
        f"skipped, {engine.store.stats().committed} readings written."
    )

    month = _last_month(engine.configuration.site.zone, to_ms(engine.clock()))
    files: list[Path] = []
    outcome: list[UserFacingError | None] = []

    def papers() -> tuple[Path, ...]:
        written: list[Path] = []
        for client in services.billing.clients():
            invoice: Invoice = services.billing.issue(client.client_id, month)
            written.extend(services.billing.write(invoice, out / "bills"))
        written.extend(services.reports.write_month(month, out / "reports"))
        return tuple(written)

    def done(written: tuple[Path, ...]) -> None:
        files.extend(written)
        outcome.append(None)

    desktop.context.jobs.start(papers, done, outcome.append, title="Papers")
    run_until(lambda: bool(outcome), JOBS_LIMIT_S)
    if not outcome or outcome[0] is not None:
        _tell(str(outcome[0]) if outcome else "The papers were not made in time.")
        return 3

    files.extend(pictures(desktop, out / "pictures", run_until))
    for path in files:
        _tell(f"  {path}")
    good = answering == len(statuses) and polls > 0
    _tell("The main job is done." if good else "Not every meter answered.")
    return 0 if good else 3


def pictures(
    desktop: object,
    folder: Path,
    run_until: Callable[[Callable[[], bool], float], bool],
    suffix: str = "",
) -> list[Path]:
    """A PNG of every page as it stands in the window, once its jobs are done."""
    from energy_desktop.app.desktop import Desktop

    if not isinstance(desktop, Desktop):
        raise TypeError("pictures need the window")
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for spec in desktop.window.pages:
        desktop.window.show_page(spec.view_id)
        run_until(Settled(desktop.context.jobs.running), PAGE_LIMIT_S)
        path = folder / f"{spec.view_id}{suffix}.png"
        if not desktop.window.grab().save(str(path)):
            raise UserFacingError(
                where=str(path),
                what="The picture could not be written.",
                remedy="Choose a folder that you may write to.",
            )
        made.append(path)
    return made


class Settled:
    """True once no job of a page has run for half a second: jobs may start others.

    A page that shows how busy a line is asks for it several times a second and is never quiet:
    a job that has ended a few times already is not waited for any more.
    """

    def __init__(self, running: Callable[[], Iterable[JobHandle]]) -> None:
        self._running = running
        self._seen: dict[str, set[JobHandle]] = {}
        self._since: float | None = None

    def __call__(self) -> bool:
        now = time.monotonic()
        for job in self._running():
            self._seen.setdefault(job.title, set()).add(job)
        if any(self._is_waited_for(jobs) for jobs in self._seen.values()):
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return now - self._since >= _QUIET_S

    @staticmethod
    def _is_waited_for(jobs: set[JobHandle]) -> bool:
        ended = sum(job.done for job in jobs)
        return ended < len(jobs) and ended < _OFTEN


def _last_month(zone: str, now_ms: int) -> str:
    """The last complete local month, `2026-10`."""
    first = from_ms(now_ms).astimezone(ZoneInfo(zone)).date().replace(day=1)
    before = first - timedelta(days=1)
    return f"{before.year}-{before.month:02d}"


def _tell(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()
