"""What happens on a bus: frames as they went over the wire, and what they add up to."""

from dataclasses import dataclass
from enum import Enum


class BusError(Enum):
    """Why a request brought nothing, as a bus is counted."""

    TIMEOUT = "no answer"
    CHECKSUM = "checksum"
    SHORT_ANSWER = "short answer"
    LONG_ANSWER = "long answer"
    WRONG_UNIT = "wrong unit"
    WRONG_FUNCTION = "wrong function"
    EXCEPTION = "exception"  # `code` of the counter says which
    GARBAGE = "garbage"
    NO_CONNECTION = "no connection"


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, or what was noticed instead of one (data empty, note says it).

    number grows by one per frame of a link, so that a reader asks for what is new.
    sent: by us. after_ms: since the frame before it; an answer's is the round trip.
    meaning: in words, "read 80 from 0" or "165 bytes in 52 ms".
    """

    number: int
    time_ms: float  # UTC epoch, with fractions
    sent: bool
    data: bytes
    meaning: str
    after_ms: float | None = None
    unit_id: int | None = None
    error: BusError | None = None


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """Errors of one kind of one unit since the program runs and in the last hour."""

    unit_id: int
    error: BusError
    times: int
    times_last_hour: int
    code: int | None = None  # of an exception


@dataclass(frozen=True, slots=True)
class UnitStatistics:
    """One unit of a bus over the last hour. p95_ms None: it did not answer yet."""

    unit_id: int
    requests: int
    failures: int
    p95_ms: float | None

    @property
    def failed_pct(self) -> float | None:
        return None if self.requests == 0 else 100.0 * self.failures / self.requests


@dataclass(frozen=True, slots=True)
class BusStatistics:
    """One link. busy_pct: share of the last minute in which a request was under way or the line
    had to rest; None: nothing asked yet. needed_pct: what its poll plan asks for, from the plan
    alone. shared: why a second master is suspected; empty: it is not.
    """

    link_id: str
    busy_pct: float | None
    needed_pct: float | None
    units: tuple[UnitStatistics, ...]
    errors: tuple[ErrorCount, ...]
    shared: str = ""
