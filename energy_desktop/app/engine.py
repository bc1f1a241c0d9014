"""Starts and stops all that runs without a window: pollers, intake, alarms, store, demo site.

Knows no Qt: the window owns one, `energy-desktop serve` runs one without a window. One engine per
database, held by the store's lock. Threads: the field's (one asyncio loop), the store's writer,
the simulator's when this is the demo site, and a housekeeper that ticks alarms once a second.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.app.clock_watch import ClockWatch
from energy_desktop.app.demo import DemoSite
from energy_desktop.app.http_in import HttpIn
from energy_desktop.app.paths import SiteFolder, drivers_folder
from energy_desktop.app.site_key import site_key
from energy_desktop.domain.clock import Clock, ClockJump, system_clock, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import Gap, GapCause
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.services.alarm_desk import AlarmDesk
from energy_desktop.services.backups import BackupFailure, BackupService
from energy_desktop.services.rings import Intake, LiveRings
from energy_desktop.services.secrets import SecretService
from energy_desktop.services.settings import stored_program
from energy_desktop.storage import RESTORED_FROM, Store, StoreStats, open_store, prove

_LOG = logging.getLogger("energy_desktop.engine")
_TICK_S = 1.0
_UPKEEP_EVERY_S = 60.0
_LOOK_EVERY_S = 3.0
_UPKEEP_SLICE_S = 0.2
_LAST_COPY_S = 60.0  # a backup that is under way when the program ends may still come to its end
_NOT_RUNNING_AFTER_MS = 120_000


class Engine:
    """Made stopped; `start` may take seconds on the first start of a demo site."""

    def __init__(
        self, folder: SiteFolder, *, clock: Clock = system_clock, demo: bool = False
    ) -> None:
        folder.make()
        self.folder = folder
        self.clock = clock
        self.library = ProfileLibrary([drivers_folder(), folder.drivers])
        self.store: Store = open_store(
            folder.store,
            key=site_key(folder),
            engine_owner=f"{socket.gethostname()}:{os.getpid()}",
        )
        self.store.configuration.modulus_of_driver = self.library.modulus_wh
        try:
            self.demo = DemoSite.of(self.store, self.library, clock, folder.simulator, wanted=demo)
            configuration = self.store.configuration.load()
            self.configuration: Configuration = configuration
            self.store_stats: StoreStats | None = None
            self.rings = LiveRings(meters_expected=len(configuration.meters))
            self.alarms = AlarmDesk(
                configuration.alarm_rules, configuration.meters, self.store.alarms, clock
            )
            self.secrets = SecretService(folder.root)
            self.field = Field(
                self.library,
                Intake(self.store.writer.put, self.rings.put, self.alarms.check),
                clock=clock,
                on_gap=self.store.record_gap,
                password=self.secrets.get,
            )
            self.http_in = HttpIn(self.store, self.field, lambda: self.configuration, clock)
        except BaseException:
            self.store.close()
            raise
        self._stop = threading.Event()
        self._backups = BackupService(
            self.store.configuration,
            self.store,
            clock,
            lambda: stored_program(self.store.configuration),
            folder.backups,
        )
        self.backup_failure: BackupFailure | None = None
        # A copy of gigabytes takes its time, and alarms must not wait for it.
        self._copier = threading.Thread(target=self._keep_copies, name="backups", daemon=True)
        self._housekeeper = threading.Thread(
            target=self._keep_house, name="housekeeper", daemon=True
        )
        self._started = False

    def start(self, progress: ProgressSink = no_progress) -> None:
        """Raises UserFacingError; the engine is then stopped again and may be closed."""
        if self.demo is not None:
            self.demo.start(progress)
        self.store.start()
        configuration = self.store.configuration.load()
        self.configuration = configuration
        self.alarms.configure(configuration.alarm_rules, configuration.meters)
        self._note_downtime(configuration)
        self._started = True
        self.field.start()
        self.field.reconfigure(configuration)
        self.http_in.follow()
        self._housekeeper.start()
        # What stands now lives as long as the program: looking through it again and again would
        # hold up a thousand pollers for a tenth of a second each time.
        gc.collect()
        gc.freeze()
        if self.demo is None:
            self._copier.start()

    def follow(self, configuration: Configuration) -> None:
        """Polls and watches what the configuration says from now on."""
        self.configuration = configuration
        self.alarms.configure(configuration.alarm_rules, configuration.meters)
        if self._started:
            self.field.reconfigure(configuration)

    def stop(self) -> None:
        """Ends every thread in the order that loses no reading: HTTP in, wire, alarms, store."""
        self._stop.set()
        steps: list[tuple[str, Callable[[], object]]] = []
        if self._started:
            steps.append(("housekeeper", lambda: self._housekeeper.join(5.0)))
            steps.append(("HTTP in", self.http_in.stop))
            steps.append(("field", lambda: self.field.stop(5.0)))
            if self._copier.is_alive():
                steps.append(("backups", lambda: self._copier.join(_LAST_COPY_S)))
        if self.demo is not None:
            steps.append(("simulator", self.demo.stop))
        steps.append(("alarms", self.alarms.drain))
        steps.append(("store", self.store.close))
        steps.append(("collector", gc.unfreeze))
        for name, step in steps:
            try:
                step()
            except Exception:  # noqa: BLE001 - logged whole
                # One part that cannot end must not keep the next from writing its last batch.
                _LOG.exception("The %s did not end cleanly", name)

    def _keep_house(self) -> None:
        """Alarms each second; thinning out what is old in small slices, so that it never shows."""
        next_upkeep = time.monotonic() + _UPKEEP_EVERY_S
        next_look = time.monotonic() + _LOOK_EVERY_S
        watch = ClockWatch(self.clock)
        while not self._stop.wait(_TICK_S):
            try:
                self._note_jump(watch.look())
                self.alarms.tick(to_ms(self.clock()))
                self.alarms.drain()
                self.store_stats = self.store.stats()
                if time.monotonic() >= next_look:
                    next_look = time.monotonic() + _LOOK_EVERY_S
                    self._follow_others()
                    self.http_in.follow()
                if time.monotonic() >= next_upkeep:
                    more = self.store.maintain(seconds=_UPKEEP_SLICE_S)
                    pause = 2 * _TICK_S if more else _UPKEEP_EVERY_S
                    next_upkeep = time.monotonic() + pause
            except Exception:  # noqa: BLE001 - the edge of the thread: logged whole
                _LOG.exception("A tick of the house failed; the next one is tried")

    def _keep_copies(self) -> None:
        while not self._stop.wait(_UPKEEP_EVERY_S):
            try:
                self._backups.back_up_when_due()
                self._backups.prove_when_due(self._prove)
                self.backup_failure = self._backups.last_failure()
            except Exception:  # noqa: BLE001 - the edge of the thread: logged whole
                _LOG.exception("A daily backup ended by a fault of this program")

    def _note_jump(self, jump_s: float) -> None:
        """Kept beside the log, which nobody reads when an hour looks strange years later."""
        if jump_s:
            now_ms = to_ms(self.clock())
            self.store.clock_jumps.add(ClockJump(now_ms - round(1000 * jump_s), now_ms))

    def _prove(self, file: Path) -> None:
        prove(file, site_key(self.folder))

    def _follow_others(self) -> None:
        """A command of another process (`apply`) changes what is to be polled here, too."""
        stored = self.store.configuration.load()
        if stored != self.configuration:
            _LOG.info("The configuration was changed from outside; it is followed")
            self.follow(stored)

    def _note_downtime(self, configuration: Configuration) -> None:
        """The time in which no engine ran is a gap with a cause, not silence."""
        now_ms = to_ms(self.clock())
        stamp, _, backup = (self.store.configuration.setting(RESTORED_FROM) or "").partition(" ")
        restored_ms = int(stamp) if stamp.isdigit() else 0
        for meter in configuration.meters:
            if not (meter.driver_id and meter.enabled):
                continue
            extent = self.store.history.extent(meter.meter_id)
            if extent is not None and now_ms - extent[1] > _NOT_RUNNING_AFTER_MS:
                lost = f"restored from {backup}" if extent[1] < restored_ms else ""
                self.store.record_gap(
                    Gap(meter.meter_id, extent[1], now_ms, GapCause.NOT_RUNNING, lost)
                )
