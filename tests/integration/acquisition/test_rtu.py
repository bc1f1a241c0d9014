"""The serial bus: right values over a pty, and no late reply taken for another's answer."""

import asyncio
import struct
import termios
from dataclasses import replace

import pytest

from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.modbus_rtu import silence_s
from energy_desktop.domain.site import Link, LinkKind
from tests.faults.modbus_tcp_server import word
from tests.faults.rtu_slave import (
    RawSlave,
    broken_checksum,
    crc,
    fewer_registers,
    noise,
    other_function,
    other_unit,
    serial_pair,
)


@pytest.fixture
def line(tmp_path):
    with serial_pair(tmp_path) as (ours, theirs), RawSlave(theirs) as slave:
        yield ours, slave


def bus(device: str, timeout_s: float = 0.1, guard_s: float = 0.1) -> Link:
    return Link(
        "bus",
        LinkKind.MODBUS_RTU,
        device=device,
        baud_rate=115_200,
        timeout_s=timeout_s,
        guard_s=guard_s,
    )


def expected(unit: int, address: int, count: int) -> bytes:
    return b"".join(word(unit, a).to_bytes(2, "big") for a in range(address, address + count))


def read_all(link: Link, requests: list[ReadRequest]) -> list[bytes | RequestFailed]:
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


def test_registers_come_over_a_serial_line(line):
    device, _ = line

    answers = read_all(bus(device), [ReadRequest(1, 4, 0, 80), ReadRequest(9, 3, 50, 2)])

    assert answers == [expected(1, 0, 80), expected(9, 50, 2)]


def test_no_late_reply_is_taken_for_the_next_answer(line):
    device, slave = line
    slave.late_units, slave.late_s = {1}, 0.13  # after the timeout, before timeout + guard
    requests = [ReadRequest(1 + i % 2, 4, 10 * i, 4) for i in range(12)]

    answers = read_all(bus(device), requests)

    wrong = 0
    for request, answer in zip(requests, answers, strict=True):
        if request.unit_id == 1:
            assert isinstance(answer, RequestFailed)
        else:
            wrong += answer != expected(2, request.address, 4)
    assert wrong == 0


def test_a_late_reply_of_the_same_unit_is_not_taken_for_its_next_answer(line):
    device, slave = line
    slave.late_units, slave.late_s = {1}, 0.13
    requests = [ReadRequest(1, 4, 10 * i, 4) for i in range(6)]

    answers = read_all(bus(device), requests)

    assert all(isinstance(answer, RequestFailed) for answer in answers)


@pytest.mark.parametrize(
    "spoil", [other_unit, fewer_registers, other_function, broken_checksum, noise]
)
def test_a_spoilt_frame_is_no_reading_and_the_line_recovers(line, spoil):
    device, slave = line
    slave.spoil = lambda frame: spoil(frame) if frame[0] == 1 else frame

    wrong, right = read_all(bus(device), [ReadRequest(1, 4, 0, 4), ReadRequest(5, 4, 0, 4)])

    assert isinstance(wrong, RequestFailed)
    assert wrong.kind in (FailureKind.NO_ANSWER, FailureKind.WRONG_ANSWER)
    assert right == expected(5, 0, 4)


def test_an_exception_answer_is_told_in_words(line):
    device, slave = line
    exception = struct.pack(">BBB", 1, 0x84, 2)
    slave.spoil = lambda frame: exception + crc(exception)

    (failure,) = read_all(bus(device), [ReadRequest(1, 4, 0, 4)])

    assert isinstance(failure, RequestFailed)
    assert failure.kind is FailureKind.REFUSED


def test_the_line_is_silent_before_each_request(line):
    device, slave = line

    read_all(bus(device), [ReadRequest(1, 4, 0, 2)] * 20)

    assert len(slave.silences_s) == 19
    late_s = 0.0003  # the slave looks at its clock only after its answer has left
    assert min(slave.silences_s) >= silence_s(115_200) - late_s


@pytest.mark.parametrize(
    ("baud_rate", "parity", "expected_s"),
    [(9600, "N", 35 / 9600), (19_200, "E", 38.5 / 19_200), (38_400, "N", 0.00175)],
)
def test_silence_is_three_and_a_half_characters_and_fixed_above_19200(
    baud_rate, parity, expected_s
):
    assert silence_s(baud_rate, parity) == pytest.approx(expected_s)


def test_a_port_that_another_program_holds_is_told_so(line):
    device, _ = line

    async def both() -> str:
        first, second = connect_to(bus(device)), connect_to(bus(device))
        await first.read(ReadRequest(1, 4, 0, 2))
        try:
            await second.read(ReadRequest(1, 4, 0, 2))
        except RequestFailed as failure:
            return failure.remedy
        finally:
            await first.close()
            await second.close()
        return "it was opened twice"

    assert "not in use by another program" in asyncio.run(both())


def test_a_port_that_refuses_its_settings_is_told_with_a_remedy(line, monkeypatch):
    device, _ = line

    def refuse(*_arguments):
        raise termios.error(22, "Invalid argument")

    monkeypatch.setattr(termios, "tcsetattr", refuse)

    (failure,) = read_all(replace(bus(device), parity="E"), [ReadRequest(1, 4, 0, 4)])

    assert isinstance(failure, RequestFailed)
    assert failure.kind is FailureKind.NO_CONNECTION
    assert "parity E" in failure.what
    assert "parity" in failure.remedy
