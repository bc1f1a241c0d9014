"""Alarms in the sense of ISA-18.2 / IEC 62682: each needs a response, written in its rule."""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Condition(Enum):
    HIGH = "high"
    LOW = "low"
    NO_DATA = "no_data"
    FROZEN = "frozen"
    FLUCTUATING = "fluctuating"  # crosses its band too often within a minute


class Priority(IntEnum):
    HIGH = 1
    MEDIUM = 2
    LOW = 3


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """limit and deadband in the quantity's unit; delays in s; meter_id "*": every meter.

    FROZEN: limit is the time in s without any change. NO_DATA: limit is the age in s.
    FLUCTUATING: limit is the peak-to-peak swing within 60 s.
    """

    rule_id: str
    name: str
    meter_id: str
    quantity: str
    condition: Condition
    limit: float
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    priority: Priority = Priority.MEDIUM
    response: str = ""
    consequence: str = ""
    enabled: bool = True


class AlarmState(Enum):
    ACTIVE_UNACKNOWLEDGED = "active, not acknowledged"
    ACTIVE_ACKNOWLEDGED = "active, acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned, not acknowledged"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One activation of a rule on one meter; NORMAL ones are the journal."""

    alarm_id: int
    rule: AlarmRule
    meter_id: str
    meter_name: str
    state: AlarmState
    raised_at_ms: int
    value: float
    returned_at_ms: int | None = None
    acknowledged_at_ms: int | None = None
    acknowledged_by: str = ""
    acknowledge_note: str = ""
    shelved_until_ms: int | None = None
    shelved_by: str = ""
    shelve_reason: str = ""

    @property
    def needs_acknowledgement(self) -> bool:
        return self.state in (
            AlarmState.ACTIVE_UNACKNOWLEDGED,
            AlarmState.RETURNED_UNACKNOWLEDGED,
        )

    @property
    def is_active(self) -> bool:
        return self.state in (AlarmState.ACTIVE_UNACKNOWLEDGED, AlarmState.ACTIVE_ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class AlarmCount:
    """Alarms of one priority that are not back to normal, shelved ones left out."""

    open: int = 0
    unacknowledged: int = 0


@dataclass(frozen=True, slots=True)
class FrequentAlarm:
    """How often a rule went off on a meter; chatters: three times or more within a minute."""

    rule_name: str
    meter_name: str
    times: int
    chatters: bool


@dataclass(frozen=True, slots=True)
class AlarmStatistics:
    """The desk held against the usual targets of alarm management.

    per_10_min: activations in each 10 min of the last 24 h, 144 of them, oldest first.
    share_pct: per priority over `days`. frequent: by number, most first.
    stale: active for more than 24 h.
    """

    days: int
    per_10_min: tuple[int, ...]
    mean_per_10_min: float
    flood_periods: int  # of the 144, with more than FLOOD activations
    share_pct: dict[Priority, float]
    frequent: tuple[FrequentAlarm, ...]
    stale: tuple[Alarm, ...]
    activations: int

    @property
    def chattering(self) -> int:
        return sum(one.chatters for one in self.frequent)


TARGET_PER_10_MIN = 1.0
FLOOD = 10
TARGET_SHARE_PCT = {Priority.HIGH: 5.0, Priority.MEDIUM: 15.0, Priority.LOW: 80.0}
CHATTER_PER_MIN = 3
STALE_MS = 24 * 3_600_000
