"""How a long calculation learns that nobody waits for it any more.

The runner of a job sets the event for the thread that does the work; whoever waits inside that
thread (for a job process, between two files) looks at it. A context variable, so that services
need no extra argument through five layers.
"""

import multiprocessing
import os
from contextvars import ContextVar
from multiprocessing.connection import wait
from threading import Event, Thread

from energy_desktop.domain.errors import JobCancelled

cancel_event: ContextVar[Event | None] = ContextVar("cancel_event", default=None)


def is_cancelled() -> bool:
    event = cancel_event.get()
    return event is not None and event.is_set()


def raise_if_cancelled(doing: str) -> None:
    """Raises JobCancelled when the person stopped the job."""
    if is_cancelled():
        raise JobCancelled(where=doing, what="It was stopped.", remedy="Start it again any time.")


def end_with_parent() -> None:
    """In a spawned process: it ends as soon as the process that started it has, also when that one
    was ended from outside and could tell nobody.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    Thread(target=watch, name="end with parent", daemon=True).start()
