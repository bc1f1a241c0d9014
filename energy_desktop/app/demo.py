"""The demo site: a simulated building behind real Modbus TCP on loopback.

The history is made once, on first start; afterwards the site is polled like any other. That a
site is a demo is written in its settings, so that it can never be mistaken for a real one.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.simulator.demo import demo_prices, open_demo_site
from energy_desktop.acquisition.simulator.history import history
from energy_desktop.acquisition.simulator.server import SimulatorServer
from energy_desktop.acquisition.simulator.site import VirtualSite
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.errors import UserFacingError, WrongUse
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.domain.site import LinkKind
from energy_desktop.storage import Store

SETTING = "demo"
HISTORY_SETTING = "demo_history"  # "made" once it is complete
HOST = "127.0.0.1"
PORT = 15_020
HISTORY_DAYS = 90
PRICES_AHEAD_DAYS = 2


class DemoSite:
    """Serves the virtual site of one store, and fills the store once."""

    def __init__(
        self, store: Store, library: ProfileLibrary, clock: Clock, state_file: Path
    ) -> None:
        self._store = store
        self._clock = clock
        self._library = library
        self._state_file = state_file
        now_ms = to_ms(clock())
        self.site: VirtualSite = open_demo_site(state_file, HOST, PORT, now_ms)
        # A start that was killed half way leaves the mark away, and the history is made again.
        self._fresh = store.configuration.setting(HISTORY_SETTING) is None
        self._server: SimulatorServer | None = None

    @classmethod
    def of(
        cls,
        store: Store,
        library: ProfileLibrary,
        clock: Clock,
        state_file: Path,
        *,
        wanted: bool,
    ) -> DemoSite | None:
        """The demo of this store; None: a real site. Raises WrongUse when asked to mix them."""
        if store.configuration.setting(SETTING) is not None:
            return cls(store, library, clock, state_file)
        if not wanted:
            return None
        if store.configuration.load().meters:
            raise WrongUse(
                where="Demo site",
                what="This folder already holds a real site.",
                remedy="Name another folder with --site for the demo.",
            )
        return cls(store, library, clock, state_file)

    def start(self, progress: ProgressSink) -> None:
        """Serves the site; on first start makes its history before, in a few seconds."""
        self._store.configuration.save_setting(SETTING, "yes")
        self._server = self._listen()
        self._keep_configuration(self._server.port)
        if self._fresh:
            self._make_history(progress)
            self._store.configuration.save_setting(HISTORY_SETTING, "made")
            self._fresh = False
        self._extend_prices()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _listen(self) -> SimulatorServer:
        """On the usual port, or on a free one when another program has it."""
        try:
            return self._served(PORT)
        except UserFacingError:
            return self._served(0)

    def _served(self, port: int) -> SimulatorServer:
        server = SimulatorServer(
            self.site,
            self._library,
            HOST,
            port,
            clock=self._clock,
            state_file=self._state_file,
        )
        server.start()
        return server

    def _keep_configuration(self, port: int) -> None:
        """What the person changed stays; the link follows the port that is really served."""
        stored = self._store.configuration.load()
        wanted = stored if stored.meters else self.site.configuration
        wanted = _at_port(wanted, port)
        if wanted != stored:
            self._store.configuration.replace(wanted)

    def _make_history(self, progress: ProgressSink) -> None:
        now_ms = to_ms(self._clock())
        began = time.monotonic()
        first_ms = now_ms - HISTORY_DAYS * DAY_MS
        doing = f"Making {HISTORY_DAYS} days of demo history"
        for block in history(self.site, now_ms, HISTORY_DAYS, library=self._library):
            self._store.bulk.add_sealed(block.meter_id, block.quantity, block.time_ms, block.values)
            done = (int(block.time_ms[-1]) - first_ms) / (now_ms - first_ms)
            progress(min(0.99, max(0.0, done)), doing)
        self._store.bulk.finish()
        progress(1.0, f"Demo history made in {time.monotonic() - began:.1f} s")

    def _extend_prices(self) -> None:
        """A demo that is opened again next week has prices for that week too."""
        now_ms = to_ms(self._clock())
        wanted_end = now_ms + PRICES_AHEAD_DAYS * DAY_MS
        first_ms = now_ms - HISTORY_DAYS * DAY_MS
        known = self._store.configuration.prices(first_ms, wanted_end)
        start = max((slot.end_ms for slot in known), default=first_ms)
        if start < wanted_end:
            self._store.configuration.add_prices(demo_prices(start, wanted_end))


def _at_port(configuration: Configuration, port: int) -> Configuration:
    links = tuple(
        replace(link, port=port) if link.kind is LinkKind.MODBUS_TCP and link.host == HOST else link
        for link in configuration.links
    )
    return replace(configuration, links=links)
