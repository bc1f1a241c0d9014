"""A full serial bus: how much of what the line can carry is used, and is it ever spoken into.

As many meters as one line can serve each second, 80 registers each, behind a pty slave that keeps
the time of a real line (bench/rtu_server.py). The line's limit is what no master can beat: request,
answer and the silence of 3.5 characters before each. First the meters are polled each second, then
back to back for the share of the limit; the peer is bare pymodbus, back to back.
"""

import asyncio
import logging
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusException

from bench.common import Row, line, write_driver
from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.links.modbus_rtu import bits_per_character, silence_s
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import Snapshot

REGISTERS = 80
REQUEST_BYTES = 8
ANSWER_BYTES = 5 + 2 * REGISTERS
LINES = ((9_600, 4, 0.95), (19_200, 9, 0.95), (115_200, 39, 0.90))
BACK_TO_BACK_S = 0.001  # a period so short that some meter is always due
SETTLE_S = 1.5


def run(quick: bool) -> list[Row]:
    """Rows of the three lines. quick: 5 s a phase in place of 15."""
    logging.getLogger("energy_desktop.acquisition").setLevel(logging.ERROR)
    seconds = 5 if quick else 15
    rows: list[Row] = []
    for baud_rate, meters, goal in LINES:
        each_second = _polled(baud_rate, meters, 1.0, seconds)
        full = _polled(baud_rate, meters, BACK_TO_BACK_S, seconds)
        peer = _bare_pymodbus(baud_rate, meters, seconds)
        rows += _rows(baud_rate, meters, goal, each_second, full, peer)
    return rows


@dataclass(frozen=True, slots=True)
class _Outcome:
    """reads and missed slots in `seconds`; early: requests before 3.5 characters of silence.

    share: of the time, in which the line was taken; above 1: silences were cut short.
    """

    seconds: float
    reads: int
    missed: int
    requests: int
    early: int
    silence_ms: float
    share: float


def _limit(baud_rate: int) -> float:
    """Reads a second that the line can carry."""
    character_s = bits_per_character("N", 1) / baud_rate
    return 1 / ((REQUEST_BYTES + ANSWER_BYTES) * character_s + 2 * silence_s(baud_rate))


def _rows(
    baud_rate: int, meters: int, goal: float, each_second: _Outcome, full: _Outcome, peer: _Outcome
) -> list[Row]:
    limit = _limit(baud_rate)
    early = each_second.early + full.early
    what = f"{baud_rate} baud, {meters} meters x 80 registers"
    calm = f"{each_second.reads} reads in {each_second.seconds:.0f} s"
    return [
        Row(f"{what} each second: slots missed", each_second.missed, "", "0",
            each_second.missed == 0, note=calm),
        Row(f"{what}: share of the line's limit", full.share, "", f">= {goal}",
            full.share >= goal,
            peer=f"bare pymodbus {peer.share:.3f}, {peer.early} of {peer.requests} too early",
            note=f"{full.reads / full.seconds:.2f} of {limit:.2f} reads a second; load average of "
            f"this machine {os.getloadavg()[0]:.1f}"),
        Row(f"{what}: requests before 3.5 characters of silence", early, "", "0", early == 0,
            peer=f"bare pymodbus {peer.early} of {peer.requests}",
            note=f"shortest silence {min(full.silence_ms, each_second.silence_ms):.2f} ms, "
            f"needed {silence_s(baud_rate) * 1000:.2f} ms"),
    ]  # fmt: skip


class _Count:
    def __init__(self) -> None:
        self.taken = 0

    def put(self, snapshot: Snapshot) -> None:  # noqa: ARG002
        self.taken += 1


def _polled(baud_rate: int, meters: int, period_s: float, seconds: int) -> _Outcome:
    sink = _Count()
    with tempfile.TemporaryDirectory() as folder, _Slave(baud_rate) as slave:
        write_driver(Path(folder) / "bench.toml", REGISTERS)
        field = Field(ProfileLibrary([Path(folder)]), sink)
        link = Link("bus", LinkKind.MODBUS_RTU, device=slave.device, baud_rate=baud_rate)
        field.reconfigure(
            Configuration(
                links=(link,),
                meters=tuple(
                    Meter(f"m{unit}", f"Meter {unit}", driver_id="bench", link_id="bus",
                          unit_id=unit, poll_interval_s=period_s)
                    for unit in range(1, meters + 1)
                ),
            )
        )  # fmt: skip
        field.start()
        time.sleep(SETTLE_S)
        taken, missed, began_s = sink.taken, _missed(field), time.monotonic()
        time.sleep(seconds)
        taken, missed = sink.taken - taken, _missed(field) - missed
        took_s = time.monotonic() - began_s
        field.stop()
    return _Outcome(
        took_s, taken, missed, slave.requests, slave.early, slave.silence_ms, slave.share
    )


def _missed(field: Field) -> int:
    return sum(status.skipped_slots + status.failures for status in field.statuses().values())


def _bare_pymodbus(baud_rate: int, meters: int, seconds: int) -> _Outcome:
    async def work(device: str) -> tuple[int, float]:
        client = AsyncModbusSerialClient(device, baudrate=baud_rate, timeout=1.0, retries=0)
        await client.connect()
        await asyncio.sleep(0.1)
        reads, unit = 0, 0
        began_s = time.monotonic()
        while time.monotonic() - began_s < seconds:
            try:
                await client.read_input_registers(0, count=REGISTERS, device_id=unit % meters + 1)
                reads += 1
            except ModbusException:
                pass  # a read that fails does not count
            unit += 1
        took_s = time.monotonic() - began_s
        client.close()
        return reads, took_s

    with _Slave(baud_rate) as slave:
        reads, took_s = asyncio.run(work(slave.device))
    return _Outcome(took_s, reads, 0, slave.requests, slave.early, slave.silence_ms, slave.share)


class _Slave:
    """The slave's process; its counts are there after the block."""

    def __init__(self, baud_rate: int) -> None:
        self.device = ""
        self.requests = self.early = 0
        self.silence_ms = self.share = 0.0
        self._baud_rate = baud_rate
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "_Slave":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.rtu_server", str(self._baud_rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[1],
        )
        assert self._process.stdout is not None
        self.device = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        told, _rest = self._process.communicate("", timeout=10)
        requests, early, silence_ms, share = told.split()
        self.requests, self.early = int(requests), int(early)
        self.silence_ms, self.share = float(silence_ms), float(share)


if __name__ == "__main__":
    for row in run(quick="--quick" in sys.argv):
        print(line(row))
