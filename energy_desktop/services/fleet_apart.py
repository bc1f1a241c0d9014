"""Fleet work in processes of its own, where some are given.

What reads results imports DuckDB and builds tables of thousands of rows: in the process of a
window that holds up its loop. A method that needs the run alone, and nothing of the site, is done
there by a service without a site.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from energy_desktop.domain.errors import JobLost
from energy_desktop.domain.ports import Compute, ProgressSink, no_progress

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class FleetProcesses:
    """looks: questions that somebody waits for. works: runs, years, exports; they report their
    progress, may start processes of their own, and end within seconds when they are stopped.
    """

    looks: Compute
    works: Compute


class _Service(Protocol):
    @property
    def processes(self) -> FleetProcesses | None: ...


S = TypeVar("S", bound=_Service)


def look_apart(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """For a method that answers a question about a run."""

    @functools.wraps(method)
    def asked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.processes is None:
            return method(self, *args, **kwargs)
        try:
            answer: R = self.processes.looks.run(look_at_fleet, method.__name__, args, kwargs)
        except JobLost as error:
            raise JobLost(
                where="Fleet",
                what="The process that reads results has ended, perhaps for want of memory.",
                remedy="Close other programs and try again.",
            ) from error
        return answer

    return asked


def work_apart(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """For a method that works long and has a parameter `progress`."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def asked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.processes is None:
            return method(self, *args, **kwargs)
        given = signature.bind(self, *args, **kwargs).arguments
        self_name = next(iter(signature.parameters))
        progress: ProgressSink = given.pop("progress", no_progress)
        given.pop(self_name)
        try:
            done: R = self.processes.works.run_long(work_on_fleet, progress, method.__name__, given)
        except JobLost as error:
            raise JobLost(
                where="Fleet",
                what="Its process was ended from outside, perhaps for want of memory.",
                remedy="What is done stays done: the same once more goes on where it was.",
            ) from error
        return done

    return asked


def look_at_fleet(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """In the other process."""
    from energy_desktop.services.fleet import FleetService

    return getattr(FleetService(), name)(*args, **kwargs)


def work_on_fleet(progress: ProgressSink, name: str, given: dict[str, Any]) -> Any:
    """In the other process."""
    from energy_desktop.services.fleet import FleetService

    return getattr(FleetService(), name)(**given, progress=progress)
