"""What a driver says, as values: registers, points, writable controls, line settings.

Values only, so that the reader of files (profile_file.py), the library of folders (profiles.py)
and the drivers that are built at run time (sunspec/) can all make them without knowing each other.
"""

from dataclasses import dataclass
from functools import cached_property

from energy_desktop.acquisition.meter_clock import ClockRegister
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.register_address import manual_number
from energy_desktop.domain.snapshot import Layout

MAX_REGISTERS_PER_READ = 125  # Modbus application protocol, functions 3 and 4

REGISTERS_OF_FORMAT = {
    "int16": 1,
    "uint16": 1,
    "int32": 2,
    "uint32": 2,
    "int64": 4,
    "uint64": 4,
    "float32": 2,
    "float64": 4,
}

WORD_ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
"""A is the most significant byte of a 32-bit value, as it travels.

The letters fix two things, which is how they are read for other widths too: whether the most
significant register comes first (ABCD, BADC) or last (CDAB, DCBA: of a 64-bit value all four
registers are then in reverse), and whether the bytes inside a register are swapped (BADC, DCBA:
of a 16-bit value too).
"""

LINEAR = "linear"
FOUR_QUADRANT = "four_quadrant_power_factor"
CODINGS = (LINEAR, FOUR_QUADRANT)

MODBUS = "modbus"
SUNSPEC = "sunspec"
POINT_PROTOCOLS = ("obis", "mbus", "mqtt", "push", "bacnet")
"""Protocols whose drivers name points instead of registers."""

PROTOCOLS = (MODBUS, SUNSPEC, *POINT_PROTOCOLS)

MAX_EVERY = 600


_LEAST_MODULUS_WH = 1_000_000  # a register that wraps at less would wrap unseen


@dataclass(frozen=True, slots=True)
class Register:
    """Where one quantity lies and how its bits become a value in the quantity's unit.

    address: 0-based, as sent on the wire. value = raw * scale, times ten to the power that the
    signed register at `scale_address` holds, where there is one (SunSpec's scale factors).
    unavailable: bit patterns (unsigned, most significant byte first) that mean "no value".
    coding: LINEAR, or FOUR_QUADRANT for a power factor that carries its quadrant.
    every: read in each n-th poll.
    quantity empty: no value of its own, but a power of ten or a guard (see planner.py).
    """

    quantity: str
    address: int
    function: int = 4
    value_format: str = "float32"
    word_order: str = "ABCD"
    scale: float = 1.0
    unavailable: tuple[int, ...] = ()
    coding: str = LINEAR
    doubt: str = ""
    every: int = 1
    scale_address: int | None = None

    @property
    def count(self) -> int:
        """Registers of 16 bits that the value takes."""
        return REGISTERS_OF_FORMAT[self.value_format]

    @property
    def end(self) -> int:
        """The first address after the value."""
        return self.address + self.count

    @property
    def manual_number(self) -> str:
        """The 1-based number that manuals print: input register 12 is 30013."""
        return manual_number(self.function, self.address)


@dataclass(frozen=True, slots=True)
class Point:
    """One quantity of a meter that is not read by registers: value = what was sent * scale.

    reference: what the protocol calls it: an OBIS code, a topic, an object of a device, a field.
    path: where in the message it stands (MQTT: a JSON path); empty: the message is the value.
    """

    quantity: str
    reference: str = ""
    scale: float = 1.0
    path: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """A writable point. raw = value / scale; nothing outside low to high may be written.

    low, high: in `unit`, after scaling. address: 0-based holding register, as sent on the wire.
    """

    name: str
    address: int
    value_format: str
    low: float
    high: float
    unit: str = ""
    scale: float = 1.0
    word_order: str = "ABCD"
    doubt: str = ""

    @property
    def count(self) -> int:
        return REGISTERS_OF_FORMAT[self.value_format]


@dataclass(frozen=True, slots=True)
class Guard:
    """A register that must hold `word` in every answer, or the device is not the one it was."""

    address: int
    word: int
    function: int = 3


@dataclass(frozen=True)
class DriverProfile:
    """One meter model. `layout` lists the quantities in the order of the file.

    protocol: how it is spoken to (PROTOCOLS); registers belong to Modbus, points to the others.
    A SunSpec profile has no registers before the first contact, where sunspec/ finds them.
    guards: what tells that the device is still the one that the registers were found on.
    max_registers: the longest read that the meter accepts.
    holes: inclusive address ranges that no read may touch or span.
    transformers: what the meter does with current and voltage transformers, in words.
    sign_convention: what its sign means, in words, where it is known.
    own: from a site folder, not shipped.
    clock: where the meter tells its own time; None: nowhere.
    """

    driver_id: str
    registers: tuple[Register, ...] = ()
    manufacturer: str = ""
    models: tuple[str, ...] = ()
    source: str = ""
    max_registers: int = MAX_REGISTERS_PER_READ
    holes: tuple[tuple[int, int], ...] = ()
    baud_rate: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    doubts: tuple[str, ...] = ()
    mid_marked: bool = False
    counter_modulus_wh: int | None = None
    file: str = ""
    own: bool = False
    protocol: str = MODBUS
    points: tuple[Point, ...] = ()
    controls: tuple[Control, ...] = ()
    transformers: str = ""
    sign_convention: str = ""
    guards: tuple[Guard, ...] = ()
    clock: ClockRegister | None = None

    @cached_property
    def layout(self) -> Layout:
        """Equal for equal quantities only: an edited driver gives a layout of another id."""
        quantities = tuple(row.quantity for row in self._rows)
        return Layout(layout_id(self.driver_id, quantities), quantities)

    @property
    def info(self) -> DriverInfo:
        own_doubts = (f"{row.quantity}: {row.doubt}" for row in self._rows if row.doubt)
        control_doubts = (f"{c.name}: {c.doubt}" for c in self.controls if c.doubt)
        return DriverInfo(
            driver_id=self.driver_id,
            manufacturer=self.manufacturer,
            models=self.models,
            quantities=self.layout.quantities,
            source=self.source,
            doubts=(*self.doubts, *own_doubts, *control_doubts),
            mid_marked=self.mid_marked,
            baud_rate=self.baud_rate,
            parity=self.parity,
            stop_bits=self.stop_bits,
            file=self.file,
            own=self.own,
            protocol=self.protocol,
            controls=tuple(control.name for control in self.controls),
            transformers=self.transformers,
            sign_convention=self.sign_convention,
        )

    def modulus_wh(self, quantity: str) -> int | None:
        """Where the counter `quantity` begins again at nothing, in its unit; None: not known.

        What the file declares for energy, else the width of an unsigned register: a counter that
        falls from the top of its register to the bottom has rolled over. One that rolls over
        earlier, at a power of ten, has to be declared; until then it is asked about.
        """
        if self.counter_modulus_wh is not None:
            return self.counter_modulus_wh
        register = self.register(quantity)
        if register is None or not register.value_format.startswith("uint"):
            return None
        top = 2 ** (16 * register.count) * register.scale
        return round(top) if _LEAST_MODULUS_WH <= top < 2**62 else None

    @property
    def _rows(self) -> tuple[Register | Point, ...]:
        return (*self.registers, *self.points)

    def register(self, quantity: str) -> Register | None:
        return next((r for r in self.registers if r.quantity == quantity), None)

    def point(self, quantity: str) -> Point | None:
        return next((p for p in self.points if p.quantity == quantity), None)

    def control(self, name: str) -> Control | None:
        return next((c for c in self.controls if c.name == name), None)


def layout_id(driver_id: str, quantities: tuple[str, ...]) -> str:
    """A name that stays the same as long as the driver yields the same quantities."""
    from zlib import crc32

    return f"{driver_id}@{crc32(' '.join(quantities).encode()):08x}"
