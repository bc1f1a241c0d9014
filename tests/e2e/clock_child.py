"""A polling program whose computer's clock is set by an hour, and set right again.

    python -m tests.e2e.clock_child SITE_FOLDER

Each line on stdin is by how many seconds the clock is off from now on; an empty line ends it.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from energy_desktop.app.engine import Engine
from energy_desktop.app.logging_setup import log_to
from energy_desktop.app.paths import SiteFolder


def main() -> None:
    folder = SiteFolder(Path(sys.argv[1]))
    log_to(folder.log)
    off_s = 0.0
    engine = Engine(folder, clock=lambda: datetime.now(UTC) + timedelta(seconds=off_s))
    engine.start()
    try:
        print("polling", flush=True)
        while line := sys.stdin.readline().strip():
            off_s = float(line)
    finally:
        polled = sum(s.polls for s in engine.field.statuses().values())
        skipped = sum(s.skipped_slots for s in engine.field.statuses().values())
        engine.stop()
    print(polled, skipped, flush=True)


if __name__ == "__main__":
    main()
