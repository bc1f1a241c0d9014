"""What a poll costs, against bare pymodbus, and how many meters a second a core can serve.

The server runs in a process of its own; CPU is `process_time` of this one.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pymodbus.client import AsyncModbusTcpClient

from bench.common import Row, line
from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.poller import LinkPoller, requests_for
from energy_desktop.acquisition.profiles import DriverProfile, ProfileLibrary, Register
from energy_desktop.acquisition.reading import Correction, Reader
from energy_desktop.acquisition.schedule import Slots
from energy_desktop.acquisition.tracking import MeterTrack
from energy_desktop.domain.clock import system_clock
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import Snapshot

REGISTERS = 80
METERS = 100
_DRIVERS = Path(__file__).resolve().parents[1] / "drivers"


def run(quick: bool) -> list[Row]:
    """Rows of polling. quick: shorter runs, the same goals."""
    return [*_cost_per_read(2_000 if quick else 10_000), *_hundred_meters(6 if quick else 20)]


def _cost_per_read(reads: int) -> list[Row]:
    with serving(0.0) as port:
        rounds = [
            (
                asyncio.run(_bare_pymodbus(port, reads)),
                asyncio.run(_own_reads(port, reads)),
                asyncio.run(_own_polls(port, reads)),
            )
            for _ in range(3)
        ]
    bare, read, poll = (min(column) * 1e6 for column in zip(*rounds, strict=True))
    return [
        Row(
            "polling: CPU per block read of 80 registers, whole poll, against bare pymodbus async",
            poll / bare,
            "x",
            "<= 1.1 x",
            poll / bare <= 1.1,
            peer=f"bare pymodbus async {bare:.0f} us",
            note=f"{poll:.0f} us with schedule, checks, 40 values decoded and put into a sink; "
            f"{read:.0f} us for the checked read alone; the peer decodes nothing",
        )
    ]


async def _bare_pymodbus(port: int, reads: int) -> float:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0)
    await client.connect()
    started = time.process_time()
    for _ in range(reads):
        await client.read_input_registers(0, count=REGISTERS, device_id=1)
    spent = time.process_time() - started
    client.close()
    return spent / reads


async def _own_reads(port: int, reads: int) -> float:
    connection = connect_to(_link(port))
    (request,) = requests_for(Reader(_profile()), 1)
    await connection.read(request)
    started = time.process_time()
    for _ in range(reads):
        await connection.read(request)
    spent = time.process_time() - started
    await connection.close()
    return spent / reads


class _Count:
    """Takes snapshots and counts them."""

    def __init__(self, enough: int = 0, done: asyncio.Event | None = None) -> None:
        self.taken = 0
        self._enough = enough
        self._done = done

    def put(self, snapshot: Snapshot) -> None:  # noqa: ARG002
        self.taken += 1
        if self.taken == self._enough and self._done is not None:
            self._done.set()


async def _own_polls(port: int, reads: int) -> float:
    """Polls back to back: the period is so short that a meter is always due."""
    done = asyncio.Event()
    sink = _Count(reads, done)
    outlets = Outlets(sink, system_clock, {}, lambda _: None, lambda _: None)
    poller = LinkPoller(_link(port), connect_to(_link(port)), outlets)
    slots = Slots(asyncio.get_running_loop().time(), 1e-6)
    track = MeterTrack(Meter("m", "m"), "m", slots)
    poller.put(MeterOnLink(track, _profile(), Correction()))
    started = time.process_time()
    task = asyncio.create_task(poller.run())
    await done.wait()
    spent = time.process_time() - started
    poller.end()
    await task
    return spent / reads


def _hundred_meters(seconds: int) -> list[Row]:
    sink = _Count()
    field = Field(ProfileLibrary([_DRIVERS]), sink)
    with serving(0.020) as port:
        links = tuple(
            Link(f"l{i}", LinkKind.MODBUS_TCP, host="127.0.0.1", port=port) for i in range(METERS)
        )
        meters = tuple(
            Meter(f"m{i}", f"Meter {i}", driver_id="eastron_sdm120", link_id=f"l{i}")
            for i in range(METERS)
        )
        field.reconfigure(Configuration(links=links, meters=meters))
        field.start()
        time.sleep(2)
        before, cpu, clock = sink.taken, time.process_time(), time.monotonic()
        time.sleep(seconds)
        taken = sink.taken - before
        spent = (time.process_time() - cpu) / (time.monotonic() - clock) * 100
        missed = sum(status.skipped_slots for status in field.statuses().values())
        missed += sum(status.failures for status in field.statuses().values())
        field.stop()
    note = f"{taken} polls of 2 blocks in {seconds} s, 100 connections"
    return [
        Row("polling: 100 meters at 1 s behind 20 ms devices, slots missed", missed, "slots", "0",
            missed == 0, note=note),
        Row("polling: 100 meters at 1 s behind 20 ms devices, CPU", spent, "% of a core",
            "<= 10 %", spent <= 10.0, note=note),
    ]  # fmt: skip


def _link(port: int) -> Link:
    return Link("bench", LinkKind.MODBUS_TCP, host="127.0.0.1", port=port)


def _profile() -> DriverProfile:
    """40 float32 values in one block of 80 registers."""
    names = [row.name for row in QUANTITIES.values() if not row.name.startswith("soc")][:40]
    registers = tuple(Register(name, 2 * i) for i, name in enumerate(names))
    return DriverProfile("bench", registers, max_registers=REGISTERS)


@contextmanager
def serving(delay_s: float) -> Iterator[int]:
    """Port of a server process that ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.polling_server", str(delay_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


if __name__ == "__main__":
    for row in run(quick="--quick" in sys.argv):
        print(line(row))
