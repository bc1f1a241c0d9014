"""A polling program that tells each acknowledged reading, until it is killed.

    python -m tests.e2e.polling_child SITE_FOLDER

Prints `ready`, then a line `meter read_at_ms` for each reading whose commit has returned.
"""

import os
import sys
import time
from pathlib import Path

from energy_desktop.app.engine import Engine
from energy_desktop.app.paths import SiteFolder


def main() -> None:
    engine = Engine(SiteFolder(Path(sys.argv[1])))

    def tell(batch):
        lines = "".join(f"{s.meter_id} {s.read_at_ms}\n" for s in batch)
        # One write a commit: what the parent has read was acknowledged, whatever comes after.
        os.write(1, lines.encode())

    engine.store.writer.on_committed = tell
    engine.start()
    os.write(1, b"ready\n")
    time.sleep(60)


if __name__ == "__main__":
    main()
