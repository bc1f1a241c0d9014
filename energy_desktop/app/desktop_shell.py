"""The program around the pages, as the window sees it: facts that cost nothing to ask."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from energy_desktop import __version__
from energy_desktop.app.user import user_name
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.settings import APPEARANCE, PROGRAM, SITE
from energy_desktop.domain.snapshot import LinkState
from energy_desktop.ui.shell import (
    AlarmSummary,
    PriorityCount,
    SearchHit,
    StatusFact,
    UrgentAlarm,
)

if TYPE_CHECKING:
    from energy_desktop.app.engine import Engine

_LOG = logging.getLogger("energy_desktop.ui")
_GIGABYTE = 1e9
_LOW_DISK_BYTES = 1e9
_LOW_SHARE, _MOST_LOW_BYTES = 0.1, 10e9
_WRITE_LATE_MS = 5_000
_BALANCE_LOOKS = (
    ("Main and sub-meters", "look:sums", "scale-balance"),
    ("Energy and temperature", "look:weather", "thermometer"),
    ("Virtual meters", "look:formulas", "sigma"),
)

Go = Callable[..., None]


class DesktopShell:
    """Implements ui.shell.Shell. `engine` is None until it has started."""

    def __init__(self, site_name: str, clock: Clock) -> None:
        self.engine: Engine | None = None
        self.go: Go = lambda *_args, **_kwargs: None
        self.starting = "Starting"
        self._site_name = site_name
        self._clock = clock

    @property
    def site_name(self) -> str:
        return self.engine.configuration.site.name if self.engine else self._site_name

    @property
    def user_name(self) -> str:
        return user_name()

    @property
    def role_name(self) -> str:
        return "Technician"

    @property
    def version(self) -> str:
        return __version__

    @property
    def simulated(self) -> bool:
        return self.engine is not None and self.engine.demo is not None

    def status_facts(self) -> Sequence[StatusFact]:
        engine = self.engine
        if engine is None:
            return (StatusFact("timer-sand", self.starting),)
        return (*self._meters(engine), *self._store(engine))

    def _meters(self, engine: Engine) -> list[StatusFact]:
        statuses = engine.field.statuses().values()
        if not statuses:
            return [StatusFact("access-point", "No meter is polled yet", view_id="meters")]
        answering = sum(s.state in (LinkState.GOOD, LinkState.LATE) for s in statuses)
        facts = [
            StatusFact(
                "access-point",
                f"{answering} of {len(statuses)} meters answering",
                trouble=answering < len(statuses),
                view_id="meters",
            )
        ]
        slowest = max(
            (s for s in statuses if s.round_trip_ms is not None),
            key=lambda s: s.round_trip_ms or 0.0,
            default=None,
        )
        if slowest is not None and slowest.round_trip_ms is not None:
            meter = engine.configuration.meter(slowest.meter_id)
            name = meter.name if meter else slowest.meter_id
            facts.append(
                StatusFact(
                    "timer-outline",
                    f"Slowest answer {slowest.round_trip_ms:.0f} ms, {name}",
                    view_id="meters",
                )
            )
        return facts

    def _store(self, engine: Engine) -> list[StatusFact]:
        stats = engine.store_stats
        if stats is None:
            return []
        if stats.failing:
            written = StatusFact("database-alert-outline", stats.failing, trouble=True)
        elif stats.last_commit_ms is None:
            written = StatusFact("database-outline", "Nothing written yet")
        else:
            late = to_ms(self._clock()) - stats.last_commit_ms > _WRITE_LATE_MS
            waiting = "none waiting" if not stats.waiting else f"{stats.waiting} waiting"
            spilled = f", {stats.spilled} on the spill file" if stats.spilled else ""
            seconds = max(0, to_ms(self._clock()) - stats.last_commit_ms) // 1000
            written = StatusFact(
                "database-outline",
                f"Last write {seconds} s ago, {waiting}{spilled}",
                trouble=(late and stats.waiting > 0) or stats.spilled > 0,
            )
        free = stats.free_disk_bytes
        size = f"{stats.database_bytes / _GIGABYTE:.1f} GB stored"
        disk = StatusFact(
            "harddisk",
            size if free is None else f"{size}, {free / _GIGABYTE:.0f} GB free",
            trouble=free is not None and room_is_low(free, stats.disk_bytes),
        )
        failed = engine.backup_failure
        if failed is None:
            return [written, disk]
        backup = StatusFact(
            "backup-restore", "The last backup failed", trouble=True, view_id="settings"
        )
        return [written, disk, backup]

    def alarm_summary(self) -> AlarmSummary:
        if self.engine is None:
            return AlarmSummary()
        current = self.engine.alarms.current()
        urgent = [a for a in current if int(a.rule.priority) == 1 and a.needs_acknowledgement]
        oldest = min(urgent, key=lambda a: (not a.is_active, a.raised_at_ms), default=None)
        counts = tuple(
            PriorityCount(
                priority,
                sum(int(a.rule.priority) == priority for a in current),
                sum(int(a.rule.priority) == priority and a.needs_acknowledgement for a in current),
            )
            for priority in (1, 2, 3)
        )
        return AlarmSummary(
            counts,
            None
            if oldest is None
            else UrgentAlarm(
                oldest.alarm_id,
                f"{oldest.meter_name}: {oldest.rule.name}",
                oldest.raised_at_ms,
                oldest.rule.response,
                None if oldest.is_active else oldest.returned_at_ms,
            ),
            len(urgent),
        )

    def acknowledge(self, alarm_id: int) -> None:
        if self.engine is None:
            return
        try:
            self.engine.alarms.acknowledge(alarm_id, self.user_name)
        except UserFacingError as error:
            # It went back to normal between the drawing and the click: nothing is left to do.
            _LOG.info("Alarm %s was not acknowledged: %s", alarm_id, error)

    def search(self, text: str) -> Sequence[SearchHit]:
        if self.engine is None:
            return ()
        words = text.lower().split()

        def fits(*fields: str) -> bool:
            whole = " ".join(fields).lower()
            return all(word in whole for word in words)

        c = self.engine.configuration
        hits = [
            SearchHit(
                m.name,
                f"meter {m.meter_id}",
                "gauge",
                partial(self.go, "live", meter_id=m.meter_id),
            )
            for m in c.meters
            if fits(m.name, m.meter_id, m.equipment, "meter")
        ]
        hits += [
            SearchHit(
                v.name,
                f"virtual meter {v.virtual_id}",
                "sigma",
                partial(self.go, "history", meter_id=v.meter_id),
            )
            for v in c.virtual_meters
            if fits(v.name, v.virtual_id, "virtual meter")
        ]
        hits += [
            SearchHit(title, "screen, balance", icon, partial(self.go, "balance", item_id=item))
            for title, item, icon in _BALANCE_LOOKS
            if fits(title, "balance")
        ]
        hits += [
            SearchHit(
                f"{a.meter_name}: {a.rule.name}",
                f"alarm, priority {int(a.rule.priority)}",
                "bell-outline",
                partial(self.go, "alarms", item_id=str(a.alarm_id)),
            )
            for a in self.engine.alarms.current()
            if fits(a.meter_name, a.rule.name, "alarm")
        ]
        hits += [
            SearchHit(
                k.name,
                "client, billing",
                "receipt-text-outline",
                partial(self.go, "billing", item_id=k.client_id),
            )
            for k in c.clients
            if fits(k.name, k.client_id, "client bill invoice")
        ]
        hits += [
            SearchHit(
                s.label,
                "setting",
                "cog-outline",
                partial(self.go, "settings", item_id=f"setting:{s.name}"),
            )
            for s in (*SITE.values(), *APPEARANCE.values(), *PROGRAM.values())
            if fits(s.label, s.help, "setting")
        ]
        return hits[:40]


def room_is_low(free_bytes: int, disk_bytes: int | None) -> bool:
    """Less than a gigabyte, or than a tenth of the disk; of a large one a tenth is years of room,
    so ten gigabytes do."""
    tenth = _LOW_SHARE * (disk_bytes or 0)
    return free_bytes < max(_LOW_DISK_BYTES, min(tenth, _MOST_LOW_BYTES))
