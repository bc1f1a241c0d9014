"""The memory of a run is that of all its processes on this machine.

The hours of households are judged in worker processes, which hold as much as the run itself. What
they held stands in the sum; a process that another one started does not answer for its parent.
"""

import subprocess
import sys
import time

from energy_desktop.fleet import memory
from tests.support.fleet_files import duckdb_engine

HELD_MB = 150


def hold(seconds):
    """Long enough that a second worker takes the other task."""
    held = bytearray(HELD_MB << 20)
    held[::4096] = b"x" * len(held[::4096])  # touched: only then it is held
    time.sleep(seconds)
    return len(held)


def test_what_workers_held_stands_in_the_peak_of_a_run(tmp_path):
    with duckdb_engine(tmp_path) as engine:
        before = engine.memory_mb()

        answers = list(engine.map(hold, [1.5, 1.5]))

        assert answers == [HELD_MB << 20] * 2
        assert engine.memory_mb() >= max(before, memory.now_mb() + 2 * HELD_MB)


def test_without_workers_it_is_what_the_process_held_itself(tmp_path):
    with duckdb_engine(tmp_path) as engine:
        list(engine.map(len, ["one"]))

        assert abs(engine.memory_mb() - memory.peak_mb()) < 1


def test_now_is_no_more_than_the_peak():
    assert 10 < memory.now_mb() <= memory.peak_mb()


def test_a_spawned_process_does_not_answer_for_what_its_parent_held():
    held = bytearray(400 << 20)
    held[::4096] = b"x" * len(held[::4096])
    asks = "from energy_desktop.fleet import memory; print(memory.peak_mb())"

    ended = subprocess.run(
        [sys.executable, "-c", asks], capture_output=True, text=True, check=True, timeout=60
    )

    assert memory.peak_mb() > 400
    assert 5 < float(ended.stdout) < 200
