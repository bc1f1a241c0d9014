"""Row 37: HTTP in under abuse. It answers in words, holds nobody up, and polling keeps its pace."""

import asyncio
import contextlib
import socket
import threading
import time

import httpx
import pytest

from energy_desktop.api.protocol import MOST_CONNECTIONS
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState
from tests.integration.api.conftest import READING, a_meter, a_site, open_door
from tests.support.meter_server import serving_meters

pytestmark = pytest.mark.timed

POLL_S = 0.2


@pytest.fixture(scope="module")
def polled():
    with serving_meters(units=1, connections=1) as (port,):
        yield port


@pytest.fixture(scope="module")
def door(tmp_path_factory, polled):
    tcp = Link("tcp", LinkKind.MODBUS_TCP, host="127.0.0.1", port=polled)
    opened = open_door(
        tmp_path_factory.mktemp("site"),
        a_site(
            a_meter("roof", "roof"),
            a_meter("shop", "shop/1"),
            Meter("line", "Line", "eastron_sdm120", "tcp", poll_interval_s=POLL_S),
            links=(tcp,),
        ),
        per_minute=20,
    )
    yield opened
    opened.engine.stop()


def error_of(answer: httpx.Response) -> dict[str, str]:
    document = answer.json()
    assert document["status"] == "error"
    assert document["error"]["what"] and document["error"]["remedy"]
    return document["error"]


class Pace:
    """What polling did between two moments."""

    def __init__(self, door) -> None:
        self._door = door

    def __enter__(self):
        self._before, self._at = self._door.engine.field.statuses()["line"], time.monotonic()
        return self

    def __exit__(self, *_):
        after = self._door.engine.field.statuses()["line"]
        slots = (time.monotonic() - self._at) / POLL_S
        assert after.state is LinkState.GOOD
        assert after.failures == self._before.failures
        assert after.skipped_slots == self._before.skipped_slots
        assert after.polls - self._before.polls >= slots - 2


def wait_for_polling(door) -> None:
    end = time.monotonic() + 5
    while door.engine.field.statuses()["line"].polls < 2:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_binds_the_loopback_unless_asked(door):
    assert door.engine.http_in.state().listens_on == f"127.0.0.1:{door.port}"


@pytest.mark.parametrize("key", ["", "edk_wrong", "edk_" + "é" * 20])
def test_without_a_valid_key_there_is_401_and_nothing_is_stored(door, key):
    before = len(door.stored("roof"))
    headers = {"X-API-Key": key.encode("utf-8")} if key else {}

    answer = httpx.post(f"{door.url}/api/hardware/data", json=READING, headers=headers, timeout=20)

    assert answer.status_code == 401
    assert "X-API-Key" in error_of(answer)["where"]
    assert len(door.stored("roof")) == before


def test_a_key_in_the_url_is_no_key(door):
    answer = httpx.get(f"{door.url}/api/hardware/status?X-API-Key={door.roof}", timeout=20)

    assert answer.status_code == 401


def test_a_revoked_key_is_refused_at_once(door):
    made = door.engine.http_in.keys.make("thief")
    assert door.get("/api/hardware/status", key=made.secret).status_code == 200

    door.engine.http_in.keys.revoke("thief")

    assert door.get("/api/hardware/status", key=made.secret).status_code == 401


def test_a_key_cannot_write_to_the_meter_of_another_tenant(door):
    before = len(door.stored("shop"))

    for facility in ("1", "../shop/1", "shop/1", "%2e%2e/shop/1"):
        assert door.post({**READING, "facility_id": facility}).status_code == 422

    assert len(door.stored("shop")) == before
    meters = door.get("/api/hardware/status").json()["meters"]
    assert [m["meter"] for m in meters] == ["roof"]


@pytest.mark.parametrize("hours", [3, 24 * 365, -24 * 29, -24 * 365 * 56])
def test_a_clock_that_is_wrong_is_refused_with_the_reason(door, hours):
    at = round((time.time() + hours * 3600) * 1000)

    answer = door.post({**READING, "timestamp": iso_utc(at)}, key=door.shop)

    assert answer.status_code == 422
    assert ("ahead of this computer" if hours > 0 else "days ago") in error_of(answer)["what"]
    assert "NTP" in error_of(answer)["remedy"]
    assert at not in {t for t, _ in door.stored("shop")}


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_100_mb_is_413_and_never_read_into_memory(door, announced):
    sent = 0

    def body():
        nonlocal sent
        for _ in range(1600):
            sent += 65_536
            yield b" " * 65_536

    headers = {"X-API-Key": door.engine.http_in.keys.make(f"big-{announced}").secret}
    if announced:
        headers["Content-Length"] = str(1600 * 65_536)

    with httpx.Client(timeout=20) as client:
        answer = client.post(f"{door.url}/api/hardware/data", content=body(), headers=headers)

    assert answer.status_code == 413
    assert "1,000,000 bytes" in error_of(answer)["what"]
    assert sent < 20_000_000


def test_too_many_requests_are_429_with_when_to_come_back(door):
    key = door.engine.http_in.keys.make("eager").secret
    with Pace(door):
        answers = [door.get("/api/hardware/status", key=key) for _ in range(30)]

    refused = [a for a in answers if a.status_code == 429]
    assert 8 <= len(refused) <= 10
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert error_of(refused[0])["what"] == "Too many requests."
    assert door.get("/api/hardware/status").status_code == 200  # others are not affected


def test_a_replayed_request_stores_nothing_again(door):
    headers = {"Idempotency-Key": "replayed"}
    first = door.post(READING, headers=headers)
    stored = len(door.stored("roof"))

    again = [door.post(READING, headers=headers) for _ in range(3)]

    assert all(a.json() == first.json() for a in again)
    assert len(door.stored("roof")) == stored


def dribble(door, head: bytes, count: int) -> list[socket.socket]:
    lines = []
    for _ in range(count):
        line = socket.create_connection(("127.0.0.1", door.port), timeout=5)
        line.sendall(head)
        lines.append(line)
    return lines


def still_open(lines: list[socket.socket]) -> int:
    count = 0
    for line in lines:
        line.setblocking(False)
        try:
            count += line.recv(1) != b""
        except BlockingIOError:
            count += 1
        except OSError:
            continue  # reset: it was thrown out
    return count


def test_500_slow_connections_hold_bounded_places_and_shut_nobody_out(door):
    wait_for_polling(door)
    threads = threading.active_count()
    with Pace(door):
        lines = dribble(door, b"POST /api/hardware/data HTTP/1.1\r\nHost: a\r\nX-", 500)
        try:
            started = time.monotonic()
            answer = door.post(READING, key=door.engine.http_in.keys.make("honest").secret)
            answered_s = time.monotonic() - started
            held = still_open(lines)
        finally:
            for line in lines:
                line.close()

    assert answer.status_code == 422  # it has no meter, but it got its answer
    assert answered_s < 2.0
    assert held <= MOST_CONNECTIONS
    assert threading.active_count() <= threads + 8


def test_a_head_or_a_body_that_does_not_come_is_given_up(door):
    key = door.engine.http_in.keys.make("slow").secret.encode()
    with_key = (
        b"POST /api/hardware/data HTTP/1.1\r\nHost: a\r\nX-API-Key: " + key + b"\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )

    async def ends_after_s(first: bytes, most_s: float) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(first)
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), most_s)
        writer.close()
        return time.monotonic() - started

    async def both() -> list[float]:
        return await asyncio.gather(ends_after_s(b"GET /", 10), ends_after_s(with_key, 20))

    head_s, body_s = asyncio.run(both())

    assert head_s == pytest.approx(5.0, abs=1.0)
    assert body_s == pytest.approx(10.0, abs=1.5)


def test_rubbish_is_no_request_and_harms_nothing(door):
    with Pace(door):
        for rubbish in (b"\x16\x03\x01\x00\xa5", b"GET " + b"a" * 60_000, b"\r\n" * 5_000):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", door.port), timeout=5) as line,
            ):
                line.sendall(rubbish)
                line.recv(1000)
        time.sleep(0.5)

    assert httpx.get(f"{door.url}/docs", timeout=20).status_code == 200


def test_no_key_is_in_the_log_or_in_any_answer(door, caplog):
    caplog.set_level(0)
    secret = door.roof
    answers = [
        door.post({**READING, "voltage": secret}),
        door.post({**READING, "timestamp": "yesterday"}),
        door.get(f"/nothing/here?key={secret}"),
    ]

    assert all(secret not in a.text for a in answers[1:])
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
    assert not any(secret in line for line in ours)
    folder = door.engine.folder.root
    kept = [f for f in folder.rglob("*") if f.is_file()]
    assert kept and not any(secret.encode() in f.read_bytes() for f in kept)
