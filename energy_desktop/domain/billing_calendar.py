"""What a client used inside and outside the contract hours, day by day, for drawing and tables."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A local day in slots, as many as it has: 92, 96 or 100 quarter hours.

    All tuples have one entry per slot. minute_of_day: the wall clock at the slot's start, so the
    repeated hour of autumn appears twice. inside_wh and outside_wh: None where unknown.
    """

    day: date
    start_ms: int
    minute_of_day: tuple[int, ...]
    in_contract: tuple[bool, ...]
    inside_wh: tuple[int | None, ...]
    outside_wh: tuple[int | None, ...]
    estimated: tuple[bool, ...]
    total_inside_wh: int
    total_outside_wh: int
    missing_slots: int
    holiday: str = ""  # its name, when contract hours do not hold on holidays


@dataclass(frozen=True, slots=True)
class BillingCalendar:
    client_id: str
    month: str
    zone: str
    slot_min: int
    days: tuple[CalendarDay, ...]
    inside_wh: int
    outside_wh: int
    naive_outside_wh: int | None = None  # rival: power samples integrated; None: not computed
