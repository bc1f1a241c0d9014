"""BACnet/IP: present values of a building management, read only.

One datagram asks for all objects of a meter, with their status flags; a device that does not know
such requests is asked object by object. A value whose flags say fault or out of service is not
available: what the controller itself does not trust, or an operator has set by hand, is no
measurement. Units are read once from the device, so that kilowatts become watts without a word in
the driver, and volts never become watts.

bacpypes3 is an optional package: without it the meter says so.
"""

import asyncio
import math
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from energy_desktop.acquisition.driver_profile import Point
from energy_desktop.acquisition.heard_link import NO_UNIT
from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed, no_answer
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.point_values import PointValues
from energy_desktop.acquisition.tracking import log
from energy_desktop.domain.bus import BusError, BusStatistics
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.site import Link

PRESENT_VALUE, STATUS_FLAGS, UNITS = "present-value", "status-flags", "units"
_OWN_INSTANCE = 4_194_302  # the last one that a device may have
_NO_ANSWER = ("no-response", "tsm-timeout", "server-timeout", "application-exceeded-reply-time")
_VENDOR = 999  # ASHRAE's number for those without one

UNIT_FACTORS: Mapping[str, tuple[str, float]] = {
    "watts": ("W", 1.0),
    "kilowatts": ("W", 1e3),
    "megawatts": ("W", 1e6),
    "watt-hours": ("Wh", 1.0),
    "kilowatt-hours": ("Wh", 1e3),
    "megawatt-hours": ("Wh", 1e6),
    "watt-hours-reactive": ("varh", 1.0),
    "kilowatt-hours-reactive": ("varh", 1e3),
    "volts": ("V", 1.0),
    "kilovolts": ("V", 1e3),
    "millivolts": ("V", 1e-3),
    "amperes": ("A", 1.0),
    "milliamperes": ("A", 1e-3),
    "kilovolt-amperes": ("VA", 1e3),
    "volt-amperes": ("VA", 1.0),
    "volt-amperes-reactive": ("var", 1.0),
    "kilovolt-amperes-reactive": ("var", 1e3),
    "hertz": ("Hz", 1.0),
    "percent": ("%", 1.0),
    "percent-relative-humidity": ("%", 1.0),
    "degrees-celsius": ("°C", 1.0),
    "degrees-angular": ("°", 1.0),
    "cubic-meters": ("m³", 1.0),
    "cubic-meters-per-hour": ("m³/h", 1.0),
    "watts-per-square-meter": ("W/m²", 1.0),
    "power-factor": ("", 1.0),
}
"""BACnet's engineering units (ASHRAE 135, clause 21) that ours can be made of."""


@dataclass(slots=True)
class _Polled:
    meter: MeterOnLink
    values: PointValues
    factors: dict[str, float | None] = field(default_factory=dict)  # None: of another unit
    checked: bool = False


class BacnetLink:
    """Implements LinkTask for the objects of one device."""

    def __init__(self, link: Link, outlets: Outlets) -> None:
        _need_package()
        self._link = link
        self._outlets = outlets
        self._loop = asyncio.get_running_loop()
        self._polled: dict[str, _Polled] = {}
        self._wake = asyncio.Event()
        self._ending = False
        self._device: _Device | None = None
        self._log = FrameLog()
        self._counters = BusCounters()

    @property
    def meters(self) -> Mapping[str, MeterOnLink]:
        return {meter_id: polled.meter for meter_id, polled in self._polled.items()}

    @property
    def log(self) -> FrameLog:
        return self._log

    def put(self, meter: MeterOnLink) -> None:
        for point in meter.profile.points:
            _check_reference(meter, point)
        self.remove(meter.meter_id)
        self._polled[meter.meter_id] = _Polled(meter, PointValues(meter.profile, meter.correction))
        self._outlets.statuses[meter.meter_id] = meter.track.status
        self._wake.set()

    def remove(self, meter_id: str) -> MeterOnLink | None:
        polled = self._polled.pop(meter_id, None)
        if polled is None:
            return None
        self._report(polled.meter.track.open_gap(self._outlets.now_ms()))
        self._wake.set()
        return polled.meter

    def try_now(self, meter_id: str) -> bool:
        polled = self._polled.get(meter_id)
        if polled is None:
            return False
        polled.meter.track.try_now(self._loop.time())
        self._wake.set()
        return True

    def end(self) -> None:
        self._ending = True
        self._wake.set()

    def statistics(self) -> BusStatistics:
        return replace(self._counters.statistics(self._link.link_id, None), busy_pct=None)

    async def run(self) -> None:
        try:
            while not self._ending:
                self._wake.clear()
                due = min(self._polled.values(), key=_due_s, default=None)
                wait_s = None if due is None else _due_s(due) - self._loop.time()
                if due is not None and wait_s is not None and wait_s <= 0:
                    await self._poll(due)
                    continue
                try:
                    async with asyncio.timeout(wait_s):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            if self._device is not None:
                self._device.close()

    async def _poll(self, polled: _Polled) -> None:
        track = polled.meter.track
        before = track.status.state
        skipped = track.begin(self._loop.time(), self._outlets.now_ms())
        started_s = self._loop.time()
        try:
            values = await self._read(polled)
        except RequestFailed as failure:
            self._log.noticed(failure.error, None, failure.what)
            self._counters.failed(NO_UNIT, failure.error)
            if self._polled.get(polled.meter.meter_id) is polled:
                track.failed(failure, self._loop.time(), self._outlets.now_ms())
        except Exception:  # noqa: BLE001  the outer edge of the poll
            log.exception("%s: polling failed by a fault of this program.", track.where)
            fault = RequestFailed(
                FailureKind.DEVICE_FAULT,
                "this program failed to read it.",
                "Send the log to the makers of this program.",
            )
            track.failed(fault, self._loop.time(), self._outlets.now_ms())
        else:
            now_s, now_ms = self._loop.time(), self._outlets.now_ms()
            self._counters.answered(NO_UNIT, now_s - started_s)
            if self._polled.get(polled.meter.meter_id) is polled:
                snapshot = polled.values.snapshot(polled.meter.meter_id, now_ms, values)
                self._outlets.sink.put(snapshot)
                self._report(track.answered(now_s, now_ms, (now_s - started_s) * 1000, skipped))
        if self._polled.get(polled.meter.meter_id) is polled:
            self._outlets.statuses[polled.meter.meter_id] = track.status
            if track.status.state is not before:
                self._outlets.on_event(track.status)

    async def _read(self, polled: _Polled) -> dict[str, float]:
        """The values by quantity, in the driver's units. Raises RequestFailed."""
        if self._device is None:
            # Names are looked up in a thread: a slow name server must not hold other polls up.
            self._device = _Device(self._link, *await asyncio.to_thread(_places, self._link))
        device, meter = self._device, polled.meter
        instance = meter.track.meter.address
        if instance and not polled.checked:
            await device.expect_instance(instance)
        polled.checked = True
        points = meter.profile.points
        self._log.sent(b"", f"read {len(points)} objects of {self._link.address}")
        answers = await device.read([point.reference for point in points])
        for point in points:
            if point.quantity not in polled.factors and point.reference in answers:
                polled.factors[point.quantity] = await self._factor(device, meter, point)
        values: dict[str, float] = {}
        for point in points:
            value, factor = answers.get(point.reference), polled.factors.get(point.quantity)
            if value is not None and factor is not None:
                values[point.quantity] = value * factor
        self._log.received(b"", f"{len(values)} of {len(points)} values")
        if not values and not answers:
            raise RequestFailed(
                FailureKind.REFUSED,
                f"the device has none of the objects {', '.join(p.reference for p in points[:4])}.",
                "Check the objects in the driver against the device's list.",
            )
        return values

    async def _factor(self, device: "_Device", meter: MeterOnLink, point: Point) -> float | None:
        """What the device's unit is in ours; None: it is of another kind. The driver's own scale
        is taken for a decision: then nothing is changed."""
        if point.scale != 1.0:
            return 1.0
        unit = await device.units(point.reference)
        known = UNIT_FACTORS.get(unit)
        if known is None:
            return 1.0  # none given, or one that cannot be judged here
        wanted = quantity(point.quantity).unit
        if known[0] == wanted or not wanted:
            return known[1]
        log.warning(
            "%s: %s is in %s, which is no %s; it is not used for %s.",
            meter.track.where,
            point.reference,
            unit,
            wanted,
            point.quantity,
        )
        self._log.noticed(BusError.GARBAGE, None, f"{point.reference} is in {unit}")
        return None

    def _report(self, gap: Gap | None) -> None:
        if gap is not None:
            self._outlets.on_gap(gap)


class _Device:
    """The other side, through a socket of our own, opened at once. Raises RequestFailed."""

    def __init__(self, link: Link, there: str, own: str) -> None:
        from bacpypes3.app import Application
        from bacpypes3.local.device import DeviceObject
        from bacpypes3.local.networkport import NetworkPortObject
        from bacpypes3.pdu import Address

        self._timeout_s = link.timeout_s
        self._multiple = True
        try:
            self._address = Address(there)
            self._application: Any = Application.from_object_list(
                [
                    DeviceObject(
                        objectIdentifier=("device", _OWN_INSTANCE),
                        objectName="energy_desktop",
                        vendorIdentifier=_VENDOR,
                        apduTimeout=round(self._timeout_s * 1000),
                        numberOfApduRetries=0,
                    ),
                    NetworkPortObject(own, objectIdentifier=("network-port", 1), objectName="own"),
                ]
            )
        except (OSError, ValueError) as error:
            raise _no_network(error) from None

    def close(self) -> None:
        self._application.close()

    async def expect_instance(self, instance: str) -> None:
        """Raises RequestFailed unless the device at the address has this instance."""
        try:
            await self._property(f"device,{instance}", "object-identifier")
        except _NotThere:
            raise RequestFailed(
                FailureKind.REFUSED,
                f"the device at this address is not number {instance}.",
                "Check address and device instance.",
            ) from None

    async def read(self, references: list[str]) -> dict[str, float | None]:
        """Present values by object; None: fault, out of service or no number; absent: no such."""
        if self._multiple:
            try:
                return await self._read_together(references)
            except _NotThere:
                self._multiple = False  # it knows single reads only
        found: dict[str, float | None] = {}
        for reference in references:
            try:
                value = await self._property(reference, PRESENT_VALUE)
            except _NotThere:
                continue
            try:
                flags = await self._property(reference, STATUS_FLAGS)
            except _NotThere:
                flags = None
            found[reference] = _number(value, flags)
        return found

    async def units(self, reference: str) -> str:
        """The engineering units of an object as BACnet spells them; "": it has none."""
        try:
            return str(await self._property(reference, UNITS))
        except _NotThere:
            return ""

    async def _read_together(self, references: list[str]) -> dict[str, float | None]:
        asked: list[Any] = []
        for reference in references:
            asked += [reference, [PRESENT_VALUE, STATUS_FLAGS]]
        rows = await self._ask(self._application.read_property_multiple(self._address, asked))
        properties: dict[tuple[str, int], dict[str, Any]] = {}
        for identifier, name, _, value in rows:
            if type(value).__name__ != "ErrorType":
                key = (str(identifier[0]), int(identifier[1]))
                properties.setdefault(key, {})[str(name)] = value
        found: dict[str, float | None] = {}
        for reference in references:
            kind, _, number = reference.partition(",")
            row = properties.get((kind, int(number)), {})
            if PRESENT_VALUE in row:
                found[reference] = _number(row[PRESENT_VALUE], row.get(STATUS_FLAGS))
        return found

    async def _property(self, reference: str, name: str) -> Any:
        return await self._ask(self._application.read_property(self._address, reference, name))

    async def _ask(self, request: Any) -> Any:
        from bacpypes3.apdu import AbortPDU, ErrorRejectAbortNack

        try:
            async with asyncio.timeout(self._timeout_s + 0.5):
                return await request
        except TimeoutError:
            raise _silent(self._timeout_s) from None
        except ErrorRejectAbortNack as refusal:
            if isinstance(refusal, AbortPDU) and "no-response" in str(
                refusal.apduAbortRejectReason
            ):
                raise _silent(self._timeout_s) from None
            raise _NotThere from None
        except OSError as error:
            raise RequestFailed(
                FailureKind.NO_CONNECTION,
                f"the network does not carry the request: {error}.",
                "Check the network card and the device's address.",
            ) from None


class _NotThere(Exception):
    """The device answers, but has no such object or property, or does not know the request."""


def _number(value: Any, flags: Any) -> float | None:
    if flags is not None:
        in_alarm, fault, overridden, out_of_service = (bool(bit) for bit in list(flags)[:4])
        del in_alarm  # the value is as it is
        if fault or overridden or out_of_service:
            return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _silent(timeout_s: float) -> RequestFailed:
    failure = no_answer(timeout_s)
    return RequestFailed(
        failure.kind,
        failure.what,
        "Check that the device is on, its address and port, and that nothing blocks UDP between.",
    )


def _due_s(polled: _Polled) -> float:
    return polled.meter.track.due_s


def _check_reference(meter: MeterOnLink, point: Point) -> None:
    kind, comma, number = point.reference.partition(",")
    if not (comma and kind and number.isdigit()):
        raise WrongUse(
            where=meter.track.meter.name,
            what=f"{point.reference!r} is no BACnet object.",
            remedy="Write it in the driver as analog-input,1.",
        )


def _places(link: Link) -> tuple[str, str]:
    """The device's address, and our own on the card that leads there with a free port (47808 may
    be another program's). Blocks on the name server. Raises RequestFailed."""
    try:
        there = socket.gethostbyname(link.host)
        own = link.option("own_address")
        if not own:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect((there, link.port))
                card = probe.getsockname()[0]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((card, 0))
                own = f"{card}/24:{probe.getsockname()[1]}"
    except OSError as error:
        raise _no_network(error) from None
    return f"{there}:{link.port}", own


def _no_network(error: Exception) -> RequestFailed:
    return RequestFailed(
        FailureKind.NO_CONNECTION,
        f"the network cannot be used: {error}.",
        "Check the device's address and the own address of the link.",
    )


def _need_package() -> None:
    from importlib.util import find_spec

    if find_spec("bacpypes3") is None:
        raise WrongUse(
            where="BACnet/IP",
            what="the package that speaks it is not installed.",
            remedy="Install it with: pip install energy-desktop[bacnet].",
        )
