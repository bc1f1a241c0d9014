"""The program with a window.

The frame paints first; store, demo history and pollers start in a thread behind it, and the pages
follow. Closing goes the other way round: jobs, engine, window.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from energy_desktop.app.desktop_shell import DesktopShell
from energy_desktop.app.logging_setup import log_qt_messages, log_to
from energy_desktop.app.paths import SiteFolder, fonts_folder
from energy_desktop.app.rescue import Rescue
from energy_desktop.app.window_door import Entry, WindowDoor, bring_to_front
from energy_desktop.domain.clock import Clock, system_clock
from energy_desktop.domain.errors import (
    DamagedStore,
    MissingStore,
    PassphraseNeeded,
    UserFacingError,
    WrongKey,
)
from energy_desktop.domain.settings import LOCALES
from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobRunner, as_user_facing
from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.main_window import MainWindow
from energy_desktop.ui.theme import apply_theme
from energy_desktop.ui.views.base import NavigationContext, ViewContext
from energy_desktop.ui.views.starting_view import StartingView

if TYPE_CHECKING:
    from energy_desktop.app.engine import Engine
    from energy_desktop.app.window_processes import WindowProcesses
    from energy_desktop.app.wiring import Services
    from energy_desktop.domain.site import Site
    from energy_desktop.ui.shell import PageSpec
    from energy_desktop.ui.views.base import BaseView

_LOG = logging.getLogger("energy_desktop.ui")


class Desktop(QObject):
    """Window and engine of one site, and the thread that starts the engine."""

    closing = Signal()
    _progressed = Signal(float, str)
    _ready = Signal()
    _failed = Signal(object)

    def __init__(
        self,
        app: QApplication,
        folder: SiteFolder,
        *,
        demo: bool = False,
        clock: Clock = system_clock,
        theme_name: str | None = None,
    ) -> None:
        super().__init__()
        self._app = app
        self._folder = folder
        self._demo = demo
        self._clock = clock
        self._remembered = _recall(folder)
        apply_theme(app, theme_name or self._remembered.get("theme", "light"), fonts_folder())
        self.engine: Engine | None = None
        self.services: Services | None = None
        self._processes: WindowProcesses | None = None
        self._starting: list[StartingView] = []
        self._last_progress = (0.0, "Opening the site")
        self.failure: UserFacingError | None = None
        self._passphrase: str | None = None
        self._anew = False
        self.context = ViewContext(
            Formats(
                self._remembered.get("zone", "UTC"),
                locale=_known_locale(self._remembered.get("locale", "en")),
                currency=self._remembered.get("currency", "EUR"),
                clock=clock,
            ),
            JobRunner(),
            NavigationContext(),
        )
        self.shell = DesktopShell(self._remembered.get("site", "energy_desktop"), clock)
        self.shell.go = self.context.navigation.go
        self._version = 0
        self.feed = LiveFeed(self._rings_version)
        self.window = MainWindow(
            self._pages(),
            self.shell,
            self.context,
            on_close=self.close,
            on_theme=self._switch_theme,
        )
        self._progressed.connect(self._show_progress)
        self._ready.connect(self._on_ready)
        self._failed.connect(self._on_failed)
        self.rescue = Rescue(folder, lambda _: self._passphrase)
        self.rescue.restored.connect(self._open_again)
        self._thread = threading.Thread(target=self._start_engine, name="starter", daemon=True)

    def show(self) -> None:
        self.window.show()
        self._thread.start()

    # -------------------------------------------------------- starting

    def _start_engine(self) -> None:
        """In its own thread: opening the store and making a demo history takes seconds."""
        engine = None
        try:
            from energy_desktop.app.engine import Engine
            from energy_desktop.app.site_key import site_key
            from energy_desktop.app.store_gone import begin_anew
            from energy_desktop.app.window_processes import WindowProcesses
            from energy_desktop.app.wiring import make_services

            if self._anew:
                self._anew = False
                begin_anew(self._folder)
            # Nobody sits at a terminal here: the pages ask instead.
            site_key(self._folder, ask=lambda _: self._passphrase)
            engine = Engine(self._folder, clock=self._clock, demo=self._demo)
            engine.start(lambda fraction, doing: self._progressed.emit(fraction, doing))
            self._processes = WindowProcesses()
            self.services = make_services(
                engine.store,
                engine.library,
                clock=self._clock,
                compute=self._processes.jobs,
                fleet_processes=self._processes.fleet,
                engine=engine,
            )
            self.engine = engine
        except Exception as error:  # noqa: BLE001 - the edge of the thread: shown and logged
            if engine is not None:
                engine.stop()
            self._failed.emit(as_user_facing(error, "Starting the site"))
            return
        self._ready.emit()
        from energy_desktop.app.pages import import_ahead

        import_ahead()

    def _show_progress(self, fraction: float, doing: str) -> None:
        self._last_progress = (fraction, doing)
        self.shell.starting = doing
        for view in self._starting:
            view.show_progress(fraction, doing)

    def _on_ready(self) -> None:
        if self.engine is None:
            return
        site = self.engine.configuration.site
        self.context.formats.retarget(site.zone, site.currency)
        self.shell.engine = self.engine
        self._starting.clear()
        self.rescue.forget_pages()
        self.feed.start()
        self.window.renew_pages()
        self.window.refresh_shell()

    def _on_failed(self, error: UserFacingError) -> None:
        _LOG.error("The site could not be started: %s", error)
        self.failure = error
        self.shell.starting = error.what
        if self._may_be_restored(error):
            self.rescue.seek()
        for view in self._starting:
            self._show_failure(view, error)

    def _show_failure(self, view: StartingView, error: UserFacingError) -> None:
        if isinstance(error, PassphraseNeeded | WrongKey):
            view.ask_passphrase(error)
        elif self._may_be_restored(error):
            self.rescue.show(view, error)
        else:
            view.show_failure(error)

    def _unlock(self, passphrase: str) -> None:
        """Starts anew with what was typed; whatever page it was typed on."""
        self._passphrase = passphrase
        self._open_again()

    def _open_without_backup(self) -> None:
        """The store as it is; an empty one where it is gone."""
        self._anew = isinstance(self.failure, MissingStore)
        self._open_again()

    def _open_again(self) -> None:
        self.failure = None
        self._thread = threading.Thread(target=self._start_engine, name="starter", daemon=True)
        self._thread.start()

    # -------------------------------------------------------- a store damaged or gone

    def _may_be_restored(self, error: UserFacingError) -> bool:
        """A server's database is restored on the server."""
        return isinstance(error, DamagedStore) and self._folder.store == self._folder.database

    def offer_restore(self, found: str) -> None:
        """Ends polling and shows the newest whole backup; `found`: what was found damaged.

        Nothing is restored yet: the same page opens the store as it is.
        """
        engine, processes = self.engine, self._processes
        if engine is None or processes is None:
            return
        self.feed.stop()
        self.engine = self.services = self._processes = self.shell.engine = None
        self.failure = DamagedStore(
            where=str(self._folder.database), what=found, remedy="Restore a backup from before."
        )
        self.shell.starting = self.failure.what

        def stop() -> None:
            processes.close()
            engine.stop()

        # In the next turn of the loop: the page that is calling goes with the others.
        QTimer.singleShot(0, self.window.renew_pages)
        QTimer.singleShot(0, self.window.refresh_shell)
        self.rescue.seek(before=stop)

    def _rings_version(self) -> int:
        return 0 if self.engine is None else self.engine.rings.version()

    # -------------------------------------------------------- pages

    def _pages(self) -> list[PageSpec]:
        from energy_desktop.app.pages import page_specs

        return page_specs(self._page)

    def _page(self, view_id: str) -> BaseView:
        """A page once the engine runs; until then the same page says what is being started."""
        if self.engine is None or self.services is None:
            view = StartingView(self.context)
            view.show_progress(*self._last_progress)
            view.unlocked.connect(self._unlock)
            view.open_wanted.connect(self._open_without_backup)
            if self.failure is not None:
                self._show_failure(view, self.failure)
            self._starting.append(view)
            return view
        from energy_desktop.app.pages import make_page

        return make_page(view_id, self.context, self.services, self.engine, self.feed, self)

    # -------------------------------------------------------- looks, as the settings page asks

    @property
    def locale(self) -> str:
        return _known_locale(self._remembered.get("locale", "en"))

    def use_theme(self, name: str) -> None:
        if name != theme.current().name:
            self.window.toggle_theme()

    def use_locale(self, name: str) -> None:
        """Every page is built anew, in the next turn of the loop: one of them is calling."""
        self.context.formats.use_locale(name)
        self._remembered["locale"] = name
        _remember(self._folder, self._remembered)
        QTimer.singleShot(0, self.window.renew_pages)

    def site_changed(self, site: Site) -> None:
        self.context.formats.retarget(site.zone, site.currency)
        QTimer.singleShot(0, self.window.renew_pages)

    # -------------------------------------------------------- ending

    def close(self) -> None:
        """Jobs, engine, then the window may go. Called once by the window."""
        self.closing.emit()
        self.feed.stop()
        # The processes end first: a job thread that waits for one comes back at once.
        if self._processes is not None:
            self._processes.close()
        self.context.jobs.close()
        self.rescue.join(60.0)
        if self._thread.is_alive():
            self._thread.join(60.0)
        if self.engine is not None:
            site = self.engine.configuration.site
            _remember(
                self._folder,
                {
                    **self._remembered,
                    "zone": site.zone,
                    "currency": site.currency,
                    "site": site.name,
                },
            )
            self.engine.stop()

    def _switch_theme(self, name: str) -> None:
        apply_theme(self._app, name, fonts_folder())
        self._remembered["theme"] = name
        _remember(self._folder, self._remembered)


def open_window(folder: SiteFolder, *, demo: bool = False) -> int:
    """Runs the program until the window is closed; gives the exit code.

    Where the site has a window already, that one is brought to the front instead.
    """
    try:
        folder.make()
    except UserFacingError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    log_to(folder.log)
    log_qt_messages()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(app, QApplication):
        raise TypeError("another kind of Qt application is already running")
    app.setApplicationName("energy_desktop")
    door = WindowDoor(folder)
    entry = door.enter()
    if entry is Entry.IN_FRONT:
        sys.stdout.write(f"The window of {folder.root} was open already; it is in front now.\n")
        return 0
    if entry is Entry.SILENT:
        sys.stderr.write(
            f"{folder.root}: its window is open already and does not answer. Wait a minute and "
            "try again, or end that program.\n"
        )
        return 3
    desktop = Desktop(app, folder, demo=demo)
    door.called.connect(partial(bring_to_front, desktop.window))
    desktop.closing.connect(door.close)
    desktop.show()
    code = app.exec()
    with contextlib.suppress(RuntimeError):
        desktop.window.deleteLater()
    return int(code)


def _recall(folder: SiteFolder) -> dict[str, str]:
    """What the frame needs before the store is open: zone, currency, name, theme."""
    try:
        kept = json.loads(folder.window.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # the first start, or a torn file: it is made again at the end
    return {str(k): str(v) for k, v in kept.items()} if isinstance(kept, dict) else {}


def _known_locale(name: str) -> str:
    return name if any(name == known for known, _ in LOCALES) else "en"


def _remember(folder: SiteFolder, facts: dict[str, str]) -> None:
    beside = folder.window.with_suffix(".new")
    try:
        beside.write_text(json.dumps(facts), encoding="utf-8")
        beside.replace(folder.window)
    except OSError as error:
        _LOG.warning("%s was not written: %s", folder.window, error)
