"""Frames are found among any bytes, and only sound ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.links.modbus_frames import (
    ascii_frames,
    crc16,
    describe_ascii,
    describe_mbap,
    describe_rtu,
    lrc,
    rtu_frames,
)

UNITS = st.integers(1, 247)
WORDS = st.binary(min_size=2, max_size=250).filter(lambda data: len(data) % 2 == 0)


def rtu(body: bytes) -> bytes:
    return body + crc16(body)


def answer(unit: int, words: bytes, function: int = 4) -> bytes:
    return rtu(bytes([unit, function, len(words)]) + words)


def question(unit: int, address: int, count: int, function: int = 4) -> bytes:
    body = bytes([unit, function]) + address.to_bytes(2, "big") + count.to_bytes(2, "big")
    return rtu(body)


def test_the_checksum_is_that_of_the_specification():
    assert crc16(bytes([0x02, 0x07])) == bytes([0x41, 0x12])  # the example of 6.2.2
    assert lrc(bytes([0x11, 0x03, 0x00, 0x6B, 0x00, 0x03])) == 0x7E


@given(UNITS, WORDS)
def test_an_answer_is_found_whole(unit, words):
    frame = answer(unit, words)

    (found,) = rtu_frames(frame, unit)

    assert (found.start, found.end, found.unit_id) == (0, len(frame), unit)
    assert found.pdu == bytes([4, len(words)]) + words
    assert not found.is_question


@given(UNITS, st.integers(0, 0xFFFF), st.integers(1, 125), st.sampled_from([1, 2, 3, 4]))
def test_a_question_is_told_from_an_answer(unit, address, count, function):
    frame = question(unit, address, count, function)

    (found,) = rtu_frames(frame)

    if function in (1, 2) and address >> 8 == 3:
        return  # of bits, three bytes of answer look like a question from 768 to 1023
    assert found.is_question


@given(UNITS, WORDS, st.binary(max_size=6))
def test_noise_before_an_answer_hides_it_not(unit, words, noise):
    noise = bytes(byte for byte in noise if byte != unit)
    frame = answer(unit, words)

    last = list(rtu_frames(noise + frame, unit))[-1]

    assert (noise + frame)[last.start : last.end] == frame


@given(UNITS, WORDS, st.integers(0), st.integers(0, 7))
def test_an_answer_with_a_flipped_bit_is_not_found(unit, words, place, bit):
    frame = bytearray(answer(unit, words))
    frame[place % len(frame)] ^= 1 << bit

    found = [f for f in rtu_frames(bytes(frame), unit) if f.start == 0 and f.end == len(frame)]

    assert found == []


@given(st.lists(st.tuples(UNITS, WORDS), min_size=1, max_size=4))
def test_frames_in_a_row_are_all_found(parts):
    data = b"".join(answer(unit, words) for unit, words in parts)

    found = list(rtu_frames(data, parts[0][0]))

    assert [(f.unit_id, f.pdu[2:]) for f in found] == parts


@given(st.binary(max_size=300), st.one_of(st.none(), UNITS))
def test_any_bytes_are_looked_at_without_an_error(data, unit):
    ends = [f.end for f in rtu_frames(data, unit)] + [f.end for f in ascii_frames(data)]

    assert all(end <= len(data) for end in ends)


@given(UNITS, WORDS)
def test_an_ascii_answer_is_found_after_noise_with_a_colon(unit, words):
    body = bytes([unit, 3, len(words)]) + words
    frame = b":" + (body + bytes([lrc(body)])).hex().upper().encode() + b"\r\n"

    (found,) = ascii_frames(b"\xff:03" + frame)

    assert (found.unit_id, found.pdu) == (unit, body[1:])


def test_words_of_frames_say_what_a_technician_wants_to_know():
    tcp = b"\0\1\0\0\0\6" + bytes([7, 4, 0, 0, 0, 80])
    exception = rtu(bytes([7, 0x84, 2]))

    assert describe_mbap(True, tcp, None).meaning == "read 80 from 0"
    assert describe_mbap(True, tcp, None).unit_id == 7
    assert describe_rtu(True, question(7, 12, 2), None).meaning == "read 2 from 12"
    assert describe_rtu(False, answer(7, b"\0\1" * 80), 52.4).meaning == "165 bytes in 52 ms"
    assert describe_rtu(False, exception, 9.0).meaning == (
        "exception 2: the meter has no such registers"
    )
    assert describe_rtu(False, b"\xff", None).meaning == "1 byte"
    assert describe_ascii(False, b":zz", 3.0).meaning == "3 bytes in 3 ms"


@pytest.mark.parametrize(
    ("pdu", "words"),
    [
        (bytes([6, 0, 20, 1, 44]), "write 300 to 20"),
        (bytes([16, 0, 20, 0, 2, 4, 0, 1, 0, 2]), "write 2 from 20"),
        (bytes([43, 14, 1, 0]), "ask who it is"),
        (bytes([17]), "function 17"),
    ],
)
def test_questions_other_than_reads_have_words_too(pdu, words):
    assert describe_rtu(True, rtu(bytes([1]) + pdu), None).meaning == words
