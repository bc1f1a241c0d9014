"""How the desk reads a meter: a few polls of its driver's registers, and the same bits otherwise.

The poller's own planner and decoder are used, so that what is judged is what would be stored; only
what it would put into quarantine is kept in, for that is just what is to be judged.
"""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from zoneinfo import ZoneInfo

from energy_desktop.acquisition.decode import decode
from energy_desktop.acquisition.driver_profile import WORD_ORDERS, DriverProfile, Register
from energy_desktop.acquisition.meter_clock import shown_ms
from energy_desktop.acquisition.reading import Correction, Decoded, DeviceChanged, Reader
from energy_desktop.analytics.commissioning.driver_fit import (
    KEY_QUANTITIES,
    DriverProbe,
    names,
)
from energy_desktop.analytics.commissioning.observation import Circumstances, Poll
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.commissioning import DeviceIdentity
from energy_desktop.domain.commissioning_record import RegisterRow
from energy_desktop.domain.errors import (
    MeterAnswerWrong,
    MeterRefused,
    MeterUnreachable,
    UserFacingError,
)
from energy_desktop.domain.link_kinds import MODBUS
from energy_desktop.domain.ports import BusAccess, Rings
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.site import Link, Meter, Site

_SILENT_ENOUGH = 3  # reads without an answer, after which a device is not asked for more drivers
_FIRST_KEYS = 2  # of the key quantities that must not all be wrong


class Profiles(Protocol):
    """Drivers with their registers; acquisition's library is one."""

    def get(self, driver_id: str) -> DriverProfile:
        """Raises NotFound, with the names that come near."""
        ...

    def all(self) -> tuple[DriverProfile, ...]: ...


@dataclass(frozen=True, slots=True)
class MeterPolls:
    """polls: as the driver reads them. by_order: in the other word orders. rejected: whether a
    value was outside what its quantity can be. steps_wh: of the counters that come as integers."""

    polls: tuple[Poll, ...]
    by_order: Mapping[str, Sequence[Poll]] = field(default_factory=dict)
    rejected: bool = False
    steps_wh: Mapping[str, float] = field(default_factory=dict)
    clock_ahead_s: float | None = None

    def circumstances(self, meter: Meter, site: Site, *, role_known: bool) -> Circumstances:
        return Circumstances(
            nominal_voltage_v=site.nominal_voltage_v,
            nominal_frequency_hz=site.nominal_frequency_hz,
            role=meter.role if role_known else None,
            ct_ratio=meter.ct_ratio,
            vt_ratio=meter.vt_ratio,
            counter_step_wh=self.steps_wh,
        )


class MeterReads(Protocol):
    """Reads one meter as often as it is told to."""

    def poll(self) -> None:
        """Raises what the wire raises."""
        ...

    def result(self) -> MeterPolls: ...


class MeterReading:
    """Reads one meter as often as it is told to, in its driver's word order and in all others."""

    def __init__(self, bus: BusAccess, profiles: Profiles, meter: Meter, link: Link) -> None:
        """Raises NotFound or DriverFileError for a driver that cannot be used."""
        self._bus, self._meter, self._link = bus, meter, link
        self._profile = profiles.get(meter.driver_id)
        self._correction = Correction(meter.ct_ratio, meter.vt_ratio, meter.invert)
        self._reader = Reader(self._profile, self._correction)
        self._others: dict[str, Reader] = {}
        for order in WORD_ORDERS:
            registers = tuple(replace(r, word_order=order) for r in self._profile.registers)
            if registers != self._profile.registers:
                turned = replace(self._profile, registers=registers)
                self._others[order] = Reader(turned, self._correction)
        self._polls: list[Poll] = []
        self._by_order: dict[str, list[Poll]] = {order: [] for order in self._others}
        self._rejected = False

    def poll(self) -> None:
        """Reads it once. Raises what the wire raises."""
        answers = [
            _payload(self._bus, self._link, self._meter.unit_id, b.function, b.address, b.count)
            for b in self._reader.blocks
        ]
        at_s = time.monotonic()
        decoded = _decoded(self._reader, answers)
        if decoded is not None:
            self._rejected |= bool(decoded.rejected)
            self._polls.append(Poll(at_s, _values(self._reader, decoded)))
        for order, reader in self._others.items():
            turned = _decoded(reader, answers)
            if turned is not None:
                self._by_order[order].append(Poll(at_s, _values(reader, turned)))

    def result(self) -> MeterPolls:
        by_order = {order: tuple(polls) for order, polls in self._by_order.items() if polls}
        steps = _steps(self._profile, self._correction)
        return MeterPolls(tuple(self._polls), by_order, self._rejected, steps)


class WholeReading:
    """Reads a meter that is not asked for registers: it sends telegrams, speaks by itself, or
    describes itself. What it says is taken as the poller takes it; it has no word order."""

    def __init__(self, bus: BusAccess, profiles: Profiles, meter: Meter, link: Link) -> None:
        """Raises NotFound or DriverFileError for a driver that cannot be used."""
        self._bus, self._meter, self._link = bus, meter, link
        self._profile = profiles.get(meter.driver_id)
        self._correction = Correction(meter.ct_ratio, meter.vt_ratio, meter.invert)
        self._polls: list[Poll] = []
        self._rejected = False
        self._clock_ahead_s: float | None = None

    def poll(self) -> None:
        """Reads it once. Raises what the wire raises."""
        meter = self._meter
        found = self._bus.read_once(
            self._link, meter.driver_id, meter.unit_id, address=meter.address
        )
        told = {**found.values, **{r.quantity: r.value for r in found.rejected}}
        correct = self._correction
        values = {correct.name(n): value * correct.factor(n) for n, value in told.items()}
        self._rejected |= bool(found.rejected)
        self._clock_ahead_s = found.clock_ahead_s
        self._polls.append(Poll(time.monotonic(), values))

    def result(self) -> MeterPolls:
        steps = _steps(self._profile, self._correction)
        polls = tuple(self._polls)
        return MeterPolls(polls, {}, self._rejected, steps, self._clock_ahead_s)


def clock_ahead_s(
    bus: BusAccess, profile: DriverProfile, meter: Meter, link: Link, zone: str, clock: Clock
) -> float | None:
    """Asks a Modbus meter for its own time, where its driver says how; None: it does not tell."""
    where = profile.clock
    if where is None:
        return None
    try:
        raw = bus.read_registers(link, meter.unit_id, where.function, where.address, where.count)
    except UserFacingError:  # what it answers to its values is judged elsewhere
        return None
    now_ms = to_ms(clock())
    words = b"".join(word.to_bytes(2, "big") for word in raw.words)
    shown = shown_ms(words, where, ZoneInfo(zone), now_ms)
    return None if shown is None else (shown - now_ms) / 1000


def polls_of_rings(
    rings: Rings | None, profiles: Profiles, meter: Meter, seconds: float, enough: int
) -> MeterPolls | None:
    """What was polled lately; None: too little, or nobody polls. Values that were put into
    quarantine are not among it."""
    last = None if rings is None else rings.last(meter.meter_id)
    if rings is None or last is None:
        return None
    columns = {}
    for name in last.layout.quantities:
        times, values = rings.window(meter.meter_id, name, seconds)
        columns[name] = dict(zip(times.tolist(), values.tolist(), strict=True))
    moments = sorted({at for column in columns.values() for at in column})
    polls = []
    for at in moments:
        there = {n: c[at] for n, c in columns.items() if math.isfinite(c.get(at, math.nan))}
        if there:
            polls.append(Poll(at, there))
    if len(polls) < enough:
        return None
    correction = Correction(meter.ct_ratio, meter.vt_ratio, meter.invert)
    return MeterPolls(tuple(polls), steps_wh=_steps(profiles.get(meter.driver_id), correction))


def answered(bus: BusAccess, link: Link, unit_id: int, timeout_s: float) -> str:
    """What the unit said to a read of two registers, in words. Raises MeterUnreachable: nothing.

    An answer that is none of ours (a late one, another unit's) is asked for once more.
    """
    for attempt in (1, 2):
        try:
            raw = bus.read_registers(link, unit_id, 4, 0, 2, timeout_s=_patience_s(timeout_s))
        except MeterUnreachable as error:
            if "busy" in error.what:
                return error.what
            raise
        except MeterRefused as error:
            return error.what
        except MeterAnswerWrong as error:
            if attempt == 2:
                if "answered instead of" in error.what:  # another unit's, late: this one is silent
                    raise MeterUnreachable(
                        where=error.where, what=error.what, remedy=error.remedy
                    ) from None
                return error.what
            continue
        return f"registers 0 and 1 hold {raw.words[0]} and {raw.words[1]}"
    raise AssertionError("the second attempt returns or raises")


def probe_drivers(
    bus: BusAccess,
    profiles: Profiles,
    link: Link,
    unit_id: int,
    identity: DeviceIdentity | None = None,
) -> tuple[DriverProbe, ...]:
    """The key values of every Modbus driver as this device tells them; each register is read once,
    and a driver whose voltage and frequency are both absent or absurd is not followed further.
    Drivers of the model that the device calls itself come first: it may fall silent meanwhile.

    Many devices send the words of a value the other way round, and can be set to: where the same
    words make sense in another order, that one is followed, and told.
    """
    wire = _KeyReads(bus, link, unit_id)
    probes = []
    for profile in sorted(profiles.all(), key=lambda p: not names(identity, p.info)):
        if profile.protocol != MODBUS or not profile.registers:
            continue
        keys = [r for name in KEY_QUANTITIES if (r := profile.register(name)) is not None]
        order = _order_of(wire, keys[:_FIRST_KEYS])
        if order is None:
            keys = keys[:_FIRST_KEYS]
        values: dict[str, float] = {}
        refused: list[str] = []
        unread: list[str] = []
        for register in keys:
            words = wire.read(register)
            if words is None:
                unread.append(register.quantity)
            elif not words:
                refused.append(register.quantity)
            else:
                value = decode(_turned(register, order or ""), words)
                if math.isfinite(value):
                    values[register.quantity] = value
        found = DriverProbe(profile.info, values, tuple(refused), tuple(unread), order or "")
        probes.append(found)
        if wire.gave_up:
            break
    return tuple(probes)


def _order_of(wire: _KeyReads, keys: Sequence[Register]) -> str | None:
    """The word order in which the first keys could be real: empty, the driver's own; None, none.

    One of them is enough in the driver's own order; in another all must, since four tries find
    a number that looks real more easily than one.
    """
    told = [(register, words) for register in keys if (words := wire.read(register))]

    def real(order: str) -> list[bool]:
        values = ((r.quantity, decode(_turned(r, order), words)) for r, words in told)
        return [_looks_real(name, value) for name, value in values]

    if any(real("")):
        return ""
    if told and any(register.count > 1 for register, _ in told):
        return next((order for order in WORD_ORDERS if all(real(order))), None)
    return None


def _turned(register: Register, order: str) -> Register:
    return replace(register, word_order=order) if order else register


def register_rows(
    profile: DriverProfile, meter: Meter, values: Mapping[str, float]
) -> tuple[RegisterRow, ...]:
    """The driver's registers with the values of one poll, in the order of the driver.

    A meter that is turned round keeps what its import register holds as export: the row then
    carries the quantity as it is kept.
    """
    correction = Correction(meter.ct_ratio, meter.vt_ratio, meter.invert)
    rows = []
    for register in profile.registers:
        if not register.quantity:
            continue
        name = correction.name(register.quantity)
        rows.append(
            RegisterRow(
                name,
                register.address,
                register.manual_number,
                register.value_format,
                register.word_order,
                values.get(name),
            )
        )
    return tuple(rows)


class _KeyReads:
    """Reads a register once, whoever asks; stops asking a device that fell silent.

    An answer that is none, or that did not come, is asked for once more: it says nothing about
    what the device has.
    """

    def __init__(self, bus: BusAccess, link: Link, unit_id: int) -> None:
        self._bus, self._link, self._unit_id = bus, link, unit_id
        self._known: dict[tuple[int, int, int], tuple[int, ...] | None] = {}
        self._silent = 0

    @property
    def gave_up(self) -> bool:
        return self._silent >= _SILENT_ENOUGH

    def read(self, register: Register) -> tuple[int, ...] | None:
        """The words; empty: the device has none there; None: no answer."""
        key = (register.function, register.address, register.count)
        if key not in self._known:
            self._known[key] = None if self.gave_up else self._ask(*key)
        return self._known[key]

    def _ask(self, function: int, address: int, count: int) -> tuple[int, ...] | None:
        attempts = 1 if self._silent else 2
        patience_s = _patience_s(self._link.timeout_s)
        for _ in range(attempts):
            try:
                raw = self._bus.read_registers(
                    self._link, self._unit_id, function, address, count, timeout_s=patience_s
                )
            except MeterRefused:
                self._silent = 0
                return ()
            except (MeterAnswerWrong, MeterUnreachable):
                continue
            self._silent = 0
            return raw.words
        self._silent += 1
        return None


def _patience_s(timeout_s: float) -> float:
    """Until a request is given up: its own timeout, the opening of the line, and a guard."""
    return 2.0 * timeout_s + 1.0


def _looks_real(name: str, value: float) -> bool:
    """Whether a voltage or frequency could be one, anywhere in the world."""
    if name.startswith("voltage"):
        return 80.0 <= abs(value) <= 40_000.0
    if name == "frequency_hz":
        return 45.0 <= value <= 65.0
    return False


def _payload(
    bus: BusAccess, link: Link, unit_id: int, function: int, address: int, count: int
) -> bytes:
    raw = bus.read_registers(link, unit_id, function, address, count)
    return struct.pack(f">{len(raw.words)}H", *raw.words)


def _decoded(reader: Reader, answers: Sequence[bytes]) -> Decoded | None:
    """None: what guards the map of a device that describes itself is not as it was."""
    try:
        return reader.decode(answers)
    except DeviceChanged:
        return None


def _values(reader: Reader, decoded: Decoded) -> dict[str, float]:
    values = {
        name: value
        for name, value in zip(reader.layout.quantities, decoded.values, strict=True)
        if math.isfinite(value)
    }
    values.update((r.quantity, r.value) for r in decoded.rejected)
    return values


def _steps(profile: DriverProfile, correction: Correction) -> dict[str, float]:
    return {
        correction.name(r.quantity): abs(r.scale * correction.factor(r.quantity))
        for r in profile.registers
        if r.quantity in QUANTITIES
        and QUANTITIES[r.quantity].is_counter
        and not r.value_format.startswith("float")
    }
