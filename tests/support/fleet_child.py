"""A fleet run in a process of its own, so that a test can kill it.

python -m ... IN OUT SCRATCH MOMENT: once it says what begins with MOMENT it notes nothing more,
while what it is computing beside goes on.
"""

import sys
from pathlib import Path

from energy_desktop.analytics.anomaly.profile import find_anomalies
from energy_desktop.domain.fleet import FleetOptions
from energy_desktop.fleet.engine import DuckDbEngine
from energy_desktop.fleet.run import FleetRun


class SmallParts(DuckDbEngine):
    """Parts of a few households, so that there are several of them."""

    _rows_of_a_part = 6_000


def main() -> None:
    folder, out, scratch = map(Path, sys.argv[1:4])
    moment = sys.argv[4]

    def tell(_fraction: float, doing: str) -> None:
        sys.stdout.write(doing + "\n")
        sys.stdout.flush()
        if doing.startswith(moment):
            sys.stdin.read()

    engine = SmallParts(scratch, threads=1)
    FleetRun(folder, out, engine, FleetOptions(), hour_rule=find_anomalies, progress=tell).run()


if __name__ == "__main__":
    main()
