"""Rows 6 to 11: answers that are wrong in form, refusals, busy devices, gateways, garbage, floods.

That no such answer becomes a value is in test_no_wrong_value.py; here stands what a technician is
told, how often the device is asked, and what its neighbours notice.
"""

import asyncio
import gc
import time
from itertools import pairwise
from pathlib import Path

import pytest

from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.snapshot import LinkState
from tests.faults import modbus_tcp_server as faults
from tests.faults.modbus_tcp_server import SDM120_VALUES, FaultyTcpServer, floats
from tests.faults.wire import expected, tcp_link
from tests.integration.acquisition.fields import PERIOD_S, a_meter, polling, wait_until

pytestmark = pytest.mark.timed


@pytest.fixture
def server():
    with FaultyTcpServer(floats(SDM120_VALUES)) as it:
        yield it


def site_with(server: FaultyTcpServer, *units: int, timeout_s: float = 0.1) -> Configuration:
    """Units behind one connection, each polled every 100 ms: two requests a poll."""
    meters = tuple(a_meter(f"m{unit}", unit) for unit in units)
    return Configuration(links=(tcp_link(server.port, timeout_s),), meters=meters)


def read_one(link, request: ReadRequest) -> bytes | RequestFailed:
    async def work() -> bytes | RequestFailed:
        connection = connect_to(link)
        try:
            return await connection.read(request)
        except RequestFailed as failure:
            return failure
        finally:
            await connection.close()

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (faults.SHORT, "holds 1 registers instead of 2"),
        (faults.LONG, "holds 5 registers instead of 2"),
        (faults.OTHER_FUNCTION, "of function 3, not 4"),
        (faults.OTHER_EXCEPTION, "belongs to another function"),
        (faults.ZERO_TRANSACTION, "number of another request"),
    ],
)
def test_rows_06_and_07_an_answer_to_another_question_is_told_with_what_is_wrong(mode, words):
    with FaultyTcpServer() as server:
        server.mode = mode

        failure = read_one(tcp_link(server.port), ReadRequest(1, 4, 10, 2))

    assert isinstance(failure, RequestFailed)
    assert failure.kind is FailureKind.WRONG_ANSWER
    assert words in failure.what
    assert failure.remedy


@pytest.mark.parametrize("mode", [faults.SHORT, faults.OTHER_UNIT, faults.OTHER_TRANSACTION])
def test_rows_06_and_07_of_a_device_that_answers_wrongly_nothing_is_kept(server, mode):
    server.modes[2] = mode

    with polling(site_with(server, 1, 2, timeout_s=0.05)) as it:
        wait_until(lambda: it.state("m2") is LinkState.LOST)
        wait_until(lambda: it.state("m1") is LinkState.GOOD)

    assert it.sink.of("m2") == []
    assert {s.value("voltage_v") for s in it.sink.of("m1")} == {230.5}


@pytest.mark.parametrize("code", [1, 2, 3])
def test_row_08_a_refusal_is_told_to_the_technician_and_not_repeated(server, code):
    server.exceptions[1] = code

    with polling(site_with(server, 1, 2)) as it:
        wait_until(lambda: it.state("m1") is LinkState.MISCONFIGURED)
        time.sleep(8 * PERIOD_S)
        status = it.field.statuses()["m1"]

        assert server.requests[1] == 1
        assert it.field.statuses()["m2"].failures == 0
    assert f"exception {code}" in status.last_error
    assert "driver" in status.remedy


def test_row_08_a_fault_of_the_device_is_told_as_its_own_and_asked_again(server):
    server.exceptions[1] = 4

    with polling(site_with(server, 1)) as it:
        wait_until(lambda: it.state("m1") is LinkState.LOST)
        status = it.field.statuses()["m1"]
        del server.exceptions[1]
        wait_until(lambda: it.state("m1") is LinkState.GOOD)

    assert "fault of its own" in status.last_error
    assert "display" in status.remedy


def test_row_09_a_device_that_is_busy_twice_costs_no_reading_of_its_own(server):
    with polling(site_with(server, 1)) as it:
        wait_until(lambda: it.state("m1") is LinkState.GOOD)
        server.busy[1] = 2
        wait_until(lambda: server.busy[1] == 0)
        asked = server.requests[1]
        wait_until(lambda: server.requests[1] > asked + 4)
        status = it.field.statuses()["m1"]

    assert status.failures == 0
    assert status.state in (LinkState.GOOD, LinkState.LATE)
    assert it.gaps == []


def test_row_09_a_device_that_stays_busy_is_asked_thrice_more_and_leaves_a_gap(server):
    with polling(site_with(server, 1)) as it:
        wait_until(lambda: len(it.sink.of("m1")) >= 2)
        before = len(server.asked_at)
        server.busy[1] = 10**6
        wait_until(lambda: it.field.statuses()["m1"].failures >= 1)
        tries = server.asked_at[before:]
        wait_until(lambda: it.state("m1") is LinkState.LOST, within_s=8.0)
        server.busy[1] = 0
        it.field.try_now("m1")
        wait_until(lambda: it.state("m1") is LinkState.GOOD)

    assert len(tries) in (4, 5)  # a good block of the running poll may be among them
    waits = [b - a for a, b in pairwise(tries)][-3:]
    assert all(0.095 <= wait <= 0.6 for wait in waits)
    (gap,) = it.gaps
    assert "busy" in gap.detail


@pytest.mark.parametrize(
    ("code", "words"), [(10, "no way to this unit"), (11, "behind the gateway")]
)
def test_row_10_a_unit_the_gateway_cannot_reach_concerns_that_unit_only(server, code, words):
    server.exceptions[9] = code

    with polling(site_with(server, 1, 2, 9)) as it:
        wait_until(lambda: it.state("m9") is LinkState.LOST)
        wait_until(lambda: all(len(it.sink.of(m)) >= 6 for m in ("m1", "m2")))
        statuses = it.field.statuses()

    assert [statuses[m].failures for m in ("m1", "m2")] == [0, 0]
    assert words in statuses["m9"].last_error
    assert server.connections == 1


def test_row_10_acknowledge_is_treated_as_busy(server):
    server.exceptions[1] = 5

    with polling(site_with(server, 1, 2)) as it:
        wait_until(lambda: server.requests[1] >= 3)
        del server.exceptions[1]
        wait_until(lambda: it.state("m1") is LinkState.GOOD)

        assert it.field.statuses()["m1"].failures == 0


@pytest.mark.parametrize(
    "mode",
    [
        faults.GARBAGE, faults.BAD_LENGTH, faults.OTHER_PROTOCOL, faults.UNKNOWN_FUNCTION,
        faults.TRUNCATED_EXCEPTION, faults.LYING_BYTE_COUNT, faults.FLOOD,
    ],
)  # fmt: skip
def test_row_11_what_is_no_modbus_ends_at_the_deadline_and_the_next_read_is_right(mode):
    request = ReadRequest(2, 4, 10, 4)
    with FaultyTcpServer() as server:
        server.modes[1] = mode

        async def work() -> tuple[float, bytes]:
            connection = connect_to(tcp_link(server.port, 0.2))
            began = time.monotonic()
            with pytest.raises(RequestFailed):
                await connection.read(ReadRequest(1, 4, 10, 4))
            spent_s = time.monotonic() - began
            answer = await connection.read(request)
            await connection.close()
            return spent_s, answer

        spent_s, answer = asyncio.run(work())

    assert spent_s < 0.4
    assert answer == expected(request)


def test_row_11_an_exception_that_no_standard_knows_keeps_the_connection(server):
    server.exceptions[1] = 99

    with polling(site_with(server, 1, 2)) as it:
        wait_until(lambda: it.state("m1") is LinkState.LOST)
        status = it.field.statuses()["m1"]

    assert "unknown exception" in status.last_error
    assert server.connections == 1


def test_row_11_floods_cost_no_memory(server):
    with polling(site_with(server, 1, timeout_s=0.2)) as it:
        wait_until(lambda: len(it.sink.of("m1")) >= 2)
        gc.collect()
        before = resident_bytes()
        server.mode = faults.FLOOD
        wait_until(lambda: it.field.statuses()["m1"].failures >= 4, within_s=10.0)
        server.mode = faults.GOOD
        it.field.try_now("m1")
        wait_until(lambda: it.state("m1") is LinkState.GOOD)
        gc.collect()

    assert resident_bytes() - before < 10_000_000


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096
