"""Rows 1 to 5: dead meters, refused ports, a peer that stands still, lost connections, dribble."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import GapCause
from energy_desktop.domain.snapshot import LinkState
from tests.faults import modbus_tcp_server as faults
from tests.faults.modbus_tcp_server import SDM120_VALUES, FaultyTcpServer, floats
from tests.faults.wire import expected, tcp_link
from tests.integration.acquisition.fields import a_meter, polling, wait_until

pytestmark = pytest.mark.timed

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server():
    with FaultyTcpServer(floats(SDM120_VALUES)) as it:
        yield it


def lags_ms(times_ms: list[int], period_s: float) -> np.ndarray:
    """How much later than the earliest possible slot each reading came, in ms; shape (n,)."""
    times = np.asarray(times_ms, float)
    offsets = times % (period_s * 1000)
    earliest = np.percentile(offsets, 5)
    return (offsets - earliest + period_s * 500) % (period_s * 1000) - period_s * 500


def test_row_01_a_dead_meter_costs_one_timeout_and_its_neighbours_keep_their_time(server):
    period_s, healthy = 0.25, 20
    links = tuple(tcp_link(server.port, 0.1, f"l{i}") for i in range(2 * healthy))
    meters = tuple(
        a_meter(f"m{i}", i + 1, link_id=f"l{i}", poll_interval_s=period_s)
        for i in range(2 * healthy)
    )
    server.modes = {i + 1: faults.SILENT for i in range(healthy, 2 * healthy)}

    with polling(Configuration(links=links, meters=meters)) as it:
        wait_until(lambda: all(it.state(f"m{i}") is LinkState.LOST for i in range(healthy, 40)))
        begin = {f"m{i}": len(it.sink.of(f"m{i}")) for i in range(healthy)}
        time.sleep(2.0)
        statuses = it.field.statuses()

    late = np.concatenate(
        [lags_ms([s.read_at_ms for s in it.sink.of(m)[n:]], period_s) for m, n in begin.items()]
    )
    assert np.percentile(late, 99) < 100
    assert all(statuses[m].failures == 0 for m in begin)
    assert all(statuses[f"m{i}"].failures >= 3 for i in range(healthy, 40))


def test_row_01_the_error_comes_at_the_timeout_and_not_later(server):
    server.mode = faults.SILENT

    spent_s, failure = timed_read(tcp_link(server.port, 0.2))

    assert failure.kind is FailureKind.NO_ANSWER
    assert 0.19 <= spent_s < 0.35


def test_row_02_a_closed_port_is_told_at_once_and_asked_ever_more_rarely():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        link = tcp_link(free.getsockname()[1], timeout_s=2.0)
        spent_s, failure = timed_read(link)
        with polling(Configuration(links=(link,), meters=(a_meter("m"),))) as it:
            wait_until(lambda: it.state("m") is LinkState.LOST)
            began, first = time.time() * 1000, it.field.statuses()["m"]
            wait_until(lambda: it.field.statuses()["m"].failures > first.failures)
            second = it.field.statuses()["m"]

    assert spent_s < 0.2
    assert "refused" in failure.what.lower()
    assert first.next_try_ms - began <= 1_100
    assert second.next_try_ms - first.next_try_ms > 1_000  # 0.75 to 1 s, then 1.5 to 2 s


def test_row_02_a_name_that_nobody_knows_is_told_as_such(monkeypatch):
    def unknown(*_arguments, **_more):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    spent_s, failure = timed_read(tcp_link(502, host="meter.invalid"))

    assert spent_s < 0.2
    assert "Name or service not known" in failure.what
    assert "meter.invalid" in failure.remedy


def test_row_03_a_peer_that_stands_still_is_lost_in_three_periods_and_found_again():
    period_s = 0.4
    with server_process() as (process, port):
        link = tcp_link(port, timeout_s=0.3)
        with polling(
            Configuration(links=(link,), meters=(a_meter("m", poll_interval_s=period_s),))
        ) as it:
            wait_until(lambda: len(it.sink.of("m")) >= 3)
            os.kill(process.pid, signal.SIGSTOP)
            lost_after_s = wait_until(lambda: it.state("m") is LinkState.LOST)
            os.kill(process.pid, signal.SIGCONT)
            back_after_s = wait_until(lambda: it.state("m") is LinkState.GOOD, within_s=6.0)
            threads = threading.active_count()

    assert lost_after_s <= 3 * period_s + 0.15
    assert back_after_s <= 4.0
    assert [gap.cause for gap in it.gaps] == [GapCause.COMMUNICATION]
    assert threads <= 4
    assert {s.value("voltage_v") for s in it.sink.snapshots} == {230.5}


@pytest.mark.parametrize("mode", [faults.CLOSE, faults.RESET])
def test_row_04_a_connection_lost_in_a_request_costs_that_poll_and_no_more(server, mode):
    link = tcp_link(server.port, timeout_s=2.0)

    with polling(Configuration(links=(link,), meters=(a_meter("m", poll_interval_s=0.2),))) as it:
        wait_until(lambda: len(it.sink.of("m")) >= 2)
        server.mode = mode
        seen_after_s = wait_until(lambda: it.field.statuses()["m"].failures == 1)
        server.mode = faults.GOOD
        before = len(it.sink.of("m"))
        wait_until(lambda: len(it.sink.of("m")) >= before + 2)
        status = it.field.statuses()["m"]

    assert seen_after_s < 0.5  # pymodbus waits the whole timeout of 2 s
    assert status.failures == 1
    assert status.state is LinkState.GOOD
    assert server.connections == 2


def test_row_04_a_device_that_goes_on_closing_leaves_a_gap_with_its_cause(server):
    with polling(Configuration(links=(tcp_link(server.port),), meters=(a_meter("m"),))) as it:
        wait_until(lambda: len(it.sink.of("m")) >= 2)
        server.mode = faults.RESET
        wait_until(lambda: it.state("m") is LinkState.LOST)
        server.mode = faults.GOOD
        it.field.try_now("m")
        wait_until(lambda: it.state("m") is LinkState.GOOD)

    (gap,) = it.gaps
    assert gap.cause is GapCause.COMMUNICATION
    assert "closed the connection" in gap.detail
    readings = [s.read_at_ms for s in it.sink.of("m")]
    assert gap.start_ms in readings and gap.end_ms in readings
    assert not [at for at in readings if gap.start_ms < at < gap.end_ms]


@pytest.mark.parametrize("dribble_s", [0.06, 0.4])
def test_row_05_a_dribbling_answer_ends_at_the_deadline_and_nothing_piles_up(server, dribble_s):
    server.mode, server.dribble_s = faults.DRIBBLE, dribble_s
    link = tcp_link(server.port, timeout_s=0.3)

    spent_s, failure = timed_read(link)
    with polling(Configuration(links=(link,), meters=(a_meter("m"),))) as it:
        wait_until(lambda: it.field.statuses()["m"].failures >= 3)
        tasks = len(asyncio.all_tasks(it.field._loop))

    assert failure.kind is FailureKind.NO_ANSWER
    assert spent_s < 0.45
    assert tasks <= 4  # the field, its watch of drivers, the link, a read under way
    assert server.most_in_flight == 1
    wait_until(lambda: server.open_connections == 0)


def test_row_05_an_answer_that_dribbles_in_within_its_time_is_read(server):
    with FaultyTcpServer() as plain:
        plain.mode, plain.dribble_s = faults.DRIBBLE, 0.01
        request = ReadRequest(3, 4, 10, 2)

        async def work() -> bytes:
            connection = connect_to(tcp_link(plain.port, timeout_s=2.0))
            try:
                return await connection.read(request)
            finally:
                await connection.close()

        assert asyncio.run(work()) == expected(request)


def timed_read(link) -> tuple[float, RequestFailed]:
    """Seconds until a read of registers fails, and how it failed."""

    async def work() -> tuple[float, RequestFailed]:
        connection = connect_to(link)
        began = time.monotonic()
        try:
            await connection.read(ReadRequest(1, 4, 0, 2))
        except RequestFailed as failure:
            return time.monotonic() - began, failure
        finally:
            await connection.close()
        raise AssertionError("it was answered")

    return asyncio.run(work())


@contextlib.contextmanager
def server_process() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """An SDM120 in a process of its own, with its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.modbus_tcp_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process, int(process.stdout.readline())
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.stdin.close()
        process.wait(5)
        process.stdout.close()
