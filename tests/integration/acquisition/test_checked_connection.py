"""What comes from the wire is the answer to the question, or an error in words."""

import asyncio
import socket
import time
from random import Random

import pytest

from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.domain.site import Link, LinkKind
from tests.faults import modbus_tcp_server as faults
from tests.faults.modbus_tcp_server import FaultyTcpServer, word

TIMEOUT_S = 0.15


def link_to(server: FaultyTcpServer, timeout_s: float = TIMEOUT_S) -> Link:
    return Link("l", LinkKind.MODBUS_TCP, host="127.0.0.1", port=server.port, timeout_s=timeout_s)


def expected(unit: int, address: int, count: int) -> bytes:
    return b"".join(word(unit, a).to_bytes(2, "big") for a in range(address, address + count))


def read_all(link: Link, *requests: ReadRequest) -> list[bytes | RequestFailed]:
    """The answers of one connection, failures in their place."""

    async def work() -> list[bytes | RequestFailed]:
        connection = connect_to(link)
        answers: list[bytes | RequestFailed] = []
        for request in requests:
            try:
                answers.append(await connection.read(request))
            except RequestFailed as failure:
                answers.append(failure)
        await connection.close()
        return answers

    return asyncio.run(work())


def failure_of(link: Link, request: ReadRequest) -> RequestFailed:
    (answer,) = read_all(link, request)
    assert isinstance(answer, RequestFailed)
    return answer


@pytest.mark.parametrize("function", [3, 4])
def test_registers_come_as_they_were_sent(function):
    with FaultyTcpServer() as server:
        answers = read_all(
            link_to(server), ReadRequest(7, function, 100, 125), ReadRequest(8, function, 5, 1)
        )

    assert answers == [expected(7, 100, 125), expected(8, 5, 1)]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (faults.SHORT, FailureKind.WRONG_ANSWER),
        (faults.LONG, FailureKind.WRONG_ANSWER),
        (faults.LYING_BYTE_COUNT, FailureKind.WRONG_ANSWER),
        (faults.OTHER_FUNCTION, FailureKind.WRONG_ANSWER),
        (faults.ZERO_TRANSACTION, FailureKind.WRONG_ANSWER),
        (faults.OTHER_TRANSACTION, FailureKind.NO_ANSWER),
        (faults.OTHER_UNIT, FailureKind.NO_ANSWER),
        (faults.SILENT, FailureKind.NO_ANSWER),
        (faults.GARBAGE, FailureKind.NO_ANSWER),
        (faults.CLOSE, FailureKind.NO_ANSWER),
        (faults.UNKNOWN_FUNCTION, FailureKind.NO_ANSWER),
        (faults.TRUNCATED_EXCEPTION, FailureKind.NO_ANSWER),
    ],
)
def test_a_wrong_answer_is_no_reading_and_the_next_request_is_answered_rightly(mode, kind):
    with FaultyTcpServer() as server:
        server.modes[1] = mode

        wrong, right = read_all(link_to(server), ReadRequest(1, 4, 10, 4), ReadRequest(2, 4, 10, 4))

    assert isinstance(wrong, RequestFailed)
    assert wrong.kind is kind
    assert wrong.what.endswith(".") and wrong.remedy.endswith(".")
    assert right == expected(2, 10, 4)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, FailureKind.REFUSED),
        (2, FailureKind.REFUSED),
        (3, FailureKind.REFUSED),
        (4, FailureKind.DEVICE_FAULT),
        (5, FailureKind.BUSY),
        (6, FailureKind.BUSY),
        (10, FailureKind.GATEWAY),
        (11, FailureKind.GATEWAY),
        (99, FailureKind.DEVICE_FAULT),
    ],
)
def test_a_modbus_exception_becomes_words_and_keeps_the_connection(code, kind):
    with FaultyTcpServer() as server:
        server.exceptions[1] = code

        wrong, right = read_all(link_to(server), ReadRequest(1, 3, 10, 4), ReadRequest(2, 3, 10, 4))

        assert isinstance(wrong, RequestFailed)
        assert wrong.kind is kind
        assert f"exception {code} for registers 10 to 13, function 3" in wrong.what
        assert right == expected(2, 10, 4)
        assert server.connections == 1


ANY_MODE = (
    faults.GOOD, faults.GOOD, faults.SILENT, faults.SHORT, faults.LONG, faults.OTHER_FUNCTION,
    faults.OTHER_UNIT, faults.OTHER_TRANSACTION, faults.ZERO_TRANSACTION, faults.CLOSE,
    faults.GARBAGE, faults.LYING_BYTE_COUNT, faults.CLOSE_AFTER,
)  # fmt: skip


def test_among_faults_in_random_order_no_answer_is_ever_wrong():
    random = Random(7)

    async def work() -> tuple[int, int]:
        connection = connect_to(link_to(server, timeout_s=0.03))
        right = failed = 0
        for _ in range(120):
            server.mode = random.choice(ANY_MODE)
            server.delay_s = random.choice((0.0, 0.0, 0.02, 0.04))
            unit, address = random.randint(1, 9), random.randint(0, 500)
            try:
                answer = await connection.read(ReadRequest(unit, 4, address, 6))
            except RequestFailed:
                failed += 1
            else:
                assert answer == expected(unit, address, 6)
                right += 1
        await connection.close()
        return right, failed

    with FaultyTcpServer() as server:
        right, failed = asyncio.run(work())

    assert right > 10 and failed > 10


def test_a_device_that_closes_after_each_answer_is_read_all_the_same():
    with FaultyTcpServer() as server:
        server.mode = faults.CLOSE_AFTER

        async def work() -> list[bytes]:
            connection = connect_to(link_to(server))
            answers = []
            for i in range(3):
                answers.append(await connection.read(ReadRequest(1, 4, i, 2)))
                await asyncio.sleep(0.02)
            await connection.close()
            return answers

        assert asyncio.run(work()) == [expected(1, i, 2) for i in range(3)]


def test_a_late_reply_is_never_taken_for_the_next_answer():
    with FaultyTcpServer() as server:
        server.delay_s = 0.1

        late, *rest = read_all(
            link_to(server, timeout_s=0.06), *(ReadRequest(1, 4, 10 * i, 4) for i in range(4))
        )

    assert isinstance(late, RequestFailed)
    for i, answer in enumerate(rest, start=1):
        assert isinstance(answer, RequestFailed) or answer == expected(1, 10 * i, 4)


def test_a_connection_closed_by_the_device_ends_the_wait_at_once():
    with FaultyTcpServer() as server:
        server.mode = faults.CLOSE
        started = time.monotonic()

        failure = failure_of(link_to(server, timeout_s=5.0), ReadRequest(1, 4, 0, 2))

    assert time.monotonic() - started < 1.0
    assert "closed the connection" in failure.what


def test_a_refused_connection_says_so():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        link = Link("l", LinkKind.MODBUS_TCP, host="127.0.0.1", port=free.getsockname()[1])

        failure = failure_of(link, ReadRequest(1, 4, 0, 2))

    assert failure.kind is FailureKind.NO_CONNECTION
    assert "refused" in failure.what.lower()
    assert str(link.port) in failure.remedy


def test_a_missing_serial_port_says_so(tmp_path):
    link = Link("l", LinkKind.MODBUS_RTU, device=str(tmp_path / "ttyNONE"))

    failure = failure_of(link, ReadRequest(1, 4, 0, 2))

    assert failure.kind is FailureKind.NO_CONNECTION
    assert "ttyNONE" in failure.remedy


def test_a_write_is_read_back():
    async def write() -> int:
        connection = connect_to(link_to(server))
        try:
            return await connection.write(1, 20, 4711)
        finally:
            await connection.close()

    with FaultyTcpServer() as server:
        held = asyncio.run(write())

    assert held == 4711
    assert server.written == {(1, 20): 4711}
