"""A shell and a context that a window can stand on without the program around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobRunner
from energy_desktop.ui.shell import (
    AlarmSummary,
    PriorityCount,
    SearchHit,
    StatusFact,
    UrgentAlarm,
)
from energy_desktop.ui.views.base import NavigationContext, ViewContext

NOW = datetime(2025, 10, 14, 12, 37, 12, tzinfo=UTC)


def a_context(zone: str = "Europe/Berlin") -> ViewContext:
    return ViewContext(
        formats=Formats(zone, clock=lambda: NOW), jobs=JobRunner(), navigation=NavigationContext()
    )


def an_alarm_summary() -> AlarmSummary:
    return AlarmSummary(
        counts=(PriorityCount(1, 1, 1), PriorityCount(2, 2, 1), PriorityCount(3, 4, 1)),
        urgent=UrgentAlarm(
            7,
            "Chiller 2: no current on L2 while running",
            round(NOW.timestamp() * 1000) - 244_000,
            "Stop chiller 2, then check fuse F12 in panel UV-H2.",
        ),
        urgent_unacknowledged=1,
    )


@dataclass
class FakeShell:
    site_name: str = "Lindenhof Works"
    user_name: str = "M. Kowalczyk"
    role_name: str = "Technician"
    version: str = "0.9.0"
    simulated: bool = False
    summary: AlarmSummary = field(default_factory=an_alarm_summary)
    acknowledged: list[int] = field(default_factory=list)
    hits: list[SearchHit] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)

    def status_facts(self) -> Sequence[StatusFact]:
        return (
            StatusFact("access-point", "42 of 43 meters answering", True, "meters"),
            StatusFact("timer-outline", "Slowest bus COM4: 61 % of its 5 s cycle"),
            StatusFact("database-outline", "Last write 14:37:11, none waiting"),
            StatusFact("harddisk", "3.1 GB, room for 6 years"),
        )

    def alarm_summary(self) -> AlarmSummary:
        return self.summary

    def acknowledge(self, alarm_id: int) -> None:
        self.acknowledged.append(alarm_id)

    def search(self, text: str) -> Sequence[SearchHit]:
        self.searched.append(text)
        return self.hits
