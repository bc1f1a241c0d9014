"""Killed with -9 while polling 100 meters: no acknowledged reading is lost, the store opens."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from energy_desktop.storage import open_store
from tests.support.meter_server import serving_meters

ROOT = Path(__file__).resolve().parents[2]
METERS = 100
KILLS = int(os.environ.get("ENERGY_DESKTOP_KILLS", "20"))  # a release asks for 100


@pytest.fixture
def site(tmp_path):
    """A folder whose store knows 100 meters on ten connections to a server of our own."""
    folder = tmp_path / "site"
    with serving_meters(units=10, connections=10) as ports:
        file = tmp_path / "site.toml"
        file.write_text(site_file(ports), encoding="utf-8")
        command = [sys.executable, "-m", "energy_desktop", "apply", str(file), "--site"]
        subprocess.run([*command, str(folder)], check=True, timeout=60, capture_output=True)
        yield folder


def site_file(ports: list[int]) -> str:
    lines = ['[site]\nname = "Killed"\nzone = "Europe/Berlin"\n']
    for number, port in enumerate(ports):
        lines.append(
            f'[[links]]\nid = "l{number}"\nkind = "modbus_tcp"\nhost = "127.0.0.1"\nport = {port}\n'
        )
        lines.extend(
            f'[[meters]]\nid = "m{number}-{unit}"\nname = "Meter {number} {unit}"\n'
            f'driver = "eastron_sdm120"\nlink = "l{number}"\nunit = {unit}\n'
            for unit in range(1, 11)
        )
    return "\n".join(lines)


def run_until_killed(folder: Path, seconds: float) -> set[tuple[str, int]]:
    """Polls, kills with -9 at a random moment after the start, gives what was acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.polling_child", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    told: list[bytes] = []
    reader = threading.Thread(target=lambda: told.extend(child.stdout), daemon=True)
    reader.start()
    try:
        ends = time.monotonic() + 30
        while b"ready\n" not in told:
            assert child.poll() is None, child.stderr.read().decode()
            assert time.monotonic() < ends, "the program did not start"
            time.sleep(0.01)
        time.sleep(seconds)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
        reader.join(10)
        child.stdout.close()
        child.stderr.close()
    # The last line may be torn by the kill; a whole line was written after its commit.
    words = [line.split() for line in told if line.endswith(b"\n") and line != b"ready\n"]
    return {(meter.decode(), int(stamp)) for meter, stamp in words}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
@pytest.mark.timeout(300 + 10 * KILLS)
def test_kills_lose_no_acknowledged_reading(site):
    chance = random.Random(9)
    acknowledged: set[tuple[str, int]] = set()

    for _ in range(KILLS):
        acknowledged |= run_until_killed(site, chance.uniform(0.9, 1.6))
        with open_store(site / "site.sqlite", read_only=True) as store:
            assert store.configuration.load().meters

    by_meter: dict[str, set[int]] = {}
    for meter_id, read_at_ms in acknowledged:
        by_meter.setdefault(meter_id, set()).add(read_at_ms)
    assert len(by_meter) > METERS / 2  # a busy machine has not asked all before it is killed
    assert len(acknowledged) > METERS * KILLS / 2
    with open_store(site / "site.sqlite", read_only=True) as store:
        for meter_id, stamps in by_meter.items():
            series = store.history.raw(meter_id, "power_w", min(stamps), max(stamps) + 1)
            stored = series.time_ms.tolist()
            assert len(stored) == len(set(stored)), f"{meter_id} has a reading twice"
            assert stamps <= set(stored), f"{meter_id} lost an acknowledged reading"
