"""FAULTS row 20: kill -9 of the writer while it takes readings, closes quarter hours and seals.

Time runs a hundred times faster in the child, so that hours end and are sealed while it lives.
ENERGY_DESKTOP_KILLS=100 makes it the long run of a release.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from energy_desktop.storage import open_store
from tests.support.store_builders import HOUR_MS, T0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="this system has no kill -9")

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("ENERGY_DESKTOP_KILLS", "20"))
METERS = 10
STEP_MS = 20_000

CHILD = f"""
import sys
from energy_desktop.storage import open_store
from energy_desktop.domain.snapshot import Snapshot
from tests.support.store_builders import LAYOUT, SetClock, T0

path, step = sys.argv[1], int(sys.argv[2])
clock = SetClock(T0)
with open_store(path, engine_owner="child", clock=clock) as store:
    print("ready", flush=True)
    while True:
        for _ in range(30):
            at = T0 + step * {STEP_MS}
            for meter in range({METERS}):
                values = (float(step), 230.0, 1_000.0 + 10.0 * step)
                store.writer.put(Snapshot(f"meter-{{meter}}", at, LAYOUT, values))
            step += 1
        clock.now_ms = at
        assert store.writer.flush()
        print(step, flush=True)
        store.maintain(at, seconds=0.02)
"""


@pytest.mark.timeout(120 + 5 * KILLS)
def test_row_20_no_acknowledged_reading_is_lost_and_no_energy_is_invented(tmp_path):
    path = tmp_path / "killed.db"
    open_store(path).close()
    chance = random.Random(20)
    step = sealed = 0

    for _ in range(KILLS):
        acknowledged = killed_after(path, step, chance.uniform(0.05, 0.25))
        with open_store(path, read_only=True) as store:
            stored = store.history.raw("meter-3", "power_w", T0, T0 + 1_000 * HOUR_MS)
            assert len(stored.values) >= max(acknowledged, default=step)
            assert stored.values.tolist() == [float(i) for i in range(len(stored.values))]
            assert store.find_damage() == ()
            with store._database.reading() as session:
                sealed = session.row("SELECT COUNT(*) FROM chunks")[0]
        step = len(stored.values)

    assert sealed > 0, "no hour was sealed, so nothing was proved"
    with open_store(path, engine_owner="after") as store:
        store.start()
        end_ms = T0 + step * STEP_MS
        while store.maintain(end_ms + 2 * HOUR_MS, seconds=30):
            pass
        for meter in range(METERS):
            booked = store.ledger.reconciliation(f"meter-{meter}", T0, end_ms)
            assert booked.discrepancy_wh == 0
            assert booked.resets == 0
            whole = (step - 1) * STEP_MS // 900_000
            assert booked.interval_sum_wh == whole * 450


def killed_after(path, step, seconds):
    """The steps that the child acknowledged before it was killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(step)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        lines = child.stdout.read().split("\n")
    return [int(line) for line in lines[:-1] if line.isdigit()]
