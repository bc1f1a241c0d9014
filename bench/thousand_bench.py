"""A thousand meters a second: what is missed, how late a reading is, what it costs.

Each meter has a connection of its own and one block of 20 registers, polled every second by the
field as the program runs it. The server is a process of its own; CPU is that of the field's thread
alone. The peer is bare pymodbus in the same schedule, without checks, states or decoding.
"""

import asyncio
import logging
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from bench.common import Row, line, write_driver
from bench.polling_bench import serving
from bench.polling_server import SILENT_UNITS
from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.schedule import phase
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import Snapshot

METERS = 1_000
REGISTERS = 20
PERIOD_S = 1.0
SETTLE_S = 4
DEAD_SHARE = 0.3


def run(quick: bool) -> list[Row]:
    """Rows of a thousand meters. quick: 10 s in place of 60."""
    seconds = 10 if quick else 60
    logging.getLogger("energy_desktop.acquisition").setLevel(logging.ERROR)  # 300 are lost at once
    peer = _bare_pymodbus(5 if quick else 15)
    return [
        *_rows("1,000 meters x 1 s x 20 registers", _polled(seconds, 0.0), peer),
        *_rows("the same, 30 % of them dead", _polled(seconds, DEAD_SHARE), peer),
    ]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """lag_ms: from the due time of a poll to its reading; cpu_pct: of one core."""

    seconds: float
    readings: int
    missing: int
    lag_ms: float
    cpu_pct: float
    resident_mb: float


def _rows(what: str, ours: _Outcome, peer: _Outcome) -> list[Row]:
    note = f"{ours.readings:,} readings in {ours.seconds:.0f} s, 1,000 connections"
    theirs = f"bare pymodbus {peer.cpu_pct:.0f} %, p99 {peer.lag_ms:.0f} ms, {peer.missing} missing"
    return [
        Row(f"{what}: rows missing", ours.missing, "", "0", ours.missing == 0, note=note),
        Row(f"{what}: lag from due to read, p99", ours.lag_ms, "ms", "< 100 ms",
            ours.lag_ms < 100, peer=theirs, note="the round trip is in it"),
        Row(f"{what}: CPU of the polling thread", ours.cpu_pct, "% of a core", "<= 35 %",
            ours.cpu_pct <= 35, peer=theirs,
            note=f"checked, decoded, put into a sink; process {ours.resident_mb:.0f} MB"),
    ]  # fmt: skip


class _Times:
    """A sink that keeps when each meter was read, in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.of: defaultdict[str, list[float]] = defaultdict(list)

    def put(self, snapshot: Snapshot) -> None:
        self.of[snapshot.meter_id].append(time.monotonic())


def _polled(seconds: int, dead_share: float) -> _Outcome:
    dead = {i for i in range(METERS) if i % 10 < 10 * dead_share}
    sink = _Times()
    with tempfile.TemporaryDirectory() as folder, serving(0.0) as port:
        write_driver(Path(folder) / "bench.toml", REGISTERS)
        field = Field(ProfileLibrary([Path(folder)]), sink)
        field.reconfigure(_configuration(port, dead))
        field.start()
        time.sleep(SETTLE_S)
        began_s, cpu_s = time.monotonic(), _cpu_s("field")
        time.sleep(seconds)
        ended_s, spent_s = time.monotonic(), _cpu_s("field") - cpu_s
        origins = _origins(field)
        resident_mb = _resident_mb()
        time.sleep(0.2)  # what was due just before the end
        field.stop()
    alive = {f"m{i}": sink.of[f"m{i}"] for i in range(METERS) if i not in dead}
    readings, missing, lags = _judge(alive, origins, began_s, ended_s)
    return _Outcome(
        seconds,
        readings,
        missing,
        float(np.percentile(lags, 99)) * 1000,
        spent_s / (ended_s - began_s) * 100,
        resident_mb,
    )


def _judge(
    times_s: dict[str, list[float]], origins_s: dict[str, float], began_s: float, ended_s: float
) -> tuple[int, int, list[float]]:
    """Readings, slots without one, and how late each was (s): of the slots due in the span."""
    readings = missing = 0
    lags: list[float] = []
    for meter_id, taken in times_s.items():
        origin_s = origins_s[meter_id]
        slots = {int((t - origin_s) // PERIOD_S): t for t in reversed(taken)}
        first = int(np.ceil((began_s - origin_s) / PERIOD_S))
        last = int(np.ceil((ended_s - origin_s) / PERIOD_S))
        found = [(slot, slots[slot]) for slot in range(first, last) if slot in slots]
        readings += len(found)
        missing += last - first - len(found)
        lags += [t - origin_s - slot * PERIOD_S for slot, t in found]
    return readings, missing, lags


def _configuration(port: int, dead: set[int]) -> Configuration:
    return Configuration(
        links=tuple(
            Link(f"l{i}", LinkKind.MODBUS_TCP, host="127.0.0.1", port=port) for i in range(METERS)
        ),
        meters=tuple(
            Meter(
                f"m{i}",
                f"Meter {i}",
                driver_id="bench",
                link_id=f"l{i}",
                unit_id=SILENT_UNITS if i in dead else 1,
                poll_interval_s=PERIOD_S,
            )
            for i in range(METERS)
        ),
    )


def _origins(field: Field) -> dict[str, float]:
    """When slot 0 of each meter was due, in seconds of the monotonic clock."""
    return {
        meter_id: meter.track.slots.origin_s
        for line in field._lines.values()
        for meter_id, meter in line.work.meters.items()
    }


def _bare_pymodbus(seconds: int) -> _Outcome:
    """The same schedule with nothing but pymodbus: read, note the time, sleep to the next slot."""
    sink, origins = _Times(), dict[str, float]()

    async def one(number: int, port: int, end_s: float) -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0)
        await client.connect()
        loop = asyncio.get_running_loop()
        due_s = origins[f"m{number}"] = loop.time() + phase(0, number) * PERIOD_S
        while due_s < end_s:
            await asyncio.sleep(due_s - loop.time())
            with suppress(ModbusException):
                await client.read_input_registers(0, count=REGISTERS, device_id=1)
                sink.of[f"m{number}"].append(time.monotonic())
            due_s += PERIOD_S
        client.close()

    async def all_of_them(port: int) -> None:
        end_s = asyncio.get_running_loop().time() + SETTLE_S + seconds + 0.5
        await asyncio.gather(*(one(number, port, end_s) for number in range(METERS)))

    with serving(0.0) as port:
        thread = threading.Thread(target=lambda: asyncio.run(all_of_them(port)), name="peer")
        thread.start()
        time.sleep(SETTLE_S)
        began_s, cpu_s = time.monotonic(), _cpu_s("peer")
        time.sleep(seconds)
        ended_s, spent_s = time.monotonic(), _cpu_s("peer") - cpu_s
        thread.join()
    readings, missing, lags = _judge(sink.of, origins, began_s, ended_s)
    return _Outcome(
        seconds,
        readings,
        missing,
        float(np.percentile(lags, 99)) * 1000,
        spent_s / (ended_s - began_s) * 100,
        _resident_mb(),
    )


def _cpu_s(thread_name: str) -> float:
    """CPU time that a thread of this process has used, in seconds."""
    thread = next(t for t in threading.enumerate() if t.name == thread_name)
    assert thread.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    for row in run(quick="--quick" in sys.argv):
        print(line(row))
