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
