"""When a connection that could not be made is tried again: once for all meters behind it.

A port that is gone or a host that refuses fails each of its meters; each trying for itself would
knock forty times as often, and wait forty times as long for a cable that is plugged in again.
"""

from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.schedule import Backoff


class Reopening:
    """Belongs to the loop's thread. Times are the loop's, in seconds."""

    def __init__(self, address: str, ceiling_s: float) -> None:
        """ceiling_s: the longest wait between two tries."""
        self._backoff = Backoff(address, ceiling_s=ceiling_s)
        self._retry_s = 0.0
        self._failure: RequestFailed | None = None

    def check(self, now_s: float) -> None:
        """Raises the failure again while it is too early for another try."""
        if self._failure is not None and now_s < self._retry_s:
            raise self._failure.again()

    def failed(self, failure: RequestFailed, now_s: float) -> float | None:
        """When the connection is tried again, if it was that which failed; None: it was not, so
        the connection is there."""
        if failure.kind is not FailureKind.NO_CONNECTION:
            self.connected()
            return None
        if now_s >= self._retry_s:
            self._failure = failure
            self._retry_s = now_s + self._backoff.next_wait_s()
        return self._retry_s

    def connected(self) -> None:
        if self._failure is not None:
            self._failure = None
            self._backoff.reset()

    def at_once(self) -> None:
        """A person asks for it: nothing is waited for."""
        self._retry_s = 0.0
        self._backoff.reset()
