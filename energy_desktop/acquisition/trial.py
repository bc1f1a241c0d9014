"""Reads of a single meter outside the schedule: the trial before it is saved, and `poll`.

A trial judges what it read as a technician would (230 V? 50 Hz?) and, when the numbers make no
sense, decodes the same answer in the other word orders: if one of them gives mains voltage, the
driver file names the wrong one.
"""

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import CheckedConnection
from energy_desktop.acquisition.links.failure import RequestFailed
from energy_desktop.acquisition.poller import requests_for
from energy_desktop.acquisition.profiles import WORD_ORDERS, DriverProfile
from energy_desktop.acquisition.reading import Correction, Decoded, Reader
from energy_desktop.acquisition.schedule import Slots
from energy_desktop.acquisition.sunspec import resolve
from energy_desktop.acquisition.tracking import log
from energy_desktop.domain.clock import Clock, system_clock, to_ms
from energy_desktop.domain.driver import TestReading
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.site import Link
from energy_desktop.domain.snapshot import Rejected, Snapshot

VOLTAGE_SPREAD = 0.13  # 200 to 260 V around 230 V: the commissioning check of the field rules
FREQUENCY_SPREAD = 0.02


async def trial_reading(
    connection: CheckedConnection,
    profile: DriverProfile,
    unit_id: int,
    nominal: tuple[float, float] = (230.0, 50.0),
    address: str = "",
) -> TestReading:
    """One poll and what strikes about it. nominal: voltage (V) and frequency (Hz) of the site.

    Raises RequestFailed.
    """
    loop = asyncio.get_running_loop()
    profile = await resolve(profile, connection, unit_id, address)
    reader = Reader(profile)
    started_s = loop.time()
    answers = [await connection.read(request) for request in requests_for(reader, unit_id)]
    round_trip_ms = (loop.time() - started_s) * 1000
    decoded = reader.decode(answers)
    named = dict(zip(reader.layout.quantities, decoded.values, strict=True))
    values = {name: value for name, value in named.items() if math.isfinite(value)}
    return TestReading(
        values=values,
        missing=tuple(name for name in named if name not in values),
        round_trip_ms=round_trip_ms,
        remarks=tuple(_remarks(profile, answers, decoded, values, nominal)),
        rejected=decoded.rejected,
    )


def poll_meter(
    profile: DriverProfile,
    link: Link,
    unit_id: int,
    *,
    count: int | None = 1,
    interval_s: float = 1.0,
    clock: Clock = system_clock,
    correction: Correction | None = None,
    meter_id: str = "",
    address: str = "",
) -> Iterator[Snapshot]:
    """Polls one meter without a site: `count` snapshots (None: for ever), blocking between them.

    Raises MeterUnreachable or MeterAnswerWrong at the first poll that fails; a poll after it
    may be asked for by a new call.
    """
    where = f"{profile.models[0]} ({link.address}, unit {unit_id})"
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        quiet(loop)
        connection = runner.run(_connected(link))
        try:
            try:
                runner.run(connection.connect())
                profile = runner.run(resolve(profile, connection, unit_id, address))
            except RequestFailed as failure:
                raise failure.for_user(where) from None
            reader = Reader(profile, correction)
            requests = requests_for(reader, unit_id)
            # The slots begin now: opening takes its time, and must not eat the first interval.
            slots = Slots(loop.time(), interval_s)
            while count is None or slots.next_slot - slots.skipped < count:
                runner.run(asyncio.sleep(max(0.0, slots.due_s - loop.time())))
                slots.take(loop.time())
                try:
                    answers = [runner.run(connection.read(request)) for request in requests]
                except RequestFailed as failure:
                    raise failure.for_user(where) from None
                decoded = reader.decode(answers)
                yield Snapshot(
                    meter_id,
                    to_ms(clock()),
                    reader.layout,
                    decoded.values,
                    decoded.quality,
                    decoded.rejected,
                )
        finally:
            runner.run(connection.close())


async def _connected(link: Link) -> CheckedConnection:
    return connect_to(link)  # inside a coroutine, because its lock belongs to the loop


def quiet(loop: asyncio.AbstractEventLoop) -> None:
    """Sends what asyncio says of broken connections to the debug log: the poller tells it."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "transport" in context or "protocol" in context:
            log.debug("%s: %r", context.get("message"), context.get("exception"))
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _remarks(
    profile: DriverProfile,
    answers: list[bytes],
    decoded: Decoded,
    values: dict[str, float],
    nominal: tuple[float, float],
) -> Iterator[str]:
    yield from value_remarks(values, decoded.rejected, nominal)
    if decoded.rejected or not _is_plausible(values, nominal):
        order = _better_order(profile, answers, nominal)
        if order:
            yield f"With the word order {order} the voltage would be right: check the driver."
    for register in profile.registers:
        if register.doubt:
            yield f"{register.quantity} is in doubt: {register.doubt}."


def value_remarks(
    values: dict[str, float], rejected: Sequence[Rejected], nominal: tuple[float, float]
) -> Iterator[str]:
    """What strikes about the values themselves, however they came."""
    for one in rejected:
        yield f"{one.quantity} reads {one.value:g}: {one.reason}."
    if not values:
        yield "No value is available: the meter answers, but measures nothing."
    for name, value in _strange_voltages(values, nominal).items():
        yield f"{name} reads {value:.4g} V, not near {nominal[0]:g} V."
    if _has_odd_frequency(values, nominal):
        yield f"frequency_hz reads {values['frequency_hz']:.4g} Hz, not near {nominal[1]:g} Hz."
    if values.get("power_w", 0.0) < 0 < values.get("energy_import_wh", 0.0) and not values.get(
        "energy_export_wh", 0.0
    ):
        yield "The power is negative although nothing was ever exported: a reversed transformer?"


def _is_plausible(values: dict[str, float], nominal: tuple[float, float]) -> bool:
    return not _strange_voltages(values, nominal) and not _has_odd_frequency(values, nominal)


def _strange_voltages(values: dict[str, float], nominal: tuple[float, float]) -> dict[str, float]:
    return {
        name: value
        for name, value in values.items()
        if _is_phase_voltage(name) and not _near(value, nominal[0], VOLTAGE_SPREAD)
    }


def _has_odd_frequency(values: dict[str, float], nominal: tuple[float, float]) -> bool:
    frequency = values.get("frequency_hz")
    return frequency is not None and not _near(frequency, nominal[1], FREQUENCY_SPREAD)


def _better_order(
    profile: DriverProfile, answers: list[bytes], nominal: tuple[float, float]
) -> str | None:
    for order in WORD_ORDERS:
        registers = tuple(replace(r, word_order=order) for r in profile.registers)
        if registers == profile.registers:
            continue
        reader = Reader(replace(profile, registers=registers))
        named = zip(reader.layout.quantities, reader.decode(answers).values, strict=True)
        voltages = [v for n, v in named if _is_phase_voltage(n) and math.isfinite(v)]
        if voltages and all(_near(v, nominal[0], VOLTAGE_SPREAD) for v in voltages):
            return order
    return None


def _is_phase_voltage(name: str) -> bool:
    row = quantity(name)
    return row.unit == "V" and name in ("voltage_v", "voltage_l1_v", "voltage_l2_v", "voltage_l3_v")


def _near(value: float, nominal: float, spread: float) -> bool:
    return abs(value - nominal) <= spread * nominal
