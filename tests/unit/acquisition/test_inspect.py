"""Raw registers in every format and order; what is marked, and which order is recommended."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.decode import BYTE_ORDERS, decode, encode
from energy_desktop.acquisition.driver_profile import WORD_ORDERS, Register
from energy_desktop.acquisition.inspect import (
    FORMATS,
    best_order,
    best_reading,
    driver_line,
    inspect,
    short,
)
from energy_desktop.acquisition.profiles import load_profile
from energy_desktop.domain.commissioning import RawRegisters
from energy_desktop.domain.wording import MINUS

VALUES = (231.29, 231.62, 36.62, 7831.2, 49.99)


def a_read(words, function=4, address=0):
    return inspect(RawRegisters(12, function, address, tuple(words), 52.0))


def laid(values, order="ABCD", value_format="float32"):
    words = []
    for value in values:
        words += encode(Register("voltage_v", 0, 4, value_format, order), value)
    return words


@given(words=st.lists(st.integers(0, 0xFFFF), min_size=4, max_size=12))
def test_every_reading_is_what_the_decoder_of_a_driver_gives(words):
    for row in a_read(words):
        for reading in row.readings:
            register = Register("voltage_v", 0, 4, reading.value_format, reading.word_order)
            own = words[row.address : row.address + register.count]
            wanted = decode(register, own)
            if wanted == wanted:
                assert reading.value == wanted


def test_a_row_stands_for_each_register_and_reads_on_as_far_as_was_read():
    rows = a_read(laid(VALUES[:2]))

    assert [row.manual_number for row in rows] == ["30001", "30002", "30003", "30004"]
    assert {r.value_format for r in rows[0].readings} == set(FORMATS)
    assert {r.value_format for r in rows[3].readings} == {"int16", "uint16"}
    assert rows[0].raw == struct.pack(">4H", *laid(VALUES[:2]))


@pytest.mark.parametrize("order", WORD_ORDERS)
def test_the_only_order_in_which_all_readings_are_plausible_is_recommended(order):
    words = laid(VALUES, order)

    best = best_reading(a_read(words))

    assert (best.value_format, best.order) == ("float32", order)
    assert best.sentence.startswith(f"{order} is the ")


def test_the_sentence_counts_what_is_plausible_and_not_what_is_not_available():
    words = [*laid(VALUES), 0x7FC0, 0]

    best = best_order(a_read(words), "float32")

    assert best.sentence == "ABCD is the only order in which all 5 readings are plausible."


def test_without_mains_voltage_or_frequency_no_order_is_proved():
    best = best_order(a_read(laid((3.2, 17.5, 0.4))), "float32")

    assert best.order == ""
    assert "no order is proved" in best.sentence


def test_whole_numbers_are_tried_with_the_scales_of_meters():
    rows = a_read([2312, 4998])

    assert rows[0].reading("uint16", "ABCD").reads_as == "Voltage \u00d7 10"
    assert rows[1].reading("uint16", "ABCD").reads_as == "Frequency \u00d7 100"


@pytest.mark.parametrize(
    ("words", "value_format"),
    [
        ([0xFFFF], "uint16"),
        ([0x8000], "int16"),
        ([0x7FFF], "int16"),
        ([0xFFFF, 0xFFFF], "uint32"),
        ([0x8000, 0], "int32"),
        ([0x7FC0, 0], "float32"),
    ],
)
def test_the_codes_of_meters_for_no_value_are_not_available(words, value_format):
    (row, *_) = a_read(words)

    assert row.reading(value_format, "ABCD").reads_as == "not available"


def test_numbers_are_short():
    assert [short(v) for v in (231.2899, 7831.2, 3.1e6, -2e-20, 0.0, float("nan"), -7.0)] == [
        "231.29",
        "7,831.20",
        "3,100,000",
        f"{MINUS}2e{MINUS}20",
        "0",
        "NaN",
        f"{MINUS}7",
    ]


def test_a_click_makes_a_line_of_a_driver_file():
    row = a_read(laid(VALUES, "CDAB"), function=3)[0]
    reading = row.reading("float32", "CDAB")

    line = driver_line(row, reading, "voltage_l1_v", function=3)

    assert line == (
        'voltage_l1_v = { address = 0x0000, function = 3, format = "float32", word_order = "CDAB" }'
    )


def test_the_line_of_a_scaled_counter_says_so():
    row = a_read([0, 1234])[0]
    reading = row.reading("uint32", "ABCD")

    line = driver_line(row, reading, "energy_import_wh", function=4, scale=10)

    assert line.endswith('word_order = "ABCD", scale = 10, counter = true }')


def test_the_line_can_be_read_by_the_driver_library(tmp_path):
    rows = a_read(laid(VALUES, "CDAB"), function=3, address=100)
    line = driver_line(rows[0], rows[0].reading("float32", "CDAB"), "voltage_l1_v", function=3)
    path = tmp_path / "own.toml"
    path.write_text(
        f'id = "own"\nmanufacturer = "M"\nmodels = ["X"]\nsource = "S"\n\n[quantities]\n{line}\n'
    )

    (register,) = load_profile(path).registers

    assert decode(register, laid(VALUES[:1], "CDAB")) == pytest.approx(231.29, abs=1e-3)
    assert (register.address, register.function) == (100, 3)


def test_a_line_for_an_unknown_quantity_is_refused_with_the_nearest_name():
    row = a_read([1, 2])[0]

    with pytest.raises(KeyError, match="voltage_l1_v"):
        driver_line(row, row.readings[0], "voltage_1_v", function=4)


def test_bits_have_one_reading():
    rows = a_read([1, 0], function=1)

    assert [row.readings[0].text for row in rows] == ["on", "off"]
    assert set(BYTE_ORDERS) == set(WORD_ORDERS)
