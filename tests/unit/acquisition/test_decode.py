"""Bits to values and back: exact inverses in every format and word order."""

import math
import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from energy_desktop.acquisition.decode import decode, encode, ratio
from energy_desktop.acquisition.profiles import (
    FOUR_QUADRANT,
    REGISTERS_OF_FORMAT,
    WORD_ORDERS,
    Register,
)

words = st.integers(0, 0xFFFF)


def register(value_format: str, word_order: str = "ABCD", **more: object) -> Register:
    return Register("power_w", 0, value_format=value_format, word_order=word_order, **more)


@pytest.mark.parametrize(
    ("word_order", "sent"),
    [
        ("ABCD", [0x4366, 0x199A]),
        ("CDAB", [0x199A, 0x4366]),
        ("BADC", [0x6643, 0x9A19]),
        ("DCBA", [0x9A19, 0x6643]),
    ],
)
def test_the_letters_name_the_bytes_of_a_32_bit_value(word_order, sent):
    assert decode(register("float32", word_order), sent) == pytest.approx(230.1, abs=1e-5)


@pytest.mark.parametrize(
    ("word_order", "sent"),
    [
        ("ABCD", [0x0011, 0x2233, 0x4455, 0x6677]),
        ("CDAB", [0x6677, 0x4455, 0x2233, 0x0011]),
        ("BADC", [0x1100, 0x3322, 0x5544, 0x7766]),
        ("DCBA", [0x7766, 0x5544, 0x3322, 0x1100]),
    ],
)
def test_of_64_bits_the_registers_turn_round_as_a_whole(word_order, sent):
    assert decode(register("uint64", word_order), sent) == float(0x0011223344556677)


@pytest.mark.parametrize(("word_order", "value"), [("ABCD", 1), ("CDAB", 1), ("DCBA", 256)])
def test_of_16_bits_only_the_bytes_can_be_swapped(word_order, value):
    assert decode(register("uint16", word_order), [0x0001]) == value


@pytest.mark.parametrize("word_order", WORD_ORDERS)
@pytest.mark.parametrize("value_format", [f for f in REGISTERS_OF_FORMAT if "int" in f])
@given(data=st.data())
def test_encode_is_the_inverse_of_decode_for_whole_numbers(value_format, word_order, data):
    bits = 16 * REGISTERS_OF_FORMAT[value_format]
    low = 0 if value_format.startswith("u") else -(1 << min(bits - 1, 53))
    value = data.draw(st.integers(low, (1 << min(bits - (low < 0), 53)) - 1))
    it = register(value_format, word_order)

    assert decode(it, encode(it, float(value))) == value


@pytest.mark.parametrize("word_order", WORD_ORDERS)
@pytest.mark.parametrize("value_format", ["float32", "float64"])
@given(data=st.data())
def test_every_bit_pattern_of_a_number_survives_decoding_and_encoding(
    value_format, word_order, data
):
    it = register(value_format, word_order)
    sent = data.draw(st.lists(words, min_size=it.count, max_size=it.count))
    value = decode(it, sent)
    assume(not math.isnan(value))

    assert encode(it, value) == sent


@given(raw=st.integers(-(2**31), 2**31 - 1), decimals=st.integers(0, 4))
def test_a_decimal_scale_gives_the_decimal_number_and_its_inverse(raw, decimals):
    it = register("int32", scale=float(f"1e-{decimals}"))
    sent = list(struct.unpack(">HH", struct.pack(">i", raw)))

    value = decode(it, sent)

    assert value == float(f"{raw}e-{decimals}")
    assert encode(it, value) == sent


def test_a_sentinel_and_anything_not_finite_is_not_a_number():
    it = register("int16", unavailable=(0x8000,))
    infinite = list(struct.unpack(">HH", struct.pack(">f", math.inf)))

    assert math.isnan(decode(it, [0x8000]))
    assert decode(it, [0x8001]) == -32767
    assert encode(it, math.nan) == [0x8000]
    assert math.isnan(decode(register("float32"), infinite))
    assert math.isnan(decode(register("float32"), encode(register("float32"), math.nan)))


def test_without_a_sentinel_the_same_bits_are_a_value():
    assert decode(register("int16"), [0x8000]) == -32768


@pytest.mark.parametrize("word_order", WORD_ORDERS)
def test_a_sentinel_is_recognised_in_every_word_order(word_order):
    it = register("uint32", word_order, unavailable=(0xFFFF_FFFE,))

    assert math.isnan(decode(it, encode(it, math.nan)))
    assert decode(it, encode(it, float(0xFFFE_FFFF))) == 0xFFFE_FFFF


@pytest.mark.parametrize(
    ("it", "value"),
    [
        (register("int16"), 40_000.0),
        (register("uint32"), -1.0),
        (register("float32"), 1e39),
        (register("uint16"), math.nan),
    ],
)
def test_what_does_not_fit_is_refused(it, value):
    with pytest.raises(ValueError):
        encode(it, value)


def test_another_number_of_words_is_refused():
    with pytest.raises(ValueError, match="2 words"):
        decode(register("float32"), [0])


@pytest.mark.parametrize(
    ("coded", "factor"), [(0.9, 0.9), (-0.9, -0.9), (1.1, 0.9), (-1.1, -0.9), (2.0, 0.0)]
)
def test_a_four_quadrant_power_factor_is_folded(coded, factor):
    it = register("float32", coding=FOUR_QUADRANT)
    sent = list(struct.unpack(">HH", struct.pack(">f", coded)))

    assert decode(it, sent) == pytest.approx(factor, abs=1e-6)


@pytest.mark.parametrize(
    ("scale", "expected"), [(1.0, (1, 1)), (1000.0, (1000, 1)), (0.01, (1, 100)), (0.3, (0.3, 1))]
)
def test_a_scale_becomes_factor_and_divisor(scale, expected):
    assert ratio(scale) == expected
