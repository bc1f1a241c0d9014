"""Lines go into a driver's text where they belong, and nothing else is touched."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.ui.views.desk.driver_text import (
    driver_id_of,
    key_of,
    likely_quantity,
    line_of,
    new_driver,
    with_defaults,
    with_lines,
)

TEXT = """# kept
id = "own"

[quantities]
power_w = { address = 12 }   # kept too

[controls]
relay = { address = 5 }
"""


def test_a_new_line_follows_the_last_one_of_its_table():
    made = with_lines(TEXT, ["voltage_v = { address = 0x0000 }"])

    assert made.splitlines()[4:7] == [
        "power_w = { address = 12 }   # kept too",
        "voltage_v = { address = 0x0000 }",
        "",
    ]
    assert tomllib.loads(made)["controls"] == {"relay": {"address": 5}}
    assert line_of(made, ["voltage_v"]) == 6


def test_a_line_for_the_same_quantity_is_replaced():
    made = with_lines(TEXT, ["power_w = { address = 99 }"])

    assert tomllib.loads(made)["quantities"] == {"power_w": {"address": 99}}
    assert made.count("power_w") == 1


def test_equals_signs_stay_below_each_other():
    before = "[quantities]\npower_w   = { address = 1 }\n"

    made = with_lines(before, ["voltage_v = { address = 2 }", "power_w = { address = 3 }"])

    assert made == "[quantities]\npower_w   = { address = 3 }\nvoltage_v = { address = 2 }\n"


def test_a_control_of_the_same_name_is_left_alone():
    made = with_lines(TEXT, ["relay = { address = 7 }"])

    assert tomllib.loads(made)["controls"] == {"relay": {"address": 5}}


def test_a_text_without_the_table_gains_it():
    made = with_lines('id = "x"\n', ["power_w = { address = 1 }"])

    assert tomllib.loads(made) == {"id": "x", "quantities": {"power_w": {"address": 1}}}


NAMES = st.sampled_from(sorted(QUANTITIES))


@given(st.lists(st.tuples(NAMES, st.integers(0, 0xFFFF)), max_size=8))
def test_the_last_address_given_for_a_quantity_stands(wanted):
    text = with_lines(new_driver("mine"), [f"{name} = {{ address = {at} }}" for name, at in wanted])

    parsed = tomllib.loads(text)
    assert parsed["id"] == driver_id_of(text) == "mine"
    assert {k: v["address"] for k, v in parsed["quantities"].items()} == dict(wanted)


@pytest.mark.parametrize(
    ("reads_as", "text", "name"),
    [
        ("Voltage L2", "", "voltage_l2_v"),
        ("Voltage", "", "voltage_l1_v"),
        ("Voltage × 10", "voltage_l1_v = { address = 0 }", "voltage_l2_v"),
        ("Voltage phase to phase", "", "voltage_ll_v"),
        ("Power, W, or a counter", "", "power_w"),
        ("Current or percent", "current_l1_a = 1\ncurrent_l2_a = 2", "current_l3_a"),
        ("Frequency", "frequency_hz = { address = 70 }", ""),
        ("not available", "", ""),
        ("", "", ""),
    ],
)
def test_the_first_quantity_that_fits_and_is_not_there_is_proposed(reads_as, text, name):
    assert likely_quantity(reads_as, text) == name


def test_a_register_that_the_driver_names_is_proposed_as_that():
    assert likely_quantity("Voltage", TEXT, 12) == "power_w"
    assert likely_quantity("Voltage", TEXT, 5) == "voltage_l1_v"
    assert likely_quantity("Power, W", "power_w = { address = 0x000C }", 12) == "power_w"


def test_defaults_are_replaced_before_the_first_table_or_put_there():
    before = 'id = "x"\ndefaults = { function = 3 }\n\n[quantities]\ndefaults = { address = 1 }\n'

    made = tomllib.loads(with_defaults(before, 4, "float32", "CDAB"))
    put = with_defaults(TEXT, 3, "int32", "ABCD")

    assert made["defaults"] == {"function": 4, "format": "float32", "word_order": "CDAB"}
    assert made["quantities"] == {"defaults": {"address": 1}}
    assert put.splitlines()[2] == (
        'defaults = { function = 3, format = "int32", word_order = "ABCD" }'
    )


def test_a_comment_gives_no_name_a_value():
    assert key_of("# power_w = 3") == ""
    assert key_of("  power_w  = 3") == "power_w"
    assert line_of(TEXT, ["nothing"]) == 0
