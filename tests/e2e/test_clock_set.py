"""Row 19 with the whole program: it polls the simulator while its clock is set by an hour.

The clock goes an hour ahead and comes back. It is the program's, not the kernel's: what shifts the
clock of a process from outside shifts the monotonic one too, or spoils its sleep.
"""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.clock import system_clock, to_ms
from energy_desktop.storage import open_store
from tests.e2e.conftest import ROOT

pytestmark = [pytest.mark.timed, pytest.mark.timeout(180)]

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def lived(demo, tmp_path_factory):
    """The folder of the site, when it began, and how many polls there were."""
    root = tmp_path_factory.mktemp("clock") / "site"
    shutil.copytree(demo.site, root)
    began_ms = to_ms(system_clock())
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.clock_child", str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert child.stdout.readline() == "polling\n", child.stderr.read()
        for off_s in (3_600, 0):
            child.stdin.write(f"{off_s}\n")
            child.stdin.flush()
            assert child.stdout.readline() == "polling\n", child.stderr.read()
        out, err = child.communicate("\n", timeout=60)
    finally:
        child.kill()
        child.wait(10)
    assert child.returncode == 0, err
    polls, skipped = map(int, out.split())
    return SiteFolder(root), began_ms, polls, skipped


def test_both_jumps_are_logged_and_kept(lived):
    folder, began_ms, *_ = lived
    log = folder.log.read_text(encoding="utf-8")

    with open_store(folder.database, read_only=True) as store:
        jumps = store.clock_jumps.between(began_ms - HOUR_MS, began_ms + 3 * HOUR_MS)

    assert "was set forward, or the computer slept, by 1 h" in log
    assert "was set back by 1 h" in log
    assert sorted(round(jump.by_s) for jump in jumps) == pytest.approx([-3_600, 3_600], abs=3)


def test_polling_went_on_and_what_is_booked_is_what_the_registers_say(lived):
    folder, began_ms, polls, _ = lived
    span = (began_ms - 2 * HOUR_MS, began_ms + 3 * HOUR_MS)

    with open_store(folder.database, read_only=True) as store:
        meters = store.configuration.load().meters
        stored = [store.history.raw(m.meter_id, "power_w", *span).time_ms for m in meters]
        proofs = [store.ledger.reconciliation(m.meter_id, *span) for m in meters]
        booked = [store.ledger.intervals(m.meter_id, *span).energy_wh for m in meters]

    assert polls >= 10 * len(meters)
    ahead = began_ms + HOUR_MS
    assert sum(np.count_nonzero(times >= ahead) > 0 for times in stored) >= len(meters) / 2
    energy = np.concatenate(booked)
    energy = energy[~np.isnan(energy)]
    assert len(energy) and (energy >= 0).all()
    assert {proof.discrepancy_wh for proof in proofs} == {0}
