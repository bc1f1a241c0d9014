"""Which type and order registers have, where words alone would look plausible by chance."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.acquisition.inspect import best_reading, inspect
from energy_desktop.domain.commissioning import RawRegisters

LAY = {"ABCD": (0, 1), "CDAB": (1, 0)}


def words_of(values, code, order):
    words = []
    for value in values:
        pair = struct.unpack(">2H", struct.pack(f">{code}", value))
        words += [pair[i] for i in LAY[order]]
    return tuple(words)


def best(words):
    found = best_reading(inspect(RawRegisters(1, 4, 0, tuple(words), 10.0)))
    return found.value_format, found.order


VOLTS = st.floats(215, 245)
AMPS = st.floats(1.5, 90)


@pytest.mark.parametrize("order", ["ABCD", "CDAB"])
@settings(max_examples=40)
@given(st.tuples(VOLTS, VOLTS, VOLTS, AMPS, AMPS, AMPS, st.floats(300, 20_000)))
def test_floats_are_not_taken_for_words_that_look_like_mains_by_chance(order, values):
    assert best(words_of(values, "f", order)) == ("float32", order)


def test_scaled_whole_numbers_of_two_registers_are_known():
    tenths = (2312, 2301, 2299)

    assert best(words_of(tenths, "i", "ABCD")) == ("int32", "ABCD")
    assert best(words_of(tenths, "i", "CDAB")) == ("int32", "CDAB")


def test_single_words_are_known_where_nothing_longer_fits():
    assert best((2312, 2301, 2299, 5000)) == ("uint16", "ABCD")
