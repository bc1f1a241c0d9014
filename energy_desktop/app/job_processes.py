"""Heavy calculations in spawned, niced processes.

Training in a thread makes the window stutter (measured 1,250 ms against 37 ms): Python threads
share one interpreter. A process can also be ended, which is the only cancel that always works.
Spawned, not forked: a fork beside Qt and sqlite threads inherits locked locks.

The pipe carries bytes to the process (pickled work, or nothing: stop) and tuples back: how far it
is, any number of times, then its outcome.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Concatenate, ParamSpec, TypeVar

from energy_desktop.domain.errors import JobCancelled, JobLost, JobTimedOut, UserFacingError
from energy_desktop.domain.jobs import cancel_event, raise_if_cancelled
from energy_desktop.domain.ports import ProgressSink

P = ParamSpec("P")
R = TypeVar("R")

_LOOK_EVERY_S = 0.1
_TELL_EVERY_S = 0.05
_TOLD, _DONE, _FAILED = "told", "done", "failed"
_STOP = b""


class InlineCompute:
    """Runs in the caller: for commands, which have nobody to keep waiting, and for tests."""

    def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    def run_long(
        self,
        function: Callable[Concatenate[ProgressSink, P], R],
        progress: ProgressSink,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        return function(progress, *args, **kwargs)


class _Worker:
    """One process and the pipe to it; started when first needed."""

    def __init__(self, niceness: int, grace_s: float, fresh: bool) -> None:
        self._niceness = niceness
        self._grace_s = grace_s
        self._fresh = fresh
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._closed = False
        self._ending = threading.RLock()

    def ask(
        self,
        work: tuple[Any, ...],
        deadline: float,
        name: str,
        progress: ProgressSink | None = None,
    ) -> Any:
        """progress None: the work reports none."""
        pipe = self._started(name)
        try:
            pipe.send_bytes(pickle.dumps((*work, progress is not None)))
            kind, outcome = self._wait(pipe, deadline, name, progress)
        except (OSError, EOFError) as error:
            self.end()
            raise JobLost(
                where=name,
                what="Its process ended without an answer, perhaps for want of memory.",
                remedy="Close other programs and try again; the log has the details.",
            ) from error
        except BaseException:
            # Whatever it is, also from `progress`: the process is still at this job.
            self.end()
            raise
        if self._fresh:
            self.end()
        if kind == _FAILED:
            raise outcome
        return outcome

    def _wait(
        self, pipe: Connection, deadline: float, name: str, progress: ProgressSink | None
    ) -> tuple[str, Any]:
        """The outcome. Who stops is not given one, but the process is given its time to end."""
        stopped: JobCancelled | None = None
        while True:
            try:
                heard = pipe.recv() if pipe.poll(_LOOK_EVERY_S) else None
                if heard is not None and heard[0] != _TOLD:
                    return heard if stopped is None else (_FAILED, stopped)
                if stopped is None:
                    if heard is not None and progress is not None:
                        progress(*heard[1:])
                    raise_if_cancelled(name)
            except JobCancelled as error:
                stopped = error
                deadline = time.monotonic() + self._grace_s
                if self._grace_s:
                    with contextlib.suppress(OSError):  # it has ended: there is nothing to stop
                        pipe.send_bytes(_STOP)
            except (OSError, EOFError):
                if stopped is None:
                    raise
                raise stopped from None
            if time.monotonic() > deadline:
                raise stopped or JobTimedOut(
                    where=name,
                    what="It reached its time limit and was ended.",
                    remedy="Choose a shorter period, or raise the limit in Settings.",
                )

    def _started(self, name: str) -> Connection:
        with self._ending:
            if self._process is not None and self._process.is_alive() and self._pipe is not None:
                return self._pipe
            self.end()
            if self._closed:
                raise JobLost(
                    where=name,
                    what="It was not begun: the program is being closed.",
                    remedy="Start it again when the program is open.",
                )
            context = multiprocessing.get_context("spawn")
            here, there = context.Pipe()
            # A daemon may have no processes of its own.
            self._process = context.Process(
                target=_serve, args=(there, self._niceness), daemon=not self._fresh
            )
            self._process.start()
            there.close()
            self._pipe = here
            return here

    @property
    def started(self) -> bool:
        return self._process is not None

    def close(self) -> None:
        """Ends the process for good, busy or not."""
        self._closed = True
        self.end()

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
    """Implements domain.ports.Compute. Safe to use from several threads; one job per process.

    niceness: 0 for what somebody waits for. grace_s: how long a job that is stopped may take to
    end by itself before its process is ended. fresh: each job has a process of its own, which may
    start others; they end with it (see domain.jobs.end_with_parent). patience_s: how long a job
    waits for a process that is there, before another is started: what it imports may take longer.
    """

    def __init__(
        self,
        count: int = 2,
        time_limit_s: float = 600.0,
        *,
        niceness: int = 10,
        grace_s: float = 0.0,
        fresh: bool = False,
        patience_s: float = 0.0,
    ) -> None:
        # The one that was used last is used first: it is there already.
        self._free: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._workers = [_Worker(niceness, grace_s, fresh) for _ in range(count)]
        self._time_limit_s = time_limit_s
        self._patience_s = patience_s
        for worker in self._workers:
            self._free.put(worker)

    def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        outcome: R = self._ask(function, args, kwargs, None)
        return outcome

    def run_long(
        self,
        function: Callable[Concatenate[ProgressSink, P], R],
        progress: ProgressSink,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        outcome: R = self._ask(function, args, kwargs, progress)
        return outcome

    def _ask(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        progress: ProgressSink | None,
    ) -> Any:
        name = getattr(function, "__name__", "calculation").replace("_", " ")
        worker = self._wait_for_worker(name)
        try:
            deadline = time.monotonic() + self._time_limit_s
            return worker.ask((function, args, kwargs), deadline, name, progress)
        finally:
            self._free.put(worker)

    def _wait_for_worker(self, name: str) -> _Worker:
        patient_until = time.monotonic() + self._patience_s
        while True:
            raise_if_cancelled(name)
            try:
                worker = self._free.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                continue
            impatient = time.monotonic() >= patient_until
            if impatient or worker.started or not any(one.started for one in self._workers):
                return worker
            self._free.put(worker)
            time.sleep(_LOOK_EVERY_S / 5)

    def close(self) -> None:
        """Ends the processes, busy or not: whoever waits gets a sentence, and none is started."""
        for worker in self._workers:
            worker.close()


def _serve(pipe: Connection, niceness: int) -> None:
    """The life of a job process: take work, give an outcome, until the pipe closes."""
    # Ctrl C in a terminal reaches all of its processes; who asked decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(niceness)
    # Two OpenMP threads on busy cores are many times slower than one.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    stopped = threading.Event()
    cancel_event.set(stopped)
    arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, arrived, stopped), daemon=True).start()
    tell = _Teller(pipe, stopped)
    while True:
        work = arrived.get()
        try:
            function, args, kwargs, long = pickle.loads(work)
            made = function(*((tell, *args) if long else args), **kwargs)
            outcome = pickle.dumps((_DONE, made))
        except UserFacingError as error:
            outcome = pickle.dumps((_FAILED, error))
        except Exception as error:  # noqa: BLE001 - the edge of the process: told whole to the asker
            outcome = pickle.dumps((_FAILED, _portable(error)))
        try:
            tell.send(outcome)
        except OSError:
            return


def _listen(pipe: Connection, arrived: queue.SimpleQueue[bytes], stopped: threading.Event) -> None:
    """Takes what comes while the work goes on; who asked may be gone in the midst of it."""
    while True:
        try:
            work = pipe.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)
        if work == _STOP:
            stopped.set()
        else:
            stopped.clear()
            arrived.put(work)


class _Teller:
    """Progress from this process, from whichever of its threads. New words are always told."""

    def __init__(self, pipe: Connection, stopped: threading.Event) -> None:
        self._pipe = pipe
        self._stopped = stopped
        self._sending = threading.Lock()
        self._next = 0.0
        self._told = ""

    def __call__(self, fraction: float, doing: str) -> None:
        if self._stopped.is_set():
            raise JobCancelled(where=doing, what="It was stopped.", remedy="")
        now = time.monotonic()
        if doing != self._told or now >= self._next or fraction >= 1.0:
            self._told, self._next = doing, now + _TELL_EVERY_S
            self.send(pickle.dumps((_TOLD, fraction, doing)))

    def send(self, message: bytes) -> None:
        with self._sending:
            self._pipe.send_bytes(message)


def _portable(error: Exception) -> Exception:
    """An exception that survives the pipe, with its trace in words."""
    import traceback

    trace = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever a foreign exception's pickling raises
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(trace)
    return error
