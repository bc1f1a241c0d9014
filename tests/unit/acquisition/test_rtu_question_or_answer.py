"""A question of another master is never taken for an answer, whatever its bytes happen to be."""

import struct

from hypothesis import example, given
from hypothesis import strategies as st

from energy_desktop.acquisition.links.modbus_frames import crc16, rtu_frames


def framed(body: bytes) -> bytes:
    return body + crc16(body)


@given(st.integers(1, 247), st.sampled_from([3, 4]), st.integers(0, 0xFFFF), st.integers(1, 125))
@example(6, 4, 0x021B, 6)  # its first seven bytes are a sound answer of one register
@example(6, 4, 0x0300, 6)  # and this is one of three bytes, which no registers fill
def test_a_read_request_is_a_question(unit, function, address, count):
    question = framed(struct.pack(">BBHH", unit, function, address, count))

    (found,) = rtu_frames(question)

    assert found.is_question
    assert (found.unit_id, found.end) == (unit, 8)


@given(st.integers(1, 247), st.sampled_from([3, 4]), st.binary(min_size=1, max_size=125))
def test_the_answer_of_registers_is_an_answer(unit, function, half):
    payload = half + half
    answer = framed(bytes([unit, function, len(payload)]) + payload)

    (found,) = rtu_frames(answer, unit)

    assert not found.is_question
    assert found.pdu[2:] == payload
