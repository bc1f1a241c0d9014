"""The demo site: a simulated building behind real Modbus TCP on loopback.

The history is made once, on first start; afterwards the site is polled like any other. That a
site is a demo is written in its settings, so that it can never be mistaken for a real one.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.simulator import (
    SimulatorServer,
    VirtualSite,
    demo_configuration,
    demo_prices,
    history,
)
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.domain.site import LinkKind
from energy_desktop.storage import Store

SETTING = "demo_seed"
HISTORY_SETTING = "demo_history"  # "made" once it is complete
SEED = 20_260_101
HOST = "127.0.0.1"
PORT = 15_020
HISTORY_DAYS = 90
PRICES_AHEAD_DAYS = 2


class DemoSite:
    """Serves the virtual site of one store, and fills the store once."""

    def __init__(self, store: Store, library: ProfileLibrary, clock: Clock, seed: int) -> None:
        self._store = store
        self._clock = clock
        self._seed = seed
        configuration = store.configuration.load()
        if not configuration.meters:
            configuration = demo_configuration(HOST, PORT)
        # A start that was killed half way leaves the mark away, and the history is made again.
        self._fresh = store.configuration.setting(HISTORY_SETTING) is None
        self.site = VirtualSite(seed, configuration)
        self._configuration = configuration
        self._library = library
        self._server: SimulatorServer | None = None

    @classmethod
    def of(
        cls, store: Store, library: ProfileLibrary, clock: Clock, *, wanted: bool
    ) -> DemoSite | None:
        """The demo of this store; None: a real site. Raises WrongUse when asked to mix them."""
        seed = store.configuration.setting(SETTING)
        if seed is not None:
            return cls(store, library, clock, int(seed))
        if not wanted:
            return None
        if store.configuration.load().meters:
            raise WrongUse(
                where="Demo site",
                what="This folder already holds a real site.",
                remedy="Name another folder with --site for the demo.",
            )
        return cls(store, library, clock, SEED)

    def start(self, progress: ProgressSink) -> None:
        """Serves the site; on first start makes its history before, in a few seconds."""
        self._store.configuration.save_setting(SETTING, str(self._seed))
        self._server = self._listen()
        self._follow_port(self._server.port)
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
        usual = SimulatorServer(self.site, self._library, HOST, PORT)
        with suppress(OSError):
            usual.start()
            return usual
        free = SimulatorServer(self.site, self._library, HOST, 0)
        free.start()
        return free

    def _follow_port(self, port: int) -> None:
        """The stored link names the port that is really served."""
        links = tuple(
            replace(link, port=port) if link.kind is LinkKind.MODBUS_TCP else link
            for link in self._configuration.links
        )
        self._configuration = replace(self._configuration, links=links)
        if self._store.configuration.load() != self._configuration:
            self._save(self._configuration)

    def _save(self, configuration: Configuration) -> None:
        self._store.configuration.replace(configuration)

    def _make_history(self, progress: ProgressSink) -> None:
        now_ms = to_ms(self._clock())
        began = time.monotonic()
        span_ms = HISTORY_DAYS * DAY_MS
        first_ms = now_ms - span_ms
        meters = max(1, len(self._configuration.meters))
        seen: set[str] = set()
        for block in history(self.site, now_ms, days=HISTORY_DAYS):
            seen.add(block.meter_id)
            progress(
                min(0.95, (len(seen) - 1) / meters),
                f"Making {HISTORY_DAYS} days of demo history, meter {len(seen)} of {meters}",
            )
            self._store.bulk.add_sealed(block.meter_id, block.quantity, block.time_ms, block.values)
        self._store.bulk.finish()
        self._store.configuration.add_prices(
            demo_prices(first_ms, now_ms + PRICES_AHEAD_DAYS * DAY_MS)
        )
        progress(1.0, f"Demo history made in {time.monotonic() - began:.1f} s")

    def _extend_prices(self) -> None:
        """A demo that is opened again next week has prices for that week too."""
        now_ms = to_ms(self._clock())
        wanted_end = now_ms + PRICES_AHEAD_DAYS * DAY_MS
        known = self._store.configuration.prices(now_ms - HISTORY_DAYS * DAY_MS, wanted_end)
        start = max((slot.end_ms for slot in known), default=now_ms - DAY_MS)
        if start < wanted_end:
            self._store.configuration.add_prices(demo_prices(start, wanted_end))
