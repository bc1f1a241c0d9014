"""Builds the profile of a SunSpec device at the first contact.

The profile is an ordinary Modbus one: registers, powers of ten beside them, and guards, which are
the headers of the models that are read. Whoever polls it asks for the guards with every reading,
so that a device that was exchanged, or whose chain grew with a new firmware, is noticed before
its registers are taken for what they were.
"""

from dataclasses import replace

from energy_desktop.acquisition.driver_profile import (
    MODBUS,
    SUNSPEC,
    DriverProfile,
    Guard,
    Register,
)
from energy_desktop.acquisition.links.checked import CheckedConnection, ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.meter_clock import ClockRegister
from energy_desktop.acquisition.sunspec.device import (
    KINDS,
    FoundModel,
    Read,
    SunSpecDevice,
    discover,
)
from energy_desktop.acquisition.sunspec.mapping import quantities_of, scale_of
from energy_desktop.acquisition.sunspec.models import Model, ModelPoint, definition

_FUNCTION = 3
_LONGEST_READ = 125
_EXTENDED_STATUS, _TIME_STAMP = 122, 41  # the model, and where in it the clock stands
_CHARGE = "soc_pct"  # what an inverter takes from the storage models beside it


def needs_contact(profile: DriverProfile) -> bool:
    """Whether `resolve` must be awaited before the profile has registers to read."""
    return profile.protocol == SUNSPEC and not profile.registers


async def resolve(
    profile: DriverProfile, connection: CheckedConnection, unit_id: int, address: str = ""
) -> DriverProfile:
    """The profile of the device that answers; any other profile comes back as it is.

    address: which part of the device is meant, as in Meter.address: "inverter", "meter" or
    "storage", with a number where there are several ("meter 2"); empty: the first that measures.
    Raises RequestFailed.
    """
    if not needs_contact(profile):
        return profile

    async def read(first: int, count: int) -> bytes:
        return await connection.read(ReadRequest(unit_id, _FUNCTION, first, count))

    return await profile_of(profile, await discover(read), read, address)


async def profile_of(
    profile: DriverProfile, device: SunSpecDevice, read: Read, address: str = ""
) -> DriverProfile:
    """`profile` with the registers of the device's chosen part. Raises RequestFailed."""
    chosen = _choose(device, address)
    registers: dict[str, Register] = {}
    guards: list[Guard] = []
    for found in chosen:
        model = definition(found.model_id)
        words = await _words(read, found, model)
        wanted = quantities_of(found.model_id)
        if found is not chosen[0]:
            wanted = {point: name for point, name in wanted.items() if name == _CHARGE}
        before = len(registers)
        for register in _registers(found, model, words, wanted):
            registers.setdefault(register.quantity, register)
        if len(registers) > before:
            guards += (
                Guard(found.address, found.model_id, _FUNCTION),
                Guard(found.address + 1, found.length, _FUNCTION),
            )
    ids = ", ".join(str(found.model_id) for found in chosen)
    return replace(
        profile,
        protocol=MODBUS,
        registers=tuple(registers.values()),
        points=(),
        guards=tuple(guards),
        clock=_clock(device),
        max_registers=_LONGEST_READ,
        manufacturer=device.manufacturer or profile.manufacturer,
        models=(device.model,) if device.model else profile.models,
        source=f"read from the device: SunSpec models {ids} from address {device.base}",
    )


def _clock(device: SunSpecDevice) -> ClockRegister | None:
    """The time stamp of the status model of inverters."""
    for found in device.models:
        if found.model_id == _EXTENDED_STATUS and found.length + 2 >= _TIME_STAMP + 2:
            return ClockRegister(found.address + _TIME_STAMP, _FUNCTION, "sunspec32")
    return None


def _choose(device: SunSpecDevice, address: str) -> tuple[FoundModel, ...]:
    """The model that is meant, and the storage models that tell an inverter's charge."""
    measuring = device.measuring
    if not measuring:
        ids = ", ".join(str(found.model_id) for found in device.models) or "none"
        raise RequestFailed(
            FailureKind.REFUSED,
            f"it speaks SunSpec, but none of its models measures (models: {ids}).",
            "Its inverter, meter or storage may answer under another unit number.",
        )
    kind, _, number = address.strip().lower().partition(" ")
    if not kind:
        first = measuring[0]
    else:
        alike = [found for found in measuring if found.kind == kind]
        at = int(number) - 1 if number.strip().isdecimal() else 0 if not number else -1
        if kind not in KINDS or not 0 <= at < len(alike):
            raise RequestFailed(
                FailureKind.REFUSED,
                f"it has no part {address.strip()!r}.",
                f"Its parts are: {', '.join(parts(device))}.",
            )
        first = alike[at]
    if first.kind == "meter":
        return (first,)
    return (first, *(f for f in measuring if f.kind == "storage" and f is not first))


def parts(device: SunSpecDevice) -> tuple[str, ...]:
    """What may be written as a meter's address on this device: "inverter", "meter", "meter 2"."""
    seen: dict[str, int] = {}
    names = []
    for found in device.measuring:
        seen[found.kind] = number = seen.get(found.kind, 0) + 1
        names.append(found.kind if number == 1 else f"{found.kind} {number}")
    return tuple(names)


async def _words(read: Read, found: FoundModel, model: Model) -> bytes:
    """The model's registers from its ID on, as far as both the device and the definition go."""
    count = min(model.length, found.length + 2)
    words = b""
    for first in range(0, count, _LONGEST_READ):
        words += await read(found.address + first, min(_LONGEST_READ, count - first))
    return words


def _registers(
    found: FoundModel, model: Model, words: bytes, wanted: dict[str, str]
) -> list[Register]:
    """The registers of the points that the device implements.

    A device at rest (an inverter at night) implements nothing for now: then every point is kept.
    Counters are kept while they have a scale, because the code for a counter that is not
    implemented is zero, which is also where a new one begins.
    """
    resting = not any(
        _implemented(point, words)
        for name, point in model.points.items()
        if name == "W" or (name in wanted and "W" not in model.points)
    )
    registers: list[Register] = []
    for name, quantity in wanted.items():
        point = model.points.get(name)
        if point is None or not point.value_format or point.offset + point.size > found.length + 2:
            continue
        scale = model.points.get(point.scale)
        if point.scale and (scale is None or scale.offset >= found.length + 2):
            continue
        counts = point.unavailable == (0,) and point.mandatory
        if not resting and not counts and not _implemented(point, words):
            continue
        if not resting and scale is not None and not _implemented(scale, words):
            continue
        registers.append(
            Register(
                quantity=quantity,
                address=found.address + point.offset,
                function=_FUNCTION,
                value_format=point.value_format,
                scale=scale_of(point, quantity),
                unavailable=point.unavailable,
                scale_address=None if scale is None else found.address + scale.offset,
            )
        )
    return registers


def _implemented(point: ModelPoint, words: bytes) -> bool:
    raw = words[2 * point.offset : 2 * (point.offset + point.size)]
    if point.value_format == "float32":
        bits = int.from_bytes(raw, "big")
        return bits & 0x7F80_0000 != 0x7F80_0000  # neither NaN nor infinite
    return int.from_bytes(raw, "big") not in point.unavailable
