"""Addresses as people write them: from the wire or from the manual, and never mistaken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.register_address import (
    RegisterAddress,
    manual_number,
    read_address,
    wire_address,
)


@pytest.mark.parametrize(
    ("text", "function", "address"),
    [("70", 3, 70), ("0x46", 4, 70), ("3x0071", 4, 70), ("400071", 3, 70), ("30071", 4, 30071)],
)
def test_an_address_is_typed_as_the_manual_or_the_wire_has_it(text, function, address):
    assert wire_address(text, function) == address


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("70", RegisterAddress(70)),
        ("0x0046", RegisterAddress(70)),
        ("3x0071", RegisterAddress(70, 4)),
        ("4X71", RegisterAddress(70, 3)),
        ("100001", RegisterAddress(0, 2)),
        ("000001", RegisterAddress(0, 1)),
    ],
)
def test_a_number_of_the_manual_says_by_which_function_it_is_read(text, found):
    assert read_address(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [("here", "no address"), ("", "no address"), ("70000", "0 to 65535"), ("3x0", "0 to 65535")],
)
def test_what_is_no_address_is_refused_in_words(text, said):
    with pytest.raises(ValueError, match=said):
        read_address(text)


def test_a_number_of_another_table_is_refused():
    with pytest.raises(ValueError, match="another function than 03"):
        wire_address("3x0071", 3)


def test_the_number_of_the_manual_begins_with_its_table_and_at_one():
    assert manual_number(4, 12) == "30013"
    assert manual_number(3, 0x5B00) == "423297"
    assert manual_number(1, 0) == "00001"


@given(st.sampled_from([1, 2, 3, 4]), st.integers(9_999, 65_535))
def test_a_six_digit_number_of_the_manual_leads_back_to_its_register(function, address):
    number = manual_number(function, address)

    assert read_address(number) == RegisterAddress(address, function)
