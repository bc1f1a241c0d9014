"""Commands that work for minutes: how far they are, and what becomes of them when they are stopped.

The work is done in a thread of its own: a signal is then heard at once, and not when a query of
ten seconds ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

from energy_desktop.app.commands.common import FAILED, complain
from energy_desktop.domain.errors import JobCancelled
from energy_desktop.domain.jobs import cancel_event

R = TypeVar("R")

_LOOK_EVERY_S = 0.2
_GRACE_S = 5.0
_TELL_EACH_PCT = 10


class Progress:
    """Tells on stderr: on a terminal in one line that changes; else, as in a log, a line for each
    step, and for each tenth of the whole within it.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._step = ""
        self._next_pct = 0.0

    def __call__(self, fraction: float, doing: str) -> None:
        pct = 100 * fraction
        if self._terminal:
            sys.stderr.write(f"\r{pct:3.0f} %  {doing:<50}" + ("\n" if fraction >= 1 else ""))
        else:
            step = doing.split(",")[0]
            if step == self._step and pct < self._next_pct:
                return
            self._step, self._next_pct = step, pct + _TELL_EACH_PCT
            sys.stderr.write(f"{pct:3.0f} %  {doing}\n")
        sys.stderr.flush()


def silent(fraction: float, doing: str) -> None:
    """With --json nothing is said on the way."""


def until_stopped(work: Callable[[], R], name: str, remedy: str) -> R:
    """The answer of `work`. Ctrl C, SIGTERM and SIGHUP let it end its chunk, for a few seconds.

    name, remedy: of the work that was stopped, and what to do then. Raises JobCancelled with them,
    and what `work` raises. Work that does not end in time, or is stopped twice, ends with the whole
    program.
    """
    stopped = threading.Event()
    outcome: Future[R] = Future()
    said = JobCancelled(where=name, what="It was stopped.", remedy=remedy)

    def done() -> None:
        cancel_event.set(stopped)
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - carried to who waits, and raised there
            outcome.set_exception(error)

    context = copy_context()
    with _heard(stopped, said):
        threading.Thread(target=context.run, args=(done,), name="command", daemon=True).start()
        deadline = None
        while not outcome.done():
            if stopped.is_set():
                deadline = deadline or time.monotonic() + _GRACE_S
                if time.monotonic() > deadline:
                    _end(said)
            _wait(outcome)
    try:
        return outcome.result()
    except Exception as error:
        # A process of the work may have heard the signal as well, and ended at once.
        if stopped.is_set():
            raise said from error
        raise


def _wait(outcome: Future[R]) -> None:
    try:
        outcome.exception(timeout=_LOOK_EVERY_S)
    except TimeoutError:
        return


@contextmanager
def _heard(stopped: threading.Event, said: JobCancelled) -> Iterator[None]:
    """Signals stop the work while the block runs. Other threads than the first hear none."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        known = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {one: signal.getsignal(one) for one in known}

    def hear(_number: int, _frame: object) -> None:
        if stopped.is_set():
            _end(said)
        stopped.set()

    try:
        for one, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(one, hear)
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _end(said: JobCancelled) -> None:
    complain(f"\n{said}" if sys.stderr.isatty() else str(said))
    sys.stderr.flush()
    os._exit(FAILED)
