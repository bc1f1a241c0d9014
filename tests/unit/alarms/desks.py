"""A desk with a store in memory and a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from energy_desktop.domain.alarm import Alarm, AlarmRule, AlarmState, Condition, Priority
from energy_desktop.domain.clock import to_ms
from energy_desktop.domain.errors import StoreError
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import Layout, Quality, Snapshot
from energy_desktop.services.alarm_desk import AlarmDesk

NOW = datetime(2026, 10, 14, 12, 0, tzinfo=UTC)
NAN = float("nan")
LAYOUT = Layout(
    "three_phase",
    (
        "voltage_l1_v",
        "voltage_l2_v",
        "voltage_l3_v",
        "voltage_l1_l2_v",
        "power_w",
        "power_factor",
        "frequency_hz",
        "energy_import_wh",
    ),
)
CALM = {
    "voltage_l1_v": 230.0,
    "voltage_l2_v": 231.0,
    "voltage_l3_v": 229.0,
    "voltage_l1_l2_v": 399.0,
    "power_w": 4_000.0,
    "power_factor": 0.97,
    "frequency_hz": 50.0,
    "energy_import_wh": 1_000.0,
}


class MemoryStore:
    """AlarmStore in memory; `broken`: it raises instead of saving."""

    def __init__(self) -> None:
        self.rows: dict[int, Alarm] = {}
        self.broken = False

    def open_alarms(self) -> tuple[Alarm, ...]:
        return tuple(a for a in self.rows.values() if a.state is not AlarmState.NORMAL)

    def journal(self, start_ms: int, end_ms: int) -> tuple[Alarm, ...]:
        return tuple(a for a in self.rows.values() if start_ms <= a.raised_at_ms < end_ms)

    def save(self, alarm: Alarm) -> Alarm:
        if self.broken:
            raise StoreError(where="Store", what="disk full.", remedy="Make room.")
        if alarm.alarm_id == 0:
            alarm = replace(alarm, alarm_id=len(self.rows) + 1)
        assert alarm.alarm_id > 0
        self.rows[alarm.alarm_id] = alarm
        return alarm


def a_rule(**changes: object) -> AlarmRule:
    rule = AlarmRule(
        rule_id="high",
        name="Voltage high",
        meter_id="*",
        quantity="voltage_l?_v",
        condition=Condition.HIGH,
        limit=253.0,
        deadband=2.0,
        priority=Priority.MEDIUM,
        response="Look.",
    )
    return replace(rule, **changes)


def a_meter(**changes: object) -> Meter:
    return replace(
        Meter("grid", "Grid", driver_id="sdm630", poll_interval_s=1.0),
        **changes,
    )


class Bench:
    """`read` sends a snapshot `after_s` later; values that are not named are calm."""

    def __init__(
        self,
        *rules: AlarmRule,
        meters: Iterable[Meter] = (),
        store: MemoryStore | None = None,
        now: datetime = NOW,
        **options: float,
    ) -> None:
        self.rules = rules
        self.meters = tuple(meters) or (a_meter(),)
        self.store = store or MemoryStore()
        self.now = now
        self.desk = AlarmDesk(rules, self.meters, self.store, lambda: self.now, **options)

    @property
    def now_ms(self) -> int:
        return to_ms(self.now)

    def wait(self, seconds: float, *, tick: bool = True) -> None:
        self.now += timedelta(seconds=seconds)
        if tick:
            self.desk.tick(self.now_ms)

    def read(
        self, after_s: float = 1.0, *, meter: str = "grid", layout: Layout = LAYOUT, **values: float
    ) -> None:
        self.now += timedelta(seconds=after_s)
        row = tuple((CALM | values).get(name, NAN) for name in layout.quantities)
        quality = Quality.PARTIAL if any(v != v for v in row) else Quality.GOOD
        self.desk.check(Snapshot(meter, self.now_ms, layout, row, quality))

    def restart(self) -> Bench:
        self.desk.drain()
        return Bench(*self.rules, meters=self.meters, store=self.store, now=self.now)

    @property
    def only(self) -> Alarm:
        (alarm,) = self.desk.current()
        return alarm

    @property
    def states(self) -> list[AlarmState]:
        return [alarm.state for alarm in self.desk.current()]
