"""What the rest of the program knows of a meter model: not its registers, but what it yields."""

from dataclasses import dataclass

from energy_desktop.domain.snapshot import Rejected


@dataclass(frozen=True, slots=True)
class DriverInfo:
    driver_id: str
    manufacturer: str
    models: tuple[str, ...]
    quantities: tuple[str, ...]
    source: str
    doubts: tuple[str, ...] = ()
    mid_marked: bool = False
    baud_rate: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    file: str = ""
    own: bool = False  # from the site folder, not shipped
    protocol: str = "modbus"  # which kinds of link it fits: LinkKindInfo.takes
    controls: tuple[str, ...] = ()  # names of its writable points
    transformers: str = ""  # what it does with current and voltage transformers
    sign_convention: str = ""


@dataclass(frozen=True, slots=True)
class RegisterView:
    """One register of a driver as a technician reads it: wire address and the manual's number."""

    quantity: str
    address: int
    manual_number: str  # 30013 for input register 12
    function: int
    value_format: str
    word_order: str
    scale: float
    every: int = 1  # read in each n-th poll


@dataclass(frozen=True, slots=True)
class TestReading:
    """What a trial read of a meter gave, before it is saved. rejected: values that cannot be.

    clock_ahead_s: by how much its own clock is ahead of ours; None: it tells no time.
    """

    values: dict[str, float]
    missing: tuple[str, ...]
    round_trip_ms: float
    remarks: tuple[str, ...]
    rejected: tuple[Rejected, ...] = ()
    clock_ahead_s: float | None = None
