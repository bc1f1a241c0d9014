"""What the commissioning desk finds: raw registers, their meanings, hits of a scan, judgements."""

from dataclasses import dataclass, field
from enum import Enum

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.site import Link, Meter


@dataclass(frozen=True, slots=True)
class RawRegisters:
    """words: 16 bits each, as they came, from `address` on. function: 1 to 4."""

    unit_id: int
    function: int
    address: int
    words: tuple[int, ...]
    round_trip_ms: float


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Answer to function 43/14: objects by id; vendor, product code, revision where given."""

    vendor: str = ""
    product_code: str = ""
    revision: str = ""
    product_name: str = ""
    model_name: str = ""
    objects: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DriverFit:
    """How well a driver explains a device: score 0 to 1, and the reasons in words.

    word_order: in which it does, where that is not the driver's own; empty: its own.
    """

    driver_id: str
    score: float
    reasons: tuple[str, ...]
    word_order: str = ""


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """What is probed, in this order, one request at a time. pause_s: between two requests.

    links: one per address or line setting (the same device at each baud rate and parity).
    """

    links: tuple[Link, ...]
    unit_ids: tuple[int, ...]
    timeout_s: float = 0.3
    pause_s: float = 0.05

    @property
    def probes(self) -> int:
        return len(self.links) * len(self.unit_ids)

    @property
    def longest_s(self) -> float:
        """How long it takes when nobody answers."""
        return self.probes * (self.timeout_s + self.pause_s)


@dataclass(frozen=True, slots=True)
class ScanHit:
    """A unit that answered, if only with an exception. fits: best first."""

    link: Link
    unit_id: int
    answer: str
    round_trip_ms: float
    identity: DeviceIdentity | None = None
    fits: tuple[DriverFit, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the same bits. text: as shown; value NaN: no number."""

    value_format: str
    word_order: str
    value: float
    text: str
    reads_as: str = ""  # "Voltage L1", "not available"; empty: not plausible as anything


@dataclass(frozen=True, slots=True)
class InspectedRegister:
    """A row of the register inspector: wire address, manual's number, bytes, all readings."""

    address: int
    manual_number: str
    raw: bytes
    readings: tuple[Reading, ...]

    def reading(self, value_format: str, word_order: str) -> Reading | None:
        wanted = (value_format, word_order)
        return next((r for r in self.readings if (r.value_format, r.word_order) == wanted), None)


class Verdict(Enum):
    GOOD = "good"
    FAULT = "fault"
    UNSURE = "unsure"  # not enough to judge by; `remedy` says what is missing


class FaultKind(Enum):
    """The faults of an installation that are told apart."""

    NONE = "none"
    VOLTAGE = "voltage"
    FREQUENCY = "frequency"
    POWER_FACTOR = "power factor"
    POWER_BALANCE = "power balance"  # P against sqrt(3) U I cos phi
    REVERSED_CT = "reversed current transformer"
    WRONG_PHASE = "current and voltage of different phases"
    PHASE_ROTATION = "phase rotation"
    WORD_ORDER = "word order"
    FROZEN = "frozen value"
    UNIT_SLIP = "unit slip"
    PHASE_SUM = "sum of phases"
    DEAD = "no answer"
    CLOCK = "wrong clock"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One line of the plausibility list: what was looked at, what it says, what to do."""

    fault: FaultKind
    verdict: Verdict
    title: str
    detail: str
    remedy: str = ""
    phases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BulkRow:
    """A row of a list of meters to commission. error None: it may be applied."""

    number: int  # line in the file
    meter: Meter | None
    link: Link | None
    error: UserFacingError | None = None


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """A whole list; applied only when no row has an error."""

    source: str
    rows: tuple[BulkRow, ...] = field(default=())

    @property
    def errors(self) -> tuple[BulkRow, ...]:
        return tuple(row for row in self.rows if row.error is not None)
