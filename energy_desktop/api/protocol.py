"""HTTP connections that cannot hold the program up: bounded in number, time and bytes.

uvicorn waits for ever for the head of a request, so a few hundred connections that send a byte a
minute would shut every sensor out. Here the head has seconds to come and the body as well, and
when all places are taken the connection that has kept us waiting longest makes room: one that
sends its request in one go is never it.

A request that is refused before its body was read is answered, and what still comes is thrown
away for a moment: closing at once would reset the connection and take the answer with it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 64
HEAD_WITHIN_S = 5.0
BODY_WITHIN_S = 10.0
DRAIN_WITHIN_S = 2.0
DRAIN_BYTES = 8_000_000


class BoundedProtocol(H11Protocol):
    """One connection. All calls come from the server's loop."""

    waiting_since_s: float | None = None  # None: it waits for us
    _deadline: asyncio.TimerHandle | None = None
    _drained: int | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.access_log = False  # uvicorn logs whole URLs wherever the root logger has a handler
        super().connection_made(_Lingering(transport, self))  # type: ignore[arg-type]
        self._wait(HEAD_WITHIN_S)
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._drained is not None:
            self._drained += len(data)
            if self._drained > DRAIN_BYTES:
                self._abort()
            return
        fresh = not self._answering
        super().data_received(data)
        if self._answering and fresh and self._body_missing:
            self._wait(BODY_WITHIN_S)
        elif self._answering and not self._body_missing:
            self._stop_waiting()
        elif not self._answering and self._deadline is None:
            self._wait(HEAD_WITHIN_S)

    def on_response_complete(self) -> None:
        if self._drained is not None:
            return
        super().on_response_complete()
        # Idle until the next request: uvicorn's own keep-alive timer counts, and it may make room.
        self._stop_waiting()
        self.waiting_since_s = self.loop.time()

    def drain(self) -> None:
        """The answer is out; the rest of the request is read and forgotten, then it ends."""
        if self._drained is not None:
            return
        self._drained = 0
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self._wait(DRAIN_WITHIN_S)

    @property
    def body_missing(self) -> bool:
        return self._body_missing

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _body_missing(self) -> bool:
        return self.cycle is not None and self.cycle.more_body

    def _make_room(self) -> None:
        slow = [
            other
            for other in self.connections
            if isinstance(other, BoundedProtocol) and other.waiting_since_s is not None
        ]
        min(slow, key=lambda other: other.waiting_since_s or 0.0)._abort()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self.waiting_since_s = self.loop.time()
        self._deadline = self.loop.call_later(seconds, self._abort)

    def _stop_waiting(self) -> None:
        self.waiting_since_s = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _abort(self) -> None:
        self._stop_waiting()
        self.transport.abort()


class _Lingering:
    """A transport whose `close`, in the middle of a request, first lets the answer arrive."""

    def __init__(self, transport: asyncio.Transport, protocol: BoundedProtocol) -> None:
        self._transport = transport
        self._protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        transport = self._transport
        early = self._protocol.body_missing and not transport.is_closing()
        if early and transport.can_write_eof():
            transport.write_eof()
            self._protocol.drain()
        else:
            transport.close()
