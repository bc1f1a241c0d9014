"""One timer and one signal for everything live on screen.

Readings arrive by the thousand; a signal for each would drown the event loop. The rings count what
they got, and at most ten times a second this object asks whether the count moved. Whatever shows
live values connects to `flushed` and reads the rings itself.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

LIVE_INTERVAL_MS = 100
HEARTBEAT_INTERVAL_MS = 1000


class LiveFeed(QObject):
    """`flushed`: something new is in the rings. `heartbeat`: once a second, for ages and clocks."""

    flushed = Signal()
    heartbeat = Signal()

    def __init__(
        self,
        version: Callable[[], int],
        parent: QObject | None = None,
        *,
        interval_ms: int = LIVE_INTERVAL_MS,
    ) -> None:
        """`version` must be cheap and safe in the GUI thread: domain.ports.Rings.version is."""
        super().__init__(parent)
        self._version = version
        self._seen: int | None = None
        self._ticks = 0
        self._per_heartbeat = max(1, HEARTBEAT_INTERVAL_MS // interval_ms)
        self._timer = QTimer(self)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._poll)

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    @property
    def running(self) -> bool:
        return self._timer.isActive()

    @Slot()
    def _poll(self) -> None:
        version = self._version()
        if version != self._seen:
            self._seen = version
            self.flushed.emit()
        self._ticks += 1
        if self._ticks % self._per_heartbeat == 0:
            self.heartbeat.emit()
