"""The endpoints of HTTP in. Each call: who is it, may he ask so often, is the body small enough.

In that order, and all of it before the body is read: a caller without a key costs a hash and a
line, however much he sends. Work that waits for the store runs in threads, never in the loop.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from energy_desktop import __version__
from energy_desktop.api.limits import MOST_BODY_BYTES, UNKNOWN_PER_MINUTE, Buckets
from energy_desktop.api.openapi import answers, body_schema, describe
from energy_desktop.api.page import page
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.push import ApiKey
from energy_desktop.services.api_keys import ApiKeyService
from energy_desktop.services.push import PushService
from energy_desktop.services.push_reply import PushReply, refused

log = logging.getLogger("energy_desktop.http_in")

KEY_HEADER = "X-API-Key"
IDEMPOTENCY_HEADER = "Idempotency-Key"


class _Stop(Exception):
    """An answer that ends the request early."""

    def __init__(self, reply: PushReply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def make_app(
    keys: ApiKeyService,
    push: PushService,
    *,
    requests_per_minute: int,
    monotonic: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """The application of one site. requests_per_minute: of one key."""
    known = Buckets(requests_per_minute, monotonic)
    unknown = Buckets(UNKNOWN_PER_MINUTE, monotonic)
    app = FastAPI(
        title="energy_desktop: HTTP in",
        version=__version__,
        docs_url=None,  # its pages load scripts from the internet
        redoc_url=None,
        openapi_url=None,
    )

    async def caller(request: Request) -> ApiKey:
        """The key that the request shows. Raises _Stop."""
        presented = request.headers.get(KEY_HEADER, "")
        key = await run_in_threadpool(keys.authenticate, presented) if presented else None
        if key is None:
            wait_s = unknown.take(request.client.host if request.client else "")
            if wait_s:
                raise _Stop(_too_often(wait_s, "Requests without a valid key"))
            raise _Stop(_nobody(bool(presented)))
        wait_s = known.take(key.key_id)
        if wait_s:
            raise _Stop(_too_often(wait_s, f"The key {key.name}"))
        return key

    async def ask(
        request: Request, answer: Callable[[ApiKey], dict[str, Any] | PushReply]
    ) -> Response:
        key = await caller(request)
        found = await run_in_threadpool(answer, key)
        return _response(found if isinstance(found, PushReply) else PushReply(200, found))

    @app.post(
        "/api/hardware/data",
        summary="Post readings",
        responses=answers(200, 401, 413, 422, 429, 503),
        openapi_extra=body_schema(),
    )
    async def data(request: Request) -> Response:
        """One reading or an array. The answer comes when they are on the disk."""
        key = await caller(request)
        body = await _body(request)
        named = request.headers.get(IDEMPOTENCY_HEADER, "")
        return _response(await run_in_threadpool(push.receive, key, body, named))

    @app.get("/api/hardware/status", summary="Your meters", responses=answers(200, 401, 429))
    async def status(request: Request) -> Response:
        """The meters of this key, their state and when each was last heard."""
        return await ask(request, push.status)

    @app.get(
        "/api/hardware/config", summary="What a sensor must know", responses=answers(200, 401, 429)
    )
    async def config(request: Request) -> Response:
        """Fields with their units, how often to send, limits, and the time of this computer."""
        return await ask(
            request, lambda key: push.config(key, requests_per_minute, MOST_BODY_BYTES)
        )

    @app.get(
        "/api/latest-hardware-data",
        summary="Readings of the last 60 s",
        responses=answers(200, 401, 404, 429),
    )
    async def latest(request: Request) -> Response:
        """The newest values of this key's meters, as they were sent; none older than 60 s."""
        return await ask(request, push.latest)

    @app.get(
        "/api/hardware-status-check",
        summary="Does anything arrive?",
        responses=answers(200, 401, 429),
    )
    async def check(request: Request) -> Response:
        """Whether this key's meters sent anything within the last 60 s."""
        return await ask(request, push.check)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.get("/", include_in_schema=False)
    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return HTMLResponse(page(app.openapi()), headers={"Content-Security-Policy": policy})

    describe(app, KEY_HEADER, IDEMPOTENCY_HEADER)
    _answer_failures(app)
    return app


def _answer_failures(app: FastAPI) -> None:
    @app.exception_handler(_Stop)
    async def stopped(_request: Request, stop: _Stop) -> Response:
        return _response(stop.reply)

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # to nobody

    @app.exception_handler(HTTPException)
    async def no_such_thing(request: Request, error: HTTPException) -> Response:
        what = {
            404: "There is nothing at this address.",
            405: f"{request.method} is not possible here.",
        }.get(error.status_code, str(error.detail))
        return _response(
            refused(error.status_code, "HTTP in", what, "See /docs for what there is.")
        )

    @app.middleware("http")
    async def edge(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        """The outer edge of a request: whatever happens is an answer in words."""
        try:
            return await go_on(request)
        except UserFacingError as error:
            log.warning("%s %s: %s", request.method, request.url.path, error)
            reply = refused(503, "This program", error.what, "Send the same request again later.")
            return _response(PushReply(503, reply.document, retry_after_s=5))
        except Exception:
            # Path only: a query might carry what a log must not.
            log.exception(
                "%s %s failed by a fault of this program", request.method, request.url.path
            )
            return _response(
                refused(
                    500,
                    "This program",
                    "It failed by a fault of its own.",
                    "Its log has the details; send the same request again later.",
                )
            )


async def _body(request: Request) -> bytes:
    """The whole body. Raises _Stop as soon as it is known to be too long."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > MOST_BODY_BYTES:
        raise _Stop(_too_big())
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            raise _Stop(_too_big())
    return bytes(body)


def _response(reply: PushReply) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if reply.status >= 400:
        headers["Connection"] = "close"  # the body may not have been read
    if reply.retry_after_s is not None:
        headers["Retry-After"] = str(reply.retry_after_s)
    return Response(
        json.dumps(reply.document, ensure_ascii=False, allow_nan=False),
        status_code=reply.status,
        media_type="application/json",
        headers=headers,
    )


def _nobody(shown: bool) -> PushReply:
    what = "This key is not known, or was revoked." if shown else "The request shows no key."
    return refused(
        401,
        f"Header {KEY_HEADER}",
        what,
        f"Make a key in Settings, HTTP in, and send it in the header {KEY_HEADER}.",
    )


def _too_often(wait_s: int, who: str) -> PushReply:
    reply = refused(
        429,
        who,
        "Too many requests.",
        f"Wait {wait_s} s, then send less often, or several readings in one array.",
        retry_after_s=wait_s,
    )
    return PushReply(429, reply.document, retry_after_s=wait_s)


def _too_big() -> PushReply:
    return refused(
        413,
        "The body of the request",
        f"It is longer than {MOST_BODY_BYTES:,} bytes.",
        "Send the readings in several requests.",
    )
