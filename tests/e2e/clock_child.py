"""A polling program whose computer's clock is set by an hour, and set right again.

    python -m tests.e2e.clock_child SITE_FOLDER

Each line on stdin is by how many seconds the clock is off from now on; an empty line ends it. Says
"polling" each time that readings came with the clock as it is.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from energy_desktop.app.engine import Engine
from energy_desktop.app.logging_setup import log_to
from energy_desktop.app.paths import SiteFolder

LONGEST_S = 45.0
FAR_MS = 1 << 42
READINGS = 4  # of each meter, on average


def wait_for(done: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + LONGEST_S
    while not done():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come in {LONGEST_S:g} s")
        time.sleep(0.05)


def polled(engine: Engine) -> int:
    return sum(s.polls for s in engine.field.statuses().values())


def wait_for_readings(engine: Engine) -> None:
    enough = polled(engine) + READINGS * len(engine.configuration.meters)
    wait_for(lambda: polled(engine) >= enough, "readings")


def wait_for_jumps(engine: Engine, number: int) -> None:
    """Set back before it was noticed, the clock would never have been set."""
    wait_for(lambda: len(engine.store.clock_jumps.between(0, FAR_MS)) >= number, "a jump")


def main() -> None:
    folder = SiteFolder(Path(sys.argv[1]))
    log_to(folder.log)
    off_s = 0.0
    engine = Engine(folder, clock=lambda: datetime.now(UTC) + timedelta(seconds=off_s))
    engine.start()
    jumps = 0
    try:
        wait_for_readings(engine)
        print("polling", flush=True)
        while line := sys.stdin.readline().strip():
            off_s, jumps = float(line), jumps + 1
            wait_for_jumps(engine, jumps)
            wait_for_readings(engine)
            print("polling", flush=True)
    finally:
        polls = polled(engine)
        skipped = sum(s.skipped_slots for s in engine.field.statuses().values())
        engine.stop()
    print(polls, skipped, flush=True)


if __name__ == "__main__":
    main()
