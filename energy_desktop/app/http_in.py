"""Runs HTTP in as its settings say, and follows them: off until it is switched on.

The web framework is imported when it is switched on, so that a program without it starts no slower.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from energy_desktop.domain.clock import Clock
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.settings import ProgramSettings
from energy_desktop.services.api_keys import ApiKeyService
from energy_desktop.services.http_in import HttpInState
from energy_desktop.services.push import PushService
from energy_desktop.services.settings import stored_program

if TYPE_CHECKING:
    from energy_desktop.acquisition.field import Field
    from energy_desktop.api.server import HttpServer
    from energy_desktop.storage import Store

_LOG = logging.getLogger("energy_desktop.http_in")
_TRY_AGAIN_S = 30.0

_Wanted = tuple[str, int, int]  # address, port, requests per minute of a key


class HttpIn:
    """`follow` and `stop` belong to one thread at a time; the rest to any."""

    def __init__(
        self, store: Store, field: Field, configuration: Callable[[], Configuration], clock: Clock
    ) -> None:
        self._store = store
        self.keys = ApiKeyService(store.api_keys, clock)
        self.push = PushService(
            configuration, field, store.push_answers, self._flush, field.statuses, clock
        )
        self._server: HttpServer | None = None
        self._serves: _Wanted | None = None
        self._wanted: _Wanted | None = None
        self._trouble = ""
        self._try_again_s = 0.0

    def follow(self) -> None:
        """Starts, restarts or ends the server when its settings changed."""
        settings = stored_program(self._store.configuration)
        wanted = _wanted(settings)
        if wanted != self._wanted:
            self._wanted, self._try_again_s, self._trouble = wanted, 0.0, ""
        if self._serves is not None and (wanted != self._serves or not self._is_running()):
            self._end()
        if wanted is None or self._serves is not None or time.monotonic() < self._try_again_s:
            return
        try:
            self._begin(wanted)
            self._trouble = ""
        except UserFacingError as error:
            if str(error) != self._trouble:
                _LOG.warning("%s", error)
            self._trouble = str(error)
            self._try_again_s = time.monotonic() + _TRY_AGAIN_S

    def state(self) -> HttpInState:
        server = self._server
        listens = "" if server is None else f"{server.address}:{server.port}"
        return HttpInState(self._wanted is not None, listens, self._trouble)

    def stop(self) -> None:
        self._end()

    def _begin(self, wanted: _Wanted) -> None:
        from energy_desktop.api.app import make_app
        from energy_desktop.api.server import HttpServer

        address, port, per_minute = wanted
        app = make_app(self.keys, self.push, requests_per_minute=per_minute)
        server = HttpServer(app, address, port)
        server.start()
        self._server, self._serves = server, wanted

    def _end(self) -> None:
        server, self._server, self._serves = self._server, None, None
        if server is not None and not server.stop():
            _LOG.warning("HTTP in did not end in time; it ends with the program")

    def _is_running(self) -> bool:
        return self._server is not None and self._server.is_running

    def _flush(self) -> bool:
        """Many requests share one commit: the second finds nothing left to write."""
        writer = self._store.writer
        return not writer.stats().failing and writer.flush()


def _wanted(settings: ProgramSettings) -> _Wanted | None:
    if settings.http_in != "on":
        return None
    return settings.http_in_address, settings.http_in_port, settings.http_in_per_minute
