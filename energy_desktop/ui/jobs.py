"""Runs services off the GUI thread and brings the outcome back.

The runner lives in the GUI thread and owns the signals: one owned by a pooled runnable dies with
it, in the wrong thread. `work` sees no widget. A job given a `guard` (a widget) is forgotten when
that widget is gone, so a closed view is never called.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from shiboken6 import isValid

from energy_desktop.domain.errors import JobCancelled, UserFacingError
from energy_desktop.domain.jobs import cancel_event

if TYPE_CHECKING:
    from energy_desktop.domain.ports import ProgressSink

log = logging.getLogger("energy_desktop.ui.jobs")

R = TypeVar("R")

PROGRESS_INTERVAL_MS = 100


class InternalError(UserFacingError):
    """A bug of ours, as a person sees it; `details` is the whole trace for the clipboard."""

    def __init__(self, *, where: str, what: str, remedy: str, details: str = "") -> None:
        super().__init__(where=where, what=what, remedy=remedy)
        self.details = details


def as_user_facing(error: BaseException, where: str) -> UserFacingError:
    """An expected failure as it is; any other is logged whole and told as an internal error."""
    if isinstance(error, UserFacingError):
        return error
    log.error("%s failed", where or "a job", exc_info=error)
    return InternalError(
        where=where or "This program",
        what=f"internal error: {type(error).__name__}: {error}.",
        remedy="It was written to the log. Copy the details for whoever supports you.",
        details="".join(traceback.format_exception(error)),
    )


class JobHandle:
    """One job. `progress` is what its `work` calls; it raises JobCancelled after `cancel()`."""

    def __init__(self, title: str, cancellable: bool = True) -> None:
        self.title = title
        self.cancellable = cancellable
        self._cancelled = threading.Event()
        self._done = False
        self._dropped = False
        self._latest: tuple[float, str] = (0.0, "")
        self._told: tuple[float, str] | None = None

    @property
    def done(self) -> bool:
        return self._done

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    @property
    def cancel_event(self) -> threading.Event:
        return self._cancelled

    def cancel(self) -> None:
        """Asks the work to stop at its next progress; the error callback gets JobCancelled."""
        self._cancelled.set()

    def drop(self) -> None:
        """Cancels, and nobody hears of the outcome: its view is closed or asked anew."""
        self._dropped = True
        self._cancelled.set()

    def progress(self, fraction: float, doing: str) -> None:
        """Called in the job's thread. The screen is told at most ten times a second."""
        if self._cancelled.is_set():
            raise JobCancelled(where=self.title or "Job", what="stopped by you.", remedy="")
        self._latest = (fraction, doing)


class JobRunner(QObject):
    """A small thread pool with its results delivered in the GUI thread."""

    started = Signal(object)  # JobHandle
    progressed = Signal(object, float, str)
    ended = Signal(object)

    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None, *, workers: int = 3) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._running: dict[JobHandle, tuple[Any, Any, Any, QObject | None]] = {}
        self._closed = False
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self)
        self._timer.setInterval(PROGRESS_INTERVAL_MS)
        self._timer.timeout.connect(self._tell_progress)

    def start(
        self,
        work: Callable[[], R],
        on_result: Callable[[R], object],
        on_error: Callable[[UserFacingError], object],
        *,
        progress: Callable[[float, str], object] | None = None,
        title: str = "",
        cancellable: bool = True,
        guard: QObject | None = None,
    ) -> JobHandle:
        """Runs `work` in a pooled thread; `on_result` or `on_error` follow in the GUI thread.

        progress: called in the GUI thread with (fraction, what is being done), at most ten times
        a second. guard: when this object is gone, the outcome is dropped.
        Raises RuntimeError once the runner is closed.
        """
        return self.start_long(
            lambda _: work(),
            on_result,
            on_error,
            progress=progress,
            title=title,
            cancellable=cancellable,
            guard=guard,
        )

    def start_long(
        self,
        work: Callable[[ProgressSink], R],
        on_result: Callable[[R], object],
        on_error: Callable[[UserFacingError], object],
        *,
        progress: Callable[[float, str], object] | None = None,
        title: str = "",
        cancellable: bool = True,
        guard: QObject | None = None,
    ) -> JobHandle:
        """As `start`, for work that reports progress: it gets a ProgressSink, which raises
        JobCancelled inside the work after the person pressed Cancel."""
        if self._closed:
            raise RuntimeError("the job runner is closed")
        handle = JobHandle(title, cancellable)
        self._running[handle] = (on_result, on_error, progress, guard)
        future = self._pool.submit(self._run, handle, work)
        future.add_done_callback(lambda f: self._emit_finished(handle, f))
        if not self._timer.isActive():
            self._timer.start()
        self.started.emit(handle)
        return handle

    @staticmethod
    def _run(handle: JobHandle, work: Callable[[ProgressSink], R]) -> R:
        if handle.cancelled:
            raise JobCancelled(where=handle.title or "Job", what="stopped by you.", remedy="")
        # Whoever waits inside for a job process looks at this event.
        token = cancel_event.set(handle.cancel_event)
        try:
            return work(handle.progress)
        finally:
            cancel_event.reset(token)

    def _emit_finished(self, handle: JobHandle, future: Future[Any]) -> None:
        if isValid(self):
            self._finished.emit(handle, future)

    def running(self) -> tuple[JobHandle, ...]:
        return tuple(self._running)

    @Slot(object, object)
    def _deliver(self, handle: JobHandle, future: Future[Any]) -> None:
        callbacks = self._running.pop(handle, None)
        handle._done = True
        if not self._running:
            self._timer.stop()
        self.ended.emit(handle)
        if callbacks is None or self._closed or handle._dropped:
            self._log_lost_bug(handle, future)
            return
        on_result, on_error, _, guard = callbacks
        if guard is not None and not isValid(guard):
            self._log_lost_bug(handle, future)
            return
        if future.cancelled():
            return
        error = future.exception()
        if error is not None:
            on_error(as_user_facing(error, handle.title))
        elif handle.cancelled:
            on_error(JobCancelled(where=handle.title or "Job", what="stopped by you.", remedy=""))
        else:
            on_result(future.result())

    @staticmethod
    def _log_lost_bug(handle: JobHandle, future: Future[Any]) -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, UserFacingError):
            log.error("%s failed after its view was closed", handle.title, exc_info=error)

    @Slot()
    def _tell_progress(self) -> None:
        for handle, (_, _, progress, guard) in list(self._running.items()):
            latest = handle._latest
            if latest == handle._told or handle._dropped:
                continue
            handle._told = latest
            self.progressed.emit(handle, *latest)
            if progress is not None and (guard is None or isValid(guard)):
                progress(*latest)

    def close(self) -> None:
        """Before the window goes: cancels all, waits for what runs; no job outlives it."""
        if self._closed:
            return
        self._closed = True
        self._timer.stop()
        for handle in self._running:
            handle.drop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._running.clear()
