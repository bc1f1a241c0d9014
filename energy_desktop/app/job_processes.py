"""Heavy calculations in two spawned, niced processes.

Training in a thread makes the window stutter (measured 1,250 ms against 37 ms): Python threads
share one interpreter. A process can also be ended, which is the only cancel that always works.
Spawned, not forked: a fork beside Qt and sqlite threads inherits locked locks.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

from energy_desktop.domain.errors import JobTimedOut, UserFacingError
from energy_desktop.domain.jobs import raise_if_cancelled

P = ParamSpec("P")
R = TypeVar("R")

_LOG = logging.getLogger("energy_desktop.jobs")
_LOOK_EVERY_S = 0.1


class InlineCompute:
    """Runs in the caller: for commands, which have nobody to keep waiting, and for tests."""

    def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)


class _Worker:
    """One process and the pipe to it; started when first needed."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._ending = threading.Lock()

    def ask(self, work: tuple[Any, ...], deadline: float, name: str) -> Any:
        pipe = self._started()
        try:
            pipe.send(work)
            while not pipe.poll(_LOOK_EVERY_S):
                raise_if_cancelled(name)
                if time.monotonic() > deadline:
                    raise JobTimedOut(
                        where=name,
                        what="It reached its time limit and was ended.",
                        remedy="Choose a shorter period, or raise the limit in Settings.",
                    )
            good, outcome = pipe.recv()
        except (UserFacingError, OSError, EOFError) as error:
            self.end()
            if isinstance(error, UserFacingError):
                raise
            raise UserFacingError(
                where=name,
                what="Its process ended without an answer, perhaps for want of memory.",
                remedy="Close other programs and try again; the log has the details.",
            ) from error
        if not good:
            raise outcome
        return outcome

    def _started(self) -> Connection:
        if self._process is None or not self._process.is_alive() or self._pipe is None:
            self.end()
            context = multiprocessing.get_context("spawn")
            here, there = context.Pipe()
            self._process = context.Process(target=_serve, args=(there,), daemon=True)
            self._process.start()
            there.close()
            self._pipe = here
        return self._pipe

    def end(self) -> None:
        # Closing ends it in one thread, and who waits for its answer then does in another.
        with self._ending:
            process, self._process = self._process, None
            pipe, self._pipe = self._pipe, None
        if process is not None:
            process.kill()
            process.join(5.0)
            process.close()
        if pipe is not None:
            pipe.close()


class JobProcesses:
    """Implements domain.ports.Compute. Safe to use from several threads; one job per process."""

    def __init__(self, count: int = 2, time_limit_s: float = 600.0) -> None:
        self._free: queue.Queue[_Worker] = queue.Queue()
        self._workers = [_Worker() for _ in range(count)]
        self._time_limit_s = time_limit_s
        for worker in self._workers:
            self._free.put(worker)

    def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        name = getattr(function, "__name__", "calculation").replace("_", " ")
        worker = self._wait_for_worker(name)
        try:
            deadline = time.monotonic() + self._time_limit_s
            outcome: R = worker.ask((function, args, kwargs), deadline, name)
            return outcome
        finally:
            self._free.put(worker)

    def _wait_for_worker(self, name: str) -> _Worker:
        while True:
            raise_if_cancelled(name)
            with contextlib.suppress(queue.Empty):
                return self._free.get(timeout=_LOOK_EVERY_S)

    def close(self) -> None:
        """Ends the processes, busy or not: whoever waits gets a sentence."""
        for worker in self._workers:
            worker.end()


def _serve(pipe: Connection) -> None:
    """The life of a job process: take work, give an outcome, until the pipe closes."""
    if hasattr(os, "nice"):
        os.nice(10)
    # Two OpenMP threads on busy cores are many times slower than one.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    while True:
        try:
            function, args, kwargs = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            outcome = (True, function(*args, **kwargs))
        except UserFacingError as error:
            outcome = (False, error)
        except Exception as error:  # noqa: BLE001 - the edge of the process: told whole to the asker
            outcome = (False, _portable(error))
        try:
            pipe.send(outcome)
        except (OSError, KeyboardInterrupt):
            return


def _portable(error: Exception) -> Exception:
    """An exception that survives the pipe, with its trace in words."""
    import pickle
    import traceback

    trace = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever a foreign exception's pickling raises
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(trace)
    return error
