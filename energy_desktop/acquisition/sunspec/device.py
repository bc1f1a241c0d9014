"""Finds a SunSpec device by its marker and walks its chain of models.

The walk is bounded: a device that lies about a length, or whose chain never ends, costs a fixed
number of short requests and is then refused in words.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.sunspec.models import COMMON, END, INVERTERS, METERS, STORAGES

BASES = (40_000, 0, 50_000)  # where the marker may be: 0-based, as sent on the wire
MARKER = b"SunS"
MAX_MODELS = 100
_COMMON_REGISTERS = 66  # of the common model, the last one (a pad) may be missing
_LAST_REGISTER = 0x1_0000

Read = Callable[[int, int], Awaitable[bytes]]
"""(address, count) -> the holding registers as they came. Raises RequestFailed."""

KINDS = {
    "inverter": frozenset(INVERTERS),
    "meter": frozenset(METERS),
    "storage": frozenset(STORAGES),
}


@dataclass(frozen=True, slots=True)
class FoundModel:
    """address: of the model's ID. length: registers after ID and L, as the device says."""

    model_id: int
    address: int
    length: int

    @property
    def kind(self) -> str:
        """inverter, meter or storage; empty for a model without measurements."""
        return next((kind for kind, ids in KINDS.items() if self.model_id in ids), "")


@dataclass(frozen=True, slots=True)
class SunSpecDevice:
    """What the chain says. The names are those of the first common model."""

    base: int
    models: tuple[FoundModel, ...]
    manufacturer: str = ""
    model: str = ""
    version: str = ""
    serial_number: str = ""

    @property
    def measuring(self) -> tuple[FoundModel, ...]:
        return tuple(found for found in self.models if found.kind)

    @property
    def where(self) -> str:
        return " ".join(part for part in (self.manufacturer, self.model) if part) or "The device"


async def discover(read: Read) -> SunSpecDevice:
    """Raises RequestFailed: no answer, no marker, or a chain that cannot be."""
    base = await _find_marker(read)
    models = await _walk(read, base + 2)
    common = next((found for found in models if found.model_id == COMMON), None)
    names = ("", "", "", "")
    if common is not None and common.length >= _COMMON_REGISTERS - 1:
        raw = await read(common.address + 2, _COMMON_REGISTERS - 1)
        # Manufacturer and model 16 registers each, options and version 8, serial number 16.
        names = (_text(raw[0:32]), _text(raw[32:64]), _text(raw[80:96]), _text(raw[96:128]))
    return SunSpecDevice(base, models, *names)


async def _find_marker(read: Read) -> int:
    for base in BASES:
        try:
            if await read(base, 2) == MARKER:
                return base
        except RequestFailed as failure:
            if failure.kind in (FailureKind.NO_ANSWER, FailureKind.NO_CONNECTION):
                raise  # it is not there at all; asking elsewhere would only cost time
    places = ", ".join(str(base) for base in BASES)
    raise RequestFailed(
        FailureKind.REFUSED,
        f"it does not speak SunSpec: no marker at address {places}.",
        "Check that SunSpec is switched on in the device (some call it Modbus profile or float "
        "mode) and that the unit number is right, or choose the driver of the model.",
    )


async def _walk(read: Read, address: int) -> tuple[FoundModel, ...]:
    models: list[FoundModel] = []
    while len(models) < MAX_MODELS:
        if address + 2 > _LAST_REGISTER:
            raise _broken_chain(f"its chain of models leads beyond address {_LAST_REGISTER - 1}.")
        try:
            header = await read(address, 2)
        except RequestFailed as failure:
            gone = failure.kind in (FailureKind.NO_ANSWER, FailureKind.NO_CONNECTION)
            if gone or not any(found.kind for found in models):
                raise
            return tuple(models)  # a chain without its end mark: what is there, is there
        model_id, length = int.from_bytes(header[:2], "big"), int.from_bytes(header[2:], "big")
        if model_id == END:
            return tuple(models)
        if length == 0 or address + 2 + length > _LAST_REGISTER:
            raise _broken_chain(f"model {model_id} at address {address} says length {length}.")
        models.append(FoundModel(model_id, address, length))
        address += 2 + length
    raise _broken_chain(f"its chain of models does not end within {MAX_MODELS} models.")


def _broken_chain(what: str) -> RequestFailed:
    return RequestFailed(
        FailureKind.REFUSED,
        f"its SunSpec map cannot be followed: {what}",
        "Update the device's firmware, or choose the driver of the model.",
    )


def _text(raw: bytes) -> str:
    """A SunSpec string: padded with zeros, sometimes with blanks."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
