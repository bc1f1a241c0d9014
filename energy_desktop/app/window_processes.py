"""The processes in which a window lets others work, so that its own loop stays free."""

from __future__ import annotations

import math

from energy_desktop.app.job_processes import JobProcesses
from energy_desktop.services.fleet_apart import FleetProcesses

_GRACE_S = 5.0
"""A run that is stopped ends what it has begun to write and takes its scratch away. A question
that is no longer asked, as while somebody types, is mostly answered by then, and its process is
there for the next.
"""


_PATIENCE_S = 1.0
"""Most questions are answered in a tenth of that, and a process imports for as long."""


class WindowProcesses:
    """jobs: calculations. fleet: runs and the reading of their results. None is started before it
    is needed, and none outlives `close`.
    """

    def __init__(self) -> None:
        self.jobs = JobProcesses()
        self._looks = JobProcesses(niceness=0, grace_s=_GRACE_S, patience_s=_PATIENCE_S)
        # A run of a large fleet takes hours, and starts processes of its own.
        self._works = JobProcesses(time_limit_s=math.inf, grace_s=_GRACE_S, fresh=True)
        self.fleet = FleetProcesses(self._looks, self._works)

    def close(self) -> None:
        """Ends them, busy or not. What a run has done is kept: it goes on where it was."""
        for processes in (self._works, self._looks, self.jobs):
            processes.close()
