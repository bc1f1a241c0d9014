"""What the alarm desk does not keep in memory: the journal, the past of one alarm, its curve.

The desk answers at once and in the GUI thread; this service reads the store, so it belongs in a
job. Both are needed to judge an alarm: what stands, and what it looked like when it went off.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from energy_desktop.domain.alarm import Alarm
from energy_desktop.domain.clock import Clock, iso_utc, to_ms
from energy_desktop.domain.energy import DAY_MS, Buckets
from energy_desktop.domain.ports import AlarmStore, History

JOURNAL_DAYS = 30
CURVES = 3
"""More phases than these on one small chart say nothing more."""

_POINTS = 400
_LEAST_WINDOW_MS = 15 * 60_000
_LONGEST_WINDOW_MS = 6 * 3_600_000


@dataclass(frozen=True, slots=True)
class AlarmPast:
    """What the store knows of one alarm.

    curves: the watched quantities around the moment, by name; empty when nothing is stored.
    earlier: activations of the same rule on the same meter in the journal before this one.
    """

    start_ms: int
    end_ms: int
    curves: tuple[Buckets, ...]
    earlier: int
    last_before_ms: int | None


class AlarmService:
    """Reads journal and curves. Every method reads the store, so none is for the GUI thread."""

    def __init__(self, store: AlarmStore, history: History, clock: Clock) -> None:
        self._store = store
        self._history = history
        self._clock = clock

    def journal(self, days: int = JOURNAL_DAYS) -> tuple[Alarm, ...]:
        """Alarms raised or returned in the last `days`, the newest first."""
        now_ms = to_ms(self._clock())
        rows = self._store.journal(now_ms - days * DAY_MS, now_ms + 1)
        return tuple(sorted(rows, key=lambda a: (a.raised_at_ms, a.alarm_id), reverse=True))

    def quiet_since_ms(self) -> int | None:
        """When the last alarm of the journal returned; None: there was none at all."""
        return max(
            (a.returned_at_ms or a.raised_at_ms for a in self.journal()),
            default=None,
        )

    def past(self, alarm: Alarm) -> AlarmPast:
        """The curve around the moment it went off, and when it last did so before."""
        now_ms = to_ms(self._clock())
        until = alarm.returned_at_ms or now_ms
        lasted = min(max(until - alarm.raised_at_ms, _LEAST_WINDOW_MS), _LONGEST_WINDOW_MS)
        start_ms = alarm.raised_at_ms - max(_LEAST_WINDOW_MS, lasted // 2)
        end_ms = max(min(alarm.raised_at_ms + lasted, now_ms), alarm.raised_at_ms + 1000)
        names = watched(alarm.rule.quantity, self._history.quantities(alarm.meter_id))
        curves = tuple(
            self._history.overview(alarm.meter_id, name, start_ms, end_ms, _POINTS)
            for name in names
        )
        before = [
            a.raised_at_ms
            for a in self.journal()
            if a.rule.rule_id == alarm.rule.rule_id
            and a.meter_id == alarm.meter_id
            and a.raised_at_ms < alarm.raised_at_ms
        ]
        return AlarmPast(
            start_ms=start_ms,
            end_ms=end_ms,
            curves=tuple(c for c in curves if len(c.start_ms)),
            earlier=len(before),
            last_before_ms=max(before, default=None),
        )

    def export_csv(self, path: Path, days: int = JOURNAL_DAYS) -> Path:
        """The journal with what stands, one row per alarm; the whole file or none."""
        from energy_desktop.reports.files import write_bytes

        rows = {a.alarm_id: a for a in (*self.journal(days), *self._store.open_alarms())}
        ordered = sorted(rows.values(), key=lambda a: a.raised_at_ms, reverse=True)
        write_bytes(path, csv_text(ordered).encode("utf-8"))
        return path


def watched(pattern: str, known: Iterable[str]) -> tuple[str, ...]:
    """The quantities to draw for a rule's pattern; for "anything" the power, which all know."""
    known = tuple(known)
    if pattern.strip() in ("*", ""):
        return tuple(name for name in ("power_w", "voltage_l1_v", "voltage_v") if name in known)[:1]
    parts = [part.strip() for part in pattern.split("|")]
    return tuple(name for name in known if any(fnmatchcase(name, p) for p in parts))[:CURVES]


CSV_COLUMNS = (
    "raised_utc",
    "returned_utc",
    "state",
    "priority",
    "alarm",
    "meter",
    "meter_name",
    "quantity",
    "value",
    "limit",
    "acknowledged_utc",
    "acknowledged_by",
    "note",
    "shelved_until_utc",
    "shelve_reason",
    "response",
)


def csv_text(alarms: Iterable[Alarm]) -> str:
    """Comma-separated, UTC, values in the unit of their quantity; unknown is empty.

    A text that a spreadsheet would run as a formula is written with an apostrophe before it.
    """

    def moment(at: int | None) -> str:
        return "" if at is None else iso_utc(at)

    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(CSV_COLUMNS)
    for a in alarms:
        write(
            (
                moment(a.raised_at_ms),
                moment(a.returned_at_ms),
                a.state.value,
                int(a.rule.priority),
                _inert(a.rule.name),
                _inert(a.meter_id),
                _inert(a.meter_name),
                _inert(a.rule.quantity),
                repr(a.value) if a.value == a.value else "",
                repr(a.rule.limit),
                moment(a.acknowledged_at_ms),
                _inert(a.acknowledged_by),
                _inert(a.acknowledge_note),
                moment(a.shelved_until_ms),
                _inert(a.shelve_reason),
                _inert(a.rule.response),
            )
        )
    return out.getvalue()


def _inert(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
