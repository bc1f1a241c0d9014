"""What the window asks of the program around it: Protocols and frozen facts, wired in app/.

The window knows no service. It gets pages as factories, facts as values, and one object that obeys
`Shell`; a test hands in a fake of thirty lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from energy_desktop.ui.views.base import BaseView


@dataclass(frozen=True, slots=True)
class PageSpec:
    """A page of the rail. `factory` is called when the page is first shown: import there.

    locked_role: not empty when the person may not use it ("Energy manager"); the entry then shows
    a lock and the page says who may.
    """

    view_id: str
    title: str
    icon: str
    group: str
    factory: Callable[[], BaseView]
    locked_role: str = ""


@dataclass(frozen=True, slots=True)
class StatusFact:
    """An entry of the status bar. trouble: it gets a mark; `view_id` opens the cause."""

    icon: str
    text: str
    trouble: bool = False
    view_id: str = ""


@dataclass(frozen=True, slots=True)
class PriorityCount:
    """How many alarms of a priority are current, and how many of them wait for a person."""

    priority: int
    current: int = 0
    unacknowledged: int = 0


@dataclass(frozen=True, slots=True)
class UrgentAlarm:
    """What the strip shows: the oldest priority 1 that is not acknowledged, an active one first.

    returned_ms: when it went back to normal by itself; None: it is active.
    """

    alarm_id: int
    what: str
    since_ms: int
    response: str
    returned_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AlarmSummary:
    counts: tuple[PriorityCount, ...] = (PriorityCount(1), PriorityCount(2), PriorityCount(3))
    urgent: UrgentAlarm | None = None
    urgent_unacknowledged: int = 0

    @property
    def current(self) -> int:
        return sum(c.current for c in self.counts)

    @property
    def unacknowledged(self) -> int:
        return sum(c.unacknowledged for c in self.counts)


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A line of the palette; `open` is called in the GUI thread when it is chosen."""

    title: str
    detail: str
    icon: str
    open: Callable[[], object]


class Shell(Protocol):
    """The program around the pages. Every call is cheap and made in the GUI thread."""

    @property
    def site_name(self) -> str: ...

    @property
    def user_name(self) -> str: ...

    @property
    def role_name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def simulated(self) -> bool:
        """Whether any reading comes from the simulator: the top bar then says so."""
        ...

    def status_facts(self) -> Sequence[StatusFact]: ...

    def alarm_summary(self) -> AlarmSummary: ...

    def acknowledge(self, alarm_id: int) -> None: ...

    def search(self, text: str) -> Sequence[SearchHit]:
        """Meters, alarms, invoices, settings; pages and actions are added by the window."""
        ...
