"""The HTTP server in a thread of its own, with its own loop: it shares nothing with the polling.

The socket is bound before the thread starts, so that a port that is taken is a sentence for the
person who switched it on and not a line in a log.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from energy_desktop.domain.errors import UserFacingError

log = logging.getLogger("energy_desktop.http_in")

_KEEP_ALIVE_S = 30
_ENDS_WITHIN_S = 5.0
_HEAD_BYTES = 16_384
_BACKLOG = 128


class CannotListen(UserFacingError):
    """The address or port cannot be used."""


class HttpServer:
    """Serves one application until `stop`."""

    def __init__(self, app: Callable[..., Any], address: str, port: int) -> None:
        """port 0: any that is free. Raises CannotListen."""
        self._socket = _bound(address, port)
        self.address: str = address
        self.port: int = self._socket.getsockname()[1]
        self._server = _server(app)
        self._thread = threading.Thread(target=self._run, name="http-in", daemon=True)

    def start(self) -> None:
        self._thread.start()
        log.info("HTTP in listens on %s:%d", self.address, self.port)

    def stop(self) -> bool:
        """Ends every connection. False: the thread did not end in time."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(_ENDS_WITHIN_S + 2.0)
        self._socket.close()
        return not self._thread.is_alive()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        except Exception:
            log.exception("HTTP in ended by a fault of this program")  # the edge of the thread


def _server(app: Callable[..., Any]) -> Any:
    import uvicorn

    from energy_desktop.api.protocol import BoundedProtocol

    # What is wrong with a request is told to who sent it; a log of it would be the attacker's.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(_ENDS_WITHIN_S) - 2,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        backlog=_BACKLOG,
    )
    return uvicorn.Server(config)


def _bound(address: str, port: int) -> socket.socket:
    where = f"HTTP in, {address}:{port}"
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotListen(
            where=where, what=f"no socket could be made: {error}.", remedy="Try again."
        ) from error
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            # Windows: SO_REUSEADDR would let another program take the port over.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise CannotListen(
            where=where,
            what=f"this address cannot be listened on: {error.strerror or error}.",
            remedy="Choose another port or address in Settings, HTTP in, or end the other program.",
        ) from error
    return made
