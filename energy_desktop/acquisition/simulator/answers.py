"""Answers to Modbus requests, whatever wire they came on.

A request and an answer are here the protocol data unit: function code and data, without address
or checksum. Framing is in server.py (TCP) and serial_line.py (RTU).

Modbus application protocol 1.1b3: functions 3, 4, 6, 16 and 43/14 (basic identification, all in
one answer), exceptions 1 to 3, and 0x0B for a unit that a gateway does not have.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from energy_desktop.acquisition.planner import plan_blocks
from energy_desktop.acquisition.profiles import DriverProfile, ProfileLibrary
from energy_desktop.acquisition.simulator.control import (
    CONTROL_UNIT,
    ControlUnit,
    NoSuchRegister,
    NotAllowed,
    ReadOnlyRegister,
)
from energy_desktop.acquisition.simulator.site import VirtualSite
from energy_desktop.acquisition.simulator.wire import Shows, images
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.commissioning import DeviceIdentity
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import UserFacingError

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16
IDENTIFY, DEVICE_IDENTIFICATION = 0x2B, 0x0E

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
DEVICE_FAILURE = 4
GATEWAY_TARGET_SILENT = 0x0B


class Served(Protocol):
    """What can be served: the virtual site, or a cabinet of meters."""

    @property
    def configuration(self) -> Configuration: ...
    @property
    def meter_ids(self) -> Sequence[str]: ...
    @property
    def version(self) -> int:
        """Grows with every command, so that a cached answer knows that it is old."""
        ...

    def is_lost(self, meter_id: str) -> bool: ...

    def reading(self, meter_id: str, at_ms: int) -> Shows: ...

    def wire_profile(self, meter_id: str, profile: DriverProfile) -> DriverProfile:
        """How the meter lays its values down, which its driver may not know."""
        ...

    def identity(self, meter_id: str, profile: DriverProfile) -> DeviceIdentity | None:
        """What it answers to function 43/14; None: it does not know the function."""
        ...


@dataclass
class _Unit:
    """One meter on the wire. spans: per function, address ranges that it answers for.

    answers: ready PDUs of the current second, by request; pollers ask the same thing again and
    again, and several of them within the second.
    """

    meter_id: str
    profile: DriverProfile
    spans: dict[int, list[tuple[int, int]]]
    identity: DeviceIdentity | None = None
    fresh_until: tuple[int, int] = (-1, -1)
    held: dict[int, dict[int, int]] = field(default_factory=dict)
    answers: dict[bytes, bytes] = field(default_factory=dict)


class Answers:
    """Knows the units of a site. Not thread-safe by itself: one per serving thread."""

    def __init__(self, site: Served, library: ProfileLibrary, clock: Clock) -> None:
        """Raises NotFound or DriverFileError for a meter whose driver cannot be used."""
        self._site = site
        self._clock = clock
        self._control = ControlUnit(site) if isinstance(site, VirtualSite) else None
        self._units: dict[int, _Unit] = {}
        shown = set(site.meter_ids)
        for meter in site.configuration.meters:
            if meter.driver_id and meter.meter_id in shown and meter.enabled:
                profile = site.wire_profile(meter.meter_id, library.get(meter.driver_id))
                told = site.identity(meter.meter_id, profile)
                unit = _Unit(meter.meter_id, profile, _spans(profile), told)
                self._units[meter.unit_id] = unit

    def answer(self, unit_id: int, request: bytes) -> bytes | None:
        """None: silence, as of a lost meter."""
        if not request:
            return None
        if unit_id == CONTROL_UNIT and self._control is not None:
            return self._answer_control(self._control, request)
        unit = self._units.get(unit_id)
        if unit is None:
            return _exception(request, GATEWAY_TARGET_SILENT)
        if self._site.is_lost(unit.meter_id):
            return None
        return self._answer_meter(unit, request)

    def prepare(self) -> None:
        """Brings the site up to now, which may take a second: no first question waits for it."""
        now_ms = to_ms(self._clock())
        for unit in self._units.values():
            self._site.reading(unit.meter_id, now_ms)

    def knows(self, unit_id: int) -> bool:
        return unit_id in self._units or (unit_id == CONTROL_UNIT and self._control is not None)

    def _answer_meter(self, unit: _Unit, request: bytes) -> bytes:
        if request[0] == IDENTIFY and unit.identity is not None:
            return _identification(request, unit.identity)
        now_ms = to_ms(self._clock())
        moment = (now_ms // 1000, self._site.version)
        if unit.fresh_until != moment:
            unit.held.clear()
            unit.answers.clear()
            unit.fresh_until = moment
        ready = unit.answers.get(request)
        if ready is not None:
            return ready
        if request[0] not in unit.spans or len(request) != 5:
            return _exception(request, ILLEGAL_FUNCTION)
        function, address, count = struct.unpack(">BHH", request)
        if not 1 <= count <= unit.profile.max_registers:
            return _exception(request, ILLEGAL_VALUE)
        spans = unit.spans[function]
        if not any(first <= address and address + count <= end for first, end in spans):
            return _exception(request, ILLEGAL_ADDRESS)
        if not unit.held:
            try:
                unit.held.update(images(unit.profile, self._site.reading(unit.meter_id, now_ms)))
            except (UserFacingError, ValueError):  # a value that its register cannot hold
                return _exception(request, DEVICE_FAILURE)
        held = unit.held[function]
        words = [held.get(place, 0) for place in range(address, address + count)]
        answer = struct.pack(f">BB{count}H", function, 2 * count, *words)
        unit.answers[request] = answer
        return answer

    def _answer_control(self, control: ControlUnit, request: bytes) -> bytes:
        try:
            return self._control_answer(control, request)
        except (NoSuchRegister, ReadOnlyRegister):
            return _exception(request, ILLEGAL_ADDRESS)
        except (NotAllowed, struct.error):
            return _exception(request, ILLEGAL_VALUE)

    def _control_answer(self, control: ControlUnit, request: bytes) -> bytes:
        now_ms = to_ms(self._clock())
        function = request[0]
        if function in (READ_HOLDING, READ_INPUT):
            address, count = struct.unpack(">HH", request[1:])
            if not 1 <= count <= 125:
                raise NotAllowed
            words = [control.read(address + k, now_ms) for k in range(count)]
            return struct.pack(f">BB{count}H", function, 2 * count, *words)
        if function == WRITE_ONE:
            address, value = struct.unpack(">HH", request[1:])
            control.write(address, value, now_ms)
            return request
        if function == WRITE_MANY:
            address, count, size = struct.unpack(">HHB", request[1:6])
            values = struct.unpack(f">{count}H", request[6:])
            if not 1 <= count <= 123 or size != 2 * count:
                raise NotAllowed
            for place, value in enumerate(values, start=address):
                control.write(place, value, now_ms)
            return request[:5]
        return _exception(request, ILLEGAL_FUNCTION)


def _identification(request: bytes, identity: DeviceIdentity) -> bytes:
    """Objects 0 to 2 in one answer: conformity 1, no more follows."""
    if len(request) != 4 or request[1] != DEVICE_IDENTIFICATION:
        return _exception(request, ILLEGAL_FUNCTION)
    if request[2] not in (1, 2, 3):
        return _exception(request, ILLEGAL_VALUE)
    objects = b""
    told = (identity.vendor, identity.product_code, identity.revision)
    for number, text in enumerate(told):
        data = text.encode("ascii", "replace")[:60]
        objects += bytes((number, len(data))) + data
    head = bytes((IDENTIFY, DEVICE_IDENTIFICATION, request[2], 1, 0, 0, len(told)))
    return head + objects


def _exception(request: bytes, code: int) -> bytes:
    return bytes((request[0] | 0x80, code))


def _spans(profile: DriverProfile) -> dict[int, list[tuple[int, int]]]:
    """Address ranges [first, end) that the meter answers for, small gaps included as zeros.

    Ranges that touch are one: only what lies outside all of them is an illegal address.
    """
    spans: dict[int, list[tuple[int, int]]] = {}
    for block in plan_blocks(profile):
        of_function = spans.setdefault(block.function, [])
        if of_function and of_function[-1][1] == block.address:
            of_function[-1] = (of_function[-1][0], block.end)
        else:
            of_function.append((block.address, block.end))
    return spans
