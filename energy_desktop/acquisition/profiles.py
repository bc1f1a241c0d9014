"""What a driver file says, as values, and the library that finds the files.

A meter model is data: a TOML file of flat facts, no templates and no expressions, so that a
technician can add a model by copying a neighbour. The reading of the file, with its errors in
words, is in profile_file.py; here is what the rest of acquisition sees.
"""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from energy_desktop.domain.driver import DriverInfo, RegisterView
from energy_desktop.domain.errors import DriverFileError, NotFound
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


@dataclass(frozen=True, slots=True)
class Register:
    """Where one quantity lies and how its bits become a value in the quantity's unit.

    address: 0-based, as sent on the wire. value = raw * scale.
    unavailable: bit patterns (unsigned, most significant byte first) that mean "no value".
    coding: LINEAR, or FOUR_QUADRANT for a power factor that carries its quadrant.
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
        digits = 4 if self.address < 9999 else 5
        return f"{3 if self.function == 4 else 4}{self.address + 1:0{digits}d}"


@dataclass(frozen=True)
class DriverProfile:
    """One meter model. `layout` lists the quantities in the order of `registers`.

    max_registers: the longest read that the meter accepts.
    holes: inclusive address ranges that no read may touch or span.
    own: from a site folder, not shipped.
    """

    driver_id: str
    registers: tuple[Register, ...]
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

    @cached_property
    def layout(self) -> Layout:
        """Equal for equal quantities only: an edited driver gives a layout of another id."""
        quantities = tuple(register.quantity for register in self.registers)
        return Layout(layout_id(self.driver_id, quantities), quantities)

    @property
    def info(self) -> DriverInfo:
        own_doubts = (f"{r.quantity}: {r.doubt}" for r in self.registers if r.doubt)
        return DriverInfo(
            driver_id=self.driver_id,
            manufacturer=self.manufacturer,
            models=self.models,
            quantities=self.layout.quantities,
            source=self.source,
            doubts=(*self.doubts, *own_doubts),
            mid_marked=self.mid_marked,
            baud_rate=self.baud_rate,
            parity=self.parity,
            stop_bits=self.stop_bits,
            file=self.file,
            own=self.own,
        )

    def register(self, quantity: str) -> Register | None:
        return next((r for r in self.registers if r.quantity == quantity), None)


def layout_id(driver_id: str, quantities: tuple[str, ...]) -> str:
    """A name that stays the same as long as the driver yields the same quantities."""
    from zlib import crc32

    return f"{driver_id}@{crc32(' '.join(quantities).encode()):08x}"


def load_profile(path: Path, *, own: bool = False) -> DriverProfile:
    """Reads one driver file. Raises DriverFileError naming file, line and reason."""
    from energy_desktop.acquisition.profile_file import read_profile

    return read_profile(path, own=own)


@dataclass(slots=True)
class _Loaded:
    fingerprint: tuple[int, int, int]
    profile: DriverProfile | None = None
    error: DriverFileError | None = None


@dataclass
class ProfileLibrary:
    """Every driver of some folders; implements domain.ports.DriverCatalogue.

    The first folder holds the shipped drivers, the others a site's own. Each call looks at names,
    sizes and times of the files and reads those that changed: a file that a technician drops into
    the folder is there at the next click. A faulty file spoils only itself.
    """

    folders: Sequence[Path]
    _loaded: dict[Path, _Loaded] = field(default_factory=dict, init=False)
    _by_id: dict[str, DriverProfile] = field(default_factory=dict, init=False)
    _errors: tuple[DriverFileError, ...] = field(default=(), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def get(self, driver_id: str) -> DriverProfile:
        """Raises NotFound, with the names that come near."""
        with self._lock:
            self._refresh()
            profile = self._by_id.get(driver_id)
            if profile is not None:
                return profile
            from difflib import get_close_matches

            near = ", ".join(get_close_matches(driver_id, self._by_id, n=3))
            broken = next(
                (e for e in self._errors if Path(e.where).name.startswith(driver_id)), None
            )
        if broken is not None:
            raise broken
        raise NotFound(
            where=f"Driver {driver_id!r}",
            what="there is no such driver.",
            remedy=f"Near it: {near}." if near else "`energy-desktop drivers` lists them.",
        )

    def all(self) -> tuple[DriverProfile, ...]:
        """Every sound driver, by id."""
        with self._lock:
            self._refresh()
            return tuple(self._by_id[driver_id] for driver_id in sorted(self._by_id))

    def errors(self) -> tuple[DriverFileError, ...]:
        """What is wrong with the files that could not be used."""
        with self._lock:
            self._refresh()
            return self._errors

    def drivers(self) -> tuple[DriverInfo, ...]:
        return tuple(profile.info for profile in self.all())

    def registers(self, driver_id: str) -> tuple[RegisterView, ...]:
        return tuple(
            RegisterView(
                quantity=r.quantity,
                address=r.address,
                manual_number=r.manual_number,
                function=r.function,
                value_format=r.value_format,
                word_order=r.word_order,
                scale=r.scale,
            )
            for r in self.get(driver_id).registers
        )

    def _refresh(self) -> None:
        seen: dict[Path, _Loaded] = {}
        changed = False
        for number, folder in enumerate(self.folders):
            for path, fingerprint in _driver_files(Path(folder)):
                known = self._loaded.get(path)
                if known is None or known.fingerprint != fingerprint:
                    known = _load(path, fingerprint, own=number > 0)
                    changed = True
                seen[path] = known
        if not changed and seen.keys() == self._loaded.keys():
            return
        self._loaded = seen
        self._index()

    def _index(self) -> None:
        by_id: dict[str, DriverProfile] = {}
        errors: list[DriverFileError] = []
        for path, loaded in self._loaded.items():
            if loaded.error is not None:
                errors.append(loaded.error)
            elif (profile := loaded.profile) is not None:
                first = by_id.setdefault(profile.driver_id, profile)
                if first is not profile:
                    errors.append(_duplicate(path, profile.driver_id, first.file))
        self._by_id = by_id
        self._errors = tuple(errors)


def _driver_files(folder: Path) -> list[tuple[Path, tuple[int, int, int]]]:
    try:
        with os.scandir(folder) as entries:
            found = [
                (Path(entry.path), (stat.st_mtime_ns, stat.st_size, stat.st_ino))
                for entry in entries
                if entry.name.endswith(".toml") and (stat := entry.stat())
            ]
    except FileNotFoundError:  # a site without drivers of its own
        return []
    return sorted(found)


def _load(path: Path, fingerprint: tuple[int, int, int], *, own: bool) -> _Loaded:
    try:
        return _Loaded(fingerprint, profile=load_profile(path, own=own))
    except DriverFileError as error:
        return _Loaded(fingerprint, error=error)


def _duplicate(path: Path, driver_id: str, first_file: str) -> DriverFileError:
    from energy_desktop.acquisition.profile_file import line_of

    return DriverFileError(
        where=f"{path}, line {line_of(path, 'id')}",
        what=f"the id {driver_id!r} is taken by {first_file}.",
        remedy="Give this driver an id of its own.",
    )
