"""Values as registers hold them, and frames as wires carry them."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.decode import decode, encode
from energy_desktop.acquisition.profiles import Register
from energy_desktop.acquisition.simulator.serial_line import crc16, whole_frame
from energy_desktop.acquisition.simulator.wire import as_shown

FORMATS = ("int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")


@given(
    value_format=st.sampled_from(FORMATS),
    word_order=st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]),
    scale=st.sampled_from([1.0, 0.1, 0.01, 0.001, 10.0, 100.0, 1000.0]),
    value=st.floats(-40.0, 3000.0),
)
def test_what_is_shown_is_what_the_master_decodes(value_format, word_order, scale, value):
    register = Register("power_w", 0, 4, value_format, word_order, scale)

    shown = float(as_shown(register, np.array([value]))[0])

    assert decode(register, encode(register, shown)) == shown


@given(values=st.lists(st.floats(0, 5e7), min_size=2, max_size=20), fmt=st.sampled_from(FORMATS))
def test_showing_keeps_a_counter_from_falling(values, fmt):
    if fmt in ("int16", "uint16"):
        return  # rolls over early, which is right
    register = Register("energy_import_wh", 0, 4, fmt, "ABCD", 100.0)

    shown = as_shown(register, np.sort(np.array(values)))

    assert (np.diff(shown) >= 0).all()


def test_a_full_counter_rolls_over_and_a_gauge_stops_at_its_end():
    counter = Register("energy_import_wh", 0, 4, "uint16", "ABCD", 100.0)
    gauge = Register("power_w", 0, 4, "int16", "ABCD", 1.0)

    assert as_shown(counter, np.array([6_553_599.0, 6_553_700.0])).tolist() == [6_553_500.0, 100.0]
    assert as_shown(gauge, np.array([40_000.0, -40_000.0])).tolist() == [32_767.0, -32_768.0]


def test_unknown_stays_unknown():
    register = Register("power_w", 0, 4, "int16", "ABCD", 1.0, unavailable=(0x8000,))

    assert math.isnan(as_shown(register, np.array([float("nan")]))[0])


def test_checksum_is_that_of_the_standard():
    assert crc16(bytes.fromhex("0103 0000 000A")) == bytes.fromhex("C5CD")


@given(body=st.binary(min_size=6, max_size=6), noise=st.integers(0, 7), bit=st.integers(0, 7))
def test_a_damaged_request_is_no_frame(body, noise, bit):
    body = body[:1] + b"\x04" + body[2:]
    frame = body + crc16(body)
    damaged = bytearray(frame)
    damaged[noise] ^= 1 << bit

    assert whole_frame(frame) == frame
    assert whole_frame(frame[:-1]) is None
    if damaged[1] != 16:
        assert whole_frame(bytes(damaged)) is None
